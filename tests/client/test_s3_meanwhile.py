"""What changes between a request's headers, by which access is decided, and the end of its body."""

import contextlib
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, S3Wire, md5_base64, unique_bucket  # noqa: E402

READ_ALL = (b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
            b'"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}')
TAGS = b"<Tagging><TagSet><Tag><Key>by</Key><Value>first</Value></Tag></TagSet></Tagging>"
CORS = (b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
        b"</AllowedMethod></CORSRule></CORSConfiguration>")
OPEN = (b"<AccessControlPolicy><Owner><ID>%s</ID></Owner><AccessControlList><Grant><Grantee "
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>%s'
        b"</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
        b"</AccessControlPolicy>")


class MeanwhileTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_account()
        cls.their_wire = S3Wire(cls.cloud, cls.other.key, cls.other.secret)

    @contextlib.contextmanager
    def begun(self, wire, method, path, query="", body=b"", headers=None):
        """A request whose headers the daemon has accepted; the block gets finish(), which sends the
        body and returns the reply."""
        headers = wire.sign(method, path, query, {"Content-MD5": md5_base64(body),
                                                  **(headers or {})}, body)
        lines = [f"{method} {path}{'?' + query if query else ''} HTTP/1.1",
                 *(f"{name}: {value}" for name, value in headers.items()),
                 f"Content-Length: {len(body)}", "Expect: 100-continue"]
        with wire.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            first = connection.recv(1000)
            self.assertTrue(first.startswith(b"HTTP/1.1 100 "), first)

            def finish():
                connection.sendall(body)
                return wire.read_reply(connection, method)
            yield finish


class BucketTest(MeanwhileTestCase):
    """The bucket was deleted meanwhile and belongs to somebody else."""

    def refuse(self, method, path, query="", body=b"", bucket=None):
        """Returns the bucket, which is theirs by then."""
        bucket = bucket or self.new_bucket()
        path = f"/{bucket}{path}"
        body = body.replace(b"%s", bucket.encode())
        with self.begun(self.wire, method, path, query, body) as finish:
            self.s3.delete_bucket(Bucket=bucket)
            self.other.s3.create_bucket(Bucket=bucket)
            self.other.s3.put_object(Bucket=bucket, Key="theirs", Body=b"t")
            self.assert_error(finish(), "NoSuchBucket", 404)
        return bucket

    def keys_of(self, bucket):
        return [item["Key"] for item in self.other.s3.list_objects_v2(Bucket=bucket)["Contents"]]

    def test_policies(self):
        bucket = self.refuse("PUT", "", "policy", READ_ALL)
        with self.refused("NoSuchBucketPolicy", 404):
            self.other.s3.get_bucket_policy(Bucket=bucket)

    def test_configurations(self):
        bucket = self.refuse("PUT", "", "cors", CORS)
        with self.refused("NoSuchCORSConfiguration", 404):
            self.other.s3.get_bucket_cors(Bucket=bucket)
        bucket = self.refuse("PUT", "", "versioning", b"<VersioningConfiguration>"
                             b"<Status>Enabled</Status></VersioningConfiguration>")
        self.assertNotIn("Status", self.other.s3.get_bucket_versioning(Bucket=bucket))

    def test_acls(self):
        bucket = self.new_bucket()
        ours = self.s3.list_buckets()["Owner"]["ID"].encode()
        self.refuse("PUT", "", "acl", OPEN.replace(b"%s", ours), bucket)
        grants = self.other.s3.get_bucket_acl(Bucket=bucket)["Grants"]
        self.assertEqual([grant["Grantee"]["ID"] for grant in grants], [self.other.canonical_id])

    def test_objects(self):
        bucket = self.refuse("PUT", "/ours", body=b"small")
        self.assertEqual(self.keys_of(bucket), ["theirs"])
        bucket = self.refuse("PUT", "/ours", body=b"large" * 20000)
        self.assertEqual(self.keys_of(bucket), ["theirs"])

    def test_deletions(self):
        bucket = self.refuse("POST", "", "delete",
                             b"<Delete><Object><Key>theirs</Key></Object></Delete>")
        self.assertEqual(self.keys_of(bucket), ["theirs"])

    def test_uploads(self):
        bucket = self.new_bucket()
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="ours")["UploadId"]
        self.refuse("PUT", "/ours", f"partNumber=1&uploadId={upload}", b"part", bucket)
        bucket = self.new_bucket()
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key="ours")["UploadId"]
        part = self.s3.upload_part(Bucket=bucket, Key="ours", UploadId=upload, PartNumber=1,
                                   Body=b"part")
        self.refuse("POST", "/ours", f"uploadId={upload}", (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"
            f"{part['ETag']}</ETag></Part></CompleteMultipartUpload>").encode(), bucket)
        self.assertEqual(self.keys_of(bucket), ["theirs"])

    def test_forms(self):
        bucket = unique_bucket()
        self.s3.create_bucket(Bucket=bucket, ACL="public-read-write")
        body = (b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nours\r\n--b\r\n'
                b'Content-Disposition: form-data; name="file"\r\n\r\nbytes\r\n--b--\r\n')
        half = len(body) - 20
        head = (f"POST /{bucket} HTTP/1.1\r\nHost: {self.wire.host}\r\nContent-Type: "
                f"multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n"
                "Expect: 100-continue\r\n\r\n").encode()
        with self.wire.connect() as connection:
            connection.sendall(head)
            self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 100 "))
            connection.sendall(body[:half])
            self.s3.delete_bucket(Bucket=bucket)
            self.other.s3.create_bucket(Bucket=bucket)
            connection.sendall(body[half:])
            reply = self.wire.read_reply(connection, "POST")
        self.assertIn((reply.status, reply.code), ((404, "NoSuchBucket"), (403, "AccessDenied")))
        self.assertNotIn("Contents", self.other.s3.list_objects_v2(Bucket=bucket))

    def test_a_bucket_that_only_changed_is_the_same(self):
        bucket = self.new_bucket()
        with self.begun(self.wire, "PUT", f"/{bucket}/key", body=b"bytes") as finish:
            self.set_versioning(bucket, "Enabled")
            reply = finish()
        self.assert_status(reply, 200)
        self.assertTrue(reply.headers["x-amz-version-id"])


