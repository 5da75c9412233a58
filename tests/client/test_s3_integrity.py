"""Checksums that S3 adds by itself, and proofs that it asks for."""

import contextlib
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, UNSIGNED, S3TestCase, checksums, md5_base64, random_bytes  # noqa: E402

HEADER = "x-amz-checksum-crc64nvme"
ASKED = {"x-amz-checksum-mode": "ENABLED"}
CUSTOMER_KEY = b"0123456789abcdef0123456789abcdef"


def crc(data):
    return checksums(data)["CRC64NVME"]


class AddedTest(S3TestCase):
    """Uploads without any checksum."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="added")

    def call(self, method, key, query="", headers=None, body=b""):
        """payload unsigned: no digest of any kind is given."""
        reply = self.wire.call(method, f"/added/{key}", query, headers, body, payload=UNSIGNED)
        self.assertLess(reply.status, 300, reply)
        return reply

    def assert_has(self, key, value):
        for method in ("GET", "HEAD"):
            reply = self.call(method, key, headers=ASKED)
            self.assertEqual((reply.headers[HEADER], reply.headers["x-amz-checksum-type"]),
                             (value, "FULL_OBJECT"))
            self.assertNotIn(HEADER, self.call(method, key).headers)
        reply = self.call("GET", key, "attributes",
                          {"x-amz-object-attributes": "Checksum,ObjectParts"})
        self.assertEqual((reply.text("ChecksumCRC64NVME"), reply.text("ChecksumType")),
                         (value, "FULL_OBJECT"))
        return reply

    def test_objects(self):
        for body in (b"", b"hello", random_bytes(40000)):
            reply = self.call("PUT", "object", body=body)
            self.assertEqual((reply.headers[HEADER], reply.headers["x-amz-checksum-type"]),
                             (crc(body), "FULL_OBJECT"))
            self.assert_has("object", crc(body))
        listed = self.call("GET", "", "list-type=2&prefix=object")
        self.assertEqual((listed.text("ChecksumAlgorithm"), listed.text("ChecksumType")),
                         ("CRC64NVME", "FULL_OBJECT"))

    def test_what_the_client_gives_is_kept_instead(self):
        reply = self.call("PUT", "given", headers={
            "x-amz-checksum-sha1": checksums(b"1")["SHA1"]}, body=b"1")
        self.assertNotIn(HEADER, reply.headers)
        found = self.call("HEAD", "given", headers=ASKED)
        self.assertNotIn(HEADER, found.headers)
        self.assertEqual(found.headers["x-amz-checksum-sha1"], checksums(b"1")["SHA1"])

    def test_an_md5_is_no_checksum(self):
        self.call("PUT", "md5", headers={"Content-MD5": md5_base64(b"1")}, body=b"1")
        self.assert_has("md5", crc(b"1"))

    def test_forms(self):
        form = self.s3.generate_presigned_post("added", "form")
        parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                        for name, value in form["fields"].items())
        body = (parts + '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nform\r\n'
                "--b--\r\n").encode()
        self.assert_status(self.wire.send("POST", "/added", "", {
            "Content-Type": "multipart/form-data; boundary=b"}, body), 204)
        self.assert_has("form", crc(b"form"))

    def start(self, key):
        reply = self.call("POST", key, "uploads")
        self.assertNotIn("x-amz-checksum-algorithm", reply.headers)
        return reply.text("UploadId")

    def complete(self, key, upload, tags):
        listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
                         for number, tag in tags)
        return self.call("POST", key, f"uploadId={upload}", body=(
            f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>").encode())

    def put_parts(self, key, upload, bodies):
        tags = []
        for number, body in bodies.items():
            reply = self.call("PUT", key, f"partNumber={number}&uploadId={upload}", body=body)
            tags.append((number, reply.headers["ETag"]))
        return tags

    def test_parts(self):
        first, last = bytes(5 * MIB), b"the end"
        upload = self.start("parts")
        tags = self.put_parts("parts", upload, {2: first, 7: last})
        listed = self.call("GET", "parts", f"uploadId={upload}")
        self.assertEqual(listed.texts("ChecksumCRC64NVME")[1], crc(last))
        reply = self.complete("parts", upload, tags)
        whole = reply.text("ChecksumCRC64NVME")
        self.assertEqual(reply.text("ChecksumType"), "FULL_OBJECT")
        # The same bytes in one piece, digested by another way.
        self.assertEqual(self.call("PUT", "whole", body=first + last).headers[HEADER], whole)
        reply = self.assert_has("parts", whole)
        self.assertEqual(reply.texts("ChecksumCRC64NVME")[2], crc(last))
        self.assertEqual(reply.texts("PartNumber"), ["1", "2"])
        part = self.call("GET", "parts", "partNumber=2", ASKED)
        self.assertEqual((part.bytes, part.headers[HEADER]), (last, crc(last)))

    def test_copies(self):
        body = random_bytes(40000)
        self.call("PUT", "source", body=body)
        reply = self.call("PUT", "copy", headers={"x-amz-copy-source": "/added/source"})
        self.assertEqual(reply.text("ChecksumCRC64NVME"), crc(body))
        self.assert_has("copy", crc(body))
        upload = self.start("copied")
        reply = self.call("PUT", "copied", f"partNumber=1&uploadId={upload}", {
            "x-amz-copy-source": "/added/source", "x-amz-copy-source-range": "bytes=5-99"})
        self.assertEqual(reply.text("ChecksumCRC64NVME"), crc(body[5:100]))
        self.complete("copied", upload, [(1, reply.text("ETag"))])
        self.assert_has("copied", crc(body[5:100]))

    def test_parts_of_which_some_have_another(self):
        """There is nothing to make that of the whole from."""
        upload = self.start("mixed")
        tags = self.put_parts("mixed", upload, {1: bytes(5 * MIB)})
        reply = self.call("PUT", "mixed", f"partNumber=2&uploadId={upload}", {
            "x-amz-checksum-crc32": checksums(b"x")["CRC32"]}, b"x")
        self.complete("mixed", upload, [*tags, (2, reply.headers["ETag"])])
        self.assertNotIn(HEADER, self.call("HEAD", "mixed", headers=ASKED).headers)


class LockTest(S3TestCase):
    """What is to be locked must come with a digest."""

    HOLD = {"x-amz-object-lock-legal-hold": "ON"}
    RETENTION = {"x-amz-object-lock-mode": "GOVERNANCE",
                 "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="lock", ObjectLockEnabledForBucket=True)
        cls.s3.create_bucket(Bucket="retain", ObjectLockEnabledForBucket=True)
        cls.s3.put_object_lock_configuration(Bucket="retain", ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})

    def assert_asks(self, what, path, query="", headers=None):
        reply = self.raw_refused("InvalidRequest", 400, "PUT", path, query, headers, b"bytes")
        self.assertEqual(reply.message, f"Content-MD5 OR x-amz-checksum- HTTP header is required "
                                        f"for Put {what} requests with Object Lock parameters")
        for proof in ({"Content-MD5": md5_base64(b"bytes")}, {HEADER: crc(b"bytes")},
                      {"x-amz-checksum-sha1": checksums(b"bytes")["SHA1"]}):
            self.assert_status(self.wire.call("PUT", path, query, {**(headers or {}), **proof},
                                              b"bytes"), 200)

    def test_objects(self):
        self.assert_asks("Object", "/lock/key", headers=self.HOLD)
        self.assert_asks("Object", "/lock/key", headers=self.RETENTION)
        self.assert_asks("Object", "/retain/key")

    def test_parts(self):
        for path, headers in (("/lock/parts", self.HOLD), ("/retain/parts", {})):
            upload = self.wire.call("POST", path, "uploads", headers).text("UploadId")
            self.assert_asks("Part", path, f"partNumber=1&uploadId={upload}")

    def test_what_is_not_locked_needs_none(self):
        self.assert_status(self.wire.call("PUT", "/lock/free", body=b"bytes"), 200)
        self.assert_status(self.wire.call("PUT", "/retain/copy", headers={
            "x-amz-copy-source": "/lock/free"}), 200)


class MetadataTest(S3TestCase):
    """User metadata that is not ASCII comes back byte for byte."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="meta", ACL="public-read-write")

    def raw_headers(self, method, key):
        """A reply's headers, as the bytes that came."""
        signed = self.wire.sign(method, f"/meta/{key}")
        lines = [f"{method} /meta/{key} HTTP/1.1", "Connection: close",
                 *(f"{name}: {value}" for name, value in signed.items())]
        with self.wire.connect() as connection:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            data = b""
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                self.assertTrue(more, data)
                data += more
        head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        self.assertIn(b" 200 ", head[0])
        return {name.lower(): value.strip() for name, _, value in
                (line.partition(b":") for line in head[1:])}

    def put_raw(self, key, value):
        """Signed; but not what is no UTF-8, which the test could not sign."""
        headers = {"Host": self.wire.host}
        with contextlib.suppress(UnicodeDecodeError):
            headers = self.wire.sign("PUT", f"/meta/{key}", "", {
                "x-amz-meta-name": value.decode()}, payload=UNSIGNED)
            del headers["x-amz-meta-name"]
        head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        return self.wire.exchange(
            f"PUT /meta/{key} HTTP/1.1\r\n{head}Content-Length: 4\r\nConnection: close\r\n"
            "x-amz-meta-name: ".encode() + value + b"\r\n\r\nbody")

    def test_bytes_on_the_wire(self):
        for number, value in enumerate((
                "Grüße, 世界 \U0001f600".encode(), "café".encode("latin-1"),
                b"=?UTF-8?B?R3LDvMOfZQ==?=", b"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=")):
            key = f"key-{number}"
            with self.subTest(value):
                self.assert_status(self.put_raw(key, value), 200)
                for method in ("GET", "HEAD"):
                    self.assertEqual(self.raw_headers(method, key)[b"x-amz-meta-name"], value)
                self.assert_status(self.wire.call("PUT", f"/meta/{key}-copy", headers={
                    "x-amz-copy-source": f"/meta/{key}"}), 200)
                self.assertEqual(self.raw_headers("HEAD", key + "-copy")[b"x-amz-meta-name"],
                                 value)

    def test_boto3_sends_none(self):
        from botocore.exceptions import ParamValidationError
        with self.assertRaises(ParamValidationError):
            self.put("meta", "boto3", b"1", Metadata={"name": "Grüße"})

    def test_what_is_too_long_counts_in_bytes(self):
        self.assert_status(self.put_raw("long", "ü".encode() * 1022), 200)
        self.assert_error(self.put_raw("long", "ü".encode() * 1023), "MetadataTooLarge", 400)


