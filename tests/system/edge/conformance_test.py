#!/usr/bin/env python3
"""usage: conformance_test.py fixture|world

Puts the questions of the recorded conformance pack to an edge that serves the pack's world: all its questions,
the distribution of the weighted order, and the checks of HTTP by raw sockets, with a client that is too slow.
The pack lies in MIRROR_SHARED; without it the test is skipped (exit 77).
"""
import os
import subprocess
import sys
import tempfile

from harness import BIN, Edge, Snapshots

PACK = os.path.join(os.environ.get("MIRROR_SHARED", ""), "conformance")
WORLDS = {"fixture": ("netblocks.txt", "2"), "world": ("global_netblocks.txt", "5")}
HEADER_TIMEOUT = 3


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in WORLDS:
        print(__doc__, file=sys.stderr)
        return 2
    checker = os.path.join(PACK, "check_edge.py")
    if not os.path.exists(checker):
        print("SKIPPED: there is no conformance pack at %s (MIRROR_SHARED)" % PACK)
        return 77
    world = sys.argv[1]
    netblocks, minimum = WORLDS[world]
    data = os.path.join(PACK, world)
    with tempfile.TemporaryDirectory(prefix="mirror-conformance-") as folder:
        snapshots = Snapshots(folder)
        subprocess.run([os.path.join(BIN, "mirror-compile"), "--quiet", "--from-protobuf",
                        os.path.join(data, "world.proto"), "--snapshots", snapshots.path, "--country-continent",
                        os.path.join(data, "country_continent.csv"), "--netblocks", os.path.join(data, netblocks)],
                       check=True, stdin=subprocess.DEVNULL)
        edge = Edge(folder, snapshots, "--minimum", minimum, "--geoip", os.path.join(data, "world.mmdb"),
                    "--header-timeout", str(HEADER_TIMEOUT))
        url = "http://127.0.0.1:%d" % edge.address[1]
        failed = 0
        try:
            for check in ([world], ["distribution"], ["http", "--slow", "--slow-timeout", str(HEADER_TIMEOUT + 5)]):
                print("--- " + check[0], flush=True)
                failed += subprocess.run([sys.executable, checker, url, *check], check=False).returncode != 0
        finally:
            failed += edge.stop() != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
