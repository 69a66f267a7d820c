// Which gateway answers for a site, at the gateway door: core/identity/holder.h decides, this keeps and saves it.
// Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "drive/group_commit.h"
#include "ports/http.h"
#include "server/sites.h"

namespace dray::server {

// The name in Dray-Instance, "" where there is none; kInvalid where it can be no name.
Result<std::string> instance_of(const HttpRequest& request);

class Instances {
 public:
  Instances(Parts& parts, Sites& sites, TaskGroup& tasks);

  // A call of one that holds, from its beginning to its end: so long that one is heard.
  class Call {
   public:
    Call(Parts& parts, Site& site) : parts_{parts}, site_{site}, count_{site.calls} { ++*count_; }
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Parts& parts_;
    Site& site_;
    std::shared_ptr<std::size_t> count_;
  };

  // At the beginning of a call. Nothing: it holds, and that is durable; else the answer.
  Task<std::optional<HttpResponse>> admit(Site& site, std::string name);
  // Later in it: another one may have been let in meanwhile.
  std::optional<HttpResponse> refusal(const Site& site, std::string_view name) const;

  // Puts in who calls now, and when each was heard: the database has it minutes later.
  void show(wire::SiteView& view) const;

  // An operator's choice. kNotFound, kConflict: as core::replaced_by().
  Task<Result<>> replace(std::string site, wire::NewReplace wish);

 private:
  void save(Site& site);
  void say(const Site& site, const std::string& name, bool holds);
  Task<Result<>> commit(const std::vector<std::string>& sites);

  Parts& parts_;
  Sites& sites_;
  LineLimit lines_;
  GroupCommit<std::string> saves_;  // names of sites
};

}  // namespace dray::server
