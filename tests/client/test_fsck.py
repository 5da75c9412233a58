"""`cumulet fsck`: what is wrong with stored objects and disks is found and told, and what can be is
repaired."""

import contextlib
import glob
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULET, Cloud, CloudTestCase, wait_until  # noqa: E402
from s3 import MIB, object_files, random_bytes  # noqa: E402

SMALL, LARGE = random_bytes(1000), random_bytes(300000)
PART = random_bytes(5 * MIB)
NOBODYS = "0123456789abcdef0123456789abcdef"  # a blob's name
WELL = r"^checked \d+ blobs, \d+ bytes; \d+ files of disks: all is well\n$"


class FsckCase(CloudTestCase):
    cloud_options = None

    def fsck(self, *arguments, status):
        done = self.cloud.run(CUMULET, "--state", self.cloud.state, "fsck", *arguments, check=False,
                              env=dict(os.environ))
        self.assertEqual((done.returncode, done.stderr), (status, ""), done)
        return done.stdout

    def assert_well(self):
        self.assertRegex(self.fsck(status=0), WELL)

    @contextlib.contextmanager
    def database(self):
        path = os.path.join(self.cloud.state, "cumulet.db")
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            yield database


class FsckTest(FsckCase):
    """A cloud with a few objects, whose daemon has ended."""

    def setUp(self):
        super().setUp()
        self.cloud = self.start_cloud()
        self.s3 = self.cloud.boto3("s3")
        self.s3.create_bucket(Bucket="bucket")
        for key, body in (("small", SMALL), ("large", LARGE), ("empty", b""), ("näme\n", SMALL)):
            self.s3.put_object(Bucket="bucket", Key=key, Body=body)
        upload = self.s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
        etags = [self.s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload,
                                     PartNumber=number, Body=body)["ETag"]
                 for number, body in ((1, PART), (2, LARGE))]
        self.s3.complete_multipart_upload(
            Bucket="bucket", Key="parts", UploadId=upload, MultipartUpload={"Parts": [
                {"PartNumber": number + 1, "ETag": etag} for number, etag in enumerate(etags)]})
        self.s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/large")
        self.cloud.stop()

    def blob_of(self, key):
        with self.database() as database:
            return database.execute("SELECT blob_id FROM object WHERE key = ?", [key]).fetchone()[0]

    def file_of(self, key):
        return glob.glob(f"{self.cloud.state}/objects/*/{self.blob_of(key)}")[0]

    def flip_byte(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    def delete(self, *keys):
        """As a user would, who was told that they are lost."""
        self.cloud.start()
        for key in keys:
            self.s3.delete_object(Bucket="bucket", Key=key)
        self.cloud.stop()

    def test_a_cloud_that_is_well(self):
        out = self.fsck(status=0)
        self.assertRegex(out, WELL)
        self.assertIn(f"{2 * len(LARGE) + 2 * len(SMALL) + len(PART)} bytes", out)
        self.assertRegex(self.fsck("--repair", status=0), WELL)

    def test_a_running_daemon_is_left_alone(self):
        self.cloud.start()
        done = self.cloud.cumulet("fsck", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(str(self.cloud.pid), done.stderr)
        self.assertIn("cumulet stop", done.stderr)
        self.assertEqual(self.s3.get_object(Bucket="bucket", Key="small")["Body"].read(), SMALL)
        self.assertEqual(self.cloud.status()["pid"], self.cloud.pid)

    def test_where_no_cloud_is_nothing_is_made(self):
        other = Cloud(start=False)
        self.addCleanup(other.destroy)
        done = self.cloud.run(CUMULET, "fsck", "--state", other.state, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(other.state, done.stderr)
        self.assertFalse(os.path.exists(other.state))

    def test_wrong_usage(self):
        for arguments in (["--frobnicate"], ["now"]):
            done = self.cloud.run(CUMULET, "fsck", *arguments, check=False,
                                  env={**os.environ, "CUMULET_STATE": self.cloud.state})
            self.assertEqual(done.returncode, 2, done)

    def test_a_flipped_byte_in_a_file(self):
        self.flip_byte(self.file_of("large"), 123456)
        out = self.fsck(status=1)
        self.assertRegex(out, rf"(?m)^damaged: blob {self.blob_of('large')} has the MD5 ")
        for key in ("large", "copy"):
            self.assertRegex(out, rf"(?m)^affected: bucket/{key} version null, ")
        self.assertRegex(out, "1 damaged, 0 missing, 0 orphans, 0 miscounted")
        again = self.fsck("--repair", status=1)
        self.assertIn("cannot be repaired", again)
        self.delete("large")
        self.assertIn("1 damaged", self.fsck(status=1))
        self.delete("copy")
        self.assert_well()

    def test_a_flipped_byte_in_the_database(self):
        with self.database() as database:
            database.execute("UPDATE blob_data SET data = CAST(X'00' || substr(data, 2) AS BLOB)"
                             " WHERE id = ?", [self.blob_of("näme\n")])
        out = self.fsck(status=1)
        self.assertIn("affected: bucket/näme%0A version null", out)
        self.assertIn("1 damaged", out)

    def test_a_damaged_part(self):
        with self.database() as database:
            blob = database.execute("SELECT blob_id FROM part WHERE size = ?",
                                    [len(PART)]).fetchone()[0]
        self.flip_byte(glob.glob(f"{self.cloud.state}/objects/*/{blob}")[0], 5)
        self.assertRegex(self.fsck(status=1), r"(?m)^affected: bucket/parts version null")
        self.delete("parts")
        self.assert_well()

    def test_a_file_that_is_too_short(self):
        os.truncate(self.file_of("large"), 1000)
        self.assertRegex(self.fsck(status=1), f"has 1000 bytes instead of {len(LARGE)}")

    def test_a_missing_file(self):
        blob = self.blob_of("large")
        os.unlink(self.file_of("large"))
        for arguments in ([], ["--repair"]):
            out = self.fsck(*arguments, status=1)
            self.assertRegex(out, f"(?m)^missing: blob {blob} has no bytes")
            self.assertRegex(out, "(?m)^affected: bucket/large version null")
            self.assertIn("0 damaged, 1 missing", out)
        self.cloud.start()
        with self.assertRaises(Exception):
            self.s3.get_object(Bucket="bucket", Key="large")["Body"].read()
        self.s3.put_object(Bucket="bucket", Key="large", Body=LARGE)
        self.s3.put_object(Bucket="bucket", Key="copy", Body=LARGE)
        self.cloud.stop()
        self.assert_well()

    def test_missing_bytes_in_the_database(self):
        with self.database() as database:
            database.execute("DELETE FROM blob_data WHERE id = ?", [self.blob_of("small")])
        self.assertRegex(self.fsck("--repair", status=1), "0 damaged, 1 missing")
        self.delete("small")
        self.assert_well()

    def test_an_object_whose_record_of_bytes_is_gone(self):
        with self.database() as database:
            database.execute("DELETE FROM blob WHERE id = ?", [self.blob_of("small")])
        out = self.fsck("--repair", status=1)
        self.assertRegex(out, r"(?m)^missing: blob \w+ of bucket/small version null$")
        self.delete("small")
        self.assert_well()

    def test_files_that_belong_to_nothing(self):
        before = object_files(self.cloud)
        shelf = os.path.dirname(self.file_of("large"))
        for name in (NOBODYS, "notes.txt"):
            with open(os.path.join(shelf, name), "w") as file:
                file.write("x")
        out = self.fsck(status=1)
        self.assertRegex(out, f"(?m)^orphan: file {NOBODYS} ")
        self.assertRegex(out, "(?m)^orphan: file notes.txt ")
        self.assertIn("2 orphans", out)
        self.assertIn("--repair", out)
        self.assertIn("2 orphans", self.fsck("--repair", status=0))
        self.assertEqual(object_files(self.cloud), before)
        self.assert_well()

    def test_a_record_that_nobody_refers_to(self):
        before = object_files(self.cloud)
        with self.database() as database:
            database.execute("DELETE FROM object WHERE key IN ('large', 'copy', 'small')")
        out = self.fsck(status=1)
        self.assertEqual(len(re.findall("(?m)^orphan: blob ", out)), 2, out)
        self.assertIn("2 orphans", self.fsck("--repair", status=0))
        self.assert_well()
        # The daemon empties what is left in the trash.
        self.cloud.start()
        wait_until(lambda: len(object_files(self.cloud)) == len(before) - 1, 20,
                   lambda: object_files(self.cloud))
        self.cloud.stop()
        self.assert_well()

    def test_an_object_without_all_of_its_parts(self):
        for sizes in ([len(LARGE)], [len(PART)]):
            with self.database() as database:
                database.execute("DELETE FROM part WHERE size = ?", sizes)
            out = self.fsck("--repair", status=1)
            self.assertRegex(out, r"(?m)^missing: parts of bucket/parts version null$")
            self.assertIn("1 missing", out)
        self.delete("parts")
        self.assert_well()

    def test_parts_of_an_object_whose_upload_is_gone(self):
        """They are the object's all the same."""
        with self.database() as database:
            database.execute("DELETE FROM upload")
        self.fsck("--repair", status=0)
        self.cloud.start()
        self.assertEqual(self.s3.get_object(Bucket="bucket", Key="parts")["Body"].read(),
                         PART + LARGE)
        self.cloud.stop()

    def test_a_completed_upload_without_its_object(self):
        before = object_files(self.cloud)
        with self.database() as database:
            upload = database.execute("SELECT upload_id FROM object WHERE key = 'parts'")
            upload = upload.fetchone()[0]
            database.execute("DELETE FROM object WHERE key = 'parts'")
        for arguments, status in ((), 1), (("--repair",), 0):
            out = self.fsck(*arguments, status=status)
            self.assertRegex(out, f"(?m)^orphan: completed upload {upload} ")
            self.assertIn("1 orphans", out)
        self.assert_well()
        self.cloud.start()
        wait_until(lambda: len(object_files(self.cloud)) == len(before) - 2, 20,
                   lambda: object_files(self.cloud))

    def test_a_file_that_cannot_be_read(self):
        path = self.file_of("large")
        os.unlink(path)
        os.mkdir(path)
        out = self.fsck(status=1)
        self.assertEqual(re.findall("(?m)^damaged: blob .*(?=:)", out),
                         [f"damaged: blob {self.blob_of('large')} cannot be read"])
        self.assertIn("1 damaged, 0 missing", out)
        os.rmdir(path)

    def test_wrong_counts(self):
        with self.database() as database:
            database.execute("UPDATE blob SET refs = 7 WHERE id = ?", [self.blob_of("large")])
        self.assertIn("1 miscounted", self.fsck(status=1))
        self.assertIn("1 miscounted", self.fsck("--repair", status=0))
        self.assert_well()
        self.delete("large", "copy")
        self.assert_well()

    def test_several_things_at_once(self):
        self.flip_byte(self.file_of("large"), 0)
        with open(os.path.join(self.cloud.state, "objects", "new", NOBODYS), "w"):
            pass  # the next start, and this one is, removes it without a word
        with self.database() as database:
            database.execute("DELETE FROM object WHERE key = 'small'")
        self.assertIn("1 damaged, 0 missing, 1 orphans, 0 miscounted", self.fsck(status=1))
        self.assertIn("1 damaged, 0 missing, 1 orphans, 0 miscounted",
                      self.fsck("--repair", status=1))
        self.assertIn("1 damaged, 0 missing, 0 orphans, 0 miscounted", self.fsck(status=1))


@unittest.skipUnless(shutil.which("qemu-img"), "no qemu-img here (apt-get install qemu-utils)")
class DiskFsckTest(FsckCase):
    """A cloud whose daemon has ended, with a volume, a snapshot of it, another volume of that, and
    their files, as the back end of real machines would have made them."""

    def setUp(self):
        super().setUp()
        self.cloud = self.start_cloud()
        self.ec2 = self.cloud.boto3("ec2")
        self.first = self.volume(Size=1)
        self.snapshot = self.ec2.create_snapshot(VolumeId=self.first)["SnapshotId"]
        self.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[self.snapshot])
        self.second = self.volume(SnapshotId=self.snapshot)
        self.cloud.stop()
        shutil.rmtree(os.path.join(self.cloud.state, "fake"))
        with self.database() as database:
            rows = database.execute("SELECT path, backing FROM layer").fetchall()
            self.paths = dict(database.execute(
                "SELECT id, path FROM volume UNION SELECT id, path FROM snapshot"))
        for path, backing in sorted(rows, key=lambda row: row[1] is not None):
            self.make(path, backing)

    def volume(self, **options):
        id = self.ec2.create_volume(AvailabilityZone="us-east-1a", **options)["VolumeId"]
        self.ec2.get_waiter("volume_available").wait(VolumeIds=[id])
        return id

    def file(self, path):
        return os.path.join(self.cloud.state, path)

    def make(self, path, backing=None):
        over = ["-b", self.file(backing), "-F", "qcow2"] if backing else []
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *over, self.file(path),
                        str(1 << 30)], check=True)

    def test_disks_that_are_well(self):
        self.assertIn("; 3 files of disks: all is well", self.fsck(status=0))
        self.assert_well()

    def test_a_file_that_belongs_to_no_disk(self):
        self.make("volumes/nobodys.qcow2")
        out = self.fsck(status=1)
        self.assertRegex(out, "(?m)^orphan: file volumes/nobodys.qcow2 ")
        self.assertIn("1 orphans", out)
        self.assertIn("1 orphans", self.fsck("--repair", status=0))
        self.assertFalse(os.path.exists(self.file("volumes/nobodys.qcow2")))
        self.assert_well()

    def test_layers_that_nothing_refers_to(self):
        """With the one below, which was kept for them alone."""
        with self.database() as database:
            database.execute("DELETE FROM volume")
            database.execute("DELETE FROM snapshot WHERE id = ?", [self.snapshot])
        before = set(glob.glob(self.file("volumes/*")))
        out = self.fsck(status=1)
        self.assertRegex(out, f"(?m)^orphan: layer {self.paths[self.second]}, ")
        self.assertEqual(set(glob.glob(self.file("volumes/*"))), before)
        self.assertIn("3 orphans", self.fsck("--repair", status=0))
        self.assertEqual(glob.glob(self.file("volumes/*")), [])
        self.assert_well()

    def test_a_missing_file(self):
        path = self.paths[self.snapshot]
        os.unlink(self.file(path))
        for arguments in ([], ["--repair"]):
            out = self.fsck(*arguments, status=1)
            self.assertRegex(out, f"(?m)^missing: file {path}$")
            for name in (f"volume {self.first}", f"snapshot {self.snapshot}",
                         f"volume {self.second}"):
                self.assertRegex(out, f"(?m)^affected: {name}$")

    def test_the_file_of_an_image(self):
        with self.database() as database:
            database.execute("UPDATE image SET path = 'images/none.qcow2', format = 'qcow2'"
                             " WHERE kind = 'machine'")
            image, = database.execute("SELECT id FROM image WHERE kind = 'machine'").fetchone()
        out = self.fsck(status=1)
        self.assertRegex(out, "(?m)^missing: file images/none.qcow2$")
        self.assertRegex(out, f"(?m)^affected: image {image}$")

    def test_what_lies_over_another_file(self):
        self.make("volumes/other.qcow2")
        path = self.paths[self.second]
        subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b",
                        self.file("volumes/other.qcow2"), self.file(path)], check=True)
        out = self.fsck(status=1)
        self.assertRegex(out, f"(?m)^damaged: file {path}: it lies over .*other.qcow2 instead of "
                              f".*{self.paths[self.snapshot]}$")
        self.assertEqual(re.findall("(?m)^affected: (.*)$", out), [f"volume {self.second}"])

    def test_what_is_no_image(self):
        path = self.paths[self.first]
        with open(self.file(path), "wb") as file:
            file.write(b"no qcow2" * 1000)
        out = self.fsck(status=1)
        self.assertRegex(out, f"(?m)^damaged: file {path}: ")
        self.assertEqual(re.findall("(?m)^affected: (.*)$", out), [f"volume {self.first}"])

    def test_broken_tables(self):
        path = self.file(self.paths[self.first])
        subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write 0 64k", path], check=True,
                       capture_output=True)
        with open(path, "r+b") as file:
            file.seek(40)  # where the first table begins
            table = int.from_bytes(file.read(8), "big")
            file.seek(table)
            file.write((1 << 63 | 0x7000000000).to_bytes(8, "big"))
        self.assertRegex(self.fsck(status=1), f"(?m)^damaged: file {self.paths[self.first]}: ")


if __name__ == "__main__":
    unittest.main()
