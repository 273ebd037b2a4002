#!/usr/bin/env python3
"""mirror-compile watch, and "nothing changed", with real programs. usage: watch_test.py sqlite|postgresql [TEST...]

On PostgreSQL beside with_postgresql, whose server gets a database for each test.
"""
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../edge"))
from harness import BIN, SANITIZED, Snapshots, Edge, wait_until  # noqa: E402

ENGINE = sys.argv[1] if len(sys.argv) > 1 else ""
COMPILE = os.path.join(BIN, "mirror-compile")
CONTROL = os.path.join(BIN, "mirrorctl")
DONE, FAILED, USAGE, REFUSED, WARNINGS = 0, 1, 2, 3, 4
SERVER = os.environ.get("MIRROR_TEST_POSTGRESQL", "")

MIRRORS = """
products = ["Willow"]
architectures = ["x86_64"]
[[category]]
name = "Willow"
product = "Willow"
top_directory = "pub/willow"
[[site]]
name = "One"
[[site.host]]
name = "one.example.org"
country = "DE"
netblocks = ["192.0.2.0/24"]
[[site.host.category]]
name = "Willow"
urls = ["https://one.example.org/willow"]
always_up_to_date = true
"""


class Database:
    """A database of its own, made by mirrorctl, on the engine that is tested."""
    count = 0

    def __init__(self, folder):
        if ENGINE == "sqlite":
            self.path = os.path.join(folder, "test.sqlite")
            self.url = "sqlite:" + self.path
        else:
            Database.count += 1
            self.name = "watch_%d_%d" % (os.getpid(), Database.count)
            self.psql(SERVER, "CREATE DATABASE " + self.name)
            self.url = SERVER.replace("@/mirror?", "@/%s?" % self.name)

    @staticmethod
    def psql(url, *statements):
        commands = [word for statement in statements for word in ("-c", statement)]
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *commands, url], check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.strip()

    def ask(self, *statements):
        """Each statement a transaction; what the last one says."""
        if ENGINE != "sqlite":
            return self.psql(self.url, *statements)
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        try:
            rows = [connection.execute(statement).fetchall() for statement in statements][-1]
        finally:
            connection.close()
        return "\n".join("|".join(str(value) for value in row) for row in rows)

    def remove(self):
        if ENGINE != "sqlite":
            self.psql(SERVER, "DROP DATABASE IF EXISTS %s WITH (FORCE)" % self.name)


class Program:
    """A running mirror-compile watch."""

    def __init__(self, folder, *arguments, environment=None):
        self.errors = os.path.join(folder, "watch.stderr")
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen([COMPILE, "watch", *arguments], stdin=subprocess.DEVNULL, stdout=errors,
                                            stderr=errors, env={**clean_environment(), **(environment or {})})

    def said(self):
        with open(self.errors, encoding="utf-8") as text:
            return text.read()

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as text:
            return [int(word) for word in text.read().split()]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("MIRROR_", "NOTIFY_", "WATCHDOG_"))}


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mirror-watch-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.directory = Snapshots(self.folder)
        self.database = Database(self.folder)
        self.addCleanup(self.database.remove)
        self.control("database", "init")
        mirrors = os.path.join(self.folder, "mirrors.toml")
        with open(mirrors, "w", encoding="ascii") as out:
            out.write(MIRRORS)
        self.control("mirrors", "apply", mirrors)
        self.database.ask("INSERT INTO directory (name, readable, ctime) VALUES ('pub/willow/1', TRUE, 0)",
                          "INSERT INTO category_directory (category_id, directory_id) SELECT c.id, d.id "
                          "FROM category c, directory d WHERE d.name = 'pub/willow/1'")

    def run_program(self, *command, code=DONE, environment=None):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                env={**clean_environment(), **(environment or {})}, timeout=120)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        return result

    def control(self, *words, code=DONE):
        return self.run_program(CONTROL, *words, "--database", self.database.url, code=code).stdout

    def compile(self, *options, code=DONE):
        return self.run_program(COMPILE, "--database", self.database.url, "--snapshots", self.directory.path, *options,
                                code=code).stdout

    def install(self):
        self.control("database", "triggers", "install")

    def watch(self, *options, environment=None):
        program = Program(self.folder, "--database", self.database.url, "--snapshots", self.directory.path, *options,
                          environment=environment)

        def stop():
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        self.addCleanup(stop)
        return program

    def edit(self, mark):
        self.database.ask("UPDATE host_category_url SET url = 'https://%s.example.org/willow'" % mark)

    def sequence(self):
        try:
            return self.directory.current().sequence
        except FileNotFoundError:
            return 0

    def wait_for_generation(self, number, seconds=30):
        wait_until(lambda: self.sequence() >= number, "generation %d" % number, seconds)

    def listening(self, program, number=1):
        """Until changes are heard, which is when the second compile has said that nothing changed."""
        wait_until(lambda: program.said().count("nothing changed since") >= number, "the watch to listen")


