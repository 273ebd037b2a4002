#!/usr/bin/env python3
"""Clients that mean harm: smuggled and split requests, floods, and everything that only wants to hold on to memory.
While each is at work, an ordinary client is served, and the edge's memory stays where its limits put it."""
import re
import resource
import signal
import socket
import time
import unittest

from harness import DEADLINE, SANITIZED, Client, EdgeTest, anonymous_kilobytes, wait_until

TARGET = "/mirrorlist?path=pub/d&country=SE"
REQUEST = ("GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % TARGET).encode()
LIVE = b"GET /-/live HTTP/1.1\r\nHost: h\r\n\r\n"


class SmugglingTest(EdgeTest):
    """Whatever stands in doubt about where a request ends is refused, and nothing behind it is answered."""

    def setUp(self):
        super().setUp()
        self.snapshots.compile("one")
        self.edge = self.start()

    def answers(self, data):
        """All statuses until the server closes, or stops after having answered what it will."""
        with Client(self.edge.address) as client:
            client.send(data)
            client.socket.shutdown(socket.SHUT_WR)
            statuses = []
            try:
                while True:
                    statuses.append(client.read().status)
            except EOFError:
                return statuses

    def test_refused_with_all_that_follows(self):
        head = b"GET /-/live HTTP/1.1\r\nHost: h\r\n"
        for name, request in {
            "two lengths": head + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "the same length twice": head + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
            "a list of lengths": head + b"Content-Length: 0, 0\r\n\r\n",
            "a signed length": head + b"Content-Length: +0\r\n\r\n",
            "a length in hexadecimal": head + b"Content-Length: 0x0\r\n\r\n",
            "a body": head + b"Content-Length: 5\r\n\r\nhello",
            "chunks": head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "chunks and a length": head + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            "an unknown coding": head + b"Transfer-Encoding: xchunked\r\n\r\n",
            "an empty coding": head + b"Transfer-Encoding:\r\n\r\n",
            "a blank before the colon": head + b"Transfer-Encoding : chunked\r\n\r\n",
            "a folded line": head + b"X: a\r\n b\r\n\r\n",
            "a folded coding": head + b"X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n",
            "a bare line feed": b"GET /-/live HTTP/1.1\nHost: h\r\n\r\n",
            "a bare line feed at the end": head + b"\n",
            "a bare carriage return": head + b"X: a\rY: b\r\n\r\n",
            "a bare carriage return before it": b"\r" + head + b"\r\n",
            "a bare carriage return between empty lines": b"\r\n\r\r\n" + head + b"\r\n",
            "a carriage return in the target": b"GET /-/live\r HTTP/1.1\r\n\r\n",
            "a zero byte in a value": head + b"X: a\0b\r\n\r\n",
            "a zero byte in a name": head + b"X\0: a\r\n\r\n",
            "a zero byte in the target": b"GET /-/live\0 HTTP/1.1\r\n\r\n",
            "an empty name": head + b": a\r\n\r\n",
            "a name with a blank": head + b"X Y: a\r\n\r\n",
            "no name": head + b"nothing\r\n\r\n",
            "an authority": b"GET example.com:80 HTTP/1.1\r\n\r\n",
            "CONNECT": b"CONNECT example.com:80 HTTP/1.1\r\n\r\n",
            "another method": b"POST /-/live HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "another version": b"GET /-/live HTTP/2.0\r\n\r\n",
            "RTSP": b"GET /-/live RTSP/1.0\r\n\r\n",
            "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "no version": b"GET /-/live\r\n\r\n",
            "a PROXY header": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        }.items():
            with self.subTest(name):
                statuses = self.answers(request + LIVE * 3)
                self.assertEqual(len(statuses), 1, statuses)
                self.assertIn(statuses[0], (400, 405, 413, 505))
        # And none of it has done anything to those who behave.
        self.assertEqual(self.answers(LIVE * 3), [200] * 3)
        self.assertEqual(self.answers(b"\r\n" + LIVE), [200])
        self.assertEqual(self.answers(b"GET http://other.example/x" + TARGET.encode() + b" HTTP/1.1\r\n\r\n"), [200])

    def test_nothing_that_is_sent_becomes_a_line_or_a_header(self):
        evil = ("%0d%0aX-Evil:%201", "%0aX-Evil:%201", "%0d%0a%0d%0aX-Evil", "%E5%98%8AX-Evil:1", "%00X-Evil", "%u000aX-Evil",
                "%c0%8aX-Evil", "%e0%80%8aX-Evil")
        for text in evil:
            for target in ("/mirrorlist?path=%s", "/mirrorlist?path=pub/d/%s&redirect", "/mirrorlist?repo=%s&arch=a",
                           "/mirrorlist?repo=r&arch=%s", "/mirrorlist?path=pub/d&country=%s", "/mirrorlist?path=pub/d&protocol=%s",
                           "/metalink?path=pub/d/%s", "/metalink?repo=%s&arch=a", "/mirrorlist?repo=r&arch=a&ip=%s",
                           "/%s/mirrorlist?path=pub/d"):
                with Client(self.edge.address) as client:
                    answer = client.ask(target % text)
                self.assertNotIn("x-evil", {name.lower() for name in answer.headers})
                self.assertNotIn(b"\r", answer.body)
                for line in answer.body.split(b"\n"):
                    self.assertFalse(line.startswith((b"X-Evil", b"http://evil")), (target % text, line))


class FloodTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one", mirrors=100)

    def test_every_limit_has_its_counter(self):
        edge = self.start("--max-header-bytes", "4096", "--max-target-bytes", "1000", "--max-headers", "10")
        for request, status, reason in ((b"GET /" + b"a" * 1000 + b" HTTP/1.1\r\n\r\n", 414, "target_too_long"),
                                        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 11 + b"\r\n", 431, "too_many_headers"),
                                        (b"GET / HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 431, "head_too_large"),
                                        (b"PUT / HTTP/1.1\r\n\r\n", 405, "method"),
                                        (b"GET / HTTP/3.0\r\n\r\n", 505, "version"),
                                        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", 413, "body"),
                                        (b"\0", 400, "malformed")):
            with Client(edge.address) as client:
                client.send(request)
                self.assertEqual(client.read().status, status)
            self.assertEqual(edge.counter("refused_requests")[reason], 1, reason)

    def test_requests_on_a_connection(self):
        edge = self.start("--max-requests", "5")
        with Client(edge.address) as client:
            client.send(LIVE * 9)
            answers = [client.read() for _ in range(5)]
            self.assertEqual([answer.headers.get("connection") for answer in answers], [None] * 4 + ["close"])
            self.assertTrue(client.ended())
        self.assertEqual(edge.counter("request_limits"), 1)
        edge.stop()
        edge = self.start("--max-requests", "0")
        with Client(edge.address) as client:
            for _ in range(20):
                self.assertNotIn("connection", client.ask("/-/live").headers)

    def test_ten_thousand_that_send_nothing(self):
        edge = self.start("--max-connections", "10000", "--workers", "1")
        limit = min(10000, edge.status()["connections_per_worker"])
        before = anonymous_kilobytes(edge)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < limit + 300:
            self.skipTest("this machine lets a process open %d files only" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        silent = []
        try:
            for _ in range(limit + 200):
                silent.append(socket.create_connection(edge.address))
            self.assertEqual(edge.get(TARGET).status, 200)
            self.assertGreaterEqual(edge.counter("idle_evicted"), 200)
            if not SANITIZED:
                self.assertLess(anonymous_kilobytes(edge) - before, 40 * 1024)
        finally:
            for connection in silent:
                connection.close()

    def test_slow_heads(self):
        edge = self.start("--header-timeout", "60", "--workers", "1", "--max-connections", "400")
        # More of them than there are read buffers: those that began first go.
        slow = [Client(edge.address) for _ in range(200)]
        try:
            for client in slow:
                client.send(b"GET / HTTP/1.1\r\nX: y")
            wait_until(lambda: edge.counter("readers_evicted") == 100, "the read buffers to be used up")
            self.assertEqual(edge.get(TARGET).status, 200)
        finally:
            for client in slow:
                client.socket.close()

    def test_room_for_who_waits(self):
        """An idle connection goes as soon as somebody waits, not when its time is over."""
        edge = self.start("--workers", "1", "--max-connections", "2")
        with Client(edge.address) as one, Client(edge.address) as two:
            for client in (one, two):
                client.send(LIVE + b"GET /-/live HTTP/1.1\r\n")
                self.assertEqual(client.read().status, 200)
            third = Client(edge.address)
            self.addCleanup(third.socket.close)
            third.send(LIVE)
            wait_until(lambda: edge.counter("accept_pauses") > 0, "the third one to wait")
            one.send(b"\r\n")
            self.assertEqual([client.read().status for client in (one, third)], [200, 200])
            self.assertTrue(one.ended())
            two.send(b"\r\n")
            self.assertEqual(two.read().status, 200)

    def test_who_has_asked_is_not_evicted(self):
        edge = self.start("--workers", "1", "--max-connections", "10")
        kept = [Client(edge.address) for _ in range(9)]
        new = []
        try:
            for client in kept:
                self.assertEqual(client.ask(TARGET).status, 200)
            # All at once, so that connections wait to be accepted while requests wait to be read.
            edge.signal(signal.SIGSTOP)
            for client in kept[:8]:
                client.send(REQUEST)
            for _ in range(5):
                new.append(Client(edge.address))
                new[-1].send(REQUEST)
            edge.signal(signal.SIGCONT)
            for client in kept[:8] + new:
                self.assertEqual(client.read().status, 200)
        finally:
            edge.signal(signal.SIGCONT)
            for client in kept + new:
                client.socket.close()

    def test_who_does_not_read_makes_room_for_newcomers(self):
        """Fewer connections than unfinished answers have room: it is the connections that run out."""
        self.snapshots.compile("two", mirrors=2000)
        edge = self.start("--workers", "1", "--max-connections", "20", "--send-buffer", "4096")
        for i in range(40):
            client = Client(edge.address, receive_buffer=4096)
            self.addCleanup(client.socket.close)
            client.send(REQUEST)
            wait_until(lambda: edge.counter("answers_unfinished") > i, "an answer that is not taken")
        self.assertEqual(edge.get(TARGET).status, 200)
        self.assertGreaterEqual(edge.counter("writers_evicted"), 20)

    def test_who_was_refused_makes_room_for_newcomers(self):
        edge = self.start("--workers", "1", "--max-connections", "20")
        for _ in range(40):
            client = Client(edge.address)
            self.addCleanup(client.socket.close)
            client.send(b"bad\r\n\r\n")
            self.assertEqual(client.read().status, 400)
        self.assertEqual(edge.get(TARGET).status, 200)
        self.assertGreaterEqual(edge.counter("lingers_cut"), 20)

    def test_who_does_not_read_makes_room_for_readers(self):
        """The read buffers of clients that send on behind an answer that they do not take."""
        self.snapshots.compile("two", mirrors=2000)
        edge = self.start("--workers", "1", "--max-connections", "64", "--send-buffer", "4096")
        greedy = [Client(edge.address, receive_buffer=4096) for _ in range(16)]
        try:
            for client in greedy:
                client.send(REQUEST * 20)
            wait_until(lambda: edge.counter("answers_unfinished") == 16, "all to be slow")
            with Client(edge.address) as client:
                client.send(REQUEST[:20])
                wait_until(lambda: edge.counter("readers_evicted") == 1, "room to be made")
                client.send(REQUEST[20:])
                self.assertEqual(client.read().status, 200)
        finally:
            for client in greedy:
                client.socket.close()

    def test_requests_that_fill_the_buffer_have_their_turns(self):
        """libuv reads on as long as its buffer was filled: that makes no turn of the loop longer."""
        self.snapshots.compile("two", mirrors=300)
        edge = self.start("--workers", "1")
        wide = REQUEST[:-2] + b"X: " + b"y" * (4096 - len(REQUEST) - len("X: \r\n")) + b"\r\n\r\n"
        self.assertEqual(len(wide), 4096)
        with Client(edge.address, receive_buffer=4 << 20) as flood:
            flood.ask(TARGET)
            turns = self.turns(edge)
            edge.signal(signal.SIGSTOP)
            flood.socket.setblocking(False)
            sent = 0
            try:
                while sent < 200 * len(wide):
                    sent += flood.socket.send(wide * 4)
            except BlockingIOError:
                pass
            edge.signal(signal.SIGCONT)
            flood.socket.settimeout(DEADLINE)
            for _ in range(sent // len(wide)):
                self.assertEqual(flood.read().status, 200)
            # Four as it reads, four more as it has waited; the last turn may not have ended yet.
            self.assertGreaterEqual(self.turns(edge) - turns + 1, sent // len(wide) // 8)

    def turns(self, edge):
        text = edge.ask_admin("/-/metrics")[1].decode()
        return int(re.search(r"^mirror_edge_loop_turn_duration_seconds_count (\d+)$", text, re.MULTILINE).group(1))

    def test_a_byte_now_and_then_does_not_help(self):
        """The time is that of the whole head."""
        edge = self.start("--header-timeout", "2")
        with Client(edge.address) as client:
            client.send(b"GET / HTTP/1.1\r\nX: ")

            def drip():
                try:
                    client.send(b"y")
                except OSError:
                    return True
                return edge.counter("header_timeouts") == 1
            # Each byte comes long before the two seconds are over. The head would be too large after minutes.
            wait_until(drip, "the connection to be closed", deadline=10)
        self.assertEqual(edge.counter("header_timeouts"), 1)

    def test_slow_readers_must_take_their_share(self):
        self.snapshots.compile("two", mirrors=20000)
        edge = self.start("--workers", "1", "--send-buffer", "4096", "--write-timeout", "1", "--write-rate", "10000")
        with Client(edge.address, receive_buffer=4096) as stuck, Client(edge.address, receive_buffer=4096) as steady:
            for client in (stuck, steady):
                client.send(REQUEST)
            wait_until(lambda: edge.counter("answers_unfinished") == 2, "both to be slow")
            # One takes more than 10 000 bytes a second and gets everything, however long it takes.
            taken = 0
            end = time.monotonic() + 3
            while time.monotonic() < end:
                taken += len(steady.socket.recv(2048))
                time.sleep(0.02)
            self.assertEqual(edge.counter("write_timeouts"), 1)
            self.assertEqual(edge.counter("connections"), 1)
            size = len(edge.get(TARGET).body)
            while taken < size:
                data = steady.socket.recv(65536)
                self.assertTrue(data)
                taken += len(data)
            self.assertGreater(size, 20000 * 20)

    def test_a_flood_of_pipelined_requests(self):
        edge = self.start("--workers", "1")
        before = anonymous_kilobytes(edge)
        flood = [Client(edge.address, receive_buffer=4096) for _ in range(20)]
        try:
            for client in flood:
                client.socket.setblocking(False)
                try:
                    while True:
                        client.socket.send(REQUEST * 100)
                except BlockingIOError:
                    pass
            self.assertEqual(edge.get(TARGET).status, 200)
            # Nobody is answered further than it reads: the others of its requests wait.
            self.assertLessEqual(edge.counter("answers_unfinished"), len(flood))
            if not SANITIZED:
                self.assertLess(anonymous_kilobytes(edge) - before, 34 * 1024)
        finally:
            for client in flood:
                client.socket.close()

    def test_half_open(self):
        """Clients that vanish without a word: what they had is free once their time is over."""
        edge = self.start("--idle-timeout", "1", "--header-timeout", "1", "--write-timeout", "1", "--workers", "1",
                          "--send-buffer", "4096")
        vanished = [Client(edge.address, receive_buffer=4096) for _ in range(30)]
        try:
            for i, client in enumerate(vanished):
                client.send((b"", b"GET / HTTP/1.1\r\n", REQUEST * 50)[i % 3])
            wait_until(lambda: edge.counter("accepted") == 30, "all to be accepted")
            wait_until(lambda: edge.counter("connections") == 0, "all to be closed")
            counters = edge.status()["counters"]
            self.assertGreaterEqual(counters["idle_timeouts"], 10)
            self.assertEqual((counters["header_timeouts"], counters["write_timeouts"]), (10, 10))
            self.assertEqual(counters["pending_bytes"], 0)
        finally:
            for client in vanished:
                client.socket.close()

    def test_sending_on_after_a_refusal(self):
        edge = self.start("--workers", "1")
        with Client(edge.address) as client:
            client.send(b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
            self.assertEqual(client.read().status, 413)
            with self.assertRaises(OSError):
                for _ in range(1000):
                    client.send(b"x" * 65536)
        wait_until(lambda: edge.counter("lingers_cut") == 1, "the connection to be cut")

    def test_drain_cuts_what_does_not_end(self):
        edge = self.start("--drain-timeout", "1", "--header-timeout", "60")
        with Client(edge.address) as late:
            late.send(b"GET / HTTP/1.1\r\n")
            wait_until(lambda: edge.counter("connections") == 1, "the connection")
            self.assertEqual(edge.stop(), 0)
        self.assertIn("ended; 1 connections were cut off", edge.complaints())


if __name__ == "__main__":
    unittest.main(verbosity=2)
