// mirrorctl explain: the reasoning behind an answer, from a snapshot or from a running edge.
#include <optional>
#include <string>

#include "base/core/output.h"
#include "base/core/text.h"
#include "edge/answer/explanation.h"
#include "ops/mirrorctl/command_group.h"
#include "ops/mirrorctl/edge_admin.h"
#include "ops/mirrorctl/question_target.h"
#include "schema/snapshot/snapshot_directory.h"

namespace mirror {
namespace {

constexpr int64_t kAskTimeoutMs = 30000;
// A host takes some 500 bytes.
constexpr size_t kExplanationSizeMax = 64 << 20;

class ExplainCommand final : public CommandGroup {
 public:
  explicit ExplainCommand(CommandLine& root)
      : command_(root.command(
            "explain", "Say why an answer is as it is, and why every other host is not in it")) {
    command_.option("TARGET", &typed_,
                    "The question: a URL, /metalink?..., or only the query of a list");
    command_.require("TARGET");
    command_.option("--snapshots", &snapshots_,
                    "Answer as an edge would from the live snapshot of this directory",
                    "MIRROR_SNAPSHOTS");
    command_.option("--snapshot", &snapshot_, "Likewise, from this file");
    command_.option("--admin", &admin_,
                    "Ask the edge with this admin address: unix:PATH or http://ADDRESS:PORT");
    command_.option("--client", &client_, "Who asks, where ip= does not say it (127.0.0.1)");
    command_.option("--geoip", &geoip_, "MaxMind DB file with the countries of addresses");
    command_.option("--minimum", &minimum_, 0, 1'000'000,
                    "Usable mirrors below which the global list is appended (5)");
    command_.flag("--json", &json_, "Print a JSON document");
    command_.footer(
        "--admin and --snapshot go before --snapshots. A question that an edge would refuse is\n"
        "explained like any other: the exit code is 0.");
  }

  [[nodiscard]] bool chosen() const override { return command_.chosen(); }

  [[nodiscard]] int run(const Log& log) override {
    if (!admin_.empty() && !snapshot_.empty()) {
      return command_.usage_error("--admin and --snapshot: one of them");
    }
    if (admin_.empty() && snapshot_.empty() && snapshots_.empty()) {
      return command_.usage_error(
          "--snapshots DIRECTORY (or MIRROR_SNAPSHOTS), --snapshot FILE or --admin ADDRESS is "
          "needed");
    }
    if (!admin_.empty() && (!geoip_.empty() || minimum_)) {
      return command_.usage_error("--geoip and --minimum are the edge's own with --admin");
    }
    std::optional<IpAddress> client;
    if (!client_.empty()) {
      client = IpAddress::parse(client_);
      if (!client) {
        return command_.usage_error("--client: " + quote_for_message(client_) +
                                    " is no IP address");
      }
    }
    const auto text = admin_.empty() ? explain_snapshot(client) : ask(client);
    const auto printed = text ? print_out(*text) : tl::unexpected(text.error());
    if (printed) return kExitDone;
    log.error("{}", printed.error().message);
    return exit_code(printed.error());
  }

 private:
  struct Source {
    Snapshot snapshot;
    uint64_t sequence = 0;  // 0: the file's name does not say it
  };

  [[nodiscard]] Result<Source> open_source() const {
    if (!snapshot_.empty()) {
      MIRROR_TRY(auto snapshot, Snapshot::open(snapshot_));
      const auto name = SnapshotName::parse(snapshot_.substr(snapshot_.rfind('/') + 1));
      return Source{std::move(snapshot), name ? name->sequence : 0};
    }
    const SnapshotDirectory directory(snapshots_);
    MIRROR_TRY(const auto current, directory.current());
    MIRROR_TRY(auto snapshot, directory.open(current));
    return Source{std::move(snapshot), current.name.sequence};
  }

  [[nodiscard]] Result<std::string> explain_snapshot(const std::optional<IpAddress>& client) const {
    MIRROR_TRY(const auto source, open_source());
    std::unique_ptr<GeoDatabase> geo;
    if (!geoip_.empty()) {
      MIRROR_TRY(geo, GeoDatabase::open(geoip_));
    }
    AnswerOptions options;
    if (minimum_) options.minimum = static_cast<uint32_t>(*minimum_);
    const std::string target = question_target(typed_);
    const Explanation explanation = explain(source.snapshot.view(), geo.get(), options,
                                            {.target = target,
                                             .client = client,
                                             .sequence = source.sequence,
                                             .digest = source.snapshot.digest()});
    return json_ ? render_json(explanation) : render_text(explanation);
  }

  [[nodiscard]] Result<std::string> ask(const std::optional<IpAddress>& client) const {
    std::string target = "/-/explain" + target_for_http(question_target(typed_));
    const auto add = [&target](std::string_view parameter) {
      target += target.find('?') == std::string::npos ? '?' : '&';
      target += parameter;
    };
    if (client) add("client=" + client->to_string());
    if (json_) add("format=json");
    MIRROR_TRY(auto text, ask_edge(admin_, {target, kAskTimeoutMs, kExplanationSizeMax}));
    for (const std::string_view line : split(text, '\n')) {
      if (!has_control_byte(line)) continue;
      return fail(ErrorKind::kInvalid, "{}: what answers is no mirror-edge", admin_);
    }
    return text;
  }

  CommandLine& command_;
  std::string typed_, snapshots_, snapshot_, admin_, client_, geoip_;
  std::optional<int64_t> minimum_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<CommandGroup> make_explain_command(CommandLine& root) {
  return std::make_unique<ExplainCommand>(root);
}

}  // namespace mirror
