// The device protocol: what devices send, as a gateway reads it, and what a server sends, as our agent reads it.
#include "fuzz.h"
#include "wire/ddi.h"
#include "wire/ddi_client.h"

using namespace dray;

namespace {

template <class T>
void look_at(const Result<T>& read) {
  if (!read) fuzz::must_be_text(read.error().message());
}

void must_be_text(const wire::DdiDray& dray) {
  for (const std::string* text : {&dray.answer, &dray.phase, &dray.by, &dray.why}) fuzz::must(is_utf8(*text), "dray members are text");
  if (dray.until) fuzz::must(static_cast<bool>(parse_rfc3339(to_rfc3339(*dray.until))), "until can be written");
}

void read_as_gateway(std::string_view text) {
  if (const auto feedback = wire::decode_ddi_feedback(text)) {
    for (const std::string& line : feedback->details) fuzz::must(is_utf8(line), "details are text");
    must_be_text(feedback->dray);
  } else {
    look_at(feedback);
  }
  if (const auto answer = wire::decode_ddi_confirmation(text)) must_be_text(answer->dray);
  if (const auto data = wire::decode_ddi_config_data(text))
    for (const auto& [key, value] : data->data) fuzz::must(is_utf8(key) && is_utf8(value.value_or("")), "attributes are text");
  look_at(wire::decode_ddi_config_data(text));
  look_at(wire::decode_ddi_installed(text));
  look_at(wire::decode_ddi_probe(text));
  look_at(wire::decode_ddi_activation(text));
}

void read_as_agent(std::string_view text) {
  look_at(wire::client::decode_poll(text));
  look_at(wire::client::decode_deployment(text, {{"bApp", "app"}}));
  look_at(wire::client::decode_cancel(text));
  look_at(wire::client::action_in_link(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_as_gateway(text);
  read_as_agent(text);
  return 0;
}
