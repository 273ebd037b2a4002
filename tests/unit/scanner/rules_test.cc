// Rules files, the prefixes of scanner/rules/fedora.toml row by row, versions and architectures
// from paths.
#include "scanner/rules.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "scanner/repository_finder.h"
#include "scanner/rule_template.h"

namespace mirror {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string source_folder() {
  const char* folder = std::getenv("MIRROR_SOURCE");
  return folder == nullptr ? "." : folder;
}

ScanRules fedora_rules() {
  auto rules = ScanRules::load(source_folder() + "/scanner/rules/fedora.toml");
  EXPECT_TRUE(rules.has_value()) << rules.error().message;
  return rules ? *rules : ScanRules{};
}

CategoryState state_of(const std::string& category, const std::string& topdir) {
  CategoryState state;
  state.id = 1;
  state.product_id = 1;
  state.topdir_id = 1;
  state.name = category;
  state.topdir = topdir;
  state.versions = {{1, "development"}, {2, "7"}};
  state.arches = {{1, "aarch64"}, {2, "i386"}, {3, "source"}, {4, "x86_64"}};
  return state;
}

struct Identified {
  std::string prefix, version, arch;
};

// Everything empty: no repository.
Identified identify(const ScanRules& rules, const CategoryState& state, const std::string& path,
                    Diagnostics* diagnostics) {
  ChangePlan plan;
  const RepositoryFinder finder(rules, state, {}, &plan, diagnostics);
  const auto identity = finder.identify(path, diagnostics);
  if (!identity) return {};
  return {identity->prefix, identity->version, identity->arch->name};
}

struct PrefixRow {
  const char* category;
  const char* path;
  const char* prefix;  // "": none
};

class FedoraPrefix : public ::testing::TestWithParam<PrefixRow> {};

TEST_P(FedoraPrefix, IsWhatClientsAskFor) {
  static const ScanRules rules = fedora_rules();
  Diagnostics diagnostics;
  const auto found =
      identify(rules, state_of(GetParam().category, "pub/top"), GetParam().path, &diagnostics);
  EXPECT_EQ(found.prefix, GetParam().prefix) << GetParam().category << ": " << GetParam().path;
}

constexpr PrefixRow kFedoraLinux[] = {
    {"Fedora Linux", "releases/42/Everything/x86_64/os", "fedora-42"},
    {"Fedora Linux", "releases/42/Everything/x86_64/debug/tree", "fedora-debug-42"},
    {"Fedora Linux", "releases/42/Everything/source/tree", "fedora-source-42"},
    {"Fedora Linux", "releases/20/Everything/source/SRPMS", "fedora-source-20"},
    {"Fedora Linux", "development/43/Everything/aarch64/os", "fedora-43"},
    {"Fedora Linux", "development/43/Everything/aarch64/debug/tree", "fedora-debug-43"},
    {"Fedora Linux", "development/43/Everything/source/tree", "fedora-source-43"},
    {"Fedora Secondary Arches", "releases/42/Everything/i386/os", "fedora-42"},
    {"Fedora Archive", "fedora/linux/releases/9/Everything/i386/os", "fedora-9"},
    {"Fedora Linux", "development/rawhide/Everything/x86_64/os", "rawhide"},
    {"Fedora Linux", "development/rawhide/Everything/x86_64/debug/tree", "rawhide-debug"},
    {"Fedora Linux", "development/rawhide/Everything/source/tree", "rawhide-source"},
    {"Fedora Linux", "releases/30/Modular/x86_64/os", "fedora-modular-30"},
    {"Fedora Linux", "releases/30/Modular/x86_64/debug/tree", "fedora-modular-debug-30"},
    {"Fedora Linux", "releases/30/Modular/source/tree", "fedora-modular-source-30"},
    {"Fedora Linux", "development/31/Modular/x86_64/os", "fedora-modular-31"},
    {"Fedora Linux", "releases/20/Fedora/x86_64/os", "fedora-install-20"},
    {"Fedora Linux", "releases/20/Fedora/x86_64/debug", ""},
    {"Fedora Linux", "releases/20/Fedora/source/SRPMS", ""},
    {"Fedora Linux", "updates/42/Everything/x86_64", "updates-released-f42"},
    {"Fedora Linux", "updates/42/Everything/x86_64/debug", "updates-released-debug-f42"},
    {"Fedora Linux", "updates/42/Everything/source/tree", "updates-released-source-f42"},
    {"Fedora Linux", "updates/testing/42/Everything/x86_64", "updates-testing-f42"},
    {"Fedora Linux", "updates/testing/42/Everything/x86_64/debug", "updates-testing-debug-f42"},
    {"Fedora Linux", "updates/testing/42/Everything/source/tree", "updates-testing-source-f42"},
    {"Fedora Linux", "updates/30/Modular/x86_64", "updates-released-modular-f30"},
    {"Fedora Linux", "updates/30/Modular/x86_64/debug", "updates-released-modular-debug-f30"},
    {"Fedora Linux", "updates/30/Modular/source/tree", "updates-released-modular-source-f30"},
    {"Fedora Linux", "updates/testing/30/Modular/x86_64", "updates-testing-modular-f30"},
    {"Fedora Linux", "updates/testing/30/Modular/x86_64/debug",
     "updates-testing-modular-debug-f30"},
    {"Fedora Linux", "updates/testing/30/Modular/source/tree",
     "updates-testing-modular-source-f30"},
    {"Fedora Linux", "development/rawhide/Modular/x86_64/os", "rawhide-modular"},
    {"Fedora Linux", "development/rawhide/Modular/x86_64/debug/tree", "rawhide-modular-debug"},
    {"Fedora Linux", "development/rawhide/Modular/source/tree", "rawhide-modular-source"},
    {"Fedora Linux", "atomic/27", "atomic-27"},
    {"Fedora Linux", "releases/42/Server/x86_64/os", ""},
    {"Fedora Linux", "releases/42/Workstation/x86_64/os", ""},
    {"Fedora Linux", "releases/42/Cloud/x86_64/os", ""},
    {"Fedora Linux", "updates/20/x86_64", ""},
    {"Fedora Linux", "releases/test/43_Beta/Everything/x86_64/os", ""},
    {"Somebody Else", "releases/42/Everything/x86_64/os", ""},
};
INSTANTIATE_TEST_SUITE_P(FedoraLinux, FedoraPrefix, ::testing::ValuesIn(kFedoraLinux));

constexpr PrefixRow kEpelAndCodecs[] = {
    {"Fedora EPEL", "9/Everything/x86_64", "epel-9"},
    {"Fedora EPEL", "9/Everything/x86_64/debug", "epel-debug-9"},
    {"Fedora EPEL", "9/Everything/source/tree", "epel-source-9"},
    {"Fedora EPEL", "7/x86_64", "epel-7"},
    {"Fedora EPEL", "7/SRPMS", "epel-source-7"},
    {"Fedora EPEL", "10.1/Everything/aarch64", "epel-10.1"},
    {"Fedora EPEL", "8/Modular/x86_64", "epel-modular-8"},
    {"Fedora EPEL", "8/Modular/x86_64/debug", "epel-modular-debug-8"},
    {"Fedora EPEL", "8/Modular/SRPMS", "epel-modular-source-8"},
    {"Fedora EPEL", "testing/9/Everything/x86_64", "testing-epel9"},
    {"Fedora EPEL", "testing/9/Everything/x86_64/debug", "testing-debug-epel9"},
    {"Fedora EPEL", "testing/9/Everything/source/tree", "testing-source-epel9"},
    {"Fedora EPEL", "testing/8/Modular/x86_64", "testing-modular-epel8"},
    {"Fedora EPEL", "testing/8/Modular/x86_64/debug", "testing-modular-debug-epel8"},
    {"Fedora EPEL", "playground/8/Everything/x86_64/os", "playground-epel8"},
    {"Fedora EPEL", "playground/8/Everything/x86_64/debug", "playground-debug-epel8"},
    {"Fedora EPEL", "playground/8/Everything/source/tree", "playground-source-epel8"},
    {"Fedora EPEL", "playground/8/Modular/x86_64/os", "playground-modular-epel8"},
    {"Fedora EPEL", "playground/8/Modular/x86_64/debug", "playground-modular-debug-epel8"},
    {"Fedora Codecs", "openh264/42/x86_64/os", "fedora-cisco-openh264-42"},
    {"Fedora Codecs", "openh264/42/x86_64/debug/tree", "fedora-cisco-openh264-debug-42"},
};
INSTANTIATE_TEST_SUITE_P(EpelAndCodecs, FedoraPrefix, ::testing::ValuesIn(kEpelAndCodecs));

constexpr PrefixRow kRpmFusion[] = {
    {"RPMFUSION free Fedora", "releases/42/Everything/x86_64/os", "free-fedora-42"},
    {"RPMFUSION free Fedora", "releases/42/Everything/x86_64/debug", "free-fedora-debug-42"},
    {"RPMFUSION free Fedora", "releases/42/Everything/source/SRPMS", "free-fedora-source-42"},
    {"RPMFUSION free Fedora", "releases/42/Other/x86_64/os", ""},
    {"RPMFUSION free Fedora", "updates/42/x86_64", "free-fedora-updates-released-42"},
    {"RPMFUSION free Fedora", "updates/42/x86_64/debug", "free-fedora-updates-released-debug-42"},
    {"RPMFUSION free Fedora", "updates/42/SRPMS", "free-fedora-updates-released-source-42"},
    {"RPMFUSION free Fedora", "updates/testing/42/x86_64", "free-fedora-updates-testing-42"},
    {"RPMFUSION free Fedora", "updates/testing/42/x86_64/debug",
     "free-fedora-updates-testing-debug-42"},
    {"RPMFUSION free Fedora", "updates/testing/42/SRPMS", "free-fedora-updates-testing-source-42"},
    {"RPMFUSION free Fedora", "development/rawhide/Everything/x86_64/os", "free-fedora-rawhide"},
    {"RPMFUSION free Fedora", "development/rawhide/Everything/x86_64/debug",
     "free-fedora-rawhide-debug"},
    {"RPMFUSION free Fedora", "development/rawhide/Everything/source/SRPMS",
     "free-fedora-rawhide-source"},
    {"RPMFUSION nonfree Fedora", "releases/42/Everything/x86_64/os", "nonfree-fedora-42"},
    {"RPMFUSION nonfree Fedora", "updates/42/x86_64/debug",
     "nonfree-fedora-updates-released-debug-42"},
    {"RPMFUSION nonfree Fedora", "updates/testing/42/x86_64", "nonfree-fedora-updates-testing-42"},
    {"RPMFUSION nonfree Fedora", "development/rawhide/Everything/x86_64/os",
     "nonfree-fedora-rawhide"},
    {"RPMFUSION free EL", "releases/9/Everything/x86_64/os", "free-el-9"},
    {"RPMFUSION free EL", "updates/9/x86_64", "free-el-updates-released-9"},
    {"RPMFUSION free EL", "updates/9/SRPMS", "free-el-updates-released-source-9"},
    {"RPMFUSION free EL", "updates/testing/9/x86_64", "free-el-updates-testing-9"},
    {"RPMFUSION nonfree EL", "releases/9/Everything/x86_64/debug", "nonfree-el-debug-9"},
    {"RPMFUSION nonfree EL", "updates/9/x86_64", "nonfree-el-updates-released-9"},
    {"RPMFUSION nonfree EL", "updates/testing/9/x86_64/debug",
     "nonfree-el-updates-testing-debug-9"},
    {"RPMFUSION nonfree EL", "development/rawhide/Everything/x86_64/os", ""},
};
INSTANTIATE_TEST_SUITE_P(RpmFusion, FedoraPrefix, ::testing::ValuesIn(kRpmFusion));

constexpr PrefixRow kEnterprise[] = {
    {"CentOS", "7/os/x86_64", "os"},
    {"CentOS", "7/updates/x86_64", "updates"},
    {"CentOS", "7/extras/x86_64", "extras"},
    {"CentOS", "7/centosplus/x86_64", "centosplus"},
    {"CentOS", "7/contrib/x86_64", "contrib"},
    {"CentOS", "7/fasttrack/x86_64", "fasttrack"},
    {"CentOS", "7/cr/x86_64", "cr"},
    {"CentOS", "7/addons/x86_64", "addons"},
    {"CentOS", "7/xen4/x86_64", "xen4"},
    {"CentOS", "7/isos/x86_64", ""},
    {"RHEL", "7/x86_64/os", "rhel-7"},
    {"RHEL", "7/x86_64/debug", "rhel-debug-7"},
    {"RHEL", "7/source/SRPMS", "rhel-source-7"},
    {"RHEL", "7/optional/x86_64/os", "rhel-optional-7"},
    {"RHEL", "7/optional/x86_64/debug", "rhel-optional-debug-7"},
    {"RHEL", "7/optional/source/SRPMS", "rhel-optional-source-7"},
    {"RHEL", "7/x86_64/ClusteredStorage", "rhel-7-clusteredstorage"},
    {"RHEL", "7/x86_64/HighAvailability", "rhel-7-highavailability"},
    {"RHEL", "7/x86_64/LargeFileSystem", "rhel-7-largefilesystem"},
    {"RHEL", "7/x86_64/LoadBalance", "rhel-7-loadbalance"},
    {"RHEL", "beta/7/x86_64/os", "rhel-7-beta"},
    {"RHEL", "beta/7/x86_64/debug", "rhel-debug-7-beta"},
    {"RHEL", "beta/7/optional/x86_64/os", "rhel-optional-7-beta"},
    {"RHEL", "beta/7/x86_64/HighAvailability", "rhel-7-highavailability-beta"},
};
INSTANTIATE_TEST_SUITE_P(Enterprise, FedoraPrefix, ::testing::ValuesIn(kEnterprise));

ScanRules parse(const std::string& text) {
  auto rules = ScanRules::parse(text, "rules.toml");
  EXPECT_TRUE(rules.has_value()) << rules.error().message;
  return rules ? *rules : ScanRules{};
}

TEST(Prefix, IsAssembledWithSuffixVersionAndAlias) {
  const ScanRules rules = parse(R"(
    [[repository]]
    path = '^some/'
    prefix = "some"
    [[repository]]
    path = '^f/'
    prefix = "some"
    version_prefix = "f"
    [[repository]]
    path = '^SIGs/(?P<version>[^/]+)/(?P<signame>[^/]+)/(?P<arch>[^/]+)/(?P<sigrepo>[^/]+)'
    prefix = "centos-${signame}-sig-${sigrepo}"
    [[repository]]
    path = '^updates/testing/'
    prefix = "fedora-updates-testing"
    [[alias]]
    from = "fedora-updates-testing-debug-"
    to = "debug-testing-updates-fedora"
  )");
  const CategoryState state = state_of("Any", "");
  Diagnostics diagnostics;
  const auto prefix = [&](const char* path) {
    return identify(rules, state, path, &diagnostics).prefix;
  };
  EXPECT_EQ(prefix("some/76/SRPMS/debug"), "some-source-76");
  EXPECT_EQ(prefix("f/76/x86_64"), "some-f76");
  EXPECT_EQ(prefix("SIGs/9-stream/infra/x86_64/infra-common"),
            "centos-infra-sig-infra-common-9-stream");
  EXPECT_EQ(prefix("SIGs/9-stream/infra/x86_64/infra-common/debug"),
            "centos-infra-sig-infra-common-debug-9-stream");
  EXPECT_EQ(prefix("updates/testing/76/x86_64/debug"), "debug-testing-updates-fedora76");
  EXPECT_EQ(prefix("updates/testing/76/x86_64"), "fedora-updates-testing-76");
  EXPECT_EQ(prefix("nothing/76/x86_64"), "");
  EXPECT_EQ(diagnostics.warning_count(), 0U);
  EXPECT_EQ(diagnostics.note_count(), 1U);  // "no rule" for the last
}

TEST(Version, ComesFromThePath) {
  const ScanRules rules = parse("[[repository]]\npath = ''\nprefix = \"p\"\n");
  CategoryState state = state_of("Any", "top");
  Diagnostics diagnostics;
  const auto version = [&](const char* path) {
    return identify(rules, state, path, &diagnostics).version;
  };
  EXPECT_EQ(version("77/base/x86_64"), "77");
  EXPECT_EQ(version("8.8/base/x86_64"), "8.8");
  EXPECT_EQ(version("9-stream/base/x86_64"), "9-stream");
  EXPECT_EQ(version("43_Beta/base/x86_64"), "43_Beta");
  EXPECT_EQ(version("rawhide/base/x86_64"), "development");
  EXPECT_EQ(version("dists/bookworm/x86_64"), "bookworm");
  EXPECT_EQ(version("base/x86_64"), "");
  EXPECT_EQ(version(""), "");
  // A version of the database is found where no pattern would find it, and only as a whole
  // component.
  state.versions.push_back({9, "leap"});
  EXPECT_EQ(version("leap/base/x86_64"), "leap");
  EXPECT_EQ(version("leaper/base/x86_64"), "");
  // "development" is the name of rawhide, not of the folder above a branched release.
  EXPECT_EQ(version("development/44/x86_64"), "44");
  // The name of the top directory is asked last.
  state.topdir = "altarch/8";
  EXPECT_EQ(version("base/x86_64"), "8");
  EXPECT_EQ(version("7/base/x86_64"), "7");
}

TEST(Architecture, IsNeverCreated) {
  const ScanRules rules = parse(R"(
    [[repository]]
    path = '^ostree/'
    prefix = "atomic"
    arch = "x86_64"
    [[repository]]
    path = ''
    prefix = "p"
  )");
  const CategoryState state = state_of("Any", "top");
  Diagnostics diagnostics;
  const auto arch = [&](const char* path) {
    return identify(rules, state, path, &diagnostics).arch;
  };
  EXPECT_EQ(arch("42/x86_64/os"), "x86_64");
  EXPECT_EQ(arch("42/x86_64/SRPMS"), "source");
  EXPECT_EQ(arch("42/src/tree"), "source");
  EXPECT_EQ(arch("ostree/42"), "x86_64");
  EXPECT_EQ(diagnostics.warning_count(), 0U);
  EXPECT_EQ(arch("42/riscv64/os"), "");
  ASSERT_EQ(diagnostics.warning_count(), 1U);
  EXPECT_THAT(diagnostics.warnings().front(),
              AllOf(HasSubstr("top/42/riscv64/os"), HasSubstr("architecture")));
}

TEST(RulesFile, ExampleHoldsTheDefaults) {
  const auto example = ScanRules::load(source_folder() + "/scanner/rules/example.toml");
  ASSERT_TRUE(example.has_value()) << example.error().message;
  const ScanRules defaults = parse("");
  EXPECT_EQ(example->sample.newest, defaults.sample.newest);
  EXPECT_EQ(example->sample.threshold, defaults.sample.threshold);
  EXPECT_EQ(example->aging.stale_days, defaults.aging.stale_days);
  EXPECT_EQ(example->aging.propagation_days, defaults.aging.propagation_days);
  EXPECT_EQ(example->aging.keep, defaults.aging.keep);
  EXPECT_EQ(example->max_delete_percent, defaults.max_delete_percent);
  EXPECT_EQ(example->rawhide_version, defaults.rawhide_version);
  EXPECT_EQ(example->test_paths, defaults.test_paths);
  EXPECT_EQ(example->source_paths, defaults.source_paths);
  EXPECT_EQ(example->debug_paths, defaults.debug_paths);
  ASSERT_EQ(example->version_patterns.size(), defaults.version_patterns.size());
  for (size_t i = 0; i < defaults.version_patterns.size(); ++i) {
    EXPECT_EQ(example->version_patterns[i].text(), defaults.version_patterns[i].text());
  }
  const ScanRules with_category = parse(
      "[[category]]\nname = \"Example Linux\"\nsource = \"directory\"\npath = "
      "\"/srv/example/linux\"\n");
  EXPECT_EQ(example->categories[0].excludes[0].text(),
            with_category.categories[0].excludes[0].text());
}

TEST(RulesFile, RelativePathsCountFromTheFile) {
  const auto rules =
      ScanRules::parse("[[category]]\nname = \"A\"\nsource = \"directory\"\npath = \"tree\"\n",
                       "/etc/mirror/rules.toml");
  ASSERT_TRUE(rules.has_value());
  EXPECT_EQ(rules->categories[0].path, "/etc/mirror/tree");
}

struct BadRules {
  const char* text;
  const char* place;
  const char* reason;
};

class BadRulesFile : public ::testing::TestWithParam<BadRules> {};

TEST_P(BadRulesFile, NamesFileLineAndKey) {
  const auto rules = ScanRules::parse(GetParam().text, "rules.toml");
  ASSERT_FALSE(rules.has_value()) << GetParam().text;
  EXPECT_THAT(rules.error().message,
              AllOf(HasSubstr(GetParam().place), HasSubstr(GetParam().reason)));
}

constexpr BadRules kBadRules[] = {
    {"a = \n", "rules.toml:1: ", ""},
    {"\nsample_sizes = 3\n", "rules.toml:2: sample_sizes", "no such key"},
    {"sample_size = 0\n", "rules.toml:1: sample_size", "whole number from 1"},
    {"sample_size = \"3\"\n", "rules.toml:1: sample_size", "whole number"},
    {"stale_days = -1\n", "rules.toml:1: stale_days", "whole number"},
    {"max_delete_percent = 101\n", "rules.toml:1: max_delete_percent", "from 0 to 100"},
    {"excludes = ['(']\n", "rules.toml:1: excludes", "regular expression"},
    {"excludes = 'a'\n", "rules.toml:1: excludes", "list"},
    {"test_paths = ['']\n", "rules.toml:1: test_paths", "empty"},
    {"category = 1\n", "rules.toml:1: category", "[[category]]"},
    {"[[category]]\nsource = \"directory\"\npath = \"/x\"\n", "category[1].name", "missing"},
    {"[[category]]\nname = \"A\"\nsource = \"directory\"\n", "category[1].path", "missing"},
    {"[[category]]\nname = \"A\"\nsource = \"rsync\"\npath = \"/x\"\n",
     "rules.toml:3: category[1].source", "directory"},
    {"[[category]]\nname = \"A\"\nsource = \"directory\"\npath = \"/x\"\n"
     "[[category]]\nname = \"A\"\nsource = \"directory\"\npath = \"/y\"\n",
     "rules.toml:6: category[2].name", "twice"},
    {"[[repository]]\nprefix = \"a\"\n", "rules.toml:1: repository[1].path", "missing"},
    {"[[repository]]\npath = ''\n", "rules.toml:1: repository[1].prefix", "exactly one"},
    {"[[repository]]\npath = ''\nskip = true\nprefix = \"a\"\n", "repository[1].prefix",
     "exactly one"},
    {"[[repository]]\npath = ''\nskip = true\nmove = true\n", "rules.toml:3: repository[1].skip",
     "goes with no"},
    {"[[repository]]\npath = '[a'\nprefix = \"a\"\n", "rules.toml:2: repository[1].path",
     "missing ]"},
    {"[[repository]]\npath = ''\nprefix = \"a$b\"\n", "rules.toml:3: repository[1].prefix", "$"},
    {"[[repository]]\npath = ''\nprefix = \"${b}\"\n", "rules.toml:3: repository[1].prefix",
     "(?P<b>"},
    {"[[repository]]\npath = ''\nprefix = \"${version}\"\n", "rules.toml:3: repository[1].prefix",
     "(?P<version>"},
    {"[[repository]]\npath = ''\nexact_prefix = \"a\"\nversion_prefix = \"f\"\n",
     "repository[1].version_prefix", "exact"},
    {"[[repository]]\npath = ''\nprefix = \"a\"\nprefx = 1\n", "rules.toml:4: repository[1].prefx",
     "no such key"},
    {"[[alias]]\nto = \"a\"\n", "alias[1].from", "missing"},
};
INSTANTIATE_TEST_SUITE_P(RulesFile, BadRulesFile, ::testing::ValuesIn(kBadRules));

TEST(RuleTemplate, ExpandsNames) {
  EXPECT_EQ(expand_template("a${b}c${d}", {{"b", "1"}}), "a1c");
  EXPECT_EQ(expand_template("plain", {}), "plain");
  EXPECT_FALSE(template_names("${").has_value());
  EXPECT_FALSE(template_names("${}").has_value());
  EXPECT_FALSE(template_names("cash$").has_value());
}

}  // namespace
}  // namespace mirror