class NothingChanged(WatchTest):
    def test_no_triggers_no_answer_without_a_compile(self):
        self.assertIn("published generation 1", self.compile())
        self.assertFalse(os.path.exists(self.directory.file("SOURCE")))
        self.assertIn("nothing changed: generation 1", self.compile())

    def test_an_edit_and_nothing(self):
        self.install()
        self.assertIn("published generation 1", self.compile())
        self.assertIn("nothing changed since generation 1", self.compile())
        self.assertIn("nothing changed: generation 1", self.compile("--always"))
        self.edit("b")
        self.assertIn("published generation 2", self.compile())
        self.assertIn("nothing changed since generation 2", self.compile())
        # What is not read does not count; what is, counts, though it gives the same snapshot.
        self.database.ask("UPDATE host SET comment = 'x', last_crawl_duration = 7")
        self.assertIn("nothing changed since generation 2", self.compile())
        self.database.ask("UPDATE host SET max_connections = max_connections + 1")
        self.assertIn("nothing changed: generation 2", self.compile())
        self.assertIn("nothing changed since generation 2", self.compile())

    def test_inputs_count(self):
        self.install()
        netblocks = os.path.join(self.folder, "netblocks")
        for contents in ("192.0.2.0/24 64500\n", "192.0.2.0/24 64501\n"):
            with open(netblocks, "w", encoding="ascii") as out:
                out.write(contents)
            self.assertNotIn("nothing changed since", self.compile("--netblocks", netblocks))
            self.assertIn("nothing changed since", self.compile("--netblocks", netblocks))
        self.assertNotIn("nothing changed since", self.compile())

    def test_the_live_snapshot_counts(self):
        self.install()
        self.compile()
        self.edit("b")
        self.compile()
        self.run_program(CONTROL, "snapshot", "rollback", "--snapshots", self.directory.path)
        self.assertIn("held back", self.compile(code=REFUSED))
        self.run_program(CONTROL, "snapshot", "release", "--snapshots", self.directory.path)
        self.assertNotIn("nothing changed since", self.compile())
        self.assertIn("nothing changed since", self.compile())
        path = self.directory.file(self.directory.current().name)
        with open(path, "r+b") as out:
            out.truncate(100)
        self.assertIn("published", self.compile())
        with open(self.directory.file("SOURCE"), "w", encoding="ascii") as out:
            out.write("mirrorworks source 1\n")
        self.assertIn("nothing changed: generation", self.compile())

    def test_triggers_that_cannot_be_relied_on(self):
        self.install()
        self.compile()
        name = "mw_change_1" if ENGINE != "sqlite" else "mw_change_1_host_category_url_update"
        self.database.ask("DROP TRIGGER " + name + (" ON host_category_url" if ENGINE != "sqlite" else ""))
        self.edit("b")
        self.assertIn(name, self.control("database", "triggers", "status", code=WARNINGS))
        self.assertIn("published generation 2", self.compile())
        self.edit("c")
        self.install()
        self.assertIn("published generation 3", self.compile())
        self.assertIn("nothing changed since generation 3", self.compile())
        self.assertIn("gone", self.control("database", "triggers", "remove"))
        self.assertIn("nothing changed: generation 3", self.compile())

    def test_names_are_asked_for_again(self):
        self.install()
        self.database.ask("UPDATE host_netblock SET netblock = 'no-such-name.invalid'")
        self.compile()
        self.assertIn("nothing changed since", self.compile())
        source = self.directory.file("SOURCE")
        with open(source, encoding="ascii") as text:
            lines = text.read()
        self.assertNotIn("names-until: 0\n", lines)
        with open(source, "w", encoding="ascii") as out:
            out.write(re.sub(r"names-until: \d+", "names-until: %d" % (time.time() - 1), lines))
        self.assertIn("nothing changed: generation", self.compile())

    @unittest.skipIf(ENGINE == "sqlite", "SQLite has one mark")
    def test_many_marks_become_one(self):
        self.install()
        self.database.psql(self.database.url, "DO $$ BEGIN FOR i IN 1..1100 LOOP UPDATE site SET name = name; COMMIT; "
                           "END LOOP; END $$")
        self.assertGreater(int(self.database.ask("SELECT count(*) FROM mw_change")), 1000)
        self.compile()
        self.assertEqual(int(self.database.ask("SELECT count(*) FROM mw_change")), 1)
        self.assertIn("nothing changed since", self.compile())


