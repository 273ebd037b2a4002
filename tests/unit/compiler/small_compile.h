// Compiles rows that a test has made up, without files, clock or resolver.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/catalog.h"
#include "compiler/snapshot_model.h"
#include "schema/database/rows.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

// Answers what the test says; every other name fails.
class ScriptedResolver final : public NetblockResolver {
 public:
  std::map<std::string, std::vector<IpAddress>> answers;
  std::vector<std::string> asked;
  std::vector<Result<std::vector<IpAddress>>> resolve(std::span<const std::string> names) override;
};

struct SmallInputs {
  std::string country_continent = "DE,EU\nSE,EU\nFR,EU\nUS,NA\nJP,AS\n";
  std::string netblocks;
  RememberedNames remembered;
  ScriptedResolver resolver;
  uint64_t created_at = 1'700'000'000;
  int64_t now = 1'700'000'000;
};

// The bytes of a whole file, aligned as a mapping is, and what a reader sees in them.
struct SmallSnapshot {
  std::vector<uint8_t> bytes;
  SnapshotView view;
  Diagnostics diagnostics;
  RememberedNames new_names;

  [[nodiscard]] std::string dump() const;
  [[nodiscard]] const fb::Directory& directory(std::string_view name) const;
  // The ids of the hosts of a directory, the global ones or the others.
  [[nodiscard]] std::vector<int64_t> global(std::string_view directory) const;
  [[nodiscard]] std::vector<int64_t> others(std::string_view directory) const;
  // The base URLs of a host there, in order.
  [[nodiscard]] std::vector<std::string> urls(std::string_view directory, int64_t host) const;
  // Country -> ids of hosts.
  [[nodiscard]] std::map<std::string, std::vector<int64_t>> groups(
      std::string_view directory) const;
  // "HOST/LENGTH" for each match, in order.
  [[nodiscard]] std::vector<std::string> netblocks(std::string_view address) const;
  // 0: none.
  [[nodiscard]] int64_t asn(std::string_view address) const;
  [[nodiscard]] std::string netblock_country(std::string_view address) const;
  [[nodiscard]] uint32_t host_place(int64_t id) const;
  [[nodiscard]] std::string file_block(std::string_view directory, std::string_view file) const;
  // The directory of a repository, "-" for none, "?" for an unknown key.
  [[nodiscard]] std::string repository(std::string_view key) const;
  [[nodiscard]] uint64_t count(std::string_view table, std::string_view reason) const;
};

// Aborts the test program if the world cannot be compiled.
[[nodiscard]] SmallSnapshot compile_rows(const DatabaseRows& rows, SmallInputs& inputs);
[[nodiscard]] SmallSnapshot compile_rows(const DatabaseRows& rows);
// The bytes alone, which no reader has looked at.
[[nodiscard]] std::vector<uint8_t> file_of_world(World world, const SmallInputs& inputs);
[[nodiscard]] SmallSnapshot compile_world(World world, const SmallInputs& inputs);

// One active site, two active hosts (1 in DE, 2 in SE) with one URL each, one category with top
// directory pub/linux, and pub/linux/os with a repodata and a repository os+x86_64; both hosts
// carry everything.
[[nodiscard]] DatabaseRows simple_rows();
// Every odd row that the specification of the inputs names.
[[nodiscard]] DatabaseRows odd_rows();
// Makes the repomd.xml of simple_rows()'s repository known; returns its row.
FileDetailRow& add_repomd(DatabaseRows& rows);

}  // namespace mirror
