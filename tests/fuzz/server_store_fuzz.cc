// What a server reads back from the columns of its tables (src/adapters/columns): the first line is the form of the
// column, the rest what is in it.
#include "adapters/columns/columns.h"
#include "fuzz.h"
#include "wire/json.h"

using namespace dray;
using fuzz::round_trip;
namespace rows = dray::adapters::rows;
namespace times = dray::adapters::times;

namespace {

// "Always" is said by an empty list and by nothing else: no damage may read as it.
template <class Read, class Write>
void never_permits(const std::string& text, Read read, Write write) {
  if (!round_trip(text, read, write)) return;
  const auto value = read(text);
  const auto said = wire::parse_json(text);
  fuzz::must(said && said->is_array(), "only a list says when something may be");
  fuzz::must(value->empty() == said->get_array().empty(), "and only an empty one says always");
}

const auto kDoc = [](const auto& value) { return rows::doc(value); };
const auto kTimes = [](const auto& value) { return times::doc(value); };

void limits(const std::string& text) {
  if (!round_trip(text, rows::limits, kDoc)) return;
  const auto value = rows::limits(text);
  const auto said = wire::parse_json(text);
  const auto caps = [&](std::string_view member) {
    const auto* found = said->get_object().if_contains(member);
    return found != nullptr && found->is_array() ? found->get_array().size() : 0;
  };
  fuzz::must(value->wan.size() == caps("wan") && value->lan.size() == caps("lan"), "no cap is lost");
}

void documents(std::string_view form, const std::string& text) {
  if (form == "limits") limits(text);
  if (form == "windows") never_permits(text, rows::windows, kDoc);
  if (form == "black_outs") never_permits(text, rows::black_outs, kDoc);
  if (form == "intervals") never_permits(text, rows::intervals, kDoc);
  if (form == "computed") never_permits(text, times::intervals, kTimes);
  if (form == "shares") never_permits(text, times::shares, kTimes);
  if (form == "storage")
    round_trip(text, rows::storage, [](const auto& storage) { return storage ? rows::doc(*storage) : std::string{}; });
  if (form == "strings") round_trip(text, rows::strings, kDoc);
  if (form == "map") round_trip(text, rows::string_map, kDoc);
  if (form == "lists") round_trip(text, rows::string_lists, kDoc);
  if (form == "steps") round_trip(text, rows::steps, rows::doc_steps);
  if (form == "running") round_trip(text, rows::running, kDoc);
  if (form == "terms") round_trip(text, rows::phase_terms, kDoc);
}

template <class Read>
void word(const std::string& text, Read read) {
  const auto value = read(text);
  if (!value) fuzz::must_be_text(value.error().message());
}

void words(const std::string& text) {
  for (const auto read : {rows::state_of, rows::before_pause_of, rows::zone_of, rows::name_or_none}) {
    word(text, read);
    if (const auto value = read(text)) fuzz::must(*value == text, "a word stays as it is");
  }
  word(text, rows::client_of);
  word(text, rows::ask_of);
  word(text, rows::ends_on_of);
  word(text, rows::bytes_from_of);
  word(text, rows::delivery_of);
  word(text, rows::fetch_of);
  word(text, rows::filter_of);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view form = fuzz::next_line(rest);
  const std::string text{rest};
  documents(form, text);
  words(text);
  return 0;
}
