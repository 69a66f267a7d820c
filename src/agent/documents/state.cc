#include "agent/documents/state.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/json.h"

namespace dray::agent {
namespace {

namespace json = wire::json;
using namespace core::attempt;  // the phases by their names, here only
using wire::Node;

constexpr int kStateVersion = 1;
constexpr int kMostStartsKept = 1'000'000;
constexpr std::array<std::string_view, 4> kAnswers{"ready", "busy", "defer", "refuse"};

// What was said by people, installers and checks: whatever it was, the document can be read again.
std::string said(std::string_view text) { return clean_lines(text, wire::kLongestSentence); }
std::string read_said(const Node& node) {
  if (!node.value().is_string()) node.refuse("must be a string");
  return said(node.value().get_string());
}

json::object order_json(const Order& order) {
  json::array parts;
  for (const Part& p : order.parts)
    parts.push_back(json::object{{"component", mend_utf8(p.component)},
                                 {"version", mend_utf8(p.version)},
                                 {"sha256", p.sha256.hex()},
                                 {"sha1", p.sha1},
                                 {"size", p.size},
                                 {"url", mend_utf8(p.url)}});
  return {{"action", order.action.value()}, {"hold", order.hold}, {"parts", std::move(parts)}};
}

Order order_of(const Node& node) {
  Order order{ActionId{node.at("action").integer()}, {}, node.at("hold").boolean()};
  node.at("parts").each([&](const Node& p) {
    Part part{p.at("component").text(), p.at("version").text(), {},
              p.at("sha1").text(),      p.at("size").size(),    p.at("url").text()};
    if (!p.at("sha256").text().empty()) part.sha256 = p.at("sha256").sha256();
    order.parts.push_back(std::move(part));
  });
  return order;
}

// Members of a phase, both ways, by one list: order, action, part, why, left, by, boot_id, undone, answer,
// ended.
template <class P>
json::object encode_phase(const P& p) {
  json::object out;
  if constexpr (requires { p.order; }) out["order"] = order_json(p.order);
  if constexpr (requires { p.action; }) out["action"] = p.action.value();
  if constexpr (requires { p.part; }) out["part"] = p.part;
  if constexpr (requires { p.answer; }) out["answer"] = kAnswers[static_cast<std::size_t>(p.answer)];
  if constexpr (requires { p.why; }) out["why"] = said(p.why);
  if constexpr (requires { p.left; }) out["left"] = p.left.count();
  if constexpr (requires { p.by; }) out["by"] = said(p.by);
  if constexpr (requires { p.boot_id; }) out["boot_id"] = said(p.boot_id);
  if constexpr (requires { p.undone; }) out["undone"] = p.undone;
  if constexpr (requires { p.again; }) out["again"] = p.again;
  if constexpr (requires { p.ended; }) {
    out["reported"] = p.ended.reported;
    out["tidied"] = p.ended.tidied;
  }
  return out;
}

AnswerKind decode_answer(const Node& node) {
  const std::string word = node.text();
  for (std::size_t i = 0; i < kAnswers.size(); ++i)
    if (kAnswers[i] == word) return static_cast<AnswerKind>(i);
  node.refuse("is no answer");
}

json::value encode_word(const std::optional<Word>& word) {
  if (!word) return nullptr;
  json::object out{{"answer", kAnswers[static_cast<std::size_t>(word->kind)]},
                   {"action", word->action.value()},
                   {"by", said(word->by)},
                   {"why", said(word->why)}};
  if (word->left) out["left"] = word->left->count();
  return out;
}

Word decode_word(const Node& node) {
  Word word{decode_answer(node.at("answer")),
            ActionId{node.at("action").integer()},
            read_said(node.at("by")),
            read_said(node.at("why")),
            {}};
  if (const auto left = node.maybe("left")) word.left = Duration{left->integer(0)};
  return word;
}

template <class P>
void decode_phase(const Node& node, P& p) {
  if constexpr (requires { p.order; }) p.order = order_of(node.at("order"));
  if constexpr (requires { p.action; }) p.action = ActionId{node.at("action").integer()};
  if constexpr (requires { p.part; }) p.part = node.at("part").size();
  if constexpr (requires { p.answer; }) p.answer = decode_answer(node.at("answer"));
  if constexpr (requires { p.why; }) p.why = read_said(node.at("why"));
  if constexpr (requires { p.left; }) p.left = Duration{node.at("left").integer(0)};
  if constexpr (requires { p.by; }) p.by = read_said(node.at("by"));
  if constexpr (requires { p.boot_id; }) p.boot_id = read_said(node.at("boot_id"));
  if constexpr (requires { p.undone; }) p.undone = node.at("undone").boolean();
  if constexpr (requires { p.again; })
    if (const auto again = node.maybe("again")) p.again = again->boolean();
  if constexpr (requires { p.ended; }) p.ended = {node.at("reported").boolean(), node.at("tidied").boolean()};
  if constexpr (requires { p.part; })
    if (p.part >= p.order.parts.size()) node.at("part").refuse("is past the end of the order");
}

template <std::size_t I = 0>
Phase decode_any(std::string_view name, const Node& node) {
  if constexpr (I == std::variant_size_v<Phase>) {
    node.refuse("is no known phase");
  } else {
    std::variant_alternative_t<I, Phase> phase{};
    if (phase_name(Phase{phase}) != name) return decode_any<I + 1>(name, node);
    decode_phase(node, phase);
    return phase;
  }
}

}  // namespace

std::string encode_state(const Attempt& attempt) {
  json::object spool;
  for (const auto& [name, offset] : attempt.spool) spool[name] = offset;
  json::object phase = std::visit([](const auto& p) { return encode_phase(p); }, attempt.phase);
  return wire::to_text(json::object{{"version", kStateVersion},
                                    {"phase", phase_name(attempt.phase)},
                                    {"data", std::move(phase)},
                                    {"spool", std::move(spool)},
                                    {"starts", std::min(attempt.starts, kMostStartsKept)},
                                    {"word", encode_word(attempt.word)},
                                    {"answered", attempt.answered.value()}}) +
         "\n";
}

Result<Attempt> decode_state(std::string_view text) {
  return wire::decode<Attempt>(wire::parse_json(text), [](const Node& root) {
    root.at("version").integer(kStateVersion, kStateVersion);
    Attempt out;
    out.phase = decode_any(root.at("phase").text(), root.at("data"));
    root.at("spool").members(
        [&](std::string_view name, const Node& offset) { out.spool[std::string{name}] = offset.size(); });
    out.starts = static_cast<int>(root.at("starts").integer(0, kMostStartsKept));
    if (const auto word = root.maybe("word")) out.word = decode_word(*word);
    if (const auto question = root.maybe("answered")) out.answered = ActionId{question->integer()};
    return out;
  });
}

}  // namespace dray::agent
