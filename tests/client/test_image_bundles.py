"""Images from bundles: registered, refused, launched; and instances bundled from outside."""

import base64
import datetime
import filecmp
import hashlib
import hmac
import itertools
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundles import BundleTestCase, image_files, layer_rows  # noqa: E402
from cloud import wait_until  # noqa: E402
from test_volumes import Case  # noqa: E402

from botocore.client import Config  # noqa: E402

BUNDLE_DEADLINE = 30
numbers = itertools.count()


def unique(word):
    return f"{word}-{next(numbers)}"


class BundleCase(BundleTestCase, Case):
    image = Case.image
    refused = Case.refused

    def new_bucket(self):
        return unique("bundles")

    def registered(self, directory=None, **options):
        """The id of an image that is available."""
        location = self.upload(directory or self.make_bundle(), self.new_bucket())
        image = self.register(location, unique("image"), **options)
        self.wait_image(image)
        return image

    def make_account(self):
        made = json.loads(self.cloud.cumulet("account", "create", f"{unique('alt')}@example.com",
                                             "--json").stdout)
        keys = {"aws_access_key_id": made["access_key_id"],
                "aws_secret_access_key": made["secret_access_key"]}
        return made, self.cloud.boto3("s3", **keys), self.cloud.boto3("ec2", **keys)


