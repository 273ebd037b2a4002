#!/usr/bin/env python3
"""A bad snapshot is refused with a reason, the one before serves on, the status says so, and the next good one
is served."""
import ctypes
import os
import shutil
import unittest

from harness import EdgeTest, hang_up, wait_until

TARGET = "/mirrorlist?path=pub/d&country=SE"


class RefusalTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.good = self.snapshots.compile("good")

    def compile_bad(self):
        """A second snapshot that nothing is wrong with yet; CURRENT still names the first."""
        bad = self.snapshots.compile("bad")
        self.snapshots.point_to(self.good.line())
        return bad

    def expect_refusal(self, edge, reason, count=1):
        status = wait_until(lambda: self.refused(edge, count), "refusal %d" % count)
        self.assertIn(reason, status["refusals"]["last"][0]["reason"])
        self.assertGreater(status["refusals"]["last"][0]["time"], 1700000000)
        # A worker that has only just started may still have to adopt it.
        wait_until(lambda: [worker["sequence"] for worker in edge.status()["workers"]] == [1, 1], "both workers")
        self.assertEqual(status["generation"]["sequence"], 1)
        answer = edge.get(TARGET)
        self.assertEqual((answer.status, answer.generation), (200, 1))
        self.assertIn(b"http://good.example", answer.body)
        self.assertEqual(edge.ask_admin("/-/ready")[0], 200)

    @staticmethod
    def refused(edge, count):
        status = edge.status()
        return status if status["refusals"]["count"] >= count else None

    def expect_recovery(self, edge):
        after = self.snapshots.compile("after")
        self.assertEqual(edge.wait(after.sequence).returncode, 0)
        self.assertIn(b"http://after.example", edge.get(TARGET).body)
        self.assertEqual(edge.stop(), 0)

    def damage(self, damage, reason, size=None):
        bad = self.compile_bad()
        edge = self.start()
        damage(self.snapshots.file(bad.name))
        self.snapshots.point_to(bad.line(size))
        self.expect_refusal(edge, reason)
        self.expect_recovery(edge)

    def test_truncated(self):
        def damage(path):
            with open(path, "r+b") as file:
                file.truncate(1000)
        self.damage(damage, "bytes of payload instead of", size=1000)

    def test_flipped_bit(self):
        def damage(path):
            with open(path, "r+b") as file:
                file.seek(777)
                byte = file.read(1)
                file.seek(777)
                file.write(bytes([byte[0] ^ 4]))
        self.damage(damage, "the digest of the payload is wrong")

    def test_unknown_format(self):
        def damage(path):
            with open(path, "r+b") as file:
                header = bytearray(file.read(64))
                header[8] = 99
                # With the right checksum: the file is whole, only newer than the edge.
                checksum = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
                checksum.restype = ctypes.c_uint64
                header[56:] = checksum(bytes(header[:56]), ctypes.c_size_t(56)).to_bytes(8, "little")
                file.seek(0)
                file.write(header)
        self.damage(damage, "format 99 is unknown")

    def test_empty(self):
        self.damage(lambda path: open(path, "wb").close(), "empty", size=0)

    def test_directory(self):
        def damage(path):
            os.unlink(path)
            os.mkdir(path)
        self.damage(damage, "not a regular file", size=1)

    def test_unreadable(self):
        user = None
        if os.geteuid() == 0:
            # Root may read everything: the edge runs as nobody.
            user = 65534
            os.chown(self.folder, user, user)
        bad = self.compile_bad()
        edge = self.start(user=user)
        os.chmod(self.snapshots.file(bad.name), 0)
        self.snapshots.point_to(bad.line())
        self.expect_refusal(edge, "Permission denied")
        self.expect_recovery(edge)

    def test_garbage_in_current(self):
        edge = self.start()
        count = 0
        for garbage, reason in ((b"", "no line feed"), (b"garbage\n", "not four fields"),
                                (b"../../../etc/passwd 1 2 3\n", "the first field"),
                                (bytes(range(256)), "no line feed"), (b"x" * 100000, "more than 4096 bytes")):
            count += 1
            self.snapshots.point_to(garbage)
            self.expect_refusal(edge, reason, count)
        self.expect_recovery(edge)

    def test_sighup_tries_again(self):
        bad = self.compile_bad()
        edge = self.start()
        with open(self.snapshots.file(bad.name), "r+b") as file:
            file.write(b"X")
        self.snapshots.point_to(bad.line())
        self.expect_refusal(edge, "MIRRSNAP")
        hang_up(edge)
        self.expect_refusal(edge, "MIRRSNAP", 2)

    def test_awaited_until_it_comes(self):
        bad = self.compile_bad()
        edge = self.start()
        path, aside = self.snapshots.file(bad.name), os.path.join(self.folder, "aside")
        shutil.move(path, aside)
        self.snapshots.point_to(bad.line())
        wait_until(lambda: edge.status()["generations"][0]["state"] == "awaited", "the file to be awaited")
        self.assertEqual(edge.get(TARGET).generation, 1)
        with open(aside, "rb") as whole, open(path, "wb") as part:
            part.write(whole.read(500))
        self.assertEqual(edge.status()["generations"][0]["state"], "awaited")
        shutil.move(aside, path)
        self.assertEqual(edge.wait(bad.sequence).returncode, 0)
        self.assertEqual(edge.status()["refusals"]["count"], 0)

    def test_awaited_in_vain(self):
        bad = self.compile_bad()
        edge = self.start("--await-timeout", "1")
        os.unlink(self.snapshots.file(bad.name))
        self.snapshots.point_to(bad.line())
        self.expect_refusal(edge, "still not there after 1 seconds")
        self.expect_recovery(edge)

    def test_bad_at_the_start(self):
        with open(self.snapshots.file(self.good.name), "r+b") as file:
            file.write(b"X")
        edge = self.start()
        self.assertEqual(edge.get(TARGET).status, 503)
        self.assertEqual(edge.ask_admin("/-/ready"), (503, b"503 no snapshot\n"))
        self.assertEqual(edge.get("/-/ready").status, 503)
        self.assertEqual(edge.get("/-/live").status, 200)
        self.assertEqual(edge.status()["refusals"]["count"], 1)
        self.expect_recovery(edge)


if __name__ == "__main__":
    unittest.main(verbosity=2)
