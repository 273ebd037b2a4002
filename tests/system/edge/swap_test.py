#!/usr/bin/env python3
"""Generations change under load: no request fails, each answer belongs to exactly one generation, and on one
connection the generation never goes back while CURRENT goes forward."""
import os
import random
import re
import shutil
import threading
import unittest

from harness import SANITIZED, Client, EdgeTest, anonymous_kilobytes, wait_until

SWAPS = int(os.environ.get("MIRROR_TEST_SWAPS", "50"))
# Swaps of the torture; the nightly tests do 2 000.
TORTURES = int(os.environ.get("MIRROR_TEST_TORTURES", "200"))
TARGET = "/mirrorlist?path=pub/d&country=SE"


class Load:
    """Clients that ask all the time: kept-alive connections, and connections of a few requests."""

    def __init__(self, address, marks, threads=4, forward=True):
        self.address, self.marks, self.forward = address, marks, forward
        self.stop = threading.Event()
        self.failures, self.requests, self.seen = [], 0, set()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.stop.is_set():
            try:
                with Client(self.address) as client:
                    self.use(client, 10**9 if number % 2 else 5)
            except Exception as error:  # pylint: disable=broad-except  # a dead thread would find nothing
                self.fail("%s: %s" % (type(error).__name__, error))

    def use(self, client, count):
        last = 0
        while count and not self.stop.is_set():
            answer = client.ask(TARGET)
            marks = set(re.findall(rb"http://(.*?)\.example", answer.body))
            with self.lock:
                self.requests += 1
                self.seen.add(answer.generation)
            if answer.status != 200 or marks != {self.marks.get(answer.generation, "unknown").encode()}:
                self.fail("generation %d: status %d, %r" % (answer.generation, answer.status, answer.body[:200]))
            if self.forward and answer.generation < last:
                self.fail("generation %d after %d" % (answer.generation, last))
            last = answer.generation
            count -= 1
            if answer.headers.get("connection") == "close":  # it has had --max-requests
                return

    def fail(self, text):
        with self.lock:
            self.failures.append(text)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def has_let_go(edge):
    """What it serves is in memory, the spare for the next swap, and in debug builds the last retired one, and there
    nothing of that can be written to."""
    with open("/proc/%d/maps" % edge.process.pid, encoding="utf-8") as maps:
        rights = [line.split()[1] for line in maps if "/memfd:file-copy" in line]
    return 1 <= len(rights) <= 3 and not (SANITIZED and any("w" in right for right in rights))


