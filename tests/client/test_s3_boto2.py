"""boto 2.49 drives S3, with both signatures, with the bucket in the path and in the host's name."""

import http.client
import io
import os
import sys
import unittest
import urllib.parse
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, localhost_names, random_bytes, unique_bucket  # noqa: E402

os.environ["BOTO_CONFIG"] = os.devnull
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from boto.exception import S3ResponseError
        from boto.s3.connection import OrdinaryCallingFormat, S3Connection, SubdomainCallingFormat
        from boto.s3.cors import CORSConfiguration
        from boto.s3.key import Key
        from boto.s3.lifecycle import Expiration, Lifecycle, Rule
        from boto.s3.tagging import Tags, TagSet
except ImportError:
    raise unittest.SkipTest("no boto 2 here (apt-get install python3-boto)") from None

PART = 5 * MIB


class ConnectionV4(S3Connection):
    def _required_auth_capability(self):
        return ["hmac-v4-s3"]


class ConnectionV2(S3Connection):
    def _required_auth_capability(self):
        return ["s3"]


class Round:
    """What a user of boto 2 does with S3."""

    connection_class = None
    host = "127.0.0.1"
    calling_format = OrdinaryCallingFormat

    def setUp(self):
        super().setUp()
        names = localhost_names()
        names.__enter__()
        self.addCleanup(names.__exit__, None, None, None)
        self.boto = self.connect(self.wire.secret)

    def connect(self, secret):
        connection = self.connection_class(
            self.wire.key, secret, is_secure=False, host=self.host, port=self.wire.port,
            calling_format=self.calling_format())
        connection.num_retries = 0
        # With version 4 boto 2 knows no region of a host that is not Amazon's.
        connection._auth_handler.region_name = "us-east-1"
        return connection

    def make(self):
        return self.boto.create_bucket(unique_bucket("boto2"))

    def refused_to_boto(self, code, status, call):
        with self.assertRaises(S3ResponseError) as caught:
            call()
        self.assertEqual((caught.exception.error_code, caught.exception.status), (code, status))

    def test_buckets(self):
        bucket = self.make()
        self.assertIn(bucket.name, [item.name for item in self.boto.get_all_buckets()])
        self.assertEqual(self.boto.get_bucket(bucket.name).name, bucket.name)
        self.assertEqual(bucket.get_location(), "")
        bucket.new_key("k").set_contents_from_string("1")
        self.refused_to_boto("BucketNotEmpty", 409, bucket.delete)
        bucket.delete_key("k")
        bucket.delete()
        self.assertIsNone(self.boto.lookup(bucket.name))
        self.refused_to_boto("NoSuchBucket", 404,
                             lambda: list(self.boto.get_bucket(bucket.name, validate=False)))

    def test_objects(self):
        bucket = self.make()
        for name in ("plain", "a b/ü+%&=?#", "日本語", "a'(c)*!", "x" * 1000):
            for body in (b"", b"bytes of " + name.encode(), random_bytes(200 * 1024)):
                key = Key(bucket, name)
                key.set_metadata("note", "a  b")
                key.content_type = "text/x"
                key.set_contents_from_string(body, headers={"Cache-Control": "no-store"})
                found = bucket.get_key(name)
                self.assertEqual(found.get_contents_as_string(), body)
                self.assertEqual((found.size, found.content_type, found.get_metadata("note"),
                                  found.cache_control), (len(body), "text/x", "a  b", "no-store"))
                self.assertEqual(found.etag, key.etag)
        self.assertIsNone(bucket.get_key("absent"))
        self.assertEqual(len(bucket.get_all_keys()), 5)
        result = bucket.delete_keys([key.name for key in bucket])
        self.assertEqual((len(result.deleted), result.errors), (5, []))
        self.assertEqual(list(bucket), [])

    def test_ranges_and_conditions(self):
        bucket = self.make()
        key = bucket.new_key("k")
        key.set_contents_from_string("0123456789")
        self.assertEqual(key.get_contents_as_string(headers={"Range": "bytes=2-4"}), b"234")
        self.refused_to_boto("InvalidRange", 416, lambda: key.get_contents_as_string(
            headers={"Range": "bytes=10-"}))
        other = bucket.get_key("k")
        self.refused_to_boto("PreconditionFailed", 412, lambda: other.get_contents_as_string(
            headers={"If-Match": '"0"'}))

    def test_lists(self):
        bucket = self.make()
        names = ["a/1", "a/2", "b", "ü/1", "c d"]
        for name in names:
            bucket.new_key(name).set_contents_from_string("1")
        self.assertEqual([item.name for item in bucket.list()], sorted(names, key=str.encode))
        level = bucket.get_all_keys(delimiter="/")
        self.assertEqual([item.name for item in level], ["b", "c d", "a/", "ü/"])
        page = bucket.get_all_keys(max_keys=2)
        self.assertEqual(([item.name for item in page], page.is_truncated), (["a/1", "a/2"], True))
        rest = bucket.get_all_keys(marker="a/2", prefix="")
        self.assertEqual([item.name for item in rest], ["b", "c d", "ü/1"])

    def test_parts(self):
        bucket = self.make()
        upload = bucket.initiate_multipart_upload("k", metadata={"m": "1"})
        bodies = [random_bytes(PART, 1), random_bytes(PART, 2), b"end"]
        for number in (3, 1, 2):
            upload.upload_part_from_file(io.BytesIO(bodies[number - 1]), number)
        self.assertEqual([part.size for part in upload], [PART, PART, 3])
        self.assertEqual([item.id for item in bucket.list_multipart_uploads()], [upload.id])
        upload.complete_upload()
        found = bucket.get_key("k")
        self.assertEqual(found.get_contents_as_string(), b"".join(bodies))
        self.assertEqual(found.get_metadata("m"), "1")
        other = bucket.initiate_multipart_upload("other")
        # Not a range of it: boto 2 puts the two headers in another order than version 4 wants.
        other.copy_part_from_key(bucket.name, "k", 1)
        other.cancel_upload()
        self.assertEqual(list(bucket.list_multipart_uploads()), [])

    def test_versions(self):
        bucket = self.make()
        bucket.configure_versioning(True)
        self.assertEqual(bucket.get_versioning_status(), {"Versioning": "Enabled"})
        key = bucket.new_key("k")
        ids = []
        for body in ("1", "2"):
            key.set_contents_from_string(body)
            ids.append(key.version_id)
        bucket.delete_key("k")
        self.assertIsNone(bucket.get_key("k"))
        self.assertEqual(bucket.get_key("k", version_id=ids[0]).get_contents_as_string(), b"1")
        listed = list(bucket.list_versions())
        self.assertEqual([item.version_id for item in listed[1:]], ids[::-1])
        self.assertEqual(type(listed[0]).__name__, "DeleteMarker")
        for item in listed:
            bucket.delete_key("k", version_id=item.version_id)
        bucket.delete()

    def test_copies(self):
        bucket = self.make()
        bucket.new_key("a b/ü").set_contents_from_string("copied")
        bucket.copy_key("to", bucket.name, "a b/ü")
        self.assertEqual(bucket.get_key("to").get_contents_as_string(), b"copied")
        bucket.copy_key("to", bucket.name, "to", metadata={"new": "1"})
        self.assertEqual(bucket.get_key("to").get_metadata("new"), "1")

    def test_acls(self):
        bucket = self.make()
        key = bucket.new_key("k")
        key.set_contents_from_string("1", policy="public-read")
        grants = key.get_acl().acl.grants
        self.assertEqual(sorted(grant.permission for grant in grants), ["FULL_CONTROL", "READ"])
        self.assert_status(self.wire.send("GET", f"/{bucket.name}/k"), 200)
        key.set_canned_acl("private")
        self.assert_status(self.wire.send("GET", f"/{bucket.name}/k"), 403)
        bucket.set_acl("public-read")
        acl = bucket.get_acl()
        bucket.set_acl(acl)
        self.assertEqual(len(bucket.get_acl().acl.grants), 2)

    def test_configurations(self):
        bucket = self.make()
        cors = CORSConfiguration()
        cors.add_rule(["GET"], ["*"], max_age_seconds=5)
        bucket.set_cors(cors)
        self.assertEqual(bucket.get_cors()[0].max_age_seconds, 5)
        bucket.delete_cors()
        lifecycle = Lifecycle()
        lifecycle.append(Rule("r", prefix="x/", status="Enabled",
                              expiration=Expiration(days=3000)))
        self.assertTrue(bucket.configure_lifecycle(lifecycle))
        self.assertEqual(bucket.get_lifecycle_config()[0].id, "r")
        tags = Tags()
        tag_set = TagSet()
        tag_set.add_tag("a", "1")
        tags.add_tag_set(tag_set)
        bucket.set_tags(tags)
        self.assertEqual(bucket.get_tags()[0][0].value, "1")
        bucket.configure_website("index.html", "error.html")
        self.assertIn("index.html", bucket.get_website_configuration_xml())
        self.refused_to_boto("NoSuchBucketPolicy", 404, bucket.get_policy)

    def test_a_wrong_secret(self):
        self.refused_to_boto("SignatureDoesNotMatch", 403,
                             self.connect("wrong").get_all_buckets)


class Addresses:
    """Version 4's are not tested: boto 2 signs the port twice where it is not 80."""

    def test_signed_addresses(self):
        bucket = self.make()
        key = bucket.new_key("a b+ü")
        key.set_contents_from_string("signed")
        address = urllib.parse.urlsplit(key.generate_url(60))
        connection = http.client.HTTPConnection("127.0.0.1", self.wire.port)
        self.addCleanup(connection.close)
        connection.request("GET", f"{address.path}?{address.query}",
                           headers={"Host": address.netloc})
        self.assertEqual(connection.getresponse().read(), b"signed")


class SigV4Test(Round, S3TestCase):
    connection_class = ConnectionV4


class SigV2Test(Round, Addresses, S3TestCase):
    connection_class = ConnectionV2


class VirtualHostV2Test(Round, Addresses, S3TestCase):
    connection_class = ConnectionV2
    host = "localhost"
    calling_format = SubdomainCallingFormat


class VirtualHostV4Test(Round, S3TestCase):
    connection_class = ConnectionV4
    host = "localhost"
    calling_format = SubdomainCallingFormat


if __name__ == "__main__":
    unittest.main()
