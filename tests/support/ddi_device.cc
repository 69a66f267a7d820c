#include "support/ddi_device.h"

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace dray::testing_support {
namespace {

HttpAnswer read_head(std::istream& in, const std::string& what) {
  HttpAnswer out;
  std::string line;
  if (!std::getline(in, line) || line.compare(0, 9, "HTTP/1.1 ") != 0) throw std::runtime_error(what + ": no answer");
  out.status = std::stoi(line.substr(9, 3));
  while (std::getline(in, line) && line != "\r") {
    const auto colon = line.find(": ");
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    out.headers[name] = line.substr(colon + 2, line.size() - colon - 3);
  }
  return out;
}

class Call {
 public:
  Call(const std::string& method, const std::string& url, std::map<std::string, std::string> headers, const std::string& body) {
    const std::string rest = url.substr(url.find("//") + 2);
    const auto slash = rest.find('/'), colon = rest.find(':');
    stream_.expires_after(std::chrono::seconds{60});
    stream_.connect(rest.substr(0, colon), rest.substr(colon + 1, slash - colon - 1));
    headers["Host"] = rest.substr(0, slash);
    headers["Connection"] = "close";
    if (method == "PUT" || method == "POST") headers["Content-Length"] = std::to_string(body.size());
    stream_ << method << " " << rest.substr(slash) << " HTTP/1.1\r\n";
    for (const auto& [name, value] : headers) stream_ << name << ": " << value << "\r\n";
    stream_ << "\r\n" << body << std::flush;
    answer_ = read_head(stream_, method + " " + url);
    if (method != "HEAD" && answer_.headers.contains("content-length")) left_ = std::stoull(answer_.headers["content-length"]);
  }
  // Up to so many more bytes of the body, as far as they come.
  void take(std::size_t bytes) {
    std::string piece(std::min(left_, bytes), '\0');
    stream_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(stream_.gcount()));
    left_ -= piece.size();
    answer_.body += piece;
  }
  HttpAnswer answer() { return std::move(answer_); }

 private:
  boost::asio::ip::tcp::iostream stream_;
  HttpAnswer answer_;
  std::size_t left_ = 0;
};

}  // namespace

HttpAnswer http(const std::string& method, const std::string& url, std::map<std::string, std::string> headers, const std::string& body,
                std::size_t stop_after) {
  Call call{method, url, std::move(headers), body};
  call.take(stop_after);
  return call.answer();
}

HttpAnswer http_slowly(const std::string& url, std::map<std::string, std::string> headers, std::size_t first,
                       const std::function<void()>& midway) {
  Call call{"GET", url, std::move(headers), ""};
  call.take(first);
  midway();
  call.take(SIZE_MAX);
  return call.answer();
}

std::map<std::string, std::string> DdiDevice::with_token(std::map<std::string, std::string> headers) const {
  headers.emplace("Authorization", "TargetToken tok-" + name_);
  return headers;
}

HttpAnswer DdiDevice::get(const std::string& path, std::map<std::string, std::string> headers) const {
  return http("GET", base_ + path, with_token(std::move(headers)));
}
HttpAnswer DdiDevice::put(const std::string& path, const std::string& body) const {
  return http("PUT", base_ + path, with_token({{"Content-Type", "application/json"}}), body);
}
HttpAnswer DdiDevice::post(const std::string& path, const std::string& body) const {
  return http("POST", base_ + path, with_token({{"Content-Type", "application/json"}}), body);
}

bool DdiDevice::shows(const std::string& link) const {
  const HttpAnswer poll = get("");
  return poll.status == 200 && poll.body.find("\"" + link + "\"") != std::string::npos;
}

// Between polls it waits as the long poll lets it: until something changes.
std::string DdiDevice::wait_for(const std::string& link, int at_most) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{at_most};
  std::string etag = "none";
  while (std::chrono::steady_clock::now() < end) {
    const HttpAnswer poll = get("", {{"If-None-Match", etag}, {"Prefer", "wait=1"}});
    if (poll.headers.contains("etag")) etag = poll.headers.at("etag");
    const auto found = poll.body.find("/" + link + "/");
    if (poll.status == 200 && found != std::string::npos) {
      const auto from = found + link.size() + 2;
      return poll.body.substr(from, poll.body.find_first_of("?\"", from) - from);
    }
  }
  return "";
}

std::vector<std::string> DdiDevice::downloads(const std::string& action) const {
  std::vector<std::string> out;
  const HttpAnswer answer = get("/deploymentBase/" + action);
  if (answer.status != 200) return out;
  const auto body = answer.json();
  for (const auto& chunk : body.at("deployment").at("chunks").as_array())
    for (const auto& artifact : chunk.at("artifacts").as_array())
      out.emplace_back(artifact.at("_links").at("download").at("href").as_string());
  return out;
}

HttpAnswer DdiDevice::fetch(const std::string& href, std::uint64_t from, std::size_t stop_after) const {
  std::map<std::string, std::string> headers;
  if (from > 0) headers["Range"] = "bytes=" + std::to_string(from) + "-";
  return http("GET", href, with_token(std::move(headers)), "", stop_after);
}

HttpAnswer DdiDevice::fetch_slowly(const std::string& href, std::size_t first, const std::function<void()>& midway) const {
  return http_slowly(href, with_token({}), first, midway);
}

int DdiDevice::feedback(const std::string& action, const std::string& execution, const std::string& finished,
                        const std::string& more) const {
  return post("/deploymentBase/" + action + "/feedback",
              R"({"status":{"execution":")" + execution + R"(","result":{"finished":")" + finished + R"("},"details":["test"]})" + more + "}")
      .status;
}

void DdiDevice::report_power_on(const std::string& boot_id, const std::string& component, const std::string& version) const {
  const HttpAnswer answer = put("/configData", R"({"data":{"dray.boot_id":")" + boot_id + R"(","dray.version.)" + component + R"(":")" +
                                                   version + R"("}})");
  if (answer.status != 200) throw std::runtime_error("configData: " + std::to_string(answer.status));
}

std::string DdiDevice::receive(std::string& action) const {
  action = wait_for("deploymentBase");
  std::string first;
  for (const std::string& href : downloads(action)) {
    const HttpAnswer answer = fetch(href);
    if (first.empty()) first = answer.body;
  }
  return first;
}

}  // namespace dray::testing_support
