#!/usr/bin/env python3
"""/-/explain of a running edge, and `mirrorctl explain`: with the same snapshot, GeoIP and options both say the same,
to the byte, and what they say is what the edge answers."""
import json
import os
import subprocess
import unittest

from harness import BIN, DEADLINE, EdgeTest

MIRRORS = 4
# As people type them; the path and query that they become.
QUESTIONS = {
    "repo=r&arch=a": "/mirrorlist?repo=r&arch=a",
    "path=pub/d&country=SE,se": "/mirrorlist?path=pub/d&country=SE,se",
    "metalink?path=pub/d/f&ip=192.0.2.1": "/metalink?path=pub/d/f&ip=192.0.2.1",
    "/x/mirrorlist?path=pub/d&redirect": "/x/mirrorlist?path=pub/d&redirect",
    "http://mirrors.example/mirrorlist?path=pub/d/a%20b&protocol=https": "/mirrorlist?path=pub/d/a%20b&protocol=https",
    "path=pub/d&ip=2001:db8::1&netblock=0&time": "/mirrorlist?path=pub/d&ip=2001:db8::1&netblock=0&time",
    "path=pub/d&ip=nonsense": "/mirrorlist?path=pub/d&ip=nonsense",
    "path=%0a%1b": "/mirrorlist?path=%0a%1b",
    "/nothing": "/nothing",
}


class ExplainTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.current = self.snapshots.compile("one", mirrors=MIRRORS)

    def mirrorctl(self, *options, environment=None):
        return subprocess.run([os.path.join(BIN, "mirrorctl"), "explain", *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE, check=False,
                              env={**os.environ, **(environment or {})})

    def explained(self, *options, **how):
        done = self.mirrorctl(*options, **how)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def offline(self, *options):
        return self.explained(*options, "--snapshots", self.snapshots.path, "--minimum", "1")

    def test_the_edge_and_mirrorctl_say_the_same(self):
        edge = self.start()
        for typed, target in QUESTIONS.items():
            with self.subTest(typed):
                status, text = edge.ask_admin("/-/explain" + target)
                self.assertEqual(status, 200)
                self.assertEqual(text, self.offline(typed))
                self.assertEqual(text, self.explained(typed, "--admin", edge.admin))
                ours = "&" if "?" in target else "?"
                status, document = edge.ask_admin("/-/explain" + target + ours + "format=json")
                self.assertEqual(json.loads(document)["target"], target)
                self.assertEqual(document, self.offline(typed, "--json"))
                self.assertEqual(document, self.explained(typed, "--admin", edge.admin, "--json"))

    def test_what_is_explained_is_what_is_answered(self):
        edge = self.start()
        for typed, target in QUESTIONS.items():
            with self.subTest(typed):
                told = json.loads(self.explained(typed, "--admin", edge.admin, "--json"))
                answer = edge.get(target)
                self.assertEqual(told["status"], answer.status)
                self.assertEqual(told["generation"]["sequence"], answer.generation)
                self.assertEqual(told["generation"]["digest"], self.current.digest)
                urls = [url for group in told["groups"] for mirror in group["mirrors"] for url in mirror["urls"]]
                if "location" in answer.headers:
                    self.assertIn(answer.headers["location"], urls)
                elif not told["refusal"]:
                    shown = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
                    self.assertEqual(sorted(shown), sorted(urls))
                hosts = [mirror["id"] for group in told["groups"] for mirror in group["mirrors"]]
                hosts += [absence["id"] for absence in told["not_in_answer"]]
                if told["groups"]:
                    self.assertEqual(sorted(hosts), list(range(1, MIRRORS + 1)))

    def test_the_edges_data_and_options_count(self):
        geoip = os.path.join(self.folder, "geoip.mmdb")
        self.make_geoip(geoip, "192.0.2.0/24=SE")
        edge = self.start("--minimum", "3", "--geoip", geoip, "--no-ip-parameter")
        question = "path=pub/d&ip=198.51.100.1"
        told = json.loads(self.explained(question, "--admin", edge.admin, "--client", "192.0.2.9", "--json"))
        self.assertEqual(told["minimum"], 3)
        self.assertEqual(told["geoip"]["type"], "Quickstart-Country")
        self.assertEqual((told["client"]["address"], told["client"]["source"]), ("192.0.2.9", "given"))
        self.assertEqual((told["client"]["country"], told["client"]["country_source"]), ("SE", "geoip"))
        self.assertEqual(told["groups"][3]["group"], "geoip")
        self.assertEqual([mirror["probability"] for mirror in told["groups"][3]["mirrors"]], [1 / MIRRORS] * MIRRORS)
        self.assertEqual(told["groups"][5]["not_reached_because"], "minimum_reached")
        offline = self.offline("path=pub/d", "--geoip", geoip, "--client", "192.0.2.9")
        self.assertIn(b"country SE, by GeoIP", offline)

    def test_the_generation_is_the_one_that_is_served(self):
        edge = self.start()
        first = self.explained("path=pub/d", "--admin", edge.admin)
        self.assertIn(b"http://one.example/1/d/", first)
        after = self.snapshots.compile("two")
        self.assertEqual(edge.wait(after.sequence).returncode, 0)
        told = self.explained("path=pub/d", "--admin", edge.admin)
        self.assertIn(b"generation  2, digest %s, " % after.digest.encode(), told)
        self.assertIn(b"http://two.example/1/d/", told)
        # The first one can still be asked, as a file; its name tells its number.
        self.assertEqual(first, self.explained("path=pub/d", "--minimum", "1", "--snapshot",
                                               self.snapshots.file(self.current.name)))
        # A directory in the environment does not stand in the way of an edge or a file.
        environment = {"MIRROR_SNAPSHOTS": "/nonexistent"}
        self.assertEqual(told, self.explained("path=pub/d", "--admin", edge.admin, environment=environment))

    def test_the_longest_question_and_limits_that_are_not_for_operators(self):
        for limit in (64, 12288, 32768):
            edge = self.start("--max-target-bytes", str(limit), "--max-header-bytes", "65536", "--max-headers", "1")
            target = "/mirrorlist?path=pub/d&x=".ljust(limit, "x")
            self.assertEqual(edge.get(target).status, 200, limit)
            self.assertEqual(edge.get(target + "x").status, 414, limit)
            ours = "&client=%s&format=json" % "".join("%%%02x" % byte for byte in b"2001:db8:1:2:3:4:192.0.2.255")
            self.assertEqual(edge.ask_admin("/-/explain" + target + ours)[0], 200, limit)
            self.assertEqual(edge.ask_admin("/-/metrics HTTP/1.1\r\nA: b\r\nC: d\r\nE:")[0], 200, limit)
            edge.stop()

    def test_the_public_listener_explains_nothing(self):
        edge = self.start()
        self.assertEqual(edge.get("/-/explain").status, 404)
        self.assertIn(b"http://one.example", edge.get("/-/explain/mirrorlist?path=pub/d").body)

    def test_what_cannot_be_explained(self):
        edge = self.start()
        for target, part in (("/-/explain", b"/-/explain/mirrorlist?repo="),
                             ("/-/explain/mirrorlist?path=pub/d&client=x", b"no address"),
                             ("/-/explain/mirrorlist?path=pub/d&format=xml", b"text or json")):
            status, body = edge.ask_admin(target)
            self.assertEqual(status, 400, target)
            self.assertIn(part, body)
        self.assertEqual(edge.ask_admin("/-/explained")[0], 404)
        missing = os.path.join(self.folder, "missing")
        here = ["--snapshots", self.snapshots.path]
        for code, options, part in ((2, ["path=pub/d"], b"--snapshots DIRECTORY"),
                                    (2, here, b"TARGET"),
                                    (2, ["path=pub/d", *here, "--client", "x"], b"--client"),
                                    (2, ["path=pub/d", *here, "--minimum", "-1"], b"--minimum"),
                                    (2, ["path=pub/d", "--admin", edge.admin, "--minimum", "3"], b"--minimum"),
                                    (2, ["path=pub/d", "--admin", edge.admin, "--snapshot", "f"], b"--snapshot"),
                                    (1, ["path=pub/d", "--snapshots", missing], missing.encode()),
                                    (1, ["path=pub/d", "--snapshot", missing], missing.encode()),
                                    (1, ["path=pub/d", *here, "--geoip", missing], missing.encode()),
                                    (1, ["path=pub/d", "--admin", "unix:" + missing], missing.encode())):
            done = self.mirrorctl(*options, environment={"MIRROR_SNAPSHOTS": ""})
            self.assertEqual(done.returncode, code, (options, done.stderr))
            self.assertEqual(done.stdout, b"")
            self.assertIn(part, done.stderr)

    def test_before_the_first_snapshot(self):
        os.unlink(self.snapshots.file("CURRENT"))
        edge = self.start()
        self.assertEqual(edge.ask_admin("/-/explain/mirrorlist?path=pub/d")[0], 503)
        done = self.mirrorctl("path=pub/d", "--admin", edge.admin)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"503: \"no mirror data is loaded yet\"", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
