#include "tests/property/compile_world.h"

#include "compiler/catalog.h"

namespace mirror {
namespace {

// Says what the world says, and nothing of other names.
class WorldResolver final : public NetblockResolver {
 public:
  explicit WorldResolver(const OracleNames& names) : names_(names) {}
  std::vector<Result<std::vector<IpAddress>>> resolve(std::span<const std::string> asked) override {
    std::vector<Result<std::vector<IpAddress>>> answers;
    for (const std::string& name : asked) {
      const auto known = names_.find(name);
      if (known == names_.end()) {
        answers.push_back(fail(ErrorKind::kNotFound, "no such name"));
      } else {
        answers.emplace_back(known->second);
      }
    }
    return answers;
  }

 private:
  const OracleNames& names_;
};

}  // namespace

Result<CompiledWorld> compile_world(RowSource& source, const RandomWorld& world,
                                    uint64_t created_at) {
  Diagnostics diagnostics;
  MIRROR_TRY(Catalog catalog, read_catalog(source, diagnostics, [](uint64_t) {}));
  WorldResolver resolver(world.names);
  (void)add_named_netblocks(catalog.named_netblocks, catalog.remembered_names, resolver,
                            static_cast<int64_t>(created_at), catalog.world, diagnostics);
  const ModelInputs inputs{
      parse_country_continents(world.country_continent_csv, "csv", diagnostics),
      parse_prefix_asns(world.global_netblocks, "netblocks", diagnostics), created_at};
  CompiledWorld compiled;
  MIRROR_TRY(compiled.model, build_model(std::move(catalog.world), inputs));
  MIRROR_TRY(compiled.file, write_snapshot(compiled.model));
  return compiled;
}

}  // namespace mirror