class Watching(WatchTest):
    def test_an_edit_reaches_an_edge_within_5_seconds(self):
        self.install()
        program = self.watch()
        self.wait_for_generation(1)
        self.listening(program)
        edge = Edge(self.folder, self.directory)
        self.addCleanup(edge.process.wait)
        self.addCleanup(edge.process.kill)
        for generation, mark in ((2, "b"), (3, "c")):
            begin = time.monotonic()
            self.edit(mark)
            self.run_program(CONTROL, "edge", "wait", "--generation", str(generation), "--timeout", "20", "--admin",
                             edge.admin)
            took = time.monotonic() - begin
            print("%s: an edit was served after %.2f s" % (ENGINE, took), file=sys.stderr)
            if not SANITIZED:
                self.assertLess(took, 5)
        self.assertEqual(program.end(), DONE)

    def test_without_triggers_on_the_schedule(self):
        program = self.watch("--every", "1")
        self.wait_for_generation(1)
        self.edit("b")
        self.wait_for_generation(2)
        wait_until(lambda: "mirrorctl database triggers install" in program.said(), "the hint")
        self.assertEqual(program.end(signal.SIGINT), DONE)

    def test_triggers_that_come_later(self):
        program = self.watch()
        self.wait_for_generation(1)
        wait_until(lambda: "mirrorctl database triggers install" in program.said(), "the hint")
        wait_until(lambda: not program.children(), "the end of the listener")
        self.install()
        program.process.send_signal(signal.SIGHUP)
        self.listening(program)
        self.edit("b")
        self.wait_for_generation(2)
        self.assertEqual(program.end(), DONE)

    def test_sighup_compiles_now(self):
        program = self.watch()
        self.wait_for_generation(1)
        self.edit("b")
        program.process.send_signal(signal.SIGHUP)
        self.wait_for_generation(2)
        self.assertEqual(program.end(), DONE)

    def test_one_at_a_time(self):
        first = self.watch()
        self.wait_for_generation(1)
        second = self.run_program(COMPILE, "watch", "--database", self.database.url, "--snapshots", self.directory.path,
                                  code=FAILED)
        self.assertIn("WATCH is held by process %d" % first.process.pid, second.stderr)
        first.end(signal.SIGKILL)
        third = self.watch()
        wait_until(lambda: "watching: process %d" % third.process.pid in third.said(), "the next one")
        self.assertEqual(third.end(), DONE)

    def test_usage(self):
        for arguments in (["watch"], ["watch", "--database", "sqlite:x"], ["watch", "--every", "0"],
                          ["watch", "--from-protobuf", "x"], ["watch", "--force"]):
            self.run_program(COMPILE, *arguments, code=USAGE)

    def test_a_second_compile_of_an_operator_is_no_harm(self):
        self.install()
        program = self.watch()
        self.wait_for_generation(1)
        self.listening(program)
        self.compile("--always")
        self.edit("b")
        self.wait_for_generation(2)
        self.assertEqual(program.end(), DONE)

    def test_a_compile_that_crashes_or_hangs(self):
        program = self.watch("--compile-timeout", "1")
        self.wait_for_generation(1)
        if ENGINE == "sqlite":
            return  # nothing makes a reader wait there
        with subprocess.Popen(["psql", "-X", "-q", self.database.url], stdin=subprocess.PIPE, text=True) as lock:
            lock.stdin.write("BEGIN; UPDATE host_category_url SET url = 'https://b.example.org/willow'; "
                             "LOCK TABLE host IN ACCESS EXCLUSIVE MODE;\n")
            lock.stdin.flush()
            wait_until(lambda: "AccessExclusiveLock" in self.database.ask("SELECT mode FROM pg_locks WHERE granted"),
                       "the lock")
            program.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "has not ended after 1 s and is killed" in program.said(), "the end of the compile")
            wait_until(lambda: "failed 1 times in a row" in program.said(), "the failure")
            lock.stdin.write("COMMIT;\n")
            lock.stdin.close()
        self.wait_for_generation(2)
        self.assertEqual(program.end(), DONE)

    @unittest.skipIf(ENGINE == "sqlite", "a lock makes no reader wait there")
    def test_sigterm_during_a_compile(self):
        program = self.watch()
        self.wait_for_generation(1)
        with subprocess.Popen(["psql", "-X", "-q", self.database.url], stdin=subprocess.PIPE, text=True) as lock:
            lock.stdin.write("BEGIN; LOCK TABLE host IN ACCESS EXCLUSIVE MODE;\n")
            lock.stdin.flush()
            wait_until(lambda: "AccessExclusiveLock" in self.database.ask("SELECT mode FROM pg_locks WHERE granted"),
                       "the lock")
            program.process.send_signal(signal.SIGHUP)
            wait_until(lambda: self.database.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1", "the compile")
            begin = time.monotonic()
            self.assertEqual(program.end(), DONE)
            self.assertLess(time.monotonic() - begin, 4)
            lock.stdin.close()
        self.assertIn("published", self.compile("--always") + "published")
        self.assertEqual([name for name in os.listdir(self.directory.path) if name.endswith(".tmp")], [])

    @unittest.skipIf(ENGINE == "sqlite", "there is no server")
    def test_the_server_ends_all_connections(self):
        self.install()
        program = self.watch()
        self.wait_for_generation(1)
        self.listening(program)
        refuse = "ALTER DATABASE %s ALLOW_CONNECTIONS %%s" % self.database.name
        self.database.psql(SERVER, refuse % "FALSE")
        ended = self.database.psql(SERVER, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                   "WHERE datname = '%s'" % self.database.name)
        self.assertEqual(ended, "1")
        wait_until(lambda: program.said().count("not listening to changes for a while") >= 2, "two attempts")
        program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "failed 1 times in a row" in program.said(), "a failure")
        self.database.psql(SERVER, refuse % "TRUE")
        self.edit("b")
        self.wait_for_generation(2)
        # And it listens again.
        wait_until(lambda: self.database.ask("SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN mirror_change'"
                                             " AND datname = current_database()") == "1", "the listener")
        self.edit("c")
        self.wait_for_generation(3)
        self.assertEqual(program.end(), DONE)

    def test_a_listener_that_is_killed_comes_back(self):
        self.install()
        program = self.watch()
        self.wait_for_generation(1)
        self.listening(program)
        (listener,) = wait_until(lambda: len(program.children()) == 1 and program.children(), "the listener alone")
        os.kill(listener, signal.SIGKILL)
        wait_until(lambda: "signal 9 has ended" in program.said(), "its end")
        self.edit("b")
        self.wait_for_generation(2)
        self.assertEqual(program.end(), DONE)

    def test_the_service_manager_hears(self):
        address = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(30)
            program = self.watch(environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"})
            heard = ""
            while "generation 1 is live" not in heard or heard.count("WATCHDOG=1") < 3:
                heard += manager.recv(4096).decode()
            self.assertTrue(heard.startswith("READY=1\n"), heard)
            program.process.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in heard:
                heard += manager.recv(4096).decode()
        self.assertEqual(program.end(), DONE)

    def test_children_do_not_outlive_it(self):
        self.install()
        program = self.watch()
        self.wait_for_generation(1)
        self.listening(program)
        children = program.children()
        self.assertTrue(children)
        program.end(signal.SIGKILL)

        def gone(child):
            try:
                with open("/proc/%d/stat" % child, encoding="ascii") as text:
                    return text.read().rsplit(")", 1)[1].split()[0] == "Z"
            except (FileNotFoundError, ProcessLookupError):
                return True
        wait_until(lambda: all(gone(child) for child in children), "the end of the children")

    @unittest.skipIf(SANITIZED, "the memory tells nothing")
    def test_memory_does_not_grow(self):
        def memory():
            with open("/proc/%d/status" % program.process.pid, encoding="ascii") as text:
                return int(next(line for line in text if line.startswith("RssAnon")).split()[1])
        program = self.watch()
        self.wait_for_generation(1)

        def compiles(count):
            for _ in range(count):
                before = program.said().count("stays live")
                program.process.send_signal(signal.SIGHUP)
                wait_until(lambda: program.said().count("stays live") > before, "a compile")
        compiles(5)
        before = memory()
        compiles(50)
        self.assertLess(memory() - before, 256)
        self.assertEqual(program.end(), DONE)


if __name__ == "__main__":
    if ENGINE not in ("sqlite", "postgresql"):
        sys.exit(__doc__)
    if ENGINE == "postgresql" and not SERVER:
        print("watch_test: SKIPPED: no PostgreSQL; run by with_postgresql", file=sys.stderr)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
