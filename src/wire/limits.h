// How long texts and how large numbers may be, on every wire and in every document: writers cut to these before they
// send or save, readers take whatever a writer may send. One set for all, because a text that one side accepts and
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

// Numbers that JSON's readers have in common (RFC 7493, 2.2); arithmetic survives sums of a thousand of them.
inline constexpr std::int64_t kMostInteger = (std::int64_t{1} << 53) - 1;
inline constexpr std::int64_t kMostAttempt = 1'000'000;
inline constexpr std::int64_t kMostEpochStep = 1'000;  // by how much an epoch may rise at once

}  // namespace dray::wire
