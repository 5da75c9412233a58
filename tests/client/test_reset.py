"""Back to a fresh cloud, and clouds side by side."""

import concurrent.futures
import glob
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import DEADLINE, unique  # noqa: E402
from wire import Wire  # noqa: E402

LISTS = ("DescribeInstances", "DescribeKeyPairs", "DescribeSecurityGroups", "DescribeTags",
         "DescribeImages", "DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroupRules",
         "DescribeAccountAttributes", "DescribeInstanceStatus")
# Made anew for the group that is there again; nobody keeps their ids.
ANEW = ("requestId", "groupId", "securityGroupRuleId")


def contents(wire):
    """What a user sees of a cloud, without what differs from reply to reply."""
    seen = {}
    for action in LISTS:
        reply = wire.call(action)
        assert reply.status == 200, reply
        # Sorted: records are listed by id.
        seen[action] = sorted((element.tag.rpartition("}")[2], element.text or "")
                              for element in reply.root.iter()
                              if element.tag.rpartition("}")[2] not in ANEW)
    return seen


def launch(wire, count=1, **params):
    image = wire.call("DescribeImages", {"Filter.1.Name": "image-type",
                                         "Filter.1.Value.1": "machine"}).text("imageId")
    reply = wire.call("RunInstances", {"ImageId": image, "MinCount": count, "MaxCount": count,
                                       **params})
    assert reply.status == 200, reply
    return [id for id in reply.texts("instanceId")]


def wait_running(wire, ids):
    wait_until(lambda: set(ids) == set(wire.call("DescribeInstances", {
        "Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "running"})
        .texts("instanceId")), DEADLINE, "all run")


def leftovers(cloud):
    return (glob.glob(f"{cloud.state}/fake/machines/*") + glob.glob(f"{cloud.state}/run/*/nics/*")
            + glob.glob(f"{cloud.state}/volumes/*") + glob.glob(f"{cloud.state}/instances/*"))


class ResetTest(CloudTestCase):
    cloud_options = {"backend": "fake", "allow_reset": True}

    def setUp(self):
        super().setUp()
        self.wire = Wire(self.cloud)

    def reset(self):
        reply = self.wire.call_v4(path="/_cumulet/reset", service="cumulet")
        self.assertEqual((reply.status, reply.body.strip()), (200, "{}"))

    def fill(self):
        ids = launch(self.wire, 5, **{"TagSpecification.1.ResourceType": "instance",
                                      "TagSpecification.1.Tag.1.Key": "k"})
        self.wire.call("CreateKeyPair", {"KeyName": unique("key"), "KeyType": "ed25519"})
        self.wire.call("CreateSecurityGroup", {"GroupName": unique("g"), "GroupDescription": "d"})
        self.wire.call("AuthorizeSecurityGroupIngress", {
            "GroupName": "default", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
            "CidrIp": "0.0.0.0/0"})
        return ids

    def test_everything_is_as_in_a_fresh_cloud(self):
        self.reset()
        fresh = contents(self.wire)
        wait_running(self.wire, self.fill())
        self.assertNotEqual(contents(self.wire), fresh)
        self.reset()
        self.assertEqual(contents(self.wire), fresh)
        self.assertEqual(leftovers(self.cloud), [])

    def test_a_reset_cloud_is_like_one_just_started(self):
        fresh = self.start_cloud()

        def shape(wire):
            return {action: [tag for tag, _ in items] for action, items in contents(wire).items()}
        self.fill()
        self.reset()
        self.assertEqual(shape(self.wire), shape(Wire(fresh)))

    def test_the_same_credentials_image_and_addresses_go_on(self):
        image, credentials = self.wire.call("DescribeImages").texts("imageId"), \
            self.cloud.credentials
        self.fill()
        self.reset()
        self.assertEqual(self.wire.call("DescribeImages").texts("imageId"), image)
        self.assertEqual(self.cloud.credentials, credentials)

    def test_instances_run_after_a_reset(self):
        self.reset()
        ids = launch(self.wire, 3)
        wait_running(self.wire, ids)
        self.assertEqual(set(os.listdir(f"{self.cloud.state}/fake/machines")), set(ids))
        self.reset()

    def test_a_reset_in_the_middle_of_launches(self):
        for _ in range(10):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                jobs = [pool.submit(self.wire.call, "DescribeInstances")]
                jobs += [pool.submit(self.fill) for _ in range(2)]
                self.reset()
                for job in jobs:
                    job.result()
            self.reset()
            self.assertEqual(self.wire.call("DescribeInstances").texts("instanceId"), [])
            wait_until(lambda: leftovers(self.cloud) == [], DEADLINE,
                       lambda: leftovers(self.cloud))

    def test_a_reset_survives_the_next_start(self):
        cloud = self.start_cloud()
        wire = Wire(cloud)
        wait_running(wire, launch(wire, 3))
        wire.call_v4(path="/_cumulet/reset", service="cumulet")
        fresh = contents(wire)
        cloud.restart()
        self.assertEqual(contents(wire), fresh)
        wait_running(wire, launch(wire, 2))


class NoResetTest(CloudTestCase):
    cloud_options = {"backend": "fake", "allow_reset": False}

    def test_it_is_refused_and_nothing_is_lost(self):
        wire = Wire(self.cloud)
        ids = launch(wire)
        reply = wire.call_v4(path="/_cumulet/reset", service="cumulet")
        self.assertEqual(reply.status, 403)
        self.assertIn("--allow-reset", reply.body)
        wait_running(wire, ids)


class SideBySideTest(CloudTestCase):
    cloud_options = None

    def test_clouds_know_nothing_of_each_other(self):
        clouds = [self.start_cloud() for _ in range(3)]
        wires = [Wire(cloud) for cloud in clouds]
        ids = [set(launch(wire, 4)) for wire in wires]
        for cloud, wire, own in zip(clouds, wires, ids):
            wait_running(wire, own)
            addresses = wire.call("DescribeInstances").texts("ipAddress")
            prefix = cloud.place.addresses[:7]  # 127.NN.
            self.assertEqual([a for a in addresses if not a.startswith(prefix)], [])
            self.assertEqual(set(os.listdir(f"{cloud.state}/fake/machines")), own)
        self.assertEqual(len({wire.key for wire in wires}), 3)
        strange = Wire(clouds[0])
        strange.port = wires[1].port
        self.assertEqual(strange.call("DescribeInstances").code, "AuthFailure")
        clouds[0].kill()
        for wire, own in zip(wires[1:], ids[1:]):
            wait_running(wire, own)
        clouds[0].start()
        wait_running(wires[0], ids[0])


if __name__ == "__main__":
    unittest.main()
