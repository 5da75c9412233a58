"""What strangers may not do where they may write, and what only looks like somebody's request."""

import json
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, S3Wire, md5_base64  # noqa: E402

FORM = (b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nkey\r\n%s'
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--b--\r\n')
FIELD = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


class StrangersTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_account()
        cls.third = cls.new_account()
        cls.account = cls.cloud.credentials["account_id"]

    def assert_denied(self, reply):
        self.assert_error(reply, "AccessDenied", 403)


class FormTest(StrangersTestCase):
    """A form without a policy is anonymous, whoever signed the request around it."""

    HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}

    def new_user(self):
        """One who may do nothing."""
        iam = self.cloud.boto3("iam")
        iam.create_user(UserName="nobody")
        made = iam.create_access_key(UserName="nobody")["AccessKey"]
        return S3Wire(self.cloud, made["AccessKeyId"], made["SecretAccessKey"])

    def test_signatures_around_a_form(self):
        bucket = self.new_bucket()
        body = FORM % b""
        for wire in (self.new_user(), self.wire):
            self.assert_denied(wire.call("POST", f"/{bucket}", "", self.HEADERS, body))
            query = wire.presign("POST", f"/{bucket}")
            self.assert_denied(wire.send("POST", f"/{bucket}", query, self.HEADERS, body))
        self.assertEqual(self.keys(bucket), [])

    def test_fields_with_lines(self):
        bucket = self.new_bucket(ACL="public-read-write")
        for name, value in ((b"x-amz-meta-a", b"b\nx-amz-meta-c: d"), (b"x-amz-meta-a", b"b\n"),
                            (b"content-type", b"text/x\r\nSet-Cookie: a=b"),
                            (b"x-amz-meta-a", b"b\rc"), (b"x-amz-meta-a b", b"c"),
                            (b"x-amz-meta-a: b", b"c"), (b"x-amz-meta-\xc3\xa4", b"c")):
            with self.subTest(name=name, value=value):
                reply = self.wire.send("POST", f"/{bucket}", "", self.HEADERS,
                                       FORM % (FIELD % (name, value)))
                self.assert_error(reply, "InvalidArgument", 400)
        self.assertEqual(self.keys(bucket), [])

    def test_queries_with_lines(self):
        bucket = self.new_bucket()
        for query in ("X-Amz-Meta-A=a%0Ab", "X-Amz-Meta-A=a%0Ax-amz-meta-b%3A%20c",
                      "X-Amz-Meta-A%0Ab=c", "X-Amz-Website-Redirect-Location=%2F%0D%0Aa%3Ab"):
            with self.subTest(query):
                signed = self.wire.presign("PUT", f"/{bucket}/key", query)
                self.assert_error(self.wire.send("PUT", f"/{bucket}/key", signed, body=b"bytes"),
                                  "InvalidArgument", 400)
        signed = self.wire.presign("PUT", f"/{bucket}/key", "X-Amz-Meta-A=a%20b")
        self.assert_status(self.wire.send("PUT", f"/{bucket}/key", signed, body=b"bytes"), 200)
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="key")["Metadata"], {"a": "a b"})


class VersionsTest(StrangersTestCase):
    """Who may write by a bucket's ACL cannot destroy what versions are kept for."""

    def setUp(self):
        super().setUp()
        self.bucket = self.new_versioned_bucket(ACL="public-read-write")
        self.version = self.put(self.bucket, "key", b"kept")["VersionId"]

    def assert_kept(self):
        self.assertEqual(self.get(self.bucket, "key", VersionId=self.version), b"kept")

    def test_one_version(self):
        path, query = f"/{self.bucket}/key", urllib.parse.urlencode({"versionId": self.version})
        self.assert_denied(self.wire.send("DELETE", path, query))
        with self.refused("AccessDenied", 403):
            self.other.s3.delete_object(Bucket=self.bucket, Key="key", VersionId=self.version)
        self.assert_kept()
        self.assert_status(self.wire.send("DELETE", path), 204)  # a marker
        self.assert_kept()

    def test_several(self):
        body = (f"<Delete><Object><Key>key</Key><VersionId>{self.version}</VersionId></Object>"
                "<Object><Key>other</Key></Object></Delete>").encode()
        reply = self.wire.send("POST", f"/{self.bucket}", "delete",
                               {"Content-MD5": md5_base64(body)}, body)
        self.assert_status(reply, 200)
        self.assertEqual(reply.root.findtext("{*}Error/{*}Code"), "AccessDenied")
        self.assertEqual(reply.root.findtext("{*}Deleted/{*}Key"), "other")
        self.assert_kept()

    def test_its_owner_and_whom_a_policy_lets(self):
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": self.other.account_id},
                "Action": "s3:DeleteObjectVersion",
                "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}))
        with self.refused("AccessDenied", 403):
            self.third.s3.delete_object(Bucket=self.bucket, Key="key", VersionId=self.version)
        self.other.s3.delete_object(Bucket=self.bucket, Key="key", VersionId=self.version)
        version = self.put(self.bucket, "key")["VersionId"]
        self.s3.delete_object(Bucket=self.bucket, Key="key", VersionId=version)
        self.assertNotIn("Versions", self.s3.list_object_versions(Bucket=self.bucket))


