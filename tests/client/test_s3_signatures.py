"""Signatures of S3, by hand: V4 in headers, in addresses and in chunks; V2; and none."""

import base64
import datetime
import hashlib
import hmac
import os
import sys
import time
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import (EMPTY_SHA256, MIB, S3TestCase, localhost_names, quote, random_bytes,  # noqa: E402
                utcnow)

NOBODY = "AKIAAAAAAAAAAAAAAAAA"


def minutes(number):
    return utcnow() + datetime.timedelta(minutes=number)


class SignatureTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="signed")
        cls.s3.put_object(Bucket="signed", Key="key", Body=b"body")

    def assert_body(self, reply, body=b"body"):
        self.assertEqual((reply.status, reply.bytes), (200, body), reply)


class HeaderTest(SignatureTestCase):
    """Authorization: AWS4-HMAC-SHA256 …"""

    def test_a_right_one(self):
        self.assert_body(self.wire.call("GET", "/signed/key"))

    def test_a_wrong_secret(self):
        reply = self.raw_refused("SignatureDoesNotMatch", 403, "GET", "/signed/key", secret="x")
        self.assertEqual(reply.text("AWSAccessKeyId"), self.wire.key)
        self.assertTrue(reply.text("StringToSign").startswith("AWS4-HMAC-SHA256\n"))
        self.assertEqual(bytes.fromhex(reply.text("StringToSignBytes")).decode(),
                         reply.text("StringToSign"))
        self.assertRegex(reply.text("SignatureProvided"), "^[0-9a-f]{64}$")
        self.assertTrue(reply.text("CanonicalRequest").startswith("GET\n/signed/key\n"))
        self.assertEqual(bytes.fromhex(reply.text("CanonicalRequestBytes")).decode(),
                         reply.text("CanonicalRequest"))

    def test_an_unknown_key(self):
        reply = self.raw_refused("InvalidAccessKeyId", 403, "GET", "/signed/key", key=NOBODY)
        self.assertEqual(reply.text("AWSAccessKeyId"), NOBODY)

    def test_the_clock(self):
        for offset in (-14, 14):
            self.assert_body(self.wire.call("GET", "/signed/key", when=minutes(offset)))
        for offset in (-16, 16, -60 * 24 * 400):
            with self.subTest(offset):
                reply = self.raw_refused("RequestTimeTooSkewed", 403, "GET", "/signed/key",
                                         when=minutes(offset))
                self.assertEqual(reply.text("MaxAllowedSkewMilliseconds"), "900000")
                self.assertTrue(reply.text("RequestTime"))
                self.assertTrue(reply.text("ServerTime"))

    def test_what_is_signed_is_what_counts(self):
        headers = self.wire.sign("GET", "/signed/key")
        for method, path, query in (("GET", "/signed/other", ""), ("HEAD", "/signed/key", ""),
                                    ("GET", "/signed/key", "versionId=null")):
            with self.subTest(f"{method} {path}?{query}"):
                reply = self.wire.send(method, path, query, headers)
                self.assert_status(reply, 403)
        changed = {**self.wire.sign("PUT", "/signed/x", headers={"x-amz-meta-a": "1"}),
                   "x-amz-meta-a": "2"}
        self.assert_error(self.wire.send("PUT", "/signed/x", "", changed),
                          "SignatureDoesNotMatch", 403)

    def test_an_amz_header_must_be_signed(self):
        headers = {**self.wire.sign("PUT", "/signed/added"), "x-amz-acl": "public-read"}
        reply = self.wire.send("PUT", "/signed/added", "", headers)
        self.assertEqual((reply.status, reply.code), (403, "AccessDenied"), reply)
        self.assertIn("x-amz-acl", reply.text("HeadersNotSigned") or "")

    def test_the_host_must_be_signed(self):
        headers = self.wire.sign("GET", "/signed/key",
                                 signed=["x-amz-date", "x-amz-content-sha256"])
        reply = self.wire.send("GET", "/signed/key", "", headers)
        self.assertIn(reply.status, (400, 403), reply)

    def test_headers_that_are_none(self):
        good = self.wire.sign("GET", "/signed/key")["Authorization"]
        for text in ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a",
                     good.replace("/s3/", "/"), good.replace("Signature=", "Sig="),
                     good.replace("SignedHeaders=", "Headers="),
                     good.replace("aws4_request", "aws5_request"), good.replace("Credential=", "")):
            with self.subTest(text):
                headers = {**self.wire.sign("GET", "/signed/key"), "Authorization": text}
                self.assert_error(self.wire.send("GET", "/signed/key", "", headers),
                                  "AuthorizationHeaderMalformed", 400)
        for text in ("Basic dXNlcjpwYXNz", "Bearer abc", "nonsense"):
            with self.subTest(text):
                headers = {"Authorization": text}
                reply = self.wire.send("GET", "/signed/key", "", headers)
                self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)

    def test_any_scope(self):
        for region, service in (("us-east-1", "s3"), ("eu-west-1", "s3"), ("0", "127")):
            self.assert_body(self.wire.call("GET", "/signed/key", region=region, service=service))

    def test_host_without_its_port(self):
        self.assert_body(self.wire.call("GET", "/signed/key", host=self.wire.address))
        self.assert_body(self.wire.call("GET", "/signed/key",
                                        headers={"Host": self.wire.address}))

    def test_no_space_after_commas(self):
        headers = self.wire.sign("GET", "/signed/key")
        headers["Authorization"] = headers["Authorization"].replace(", ", ",")
        self.assert_body(self.wire.send("GET", "/signed/key", "", headers))

    def test_keys_that_travel_encoded(self):
        self.put("signed", "pre/fix (1)+~ü", b"encoded")
        for path in ("/signed/pre%2Ffix%20(1)+~%C3%BC", "/signed/pre/fix%20%281%29%2B%7E%c3%bc"):
            with self.subTest(path):
                self.assert_body(self.wire.call("GET", path), b"encoded")

    def test_slashes_and_dots_stay(self):
        for key in ("a//b", "/a", "a/../b", "./a", "a/.", "//"):
            with self.subTest(key):
                self.assert_status(self.wire.call("PUT", "/signed/" + key, body=key.encode()), 200)
                self.assert_body(self.wire.call("GET", "/signed/" + key), key.encode())
                self.assertIn(key, self.keys("signed"))

    def test_a_form_is_an_object_like_any_other(self):
        body = b"Action=DescribeInstances&Version=2016-11-15"
        reply = self.wire.call("PUT", "/signed/form", body=body, headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        self.assert_status(reply, 200)
        self.assert_body(self.wire.call("GET", "/signed/form"), body)

    def test_an_unsigned_payload(self):
        self.assert_status(self.wire.call("PUT", "/signed/unsigned", body=b"x",
                                          payload="UNSIGNED-PAYLOAD"), 200)

    def test_a_security_token_that_there_is_not(self):
        self.raw_refused("InvalidToken", 400, "GET", "/signed/key",
                         headers={"x-amz-security-token": "token"})

    def test_folded_spaces_in_headers(self):
        reply = self.wire.call("PUT", "/signed/spaces", headers={"x-amz-meta-s": "a   b"})
        self.assert_status(reply, 200)


class PresignedTest(SignatureTestCase):
    def test_get_put_head_delete(self):
        for client in (self.s3, self.cloud.boto3("s3", config=config_of("s3"))):
            key = "presigned ü/+%"
            for operation, method, body, status in (
                    ("put_object", "PUT", b"sent", 200), ("get_object", "GET", None, 200),
                    ("head_object", "HEAD", None, 200), ("delete_object", "DELETE", None, 204)):
                url = client.generate_presigned_url(operation, {"Bucket": "signed", "Key": key})
                path, _, query = url[len(self.cloud.endpoint.rstrip("/")):].partition("?")
                with self.subTest(operation, url=url):
                    reply = self.wire.send(method, path, query, None, body)
                    self.assert_status(reply, status)
                    if method == "GET":
                        self.assertEqual(reply.bytes, b"sent")

    def test_with_other_headers_in_the_reply(self):
        url = self.s3.generate_presigned_url("get_object", {
            "Bucket": "signed", "Key": "key", "ResponseContentType": "text/html",
            "ResponseContentDisposition": 'attachment; filename="ü.txt"'})
        path, _, query = url[len(self.cloud.endpoint.rstrip("/")):].partition("?")
        reply = self.wire.send("GET", path, query)
        self.assertEqual(reply.headers["Content-Type"], "text/html")

    def test_by_hand(self):
        self.assert_body(self.wire.send("GET", "/signed/key",
                                        self.wire.presign("GET", "/signed/key")))

    def test_an_expired_one(self):
        query = self.wire.presign("GET", "/signed/key", expires=60, when=minutes(-2))
        reply = self.wire.send("GET", "/signed/key", query)
        self.assert_error(reply, "AccessDenied", 403)
        self.assertEqual(reply.message, "Request has expired")
        self.assertEqual(reply.text("X-Amz-Expires"), "60")
        self.assertTrue(reply.text("Expires"))
        self.assertTrue(reply.text("ServerTime"))
        query = self.wire.presign("GET", "/signed/key", expires=600, when=minutes(-2))
        self.assert_body(self.wire.send("GET", "/signed/key", query))

    def test_one_of_the_future(self):
        query = self.wire.presign("GET", "/signed/key", when=minutes(60))
        reply = self.wire.send("GET", "/signed/key", query)
        self.assertEqual((reply.status, reply.code), (403, "AccessDenied"), reply)

    def test_how_long(self):
        self.assert_body(self.wire.send("GET", "/signed/key", self.wire.presign(
            "GET", "/signed/key", expires=604800)))
        for expires in (0, -1, 604801, "x", ""):
            with self.subTest(expires):
                query = self.wire.presign("GET", "/signed/key", expires=expires)
                reply = self.wire.send("GET", "/signed/key", query)
                if expires == 0:
                    self.assertIn(reply.status, (400, 403), reply)
                else:
                    self.assert_error(reply, "AuthorizationQueryParametersError", 400)

    def test_what_is_missing(self):
        query = self.wire.presign("GET", "/signed/key")
        for name in ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                     "X-Amz-Signature"):
            with self.subTest(name):
                rest = "&".join(item for item in query.split("&")
                                if not item.startswith(name + "="))
                self.assert_error(self.wire.send("GET", "/signed/key", rest),
                                  "AuthorizationQueryParametersError", 400)

    def test_changed_ones(self):
        query = self.wire.presign("GET", "/signed/key")
        for method, path, text in (("GET", "/signed/other", query), ("PUT", "/signed/key", query),
                                   ("GET", "/signed/key", query[:-1] + "g"),
                                   ("GET", "/signed/key", query + "&versionId=null"),
                                   ("GET", "/signed/key",
                                    query.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))):
            with self.subTest(f"{method} {path}?{text}"):
                self.assert_error(self.wire.send(method, path, text),
                                  "SignatureDoesNotMatch", 403)

    def test_signed_headers_must_come(self):
        query = self.wire.presign("PUT", "/signed/typed", headers={"content-type": "text/x"})
        self.assert_status(self.wire.send("PUT", "/signed/typed", query,
                                          {"Content-Type": "text/x"}, b"1"), 200)
        self.assert_status(self.wire.send("PUT", "/signed/typed", query, {}, b"1"), 403)
        self.assert_status(self.wire.send("PUT", "/signed/typed", query,
                                          {"Content-Type": "text/y"}, b"1"), 403)

    def test_the_body_that_was_signed(self):
        digest = hashlib.sha256(b"signed").hexdigest()
        query = self.wire.presign("PUT", "/signed/bound", f"X-Amz-Content-Sha256={digest}")
        for headers in ({}, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
                        {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}):
            with self.subTest(headers):
                reply = self.wire.send("PUT", "/signed/bound", query, headers, b"other")
                self.assertEqual((reply.status, reply.code), (400, "XAmzContentSHA256Mismatch"))
                self.assert_status(
                    self.wire.send("PUT", "/signed/bound", query, headers, b"signed"), 200)

    def test_two_ways_at_once(self):
        query = self.wire.presign("GET", "/signed/key")
        headers = self.wire.sign("GET", "/signed/key", query)
        reply = self.wire.send("GET", "/signed/key", query, headers)
        self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)

    def test_an_unknown_key(self):
        query = self.wire.presign("GET", "/signed/key", key=NOBODY)
        self.assert_error(self.wire.send("GET", "/signed/key", query), "InvalidAccessKeyId", 403)


