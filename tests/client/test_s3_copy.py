"""CopyObject."""

import datetime
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, object_files, quote, random_bytes  # noqa: E402
from cloud import wait_until  # noqa: E402


class CopyTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("from-here", "to-there"):
            cls.s3.create_bucket(Bucket=name)

    def copy(self, source, key, bucket="to-there", **options):
        if isinstance(source, str):
            source = {"Bucket": "from-here", "Key": source}
        return self.s3.copy_object(Bucket=bucket, Key=key, CopySource=source, **options)


class BytesTest(CopyTestCase):
    def test_bytes_metadata_and_tags_are_copied(self):
        for size in (0, 100, 3 * MIB):
            body = random_bytes(size)
            self.put("from-here", "all", body, ContentType="text/x", CacheControl="no-store",
                     Metadata={"k": "v"}, Tagging="t=1")
            reply = self.copy("all", "all")
            found = self.s3.get_object(Bucket="to-there", Key="all")
            self.assertEqual(found["Body"].read(), body)
            self.assertEqual((found["ContentType"], found["CacheControl"], found["Metadata"],
                              found["TagCount"], found["ETag"]),
                             ("text/x", "no-store", {"k": "v"}, 1,
                              reply["CopyObjectResult"]["ETag"]))
            self.assertEqual(reply["CopyObjectResult"]["LastModified"].replace(microsecond=0),
                             found["LastModified"])

    def test_a_copy_outlives_its_source(self):
        files = len(object_files(self.cloud))
        body = random_bytes(MIB, 11)
        self.put("from-here", "mortal", body)
        self.copy("mortal", "heir")
        self.s3.delete_object(Bucket="from-here", Key="mortal")
        self.assertEqual(self.get("to-there", "heir"), body)
        self.s3.delete_object(Bucket="to-there", Key="heir")
        wait_until(lambda: len(object_files(self.cloud)) == files, 10, "no file is left")

    def test_odd_names_as_the_source(self):
        for key in ("a b", "a+b", "ü/ß", "a%2Fb", "a?b", "?versionId=1", "a&b=c", "//", "../a",
                    "a#b", "😀"):
            with self.subTest(key):
                self.put("from-here", key, key.encode())
                self.copy(key, "odd")
                self.assertEqual(self.get("to-there", "odd"), key.encode())

    def test_forms_of_the_source(self):
        self.put("from-here", "a/b c", b"form")
        for text in ("/from-here/a/b%20c", "from-here/a/b%20c", "/from-here/a%2Fb%20c",
                     "from-here%2Fa%2Fb%20c", "%2Ffrom-here%2Fa%2Fb%20c"):
            with self.subTest(text):
                reply = self.wire.call("PUT", "/to-there/form", headers={"x-amz-copy-source": text})
                self.assert_status(reply, 200)
                self.assertEqual(reply.root.tag.rpartition("}")[2], "CopyObjectResult")

    def test_a_source_that_there_is_not(self):
        with self.refused("NoSuchKey", 404):
            self.copy("absent", "x")
        with self.refused("NoSuchBucket", 404):
            self.copy({"Bucket": "not-there", "Key": "k"}, "x")
        for text in ("from-here", "/", "", "/from-here/", "%zz"):
            with self.subTest(text):
                reply = self.wire.call("PUT", "/to-there/x", headers={"x-amz-copy-source": text})
                self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)


class MetadataTest(CopyTestCase):
    def test_replaced_metadata(self):
        self.put("from-here", "meta", b"1", ContentType="text/x", Metadata={"old": "1"})
        self.copy("meta", "meta", Metadata={"new": "2"}, ContentType="text/y",
                  MetadataDirective="REPLACE")
        head = self.s3.head_object(Bucket="to-there", Key="meta")
        self.assertEqual((head["ContentType"], head["Metadata"]), ("text/y", {"new": "2"}))

    def test_metadata_without_the_directive_is_ignored(self):
        self.put("from-here", "ignored", b"1", Metadata={"old": "1"})
        self.copy("ignored", "ignored", Metadata={"new": "2"})
        self.assertEqual(self.s3.head_object(Bucket="to-there", Key="ignored")["Metadata"],
                         {"old": "1"})

    def test_replaced_tags(self):
        self.put("from-here", "tags", b"1", Tagging="old=1")
        self.copy("tags", "tags", Tagging="new=2", TaggingDirective="REPLACE")
        self.assertEqual(self.s3.get_object_tagging(Bucket="to-there", Key="tags")["TagSet"],
                         [{"Key": "new", "Value": "2"}])

    def test_onto_itself_something_must_change(self):
        self.put("from-here", "self", b"1", Metadata={"old": "1"})
        with self.refused("InvalidRequest", 400):
            self.copy("self", "self", bucket="from-here")
        self.copy("self", "self", bucket="from-here", Metadata={"new": "2"},
                  MetadataDirective="REPLACE")
        head = self.s3.head_object(Bucket="from-here", Key="self")
        self.assertEqual(head["Metadata"], {"new": "2"})
        self.copy("self", "self", bucket="from-here", StorageClass="STANDARD_IA")
        self.assertEqual(self.get("from-here", "self"), b"1")

    def test_the_storage_class_is_not_copied(self):
        self.put("from-here", "class", b"1", StorageClass="STANDARD_IA")
        self.copy("class", "class")
        self.assertNotIn("StorageClass", self.s3.head_object(Bucket="to-there", Key="class"))
        self.copy("class", "class", StorageClass="ONEZONE_IA")
        self.assertEqual(self.s3.head_object(Bucket="to-there", Key="class")["StorageClass"],
                         "ONEZONE_IA")

    def test_an_unknown_directive(self):
        self.put("from-here", "directive", b"1")
        for name in ("x-amz-metadata-directive", "x-amz-tagging-directive"):
            reply = self.wire.call("PUT", "/to-there/x", headers={
                "x-amz-copy-source": "/from-here/directive", name: "MERGE"})
            self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"))


