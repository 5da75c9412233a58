"""ec2-upload-bundle, ec2-download-bundle and ec2-delete-bundle against a real daemon."""

import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from amitools import AmiToolsTestCase, Relay  # noqa: E402
from s3 import S3TestCase, unique_bucket  # noqa: E402

NAMES = ["disk.img.manifest.xml", "disk.img.part.0", "disk.img.part.1", "disk.img.part.2"]
ERROR = b"<Error><Code>%s</Code><Message>Not now.</Message></Error>"


class TransferTestCase(AmiToolsTestCase, S3TestCase):
    """A bundle of three parts, and a relay in front of the cloud."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls.maker()
        cls.disk = maker.image()
        cls.made = maker.bundle(cls.disk)
        cls.secrets = ["-a", cls.wire.key, "-s", cls.wire.secret]

    def setUp(self):
        super().setUp()
        self.bucket = unique_bucket("bundles")
        self.relay = Relay(self.cloud.endpoint)
        self.addCleanup(self.relay.close)

    def options(self, where=None):
        return ["-b", where or self.bucket, "--url", self.relay.url, *self.secrets]

    def upload(self, where=None, *options, **more):
        return self.tool("ec2-upload-bundle", *self.options(where),
                         "-m", os.path.join(self.made, NAMES[0]), *options, **more)

    def download(self, where=None, *options, directory=None, **more):
        """The directory that it is fetched into."""
        directory = directory or self.directory("fetched")
        self.tool("ec2-download-bundle", *self.options(where), "-k", self.key("user"),
                  "-d", directory, *(options or ["-p", "disk.img"]), **more)
        return directory

    def file(self, name):
        with open(os.path.join(self.made, name), "rb") as file:
            return file.read()

    def assert_uploaded(self, prefix=""):
        self.assertEqual(self.keys(self.bucket), [prefix + name for name in NAMES])
        for name in NAMES:
            self.assertTrue(self.get(self.bucket, prefix + name) == self.file(name), name)


class UploadTest(TransferTestCase):
    def test_there_and_back_with_either_signature(self):
        for version, begins in (("4", "AWS4-HMAC-SHA256 "), ("2", f"AWS {self.wire.key}:")):
            with self.subTest(version):
                self.bucket = unique_bucket("bundles")
                self.relay.requests.clear()
                done = self.upload(f"{self.bucket}/pre/fix é", "--sigv", version)
                self.assertEqual(done.stdout.splitlines(), [
                    "Creating bucket...",
                    f"Uploading bundled image parts to the S3 bucket {self.bucket} ...",
                    *(f"Uploaded {name}" for name in NAMES[1:]), "Uploading manifest ...",
                    "Uploaded manifest.",
                    f"Manifest uploaded to: {self.bucket}/pre/fix é/{NAMES[0]}",
                    "Bundle upload completed."])
                self.assertEqual(done.stderr, "")
                self.assert_uploaded("pre/fix é/")
                fetched = self.download(f"{self.bucket}/pre/fix é", "-p", "disk.img",
                                        "--sigv", version, directory=self.directory(version))
                self.assert_same_image(self.unbundle(fetched, "disk.img"), self.disk)
                for _, _, headers in self.relay.requests:
                    self.assertTrue(headers["authorization"].startswith(begins), headers)

    def test_what_is_sent_with_a_part(self):
        self.upload()
        headers = next(headers for method, path, headers in self.relay.requests
                       if method == "PUT" and path.endswith(NAMES[1]))
        digest = base64.b64encode(hashlib.md5(self.file(NAMES[1])).digest()).decode()
        self.assertEqual(headers["content-md5"], digest)
        self.assertEqual(headers["expect"], "100-continue")
        self.assertEqual(headers["x-amz-acl"], "aws-exec-read")
        self.assertTrue(self.relay.asked("PUT")[-1].endswith(NAMES[0]), "the manifest is last")

    def test_the_access_control_list(self):
        self.upload(None, "--acl", "public-read")
        for name in NAMES:
            grants = self.s3.get_object_acl(Bucket=self.bucket, Key=name)["Grants"]
            self.assertIn("http://acs.amazonaws.com/groups/global/AllUsers",
                          [grant["Grantee"].get("URI") for grant in grants])

    def test_an_interrupted_upload_goes_on(self):
        def breaks(method, path, _):
            if method == "PUT" and path.endswith(NAMES[2]):
                raise ConnectionError
        self.relay.answer = breaks
        self.refused("Error talking to S3", "ec2-upload-bundle", *self.options(),
                     "-m", os.path.join(self.made, NAMES[0]))
        self.assertEqual(self.keys(self.bucket), NAMES[1:2])
        self.relay.answer = lambda *_: None
        self.relay.requests.clear()
        done = self.upload(None, "--acl", "public-read")
        self.assertIn(f"Skipped {NAMES[1]}: it is there already\nUploaded {NAMES[2]}\n",
                      done.stdout)
        self.assertEqual(self.relay.asked("PUT"), [
            f"/{self.bucket}/{NAMES[1]}?acl", f"/{self.bucket}/{NAMES[2]}",
            f"/{self.bucket}/{NAMES[3]}", f"/{self.bucket}/{NAMES[0]}"])
        self.assert_uploaded()
        grants = self.s3.get_object_acl(Bucket=self.bucket, Key=NAMES[1])["Grants"]
        self.assertEqual(len(grants), 2, "the part that was there has the new list")

    def test_what_the_bucket_has_under_the_same_name_is_replaced(self):
        self.s3.create_bucket(Bucket=self.bucket)
        data = self.file(NAMES[1])
        self.put(self.bucket, NAMES[1], data[:-1] + bytes([data[-1] ^ 1]))
        self.put(self.bucket, NAMES[2], b"short")
        self.assertNotIn("Skipped", self.upload().stdout)
        self.assert_uploaded()

    def test_it_retries_when_told_to(self):
        failed = []

        def fails(method, path, _):
            if method == "PUT" and path.endswith(NAMES[1]) and not failed:
                failed.append(path)
                return 503, ERROR % b"SlowDown"
        self.relay.answer = fails
        self.refused(r"ERROR: Error talking to S3: Server.SlowDown\(503\): Not now.",
                     "ec2-upload-bundle", *self.options(), "-m", os.path.join(self.made, NAMES[0]))
        failed.clear()
        self.assertIn("Retrying in", self.upload(None, "--retry").stderr)
        self.assert_uploaded()

    def test_the_other_signature_after_a_refusal(self):
        def refuses_v4(_, __, headers):
            if headers["authorization"].startswith("AWS4"):
                return 403, ERROR % b"InvalidRequest"
        self.relay.answer = refuses_v4
        done = self.upload()
        self.assertEqual(done.stderr, "Signature version 4 authentication failed, trying different "
                                      "signature version\n")
        self.assert_uploaded()
        self.assertEqual(sum(headers["authorization"].startswith("AWS4")
                             for _, _, headers in self.relay.requests), 1)

    def test_a_part_to_begin_with_and_no_manifest(self):
        done = self.upload(None, "--part", "01", "--skipmanifest")
        self.assertNotIn("manifest", done.stdout)
        self.assertEqual(self.keys(self.bucket), NAMES[2:])
        self.refused("no such part", "ec2-upload-bundle", *self.options(), "--part", "7",
                     "-m", os.path.join(self.made, NAMES[0]))

    def test_parts_in_another_directory(self):
        manifest = self.path("my.manifest.xml")
        os.link(os.path.join(self.made, NAMES[0]), manifest)
        self.tool("ec2-upload-bundle", *self.options(), "-m", manifest, "-d", self.made)
        self.assertEqual(self.keys(self.bucket), [*NAMES[1:], "my.manifest.xml"])

    def test_locations(self):
        self.upload(None, "--location", "eu-west-1")
        self.assertEqual(self.s3.get_bucket_location(Bucket=self.bucket)["LocationConstraint"],
                         "eu-west-1")
        for options in (["--location", "us-west-2"], ["--region", "us-west-2"]):
            self.refused("is in location eu-west-1, not in us-west-2", "ec2-upload-bundle",
                         *self.options(), "-m", os.path.join(self.made, NAMES[0]), *options)
        self.upload()
        self.upload(None, "--region", "eu-west-1")
        self.upload(None, "--region", "us-east-1")

    def test_what_the_environment_says(self):
        where = ["-b", self.bucket]
        manifest = os.path.join(self.made, NAMES[0])
        self.tool("ec2-upload-bundle", *where, "-m", manifest, env={
            "AWS_ACCESS_KEY_ID": self.wire.key, "AWS_SECRET_ACCESS_KEY": self.wire.secret,
            "S3_URL": self.cloud.endpoint})
        self.assert_uploaded()
        done = self.refused("missing mandatory parameter: --access-key", "ec2-upload-bundle",
                            *where, "-m", manifest)
        self.assertIn("Try 'ec2-upload-bundle --help'", done.stderr)
        self.refused("missing mandatory parameter: --secret-key", "ec2-upload-bundle",
                     *where, "-m", manifest, "-a", "x")

    def test_a_token_goes_along(self):
        self.relay.answer = lambda *_: (400, ERROR % b"InvalidToken")
        for version, options, env in (("4", ["-t", "tok"], {}),
                                      ("2", [], {"AWS_DELEGATION_TOKEN": "tok"})):
            self.relay.requests.clear()
            self.refused("InvalidToken", "ec2-upload-bundle", *self.options(), *options,
                         "--sigv", version, "-m", os.path.join(self.made, NAMES[0]), env=env)
            headers = self.relay.requests[0][2]
            self.assertEqual(headers["x-amz-security-token"], "tok")
            if version == "4":
                self.assertIn(";x-amz-security-token,", headers["authorization"])

    def test_refusals(self):
        manifest = os.path.join(self.made, NAMES[0])
        for expected, options in (
                (r"Server.SignatureDoesNotMatch\(403\)", ["-s", "wrong"]),
                (r"Server.InvalidAccessKeyId\(403\)", ["-a", "AKIAAAAAAAAAAAAAAAAA"]),
                (r"Server.InvalidBucketName\(400\)", ["-b", "No"]),
                ("Connection refused", ["--url", "http://127.0.0.1:1"]),
                ("not the address of a service", ["--url", "ftp://127.0.0.1"]),
                ("not the address of a service", ["--url", "http://127.0.0.1:port"]),
                ("not the name of a bucket", ["-b", "/x"]),
                ("no such file", ["-m", "absent"]), ("no such directory", ["-d", "absent"]),
                ("no such file", ["-d", self.folder]), ("invalid choice", ["--acl", "private"]),
                ("invalid choice", ["--sigv", "3"])):
            with self.subTest(options):
                self.refused(expected, "ec2-upload-bundle", *self.options(), "-m", manifest,
                             *options)

    def test_a_damaged_part_is_not_sent(self):
        directory = self.directory("damaged")
        for name in NAMES:
            with open(os.path.join(directory, name), "wb") as file:
                file.write(self.file(name)[:-1 if name == NAMES[1] else None])
        self.refused("disk.img.part.0: corrupt", "ec2-upload-bundle", *self.options(),
                     "-m", os.path.join(directory, NAMES[0]))
        self.assertEqual(self.keys(self.bucket), [])


class DownloadTest(TransferTestCase):
    def setUp(self):
        super().setUp()
        self.s3.create_bucket(Bucket=self.bucket)
        for name in NAMES:
            self.put(self.bucket, name, self.file(name))

    def arguments(self, *options):
        os.makedirs(self.path("fetched"), exist_ok=True)
        return ["ec2-download-bundle", *self.options(), "-k", self.key("user"), "-d", "fetched",
                "-m", NAMES[0], *options]

    def test_it_says_what_it_fetches(self):
        done = self.tool(*self.arguments())
        self.assertEqual(done.stdout.splitlines()[:3], [
            f"Downloading manifest {NAMES[0]} from {self.bucket} to fetched/{NAMES[0]} ...",
            f"Downloading part {NAMES[1]} from {self.bucket}/ to fetched/{NAMES[1]} ...",
            f"Downloaded {NAMES[1]} from {self.bucket}"])
        self.assertEqual(sorted(os.listdir(self.path("fetched"))), NAMES)

    def test_a_damaged_part_is_not_kept_and_the_rest_is(self):
        self.put(self.bucket, NAMES[2], self.file(NAMES[2])[::-1])
        self.refused("corrupt", *self.arguments())
        self.assertEqual(os.listdir(self.path("fetched")), NAMES[1:2])
        self.put(self.bucket, NAMES[2], self.file(NAMES[2]))
        self.assertIn(f"Skipped {NAMES[1]}", self.tool(*self.arguments()).stdout)
        self.assertEqual(sorted(os.listdir(self.path("fetched"))), NAMES)

    def test_a_manifest_of_somebody_else(self):
        self.refused("signature is not of private key", *self.arguments("-k", self.key("other")))
        text = self.file(NAMES[0])
        self.put(self.bucket, NAMES[0], text.replace(b"x86_64", b"i386"))
        self.refused("signature is not of private key", *self.arguments())
        self.put(self.bucket, NAMES[0], b"<html>")
        self.refused("manifest .*disk.img.manifest.xml: ", *self.arguments())
        self.assertEqual(os.listdir(self.path("fetched")), [])

    def test_what_is_not_there(self):
        self.refused(r"Server.NoSuchKey\(404\)", *self.arguments("-m", "absent.manifest.xml"))
        self.refused(r"Server.NoSuchBucket\(404\)", *self.arguments("-b", "absent-bucket"))
        self.refused("no such directory", *self.arguments("-d", "absent"))
        self.refused("name without a path", *self.arguments("-m", "a/b.manifest.xml"))


class DeleteTest(TransferTestCase):
    def setUp(self):
        super().setUp()
        self.s3.create_bucket(Bucket=self.bucket)
        for name in [*NAMES, "disk.img.party", "disk.img2.part.0"]:
            self.put(self.bucket, name, b"")

    def delete(self, *options, **more):
        return self.tool("ec2-delete-bundle", *self.options(), *options, **more)

    def test_it_asks_first(self):
        self.delete("-p", "disk.img", input="n\n", status=1)
        self.delete("-p", "disk.img", status=1)
        self.assertEqual(len(self.keys(self.bucket)), 6)
        done = self.delete("-p", "disk.img", input="what\ny\n")
        listed = [f"{self.bucket}/{name}" for name in NAMES]
        self.assertEqual(done.stdout.splitlines(), [
            "Deleting files:", *listed, "Continue? [y/n]", "Continue? [y/n]",
            *(f"Deleted {path}" for path in listed), "ec2-delete-bundle complete."])
        self.assertEqual(self.keys(self.bucket), ["disk.img.party", "disk.img2.part.0"])

    def test_a_manifest_says_what_belongs_to_it(self):
        self.put(self.bucket, "disk.img.part.9", b"not of this bundle")
        self.delete("-m", os.path.join(self.made, NAMES[0]), "--yes")
        self.assertEqual(self.keys(self.bucket),
                         ["disk.img.part.9", "disk.img.party", "disk.img2.part.0"])

    def test_an_empty_bucket_goes_too(self):
        self.assertIn("not empty", self.delete("-p", "disk.img", "--clear", "--batch").stderr)
        for key in ("disk.img.party", "disk.img2.part.0"):
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.put(self.bucket, NAMES[1], b"")
        done = self.delete("-p", "disk.img", "--clear", "--batch", "--sigv", "2")
        self.assertIn(f"Deleted bucket {self.bucket}\n", done.stdout)
        self.assertNotIn(self.bucket,
                         [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]])

    def test_a_list_that_comes_in_pages(self):
        def lists(method, path, _):
            if method == "GET":
                key, more = (NAMES[1], "true") if "marker" not in path else (NAMES[2], "false")
                return 200, (f"<ListBucketResult><IsTruncated>{more}</IsTruncated><Contents><Key>"
                             f"{key}</Key></Contents></ListBucketResult>").encode()
        self.relay.answer = lists
        self.delete("-p", "disk.img", "-y")
        self.assertEqual(len(self.relay.asked("GET", f"marker={NAMES[1]}")), 1)
        self.assertEqual(self.keys(self.bucket),
                         [NAMES[0], NAMES[3], "disk.img.party", "disk.img2.part.0"])

    def test_refusals(self):
        self.refused("no such bundle", "ec2-delete-bundle", *self.options(), "-p", "absent", "-y")
        self.refused("--manifest or --prefix", "ec2-delete-bundle", *self.options(), "-y")
        self.refused("NoSuchBucket", "ec2-delete-bundle", *self.options("absent-bucket"),
                     "-p", "disk.img", "-y")
