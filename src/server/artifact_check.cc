// Artifacts whose bytes are in doubt: hashed again, and put aside where they are not what they were.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/mutant.h"
#include "server/artifact_paths.h"
#include "server/artifacts.h"

namespace dray::server {
namespace {

constexpr Duration kSoundFor{3'600'000};  // what was found sound is not hashed again so soon
constexpr std::size_t kMostDoubted = 1'000;
constexpr Duration kLookForGone{60'000};

bool is_gone(const std::pair<const Sha256, wire::DamageView>& one) { return one.second.what == wire::DamageView::What::kGone; }

}  // namespace

const wire::DamageView* Artifacts::damage(const Sha256& sha256) const {
  const auto found = damaged_.find(sha256);
  return found == damaged_.end() ? nullptr : &found->second;
}

std::shared_ptr<const bool> Artifacts::cut(const Sha256& sha256) {
  std::shared_ptr<bool>& flag = cuts_[sha256];
  if (!flag) flag = std::make_shared<bool>(false);
  return flag;
}

// What the database names and the disk has not, or has put aside: found at the start, so that it is said at once.
Task<Result<>> Artifacts::find_missing() {
  std::vector<std::string> here, aside;
  std::function<Result<>()> look = [this, &here, &aside]() -> Result<> {
    DRAY_TRY(here, parts_.disk.list("blobs"));
    DRAY_TRY(aside, parts_.disk.list("damaged"));
    return {};
  };
  auto looked = co_await on(parts_.bytes, std::move(look));
  if (!looked) co_return looked.error().with_context("looking at the artifacts");
  std::sort(here.begin(), here.end());
  std::sort(aside.begin(), aside.end());
  for (const auto& [sha, about] : blobs_) {
    if (std::binary_search(here.begin(), here.end(), sha.hex())) continue;
    const bool kept = std::binary_search(aside.begin(), aside.end(), sha.hex());
    damaged_[sha] = {kept ? wire::DamageView::What::kDamaged : wire::DamageView::What::kGone, parts_.clock.wall()};
    parts_.log.error(kept ? "artifact_damaged" : "artifact_gone", {{"sha256", sha.hex()}, {"help", "upload it again"}});
  }
  co_return Result<>{};
}

void Artifacts::doubt(const Sha256& sha256) {
  if (DRAY_MUTANT("damaged_unheard")) return;
  if (blob(sha256) == nullptr || damage(sha256) != nullptr || doubted_.size() >= kMostDoubted) return;
  if (std::find(doubted_.begin(), doubted_.end(), sha256) != doubted_.end()) return;
  const auto last = checked_.find(sha256);
  if (last != checked_.end() && parts_.clock.steady() - last->second < kSoundFor) return;
  doubted_.push_back(sha256);
  doubt_.notify();
}

std::function<void()> Artifacts::doubter(Sha256 sha256) {
  return [alive = alive_, sha256] {
    if (*alive != nullptr) (*alive)->doubt(sha256);
  };
}

// The time to look for what is gone stands, whatever else is in doubt meanwhile.
Task<> Artifacts::check(Stop& stop) {
  SteadyTime look = kSteadyMax;
  while (!stop.requested()) {
    const bool any_gone = std::any_of(damaged_.begin(), damaged_.end(), is_gone);
    if (!any_gone) look = kSteadyMax;
    if (any_gone && look == kSteadyMax) look = parts_.clock.steady() + kLookForGone;
    if (any_gone && parts_.clock.steady() >= look) {
      co_await look_for_gone(stop);
      look = parts_.clock.steady() + kLookForGone;
      continue;
    }
    if (doubted_.empty()) {
      [[maybe_unused]] const bool news = co_await doubt_.wait(parts_.clock, look, stop);
      continue;
    }
    co_await rest_while_uploading(stop);
    if (stop.requested()) co_return;
    Sha256 sha = doubted_.front();  // stays there meanwhile, so that it is not doubted twice
    co_await check_one(std::move(sha), stop);
    doubted_.pop_front();
  }
}

Task<> Artifacts::check_one(Sha256 sha256, Stop& stop) {
  auto file = co_await open(sha256);
  const Blob* about = sound(sha256);
  if (about == nullptr) co_return;  // open() has found that it is gone, or cut
  const Blob expected = *about;
  Result<bool> right = file ? Result<bool>{true} : Result<bool>{file.error()};
  if (file) {
    std::shared_ptr<const File> reading = *file;
    right = co_await is_sound(std::move(reading), expected, stop);
  }
  if (!right && right.error().code() == ErrorCode::kCorrupt) {  // what the disk can't give back is as good as wrong
    parts_.log.error("artifact_not_readable", {{"sha256", sha256.hex()}, {"error", right.error().message()}});
    co_await condemn(std::move(sha256), wire::DamageView::What::kDamaged);
    co_return;
  }
  if (!right) {
    if (!stop.requested()) parts_.log.warn("artifact_not_checked", {{"sha256", sha256.hex()}, {"error", right.error().message()}});
    co_return;
  }
  if (!*right) {
    co_await condemn(std::move(sha256), wire::DamageView::What::kDamaged);
    co_return;
  }
  checked_.insert_or_assign(sha256, parts_.clock.steady());
  parts_.log.warn("artifact_is_sound", {{"sha256", sha256.hex()}, {"note", "a gateway got other bytes: something between us changes them"}});
}

Task<> Artifacts::look_for_gone(Stop& stop) {
  std::vector<Sha256> gone;
  for (const auto& one : damaged_)
    if (is_gone(one)) gone.push_back(one.first);
  for (const Sha256& sha256 : gone) {
    if (stop.requested()) co_return;
    co_await look_for(sha256, stop);
  }
}

// Null: there is none, or one of another size, which is left where it is (somebody may be copying it still).
Task<std::shared_ptr<const File>> Artifacts::open_again(Sha256 sha256) {
  std::function<Result<std::shared_ptr<File>>()> work = [this, sha256] { return parts_.disk.open(blob_path(sha256), Mode::kRead); };
  auto file = co_await on(parts_.bytes, std::move(work));
  const Blob* about = blob(sha256);
  if (!file || about == nullptr || (*file)->size() != about->size) co_return nullptr;
  co_return std::move(*file);
}

// Back as it was it is used again; of the right size and with other bytes it is damaged, and never hashed again.
Task<> Artifacts::look_for(Sha256 sha256, Stop& stop) {
  auto file = co_await open_again(sha256);
  if (file == nullptr) co_return;
  file.reset();
  co_await rest_while_uploading(stop);
  file = co_await open_again(sha256);  // it may be another one by now
  if (file == nullptr) co_return;
  const Blob expected = *blob(sha256);
  const auto right = co_await is_sound(std::move(file), expected, stop);
  const wire::DamageView* still = damage(sha256);
  // Somebody has uploaded it meanwhile, or does so now: that file is not ours to judge.
  if (still == nullptr || still->what != wire::DamageView::What::kGone || find(sha256) != nullptr) co_return;
  if (right && *right) mended(sha256);
  const bool wrong = right ? !*right : right.error().code() == ErrorCode::kCorrupt;
  if (wrong) co_await condemn(std::move(sha256), wire::DamageView::What::kDamaged);
}

// It takes half of the disk's time at most: after each piece it rests for as long as that took.
Task<Result<bool>> Artifacts::is_sound(std::shared_ptr<const File> file, const Blob& blob, Stop& stop) {
  Hasher hasher;
  for (std::uint64_t at = 0; at < blob.size; at += kRehashPiece) {
    if (stop.requested()) co_return Error{ErrorCode::kStopped, "stopping"};
    const SteadyTime began = parts_.clock.steady();
    std::function<Result<bool>()> piece = [&file, &hasher, &blob, at]() -> Result<bool> {
      std::vector<std::byte> buffer(std::min<std::uint64_t>(kRehashPiece, blob.size - at));
      DRAY_TRY(const std::size_t n, file->read(at, buffer));
      hasher.update(std::span{buffer}.first(n));
      return n == buffer.size();
    };
    const auto whole = co_await on(parts_.bytes, std::move(piece));
    if (!whole) co_return whole.error();
    if (!*whole) co_return false;
    const SteadyTime now = parts_.clock.steady();
    [[maybe_unused]] const auto slept = co_await parts_.clock.sleep_until(now + (now - began), stop);
  }
  co_return hasher.finish_sha256() == blob.sha256;
}

// Said first: nobody is sent another byte of it. The file is kept aside for whoever wants to see what has happened to it.
Task<> Artifacts::condemn(Sha256 sha256, wire::DamageView::What what) {
  damaged_[sha256] = {what, parts_.clock.wall()};
  open_.erase(sha256);
  if (const auto flag = cuts_.find(sha256); flag != cuts_.end()) {
    *flag->second = true;
    cuts_.erase(flag);
  }
  parts_.log.error(what == wire::DamageView::What::kGone ? "artifact_gone" : "artifact_damaged",
                   {{"sha256", sha256.hex()}, {"help", "upload it again"}});
  if (what == wire::DamageView::What::kGone) {
    doubt_.notify();  // it is looked for from now on
    co_return;
  }
  std::function<Result<>()> aside = [this, sha256]() -> Result<> {
    DRAY_CHECK(parts_.disk.rename(blob_path(sha256), damaged_path(sha256)));
    DRAY_CHECK(parts_.disk.sync_dir("damaged"));
    return parts_.disk.sync_dir("blobs");
  };
  const auto moved = co_await on(parts_.bytes, std::move(aside));
  if (!moved) parts_.log.error("artifact_not_put_aside", {{"sha256", sha256.hex()}, {"error", moved.error().message()}});
}

void Artifacts::mended(const Sha256& sha256) {
  checked_.erase(sha256);
  if (damaged_.erase(sha256) > 0) parts_.log.info("artifact_mended", {{"sha256", sha256.hex()}});
}

}  // namespace dray::server
