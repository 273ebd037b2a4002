#!/usr/bin/env python3
"""The load generator against servers that do wrong: each kind of failure is noticed, named and ends with exit code 1,
and a server that stalls cannot hide the requests that waited. Binaries come from MIRROR_BIN."""
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

GENERATOR = os.path.join(os.environ["MIRROR_BIN"], "load_generator")
RATE, REQUESTS = 200, 40


def answer(body=b"hello", status="200 OK", generation=7, length=None):
    return (b"HTTP/1.1 %s\r\nContent-Length: %d\r\nx-mirrorlist-generation: %d\r\n\r\n"
            % (status.encode(), len(body) if length is None else length, generation)) + body


class Server:
    """Calls handle(connection, request, number) for each request; true: close, as also happens when asked to."""

    def __init__(self, handle, unix_path=None):
        self.handle, self.number, self.lock = handle, 0, threading.Lock()
        self.listener = socket.socket(socket.AF_INET if unix_path is None else socket.AF_UNIX)
        self.listener.bind(("127.0.0.1", 0) if unix_path is None else unix_path)
        self.listener.listen(100)
        self.target = ["--unix", unix_path] if unix_path else ["--port", str(self.listener.getsockname()[1])]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            request = b""
            try:
                while data := connection.recv(65536):
                    request += data
                    if not request.endswith(b"\r\n\r\n"):
                        continue
                    with self.lock:
                        self.number += 1
                        number = self.number
                    if self.handle(connection, request, number):
                        return
                    request = b""
            except ConnectionError:
                pass  # the generator has given this connection up


def good(connection, request, number):
    del number
    connection.sendall(answer())
    return b"Connection: close" in request


class GeneratorTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mirror-generator-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def load(self, handle, *options, targets="/a\n/b\t192.0.2.1\n/c\t192.0.2.2\t200\n", unix_path=None):
        """(exit code, {key: number}, stderr)"""
        path = os.path.join(self.folder, "targets")
        with open(path, "w", encoding="ascii") as file:
            file.write(targets)
        server = Server(handle, unix_path)
        done = subprocess.run([GENERATOR, *server.target, "--targets", path, "--rate", str(RATE),
                               "--requests", str(REQUESTS), "--connections", "4", "--patience", "1", *options],
                              capture_output=True, text=True, check=False, timeout=60)
        server.listener.close()
        values = {key: float(value) for key, value in re.findall(r"(\w+)=([0-9.]+)", done.stdout)}
        return done.returncode, values, done.stderr

    def fails(self, kind, handle, *options, **more):
        code, values, complaint = self.load(handle, *options, **more)
        self.assertEqual(code, 1)
        self.assertGreater(values.get("failed_" + kind, 0), 0, values)
        self.assertIn(kind, complaint)
        return values

    def test_good(self):
        for options in ([], ["--one-shot", "100"], ["--one-shot", "30", "--sleep"], ["--warm-up", "1"],
                        ["--generations", "--generation-lowest", "7", "--generation-highest", "7"]):
            code, values, complaint = self.load(good, *options)
            self.assertEqual((code, complaint), (0, ""))
            self.assertEqual((values["answers"], values["failed"]), (REQUESTS, 0), options)
            self.assertGreater(values["p50_us"], 0)

    def test_unix_socket(self):
        code, values, _ = self.load(good, "--one-shot", "50", unix_path=os.path.join(self.folder, "socket"))
        self.assertEqual((code, values["answers"]), (0, REQUESTS))
        self.assertGreater(values["one_shots"], 0)

    def test_cpu_time(self):
        _, values, _ = self.load(good, "--pid", str(os.getpid()))
        self.assertGreater(values["cpu_us_per_answer"], 0)

    def test_what_a_disturber_did_not_disturb(self):
        # A machine that is busy may keep a busy loop waiting for a while, or a sleeper from sleeping at once.
        for program, quiet in (("exec sleep 60", range(90, 101)), ("while :; do :; done", range(50))):
            with subprocess.Popen(["sh", "-c", f"echo; {program}"], stdout=subprocess.PIPE) as disturber:
                try:
                    disturber.stdout.readline()
                    _, values, _ = self.load(good, "--disturber", str(disturber.pid), "--warm-up", "1")
                finally:
                    disturber.kill()
            self.assertIn(values["quiet_percent"], quiet, program)
            self.assertEqual("p99_quiet_us" in values, values["quiet_percent"] > 0)

    def test_a_disturber_that_ends_disturbs_no_more(self):
        with subprocess.Popen(["sleep", "60"]) as disturber:
            def end_it(connection, request, number):
                if number == 20:
                    disturber.kill()
                    disturber.wait()
                return good(connection, request, number)

            code, values, _ = self.load(end_it, "--disturber", str(disturber.pid), "--requests", "200")
        self.assertEqual(code, 0)
        self.assertGreater(values["quiet_percent"], 50)

    def test_a_stall_is_seen_by_all_that_waited(self):
        pause = threading.Lock()

        def stall(connection, request, number):
            with pause:
                if number == 20:
                    time.sleep(0.5)
            return good(connection, request, number)

        _, values, _ = self.load(stall, "--requests", "100", "--rate", "100")
        self.assertGreater(values["max_us"], 450_000)
        # Half of the requests were due meanwhile, though only four could be sent.
        self.assertGreater(values["p90_us"], 300_000)

    def test_status(self):
        self.fails("status", lambda c, *_: c.sendall(answer(status="503 Service Unavailable")))
        self.fails("status", lambda c, *_: c.sendall(answer(status="404 Not Found")), targets="/\t192.0.2.1\t200\n")

    def test_malformed(self):
        for text in (b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n:\r\nx\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx"):
            self.fails("malformed", lambda c, r, n, text=text: c.sendall(text))

    def test_body_of_a_wrong_size(self):
        self.fails("excess", lambda c, *_: c.sendall(answer(length=3)))
        self.fails("closed", lambda c, *_: c.sendall(answer(length=9)) or True)

    def test_closed(self):
        def close_now_and_then(connection, request, number):
            return good(connection, request, number) or number % 8 == 0

        self.fails("closed", close_now_and_then)
        code, values, _ = self.load(close_now_and_then, "--reconnect")
        self.assertEqual((code, values["answers"]), (0, REQUESTS))
        self.assertGreater(values["reconnects"] + values["retries"], 3)
        self.fails("closed", lambda *_: True, "--reconnect")

    def test_generations(self):
        def falling(connection, _, number):
            connection.sendall(answer(generation=1000 - number))

        self.fails("generation", falling, "--generations")
        self.assertEqual(self.load(falling)[0], 0)
        for limits in (["--generation-lowest", "8"], ["--generation-highest", "6"]):
            self.fails("generation", good, "--generations", *limits)
        self.fails("generation", lambda c, *_: c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), "--generations")

    def test_not_closed(self):
        self.fails("not_closed", lambda c, *_: c.sendall(answer()), "--one-shot", "30")

    def test_unanswered(self):
        values = self.fails("unanswered", lambda c, r, n: good(c, r, n) if n < 20 else None)
        self.assertEqual(values["answers"] + values["failed"], REQUESTS)

    def test_no_load_at_all(self):
        targets = os.path.join(self.folder, "targets")
        with open(targets, "w", encoding="ascii") as file:
            file.write("/\n")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = str(taken.getsockname()[1])
            for options, code in ((["--port", port], 1), ([], 2), (["--port", port, "--unix", "x"], 2)):
                done = subprocess.run([GENERATOR, "--targets", targets, *options], capture_output=True, check=False)
                self.assertEqual(done.returncode, code)
                self.assertNotEqual(done.stderr, b"")


if __name__ == "__main__":
    unittest.main()
