// A scripted DDI device over real sockets: asks, fetches and answers as a test says. Blocking; one connection a request.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <string>

namespace dray::testing_support {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  boost::json::value json() const { return boost::json::parse(body); }
};

// Throws std::runtime_error where there is no answer. stop_after: bytes of the body after which it hangs up.
HttpAnswer http(const std::string& method, const std::string& url, std::map<std::string, std::string> headers = {},
                const std::string& body = "", std::size_t stop_after = SIZE_MAX);
// Takes `first` bytes of the body, then calls midway(), then the rest, as far as it comes.
HttpAnswer http_slowly(const std::string& url, std::map<std::string, std::string> headers, std::size_t first,
                       const std::function<void()>& midway);

class DdiDevice {
 public:
  DdiDevice(std::string gateway_url, std::string name) : name_{std::move(name)} { move_to(gateway_url); }

  // The same device finds its gateway elsewhere (behind a relay).
  void move_to(const std::string& gateway_url) { base_ = gateway_url + "/DEFAULT/controller/v1/" + name_; }

  HttpAnswer get(const std::string& path, std::map<std::string, std::string> headers = {}) const;
  HttpAnswer put(const std::string& path, const std::string& body) const;
  HttpAnswer post(const std::string& path, const std::string& body) const;

  // The action id of a link, waited for; "" where it does not come within `at_most` seconds.
  std::string wait_for(const std::string& link, int at_most = 30) const;
  bool shows(const std::string& link) const;
  // The links of `download` in the deployment of an action.
  std::vector<std::string> downloads(const std::string& action) const;
  HttpAnswer fetch(const std::string& href, std::uint64_t from = 0, std::size_t stop_after = SIZE_MAX) const;
  HttpAnswer fetch_slowly(const std::string& href, std::size_t first, const std::function<void()>& midway) const;
  int feedback(const std::string& action, const std::string& execution, const std::string& finished, const std::string& more = "") const;
  void report_power_on(const std::string& boot_id, const std::string& component, const std::string& version) const;
  // Fetches everything of the next order; the bytes of its first file.
  std::string receive(std::string& action) const;

 private:
  std::map<std::string, std::string> with_token(std::map<std::string, std::string> headers) const;
  std::string name_, base_;
};

}  // namespace dray::testing_support
