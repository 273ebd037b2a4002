// What tables a database has, in a form that is the same for both engines, so that two can be
// compared. Names of constraints are left out: databases of one age differ in them and nothing
// depends on them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/database/database.h"

namespace mirror {

struct CatalogueColumn {
  std::string name;
  std::string type;  // integer, bigint, text, varchar(N), boolean, timestamp, date, real, bytes, or
                     // as the engine says
  bool not_null = false;
  auto operator<=>(const CatalogueColumn&) const = default;
};
struct CatalogueForeignKey {
  std::string columns;  // separated by commas, here and below
  std::string table;    // the one referred to
  bool delete_cascades = false, update_cascades = false;
  auto operator<=>(const CatalogueForeignKey&) const = default;
};
struct CatalogueIndex {
  std::string columns;
  bool unique = false;
  auto operator<=>(const CatalogueIndex&) const = default;
};
struct CatalogueTable {
  std::vector<CatalogueColumn> columns;
  std::string primary_key;
  std::set<std::string> unique_keys;  // constraints; unique indexes are among the indexes
  std::set<CatalogueForeignKey> foreign_keys;
  std::map<std::string, CatalogueIndex> indexes;  // by name, without those of keys
  auto operator<=>(const CatalogueTable&) const = default;
};
using Catalogue = std::map<std::string, CatalogueTable>;

[[nodiscard]] Result<Catalogue> read_catalogue(Transaction& transaction, Engine engine);

// What create_schema() makes.
[[nodiscard]] Result<Catalogue> expected_catalogue();

}  // namespace mirror
