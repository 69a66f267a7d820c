// Columns of the server's tables as values and back; shared by the store and the lists. Internal to the
// adapter.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/columns/columns.h"
#include "adapters/sqlite/server_store.h"
#include "core/rollout/split.h"

namespace dray::adapters::rows {

Error no_such(std::string_view what, std::string_view name);  // kNotFound

void bind_time(Statement& statement, int index, const std::optional<WallTime>& time);
void bind_number(Statement& statement, int index, std::size_t number);
std::optional<WallTime> time_at(const Statement& statement, int column);

// Of columns that decide: the tables take text where a number belongs, and SQLite reads that as 0, which would mean
// "long ago". kInvalid: it is no number.
Result<std::int64_t> whole(const Statement& row, int column);
Result<WallTime> sure_time(const Statement& row, int column);
Result<std::uint64_t> size_at(const Statement& row, int column);           // bytes of a file
Result<std::optional<WallTime>> maybe_time(const Statement& row, int column);
Result<WallTime> stamp(const Statement& row, int column);                  // of our own clock, or later than that: not before 1970
Result<std::optional<WallTime>> maybe_stamp(const Statement& row, int column);
Result<bool> flag(const Statement& row, int column);                       // 0 or 1
Result<std::optional<std::int64_t>> maybe_whole(const Statement& row, int column);
Result<std::int64_t> small(const Statement& row, int column);              // 0 to 2^31-1: spans in seconds, counts
Result<std::optional<std::int64_t>> maybe_small(const Statement& row, int column);
Result<std::int64_t> priority_at(const Statement& row, int column);
Result<std::int64_t> phase_count_at(const Statement& row, int column);     // how many phases a rollout has
// A number that decides nothing: the nearest between 0 and the most that it can be.
std::int64_t bounded(const Statement& row, int column, std::int64_t most);
// One that can't be read never comes.
WallTime time_or_never(const Statement& row, int column);

// Reads columns of one row; what can't be read is noted, and empty in what comes back. Whoever acts on it looks at the
// notes first.
class RowReader {
 public:
  RowReader(std::string_view table, std::string key, std::vector<wire::Unreadable>& notes)
      : table_{table}, key_{std::move(key)}, notes_{notes} {}
  template <class T>
  T operator()(std::string_view column, Result<T> read) const {
    if (read) return std::move(*read);
    notes_.push_back({table_, key_, std::string{column}, read.error().message()});
    return T{};
  }

