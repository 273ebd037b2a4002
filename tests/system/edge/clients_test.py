#!/usr/bin/env python3
"""The clients that an edge exists for, each as Debian has it: dnf, curl, wget and aria2c, alone and behind HAProxy."""
import functools
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
import unittest
import xml.etree.ElementTree

from harness import BIN, DEADLINE, Client, EdgeTest, wait_until

MIRRORS = """
products = ["Test"]
architectures = ["x86_64"]
[[category]]
name = "Test"
product = "Test"
top_directory = "pub/test"
[[site]]
name = "Site"
[[site.host]]
name = "mirror"
country = "DE"
[[site.host.category]]
name = "Test"
always_up_to_date = true
urls = ["http://127.0.0.1:{port}/pub/test"]
"""
RULES = """
[[category]]
name = "Test"
source = "directory"
path = "{master}"
[[repository]]
path = '^releases/'
prefix = "test"
"""
HAPROXY = """
global
  maxconn 2000
  stats socket {folder}/status.sock mode 600
defaults
  timeout connect 2s
  timeout client 10s
  timeout server 10s
  timeout http-request 10s
frontend web
  mode http
  bind unix@{folder}/web.sock
  option forwardfor
  default_backend edges
backend edges
  mode http
  balance roundrobin
  option httpchk
  http-check send meth GET uri /-/ready ver HTTP/1.1 hdr Host edge
  http-check expect status 200
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response response-timeout
  default-server check inter 100ms fall 2 rise 1
  server edge1 unix@{folder}/one.sock
  server edge2 unix@{folder}/two.sock
frontend bytes
  mode tcp
  bind 127.0.0.1:{port}
  default_backend proxied
backend proxied
  mode tcp
  server edge3 127.0.0.1:{proxied} send-proxy-v2 check-send-proxy check inter 100ms
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class ClientsTest(EdgeTest):
    """A repository, a mirror that serves it, and a snapshot that knows both."""

    def setUp(self):
        super().setUp()
        self.master = os.path.join(self.folder, "www/pub/test")
        self.repository = os.path.join(self.master, "releases/1/x86_64/os")
        os.makedirs(self.repository)
        self.run_program("createrepo_c", "--quiet", "--no-database", self.repository)
        with open(os.path.join(self.repository, "repodata/repomd.xml"), "rb") as file:
            self.repomd = file.read()
        self.mirror = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=os.path.join(self.folder, "www")))
        threading.Thread(target=self.mirror.serve_forever, daemon=True).start()
        self.addCleanup(self.mirror.server_close)
        self.addCleanup(self.mirror.shutdown)
        self.fill_database()

    def run_program(self, *command, **how):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=4 * DEADLINE, check=False, **how)
        self.assertEqual(done.returncode, 0, (command, done.stdout.decode(errors="replace")[-2000:]))
        return done.stdout

    def fill_database(self):
        database = "sqlite:" + os.path.join(self.folder, "test.db")
        for name, text in (("mirrors.toml", MIRRORS.format(port=self.mirror.server_port)),
                           ("rules.toml", RULES.format(master=self.master))):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
                out.write(text)
        self.run_program(os.path.join(BIN, "mirrorctl"), "database", "init", "--database", database)
        self.run_program(os.path.join(BIN, "mirrorctl"), "mirrors", "apply", os.path.join(self.folder, "mirrors.toml"),
                         "--database", database)
        self.run_program(os.path.join(BIN, "mirror-scan"), "--database", database, "--rules",
                         os.path.join(self.folder, "rules.toml"), "--quiet")
        self.run_program(os.path.join(BIN, "mirror-compile"), "--database", database, "--snapshots", self.snapshots.path,
                         "--quiet")

    def url(self, edge, target):
        return "http://%s:%d%s" % (*edge.address, target)

    def file_of_mirror(self, path):
        return "http://127.0.0.1:%d/pub/test/%s" % (self.mirror.server_port, path)

    # ---------------------------------------------------------------- each alone

    def test_curl(self):
        edge = self.start()
        question = self.url(edge, "/mirrorlist?repo=test-1&arch=x86_64")
        expected = self.file_of_mirror("releases/1/x86_64/os/").encode()
        for options in ([], ["--http1.0"], ["--http1.0", "-H", "Connection: keep-alive"], ["--no-keepalive"],
                        ["--http2"], ["-H", "Expect: 100-continue"], ["--compressed"], ["-H", "Range: bytes=0-3"]):
            body = self.run_program("curl", "--silent", "--show-error", "--fail", *options, question)
            self.assertEqual(body.splitlines()[1:], [expected], options)
        # Several on one connection.
        body = self.run_program("curl", "--silent", "--show-error", "--fail", "--write-out", "%{num_connects}\n", question,
                                question, question)
        self.assertEqual([line for line in body.splitlines() if line.isdigit()], [b"1", b"0", b"0"])
        head = self.run_program("curl", "--silent", "--head", question)
        self.assertIn(b"HTTP/1.1 200 OK\r\n", head)
        # A redirect to the file itself.
        path = "/mirrorlist?path=pub/test/releases/1/x86_64/os/repodata/repomd.xml&redirect=1"
        self.assertEqual(self.run_program("curl", "--silent", "--fail", "--location", self.url(edge, path)), self.repomd)

    def test_wget(self):
        edge = self.start()
        body = self.run_program("wget", "--quiet", "--output-document=-", self.url(edge, "/mirrorlist?repo=test-1&arch=x86_64"))
        self.assertIn(self.file_of_mirror("releases/1/x86_64/os/").encode(), body)
        path = "/mirrorlist?path=pub/test/releases/1/x86_64/os/repodata/repomd.xml&redirect"
        self.assertEqual(self.run_program("wget", "--quiet", "--output-document=-", self.url(edge, path)), self.repomd)

    def test_aria2c(self):
        edge = self.start()
        question = self.url(edge, "/metalink?path=pub/test/releases/1/x86_64/os/repodata/repomd.xml")
        out = os.path.join(self.folder, "out")
        self.run_program("aria2c", "--dir", out, "--allow-overwrite=true", "--no-conf=true", "--follow-metalink=mem", question)
        with open(os.path.join(out, "repomd.xml"), "rb") as file:
            self.assertEqual(file.read(), self.repomd)
        # The checksums count: a mirror with something else of the same size is not believed.
        shutil.rmtree(out)
        with open(os.path.join(self.repository, "repodata/repomd.xml"), "wb") as file:
            file.write(self.repomd[:-3] + b" \n\n")
        done = subprocess.run(["aria2c", "--dir", out, "--no-conf=true", "--follow-metalink=mem", question],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=4 * DEADLINE, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"hecksum error", done.stdout)

    def dnf(self, kind, question, *command):
        """A dnf that reads and writes below the test's folder only."""
        root = os.path.join(self.folder, "dnf-" + kind)
        os.makedirs(root, exist_ok=True)
        config = os.path.join(root, "dnf.conf")
        with open(config, "w", encoding="utf-8") as out:
            out.write("[main]\nreposdir=%s/repos\ncachedir=%s/cache\nlogdir=%s/log\npersistdir=%s/persist\npluginpath=%s\n"
                      "varsdir=%s\nretries=1\nfastestmirror=0\n[test]\nname=test\n%s=%s\ngpgcheck=0\n"
                      % (root, root, root, root, root, root, kind, question))
        return self.run_program("dnf", "--assumeyes", "--config", config, "--installroot", root + "/root", "--releasever",
                                "1", "--setopt=logdir=" + root, *command, env={**os.environ, "HOME": root}), root

    def test_dnf(self):
        edge = self.start()
        for kind in ("metalink", "mirrorlist"):
            question = self.url(edge, "/%s?repo=test-$releasever&arch=x86_64" % kind)
            output, root = self.dnf(kind, question, "makecache")
            self.assertIn(b"Metadata cache created", output)
            found = [os.path.join(folder, "repomd.xml") for folder, _, files in os.walk(root) if "repomd.xml" in files]
            self.assertEqual(len(found), 1)
            with open(found[0], "rb") as file:
                self.assertEqual(file.read(), self.repomd)

    def test_a_metalink_is_xml_with_the_right_checksum(self):
        edge = self.start()
        root = xml.etree.ElementTree.fromstring(edge.get("/metalink?repo=test-1&arch=x86_64").body)
        space = {"m": "http://www.metalinker.org/"}
        hashes = {element.get("type"): element.text for element in root.iterfind("m:files/m:file/m:verification/m:hash", space)}
        for name in ("md5", "sha1", "sha256", "sha512"):
            self.assertEqual(hashes[name], hashlib.new(name, self.repomd).hexdigest())

    # ---------------------------------------------------------------- behind HAProxy

    def start_haproxy(self, proxied_port):
        with socket.socket() as probe:  # any free port
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = os.path.join(self.folder, "haproxy.cfg")
        with open(config, "w", encoding="utf-8") as out:
            out.write(HAPROXY.format(folder=self.folder, port=port, proxied=proxied_port))
        with open(os.path.join(self.folder, "haproxy.log"), "wb") as log:
            process = subprocess.Popen(["haproxy", "-db", "-f", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return ("127.0.0.1", port)

    def states(self):
        """What HAProxy thinks of each server; nothing before it listens."""
        try:
            return self.read_states()
        except (ConnectionRefusedError, FileNotFoundError):
            return {}

    def read_states(self):
        with Client(os.path.join(self.folder, "status.sock")) as client:
            client.send(b"show stat\n")
            text = b""
            while data := client.socket.recv(65536):
                text += data
        lines = [line.split(",") for line in text.decode().splitlines() if line]
        state = lines[0].index("status")
        return {line[1]: line[state].split()[0] for line in lines[1:] if line[1].startswith("edge")}

    def wait_for(self, **wanted):
        try:
            wait_until(lambda: wanted.items() <= self.states().items(), "HAProxy to see %r" % wanted)
        except AssertionError as error:
            with open(os.path.join(self.folder, "haproxy.log"), encoding="utf-8") as text:
                raise AssertionError("%s; it says %r, and %r" % (error, self.states(), text.read()[-2000:])) from error

    def ask_haproxy(self, count):
        generations = set()
        for _ in range(count):
            with Client(os.path.join(self.folder, "web.sock")) as client:
                answer = client.ask("/mirrorlist?repo=test-1&arch=x86_64")
                self.assertEqual(answer.status, 200)
                generations.add(answer.generation)
        return generations

    def test_haproxy(self):
        log = os.path.join(self.folder, "access.log")
        one = self.start("--listen", "unix:%s/one.sock" % self.folder, "--admin", "unix:%s/a1" % self.folder, name="1")
        two = self.start("--listen", "unix:%s/two.sock" % self.folder, "--admin", "unix:%s/a2" % self.folder, name="2")
        three = self.start("--listen", "127.0.0.2:0", "--listen-proxy", "127.0.0.1:0", "--log", log, "--admin",
                           "unix:%s/a3" % self.folder, name="3")
        bytes_address = self.start_haproxy(three.address[1])
        self.wait_for(edge1="UP", edge2="UP", edge3="UP")
        self.ask_haproxy(20)
        # One goes in order, in the middle of requests.
        one.signal(15)
        self.ask_haproxy(50)
        self.assertEqual(one.process.wait(DEADLINE), 0)
        self.wait_for(edge1="DOWN", edge2="UP")
        # It comes back, and the other one dies.
        one = self.start("--listen", "unix:%s/one.sock" % self.folder, "--admin", "unix:%s/a1" % self.folder, name="1b")
        self.wait_for(edge1="UP", edge2="UP")
        two.process.kill()
        two.process.wait()
        self.ask_haproxy(50)
        self.wait_for(edge1="UP", edge2="DOWN")
        # By the PROXY protocol the edge knows who asks.
        with Client(bytes_address) as client:
            self.assertEqual(client.ask("/mirrorlist?repo=test-1&arch=x86_64").status, 200)
            self.assertEqual(client.ask("/mirrorlist?repo=test-1&arch=x86_64", "X-Forwarded-For: 192.0.2.9\r\n").status, 200)
        self.assertGreaterEqual(three.counter("proxy_headers"), 1)
        self.assertEqual(three.stop(), 0)
        with open(log, encoding="utf-8") as text:
            self.assertEqual([line.split()[1] for line in text], ["127.0.0.1;", "192.0.2.9;"])

    def test_dnf_through_haproxy(self):
        for name in ("one", "two"):
            self.start("--listen", "unix:%s/%s.sock" % (self.folder, name), "--admin", "unix:%s/a-%s" % (self.folder, name),
                       name=name)
        three = self.start("--listen-proxy", "127.0.0.1:0", "--admin", "unix:%s/a3" % self.folder, name="3")
        address = self.start_haproxy(three.address[1])
        self.wait_for(edge3="UP")
        output, _ = self.dnf("metalink", "http://%s:%d/metalink?repo=test-1&arch=x86_64" % address, "makecache")
        self.assertIn(b"Metadata cache created", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
