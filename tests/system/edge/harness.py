"""What the system tests of the edge share: small worlds, a running edge, a client that sends any bytes.

Binaries come from MIRROR_BIN, the tree from MIRROR_SOURCE. Everything a test makes lies in a folder of its own.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = os.environ.get("MIRROR_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../../..")))
BIN = os.environ.get("MIRROR_BIN", os.path.join(SOURCE, "build/release/bin"))
DEADLINE = float(os.environ.get("MIRROR_TEST_DEADLINE", "30"))


# A build whose memory tells nothing.
SANITIZED = os.environ.get("MIRROR_SANITIZE", "") != ""


def anonymous_kilobytes(edge):
    """The memory of its process that is no file's."""
    with open("/proc/%d/status" % edge.process.pid, encoding="ascii") as text:
        return int(next(line for line in text if line.startswith("RssAnon")).split()[1])


def wait_until(condition, what, deadline=DEADLINE):
    """Calls condition() until it returns something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("waited %.0f s in vain for: %s" % (deadline, what))
        time.sleep(0.01)


# ------------------------------------------------------------------ a protobuf cache, as small as a test wants it

def varint(value):
    out = b""
    while True:
        byte, value = value & 127, value >> 7
        if not value:
            return out + bytes([byte])
        out += bytes([byte | 128])


def number(field, value):
    return varint(field << 3) + varint(value)


def piece(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def make_cache(mark, mirrors=1, created_at=1700000000, first=1):
    """A world of one directory pub/d and one repository r+a; every URL holds the mark, hosts count from `first`."""
    hosts = range(first, first + mirrors)
    world = number(1, created_at)
    for host in hosts:
        world += piece(4, number(1, 1000 + host) + piece(2, "http://%s.example/%d" % (mark, host)))
        world += piece(12, number(1, host) + piece(2, "SE"))
        world += piece(13, number(1, host) + number(2, 100))
    world += piece(9, piece(1, "r+a") + piece(2, "pub/d"))
    entry = piece(1, "pub/d") + b"".join(number(2, host) for host in hosts) + piece(3, "d")
    entry += piece(4, piece(1, "SE") + b"".join(number(2, host) for host in hosts))
    entry += b"".join(piece(6, number(1, host) + number(2, 1000 + host)) for host in hosts)
    return world + piece(16, entry)


class Current:
    """The line in CURRENT."""

    def __init__(self, line):
        self.name, self.size, self.digest, self.created_at = line.split()
        self.sequence = int(self.name.split("-")[0])

    def line(self, size=None):
        return "%s %s %s %s\n" % (self.name, self.size if size is None else size, self.digest, self.created_at)


class Snapshots:
    """A directory of snapshots, and the ways in which things may go wrong with it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "snapshots")
        self.cache = os.path.join(folder, "cache.proto")
        os.mkdir(self.path)
        os.chmod(self.path, 0o755)

    def file(self, name):
        return os.path.join(self.path, name)

    def compile(self, mark, **world):
        """Publishes a world as an operator does."""
        with open(self.cache, "wb") as out:
            out.write(make_cache(mark, **world))
        subprocess.run([os.path.join(BIN, "mirror-compile"), "--from-protobuf", self.cache, "--snapshots", self.path,
                        "--force", "a test", "--keep", "1000", "--quiet"], check=True,
                       stdin=subprocess.DEVNULL)
        return self.current()

    def current(self):
        with open(self.file("CURRENT"), encoding="ascii") as text:
            return Current(text.read())

    def point_to(self, line):
        data = line if isinstance(line, bytes) else line.encode()
        with open(self.file("CURRENT.test"), "wb") as out:
            out.write(data)
        os.rename(self.file("CURRENT.test"), self.file("CURRENT"))


# ------------------------------------------------------------------ a running edge

