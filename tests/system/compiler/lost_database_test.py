#!/usr/bin/env python3
"""A PostgreSQL server that ends the compiler's connection in the middle of its read. Run beside with_postgresql."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../edge"))
from harness import BIN, make_cache, wait_until  # noqa: E402

URL = os.environ["MIRROR_TEST_POSTGRESQL"]


def psql(statement):
    return subprocess.run(["psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--dbname", URL,
                           "--command", statement], stdin=subprocess.DEVNULL, check=True, capture_output=True,
                          text=True).stdout.strip()


def main():
    with tempfile.TemporaryDirectory(prefix="mirror-lost-database-") as folder:
        snapshots = os.path.join(folder, "snapshots")
        cache = os.path.join(folder, "cache.proto")
        with open(cache, "wb") as out:
            out.write(make_cache("live"))
        compile_command = [os.path.join(BIN, "mirror-compile"), "--snapshots", snapshots, "--quiet"]
        subprocess.run([*compile_command, "--from-protobuf", cache], check=True, stdin=subprocess.DEVNULL)
        with open(os.path.join(snapshots, "CURRENT"), encoding="ascii") as text:
            before = text.read()
        subprocess.run([os.path.join(BIN, "mirrorctl"), "database", "init", "--database", URL], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        # Whoever reads file_detail, the last large table, waits for this session.
        blocker = subprocess.Popen(["psql", "--quiet", "--no-psqlrc", "--dbname", URL], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        blocker.stdin.write("BEGIN; LOCK TABLE file_detail;\n\\echo locked\n")
        blocker.stdin.flush()
        assert blocker.stdout.readline() == "locked\n"
        compiler = subprocess.Popen([*compile_command, "--database", URL], stdin=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)
        waiting = wait_until(lambda: psql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
                             "the compiler to wait for the lock")
        psql("SELECT pg_terminate_backend(%s)" % waiting)
        _, errors = compiler.communicate(timeout=60)
        blocker.communicate("ROLLBACK;\n", timeout=60)
        print(errors.strip())
        with open(os.path.join(snapshots, "CURRENT"), encoding="ascii") as text:
            after = text.read()
        assert compiler.returncode == 1, compiler.returncode
        assert after == before, after
        assert "terminat" in errors or "connection" in errors, errors
        assert not [name for name in os.listdir(snapshots) if name.endswith(".tmp")]
    return 0


if __name__ == "__main__":
    sys.exit(main())
