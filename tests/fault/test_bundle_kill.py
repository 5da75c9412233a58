"""The daemon is killed at every moment at which it registers a bundle, unpacks it, freezes a
machine that is bundled, or puts its bundle: the next one finishes what was asked for, and no file
is left that no record owns."""

import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bundles import BundleTestCase, image_files, layer_rows  # noqa: E402
from cloud import CloudTestCase, wait_until  # noqa: E402

from botocore.client import Config  # noqa: E402
from botocore.exceptions import BotoCoreError  # noqa: E402

BUCKET = "bundles"
DEADLINE = 40
MOST = 60  # moments: more than there are


class Kills(BundleTestCase, CloudTestCase):
    def setUp(self):
        super().setUp()
        self.restart(None)

    def restart(self, plan):
        """Another daemon, which dies at the point that the plan names."""
        if self.cloud.process and self.cloud.process.poll() is None:
            self.cloud.kill()
        self.cloud.process = None
        self.cloud.daemon_env = {"CUMULET_FAULTPOINT": plan} if plan else {}
        self.cloud.start()
        self.ec2 = self.cloud.boto3("ec2", config=Config(retries={"max_attempts": 1}))

    def at_every_moment(self, points, deed, look):
        """deed(name) asks for something; look(name) says what became of it, None as long as that
        is not decided; at each of the points in turn the daemon dies. How often it did, and what
        became of it."""
        outcomes = []
        for number in range(1, MOST):
            name = f"{points or 'any'}-{number}"
            with self.subTest(name):
                self.restart(f"serve:1,{points}:{number}")
                died = self.dies(lambda: deed(name), lambda: look(name))
                self.restart(None)
                outcomes.append(wait_until(lambda: look(name), DEADLINE, name))
                self.assert_nothing_left()
                if not died:
                    return outcomes
        self.fail("it never came to its end")

    def dies(self, deed, look):
        """Whether the daemon died before all was done."""
        try:
            deed()
            wait_until(lambda: self.cloud.process.poll() is not None or look(), DEADLINE,
                       "done, or the daemon's end")
        except (BotoCoreError, OSError):
            wait_until(lambda: self.cloud.process.poll() is not None, DEADLINE, "its end")
        return self.cloud.process.poll() is not None

    def assert_nothing_left(self):
        """Every file has its record, and no record is one of a task's that is over."""
        def left():
            rows = layer_rows(self.cloud)
            return [*(image_files(self.cloud) - rows),
                    *(row for row in rows if row.startswith("bun-"))]
        wait_until(lambda: not left(), DEADLINE, left)

    def image_named(self, name):
        """"available", "nothing" (it was never registered), or None."""
        images = self.ec2.describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]
        states = [one["State"] for one in images]
        self.assertNotIn("failed", states)
        return "nothing" if not states else "available" if states == ["available"] else None

    def test_registered(self):
        location = self.upload(self.make_bundle(), BUCKET)
        for points in ("unpack", ""):
            outcomes = self.at_every_moment(
                points, lambda name: self.register(location, name), self.image_named)
            self.assertGreater(len(outcomes), 4, outcomes)
            self.assertIn("available", outcomes[:-1])
            if points:
                self.assertEqual(set(outcomes), {"available"})

    def instance_state(self, id):
        return self.ec2.describe_instances(
            InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]

    def bundled(self, prefix):
        """What became of the task with that prefix, as image_named()."""
        tasks = self.ec2.describe_bundle_tasks(Filters=[
            {"Name": "s3-prefix", "Values": [prefix]}])["BundleTasks"]
        states = [one["State"] for one in tasks]
        self.assertNotIn("failed", states)
        if not states:
            return "nothing"
        return "complete" if states == ["complete"] else None

    def test_bundled(self):
        image = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        instance = self.ec2.run_instances(ImageId=image, MinCount=1,
                                          MaxCount=1)["Instances"][0]["InstanceId"]
        names = itertools.count()

        def running():
            return self.instance_state(instance) == "running"

        def bundle(prefix):
            self.ec2.bundle_instance(InstanceId=instance, Storage={"S3": {
                "Bucket": BUCKET, "Prefix": prefix}})
        wait_until(running, DEADLINE, instance)
        for points in ("bundle-", ""):
            outcomes = self.at_every_moment(points, bundle, self.bundled)
            self.assertGreater(len(outcomes), 3, outcomes)
            self.assertIn("complete", outcomes[:-1])
            wait_until(running, DEADLINE, instance)
            # What the last but one put after a kill can be registered.
            number = len(outcomes) - 1
            name = f"of-bundle-{next(names)}"
            self.register(f"{BUCKET}/{points or 'any'}-{number}.manifest.xml", name)
            wait_until(lambda: self.image_named(name) == "available", DEADLINE, name)


if __name__ == "__main__":
    unittest.main()
