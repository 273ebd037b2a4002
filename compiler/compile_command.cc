#include "compiler/compile_command.h"

#include <fmt/ranges.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "base/core/files.h"
#include "base/core/http_date.h"
#include "base/core/output.h"
#include "base/core/text.h"
#include "compiler/comparison.h"
#include "compiler/database_input.h"
#include "compiler/dump.h"
#include "compiler/protobuf_import.h"
#include "compiler/publish.h"
#include "compiler/report.h"
#include "compiler/snapshot_diff.h"
#include "compiler/snapshot_model.h"
#include "compiler/snapshot_source.h"
#include "compiler/tables.h"
#include "schema/snapshot/snapshot.h"

namespace mirror {

void CompileOptions::declare(CommandLine& line, bool watching) {
  line.option("--database", &database,
              "sqlite:PATH or postgresql://...: compile from this database", "MIRROR_DATABASE");
  if (!watching) {
    line.option("--from-protobuf", &from_protobuf,
                "compile from a cache file of generate-mirrorlist-cache instead");
    line.option("--created-at", &created_at,
                "Unix time to write into the snapshot (default: now, or the cache file's)",
                "SOURCE_DATE_EPOCH");
    line.flag("--always", &always, "compile even if the database has not changed");
    line.option("--check", &check,
                "only look at this snapshot file, as an edge would, and print facts");
    line.option("--dump", &dump, "only print this snapshot file as text");
    line.option("--diff", &diff,
                "only print what changed between two snapshots: files, or numbers in --snapshots");
    line.flag("--all", &all, "with --diff: print everything, not only the first of each sort");
  }
  line.option("--snapshots", &snapshots, "directory in which the edges find their snapshots",
              "MIRROR_SNAPSHOTS");
  line.option("--country-continent", &country_continent,
              "CSV file with lines like DE,EU (default: a table that is built in)");
  line.option("--netblocks", &netblocks,
              "file with lines like 192.0.2.0/24 64500: which AS announces a prefix");
  line.option("--format", &format, kSnapshotFormat, kSnapshotFormat, "format version to write");
  line.option("--readers", &readers, 1, 64,
              "connections that read the largest table at the same time (PostgreSQL)");
  line.option("--keep", &keep, 1, 1'000'000, "snapshots that stay in the directory");
  line.option("--max-lost", &max_lost,
              "KIND=P% or KIND=N: refuse to publish if more of these are gone; may be repeated");
  line.option("--at-least", &at_least,
              "KIND=N: refuse to publish with fewer of these; may be repeated");
  line.option("--canaries", &canaries,
              "file with questions that the new snapshot must answer to be published",
              "MIRROR_CANARIES");
  if (!watching) {
    line.option("--force", &force,
                "REASON: publish even where that would be refused, and log the reason");
  }
  line.option("--report", &report,
              "write what was left out and what is suspicious into this file, as JSON; mirrorctl "
              "doctor shows it");
  line.flag("--quiet", &quiet, "print nothing but warnings and errors");
  line.option("--log-level", &log_level, std::string(Log::kLevelHelp));
  if (watching) return;
  line.footer(
      "Exit codes: 0 done (also if nothing changed), 1 failed, 2 usage, 3 refused: too much is "
      "gone, a canary question has no good answer, or HOLD is there, 4 done but for the report. "
      "KIND: " +
      fmt::format("{}.", fmt::join(kKindNames, ", ")));
}

namespace {

constexpr size_t kPrintedAtOnce = size_t{1} << 20;

std::string render_facts(const SnapshotView& view, uint64_t size) {
  const auto hosts = std::ranges::count_if(urls_of_hosts(view, UrlsOf::kDirectories),
                                           [](const auto& urls) { return !urls.empty(); });
  std::string text;
  text += fmt::format("  size {} bytes, text {} bytes, largest answer {} bytes\n", size,
                      view.text_bytes.size(), view.body_size_max);
  text += fmt::format("  created at {} ({})\n", view.created_at, utc_text(view.created_at));
  text += fmt::format("  hosts {} ({} with URLs), categories {}, countries {}\n", view.hosts.size(),
                      hosts, view.categories.size(), view.countries.size());
  text += fmt::format("  directories {}, distinct sets of carriers {}, carriers {}, files {}\n",
                      view.directories.size(), view.carrier_sets.size(), view.carriers.size(),
                      view.files.size());
  text += fmt::format("  repositories {}, redirected or disabled prefixes {}\n",
                      view.repositories.size(), view.prefixes.size());
  text += fmt::format("  netblock ranges {}, AS ranges {}, netblock country ranges {}\n",
                      view.netblocks4.size() + view.netblocks6.size(),
                      view.asns4.size() + view.asns6.size(),
                      view.netblock_countries4.size() + view.netblock_countries6.size());
  return text;
}

class Compile {
 public:
  Compile(const CompileOptions& options, const CommandLine& line, const Clock& clock,
          const Log& log, bool debug)
      : options_(options),
        line_(line),
        clock_(clock),
        log_(log),
        diagnostics_(debug ? &log_ : nullptr) {}

