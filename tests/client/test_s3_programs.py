"""Programs that people keep their files in S3 with: s3cmd, rclone, s3fs, curl."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, Folder, S3TestCase, random_bytes, unique_bucket  # noqa: E402
from cloud import wait_until  # noqa: E402

NAMES = {"plain.txt": 100, "empty": 0, "a b.txt": 10, "sub/ü+ä": 5000, "sub/deep/x&y": 70000}


class ProgramTestCase(Folder, S3TestCase):
    program = None

    @classmethod
    def setUpClass(cls):
        cls.path = shutil.which(cls.program)
        if not cls.path:
            raise unittest.SkipTest(f"no {cls.program} here (apt-get install {cls.program})")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.bucket = unique_bucket(self.program)

    def tree(self):
        """Files of odd names under tree/; name to bytes."""
        files = {name: random_bytes(size, seed) for seed, (name, size) in enumerate(NAMES.items())}
        for name, data in files.items():
            self.file("tree/" + name, data)
        return files

    def assert_tree(self, name, files):
        found = {}
        for directory, _, names in os.walk(self.file(name)):
            for item in names:
                path = os.path.join(directory, item)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.file(name))] = file.read()
        self.assertEqual(found, files)


class S3cmdTest(ProgramTestCase):
    program = "s3cmd"
    signature_v2 = False

    def s3cmd(self, *arguments, check=True):
        config = self.file("s3cfg", f"""[default]
access_key = {self.wire.key}
secret_key = {self.wire.secret}
host_base = {self.wire.host}
host_bucket = {self.wire.host}
use_https = False
signature_v2 = {self.signature_v2}
progress_meter = False
""".encode())
        return self.cloud.run(self.path, "-c", config, *arguments, check=check)

    def s3_url(self, key=""):
        return f"s3://{self.bucket}/{key}"

    def test_the_whole_round(self):
        self.s3cmd("mb", self.s3_url())
        self.assertIn(self.bucket, self.s3cmd("ls").stdout)
        data = random_bytes(18 * MIB)
        self.file("large", data)
        self.s3cmd("put", self.file("large"), self.s3_url("large"), "--multipart-chunk-size-mb=5",
                   "--add-header=x-amz-meta-note:hello", "--mime-type=x/y")
        self.s3cmd("get", self.s3_url("large"), self.file("back"))
        self.assertEqual(self.read("back"), data)
        info = self.s3cmd("info", self.s3_url("large")).stdout
        self.assertRegex(info, r"File size:\s+18874368")
        self.assertRegex(info, r"MIME type:\s+x/y")
        self.assertRegex(info, r"x-amz-meta-note:\s+hello")
        self.s3cmd("cp", self.s3_url("large"), self.s3_url("copy"))
        self.s3cmd("mv", self.s3_url("copy"), self.s3_url("moved"))
        self.assertEqual(self.keys(self.bucket), ["large", "moved"])
        self.assertRegex(self.s3cmd("du", self.s3_url()).stdout, r"37748736\s+2 objects")
        refused = self.s3cmd("rb", self.s3_url(), check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("BucketNotEmpty", refused.stderr)
        self.s3cmd("del", "--recursive", "--force", self.s3_url())
        self.s3cmd("rb", self.s3_url())
        self.assertNotIn(self.bucket, self.s3cmd("ls").stdout)

    def test_a_folder_in_step(self):
        self.s3cmd("mb", self.s3_url())
        files = self.tree()
        self.s3cmd("sync", self.file("tree") + "/", self.s3_url("t/"))
        self.assertEqual(self.keys(self.bucket), sorted(("t/" + name for name in files),
                                                        key=str.encode))
        again = self.s3cmd("sync", self.file("tree") + "/", self.s3_url("t/"))
        self.assertNotIn("upload:", again.stdout)
        os.mkdir(self.file("copy"))
        self.s3cmd("sync", self.s3_url("t/"), self.file("copy") + "/")
        self.assert_tree("copy", files)
        listed = self.s3cmd("ls", self.s3_url("t/")).stdout
        self.assertIn("DIR", listed)
        self.assertIn(f"s3://{self.bucket}/t/a b.txt", listed)

    def test_settings(self):
        self.s3cmd("mb", self.s3_url())
        self.put(self.bucket, "k", b"1")
        self.s3cmd("setacl", "--acl-public", self.s3_url("k"))
        self.assert_status(self.wire.send("GET", f"/{self.bucket}/k"), 200)
        self.s3cmd("setacl", "--acl-private", self.s3_url("k"))
        self.assert_status(self.wire.send("GET", f"/{self.bucket}/k"), 403)
        self.s3cmd("ws-create", self.s3_url())
        self.assertIn("Index document", self.s3cmd("ws-info", self.s3_url()).stdout)
        signed = self.s3cmd("signurl", self.s3_url("k"), "+60").stdout.strip()
        path, _, query = re.sub("^http://[^/]*", "", signed).partition("?")
        self.assertEqual(self.wire.send("GET", path, query).bytes, b"1")


class S3cmdVersion2Test(S3cmdTest):
    """The same with signature version 2."""

    signature_v2 = True


class RcloneTest(ProgramTestCase):
    program = "rclone"

    def rclone(self, *arguments, check=True):
        config = self.file("rclone.conf", f"""[c]
