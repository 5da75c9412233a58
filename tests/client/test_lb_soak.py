"""Thousands of connections of all kinds while members come and go: nobody who behaves is failed,
and nothing is left of them afterwards."""

import asyncio
import collections
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from relay import Relay  # noqa: E402
from waiting import wait_until  # noqa: E402

ROUND = 3000  # connections; the first round fills what is kept for reuse
AT_ONCE = 100
PATIENCE = 60  # seconds for one visit
BIG = 3 << 20
IDLE_PIPES = 2 * 8 * 2  # descriptors that two loops may keep (lb/pipes.c)
MEMORY_SLACK = 128 << 10  # for one round: 43 bytes a connection would be more
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends a reset


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def make_certificate(directory):
    key, body = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", body, "-subj",
                    "/CN=soak.test", "-days", "2"], check=True, capture_output=True)
    return key, body


class BackEnd:
    """Answers by path, well or badly; speaks TCP to whoever says "tcp"."""

    async def start(self, context=None):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        try:
            while await self.answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer):
        line = await reader.readline()
        if line == b"tcp\n":
            writer.write(await reader.read(-1) + b"!")
            await writer.drain()
            return False
        head = await reader.readuntil(b"\r\n\r\n") if line else b""
        if not head:
            return False
        body = await self.read_body(head, reader)
        return await getattr(self, "say_" + line.split()[1][1:].decode())(reader, writer, body)

    async def read_body(self, head, reader):
        lower = head.lower()
        if b"transfer-encoding" in lower:
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
            return body
        _, found, rest = lower.partition(b"content-length:")
        return await reader.readexactly(int(rest.split()[0])) if found else b""

    async def say_echo(self, reader, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        return True

    async def say_big(self, reader, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG >> 18):
            writer.write(bytes(1 << 18))
            await writer.drain()
        return True

    async def say_chunks(self, reader, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for size in (1, 10, 1000):
            writer.write(b"%x\r\n%s\r\n" % (size, b"x" * size))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return True

    async def say_socket(self, reader, writer, body):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                     b"Upgrade: websocket\r\n\r\n")
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        return False

    async def say_cut(self, reader, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        return False

    async def say_reset(self, reader, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        reset(writer)
        return False

    async def say_junk(self, reader, writer, body):
        writer.write(b"what?\r\n\r\n")
        return False


class Visitors:
    """The clients: each visit_* is a connection of one kind, and fails when it is not served as it
    should be."""

    def __init__(self, ports, context):
        self.ports, self.context = ports, context
        self.done = collections.Counter()
        self.visits = [name for name in dir(self) if name.startswith("visit_")]

    async def open(self, name):
        context = self.context if name.startswith("https") else None
        return await asyncio.open_connection("127.0.0.1", self.ports[name], ssl=context)

    async def head(self, reader, status):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        return head

    async def end(self, writer):
        writer.close()
        try:
            await writer.wait_closed()
        except (OSError, ssl.SSLError):
            pass

    async def ask(self, reader, writer, body):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" %
                     (len(body), body))
        await self.head(reader, 200)
        assert await reader.readexactly(len(body)) == body

    async def keep(self, name):
        reader, writer = await self.open(name)
        for n in (0, 1, 3000):
            await self.ask(reader, writer, b"k" * n)
        await self.end(writer)

    async def visit_keep_alive(self):
        await self.keep("http")

    async def visit_tls(self):
        await self.keep("https")

    async def visit_tls_on_both_sides(self):
        await self.keep("https both")

    async def visit_one_request(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /echo HTTP/1.0\r\n\r\n")
        await self.head(reader, 200)
        assert await reader.read() == b""
        await self.end(writer)

    async def visit_half_closed(self):
        reader, writer = await self.open("tcp")
        writer.write(b"tcp\n" + b"h" * 1000)
        writer.write_eof()
        assert await reader.read() == b"h" * 1000 + b"!"
        await self.end(writer)

    async def visit_half_closed_http(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n")
        writer.write_eof()
        assert (await reader.read()).endswith(b"\r\n0\r\n\r\n")
        await self.end(writer)

    async def visit_big(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.head(reader, 200)
        await reader.readexactly(BIG)
        await self.end(writer)

    async def visit_big_and_leave(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.head(reader, 200)
        reset(writer)

    async def visit_chunks(self):
        reader, writer = await self.open("http")
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            writer.write(b"5\r\nabcde\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await self.head(reader, 200)
        assert await reader.readexactly(15) == b"abcde" * 3
        await self.end(writer)

    async def visit_slow(self):
        reader, writer = await self.open("http")
        for byte in b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        await self.head(reader, 200)
        await self.end(writer)

    async def visit_many_at_once(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
        for _ in range(5):
            await self.head(reader, 200)
        await self.end(writer)

    async def visit_socket(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                     b"Upgrade: websocket\r\n\r\n")
        await self.head(reader, 101)
        for size in (1, 500, 20000):
            writer.write(b"w" * size)
            assert await reader.readexactly(size) == b"w" * size
        await self.end(writer)

    async def visit_nothing(self):
        _, writer = await self.open("http")
        await self.end(writer)

    async def visit_bad_request(self):
        reader, writer = await self.open("http")
        writer.write(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        await self.head(reader, 400)
        await self.end(writer)

    async def visit_reset_in_a_head(self):
        _, writer = await self.open("http")
        writer.write(b"GET /echo HTTP/1.1\r\nHo")
        reset(writer)

    async def visit_reset_in_a_body(self):
        _, writer = await self.open("http")
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
        await writer.drain()
        reset(writer)

    async def visit_reset_tcp(self):
        _, writer = await self.open("tcp")
        writer.write(b"tcp\nabc")
        await writer.drain()
        reset(writer)

    async def visit_reset_in_a_handshake(self):
        _, writer = await asyncio.open_connection("127.0.0.1", self.ports["https"])
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        await writer.drain()
        reset(writer)

    async def visit_broken_answer(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.head(reader, 200)
        try:
            assert len(await reader.read()) < 1000
        except ConnectionResetError:
            pass
        await self.end(writer)

    async def visit_reset_answer(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /reset HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            await reader.read()
        except ConnectionResetError:
            pass
        await self.end(writer)

    async def visit_junk(self):
        reader, writer = await self.open("http")
        writer.write(b"GET /junk HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.head(reader, 502)
        await self.end(writer)

    async def visit(self, name, places):
        async with places:
            try:
                await asyncio.wait_for(getattr(self, name)(), PATIENCE)
            except Exception as error:
                raise AssertionError(f"{name}: {error!r}") from error
            self.done[name] += 1

    async def come(self, n):
        places = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self.visit(self.visits[i % len(self.visits)], places)
                               for i in range(n)))


class Soak(unittest.TestCase):
    timeout = 600

    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.process.kill)
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="cumulet-soak-"))

    def listen(self, back_ends, secure):
        key, body = make_certificate(self.directory)
        with open(key, encoding="ascii") as k, open(body, encoding="ascii") as b:
            identity = {"key": k.read(), "certificate": b.read()}
        common = {"balancer": "b", "drain_seconds": 600, "idle_seconds": 120}
        plain = [back_end.port for back_end in back_ends]
        return {
            "tcp": self.relay.listen(plain, **common),
            "http": self.relay.listen(plain, protocol="HTTP", target_protocol="HTTP", **common),
            "https": self.relay.listen(plain, protocol="HTTPS", target_protocol="HTTP",
                                       **identity, **common),
            "https both": self.relay.listen([secure.port], protocol="HTTPS",
                                            target_protocol="HTTPS", **identity, **common)}

    def contexts(self):
        key, body = make_certificate(self.directory)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(body, key)
        client = ssl.create_default_context()
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        return server, client

    def descriptors(self):
        """What they are → how many of them are open."""
        folder = f"/proc/{self.relay.process.pid}/fd"
        kinds = []
        for name in os.listdir(folder):
            try:
                kinds.append(os.readlink(os.path.join(folder, name)).split(":")[0])
            except FileNotFoundError:
                pass  # closed meanwhile
        return collections.Counter(kinds)

    async def change_members(self, ended):
        """One after the other is out of service, drains, is gone and comes back, as fast as it
        goes."""
        dice, changes = random.Random(5), 0
        before = [list(listener["targets"]) for listener in self.relay.listeners[:3]]
        while not ended.is_set():
            for listener, targets in zip(self.relay.listeners, before):
                which = dice.randrange(len(targets))
                state = dice.choice([{"out_of_service": True}, {"draining": True}, None])
                listener["targets"] = [
                    target for i, target in enumerate(targets) if i != which]
                if state:
                    listener["targets"].append({**targets[which], **state})
            await asyncio.to_thread(self.relay.apply)
            changes += 1
            await asyncio.sleep(0.02)
        for listener, targets in zip(self.relay.listeners, before):
            listener["targets"] = targets
        await asyncio.to_thread(self.relay.apply)
        return changes

    async def round(self, visitors):
        ended = asyncio.Event()
        changing = asyncio.create_task(self.change_members(ended))
        try:
            await visitors.come(ROUND)
        finally:
            ended.set()
            changes = await changing
        self.assertGreater(changes, 10)
        await asyncio.to_thread(self.rest)

    def stats(self):
        return self.relay.ask("stats")

    def rest(self):
        """Lets go of idle connections to back ends, by taking the back ends away for a moment."""
        wait_until(lambda: self.stats()["connections"] == 0, 60, lambda: self.stats())
        before = [listener["targets"] for listener in self.relay.listeners]
        for listener in self.relay.listeners:
            listener["targets"] = []
        self.relay.apply()
        for listener, targets in zip(self.relay.listeners, before):
            listener["targets"] = targets
        self.relay.apply()

    async def soak(self):
        server, client = self.contexts()
        back_ends = [await BackEnd().start() for _ in range(3)]
        secure = await BackEnd().start(server)
        visitors = Visitors(self.listen(back_ends, secure), client)
        descriptors = self.descriptors()
        await self.round(visitors)
        memory = self.stats()["memory"]
        await self.round(visitors)
        grown = self.stats()["memory"] - memory
        self.assertGreaterEqual(min(visitors.done[name] for name in visitors.visits),
                                2 * (ROUND // len(visitors.visits)))
        after = self.descriptors()
        self.assertLessEqual(after.pop("pipe") - descriptors.pop("pipe"), IDLE_PIPES)
        self.assertEqual(after, descriptors)
        self.assertLess(grown, MEMORY_SLACK)
        for back_end in (*back_ends, secure):
            back_end.server.close()

    def test_nothing_is_left_of_thousands_of_connections(self):
        asyncio.run(self.soak())
        self.assertEqual(self.relay.close(), 0)


if __name__ == "__main__":
    unittest.main()