  int run() {
    if (const auto fault = read_gate_options(options_, &publish_)) return line_.usage_error(*fault);
    if (options_.diff) return diff();
    if (options_.check || options_.dump)
      return look_at(options_.check ? *options_.check : *options_.dump);
    if (!options_.database && !options_.from_protobuf) {
      return line_.usage_error(
          "--database URL or --from-protobuf FILE is needed (or MIRROR_DATABASE in the "
          "environment)");
    }
    if (!options_.snapshots) return line_.usage_error("--snapshots DIRECTORY is needed");
    if (options_.created_at &&
        parse_uint64(*options_.created_at).value_or(kSnapshotTimeMax + 1) > kSnapshotTimeMax) {
      return line_.usage_error("--created-at: " + quote_for_message(*options_.created_at) +
                               " is no number of seconds from 0 to " +
                               std::to_string(kSnapshotTimeMax));
    }
    const auto code = compile();
    if (code) return *code;
    log_.error("{}", code.error().message);
    return exit_code(code.error());
  }

 private:
  int diff() {
    const auto text = diff_snapshots({options_.diff->first, options_.diff->second,
                                      options_.snapshots, options_.canaries, options_.all});
    const auto printed = text ? print_out(*text) : tl::unexpected(text.error());
    if (printed) return kExitDone;
    log_.error("{}", printed.error().message);
    return exit_code(printed.error());
  }

  int look_at(const std::string& path) {
    const auto snapshot = Snapshot::open(path);
    if (!snapshot) {
      log_.error("{}", snapshot.error().message);
      return exit_code(snapshot.error());
    }
    std::string text;
    if (options_.check) {
      text = fmt::format("{}: a valid snapshot, format {}, contents {}\n", path, kSnapshotFormat,
                         snapshot->digest().hex()) +
             render_facts(snapshot->view(), snapshot->size());
    }
    Result<void> printed;
    if (options_.dump) {
      dump_snapshot(snapshot->view(), [&](std::string_view piece) {
        text += piece;
        if (text.size() < kPrintedAtOnce || !printed) return;
        printed = print_out(text);
        text.clear();
      });
    }
    if (printed) printed = print_out(text);
    if (printed && options_.check && options_.canaries) return ask(snapshot->view());
    if (printed) return kExitDone;
    log_.error("{}", printed.error().message);
    return exit_code(printed.error());
  }

  int ask(const SnapshotView& view) {
    const auto canaries = read_canaries(*options_.canaries);
    if (!canaries) {
      log_.error("{}", canaries.error().message);
      return exit_code(canaries.error());
    }
    const auto failed = failed_canaries(view, *canaries);
    for (const auto& fault : failed) log_.error("{}", fault);
    return failed.empty() ? kExitDone : kExitRefused;
  }

