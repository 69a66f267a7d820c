// What the server's tables hold as text: documents and words of single columns, as values and back
// (docs/formats-server.md). Pure; a library of its own, so that what reads is tried without a database.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/rollout/rollout.h"
#include "wire/admin_api.h"
#include "wire/gateway_api.h"

namespace dray::adapters::rows {

inline std::int64_t ms(WallTime time) { return time.time_since_epoch().count(); }
// What can be no time becomes the nearest that can: sums and differences of what comes out stay within their type.
inline WallTime wall(std::int64_t count) { return WallTime{Duration{std::clamp(count, ms(kWrittenMin), ms(kWrittenMax))}}; }

std::string doc(const std::vector<std::string>& items);
std::string doc(const std::map<std::string, std::string>& items);
std::string doc(const std::vector<core::Components>& items);
std::string doc_steps(const std::vector<core::Step>& steps);
std::string doc(const core::RunningByComponent& running);
std::string doc(const core::Intervals& intervals);
std::string doc(const core::SiteLimits& limits);
std::string doc(const std::vector<core::Window>& windows);
std::string doc(const std::vector<core::BlackOut>& black_outs);
std::string doc(const wire::StorageReport& storage);
std::string doc(const core::PhaseTerms& phase);

// What the database holds was written by doc(), perhaps of a later version: members that are not known here are passed
// over. Anything else is kInvalid, and never what an empty document would mean.
Result<std::vector<std::string>> strings(const std::string& text);
Result<std::vector<std::string>> other_names(const std::string& text);  // of a device type, within their limits
Result<std::map<std::string, std::string>> string_map(const std::string& text);
Result<std::vector<core::Components>> string_lists(const std::string& text);
Result<std::vector<core::Step>> steps(const std::string& text);
Result<core::RunningByComponent> running(const std::string& text);
Result<core::Intervals> intervals(const std::string& text);
Result<core::SiteLimits> limits(const std::string& text);
Result<std::vector<core::Window>> windows(const std::string& text);
Result<std::vector<core::BlackOut>> black_outs(const std::string& text);
Result<core::PhaseTerms> phase_terms(const std::string& text);
Result<std::optional<wire::StorageReport>> storage(const std::string& text);

// Words. A word that is not known is kInvalid too: whoever reads takes what permits least in its place.
Result<core::Client> client_of(const std::string& word);
Result<core::Ask> ask_of(const std::string& word);
Result<core::EndsOn> ends_on_of(const std::string& word);
Result<core::BytesFrom> bytes_from_of(const std::string& word);
Result<core::Delivery> delivery_of(const std::string& word);
Result<core::Fetch> fetch_of(const std::string& word);
Result<std::string> state_of(const std::string& word);         // of a rollout
Result<std::string> before_pause_of(const std::string& word);  // "": it is not paused
Result<core::Filter> filter_of(const std::string& text);       // of devices
Result<std::string> zone_of(const std::string& name);          // whether there is such a time zone is asked elsewhere
Result<std::string> name_or_none(const std::string& name);     // of a device; "": none

// Lower-case hexadecimal digits, exactly as many as the digest has.
Result<std::string> sha1_of(const std::string& text);
Result<std::string> md5_of(const std::string& text);
Result<std::string> token_hash_of(const std::string& text);  // SHA-256

// What plans hand on as it is, so it has to be what every gateway takes: valid UTF-8 without controls, and not too long.
Result<std::string> name_of(const std::string& text);     // of an artifact, of a component
Result<std::string> device_name_of(const std::string& text);
Result<std::string> file_name_of(const std::string& text);
Result<std::string> version_of(const std::string& text);
Result<std::string> probe_of(const std::string& text);    // how a device is asked; "": it is not

// For what is only shown, or told again soon, and decides nothing.
template <class T>
T or_empty(Result<T> read) {
  return read ? std::move(*read) : T{};
}

}  // namespace dray::adapters::rows

namespace dray::adapters::times {

// Of computed times: in milliseconds, and exactly: an interval may be without an instant ("never").
std::string doc(const core::Intervals& intervals);
Result<core::Intervals> intervals(const std::string& text);
std::string doc(const std::vector<core::RateLimit>& shares);
Result<std::vector<core::RateLimit>> shares(const std::string& text);

}  // namespace dray::adapters::times