type = s3
provider = Other
access_key_id = {self.wire.key}
secret_access_key = {self.wire.secret}
region = us-east-1
endpoint = {self.cloud.endpoint}
force_path_style = true
upload_cutoff = 10M
chunk_size = 5M
""".encode())
        return self.cloud.run(self.path, "--config", config, "--retries", "1", *arguments,
                              check=check)

    def remote(self, path=""):
        return f"c:{self.bucket}/{path}"

    def test_the_whole_round(self):
        self.rclone("mkdir", self.remote())
        self.assertIn(self.bucket, self.rclone("lsd", "c:").stdout)
        data = random_bytes(17 * MIB)
        self.rclone("copyto", self.file("large", data), self.remote("dir/large"))
        self.assertTrue(self.s3.head_object(Bucket=self.bucket, Key="dir/large")
                        ["ETag"].endswith('-4"'))
        self.rclone("copyto", self.remote("dir/large"), self.file("back"))
        self.assertEqual(self.read("back"), data)
        self.rclone("moveto", self.remote("dir/large"), self.remote("moved"))
        self.assertEqual(self.keys(self.bucket), ["moved"])
        self.assertIn("17825792 moved", self.rclone("ls", self.remote()).stdout)
        self.put(self.bucket, "text", b"0123456789" * 10)
        self.assertEqual(self.rclone("cat", "--offset", "15", "--count", "10",
                                     self.remote("text")).stdout, "5678901234")
        self.rclone("purge", self.remote())
        absent = self.rclone("ls", self.remote(), check=False)
        self.assertNotEqual(absent.returncode, 0)

    def test_a_folder_in_step(self):
        self.rclone("mkdir", self.remote())
        files = self.tree()
        self.rclone("sync", self.file("tree"), self.remote("t"))
        self.assertEqual(self.keys(self.bucket), sorted(("t/" + name for name in files),
                                                        key=str.encode))
        self.rclone("check", self.file("tree"), self.remote("t"))
        os.remove(self.file("tree/empty"))
        del files["empty"]
        self.rclone("sync", self.file("tree"), self.remote("t"))
        self.assertNotIn("t/empty", self.keys(self.bucket))
        self.rclone("sync", self.remote("t"), self.file("copy"))
        self.assert_tree("copy", files)

    def test_times_and_hashes(self):
        self.rclone("mkdir", self.remote())
        self.file("timed", b"1")
        os.utime(self.file("timed"), (1e9, 1e9))
        self.rclone("copyto", self.file("timed"), self.remote("timed"))
        self.assertIn("2001-09-09", self.rclone("lsl", self.remote(), check=True).stdout)
        self.assertIn("c4ca4238a0b923820dcc509a6f75849b  timed",
                      self.rclone("md5sum", self.remote()).stdout)


class S3fsTest(ProgramTestCase):
    program = "s3fs"

    def mount(self):
        passwords = self.file("passwd", f"{self.wire.key}:{self.wire.secret}".encode())
        os.chmod(passwords, 0o600)
        place = self.file("mount")
        os.mkdir(place)
        process = subprocess.Popen(
            [self.path, self.bucket, place, "-f", "-o", f"passwd_file={passwords}",
             "-o", f"url={self.cloud.endpoint}", "-o", "use_path_request_style",
             "-o", "multipart_size=5", "-o", f"tmpdir={self.folder}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self.cloud.environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(subprocess.run, ["umount", "-l", place], stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.ismount(place) or process.poll() is not None, 20,
                   "the bucket is mounted")
        if process.poll() is not None:
            self.skipTest("s3fs cannot mount here: "
                          + process.stdout.read().decode(errors="replace")[-300:])
        return place

    def test_files(self):
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            self.skipTest("no /dev/fuse here")
        self.s3.create_bucket(Bucket=self.bucket)
        self.put(self.bucket, "there", b"already")
        place = self.mount()
        with open(f"{place}/there", "rb") as file:
            self.assertEqual(file.read(), b"already")
        os.mkdir(f"{place}/dir")
        data = random_bytes(12 * MIB)
        with open(f"{place}/dir/ü b", "wb") as file:
            file.write(data)
        self.assertEqual(self.get(self.bucket, "dir/ü b"), data)
        with open(f"{place}/dir/ü b", "rb") as file:
            file.seek(6 * MIB)
            self.assertEqual(file.read(1000), data[6 * MIB:6 * MIB + 1000])
        os.rename(f"{place}/dir/ü b", f"{place}/renamed")
        self.assertEqual(sorted(os.listdir(place)), ["dir", "renamed", "there"])
        os.chmod(f"{place}/renamed", 0o600)
        self.assertEqual(os.stat(f"{place}/renamed").st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(f"{place}/renamed").st_size, len(data))
        os.remove(f"{place}/renamed")
        os.rmdir(f"{place}/dir")
        self.assertEqual(self.keys(self.bucket), ["there"])


class CurlTest(ProgramTestCase):
    program = "curl"

    def curl(self, *arguments, check=True):
        return self.cloud.run(self.path, "-sS", "--noproxy", "*", *arguments, check=check)

    def signed(self, *arguments):
        return self.curl("--aws-sigv4", "aws:amz:us-east-1:s3", "-u",
                         f"{self.wire.key}:{self.wire.secret}", *arguments)

    def url(self, path=""):
        return f"{self.cloud.endpoint.rstrip('/')}/{self.bucket}{path}"

    def test_signed_requests(self):
        self.signed("-f", "-X", "PUT", self.url())
        # curl signs the digest of its data, but S3 wants to be told.
        self.signed("-f", "-X", "PUT", "--data-binary", "by curl", "-H", "Content-Type: text/x",
                    "-H", f"x-amz-content-sha256: {hashlib.sha256(b'by curl').hexdigest()}",
                    self.url("/key"))
        self.assertEqual(self.get(self.bucket, "key"), b"by curl")
        self.assertEqual(self.signed("-f", self.url("/key")).stdout, "by curl")
        self.assertIn("<Key>key</Key>", self.signed("-f", self.url()).stdout)
        self.assertIn("<Code>NoSuchKey</Code>", self.signed(self.url("/absent")).stdout)
        head = self.signed("-I", self.url("/key")).stdout
        self.assertIn("Content-Length: 7", head)
        self.signed("-f", "-X", "DELETE", self.url("/key"))

    def test_presigned_upload_of_a_file(self):
        self.s3.create_bucket(Bucket=self.bucket)
        data = random_bytes(9 * MIB)
        put = self.s3.generate_presigned_url("put_object", {"Bucket": self.bucket, "Key": "f"})
        self.curl("-f", "-T", self.file("f", data), put)
        got = self.s3.generate_presigned_url("get_object", {"Bucket": self.bucket, "Key": "f"})
        self.curl("-f", "-o", self.file("back"), got)
        self.assertEqual(self.read("back"), data)
        self.curl("-f", "-r", "100-199", "-o", self.file("range"), got)
        self.assertEqual(self.read("range"), data[100:200])
        # Interrupted, and on from there.
        self.file("part", data[:5 * MIB])
        self.curl("-f", "-C", "-", "-o", self.file("part"), got)
        self.assertEqual(self.read("part"), data)

    def test_a_virtual_host(self):
        self.s3.create_bucket(Bucket=self.bucket)
        self.put(self.bucket, "k", b"hosted")
        out = self.signed("-f", "--resolve", f"{self.bucket}.localhost:{self.wire.port}:127.0.0.1",
                          f"http://{self.bucket}.localhost:{self.wire.port}/k").stdout
        self.assertEqual(out, "hosted")

    def test_a_form(self):
        self.s3.create_bucket(Bucket=self.bucket)
        made = self.s3.generate_presigned_post(self.bucket, "posted/${filename}")
        fields = [f"{name}={value}" for name, value in made["fields"].items()]
        arguments = [item for field in fields for item in ("-F", field)]
        self.curl("-f", *arguments, "-F", f"file=@{self.file('form.txt', b'posted')}", self.url())
        self.assertEqual(self.get(self.bucket, "posted/form.txt"), b"posted")


if __name__ == "__main__":
    unittest.main()
