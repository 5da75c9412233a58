"""Objects of S3 with boto3, and what travels with them."""

import base64
import datetime
import hashlib
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import (EMPTY_SHA256, MIB, S3TestCase, checksums, md5_base64,  # noqa: E402
                object_files, quote, random_bytes, sha256_base64)
from cloud import wait_until  # noqa: E402

ODD_KEYS = (
    "a b", " leading", "trailing ", "a+b", "a%b", "a%20b", "a%2Fb", "a&b=c", "a?b", "a#b", "a\\b",
    "a;b:c@d", "a,b$c!", "a*b'(c)", "[a]{b}|c^d`e", "<a>&\"b\"", "~a_b-c.d", "a=b", "a//b", "a/",
    "//", ".", "..", "./a", "../a", "a/../b", "a/./b", "a/..", "ü/ß", "日本語", "😀", "a\u0301",
    "\u00e1", "a\tb", "a\nb", "a\r\nb", "\x01\x1f\x7f", "\u200b", "%", "%%", "+", "null",
    "soap", "?acl", "key?versionId=1", "favicon.ico", "_cumulet", "x" * 1024, "ü" * 512)


class BytesTest(S3TestCase):
    """What is put is what is got."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="bytes")

    def test_sizes_around_every_limit(self):
        for size in (0, 1, 1023, 32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 128 * 1024,
                     512 * 1024 + 1, MIB, 5 * MIB + 3, 20 * MIB):
            with self.subTest(size):
                data = random_bytes(size)
                reply = self.put("bytes", "sized", data)
                self.assertEqual(reply["ETag"], f'"{hashlib.md5(data).hexdigest()}"')
                found = self.s3.get_object(Bucket="bytes", Key="sized")
                self.assertEqual(found["ContentLength"], size)
                self.assertEqual(found["Body"].read(), data)
                self.assertEqual(found["ETag"], reply["ETag"])

    def test_a_head_has_the_headers_of_a_get(self):
        self.put("bytes", "head", b"12345", ContentType="text/plain", Metadata={"a": "b"})
        where = {"Bucket": "bytes", "Key": "head", "ChecksumMode": "ENABLED"}
        got, head = self.s3.get_object(**where), self.s3.head_object(**where)
        for reply in (got, head):
            for name in ("x-amz-request-id", "x-amz-id-2", "date"):
                self.assertTrue(reply["ResponseMetadata"]["HTTPHeaders"].pop(name), name)
            reply["ResponseMetadata"]["HTTPHeaders"].pop("x-amzn-requestid", None)
        self.assertEqual(got["ResponseMetadata"]["HTTPHeaders"],
                         head["ResponseMetadata"]["HTTPHeaders"])
        self.assertEqual(head["ContentLength"], 5)
        self.assertEqual(head["AcceptRanges"], "bytes")

    def test_the_time_of_change_is_now(self):
        before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.put("bytes", "time", b"1")
        modified = self.s3.head_object(Bucket="bytes", Key="time")["LastModified"]
        self.assertLessEqual(before, modified)
        self.assertLess(modified - before, datetime.timedelta(minutes=1))

    def test_a_put_replaces(self):
        self.put("bytes", "twice", b"old", Metadata={"old": "1"}, ContentType="text/plain")
        self.put("bytes", "twice", b"new")
        found = self.s3.get_object(Bucket="bytes", Key="twice")
        self.assertEqual(found["Body"].read(), b"new")
        self.assertEqual(found["Metadata"], {})
        self.assertEqual(found["ContentType"], "binary/octet-stream")

    def test_a_deleted_object_is_gone_and_its_file_too(self):
        self.put("bytes", "deleted", random_bytes(MIB, seed=77))
        before = object_files(self.cloud)
        self.s3.delete_object(Bucket="bytes", Key="deleted")
        with self.refused("NoSuchKey", 404):
            self.get("bytes", "deleted")
        with self.refused("404", 404):
            self.s3.head_object(Bucket="bytes", Key="deleted")
        wait_until(lambda: len(object_files(self.cloud)) == len(before) - 1, 10,
                   "the file is removed")

    def test_what_is_not_there_can_be_deleted(self):
        reply = self.s3.delete_object(Bucket="bytes", Key="never was")
        self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 204)

    def test_keys_with_every_odd_character(self):
        for key in ODD_KEYS:
            with self.subTest(key=key):
                body = key.encode()
                self.put("bytes", "odd:" + key if len(key) < 500 else key, body)
                self.assertEqual(
                    self.get("bytes", "odd:" + key if len(key) < 500 else key), body)
        bucket = self.new_bucket()
        for key in ODD_KEYS:
            with self.subTest(key=key):
                self.put(bucket, key, key.encode())
        self.assertEqual(self.keys(bucket), sorted(ODD_KEYS, key=str.encode))
        for key in ODD_KEYS:
            with self.subTest(key=key):
                self.assertEqual(self.get(bucket, key), key.encode())
                self.s3.delete_object(Bucket=bucket, Key=key)
        self.assertEqual(self.keys(bucket), [])
        self.s3.delete_bucket(Bucket=bucket)

    def test_a_key_may_have_1024_bytes_and_no_more(self):
        self.put("bytes", "k" * 1024, b"1")
        for key in ("k" * 1025, "ü" * 513, "k" * 4000):
            with self.subTest(len(key)), self.refused("KeyTooLongError", 400):
                self.put("bytes", key, b"1")

    def test_many_are_deleted_at_once(self):
        keys = [f"many/{number}" for number in range(50)] + ["many/ä&<>", "many/a b"]
        for key in keys:
            self.put("bytes", key, b"1")
        reply = self.s3.delete_objects(Bucket="bytes", Delete={
            "Objects": [{"Key": key} for key in [*keys, "many/absent"]]})
        self.assertEqual(sorted(item["Key"] for item in reply["Deleted"]),
                         sorted([*keys, "many/absent"]))
        self.assertNotIn("Errors", reply)
        self.assertEqual(self.keys("bytes", Prefix="many/"), [])

    def test_quietly_deleted_ones_are_not_told(self):
        self.put("bytes", "quiet", b"1")
        reply = self.s3.delete_objects(Bucket="bytes", Delete={
            "Objects": [{"Key": "quiet"}], "Quiet": True})
        self.assertNotIn("Deleted", reply)
        with self.refused("NoSuchKey"):
            self.get("bytes", "quiet")

    def test_more_than_a_thousand_are_not_deleted_at_once(self):
        with self.refused("MalformedXML", 400):
            self.s3.delete_objects(Bucket="bytes", Delete={
                "Objects": [{"Key": str(number)} for number in range(1001)]})

    def test_objects_outlive_the_daemon(self):
        cloud = self.start_cloud()
        s3 = cloud.boto3("s3")
        s3.create_bucket(Bucket="kept")
        bodies = {"small": b"x" * 100, "large": random_bytes(3 * MIB)}
        for key, body in bodies.items():
            s3.put_object(Bucket="kept", Key=key, Body=body, Metadata={"k": key})
        cloud.restart()
        for key, body in bodies.items():
            found = s3.get_object(Bucket="kept", Key=key)
            self.assertEqual((found["Body"].read(), found["Metadata"]), (body, {"k": key}))
        cloud.kill()
        cloud.start()
        for key, body in bodies.items():
            self.assertEqual(s3.get_object(Bucket="kept", Key=key)["Body"].read(), body)


class RangeTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="ranges")
        cls.bodies = {"small": b"0123456789", "large": random_bytes(300 * 1024)}
        for key, body in cls.bodies.items():
            cls.s3.put_object(Bucket="ranges", Key=key, Body=body)

    def test_a_range(self):
        for key, body in self.bodies.items():
            size = len(body)
            for text, first, end in (
                    ("0-0", 0, 1), ("0-3", 0, 4), ("4-", 4, size), ("-3", size - 3, size),
                    (f"0-{size + 100}", 0, size), (f"{size - 1}-", size - 1, size),
                    (f"-{size + 100}", 0, size), ("5-5", 5, 6)):
                with self.subTest(f"{key} {text}"):
                    reply = self.s3.get_object(Bucket="ranges", Key=key, Range=f"bytes={text}")
                    self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 206)
                    self.assertEqual(reply["Body"].read(), body[first:end])
                    self.assertEqual(reply["ContentLength"], end - first)
                    self.assertEqual(reply["ContentRange"], f"bytes {first}-{end - 1}/{size}")

    def test_a_range_that_is_not_there(self):
        for text in ("10-", "10-20", "100-", "-0"):
            with self.subTest(text), self.refused("InvalidRange", 416) as error:
                self.s3.get_object(Bucket="ranges", Key="small", Range=f"bytes={text}")
            self.assertEqual(error["Error"]["ActualObjectSize"], "10")
            self.assertEqual(error["Error"]["RangeRequested"], f"bytes={text}")

    def test_a_range_of_nothing(self):
        self.put("ranges", "empty")
        with self.refused("InvalidRange", 416):
            self.s3.get_object(Bucket="ranges", Key="empty", Range="bytes=0-")

    def test_what_is_no_range_is_ignored(self):
        for text in ("bytes=5-3", "bytes=a-b", "bytes=", "octets=0-3", "bytes=0-1,4-5", "0-3",
                     "bytes=-", "bytes 0-3"):
            with self.subTest(text):
                reply = self.s3.get_object(Bucket="ranges", Key="small", Range=text)
                self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 200)
                self.assertEqual(reply["Body"].read(), self.bodies["small"])

    def test_head_of_a_range(self):
        reply = self.s3.head_object(Bucket="ranges", Key="small", Range="bytes=2-4")
        self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.assertEqual(reply["ContentLength"], 3)

    def test_every_range_of_a_large_object(self):
        body = self.bodies["large"]
        for first in range(0, len(body), 29989):
            for size in (1, 4096, 65537):
                last = min(first + size, len(body)) - 1
                got = self.get("ranges", "large", Range=f"bytes={first}-{last}")
                self.assertEqual(got, body[first:last + 1], (first, last))


class ConditionsTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="conditions")
        cls.etag = cls.s3.put_object(Bucket="conditions", Key="key", Body=b"body")["ETag"]
        cls.modified = cls.s3.head_object(Bucket="conditions", Key="key")["LastModified"]
        cls.before = cls.modified - datetime.timedelta(hours=1)
        cls.other = '"%s"' % ("0" * 32)

    def reading(self, status, **conditions):
        for name in ("get_object", "head_object"):
            with self.subTest(name, **conditions):
                call = getattr(self.s3, name)
                if status == 200:
                    call(Bucket="conditions", Key="key", **conditions)
                    continue
                code = str(status)
                if status == 412 and name == "get_object":
                    code = "PreconditionFailed"
                with self.refused(code, status) as error:
                    call(Bucket="conditions", Key="key", **conditions)
                if status == 304:
                    self.assertEqual(error["ResponseMetadata"]["HTTPHeaders"]["etag"], self.etag)

    def test_if_match(self):
        self.reading(200, IfMatch=self.etag)
        self.reading(200, IfMatch=self.etag.strip('"'))
        self.reading(200, IfMatch="*")
        self.reading(200, IfMatch=f"{self.other}, {self.etag}")
        self.reading(412, IfMatch=self.other)

    def test_if_none_match(self):
        self.reading(200, IfNoneMatch=self.other)
        self.reading(304, IfNoneMatch=self.etag)
        self.reading(304, IfNoneMatch="*")

    def test_if_modified_since(self):
        self.reading(200, IfModifiedSince=self.before)
        self.reading(304, IfModifiedSince=self.modified)

    def test_if_unmodified_since(self):
        self.reading(200, IfUnmodifiedSince=self.modified)
        self.reading(412, IfUnmodifiedSince=self.before)

    def test_a_tag_outranks_a_date(self):
        self.reading(200, IfMatch=self.etag, IfUnmodifiedSince=self.before)
        self.reading(304, IfNoneMatch=self.etag, IfModifiedSince=self.before)

    def test_a_date_that_is_none_is_ignored(self):
        reply = self.wire.call("GET", "/conditions/key", headers={"If-Modified-Since": "today"})
        self.assert_status(reply, 200)

    def put_if(self, key, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.wire.call("PUT", f"/conditions/{key}", headers=headers, body=b"put")

    def test_put_only_what_is_not_there(self):
        self.assert_status(self.put_if("fresh", If_None_Match="*"), 200)
        self.assert_error(self.put_if("fresh", If_None_Match="*"), "PreconditionFailed", 412)
        self.s3.delete_object(Bucket="conditions", Key="fresh")
        self.assert_status(self.put_if("fresh", If_None_Match="*"), 200)

    def test_put_only_over_what_is_known(self):
        etag = self.put("conditions", "known", b"1")["ETag"]
        self.assert_error(self.put_if("known", If_Match=self.other), "PreconditionFailed", 412)
        self.assert_status(self.put_if("known", If_Match=etag), 200)
        self.assert_error(self.put_if("known", If_Match=etag), "PreconditionFailed", 412)
        self.assert_error(self.put_if("absent", If_Match=etag), "NoSuchKey", 404)


class MetadataTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="metadata")

    def test_system_headers(self):
        headers = {
            "CacheControl": "max-age=60, private", "ContentEncoding": "gzip",
            "ContentDisposition": 'attachment; filename="a b;c.txt"',
            "ContentLanguage": "de, en", "ContentType": "text/x-odd; a=b"}
        expires = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
        self.put("metadata", "system", b"1", Expires=expires, **headers)
        for call in (self.s3.get_object, self.s3.head_object):
            reply = call(Bucket="metadata", Key="system")
            for name, value in headers.items():
                self.assertEqual(reply[name], value)
            self.assertEqual(reply["Expires"], expires)

    def test_metadata_byte_for_byte(self):
        metadata = {"plain": "value", "empty": "", "spaces": "a  b   c", "odd": "!#$%&'()*+,-./:;<",
                    "more": "=>?@[\\]^_`{|}~\"", "x-amz-meta-x": "nested", "digits-1_2.3": "ok",
                    "percent": "%41%00%zz"}
        self.put("metadata", "user", b"1", Metadata=metadata)
        self.assertEqual(self.s3.head_object(Bucket="metadata", Key="user")["Metadata"], metadata)

    def test_names_are_lower_case(self):
        self.put("metadata", "case", b"1", Metadata={"CamelCase": "Value"})
        headers = self.s3.head_object(Bucket="metadata", Key="case")["ResponseMetadata"]
        self.assertEqual(headers["HTTPHeaders"]["x-amz-meta-camelcase"], "Value")

    def test_two_kibibytes_and_no_more(self):
        self.put("metadata", "full", b"1", Metadata={"k": "v" * 2000})
        for metadata in ({"k": "v" * 2048}, {f"k{i:02}": "v" * 100 for i in range(25)}):
            with self.refused("MetadataTooLarge", 400):
                self.put("metadata", "fuller", b"1", Metadata=metadata)

    def test_aws_chunked_is_no_encoding_of_the_object(self):
        self.put("metadata", "encoded", b"1", ContentEncoding="gzip")
        self.assertEqual(
            self.s3.head_object(Bucket="metadata", Key="encoded")["ContentEncoding"], "gzip")

    def test_replies_as_the_reader_wants_them(self):
        self.put("metadata", "asked", b"1", ContentType="text/plain")
        wanted = {"ResponseCacheControl": ("CacheControl", "no-cache"),
                  "ResponseContentDisposition": ("ContentDisposition", 'inline; filename="a b"'),
                  "ResponseContentEncoding": ("ContentEncoding", "x-odd"),
                  "ResponseContentLanguage": ("ContentLanguage", "tlh"),
                  "ResponseContentType": ("ContentType", "text/css; charset=utf-8")}
        reply = self.s3.get_object(Bucket="metadata", Key="asked",
                                   **{name: value for name, (_, value) in wanted.items()})
        for name, value in wanted.values():
            self.assertEqual(reply[name], value)
        self.assertEqual(self.s3.head_object(Bucket="metadata", Key="asked")["ContentType"],
                         "text/plain")

    def test_a_reply_header_cannot_be_split(self):
        reply = self.wire.call("GET", "/metadata/asked",
                               "response-content-type=a%0d%0aX-Injected:%20yes")
        self.assertNotIn("X-Injected", reply.headers)

    def test_only_who_signs_may_want_other_headers(self):
        self.s3.put_object(Bucket="metadata", Key="public", Body=b"1")
        reply = self.wire.send("GET", "/metadata/public", "response-content-type=text/html")
        self.assertIn((reply.status, reply.code), ((400, "InvalidRequest"), (403, "AccessDenied")))

    def test_storage_classes(self):
        for name in ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                     "REDUCED_REDUNDANCY", "GLACIER_IR"):
            self.put("metadata", f"class/{name}", b"1", StorageClass=name)
            head = self.s3.head_object(Bucket="metadata", Key=f"class/{name}")
            # The standard class is not told.
            self.assertEqual(head.get("StorageClass", "STANDARD"), name)
            self.assertEqual("StorageClass" in head, name != "STANDARD")
            self.assertEqual(self.get("metadata", f"class/{name}"), b"1")
        classes = {item["Key"]: item["StorageClass"] for item in self.s3.list_objects_v2(
            Bucket="metadata", Prefix="class/")["Contents"]}
        self.assertEqual(classes["class/STANDARD"], "STANDARD")
        self.assertEqual(classes["class/ONEZONE_IA"], "ONEZONE_IA")
        with self.refused("InvalidStorageClass", 400):
            self.put("metadata", "class/odd", b"1", StorageClass="DIAMOND")

    def test_what_is_in_the_archive_is_not_at_hand(self):
        for name in ("GLACIER", "DEEP_ARCHIVE"):
            self.put("metadata", "archived", b"1", StorageClass=name)
            with self.refused("InvalidObjectState", 403):
                self.get("metadata", "archived")
            with self.refused("InvalidObjectState", 403):
                self.s3.copy_object(Bucket="metadata", Key="copy",
                                    CopySource={"Bucket": "metadata", "Key": "archived"})
            head = self.s3.head_object(Bucket="metadata", Key="archived")
            self.assertEqual(head["StorageClass"], name)

    def test_what_is_restored_from_the_archive_is(self):
        self.put("metadata", "restored", b"1", StorageClass="GLACIER")
        request = {"Bucket": "metadata", "Key": "restored", "RestoreRequest": {
            "Days": 2, "GlacierJobParameters": {"Tier": "Expedited"}}}
        reply = self.s3.restore_object(**request)
        self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 202)
        wait_until(lambda: 'ongoing-request="false"' in self.s3.head_object(
            Bucket="metadata", Key="restored")["Restore"], 10, "it is restored")
        self.assertEqual(self.get("metadata", "restored"), b"1")
        reply = self.s3.restore_object(**request)
        self.assertEqual(reply["ResponseMetadata"]["HTTPStatusCode"], 200)
        self.put("metadata", "at hand", b"1")
        with self.refused("InvalidObjectState", 403):
            self.s3.restore_object(**{**request, "Key": "at hand"})

    def test_a_redirect_travels_with_the_object(self):
        self.put("metadata", "redirect", b"1", WebsiteRedirectLocation="/other")
        self.assertEqual(self.s3.head_object(Bucket="metadata", Key="redirect")
                         ["WebsiteRedirectLocation"], "/other")
        with self.refused("InvalidRedirectLocation", 400):
            self.put("metadata", "redirect2", b"1", WebsiteRedirectLocation="ftp:nowhere")

    def test_tags_are_counted(self):
        self.put("metadata", "tagged", b"1", Tagging="a=1&b=two%20words&c=")
        self.assertEqual(self.s3.get_object(Bucket="metadata", Key="tagged")["TagCount"], 3)
        tags = self.s3.get_object_tagging(Bucket="metadata", Key="tagged")["TagSet"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in tags},
                         {"a": "1", "b": "two words", "c": ""})

    def test_object_attributes(self):
        body = random_bytes(1000)
        etag = self.put("metadata", "attributes", body)["ETag"]
        reply = self.s3.get_object_attributes(
            Bucket="metadata", Key="attributes",
            ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
        self.assertEqual((reply["ETag"], reply["ObjectSize"], reply["StorageClass"]),
                         (etag.strip('"'), 1000, "STANDARD"))
        self.assertIn("LastModified", reply)


class DigestTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="digests")

    def test_content_md5(self):
        self.put("digests", "md5", b"right", ContentMD5=md5_base64(b"right"))
        with self.refused("BadDigest", 400):
            self.put("digests", "md5 wrong", b"wrong", ContentMD5=md5_base64(b"right"))
        for text in ("", "abc", "bm90IG1kNQ==", "=" * 24):
            with self.subTest(text):
                self.raw_refused("InvalidDigest", 400, "PUT", "/digests/md5-bad",
                                 headers={"Content-MD5": text}, body=b"1")
        with self.refused("NoSuchKey"):
            self.get("digests", "md5 wrong")

    def test_the_payload_is_signed(self):
        reply = self.raw_refused("XAmzContentSHA256Mismatch", 400, "PUT", "/digests/sha",
                                 body=b"body", payload=hashlib.sha256(b"other").hexdigest())
        self.assertEqual(reply.text("ClientComputedContentSHA256"),
                         hashlib.sha256(b"other").hexdigest())
        self.assertEqual(reply.text("S3ComputedContentSHA256"), hashlib.sha256(b"body").hexdigest())
        large = random_bytes(MIB)
        self.raw_refused("XAmzContentSHA256Mismatch", 400, "PUT", "/digests/sha", body=large,
                         payload=EMPTY_SHA256)
        with self.refused("NoSuchKey"):
            self.get("digests", "sha")
        self.assert_status(self.wire.call("PUT", "/digests/sha", body=large,
                                          payload="UNSIGNED-PAYLOAD"), 200)
        self.raw_refused("InvalidArgument", 400, "PUT", "/digests/sha", body=b"1", payload="odd")

    def test_each_checksum_right_and_wrong(self):
        for body in (b"", b"123456789", random_bytes(100 * 1024)):
            for name, value in checksums(body).items():
                with self.subTest(name, size=len(body)):
                    header = f"x-amz-checksum-{name.lower()}"
                    key = f"{name}-{len(body)}"
                    reply = self.wire.call("PUT", f"/digests/{key}", headers={header: value},
                                           body=body)
                    self.assert_status(reply, 200)
                    self.assertEqual(reply.headers[header], value)
                    self.assertEqual(reply.headers["x-amz-checksum-type"], "FULL_OBJECT")
                    wrong = checksums(body + b"!")[name]
                    self.raw_refused("BadDigest", 400, "PUT", f"/digests/{key}-wrong",
                                     headers={header: wrong}, body=body)
                    self.raw_refused("InvalidRequest", 400, "PUT", f"/digests/{key}-bad",
                                     headers={header: "bm8="}, body=body)
        self.assertFalse([key for key in self.keys("digests")
                          if key.endswith("wrong") or key.endswith("bad")])

    def test_a_checksum_is_told_to_who_asks(self):
        body = b"told"
        for name, value in checksums(body).items():
            header = f"x-amz-checksum-{name.lower()}"
            self.wire.call("PUT", f"/digests/told-{name}", headers={header: value}, body=body)
            for method in ("GET", "HEAD"):
                reply = self.wire.call(method, f"/digests/told-{name}")
                self.assertNotIn(header, reply.headers)
                reply = self.wire.call(method, f"/digests/told-{name}",
                                       headers={"x-amz-checksum-mode": "ENABLED"})
                self.assertEqual(reply.headers[header], value)
            listed = self.s3.list_objects_v2(Bucket="digests", Prefix=f"told-{name}")
            if name != "CRC64NVME":  # newer than Debian 12's botocore
                self.assertEqual(listed["Contents"][0]["ChecksumAlgorithm"], [name])

    def test_no_checksum_of_a_part_of_the_object(self):
        value = checksums(b"0123456789")["CRC32"]
        self.wire.call("PUT", "/digests/part", headers={"x-amz-checksum-crc32": value},
                       body=b"0123456789")
        reply = self.wire.call("GET", "/digests/part", headers={
            "x-amz-checksum-mode": "ENABLED", "Range": "bytes=0-3"})
        self.assert_status(reply, 206)
        self.assertNotIn("x-amz-checksum-crc32", reply.headers)

    def test_boto3_computes_them(self):
        for name in ("CRC32", "SHA1", "SHA256"):
            reply = self.put("digests", f"boto3-{name}", b"boto3", ChecksumAlgorithm=name)
            self.assertEqual(reply[f"Checksum{name}"], checksums(b"boto3")[name])
            found = self.s3.get_object(Bucket="digests", Key=f"boto3-{name}",
                                       ChecksumMode="ENABLED")
            self.assertEqual(found["Body"].read(), b"boto3")  # it compares
            attributes = self.s3.get_object_attributes(
                Bucket="digests", Key=f"boto3-{name}", ObjectAttributes=["Checksum"])
            self.assertEqual(attributes["Checksum"][f"Checksum{name}"], checksums(b"boto3")[name])

    def test_two_checksums_are_one_too_many(self):
        values = checksums(b"1")
        self.raw_refused("InvalidRequest", 400, "PUT", "/digests/two", body=b"1", headers={
            "x-amz-checksum-crc32": values["CRC32"], "x-amz-checksum-sha1": values["SHA1"]})

    def test_an_unknown_algorithm(self):
        self.raw_refused("InvalidRequest", 400, "PUT", "/digests/unknown", body=b"1", headers={
            "x-amz-sdk-checksum-algorithm": "ROT13"})

    def test_deleting_many_needs_a_digest(self):
        body = b"<Delete><Object><Key>a</Key></Object></Delete>"
        self.raw_refused("InvalidRequest", 400, "POST", "/digests", "delete", body=body)
        self.raw_refused("BadDigest", 400, "POST", "/digests", "delete", body=body,
                         headers={"Content-MD5": md5_base64(b"other")})
        self.assert_status(self.wire.call("POST", "/digests", "delete", body=body,
                                          headers={"Content-MD5": md5_base64(body)}), 200)
        self.assert_status(self.wire.call(
            "POST", "/digests", "delete=", body=body,
            headers={"x-amz-checksum-sha256": sha256_base64(body)}), 200)


class EncryptionTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="encryption")
        cls.key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        cls.other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "o" * 32}

    def test_s3_encrypts_by_itself(self):
        self.assertEqual(self.put("encryption", "s3", b"1")["ServerSideEncryption"], "AES256")
        reply = self.put("encryption", "s3", b"1", ServerSideEncryption="AES256")
        self.assertEqual(reply["ServerSideEncryption"], "AES256")
        self.assertEqual(self.s3.head_object(Bucket="encryption", Key="s3")["ServerSideEncryption"],
                         "AES256")

    def test_a_key_of_kms(self):
        arn = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
        self.put("encryption", "kms", b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn)
        found = self.s3.get_object(Bucket="encryption", Key="kms")
        self.assertEqual((found["Body"].read(), found["ServerSideEncryption"],
                          found["SSEKMSKeyId"]), (b"secret", "aws:kms", arn))

    def test_an_unknown_encryption(self):
        with self.refused("InvalidArgument", 400):
            self.put("encryption", "odd", b"1", ServerSideEncryption="ROT13")

    def test_a_customers_key(self):
        for size in (10, 40000, 3 * MIB):
            body = random_bytes(size)
            reply = self.put("encryption", "customer", body, **self.key)
            self.assertEqual(reply["SSECustomerAlgorithm"], "AES256")
            self.assertEqual(reply["SSECustomerKeyMD5"], md5_base64(b"k" * 32))
            self.assertNotIn("ServerSideEncryption", reply)
            self.assertEqual(self.get("encryption", "customer", **self.key), body)
            self.assertEqual(
                self.get("encryption", "customer", Range="bytes=5-8", **self.key), body[5:9])
            self.assertEqual(self.get("encryption", "customer", Range=f"bytes={size // 2 + 1}-",
                                      **self.key), body[size // 2 + 1:])
            head = self.s3.head_object(Bucket="encryption", Key="customer", **self.key)
            self.assertEqual(head["ContentLength"], size)

    def test_without_the_customers_key(self):
        self.put("encryption", "locked", b"secret", **self.key)
        with self.refused("InvalidRequest", 400):
            self.get("encryption", "locked")
        with self.refused("400", 400):
            self.s3.head_object(Bucket="encryption", Key="locked")
        with self.refused("AccessDenied", 403):
            self.get("encryption", "locked", **self.other)

    def test_a_key_for_what_is_not_encrypted(self):
        self.put("encryption", "plain", b"1")
        with self.refused("InvalidRequest", 400):
            self.get("encryption", "plain", **self.key)

    def test_the_bytes_on_disk_are_not_the_bytes(self):
        marker = b"can you read this? " * 5000
        self.put("encryption", "disk", marker, **self.key)
        for path in object_files(self.cloud):
            with open(path, "rb") as file:
                self.assertNotIn(marker[:19], file.read())

    def test_a_wrong_key_header(self):
        key, digest = base64.b64encode(b"k" * 32).decode(), md5_base64(b"k" * 32)
        good = {"x-amz-server-side-encryption-customer-algorithm": "AES256",
                "x-amz-server-side-encryption-customer-key": key,
                "x-amz-server-side-encryption-customer-key-MD5": digest}
        for name, value, code in (
                ("x-amz-server-side-encryption-customer-algorithm", "AES128",
                 "InvalidEncryptionAlgorithmError"),
                ("x-amz-server-side-encryption-customer-key", "c2hvcnQ=", "InvalidArgument"),
                ("x-amz-server-side-encryption-customer-key", "not base64", "InvalidArgument"),
                ("x-amz-server-side-encryption-customer-key-MD5", md5_base64(b"other"),
                 "InvalidArgument")):
            with self.subTest(name):
                reply = self.wire.call("PUT", "/encryption/bad", headers={**good, name: value},
                                       body=b"1")
                self.assertEqual((reply.status, reply.code), (400, code), reply)
        for name in good:
            headers = {other: value for other, value in good.items() if other != name}
            with self.subTest(f"without {name}"):
                reply = self.wire.call("PUT", "/encryption/bad", headers=headers, body=b"1")
                self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)


class BucketsTest(S3TestCase):
    def test_buckets_are_listed(self):
        names = sorted(self.new_bucket() for _ in range(3))
        reply = self.s3.list_buckets()
        listed = [bucket["Name"] for bucket in reply["Buckets"]]
        self.assertLessEqual(set(names), set(listed))
        self.assertEqual(listed, sorted(listed))
        self.assertRegex(reply["Owner"]["ID"], "^[0-9a-f]{64}$")
        age = datetime.datetime.now(datetime.timezone.utc) - reply["Buckets"][-1]["CreationDate"]
        self.assertLess(age, datetime.timedelta(minutes=5))

    def test_a_bucket_lives_somewhere(self):
        bucket = self.new_bucket()
        # us-east-1 has no name here.
        self.assertIsNone(self.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"])
        head = self.s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(head["x-amz-bucket-region"], "us-east-1")
        other = self.new_bucket(CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertEqual(self.s3.get_bucket_location(Bucket=other)["LocationConstraint"],
                         "eu-west-1")
        reply = self.wire.call("PUT", "/in-the-old-eu", body=(
            b"<CreateBucketConstraint><LocationConstraint>EU</LocationConstraint>"
            b"</CreateBucketConstraint>"))
        self.assert_status(reply, 200)
        self.assertEqual(self.s3.get_bucket_location(Bucket="in-the-old-eu")["LocationConstraint"],
                         "EU")

    def test_a_place_that_there_is_not(self):
        with self.refused("InvalidLocationConstraint", 400):
            self.new_bucket(CreateBucketConfiguration={"LocationConstraint": "mars-north-1"})

    def test_a_new_bucket_says_where_it_is(self):
        self.assertEqual(self.s3.create_bucket(Bucket="where-it-is")["Location"], "/where-it-is")

    def test_the_same_bucket_once_more(self):
        bucket = self.new_bucket()
        # In us-east-1 it is no error, as ever.
        self.s3.create_bucket(Bucket=bucket)

    def test_bucket_names(self):
        for name in ("abc", "a.b", "a-b.c-d", "1bucket", "b" * 63, "192-168-5-4"):
            with self.subTest(name):
                self.assert_status(self.wire.call("PUT", f"/{name}"), 200)
        for name in ("ab", "b" * 64, "Upper", "under_score", "-start", "end-", ".start", "end.",
                     "a..b", "192.168.5.4", "xn--a", "sthree-a", "a-s3alias", "b--ol-s3",
                     "sp%20ace",
                     "%C3%BC-b", "a%2Fb", "amzn-s3-demo-a"):
            with self.subTest(name):
                self.raw_refused("InvalidBucketName", 400, "PUT", f"/{name}")

    def test_a_bucket_that_is_not_empty_stays(self):
        bucket = self.new_bucket()
        self.put(bucket, "key")
        with self.refused("BucketNotEmpty", 409):
            self.s3.delete_bucket(Bucket=bucket)
        self.s3.delete_object(Bucket=bucket, Key="key")
        self.s3.delete_bucket(Bucket=bucket)
        with self.refused("NoSuchBucket", 404):
            self.s3.delete_bucket(Bucket=bucket)
        with self.refused("404", 404):
            self.s3.head_bucket(Bucket=bucket)

    def test_a_bucket_that_is_not_there(self):
        absent = {"Bucket": "not-there"}
        for call in (lambda: self.s3.list_objects_v2(**absent),
                     lambda: self.s3.put_object(Key="k", **absent),
                     lambda: self.s3.get_object(Key="k", **absent),
                     lambda: self.s3.delete_object(Key="k", **absent),
                     lambda: self.s3.get_bucket_location(**absent)):
            with self.refused("NoSuchBucket", 404) as error:
                call()
            self.assertEqual(error["Error"]["BucketName"], "not-there")

    def test_whose_bucket_it_must_be(self):
        bucket = self.new_bucket()
        account = self.cloud.credentials["account_id"]
        self.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        with self.refused("AccessDenied", 403):
            self.s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="111122223333")
        with self.refused("AccessDenied", 403):
            self.put(bucket, "key", b"1", ExpectedBucketOwner="111122223333")

    def test_the_address_of_a_key(self):
        bucket = self.new_bucket()
        self.put(bucket, "a key/ü", b"addressed")
        self.assertEqual(self.wire.call("GET", f"/{bucket}/{quote('a key/ü')}").bytes, b"addressed")
        self.assertEqual(self.wire.call("GET", f"/{bucket}/a%20key%2F%c3%bc").bytes, b"addressed")


if __name__ == "__main__":
    unittest.main()
