// Where the programs under test are: those of the build that the test belongs to.
#pragma once

#include <string>

namespace dray::testing_support {

// The path of a built program, "dray-server". Out of line: where a long path of the checkout is joined inside of a
// list of arguments, gcc 12 sees an array bound overrun that is not there.
std::string built(const char* program);

// The path of a file of the sources, "docs/server.sample.toml".
std::string in_sources(const char* file);

}  // namespace dray::testing_support