class Registering(BundleCase):
    def test_registered_and_launched(self):
        original = self.image_file(random=3000000, size=40000000)
        directory = self.make_bundle(original, "-B", "ami=sda1,root=/dev/sda1,ephemeral0=sdb")
        location = self.upload(directory, self.new_bucket(), prefix="some/folder/")
        image = self.register(location, "of a bundle", Description="unpacked")
        shown = self.wait_image(image)
        starter = self.image()
        self.assertEqual(
            (shown["ImageLocation"], shown["Name"], shown["Description"], shown["Architecture"],
             shown["ImageType"], shown["RootDeviceType"], shown["RootDeviceName"], shown["OwnerId"],
             shown["Public"], shown["KernelId"], shown["RamdiskId"]),
            (location, "of a bundle", "unpacked", "x86_64", "machine", "instance-store",
             "/dev/sda1", self.account, False, starter["KernelId"], starter["RamdiskId"]))
        self.assertEqual(shown["BlockDeviceMappings"],
                         [{"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}])
        self.assertNotIn("StateReason", shown)
        file = os.path.join(self.cloud.state, "volumes", f"{image}.raw")
        self.assertTrue(filecmp.cmp(file, original, shallow=False))
        self.assert_same_image(file, original)

        instance = self.run_instance(ImageId=image, InstanceType="m1.small")
        shown = self.instance(instance)
        self.assertEqual((shown["RootDeviceType"], shown["RootDeviceName"],
                          shown["BlockDeviceMappings"]), ("instance-store", "/dev/sda1", []))
        self.assertIn(f"{instance}-root.qcow2", layer_rows(self.cloud))
        self.refused("UnsupportedOperation", self.ec2.stop_instances, InstanceIds=[instance])
        self.ec2.reboot_instances(InstanceIds=[instance])
        self.ec2.deregister_image(ImageId=image)
        self.assertTrue(os.path.exists(file))  # the instance's disk lies over it
        self.wait_instance(instance, "running")
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.wait_instance(instance, "terminated")
        self.assert_no_leftovers(instance)
        self.assert_no_leftovers(image)

    def test_as_tools_of_2008_do(self):
        """No name, and the same bundle twice; with a slash before the bucket."""
        location = self.upload(self.make_bundle(), self.new_bucket(), prefix="x/")
        old = self.cloud.boto3("ec2", config=Config(parameter_validation=False))
        first, second = (old.register_image(ImageLocation=form)["ImageId"]
                         for form in (location, f"/{location}"))
        self.assertEqual(self.wait_image(first)["Name"],
                         location.removesuffix(".manifest.xml"))
        self.assertIn(second, self.wait_image(second)["Name"])
        self.assertEqual(self.shown_image(second)["ImageLocation"], location)
        self.wait_image(self.register(f"s3://{location}", "by its URL"))
        self.refused("MissingParameter", old.register_image, RootDeviceName="/dev/sda1")

    def test_what_the_request_says_wins(self):
        starter = self.image()
        directory = self.make_bundle(None, "-B", "ami=sda1,root=/dev/sda1,ephemeral0=sdb",
                                     "--kernel", "aki-00000000", "--ramdisk", "ari-00000000")
        snapshot = self.take(self.create(Size=1))
        image = self.registered(
            directory, Architecture="i386", KernelId=starter["KernelId"],
            RootDeviceName="/dev/sda2", BlockDeviceMappings=[
                {"DeviceName": "/dev/sdb", "NoDevice": ""},
                {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral1"},
                {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot}}])
        shown = self.shown_image(image)
        self.assertEqual((shown["Architecture"], shown["KernelId"], shown["RootDeviceName"],
                          "RamdiskId" in shown),
                         ("i386", starter["KernelId"], "/dev/sda2", False))
        devices = {one["DeviceName"]: one for one in shown["BlockDeviceMappings"]}
        self.assertEqual(set(devices), {"/dev/sdc", "/dev/sdf"})
        self.assertEqual(devices["/dev/sdf"]["Ebs"]["SnapshotId"], snapshot)
        # A kernel of the manifest's that is not there does not count, one of the request's does.
        other = self.shown_image(self.registered(directory))
        self.assertEqual(other["KernelId"], starter["KernelId"])
        location = self.upload(directory, self.new_bucket())
        for code, options in (
                ("InvalidAMIID.NotFound", {"KernelId": "aki-00000000"}),
                ("InvalidParameterValue", {"Architecture": "arm64"}),
                ("InvalidBlockDeviceMapping", {"BlockDeviceMappings": [
                    {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}]}),
                ("InvalidAMIName.Malformed", {"Name": "x"}),
                ("InvalidAMIName.Duplicate", {"Name": other["Name"]})):
            self.refused(code, self.ec2.register_image, ImageLocation=location,
                         **{"Name": unique("refused"), **options})

    def test_the_kernel_of_the_manifest(self):
        starter = self.image()
        image = self.registered(self.make_bundle(
            None, "--kernel", starter["KernelId"], "--ramdisk", starter["RamdiskId"]))
        shown = self.shown_image(image)
        self.assertEqual((shown["KernelId"], shown["RamdiskId"]),
                         (starter["KernelId"], starter["RamdiskId"]))

    def test_kernels_and_ramdisks(self):
        for kind, prefix, parameter in (("kernel", "aki", "KernelId"),
                                        ("ramdisk", "ari", "RamdiskId")):
            directory = self.make_bundle()
            self.change_manifest(directory, "disk.img", b"<type>machine</type>",
                                 f"<type>{kind}</type>".encode())
            image = self.registered(directory)
            self.assertTrue(image.startswith(f"{prefix}-"), image)
            self.assertEqual(self.shown_image(image)["ImageType"], kind)
            self.refused("InvalidAMIID.Malformed", self.ec2.run_instances, ImageId=image,
                         MinCount=1, MaxCount=1)
            instance = self.run_instance(**{parameter: image})
            self.assertEqual(self.instance(instance)[parameter], image)

    def test_an_image_that_is_taken_back_while_it_is_unpacked(self):
        original = self.image_file("large", random=12000000, size=400000000)
        location = self.upload(self.make_bundle(original), self.new_bucket())
        image = self.register(location, unique("taken-back"))
        self.ec2.deregister_image(ImageId=image)
        self.assert_no_leftovers(image)


class Refused(BundleCase):
    def manifest_refused(self, said, location, code="InvalidManifest", ec2=None):
        message = self.refused(code, (ec2 or self.ec2).register_image, ImageLocation=location,
                               Name=unique("refused"))
        self.assertRegex(message, said)

    def test_what_cannot_be_fetched(self):
        bucket = self.new_bucket()
        directory = self.make_bundle()
        location = self.upload(directory, bucket)
        for missing in (f"{unique('no-bucket')}/x.manifest.xml", f"{bucket}/none.manifest.xml"):
            self.manifest_refused(r"404 \(Not Found\).*" + missing, missing)
        for wrong in ("bucket", "/", "bucket/", "//"):
            self.manifest_refused("imageLocation", wrong, "InvalidParameterValue")
        part, = (name for name in os.listdir(directory) if ".part." in name)
        self.s3.delete_object(Bucket=bucket, Key=part)
        self.manifest_refused(f"404.*{part}", location)

    def test_what_is_no_manifest(self):
        bucket = self.new_bucket()
        self.s3.create_bucket(Bucket=bucket)
        valid = self.manifest(self.make_bundle(), "disk.img")
        for said, text in (
                (".", b""), (".", b"no XML"), (".", b"<manifest>"), (".", b"\0\xff"),
                (".", b"<?xml version='1.0'?><other/>"),
                (".", b"<!DOCTYPE manifest [<!ENTITY x 'y'>]>" + valid),
                (".", valid.replace(b"2007-10-10", b"2007-10-11")),
                ("larger", b" " * (2 << 20))):
            self.s3.put_object(Bucket=bucket, Key="bad.manifest.xml", Body=text)
            self.manifest_refused(said, f"{bucket}/bad.manifest.xml")

    def test_who_signed_it(self):
        tampered = self.make_bundle()
        text = self.manifest(tampered, "disk.img").replace(b"<type>machine", b"<type>ramdisk")
        with open(os.path.join(tampered, "disk.img.manifest.xml"), "wb") as file:
            file.write(text)
        for directory in (tampered, self.make_bundle(signer="other")):
            self.manifest_refused("sign", self.upload(directory, self.new_bucket()))
        foreign = self.make_bundle(ec2="other")
        self.manifest_refused("key", self.upload(foreign, self.new_bucket()))
        stranger = self.make_bundle(account="210987654321")
        self.manifest_refused("210987654321", self.upload(stranger, self.new_bucket()),
                              "AuthFailure")

    def test_what_the_manifest_says_is_none_that_can_be(self):
        directory = self.make_bundle()
        self.change_manifest(directory, "disk.img", b"<architecture>x86_64<",
                             b"<architecture>sparc<")
        self.manifest_refused("sparc", self.upload(directory, self.new_bucket()),
                              "InvalidAMIAttributeItemValue")

    def test_whose_bucket_it_lies_in(self):
        made, theirs, their_ec2 = self.make_account()
        bucket = self.new_bucket()
        directory = self.make_bundle()
        location = self.upload(directory, bucket, s3=theirs)
        self.manifest_refused(r"403 \(Forbidden\)", location)
        # Parts are asked for, too.
        theirs.delete_bucket_ownership_controls(Bucket=bucket)
        theirs.delete_public_access_block(Bucket=bucket)
        theirs.put_object_acl(Bucket=bucket, Key="disk.img.manifest.xml", ACL="public-read")
        self.manifest_refused("403.*part", location)
        theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
        self.wait_image(self.register(location, unique("shared")))
        # It is not theirs, though it lies with them.
        self.manifest_refused(self.account, location, "AuthFailure", ec2=their_ec2)

    def test_a_user_who_may_register_but_not_read(self):
        iam = self.cloud.boto3("iam")
        name = unique("user")
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}))
        location = self.upload(self.make_bundle(), self.new_bucket())
        ec2 = self.cloud.boto3("ec2", aws_access_key_id=key["AccessKeyId"],
                               aws_secret_access_key=key["SecretAccessKey"])
        self.manifest_refused("403", location, ec2=ec2)

    def failed(self, directory, said):
        location = self.upload(directory, self.new_bucket())
        image = self.register(location, unique("failing"))
        reason = self.wait_image(image, "failed")["StateReason"]
        self.assertEqual(reason["Code"], "Client.InvalidManifest")
        self.assertRegex(reason["Message"], f"^Client.InvalidManifest: .*{said}")
        found = self.ec2.describe_images(Filters=[
            {"Name": "state-reason-code", "Values": ["Client.InvalidManifest"]},
            {"Name": "image-id", "Values": [image]}])["Images"]
        self.assertEqual(len(found), 1)
        self.assert_no_leftovers(image)
        self.refused("InvalidAMIID.Unavailable", self.ec2.run_instances, ImageId=image, MinCount=1,
                     MaxCount=1)
        self.ec2.deregister_image(ImageId=image)

    def test_what_turns_out_to_be_wrong(self):
        flipped = self.make_bundle()
        part, = (name for name in os.listdir(flipped) if ".part." in name)
        path = os.path.join(flipped, part)
        with open(path, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)[0]
            file.seek(1000)
            file.write(bytes([byte ^ 1]))
        self.failed(flipped, part)
        short = self.make_bundle()
        os.truncate(os.path.join(short, part), 1000)
        self.failed(short, part)
        size = self.make_bundle()
        self.change_manifest(size, "disk.img", b"<size>2000000<", b"<size>1999999<")
        self.failed(size, "")