class BlockedKeyTest(S3TestCase):
    """Buckets that want no objects encrypted with clients' keys."""

    RULES = ("<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>{}"
             "</EncryptionType></BlockedEncryptionTypes></Rule>"
             "</ServerSideEncryptionConfiguration>")

    def block(self, bucket, kind):
        self.assert_status(self.wire.call("PUT", f"/{bucket}", "encryption",
                                          body=self.RULES.format(kind).encode()), 200)

    def test_writes(self):
        bucket = self.new_bucket()
        options = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
        self.put(bucket, "before", b"1", **options)
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="parts", **options)["UploadId"]
        self.block(bucket, "SSE-C")
        with self.refused("AccessDenied", 403):
            self.put(bucket, "key", b"1", **options)
        with self.refused("AccessDenied", 403):
            self.s3.create_multipart_upload(Bucket=bucket, Key="key", **options)
        with self.refused("AccessDenied", 403):
            self.s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1,
                                Body=b"1", **options)
        self.put(bucket, "plain", b"2")
        with self.refused("AccessDenied", 403):
            self.s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/plain", **options)
        self.assertEqual(self.get(bucket, "before", **options), b"1")
        self.assertEqual(self.get(bucket, "plain"), b"2")
        self.assertEqual(self.keys(bucket), ["before", "plain"])
        self.block(bucket, "NONE")
        self.put(bucket, "key", b"1", **options)


