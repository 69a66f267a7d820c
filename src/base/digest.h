// Digests of artifacts. SHA-256 names an artifact everywhere; SHA-1 and MD5 exist because DDI clients ask
// for them (see docs/decisions.md), never as protection.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace dray {

// 64 lower-case hex digits, or empty (= none). Cheap enough as text: it is compared, printed and used as a
// file name far more often than computed.
class Sha256 {
 public:
  Sha256() = default;
  static Result<Sha256> parse(std::string_view hex);  // kInvalid unless 64 hex digits

  const std::string& hex() const { return hex_; }
  std::string short_hex() const { return hex_.substr(0, 12); }
  bool empty() const { return hex_.empty(); }

  friend auto operator<=>(const Sha256&, const Sha256&) = default;
  friend bool operator==(const Sha256&, const Sha256&) = default;

 private:
  friend class Hasher;
  std::string hex_;
};

// Streaming digest. Movable, one thread at a time.
class Hasher {
 public:
  enum class Kind { kSha256, kSha1, kMd5 };
  explicit Hasher(Kind kind = Kind::kSha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(ByteView bytes);
  std::string finish_hex();   // once; then only destroy
  Sha256 finish_sha256();     // once; only for kSha256

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256 sha256_of(ByteView bytes);
std::string md5_of(ByteView bytes);

// Takes the same time wherever the two differ. Different lengths are told apart at once.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace dray

template <>
struct std::hash<dray::Sha256> {
  std::size_t operator()(const dray::Sha256& s) const { return std::hash<std::string>{}(s.hex()); }
};
