"""Uploads that end badly: cut off, wrong in a digest, too slow. What was there stays, and nothing is
left behind, no file and no descriptor."""

import concurrent.futures
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "client"))
from cloud import wait_until  # noqa: E402
from s3 import (MIB, UNSIGNED, S3TestCase, md5_base64, object_files, random_bytes,  # noqa: E402
                sha256_base64)
from s3_state import assert_fsck_finds_nothing, get, new_files, wait_tidy  # noqa: E402
from test_s3_signatures import Chunks  # noqa: E402

SMALL, LARGE, WHOLE = random_bytes(5000, 1), random_bytes(2 * MIB + 9, 2), random_bytes(700000, 3)
IDLE = 2  # seconds
LONG = 20


class BrokenUploads(S3TestCase):
    cloud_options = {"backend": "fake", "args": ["--idle-seconds", str(IDLE)]}
    bucket = "broken"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.before = cls.descriptors()  # nobody has asked it anything yet
        assert cls.wire.call("PUT", f"/{cls.bucket}").status == 200
        for key in ("there", "small"):
            assert cls.wire.call("PUT", f"/{cls.bucket}/{key}", body=WHOLE).status == 200

    def setUp(self):
        super().setUp()
        self.files = object_files(self.cloud)

    def tearDown(self):
        super().tearDown()
        wait_until(lambda: self.descriptors() == self.before, LONG,
                   lambda: f"descriptors: before {self.before}, now {self.descriptors()}")
        wait_tidy(self.cloud)
        self.assertEqual(object_files(self.cloud), self.files)
        self.assertEqual(get(self.wire, self.bucket, "there"), WHOLE)
        self.assertEqual(self.wire.call("GET", f"/{self.bucket}/gone").status, 404)

    @classmethod
    def tearDownClass(cls):
        cls.cloud.stop()
        assert_fsck_finds_nothing(cls.cloud)
        super().tearDownClass()

    @classmethod
    def descriptors(cls):
        """(files of objects, sockets) that the daemon has open."""
        files = sockets = 0
        for name in os.listdir(f"/proc/{cls.cloud.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{cls.cloud.pid}/fd/{name}")
            except OSError:
                continue  # closed meanwhile
            inside = target.startswith(f"{cls.cloud.state}/objects/")
            files += inside and not target.endswith("/new")
            sockets += target.startswith("socket:")
        return files, sockets

    # --- cut off ---

    def head(self, key, size, query="", headers=None, method="PUT"):
        """The beginning of a request whose body has that size."""
        headers = self.wire.sign(method, f"/{self.bucket}/{key}", query, headers, payload=UNSIGNED)
        lines = [f"{method} /{self.bucket}/{key}{'?' + query if query else ''} HTTP/1.1",
                 *(f"{name}: {value}" for name, value in headers.items()),
                 f"Content-Length: {size}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def cut_off(self, head, body, reset=False):
        """Sends that much and is gone: politely, or with a reset."""
        with self.wire.connect() as connection:
            connection.sendall(head + body)
            if len(body) > MIB:  # a file was begun, and goes with its client
                wait_until(lambda: new_files(self.cloud), LONG, "a file is begun")
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\1\0\0\0\0\0\0\0")

    def test_a_client_that_goes_away(self):
        for key in ("gone", "there"):
            for size in (0, 1, 1000, 40000, 200000, len(LARGE) - 1):
                for reset in (False, True):
                    with self.subTest(key=key, size=size, reset=reset):
                        self.cut_off(self.head(key, len(LARGE)), LARGE[:size], reset)
                        wait_until(lambda: not new_files(self.cloud), LONG, "the file goes")

    def test_a_small_object_of_which_a_byte_is_missing(self):
        self.cut_off(self.head("gone", len(SMALL)), SMALL[:-1])
        self.cut_off(self.head("there", len(SMALL)), SMALL[:-1])

    def test_many_clients_that_go_away(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(self.cut_off, self.head("gone", len(LARGE)), LARGE[:size])
                    for size in range(1000, MIB, 10000)]
            for job in jobs:
                job.result()
        wait_until(lambda: not new_files(self.cloud), LONG, "the files go")

    def test_a_part(self):
        upload = self.wire.call("POST", f"/{self.bucket}/gone", "uploads").text("UploadId")
        query = f"partNumber=1&uploadId={upload}"
        self.cut_off(self.head("gone", len(LARGE), query), LARGE[:-1])
        parts = self.wire.call("GET", f"/{self.bucket}/gone", f"uploadId={upload}")
        self.assertEqual((parts.status, parts.texts("PartNumber")), (200, []))
        self.assertEqual(self.wire.call("DELETE", f"/{self.bucket}/gone",
                                        f"uploadId={upload}").status, 204)

    def test_in_the_middle_of_a_chunk(self):
        chunks = Chunks(self.wire, f"/{self.bucket}/gone", LARGE)
        body = chunks.encode()
        head = (f"PUT /{self.bucket}/gone HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in chunks.headers.items())
            + f"Content-Length: {len(body)}\r\n\r\n").encode()
        for size in (10, 100, 70000, len(body) - 50, len(body) - 1):
            with self.subTest(size=size):
                self.cut_off(head, body[:size])

    # --- wrong ---

    def test_wrong_digests(self):
        for key in ("gone", "there"):
            for body in (SMALL, LARGE):
                for code, headers in (
                        ("BadDigest", {"Content-MD5": md5_base64(b"other")}),
                        ("BadDigest", {"x-amz-checksum-sha256": sha256_base64(b"other")}),
                        ("BadDigest", {"x-amz-checksum-crc32": "AAAAAA=="})):
                    with self.subTest(key=key, size=len(body), **headers):
                        self.raw_refused(code, 400, "PUT", f"/{self.bucket}/{key}",
                                         headers=headers, body=body)
                self.raw_refused("XAmzContentSHA256Mismatch", 400, "PUT", f"/{self.bucket}/{key}",
                                 body=body, payload="0" * 64)

    def test_wrong_signatures_of_chunks(self):
        for key in ("gone", "there"):
            for body, wrong in ((SMALL, 0), (SMALL, 1), (LARGE, 0), (LARGE, 7), (LARGE, 33)):
                with self.subTest(key=key, size=len(body), wrong=wrong):
                    reply = Chunks(self.wire, f"/{self.bucket}/{key}", body).send(break_chunk=wrong)
                    self.assert_error(reply, "SignatureDoesNotMatch", 403)

    def test_a_form_that_ends_too_early(self):
        boundary = "xyz"
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="key"\r\n\r\ngone\r\n'
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"\r\n\r\n').encode()
        reply = self.wire.send("POST", f"/{self.bucket}", headers={
            "Content-Type": f"multipart/form-data; boundary={boundary}"}, body=body + LARGE)
        self.assertGreaterEqual(reply.status, 400, reply)

    # --- slow ---

    def assert_ended_by_the_daemon(self, connection):
        """It answers or not, and closes."""
        connection.settimeout(LONG)
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def test_a_sender_that_falls_silent(self):
        for size in (0, 1000, 2 * MIB):
            with self.subTest(size=size), self.wire.connect() as connection:
                connection.sendall(self.head("gone", len(LARGE)) + LARGE[:size])
                if size > MIB:
                    wait_until(lambda: new_files(self.cloud), LONG, "a file is begun")
                self.assert_ended_by_the_daemon(connection)
                wait_until(lambda: not new_files(self.cloud), LONG, "the file goes")

    def test_a_reader_that_falls_silent(self):
        body = random_bytes(24 * MIB)  # more than sockets hold
        self.assertEqual(self.wire.call("PUT", f"/{self.bucket}/read", body=body).status, 200)
        with self.wire.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.sendall(self.head("read", 0, method="GET"))
            self.assertTrue(connection.recv(1))
            wait_until(lambda: self.descriptors()[0] > self.before[0], LONG, "it is being read")
            wait_until(lambda: self.descriptors() == self.before, LONG,
                       lambda: f"it is given up: {self.descriptors()}")
        self.assertEqual(self.wire.call("DELETE", f"/{self.bucket}/read").status, 204)


if __name__ == "__main__":
    unittest.main()