def config_of(version):
    from botocore.config import Config
    return Config(signature_version=version, retries={"max_attempts": 0})


class Chunks:
    """A body in aws-chunked, signed or not, right or wrong as a test wants it."""

    def __init__(self, wire, path, body, *, signed=True, trailer=None, sizes=(65536,), query="",
                 headers=None, decoded=None):
        self.wire, self.path, self.query = wire, path, query
        self.signed, self.trailer = signed, trailer
        self.when = utcnow()
        self.scope = wire.scope(self.when)
        self.pieces = []
        at = 0
        for index in range(len(body) + 1):
            if at >= len(body):
                break
            size = sizes[min(index, len(sizes) - 1)]
            self.pieces.append(body[at:at + size])
            at += size
        payload = {(True, False): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                   (True, True): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                   (False, True): "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}[signed, bool(trailer)]
        more = {"Content-Encoding": "aws-chunked", **(headers or {}),
                "x-amz-decoded-content-length":
                    str(len(body) if decoded is None else decoded)}
        if trailer:
            more["x-amz-trailer"] = ",".join(trailer)
        self.headers = wire.sign("PUT", path, query, more, payload=payload, when=self.when)
        self.seed = self.headers["Authorization"].rpartition("=")[2]

    def chunk_mac(self, previous, piece):
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", f"{self.when:%Y%m%dT%H%M%SZ}", self.scope,
                          previous, EMPTY_SHA256, hashlib.sha256(piece).hexdigest()])
        return self.wire.mac(text, self.scope)

    def trailer_mac(self, previous):
        lines = "".join(f"{name}:{value}\n" for name, value in self.trailer.items())
        text = "\n".join(["AWS4-HMAC-SHA256-TRAILER", f"{self.when:%Y%m%dT%H%M%SZ}", self.scope,
                          previous, hashlib.sha256(lines.encode()).hexdigest()])
        return self.wire.mac(text, self.scope)

    def encode(self, break_chunk=None, break_trailer=False):
        out, previous = [], self.seed
        for index, piece in enumerate([*self.pieces, b""]):
            extension = b""
            if self.signed:
                previous = self.chunk_mac(previous, piece)
                sent = previous if index != break_chunk else "0" * 64
                extension = b";chunk-signature=" + sent.encode()
            out.append(b"%x%s\r\n" % (len(piece), extension))
            if piece:
                out.append(piece + b"\r\n")
        for name, value in (self.trailer or {}).items():
            out.append(f"{name}:{value}\r\n".encode())
        if self.trailer and self.signed:
            mac = self.trailer_mac(previous) if not break_trailer else "0" * 64
            out.append(f"x-amz-trailer-signature:{mac}\r\n".encode())
        out.append(b"\r\n")
        return b"".join(out)

    def send(self, body=None, http_chunks=False, **options):
        body = self.encode(**options) if body is None else body
        headers = dict(self.headers)
        if http_chunks:
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        return self.wire.send("PUT", self.path, self.query, headers, body)


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


