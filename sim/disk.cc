// Names of folders: looking up, changing, syncing, and what a power cut leaves of them.
#include "sim/disk.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"

namespace dray::sim {
namespace {

using Kind = Inode::Kind;

constexpr int kSymlinkDepth = 8;

Error not_found(const Path& path) { return Error{ErrorCode::kNotFound, "no " + path}; }

std::vector<std::string> split(const Path& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at && path.substr(at, slash - at) != ".") parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

bool allowed(const Path& path) {
  const auto parts = split(path);
  return !path.starts_with('/') && std::find(parts.begin(), parts.end(), "..") == parts.end();
}

// Durable bytes and names only. for_use: as what is live, too.
std::shared_ptr<Inode> copy_durable(const Inode& inode, bool for_use) {
  auto out = std::make_shared<Inode>(inode.kind);
  out->durable = inode.durable;
  if (for_use) out->live = *inode.durable;
  for (const auto& [name, child] : inode.durable_names) out->durable_names[name] = copy_durable(*child, for_use);
  if (for_use) out->live_names = out->durable_names;
  return out;
}

std::uint64_t live_bytes(const Inode& inode) {
  if (inode.kind == Kind::kFile) return inode.live.size();
  std::uint64_t sum = 0;
  for (const auto& [name, child] : inode.live_names) sum += live_bytes(*child);
  return sum;
}

}  // namespace

SimDisk::SimDisk(SimRandom random, std::uint64_t capacity) : random_{random}, capacity_{capacity} {}

// `folders` is the way from the root to the folder of `at`; ".." occurs in symlink targets only.
Result<> SimDisk::walk(Place& at, std::vector<std::shared_ptr<Inode>>& folders, const Path& path,
                       bool follow_last, int depth) const {
  if (depth > kSymlinkDepth) return Error{ErrorCode::kInvalid, "symlinks go round: " + path};
  const auto parts = split(path);
  at = Place{folders.back(), "", folders.back()};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!at.what) return not_found(path);
    if (at.what->kind != Kind::kFolder)
      return Error{ErrorCode::kNotFound, "a part of " + path + " is no folder"};
    if (at.what != folders.back()) folders.push_back(at.what);
    if (parts[i] == "..") {
      if (folders.size() > 1) folders.pop_back();
      at = Place{folders.back(), "", folders.back()};
      continue;
    }
    const auto& names = folders.back()->live_names;
    const auto it = names.find(parts[i]);
    at = Place{folders.back(), parts[i], it == names.end() ? nullptr : it->second};
    if (at.what && at.what->kind == Kind::kSymlink && (follow_last || i + 1 < parts.size())) {
      const Path target = at.what->live;
      if (target.starts_with('/')) return Error{ErrorCode::kInvalid, path + " leaves the root"};
      DRAY_CHECK(walk(at, folders, target, true, depth + 1));
    }
  }
  return {};
}

Result<SimDisk::Place> SimDisk::find(const Path& path, bool follow_last) const {
  if (frozen_) return Error{ErrorCode::kUnavailable, path + ": no power"};
  if (!allowed(path)) return Error{ErrorCode::kInvalid, "path not below the root: " + path};
  Place place;
  std::vector<std::shared_ptr<Inode>> folders{root_};
  DRAY_CHECK(walk(place, folders, path, follow_last, 0));
  return place;
}

Result<> SimDisk::change(const std::string& what, const std::function<void()>& act) {
  const Error lost{ErrorCode::kUnavailable, what + ": power lost"};
  if (frozen_) return lost;
  const Power power = on_op_ ? on_op_(++ops_, what) : (++ops_, Power::kStays);
  if (power != Power::kLostBefore) act();
  if (power == Power::kStays) return {};
  frozen_ = true;
  if (on_power_lost_) on_power_lost_();
  return lost;
}

void SimDisk::record(DirOp op) {
  for (const Change& c : op.changes) {
    if (c.what)
      c.folder->live_names[c.name] = c.what;
    else
      c.folder->live_names.erase(c.name);
  }
  pending_.push_back(std::move(op));
}

void SimDisk::commit(const DirOp& op) {
  for (const Change& c : op.changes) {
    if (c.what)
      c.folder->durable_names[c.name] = c.what;
    else
      c.folder->durable_names.erase(c.name);
  }
}

Result<std::shared_ptr<SimFile>> SimDisk::open_file(Path path, Mode mode) {
  DRAY_TRY(Place place, find(path, true));
  if (place.what && place.what->kind != Kind::kFile) return Error{ErrorCode::kInvalid, path + " is no file"};
  if (!place.what) {
    if (mode == Mode::kRead) return not_found(path);
    place.what = std::make_shared<Inode>(Kind::kFile);
    DRAY_CHECK(change("create " + path,
                      [&] { record(DirOp{place.folder, {Change{place.folder, place.name, place.what}}}); }));
    return std::make_shared<SimFile>(*this, place.what, path, true);
  }
  auto file = std::make_shared<SimFile>(*this, place.what, path, mode != Mode::kRead);
  if (mode == Mode::kTruncate && file->size() > 0) DRAY_CHECK(file->truncate(0));
  return file;
}

Result<std::shared_ptr<File>> SimDisk::open(Path path, Mode mode) {
  DRAY_TRY(auto file, open_file(std::move(path), mode));
  return std::shared_ptr<File>{std::move(file)};
}

bool SimDisk::exists(const Path& path) const {
  const auto place = find(path, true);
  return place && place->what;
}

std::optional<std::string_view> SimDisk::bytes(const Path& path) const {
  const auto place = find(path, true);
  if (!place || !place->what || place->what->kind != Kind::kFile) return {};
  return place->what->live;
}

