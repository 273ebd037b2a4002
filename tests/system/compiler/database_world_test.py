#!/usr/bin/env python3
"""usage: database_world_test.py sqlite|postgresql

The recorded world as rows of a database that `mirrorctl database init` made: compiled, served by an edge, and put
to the questions of the conformance pack. With postgresql (run beside with_postgresql) the same rows also go into
SQLite, and both compiles must give the same bytes.
The pack lies in MIRROR_SHARED; without it the test is skipped (exit 77).
"""
import filecmp
import glob
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../edge"))
from harness import BIN, Edge, Snapshots  # noqa: E402

PACK = os.path.join(os.environ.get("MIRROR_SHARED", ""), "conformance")
WORLD = os.path.join(PACK, "world")
CREATED_AT = "1700000000"


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def program(name):
    return os.path.join(BIN, name)


def fill_sqlite(folder):
    path = os.path.join(folder, "world.db")
    run(program("mirrorctl"), "database", "init", "--database", "sqlite:" + path)
    with open(os.path.join(WORLD, "world.sql"), encoding="utf-8") as statements:
        database = sqlite3.connect(path)
        database.executescript(statements.read())
        database.commit()
        database.close()
    return "sqlite:" + path


def fill_postgresql():
    url = os.environ["MIRROR_TEST_POSTGRESQL"]
    run(program("mirrorctl"), "database", "init", "--database", url)
    run("psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", "--dbname", url,
        "--file", os.path.join(WORLD, "world.sql"))
    return url


def compile_into(folder, url):
    os.makedirs(folder, exist_ok=True)
    snapshots = Snapshots(folder)
    run(program("mirror-compile"), "--quiet", "--log-level", "error", "--database", url, "--snapshots",
        snapshots.path, "--created-at", CREATED_AT, "--country-continent",
        os.path.join(WORLD, "country_continent.csv"), "--netblocks", os.path.join(WORLD, "global_netblocks.txt"))
    return snapshots


def check_edge(folder, snapshots):
    edge = Edge(folder, snapshots, "--minimum", "5", "--geoip", os.path.join(WORLD, "world.mmdb"))
    url = "http://127.0.0.1:%d" % edge.address[1]
    failed = 0
    try:
        for check in (["world", "--source", "database"], ["distribution"]):
            print("--- " + " ".join(check), flush=True)
            command = [sys.executable, os.path.join(PACK, "check_edge.py"), url, *check]
            failed += subprocess.run(command, check=False).returncode != 0
    finally:
        failed += edge.stop() != 0
    return failed


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in ("sqlite", "postgresql"):
        print(__doc__, file=sys.stderr)
        return 2
    if not os.path.exists(os.path.join(PACK, "check_edge.py")):
        print("SKIPPED: there is no conformance pack at %s (MIRROR_SHARED)" % PACK)
        return 77
    failed = 0
    with tempfile.TemporaryDirectory(prefix="mirror-database-world-") as folder:
        sqlite = compile_into(os.path.join(folder, "sqlite"), fill_sqlite(folder))
        chosen = sqlite
        if sys.argv[1] == "postgresql":
            chosen = compile_into(os.path.join(folder, "postgresql"), fill_postgresql())
            files = [glob.glob(os.path.join(s.path, "*.mls"))[0] for s in (sqlite, chosen)]
            same = filecmp.cmp(*files, shallow=False)
            print("SQLite and PostgreSQL give %s bytes" % ("the same" if same else "DIFFERENT"))
            failed += not same
        failed += check_edge(folder, chosen)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