class ChunkedTest(SignatureTestCase):
    FORMS = (dict(), dict(trailer=True), dict(signed=False, trailer=True))

    def chunks(self, body, form, **options):
        form = dict(form)
        if form.get("trailer"):
            form["trailer"] = {"x-amz-checksum-crc32": crc32(body)}
        return Chunks(self.wire, "/signed/chunked", body, **form, **options)

    def test_every_form_and_size(self):
        for form in self.FORMS:
            for size in (0, 1, 65536, 65537, 300000):
                for sizes in ((65536,), (8192, 100000), (1000000,)):
                    for http_chunks in (False, True):
                        body = random_bytes(size)
                        with self.subTest(**form, size=size, http_chunks=http_chunks):
                            self.assert_status(
                                self.chunks(body, form, sizes=sizes).send(http_chunks=http_chunks),
                                200)
                            self.assert_body(self.wire.call("GET", "/signed/chunked"), body)

    def test_the_encoding_is_not_kept(self):
        chunks = self.chunks(b"x", {}, headers={"Content-Encoding": "aws-chunked,gzip"})
        self.assert_status(chunks.send(), 200)
        self.assertEqual(self.s3.head_object(Bucket="signed", Key="chunked")["ContentEncoding"],
                         "gzip")
        self.assert_status(self.chunks(b"x", {}).send(), 200)
        self.assertNotIn("ContentEncoding",
                         self.s3.head_object(Bucket="signed", Key="chunked"))

    def refused_chunks(self, reply, code, status, key="chunked"):
        self.assert_error(reply, code, status)
        self.assertEqual(self.get("signed", "chunked"), b"before")

    def test_wrong_signatures(self):
        self.put("signed", "chunked", b"before")
        body = random_bytes(200000)
        for form in self.FORMS[:2]:
            for index in (0, 1, 3, 4):
                with self.subTest(index, **form):
                    reply = self.chunks(body, form).send(break_chunk=index)
                    self.refused_chunks(reply, "SignatureDoesNotMatch", 403)
        reply = self.chunks(body, {"trailer": True}).send(break_trailer=True)
        self.refused_chunks(reply, "SignatureDoesNotMatch", 403)

    def test_changed_bytes(self):
        self.put("signed", "chunked", b"before")
        body = random_bytes(100000)
        for form, code, status in zip(self.FORMS, ("SignatureDoesNotMatch",) * 2 + ("BadDigest",),
                                      (403, 403, 400)):
            for position in (1000, 66000, 90000):
                chunks = self.chunks(body, form)
                data = bytearray(chunks.encode())
                data[position] ^= 1
                with self.subTest(position, **form):
                    self.refused_chunks(chunks.send(bytes(data)), code, status)

    def test_a_wrong_checksum_in_the_trailer(self):
        self.put("signed", "chunked", b"before")
        for signed in (True, False):
            chunks = Chunks(self.wire, "/signed/chunked", b"body", signed=signed,
                            trailer={"x-amz-checksum-crc32": crc32(b"other")})
            self.refused_chunks(chunks.send(), "BadDigest", 400)

    def test_a_body_that_is_cut_off(self):
        self.put("signed", "chunked", b"before")
        body = random_bytes(100000)
        for form in self.FORMS:
            data = self.chunks(body, form).encode()
            for size in (0, 1, 50, 70000, len(data) - 30, len(data) - 1):
                chunks = self.chunks(body, form)
                with self.subTest(size, **form):
                    reply = chunks.send(chunks.encode()[:size])
                    self.assertEqual(reply.status, 400, reply)
                    self.assertEqual(self.get("signed", "chunked"), b"before")

    def test_a_length_that_is_not_the_bodys(self):
        self.put("signed", "chunked", b"before")
        for form in self.FORMS:
            for decoded in (3, 5, 0):
                with self.subTest(decoded, **form):
                    reply = self.chunks(b"body", form, decoded=decoded).send()
                    self.refused_chunks(reply, "IncompleteBody", 400)

    def test_garbage_between_chunks(self):
        self.put("signed", "chunked", b"before")
        for form in self.FORMS:
            for old, new in ((b"\r\n", b"\n"), (b"\r\n", b"XX"), (b"4", b"zz"), (b"4", b"-4"),
                             (b"4", b"ffffffffffffffffff"), (b"4", b"4" * 5000),
                             (b"4", b"4" + b" " * 40000)):
                chunks = self.chunks(b"body", form)
                with self.subTest(new[:20], **form):
                    reply = chunks.send(chunks.encode().replace(old, new, 1))
                    self.assertIn(reply.status, (400, 403), reply)
                    self.assertTrue(reply.code)
                    self.assertEqual(self.get("signed", "chunked"), b"before")

    def test_more_behind_the_end(self):
        self.put("signed", "chunked", b"before")
        for form in self.FORMS:
            chunks = self.chunks(b"body", form)
            with self.subTest(**form):
                reply = chunks.send(chunks.encode() + b"more")
                self.assertEqual(reply.status, 400, reply)
                self.assertEqual(self.get("signed", "chunked"), b"before")

    def test_a_part_in_chunks(self):
        upload = self.s3.create_multipart_upload(Bucket="signed", Key="p")["UploadId"]
        reply = Chunks(self.wire, "/signed/p", b"part", query=f"partNumber=1&uploadId={upload}",
                       trailer={"x-amz-checksum-crc32": crc32(b"part")}).send()
        self.assert_status(reply, 200)
        etag = reply.headers["ETag"]
        self.s3.complete_multipart_upload(Bucket="signed", Key="p", UploadId=upload,
                                          MultipartUpload={"Parts": [
                                              {"PartNumber": 1, "ETag": etag}]})
        self.assertEqual(self.get("signed", "p"), b"part")

    def test_a_large_one(self):
        body = random_bytes(9 * MIB)
        for form in self.FORMS:
            self.assert_status(self.chunks(body, form, sizes=(MIB,)).send(), 200)
            self.assert_body(self.wire.call("GET", "/signed/chunked"), body)