std::size_t SimDisk::whole_bytes(const Path& path) const {
  const auto place = find(path, true);
  if (!place || !place->what || place->what->kind != Kind::kFile) return 0;
  return std::min(place->what->live.size(), place->what->torn_from);
}

Result<> SimDisk::rename(Path from, Path to) {
  DRAY_TRY(const Place a, find(from, false));
  DRAY_TRY(const Place b, find(to, false));
  if (!a.what) return not_found(from);
  if (a.what == b.what) return {};
  if (b.what && b.what->kind == Kind::kFolder &&
      (a.what->kind != Kind::kFolder || !b.what->live_names.empty()))
    return Error{ErrorCode::kConflict, to + " is a folder"};
  return change("rename " + from + " " + to, [&] {
    record(DirOp{b.folder, {Change{b.folder, b.name, a.what}, Change{a.folder, a.name, nullptr}}});
  });
}

Result<> SimDisk::unlink(Path path) {
  DRAY_TRY(const Place place, find(path, false));
  if (!place.what || place.name.empty()) return not_found(path);
  if (!place.what->live_names.empty()) return Error{ErrorCode::kConflict, path + " is not empty"};
  return change("unlink " + path,
                [&] { record(DirOp{place.folder, {Change{place.folder, place.name, nullptr}}}); });
}

Result<> SimDisk::make_dir(Path path) {
  Path so_far;
  for (const std::string& part : split(path)) {
    so_far += (so_far.empty() ? "" : "/") + part;
    DRAY_TRY(const Place place, find(so_far, true));
    if (place.what && place.what->kind == Kind::kFolder) continue;
    if (place.what) return Error{ErrorCode::kConflict, so_far + " is no folder"};
    DRAY_CHECK(change("make_dir " + so_far, [&] {
      record(DirOp{place.folder, {Change{place.folder, place.name, std::make_shared<Inode>(Kind::kFolder)}}});
    }));
  }
  if (!allowed(path)) return Error{ErrorCode::kInvalid, "path not below the root: " + path};
  return {};
}

Result<> SimDisk::symlink(Path to, Path at) {
  DRAY_TRY(const Place place, find(at, false));
  if (place.what) return Error{ErrorCode::kConflict, at + " exists"};
  auto link = std::make_shared<Inode>(Kind::kSymlink);
  link->live = link->durable.own() = to;
  return change("symlink " + at,
                [&] { record(DirOp{place.folder, {Change{place.folder, place.name, link}}}); });
}

Result<Path> SimDisk::read_link(Path path) {
  DRAY_TRY(const Place place, find(path, false));
  if (!place.what) return not_found(path);
  if (place.what->kind != Kind::kSymlink) return Error{ErrorCode::kInvalid, path + " is no symlink"};
  return place.what->live;
}

// Makes this folder's operations durable, and with them what was done before to the same names elsewhere:
// no journal keeps the later of two changes of one name and loses the earlier.
Result<> SimDisk::sync_dir(Path path) {
  DRAY_TRY(const Place place, find(path, true));
  if (!place.what || place.what->kind != Kind::kFolder) return not_found(path);
  return change("sync_dir " + path, [&] {
    std::set<std::pair<const Inode*, std::string>>
        names;  // membership only: the order of addresses is not used
    std::vector<bool> takes(pending_.size());
    for (std::size_t i = pending_.size(); i-- > 0;) {
      const DirOp& op = pending_[i];
      takes[i] = op.folder == place.what ||
                 std::any_of(op.changes.begin(), op.changes.end(),
                             [&](const Change& c) { return names.contains({c.folder.get(), c.name}); });
      if (!takes[i]) continue;
      for (const Change& c : op.changes) names.emplace(c.folder.get(), c.name);
    }
    std::vector<DirOp> left;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (takes[i])
        commit(pending_[i]);
      else
        left.push_back(std::move(pending_[i]));
    }
    pending_ = std::move(left);
  });
}

Result<std::vector<std::string>> SimDisk::list(Path path) {
  DRAY_TRY(const Place place, find(path, true));
  if (!place.what || place.what->kind != Kind::kFolder) return not_found(path);
  std::vector<std::string> names;
  for (const auto& [name, inode] : place.what->live_names) names.push_back(name);
  return names;
}

std::uint64_t SimDisk::free_bytes() const {
  if (capacity_ >= kNoLimit) return capacity_;
  const std::uint64_t used = used_bytes();
  return used < capacity_ ? capacity_ - used : 0;
}

std::uint64_t SimDisk::used_bytes() const { return live_bytes(*root_); }

void SimDisk::settle(const std::shared_ptr<Inode>& inode, bool lose_all) {
  if (inode->kind == Kind::kFile) tear(*inode, lose_all);
  inode->live_names = inode->durable_names;
  for (const auto& [name, child] : inode->live_names) settle(child, lose_all);
}

std::shared_ptr<Inode> SimDisk::durable_copy() const { return copy_durable(*root_, false); }

void SimDisk::replace(const std::shared_ptr<Inode>& copy) {
  root_ = copy_durable(*copy, true);
  pending_.clear();
  ++boot_;
}

void SimDisk::crash(CrashOptions options) {
  const std::uint64_t kept = options.lose_all_unsynced ? 0 : random_.uniform(pending_.size() + 1);
  for (std::uint64_t i = 0; i < kept; ++i) commit(pending_[i]);
  pending_.clear();
  settle(root_, options.lose_all_unsynced);
  ++boot_;
  frozen_ = false;
}

}  // namespace dray::sim
