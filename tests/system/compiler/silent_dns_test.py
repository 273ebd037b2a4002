#!/usr/bin/env python3
"""usage: silent_dns_test.py

The real resolver of the system against a name server on loopback, first one that answers and then one that never
does: the compile ends about its deadline later, with the last good addresses and a warning, though the look-ups still
hang. Both servers lie in a network and mount namespace of this test, which needs no root where users may make
namespaces; elsewhere the test is skipped (exit 77).
"""
import fcntl
import os
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("MIRROR_BIN", "build/release/bin")
INSIDE = "MIRROR_TEST_INSIDE"
NAMES = 40  # each would hang for at least five seconds: one after the other they take minutes
LOOKUP_SECONDS_MIN = 5.0  # what the C library waits before it asks again
SECONDS_MAX = 30.0  # the deadline is 5 s; a busy machine may be slow, but not by this much


def enter_namespaces():
    """Comes back, inside, or ends the program."""
    if INSIDE in os.environ:
        return
    command = ["unshare", "--map-root-user", "--net", "--mount"]
    try:
        works = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        works = False
    if not works:
        print("SKIPPED: no namespaces for this user")
        sys.exit(77)
    os.execvpe(command[0], [*command, sys.executable, __file__], {**os.environ, INSIDE: "1"})


def bring_loopback_up():
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, get_flags, request))[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", flags | up))


def mount_over(folder, path, text):
    mine = os.path.join(folder, os.path.basename(path))
    with open(mine, "w", encoding="ascii") as out:
        out.write(text)
    subprocess.run(["mount", "--bind", mine, os.path.realpath(path)], check=True)


class NameServer:
    """Answers every question for an IPv4 address with an odd 192.0.2.N while `answers`; counts the names asked for."""

    def __init__(self):
        self.answers = True
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            end = query.index(b"\0", 12)
            name = query[13:13 + query[12]].decode()
            self.asked.add(name)
            if not self.answers:
                continue
            address = b""
            if query[end + 1:end + 3] == b"\0\1":
                address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 2 * int(re.sub(r"\D", "", name)) + 1])
            head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if address else b"\0\0") + b"\0\0\0\0"
            self.socket.sendto(head + query[12:end + 5] + address, client)


def fill(path):
    subprocess.run([os.path.join(BIN, "mirrorctl"), "database", "init", "--database", "sqlite:" + path], check=True,
                   stdout=subprocess.DEVNULL)
    database = sqlite3.connect(path)
    database.executescript("""
        INSERT INTO site (id, name, private, admin_active, user_active, created_at, created_by,
            all_sites_can_pull_from_me, email_on_drop, email_on_add)
            VALUES (1, 's', 0, 1, 1, '2020-01-01', 't', 0, 0, 0);
        INSERT INTO host (id, name, site_id, admin_active, user_active, country, private, internet2, internet2_clients,
            asn_clients, max_connections, crawl_failures) VALUES (1, 'h', 1, 1, 1, 'SE', 0, 0, 0, 0, 1, 0);
        INSERT INTO directory (id, name, readable) VALUES (1, 'pub', 1);
        INSERT INTO category (id, name, publiclist, topdir_id) VALUES (1, 'c', 1, 1);
        INSERT INTO category_directory (category_id, directory_id) VALUES (1, 1);
        INSERT INTO host_category (id, host_id, category_id, always_up2date) VALUES (1, 1, 1, 1);
        INSERT INTO host_category_url (id, host_category_id, url, private) VALUES (1, 1, 'https://h.example', 0);
    """)
    database.executemany("INSERT INTO host_netblock (id, host_id, netblock) VALUES (?, 1, ?)",
                         [(i, "m%d.mirror.example" % i) for i in range(NAMES)])
    database.commit()
    database.close()


def compile_into(path, snapshots):
    """Seconds, what it said, and the netblocks of the snapshot."""
    program = os.path.join(BIN, "mirror-compile")
    begin = time.monotonic()
    done = subprocess.run([program, "--database", "sqlite:" + path, "--snapshots", snapshots, "--quiet"], check=True,
                          capture_output=True, text=True, timeout=120)
    seconds = time.monotonic() - begin
    with open(os.path.join(snapshots, "CURRENT"), encoding="ascii") as current:
        name = current.read().split()[0]
    dump = subprocess.run([program, "--dump", os.path.join(snapshots, name)], check=True, capture_output=True,
                          text=True).stdout
    return seconds, done.stderr, re.findall(r"^  (192\.0\.2\.\d+) host 1 /32", dump, re.MULTILINE)


def main():
    enter_namespaces()
    bring_loopback_up()
    with tempfile.TemporaryDirectory(prefix="mirror-silent-dns-") as folder:
        mount_over(folder, "/etc/resolv.conf", "nameserver 127.0.0.1\n")
        mount_over(folder, "/etc/nsswitch.conf", "hosts: files dns\n")
        server = NameServer()
        path = os.path.join(folder, "rows.db")
        fill(path)
        seconds, said, good = compile_into(path, os.path.join(folder, "good"))
        print("answering server: %.1f s, %d netblocks" % (seconds, len(good)))
        assert len(good) == NAMES, said
        server.answers = False
        server.asked.clear()
        seconds, said, last_good = compile_into(path, os.path.join(folder, "silent"))
        print("silent server: %.1f s, %d netblocks, %d names asked; it said: %s" %
              (seconds, len(last_good), len(server.asked), said.strip()))
        assert last_good == good
        assert "%d names could not be resolved; the last good answer is used" % NAMES in said
        # All of them hung at the same time, and the process did not wait for one of them.
        assert len(server.asked) == NAMES
        assert LOOKUP_SECONDS_MIN - 0.5 < seconds < SECONDS_MAX


if __name__ == "__main__":
    main()
