// Artifacts' bytes on disk: uploads/<sha256> while they come, blobs/<sha256> when they are whole and
// verified.
//
// An upload is named by what it will be, so a client that lost everything but its file goes on where it was.
// Bytes stream through a buffer of fixed size; sha256, sha1 and md5 are computed on the way (after a restart
// the part is read once more). At full size: sync, compare, rename, sync the folder, then the database.
//
// A gateway that got wrong bytes says so; then the file is hashed again (artifact_check.cc). One that is damaged or gone is
// sent to nobody, is shown as that, and can be uploaded again, after which everything is as before.
//
// Requests and the sweep work on the same uploads at the same time. Who writes one or removes it makes it busy,
// and nobody else touches it until it is not; who has waited finds it again by its key and asks again.
//
// Loop thread; file work on `bytes`.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "drive/signal.h"
#include "ports/http.h"
#include "server/parts.h"

namespace dray::server {

class Artifacts {
 public:
  Artifacts(Parts& parts, const Options& options);
  ~Artifacts();

  // Reads the database, takes up what a crash left between two steps.
  Task<Result<>> load();
  // Reads anew which files there are, after a row of them was replaced.
  Task<Result<>> load_blobs();

  struct State {
    std::uint64_t offset = 0, size = 0;
    bool complete = false;
  };
  // Starts an upload, or finds it. kInvalid: no size. kConflict: another size. kExhausted: no room.
  // kUnavailable: it is being removed just now. too_large is said apart: it is 413.
  struct Begun {
    State state;
    bool found = false;  // the upload, or the whole blob, was there
    bool too_large = false;
    bool too_many = false;
  };
  Task<Result<Begun>> begin(const wire::NewUpload& wanted);
  std::optional<State> state(const Sha256& sha256) const;

  enum class Outcome { kMore, kComplete, kNoSuch, kBusy, kWrongOffset, kTooLong, kWrongHash, kCut, kFailed };
  struct Appended {
    Outcome outcome{};
    State state;
    Error error;  // kCut, kFailed, kWrongHash: why
  };
  Task<Appended> append(Sha256 sha256, std::uint64_t offset, std::shared_ptr<BodySource> body);

  const Blob* blob(const Sha256& sha256) const;  // also of one that is damaged
  // kNotFound: it is gone, or damaged. Anything else: it can't be read now.
  Task<Result<std::shared_ptr<const File>>> open(Sha256 sha256);

  // Null: nothing is known against it.
  const wire::DamageView* damage(const Sha256& sha256) const;
  bool any_damage() const { return !damaged_.empty(); }
  const std::map<Sha256, wire::DamageView>& all_damage() const { return damaged_; }
  // True when what is sent of it now is to be cut: it is damaged.
  std::shared_ptr<const bool> cut(const Sha256& sha256);
  // Somebody got wrong bytes of it. It is hashed again: one at a time, and each once an hour at most.
  void doubt(const Sha256& sha256);
  // Does that where it is called, also when these artifacts are gone.
  std::function<void()> doubter(Sha256 sha256);
  // Looks at what is in doubt, and once a minute for what is gone (a file system may be mounted late), until stopped; while uploads come it waits for up to ten minutes.
  // What is back with other bytes is damaged.
  Task<> check(Stop& stop);

  // Removes uploads that nobody has touched for long.
  Task<> sweep();

 private:
  struct Upload;

  std::shared_ptr<Upload> find(const Sha256& sha256) const;  // null: there is none
  Result<bool> place(const wire::NewUpload& wanted, Begun& out);
  Task<Result<>> record(Sha256 sha256, std::uint64_t size);
  void withdraw(const Sha256& sha256);
  void say_set_aside(const std::vector<wire::Unreadable>& rows);
  Task<Result<>> settle(const UploadEntry& entry);
  Task<Result<>> prepare(Upload& upload);
  Task<Appended> receive(Upload& upload, BodySource& body);
  Task<Result<>> flush(Upload& upload, const std::string& buffer);
  Task<Result<>> keep(Upload& upload);
  Task<Appended> finish(Upload& upload);
  Task<> discard(Sha256 sha256);
  State state_of(const Upload& upload) const;
  const Blob* sound(const Sha256& sha256) const { return damage(sha256) == nullptr ? blob(sha256) : nullptr; }
  Task<Result<>> find_missing();
  Task<> check_one(Sha256 sha256, Stop& stop);
  Task<> look_for_gone(Stop& stop);
  Task<std::shared_ptr<const File>> open_again(Sha256 sha256);
  Task<> look_for(Sha256 sha256, Stop& stop);
  Task<Result<bool>> is_sound(std::shared_ptr<const File> file, const Blob& blob, Stop& stop);
  Task<> condemn(Sha256 sha256, wire::DamageView::What what);
  void mended(const Sha256& sha256);
  Task<> rest_while_uploading(Stop& stop);

  Parts& parts_;
  const Options& options_;
  std::map<Sha256, std::shared_ptr<Upload>> uploads_;
  std::unordered_map<Sha256, Blob> blobs_;
  std::unordered_map<Sha256, std::weak_ptr<const File>> open_;
  std::map<Sha256, wire::DamageView> damaged_;
  std::unordered_map<Sha256, std::shared_ptr<bool>> cuts_;  // of what was sent since it was last sound
  std::deque<Sha256> doubted_;
  std::unordered_map<Sha256, SteadyTime> checked_;  // and found sound
  Signal doubt_;
  std::shared_ptr<Artifacts*> alive_;
};

}  // namespace dray::server
