// Which gateway this is, to its server: the name that goes with every request (docs/gateway-api.md, "Instance"), and
// whether the server lets another one answer for the site.
//
// The name belongs to the data folder where it lies: an empty folder makes one, and one that is found elsewhere (a
// copy, a clone, a move) makes another and takes a new epoch. Both are durable before anything is sent under the name.
//
// While another one answers for the site this one does nothing but ask again: nothing is fetched or reported, and no
// device is shown anything new. What has begun at a device may end: bytes of a started attempt, feedback, power-on
// reports, cancels. That stays over a restart, until the server says otherwise. Loop thread only.
#pragma once

#include <string>

#include "core/identity/place.h"
#include "gateway/site.h"

namespace dray::gateway {

class Identity {
 public:
  Identity(Site& site, Random& random, core::Place place);

  // From the document of the store, before the jobs look at what there is. kInvalid: it can't be read, and a new name is
  // made, as where there is none.
  Result<> restore(const Document& document);
  // All documents are read: makes a name where there is none that is good here.
  void settle();
  const std::string& name() const { return name_; }

  bool refused() const { return refused_since_.has_value(); }
  std::optional<WallTime> refused_since() const { return refused_since_; }
  std::string sentence() const;  // for people; empty while it is not refused

  void was_refused();  // the server said so
  void was_heard();    // it has given us our plan

  // Whether it knows our token, as of its last answer that says so (a page that somebody on the way wrote does not). Not kept over a restart: the next answer says it again.
  void token_answered(bool refused);
  bool token_refused() const { return token_refused_; }
  std::string token_sentence() const;

 private:
  void save();

  Site& site_;
  Random& random_;
  core::Place place_;
  std::string name_;
  bool fresh_epoch_ = false;  // a copy: an epoch of its own is still to begin
  std::optional<WallTime> refused_since_;
  bool token_refused_ = false;
};

}  // namespace dray::gateway