class PayerTest(S3TestCase):
    """Buckets whose requests are paid by who makes them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_account()
        cls.s3.create_bucket(Bucket="pay", ACL="public-read-write")
        cls.s3.put_object(Bucket="pay", Key="key", Body=b"bytes", ACL="public-read")

    def set_payer(self, payer):
        self.s3.put_bucket_request_payment(Bucket="pay", RequestPaymentConfiguration={
            "Payer": payer})

    def test_others_must_agree(self):
        theirs = self.other.s3
        self.set_payer("Requester")
        self.addCleanup(self.set_payer, "BucketOwner")
        for call, options in (
                (theirs.get_object, {"Key": "key"}), (theirs.list_objects_v2, {}),
                (theirs.put_object, {"Key": "their", "Body": b"1"}),
                (theirs.copy_object, {"Key": "copy", "CopySource": "pay/key"}),
                (theirs.delete_object, {"Key": "their"})):
            with self.subTest(call.__name__):
                with self.refused("AccessDenied", 403):
                    call(Bucket="pay", **options)
                reply = call(Bucket="pay", RequestPayer="requester", **options)
                charged = reply["ResponseMetadata"]["HTTPHeaders"].get("x-amz-request-charged")
                self.assertEqual(charged, "requester")
        self.assertEqual(self.wire.send("GET", "/pay/key").status, 403)
        self.assertEqual(self.wire.send("GET", "/pay/key", headers={
            "x-amz-request-payer": "requester"}).status, 403)

    def test_a_copy_from_there(self):
        self.set_payer("Requester")
        self.addCleanup(self.set_payer, "BucketOwner")
        mine = self.new_bucket(client=self.other.s3)
        with self.refused("AccessDenied", 403):
            self.other.s3.copy_object(Bucket=mine, Key="copy", CopySource="pay/key")
        self.other.s3.copy_object(Bucket=mine, Key="copy", CopySource="pay/key",
                                  RequestPayer="requester")

    def test_the_owner_need_not(self):
        self.set_payer("Requester")
        self.addCleanup(self.set_payer, "BucketOwner")
        reply = self.s3.get_object(Bucket="pay", Key="key")
        self.assertNotIn("RequestCharged", reply)

    def test_where_the_owner_pays(self):
        self.set_payer("BucketOwner")
        reply = self.other.s3.get_object(Bucket="pay", Key="key", RequestPayer="requester")
        self.assertNotIn("RequestCharged", reply)
        self.assertEqual(self.wire.send("GET", "/pay/key").status, 200)


class MinimumSizeTest(S3TestCase):
    HEADER = "x-amz-transition-default-minimum-object-size"
    RULES = (b"<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration>"
             b"<Days>1</Days></Expiration></Rule></LifecycleConfiguration>")

    def test_it_is_told_as_it_was_put(self):
        path = "/" + self.new_bucket()
        for size in (None, "varies_by_storage_class", "all_storage_classes_128K"):
            put = self.wire.call("PUT", path, "lifecycle", {
                "Content-MD5": md5_base64(self.RULES), **({self.HEADER: size} if size else {})},
                self.RULES)
            found = self.wire.call("GET", path, "lifecycle")
            wanted = size or "all_storage_classes_128K"
            self.assertEqual((put.status, put.headers[self.HEADER]), (200, wanted))
            self.assertEqual((found.status, found.headers[self.HEADER]), (200, wanted))
        self.raw_refused("InvalidRequest", 400, "PUT", path, "lifecycle", {
            "Content-MD5": md5_base64(self.RULES), self.HEADER: "none"}, self.RULES)


if __name__ == "__main__":
    unittest.main()
