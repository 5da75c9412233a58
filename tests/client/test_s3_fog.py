"""fog-aws, a Ruby library, drives S3 (s3_fog.rb), with both signatures."""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from s3 import S3TestCase, unique_bucket  # noqa: E402

RUBY = "/usr/bin/ruby"
if not os.access(RUBY, os.X_OK):
    raise unittest.SkipTest(f"no {RUBY} here (apt-get install ruby)")
if subprocess.run([RUBY, "-e", "require 'fog/aws'"], capture_output=True).returncode != 0:
    raise unittest.SkipTest("no fog-aws here (apt-get install ruby-fog-aws)")


class Steps:
    signature = None

    def step(self, name):
        self.cloud.run(RUBY, "-W0", os.path.join(HERE, "s3_fog.rb"), name, env={
            **self.cloud.environment, "BUCKET": unique_bucket("fog"),
            "SIGNATURE": self.signature, "LC_ALL": "C.UTF-8"})

    def test_buckets(self):
        self.step("buckets")

    def test_objects(self):
        self.step("objects")

    def test_lists(self):
        self.step("lists")

    def test_parts(self):
        self.step("parts")

    def test_copies(self):
        self.step("copies")

    def test_versions(self):
        self.step("versions")

    def test_signed_addresses(self):
        self.step("addresses")

    def test_acls(self):
        self.step("acls")

    def test_refusals(self):
        self.step("refusals")


class SigV4Test(Steps, S3TestCase):
    signature = "4"


class SigV2Test(Steps, S3TestCase):
    signature = "2"


if __name__ == "__main__":
    unittest.main()
