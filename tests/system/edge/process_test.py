#!/usr/bin/env python3
"""The edge as a process: starting, wrong options, signals, the access log, the admin listener, limits."""
import os
import re
import signal
import socket
import subprocess
import unittest

from harness import BIN, DEADLINE, Client, EdgeTest, wait_until

TARGET = "/mirrorlist?path=pub/d&country=SE"
LOGGED = "/mirrorlist?repo=r&arch=a&ip=192.0.2.7"


class StartTest(EdgeTest):
    def test_no_snapshot_yet(self):
        edge = self.start()
        self.assertEqual(edge.get(TARGET).status, 503)
        self.assertEqual(edge.get("/-/ready").body, b"503 no snapshot\n")
        self.assertEqual(edge.get("/-/live").status, 200)
        self.assertIn("mirror-compile", edge.complaints())
        self.snapshots.compile("one")
        self.assertEqual(edge.wait(1).returncode, 0)
        self.assertEqual(edge.get(TARGET).status, 200)
        self.assertEqual(edge.get("/-/ready").status, 200)

    def test_without_geoip(self):
        self.snapshots.compile("one")
        edge = self.start()
        self.assertRegex(edge.complaints(), "warning: .*--geoip")
        self.assertIn(b"country = global", edge.get("/mirrorlist?path=pub/d").body)
        self.assertIsNone(edge.status()["geoip"])

    def test_wrong_options_exit_2(self):
        for options in (["--nonsense"], ["--port", "x"], ["--workers", "0"], [], ["--cache", "c", "--snapshots", "."],
                        ["-g", "n", "--snapshots", "."], ["--cccsv", "c", "--snapshots", "."],
                        ["--log-level", "loud", "--snapshots", "."]):
            code, text = self.run_edge(*options)
            self.assertEqual(code, 2, (options, text))
        self.assertIn("mirror-compile --from-protobuf", self.run_edge("--cache", "c", "--snapshots", ".")[1])

    def test_bad_values_are_one_line_and_exit_1(self):
        here = ["--snapshots", self.snapshots.path, "--port", "0"]
        for options, part in ((["--snapshots", "/nonexistent"], "/nonexistent"),
                              ([*here, "--trusted-proxy", "10.0.0.0/33"], "10.0.0.0/33"),
                              ([*here, "--listen", "localhost"], "localhost"),
                              ([*here, "--listen", "192.0.2.1"], "192.0.2.1"),
                              ([*here, "--geoip", "/nonexistent.mmdb"], "/nonexistent.mmdb"),
                              ([*here, "--geoip", self.folder], self.folder),
                              ([*here, "--log", "/nonexistent/log"], "/nonexistent/log"),
                              ([*here, "--admin", "nonsense"], "nonsense"),
                              ([*here, "--admin", "127.0.0.1"], "no port"),
                              ([*here, "--admin", "unix:" + "x" * 200], "unix:")):
            code, text = self.run_edge(*options, "--log-level", "error")
            self.assertEqual(code, 1, (options, text))
            self.assertEqual(text.count("\n"), 1, text)
            self.assertIn(part, text)

    def test_too_few_open_files(self):
        done = subprocess.run(["sh", "-c", 'ulimit -n 40 && exec "$0" --snapshots "$1" --port 0',
                               os.path.join(BIN, "mirror-edge"), self.snapshots.path],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"40 open files", done.stderr)

    def test_port_in_use(self):
        self.snapshots.compile("one")
        edge = self.start()
        code, text = self.run_edge("--snapshots", self.snapshots.path, "--port", str(edge.address[1]), "--log-level",
                                   "error")
        self.assertEqual(code, 1)
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn("in use", text)
        for _ in range(20):
            self.assertEqual(edge.get(TARGET).status, 200)
        # The admin socket of a living edge is not taken away either.
        code, text = self.run_edge("--snapshots", self.snapshots.path, "--port", "0", "--admin", edge.admin)
        self.assertEqual(code, 1)
        self.assertEqual(edge.ask_admin("/-/live")[0], 200)

    def test_several_addresses(self):
        self.snapshots.compile("one")
        edge = self.start("--listen", "127.0.0.1", "--listen", "[::1]", "--listen", "127.0.0.2:0")
        urls = re.findall(r"Listening on (\S+)", edge.said())
        self.assertEqual(len(urls), 3)
        for url in urls:
            done = subprocess.run(["curl", "-gsf", "--noproxy", "*", url + TARGET], stdout=subprocess.PIPE, check=True)
            self.assertIn(b"http://one.example", done.stdout)

    def test_pid_file(self):
        path = os.path.join(self.folder, "pid")
        edge = self.start("--pid-file", path)
        with open(path, encoding="ascii") as text:
            self.assertEqual(int(text.read()), edge.process.pid)
        self.assertEqual(edge.stop(), 0)
        self.assertFalse(os.path.exists(path))


class AdminTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one")

    def test_addresses(self):
        edge = self.start()
        self.assertEqual(edge.ask_admin("/-/live"), (200, b"200 live\n"))
        self.assertEqual(edge.ask_admin("/-/ready"), (200, b"200 stale\n"))
        self.assertEqual(edge.ask_admin("/-/status?x=y")[0], 200)
        self.assertEqual(edge.ask_admin("/")[0], 404)
        self.assertEqual(edge.ask_admin("/-/status", "POST")[0], 405)
        self.assertEqual(edge.ask_admin("/-/status", "HEAD"), (200, b""))
        # The status is no business of the public.
        self.assertEqual(edge.get("/-/status").status, 404)

    def test_over_tcp(self):
        edge = self.start("--admin", "127.0.0.1:0")
        url = re.search(r"Admin on (\S+)", edge.said()).group(1)
        done = subprocess.run([os.path.join(BIN, "mirrorctl"), "edge", "status", "--admin", url],
                              stdout=subprocess.PIPE, check=True)
        self.assertIn(b"generation 1,", done.stdout)

    def test_status_names_what_matters(self):
        edge = self.start("--log", os.path.join(self.folder, "log"))
        edge.get(LOGGED)
        self.assertEqual(edge.wait(1).returncode, 0)
        status = edge.status()
        self.assertEqual(status["pid"], edge.process.pid)
        self.assertEqual(status["wanted"]["sequence"], 1)
        self.assertEqual([worker["generation"] for worker in status["workers"]], ["1", "1"])
        self.assertEqual([entry["state"] for entry in status["generations"]], ["current"])
        self.assertEqual(status["counters"]["requests"], 1)
        self.assertEqual(status["counters"]["groups"]["global"], 1)
        self.assertEqual(status["counters"]["log_lines"], 1)

    def test_ready_max_age(self):
        edge = self.start("--ready-max-age", "60")
        self.assertEqual(edge.ask_admin("/-/ready"), (503, b"503 too old\n"))
        self.assertEqual(edge.get("/-/ready").status, 503)
        self.assertEqual(edge.get(TARGET).status, 200)

    def test_stuck_clients_do_not_lock_operators_out(self):
        edge = self.start()
        stuck = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        try:
            for client in stuck:
                client.connect(edge.admin[5:])
            self.assertEqual(edge.ask_admin("/-/live")[0], 200)
        finally:
            for client in stuck:
                client.close()


class SignalTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one")

    def test_sigterm_drains(self):
        edge = self.start()
        with Client(edge.address) as idle, Client(edge.address) as late:
            self.assertEqual(idle.ask(TARGET).status, 200)
            late.send(("GET %s HTTP/1.1\r\nHost:" % TARGET).encode())
            # Both have been seen: the request that is under way must not be lost.
            wait_until(lambda: edge.counter("connections") == 2, "two connections")
            see_what_was_sent(edge)
            edge.signal(signal.SIGTERM)
            self.assertTrue(idle.ended())
            self.assertEqual(edge.ask_admin("/-/ready"), (503, b"503 draining\n"))
            wait_until(lambda: not accepts(edge.address), "connections to be refused")
            late.send(b" h\r\n\r\n")
            answer = late.read()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["connection"], "close")
            self.assertTrue(late.ended())
        self.assertEqual(edge.process.wait(10), 0)
        self.assertFalse(os.path.exists(edge.admin[5:]))

    def test_sigterm_loses_no_request(self):
        for _ in range(5):
            edge = self.start()
            kept = [Client(edge.address) for _ in range(20)]
            for client in kept:
                self.assertEqual(client.ask(TARGET).status, 200)
            # While it stands still, the kernel takes connections and requests for it.
            edge.signal(signal.SIGSTOP)
            clients = kept + [Client(edge.address) for _ in range(60)]
            for client in clients:
                client.send(("GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % TARGET).encode())
            edge.signal(signal.SIGTERM)
            edge.signal(signal.SIGCONT)
            for client in clients:
                with client:
                    self.assertEqual(client.read().status, 200)
            self.assertEqual(edge.process.wait(10), 0)

    def test_hints_do_not_end_a_starting_edge(self):
        hints = (signal.SIGHUP, signal.SIGUSR1)

        def send_hints():
            # They wait, across the exec, until the edge unblocks them.
            signal.pthread_sigmask(signal.SIG_BLOCK, hints)
            for number in hints:
                os.kill(os.getpid(), number)
        edge = self.start("--log-level", "info", before=send_hints)
        wait_until(lambda: "SIGHUP: looking" in edge.complaints(), "SIGHUP to be taken")
        self.assertEqual(edge.get(TARGET).status, 200)

    def test_second_signal_ends_at_once(self):
        edge = self.start()
        with Client(edge.address) as late:
            late.send(b"GET / HTTP/1.1\r\n")
            wait_until(lambda: edge.counter("connections") == 1, "the connection")
            edge.signal(signal.SIGINT)
            wait_until(lambda: edge.ended() or edge.status()["draining"], "draining")
            edge.signal(signal.SIGINT)
            self.assertEqual(edge.process.wait(10), 0)

    def test_access_log(self):
        path = os.path.join(self.folder, "access.log")
        edge = self.start("--log", path)
        edge.get(LOGGED)
        redirect = edge.get("/mirrorlist?repo=r&arch=a&redirect")
        self.assertEqual((redirect.status, redirect.headers["location"]), (302, "http://one.example/1/d/"))
        self.assertEqual(redirect.headers["cache-control"], "no-store")
        edge.get("/mirrorlist?path=pub/d")
        edge.get("/mirrorlist?repo=unknown&arch=a")
        self.assertEqual(edge.stop(), 0)
        with open(path, encoding="utf-8") as text:
            lines = sorted(text.read().splitlines(), reverse=True)  # two workers, in either order
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^IP: 192\.0\.2\.7; DATE: \d{4}-\d\d-\d\d; COUNTRY: N/A; REPO: r; ARCH: a$")
        self.assertRegex(lines[1], r"^IP: 127\.0\.0\.1; DATE: \d{4}-\d\d-\d\d; COUNTRY: N/A; REPO: r; ARCH: a$")

    def test_sigusr1_reopens_the_log(self):
        path = os.path.join(self.folder, "access.log")
        edge = self.start("--log", path)
        with Client(edge.address) as client:
            for round_number in range(3):
                for _ in range(100):
                    client.ask(LOGGED)
                os.rename(path, "%s.%d" % (path, round_number))
                edge.signal(signal.SIGUSR1)
                wait_until(lambda: edge.status()["access_log"]["reopened"] == round_number + 1, "a new file")
            client.ask(LOGGED)
        self.assertEqual(edge.stop(), 0)
        counts = []
        for name in (path + ".0", path + ".1", path + ".2", path):
            with open(name, encoding="utf-8") as text:
                counts.append(len(text.readlines()))
        self.assertEqual(sum(counts), 301)
        self.assertEqual(counts, [100, 100, 100, 1])


def accepts(address):
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def see_what_was_sent(edge):
    """Lets both workers' loops go round, so that what was sent before is read: some of these reach each."""
    for _ in range(20):
        edge.get("/-/live")


class LimitTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one", mirrors=3000)

    def test_idle_connections_make_room(self):
        edge = self.start("--workers", "1", "--max-connections", "10")
        clients = [Client(edge.address) for _ in range(40)]
        try:
            for client in clients[-5:]:
                self.assertEqual(client.ask("/-/live").status, 200)
            self.assertTrue(clients[0].ended())
            self.assertGreaterEqual(edge.counter("idle_evicted"), 30)
            self.assertLessEqual(edge.counter("connections"), 10)
        finally:
            for client in clients:
                client.socket.close()

    def test_accepting_pauses_when_all_are_busy(self):
        edge = self.start("--workers", "1", "--max-connections", "4", "--header-timeout", "5")
        busy = []
        try:
            for _ in range(4):
                busy.append(Client(edge.address))
                busy[-1].send(b"GET /-/live HTTP/1.1\r\n")
                wait_until(lambda: edge.counter("connections") == len(busy), "the connection")
            with Client(edge.address) as waiting:
                waiting.send(b"GET /-/live HTTP/1.1\r\nConnection: close\r\n\r\n")
                wait_until(lambda: edge.counter("accept_pauses") >= 1, "accepting to pause")
                busy[0].send(b"Connection: close\r\n\r\n")
                self.assertEqual(busy[0].read().status, 200)
                self.assertEqual(waiting.read().status, 200)
        finally:
            for client in busy:
                client.socket.close()

    def test_timeouts(self):
        edge = self.start("--header-timeout", "1", "--idle-timeout", "2")
        with Client(edge.address) as idle, Client(edge.address) as slow:
            slow.send(b"GET / HTTP/1.1\r\n")
            self.assertTrue(slow.ended())
            self.assertEqual(edge.counter("header_timeouts"), 1)
            self.assertTrue(idle.ended())
            self.assertEqual(edge.counter("idle_timeouts"), 1)

    def ask_and_not_read(self, edge, client, count):
        client.send(("GET %s HTTP/1.1\r\n\r\n" % TARGET).encode() * count)
        wait_until(lambda: edge.counter("answers_unfinished") >= 1, "an answer that is not taken")

    def test_a_reader_that_is_slow_gets_everything_in_order(self):
        edge = self.start("--send-buffer", "4096")
        with Client(edge.address, receive_buffer=4096) as client:
            self.ask_and_not_read(edge, client, 20)
            stuck = edge.status()["counters"]
            for _ in range(20):
                answer = client.read()
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body.count(b"http://one.example/"), 3000)
            self.assertEqual(client.ask("/-/live").status, 200)
            # What the client has not taken was not counted as sent.
            self.assertLess(stuck["bytes_sent"], stuck["requests"] * (edge.counter("bytes_sent") // 20) - 1000)

    def test_a_reader_that_stops_is_closed(self):
        edge = self.start("--send-buffer", "4096", "--write-timeout", "1")
        with Client(edge.address, receive_buffer=4096) as client:
            self.ask_and_not_read(edge, client, 20)
            wait_until(lambda: edge.counter("write_timeouts") == 1, "the timeout")
            wait_until(lambda: edge.counter("connections") == 0, "the end of the connection")
        self.assertEqual(edge.get(TARGET).status, 200)

    def test_the_slowest_reader_makes_room(self):
        edge = self.start("--workers", "1", "--send-buffer", "4096", "--pending-megabytes", "1")
        clients = [Client(edge.address, receive_buffer=4096) for _ in range(30)]
        try:
            for client in clients:
                client.send(("GET %s HTTP/1.1\r\n\r\n" % TARGET).encode())
            wait_until(lambda: edge.counter("writers_evicted") >= 5, "slow readers to be closed")
            self.assertEqual(clients[-1].read().body.count(b"http://one.example/"), 3000)
            self.assertEqual(edge.get("/-/live").status, 200)
        finally:
            for client in clients:
                client.socket.close()

    def test_swap_while_an_answer_waits(self):
        edge = self.start("--send-buffer", "4096")
        with Client(edge.address, receive_buffer=4096) as client:
            self.ask_and_not_read(edge, client, 2)
            after = self.snapshots.compile("two", mirrors=5)
            self.assertEqual(edge.wait(after.sequence).returncode, 0)
            first, second = client.read(), client.read()
            self.assertEqual((first.generation, first.body.count(b"http://one.example/")), (1, 3000))
            self.assertEqual((second.generation, second.body.count(b"http://two.example/")), (2, 5))


if __name__ == "__main__":
    unittest.main(verbosity=2)
