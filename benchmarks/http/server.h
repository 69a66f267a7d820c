// Our side of the comparison: HttpServer with a handler that answers at once, as a poll does, or with a file.
#pragma once

#include <filesystem>
#include <string>

namespace dray::bench {

// About what a DDI poll answers.
const std::string& poll_body();

// Serves until SIGTERM: /poll, and the files of `folder`. Writes its port to standard output.
int serve(const std::filesystem::path& folder);

}  // namespace dray::bench
