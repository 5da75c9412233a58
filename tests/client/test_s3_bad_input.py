"""What no client should send: S3's own refusals, and nothing left of it."""

import os
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, object_files, random_bytes  # noqa: E402
from cloud import wait_until  # noqa: E402


class BadInputTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="bad")

    def assert_serves(self):
        self.s3.head_bucket(Bucket="bad")


class ErrorDocumentTest(BadInputTestCase):
    def test_an_error_document(self):
        reply = self.raw_refused("NoSuchKey", 404, "GET", "/bad/a%20b")
        self.assertRegex(reply.body, r'^<\?xml version="1.0" encoding="UTF-8"\?>\s*<Error>'
                                     r"<Code>NoSuchKey</Code><Message>[^<]+</Message>")
        self.assertEqual(reply.message, "The specified key does not exist.")
        self.assertEqual((reply.text("Key"), reply.text("Resource")), ("a b", "/bad/a%20b"))
        self.assertRegex(reply.headers["x-amz-request-id"], "^[0-9A-F]{16}$")
        self.assertTrue(reply.headers["x-amz-id-2"])

    def test_every_request_has_an_id_of_its_own(self):
        ids = {self.wire.call("GET", "/bad").headers["x-amz-request-id"] for _ in range(20)}
        self.assertEqual(len(ids), 20)

    def test_a_head_has_no_document(self):
        reply = self.wire.call("HEAD", "/bad/absent")
        self.assertEqual((reply.status, reply.bytes), (404, b""))

    def test_words_in_a_document_are_escaped(self):
        reply = self.raw_refused("NoSuchKey", 404, "GET", "/bad/%3CCode%3E%26%22%27%01")
        self.assertIn("&lt;Code&gt;&amp;", reply.body)
        reply = self.raw_refused("NoSuchBucket", 404, "GET", "/no%3Csuch%3Ebucket")
        self.assertNotIn("<such>", reply.body)

    def test_methods_that_there_are_not(self):
        for method, path in (("PATCH", "/bad/key"), ("POST", "/bad/key"), ("DELETE", "/"),
                             ("PUT", "/"), ("MKCOL", "/bad/x"), ("PROPFIND", "/bad")):
            with self.subTest(f"{method} {path}"):
                reply = self.wire.call(method, path)
                self.assertIn((reply.status, reply.code),
                              ((405, "MethodNotAllowed"), (400, "BadRequest"),
                               (501, "NotImplemented"), (412, "RequestIsNotMultiPartContent")),
                              reply)
        self.assert_serves()

    def test_what_is_not_implemented(self):
        for method, path, query in (("GET", "/bad", "analytics"), ("GET", "/bad", "inventory"),
                                    ("GET", "/bad", "metrics&id=x"),
                                    ("PUT", "/bad", "intelligent-tiering&id=x"),
                                    ("GET", "/bad/key", "torrent"),
                                    ("POST", "/bad/key", "select&select-type=2")):
            with self.subTest(f"{method} {path}?{query}"):
                self.put("bad", "key", b"kept")
                reply = self.wire.call(method, path, query)
                self.assertIn(reply.status, (200, 400, 404, 405, 501), reply)
                # Never taken for another operation.
                self.assertNotEqual(reply.bytes, b"kept")
                self.assertNotIn("ListBucketResult", reply.body)


# What the daemon makes on its own some time after its start.
MADE_MEANWHILE = r"\.db(-wal|-shm)?$|/state/(certificates|secrets)/[A-Za-z0-9.-]+$"


