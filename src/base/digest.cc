#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace dray {

Result<Sha256> Sha256::parse(std::string_view hex) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  if (hex.size() != 64 || !std::all_of(hex.begin(), hex.end(), is_hex))
    return Error{ErrorCode::kInvalid, "'" + clean_text(hex, 70) + "' is not a SHA-256 of 64 hex digits"};
  Sha256 out;
  out.hex_ = hex;
  std::transform(out.hex_.begin(), out.hex_.end(), out.hex_.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

struct Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

// Looked up once: OpenSSL 3 searches its providers at each use of EVP_sha256() and the like, which takes longer than
// hashing a token.
static const EVP_MD* digest_of(Hasher::Kind kind) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  return kind == Hasher::Kind::kSha256 ? sha256 : kind == Hasher::Kind::kSha1 ? sha1 : md5;
}

Hasher::Hasher(Kind kind) : context_{std::make_unique<Context>()} {
  const EVP_MD* md = digest_of(kind);
  DRAY_ASSERT(md != nullptr && EVP_DigestInit_ex(context_->evp, md, nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(ByteView bytes) {
  DRAY_ASSERT(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

std::string Hasher::finish_hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  DRAY_ASSERT(EVP_DigestFinal_ex(context_->evp, out.data(), &size) == 1);
  return to_hex(std::as_bytes(std::span{out.data(), size}));
}

Sha256 Hasher::finish_sha256() {
  Sha256 out;
  out.hex_ = finish_hex();
  DRAY_ASSERT(out.hex_.size() == 64);
  return out;
}

Sha256 sha256_of(ByteView bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish_sha256();
}

std::string md5_of(ByteView bytes) {
  Hasher hasher{Hasher::Kind::kMd5};
  hasher.update(bytes);
  return hasher.finish_hex();
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace dray
