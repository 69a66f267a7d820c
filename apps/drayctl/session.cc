#include "session.h"

#include <iostream>

#include "base/bytes.h"

namespace dray::ctl {

void Session::print(const json::value& value) const { std::cout << wire::to_text(value) << std::endl; }

void Session::print_list(const std::vector<Column>& columns, const json::array& items) const {
  if (as_json)
    print(items);
  else if (items.empty())
    std::cout << "none\n";
  else
    std::cout << render_table(columns, items);
}

void Session::print_one(const std::vector<Column>& columns, const json::value& item) const {
  if (as_json)
    print(item);
  else
    std::cout << render_fields(columns, item);
}

Progress Session::progress(std::string name) const {
  if (!on_terminal) return [](std::string_view, std::uint64_t, std::uint64_t) {};
  return [name = std::move(name), shown = -1](std::string_view doing, std::uint64_t done, std::uint64_t total) mutable {
    const int percent = total == 0 ? 100 : static_cast<int>(done * 100 / total);
    if (percent == shown) return;
    shown = percent;
    const int filled = percent * 30 / 100;
    std::cerr << "\r" << name << "  " << doing << " [" << std::string(static_cast<std::size_t>(filled), '#')
              << std::string(static_cast<std::size_t>(30 - filled), ' ') << "] " << percent << " %  " << human_bytes(done) << " of "
              << human_bytes(total) << "   " << (percent == 100 && doing == "sending" ? "\n" : "") << std::flush;
  };
}

Result<adapters::NewSecret> place_for_token(const std::string& file) {
  if (file.empty()) return adapters::NewSecret{};
  return adapters::NewSecret::make(file);
}

Result<> hand_out(const Session& session, const json::value& answer, const std::string& what, adapters::NewSecret file) {
  const json::value* token = answer.is_object() ? answer.get_object().if_contains("token") : nullptr;
  if (token == nullptr || !token->is_string()) return {};
  const std::string text{token->get_string()};
  if (!file) {
    if (!session.as_json) std::cout << "token of " << what << " (shown once): " << text << "\n";
    return {};
  }
  if (const auto written = file.write(text); !written)
    return Error{written.error().code(), "can't write the token: " + written.error().message() + "; it is: " + text};
  if (!session.as_json) std::cout << "token of " << what << " written to " << file.file().string() << "\n";
  return {};
}

}  // namespace dray::ctl
