#!/usr/bin/env python3
"""Checks of the source tree that no compiler makes. usage: check_tree.py CHECK ROOT [BUILD]

CHECK is one of
  links     ARCHITECTURE.md's table of stages, the CMake link lines and the include lines say the same
  loads     the programs in BUILD/bin load no library that ARCHITECTURE.md forbids them
  sources   every source, header and statement file is built or included by something
  text      nothing unfinished, no path of one machine, no generated file
  packages  README.md names exactly the packages of ops/packages
  scripts   what has an interpreter line can be run, and nothing else
  options   README.md has exactly the options and commands that the programs in BUILD/bin print with --help
  labels    every test of BUILD has one known label and a time limit

Prints each fault as FILE:LINE: what; exits 1 if there was one.
"""

import json
import os
import re
import subprocess
import sys

LABELS = {"unit", "golden", "property", "fuzz", "tidy", "system", "conformance"}
SOURCE_FOLDERS = ("base", "schema", "compiler", "edge", "scanner", "crawler", "portal", "ops", "tests", "bench")
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
PROGRAMS = ("mirrorctl", "mirror-scan", "mirror-compile", "mirror-edge")
# Options of other programs in the examples of README.md.
OTHER_PROGRAMS_OPTIONS = {"--exclude"}
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(work|root|home/\w+|Users)/")


class Tree:
    """The files of the project below ROOT, read once."""

    def __init__(self, root):
        self.root = root
        self.faults = []
        self.files = []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if name not in (".git", "build", "__pycache__"))
            self.files += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)
                           if name != ".git"]

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, path):
        return enumerate(self.read(path).splitlines(), start=1)

    def fault(self, place, text):
        self.faults.append(f"{place}: {text}")

    def under(self, folders, *endings):
        return [path for path in self.files
                if path.split("/")[0] in folders and (not endings or path.endswith(endings))]


def table_below(tree, path, heading):
    """The first table of a Markdown file below a heading, as a list of rows of stripped cells."""
    text = tree.read(path)
    if heading not in text:
        sys.exit(f"{path}: the heading '{heading}' is missing")
    rows = []
    for line in text.split(heading, 1)[1].splitlines():
        if line.startswith("|"):
            rows.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
        elif rows:
            break
    return [rows[0]] + rows[2:]


def stages_of(tree):
    """From ARCHITECTURE.md: stage -> (folder, set of the stages it may use)."""
    header, *rows = table_below(tree, "ARCHITECTURE.md", "### Who may use whom")
    columns = header[2:]
    return {row[0]: (row[1], {name for name, cell in zip(columns, row[2:]) if cell == "x"}) for row in rows}


def cmake_links(tree):
    """Target -> libraries on its link lines, from every CMakeLists.txt."""
    links = {}
    for path in tree.files:
        if os.path.basename(path) != "CMakeLists.txt":
            continue
        text = re.sub(r"#.*", "", tree.read(path))
        for words in re.findall(r"\b(?:mirror_library|mirror_program|target_link_libraries)\s*\(([^)]*)\)", text):
            target, *rest = words.split()
            known = links.setdefault(target, (path, set()))[1]
            known.update(word for word in rest if not word.endswith((".cc", ".c")))
    return links


def check_links(tree):
    stages = stages_of(tree)
    links = cmake_links(tree)
    folders = sorted(((folder, stage) for stage, (folder, _) in stages.items()), reverse=True)

    def stage_of(path):
        return next((stage for folder, stage in folders if path.startswith(folder + "/")), None)

    used = {stage: set() for stage in stages}
    for path in tree.under(SOURCE_FOLDERS, ".h", ".cc"):
        stage = stage_of(path)
        for number, line in tree.lines(path):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not match or not stage:
                continue
            other = stage_of(match.group(1))
            if other and other != stage:
                used[stage].add(other)
                if other not in stages[stage][1]:
                    tree.fault(f"{path}:{number}", f"{stage} may not include {other} (ARCHITECTURE.md)")
    for stage, (folder, allowed) in stages.items():
        target = f"mirror_{stage}"
        if target not in links:
            tree.fault("ARCHITECTURE.md", f"the table has '{stage}', but no CMakeLists.txt makes {target}")
            continue
        path, libraries = links[target]
        linked = {word[len("mirror_"):] for word in libraries if word.startswith("mirror_")} & set(stages)
        for other in sorted(linked - allowed):
            tree.fault(path, f"{target} links mirror_{other}, which ARCHITECTURE.md does not allow")
        for other in sorted(allowed - used[stage]):
            tree.fault("ARCHITECTURE.md", f"the table lets {stage} use {other}, but {folder}/ does not include it")
    for target, (path, _) in links.items():
        if path.split("/")[0] in ("tests", "bench") or not target.startswith("mirror_"):
            continue
        if target[len("mirror_"):] not in stages:
            tree.fault(path, f"{target} is missing in ARCHITECTURE.md's table of stages")


