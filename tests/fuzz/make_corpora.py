#!/usr/bin/env python3
"""Writes the corpora of the targets http_request, proxy_header, snapshot_answers and target.

usage: make_corpora.py [FOLDER]      (default: corpus, beside this script)

Each input has a name that says what it is for. The same script gives the same inputs. What is called found_... is not
from here: libFuzzer found it, and each reaches an error of validate() that no other input reaches.
"""
import os
import random
import struct
import sys


def write(folder, inputs):
    os.makedirs(folder, exist_ok=True)
    for name, data in inputs.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())


# --- bytes of an HTTP connection; the first byte chooses the size of the reads

def http_request():
    def get(target="/mirrorlist?path=pub", headers="Host: h\r\n", version="HTTP/1.1", method="GET"):
        return "%s %s %s\r\n%s\r\n" % (method, target, version, headers)
    texts = {
        "get": get(), "head": get(method="HEAD"), "post": get(method="POST"), "put": get(method="PUT"),
        "options_star": get("*", method="OPTIONS"), "connect": get("h:80", method="CONNECT"), "unknown_method": get(method="FOO"),
        "bad_method": get(method="G@T"), "http_1_0": get(version="HTTP/1.0"), "http_0_9": "GET /mirrorlist\r\n",
        "http_0_9_header": "GET /mirrorlist\r\nHost: h\r\n\r\n", "http_2": get(version="HTTP/2.0"), "http_7_3": get(version="HTTP/7.3"),
        "no_protocol": get(version="FTP/1.1"), "h2_preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "keep_alive_1_0": get(version="HTTP/1.0", headers="Connection: keep-alive\r\n"), "close": get(headers="Connection: close\r\n"),
        "upgrade": get(headers="Connection: Upgrade\r\nUpgrade: h2c\r\n"), "pipelined": get() * 3,
        "pipelined_then_bad": get() + "BAD\r\n\r\n", "close_then_more": get(headers="Connection: close\r\n") + get(),
        "empty_lines_before": "\r\n\r\n" + get(), "line_feeds_before": "\n\n" + get(), "no_headers": get(headers=""),
        "incomplete": get()[:-2], "incomplete_header": get()[:-7], "one_word": "HELLO\r\n\r\n", "no_target": "GET  HTTP/1.1\r\n\r\n",
        "blank_in_target": get("/a b"), "tab_in_target": get("/a\tb"), "nul_in_target": get("/a\0b"), "control_in_target": get("/a\x01b"),
        "high_byte_in_target": get("/\xe9"), "quote_in_target": get('/?a="'), "angle_in_target": get("/?a=<b>"),
        "backtick_in_path": get("/`"), "backtick_in_query": get("/?`"), "braces": get("/?{|}^[\\]"), "fragment": get("/mirrorlist#f?x"),
        "absolute": get("http://h.example/mirrorlist?a=b"), "absolute_odd": get("http://h:x/"), "relative": get("mirrorlist"),
        "target_too_long": get("/" + "a" * 13000), "target_at_limit": get("/" + "a" * 12287), "head_too_large": get(headers="X: " + "a" * 17000 + "\r\n"),
        "headers_100": get(headers="X: y\r\n" * 100), "headers_101": get(headers="X: y\r\n" * 101),
        "forwarded": get(headers="X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"), "forwarded_case": get(headers="x-fORWARDED-for:10.0.0.1\r\n"),
        "forwarded_16": get(headers="X-Forwarded-For: 1\r\n" * 16), "forwarded_17": get(headers="X-Forwarded-For: 1\r\n" * 17),
        "forwarded_empty": get(headers="X-Forwarded-For:\r\n"), "forwarded_blanks": get(headers="X-Forwarded-For:  \t 1 \t \r\n"),
        "forwarded_high": get(headers="X-Forwarded-For: \xff\xfe\r\n"), "no_colon": get(headers="nonsense\r\n"),
        "blank_before_colon": get(headers="X : y\r\n"), "empty_name": get(headers=": y\r\n"), "folded": get(headers="X: y\r\n z\r\n"),
        "folded_tab": get(headers="X: y\r\n\tz\r\n"), "bare_lf": get().replace("\r\n", "\n"), "bare_lf_in_header": get(headers="X: y\nZ: a\r\n"),
        "bare_cr": get(headers="X: a\rY: b\r\n"), "nul_in_header": get(headers="X: a\0b\r\n"), "cr_only": get().replace("\r\n", "\r"),
        "length_0": get(headers="Content-Length: 0\r\n"), "length_5": get(headers="Content-Length: 5\r\n") + "hello",
        "length_twice": get(headers="Content-Length: 0\r\nContent-Length: 5\r\n") + "hello",
        "length_list": get(headers="Content-Length: 0, 5\r\n") + "hello", "length_negative": get(headers="Content-Length: -1\r\n"),
        "length_plus": get(headers="Content-Length: +5\r\n") + "hello", "length_huge": get(headers="Content-Length: " + "9" * 30 + "\r\n"),
        "length_hex": get(headers="Content-Length: 0x5\r\n"), "length_empty": get(headers="Content-Length:\r\n"),
        "chunked": get(headers="Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
        "chunked_and_length": get(headers="Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + get(),
        "coding_unknown": get(headers="Transfer-Encoding: xchunked\r\n") + get(), "coding_empty": get(headers="Transfer-Encoding:\r\n") + get(),
        "expect": get(headers="Expect: 100-continue\r\n"), "tls_hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\0" * 64,
        "only_nuls": "\0" * 100, "only_line_feeds": "\r\n" * 100, "binary": bytes(range(256)).decode("latin-1"),
        "trailing_blank_version": "GET / HTTP/1.1 \r\n\r\n", "tab_separated": "GET\t/\tHTTP/1.1\r\n\r\n", "lower_case_version": get(version="http/1.1"),
    }
    inputs = {}
    for number, (name, text) in enumerate(sorted(texts.items())):
        # Reads of one byte, of a few, and of nearly all take turns.
        inputs[name] = bytes([(0, 6, 63, 255)[number % 4]]) + text.encode("latin-1")
    inputs["split_pipelined"] = bytes([10]) + (get() * 20).encode()
    return inputs


# --- the header of a proxy, in both versions

def proxy_header():
    lines = {
        "tcp4": "TCP4 192.0.2.1 198.51.100.1 56324 443", "tcp6": "TCP6 2001:db8::1 ::1 1 65535", "unknown": "UNKNOWN",
        "unknown_more": "UNKNOWN ffff::1 ffff::2 1 2", "unknown_at_limit": "UNKNOWN " + "x" * 91, "unknown_too_long": "UNKNOWN " + "x" * 92,
        "tcp4_ipv6": "TCP4 ::1 ::2 1 2", "tcp6_ipv4": "TCP6 1.1.1.1 2.2.2.2 1 2", "tcp6_mapped": "TCP6 ::ffff:1.1.1.1 ::1 1 2",
        "mixed": "TCP4 1.1.1.1 ::1 1 2", "no_port": "TCP4 1.1.1.1 2.2.2.2 1", "port_too_large": "TCP4 1.1.1.1 2.2.2.2 1 65536",
        "port_empty": "TCP4 1.1.1.1 2.2.2.2 1 ", "port_negative": "TCP4 1.1.1.1 2.2.2.2 -1 2", "port_zeros": "TCP4 1.1.1.1 2.2.2.2 00001 2",
        "six_words": "TCP4 1.1.1.1 2.2.2.2 1 2 3", "two_blanks": "TCP4  1.1.1.1 2.2.2.2 1 2", "leading_zero": "TCP4 01.1.1.1 2.2.2.2 1 2",
        "no_address": "TCP4", "no_destination": "TCP4 1.1.1.1", "family_unknown": "TCP5 1.1.1.1 2.2.2.2 1 2", "family_lower": "tcp4 1.1.1.1 2.2.2.2 1 2",
        "family_long": "TCP44 1.1.1.1 2.2.2.2 1 2", "unknown_long": "UNKNOWNX", "udp": "UDP4 1.1.1.1 2.2.2.2 1 2", "empty": "", "nul": "TCP4 1.1.1.1\0 2.2.2.2 1 2",
    }
    inputs = {"v1_" + name: ("PROXY %s\r\n" % line).encode("latin-1") for name, line in lines.items()}
    inputs.update({"v1_line_feed_only": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "v1_cut": b"PROXY TCP4 1.1.1.1", "v1_word": b"PROX", "v1_lower": b"proxy TCP4",
                   "v1_no_blank": b"PROXY\r\n", "v1_no_end": b"PROXY " + b"x" * 200, "v1_then_request": b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n",
                   "request": b"GET / HTTP/1.1\r\n\r\n", "nothing": b"", "tls": b"\x16\x03\x01", "v2_signature_wrong": b"\r\n\r\n\0\r\nQUIX\n" + b"\x21\x11\0\0"})

    def v2(command, family, rest, size=None):
        return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack("!H", len(rest) if size is None else size) + rest
    ipv4, ipv6 = bytes(range(12)), bytes(range(36))
    inputs.update({
        "v2_tcp4": v2(0x21, 0x11, ipv4), "v2_tcp6": v2(0x21, 0x21, ipv6), "v2_tcp4_extensions": v2(0x21, 0x11, ipv4 + b"\x04\0\x03abc"),
        "v2_local": v2(0x20, 0, b""), "v2_local_addresses": v2(0x20, 0x11, ipv4), "v2_unspecified": v2(0x21, 0, b""), "v2_unix": v2(0x21, 0x31, b"u" * 216),
        "v2_udp4": v2(0x21, 0x12, ipv4), "v2_udp6": v2(0x21, 0x22, ipv6), "v2_family_unknown": v2(0x21, 0xff, ipv4), "v2_tcp4_short": v2(0x21, 0x11, ipv4[:11]),
        "v2_tcp6_short": v2(0x21, 0x21, ipv6[:35]), "v2_version_1": v2(0x11, 0x11, ipv4), "v2_version_3": v2(0x31, 0x11, ipv4), "v2_command_2": v2(0x22, 0x11, ipv4),
        "v2_at_limit": v2(0x21, 0x11, ipv4 + b"t" * 2020), "v2_too_long": v2(0x21, 0x11, ipv4 + b"t" * 2021), "v2_claims_more": v2(0x21, 0x11, ipv4, 500),
        "v2_claims_most": v2(0x21, 0x11, ipv4, 0xffff), "v2_cut_in_signature": v2(0x21, 0x11, ipv4)[:7], "v2_cut_in_head": v2(0x21, 0x11, ipv4)[:14],
        "v2_cut_in_addresses": v2(0x21, 0x11, ipv4)[:20], "v2_then_request": v2(0x21, 0x11, ipv4) + b"GET / HTTP/1.1\r\n\r\n",
        "v2_twice": v2(0x21, 0x11, ipv4) * 2,
    })
    return inputs


# --- targets

def target():
    base = "/mirrorlist?path=pub/alpha"
    texts = ["", "/", "*", "mirrorlist", "/mirrorlist", "/metalink", "/mirrorlist?", "/mirrorlist??path=pub", "/a/b/mirrorlist?path=pub/beta",
             "http://h.example/mirrorlist?path=pub", "http://mirrorlist", "http:/mirrorlist", "//mirrorlist?path=pub", "/mirror%6cist?path=pub",
             "/x://y/mirrorlist?path=pub", "h:80", base, base + "/", base + "//", base + "/boot.iso", base + "/a%20b.iso", base + "/%", base + "/%4", base + "/%zz",
             base + "/%41%4a%4A", base + "/%e9", base + "/%c3%a9.iso", base + "/%00", base + "/%0d%0aX-Evil:%201", base + "/%7f", base + "/%ed%a0%80", base + "/%ef%bf%be",
             base + "/" + "a" * 255, base + "/" + "a" * 256, base + "&path=pub", base + "=x", base + ";country=SE", base + "#f", base + "&&&",
             base + "&country=SE", base + "&country=se,SE", base + "&country=global", base + "&country=SE,global", base + "&country=", base + "&country=,",
             base + "&country=QQ", base + "&country=" + ",".join(["SE"] * 64), base + "&country=" + ",".join(["SE"] * 65), base + "&country=%0a",
             base + "&netblock=0&ip=10.0.0.1", base + "&netblock=1&ip=10.0.0.1", base + "&ip=::ffff:10.0.0.1", base + "&ip=2001:db8::1", base + "&ip=x",
             base + "&ip=%31%30.0.0.1", base + "&ip=010.0.0.1", base + "&protocol=https", base + "&protocol=ftp,rsync", base + "&protocol", base + "&protocol=HTTPS",
             base + "&protocol=" + ",".join("p%d" % i for i in range(16)), base + "&protocol=" + ",".join("p%d" % i for i in range(17)), base + "&protocol=a%0ab",
             base + "&time", base + "&redirect", base + "&redirect=0&protocol=ftp", base + "/a%0ab&redirect", base + "/%e2%82%ac&redirect",
             "/mirrorlist?repo=f-40&arch=x86_64", "/metalink?repo=f-40&arch=x86_64", "/mirrorlist?repo=f-source-40&arch=x", "/mirrorlist?repo=&arch=",
             "/mirrorlist?repo=f-40", "/mirrorlist?arch=x", "/metalink?repo=a--b---c&arch=--%3e", "/mirrorlist?repo=a+b&arch=c", "/mirrorlist?repo=x;y%20z&arch=a%3bb",
             "/mirrorlist?repo=old--1&arch=c&path=pub/beta", "/mirrorlist?repo=rawhide&arch=noarch", "/metalink?path=pub/alpha", "/metalink?path=pub/alpha/boot.iso",
             "/metalink?path=pub/alpha/repomd.xml&country=SE,DE,US,GB,JP,KR,CA", "/metalink?path=pub/beta/R%26D/R%26D%20%3c1%3e.iso",
             "/mirrorlist?%70%61%74%68=pub", "/mirrorlist?path", "/mirrorlist?=x&path=pub", "/mirrorlist?path=x%y", "/mirrorlist?" + "&".join("p%d=%d" % (i, i) for i in range(500)),
             "/mirrorlist?path=" + "/" * 5000, "/mirrorlist?path=" + "a/" * 3000, "/mirrorlist?x=" + "a" * 40000, "/mirrorlist?country=SE&path=pub/alpha/1/os&ip=20.1.0.1&redirect",
             base + "/%%300&redirect"]
    return {"%03d" % number: text for number, text in enumerate(texts)}


# --- snapshot files: see snapshot_answers_fuzz.cc

def snapshot_answers():
    inputs = {"raw_empty": b"\0", "raw_short": b"\0" + b"MIRRSNAP", "raw_magic_only": b"\0" + b"MIRRSNAP" + b"\0" * 56, "raw_zeros": b"\0" * 200,
              "raw_text": b"\0not a snapshot at all, but a text that is longer than the header of one is",
              "raw_ones": b"\0" + b"\xff" * 4096, "good": b"\1"}
    header = struct.Struct("<8sIIQQQQQQ")
    for name, fields in {"format_2": (b"MIRRSNAP", 2, 64, 1, 0, 0, 0, 0, 0), "payload_size": (b"MIRRSNAP", 1, 64, 1, 1 << 40, 0, 0, 0, 0),
                         "reserved": (b"MIRRSNAP", 1, 64, 1, 0, 0, 0, 1, 0), "header_size": (b"MIRRSNAP", 1, 63, 1, 0, 0, 0, 0, 0),
                         "no_payload": (b"MIRRSNAP", 1, 64, 1, 0, 0, 0, 0, 0)}.items():
        inputs["header_" + name] = b"\2" + header.pack(*fields)
        inputs["raw_header_" + name] = b"\0" + header.pack(*fields)
    inputs["header_wrong_digest"] = b"\2" + header.pack(b"MIRRSNAP", 1, 64, 1, 16, 0, 0, 0, 0) + b"\0" * 16
    for cut in (1, 2, 3, 4, 8, 16, 100, 255):
        inputs["cut_%d" % cut] = b"\1" + bytes([cut, 0])
    for word in list(range(0, 60)) + list(range(60, 160, 5)):  # the root, its table and the first vectors
        inputs["word_%03d_zero" % word] = b"\1" + struct.pack("<HH", word, 0)
        inputs["word_%03d_none" % word] = b"\1" + struct.pack("<HH", word, 0xffff)
    rng = random.Random(4301)
    for number in range(100):
        edits = b"".join(struct.pack("<HH", rng.randrange(0, 12000), rng.choice((0, 1, 2, 3, 5, 7, 40, 300, 5000, 0xffff, 0xfffe)))
                         for _ in range(rng.choice((1, 1, 1, 2, 8))))
        inputs["edits_%03d" % number] = b"\1" + edits
    return inputs


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus")
    for make in (http_request, proxy_header, snapshot_answers, target):
        inputs = make()
        write(os.path.join(root, make.__name__), inputs)
        print("%s: %d inputs" % (make.__name__, len(inputs)))


if __name__ == "__main__":
    main()