class Version2Test(SignatureTestCase):
    def test_a_right_one(self):
        self.assert_body(self.wire.call_v2("GET", "/signed/key"))
        self.assert_status(self.wire.call_v2("PUT", "/signed/v2", body=b"v2", headers={
            "Content-Type": "text/x", "x-amz-meta-b": "2", "x-amz-meta-a": "1",
            "x-amz-acl": "private"}), 200)
        head = self.s3.head_object(Bucket="signed", Key="v2")
        self.assertEqual((head["ContentType"], head["Metadata"]),
                         ("text/x", {"a": "1", "b": "2"}))

    def test_a_wrong_one(self):
        reply = self.wire.call_v2("GET", "/signed/key", secret="x")
        self.assert_error(reply, "SignatureDoesNotMatch", 403)
        self.assertEqual(reply.text("AWSAccessKeyId"), self.wire.key)
        self.assertTrue(reply.text("StringToSign").startswith("GET\n\n\n"))
        self.assertTrue(reply.text("SignatureProvided"))
        self.assert_error(self.wire.call_v2("GET", "/signed/key", key=NOBODY),
                          "InvalidAccessKeyId", 403)

    def test_the_clock(self):
        self.assert_error(self.wire.call_v2("GET", "/signed/key", when=minutes(-16)),
                          "RequestTimeTooSkewed", 403)
        headers = {"Authorization": f"AWS {self.wire.key}:c2lnbmF0dXJl"}
        self.assert_status(self.wire.send("GET", "/signed/key", "", headers), 403)

    def test_the_date_of_amz(self):
        date = utcnow().strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"x-amz-date": date}
        text = self.wire.text_v2("GET", "/signed/key", "", headers, "")
        headers["Authorization"] = f"AWS {self.wire.key}:{self.wire.mac_v2(text)}"
        self.assert_body(self.wire.send("GET", "/signed/key", "", headers))

    def test_subresources_are_signed(self):
        for query in ("acl", "location", "versioning", "versions", "uploads",
                      "versioning&max-keys=5"):
            with self.subTest(query):
                path = "/signed/key" if query == "acl" else "/signed"
                self.assert_status(self.wire.call_v2("GET", path, query), 200)
        reply = self.wire.call_v2("GET", "/signed/key", "response-content-type=text%2Fodd")
        self.assertEqual(reply.headers["Content-Type"], "text/odd")
        self.assert_status(self.wire.call_v2("GET", "/signed", "prefix=k&max-keys=2"), 200)

    def test_the_path_is_signed_as_it_is_sent(self):
        self.put("signed", "pre/fix ü", b"sent")
        for path in ("/signed/pre%2Ffix%20%C3%BC", "/signed/pre/fix%20%C3%BC"):
            self.assert_body(self.wire.call_v2("GET", path), b"sent")

    def test_a_virtual_host(self):
        for host in ("signed.localhost", f"signed.localhost:{self.wire.port}",
                     "signed.s3.amazonaws.com"):
            with self.subTest(host):
                self.assert_body(self.wire.call_v2("GET", "/key", bucket="signed",
                                                   headers={"Host": host}))

    def test_addresses_that_expire(self):
        now = int(time.time())
        self.assert_body(self.wire.send("GET", "/signed/key", self.wire.presign_v2(
            "GET", "/signed/key", expires=now + 60)))
        reply = self.wire.send("GET", "/signed/key", self.wire.presign_v2(
            "GET", "/signed/key", expires=now - 60))
        self.assert_error(reply, "AccessDenied", 403)
        self.assertEqual(reply.message, "Request has expired")
        reply = self.wire.send("GET", "/signed/key", self.wire.presign_v2(
            "GET", "/signed/key", expires=now + 60, secret="x"))
        self.assert_error(reply, "SignatureDoesNotMatch", 403)
        reply = self.wire.send("GET", "/signed/key",
                               f"AWSAccessKeyId={self.wire.key}&Signature=x&Expires=soon")
        self.assertIn(reply.status, (400, 403), reply)

    def test_an_address_is_for_what_it_was_made(self):
        query = self.wire.presign_v2("GET", "/signed/key", expires=int(time.time()) + 60)
        for more in ("acl", "attributes", "retention", "legal-hold", "tagging", "torrent"):
            for text in (f"{more}&{query}", f"{query}&{more}="):
                with self.subTest(text):
                    self.assert_error(self.wire.send("GET", "/signed/key", text),
                                      "SignatureDoesNotMatch", 403)
        self.assert_body(self.wire.send("GET", "/signed/key", query + "&more=1"))

    def test_a_digest_is_signed(self):
        digest = base64.b64encode(hashlib.md5(b"x").digest()).decode()
        self.assert_status(self.wire.call_v2("PUT", "/signed/d", body=b"x",
                                             headers={"Content-MD5": digest}), 200)


