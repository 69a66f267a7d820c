#include "agent/ab_dir.h"

#include <algorithm>

#include "agent/stored_records.h"
#include "base/mutant.h"

namespace dray::agent {

Path AbDirInstaller::image(const std::string& name, const std::string& component) const {
  return at("slots/" + name + "/" + component + "/image");
}

Result<std::string> AbDirInstaller::active() const {
  const auto link = disk_.read_link(at("current"));
  if (!link && link.error().code() == ErrorCode::kNotFound) return std::string{};
  if (!link) return link.error();
  if (*link == "slots/0") return std::string{"0"};
  if (*link == "slots/1") return std::string{"1"};
  return Error{ErrorCode::kCorrupt, "current leads to " + *link + ", which is no slot"};
}

Result<AbDirInstaller::Slot> AbDirInstaller::slot(const std::string& name) const {
  auto slot = read_record(disk_, at("slots/" + name + "/metadata.json"), decode_slot);
  if (!slot && slot.error().code() == ErrorCode::kNotFound) return Slot{};
  if (slot || !is_unreadable(slot.error())) return slot;
  return found_in(name, slot.error());
}

// In the place of a record that can't be read. What runs is what it is, under the hash of its bytes; what does not run
// counts as nothing and is written anew by the next order.
Result<AbDirInstaller::Slot> AbDirInstaller::found_in(const std::string& name, const Error& why) const {
  log.error("slot_record_unreadable", {{"slot", name}, {"why", why.message()}});
  Slot out;
  DRAY_TRY(const std::string now, active());
  if (now != name) return out;
  DRAY_TRY(const auto components, disk_.list(at("slots/" + name)));
  for (const std::string& component : components) {
    const Stopping never{false};
    const auto digest = digest_of(disk_, image(name, component), never);
    if (digest) out[component] = {"", digest->sha256, digest->size, true};  // the record itself has no image
  }
  return out;
}

Result<> AbDirInstaller::save_slot(const std::string& name, const Slot& slot) {
  DRAY_CHECK(make_dir_durable(disk_, at("slots/" + name)));
  DRAY_CHECK(keep_unreadable(disk_, at("slots/" + name + "/metadata.json"), decode_slot));
  return replace_file(disk_, at("slots/" + name + "/metadata.json"), encode_slot(slot));
}

Result<std::optional<AbDirInstaller::Order>> AbDirInstaller::order() const {
  auto order = read_record(disk_, at("order.json"), decode_order);
  if (!order && order.error().code() == ErrorCode::kNotFound) return std::optional<Order>{};
  if (!order) return order.error();
  return std::optional<Order>{*order};
}

Result<std::optional<AbDirInstaller::Order>> AbDirInstaller::known_order() const {
  auto running = order();
  if (running || !is_unreadable(running.error())) return running;
  log.error("order_record_unreadable", {{"why", running.error().message()}});
  return std::optional<Order>{};
}

Result<AbDirInstaller::Order> AbDirInstaller::begin_order() {
  DRAY_TRY(const std::string now, active());
  DRAY_TRY(const std::optional<Order> running, known_order());
  if (running && running->from == now) return *running;
  // None, or one that has switched and was never committed: what runs now is what we come from.
  Order fresh{now, now == "0" ? "1" : "0"};
  if (DRAY_MUTANT("writes_active_slot")) fresh.to = now;
  DRAY_CHECK(make_dir_durable(disk_, at("slots")));
  DRAY_CHECK(keep_unreadable(disk_, at("order.json"), decode_order));
  DRAY_CHECK(replace_file(disk_, at("order.json"), encode_order(fresh)));
  return fresh;
}

Result<> AbDirInstaller::put(const std::string& name, const std::string& component, const Stored& what,
                             Disk& from_disk, const Path& from, const Stopping& stopping) {
  DRAY_TRY(Slot target, slot(name));
  Stored wanted = what;
  wanted.good = true;
  if (const auto found = target.find(component); found != target.end() && found->second == wanted) {
    const auto held = digest_of(disk_, image(name, component), stopping);
    if (held && held->sha256 == wanted.sha256) return {};
    if (!held && held.error().code() == ErrorCode::kStopped) return held.error();
  }
  wanted.good = false;
  target[component] = wanted;
  DRAY_CHECK(save_slot(name, target));
  DRAY_CHECK(make_dir_durable(disk_, at("slots/" + name + "/" + component)));
  DRAY_CHECK(copy_verified({from_disk, from, disk_, image(name, component), wanted.sha256}, stopping));
  target[component].good = true;
  return save_slot(name, target);
}

InstallerAnswer AbDirInstaller::info() {
  return {InstallerExit::kOk,
          {{"api", "1"},
           {"kind", "ab-dir"},
           {"atomic", "all components of an order together"},
           {"rollback", "yes"},
           {"executes", "no: versions are read out of the bytes in the active slot"}},
          ""};
}

Result<InstallerAnswer> AbDirInstaller::installed(const Stopping& stopping) {
  InstallerAnswer out;
  DRAY_TRY(const std::string now, active());
  if (now.empty()) return out;
  DRAY_TRY(const Slot held, slot(now));
  for (const auto& [component, stored] : held) {
    DRAY_TRY(out.values[component], version_line(image(now, component), {&stored}, stopping));
  }
  return out;
}

Result<> AbDirInstaller::download(const InstallerEnv& env, const Stopping& stopping) {
  DRAY_TRY(const Order running, begin_order());
  return put(running.to, env.component, {env.version, env.sha256, env.size, true}, payloads_, env.payload,
             stopping);
}

Result<> AbDirInstaller::install(const InstallerEnv& env, const Stopping& stopping) {
  DRAY_TRY(const std::optional<Order> running, known_order());
  if (!running) return Error{ErrorCode::kNotFound, "nothing was downloaded for this order"};
  DRAY_TRY(const std::string now, active());
  if (now == running->to) return {};  // switched already
  Slot before;
  if (!running->from.empty()) {
    DRAY_TRY(before, slot(running->from));
  }
  for (const auto& [component, stored] : before)  // carried over unchanged
    if (std::find(env.order.begin(), env.order.end(), component) == env.order.end() &&
        !DRAY_MUTANT("half_installed"))
      DRAY_CHECK(put(running->to, component, stored, disk_, image(running->from, component), stopping));
  DRAY_TRY(Slot target, slot(running->to));
  const auto named = [&](const std::string& component) {
    return std::find(env.order.begin(), env.order.end(), component) != env.order.end();
  };
  if (std::erase_if(target, [&](const auto& entry) {
        return !named(entry.first) && !before.contains(entry.first);
      }) > 0)
    DRAY_CHECK(save_slot(running->to, target));  // left by an earlier order
  for (const std::string& component : env.order)
    if (!target.contains(component))
      return Error{ErrorCode::kNotFound, component + " was not downloaded for this order"};
  for (const auto& [component, stored] : target)
    if (!stored.good)
      return Error{ErrorCode::kCorrupt, component + " in slot " + running->to + " is marked bad"};
  return switch_to(running->to);
}

Result<> AbDirInstaller::switch_to(const std::string& name) {
  DRAY_CHECK(unlink_if_there(disk_, at("current.new")));
  DRAY_CHECK(disk_.symlink("slots/" + name, at("current.new")));
  DRAY_CHECK(disk_.sync_dir(root_));
  DRAY_CHECK(disk_.rename(at("current.new"), at("current")));
  return disk_.sync_dir(root_);
}

Result<> AbDirInstaller::verify(const Stopping& stopping) {
  DRAY_TRY(const std::string now, active());
  DRAY_TRY(const std::optional<Order> running, known_order());
  if (now.empty()) return Error{ErrorCode::kNotFound, "no slot is active"};
  if (running && running->to != now)
    return Error{ErrorCode::kConflict, "slot " + now + " is active, not slot " + running->to};
  DRAY_TRY(const Slot held, slot(now));
  for (const auto& [component, stored] : held) {
    DRAY_TRY(const Digested found, digest_of(disk_, image(now, component), stopping));
    if (found.sha256 != stored.sha256)
      return Error{ErrorCode::kCorrupt, component + " in slot " + now + " has changed"};
  }
  return {};
}

Result<> AbDirInstaller::commit() {
  DRAY_CHECK(keep_unreadable(disk_, at("order.json"), decode_order));
  DRAY_CHECK(unlink_if_there(disk_, at("order.json")));
  return disk_.sync_dir(root_);
}

Result<> AbDirInstaller::rollback(const Stopping&) {
  DRAY_TRY(const std::optional<Order> running, order());
  if (!running) return {};  // committed, or back already
  DRAY_TRY(const std::string now, active());
  if (now == running->to) {
    if (running->from.empty()) return Error{ErrorCode::kNotFound, "there is no version before this one"};
    DRAY_CHECK(switch_to(running->from));
  }
  return commit();
}

Result<> AbDirInstaller::cancel() {
  DRAY_TRY(const std::optional<Order> running, known_order());
  if (!running) return {};
  DRAY_TRY(const std::string now, active());
  if (now == running->to) return Error{ErrorCode::kConflict, "the switch is made"};
  return commit();  // what was written stays in the inactive slot and is written anew by the next order
}

}  // namespace dray::agent
