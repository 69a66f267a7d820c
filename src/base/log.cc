#include "base/log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"

namespace dray {
namespace {

// A value that holds a space, '"', '=' or a control character is quoted, so that a line stays one line.
void append_value(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\\") == value.npos &&
                     std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      line += c == '\n' ? "\\n" : "?";
    else
      line += c;
  }
  line += '"';
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
  }
  return "error";
}

Result<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError})
    if (to_string(level) == text) return level;
  return Error{ErrorCode::kInvalid, "'" + std::string{text} + "' is not one of debug, info, warn, error"};
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  if (!shared_ || level < shared_->least) return;
  std::string line = to_rfc3339(shared_->now());
  line += ' ';
  line += to_string(level);
  line += ' ';
  line += event;
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, mend_utf8(field.value));
  }
  shared_->sink(level, line);
}

Log::Sink stderr_sink() {
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  return [journal](Level level, std::string_view line) {
    std::string out;
    if (journal) {
      static constexpr const char* kPriority[] = {"<7>", "<6>", "<4>", "<3>"};
      out = kPriority[static_cast<int>(level)];
      line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
    }
    out += line;
    out += '\n';
    std::fwrite(out.data(), 1, out.size(), stderr);  // one call: lines of several threads do not mix
  };
}

}  // namespace dray
