#include "agent/boot.h"

#include <functional>

#include "agent/state.h"
#include "agent/stored_records.h"

namespace dray::agent {

namespace {

constexpr std::size_t kLargestBoot = 64 << 10;

}  // namespace

BootRecord armed(const BootRecord& record, ActionId action) {
  BootRecord next = record;
  next.trial = action;
  next.starts = 0;
  if (record.fallback == action) {
    next.fallback = ActionId{};
    next.why.clear();
  }
  return next;
}

BootRecord disarmed(const BootRecord&) { return {}; }

BootDecision on_start(const BootRecord& record) {
  if (record.trial.empty()) return {BootMove::kStart, record};
  BootRecord next = record;
  if (!record.fallback.empty()) return {BootMove::kSwitchBack, next};  // power failed while switching back
  if (record.starts >= kMostTrialStarts) {
    next.fallback = record.trial;
    next.why = "not committed in " + std::to_string(record.starts) + " starts";
    return {BootMove::kSwitchBack, next};
  }
  next.starts += 1;
  return {BootMove::kStart, next};
}

BootDecision on_program_exit(const BootRecord& record, std::string_view how) {
  if (record.trial.empty()) return {BootMove::kStart, record};
  BootRecord next = record;
  next.fallback = record.trial;
  next.why = "its program " + std::string{how};
  return {BootMove::kSwitchBack, next};
}

BootRecord switched_back(const BootRecord& record) {
  BootRecord next = record;
  next.trial = ActionId{};
  next.starts = 0;
  return next;
}

BootRecord presumed(const core::attempt::Attempt& attempt) {
  namespace at = core::attempt;
  const bool may_be = std::holds_alternative<at::Installing>(attempt.phase) ||
                      std::holds_alternative<at::Installed>(attempt.phase) ||
                      std::holds_alternative<at::Restarting>(attempt.phase) ||
                      std::holds_alternative<at::VerifyingBoot>(attempt.phase);
  return may_be ? armed({}, at::action_of(attempt)) : BootRecord{};
}

KeptBoot read_boot(Disk& disk) {
  auto text = read_file(disk, Path{kBootFile}, kLargestBoot);
  if (!text && text.error().code() == ErrorCode::kNotFound) return {};
  const auto record = text ? decode_boot(*text) : Result<BootRecord>{text.error()};
  if (record) return {*record, {}, {}};
  if (!text) text = beginning_of(disk, Path{kBootFile}, kLargestBoot);
  const auto attempt = load_state(disk);
  return {attempt ? presumed(*attempt) : BootRecord{}, record.error().message(), text ? std::move(*text) : std::string{}};
}

BootRecord load_boot(Disk& disk) { return read_boot(disk).record; }

Result<> save_boot(Disk& disk, const BootRecord& record) {
  return replace_file(disk, Path{kBootFile}, encode_boot(record));
}

namespace {

Task<Result<>> save(BootParts& parts, const BootRecord& record) {
  std::function<Result<>()> work = [&parts, &record] { return save_boot(parts.disk, record); };
  co_return co_await on(parts.worker, std::move(work));
}

// One that can't be read is kept beside, and what is presumed takes its place.
Task<BootRecord> load(BootParts& parts) {
  std::function<KeptBoot()> work = [&parts] {
    KeptBoot kept = read_boot(parts.disk);
    if (kept.why.empty()) return kept;
    [[maybe_unused]] const auto aside = replace_file(parts.disk, std::string{kBootFile} + ".bad", kept.text);
    [[maybe_unused]] const auto saved = save_boot(parts.disk, kept.record);
    return kept;
  };
  const KeptBoot kept = co_await on(parts.worker, std::move(work));
  if (!kept.why.empty())
    parts.log.error("boot_record_unreadable",
                    {{"why", kept.why}, {"kept_as", "boot.json.bad"}, {"trial", kept.record.trial.value()}});
  co_return kept.record;
}

Task<Result<>> switch_back(BootParts& parts, const BootRecord& record, Stop& stop) {
  parts.log.warn("version_left", {{"action", record.fallback.value()}, {"why", record.why}});
  InstallerEnv env;
  auto answer = co_await parts.installer.run(InstallerVerb::kRollback, std::move(env), stop);
  if (!answer) co_return answer.error();
  // Where there is nothing to go back to, the device goes on with what it has; the trial is over all the
  // same.
  if (answer->exit != InstallerExit::kOk) parts.log.error("switching_back_failed", {{"why", answer->words}});
  co_return co_await save(parts, switched_back(record));
}

}  // namespace

Task<Result<>> before_start(BootParts parts, Stop& stop) {
  const BootRecord record = co_await load(parts);
  const BootDecision decision = on_start(record);
  if (!(decision.next == record)) {
    auto saved = co_await save(parts, decision.next);
    if (!saved) co_return saved;
    parts.log.info("trial_start", {{"action", decision.next.trial.value()}, {"start", decision.next.starts}});
  }
  if (decision.move == BootMove::kStart) co_return Result<>{};
  co_return co_await switch_back(parts, decision.next, stop);
}

Task<Result<bool>> program_ended(BootParts parts, std::string how, Stop& stop) {
  const BootRecord record = co_await load(parts);
  const BootDecision decision = on_program_exit(record, how);
  if (decision.move == BootMove::kStart) co_return false;
  auto saved = co_await save(parts, decision.next);
  if (!saved) co_return saved.error();
  auto back = co_await switch_back(parts, decision.next, stop);
  if (!back) co_return back.error();
  co_return true;
}

}  // namespace dray::agent
