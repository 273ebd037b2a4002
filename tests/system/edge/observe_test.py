#!/usr/bin/env python3
"""What an edge tells of itself: status, metrics in Prometheus' format, the access log in both forms."""
import datetime
import json
import os
import re
import sys
import unittest

from harness import Client, EdgeTest, wait_until

# Debian's package is pure Python and lies where an interpreter of another origin does not look.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

LIST = "/mirrorlist?path=pub/d&country=SE"
LOGGED = "/mirrorlist?repo=r&arch=a"


class MetricsTest(EdgeTest):
    def setUp(self):
        super().setUp()
        if text_string_to_metric_families is None:
            self.skipTest("python3-prometheus-client is not there")
        self.snapshots.compile("one", mirrors=3)

    def scrape(self, edge):
        """Every sample by its name and labels, as Prometheus reads them; and the families by name."""
        status, body = edge.ask_admin("/-/metrics")
        self.assertEqual(status, 200)
        samples, families = {}, {}
        for family in text_string_to_metric_families(body.decode()):
            self.assertNotIn(family.name, families)
            self.assertTrue(family.documentation, family.name)
            self.assertTrue(family.name.startswith("mirror_edge_"), family.name)
            families[family.name] = family
            for sample in family.samples:
                key = (sample.name[len("mirror_edge_"):], *sorted(sample.labels.items()))
                self.assertNotIn(key, samples)
                samples[key] = sample.value
        return samples, families

    def requests(self, samples, **labels):
        return sum(value for key, value in samples.items()
                   if key[0] == "requests_total" and set(labels.items()) <= set(key[1:]))

    def test_counts(self):
        edge = self.start()
        with Client(edge.address) as client:
            for _ in range(5):
                client.ask(LIST)
            for _ in range(3):
                client.ask("/metalink?path=pub/d/none")
            client.ask("/mirrorlist?path=pub/d&redirect")
            client.ask("/-/live")
            client.ask("/nothing")
        with Client(edge.address) as client:
            client.send(b"POST / HTTP/1.1\r\n\r\n")
            self.assertEqual(client.read().status, 405)
        wait_until(lambda: edge.counter("connections") == 0, "the connections to end")
        # A worker that nobody asked anything may not have run yet.
        wait_until(lambda: edge.counter("swaps") == 2, "both workers to have the snapshot")
        samples, families = self.scrape(edge)
        self.assertEqual(self.requests(samples), 12)
        self.assertEqual(self.requests(samples, resource="mirrorlist", status="200", group="country"), 5)
        self.assertEqual(self.requests(samples, resource="metalink", status="404"), 3)
        self.assertEqual(self.requests(samples, resource="mirrorlist", status="302", group="global"), 1)
        self.assertEqual(self.requests(samples, resource="health"), 1)
        self.assertEqual(self.requests(samples, resource="other", status="404"), 1)
        self.assertEqual(self.requests(samples, resource="refused", status="405"), 1)
        self.assertEqual(samples[("refused_requests_total", ("reason", "method"))], 1)
        self.assertEqual(samples[("accepted_total",)], 2)
        self.assertEqual(samples[("generation",)], 1)
        self.assertEqual(samples[("swaps_total",)], 2)  # of each worker the first one
        self.assertGreater(samples[("bytes_sent_total",)], 12 * 100)
        self.assertGreater(samples[("snapshot_age_seconds",)], 0)
        self.assertEqual(samples[("snapshot_hosts",)], 3)
        self.assertEqual(samples[("ready",)], 1)
        self.assertEqual(samples[("request_duration_seconds_count",)], 12)
        self.assertGreaterEqual(samples[("loop_turn_duration_seconds_count",)], 12)
        for name in ("request_duration_seconds", "loop_turn_duration_seconds"):
            buckets = [sample for sample in families["mirror_edge_" + name].samples if sample.name.endswith("_bucket")]
            values = [sample.value for sample in buckets]
            self.assertEqual(values, sorted(values))
            self.assertEqual(buckets[-1].labels["le"], "+Inf")
            self.assertGreater(samples[(name + "_sum",)], 0)
        self.assertEqual(families["mirror_edge_connections"].type, "gauge")
        self.assertEqual(families["mirror_edge_accepted"].type, "counter")

    def test_refused_snapshots(self):
        edge = self.start()
        self.snapshots.point_to(b"garbage\n")
        wait_until(lambda: self.scrape(edge)[0][("refusals_total",)] == 1, "the refusal")

    def test_without_a_snapshot(self):
        os.unlink(self.snapshots.file("CURRENT"))
        samples, _ = self.scrape(self.start())
        self.assertEqual(samples[("generation",)], 0)
        self.assertEqual(samples[("ready",)], 0)

    def test_only_for_operators(self):
        edge = self.start()
        self.assertEqual(edge.get("/-/metrics").status, 404)
        self.assertEqual(edge.get("/-/status").status, 404)


