"""Versions of objects and delete markers."""

import os
import random
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, object_files, random_bytes  # noqa: E402
from cloud import wait_until  # noqa: E402


class VersionsTestCase(S3TestCase):
    def listed(self, bucket, **options):
        """(key, version, is a marker, is the latest) in the list's order within each kind."""
        reply = self.s3.list_object_versions(Bucket=bucket, **options)
        return [(item["Key"], item["VersionId"], kind == "DeleteMarkers", item["IsLatest"])
                for kind in ("Versions", "DeleteMarkers") for item in reply.get(kind, ())]


class EnabledTest(VersionsTestCase):
    def test_a_bucket_begins_without(self):
        bucket = self.new_bucket()
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket=bucket))
        self.assertNotIn("VersionId", self.put(bucket, "key", b"1"))
        self.assertEqual(self.listed(bucket), [("key", "null", False, True)])

    def test_the_setting(self):
        bucket = self.new_versioned_bucket()
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        self.set_versioning(bucket, "Suspended")
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Suspended")
        with self.refused("MalformedXML", 400):
            self.set_versioning(bucket, "Perhaps")
        with self.refused("IllegalVersioningConfigurationException", 400):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})

    def test_every_version_stays(self):
        bucket = self.new_versioned_bucket()
        ids = [self.put(bucket, "key", b"%d" % number, Metadata={"n": str(number)})["VersionId"]
               for number in range(5)]
        self.assertEqual(len(set(ids)), 5)
        self.assertEqual(self.get(bucket, "key"), b"4")
        for number, id in enumerate(ids):
            found = self.s3.get_object(Bucket=bucket, Key="key", VersionId=id)
            self.assertEqual((found["Body"].read(), found["VersionId"], found["Metadata"]),
                             (b"%d" % number, id, {"n": str(number)}))
            head = self.s3.head_object(Bucket=bucket, Key="key", VersionId=id)
            self.assertEqual(head["VersionId"], id)
        self.assertEqual(self.listed(bucket),
                         [("key", id, False, id == ids[4]) for id in reversed(ids)])

    def test_what_was_there_before_is_the_null_version(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"before")
        self.set_versioning(bucket, "Enabled")
        self.put(bucket, "key", b"after")
        self.assertEqual(self.get(bucket, "key", VersionId="null"), b"before")
        self.assertEqual(self.get(bucket, "key"), b"after")

    def test_a_delete_is_a_marker(self):
        bucket = self.new_versioned_bucket()
        version = self.put(bucket, "key", b"1")["VersionId"]
        reply = self.s3.delete_object(Bucket=bucket, Key="key")
        self.assertTrue(reply["DeleteMarker"])
        marker = reply["VersionId"]
        with self.refused("NoSuchKey", 404) as error:
            self.get(bucket, "key")
        headers = error["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(headers["x-amz-delete-marker"], "true")
        self.assertEqual(headers["x-amz-version-id"], marker)
        with self.refused("404", 404) as error:
            self.s3.head_object(Bucket=bucket, Key="key")
        self.assertEqual(error["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"], "true")
        self.assertEqual(self.keys(bucket), [])
        self.assertEqual(self.listed(bucket), [("key", version, False, False),
                                               ("key", marker, True, True)])
        self.assertEqual(self.get(bucket, "key", VersionId=version), b"1")

    def test_a_marker_has_no_bytes(self):
        bucket = self.new_versioned_bucket()
        marker = self.s3.delete_object(Bucket=bucket, Key="key")["VersionId"]
        with self.refused("MethodNotAllowed", 405) as error:
            self.get(bucket, "key", VersionId=marker)
        headers = error["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual((headers["x-amz-delete-marker"], headers["allow"]), ("true", "DELETE"))
        self.assertIn("last-modified", headers)
        with self.refused("405", 405):
            self.s3.head_object(Bucket=bucket, Key="key", VersionId=marker)

    def test_without_its_marker_an_object_is_back(self):
        bucket = self.new_versioned_bucket()
        self.put(bucket, "key", b"1")
        marker = self.s3.delete_object(Bucket=bucket, Key="key")["VersionId"]
        reply = self.s3.delete_object(Bucket=bucket, Key="key", VersionId=marker)
        self.assertEqual((reply["DeleteMarker"], reply["VersionId"]), (True, marker))
        self.assertEqual(self.get(bucket, "key"), b"1")

    def test_a_version_is_deleted_for_good(self):
        bucket = self.new_versioned_bucket()
        first = self.put(bucket, "key", b"1")["VersionId"]
        second = self.put(bucket, "key", b"2")["VersionId"]
        reply = self.s3.delete_object(Bucket=bucket, Key="key", VersionId=second)
        self.assertEqual(reply["VersionId"], second)
        self.assertNotIn("DeleteMarker", reply)
        self.assertEqual(self.get(bucket, "key"), b"1")
        self.assertEqual(self.listed(bucket), [("key", first, False, True)])
        with self.refused("NoSuchVersion", 404):
            self.get(bucket, "key", VersionId=second)
        # Once more is no error.
        self.s3.delete_object(Bucket=bucket, Key="key", VersionId=second)

    def test_the_bytes_of_a_version_go_with_it(self):
        bucket = self.new_versioned_bucket()
        before = len(object_files(self.cloud))
        ids = [self.put(bucket, "key", random_bytes(MIB, seed))["VersionId"] for seed in (1, 2)]
        self.assertEqual(len(object_files(self.cloud)), before + 2)
        for id in ids:
            self.s3.delete_object(Bucket=bucket, Key="key", VersionId=id)
        wait_until(lambda: len(object_files(self.cloud)) == before, 10, "the files are removed")

    def test_a_bucket_of_markers_is_not_empty(self):
        bucket = self.new_versioned_bucket()
        marker = self.s3.delete_object(Bucket=bucket, Key="key")["VersionId"]
        with self.refused("BucketNotEmpty", 409):
            self.s3.delete_bucket(Bucket=bucket)
        self.s3.delete_object(Bucket=bucket, Key="key", VersionId=marker)
        self.s3.delete_bucket(Bucket=bucket)

    def test_versions_that_there_are_not(self):
        bucket = self.new_versioned_bucket()
        version = self.put(bucket, "key", b"1")["VersionId"]
        other = self.put(bucket, "other", b"1")["VersionId"]
        with self.refused("NoSuchVersion", 404):
            self.get(bucket, "key", VersionId="null")
        with self.refused("NoSuchVersion", 404):
            self.get(bucket, "key", VersionId=other)
        for id in ("forged", "", version + "x", "a/b"):
            with self.subTest(id):
                reply = self.wire.call("GET", f"/{bucket}/key", f"versionId={id}")
                self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)

    def test_many_versions_are_deleted_at_once(self):
        bucket = self.new_versioned_bucket()
        ids = [self.put(bucket, "key", b"1")["VersionId"] for _ in range(3)]
        reply = self.s3.delete_objects(Bucket=bucket, Delete={
            "Objects": [{"Key": "key", "VersionId": ids[1]}, {"Key": "key"}]})
        by_version = {item.get("VersionId"): item for item in reply["Deleted"]}
        self.assertIn(ids[1], by_version)
        marker = by_version[None]
        self.assertTrue(marker["DeleteMarker"])
        self.assertEqual({id for _, id, _, _ in self.listed(bucket)},
                         {ids[0], ids[2], marker["DeleteMarkerVersionId"]})
        reply = self.s3.delete_objects(Bucket=bucket, Delete={
            "Objects": [{"Key": "key", "VersionId": marker["DeleteMarkerVersionId"]}]})
        self.assertTrue(reply["Deleted"][0]["DeleteMarker"])
        self.assertEqual(self.get(bucket, "key"), b"1")

    def test_tags_of_a_version(self):
        bucket = self.new_versioned_bucket()
        first = self.put(bucket, "key", b"1", Tagging="v=1")["VersionId"]
        self.put(bucket, "key", b"2", Tagging="v=2")
        self.s3.put_object_tagging(Bucket=bucket, Key="key", VersionId=first,
                                   Tagging={"TagSet": [{"Key": "v", "Value": "one"}]})

        def value(**options):
            return self.s3.get_object_tagging(Bucket=bucket, Key="key",
                                              **options)["TagSet"][0]["Value"]
        self.assertEqual((value(), value(VersionId=first)), ("2", "one"))


class SuspendedTest(VersionsTestCase):
    def new_suspended_bucket(self):
        bucket = self.new_versioned_bucket()
        kept = self.put(bucket, "key", b"kept")["VersionId"]
        self.set_versioning(bucket, "Suspended")
        return bucket, kept

    def test_a_put_replaces_the_null_version_only(self):
        bucket, kept = self.new_suspended_bucket()
        for body in (b"1", b"2"):
            self.put(bucket, "key", body)
        self.assertEqual(self.get(bucket, "key"), b"2")
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key="key")["VersionId"], "null")
        self.assertEqual(self.listed(bucket), [("key", "null", False, True),
                                               ("key", kept, False, False)])

    def test_a_delete_puts_a_null_marker(self):
        bucket, kept = self.new_suspended_bucket()
        self.put(bucket, "key", b"null")
        reply = self.s3.delete_object(Bucket=bucket, Key="key")
        self.assertEqual((reply["DeleteMarker"], reply["VersionId"]), (True, "null"))
        self.assertEqual(self.listed(bucket), [("key", kept, False, False),
                                               ("key", "null", True, True)])
        self.s3.delete_object(Bucket=bucket, Key="key")
        self.assertEqual(len(self.listed(bucket)), 2)

    def test_enabled_again_the_null_version_stays(self):
        bucket, kept = self.new_suspended_bucket()
        self.put(bucket, "key", b"null")
        self.set_versioning(bucket, "Enabled")
        new = self.put(bucket, "key", b"new")["VersionId"]
        self.assertEqual([id for _, id, _, _ in self.listed(bucket)], [new, "null", kept])


