// The bodies of the admin API: each is taken or refused with words, whatever it holds.
#include "fuzz.h"
#include "wire/admin_api.h"

using namespace dray;

namespace {

template <class T>
void look_at(const Result<T>& read) {
  if (!read) fuzz::must_be_text(read.error().message());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  look_at(wire::decode_upload(text));
  look_at(wire::decode_artifact(text));
  look_at(wire::decode_device_type(text));
  look_at(wire::decode_device(text));
  look_at(wire::decode_devices(text));
  look_at(wire::decode_release(text));
  look_at(wire::decode_rollout(text));
  look_at(wire::decode_deferral(text));
  look_at(wire::decode_why(text));
  look_at(wire::decode_approval(text));
  look_at(wire::decode_retry(text));
  look_at(wire::decode_site_patch(text));
  if (const auto site = wire::decode_site(text)) {
    const auto limits = wire::encode_limits(site->limits);
    fuzz::must(wire::encode_limits(wire::decode_limits(wire::Node{limits, ""})) == limits, "limits are read back");
  } else {
    look_at(site);
  }
  return 0;
}
