// Counts what goes over the WAN: artifact bodies apart from everything else (heads, JSON, refused bodies). Below this
// are only TCP's and TLS's own bytes.
#pragma once

#include "ports/http.h"

namespace dray::gateway {

class MeteredClient : public HttpClient {
 public:
  MeteredClient(HttpClient& below, std::uint64_t& control) : below_{below}, control_{control} {}

  Task<Result<int>> send(HttpRequest request, BodySink& sink, Stop& stop) override {
    control_ += size_of(request.headers) + request.target.size() + 16 + request.length.value_or(0);
    Meter meter{*this, sink};
    co_return co_await below_.send(std::move(request), meter, stop);
  }

  // Bytes that a sink has counted as artifact body, and that are to be taken out of the rest.
  void not_control(std::uint64_t bytes) { control_ -= bytes; }

 private:
  class Meter : public BodySink {
   public:
    Meter(MeteredClient& owner, BodySink& below) : owner_{owner}, below_{below} {}
    Result<> head(int status, const Headers& headers) override {
      owner_.control_ += size_of(headers) + 17;
      return below_.head(status, headers);
    }
    Task<Result<>> write(ByteView bytes) override {
      owner_.control_ += bytes.size();
      co_return co_await below_.write(bytes);
    }

   private:
    MeteredClient& owner_;
    BodySink& below_;
  };

  static std::uint64_t size_of(const Headers& headers) {
    std::uint64_t sum = 2;
    for (const auto& [name, value] : headers) sum += name.size() + value.size() + 4;
    return sum;
  }

  HttpClient& below_;
  std::uint64_t& control_;
};

}  // namespace dray::gateway
