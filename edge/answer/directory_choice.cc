#include "edge/answer/directory_choice.h"

#include "base/core/repodata.h"

namespace mirror {
namespace {

constexpr std::string_view kSource = "source";

bool names_sources(std::string_view repository) {
  return repository.find(kSource) != std::string_view::npos;
}

// Without slashes at either end, and with every run of slashes as one.
std::string_view normalised(std::string_view path, TextBuffer& scratch) {
  const size_t begin = scratch.size();
  for (size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '/' && (scratch.size() == begin || path[at - 1] == '/')) continue;
    scratch.append(path[at]);
  }
  std::string_view result = scratch.text_from(begin);
  if (result.ends_with('/')) result.remove_suffix(1);
  return result;
}

tl::expected<DirectoryChoice, Refusal> by_path(const SnapshotView& view, const Question& question,
                                               TextBuffer& scratch) {
  DirectoryChoice choice;
  choice.path = normalised(question.path, scratch);
  choice.logged_arch = question.arch;
  choice.directory = view.find_directory(choice.path);
  choice.is_directory = choice.directory != kNone;
  if (choice.is_directory) return choice;
  const size_t slash = choice.path.rfind('/');
  choice.file = slash == std::string_view::npos ? choice.path : choice.path.substr(slash + 1);
  if (!choice.file.empty() && choice.file.size() <= kFileNameMax) {
    choice.directory =
        view.find_directory(slash == std::string_view::npos ? "" : choice.path.substr(0, slash));
  }
  if (choice.directory == kNone)
    return tl::unexpected(Refusal{Refusal::Reason::kInvalidPath, choice.path, {}});
  return choice;
}

tl::expected<DirectoryChoice, Refusal> by_repository(const SnapshotView& view,
                                                     const Question& question,
                                                     TextBuffer& scratch) {
  DirectoryChoice choice;
  choice.repository = question.repository;
  uint32_t prefix = view.find_prefix(question.repository);
  if (prefix != kNone && view.prefixes[prefix].redirect().size() > 0) {
    choice.repository = view.text(view.prefixes[prefix].redirect());
    prefix = view.find_prefix(choice.repository);
  }
  const bool sources = names_sources(question.repository) || names_sources(choice.repository);
  choice.arch = sources ? kSource : question.arch;
  choice.logged_arch = choice.arch;
  if (prefix != kNone && view.prefixes[prefix].disabled() != 0) {
    return tl::unexpected(
        Refusal{Refusal::Reason::kRepositoryDisabled, choice.repository, choice.arch});
  }
  const size_t begin = scratch.size();
  scratch.append(choice.repository);
  scratch.append('+');
  scratch.append(choice.arch);
  const uint32_t found = view.find_repository(scratch.text_from(begin));
  if (found == kNone) {
    return tl::unexpected(
        Refusal{Refusal::Reason::kUnknownRepository, choice.repository, choice.arch});
  }
  const fb::Repository& repository = view.repositories[found];
  const bool metalink = question.resource == Resource::kMetalink;
  choice.directory = metalink ? repository.metalink_directory() : repository.directory();
  choice.is_directory = !metalink;
  if (metalink) choice.file = kRepomd;
  if (choice.directory == kNone) {
    return tl::unexpected(
        Refusal{Refusal::Reason::kBrokenRepository, choice.repository, choice.arch});
  }
  return choice;
}

}  // namespace

tl::expected<DirectoryChoice, Refusal> choose_directory(const SnapshotView& view,
                                                        const Question& question,
                                                        TextBuffer& scratch) {
  return question.has_path ? by_path(view, question, scratch)
                           : by_repository(view, question, scratch);
}

tl::expected<uint32_t, Refusal> find_metalink_file(const SnapshotView& view,
                                                   const DirectoryChoice& choice) {
  const fb::Directory& directory = view.directories[choice.directory];
  const uint32_t file = choice.file.empty() ? kNone : view.find_file(directory, choice.file);
  if (file != kNone) return file;
  return tl::unexpected(
      Refusal{Refusal::Reason::kNoMetalink, view.text(directory.name()), choice.file});
}

}  // namespace mirror
