// Mirrors as data: what a mirrors file says and what a database holds, in one form, so that they
// can be compared. Plain data, no logic. An empty optional means "not said" in a file, NULL or
// "none" in a database.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mirror {

// `line` everywhere: of the file, for messages; 0 in a database. `id`: of the database; 0 in a
// file.
struct MirrorUrl {
  std::string url;
  bool is_private = false;
  int line = 0;
};
struct MirrorHostCategory {
  int64_t id = 0;
  int line = 0;
  std::string name;
  std::optional<bool> always_up_to_date;
  std::optional<std::vector<MirrorUrl>> urls;
};
struct MirrorHost {
  int64_t id = 0;
  int line = 0;
  std::string name;
  std::optional<std::string> country;
  std::optional<int64_t> bandwidth;  // Mbit/s
  std::optional<int64_t> asn;        // in a file: 0 for none
  std::optional<bool> asn_clients, is_private, internet2, internet2_clients, admin_active,
      user_active;
  std::optional<std::vector<int64_t>> peer_asns;
  std::optional<std::vector<std::string>> netblocks, countries_allowed;
  std::vector<MirrorHostCategory> categories;
};
struct MirrorSite {
  int64_t id = 0;
  int line = 0;
  std::string name;
  std::optional<bool> is_private, admin_active, user_active;
  std::vector<MirrorHost> hosts;
};
struct MirrorCategory {
  int64_t id = 0;
  int line = 0;
  std::string name;
  std::optional<std::string> product, top_directory;
};
struct MirrorsDocument {
  std::vector<std::string> products, architectures;
  std::vector<MirrorCategory> categories;
  std::vector<MirrorSite> sites;
};

}  // namespace mirror