class ListTest(VersionsTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="listed")
        cls.s3.put_bucket_versioning(Bucket="listed",
                                     VersioningConfiguration={"Status": "Enabled"})
        chance = random.Random(5)
        cls.history = {}  # key to [(version, is a marker)], the newest first
        for _ in range(150):
            key = chance.choice(("a", "a/1", "a/2", "b/1", "b/2/x", "c", "ü", "日"))
            if chance.random() < 0.3:
                reply = cls.s3.delete_object(Bucket="listed", Key=key)
                cls.history.setdefault(key, []).insert(0, (reply["VersionId"], True))
            else:
                reply = cls.s3.put_object(Bucket="listed", Key=key, Body=b"1")
                cls.history.setdefault(key, []).insert(0, (reply["VersionId"], False))

    def entries(self, prefix="", delimiter=""):
        """(key, version) in order, and the common prefixes."""
        entries, prefixes = [], []
        for key in sorted(self.history, key=str.encode):
            if not key.startswith(prefix):
                continue
            rest = key[len(prefix):]
            if delimiter and delimiter in rest:
                common = prefix + rest[:rest.index(delimiter) + len(delimiter)]
                if common not in prefixes:
                    prefixes.append(common)
                continue
            entries += [(key, *version) for version in self.history[key]]
        return entries, prefixes

    def walk(self, size, **options):
        """The raw order, in which versions and markers are mixed."""
        entries, prefixes, query = [], [], {}
        while True:
            parts = {"versions": "", "max-keys": str(size), **options, **query}
            text = urllib.parse.urlencode(parts, quote_via=urllib.parse.quote)
            reply = self.wire.call("GET", "/listed", text)
            self.assert_status(reply, 200)
            count = 0
            for child in reply.root:
                kind = child.tag.rpartition("}")[2]
                if kind in ("Version", "DeleteMarker"):
                    texts = {item.tag.rpartition("}")[2]: item.text for item in child}
                    key, version = texts["Key"], texts["VersionId"]
                    entries.append((key, version, kind == "DeleteMarker"))
                    self.assertEqual(texts["IsLatest"] == "true",
                                     self.history[key][0][0] == version)
                    count += 1
                elif kind == "CommonPrefixes":
                    prefixes.append(child[0].text)
                    count += 1
            self.assertLessEqual(count, size)
            if reply.text("IsTruncated") == "false":
                return entries, prefixes
            query = {"key-marker": reply.text("NextKeyMarker")}
            if reply.text("NextVersionIdMarker"):
                query["version-id-marker"] = reply.text("NextVersionIdMarker")

    def test_pages(self):
        for size in (1000, 50, 7, 1):
            for prefix, delimiter in (("", ""), ("a", ""), ("", "/"), ("b/", "/"), ("ü", "")):
                with self.subTest(size=size, prefix=prefix, delimiter=delimiter):
                    options = {"prefix": prefix}
                    if delimiter:
                        options["delimiter"] = delimiter
                    self.assertEqual(self.walk(size, **options), self.entries(prefix, delimiter))

    def test_pages_of_boto3(self):
        versions, markers = [], []
        for page in self.s3.get_paginator("list_object_versions").paginate(
                Bucket="listed", PaginationConfig={"PageSize": 11}):
            versions += [(item["Key"], item["VersionId"]) for item in page.get("Versions", ())]
            markers += [(item["Key"], item["VersionId"]) for item in page.get("DeleteMarkers", ())]
        entries, _ = self.entries()
        self.assertEqual(versions, [entry[:2] for entry in entries if not entry[2]])
        self.assertEqual(markers, [entry[:2] for entry in entries if entry[2]])

    def test_a_version_marker_needs_its_key(self):
        self.raw_refused("InvalidArgument", 400, "GET", "/listed",
                         "versions&version-id-marker=null")

    def test_the_plain_list_has_only_what_is_there(self):
        self.assertEqual(self.keys("listed"),
                         [key for key in sorted(self.history, key=str.encode)
                          if not self.history[key][0][1]])


if __name__ == "__main__":
    unittest.main()
