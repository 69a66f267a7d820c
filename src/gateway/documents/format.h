// What all documents of the gateway's store have in common (docs/formats.md): JSON objects with a member
// "format", words for enumerators, RFC 3339 for times.
//
// A reader takes every format up to its own, ignores members that it does not know, and says what it can't
// read: an Error, never an exception. Format 1 had no member "format", numbers for enumerators, and
// milliseconds since 1970. Pure. Private to this folder and to the parts of the gateway that keep documents
// of their own.
#pragma once

#include <array>

#include "wire/json.h"

namespace dray::gateway::documents {

inline constexpr std::int64_t kFormat = 2;  // what this program writes
inline constexpr std::size_t kLongestText =
    1 << 20;  // of one text in a document: all that was ever written is read

// kInvalid where it is no such document, or of a format that a later program wrote.
Result<wire::json::value> parse(std::string_view text);

// Calls f(Node) on a document that this program may understand.
template <class T, class F>
Result<T> read(std::string_view text, F f) {
  return wire::decode<T>(parse(text), std::move(f));
}

// The document of these members.
std::string write(wire::json::object members);
// A message that is kept as it was received or will be sent, with the format in front; `message` is a JSON
// object.
std::string write_message(std::string_view message);
// That a kept message is of a format that this program understands; its own reader then reads `text` as it
// is.
Result<> check_message(std::string_view text);

// --- values ---

std::string text_of(const wire::Node& node, std::string_view key);

// "never" is the end of time.
wire::json::value time_value(WallTime time);
wire::json::value maybe_time_value(const std::optional<WallTime>& time);
WallTime time_of(const wire::Node& node);
std::optional<WallTime> maybe_time_of(const wire::Node& node, std::string_view key);

// An enumerator and its word. In a table they stand in the order of the numbers that format 1 had; what came
// later stands behind.
template <class E>
struct Word {
  std::string_view word;
  E value;
};

template <class E, std::size_t N>
wire::json::value word_of(const std::array<Word<E>, N>& words, E value) {
  for (const Word<E>& one : words)
    if (one.value == value) return wire::json::value(one.word);
  return nullptr;
}

template <class E, std::size_t N>
E from_word(const std::array<Word<E>, N>& words, const wire::Node& node) {
  if (node.value().is_int64()) return words[static_cast<std::size_t>(node.integer(0, N - 1))].value;
  const std::string text = node.text(64);
  for (const Word<E>& one : words)
    if (one.word == text) return one.value;
  node.refuse("'" + text + "' is no word that is known here");
}

}  // namespace dray::gateway::documents
