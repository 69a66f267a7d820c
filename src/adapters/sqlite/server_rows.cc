#include "adapters/sqlite/server_rows.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"

namespace dray::adapters::rows {
namespace {

constexpr std::size_t kMostShown = 60;  // of what can't be read, in a sentence
constexpr std::int64_t kMostGenerations = 1'000'000;

}  // namespace

Error no_such(std::string_view what, std::string_view name) {
  return Error{ErrorCode::kNotFound, "no such " + std::string{what} + ": '" + std::string{name} + "'"};
}

void bind_time(Statement& statement, int index, const std::optional<WallTime>& time) {
  if (time)
    statement.bind(index, ms(*time));
  else
    statement.bind_null(index);
}

void bind_number(Statement& statement, int index, std::size_t number) {
  statement.bind(index, static_cast<std::int64_t>(number));
}

std::optional<WallTime> time_at(const Statement& statement, int column) {
  if (statement.is_null(column)) return {};
  return wall(statement.integer(column));
}

Result<std::int64_t> whole(const Statement& row, int column) {
  if (row.is_integer(column)) return row.integer(column);
  return Error{ErrorCode::kInvalid, "'" + clean_text(row.text(column), kMostShown) + "' is no number"};
}

namespace {

Result<std::int64_t> between(std::int64_t least, std::int64_t most, const Statement& row, int column) {
  DRAY_TRY(const std::int64_t number, whole(row, column));
  if (number >= least && number <= most) return number;
  return Error{ErrorCode::kInvalid, std::to_string(number) + " is not between " + std::to_string(least) + " and " + std::to_string(most)};
}

}  // namespace

Result<WallTime> sure_time(const Statement& row, int column) {
  DRAY_TRY(const std::int64_t count, between(ms(kWrittenMin), ms(kWrittenMax), row, column));
  return wall(count);
}

std::string is_time(std::string_view column) {
  return "(typeof(" + std::string{column} + ")='integer' AND " + std::string{column} + " BETWEEN " + std::to_string(ms(kWrittenMin)) + " AND " +
         std::to_string(ms(kWrittenMax)) + ")";
}

Result<WallTime> stamp(const Statement& row, int column) {
  DRAY_TRY(const std::int64_t count, between(0, ms(kWrittenMax), row, column));
  return wall(count);
}

Result<std::optional<WallTime>> maybe_stamp(const Statement& row, int column) {
  if (row.is_null(column)) return std::optional<WallTime>{};
  DRAY_TRY(const WallTime time, stamp(row, column));
  return std::optional{time};
}

Result<std::optional<WallTime>> maybe_time(const Statement& row, int column) {
  if (row.is_null(column)) return std::optional<WallTime>{};
  DRAY_TRY(const WallTime time, sure_time(row, column));
  return std::optional{time};
}

Result<std::optional<std::int64_t>> maybe_whole(const Statement& row, int column) {
  if (row.is_null(column)) return std::optional<std::int64_t>{};
  DRAY_TRY(const std::int64_t number, whole(row, column));
  return std::optional{number};
}

Result<std::uint64_t> size_at(const Statement& row, int column) {
  DRAY_TRY(const std::int64_t bytes, between(0, wire::kMostSize, row, column));
  return static_cast<std::uint64_t>(bytes);
}

Result<bool> flag(const Statement& row, int column) {
  DRAY_TRY(const std::int64_t number, between(0, 1, row, column));
  return number == 1;
}

Result<std::int64_t> small(const Statement& row, int column) {
  return between(0, std::numeric_limits<std::int32_t>::max(), row, column);
}

Result<std::optional<std::int64_t>> maybe_small(const Statement& row, int column) {
  if (row.is_null(column)) return std::optional<std::int64_t>{};
  DRAY_TRY(const std::int64_t number, small(row, column));
  return std::optional{number};
}

Result<std::int64_t> priority_at(const Statement& row, int column) { return between(-1000, 1000, row, column); }

Result<std::int64_t> phase_count_at(const Statement& row, int column) {
  return between(1, static_cast<std::int64_t>(core::kMostPhases), row, column);
}

std::int64_t bounded(const Statement& row, int column, std::int64_t most) {
  return std::clamp<std::int64_t>(row.integer(column), 0, most);
}

Result<std::int64_t> job_phase(const Statement& row, int column, int phases) {
  DRAY_TRY(const std::int64_t phase, whole(row, column));
  const std::int64_t there_are = std::clamp<std::int64_t>(row.integer(phases), 1, static_cast<std::int64_t>(core::kMostPhases));
  if (phase >= 0 && phase < there_are) return phase;
  const std::string said = phase < std::numeric_limits<std::int64_t>::max() ? std::to_string(phase + 1) : "the number";
  return Error{ErrorCode::kInvalid, said + " is none of the phases 1 to " + std::to_string(there_are) + " of its rollout"};
}

Result<std::int64_t> job_generation(const Statement& row, int column, int past) {
  DRAY_TRY(const std::int64_t generation, between(1, kMostGenerations, row, column));
  if (generation > row.integer(past)) return generation;
  return Error{ErrorCode::kInvalid, "try " + std::to_string(generation) + " has ended before"};
}

void check_job(const RowReader& read, const Statement& row, int first) {
  read("phase", job_phase(row, first, first + 5));
  read("generation", job_generation(row, first + 1, first + 6));
  read("withheld", flag(row, first + 2));
  read("cancel_at", maybe_time(row, first + 3));
  read("final", flag(row, first + 4));
}

WallTime time_or_never(const Statement& row, int column) {
  const auto time = sure_time(row, column);
  return time ? *time : kWrittenMax;
}

Result<> readable(const std::vector<wire::Unreadable>& notes) {
  if (notes.empty()) return {};
  return Error{ErrorCode::kCorrupt,
               wire::sentence_of(notes.front()) + "; replace it: " + wire::remedy_of(notes.front())};
}

core::SiteWindows windows_at(const RowReader& read, const Statement& row, int transfer) {
  return {read("transfer_windows", windows(row.text(transfer))),
          read("update_windows", windows(row.text(transfer + 1))),
          read("black_outs", black_outs(row.text(transfer + 2)))};
}

std::optional<std::int64_t> rollout_number(std::string_view id) {
  if (!id.starts_with('r')) return {};
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), out);
  if (error != std::errc{} || end != id.data() + id.size() || out < 1) return {};
  return out;
}

