#!/usr/bin/env python3
"""One edge takes the place of another under a storm of connections, and not one request is lost."""
import os
import signal
import socket
import struct
import subprocess
import threading
import unittest

from harness import BIN, DEADLINE, Client, EdgeTest, wait_until

HAND_OVERS = int(os.environ.get("MIRROR_TEST_HAND_OVERS", "20"))
TARGET = "/mirrorlist?path=pub/d&country=SE"


class Storm:
    """Clients on every address: connections of one request, and some that are kept alive as long as they are let."""

    def __init__(self, addresses, threads=6):
        self.addresses = addresses
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.failures, self.requests, self.connections = [], 0, 0
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        turn = number
        while not self.stop.is_set():
            turn += 1
            try:
                with Client(self.addresses[turn % len(self.addresses)]) as client:
                    requests = self.use(client, 1 if number % 2 else 10**9)
                with self.lock:
                    self.requests += requests
                    self.connections += 1
            except Exception as error:  # pylint: disable=broad-except  # a dead thread would find nothing
                with self.lock:
                    self.failures.append("%s: %s" % (type(error).__name__, error))

    def use(self, client, count):
        for done in range(1, count + 1):
            answer = client.ask(TARGET, "Connection: close\r\n" if count == 1 else "")
            if answer.status != 200 or answer.body.count(b"http://one.example/") != 20:
                raise ValueError("status %d, %r" % (answer.status, answer.body[:100]))
            if answer.headers.get("connection") == "close" or self.stop.is_set():
                return done
        return count

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class HandOverTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one", mirrors=20)
        self.path = os.path.join(self.folder, "hand-over.sock")
        self.local = os.path.join(self.folder, "edge.sock")
        self.options = ["--hand-over", self.path, "--listen", "127.0.0.1:0", "--listen", "unix:" + self.local,
                        "--drain-timeout", "20", "--log-level", "info"]

    def take_over(self, name, *options, **how):
        return self.start(*self.options, "--take-over", *options, name=name, **how)

    def test_a_storm_loses_nothing(self):
        edge = self.start(*self.options, "--workers", "2")
        address = edge.address
        storm = Storm([address, self.local])
        try:
            for i in range(HAND_OVERS):
                before, seen = edge, storm.requests
                # More workers than sockets, as many, and fewer.
                edge = self.take_over(".%d" % i, "--workers", str(1 + i % 4))
                self.assertEqual(edge.address, address)
                self.assertEqual(before.process.wait(DEADLINE), 0, before.complaints())
                self.assertEqual(edge.status()["pid"], edge.process.pid)
                wait_until(lambda: storm.requests > seen + 50, "the storm to go on")
        finally:
            storm.end()
        self.assertEqual(storm.failures[:5], [])
        self.assertEqual(len(storm.failures), 0)
        self.assertTrue(os.path.exists(self.local))
        self.assertEqual(edge.stop(), 0)
        self.assertFalse(os.path.exists(self.local) or os.path.exists(self.path))
        print("%d requests on %d connections over %d hand-overs" % (storm.requests, storm.connections, HAND_OVERS))

    def test_signal_usr2(self):
        pid_file = os.path.join(self.folder, "pid")
        edge = self.start(*self.options, "--pid-file", pid_file)
        storm = Storm([edge.address, self.local])
        pid = edge.process.pid
        try:
            for _ in range(3):
                os.kill(pid, signal.SIGUSR2)

                def successor(old=pid):
                    with open(pid_file, encoding="ascii") as text:
                        new = int(text.read() or old)
                    return new if new != old else 0
                pid = wait_until(successor, "the successor")
            self.assertEqual(edge.process.wait(DEADLINE), 0, edge.complaints())
            self.assertEqual(storm.failures, [])
            self.assertEqual(edge.status()["pid"], pid)
        finally:
            storm.end()
            # The last one is nobody's child here.
            if os.path.exists(pid_file):
                with open(pid_file, encoding="ascii") as text:
                    os.kill(int(text.read()), signal.SIGTERM)
        self.assertEqual(storm.failures, [])
        wait_until(lambda: not os.path.exists(pid_file), "the last one to end")

    def test_usr2_without_a_socket(self):
        edge = self.start()
        edge.signal(signal.SIGUSR2)
        wait_until(lambda: "a successor needs --hand-over" in edge.complaints(), "the complaint")
        self.assertEqual(edge.get(TARGET).status, 200)

    def test_with_nobody_there_it_starts_afresh(self):
        edge = self.take_over("")
        self.assertEqual(edge.get(TARGET).status, 200)
        self.assertIn("starting afresh", edge.complaints())

    def test_kept_connections_are_answered_once_more(self):
        edge = self.start(*self.options)
        with Client(edge.address) as kept, Client(edge.address) as never_used:
            self.assertEqual(kept.ask(TARGET).status, 200)
            successor = self.take_over(".new")
            # The workers hear of it a moment after the successor does.
            for client in (kept, never_used):
                answer = wait_until(lambda: self.ask_until_closed(client), "the last answer")
                self.assertEqual(answer.status, 200)
                self.assertTrue(client.ended())
        self.assertEqual(edge.process.wait(DEADLINE), 0)
        self.assertEqual(successor.get(TARGET).status, 200)

    def ask_until_closed(self, client):
        answer = client.ask(TARGET)
        return answer if answer.headers.get("connection") == "close" else None

    def test_a_signal_while_it_hands_over(self):
        """The old one ends when all is answered: the first signal does not cut that short."""
        edge = self.start(*self.options)
        with Client(edge.address) as kept:
            kept.send(b"GET ")
            wait_until(lambda: edge.counter("connections") == 1, "the connection")
            self.take_over(".new")
            edge.signal(signal.SIGTERM)
            wait_until(lambda: "ending already" in edge.complaints(), "the signal to be heard")
            kept.send(("%s HTTP/1.1\r\nHost: h\r\n\r\n" % TARGET).encode())
            self.assertEqual(kept.read().status, 200)
        self.assertEqual(edge.process.wait(DEADLINE), 0)

    def test_another_path_and_another_listener(self):
        edge = self.start(*self.options)
        more = os.path.join(self.folder, "more.sock")
        successor = self.take_over(".new", "--listen", "unix:" + more)
        self.assertEqual(edge.process.wait(DEADLINE), 0)
        for address in (edge.address, self.local, more):
            with Client(address) as client:
                self.assertEqual(client.ask(TARGET).status, 200)
        self.assertEqual(len(successor.urls), 3)

    def test_a_listener_that_is_not_named_any_more_is_kept(self):
        edge = self.start(*self.options)
        successor = self.start("--hand-over", self.path, "--take-over", "--listen", "unix:" + self.local, name=".new")
        self.assertEqual(edge.process.wait(DEADLINE), 0)
        self.assertIn("no option names it", successor.complaints())
        with Client(edge.address) as client:
            self.assertEqual(client.ask(TARGET).status, 200)

    def expect_to_stay(self, edge, *options, before=None):
        """A successor that fails must not disturb the edge that runs."""
        with self.assertRaisesRegex(AssertionError, "the edge ended"):
            self.take_over(".bad", *options, before=before)
        for _ in range(20):
            self.assertEqual(edge.get(TARGET).status, 200)
        self.assertEqual(edge.status()["pid"], edge.process.pid)
        self.assertFalse(edge.status()["draining"])

    def test_a_successor_that_fails(self):
        edge = self.start(*self.options)
        self.expect_to_stay(edge, "--geoip", "/nonexistent.mmdb")
        self.expect_to_stay(edge, "--log", "/nonexistent/log")
        # And one that works may still come.
        self.take_over(".good")
        self.assertEqual(edge.process.wait(DEADLINE), 0)

    def test_a_successor_without_a_snapshot(self):
        edge = self.start(*self.options)
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        self.expect_to_stay(edge, "--snapshots", empty)

    def test_a_successor_that_dies_or_says_nonsense(self):
        edge = self.start(*self.options)
        for number, message in enumerate((None, b"nonsense", b"ready or not"), start=1):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as successor:
                successor.settimeout(DEADLINE)
                successor.connect(self.path)
                self.assertRegex(successor.recv(512), rb"^mirror-edge-hand-over 1 \d+$")
                if message is not None:
                    successor.send(message)
            wait_until(lambda: edge.complaints().count("this one serves on") == number, "the complaint")
            self.assertEqual(edge.get(TARGET).status, 200)
        self.take_over(".good")
        self.assertEqual(edge.process.wait(DEADLINE), 0)

    def test_one_at_a_time(self):
        edge = self.start(*self.options)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first:
            first.settimeout(DEADLINE)
            first.connect(self.path)
            first.recv(512)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as second:
                second.settimeout(DEADLINE)
                second.connect(self.path)
                self.assertEqual(second.recv(512), b"")
        self.assertIn("another one is taking over", edge.complaints())

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_not_for_other_users(self):
        edge = self.start(*self.options)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        os.chmod(self.path, 0o666)
        done = subprocess.run(["python3", "-c", "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
                               "s.connect(sys.argv[1])\nsys.exit(len(s.recv(512)))", self.path], check=False, user="nobody",
                              env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0)
        self.assertIn("another user", edge.complaints())

    def test_a_second_edge_without_take_over(self):
        self.start(*self.options)
        code, text = self.run_edge("--snapshots", self.snapshots.path, "--port", "0", "--hand-over", self.path,
                                   "--log-level", "error")
        self.assertEqual(code, 1)
        self.assertIn("--take-over takes its place", text)

    def test_take_over_needs_a_path(self):
        self.assertEqual(self.run_edge("--snapshots", self.snapshots.path, "--take-over")[0], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
