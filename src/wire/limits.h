// How long texts and how large numbers may be, on every wire and in every document: writers cut to these before they
// send or save, readers take whatever a writer may send (text for people is cut by readers, too, never refused). One set for all, because a text that one side accepts and
// another refuses stops more than its own subject.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dray::wire {

// Bytes of UTF-8; text for people.
inline constexpr std::size_t kLongestLine = 4096;      // a line of a device's log, one detail of its feedback
inline constexpr std::size_t kLongestSentence = 4096;  // what we say about a subject
inline constexpr std::size_t kLongestWhy = 1024;       // what somebody gave as a reason
inline constexpr std::size_t kLongestBy = 128;         // who it was

// Characters; what devices say about themselves. In bytes up to four times as long.
inline constexpr std::size_t kLongestAttribute = 128;  // a key, or a value
inline constexpr std::size_t kLongestVersion = 128;
inline constexpr std::size_t kBytesOfCharacter = 4;

// Bytes; names and words. They are never cut, because two that differ would become one: what is longer is refused.
inline constexpr std::size_t kLongestId = 512;      // of a job or an assignment: made of other names
inline constexpr std::size_t kLongestTitle = 256;   // of devices, sites, types, components, artifacts, files
inline constexpr std::size_t kLongestWord = 64;     // for machines: states, kinds, choices, time zones
inline constexpr std::size_t kLongestLink = 4096;   // an address in an order

// How many.
inline constexpr std::size_t kMostDetails = 50;      // of one feedback, as in hawkBit
inline constexpr std::size_t kMostLines = 10'000;    // of one log report
inline constexpr std::size_t kMostAttributes = 100;  // of a device
inline constexpr std::size_t kMostOtherNames = 20;   // of a device type

// Bytes of a whole message. A plan of 10,000 devices, each with a job and ten attributes, has about 10 MiB.
inline constexpr std::size_t kMostPlanBytes = 16 << 20;

// Numbers that JSON's readers have in common (RFC 7493, 2.2); arithmetic survives sums of a thousand of them.
inline constexpr std::int64_t kMostInteger = (std::int64_t{1} << 53) - 1;
inline constexpr std::int64_t kMostAttempt = 1'000'000;
inline constexpr std::int64_t kMostStep = 1'000'000;  // the place of a step in a job
inline constexpr std::int64_t kMostSize = std::int64_t{1} << 50;  // bytes of an artifact, of a store: a pebibyte
inline constexpr std::int64_t kMostRate = std::int64_t{1} << 40;  // bytes per second
inline constexpr std::int64_t kMostSeconds = 10LL * 366 * 24 * 3600;  // of a span: ten years
inline constexpr std::int64_t kMostSamples = 1'000'000'000;
inline constexpr std::int64_t kMostConcurrency = 100'000;

}  // namespace dray::wire