std::optional<JobKey> job_key(std::string_view id) {
  const auto dash = id.find('-');
  if (dash == std::string_view::npos) return {};
  std::string_view rollout = id.substr(0, dash);
  JobKey out;
  if (const auto dot = rollout.find('.'); dot != std::string_view::npos) {
    const std::string_view generation = rollout.substr(dot + 1);
    const auto [end, error] =
        std::from_chars(generation.data(), generation.data() + generation.size(), out.generation);
    if (error != std::errc{} || end != generation.data() + generation.size() || out.generation < 2) return {};
    rollout = rollout.substr(0, dot);
  }
  const auto number = rollout_number(rollout);
  if (!number) return {};
  out.rollout = *number;
  out.device = std::string{id.substr(dash + 1)};
  return out;
}

JobId job_id(std::int64_t rollout, std::int64_t generation, const std::string& device) {
  return JobId{rollout_id(rollout) + (generation > 1 ? "." + std::to_string(generation) : "") + "-" + device};
}

std::optional<core::Cause> cause_at(const Statement& row, int first) {
  core::Cause cause{row.text(first), row.text(first + 1)};
  return cause.reason.empty() ? std::optional<core::Cause>{} : std::move(cause);
}

std::string states_that(bool (*are_so)(core::JobState)) {
  std::string out;
  for (int i = 0; i <= static_cast<int>(core::JobState::kUnknown); ++i) {
    const auto state = static_cast<core::JobState>(i);
    if (are_so(state)) out += (out.empty() ? "('" : ", '") + std::string{core::to_string(state)} + "'";
  }
  return out + ")";
}

