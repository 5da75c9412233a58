"""The AWS SDK for JavaScript, version 3, drives S3 (javascript/s3.mjs): buffered bodies, streams in
aws-chunked with checksums behind them, its upload manager, its presigner."""

import os
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from s3 import S3TestCase, unique_bucket  # noqa: E402

FOLDER = os.path.join(HERE, "javascript")
NODE = shutil.which("node")
if not NODE:
    raise unittest.SkipTest("no node here (apt-get install nodejs)")
if not os.path.isdir(os.path.join(FOLDER, "node_modules", "@aws-sdk", "client-s3")):
    raise unittest.SkipTest(f"no SDK here (npm ci in {os.path.relpath(FOLDER)})")


class JavaScriptTest(S3TestCase):
    def step(self, name):
        self.cloud.run(NODE, "--no-warnings", "s3.mjs", name, cwd=FOLDER,
                       env={**self.cloud.environment, "BUCKET": unique_bucket("js")})

    def test_buckets(self):
        self.step("buckets")

    def test_objects(self):
        self.step("objects")

    def test_streams(self):
        self.step("streams")

    def test_checksums(self):
        self.step("checksums")

    def test_ranges_and_conditions(self):
        self.step("ranges")

    def test_lists(self):
        self.step("lists")

    def test_multipart_uploads(self):
        self.step("multipart")

    def test_the_upload_manager(self):
        self.step("upload")

    def test_versions(self):
        self.step("versions")

    def test_copies_and_tags(self):
        self.step("copies")

    def test_presigned_addresses(self):
        self.step("presigned")

    def test_virtual_hosts(self):
        self.step("virtual_hosts")

    def test_refusals(self):
        self.step("refusals")


if __name__ == "__main__":
    unittest.main()