class StatusTest(EdgeTest):
    def test_build_and_counts(self):
        self.snapshots.compile("one", mirrors=3)
        status = self.start().status()
        self.assertEqual(status["build"]["snapshot_format"], 1)
        self.assertIn(status["build"]["type"], ("release", "debug"))
        generation = status["generation"]
        self.assertEqual((generation["hosts"], generation["directories"], generation["repositories"]), (3, 1, 1))

    def test_every_answer_names_its_generation(self):
        self.snapshots.compile("one")
        edge = self.start()
        for request in (LIST, "/-/live", "/-/ready", "/nothing", "/metalink?path=x"):
            self.assertEqual(edge.get(request).generation, 1, request)
        with Client(edge.address) as client:
            client.send(b"nonsense\r\n\r\n")
            self.assertEqual(client.read().generation, 1)
        for request in ("/-/ready", "/-/status", "/-/metrics", "/-/explain/nothing", "/"):
            with Client(edge.admin[5:]) as client:
                self.assertEqual(client.ask(request).generation, 1, request)


class SlowDiskTest(EdgeTest):
    def test_nobody_waits_for_the_log(self):
        """A pipe that nobody reads is the slowest of all disks."""
        self.snapshots.compile("one", mirrors=3)
        path = os.path.join(self.folder, "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            edge = self.start("--log", path, "--workers", "1", "--max-requests", "0")
            with Client(edge.address) as client:

                def dropped():
                    for _ in range(1000):
                        self.assertEqual(client.ask(LOGGED).status, 200)
                    return edge.counter("log_lines_dropped")
                wait_until(dropped, "lines to be dropped")
            self.assertGreater(edge.counter("log_lines"), 0)
            self.assertEqual(edge.stop(), 0)
            self.assertTrue(os.read(reader, 100).startswith(b"IP: 127.0.0.1; DATE: "))
        finally:
            os.close(reader)


class LogTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one", mirrors=3)
        self.path = os.path.join(self.folder, "access.log")

    def lines(self, edge):
        self.assertEqual(edge.stop(), 0)
        with open(self.path, encoding="utf-8") as text:
            return text.read().splitlines()

    def test_json(self):
        edge = self.start("--log", self.path, "--log-format", "json", "--workers", "1")
        with Client(edge.address) as client:
            client.ask(LOGGED + "&ip=192.0.2.7")
            listed = client.ask(LIST)
            client.ask("/mirrorlist?repo=%22%5C%C3%A9&arch=a%20b")
            client.ask("/mirrorlist?repo=bad%0Anews&arch=a")
            client.ask("/-/live")
            client.ask("/nothing")
        lines = [json.loads(line) for line in self.lines(edge)]
        now = datetime.datetime.now(datetime.timezone.utc)
        for line in lines:
            made = datetime.datetime.fromisoformat(line.pop("time").replace("Z", "+00:00"))
            self.assertLess(abs((now - made).total_seconds()), 60)
            self.assertEqual(line.pop("generation"), 1)
        self.assertEqual(lines[0]["client"], "192.0.2.7")
        self.assertEqual((lines[0]["repo"], lines[0]["arch"], lines[0]["group"]), ("r", "a", "global"))
        self.assertEqual(lines[1], {"client": "127.0.0.1", "country": "N/A", "resource": "mirrorlist", "path": "pub/d",
                                    "status": 200, "bytes": len(listed.body), "group": "country"})
        self.assertEqual((lines[2]["repo"], lines[2]["arch"], lines[2]["status"]), ("\"\\é", "a%20b", 404))
        self.assertEqual((lines[3]["status"], lines[3].get("repo")), (400, None))
        self.assertEqual((lines[4]["resource"], lines[4]["status"]), ("other", 404))
        self.assertEqual(len(lines), 5)

    def test_addresses(self):
        for how, expected in (("full", ["192.0.2.77", "2001:db8:1:2::3"]), ("prefix", ["192.0.2.0", "2001:db8:1::"]),
                              ("none", ["-", "-"])):
            with open(self.path, "w", encoding="utf-8"):
                pass
            edge = self.start("--log", self.path, "--log-address", how, "--workers", "1")
            with Client(edge.address) as client:
                for address in ("192.0.2.77", "2001:db8:1:2::3"):
                    client.ask(LOGGED, "X-Forwarded-For: %s\r\n" % address)
            lines = self.lines(edge)
            self.assertEqual([line.split()[1] for line in lines], [address + ";" for address in expected])
            for line in lines:
                self.assertRegex(line, r"^IP: \S+; DATE: \d{4}-\d\d-\d\d; COUNTRY: N/A; REPO: r; ARCH: a$")

    def test_a_full_disk_stops_nobody(self):
        edge = self.start("--log", "/dev/full", "--log-level", "error")
        with Client(edge.address) as client:
            for _ in range(1000):
                self.assertEqual(client.ask(LOGGED).status, 200)
        wait_until(lambda: edge.status()["access_log"]["lines_lost"] == 1000, "the lines to be counted")
        self.assertEqual(len(re.findall("No space left", edge.complaints())), 1)

    def test_wrong_words(self):
        for options in (["--log-format", "xml"], ["--log-address", "half"], ["--socket-mode", "rw"],
                        ["--socket-mode", "0"], ["--socket-mode", "01777"]):
            self.assertEqual(self.run_edge("--snapshots", self.snapshots.path, *options)[0], 2, options)


if __name__ == "__main__":
    unittest.main(verbosity=2)