core::JobResult result_at(const Statement& row, int first) {
  core::JobResult out;
  out.state = core::job_state_of(row.text(first)).value_or(core::JobState::kUnknown);
  out.reason = row.text(first + 1);
  out.sentence = row.text(first + 2);
  out.until = time_at(row, first + 3);
  out.update_at = time_at(row, first + 4);
  out.step = bounded(row, first + 5, wire::kMostStep);
  out.attempt = bounded(row, first + 6, wire::kMostAttempt);
  out.bytes = static_cast<std::uint64_t>(bounded(row, first + 7, wire::kMostSize));
  out.running = or_empty(string_map(row.text(first + 8)));  // its gateway tells it again; nothing is decided by it
  out.late = row.integer(first + 9) != 0;
  out.cancel_id = row.text(first + 10);
  out.cancel_answer = row.text(first + 11);
  out.cause = cause_at(row, first + 12);
  return out;
}

wire::NewDeviceType type_at(const Statement& row, int first) {
  wire::NewDeviceType out;
  core::DeviceType& type = out.type;
  type.name = row.text(first);
  const RowReader read{"device_type", type.name, out.unreadable};
  out.client = read("client", client_of(row.text(first + 1)));
  type.components = read("components", strings(row.text(first + 2)));
  type.order = read("steps", string_lists(row.text(first + 3)));
  type.ask = read("ask", ask_of(row.text(first + 4)));
  type.ends_on = read("ends_on", ends_on_of(row.text(first + 5)));
  type.power_on_within = std::chrono::seconds{read("power_on_within", small(row, first + 6))};
  type.probe = read("probe", probe_of(row.text(first + 7)));
  type.parts = read("parts", string_map(row.text(first + 8)));
  type.bytes_from = read("bytes_from", bytes_from_of(row.text(first + 9)));
  type.also_called = read("also_called", other_names(row.text(first + 10)));
  type.closes_early = out.client == core::Client::kRauc && type.ends_on == core::EndsOn::kClosed;
  return out;
}

std::optional<core::OtherType> other_type_at(const Statement& row, int first, const std::string& entered) {
  core::DeviceType type;
  type.name = entered;
  type.also_called = or_empty(other_names(row.text(first + 1)));
  return core::other_type(or_empty(string_map(row.text(first))), type);
}

namespace {

core::RolloutState state_from(std::string_view name, std::string by, std::string why, std::string_view cause,
                              std::string_view before, std::optional<WallTime> soak_until) {
  const core::RolloutSoaking soaking{soak_until.value_or(WallTime{})};
  if (name == "scheduled") return core::RolloutScheduled{};
  if (name == "held") return core::RolloutHeld{};
  if (name == "soaking") return soaking;
  if (name == "waiting_approval") return core::RolloutWaitingApproval{};
  if (name == "finished") return core::RolloutFinished{};
  if (name == "aborted") return core::RolloutAborted{std::move(by), std::move(why)};
  if (name == "running") return core::RolloutRunning{};
  core::RolloutPaused paused;  // also where the word is not known: an operator resumes it, or aborts it
  paused.cause = cause == "failures" ? core::PauseCause::kFailures : core::PauseCause::kOperator;
  paused.by = std::move(by);
  paused.why = std::move(why);
  paused.before = core::RolloutRunning{};
  if (before == "scheduled") paused.before = core::RolloutScheduled{};
  if (before == "held") paused.before = core::RolloutHeld{};
  if (before == "soaking") paused.before = soaking;
  if (before == "waiting_approval") paused.before = core::RolloutWaitingApproval{};
  return paused;
}

std::optional<WallTime> soak_of(const core::RolloutState& state) {
  const auto* soaking = std::get_if<core::RolloutSoaking>(&state);
  return soaking == nullptr ? std::nullopt : std::optional{soaking->until};
}

}  // namespace

void check_terms(const RowReader& read, const Statement& row, int first) {
  read("delivery", delivery_of(row.text(first)));
  check_progress(read, row, first);
  read("before_pause", before_pause_of(row.text(first + 8)));
  read("computed", flag(row, first + 12));
  read("transmit_at", maybe_time(row, first + 1));
  read("update_at", sure_time(row, first + 2));
  read("expires_at", sure_time(row, first + 3));
  read("soak_until", maybe_time(row, first + 9));
}

