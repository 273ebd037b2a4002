#!/usr/bin/env python3
"""mirror-compile and `mirrorctl snapshot` as processes: wrong input, HOLD, rollback, faults of the disk."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../edge"))
from harness import BIN, make_cache  # noqa: E402

COMPILE = os.path.join(BIN, "mirror-compile")
CONTROL = os.path.join(BIN, "mirrorctl")
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mirror-compile-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.snapshots = os.path.join(self.folder, "snapshots")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data)
        return self.path(name)

    def run_program(self, *command, **options):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MIRROR_") and k != "SOURCE_DATE_EPOCH"}
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env=environment, timeout=120, **options)

    def compile(self, mark, *options, **world):
        cache = self.write("cache.proto", make_cache(mark, **world))
        return self.run_program(COMPILE, "--from-protobuf", cache, "--snapshots", self.snapshots, *options)

    def control(self, *arguments):
        return self.run_program(CONTROL, "snapshot", *arguments, "--snapshots", self.snapshots)

    def current(self):
        with open(os.path.join(self.snapshots, "CURRENT"), encoding="ascii") as text:
            return text.read()

    def sequence(self):
        return int(self.current().split("-")[0])

    def assert_one_line(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        lines = result.stderr.strip().splitlines()
        for word in words:
            self.assertIn(word, lines[-1] if lines else "")
        self.assertEqual(len(lines), 1, result.stderr)


class Input(ProgramTest):
    def test_usage(self):
        for arguments in (["--no-such-option"], [], ["--database", "sqlite:/x"], ["--from-protobuf"],
                          ["--format", "2", "--from-protobuf", "x", "--snapshots", "y"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--created-at", "noon"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--created-at", "1099511627777"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--keep", "0"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--force"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--force", "--quiet"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--force", " \t"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--max-lost", "mirrors=5"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--max-lost", "hosts=110%"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--at-least", "hosts=5%"],
                          ["--diff", "x"],
                          ["--from-protobuf", "x", "--snapshots", "y", "--log-level", "loud"]):
            result = self.run_program(COMPILE, *arguments)
            self.assertEqual(result.returncode, USAGE, arguments)
            self.assertIn("mirror-compile", result.stderr)
            self.assertEqual(result.stdout, "")
        self.assertEqual(self.run_program(COMPILE, "--help").returncode, DONE)
        self.assertFalse(os.path.exists(self.snapshots))

    def test_faults_name_file_and_remedy(self):
        target = ["--quiet", "--snapshots", self.snapshots]
        cases = [
            (["--from-protobuf", self.path("missing")], "missing", "No such file"),
            (["--from-protobuf", self.folder], self.folder, "not a regular file"),
            (["--from-protobuf", self.write("empty", b"")], "empty", "Time is missing"),
            (["--from-protobuf", self.write("text", b"#!/bin/sh\nexit\n")], "text", "cache file"),
            (["--database", "sqlite:" + self.path("missing.db")], "missing.db", "mirrorctl"),
            (["--database", "sqlite:" + self.write("garbage.db", b"x" * 5000)], "garbage.db", ""),
            (["--from-protobuf", "x", "--netblocks", self.path("no-netblocks")], "no-netblocks", "No such file"),
            (["--from-protobuf", "x", "--country-continent", self.write("bad.csv", b"nothing\n")], "bad.csv", "DE,EU"),
            (["--from-protobuf", "x", "--canaries", self.path("no-canaries")], "no-canaries", "No such file"),
            (["--from-protobuf", "x", "--canaries", self.write("canaries", b"\nwhat?\n")], "canaries:2", "/metalink"),
            (["--diff", self.path("no-snapshot"), "2"], "no-snapshot", "No such file"),
            (["--diff", "7", "8"], self.snapshots, "No such file"),
            (["--check", self.path("no-snapshot")], "no-snapshot", "No such file"),
            (["--check", self.write("damaged", b"MIRRSNAP" + b"\0" * 200)], "damaged", "checksum"),
            (["--dump", self.folder], self.folder, "not a regular file"),
        ]
        for arguments, name, remedy in cases:
            with self.subTest(arguments=arguments):
                self.assert_one_line(self.run_program(COMPILE, *arguments, *target), FAILED, name, remedy)
        self.assertFalse(os.path.exists(self.snapshots))

    def test_a_database_without_schema(self):
        database = self.path("empty.db")
        self.assertEqual(self.run_program("sqlite3", database, "CREATE TABLE other (id INTEGER)").returncode, 0)
        result = self.run_program(COMPILE, "--quiet", "--database", "sqlite:" + database, "--snapshots", self.snapshots)
        self.assert_one_line(result, FAILED, "empty.db", "mirrorctl database")

    def test_a_directory_that_cannot_be_made(self):
        self.write("file", b"")
        self.snapshots = self.path("file/snapshots")
        self.assert_one_line(self.compile("a", "--quiet"), FAILED, "file/snapshots")


class Publication(ProgramTest):
    def test_compile_says_what_it_did(self):
        result = self.compile("a")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertIn("published generation 1: 0000000001-", result.stdout)
        self.assertIn("directories 1", result.stdout)
        self.assertIn("created at 1700000000", result.stdout)
        file = re.search(r"\S+\.mls", result.stdout).group(0)
        check = self.run_program(COMPILE, "--check", os.path.join(self.snapshots, file))
        self.assertEqual(check.returncode, DONE)
        self.assertIn("a valid snapshot", check.stdout)
        dump = self.run_program(COMPILE, "--dump", os.path.join(self.snapshots, file))
        self.assertIn('"http://a.example/1"', dump.stdout)
        self.assertEqual(self.compile("a", "--quiet").stdout, "")

    def test_nothing_changed(self):
        self.compile("a")
        before = self.current()
        result = self.compile("a", "--created-at", "1700010799")
        self.assertEqual(result.returncode, DONE)
        self.assertIn("nothing changed: generation 1", result.stdout)
        self.assertEqual(self.current(), before)
        # After three hours it is published anew, so that it does not look as if compiles failed.
        result = self.compile("a", "--created-at", "1700010800")
        self.assertIn("published generation 2", result.stdout)

    def test_a_time_far_away(self):
        result = self.compile("a", "--created-at", "1099511627776")
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertIn("created at 1099511627776 (?)", result.stdout)
        with open(os.path.join(self.snapshots, "HOLD"), "w", encoding="ascii") as hold:
            hold.write("when: 18446744073709551615\n")
        listed = self.control("list")
        self.assertEqual(listed.returncode, DONE, listed.stderr)
        self.assertIn("HOLD since ?", listed.stdout)

    def test_rollback_hold_and_release(self):
        for mark in "abc":
            self.assertEqual(self.compile(mark).returncode, DONE)
        self.assertEqual(self.control("rollback", "--why", "c is broken").returncode, DONE)
        self.assertEqual(self.sequence(), 2)
        held = self.compile("d")
        self.assertEqual(held.returncode, REFUSED)
        self.assertIn("c is broken", held.stderr)
        self.assertEqual(self.sequence(), 2)
        listed = self.control("list").stdout
        self.assertRegex(listed, r"(?m)^ +4 .*held back$")
        self.assertRegex(listed, r"(?m)^ +2 .*live$")
        self.assertIn("c is broken", listed)
        self.assertEqual(self.control("rollback", "--to", "1").returncode, DONE)
        self.assertEqual(self.sequence(), 1)
        missing = self.control("rollback", "--to", "77")
        self.assert_one_line(missing, FAILED, "no snapshot 77")
        self.assertEqual(self.control("release").returncode, DONE)
        self.assertIn("no HOLD", self.control("release").stdout)
        self.assertEqual(self.compile("e").returncode, DONE)
        self.assertEqual(self.sequence(), 5)

    def test_a_file_under_the_name_of_another(self):
        files = []
        for mark in "abc":
            self.assertEqual(self.compile(mark).returncode, DONE)
            files.append(os.path.join(self.snapshots, self.current().split()[0]))
        shutil.copyfile(files[1], files[0])
        before = self.current()
        self.assert_one_line(self.control("rollback", "--to", "1"), FAILED, files[0], "digest")
        self.assertEqual(self.current(), before)
        self.assertFalse(os.path.exists(os.path.join(self.snapshots, "HOLD")))
        self.assertRegex(self.control("list").stdout, r"(?m)^ +1 .* damaged$")
        check = self.control("check")
        self.assertEqual(check.returncode, FAILED)
        self.assertIn(files[0] + ": ", check.stdout)
        self.assertEqual(self.control("rollback").returncode, DONE)

    def test_a_rollback_makes_no_directory(self):
        self.assert_one_line(self.control("rollback"), FAILED, self.snapshots)
        self.assertFalse(os.path.exists(self.snapshots))

    def test_check_finds_damage(self):
        self.compile("a")
        self.compile("b")
        self.assertEqual(self.control("check").returncode, DONE)
        file = os.path.join(self.snapshots, self.current().split()[0])
        os.truncate(file, 1000)
        damaged = self.control("check")
        self.assertEqual(damaged.returncode, FAILED)
        self.assertIn("CURRENT: " + file, damaged.stdout)
        self.assertIn("damaged", self.control("list").stdout)
        # The next compile does not compare with it and replaces it.
        self.assertEqual(self.compile("b").returncode, DONE)
        self.assertEqual(self.control("check").returncode, FAILED)
        self.assertEqual(self.sequence(), 3)

    def test_a_list_without_a_readable_current(self):
        self.compile("a")
        self.compile("b")
        with open(os.path.join(self.snapshots, "CURRENT"), "w", encoding="ascii") as current:
            current.write("garbage\n")
        listed = self.control("list")
        self.assert_one_line(listed, FAILED, "CURRENT", "garbage")
        self.assertRegex(listed.stdout, r"(?m)^ +2 .*\n +1 .*$")

    def test_the_lock(self):
        self.compile("a")
        lock = os.path.join(self.snapshots, "LOCK")
        holder = subprocess.Popen(["flock", lock, "sh", "-c", "echo held; read line"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        self.assert_one_line(self.compile("b", "--quiet"), FAILED, "LOCK is held by process")
        holder.communicate(b"\n")
        self.assertEqual(self.compile("b").returncode, DONE)


class Faults(ProgramTest):
    """What compile_kill_test, which goes through all calls of a compile from a database, does not reach."""

    def strace(self, call, fault, cache):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        return self.run_program("strace", "-f", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                                "inject=%s:%s" % (call, fault), COMPILE, "--quiet", "--from-protobuf", cache,
                                "--snapshots", self.snapshots)

    def files(self):
        return sorted(name for name in os.listdir(self.snapshots) if ".mls" in name or name.endswith(".tmp"))

    def test_killed_while_it_reads_or_writes(self):
        self.compile("a")
        cache = self.write("new.proto", make_cache("b"))
        before = self.current()
        for call in ("write", "rename"):
            killed = self.strace(call, "signal=SIGKILL:when=1", cache)
            self.assertNotEqual(killed.returncode, DONE)
            self.assertEqual(self.current(), before)
        after = self.run_program(COMPILE, "--quiet", "--from-protobuf", cache, "--snapshots", self.snapshots)
        self.assertEqual(after.returncode, DONE, after.stderr)
        self.assertEqual([name for name in self.files() if name.endswith(".tmp")], [])
        self.assertIn("b.example", self.run_program(COMPILE, "--dump", os.path.join(
            self.snapshots, self.current().split()[0])).stdout)

    def test_a_failing_fsync_leaves_nothing(self):
        self.compile("a")
        cache = self.write("new.proto", make_cache("b"))
        before, current = self.files(), self.current()
        # SEQUENCE, its directory, the new snapshot, its directory.
        for when in range(1, 5):
            failed = self.strace("fsync", "error=EIO:when=%d" % when, cache)
            self.assertEqual(failed.returncode, FAILED, failed.stderr)
            self.assertIn("Input/output error", failed.stderr)
            self.assertEqual(self.current(), current)
            self.assertEqual(self.files(), before, when)


if __name__ == "__main__":
    unittest.main()