class Bundling(BundleCase):
    def task(self, id):
        return self.ec2.describe_bundle_tasks(BundleIds=[id])["BundleTasks"][0]

    def wait_task(self, id, state="complete"):
        wait_until(lambda: self.task(id)["State"] in ("complete", "failed"), BUNDLE_DEADLINE,
                   lambda: self.task(id))
        self.assertEqual(self.task(id)["State"], state, self.task(id))
        return self.task(id)

    def bundled(self, instance, bucket=None, prefix="bundled", **storage):
        bucket = bucket or self.new_bucket()
        task = self.ec2.bundle_instance(InstanceId=instance, Storage={"S3": {
            "Bucket": bucket, "Prefix": prefix, **storage}})["BundleTask"]
        return task, bucket

    def policy(self, bucket, prefix, **change):
        """UploadPolicy, UploadPolicySignature and AWSAccessKeyId, as the AWS CLI makes them."""
        expires = datetime.datetime.utcnow() + change.pop("valid", datetime.timedelta(hours=1))
        text = json.dumps({"expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": [
            {"bucket": bucket}, {"acl": "ec2-bundle-read"}, ["starts-with", "$key", prefix]]})
        key = self.cloud.credentials
        secret = change.pop("secret", key["aws_secret_access_key"])
        signature = hmac.new(secret.encode(), base64.b64encode(text.encode()), hashlib.sha1)
        return {"UploadPolicy": text.encode(), "AWSAccessKeyId": key["aws_access_key_id"],
                "UploadPolicySignature": base64.b64encode(signature.digest()).decode(), **change}

    def test_a_running_instance(self):
        instance = self.run_instance()
        task, bucket = self.bundled(instance, prefix="folder/my image")
        self.assertEqual((task["InstanceId"], task["State"], task["Progress"],
                          task["Storage"]["S3"]["Bucket"], task["Storage"]["S3"]["Prefix"]),
                         (instance, "waiting-for-shutdown", "0%", bucket, "folder/my image"))
        done = self.wait_task(task["BundleId"])
        self.assertEqual((done["Progress"], "BundleTaskError" in done), ("100%", False))
        self.assertGreaterEqual(done["UpdateTime"], done["StartTime"])
        self.wait_instance(instance, "running")
        keys = [one["Key"] for one in self.s3.list_objects_v2(Bucket=bucket)["Contents"]]
        self.assertEqual(keys, ["folder/my image.manifest.xml", "folder/my image.part.00"])
        for key in keys:
            grants = self.s3.get_object_acl(Bucket=bucket, Key=key)["Grants"]
            self.assertEqual(sorted(one["Permission"] for one in grants), ["FULL_CONTROL", "READ"])
        self.assert_no_leftovers(f"{task['BundleId']}.")

        image = self.register(f"{bucket}/{keys[0]}", unique("bundled"))
        shown = self.wait_image(image)
        source = self.instance(instance)
        self.assertEqual((shown["RootDeviceType"], shown["KernelId"], shown["RootDeviceName"]),
                         ("instance-store", source["KernelId"], source["RootDeviceName"]))
        # And the copy, whose root is no volume, again.
        copy = self.run_instance(ImageId=image)
        again, bucket = self.bundled(copy)
        self.wait_task(again["BundleId"])
        self.wait_image(self.register(f"{bucket}/bundled.manifest.xml", unique("again")))
        self.ec2.terminate_instances(InstanceIds=[copy])
        self.wait_instance(copy, "terminated")
        self.assert_no_leftovers(copy)

    def test_a_stopped_instance(self):
        instance = self.run_instance()
        self.ec2.stop_instances(InstanceIds=[instance])
        self.wait_instance(instance, "stopped")
        self.s3.create_bucket(Bucket="stays")
        task, _ = self.bundled(instance, "stays")
        self.assertEqual(task["State"], "pending")
        self.wait_task(task["BundleId"])
        self.assertEqual(self.instance(instance)["State"]["Name"], "stopped")

    def test_with_an_upload_policy(self):
        instance = self.run_instance()
        bucket = self.new_bucket()
        task, _ = self.bundled(instance, bucket, **self.policy(bucket, "bundled"))
        self.assertEqual(task["Storage"]["S3"]["AWSAccessKeyId"],
                         self.cloud.credentials["aws_access_key_id"])
        self.wait_task(task["BundleId"])
        hour = datetime.timedelta(hours=1)
        for code, policy in (
                ("AuthFailure", self.policy(bucket, "bundled", valid=-hour)),
                ("AuthFailure", self.policy(bucket, "other")),
                ("AuthFailure", self.policy("other", "bundled")),
                ("AuthFailure", self.policy(bucket, "bundled", secret="wrong")),
                ("AuthFailure", self.policy(bucket, "bundled", AWSAccessKeyId="AKIANOBODYS")),
                ("InvalidParameterValue", self.signed(b"no JSON")),
                ("MissingParameter", {"UploadPolicy": b"{}"})):
            with self.subTest(code=code, policy=policy):
                self.refused(code, self.bundled, instance=instance, bucket=bucket, **policy)

    def signed(self, text):
        key = self.cloud.credentials
        signature = hmac.new(key["aws_secret_access_key"].encode(), base64.b64encode(text),
                             hashlib.sha1)
        return {"UploadPolicy": text, "AWSAccessKeyId": key["aws_access_key_id"],
                "UploadPolicySignature": base64.b64encode(signature.digest()).decode()}

    def test_by_the_aws_cli(self):
        instance = self.run_instance()
        key = self.cloud.credentials
        bucket = self.new_bucket()
        out = self.cloud.run(
            "aws", "ec2", "bundle-instance", "--instance-id", instance, "--bucket", bucket,
            "--prefix", "by-cli", "--owner-akid", key["aws_access_key_id"], "--owner-sak",
            key["aws_secret_access_key"]).stdout
        self.wait_task(json.loads(out)["BundleTask"]["BundleId"])

    def test_what_cannot_be_bundled(self):
        _, theirs, _ = self.make_account()
        foreign = self.new_bucket()
        theirs.create_bucket(Bucket=foreign)
        instance = self.run_instance()
        for code, options in (
                ("InvalidInstanceID.NotFound", {"instance": "i-0123456789abcdef0"}),
                ("InvalidInstanceID.Malformed", {"instance": "x"}),
                ("InvalidParameterValue", {"bucket": "No Bucket"}),
                ("InvalidParameterValue", {"prefix": "folder/"}),
                ("AuthFailure", {"bucket": foreign})):
            with self.subTest(code=code, options=options):
                self.refused(code, self.bundled, **{"instance": instance, **options})
        for storage in ({}, {"S3": {}}, {"S3": {"Bucket": "bucket"}}, {"S3": {"Prefix": "x"}}):
            self.refused("MissingParameter", self.ec2.bundle_instance, InstanceId=instance,
                         Storage=storage)
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.wait_instance(instance, "terminated")
        self.refused("IncorrectInstanceState", self.bundled, instance=instance)

    def test_one_at_a_time(self):
        """The second comes while the first is at work, unless that was faster, which cannot be
        always."""
        instance = self.run_instance()

        def collide():
            task, _ = self.bundled(instance)
            try:
                other, _ = self.bundled(instance)
            except self.ec2.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                self.wait_task(task["BundleId"])
                return code
            self.wait_task(other["BundleId"])
            return None
        self.assertIn("BundlingInProgress", (collide() for _ in range(20)))

    def test_cancelled(self):
        instance = self.run_instance()

        def cancel():
            task, bucket = self.bundled(instance)
            try:
                shown = self.ec2.cancel_bundle_task(BundleId=task["BundleId"])["BundleTask"]
            except self.ec2.exceptions.ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "IncorrectState")
                self.wait_task(task["BundleId"])
                return False
            self.assertEqual(shown["State"], "cancelling")
            failed = self.wait_task(task["BundleId"], "failed")
            self.assertEqual(failed["BundleTaskError"]["Code"], "Client.Cancelled")
            self.assertEqual(self.s3.list_objects_v2(Bucket=bucket)["KeyCount"], 0)
            self.assert_no_leftovers(f"{task['BundleId']}.")
            self.wait_instance(instance, "running")
            return True
        self.assertIn(True, (cancel() for _ in range(20)))

    def test_found_and_not(self):
        instance = self.run_instance()
        task, bucket = self.bundled(instance)
        id = task["BundleId"]
        self.wait_task(id)
        for name, value in (("bundle-id", id), ("instance-id", instance), ("s3-bucket", bucket),
                            ("state", "complete"), ("progress", "100%")):
            found = self.ec2.describe_bundle_tasks(Filters=[
                {"Name": name, "Values": [value]}])["BundleTasks"]
            self.assertIn(id, [one["BundleId"] for one in found], name)
        self.assertEqual(self.ec2.describe_bundle_tasks(Filters=[
            {"Name": "s3-prefix", "Values": ["nothing"]}])["BundleTasks"], [])
        self.refused("InvalidParameterValue", self.ec2.describe_bundle_tasks,
                     Filters=[{"Name": "mood", "Values": ["good"]}])
        for verb, options in ((self.ec2.describe_bundle_tasks, {"BundleIds": ["bun-00000000"]}),
                              (self.ec2.cancel_bundle_task, {"BundleId": "bun-00000000"})):
            self.refused("InvalidBundleID.NotFound", verb, **options)
        self.refused("IncorrectState", self.ec2.cancel_bundle_task, BundleId=id)
        _, _, their_ec2 = self.make_account()
        self.assertEqual(their_ec2.describe_bundle_tasks()["BundleTasks"], [])
        self.refused("InvalidBundleID.NotFound", their_ec2.cancel_bundle_task, BundleId=id)


class Reset(BundleCase):
    def test_a_reset_ends_what_is_at_work(self):
        original = self.image_file("large", random=12000000, size=400000000)
        self.register(self.upload(self.make_bundle(original), self.new_bucket()), "reset")
        self.cloud.cumulet("reset")
        self.assertEqual(self.ec2.describe_images(Owners=["self"])["Images"], [])
        self.assertEqual(image_files(self.cloud), set())


if __name__ == "__main__":
    unittest.main()
