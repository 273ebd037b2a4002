#!/usr/bin/env python3
"""Where an edge listens: unix sockets, IPv6, several addresses, sockets that a service manager passes on; and who is
believed there: PROXY headers and X-Forwarded-For."""
import os
import socket
import stat
import struct
import unittest

from harness import DEADLINE, Client, EdgeTest

LOGGED = "/mirrorlist?repo=r&arch=a"
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_v2(address):
    """A header of version 2 for a TCP client, with an extension behind the addresses."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    source = socket.inet_pton(family, address)
    addresses = source + source + struct.pack("!HH", 1234, 80) + b"\x04\x00\x03abc"
    return V2_SIGNATURE + bytes([0x21, 0x21 if family == socket.AF_INET6 else 0x11]) + struct.pack("!H", len(addresses)) + addresses


class SocketTest(EdgeTest):
    def setUp(self):
        super().setUp()
        self.snapshots.compile("one")
        self.log = os.path.join(self.folder, "access.log")

    def logged(self, edge):
        """The addresses in the access log, once the edge has ended."""
        self.assertEqual(edge.stop(), 0)
        with open(self.log, encoding="utf-8") as text:
            return [line.split()[1].rstrip(";") for line in text]

    def test_unix_socket(self):
        path = os.path.join(self.folder, "edge.sock")
        edge = self.start("--listen", "unix:" + path, "--socket-mode", "0620", "--log", self.log)
        self.assertEqual(edge.urls, ["unix:" + path])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o620)
        # Whichever worker wakes first takes a connection of the one socket.
        clients = [Client(path) for _ in range(40)]
        for client in clients:
            self.assertEqual(client.ask("/-/live").status, 200)
        self.assertEqual(edge.counter("connections"), 40)
        # Whoever may open the socket is trusted to say who asks.
        clients[0].ask(LOGGED, "X-Forwarded-For: 192.0.2.9\r\n")
        clients[1].ask(LOGGED)
        for client in clients:
            client.socket.close()
        self.assertEqual(sorted(self.logged(edge)), ["127.0.0.1", "192.0.2.9"])
        self.assertFalse(os.path.exists(path))

    def test_several_addresses(self):
        path = os.path.join(self.folder, "edge.sock")
        edge = self.start("--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--listen", "[::1]:0", "--listen",
                          "unix:" + path)
        self.assertEqual(len(edge.urls), 4)
        for url in edge.urls:
            if url.startswith("unix:"):
                address = url[5:]
            else:
                host, port = url[7:].rsplit(":", 1)
                address = (host.strip("[]"), int(port))
            with Client(address) as client:
                self.assertEqual(client.ask("/-/live").status, 200, url)

    def test_dual_stack(self):
        edge = self.start("--listen", "[::]:0", "--log", self.log)
        for address in ("127.0.0.1", "::1"):
            with Client((address, edge.address[1])) as client:
                self.assertEqual(client.ask(LOGGED).status, 200)
        self.assertEqual(sorted(self.logged(edge)), ["127.0.0.1", "::1"])

    def test_ipv6_beside_ipv4(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        edge = self.start("--listen", "0.0.0.0:%d" % port, "--listen", "[::]:%d" % port)
        self.assertEqual(len(edge.urls), 2)
        for address in ("127.0.0.1", "::1"):
            with Client((address, port)) as client:
                self.assertEqual(client.ask("/-/live").status, 200)

    def test_proxy_headers(self):
        edge = self.start("--listen", "127.0.0.1:0", "--listen-proxy", "127.0.0.2:0", "--log", self.log)
        port = int(next(url for url in edge.urls if "127.0.0.2" in url).rsplit(":", 1)[1])
        expected = []
        for header, address in ((b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "192.0.2.1"),
                                (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7"),
                                (proxy_v2("192.0.2.3"), "192.0.2.3"), (proxy_v2("2001:db8::4"), "2001:db8::4"),
                                (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                                (V2_SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1")):
            for pieces in ([header], [header[:5], header[5:20], header[20:]]):
                with Client(("127.0.0.2", port)) as client:
                    for piece in pieces:
                        client.send(piece)
                    self.assertEqual(client.ask(LOGGED).status, 200)
                    self.assertEqual(client.ask(LOGGED).status, 200)
                expected += [address] * 2
        # The proxy's proxy: a trusted address in the header lets X-Forwarded-For count.
        with Client(("127.0.0.2", port)) as client:
            client.send(proxy_v2("127.0.0.9"))
            client.ask(LOGGED, "X-Forwarded-For: 192.0.2.55\r\n")
        with Client(("127.0.0.2", port)) as client:
            client.send(proxy_v2("192.0.2.66"))
            client.ask(LOGGED, "X-Forwarded-For: 192.0.2.55\r\n")
        expected += ["192.0.2.55", "192.0.2.66"]
        # Without a header there is no answer, and on the ordinary listener a header is no request.
        with Client(("127.0.0.2", port)) as client:
            client.send(b"GET /-/live HTTP/1.1\r\n\r\n")
            self.assertTrue(client.ended())
        self.assertEqual(edge.counter("proxy_headers_malformed"), 1)
        with Client(edge.address) as client:
            client.send(b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\nGET /-/live HTTP/1.1\r\n\r\n")
            self.assertEqual(client.read().status, 400)
        self.assertEqual(edge.counter("proxy_headers"), len(expected) // 2 + 1)
        self.assertEqual(sorted(self.logged(edge)), sorted(expected))

    def test_only_trusted_proxies(self):
        edge = self.start("--listen-proxy", "127.0.0.1:0", "--trusted-proxy", "192.0.2.0/24")
        with Client(edge.address) as client:
            client.send(proxy_v2("192.0.2.3"))
            self.assertTrue(client.ended())
        self.assertEqual(edge.counter("proxies_untrusted"), 1)

    def test_a_slow_proxy_header_times_out(self):
        edge = self.start("--listen-proxy", "127.0.0.1:0", "--header-timeout", "1")
        with Client(edge.address) as client:
            client.send(b"PROXY TCP4 ")
            self.assertTrue(client.ended())
        self.assertEqual(edge.counter("header_timeouts"), 1)

    def start_with_sockets(self, sockets, names, *options):
        """Sockets as descriptors 3, 4 ... and the variables that name them, as a service manager does it."""
        fds = [one.fileno() for one in sockets]

        def place():
            kept = [os.dup(fd) for fd in fds]
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(kept)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)
            os.environ.update({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names})

        return self.start(*options, before=place, pass_fds=tuple(range(3, 3 + len(fds))))

    def test_passed_sockets(self):
        tcp, local = socket.socket(), socket.socket(socket.AF_UNIX)
        path = os.path.join(self.folder, "passed.sock")
        with tcp, local:
            tcp.bind(("127.0.0.1", 0))
            local.bind(path)
            tcp.listen()
            local.listen()
            port = tcp.getsockname()[1]
            edge = self.start_with_sockets([tcp, local], "clients:proxy-unix")
        self.assertEqual(sorted(edge.urls), ["http://127.0.0.1:%d" % port, "unix:" + path])
        clients = [Client(("127.0.0.1", port)) for _ in range(40)]
        for client in clients:
            self.assertEqual(client.ask(LOGGED).status, 200)
        self.assertEqual(edge.counter("connections"), 40)
        with Client(path) as client:
            client.send(proxy_v2("192.0.2.3"))
            self.assertEqual(client.ask(LOGGED).status, 200)
        for client in clients:
            client.socket.close()
        # Of whoever passed them: the path stays.
        self.assertEqual(edge.stop(), 0)
        self.assertTrue(os.path.exists(path))

    def test_a_passed_socket_that_does_not_listen(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            with self.assertRaisesRegex(AssertionError, "no stream socket that listens"):
                self.start_with_sockets([silent], "")

    def test_variables_for_another_process_do_not_count(self):
        edge = self.start(before=lambda: os.environ.update({"LISTEN_PID": "1", "LISTEN_FDS": "5"}))
        self.assertEqual(edge.get("/-/live").status, 200)

    def test_readiness_is_reported(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(self.folder, "notify")
            manager.bind(path)
            manager.settimeout(DEADLINE)
            edge = self.start(before=lambda: os.environ.update({"NOTIFY_SOCKET": path}))
            self.assertEqual(manager.recv(100), b"MAINPID=%d\nREADY=1\n" % edge.process.pid)
            edge.stop()
            self.assertEqual(manager.recv(100), b"STOPPING=1\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