def check_loads(tree, build):
    header, *rows = table_below(tree, "ARCHITECTURE.md", "### What a program must not load")
    assert header[0] == "program"
    programs = {row[0] for row in rows}
    for program, forbidden in ((row[0], row[1].replace("`", "").split(", ")) for row in rows):
        binary = os.path.join(build, "bin", program)
        if not os.path.exists(binary):
            tree.fault("ARCHITECTURE.md", f"{program} is not in {build}/bin")
            continue
        dynamic = subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True).stdout
        needed = re.findall(r"\(NEEDED\).*\[([^\]]+)\]", dynamic)
        for library in forbidden:
            for name in needed:
                if name.startswith(library + "."):
                    tree.fault(program, f"loads {name}, which ARCHITECTURE.md forbids")
    for program in sorted(os.listdir(os.path.join(build, "bin"))):
        if program.startswith("mirror") and program not in programs:
            tree.fault("ARCHITECTURE.md", f"{program} is missing in the table of what programs must not load")


def named_in_cmake(tree):
    """Regular expressions of the paths that CMake files name; a variable stands for one or more letters."""
    for path in tree.files:
        if not path.endswith(("CMakeLists.txt", ".cmake")):
            continue
        folder = os.path.dirname(path)
        text = re.sub(r"#.*", "", tree.read(path))
        for word in re.findall(r'[^\s()"]+\.(?:cc|c|sql|fbs|csv)\b', text):
            word = word.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
            if word.startswith("${PROJECT_SOURCE_DIR}/"):
                word = word[len("${PROJECT_SOURCE_DIR}/"):]
            else:
                word = os.path.normpath(os.path.join(folder, word))
            yield "[a-z0-9_]+".join(re.escape(part) for part in re.split(r"\$\{\w+\}", word))


def check_sources(tree):
    named = re.compile("|".join(named_in_cmake(tree)))
    for path in tree.under(SOURCE_FOLDERS, ".cc", ".c", ".sql", ".fbs"):
        if path.startswith("tests/fixtures/"):  # read by tests as they run
            continue
        if not named.fullmatch(path):
            tree.fault(path, "no CMakeLists.txt names it")
    included = set()
    for path in tree.under(SOURCE_FOLDERS, ".h", ".cc", ".c"):
        included.update(re.findall(r'^\s*#\s*include\s*"([^"]+)"', tree.read(path), re.M))
    for path in tree.under(SOURCE_FOLDERS, ".h"):
        if path not in included:
            tree.fault(path, "nothing includes it")


def check_text(tree):
    for path in tree.files:
        if path.startswith("tests/fuzz/corpus/") or path == "LICENSE":
            continue
        if path.endswith((".pb.h", ".pb.cc", "_generated.h", ".pyc", ".o", ".orig", ".rej")):
            tree.fault(path, "a generated file")
        for number, line in tree.lines(path):
            for word in UNFINISHED:
                if re.search(rf"\b{word}\b", line):
                    tree.fault(f"{path}:{number}", f"unfinished: {word}")
            if MACHINE_PATHS.search(line):
                tree.fault(f"{path}:{number}", "a path of one machine")


