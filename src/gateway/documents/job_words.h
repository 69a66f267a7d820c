// The words of a job's document, in the order of the numbers that stood for them in format 1. Private to
// job_read.cc and job_write.cc.
#pragma once

#include "core/update/job.h"
#include "gateway/documents/format.h"

namespace dray::gateway::documents {

inline constexpr std::array<Word<core::Delivery>, 2> kDeliveries{
    {{"pull", core::Delivery::kPull}, {"push", core::Delivery::kPush}}};
inline constexpr std::array<Word<core::Fetch>, 3> kFetches{{{"at_update_time", core::Fetch::kAtUpdateTime},
                                                            {"hold", core::Fetch::kHold},
                                                            {"now", core::Fetch::kNow}}};
inline constexpr std::array<Word<core::Ask>, 2> kAsks{
    {{"confirmation", core::Ask::kConfirmation}, {"poll", core::Ask::kPoll}}};
inline constexpr std::array<Word<core::EndsOn>, 2> kEndings{
    {{"power_on", core::EndsOn::kPowerOn}, {"closed", core::EndsOn::kClosed}}};
inline constexpr std::array<Word<core::BytesFrom>, 2> kSources{
    {{"gateway", core::BytesFrom::kGateway}, {"elsewhere", core::BytesFrom::kElsewhere}}};
inline constexpr std::array<Word<core::FailureKind>, 6> kFailures{
    {{"device_reported", core::FailureKind::kDeviceReported},
     {"refused", core::FailureKind::kRefused},
     {"rolled_back", core::FailureKind::kRolledBack},
     {"no_power_on", core::FailureKind::kNoPowerOn},
     {"without_bytes", core::FailureKind::kWithoutBytes},
     {"went_back", core::FailureKind::kWentBack}}};
inline constexpr std::array<Word<core::DeferCause>, 2> kCauses{
    {{"device_busy", core::DeferCause::kDeviceBusy}, {"device_asked", core::DeferCause::kDeviceAsked}}};
inline constexpr std::array<Word<core::Stage>, 4> kStages{{{"received", core::Stage::kReceived},
                                                           {"working", core::Stage::kWorking},
                                                           {"switching", core::Stage::kSwitching},
                                                           {"verifying", core::Stage::kVerifying}}};
inline constexpr std::array<Word<core::ActionEnd>, 3> kEnds{{{"finished", core::ActionEnd::kFinished},
                                                             {"error", core::ActionEnd::kError},
                                                             {"canceled", core::ActionEnd::kCanceled}}};

// Phases by their places in core::JobPhase.
inline constexpr std::array<std::string_view, std::variant_size_v<core::JobPhase>> kPhases{
    "planned", "asked",      "deferred",  "ready",  "transmitting", "installing", "restarting",
    "backoff", "cancelling", "succeeded", "failed", "cancelled",    "expired",    "incompatible"};

}  // namespace dray::gateway::documents
