// The array of POST reports, taken apart before it is parsed: each entry is read by itself. So an entry that
// is no JSON, too deep or of the wrong form is one bad entry, and at no time does the whole body stand in
// memory as a tree.
#include <string>

#include "base/text.h"
#include "wire/gateway_api.h"

namespace dray::wire {
namespace {

constexpr std::size_t kLongestWhat = 300, kLongestRefusal = 500;

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Goes over a JSON text without reading it: knows strings and brackets, and so where a value ends.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : rest_{text} {}

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }
  // Up to the comma or bracket that follows it; empty where there is no value, or it does not end.
  std::string_view value() {
    skip_blanks();
    std::size_t depth = 0, at = 0;
    bool quoted = false;
    for (; at < rest_.size(); ++at) {
      const char c = rest_[at];
      if (quoted) {
        if (c == '\\')
          ++at;
        else if (c == '"')
          quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '[' || c == '{') {
        ++depth;
      } else if (depth > 0 && (c == ']' || c == '}')) {
        --depth;
      } else if (depth == 0 && (c == ',' || c == ']')) {
        break;
      }
    }
    if (at >= rest_.size()) return {};
    const std::string_view out = rest_.substr(0, at);
    rest_.remove_prefix(at);
    return out;
  }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> number_at(const json::object& entry, std::string_view key) {
  const json::value* member = entry.if_contains(key);
  const std::int64_t* number = member == nullptr ? nullptr : member->if_int64();
  if (number == nullptr || *number < 0 || *number > kMostInteger) return {};
  return *number;
}

std::string text_at(const json::object& entry, std::string_view key) {
  const json::value* member = entry.if_contains(key);
  const json::string* text = member == nullptr ? nullptr : member->if_string();
  return text == nullptr ? std::string{} : std::string{*text};
}

// What can still be said of an entry that is wrong.
BadReport bad_entry(const json::value* parsed, std::size_t index, const Error& error) {
  BadReport out{{}, "entry " + std::to_string(index), clean_text(error.message(), kLongestRefusal)};
  const json::object* entry = parsed == nullptr ? nullptr : parsed->if_object();
  if (entry == nullptr) return out;
  const auto epoch = number_at(*entry, "epoch"), seq = number_at(*entry, "seq");
  if (epoch && seq) out.place = core::ReportsSeen{*epoch, *seq};
  const std::string kind = text_at(*entry, "kind");
  if (kind.empty()) return out;
  std::string subject;
  for (const std::string_view key : {"job", "device", "id"})
    if (subject.empty()) subject = text_at(*entry, key);
  out.what = clean_text(subject.empty() ? kind : kind + " " + subject, kLongestWhat);
  return out;
}

void add_entry(std::string_view text, std::size_t index, ReportEntries& out) {
  const auto parsed = parse_sloppy_json(text);
  if (!parsed) return out.bad.push_back(bad_entry(nullptr, index, parsed.error()));
  auto report = decode_parsed_report(*parsed);
  if (!report) return out.bad.push_back(bad_entry(&*parsed, index, report.error()));
  out.good.push_back(std::move(*report));
}

}  // namespace

Result<ReportEntries> decode_entries(std::string_view text) {
  const auto refuse = [](std::string why) { return Error{ErrorCode::kInvalid, "body: " + std::move(why)}; };
  if (text.size() > kMostReportBytes)
    return refuse("is larger than " + std::to_string(kMostReportBytes) + " bytes");
  Splitter rest{text};
  if (!rest.take('[')) return refuse("must be a JSON array");
  ReportEntries out;
  std::vector<std::string_view> entries;
  for (bool more = !rest.take(']'); more;) {
    const std::string_view entry = rest.value();
    if (entry.empty()) return refuse("is no JSON array, or ends within it");
    if (entries.size() == kMostReports)
      return refuse("has more than " + std::to_string(kMostReports) + " elements");
    entries.push_back(entry);
    more = rest.take(',');
    if (!more && !rest.take(']')) return refuse("is no JSON array, or ends within it");
  }
  if (!rest.at_end()) return refuse("has something behind its array");
  for (std::size_t i = 0; i < entries.size(); ++i) add_entry(entries[i], i, out);
  return out;
}

std::string describe_subject(const Report& report) {
  std::string subject = subject_of(report);
  if (const auto slash = subject.find('/'); slash != std::string::npos) subject[slash] = ' ';
  return clean_text(subject, kLongestWhat);
}

}  // namespace dray::wire