class VirtualHostTest(SignatureTestCase):
    def test_hosts_that_name_a_bucket(self):
        for host in ("signed.localhost", f"signed.localhost:{self.wire.port}",
                     "signed.s3.amazonaws.com", "signed.s3.us-east-1.amazonaws.com",
                     "signed.s3-us-west-2.amazonaws.com"):
            with self.subTest(host):
                self.assert_body(self.wire.call("GET", "/key", headers={"Host": host}))
                reply = self.wire.call("GET", "/", headers={"Host": host})
                self.assertEqual(reply.text("Name"), "signed")

    def test_hosts_that_name_none(self):
        for host in ("localhost", f"127.0.0.1:{self.wire.port}", "s3.amazonaws.com",
                     "s3.us-east-1.amazonaws.com", "s3-us-west-2.amazonaws.com"):
            with self.subTest(host):
                self.assert_body(self.wire.call("GET", "/signed/key", headers={"Host": host}))

    def test_a_bucket_with_dots(self):
        self.s3.create_bucket(Bucket="a.bucket.with-dots")
        self.put("a.bucket.with-dots", "k", b"dots")
        for host in ("a.bucket.with-dots.s3.amazonaws.com", "a.bucket.with-dots.localhost"):
            self.assert_body(self.wire.call("GET", "/k", headers={"Host": host}), b"dots")

    def test_boto3_with_the_bucket_in_the_hosts_name(self):
        from botocore.config import Config
        endpoint = f"http://localhost:{self.wire.port}"
        for version in ("s3v4", "s3"):
            with localhost_names():
                s3 = self.cloud.boto3("s3", endpoint_url=endpoint, config=Config(
                    signature_version=version, s3={"addressing_style": "virtual"}))
                s3.create_bucket(Bucket=f"hosted-{version}")
                where = {"Bucket": f"hosted-{version}", "Key": "ü b/+"}
                reply = s3.put_object(**where, Body=b"hosted", Metadata={"a": "b"})
                self.assertEqual(s3.get_object(**where)["Body"].read(), b"hosted")
                # Not version 2 of the list: botocore signs another address than it sends, with V2.
                listed = s3.list_objects(Bucket=where["Bucket"])
                self.assertEqual(listed["Contents"][0]["ETag"], reply["ETag"])
                url = s3.generate_presigned_url("get_object", where)
            host, _, path = url.partition("//")[2].partition("/")
            self.assertEqual(host, f"hosted-{version}.localhost:{self.wire.port}")
            path, _, query = path.partition("?")
            self.assert_body(self.wire.send("GET", f"/{path}", query, {"Host": host}), b"hosted")

    def test_a_key_that_looks_like_its_bucket(self):
        host = {"Host": "signed.localhost"}
        self.assert_status(self.wire.call("PUT", "/signed/key", headers=host, body=b"twice"), 200)
        self.assert_body(self.wire.call("GET", "/signed/signed/key"), b"twice")
        self.assert_body(self.wire.call("GET", "/signed/key"))


