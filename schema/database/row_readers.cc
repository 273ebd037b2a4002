#include "schema/database/row_readers.h"

#include "sql/compiler.h"

namespace mirror {
namespace {

// The columns of one row, taken from the left; the statements name them in the order of the
// structs' members.
class Columns {
 public:
  explicit Columns(const Row& row) : row_(row) {}
  Columns& operator>>(int64_t& out) { return out = row_.int64(next_++), *this; }
  Columns& operator>>(std::string& out) { return out = row_.text(next_++), *this; }
  Columns& operator>>(std::optional<int64_t>& out) {
    return out = row_.optional_int64(next_++), *this;
  }
  Columns& operator>>(std::optional<bool>& out) {
    return out = row_.optional_boolean(next_++), *this;
  }
  Columns& operator>>(std::optional<std::string>& out) {
    return out = row_.optional_text(next_++), *this;
  }

 private:
  const Row& row_;
  int next_ = 0;
};

// Runs `sql` and hands each row to `callback` after `read(columns, struct)` has filled one struct.
template <typename T, typename Read>
Result<void> stream(Transaction& transaction, std::string_view sql, const EachRow<T>& callback,
                    Read read) {
  return transaction.query(sql, {}, [&](const Row& row) -> Result<void> {
    T typed;
    Columns columns(row);
    read(columns, typed);
    return callback(typed);
  });
}

// One writer of MirrorManager2 stores NULL for a checksum that it does not know, another an empty
// text.
void empty_is_none(std::optional<std::string>& checksum) {
  if (checksum && checksum->empty()) checksum.reset();
}

}  // namespace

Result<void> for_each(Transaction& transaction, const EachRow<SiteRow>& callback) {
  return stream(transaction, sql::select_sites, callback, [](Columns& columns, SiteRow& row) {
    columns >> row.id >> row.name >> row.is_private >> row.admin_active >> row.user_active;
  });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostRow>& callback) {
  return stream(transaction, sql::select_hosts, callback, [](Columns& columns, HostRow& row) {
    columns >> row.id >> row.name >> row.site_id >> row.admin_active >> row.user_active >>
        row.is_private >> row.asn_clients >> row.internet2 >> row.internet2_clients >>
        row.country >> row.bandwidth >> row.asn >> row.max_connections;
  });
}

Result<void> for_each(Transaction& transaction, const EachRow<CountryRow>& callback) {
  return stream(transaction, sql::select_countries, callback,
                [](Columns& columns, CountryRow& row) { columns >> row.id >> row.code; });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostNetblockRow>& callback) {
  return stream(transaction, sql::select_host_netblocks, callback,
                [](Columns& columns, HostNetblockRow& row) {
                  columns >> row.id >> row.host_id >> row.netblock;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostPeerAsnRow>& callback) {
  return stream(
      transaction, sql::select_host_peer_asns, callback,
      [](Columns& columns, HostPeerAsnRow& row) { columns >> row.id >> row.host_id >> row.asn; });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostCountryAllowedRow>& callback) {
  return stream(transaction, sql::select_host_countries_allowed, callback,
                [](Columns& columns, HostCountryAllowedRow& row) {
                  columns >> row.id >> row.host_id >> row.country;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostCountryRow>& callback) {
  return stream(transaction, sql::select_host_countries, callback,
                [](Columns& columns, HostCountryRow& row) {
                  columns >> row.id >> row.host_id >> row.country_id;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<ProductRow>& callback) {
  return stream(transaction, sql::select_products, callback,
                [](Columns& columns, ProductRow& row) { columns >> row.id >> row.name; });
}

Result<void> for_each(Transaction& transaction, const EachRow<ArchRow>& callback) {
  return stream(transaction, sql::select_arches, callback,
                [](Columns& columns, ArchRow& row) { columns >> row.id >> row.name; });
}

Result<void> for_each(Transaction& transaction, const EachRow<DirectoryRow>& callback) {
  return stream(transaction, sql::select_directories, callback,
                [](Columns& columns, DirectoryRow& row) { columns >> row.id >> row.name; });
}

Result<void> for_each(Transaction& transaction, const EachRow<CategoryRow>& callback) {
  return stream(transaction, sql::select_categories, callback,
                [](Columns& columns, CategoryRow& row) {
                  columns >> row.id >> row.name >> row.product_id >> row.topdir_id;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<CategoryDirectoryRow>& callback) {
  return stream(transaction, sql::select_category_directories, callback,
                [](Columns& columns, CategoryDirectoryRow& row) {
                  columns >> row.category_id >> row.directory_id;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostCategoryRow>& callback) {
  return stream(transaction, sql::select_host_categories, callback,
                [](Columns& columns, HostCategoryRow& row) {
                  columns >> row.id >> row.host_id >> row.category_id >> row.always_up2date;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostCategoryUrlRow>& callback) {
  return stream(transaction, sql::select_host_category_urls, callback,
                [](Columns& columns, HostCategoryUrlRow& row) {
                  columns >> row.id >> row.host_category_id >> row.url >> row.is_private;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<HostCategoryDirRow>& callback) {
  return stream(transaction, sql::select_host_category_dirs, callback,
                [](Columns& columns, HostCategoryDirRow& row) {
                  columns >> row.id >> row.host_category_id >> row.directory_id;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<RepositoryRow>& callback) {
  return stream(transaction, sql::select_repositories, callback,
                [](Columns& columns, RepositoryRow& row) {
                  columns >> row.id >> row.prefix >> row.category_id >> row.version_id >>
                      row.arch_id >> row.directory_id >> row.disabled;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<RepositoryRedirectRow>& callback) {
  return stream(transaction, sql::select_repository_redirects, callback,
                [](Columns& columns, RepositoryRedirectRow& row) {
                  columns >> row.id >> row.from_repo >> row.to_repo;
                });
}

Result<void> for_each(Transaction& transaction,
                      const EachRow<CountryContinentRedirectRow>& callback) {
  return stream(transaction, sql::select_country_continent_redirects, callback,
                [](Columns& columns, CountryContinentRedirectRow& row) {
                  columns >> row.id >> row.country >> row.continent;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<NetblockCountryRow>& callback) {
  return stream(transaction, sql::select_netblock_countries, callback,
                [](Columns& columns, NetblockCountryRow& row) {
                  columns >> row.id >> row.netblock >> row.country;
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<FileDetailRow>& callback) {
  return stream(transaction, sql::select_file_details, callback,
                [](Columns& columns, FileDetailRow& row) {
                  columns >> row.id >> row.directory_id >> row.filename >> row.timestamp >>
                      row.size >> row.md5 >> row.sha1 >> row.sha256 >> row.sha512;
                  for (auto* checksum : {&row.md5, &row.sha1, &row.sha256, &row.sha512})
                    empty_is_none(*checksum);
                });
}

Result<void> for_each(Transaction& transaction, const EachRow<NetblockNameRow>& callback) {
  return stream(transaction, sql::select_netblock_names, callback,
                [](Columns& columns, NetblockNameRow& row) {
                  columns >> row.name >> row.addresses >> row.resolved_at;
                });
}

namespace {

template <typename T>
Result<void> collect(Transaction& transaction, std::vector<T>& rows) {
  return for_each(transaction, [&](const T& row) -> Result<void> {
    rows.push_back(row);
    return {};
  });
}

}  // namespace

Result<DatabaseRows> read_database_rows(Transaction& transaction) {
  DatabaseRows rows;
  MIRROR_CHECK(collect(transaction, rows.sites));
  MIRROR_CHECK(collect(transaction, rows.hosts));
  MIRROR_CHECK(collect(transaction, rows.countries));
  MIRROR_CHECK(collect(transaction, rows.host_netblocks));
  MIRROR_CHECK(collect(transaction, rows.host_peer_asns));
  MIRROR_CHECK(collect(transaction, rows.host_countries_allowed));
  MIRROR_CHECK(collect(transaction, rows.host_countries));
  MIRROR_CHECK(collect(transaction, rows.products));
  MIRROR_CHECK(collect(transaction, rows.arches));
  MIRROR_CHECK(collect(transaction, rows.directories));
  MIRROR_CHECK(collect(transaction, rows.categories));
  MIRROR_CHECK(collect(transaction, rows.category_directories));
  MIRROR_CHECK(collect(transaction, rows.host_categories));
  MIRROR_CHECK(collect(transaction, rows.host_category_urls));
  MIRROR_CHECK(collect(transaction, rows.host_category_dirs));
  MIRROR_CHECK(collect(transaction, rows.repositories));
  MIRROR_CHECK(collect(transaction, rows.repository_redirects));
  MIRROR_CHECK(collect(transaction, rows.country_continent_redirects));
  MIRROR_CHECK(collect(transaction, rows.netblock_countries));
  MIRROR_CHECK(collect(transaction, rows.file_details));
  return rows;
}

}  // namespace mirror