class NamesTest(BadInputTestCase):
    """Names that try to get out."""

    LEADING_OUT = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
                   "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cx", "a/../../../../tmp/x",
                   "%2Fetc%2Fpasswd", "./.", "..", "%2e%2e", "....//....//x", "new/../x",
                   "../objects/new/x", "../cumulet.db", "../credentials")

    def test_keys_are_names_and_no_paths(self):
        before = {path for path in self.state_files()}
        for path in self.LEADING_OUT:
            for body in (b"small", random_bytes(100 * 1024)):
                with self.subTest(path, size=len(body)):
                    reply = self.wire.call("PUT", "/bad/" + path, body=body)
                    self.assert_status(reply, 200)
                    self.assertEqual(self.wire.call("GET", "/bad/" + path).bytes, body)
        for path in set(self.state_files()) - before:
            self.assertTrue(re.search(r"/objects/(new|[0-9a-f]{2})/[0-9a-f-]+$", path)
                            or re.search(MADE_MEANWHILE, path), path)
        self.assertFalse(os.path.exists("/tmp/x"))

    def state_files(self):
        for directory, _, names in os.walk(self.cloud.state):
            for name in names:
                yield os.path.join(directory, name)

    def test_buckets_that_lead_out(self):
        for path in ("/..", "/../x", "/%2e%2e/x", "/..%2f..%2fetc/passwd", "/%2fetc/passwd", "/./x",
                     "/objects%2Fnew/x", "/%00/x", "/a%00b/x", "//", "//x", "///"):
            for method in ("GET", "PUT", "DELETE"):
                with self.subTest(f"{method} {path}"):
                    reply = self.wire.call(method, path)
                    self.assertIn(reply.status, (400, 404, 405), reply)
                    self.assertTrue(reply.code)
        self.assert_serves()

    def test_odd_percent_encodings(self):
        for path in ("/bad/%", "/bad/%a", "/bad/%zz", "/bad/a%", "/bad/%%41", "/bad/%u0041",
                     "/bad/%00", "/bad/a%00b", "/bad/%ff", "/bad/%c3", "/bad/%c3%28",
                     "/bad/%ed%a0%80", "/bad/%f8%88%80%80%80", "/bad/%c0%af", "/bad/%e2%82"):
            for method in ("GET", "PUT", "DELETE"):
                with self.subTest(f"{method} {path}"):
                    reply = self.wire.call(method, path, body=b"" if method != "PUT" else b"x")
                    self.assertEqual(reply.status, 400, reply)
                    self.assertTrue(reply.code)
        self.assertEqual([key for key in self.keys("bad") if "\ufffd" in key], [])

    def test_odd_queries(self):
        for query in ("%", "%zz=1", "prefix=%ff", "prefix=%zz", "prefix=%00", "=", "&&&", "=&=",
                      "prefix=a&prefix=b", "prefix", "max-keys=1&max-keys=2", "a=b=c=d",
                      "versionId=%00", "list-type=2&start-after=%ff", "marker=%c3", "x" * 5000,
                      "&".join(f"p{number}=1" for number in range(200))):
            with self.subTest(query[:40]):
                headers = self.wire.sign("GET", "/bad")
                reply = self.wire.send("GET", "/bad", query, headers)
                self.assertIn(reply.status, (200, 400, 403, 414), reply)
                reply = self.wire.call("GET", "/bad", query)
                self.assertIn(reply.status, (200, 400, 403, 414, 431), reply)
        self.assert_serves()