class AnonymousTest(SignatureTestCase):
    def test_nobody_may_do_anything(self):
        for method, path, query in (("GET", "/signed/key", ""), ("GET", "/signed", ""),
                                    ("PUT", "/signed/key", ""), ("DELETE", "/signed/key", ""),
                                    ("DELETE", "/signed", ""), ("PUT", "/new-bucket", ""),
                                    ("GET", "/signed", "acl"), ("POST", "/signed/k", "uploads"),
                                    ("GET", "/signed/absent", "")):
            with self.subTest(f"{method} {path}"):
                self.assert_error(self.wire.send(method, path, query), "AccessDenied", 403)
        self.assert_body(self.wire.call("GET", "/signed/key"))

    def test_a_bucket_that_there_is_not(self):
        self.assert_error(self.wire.send("GET", "/not-there/key"), "NoSuchBucket", 404)

    def test_what_is_public_is_read(self):
        self.s3.put_public_access_block(Bucket="signed", PublicAccessBlockConfiguration={
            "BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False,
            "RestrictPublicBuckets": False})
        self.s3.put_bucket_policy(Bucket="signed", Policy="""{"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                           "Resource": "arn:aws:s3:::signed/pub*"}]}""")
        key = "public ü"
        self.put("signed", key, b"for all")
        self.assert_body(self.wire.send("GET", "/signed/" + quote(key)), b"for all")
        self.assert_error(self.wire.send("GET", "/signed/key"), "AccessDenied", 403)


class ConstantTest(SignatureTestCase):
    def test_a_signature_of_another_length(self):
        for mac in ("", "0", "0" * 63, "0" * 65, "0" * 100000, "é" * 64):
            headers = self.wire.sign("GET", "/signed/key")
            head = headers["Authorization"].rpartition("=")[0]
            with self.subTest(len(mac)):
                headers["Authorization"] = (head + "=" + mac).encode().decode("latin-1")
                reply = self.wire.send("GET", "/signed/key", "", headers)
                self.assertIn(reply.status, (400, 403, 431), reply)

    def test_one_key_may_not_sign_for_another(self):
        mac = hmac.new(b"x", b"y", "sha256").hexdigest()
        headers = self.wire.sign("GET", "/signed/key")
        headers["Authorization"] = headers["Authorization"].rpartition("=")[0] + "=" + mac
        self.assert_error(self.wire.send("GET", "/signed/key", "", headers),
                          "SignatureDoesNotMatch", 403)


if __name__ == "__main__":
    unittest.main()