  Result<int> compile() {
    if (options_.canaries) {
      MIRROR_TRY(publish_.canaries, read_canaries(*options_.canaries));
    }
    SnapshotDirectory directory(*options_.snapshots);
    if (!options_.from_protobuf) {
      MIRROR_TRY(const bool unchanged, is_unchanged(directory));
      if (unchanged) return kExitDone;
    }
    // The file of prefixes takes a tenth of the time that the rows take: both at once; from one
    // heap, so that the memory which the one has given back serves the other.
    ::mallopt(M_ARENA_MAX, 1);
    auto reading = std::async(std::launch::async | std::launch::deferred,
                              [this] { return read_inputs(options_); });
    auto rows = read_world();
    MIRROR_TRY(auto read, reading.get());
    MIRROR_TRY(auto world, std::move(rows));
    auto& inputs = read.inputs;
    for (const auto& [key, entry] : read.diagnostics.entries())
      diagnostics_.add(key.first, key.second, entry.count, entry.examples);
    inputs.created_at = created_at(world.created_at);
    // Answers must not grow old because of a report.
    const auto reported = write_report(world, inputs);
    if (!reported) log_.error("the report is not written: {}", reported.error().message);
    MIRROR_TRY(const auto model, build_model(std::move(world), inputs));
    MIRROR_TRY(const auto file, write_snapshot(model));
    diagnostics_.report(log_);
    MIRROR_TRY(const auto published, publish_snapshot(directory, file, publish_, log_));
    if (!options_.from_protobuf) remember(published, directory);
    MIRROR_TRY(const int code, report(published, directory));
    return code == kExitDone && !reported ? kExitWarnings : code;
  }

  // Before anything is published, and also if it is not: a gate that refuses makes it worth
  // reading.
  Result<void> write_report(const World& world, const ModelInputs& inputs) const {
    if (!options_.report) return {};
    CompileReport report;
    report.created_at = inputs.created_at;
    MIRROR_TRY(report.source, source_name());
    report.left_out = diagnostics_.entries();
    report.findings = find_suspicious(world, inputs.country_continents, Diagnostics::kExamplesMax);
    MIRROR_CHECK(replace_file(*options_.report, render_report_json(report)));
    log_.info("{}: {}", *options_.report, summary_of(report));
    return {};
  }

  [[nodiscard]] Result<std::string> source_name() const {
    if (options_.from_protobuf) return *options_.from_protobuf;
    MIRROR_TRY(const auto url, DatabaseUrl::parse(*options_.database));
    return url.display();
  }

  // Says so if the live snapshot is what a compile would make.
  Result<bool> is_unchanged(const SnapshotDirectory& directory) {
    const std::string texts[] = {std::to_string(options_.format)};
    const std::string files[] = {options_.country_continent.value_or(""),
                                 options_.netblocks.value_or("")};
    MIRROR_TRY(source_.inputs, digest_inputs(texts, files));
    // Who wants a report wants all rows to be looked at.
    if (options_.always || options_.report) return false;
    MIRROR_TRY(const auto live, find_unchanged(directory, *options_.database, source_.inputs,
                                               clock_.unix_seconds(), created_at({})));
    if (!live) return false;
    MIRROR_CHECK(say(fmt::format("nothing changed since generation {}: {}\n", live->name.sequence,
                                 live->name.to_string())));
    return true;
  }

  // For the next compile.
  void remember(const Published& published, SnapshotDirectory& directory) {
    remember_names(*options_.database, new_names_, clock_, log_);
    tidy_change_marks(*options_.database, marks_, log_);
    const auto url = DatabaseUrl::parse(*options_.database);
    const bool live = published.outcome != PublishOutcome::kHeld;
    if (!url || !live || marks_.kind != ChangeMarksKind::kWhole) return;
    source_.snapshot = published.snapshot.name.to_string();
    source_.database = url->display();
    source_.token = marks_.token;
    remember_source(directory, source_, log_);
  }

  struct Inputs {
    ModelInputs inputs;
    Diagnostics diagnostics;
  };
  // On a thread of its own.
  static Result<Inputs> read_inputs(const CompileOptions& options) {
    Inputs read;
    if (options.country_continent) {
      MIRROR_TRY(read.inputs.country_continents,
                 read_country_continents(*options.country_continent, read.diagnostics));
    } else {
      read.inputs.country_continents = default_country_continents();
    }
    if (options.netblocks) {
      MIRROR_TRY(read.inputs.prefix_asns, read_prefix_asns(*options.netblocks, read.diagnostics));
    }
    return read;
  }

