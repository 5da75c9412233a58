"""Bundles for a cloud: made by the AMI tools with the cloud's own certificates, put into its
buckets, registered."""

import contextlib
import glob
import os
import shutil
import sqlite3
import tempfile
import xml.etree.ElementTree as ElementTree

from amitools import AmiToolsTestCase
from cloud import wait_until

DEADLINE = 30


def image_files(cloud):
    """What lies in the directory of disks, by name."""
    return {os.path.basename(path) for path in glob.glob(f"{cloud.state}/volumes/*")}


def layer_rows(cloud):
    """The same as the records say."""
    path = os.path.join(cloud.state, "cumulet.db")
    with contextlib.closing(sqlite3.connect(path)) as database:
        return {os.path.basename(row[0]) for row in database.execute("SELECT path FROM layer")}


class BundleTestCase(AmiToolsTestCase):
    """Mixed into a case that has `cloud`, `ec2` (boto3) and refused(). The keys of "user" and "ec2"
    are the cloud's; that of "other" is nobody's there."""

    _plain = None

    def key(self, name):
        if name == "user":
            return self.own("pk-*.pem")
        return super().key(name)

    def certificate(self, name):
        if name == "user":
            return self.own("cert-*.pem", but="cert-ec2.pem")
        return self.own("cert-ec2.pem") if name == "ec2" else super().certificate(name)

    def own(self, pattern, but=None):
        """A file of the cloud's, which makes them in the background when it starts first."""
        def found():
            return [path for path in glob.glob(f"{self.cloud.state}/certificates/{pattern}")
                    if os.path.basename(path) != but]
        wait_until(lambda: len(found()) == 1, DEADLINE, pattern)
        return found()[0]

    @property
    def account(self):
        return self.cloud.credentials["account_id"]

    @property
    def s3(self):
        return self.cloud.boto3("s3")

    def bundle_options(self, directory, *, account=None, signer="user", ec2="ec2"):
        return ["-c", self.certificate(signer), "-k", self.key(signer), "-u",
                account or self.account, "--ec2cert", self.certificate(ec2), "-r", "x86_64", "-d",
                directory]

    def image_file(self, name="disk.img", **options):
        """As image(), which cases with a cloud have for another thing."""
        return AmiToolsTestCase.image(self, name, **options)

    def make_bundle(self, image=None, *options, name="disk.img", **more):
        """A bundle of an image, or of a small one; its directory."""
        directory = self.path(f"bundle-{len(os.listdir(self.folder))}")
        if not (image or options or more) and name == "disk.img":
            shutil.copytree(self.plain_bundle(), directory)
            return directory
        image = image or self.image_file(name, random=300000, size=2000000)
        os.mkdir(directory)
        self.tool("ec2-bundle-image", "-i", image, "-p", name,
                  *self.bundle_options(directory, **more), *options)
        return directory

    def plain_bundle(self):
        """One that all tests of the class make copies of."""
        if self._plain is None:
            folder = tempfile.TemporaryDirectory()
            type(self).addClassCleanup(folder.cleanup)
            made = self.make_bundle(self.image_file(random=300000, size=2000000))
            type(self)._plain = shutil.move(made, folder.name)
        return self._plain

    def upload(self, directory, bucket, prefix="", s3=None, **options):
        """All of a bundle; the location of its manifest."""
        s3 = s3 or self.s3
        if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=bucket)
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as file:
                s3.put_object(Bucket=bucket, Key=prefix + name, Body=file, **options)
        manifest, = (name for name in os.listdir(directory) if name.endswith(".manifest.xml"))
        return f"{bucket}/{prefix}{manifest}"

    def register(self, location, name, **options):
        return self.ec2.register_image(ImageLocation=location, Name=name, **options)["ImageId"]

    def shown_image(self, id, ec2=None):
        images = (ec2 or self.ec2).describe_images(ImageIds=[id])["Images"]
        return images[0] if images else None

    def wait_image(self, id, state="available"):
        wait_until(lambda: self.shown_image(id)["State"] == state, DEADLINE,
                   lambda: self.shown_image(id))
        return self.shown_image(id)

    def manifest_tree(self, directory, name="disk.img"):
        return ElementTree.fromstring(self.manifest(directory, name))

    def assert_no_leftovers(self, start):
        """No name of a file begins so, and none in a record of a file."""
        def left():
            return [name for name in image_files(self.cloud) | layer_rows(self.cloud)
                    if name.startswith(start)]
        wait_until(lambda: not left(), DEADLINE, left)
