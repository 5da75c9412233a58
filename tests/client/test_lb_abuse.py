"""Malformed, ambiguous and odd requests, to our balancer and to haproxy: what gets past either."""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import BUILD  # noqa: E402
from measure import free_port  # noqa: E402
from relay import Recorder, Relay, read_request  # noqa: E402
from waiting import wait_until  # noqa: E402

MUTANTS = 3000
DUMP = os.path.join(BUILD, "tests", "lib", "dump_requests")

# What we refuse and haproxy passes on or makes good, and where RFC 9112 lets or bids us.
STRICTER = {
    "asterisk of GET": "3.2.4: only OPTIONS has it",
    "two spaces behind the method": "3: single spaces; being lenient is a MAY",
    "two spaces before the version": "3: likewise",
    "tab for a space": "3: likewise",
    "tab before the version": "3: likewise",
    "version 2.0": "2.3: another major version's syntax is not this one",
    "version 1.2": "2.3: there is none; a recipient may take it for 1.1",
    "no slash before the path": "3.2.1: the origin form begins with one",
    "bare LF behind the request line": "2.2: taking LF for a line's end is a MAY",
    "bare LF everywhere": "2.2: likewise",
    "bare LF before the request": "2.2: only CR LF is ignored there",
    "three empty lines before": "2.2: at least one is ignored, not any number",
    "CONNECT": "3.2.3: a balancer is no tunnel; back ends may take it for one",
    "absolute with a user": "3.2.2 and RFC 9110, 4.2.4: userinfo is to be treated as an error",
    "absolute without a host": "3.2.2 and RFC 9110, 4.2.1: an empty host is invalid",
    "absolute, other scheme": "3.2.2: not ours to serve, and back ends would guess",
    "no Host": "3.2: MUST be answered with 400",
    "the same Host twice": "3.2: likewise, whatever they say",
    "a list of Hosts": "3.2: likewise for an invalid value",
    "Host with a path": "3.2: likewise",
    "Host with a user": "3.2: likewise",
    "Host with a space": "3.2: likewise",
    "folded line": "5.2: MUST be refused or replaced by spaces",
    "folded with a tab": "5.2: likewise",
    "line of a space": "5.2: likewise",
    "NUL in a value": "5 and RFC 9110, 5.5: MUST be refused or replaced",
    "backspace in a value": "5 and RFC 9110, 5.5: no field value",
    "DEL in a value": "5 and RFC 9110, 5.5: likewise",
    "bare LF in the fields": "2.2: taking LF for a line's end is a MAY",
    "the same length twice": "6.3: accepting identical ones is a MAY",
    "length beyond 64 bits": "6.3: an integer overflow is what to beware of",
    "length and chunks": "6.1: refusing it is a MAY, and it ought to be handled as an error",
    "chunks and length": "6.1: likewise",
    "chunks in HTTP/1.0": "6.1: MUST be treated as if the framing is faulty",
    "chunk size with a space behind": "7.1.1: no white space at a size without an extension",
    "LF behind a chunk size": "7.1: CR LF; LF alone is for lines of heads only",
    "LF in an extension": "7.1.1: likewise",
    "LF behind a chunk": "7.1: likewise",
    "folded trailer": "7.1.2 and 5.2: as in a head",
    "trailer with LF": "7.1.2: likewise",
    "LF for the last line": "7.1: CR LF",
}
# What we pass on and haproxy refuses, and why everybody reads it in the same way.
LOOSER = {
    "absolute with a query only": "3.2.1 and 3.2.2: an empty path is /, and that is passed on",
}


def rows():
    done = subprocess.run([DUMP], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def talk(port, data, answers=0):
    """What a client is told that sends this and no more, which it says after so many answers."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        told = b""
        try:
            client.sendall(data)
            while told.count(b"HTTP/1.") < answers and (got := client.recv(1 << 16)):
                told += got
            client.shutdown(socket.SHUT_WR)
            while got := client.recv(1 << 16):
                told += got
        except ConnectionError:
            pass
        return told


def status_of(told):
    match = re.match(rb"HTTP/1\.[01] ([0-9]{3}) ", told)
    return int(match[1]) if match else 0


class Peer:
    """haproxy in front of that port."""

    def __init__(self, target):
        self.directory = tempfile.TemporaryDirectory(prefix="cumulet-haproxy-")
        self.port = free_port()
        path = os.path.join(self.directory.name, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
global
    maxconn 1000
defaults
    mode http
    timeout connect 10s
    timeout client 10s
    timeout server 10s
    http-reuse always
listen l
    bind 127.0.0.1:{self.port}
    server s 127.0.0.1:{target}
""")
        self.process = subprocess.Popen(["haproxy", "-q", "-db", "-f", path])
        wait_until(self.listens, 20, "haproxy listens")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b"0", b"1", b"\x00", b"\x0b", b";",
          b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n",
          b"\r\n\r\n", b"GET /sneaked HTTP/1.1\r\nHost: a\r\n\r\n"]


