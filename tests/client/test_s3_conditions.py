"""Writes and deletions under conditions; what a copy keeps; what is forgotten in time."""

import contextlib
import os
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, S3Wire, md5_base64  # noqa: E402

WRONG = '"00000000000000000000000000000000"'


class DeletionTest(S3TestCase):
    def setUp(self):
        super().setUp()
        self.bucket = self.new_bucket()
        self.etag = self.put(self.bucket, "key", b"1")["ETag"]

    def delete_if(self, etag):
        return self.wire.call("DELETE", f"/{self.bucket}/key", "", {"If-Match": etag})

    def test_one_object(self):
        self.assert_error(self.delete_if(WRONG), "PreconditionFailed", 412)
        self.assertEqual(self.keys(self.bucket), ["key"])
        self.assert_status(self.delete_if(self.etag), 204)
        self.assertEqual(self.keys(self.bucket), [])
        self.assert_error(self.delete_if(self.etag), "NoSuchKey", 404)
        self.put(self.bucket, "key", b"2")
        self.assert_status(self.delete_if("*"), 204)
        self.assertEqual(self.keys(self.bucket), [])

    def test_the_current_version_counts(self):
        self.set_versioning(self.bucket, "Enabled")
        newer = self.put(self.bucket, "key", b"2")["ETag"]
        self.assert_error(self.delete_if(self.etag), "PreconditionFailed", 412)
        reply = self.delete_if(newer)
        self.assertEqual((reply.status, reply.headers["x-amz-delete-marker"]), (204, "true"))
        self.assert_error(self.delete_if(newer), "NoSuchKey", 404)

    def delete_several(self, objects):
        body = f"<Delete>{objects}</Delete>".encode()
        return self.wire.call("POST", f"/{self.bucket}", "delete",
                              {"Content-MD5": md5_base64(body)}, body)

    def test_several_objects(self):
        self.put(self.bucket, "other", b"1")
        reply = self.delete_several("".join(
            f"<Object><Key>{key}</Key><ETag>{etag}</ETag></Object>" for key, etag in (
                ("key", WRONG), ("other", self.etag), ("absent", self.etag))))
        errors = {error.findtext("{*}Key"): error.findtext("{*}Code")
                  for error in reply.root.iterfind("{*}Error")}
        self.assertEqual(errors, {"key": "PreconditionFailed", "absent": "NoSuchKey"})
        self.assertEqual(reply.root.findtext("{*}Deleted/{*}Key"), "other")
        self.assertEqual(self.keys(self.bucket), ["key"])

    def test_conditions_of_directory_buckets(self):
        """They are not passed over."""
        for name, value in (("x-amz-if-match-size", "9"),
                            ("x-amz-if-match-last-modified-time", "Mon, 01 Jan 2001 00:00:00 GMT")):
            self.raw_refused("NotImplemented", 501, "DELETE", f"/{self.bucket}/key", "",
                             {name: value})
        reply = self.delete_several("<Object><Key>key</Key><Size>9</Size></Object>")
        self.assertEqual(reply.root.findtext("{*}Error/{*}Code"), "NotImplemented")
        self.assertEqual(self.keys(self.bucket), ["key"])

    def test_who_may_not_read_learns_no_entity_tag(self):
        other = self.new_account()
        wire = S3Wire(self.cloud, other.key, other.secret)
        bucket = self.new_bucket(ACL="public-read-write")
        etag = self.put(bucket, "key", b"1")["ETag"]
        for tag in (etag, WRONG):
            for method, body in (("DELETE", b""), ("PUT", b"2")):
                reply = wire.call(method, f"/{bucket}/key", "", {"If-Match": tag}, body)
                self.assert_error(reply, "AccessDenied", 403)
        self.assertEqual(self.get(bucket, "key"), b"1")
        other.s3.delete_object(Bucket=bucket, Key="key")


class CopyTest(S3TestCase):
    def redirect_of(self, bucket, key):
        return self.s3.head_object(Bucket=bucket, Key=key).get("WebsiteRedirectLocation")

    def test_where_a_website_redirects_to_is_not_copied(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1", WebsiteRedirectLocation="/there", ContentType="text/x",
                 Metadata={"a": "b"})
        source = f"{bucket}/key"
        self.s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        self.assertIsNone(self.redirect_of(bucket, "copy"))
        reply = self.s3.head_object(Bucket=bucket, Key="copy")
        self.assertEqual((reply["ContentType"], reply["Metadata"]), ("text/x", {"a": "b"}))
        self.s3.copy_object(Bucket=bucket, Key="copy", CopySource=source,
                            WebsiteRedirectLocation="/elsewhere")
        self.assertEqual(self.redirect_of(bucket, "copy"), "/elsewhere")
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="copy")["Metadata"], {"a": "b"})
        self.s3.copy_object(Bucket=bucket, Key="key", CopySource=source,
                            WebsiteRedirectLocation="/changed")
        self.assertEqual(self.redirect_of(bucket, "key"), "/changed")


class RestorationTest(S3TestCase):
    def test_what_was_restored_is_so_for_a_time(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1", StorageClass="GLACIER")
        self.s3.restore_object(Bucket=bucket, Key="key", RestoreRequest={"Days": 1})
        for _ in range(3):
            self.assertEqual(self.get(bucket, "key"), b"1")
        # Behind the daemon's back, as time passes.
        with contextlib.closing(sqlite3.connect(f"{self.cloud.state}/cumulet.db")) as database:
            with database:
                database.execute("UPDATE object SET headers = replace(headers, ' 20', ' 19')"
                                 " WHERE bucket = ?", [bucket])
        with self.refused("InvalidObjectState", 403):
            self.get(bucket, "key")


class SmallPartTest(S3TestCase):
    def test_which_part_is_too_small(self):
        bucket = self.new_bucket()
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
        etags = [self.s3.upload_part(Bucket=bucket, Key="key", UploadId=upload, PartNumber=number,
                                     Body=body)["ETag"]
                 for number, body in ((1, b"unused"), (2, b"x" * 5 * MIB), (5, b"small"), (7, b""))]
        with self.refused("EntityTooSmall", 400) as error:
            self.s3.complete_multipart_upload(
                Bucket=bucket, Key="key", UploadId=upload, MultipartUpload={"Parts": [
                    {"PartNumber": number, "ETag": etag}
                    for number, etag in zip((2, 5, 7), etags[1:])]})
        self.assertEqual((error["Error"]["PartNumber"], error["Error"]["ProposedSize"],
                          error["Error"]["ETag"]), ("5", "5", etags[2].strip('"')))


if __name__ == "__main__":
    unittest.main()
