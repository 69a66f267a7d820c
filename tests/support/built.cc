#include "support/built.h"

#include "places.h"

namespace dray::testing_support {
namespace {

std::string joined(std::string folder, const char* name) {
  folder += '/';
  folder += name;
  return folder;
}

}  // namespace

std::string built(const char* program) { return joined(DRAY_BIN_DIR, program); }

std::string in_sources(const char* file) { return joined(DRAY_SOURCE_DIR, file); }

}  // namespace dray::testing_support
