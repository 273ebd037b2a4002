// Where the rows come from: a read transaction of a database, or vectors in memory (tests, the
// oracle). Tables come one at a time, row by row; an error of the callback ends the stream and is
// handed on.
#pragma once

#include "schema/database/database.h"
#include "schema/database/row_readers.h"
#include "schema/database/rows.h"
#include "schema/database/up_to_date_reader.h"

namespace mirror {

class RowSource {
 public:
  virtual ~RowSource() = default;
  [[nodiscard]] virtual Result<void> each(const EachRow<SiteRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<CountryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostNetblockRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostPeerAsnRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostCountryAllowedRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostCountryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<ProductRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<ArchRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<DirectoryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<CategoryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<CategoryDirectoryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostCategoryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<HostCategoryUrlRow>& callback) = 0;
  // The rows of host_category_dir that are up to date, as read_up_to_date() says; by how many
  // readers at most.
  [[nodiscard]] virtual Result<void> each_up_to_date(const UpToDateCallback& callback) = 0;
  [[nodiscard]] virtual size_t readers() const = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<RepositoryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<RepositoryRedirectRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<CountryContinentRedirectRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<NetblockCountryRow>& callback) = 0;
  [[nodiscard]] virtual Result<void> each(const EachRow<FileDetailRow>& callback) = 0;
  // Ours; nothing if the database has no such table.
  [[nodiscard]] virtual Result<void> each(const EachRow<NetblockNameRow>& callback) = 0;
};

// Both sources do for every table what `read(callback)` says; the type of the callback chooses the
// table.
template <typename Reader>
class RowSourceOf final : public RowSource {
 public:
  explicit RowSourceOf(Reader reader) : read_(std::move(reader)) {}
  Result<void> each(const EachRow<SiteRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<HostRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<CountryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<HostNetblockRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<HostPeerAsnRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<HostCountryAllowedRow>& callback) override {
    return read_(callback);
  }
  Result<void> each(const EachRow<HostCountryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<ProductRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<ArchRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<DirectoryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<CategoryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<CategoryDirectoryRow>& callback) override {
    return read_(callback);
  }
  Result<void> each(const EachRow<HostCategoryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<HostCategoryUrlRow>& callback) override {
    return read_(callback);
  }
  Result<void> each_up_to_date(const UpToDateCallback& callback) override {
    return read_.up_to_date(callback);
  }
  [[nodiscard]] size_t readers() const override { return read_.readers(); }
  Result<void> each(const EachRow<RepositoryRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<RepositoryRedirectRow>& callback) override {
    return read_(callback);
  }
  Result<void> each(const EachRow<CountryContinentRedirectRow>& callback) override {
    return read_(callback);
  }
  Result<void> each(const EachRow<NetblockCountryRow>& callback) override {
    return read_(callback);
  }
  Result<void> each(const EachRow<FileDetailRow>& callback) override { return read_(callback); }
  Result<void> each(const EachRow<NetblockNameRow>& callback) override { return read_(callback); }

 private:
  Reader read_;
};

// The tables of one read transaction, which must outlive the source.
class DatabaseRowReader {
 public:
  DatabaseRowReader(Database& database, Transaction& transaction, size_t readers,
                    bool has_netblock_names)
      : database_(database),
        transaction_(transaction),
        readers_(readers),
        has_netblock_names_(has_netblock_names) {}
  template <typename RowType>
  [[nodiscard]] Result<void> operator()(const EachRow<RowType>& callback) const {
    return for_each(transaction_, callback);
  }
  [[nodiscard]] Result<void> operator()(const EachRow<NetblockNameRow>& callback) const {
    return has_netblock_names_ ? for_each(transaction_, callback) : Result<void>{};
  }

  [[nodiscard]] Result<void> up_to_date(const UpToDateCallback& callback) const {
    return read_up_to_date(database_, transaction_, readers_, callback);
  }
  [[nodiscard]] size_t readers() const { return readers_; }

 private:
  Database& database_;
  Transaction& transaction_;
  size_t readers_;
  bool has_netblock_names_;
};
using DatabaseRowSource = RowSourceOf<DatabaseRowReader>;

// Rows that must outlive the source.
class MemoryRowReader {
 public:
  explicit MemoryRowReader(const DatabaseRows& rows) : rows_(rows) {}
  Result<void> operator()(const EachRow<SiteRow>& c) const { return all(rows_.sites, c); }
  Result<void> operator()(const EachRow<HostRow>& c) const { return all(rows_.hosts, c); }
  Result<void> operator()(const EachRow<CountryRow>& c) const { return all(rows_.countries, c); }
  Result<void> operator()(const EachRow<HostNetblockRow>& c) const {
    return all(rows_.host_netblocks, c);
  }
  Result<void> operator()(const EachRow<HostPeerAsnRow>& c) const {
    return all(rows_.host_peer_asns, c);
  }
  Result<void> operator()(const EachRow<HostCountryAllowedRow>& c) const {
    return all(rows_.host_countries_allowed, c);
  }
  Result<void> operator()(const EachRow<HostCountryRow>& c) const {
    return all(rows_.host_countries, c);
  }
  Result<void> operator()(const EachRow<ProductRow>& c) const { return all(rows_.products, c); }
  Result<void> operator()(const EachRow<ArchRow>& c) const { return all(rows_.arches, c); }
  Result<void> operator()(const EachRow<DirectoryRow>& c) const {
    return all(rows_.directories, c);
  }
  Result<void> operator()(const EachRow<CategoryRow>& c) const { return all(rows_.categories, c); }
  Result<void> operator()(const EachRow<CategoryDirectoryRow>& c) const {
    return all(rows_.category_directories, c);
  }
  Result<void> operator()(const EachRow<HostCategoryRow>& c) const {
    return all(rows_.host_categories, c);
  }
  Result<void> operator()(const EachRow<HostCategoryUrlRow>& c) const {
    return all(rows_.host_category_urls, c);
  }
  Result<void> operator()(const EachRow<RepositoryRow>& c) const {
    return all(rows_.repositories, c);
  }
  Result<void> operator()(const EachRow<RepositoryRedirectRow>& c) const {
    return all(rows_.repository_redirects, c);
  }
  Result<void> operator()(const EachRow<CountryContinentRedirectRow>& c) const {
    return all(rows_.country_continent_redirects, c);
  }
  Result<void> operator()(const EachRow<NetblockCountryRow>& c) const {
    return all(rows_.netblock_countries, c);
  }
  Result<void> operator()(const EachRow<FileDetailRow>& c) const {
    return all(rows_.file_details, c);
  }
  Result<void> operator()(const EachRow<NetblockNameRow>&) const { return {}; }
  [[nodiscard]] Result<void> up_to_date(const UpToDateCallback& callback) const {
    for (const auto& row : rows_.host_category_dirs) {
      const UpToDateRow pair{row.host_category_id, row.directory_id.value_or(kNullNumber)};
      MIRROR_CHECK(callback(0, {&pair, 1}));
    }
    return {};
  }
  [[nodiscard]] static size_t readers() { return 1; }

 private:
  template <typename RowType>
  static Result<void> all(const std::vector<RowType>& rows, const EachRow<RowType>& callback) {
    for (const auto& row : rows) MIRROR_CHECK(callback(row));
    return {};
  }
  const DatabaseRows& rows_;
};
using MemoryRowSource = RowSourceOf<MemoryRowReader>;

}  // namespace mirror