class Edge:
    def __init__(self, folder, snapshots, *options, user=None, before=None, name="", pass_fds=()):
        """`name` tells edges of one folder apart; they share the admin socket, so that one takes it over."""
        self.folder = folder
        self.admin = "unix:" + os.path.join(folder, "admin.sock")
        self.errors = os.path.join(folder, "stderr" + name)
        self.output = os.path.join(folder, "stdout" + name)
        command = [os.path.join(BIN, "mirror-edge"), "--snapshots", snapshots.path, "--port", "0", "--workers", "2",
                   "--minimum", "1", *([] if "--admin" in options else ["--admin", self.admin]), *options]
        if "--admin" in options:
            self.admin = options[options.index("--admin") + 1]
        command = os.environ.get("MIRROR_TEST_WRAPPER", "").split() + command
        with open(self.errors, "wb") as errors, open(self.output, "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                            user=user, group=user, extra_groups=None if user is None else [],
                                            preexec_fn=before, pass_fds=pass_fds)
        try:
            listening = wait_until(lambda: self.ended() or re.search(r"(Listening on .*\n)+Admin on ", self.said()),
                                   "the edge to listen")
            if listening is True:
                raise AssertionError("the edge ended: " + self.complaints())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.urls = re.findall(r"Listening on (.*)\n", self.said())
        port = re.search(r"http://(127\.0\.0\.1|\[::\]|\[::1\]|0\.0\.0\.0):(\d+)", " ".join(self.urls))
        self.address = ("127.0.0.1", int(port.group(2))) if port else self.urls[0][5:]

    def said(self):
        with open(self.output, encoding="utf-8") as text:
            return text.read()

    def complaints(self):
        with open(self.errors, encoding="utf-8") as text:
            return text.read()

    def ended(self):
        return self.process.poll() is not None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends it, if it still runs; the exit code."""
        if not self.ended():
            self.process.terminate()
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    def ask_admin(self, path, method="GET"):
        with socket.socket(socket.AF_UNIX) as connection:
            # Connected before it gets its time limit: without blocking, a full backlog would be an error at once.
            connection.connect(self.admin[5:])
            connection.settimeout(DEADLINE)
            connection.sendall(("%s %s HTTP/1.1\r\n\r\n" % (method, path)).encode())
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def status(self):
        return json.loads(self.ask_admin("/-/status")[1])

    def counter(self, name):
        return self.status()["counters"][name]

    def wait(self, sequence, *options):
        return subprocess.run([os.path.join(BIN, "mirrorctl"), "edge", "wait", "--admin", self.admin, "--generation",
                               str(sequence), "--timeout", str(int(DEADLINE)), *options],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)

    def get(self, target):
        with Client(self.address) as client:
            return client.ask(target)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.generation = int(headers.get("x-mirrorlist-generation", "0"))


class Client:
    """One connection. Sends what it is told and reads one answer at a time."""

    def __init__(self, address, receive_buffer=None):
        """`address`: a pair, or the path of a unix socket."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the connection ended with %r" % self.buffer[:80])
        self.buffer += data

    def read(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        size = int(headers["content-length"])
        while len(self.buffer) < size:
            self.fill()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return Answer(int(lines[0].split()[1]), headers, body)

    def ask(self, target, headers=""):
        self.send(("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (target, headers)).encode())
        return self.read()

    def ended(self):
        """Waits for the server to close; True if it did without another byte."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except socket.timeout:
            return False


class EdgeTest(unittest.TestCase):
    """A folder, snapshots in it, and edges that are stopped whatever happens."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mirror-edge-test-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.snapshots = Snapshots(self.folder)

    def start(self, *options, **how):
        edge = Edge(self.folder, self.snapshots, *options, **how)
        self.addCleanup(self.end, edge)
        return edge

    def end(self, edge):
        edge.stop()
        # What a build with sanitizers has to say.
        self.assertNotIn("Sanitizer", edge.complaints())
        self.assertNotIn("this must hold and does not", edge.complaints())

    def run_edge(self, *options):
        """An edge that is expected not to start: (exit code, stderr)."""
        done = subprocess.run([os.path.join(BIN, "mirror-edge"), *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
        return done.returncode, done.stderr.decode()

    def make_geoip(self, path, *places):
        """Needs the Perl module that writes MaxMind databases; the quickstart has it, too."""
        done = subprocess.run([os.path.join(SOURCE, "ops/quickstart.d/make-geoip"), path, *places], check=False,
                              stderr=subprocess.PIPE)
        if done.returncode != 0:
            self.skipTest("no MaxMind::DB::Writer here: " + done.stderr.decode()[:200])


def hang_up(edge):
    edge.signal(signal.SIGHUP)
