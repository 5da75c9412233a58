"""The data plane by itself, with back ends in this process.

    with Recorder() as back_end, Relay() as relay:
        port = relay.listen([back_end.port], protocol="HTTP", target_protocol="HTTP")
        ...
        back_end.take()     # the requests that it got
"""

import collections
import json
import os
import re
import selectors
import socket
import subprocess
import threading

from cloud import BUILD
from measure import free_port

DRIVER = os.path.join(BUILD, "tests", "lib", "drive_balancer")


class RelayError(Exception):
    """The data plane refused a configuration."""


class Relay:
    """A process with lb/ and its probes (tests/lib/drive_balancer.c)."""

    def __init__(self, threads=2):
        # With a sanitizer in it, its leaks are looked for: nothing but lb/ lives in it.
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=1"
        self.process = subprocess.Popen([DRIVER, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "ASAN_OPTIONS": options})
        self.listeners = []
        self.changes = collections.deque()  # (id, whether it is in service), unread

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, do, **request):
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.read()
            if answer is not None:
                break
        if "error" in answer:
            raise RelayError(answer["error"])
        return answer

    def read(self):
        """The next line, unless it tells of a change: that is kept."""
        line = self.process.stdout.readline()
        if not line:
            raise RelayError(f"it ended with {self.process.wait()}")
        said = json.loads(line)
        if "event" not in said:
            return said
        self.changes.append((said["event"], said["in_service"]))
        return None

    def next_change(self):
        """Waits for it."""
        while not self.changes:
            self.read()
        return self.changes.popleft()

    def listen(self, ports, **settings):
        """A listener for back ends at these ports. Its own port."""
        listener = {"port": free_port(), **settings,
                    "targets": [{"port": port, "id": f"i-{port}"} for port in ports]}
        self.listeners.append(listener)
        self.apply()
        return listener["port"]

    def apply(self):
        """After self.listeners were changed."""
        self.ask("apply", listeners=self.listeners)

    def close(self):
        """Its exit status, once it has let everything go."""
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait()


Request = collections.namedtuple("Request", "method target body head fault")

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HEAD = re.compile(
    rb"(?P<method>%s) (?P<target>[!-~]+) HTTP/1\.[01]\r\n"
    rb"(?:%s:[\t -~\x80-\xff]*\r\n)*\r\n" % (TOKEN, TOKEN))
FIELD = re.compile(rb"^(%s):[\t ]*(.*?)[\t ]*\r$" % TOKEN, re.M)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*)?\r\n")
TRAILER = re.compile(rb"(?:%s:[\t -~\x80-\xff]*\r\n)*\r\n" % TOKEN)


class Ambiguous(Exception):
    """Servers may not agree on what this is."""


def framing(head):
    """The length of the body behind a head; None: chunked (RFC 9112, 6.3)."""
    if not HEAD.fullmatch(head):
        raise Ambiguous("not the grammar of RFC 9112")
    fields = [(name.lower(), value) for name, value in FIELD.findall(head)]
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    is_old = b" HTTP/1.0\r\n" in head
    if len([name for name, _ in fields if name == b"host"]) not in ([0, 1] if is_old else [1]):
        raise Ambiguous("not one Host")
    if len(lengths) + len(codings) > 1:
        raise Ambiguous("two lengths")
    if codings:
        if is_old or codings != [b"chunked"]:
            raise Ambiguous("a coding that is not chunked")
        return None
    if lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Ambiguous("a length that is no number")
    return int(lengths[0]) if lengths else 0


def read_chunks(data, at):
    """The body and where it ends; None: not yet."""
    body = b""
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        match = CHUNK.fullmatch(data, at, line_end + 2)
        if not match:
            raise Ambiguous("no size of a chunk")
        size, at = int(match[1], 16), match.end()
        if size == 0:
            break
        if len(data) < at + size + 2:
            return None
        body += data[at:at + size]
        if data[at + size:at + size + 2] != b"\r\n":
            raise Ambiguous("no end of a chunk")
        at += size + 2
    if not data.startswith(b"\r\n", at) and data.find(b"\r\n\r\n", at) < 0:
        return None
    match = TRAILER.match(data, at)
    if not match:
        raise Ambiguous("a trailer that is none")
    return body, match.end()


def read_request(data):
    """The first request in data and where it ends; None: it is not whole."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    head = data[:end]
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0]
    try:
        length = framing(head)
        if length is None:
            found = read_chunks(data, end)
            if not found:
                return None
            body, end = found
        elif len(data) < end + length:
            return None
        else:
            body, end = data[end:end + length], end + length
    except Ambiguous as why:
        return Request(method, target, b"", head, str(why)), len(data)
    return Request(method, target, body, head, None), end


class Recorder:
    """A back end that answers every request with 200, reads them as RFC 9112 says, and keeps them.
    What it says no server should be sent has a fault; the connection ends there."""

    SETTLED = b"/-settled-"

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.server.getsockname()[1]
        self.requests = []  # of the loop, but while a client of settle() waits
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.server, selectors.EVENT_READ)
        self.end, self.ended = socket.socketpair()
        self.selector.register(self.ended, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end.close()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.ended:
                    return
                if key.fileobj is self.server:
                    self.selector.register(self.server.accept()[0], selectors.EVENT_READ,
                                           bytearray())
                else:
                    self.serve(key.fileobj, key.data)

    def serve(self, connection, data):
        try:
            got = connection.recv(1 << 16)
            data += got
            done = not got or not self.answer(connection, data)
        except OSError:
            done = True
        if done:
            self.selector.unregister(connection)
            connection.close()

    def answer(self, connection, data):
        """False: the connection is to be closed."""
        while found := read_request(bytes(data)):
            request, end = found
            del data[:end]
            if request.target != self.SETTLED:
                self.requests.append(request)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            if request.fault:
                return False
        return True

    def take(self):
        """The requests since the last call, once everything that was sent has been read: what was
        in a socket before this one is seen no later than this one."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as own:
            own.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % self.SETTLED)
            own.recv(1 << 16)
        taken, self.requests = self.requests, []
        return taken
