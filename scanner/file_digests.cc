#include "scanner/file_digests.h"

#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <span>

namespace mirror {
namespace {

Result<std::string> hex_digest(std::string_view bytes, const EVP_MD* algorithm,
                               std::string_view name) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest, &length, algorithm, nullptr) != 1) {
    return fail(ErrorKind::kSystem, "OpenSSL cannot compute {}", name);
  }
  return fmt::format("{:02x}", fmt::join(std::span(digest, length), ""));
}

}  // namespace

Result<FileSums> compute_sums(std::string_view bytes) {
  FileSums sums;
  MIRROR_TRY(sums.md5, hex_digest(bytes, ::EVP_md5(), "MD5"));
  MIRROR_TRY(sums.sha1, hex_digest(bytes, ::EVP_sha1(), "SHA1"));
  MIRROR_TRY(sums.sha256, hex_digest(bytes, ::EVP_sha256(), "SHA256"));
  MIRROR_TRY(sums.sha512, hex_digest(bytes, ::EVP_sha512(), "SHA512"));
  return sums;
}

}  // namespace mirror