 private:
  std::string table_, key_;
  std::vector<wire::Unreadable>& notes_;
};
// kCorrupt with the first of the notes, where there are any.
Result<> readable(const std::vector<wire::Unreadable>& notes);
core::SiteWindows windows_at(const RowReader& read, const Statement& row, int transfer);  // three columns in a row

// "r12" -> 12; "r12-till-014" -> 12, 1 and "till-014"; "r12.2-till-014" is the same device's second job.
std::optional<std::int64_t> rollout_number(std::string_view id);
struct JobKey {
  std::int64_t rollout = 0, generation = 1;
  std::string device;
};
std::optional<JobKey> job_key(std::string_view id);
inline std::string rollout_id(std::int64_t number) { return "r" + std::to_string(number); }
JobId job_id(std::int64_t rollout, std::int64_t generation, const std::string& device);

// "('failed', 'expired')": the words of the states that are so.
std::string states_that(bool (*are_so)(core::JobState));

// Of job j the numbers that say which job it is and when it comes into a plan: a number that can't be one is as bad as
// text. Which try it is, is counted behind those that have ended; its phase is one of those that its rollout has.
#define DRAY_PAST_OF_J "coalesce((SELECT max(p.generation) FROM job_past p WHERE p.job_id=j.id AND p.generation BETWEEN 1 AND 999999), 0)"
#define DRAY_PHASES_OF_J                                                                                               \
  "coalesce((SELECT max(CASE WHEN o.phases BETWEEN 1 AND 50 THEN o.phases ELSE 50 END, coalesce((SELECT max(p.number)+1 FROM " \
  "rollout_phase p WHERE p.rollout_id=o.id), 0)) FROM rollout o WHERE o.id=j.rollout_id), 50)"
#define DRAY_GENERATION_OF_J_IS_SOUND \
  "(typeof(j.generation)='integer' AND j.generation BETWEEN 1 AND 1000000 AND j.generation > " DRAY_PAST_OF_J ")"
#define DRAY_PHASE_OF_J_IS_SOUND "(typeof(j.phase)='integer' AND j.phase BETWEEN 0 AND 49 AND j.phase < " DRAY_PHASES_OF_J ")"
static_assert(core::kMostPhases == 50);
inline constexpr std::string_view kPastOfJ = DRAY_PAST_OF_J, kPhasesOfJ = DRAY_PHASES_OF_J,
                                  kPhaseOfJIsSound = DRAY_PHASE_OF_J_IS_SOUND,
                                  kGenerationOfJIsSound = DRAY_GENERATION_OF_J_IS_SOUND;
// Where they can't be read: the try after those that have ended; the first phase.
inline constexpr std::string_view kGenerationOfJ =
    "CASE WHEN " DRAY_GENERATION_OF_J_IS_SOUND " THEN j.generation ELSE 1+" DRAY_PAST_OF_J " END";
inline constexpr std::string_view kPhaseOfJ = "CASE WHEN " DRAY_PHASE_OF_J_IS_SOUND " THEN j.phase ELSE 0 END";
#undef DRAY_PAST_OF_J
#undef DRAY_PHASES_OF_J
#undef DRAY_GENERATION_OF_J_IS_SOUND
#undef DRAY_PHASE_OF_J_IS_SOUND
inline constexpr std::string_view kJobNumbersOfJ = "j.phase, j.generation, j.withheld, j.cancel_at, j.final";
// Of these columns and then of kPhasesOfJ and kPastOfJ.
inline constexpr int kJobNumbersCount = 7;
void check_job(const RowReader& read, const Statement& row, int first);
Result<std::int64_t> job_phase(const Statement& row, int column, int phases);
Result<std::int64_t> job_generation(const Statement& row, int column, int past);

// Columns in this order, from `first` on.
inline constexpr std::string_view kResultColumns =
    "j.state, j.reason, j.sentence, j.until, j.update_at, j.step, j.attempt, j.bytes, j.running, j.late, "
    "j.cancel_id, "
    "j.cancel_answer, j.cause_reason, j.cause";
inline constexpr int kResultCount = 14;
core::JobResult result_at(const Statement& row, int first);
// "" and "" where there is none.
std::optional<core::Cause> cause_at(const Statement& row, int first);

inline constexpr std::string_view kTypeColumns =
    "name, client, components, steps, ask, ends_on, power_on_within, probe, parts, bytes_from, also_called";
wire::NewDeviceType type_at(const Statement& row, int first);
// Of two columns: what the device says, and by what other names its type is called. What can't be read of them is named
// elsewhere, and says nothing here: this is for people.
std::optional<core::OtherType> other_type_at(const Statement& row, int first, const std::string& entered);

inline constexpr std::string_view kTermsColumns =
    "delivery, transmit_at, update_at, expires_at, state, state_by, state_why, pause_cause, before_pause, "
    "soak_until, released, phases, computed";
inline constexpr std::string_view kTermsColumnsOfR =
    "r.delivery, r.transmit_at, r.update_at, r.expires_at, r.state, r.state_by, r.state_why, r.pause_cause, "
    "r.before_pause, r.soak_until, r.released, r.phases, r.computed";
inline constexpr int kTermsCount = 13;
inline constexpr std::string_view kSitesInPlan = "SELECT site_id FROM assignment WHERE rollout_id=?1 AND in_plan=1";
// Where that can't be read, nothing is due, nothing has expired, no soak time has passed, its times are taken as computed,
// and a state or a number of phases means paused; check_terms() says it.
// As many phases as there are, but empty: they are in a table of their own.
void check_terms(const RowReader& read, const Statement& row, int first);
core::Rollout rollout_at(const Statement& row, int first);
// Of these columns those that say how far it is: state, phases, released.
void check_progress(const RowReader& read, const Statement& row, int first);
// How many phases have begun, of these columns: not more than there are, where that can be read, and as the state has it.
Result<std::int64_t> released_of(const Statement& row, int first);
// priority, retry_limit, status_deferral, in this order.
void check_numbers(const RowReader& read, const Statement& row, int first);

// A column as sure_time() reads it, in SQL.
std::string is_time(std::string_view column);

// The inverse of rollout_at for the state.
struct StateColumns {
  std::string_view state = "", pause_cause = "", before_pause = "";  // no null: that would be NULL
  std::string by, why;
  std::optional<WallTime> soak_until;
};
StateColumns columns_of(const core::RolloutState& state);

inline constexpr std::string_view kPhaseColumns =
    "terms, accepted, released_at, reached_at, approved_at, approved_by, approved_why";
inline constexpr int kPhaseCount = 7;
// Terms that can't be read need an approval.
core::RolloutPhase phase_at(const Statement& row, int first);
void check_phase(const RowReader& read, const Statement& row, int first);

// name, file, component, version, in this order.
void check_names(const std::string& sha256, std::vector<wire::Unreadable>& notes, const Statement& row, int name);
// What is known of an artifact's file: its name, which is NULL where there is no such row, and size, sha1 and md5.
void check_file(const std::string& sha256, std::vector<wire::Unreadable>& notes, const Statement& row, int name, int size);

// The number of the release that a rollout asks for. kInvalid: there is none.
Result<std::int64_t> release_of(StatementCache& sql, const wire::NewRollout& rollout);
// The artifacts of a release, in its order.
Result<std::vector<core::ReleaseArtifact>> release_artifacts(StatementCache& sql, std::int64_t release_id);

std::optional<std::string> device_field(std::string_view field, const std::string& name,
                                        const std::string& site, const std::string& type,
                                        const std::string& state, const core::Attributes& attributes,
                                        const core::RunningByComponent& running);

}  // namespace dray::adapters::rows
