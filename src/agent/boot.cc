#include "agent/boot.h"

#include <functional>

#include "base/text.h"
#include "wire/json.h"

namespace dray::agent {

namespace json = wire::json;

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

BootRecord load_boot(Disk& disk) {
  const auto text = read_file(disk, Path{kBootFile}, 64 * 1024);
  if (!text) return {};
  const auto record = wire::decode<BootRecord>(wire::parse_json(*text), [](const wire::Node& root) {
    return BootRecord{ActionId{root.at("trial").integer()},
                      static_cast<int>(root.at("starts").integer(0, 1000)),
                      ActionId{root.at("fallback").integer()}, root.at("why").cleaned(wire::kLongestSentence)};
  });
  return record ? *record : BootRecord{};
}

Result<> save_boot(Disk& disk, const BootRecord& record) {
  return replace_file(disk, Path{kBootFile},
                      wire::to_text(json::object{{"trial", record.trial.value()},
                                                 {"starts", record.starts},
                                                 {"fallback", record.fallback.value()},
                                                 {"why", clean_text(record.why, wire::kLongestSentence)}}) +
                          "\n");
}

namespace {

Task<Result<>> save(BootParts& parts, const BootRecord& record) {
  std::function<Result<>()> work = [&parts, &record] { return save_boot(parts.disk, record); };
  co_return co_await on(parts.worker, std::move(work));
}

Task<BootRecord> load(BootParts& parts) {
  std::function<BootRecord()> work = [&parts] { return load_boot(parts.disk); };
  co_return co_await on(parts.worker, std::move(work));
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
