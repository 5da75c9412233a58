"""Buckets in host names, as clients have them by default: the AWS CLI, s3cmd and rclone, for whom
bucket.localhost is this computer."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from own_names import hosts, why_no_names, with_names  # noqa: E402
from s3 import MIB, Folder, S3TestCase, random_bytes, unique_bucket  # noqa: E402

KEY = "dir/a b+ü&(1).txt"


class VirtualHostTestCase(Folder, S3TestCase):
    program = package = None

    @classmethod
    def setUpClass(cls):
        cls.path = shutil.which(cls.program)
        if not cls.path:
            raise unittest.SkipTest(f"no {cls.program} here (apt-get install {cls.package})")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.bucket = unique_bucket(os.path.basename(self.program))
        bucket = f"{self.bucket}.localhost"
        # Nobody serves there: who asked for localhost and had the bucket in the path would fail.
        self.hosts = self.file("hosts", hosts({bucket: "127.0.0.1",
                                               "localhost": "127.0.0.2"}).encode())
        self.all_hosts = self.file("all-hosts", hosts({"localhost": "127.0.0.1"}).encode())
        reason = why_no_names(self.hosts)
        if reason:
            self.skipTest(reason)
        self.endpoint = f"localhost:{self.wire.port}"

    def run_program(self, *arguments, all_buckets=False, **variables):
        """all_buckets: it is about no bucket but the account's list of them."""
        names = self.all_hosts if all_buckets else self.hosts
        return self.cloud.run(*with_names(names, self.path, *arguments), env={
            **self.cloud.environment, "HOME": self.folder, **variables}).stdout


class AwsCliTest(VirtualHostTestCase):
    program, package = "/usr/bin/aws", "awscli"

    def aws(self, *arguments, **options):
        config = self.file("config", b"[default]\ns3 =\n    addressing_style = virtual\n")
        return self.run_program("--endpoint-url", f"http://{self.endpoint}", *arguments,
                                AWS_CONFIG_FILE=config, **options)

    def test_the_whole_round(self):
        url = f"s3://{self.bucket}"
        self.aws("s3", "mb", url)
        data = random_bytes(9 * MIB)
        self.aws("s3", "cp", self.file("large", data), f"{url}/{KEY}")
        self.assertEqual(self.keys(self.bucket), [KEY])
        self.assertIn(self.bucket, self.aws("s3", "ls", all_buckets=True))
        self.assertIn("9437184 " + KEY, self.aws("s3", "ls", "--recursive", url))
        self.aws("s3", "cp", f"{url}/{KEY}", self.file("back"))
        self.assertEqual(self.read("back"), data)
        self.aws("s3", "mv", f"{url}/{KEY}", f"{url}/moved")
        self.assertEqual(self.keys(self.bucket), ["moved"])
        self.aws("s3", "rm", f"{url}/moved")
        self.aws("s3", "rb", url)
        self.assertNotIn(self.bucket, self.aws("s3", "ls", all_buckets=True))


class S3cmdTest(VirtualHostTestCase):
    program = package = "s3cmd"
    signature_v2 = False

    def s3cmd(self, *arguments, **options):
        config = self.file("s3cfg", f"""[default]
access_key = {self.wire.key}
secret_key = {self.wire.secret}
host_base = {self.endpoint}
host_bucket = %(bucket)s.{self.endpoint}
use_https = False
signature_v2 = {self.signature_v2}
progress_meter = False
""".encode())
        return self.run_program("-c", config, *arguments, **options)

    def test_the_whole_round(self):
        url = f"s3://{self.bucket}"
        self.s3cmd("mb", url)
        data = random_bytes(7 * MIB)
        self.s3cmd("put", "--multipart-chunk-size-mb=5", self.file("large", data), f"{url}/{KEY}")
        self.assertEqual(self.keys(self.bucket), [KEY])
        self.assertIn(url, self.s3cmd("ls", all_buckets=True))
        self.assertIn(f"{url}/{KEY}", self.s3cmd("ls", "--recursive", url))
        self.assertIn("7340032", self.s3cmd("info", f"{url}/{KEY}"))
        self.s3cmd("get", f"{url}/{KEY}", self.file("back"))
        self.assertEqual(self.read("back"), data)
        self.s3cmd("mv", f"{url}/{KEY}", f"{url}/moved")
        self.assertEqual(self.keys(self.bucket), ["moved"])
        self.s3cmd("rm", f"{url}/moved")
        self.s3cmd("rb", url)
        self.assertNotIn(self.bucket, self.s3cmd("ls", all_buckets=True))


class S3cmdVersion2Test(S3cmdTest):
    """The same with signature version 2, which has the host's bucket in what is signed."""

    signature_v2 = True


class RcloneTest(VirtualHostTestCase):
    program = package = "rclone"

    def rclone(self, *arguments, **options):
        config = self.file("rclone.conf", f"""[c]
type = s3
provider = Other
access_key_id = {self.wire.key}
secret_access_key = {self.wire.secret}
region = us-east-1
endpoint = http://{self.endpoint}
force_path_style = false
upload_cutoff = 5M
chunk_size = 5M
""".encode())
        return self.run_program("--config", config, "--retries", "1", *arguments, **options)

    def test_the_whole_round(self):
        remote = f"c:{self.bucket}"
        self.rclone("mkdir", remote)
        data = random_bytes(7 * MIB)
        self.rclone("copyto", self.file("large", data), f"{remote}/{KEY}")
        self.assertEqual(self.keys(self.bucket), [KEY])
        self.assertIn(self.bucket, self.rclone("lsd", "c:", all_buckets=True))
        self.assertIn("7340032 " + KEY, self.rclone("ls", remote))
        self.rclone("copyto", f"{remote}/{KEY}", self.file("back"))
        self.assertEqual(self.read("back"), data)
        self.rclone("moveto", f"{remote}/{KEY}", f"{remote}/moved")
        self.assertEqual(self.keys(self.bucket), ["moved"])
        self.rclone("deletefile", f"{remote}/moved")
        self.rclone("rmdir", remote)
        self.assertNotIn(self.bucket, self.rclone("lsd", "c:", all_buckets=True))


if __name__ == "__main__":
    unittest.main()