def mutate(dice, originals):
    """One or two of them behind each other, with up to three changes."""
    data = b"".join(dice.choices(originals, k=dice.randint(1, 2)))
    for _ in range(dice.randint(1, 3)):
        at = dice.randint(0, len(data))
        data = data[:at] + dice.choice([b"", *PIECES]) + data[at + dice.randint(0, 2):]
    return data


def read_all(data):
    """The requests of a client, up to what is none."""
    found = []
    while True:
        while data.startswith(b"\r\n"):  # RFC 9112, 2.2
            data = data[2:]
        read = read_request(data)
        if not read:
            break
        request, end = read
        if request.fault:
            break
        found.append(request)
        data = data[end:]
    return found


def gist(request):
    """What is the same whoever passed it on: the absolute form may have been made the origin's
    (RFC 9112, 3.2.1)."""
    target = re.sub(rb"^(?i:http)://[^/?]*", b"", request.target)
    if request.method == b"OPTIONS" and not target:
        target = b"*"
    return request.method, target if target[:1] in (b"/", b"*") else b"/" + target, request.body


class Abuse(unittest.TestCase):
    def setUp(self):
        self.back_end = self.enterContext(Recorder())
        relay = self.enterContext(Relay())
        self.port = relay.listen([self.back_end.port], protocol="HTTP", target_protocol="HTTP")
        self.rows = rows()

    def test_nothing_is_passed_on_that_readers_could_understand_differently(self):
        self.assertGreaterEqual(len(self.rows), 100)
        for row in self.rows:
            with self.subTest(row["what"]):
                told = talk(self.port, bytes.fromhex(row["bytes"]))
                seen = self.back_end.take()
                self.assertEqual([request.fault for request in seen], [None] * row["requests"])
                self.assertEqual(status_of(told), row["status"])

    def test_what_is_passed_on_is_what_the_rfc_reads(self):
        """Rows with a few bytes changed: a request at the back end is one of the client's."""
        dice = random.Random(9112)
        originals = [bytes.fromhex(row["bytes"]) for row in self.rows]
        passed = 0
        for _ in range(MUTANTS):
            data = mutate(dice, originals)
            talk(self.port, data)
            seen = self.back_end.take()
            self.assertEqual([request.fault for request in seen], [None] * len(seen), data)
            meant = [gist(request) for request in read_all(data)]
            self.assertEqual([gist(request) for request in seen], meant[:len(seen)], data)
            passed += len(seen)
        self.assertGreater(passed, MUTANTS // 20)

    def test_haproxy_agrees_or_it_is_known_why_not(self):
        if not shutil.which("haproxy"):
            self.skipTest("haproxy is not installed (apt-get install haproxy)")
        known = {row["what"] for row in self.rows}
        self.assertLessEqual({*STRICTER, *LOOSER}, known, "a note about no row")
        behind = self.enterContext(Recorder())
        peer = Peer(behind.port)
        self.addCleanup(peer.close)
        behind.take()
        for row in self.rows:
            with self.subTest(row["what"]):
                data = bytes.fromhex(row["bytes"])
                talk(self.port, data)
                ours = [gist(request) for request in self.back_end.take()]
                # haproxy drops what waits behind a request of a client that has ended.
                talk(peer.port, data, len(ours))
                self.compare(row["what"], ours, [gist(request) for request in behind.take()])

    def compare(self, what, ours, theirs):
        """A note says who may have passed on more; what both did has to be the same."""
        if what in STRICTER:
            self.assertEqual(ours, theirs[:len(ours)])
        elif what in LOOSER:
            self.assertEqual(theirs, ours[:len(theirs)])
        else:
            self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
