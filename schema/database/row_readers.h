// Streams the rows that mirror-compile reads, one table at a time, as typed structs: nothing is
// kept in memory. Tolerant of what real deployments hold: NULLs stay empty optionals, an empty
// checksum counts as none.
//
// Each table comes in the order of its primary key; of host_category_dir only the rows that are up
// to date come (the compiler reads them by up_to_date_reader.h).
//
//   MIRROR_CHECK(for_each(transaction, [&](const SiteRow& site) -> Result<void> { ...; return {};
//   }));
#pragma once

#include <functional>

#include "schema/database/database.h"
#include "schema/database/rows.h"

namespace mirror {

template <typename T>
using EachRow = std::function<Result<void>(const T&)>;

// The type that the callback takes chooses the table. An error of the callback ends the stream and
// is handed on.
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<SiteRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<HostRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<CountryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostNetblockRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostPeerAsnRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostCountryAllowedRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostCountryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<ProductRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<ArchRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<DirectoryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction, const EachRow<CategoryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<CategoryDirectoryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostCategoryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostCategoryUrlRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<HostCategoryDirRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<RepositoryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<RepositoryRedirectRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<CountryContinentRedirectRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<NetblockCountryRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<FileDetailRow>& callback);
[[nodiscard]] Result<void> for_each(Transaction& transaction,
                                    const EachRow<NetblockNameRow>& callback);

// Everything at once, each vector by primary key: for tests and for small databases.
[[nodiscard]] Result<DatabaseRows> read_database_rows(Transaction& transaction);

}  // namespace mirror
