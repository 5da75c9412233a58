"""The Amazon EC2 API tools: every one of them, column by column."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from classic import ClassicTestCase  # noqa: E402
from cloud import wait_until  # noqa: E402
from lifecycle import make_public_key, unique  # noqa: E402

ACCOUNT = r"^[0-9]{12}$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}"
OTHER_ACCOUNT = "111122223333"


class InstancesTest(ClassicTestCase):
    def test_all_columns_of_an_instance(self):
        key = unique("key")
        self.tool("ec2-create-keypair", key)
        rows = self.lines("ec2-run-instances", self.image(), "-k", key, "-t", "m1.small", "-z",
                          "us-east-1b", "-m", "-d", "hello", "--client-token", unique("token"),
                          "--disable-api-termination")
        self.assertEqual([row[0] for row in rows][:2], ["RESERVATION", "INSTANCE"])
        id = rows[1][1]
        self.addCleanup(lambda: self.tool("ec2-terminate-instances", id))
        self.addCleanup(lambda: self.tool("ec2-modify-instance-attribute", id,
                                          "--disable-api-termination", "false"))
        self.wait_for(id, "running")
        described = self.lines("ec2-describe-instances", id)
        reservation, instance = described[0], described[1]
        self.assertRegex(reservation[1], r"^r-[0-9a-f]+$")
        self.assertRegex(reservation[2], ACCOUNT)
        self.assertEqual(reservation[3], "default")
        self.assertEqual(len(instance), 32)
        self.assertEqual(instance[1:3], [id, self.image()])
        self.assertRegex(instance[3], r"^ec2-\S+$")  # public name
        self.assertRegex(instance[4], r"^ip-\S+\.internal$")
        self.assertEqual(instance[5:8], ["running", key, "0"])
        self.assertEqual(instance[9], "m1.small")
        self.assertRegex(instance[10], TIME)
        self.assertEqual(instance[11], "us-east-1b")
        self.assertEqual(instance[15], "monitoring-enabled")
        self.assertTrue(instance[16].startswith("127."), instance)
        self.assertRegex(instance[17], r"^172\.31\.")
        self.assertRegex(instance[18], r"^vpc-")
        self.assertRegex(instance[19], r"^subnet-")
        self.assertRegex(instance[28], r"^sg-")
        self.assertEqual(instance[29], "default")
        self.refused("Client.OperationNotPermitted: ", "ec2-terminate-instances", id)
        self.assertEqual(
            self.lines("ec2-describe-instance-attribute", id, "--disable-api-termination"),
            [["disableApiTermination", id, "true"]])
        self.assertEqual(
            self.lines("ec2-describe-instance-attribute", id, "-t"),
            [["instanceType", id, "m1.small"]])
        self.assertEqual(self.lines("ec2-describe-instance-attribute", id, "--user-data"),
                         [["userData", id, "aGVsbG8="]])

    def test_several_groups_by_name_and_id(self):
        name = unique("group")
        group = self.lines("ec2-create-group", name, "-d", "of a test")[0][1]
        rows = self.lines("ec2-run-instances", self.image(), "-n", "1-2", "-g", name)
        instances = self.of("INSTANCE", rows)
        self.assertEqual(len(instances), 2)
        rows += self.lines("ec2-run-instances", self.image(), "-g", group)
        ids = [row[1] for row in self.of("INSTANCE", rows)]
        self.assertEqual({row[28] for row in self.of("INSTANCE", self.lines(
            "ec2-describe-instances", *ids))}, {group})
        self.assertEqual({row[1] for row in self.of("INSTANCE", self.lines(
            "ec2-describe-instances", "-F", f"group-name={name}"))}, set(ids))
        self.tool("ec2-terminate-instances", *ids)

    def test_stopping_and_starting(self):
        id = self.launch()
        self.assertEqual(self.lines("ec2-stop-instances", id),
                         [["INSTANCE", id, "running", "stopping"]])
        self.wait_for(id, "stopped")
        changed = self.lines("ec2-modify-instance-attribute", id, "-t", "t2.small")
        self.assertEqual(changed, [["instanceType", id, "t2.small"]])
        self.assertEqual(self.instance(id)[9], "t2.small")
        self.assertEqual(self.lines("ec2-start-instances", id),
                         [["INSTANCE", id, "stopped", "pending"]])
        self.wait_for(id, "running")
        self.assertEqual(self.tool("ec2-reboot-instances", id), "")
        self.refused("Client.InvalidInstanceID.NotFound: ", "ec2-reboot-instances",
                     "i-0123456789abcdef0")

    def test_how_instances_are(self):
        id = self.launch()
        row = wait_until(lambda: [row for row in self.lines("ec2-describe-instance-status", id)
                                  if row[0] == "INSTANCE" and row[5] == "ok"], 60, "it is ok")[0]
        self.assertEqual((row[1], row[3:5], row[6:]), (id, ["running", "16"], ["ok", "active"]))
        parts = self.lines("ec2-describe-instance-status", id)[1:]
        self.assertIn(["SYSTEMSTATUS", "reachability", "passed", ""], parts)
        self.assertIn(["INSTANCESTATUS", "reachability", "passed", ""], parts)
        self.assertEqual(self.lines("ec2-monitor-instances", id)[0][0], id)
        self.assertIn(self.lines("ec2-unmonitor-instances", id)[0],
                      ([id, "monitoring-disabled"], [id, "monitoring-disabling"]))

    def test_the_console(self):
        id = self.launch()
        directory = os.path.join(self.cloud.state, "instances", id)
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "console.log"), "w") as file:
            file.write("Linux version 6\nlogin: ")
        lines = self.tool("ec2-get-console-output", id).splitlines()
        self.assertEqual(lines[0], id)
        self.assertRegex(lines[1], TIME)
        self.assertEqual(lines[2:], ["Linux version 6", "login: "])

    def test_metadata_options(self):
        id = self.launch()
        row = self.lines("ec2-modify-instance-metadata-options", id, "--http-tokens",
                         "required")[0]
        self.assertEqual((row[:2], row[3]), (["METADATAOPTIONS", id], "required"))

    def test_a_mapping_is_changed(self):
        id = self.launch()
        device = self.of("BLOCKDEVICE", self.lines("ec2-describe-instances", id))[0]
        self.tool("ec2-modify-instance-attribute", id, "-b", f"{device[1]}={device[2]}:false")
        self.assertEqual(self.of("BLOCKDEVICE", self.lines(
            "ec2-describe-instance-attribute", id, "-b"))[0][4], "false")
        self.tool("ec2-modify-instance-attribute", id, "-b", f"{device[1]}=:true")


class ImagesTest(ClassicTestCase):
    def make_image(self, **options):
        id = self.launch()
        name = unique("image")
        row, = self.lines("ec2-create-image", id, "-n", name, "-d", "of a test", "--no-reboot")
        self.assertEqual(row[0], "IMAGE")
        self.addCleanup(lambda: self.run_tool("ec2-deregister", row[1]))
        wait_until(lambda: self.lines("ec2-describe-images", row[1])[0][4] == "available", 60,
                   "the image is made")
        return row[1], name

    def test_an_image_comes_and_goes(self):
        image, name = self.make_image()
        rows = self.lines("ec2-describe-images", image)
        row = rows[0]
        self.assertEqual(len(row), 15)
        self.assertEqual(row[:2], ["IMAGE", image])
        self.assertTrue(row[2].endswith(name), row)
        self.assertRegex(row[3], ACCOUNT)
        self.assertEqual(row[4:6], ["available", "private"])
        self.assertEqual(row[7:9], ["x86_64", "machine"])
        mapping = self.of("BLOCKDEVICEMAPPING", rows)[0]
        self.assertEqual(mapping[1], "EBS")
        self.assertRegex(mapping[4], r"^snap-")
        self.assertIn(image, self.tool("ec2-describe-images"))  # one's own
        self.assertIn(image, self.tool("ec2-describe-images", "-o", "self"))
        self.assertNotIn(image, self.tool("ec2-describe-images", "-o", "amazon"))
        snapshot = mapping[4]
        registered, = self.lines("ec2-register", "-n", unique("registered"), "-s", snapshot, "-a",
                                 "x86_64", "--root-device-name", mapping[2])
        self.assertEqual(self.lines("ec2-deregister", registered[1]), [["IMAGE", registered[1]]])
        self.assertEqual(self.tool("ec2-describe-images", "-a", "-F",
                                   f"image-id={registered[1]}"), "")
        self.refused("Client.", "ec2-register", "no-bucket-of-mine/image.manifest.xml", "-n",
                     unique("x"))

    def test_permissions(self):
        image, _ = self.make_image()
        self.assertEqual(
            self.lines("ec2-modify-image-attribute", image, "-l", "-a", OTHER_ACCOUNT, "-a", "all"),
            [["launchPermission", image, "ADD", "userId", OTHER_ACCOUNT],
             ["launchPermission", image, "ADD", "group", "all"]])
        shown = self.lines("ec2-describe-image-attribute", image, "-l")
        self.assertEqual(sorted(shown), [["launchPermission", image, "group", "all"],
                                         ["launchPermission", image, "userId", OTHER_ACCOUNT]])
        self.assertEqual(self.lines("ec2-describe-images", image)[0][5], "public")
        self.assertEqual(
            self.lines("ec2-modify-image-attribute", image, "-l", "-r", "all"),
            [["launchPermission", image, "REMOVE", "group", "all"]])
        self.assertEqual(self.lines("ec2-reset-image-attribute", image, "-l"),
                         [["launchPermission", image, "RESET"]])
        self.assertEqual(self.lines("ec2-describe-image-attribute", image, "-l"), [])
        self.tool("ec2-modify-image-attribute", image, "-d", "another")
        self.assertEqual(self.lines("ec2-describe-image-attribute", image, "-d"),
                         [["description", image, "", "another"]])

    def test_copies_and_deprecation(self):
        image, name = self.make_image()
        copy, = self.lines("ec2-copy-image", "-r", "us-east-1", "-s", image, "-n", unique("copy"))
        self.assertEqual(copy[0], "IMAGE")
        self.assertEqual(self.lines("ec2-enable-image-deprecation", image, "--deprecate-at",
                                    "2030-01-01T00:00:00Z"), [["IMAGE", image]])
        self.assertEqual(self.lines("ec2-disable-image-deprecation", image), [["IMAGE", image]])
        self.tool("ec2-deregister", copy[1])

    def test_bundling(self):
        bucket = unique("bucket")
        self.cloud.boto3("s3").create_bucket(Bucket=bucket)
        id = self.launch()
        credentials = self.cloud.credentials
        row, = self.lines("ec2-bundle-instance", id, "-b", bucket, "-p", "image", "-o",
                          credentials["aws_access_key_id"], "-w",
                          credentials["aws_secret_access_key"])
        self.assertEqual((row[0], row[2:5]), ("BUNDLE", [id, bucket, "image"]))
        self.assertRegex(row[1], r"^bun-")
        self.assertRegex(row[5], TIME)
        shown, = self.lines("ec2-describe-bundle-tasks", row[1])
        self.assertEqual(shown[:5], row[:5])
        wait_until(lambda: self.lines("ec2-describe-bundle-tasks", row[1])[0][7] == "complete", 60,
                   "the bundling is over")
        self.refused("Client.", "ec2-cancel-bundle-task", row[1])  # it is too late
        location = f"{bucket}/image.manifest.xml"
        registered, = self.lines("ec2-register", location, "-n", "Test AMI")
        image, = self.of("IMAGE", self.lines("ec2-describe-images", registered[1]))
        self.assertEqual((image[2], image[12]), (location, "instance-store"))
        self.tool("ec2-deregister", registered[1])


class VolumesTest(ClassicTestCase):
    def new_volume(self, *arguments):
        row, = self.lines("ec2-create-volume", "-s", "1", "-z", "us-east-1a", *arguments)
        self.addCleanup(lambda: self.run_tool("ec2-delete-volume", row[1]))
        self.wait_for_volume(row[1], "available")
        return row

    def wait_for_volume(self, id, state):
        wait_until(lambda: self.lines("ec2-describe-volumes", id)[0][5] == state, 30,
                   f"{id} is {state}")

    def test_a_volume_comes_and_goes(self):
        row = self.new_volume("-t", "gp2")
        self.assertEqual((row[0], row[2:5], row[7]),
                         ("VOLUME", ["1", "", "us-east-1a"], "gp2"))
        self.assertRegex(row[6], TIME)
        volume = row[1]
        id = self.launch("-z", "us-east-1a")
        attached, = self.lines("ec2-attach-volume", volume, "-i", id, "-d", "/dev/sdh")
        self.assertEqual(attached[:4], ["ATTACHMENT", volume, id, "/dev/sdh"])
        self.wait_for_volume(volume, "in-use")
        described = self.lines("ec2-describe-volumes", volume)
        self.assertEqual([row[0] for row in described], ["VOLUME", "ATTACHMENT"])
        self.assertEqual(described[1][1:5], [volume, id, "/dev/sdh", "attached"])
        self.refused("Client.VolumeInUse: ", "ec2-delete-volume", volume)
        detached, = self.lines("ec2-detach-volume", volume, "-f")
        self.assertEqual(detached[:4], ["ATTACHMENT", volume, id, "/dev/sdh"])
        self.wait_for_volume(volume, "available")
        status = self.lines("ec2-describe-volume-status", volume)
        self.assertEqual(status[0][:3], ["VOLUME", volume, "us-east-1a"])
        self.tool("ec2-modify-volume-attribute", volume, "-a", "true")
        self.assertEqual(self.lines("ec2-describe-volume-attribute", volume, "-a"),
                         [["autoEnableIO", volume, "true"]])
        self.assertEqual(self.lines("ec2-enable-volume-io", volume), [["VOLUME", volume]])
        changed, = self.lines("ec2-modify-volume", volume, "-s", "2")
        self.assertEqual((changed[:2], changed[3:5]),
                         (["VOLUMEMODIFICATION", volume], ["2", "1"]))
        shown, = self.lines("ec2-describe-volumes-modifications", volume)
        self.assertEqual(shown[:2], changed[:2])
        wait_until(lambda: self.lines("ec2-describe-volumes-modifications", volume)[0][2]
                   != "modifying", 30, "the volume is larger")
        self.assertEqual(self.lines("ec2-delete-volume", volume), [["VOLUME", volume]])
        self.refused("Client.InvalidVolume.NotFound: ", "ec2-describe-volumes", volume)

    def test_snapshots(self):
        volume = self.new_volume()[1]
        made, = self.lines("ec2-create-snapshot", volume, "-d", "of a test")
        self.assertEqual((made[0], made[2], made[7:]),
                         ("SNAPSHOT", volume, ["1", "of a test"]))
        snapshot = made[1]
        wait_until(lambda: self.lines("ec2-describe-snapshots", snapshot)[0][3] == "completed", 30,
                   "the snapshot is made")
        self.assertIn(snapshot, self.tool("ec2-describe-snapshots", "-o", "self"))
        self.assertEqual(
            self.lines("ec2-modify-snapshot-attribute", snapshot, "-c", "-a", OTHER_ACCOUNT),
            [["createVolumePermission", snapshot, "ADD", "userId", OTHER_ACCOUNT]])
        self.assertEqual(self.lines("ec2-describe-snapshot-attribute", snapshot, "-c"),
                         [["createVolumePermission", snapshot, "userId", OTHER_ACCOUNT]])
        self.assertEqual(self.lines("ec2-reset-snapshot-attribute", snapshot, "-c"),
                         [["createVolumePermission", snapshot, "RESET"]])
        copy, = self.lines("ec2-copy-snapshot", "-r", "us-east-1", "-s", snapshot)
        self.assertEqual(copy[0], "SNAPSHOT")
        wait_until(lambda: self.lines("ec2-describe-snapshots", copy[1])[0][3] == "completed", 30,
                   "the copy is made")
        for id in (copy[1], snapshot):
            self.assertEqual(self.lines("ec2-delete-snapshot", id), [["SNAPSHOT", id]])
        self.refused("Client.InvalidSnapshot.NotFound: ", "ec2-delete-snapshot", snapshot)
        id = self.launch()
        several = self.lines("ec2-create-snapshots", id, "-d", "all")
        self.assertEqual(several[0][0], "SNAPSHOT")
        self.assertEqual(several[0][8], "all")


class GroupsTest(ClassicTestCase):
    def test_key_pairs(self):
        name = unique("key")
        text = self.tool("ec2-add-keypair", name)
        first, rest = text.split("\n", 1)
        self.assertRegex(first, rf"^KEYPAIR\t{name}\t[0-9a-f:]+$")
        self.assertTrue(rest.startswith("-----BEGIN RSA PRIVATE KEY-----\n"), text)
        self.assertTrue(rest.endswith("-----END RSA PRIVATE KEY-----\n"), text)
        self.assertEqual(self.lines("ec2-describe-keypairs", name), [first.split("\t")])
        self.assertEqual(self.lines("ec2-delete-keypair", name), [["KEYPAIR", name]])
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(make_public_key())
            file.flush()
            row, = self.lines("ec2-import-keypair", name, "-f", file.name)
        self.assertEqual(row[:2], ["KEYPAIR", name])
        self.assertEqual(self.lines("ec2dkey", name), [row])
        self.refused("Client.InvalidKeyPair.Duplicate: ", "ec2addkey", name)
        self.tool("ec2delkey", name)

    def test_groups_and_their_rules(self):
        name, other = unique("group"), unique("group")
        made, = self.lines("ec2-create-group", name, "-d", "of a test")
        self.assertEqual((made[0], made[2:]), ("GROUP", [name, "of a test"]))
        self.assertRegex(made[1], r"^sg-")
        self.tool("ec2addgrp", other, "-d", "another")
        self.assertEqual(self.lines("ec2-authorize", name, "-P", "tcp", "-p", "22-23", "-s",
                                    "192.0.2.0/24"),
                         [["GROUP", "", name],
                          ["PERMISSION", "", name, "ALLOWS", "tcp", "22", "23", "FROM", "CIDR",
                           "192.0.2.0/24", "ingress"]])
        self.tool("ec2-authorize", name, "-P", "icmp", "-t", "-1:-1")
        account = self.cloud.credentials["account_id"]
        self.tool("ec2-authorize", name, "-P", "udp", "-p", "53", "-o", other, "-u", account)
        rows = self.lines("ec2-describe-group", name)
        self.assertEqual(rows[0][:5], ["GROUP", made[1], account, name, "of a test"])
        self.assertIn(["PERMISSION", account, name, "ALLOWS", "tcp", "22", "23", "FROM", "CIDR",
                       "192.0.2.0/24", "ingress"], rows)
        self.assertIn(["PERMISSION", account, name, "ALLOWS", "icmp", "-1", "-1", "FROM", "CIDR",
                       "0.0.0.0/0", "ingress"], rows)
        by_group = [row for row in rows if "USER" in row][0]
        self.assertEqual(by_group[4:10], ["udp", "53", "53", "FROM", "USER", account])
        self.assertIn("egress", [row[-1] for row in rows])
        self.assertEqual(self.lines("ec2-describe-group", name, made[1], other)[0][0], "GROUP")
        rule = self.lines("ec2-describe-security-group-rules", "-F", f"group-id={made[1]}")
        self.assertIn(["tcp", "22", "23", "192.0.2.0/24"], [row[4:] for row in rule])
        self.tool("ec2-revoke", name, "-P", "tcp", "-p", "22-23", "-s", "192.0.2.0/24")
        self.refused("Client.InvalidPermission.NotFound: ", "ec2-revoke", name, "-P", "tcp", "-p",
                     "22-23", "-s", "192.0.2.0/24")
        out = self.lines("ec2-authorize-egress", made[1], "-P", "tcp", "-p", "25")
        self.assertEqual(out[1][3:], ["ALLOWS", "tcp", "25", "25", "FROM", "CIDR", "0.0.0.0/0",
                                      "egress"])
        self.tool("ec2-revoke-egress", made[1], "-P", "tcp", "-p", "25")
        self.tool("ec2-authorize", made[1], "--egress", "-P", "tcp", "-p", "25")
        self.tool("ec2-revoke", made[1], "--egress", "-P", "tcp", "-p", "25")
        self.assertEqual(self.lines("ec2-delete-group", name), [["RETURN", "true"]])
        self.tool("ec2-delete-group", self.lines("ec2-describe-group", other)[0][1])
        self.refused("Client.InvalidGroup.NotFound: ", "ec2-describe-group", name)

    def test_tags(self):
        id = self.launch()
        self.assertEqual(self.lines("ec2-create-tags", id, "-t", "Name=web", "-t", "empty"),
                         [["TAG", "instance", id, "Name", "web"],
                          ["TAG", "instance", id, "empty", ""]])
        shown = self.lines("ec2-describe-tags", "-F", f"resource-id={id}", "-F", "key=Name", "-F",
                           "key=empty")
        self.assertEqual(sorted(shown), [["TAG", "instance", id, "Name", "web"],
                                         ["TAG", "instance", id, "empty", ""]])
        self.assertIn(["TAG", "instance", id, "Name", "web"],
                      self.lines("ec2-describe-instances", id))
        self.tool("ec2-delete-tags", id, "-t", "Name=other")  # another value: it stays
        self.assertIn("Name", self.tool("ec2-describe-tags", "-F", f"resource-id={id}"))
        self.tool("ec2-delete-tags", id, "-t", "Name", "-t", "empty=")
        self.assertEqual(self.tool("ec2-describe-tags", "-F", f"resource-id={id}"), "")


class CatalogTest(ClassicTestCase):
    def test_zones_and_regions(self):
        rows = self.lines("ec2-describe-availability-zones")
        self.assertIn(["AVAILABILITYZONE", "us-east-1a", "available", "us-east-1", ""], rows)
        self.assertEqual(self.lines("ec2daz", "us-east-1b"),
                         [["AVAILABILITYZONE", "us-east-1b", "available", "us-east-1", ""]])
        self.assertIn("us-east-1", [row[1] for row in self.lines("ec2-describe-regions")])
        self.refused("Client.InvalidParameterValue: ", "ec2-describe-availability-zones", "moon")

    def test_the_account(self):
        rows = self.lines("ec2-describe-account-attributes", "supported-platforms")
        self.assertEqual(rows[0], ["ACCOUNTATTRIBUTE", "supported-platforms"])
        self.assertEqual(rows[1][0], "VALUE")

    def test_networks(self):
        vpc = self.lines("ec2-describe-vpcs")[0]
        self.assertEqual((vpc[0], vpc[2:4]), ("VPC", ["available", "172.31.0.0/16"]))
        subnets = self.lines("ec2-describe-subnets", "-F", f"vpc-id={vpc[1]}")
        self.assertEqual({row[3] for row in subnets}, {vpc[1]})
        self.assertIn("us-east-1a", [row[6] for row in subnets])

    def test_types(self):
        row, = self.lines("ec2-describe-instance-types", "m1.small")
        self.assertEqual((row[:2], row[4]), (["INSTANCETYPE", "m1.small"], "x86_64"))
        offered = self.lines("ec2-describe-instance-type-offerings", "-F",
                             "instance-type=m1.small", "--location-type", "region")
        self.assertEqual(offered, [["OFFERING", "m1.small", "region", "us-east-1"]])
