#include "agent/single_file.h"

#include <algorithm>

#include "agent/stored_records.h"

namespace dray::agent {

Result<SingleFileInstaller::Book> SingleFileInstaller::book() const {
  auto known = read_record(disk_, at("single-file.json"), decode_book);
  if (!known && known.error().code() == ErrorCode::kNotFound) return Book{};
  if (known || !is_unreadable(known.error())) return known;
  log.error("file_record_unreadable", {{"why", known.error().message()}, {"kept_as", "single-file.json.bad"}});
  // What runs is known by its bytes, but not whether it is on trial.
  Book lost;
  for (const auto& [component, path] : files_) lost[component].unknown = true;
  return lost;
}

Result<> SingleFileInstaller::save(const Book& book) {
  DRAY_CHECK(make_dir_durable(disk_, root_));
  DRAY_CHECK(keep_unreadable(disk_, at("single-file.json"), decode_book));
  return replace_file(disk_, at("single-file.json"), encode_book(book));
}

Result<Path> SingleFileInstaller::path_of(const std::string& component) const {
  const auto found = files_.find(component);
  if (found == files_.end())
    return Error{ErrorCode::kNotFound, "no path is configured for component " + component};
  return at(found->second);
}

InstallerAnswer SingleFileInstaller::info() {
  return {
      InstallerExit::kOk,
      {{"api", "1"},
       {"kind", "single-file"},
       {"atomic",
        files_.size() == 1 ? "yes" : "each component for itself, not all components of an order together"},
       {"rollback", "yes"},
       {"executes", "no: versions are read out of the bytes of the files"}},
      ""};
}

Result<InstallerAnswer> SingleFileInstaller::installed(const Stopping& stopping) {
  InstallerAnswer out;
  DRAY_TRY(const Book known, book());
  for (const auto& [component, path] : files_) {
    std::vector<const Stored*> stored;
    if (const auto found = known.find(component); found != known.end())
      for (const auto* one : {&found->second.now, &found->second.staged, &found->second.old})
        if (*one) stored.push_back(&**one);
    auto line = version_line(at(path), stored, stopping);
    if (!line && line.error().code() == ErrorCode::kNotFound) continue;  // not installed yet
    if (!line) return line.error();
    out.values[component] = *line;
  }
  return out;
}

// The running bytes as "<path>.old", before anything replaces them.
Result<> SingleFileInstaller::keep_old(Entry& entry, const Path& path, const Stopping& stopping) {
  const auto found = digest_of(disk_, path, stopping);
  if (!found && found.error().code() == ErrorCode::kNotFound) return {};
  if (!found) return found.error();
  if (!entry.now || entry.now->sha256 != found->sha256)
    entry.now = Stored{"", found->sha256, found->size, true};
  if (entry.old && entry.old->good && entry.old->sha256 == found->sha256) return {};
  DRAY_CHECK(copy_verified({disk_, path, disk_, path + ".old", found->sha256}, stopping));
  entry.old = entry.now;
  return {};
}

// What runs may be on trial, and is no version to go back to while there is an older one.
Result<> SingleFileInstaller::keep_old_of_unknown(Entry& entry, const Path& path, const Stopping& stopping) {
  const auto old = digest_of(disk_, path + ".old", stopping);
  if (!old && old.error().code() == ErrorCode::kNotFound) return keep_old(entry, path, stopping);
  if (!old) return old.error();
  entry.old = Stored{"", old->sha256, old->size, true};
  return {};
}

Result<> SingleFileInstaller::download(const InstallerEnv& env, const Stopping& stopping) {
  DRAY_TRY(const Path path, path_of(env.component));
  DRAY_TRY(Book known, book());
  Entry& entry = known[env.component];
  const Stored wanted{env.version, env.sha256, env.size, true};
  if (entry.staged == wanted) {
    const auto held = digest_of(disk_, path + ".new", stopping);
    if (held && held->sha256 == wanted.sha256) return {};
  }
  entry.staged.reset();
  DRAY_CHECK(save(known));
  DRAY_CHECK(make_dir_durable(disk_, parent_of(path)));
  // While the running version is the one that is kept already, "<path>.old" must not be touched by a repeated
  // order.
  if (entry.switched) return Error{ErrorCode::kConflict, env.component + " is not committed yet"};
  entry.old.reset();
  DRAY_CHECK(save(known));
  DRAY_CHECK(entry.unknown ? keep_old_of_unknown(entry, path, stopping) : keep_old(entry, path, stopping));
  DRAY_CHECK(copy_verified({payloads_, env.payload, disk_, path + ".new", env.sha256}, stopping));
  entry.staged = wanted;
  return save(known);
}

Result<> SingleFileInstaller::switch_one(Entry& entry, const Path& path, const Stopping& stopping) {
  if (!entry.staged)
    return entry.switched
               ? Result<>{}
               : Result<>{Error{ErrorCode::kNotFound, path + " was not downloaded for this order"}};
  const auto staged = digest_of(disk_, path + ".new", stopping);
  if (staged && staged->sha256 == entry.staged->sha256) {
    DRAY_CHECK(disk_.rename(path + ".new", path));
    DRAY_CHECK(disk_.sync_dir(parent_of(path)));
  } else {  // renamed already, and power failed before that was noted
    DRAY_TRY(const Digested now, digest_of(disk_, path, stopping));
    if (now.sha256 != entry.staged->sha256)
      return Error{ErrorCode::kCorrupt, path + ".new is not what was written"};
  }
  entry.now = entry.staged;
  entry.staged.reset();
  entry.switched = true;
  entry.unknown = false;
  return {};
}

Result<> SingleFileInstaller::install(const InstallerEnv& env, const Stopping& stopping) {
  DRAY_TRY(Book known, book());
  for (const std::string& component : env.order) {
    DRAY_TRY(const Path path, path_of(component));
    DRAY_CHECK(switch_one(known[component], path, stopping));
    DRAY_CHECK(save(known));
  }
  return {};
}

Result<SingleFileInstaller::Book> SingleFileInstaller::settled(const Stopping& stopping) {
  DRAY_TRY(Book known, book());
  bool changed = false;
  for (auto& [component, entry] : known) {
    if (!entry.staged) continue;
    DRAY_TRY(const Path path, path_of(component));
    const auto found = digest_of(disk_, path, stopping);
    if (!found || found->sha256 != entry.staged->sha256) continue;
    entry.now = entry.staged;
    entry.staged.reset();
    entry.switched = true;
    entry.unknown = false;
    changed = true;
  }
  if (changed) DRAY_CHECK(save(known));
  return known;
}

Result<> SingleFileInstaller::verify(const Stopping& stopping) {
  DRAY_TRY(const Book known, settled(stopping));
  for (const auto& [component, entry] : known) {
    if (!entry.now) continue;
    DRAY_TRY(const Path path, path_of(component));
    DRAY_TRY(const Digested found, digest_of(disk_, path, stopping));
    if (found.sha256 != entry.now->sha256) return Error{ErrorCode::kCorrupt, path + " has changed"};
  }
  return {};
}

Result<> SingleFileInstaller::commit() {
  DRAY_TRY(Book known, book());
  for (auto& [component, entry] : known) entry.switched = entry.unknown = false;
  return save(known);
}

Result<> SingleFileInstaller::rollback(const Stopping& stopping) {
  DRAY_TRY(Book known, settled(stopping));
  const auto any = [&](bool Entry::*what) {
    return std::any_of(known.begin(), known.end(), [&](const auto& one) { return one.second.*what; });
  };
  const bool begun = std::any_of(known.begin(), known.end(), [](const auto& one) { return one.second.staged.has_value(); });
  if (any(&Entry::unknown) && !any(&Entry::switched) && !begun)  // a newer order knows that it has switched nothing
    return Error{ErrorCode::kCorrupt, "its record could not be read: it is not known whether what runs is new, or what was before it"};
  for (auto& [component, entry] : known) {
    DRAY_TRY(const Path path, path_of(component));
    if (!entry.switched) continue;
    if (!entry.old)
      return Error{ErrorCode::kNotFound, "there is no version of " + component + " before this one"};
    DRAY_CHECK(copy_verified({disk_, path + ".old", disk_, path + ".new", entry.old->sha256}, stopping));
    DRAY_CHECK(disk_.rename(path + ".new", path));
    DRAY_CHECK(disk_.sync_dir(parent_of(path)));
    entry.now = entry.old;
    entry.staged.reset();
    entry.switched = false;
    DRAY_CHECK(save(known));
  }
  return {};
}

Result<> SingleFileInstaller::cancel() {
  DRAY_TRY(Book known, book());
  for (auto& [component, entry] : known) {
    if (!entry.staged) continue;
    DRAY_TRY(const Path path, path_of(component));
    entry.staged.reset();
    DRAY_CHECK(unlink_if_there(disk_, path + ".new"));
  }
  return save(known);
}

}  // namespace dray::agent