def check_packages(tree):
    wanted = {}
    for number, line in tree.lines("ops/packages"):
        if line.strip() and not line.startswith("#"):
            match = re.fullmatch(r"(\w+)\s+([a-z0-9.+-]+)\s+# \S.*", line)
            if not match:
                tree.fault(f"ops/packages:{number}", "expected: GROUP PACKAGE # WHAT FOR")
                continue
            wanted.setdefault(match.group(1), []).append(match.group(2))
    everything = [name for names in wanted.values() for name in names]
    for name in sorted({name for name in everything if everything.count(name) > 1}):
        tree.fault("ops/packages", f"{name} is listed twice")
    text = tree.read("README.md").replace("\\\n", " ")
    named = {group: set(words.split()) for words, group in
             re.findall(r"^apt-get install -y --no-install-recommends (.*?)\s+# (\w+)$", text, re.M)}
    for group, names in wanted.items():
        if named.get(group) != set(names):
            difference = sorted(set(names) ^ named.get(group, set()))
            tree.fault("README.md", f"its apt-get line of the group {group} differs from ops/packages in {difference}")
    for group in named.keys() - wanted.keys():
        tree.fault("README.md", f"ops/packages has no group {group}")


def check_scripts(tree):
    for path in tree.files:
        full = os.path.join(tree.root, path)
        if os.path.islink(full):
            continue
        with open(full, "rb") as file:
            interpreted = file.read(2) == b"#!"
        if interpreted != os.access(full, os.X_OK) and not path.startswith("tests/fuzz/corpus/"):
            tree.fault(path, "has an interpreter line and no run bit" if interpreted else "has a run bit and no interpreter")


COMMON_OPTIONS = {"--help", "--version", "--config", "--log-level"}


def help_of(command):
    """(options, commands below it as lists of words) from what COMMAND --help prints."""
    text = subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout
    options, commands, section = set(), [], ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            section = line
        elif section == "Options:" and line.startswith("  -"):
            options.update(re.findall(r"--[a-z][a-z0-9_-]*", line.split("  ")[1]))
        elif section == "Subcommands:" and re.match(r"  \w", line):
            commands.append([*command, line.split()[0]])
    for below in list(commands):
        more_options, more_commands = help_of(below)
        options |= more_options
        commands += more_commands
    return options, commands


def check_options(tree, build):
    readme = tree.read("README.md")
    known = COMMON_OPTIONS | set(re.findall(r"--[a-z][a-z0-9_-]*", readme.split("## The programs")[1].split("###")[0]))
    for program in PROGRAMS:
        match = re.search(rf"^### {program}$(.*?)^##", readme, re.M | re.S)
        if not match:
            tree.fault("README.md", f"no section about {program}")
            continue
        options, commands = help_of([os.path.join(build, "bin", program)])
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", match.group(1)))
        for option in sorted(options - known - named):
            tree.fault("README.md", f"{program} has {option}, which its section does not mention")
        for option in sorted(named - options - OTHER_PROGRAMS_OPTIONS):
            tree.fault("README.md", f"the section of {program} mentions {option}, which it does not have")
        for command in commands:
            words = " ".join(command[1:])
            if help_of(command)[1] == [] and not re.search(rf"^{program} {words}\b", match.group(1), re.M):
                tree.fault("README.md", f"no synopsis of {program} {words}")


def check_labels(tree, build):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                           check=True, capture_output=True, text=True).stdout
    for test in json.loads(shown)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        labels = set(properties.get("LABELS", []))
        if len(labels & LABELS) != 1:
            tree.fault(test["name"], f"one label of {sorted(LABELS)} expected, found {sorted(labels)}")
        if "TIMEOUT" not in properties:
            tree.fault(test["name"], "no TIMEOUT")


def main():
    checks = {"links": check_links, "sources": check_sources, "text": check_text, "packages": check_packages,
              "scripts": check_scripts}
    built_checks = {"labels": check_labels, "loads": check_loads, "options": check_options}
    check, root, *rest = sys.argv[1:] if len(sys.argv) > 2 else ("", "")
    tree = Tree(os.path.abspath(root))
    if check in checks and not rest:
        checks[check](tree)
    elif check in built_checks and len(rest) == 1:
        built_checks[check](tree, rest[0])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print("\n".join(tree.faults) if tree.faults else f"{check}: {len(tree.files)} files, no fault")
    return 1 if tree.faults else 0


if __name__ == "__main__":
    sys.exit(main())