class RawTest(BadInputTestCase):
    """Bytes on a socket."""

    # libmicrohttpd may overlook that a client has left right behind its last bytes.
    cloud_options = {"backend": "fake", "args": ["--idle-seconds", "3"]}

    def request(self, line, *headers, body=b""):
        return (line + "\r\n" + "".join(header + "\r\n" for header in headers) + "\r\n").encode(
            "latin-1") + body

    def test_many_parameters(self):
        for number in (250, 300, 1000):
            query = "&".join(f"p{index}=1" for index in range(number))
            # Nobody signed it.
            self.assertEqual(self.wire.send("GET", "/bad", query).status, 403)

    def test_enormous_headers(self):
        for size in (10_000, 100_000, 2_000_000):
            with self.subTest(size):
                reply = self.wire.exchange(self.request(
                    "GET /bad/key HTTP/1.1", f"Host: {self.wire.host}",
                    "x-amz-meta-a: " + "v" * size))
                if reply is not None:
                    self.assertIn(reply.status, (400, 403, 413, 431), reply)
        reply = self.wire.exchange(self.request(
            "GET /bad/key HTTP/1.1", f"Host: {self.wire.host}",
            *(f"x-amz-meta-{number}: v" for number in range(5000))))
        if reply is not None:
            self.assertIn(reply.status, (400, 403, 413, 431), reply)
        reply = self.wire.exchange(self.request(
            "GET /bad/" + "k" * 100_000 + " HTTP/1.1", f"Host: {self.wire.host}"))
        if reply is not None:
            self.assertIn(reply.status, (400, 403, 413, 414, 431), reply)
        self.assert_serves()

    def test_odd_hosts(self):
        for host in ("", " ", "..", ".localhost", "a..b.localhost", "/", "\xff\xfe", "x" * 5000,
                     ".s3.amazonaws.com", "%2e%2e.localhost", "bad.localhost:99999999999",
                     "[::1]", "[", "bad.localhost.", "../bad.localhost", "-.localhost"):
            with self.subTest(host[:30]):
                reply = self.wire.exchange(self.request("GET /key HTTP/1.1", f"Host: {host}",
                                                        "Connection: close"))
                if reply is not None:
                    self.assertIn(reply.status // 100, (3, 4), reply)
        self.assert_serves()

    def test_lengths_that_are_none(self):
        for length in ("-1", "x", "", "1x", "99999999999999999999999", "0x10", "1, 2"):
            with self.subTest(length):
                headers = self.wire.sign("PUT", "/bad/length", payload="UNSIGNED-PAYLOAD")
                reply = self.wire.exchange(self.request(
                    "PUT /bad/length HTTP/1.1",
                    *(f"{name}: {value}" for name, value in headers.items()),
                    f"Content-Length: {length}", "Connection: close", body=b"x"))
                if reply is not None:
                    self.assertEqual(reply.status // 100, 4, reply)
        self.assertNotIn("length", self.keys("bad"))

    def test_no_length_at_all(self):
        headers = self.wire.sign("PUT", "/bad/lengthless", payload="UNSIGNED-PAYLOAD")
        reply = self.wire.exchange(self.request(
            "PUT /bad/lengthless HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "Connection: close"))
        self.assert_error(reply, "MissingContentLength", 411)

    def test_more_than_s3_takes(self):
        headers = self.wire.sign("PUT", "/bad/huge", payload="UNSIGNED-PAYLOAD")
        reply = self.wire.exchange(self.request(
            "PUT /bad/huge HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {5 * 1024 ** 3 + 1}", "Expect: 100-continue", "Connection: close"))
        self.assert_error(reply, "EntityTooLarge", 400)

    def test_garbage(self):
        for data in (b"\0" * 100, b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"PUT /bad/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"GET / HTTP/1.1\r\n: empty\r\n\r\n", random_bytes(5000), b"\x16\x03\x01\x02"):
            with self.subTest(data[:30]):
                with self.wire.connect(10) as connection:
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                    try:
                        while connection.recv(65536):
                            pass
                    except ConnectionResetError:
                        pass
        self.assert_serves()


class UploadTest(BadInputTestCase):
    """Bodies that do not come as they were announced."""

    # libmicrohttpd may overlook that a client has left right behind its last bytes.
    cloud_options = {"backend": "fake", "args": ["--idle-seconds", "3"]}

    def put_request(self, key, size, *more, path=None):
        path = path or f"/bad/{key}"
        path, _, query = path.partition("?")
        headers = self.wire.sign("PUT", path, query, payload="UNSIGNED-PAYLOAD")
        lines = [f"PUT {path}{'?' + query if query else ''} HTTP/1.1",
                 *(f"{name}: {value}" for name, value in headers.items()),
                 f"Content-Length: {size}", *more]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def assert_nothing_left(self, key, files):
        """What was there before may have gone meanwhile: another upload's that was cut off."""
        wait_until(lambda: set(object_files(self.cloud)) <= set(files), 20,
                   lambda: f"left over: {set(object_files(self.cloud)) - set(files)}")
        self.assertNotIn(key, self.keys("bad"))

    def test_an_upload_that_is_cut_off(self):
        files = object_files(self.cloud)
        for sent in (0, 1, 1000, 100 * 1024, 3 * MIB):
            for reset in (False, True):
                with self.subTest(sent, reset=reset):
                    with self.wire.connect() as connection:
                        connection.sendall(self.put_request("cut", 4 * MIB) + random_bytes(sent))
                        if reset:
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                  b"\1\0\0\0\0\0\0\0")
                    self.assert_nothing_left("cut", files)

    def test_a_cut_off_upload_leaves_the_old_object(self):
        self.put("bad", "old", b"old")
        with self.wire.connect() as connection:
            connection.sendall(self.put_request("old", MIB) + random_bytes(MIB - 1))
        self.assertEqual(self.get("bad", "old"), b"old")

    def test_a_part_that_is_cut_off(self):
        upload = self.s3.create_multipart_upload(Bucket="bad", Key="part")["UploadId"]
        files = object_files(self.cloud)
        with self.wire.connect() as connection:
            connection.sendall(self.put_request(
                None, 4 * MIB, path=f"/bad/part?partNumber=1&uploadId={upload}")
                + random_bytes(3 * MIB))
        self.assert_nothing_left("part", files)
        self.assertNotIn("Parts", self.s3.list_parts(Bucket="bad", Key="part", UploadId=upload))
        self.s3.abort_multipart_upload(Bucket="bad", Key="part", UploadId=upload)

    def test_slow_senders_get_there_and_hold_nobody_up(self):
        body = random_bytes(200 * 1024)
        with self.wire.connect() as slow:
            slow.sendall(self.put_request("slow", len(body)))
            for at in range(0, len(body), 20 * 1024):
                self.assert_serves()  # meanwhile
                self.assertNotIn("slow", self.keys("bad"))
                slow.sendall(body[at:at + 20 * 1024])
            self.assert_status(self.wire.read_reply(slow), 200)
        self.assertEqual(self.get("bad", "slow"), body)

    def test_byte_by_byte(self):
        data = self.put_request("bytes", 50) + b"b" * 50
        with self.wire.connect() as slow:
            slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(data)):
                slow.sendall(data[at:at + 1])
            self.assert_status(self.wire.read_reply(slow), 200)
        self.assertEqual(self.get("bad", "bytes"), b"b" * 50)

    def test_many_idle_uploads(self):
        files = object_files(self.cloud)
        connections = []
        try:
            for number in range(100):
                connection = self.wire.connect()
                connections.append(connection)
                connection.sendall(self.put_request(f"idle{number}", MIB) + b"x" * 50000)
            self.put("bad", "busy", b"1")
            self.assertEqual(self.get("bad", "busy"), b"1")
        finally:
            for connection in connections:
                connection.close()
        self.assert_nothing_left("idle0", files)

    def test_a_refusal_comes_before_the_body(self):
        request = (f"PUT /bad/refused HTTP/1.1\r\nHost: {self.wire.host}\r\n"
                   f"Content-Length: {100 * MIB}\r\nExpect: 100-continue\r\n\r\n").encode()
        reply = self.wire.exchange(request)
        self.assert_error(reply, "AccessDenied", 403)

    def test_who_waits_for_a_hundred_is_told(self):
        with self.wire.connect() as connection:
            connection.sendall(self.put_request("continued", 5, "Expect: 100-continue"))
            first = connection.recv(1000)
            self.assertTrue(first.startswith(b"HTTP/1.1 100 "), first)
            connection.sendall(b"hello")
            self.assert_status(self.wire.read_reply(connection), 200)
        self.assertEqual(self.get("bad", "continued"), b"hello")

    def test_http_chunks(self):
        headers = self.wire.sign("PUT", "/bad/chunks", payload="UNSIGNED-PAYLOAD")
        headers["Transfer-Encoding"] = "chunked"
        reply = self.wire.send("PUT", "/bad/chunks", "", headers, b"5\r\nhello\r\n0\r\n\r\n")
        self.assertIn((reply.status, reply.code), ((200, None), (411, "MissingContentLength"),
                                                   (501, "NotImplemented")), reply)

    def test_two_at_once_onto_one_key(self):
        bodies = [random_bytes(2 * MIB, seed) for seed in range(6)]
        threads = [threading.Thread(target=self.put, args=("bad", "raced", body))
                   for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(self.get("bad", "raced"), bodies)
        self.assertEqual(self.keys("bad", Prefix="raced"), ["raced"])

    def test_a_reader_who_leaves(self):
        self.put("bad", "left", random_bytes(8 * MIB))
        query = self.wire.presign("GET", "/bad/left")
        for _ in range(20):
            with self.wire.connect() as connection:
                connection.sendall(f"GET /bad/left?{query} HTTP/1.1\r\nHost: {self.wire.host}"
                                   "\r\n\r\n".encode())
                connection.recv(1000)
        self.assert_serves()

    def test_an_object_that_is_deleted_while_it_is_read(self):
        body = random_bytes(16 * MIB)
        self.put("bad", "vanishing", body)
        reply = self.s3.get_object(Bucket="bad", Key="vanishing")
        first = reply["Body"].read(MIB)
        self.s3.delete_object(Bucket="bad", Key="vanishing")
        self.assertEqual(first + reply["Body"].read(), body)


class DocumentsTest(BadInputTestCase):
    def test_a_document_that_is_too_large(self):
        body = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 100_000 + b"</Delete>"
        reply = self.wire.call("POST", "/bad", "delete", body=body)
        self.assertEqual(reply.status, 400, reply)
        self.assertIn(reply.code, ("MalformedXML", "MaxMessageLengthExceeded", "EntityTooLarge",
                                   "InvalidRequest"))
        self.assert_serves()

    def test_entities_are_not_expanded(self):
        body = (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">'
                b'<!ENTITY y "yyyyyyyyyy">]>'
                b"<Tagging><TagSet><Tag><Key>&x;&y;</Key><Value>v</Value></Tag></TagSet></Tagging>")
        self.raw_refused("MalformedXML", 400, "PUT", "/bad", "tagging", body=body)


if __name__ == "__main__":
    unittest.main()