void check_progress(const RowReader& read, const Statement& row, int first) {
  read("state", state_of(row.text(first + 4)));
  read("phases", phase_count_at(row, first + 11));
  read("released", released_of(row, first));
}

Result<std::int64_t> released_of(const Statement& row, int first) {
  const auto phases = phase_count_at(row, first + 11);
  const std::int64_t most = phases ? *phases : static_cast<std::int64_t>(core::kMostPhases);
  DRAY_TRY(const std::int64_t number, between(0, most, row, first + 10));
  const core::Rollout r = rollout_at(row, first);
  // Of a paused one: what it comes back to is found by this number.
  if (!phases || core::is_paused(r) || core::fits(r)) return number;
  return Error{ErrorCode::kInvalid,
               std::to_string(number) + " does not go with the state '" + std::string{core::state_name(r.state)} + "'"};
}

void check_numbers(const RowReader& read, const Statement& row, int first) {
  read("priority", priority_at(row, first));
  read("retry_limit", maybe_small(row, first + 1));
  read("status_deferral", small(row, first + 2));
}

core::Rollout rollout_at(const Statement& row, int first) {
  core::Rollout out;
  out.terms.delivery = row.text(first) == "pull" ? core::Delivery::kPull : core::Delivery::kPush;
  if (!row.is_null(first + 1)) out.terms.transmit_at = time_or_never(row, first + 1);
  out.terms.update_at = time_or_never(row, first + 2);
  out.terms.expires_at = time_or_never(row, first + 3);
  std::optional<WallTime> soak_until;
  if (!row.is_null(first + 9)) soak_until = time_or_never(row, first + 9);
  out.state = state_from(row.text(first + 4), row.text(first + 5), row.text(first + 6), row.text(first + 7),
                         row.text(first + 8), soak_until);
  const auto released = whole(row, first + 10), known = phase_count_at(row, first + 11);
  if (!known && !core::is_over(out)) {  // how much is left is not known, so nothing goes on
    core::RolloutPaused paused;
    paused.before = core::RolloutRunning{};
    out.state = std::move(paused);
  }
  const std::int64_t phases = known ? *known : std::clamp<std::int64_t>(released ? *released : 1, 1, static_cast<std::int64_t>(core::kMostPhases));
  // All of them where it can't be read: then none is released that was not, and an end ends them all.
  out.released = static_cast<std::size_t>(released ? std::clamp<std::int64_t>(*released, 0, phases) : phases);
  out.phases.resize(static_cast<std::size_t>(phases));
  const auto computed = flag(row, first + 12);
  out.terms.computed = !computed || *computed;
  return out;
}

StateColumns columns_of(const core::RolloutState& state) {
  StateColumns out;
  out.state = core::state_name(state);
  out.soak_until = soak_of(state);
  if (const auto* aborted = std::get_if<core::RolloutAborted>(&state)) {
    out.by = aborted->by;
    out.why = aborted->why;
  }
  if (const auto* paused = std::get_if<core::RolloutPaused>(&state)) {
    out.by = paused->by;
    out.why = paused->why;
    out.pause_cause = paused->cause == core::PauseCause::kFailures ? "failures" : "operator";
    const auto before = std::visit([](const auto& was) { return core::RolloutState{was}; }, paused->before);
    out.before_pause = core::state_name(before);
    out.soak_until = soak_of(before);
  }
  return out;
}

void check_phase(const RowReader& read, const Statement& row, int first) {
  read("terms", phase_terms(row.text(first)));
  read("accepted", small(row, first + 1));
  read("released_at", maybe_time(row, first + 2));
  read("reached_at", maybe_time(row, first + 3));
  read("approved_at", maybe_time(row, first + 4));
}

core::RolloutPhase phase_at(const Statement& row, int first) {
  core::RolloutPhase out;
  if (auto terms = phase_terms(row.text(first)))
    out.terms = std::move(*terms);
  else
    out.terms.approval = true;
  out.accepted = or_empty(small(row, first + 1));  // none: failures count again
  // A time that can't be read is none: the phase was not reached, and is to be approved.
  out.released_at = or_empty(maybe_time(row, first + 2));
  out.reached_at = or_empty(maybe_time(row, first + 3));
  if (const auto at = or_empty(maybe_time(row, first + 4)))
    out.approved = core::Approval{row.text(first + 5), row.text(first + 6), *at};
  return out;
}