class ConditionsTest(CopyTestCase):
    def test_conditions_of_the_source(self):
        etag = self.put("from-here", "cond", b"1")["ETag"]
        modified = self.s3.head_object(Bucket="from-here", Key="cond")["LastModified"]
        before = modified - datetime.timedelta(hours=1)
        other = '"%s"' % ("0" * 32)
        for options in ({"CopySourceIfMatch": etag}, {"CopySourceIfNoneMatch": other},
                        {"CopySourceIfModifiedSince": before},
                        {"CopySourceIfUnmodifiedSince": modified},
                        {"CopySourceIfMatch": etag, "CopySourceIfUnmodifiedSince": before}):
            with self.subTest(**options):
                self.copy("cond", "cond", **options)
        for options in ({"CopySourceIfMatch": other}, {"CopySourceIfNoneMatch": etag},
                        {"CopySourceIfModifiedSince": modified},
                        {"CopySourceIfUnmodifiedSince": before},
                        {"CopySourceIfNoneMatch": etag, "CopySourceIfModifiedSince": before}):
            with self.subTest(**options), self.refused("PreconditionFailed", 412):
                self.copy("cond", "cond", **options)


class VersionsTest(CopyTestCase):
    def test_a_version_is_copied(self):
        bucket = self.new_versioned_bucket()
        first = self.put(bucket, "key", b"first")["VersionId"]
        self.put(bucket, "key", b"second")
        reply = self.copy({"Bucket": bucket, "Key": "key", "VersionId": first}, "version")
        self.assertEqual(reply["CopySourceVersionId"], first)
        self.assertEqual(self.get("to-there", "version"), b"first")
        # An old version onto its own key is how one goes back.
        reply = self.copy({"Bucket": bucket, "Key": "key", "VersionId": first}, "key",
                          bucket=bucket)
        self.assertEqual(self.get(bucket, "key"), b"first")
        self.assertNotEqual(reply["VersionId"], first)

    def test_a_marker_cannot_be_copied(self):
        bucket = self.new_versioned_bucket()
        self.put(bucket, "key", b"1")
        marker = self.s3.delete_object(Bucket=bucket, Key="key")["VersionId"]
        with self.refused("NoSuchKey", 404):
            self.copy({"Bucket": bucket, "Key": "key"}, "x")
        with self.refused("InvalidRequest", 400):
            self.copy({"Bucket": bucket, "Key": "key", "VersionId": marker}, "x")
        with self.refused("NoSuchVersion", 404):
            self.copy({"Bucket": bucket, "Key": "absent", "VersionId": marker}, "x")


class EncryptionTest(CopyTestCase):
    OLD = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "o" * 32}
    NEW = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "n" * 32}
    SOURCE = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": "o" * 32}

    def test_from_one_key_to_another(self):
        for size in (50, 2 * MIB):
            body = random_bytes(size)
            self.put("from-here", "secret", body, **self.OLD)
            self.copy("secret", "secret", **self.SOURCE, **self.NEW)
            self.assertEqual(self.get("to-there", "secret", **self.NEW), body)
            self.copy("secret", "open", **self.SOURCE)
            self.assertEqual(self.get("to-there", "open"), body)
            self.put("from-here", "open", body)
            self.copy("open", "closed", **self.NEW)
            self.assertEqual(self.get("to-there", "closed", **self.NEW), body)

    def test_without_the_sources_key(self):
        self.put("from-here", "secret", b"1", **self.OLD)
        with self.refused("InvalidRequest", 400):
            self.copy("secret", "x")
        with self.refused("AccessDenied", 403):
            self.copy("secret", "x", CopySourceSSECustomerAlgorithm="AES256",
                      CopySourceSSECustomerKey="x" * 32)

    def test_encryption_of_s3(self):
        self.put("from-here", "plain", b"1")
        reply = self.copy("plain", "plain", ServerSideEncryption="AES256")
        self.assertEqual(reply["ServerSideEncryption"], "AES256")


class ChecksumTest(CopyTestCase):
    def test_a_checksum_is_copied_or_made(self):
        self.put("from-here", "sum", b"1", ChecksumAlgorithm="SHA256")
        reply = self.copy("sum", "sum")
        self.assertIn("ChecksumSHA256", reply["CopyObjectResult"])
        reply = self.copy("sum", "sum1", ChecksumAlgorithm="SHA1")
        self.assertIn("ChecksumSHA1", reply["CopyObjectResult"])
        found = self.s3.get_object(Bucket="to-there", Key="sum1", ChecksumMode="ENABLED")
        self.assertEqual(found["ChecksumSHA1"], reply["CopyObjectResult"]["ChecksumSHA1"])
        self.assertEqual(found["Body"].read(), b"1")


class RawTest(CopyTestCase):
    def test_the_key_of_a_copy_is_encoded(self):
        self.put("from-here", "k", b"1")
        reply = self.wire.call("PUT", "/to-there/" + quote("x y/ü"),
                               headers={"x-amz-copy-source": "/from-here/k"})
        self.assert_status(reply, 200)
        self.assertEqual(self.get("to-there", "x y/ü"), b"1")


if __name__ == "__main__":
    unittest.main()
