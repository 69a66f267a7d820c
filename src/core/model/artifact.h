// An artifact: immutable bytes, named by SHA-256, that know what they are for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace dray::core {

struct Artifact {
  Sha256 sha256;
  std::string sha1, md5;  // for DDI clients only
  std::uint64_t size = 0;
  std::string name;       // "till-image"
  std::string file;       // "till-image.img", as devices see it
  std::string component;  // "os"
  std::string version;    // compared by equality, here and everywhere
  std::int64_t module_id = 0;  // DDI module, stable per artifact
  friend bool operator==(const Artifact&, const Artifact&) = default;
};

// What runs on a device, by its own report. The hash is there where its installer knows it.
struct Running {
  std::string version;
  std::string sha256;
  friend bool operator==(const Running&, const Running&) = default;
};
// It is this version: by its name, and by its hash where that is known. Two builds may have one name.
bool is_version(const Running& running, std::string_view version, const Sha256& sha256);
using RunningByComponent = std::map<std::string, Running>;

using Components = std::vector<std::string>;

}  // namespace dray::core
