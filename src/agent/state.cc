#include "agent/state.h"

namespace dray::agent {
namespace {

constexpr std::size_t kLargest = 4 << 20;  // a hundred parts whose addresses are escaped byte by byte

}  // namespace

Result<core::attempt::Attempt> load_state(Disk& disk) {
  DRAY_TRY(const std::string text, read_file(disk, Path{kStateFile}, kLargest));
  return decode_state(text);
}

Result<> save_state(Disk& disk, const core::attempt::Attempt& attempt) {
  return replace_file(disk, Path{kStateFile}, encode_state(attempt));
}

}  // namespace dray::agent