void check_names(const std::string& sha256, std::vector<wire::Unreadable>& notes, const Statement& row, int name) {
  const RowReader read{"artifact", sha256, notes};
  read("name", name_of(row.text(name)));
  read("file", file_name_of(row.text(name + 1)));
  read("component", name_of(row.text(name + 2)));
  read("version", version_of(row.text(name + 3)));
}

void check_file(const std::string& sha256, std::vector<wire::Unreadable>& notes, const Statement& row, int name, int size) {
  const RowReader read{"blob", sha256, notes};
  if (row.is_null(name)) {
    read("bytes", Result<std::int64_t>{Error{ErrorCode::kNotFound, "there is no such row"}});
    return;
  }
  read("size", size_at(row, size));
  read("sha1", sha1_of(row.text(size + 1)));
  read("md5", md5_of(row.text(size + 2)));
}

Result<std::int64_t> release_of(StatementCache& sql, const wire::NewRollout& rollout) {
  auto& find = sql("SELECT id FROM release WHERE name=?1 AND version=?2");
  find.bind(1, rollout.release_name).bind(2, rollout.release_version);
  DRAY_TRY(const bool there, find.step());
  if (!there)
    return Error{ErrorCode::kInvalid,
                 "release: no such release: '" + rollout.release_name + "/" + rollout.release_version + "'"};
  const std::int64_t id = find.integer(0);
  find.reset();
  return id;
}

Result<std::vector<core::ReleaseArtifact>> release_artifacts(StatementCache& sql, std::int64_t release_id) {
  std::vector<core::ReleaseArtifact> out;
  auto& find = sql(
      "SELECT a.sha256, b.size, b.sha1, b.md5, a.name, a.file, a.component, a.version, a.id, a.device_types, b.sha256, "
      "r.position FROM release_artifact r LEFT JOIN artifact a ON a.id=r.artifact_id LEFT JOIN blob b ON b.sha256=a.sha256 "
      "WHERE r.release_id=?1 ORDER BY r.position");
  find.bind(1, release_id);
  for (;;) {
    DRAY_TRY(const bool row, find.step());
    if (!row) return out;
    core::ReleaseArtifact entry;
    core::Artifact& a = entry.artifact;
    std::vector<wire::Unreadable> notes;
    // Left out, devices would be matched with what is left of the release.
    a.sha256 = RowReader{"release_artifact", std::to_string(release_id) + "/" + find.text(11), notes}(
        "artifact_id", Sha256::parse(find.text(0)));
    check_file(find.text(0), notes, find, 10, 1);
    check_names(find.text(0), notes, find, 4);
    if (!notes.empty()) find.reset();
    DRAY_CHECK(readable(notes));
    a.size = or_empty(size_at(find, 1));
    a.sha1 = find.text(2);
    a.md5 = find.text(3);
    a.name = find.text(4);
    a.file = find.text(5);
    a.component = find.text(6);
    a.version = find.text(7);
    a.module_id = find.integer(8);
    entry.device_types = RowReader{"artifact", find.text(0), notes}("device_types", strings(find.text(9)));
    if (!notes.empty()) find.reset();
    DRAY_CHECK(readable(notes));
    out.push_back(std::move(entry));
  }
}

std::optional<std::string> device_field(std::string_view field, const std::string& name,
                                        const std::string& site, const std::string& type,
                                        const std::string& state, const core::Attributes& attributes,
                                        const core::RunningByComponent& running) {
  if (field == "name") return name;
  if (field == "site") return site;
  if (field == "type") return type;
  if (field == "state") return state.empty() ? std::string{core::to_string(core::JobState::kIdle)} : state;
  if (field.starts_with("version.")) {
    const auto found = running.find(std::string{field.substr(8)});
    if (found != running.end()) return found->second.version;
  } else if (field.starts_with("attribute.")) {
    const auto found = attributes.find(std::string{field.substr(10)});
    if (found != attributes.end()) return found->second;
  }
  return {};
}

}  // namespace dray::adapters::rows
