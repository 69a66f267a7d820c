// multipart/byteranges of a file (RFC 9110 section 14.6), with hawkBit's boundary. Read on the `bytes` worker, piece by
// piece; the transfer is told of the bytes of each part.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports/http.h"
#include "ports/worker.h"
#include "wire/range.h"

namespace dray::gateway::ddi {

class Multipart : public BodySource {
 public:
  static constexpr std::string_view kContentType =
      "multipart/byteranges; boundary=THIS_STRING_SEPARATES_MULTIPART";

  Multipart(std::shared_ptr<const File> file, std::vector<wire::ByteRange> parts, std::uint64_t size, Worker& worker,
            std::shared_ptr<Transfer> transfer);
  ~Multipart() override;
  std::uint64_t length() const { return length_; }
  Task<Result<ByteView>> read() override;

 private:
  std::string head_of(const wire::ByteRange& part) const;

  std::shared_ptr<const File> file_;
  std::vector<wire::ByteRange> parts_;
  std::uint64_t size_ = 0, length_ = 0;
  Worker& worker_;
  std::shared_ptr<Transfer> transfer_;
  std::size_t part_ = 0;
  std::uint64_t done_ = 0;  // of this part
  bool head_sent_ = false, end_sent_ = false, ended_ = false;
  std::string piece_;
};

}  // namespace dray::gateway::ddi
