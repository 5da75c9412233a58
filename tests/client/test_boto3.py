"""boto3 drives the lifecycle, and what only the current API has."""

import base64
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import DEADLINE, Instance, Lifecycle, Refused, unique  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None


class Refusing:
    """The client, its errors as Refused."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        verb = getattr(self.client, name)

        def call(*arguments, **options):
            try:
                return verb(*arguments, **options)
            except ClientError as error:
                said = error.response["Error"]
                raise Refused(said["Code"], said.get("Message", "")) from error
        return call


def as_instance(item):
    return Instance(id=item["InstanceId"], state=item["State"]["Name"], image=item["ImageId"],
                    type=item["InstanceType"], key=item.get("KeyName"),
                    public_ip=item.get("PublicIpAddress"),
                    private_ip=item.get("PrivateIpAddress"),
                    zone=item["Placement"]["AvailabilityZone"], index=item["AmiLaunchIndex"],
                    groups=frozenset(group["GroupName"] for group in item["SecurityGroups"]),
                    tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", [])})


def rules_of(group):
    return {(permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"),
             a_range["CidrIp"])
            for permission in group["IpPermissions"] for a_range in permission["IpRanges"]}


class Boto3Client:
    def __init__(self, cloud):
        self.ec2 = Refusing(cloud.boto3("ec2"))

    def create_key(self, name):
        return self.ec2.create_key_pair(KeyName=name)["KeyMaterial"]

    def import_key(self, name, public_key):
        self.ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public_key.encode())

    def keys(self):
        return {key["KeyName"]: key["KeyFingerprint"]
                for key in self.ec2.describe_key_pairs()["KeyPairs"]}

    def delete_key(self, name):
        self.ec2.delete_key_pair(KeyName=name)

    def create_group(self, name, description):
        self.ec2.create_security_group(GroupName=name, Description=description)

    def groups(self):
        return {group["GroupName"]: rules_of(group)
                for group in self.ec2.describe_security_groups()["SecurityGroups"]}

    def permission(self, name, protocol, low, high, cidr):
        return {"GroupName": name, "IpPermissions": [
            {"IpProtocol": protocol, "FromPort": low, "ToPort": high,
             "IpRanges": [{"CidrIp": cidr}]}]}

    def allow(self, *rule):
        self.ec2.authorize_security_group_ingress(**self.permission(*rule))

    def revoke(self, *rule):
        self.ec2.revoke_security_group_ingress(**self.permission(*rule))

    def delete_group(self, name):
        self.ec2.delete_security_group(GroupName=name)

    def images(self, owner):
        images = self.ec2.describe_images(Owners=[owner], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"]
        return {image["ImageId"]: image["Name"] for image in images}

    def run(self, image, count, key, groups, user_data, type):
        options = {"KeyName": key, "SecurityGroups": groups, "UserData": user_data,
                   "InstanceType": type}
        reply = self.ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count,
                                       **{name: value for name, value in options.items() if value})
        return [item["InstanceId"] for item in reply["Instances"]]

    def instances(self, ids=None, tags=None):
        options = {"InstanceIds": ids} if ids else {"Filters": [
            {"Name": f"tag:{key}", "Values": [value]} for key, value in (tags or {}).items()]}
        return [as_instance(item)
                for reservation in self.ec2.describe_instances(**options)["Reservations"]
                for item in reservation["Instances"]]

    def tag(self, id, tags):
        self.ec2.create_tags(Resources=[id], Tags=[{"Key": key, "Value": value}
                                                   for key, value in tags.items()])

    def untag(self, id, key):
        self.ec2.delete_tags(Resources=[id], Tags=[{"Key": key}])

    def attribute(self, id, name):
        reply = self.ec2.describe_instance_attribute(InstanceId=id, Attribute=name)
        value = reply[name[0].upper() + name[1:]]["Value"]
        return base64.b64decode(value).decode() if name == "userData" else value

    def set_attribute(self, id, name, value):
        self.ec2.modify_instance_attribute(InstanceId=id,
                                           **{name[0].upper() + name[1:]: {"Value": value}})

    def console(self, id):
        return self.ec2.get_console_output(InstanceId=id).get("Output", "")

    def change(self, reply, what):
        item, = reply[what]
        return item["PreviousState"]["Name"], item["CurrentState"]["Name"]

    def start(self, id):
        return self.change(self.ec2.start_instances(InstanceIds=[id]), "StartingInstances")

    def stop(self, id):
        return self.change(self.ec2.stop_instances(InstanceIds=[id]), "StoppingInstances")

    def terminate(self, id):
        return self.change(self.ec2.terminate_instances(InstanceIds=[id]), "TerminatingInstances")

    def reboot(self, id):
        self.ec2.reboot_instances(InstanceIds=[id])


class Boto3LifecycleTest(Lifecycle, CloudTestCase):
    def make_client(self):
        return Boto3Client(self.cloud)


class Boto3Test(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = cls.cloud.boto3("ec2")
        cls.image = cls.ec2.describe_images(Filters=[
            {"Name": "name", "Values": ["cumulet-micro"]}])["Images"][0]

    def run_instance(self, **options):
        options = {"ImageId": self.image["ImageId"], "MinCount": 1, "MaxCount": 1, **options}
        instance = self.ec2.run_instances(**options)["Instances"][0]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[instance["InstanceId"]])
        return instance["InstanceId"]

    def describe(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    def wait_for(self, id, state):
        def look():
            instance = self.describe(id)
            return instance if instance["State"]["Name"] == state else None
        return wait_until(look, DEADLINE, f"{id} is {state}")

    # --- the catalog ---

    def test_the_starter_image_is_amazons_and_has_its_kernel(self):
        self.assertEqual(self.image["ImageOwnerAlias"], "amazon")
        self.assertRegex(self.image["KernelId"], "^aki-")
        self.assertRegex(self.image["RamdiskId"], "^ari-")
        kernel, = self.ec2.describe_images(ImageIds=[self.image["KernelId"]])["Images"]
        self.assertEqual(kernel["ImageType"], "kernel")

    def test_types_have_processors_and_memory(self):
        item, = self.ec2.describe_instance_types(InstanceTypes=["m1.small"])["InstanceTypes"]
        self.assertEqual(item["VCpuInfo"]["DefaultVCpus"], 1)
        self.assertGreater(item["MemoryInfo"]["SizeInMiB"], 0)

    def test_types_are_offered_in_every_zone(self):
        zones = {zone["ZoneName"]
                 for zone in self.ec2.describe_availability_zones()["AvailabilityZones"]}
        pages = self.ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}])
        offered = {item["Location"] for page in pages for item in page["InstanceTypeOfferings"]}
        self.assertEqual(offered, zones)

    def test_the_region_and_its_zones(self):
        regions = {region["RegionName"] for region in self.ec2.describe_regions()["Regions"]}
        self.assertIn("us-east-1", regions)
        self.assertIn("us-east-1a", {zone["ZoneName"] for zone in
                                     self.ec2.describe_availability_zones()["AvailabilityZones"]})

    def test_the_default_network_has_a_subnet_a_zone(self):
        vpc, = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        self.assertEqual(vpc["CidrBlock"], "172.31.0.0/16")
        subnets = self.ec2.describe_subnets(
            Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual(sorted(subnet["AvailabilityZone"] for subnet in subnets),
                         sorted(zone["ZoneName"] for zone in zones))

    def test_an_account_has_a_default_network(self):
        attributes = {item["AttributeName"]: [value["AttributeValue"] for value in
                                              item["AttributeValues"]]
                      for item in self.ec2.describe_account_attributes()["AccountAttributes"]}
        vpc, = self.ec2.describe_vpcs()["Vpcs"]
        self.assertEqual(attributes["default-vpc"], [vpc["VpcId"]])

    def test_callers_learn_who_they_are(self):
        identity = self.cloud.boto3("sts").get_caller_identity()
        self.assertEqual(identity["Account"], self.cloud.credentials["account_id"])
        self.assertTrue(identity["Arn"].startswith(f"arn:aws:iam::{identity['Account']}:"))

    # --- launching ---

    def test_tags_of_a_launch_are_there_from_the_start(self):
        id = self.run_instance(TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "disk"}]}])
        tags = self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]
        self.assertEqual([(tag["Key"], tag["Value"], tag["ResourceType"]) for tag in tags],
                         [("Name", "web", "instance")])
        volume = self.describe(id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        tags = self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [volume]}])["Tags"]
        self.assertEqual([tag["Value"] for tag in tags], ["disk"])

    def test_a_private_address_is_given_when_it_is_asked_for(self):
        subnet = self.ec2.describe_subnets(Filters=[
            {"Name": "availability-zone", "Values": ["us-east-1b"]}])["Subnets"][0]
        address = subnet["CidrBlock"].rpartition(".")[0] + ".77"
        id = self.run_instance(SubnetId=subnet["SubnetId"], PrivateIpAddress=address)
        instance = self.describe(id)
        self.assertEqual(instance["PrivateIpAddress"], address)
        self.assertEqual(instance["Placement"]["AvailabilityZone"], "us-east-1b")
        self.assertEqual(instance["SubnetId"], subnet["SubnetId"])

    def test_a_zone_is_chosen_by_placement(self):
        id = self.run_instance(Placement={"AvailabilityZone": "us-east-1c"})
        self.assertEqual(self.describe(id)["Placement"]["AvailabilityZone"], "us-east-1c")

    def test_no_public_address_when_none_is_wanted(self):
        id = self.run_instance(NetworkInterfaces=[
            {"DeviceIndex": 0, "AssociatePublicIpAddress": False}])
        self.assertNotIn("PublicIpAddress", self.wait_for(id, "running"))

    def test_a_repeated_token_launches_once(self):
        token = unique("token")
        first = self.run_instance(ClientToken=token)
        self.assertEqual(self.run_instance(ClientToken=token), first)
        found = self.ec2.describe_instances(Filters=[{"Name": "client-token", "Values": [token]}])
        self.assertEqual(len(found["Reservations"]), 1)

    def test_status_checks_pass_for_what_runs(self):
        id = self.run_instance()
        self.wait_for(id, "running")

        def passed():
            statuses = self.ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"]
            return statuses and statuses[0]["InstanceStatus"]["Status"] == "ok" and \
                statuses[0]["SystemStatus"]["Status"] == "ok"
        wait_until(passed, DEADLINE, "the checks pass")

    def test_status_is_of_running_instances_unless_all_are_wanted(self):
        id = self.run_instance()
        self.wait_for(id, "running")
        self.ec2.stop_instances(InstanceIds=[id])
        self.wait_for(id, "stopped")
        self.assertEqual(self.ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"],
                         [])
        every = self.ec2.describe_instance_status(InstanceIds=[id], IncludeAllInstances=True)
        self.assertEqual(every["InstanceStatuses"][0]["InstanceState"]["Name"], "stopped")

    def test_metadata_options_are_changed(self):
        id = self.run_instance(MetadataOptions={"HttpTokens": "required"})
        self.assertEqual(self.describe(id)["MetadataOptions"]["HttpTokens"], "required")
        reply = self.ec2.modify_instance_metadata_options(
            InstanceId=id, HttpTokens="optional", HttpPutResponseHopLimit=3,
            InstanceMetadataTags="enabled")
        self.assertEqual(reply["InstanceMetadataOptions"]["HttpTokens"], "optional")
        options = self.describe(id)["MetadataOptions"]
        self.assertEqual((options["HttpTokens"], options["HttpPutResponseHopLimit"],
                          options["InstanceMetadataTags"]), ("optional", 3, "enabled"))

    def test_groups_of_a_running_instance_are_exchanged(self):
        group = self.ec2.create_security_group(GroupName=unique("g"), Description="d")["GroupId"]
        id = self.run_instance()
        before = [item["GroupId"] for item in self.describe(id)["SecurityGroups"]]
        self.ec2.modify_instance_attribute(InstanceId=id, Groups=[group])
        self.assertEqual([item["GroupId"] for item in self.describe(id)["SecurityGroups"]], [group])
        self.ec2.modify_instance_attribute(InstanceId=id, Groups=before)
        self.ec2.delete_security_group(GroupId=group)

    def test_user_data_survives_byte_for_byte(self):
        data = bytes(range(256)) * 64  # all that is allowed: 16 KiB
        id = self.run_instance(UserData=data)
        reply = self.ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")
        self.assertEqual(base64.b64decode(reply["UserData"]["Value"]), data)

    # --- key pairs ---

    def test_an_ed25519_key_is_made(self):
        name = unique("key")
        made = self.ec2.create_key_pair(KeyName=name, KeyType="ed25519")
        self.addCleanup(self.ec2.delete_key_pair, KeyName=name)
        self.assertIn("OPENSSH PRIVATE KEY", made["KeyMaterial"])
        known, = self.ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"]
        self.assertEqual((known["KeyType"], known["KeyPairId"], known["KeyFingerprint"]),
                         ("ed25519", made["KeyPairId"], made["KeyFingerprint"]))

    # --- security groups ---

    def test_rules_between_groups(self):
        front, back = (self.ec2.create_security_group(GroupName=unique("g"), Description="d")
                       ["GroupId"] for _ in range(2))
        self.ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
             "UserIdGroupPairs": [{"GroupId": front}]}])
        group, = self.ec2.describe_security_groups(GroupIds=[back])["SecurityGroups"]
        pair, = group["IpPermissions"][0]["UserIdGroupPairs"]
        self.assertEqual(pair["GroupId"], front)
        with self.assertRaises(ClientError) as caught:
            self.ec2.delete_security_group(GroupId=front)
        self.assertEqual(caught.exception.response["Error"]["Code"], "DependencyViolation")
        self.ec2.delete_security_group(GroupId=back)
        self.ec2.delete_security_group(GroupId=front)

    def test_a_new_group_lets_everything_out_until_that_is_revoked(self):
        id = self.ec2.create_security_group(GroupName=unique("g"), Description="d")["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=id)

        def egress():
            return self.ec2.describe_security_groups(
                GroupIds=[id])["SecurityGroups"][0]["IpPermissionsEgress"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.assertEqual([item["IpProtocol"] for item in egress()], ["-1"])
        self.ec2.revoke_security_group_egress(GroupId=id, IpPermissions=everything)
        self.assertEqual(egress(), [])
        self.ec2.authorize_security_group_egress(GroupId=id, IpPermissions=[
            {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53,
             "IpRanges": [{"CidrIp": "192.0.2.1/32", "Description": "names"}]}])
        self.assertEqual(egress()[0]["IpRanges"],
                         [{"CidrIp": "192.0.2.1/32", "Description": "names"}])

    def test_rules_have_ids_to_revoke_them_by(self):
        id = self.ec2.create_security_group(GroupName=unique("g"), Description="d")["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=id)
        made, = self.ec2.authorize_security_group_ingress(
            GroupId=id, IpProtocol="icmp", FromPort=-1, ToPort=-1,
            CidrIp="0.0.0.0/0")["SecurityGroupRules"]

        def rules():
            return self.ec2.describe_security_group_rules(
                Filters=[{"Name": "group-id", "Values": [id]}])["SecurityGroupRules"]
        self.assertIn(made["SecurityGroupRuleId"],
                      [rule["SecurityGroupRuleId"] for rule in rules() if not rule["IsEgress"]])
        self.ec2.revoke_security_group_ingress(
            GroupId=id, SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
        self.assertEqual([rule for rule in rules() if not rule["IsEgress"]], [])

    # --- finding ---

    def test_pages_give_each_instance_once(self):
        token = unique("fleet")
        ids = {item["InstanceId"] for item in self.ec2.run_instances(
            ImageId=self.image["ImageId"], MinCount=53, MaxCount=53, TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "fleet", "Value": token}]}])
            ["Instances"]}
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=list(ids))
        self.assertEqual(len(ids), 53)
        found, pages = [], 0
        for page in self.ec2.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "tag:fleet", "Values": [token]}],
                PaginationConfig={"PageSize": 10}):
            pages += 1
            items = [item["InstanceId"] for reservation in page["Reservations"]
                     for item in reservation["Instances"]]
            self.assertLessEqual(len(items), 10)
            found += items
        self.assertEqual(pages, 6)
        self.assertEqual(len(found), 53)
        self.assertEqual(set(found), ids)

    def test_pages_stay_whole_while_instances_come_and_go(self):
        token = unique("fleet")

        def launch(count):
            return [item["InstanceId"] for item in self.ec2.run_instances(
                ImageId=self.image["ImageId"], MinCount=count, MaxCount=count, TagSpecifications=[
                    {"ResourceType": "instance", "Tags": [{"Key": "fleet", "Value": token}]}])
                ["Instances"]]
        kept = launch(20)
        found, next_token = [], None
        while True:
            page = self.ec2.describe_instances(
                Filters=[{"Name": "tag:fleet", "Values": [token]}], MaxResults=5,
                **({"NextToken": next_token} if next_token else {}))
            found += [item["InstanceId"] for reservation in page["Reservations"]
                      for item in reservation["Instances"]]
            kept_apart = launch(1)
            self.addCleanup(self.ec2.terminate_instances, InstanceIds=kept_apart)
            next_token = page.get("NextToken")
            if not next_token:
                break
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=kept)
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(set(kept), set(found))

    def test_filters_with_wildcards(self):
        mark = unique("m")
        names = {name: self.run_instance(TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": f"{mark}-{name}"}]}])
            for name in ("web-1", "web-2", "web-10", "db-1", "we*b")}

        def find(*patterns, **more):
            filters = [{"Name": "tag:Name", "Values": [f"{mark}-{p}" for p in patterns]}]
            filters += [{"Name": name, "Values": values} for name, values in more.items()]
            return {item["InstanceId"]
                    for reservation in self.ec2.describe_instances(Filters=filters)["Reservations"]
                    for item in reservation["Instances"]}

        def ids(*these):
            return {names[name] for name in these}
        self.assertEqual(find("web-*"), ids("web-1", "web-2", "web-10"))
        self.assertEqual(find("web-?"), ids("web-1", "web-2"))
        self.assertEqual(find("*-1"), ids("web-1", "db-1"))
        self.assertEqual(find("web-1", "db-*"), ids("web-1", "db-1"))
        self.assertEqual(find("we\\*b"), ids("we*b"))
        self.assertEqual(find("WEB-1"), set())
        self.assertEqual(find("*", **{"instance-id": [names["db-1"]]}), ids("db-1"))
        self.assertEqual(find("*", **{"instance-type": ["no.such"]}), set())

    def test_filter_values_are_not_sql(self):
        for value in ("' OR 1=1 --", "%", "_", "\\", "*'*"):
            found = self.ec2.describe_instances(
                Filters=[{"Name": "instance-id", "Values": [value]}])["Reservations"]
            self.assertEqual(found, [], value)


if __name__ == "__main__":
    unittest.main()