class UploadsTest(StrangersTestCase):
    """A multipart upload is its initiator's and the bucket's owner's."""

    def setUp(self):
        super().setUp()
        self.bucket = self.new_bucket(ACL="public-read-write")
        self.put(self.bucket, "source", b"bytes", ACL="public-read")

    def begin(self, s3):
        upload = s3.create_multipart_upload(Bucket=self.bucket, Key="key")["UploadId"]
        part = s3.upload_part(Bucket=self.bucket, Key="key", UploadId=upload, PartNumber=1,
                              Body=b"part")
        return {"Bucket": self.bucket, "Key": "key", "UploadId": upload}, {
            "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

    def refuse_all(self, s3, upload, parts):
        for call in (lambda: s3.upload_part(**upload, PartNumber=1, Body=b"theirs"),
                     lambda: s3.upload_part_copy(**upload, PartNumber=1,
                                                 CopySource=f"{self.bucket}/source"),
                     lambda: s3.complete_multipart_upload(**upload, MultipartUpload=parts),
                     lambda: s3.list_parts(**upload), lambda: s3.abort_multipart_upload(**upload)):
            with self.refused("AccessDenied", 403):
                call()

    def test_strangers(self):
        for s3 in (self.s3, self.other.s3):
            upload, parts = self.begin(s3)
            self.refuse_all(self.third.s3, upload, parts)
            query = f"uploadId={upload['UploadId']}"
            self.assert_denied(self.wire.send("DELETE", f"/{self.bucket}/key", query))
            self.assert_denied(self.wire.send("PUT", f"/{self.bucket}/key",
                                              f"partNumber=1&{query}", body=b"theirs"))
            s3.complete_multipart_upload(**upload, MultipartUpload=parts)
            self.assertEqual(s3.head_object(Bucket=self.bucket, Key="key")["ContentLength"], 4)

    def test_the_buckets_owner(self):
        upload, _ = self.begin(self.other.s3)
        self.assertEqual(len(self.s3.list_parts(**upload)["Parts"]), 1)
        self.s3.abort_multipart_upload(**upload)
        with self.refused("NoSuchUpload", 404):
            self.other.s3.list_parts(**upload)

    def test_whom_a_policy_lets(self):
        upload, parts = self.begin(self.other.s3)
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": self.third.account_id},
                "Action": ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
                "Resource": f"arn:aws:s3:::{self.bucket}/*"}]}))
        self.assertEqual(len(self.third.s3.list_parts(**upload)["Parts"]), 1)
        with self.refused("AccessDenied", 403):
            self.third.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
        self.third.s3.abort_multipart_upload(**upload)

    def test_anonymous_uploads(self):
        path = f"/{self.bucket}/anonymous"
        upload = self.wire.send("POST", path, "uploads").text("UploadId")
        reply = self.wire.send("PUT", path, f"partNumber=1&uploadId={upload}", body=b"part")
        body = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                f"<ETag>{reply.headers['ETag']}</ETag></Part></CompleteMultipartUpload>").encode()
        self.assert_status(self.wire.send("POST", path, f"uploadId={upload}", body=body), 200)
        self.assertEqual(self.get(self.bucket, "anonymous"), b"part")


class OwnersTest(StrangersTestCase):
    def test_whose_the_source_must_be(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"bytes")
        source = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/key"}
        self.s3.copy_object(**source, ExpectedSourceBucketOwner=self.account)
        with self.refused("AccessDenied", 403):
            self.s3.copy_object(**source, ExpectedSourceBucketOwner=self.other.account_id)
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
        with self.refused("AccessDenied", 403):
            self.s3.upload_part_copy(**source, UploadId=upload, PartNumber=1,
                                     ExpectedSourceBucketOwner=self.other.account_id)


if __name__ == "__main__":
    unittest.main()