class SwapTest(EdgeTest):
    def test_swaps_under_load(self):
        seed = int(os.environ.get("MIRROR_SEED", random.randrange(2**32)))
        print("MIRROR_SEED=%d" % seed)
        draw = random.Random(seed)
        made = [self.snapshots.compile("g%d" % (i + 1), mirrors=draw.randrange(1, 40)) for i in range(SWAPS + 1)]
        self.snapshots.point_to(made[0].line())
        edge = self.start()
        load = Load(edge.address, {current.sequence: "g%d" % current.sequence for current in made})
        try:
            for current in made[1:]:
                way = draw.randrange(3)
                if way == 0:  # as rsync sends it: CURRENT first, then the file
                    shutil.move(self.snapshots.file(current.name), self.folder)
                    self.snapshots.point_to(current.line())
                    wait_until(lambda: edge.status()["wanted"]["sequence"] == current.sequence, "CURRENT to be read")
                    shutil.move(os.path.join(self.folder, current.name), self.snapshots.path)
                else:
                    self.snapshots.point_to(current.line())
                    if way == 1:  # twice at once must harm nobody
                        self.snapshots.point_to(current.line())
                done = edge.wait(current.sequence, "--exactly")
                self.assertEqual(done.returncode, 0, done.stderr)
        finally:
            load.end()
        self.assertEqual(load.failures[:5], [])
        self.assertEqual(len(load.failures), 0)
        self.assertGreater(load.requests, SWAPS)
        self.assertGreater(len(load.seen), SWAPS // 3)
        status = edge.status()
        self.assertEqual(status["published"], SWAPS + 1)
        self.assertEqual(status["refusals"]["count"], 0)
        wait_until(lambda: has_let_go(edge), "the memory of earlier generations to be given back")
        self.assertEqual(edge.stop(), 0)
        print("%d requests over %d swaps" % (load.requests, SWAPS))

    def spoil(self, current, draw):
        """A copy of a snapshot with a fault of its own, under a new number; the line that names it."""
        with open(self.snapshots.file(current.name), "rb") as file:
            data = bytearray(file.read())
        for _ in range(1 + draw.randrange(3)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        if draw.randrange(3) == 0:
            del data[draw.randrange(len(data)):]
        # A name of its own, so that the good one stays beside it.
        digest = "%032x" % draw.getrandbits(128)
        name = "%010d-%s.mls" % (1000000 + draw.randrange(1000000), digest)
        with open(self.snapshots.file(name), "wb") as file:
            file.write(data)
        return "%s %d %s %s\n" % (name, len(data), digest, current.created_at)

    def test_torture(self):
        """Good, bad and older snapshots, faster than anybody publishes, while every worker is busy."""
        seed = int(os.environ.get("MIRROR_SEED", random.randrange(2**32)))
        print("MIRROR_SEED=%d" % seed)
        draw = random.Random(seed)
        made = [self.snapshots.compile("g%d" % (i + 1), mirrors=draw.choice((1, 10, 300, 2000))) for i in range(12)]
        garbage = [b"", b"garbage\n", b"../etc/passwd 1 2 3\n", draw.randbytes(100)]
        edge = self.start("--log-level", "error")
        load = Load(edge.address, {current.sequence: "g%d" % current.sequence for current in made}, threads=6,
                    forward=False)
        served, swaps, bad = made[-1], 0, 0
        early = None
        try:
            while swaps < TORTURES:
                kind = draw.randrange(6)
                if kind < 4:
                    following = draw.choice([current for current in made if current is not served])
                    self.snapshots.point_to(following.line())
                    wait_until(lambda: edge.status()["generation"]["sequence"] == following.sequence, "the swap")
                    served = following
                    swaps += 1
                else:
                    before = edge.status()["refusals"]["count"]
                    self.snapshots.point_to(self.spoil(served, draw) if kind == 4 else draw.choice(garbage))
                    if kind == 4:
                        wait_until(lambda: edge.status()["refusals"]["count"] > before, "the refusal")
                    bad += 1
                if swaps == TORTURES // 4 and early is None:
                    early = anonymous_kilobytes(edge)
        finally:
            load.end()
        self.assertEqual(load.failures[:5], [])
        wait_until(lambda: has_let_go(edge), "the memory of earlier generations to be given back")
        status = edge.status()
        self.assertGreater(load.requests, swaps)
        self.assertTrue(all(worker["requests"] > 0 for worker in status["workers"]))
        self.assertEqual((status["published"], status["retired"]), (swaps + 1, swaps))
        self.assertEqual(len({worker["sequence"] for worker in status["workers"]}), 1)
        if not SANITIZED:  # a sanitizer keeps freed memory for a while
            self.assertLess(anonymous_kilobytes(edge) - early, 1024)
        self.assertEqual(edge.stop(), 0)
        print("%d requests over %d swaps and %d bad ones" % (load.requests, swaps, bad))

    def test_rollback(self):
        first, second = self.snapshots.compile("one"), self.snapshots.compile("two")
        edge = self.start()
        self.assertEqual(edge.wait(second.sequence).returncode, 0)
        self.snapshots.point_to(first.line())
        self.assertEqual(edge.wait(first.sequence, "--exactly").returncode, 0)
        self.assertIn(b"http://one.example", edge.get(TARGET).body)
        # A later one is not exactly this one.
        self.assertEqual(edge.wait(second.sequence, "--timeout", "0").returncode, 1)

    def test_new_geoip_database(self):
        mmdb = os.path.join(self.folder, "country.mmdb")
        self.make_geoip(mmdb, "192.0.2.0/24=SE")
        self.snapshots.compile("one")
        edge = self.start("--geoip", mmdb)
        target = "/mirrorlist?path=pub/d&ip=192.0.2.1"
        self.assertIn(b"country = SE", edge.get(target).body)
        self.make_geoip(mmdb, "192.0.2.0/24=JP")
        wait_until(lambda: {worker["generation"] for worker in edge.status()["workers"]} == {"1.1"}, "generation 1.1")
        self.assertNotIn(b"country = SE", edge.get(target).body)
        self.assertEqual(edge.get(target).generation, 1)
        # Written in place, and cut off: refused, the old one stays.
        with open(mmdb, "r+b") as file:
            file.truncate(100)
        wait_until(lambda: edge.status()["refusals"]["count"] == 1, "the refusal")
        self.assertIn("country.mmdb", edge.status()["refusals"]["last"][0]["what"])
        self.assertEqual(edge.get(target).status, 200)


class OverwriteTest(EdgeTest):
    def test_the_live_file_is_truncated_and_overwritten_in_place(self):
        live = self.snapshots.compile("one", mirrors=3000)
        edge = self.start()
        self.assertEqual(edge.wait(1).returncode, 0)
        with Client(edge.address) as client:
            for spoiled in (b"", b"X" * int(live.size)):
                with open(self.snapshots.file(live.name), "wb") as file:
                    file.write(spoiled)
                for _ in range(20):
                    answer = client.ask("/mirrorlist?path=pub/d&country=SE")
                    self.assertEqual((answer.status, answer.generation), (200, 1))
                    self.assertEqual(answer.body.count(b"http://one.example/"), 3000)
        after = self.snapshots.compile("after", mirrors=3000)
        self.assertEqual(edge.wait(after.sequence).returncode, 0)
        self.assertEqual(edge.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