class ObjectTest(MeanwhileTestCase):
    """The object was replaced meanwhile by one that the caller may not change."""

    def test_acls_and_tags(self):
        bucket = self.new_bucket()
        theirs = self.other.canonical_id
        body = OPEN.replace(b"%s", theirs.encode())
        self.put(bucket, "key", b"old", GrantWriteACP=f'id="{theirs}"')
        with self.begun(self.their_wire, "PUT", f"/{bucket}/key", "acl", body) as finish:
            self.put(bucket, "key", b"new")
            self.assert_error(finish(), "AccessDenied", 403)
        grants = self.s3.get_object_acl(Bucket=bucket, Key="key")["Grants"]
        self.assertNotIn(theirs, [grant["Grantee"]["ID"] for grant in grants])

    def test_policies_that_ask_for_tags(self):
        bucket = self.new_bucket()
        policy = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":'
                  f'"arn:aws:iam::{self.other.account_id}:root"}},"Action":"s3:PutObjectTagging",'
                  f'"Resource":"arn:aws:s3:::{bucket}/*","Condition":{{"StringEquals":'
                  '{"s3:ExistingObjectTag/team":"theirs"}}}]}')
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        self.put(bucket, "key", b"old", Tagging="team=theirs")
        with self.begun(self.their_wire, "PUT", f"/{bucket}/key", "tagging", TAGS) as finish:
            self.put(bucket, "key", b"new", Tagging="team=ours")
            self.assert_error(finish(), "AccessDenied", 403)
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"],
                         [{"Key": "team", "Value": "ours"}])
        self.put(bucket, "key", b"again", Tagging="team=theirs")
        with self.begun(self.their_wire, "PUT", f"/{bucket}/key", "tagging", TAGS) as finish:
            self.assert_status(finish(), 200)


if __name__ == "__main__":
    unittest.main()