  Result<World> read_world() {
    if (options_.from_protobuf) {
      return import_protobuf(*options_.from_protobuf, clock_, options_.quiet, diagnostics_);
    }
    constexpr std::chrono::milliseconds kResolveDeadline{5000};
    const auto resolver = make_system_resolver(kResolveDeadline);
    MIRROR_TRY(auto input, read_database(*options_.database, static_cast<size_t>(options_.readers),
                                         clock_, options_.quiet, *resolver, diagnostics_));
    new_names_ = std::move(input.new_names);
    marks_ = std::move(input.marks);
    if (marks_.kind == ChangeMarksKind::kBroken)
      log_.warning("change marks are not used: {}", marks_.problem);
    if (input.has_names)
      source_.names_until = static_cast<uint64_t>(clock_.unix_seconds() + kNamesFreshSeconds);
    return std::move(input.world);
  }

  // `of_input`: what a cache file says of itself.
  uint64_t created_at(std::optional<uint64_t> of_input) const {
    if (options_.created_at) return *parse_uint64(*options_.created_at);
    return of_input.value_or(static_cast<uint64_t>(clock_.unix_seconds()));
  }

  Result<void> say(const std::string& text) const {
    if (options_.quiet) return {};
    if (auto printed = print_out(text); !printed)
      return with_context(std::move(printed).error(), "all else is done");
    return {};
  }

  Result<int> report(const Published& published, const SnapshotDirectory& directory) {
    const auto& name = published.snapshot.name;
    std::string text;
    switch (published.outcome) {
      case PublishOutcome::kUnchanged:
        MIRROR_CHECK(say(fmt::format("nothing changed: generation {} stays live: {}\n",
                                     name.sequence, name.to_string())));
        return kExitDone;
      case PublishOutcome::kHeld:
        log_.warning(
            "HOLD is there ({}; {}): generation {} is written but does not go live; mirrorctl "
            "snapshot release ends it",
            published.hold->who, published.hold->why, name.sequence);
        text = fmt::format("held back generation {}: {}\n", name.sequence, name.to_string());
        break;
      case PublishOutcome::kPublished:
        text = fmt::format("published generation {}: {}\n", name.sequence, name.to_string());
        break;
    }
    MIRROR_TRY(const auto snapshot, directory.open(published.snapshot));
    MIRROR_CHECK(say(text + render_facts(snapshot.view(), snapshot.size())));
    return published.outcome == PublishOutcome::kHeld ? kExitRefused : kExitDone;
  }

  const CompileOptions& options_;
  const CommandLine& line_;
  const Clock& clock_;
  const Log& log_;
  Diagnostics diagnostics_;
  PublishOptions publish_;
  RememberedNames new_names_;
  ChangeMarks marks_;
  SnapshotSource source_;
};

}  // namespace

std::optional<std::string> read_gate_options(const CompileOptions& options,
                                             PublishOptions* publish) {
  for (const auto& text : options.max_lost) {
    if (const auto set = publish->limits.set_max_lost(text); !set)
      return "--max-lost: " + set.error().message;
  }
  for (const auto& text : options.at_least) {
    if (const auto set = publish->limits.set_at_least(text); !set)
      return "--at-least: " + set.error().message;
  }
  publish->keep = static_cast<size_t>(options.keep);
  publish->force_reason = trim(options.force.value_or(""));
  // A flag once: what follows it in an old script is no reason.
  if (options.force && (publish->force_reason.empty() || publish->force_reason.starts_with('-'))) {
    return "--force needs a reason, which is logged; " + quote_for_message(*options.force) +
           " is none";
  }
  return std::nullopt;
}

int run_compile(const CompileOptions& options, const CommandLine& line, const Clock& clock) {
  const auto level = Log::parse_level(options.log_level);
  if (!level) return line.usage_error("--log-level must be " + std::string(Log::kLevelHelp));
  const Log log("mirror-compile", *level);
  return Compile(options, line, clock, log, *level == LogLevel::kDebug).run();
}

}  // namespace mirror
