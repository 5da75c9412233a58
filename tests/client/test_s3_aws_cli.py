"""The AWS CLI drives S3: `aws s3` with its transfers, `aws s3api`."""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from s3 import MIB, Folder, S3TestCase, random_bytes, unique_bucket  # noqa: E402

AWS = "/usr/bin/aws"
if not os.access(AWS, os.X_OK):
    raise unittest.SkipTest(f"no {AWS} here (apt-get install awscli)")


class AwsCliTest(Folder, S3TestCase):
    """Commands run in aws_cli_server.py: a process a command would take most of a second."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(HERE, "aws_cli_server.py")], text=True,
            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=cls.cloud.environment)
        cls.addClassCleanup(cls.end)

    @classmethod
    def end(cls):
        cls.process.stdin.close()
        cls.process.wait(10)
        cls.process.stdout.close()

    def try_aws(self, *arguments):
        """(status, output, errors)"""
        line = ["--endpoint-url", self.cloud.endpoint, *arguments]
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def aws(self, *arguments):
        status, out, err = self.try_aws(*arguments)
        self.assertEqual(status, 0, f"{arguments}: {err}{out}")
        return out

    def api(self, *arguments):
        out = self.aws("s3api", *arguments, "--output", "json")
        return json.loads(out) if out.strip() else None

    def make_bucket(self):
        name = unique_bucket("cli")
        self.assertIn(f"make_bucket: {name}", self.aws("s3", "mb", f"s3://{name}"))
        return name

    def test_buckets(self):
        name = self.make_bucket()
        self.assertIn(name, self.aws("s3", "ls"))
        self.aws("s3", "rb", f"s3://{name}")
        self.assertNotIn(name, self.aws("s3", "ls"))
        status, _, err = self.try_aws("s3", "ls", f"s3://{name}")
        self.assertNotEqual(status, 0)
        self.assertIn("NoSuchBucket", err)

    def test_files_of_every_size_and_name(self):
        bucket = self.make_bucket()
        for name, size in (("empty", 0), ("small", 100), ("a b ü+%.txt", 5000),
                           ("large", 20 * MIB + 3)):
            data = random_bytes(size)
            self.aws("s3", "cp", self.file(name, data), f"s3://{bucket}/dir/{name}")
            self.aws("s3", "cp", f"s3://{bucket}/dir/{name}", self.file("back"))
            self.assertEqual(self.read("back"), data)
        out = self.aws("s3", "ls", f"s3://{bucket}/dir/")
        for text in (f"{20 * MIB + 3} large", "0 empty", "5000 a b ü+%.txt"):
            self.assertIn(text, out)
        self.assertIn("PRE dir/", self.aws("s3", "ls", f"s3://{bucket}"))
        head = self.api("head-object", "--bucket", bucket, "--key", "dir/a b ü+%.txt")
        self.assertEqual(head["ContentType"], "text/plain")
        self.assertTrue(self.api("head-object", "--bucket", bucket, "--key", "dir/large")
                        ["ETag"].endswith('-3"'))

    def test_a_folder_in_step(self):
        bucket = self.make_bucket()
        files = {f"tree/{name}": random_bytes(200 + number)
                 for number, name in enumerate(("a", "b/c", "b/d", "ü ä", "z+z"))}
        for name, data in files.items():
            self.file(name, data)
        out = self.aws("s3", "sync", self.file("tree"), f"s3://{bucket}/t")
        self.assertEqual(out.count("upload:"), len(files))
        self.assertEqual(self.aws("s3", "sync", self.file("tree"), f"s3://{bucket}/t"), "")
        os.remove(self.file("tree/a"))
        self.file("tree/b/c", b"changed")
        out = self.aws("s3", "sync", self.file("tree"), f"s3://{bucket}/t", "--delete")
        self.assertIn("delete:", out)
        self.assertEqual(out.count("upload:"), 1)
        self.assertEqual(self.keys(bucket), ["t/b/c", "t/b/d", "t/z+z", "t/ü ä"])
        self.aws("s3", "sync", f"s3://{bucket}/t", self.file("copy"))
        self.assertEqual(self.read("copy/b/c"), b"changed")
        self.aws("s3", "sync", f"s3://{bucket}/t", f"s3://{bucket}/u")
        self.assertEqual(self.get(bucket, "u/ü ä"), files["tree/ü ä"])

    def test_moving_and_removing(self):
        bucket = self.make_bucket()
        self.aws("s3", "cp", self.file("f", b"moved"), f"s3://{bucket}/from", "--metadata", "a=b")
        self.aws("s3", "mv", f"s3://{bucket}/from", f"s3://{bucket}/to")
        self.assertEqual(self.keys(bucket), ["to"])
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="to")["Metadata"], {"a": "b"})
        for number in range(3):
            self.put(bucket, f"dir/{number}")
        self.aws("s3", "rm", f"s3://{bucket}/dir/", "--recursive")
        self.assertEqual(self.keys(bucket), ["to"])
        status, _, err = self.try_aws("s3", "rb", f"s3://{bucket}")
        self.assertIn("BucketNotEmpty", err)
        self.aws("s3", "rb", f"s3://{bucket}", "--force")
        status, _, err = self.try_aws("s3", "ls", f"s3://{bucket}")
        self.assertNotEqual(status, 0)

    def test_a_large_copy_within_s3(self):
        bucket = self.make_bucket()
        data = random_bytes(17 * MIB)
        self.aws("s3", "cp", self.file("f", data), f"s3://{bucket}/a")
        self.aws("s3", "cp", f"s3://{bucket}/a", f"s3://{bucket}/b")
        self.assertEqual(self.get(bucket, "b"), data)

    def test_what_travels_with_a_file(self):
        bucket = self.make_bucket()
        self.aws("s3", "cp", self.file("f", b"1"), f"s3://{bucket}/f", "--content-type", "x/y",
                 "--cache-control", "no-store", "--metadata", "a=b,c=d", "--storage-class",
                 "STANDARD_IA", "--sse", "AES256")
        head = self.api("head-object", "--bucket", bucket, "--key", "f")
        self.assertEqual((head["ContentType"], head["CacheControl"], head["Metadata"],
                          head["StorageClass"], head["ServerSideEncryption"]),
                         ("x/y", "no-store", {"a": "b", "c": "d"}, "STANDARD_IA", "AES256"))

    def test_presigned_addresses(self):
        bucket = self.make_bucket()
        self.put(bucket, "a b/ü", b"presigned")
        url = self.aws("s3", "presign", f"s3://{bucket}/a b/ü", "--expires-in", "60").strip()
        path, _, query = url[len(self.cloud.endpoint.rstrip("/")):].partition("?")
        self.assertEqual(self.wire.send("GET", path, query).bytes, b"presigned")

    def test_objects_of_the_api(self):
        bucket = self.make_bucket()
        self.api("put-object", "--bucket", bucket, "--key", "k", "--body",
                 self.file("f", b"0123456789"), "--metadata", "a=b", "--tagging", "t=1",
                 "--checksum-algorithm", "SHA256")
        got = self.api("get-object", "--bucket", bucket, "--key", "k", "--range", "bytes=2-4",
                       self.file("out"))
        self.assertEqual((self.read("out"), got["ContentRange"]), (b"234", "bytes 2-4/10"))
        tags = self.api("get-object-tagging", "--bucket", bucket, "--key", "k")
        self.assertEqual(tags["TagSet"], [{"Key": "t", "Value": "1"}])
        listed = self.api("list-objects-v2", "--bucket", bucket, "--max-items", "1")
        self.assertEqual(listed["Contents"][0]["Size"], 10)
        self.api("copy-object", "--bucket", bucket, "--key", "k2", "--copy-source", f"{bucket}/k")
        self.api("delete-objects", "--bucket", bucket, "--delete", "Objects=[{Key=k},{Key=k2}]")
        self.assertIsNone(self.api("list-objects-v2", "--bucket", bucket, "--query", "Contents"))

    def test_parts_and_versions_of_the_api(self):
        bucket = self.make_bucket()
        self.api("put-bucket-versioning", "--bucket", bucket, "--versioning-configuration",
                 "Status=Enabled")
        where = ("--bucket", bucket, "--key", "k")
        upload = self.api("create-multipart-upload", *where)["UploadId"]
        etag = self.api("upload-part", *where, "--part-number", "1", "--upload-id", upload,
                        "--body", self.file("f", b"part"))["ETag"]
        done = self.api("complete-multipart-upload", *where, "--upload-id", upload,
                        "--multipart-upload", json.dumps({"Parts": [
                            {"PartNumber": 1, "ETag": etag}]}))
        self.api("delete-object", *where)
        versions = self.api("list-object-versions", "--bucket", bucket)
        self.assertEqual(versions["Versions"][0]["VersionId"], done["VersionId"])
        self.assertTrue(versions["DeleteMarkers"][0]["IsLatest"])
        self.api("get-object", *where, "--version-id", done["VersionId"], self.file("out"))
        self.assertEqual(self.read("out"), b"part")

    def test_configurations_of_the_api(self):
        bucket = self.make_bucket()
        rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
        self.api("put-bucket-cors", "--bucket", bucket, "--cors-configuration", json.dumps(rules))
        self.assertEqual(self.api("get-bucket-cors", "--bucket", bucket), rules)
        self.aws("s3", "website", f"s3://{bucket}", "--index-document", "i.html")
        self.assertEqual(self.api("get-bucket-website", "--bucket", bucket),
                         {"IndexDocument": {"Suffix": "i.html"}})
        status, _, err = self.try_aws("s3api", "get-bucket-policy", "--bucket", bucket)
        self.assertEqual(status, 254)
        self.assertIn("(NoSuchBucketPolicy)", err)

    def test_refusals(self):
        bucket = self.make_bucket()
        status, _, err = self.try_aws("s3", "cp", f"s3://{bucket}/absent", self.file("x"))
        self.assertEqual(status, 1)
        self.assertIn("(404)", err)
        status, _, err = self.try_aws("s3api", "get-object", "--bucket", bucket, "--key", "absent",
                                      self.file("x"))
        self.assertIn("(NoSuchKey)", err)


if __name__ == "__main__":
    unittest.main()
