#!/usr/bin/env python3
"""One edge takes the place of another under a storm of connections, and not one request is lost."""
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import unittest

from harness import BIN, DEADLINE, Client, EdgeTest, wait_until

HAND_OVERS = int(os.environ.get("MIRROR_TEST_HAND_OVERS", "20"))
TARGET = "/mirrorlist?path=pub/d&country=SE"
READY_EACH = 5  # requests: what a load balancer asks


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
                    requests = self.use(client, 1 if number % 2 else 10**9, turn)
                with self.lock:
                    self.requests += requests
                    self.connections += 1
            except Exception as error:  # pylint: disable=broad-except  # a dead thread would find nothing
                with self.lock:
                    self.failures.append("%s: %s" % (type(error).__name__, error))

    def use(self, client, count, turn):
        for done in range(1, count + 1):
            is_check = (done if count > 1 else turn) % READY_EACH == 0
            answer = client.ask("/-/ready" if is_check else TARGET, "Connection: close\r\n" if count == 1 else "")
            if answer.status != 200 or not is_check and answer.body.count(b"http://one.example/") != 20:
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
                self.assertRegex(second.recv(512), b"^refused: another one is taking over")
            with self.assertRaisesRegex(AssertionError, "refuses this one: .*another one is taking over"):
                self.take_over(".third")
        self.assertIn("another one is taking over", edge.complaints())

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_not_for_other_users(self):
        edge = self.start(*self.options)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        os.chmod(self.path, 0o666)
        done = subprocess.run(["python3", "-c", "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
                               "s.connect(sys.argv[1])\nprint(s.recv(512), s.recv(512))", self.path], check=True, user="nobody",
                              env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.assertEqual(done.stdout, b"b'refused: it belongs to another user' b''\n")
        self.assertIn("another user", edge.complaints())

    def give_to_test(self):
        """A successor of our own, which has got the sockets."""
        successor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(successor.close)
        successor.settimeout(DEADLINE)
        successor.connect(self.path)
        text, got, _, _ = socket.recv_fds(successor, 512, 1)
        for _ in range(int(text.split()[2])):
            _, more, _, _ = socket.recv_fds(successor, 512, 1)
            got += more
        for descriptor in got:
            self.addCleanup(os.close, descriptor)
        return successor

    def test_the_old_one_ends_meanwhile(self):
        """Whoever has the sockets goes on with them, and their paths stay."""
        edge = self.start(*self.options)
        with self.give_to_test() as successor:
            self.assertEqual(edge.stop(), 0)
            self.assertEqual(successor.recv(512), b"ending")
        for path in (self.path, self.local, edge.admin[5:]):
            self.assertTrue(os.path.exists(path), path)

    def test_what_is_not_its_own_stays(self):
        """Another process listens at the paths of one that ends."""
        pid_file = os.path.join(self.folder, "pid")
        options = [*self.options, "--pid-file", pid_file, "--admin", "127.0.0.1:0"]
        edge = self.start(*options)
        with Client(self.local) as late:
            late.send(b"GET / HTTP/1.1\r\n")
            wait_until(lambda: b"mirror_edge_connections 1\n" in self.metrics(edge), "the connection")
            edge.signal(signal.SIGTERM)
            wait_until(lambda: not os.path.exists(self.local), "the drain to begin")
            after = self.start(*options, name=".after")
        self.assertEqual(edge.process.wait(DEADLINE), 0)
        for path in (self.path, self.local, pid_file):
            self.assertTrue(os.path.exists(path), path)
        with Client(self.local) as client:
            self.assertEqual(client.ask(TARGET).status, 200)
        self.assertEqual(after.stop(), 0)
        self.assertFalse(os.path.exists(self.local) or os.path.exists(pid_file))

    def metrics(self, edge):
        host, port = re.search(r"Admin on http://(.*):(.*)\n", edge.said()).groups()
        with Client((host, int(port))) as client:
            return client.ask("/-/metrics").body

    def test_a_pid_file_that_cannot_be_written(self):
        """Nobody else serves any more: it is only complained about."""
        folder = os.path.join(self.folder, "run")
        os.mkdir(folder)
        edge = self.start(*self.options, "--pid-file", os.path.join(folder, "pid"))
        os.unlink(os.path.join(folder, "pid"))
        os.rmdir(folder)
        successor = self.take_over(".new", "--pid-file", os.path.join(folder, "pid"))
        self.assertEqual(edge.process.wait(DEADLINE), 0)
        self.assertEqual(successor.get(TARGET).status, 200)
        self.assertIn(folder, successor.complaints())

    def test_a_successor_that_was_dropped_ends(self):
        """A server of our own in the place of the old edge: it gives a socket and then changes its mind."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as old:
            old.bind(self.path)
            old.listen()

            def serve():
                connection = old.accept()[0]
                with connection:
                    connection.send(b"mirror-edge-hand-over 1 2")
                    socket.send_fds(connection, [b"hand-over " + self.path.encode()], [old.fileno()])
                    socket.send_fds(connection, [b"clients "], [listener.fileno()])
                    self.heard = connection.recv(512)
                    connection.send(b"refused: it was not ready in time")
            thread = threading.Thread(target=serve)
            thread.start()
            with self.assertRaisesRegex(AssertionError, "(?s)serves on.*not ready in time"):
                self.take_over(".new")
            thread.join()
        self.assertEqual(self.heard, b"ready")
        self.assertTrue(os.path.exists(self.path))

    def test_a_client_that_waits_for_room_is_not_lost(self):
        edge = self.start(*self.options, "--workers", "1", "--max-connections", "2")
        with Client(edge.address) as one, Client(edge.address) as two:
            for client in (one, two):
                # The answer to the first one tells that the beginning of the second one is there.
                client.send(b"GET /-/live HTTP/1.1\r\n\r\nGET /-/live HTTP/1.1\r\n")
                self.assertEqual(client.read().status, 200)
            third = Client(edge.address)
            self.addCleanup(third.socket.close)
            third.send(b"GET /-/live HTTP/1.1\r\n\r\n")
            wait_until(lambda: edge.counter("accept_pauses") > 0, "the third one to wait")
            self.take_over(".new")
            for client in (one, two):
                client.send(b"\r\n")
            self.assertEqual([client.read().status for client in (one, two, third)], [200, 200, 200])
        self.assertEqual(edge.process.wait(DEADLINE), 0)

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
