// What a value in a mirrors file must look like. Each function returns what is wrong, or nothing;
// pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mirror {

// Names of products, sites, hosts...: not empty, no blanks at the ends, no control bytes, UTF-8, at
// most 255 bytes.
[[nodiscard]] std::optional<std::string> wrong_name(std::string_view text);
// Two ASCII letters.
[[nodiscard]] std::optional<std::string> wrong_country(std::string_view text);
// A path below the master tree: no slash at its ends, no empty, "." or ".." parts. May be empty:
// the whole tree.
[[nodiscard]] std::optional<std::string> wrong_top_directory(std::string_view text);
// A prefix, an address, ADDRESS/NETMASK or a DNS name; no prefix of length 0, which would claim
// every client.
[[nodiscard]] std::optional<std::string> wrong_netblock(std::string_view text);
// SCHEME://HOST..., without blanks and control bytes, as normal_url() returns it.
[[nodiscard]] std::optional<std::string> wrong_url(std::string_view text);
// What an int4 column holds of AS numbers: 1 to 2^31 - 1.
[[nodiscard]] std::optional<std::string> wrong_asn(int64_t number);
[[nodiscard]] std::optional<std::string> wrong_bandwidth(int64_t mbit_s);

// Without blanks at the ends and without slashes at its end.
[[nodiscard]] std::string normal_url(std::string_view text);
// Trimmed.
[[nodiscard]] std::string normal_netblock(std::string_view text);
// Trimmed, upper case.
[[nodiscard]] std::string normal_country(std::string_view text);

}  // namespace mirror
