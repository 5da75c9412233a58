"""Launch templates by boto3 and the AWS CLI: versions, what instances and scaling groups make of
them, and every refusal."""

import base64
import json
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

DEADLINE = 30
USER_DATA = base64.b64encode(b"#!/bin/sh\necho hello & true\n").decode()


class TemplateTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        self.ec2 = self.cloud.boto3("ec2")
        self.asg = self.cloud.boto3("autoscaling")
        self.image = self.machine_image()

    def machine_image(self):
        return self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]

    def refuse(self, code, verb, **options):
        with self.assertRaises(ClientError) as caught:
            verb(**options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def template(self, name=None, tags=None, **data):
        """A new template; data: besides the image."""
        options = {"TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}]} \
            if tags else {}
        made = self.ec2.create_launch_template(
            LaunchTemplateName=name or unique("template"),
            LaunchTemplateData={"ImageId": self.image, **data}, **options)["LaunchTemplate"]
        self.addCleanup(self.drop, made["LaunchTemplateId"])
        return made

    def drop(self, id):
        try:
            self.ec2.delete_launch_template(LaunchTemplateId=id)
        except ClientError as error:
            self.assertEqual(error.response["Error"]["Code"], "InvalidLaunchTemplateId.NotFound")

    def add_version(self, id, source=None, **data):
        options = {"SourceVersion": source} if source else {}
        return self.ec2.create_launch_template_version(
            LaunchTemplateId=id, LaunchTemplateData=data, **options)["LaunchTemplateVersion"]

    def versions(self, **options):
        return self.ec2.describe_launch_template_versions(**options)["LaunchTemplateVersions"]

    def run_one(self, **options):
        made, = self.ec2.run_instances(MinCount=1, MaxCount=1, **options)["Instances"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[made["InstanceId"]])
        return made

    def security_group(self):
        return self.ec2.create_security_group(GroupName=unique("group"), Description="d")["GroupId"]

    def instance(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    def attribute(self, id, name, key):
        return self.ec2.describe_instance_attribute(InstanceId=id, Attribute=name)[key].get("Value")


class TemplatesTest(TemplateTestCase):
    def test_one_is_made_and_found(self):
        name = unique("web") + "-(1).x/y_z"
        made = self.template(name, [{"Key": "stage", "Value": name}], InstanceType="m1.small")
        self.assertRegex(made["LaunchTemplateId"], "^lt-[0-9a-f]{17}$")
        self.assertEqual((made["LaunchTemplateName"], made["DefaultVersionNumber"],
                          made["LatestVersionNumber"]), (name, 1, 1))
        self.assertRegex(made["CreatedBy"], "^arn:aws:iam::")
        for options in ({"LaunchTemplateIds": [made["LaunchTemplateId"]]},
                        {"LaunchTemplateNames": [name]},
                        {"Filters": [{"Name": "launch-template-name", "Values": [name]}]},
                        {"Filters": [{"Name": "tag:stage", "Values": [name]}]}):
            self.assertEqual(self.ec2.describe_launch_templates(**options)["LaunchTemplates"],
                             [made], options)
        self.assertEqual(made["Tags"], [{"Key": "stage", "Value": name}])
        self.ec2.create_tags(Resources=[made["LaunchTemplateId"]],
                             Tags=[{"Key": "more", "Value": "2"}])
        tags = self.ec2.describe_tags(Filters=[
            {"Name": "resource-id", "Values": [made["LaunchTemplateId"]]}])["Tags"]
        self.assertEqual({(tag["ResourceType"], tag["Key"]) for tag in tags},
                         {("launch-template", "stage"), ("launch-template", "more")})
        gone = self.ec2.delete_launch_template(LaunchTemplateName=name)["LaunchTemplate"]
        self.assertEqual(gone["LaunchTemplateId"], made["LaunchTemplateId"])
        self.refuse("InvalidLaunchTemplateName.NotFoundException",
                    self.ec2.describe_launch_templates, LaunchTemplateNames=[name])
        self.assertEqual(self.ec2.describe_tags(Filters=[
            {"Name": "resource-id", "Values": [made["LaunchTemplateId"]]}])["Tags"], [])

    def test_pages(self):
        tag = [{"Key": "page", "Value": unique("v")}]
        ids = sorted(self.template(tags=tag)["LaunchTemplateId"] for _ in range(5))
        pages = list(self.ec2.get_paginator("describe_launch_templates").paginate(
            Filters=[{"Name": "tag:page", "Values": [tag[0]["Value"]]}],
            PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["LaunchTemplates"]) for page in pages], [2, 2, 1])
        self.assertEqual([one["LaunchTemplateId"] for page in pages
                          for one in page["LaunchTemplates"]], ids)
        self.refuse("InvalidParameterValue", self.ec2.describe_launch_templates, MaxResults=201)
        self.refuse("InvalidParameterValue", self.ec2.describe_launch_templates, NextToken="x")
        self.refuse("InvalidParameterValue", self.ec2.describe_launch_templates, Filters=[
            {"Name": "image-id", "Values": ["x"]}])

    def test_names_that_are_refused(self):
        taken = self.template()["LaunchTemplateName"]
        create = self.ec2.create_launch_template
        data = {"LaunchTemplateData": {"ImageId": self.image}}
        self.assertIn("already in use", self.refuse(
            "InvalidLaunchTemplateName.AlreadyExistsException", create, LaunchTemplateName=taken,
            **data))
        for bad in ("has space", "percent%", "ümlaut", "x" * 129):
            self.refuse("InvalidLaunchTemplateName.MalformedException", create,
                        LaunchTemplateName=bad, **data)
        self.template("x" * 125 + unique("")[:3])  # 128 at most, and each its own

    def test_data_that_is_refused(self):
        name = unique("template")

        def refused(code, data, **options):
            return self.refuse(code, self.ec2.create_launch_template, LaunchTemplateName=name,
                               LaunchTemplateData=data, **options)
        refused("MissingParameter", {})
        refused("InvalidParameterValue", {"UserData": "*no base64*"})
        refused("InvalidParameterValue", {"UserData": base64.b64encode(b"x" * 16385).decode()})
        refused("InvalidParameterValue", {"InstanceInitiatedShutdownBehavior": "hibernate"})
        refused("InvalidParameterValue", {"MetadataOptions": {"HttpTokens": "maybe"}})
        refused("InvalidParameterValue", {"BlockDeviceMappings": [
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 0}}]})
        refused("MissingParameter", {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 1}}]})
        refused("UnknownParameter", {"CpuOptions": {"CoreCount": 2}})
        refused("UnknownParameter", {"InstanceMarketOptions": {"MarketType": "spot"}})
        refused("InvalidParameterValue", {"ImageId": "ami-1"}, VersionDescription="x" * 256)
        refused("InvalidParameterValue", {"ImageId": "ami-1"}, TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}])
        refused("InvalidParameterValue", {"ImageId": "ami-1"}, TagSpecifications=[
            {"ResourceType": "launch-template", "Tags": [{"Key": "aws:a", "Value": "b"}]}])
        self.refuse("InvalidLaunchTemplateName.NotFoundException",
                    self.ec2.describe_launch_templates, LaunchTemplateNames=[name])

    def test_a_token_makes_one(self):
        options = {"LaunchTemplateName": unique("template"), "ClientToken": unique("token"),
                   "LaunchTemplateData": {"ImageId": self.image}}
        made = self.ec2.create_launch_template(**options)["LaunchTemplate"]
        self.addCleanup(self.drop, made["LaunchTemplateId"])
        self.assertEqual(self.ec2.create_launch_template(**options)["LaunchTemplate"], made)
        self.refuse("IdempotentParameterMismatch", self.ec2.create_launch_template,
                    **{**options, "LaunchTemplateName": "other"})
        more = {"LaunchTemplateId": made["LaunchTemplateId"], "ClientToken": unique("token"),
                "LaunchTemplateData": {"KeyName": "k"}}
        first = self.ec2.create_launch_template_version(**more)["LaunchTemplateVersion"]
        again = self.ec2.create_launch_template_version(**more)["LaunchTemplateVersion"]
        self.assertEqual((first["VersionNumber"], again), (2, first))

    def test_one_that_is_not_there(self):
        template = self.template()
        id, name = template["LaunchTemplateId"], template["LaunchTemplateName"]
        data = {"LaunchTemplateData": {"KeyName": "k"}}
        for verb, options in ((self.ec2.create_launch_template_version, data),
                              (self.ec2.describe_launch_template_versions, {}),
                              (self.ec2.modify_launch_template, {"DefaultVersion": "1"}),
                              (self.ec2.delete_launch_template, {}),
                              (self.ec2.delete_launch_template_versions, {"Versions": ["1"]})):
            self.refuse("InvalidLaunchTemplateId.NotFound", verb,
                        LaunchTemplateId="lt-0123456789abcdef0", **options)
            self.refuse("InvalidLaunchTemplateId.Malformed", verb, LaunchTemplateId="lt-x",
                        **options)
            self.refuse("InvalidLaunchTemplateName.NotFoundException", verb,
                        LaunchTemplateName="nobodys", **options)
            self.refuse("InvalidParameterCombination", verb, LaunchTemplateId=id,
                        LaunchTemplateName=name, **options)
            self.refuse("MissingParameter", verb, **options)
        self.refuse("InvalidLaunchTemplateId.NotFound", self.ec2.describe_launch_templates,
                    LaunchTemplateIds=[id, "lt-0123456789abcdef0"])
        self.refuse("InvalidLaunchTemplateId.NotFound", self.ec2.create_tags,
                    Resources=["lt-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}])

    def test_templates_outlive_the_daemon(self):
        cloud = self.start_cloud()
        ec2 = cloud.boto3("ec2")
        made = ec2.create_launch_template(LaunchTemplateName="kept", LaunchTemplateData={
            "UserData": USER_DATA})["LaunchTemplate"]
        cloud.restart()
        found, = cloud.boto3("ec2").describe_launch_template_versions(
            LaunchTemplateId=made["LaunchTemplateId"])["LaunchTemplateVersions"]
        self.assertEqual(found["LaunchTemplateData"], {"UserData": USER_DATA})


class VersionsTest(TemplateTestCase):
    def test_everything_comes_back(self):
        given = {
            "KernelId": "aki-1", "RamDiskId": "ari-1", "EbsOptimized": False,
            "IamInstanceProfile": {"Name": "p"}, "ImageId": "ami-1", "InstanceType": "m1.large",
            "KeyName": "k&y=1 %é", "Monitoring": {"Enabled": True},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sdf", "Ebs": {
                    "VolumeSize": 3, "VolumeType": "io1", "Iops": 100, "Encrypted": False,
                    "DeleteOnTermination": False, "SnapshotId": "snap-1", "KmsKeyId": "key"}},
                {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}],
            "NetworkInterfaces": [{
                "DeviceIndex": 0, "AssociatePublicIpAddress": False, "DeleteOnTermination": True,
                "Description": "d", "Groups": ["sg-1", "sg-2"], "SubnetId": "subnet-1",
                "PrivateIpAddress": "172.31.0.9", "InterfaceType": "interface"}],
            "Placement": {"AvailabilityZone": "us-east-1a", "Tenancy": "default",
                          "GroupName": "g"},
            "DisableApiTermination": True, "DisableApiStop": False,
            "InstanceInitiatedShutdownBehavior": "terminate", "UserData": USER_DATA,
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1\n2"},
                                                      {"Key": "b", "Value": ""}]},
                {"ResourceType": "volume", "Tags": [{"Key": "c", "Value": "3"}]}],
            "SecurityGroupIds": ["sg-3"], "SecurityGroups": ["default"],
            "CreditSpecification": {"CpuCredits": "standard"},
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2,
                                "HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled",
                                "InstanceMetadataTags": "enabled"}}
        made = self.ec2.create_launch_template(
            LaunchTemplateName=unique("template"), VersionDescription="first",
            LaunchTemplateData=given)["LaunchTemplate"]
        self.addCleanup(self.drop, made["LaunchTemplateId"])
        found, = self.versions(LaunchTemplateId=made["LaunchTemplateId"])
        self.assertEqual(found["LaunchTemplateData"], given)
        self.assertEqual((found["VersionNumber"], found["VersionDescription"],
                          found["DefaultVersion"], found["LaunchTemplateName"]),
                         (1, "first", True, made["LaunchTemplateName"]))

    def test_a_version_from_another(self):
        id = self.template(KeyName="k", SecurityGroupIds=["sg-1", "sg-2"], UserData=USER_DATA,
                           Placement={"Tenancy": "default", "GroupName": "g"})["LaunchTemplateId"]
        alone = self.add_version(id, InstanceType="m1.large")
        self.assertEqual((alone["VersionNumber"], alone["DefaultVersion"],
                          alone["LaunchTemplateData"]), (2, False, {"InstanceType": "m1.large"}))
        based = self.add_version(id, "1", SecurityGroupIds=["sg-3"], Placement={
            "AvailabilityZone": "us-east-1a"})
        self.assertEqual(based["LaunchTemplateData"], {
            "ImageId": self.image, "KeyName": "k", "UserData": USER_DATA,
            "SecurityGroupIds": ["sg-3"], "Placement": {"AvailabilityZone": "us-east-1a"}})
        self.assertEqual(self.add_version(id, "$Latest", KeyName="l")["LaunchTemplateData"], {
            **based["LaunchTemplateData"], "KeyName": "l"})
        self.refuse("InvalidLaunchTemplateId.VersionNotFound",
                    self.ec2.create_launch_template_version, LaunchTemplateId=id,
                    SourceVersion="9", LaunchTemplateData={"KeyName": "k"})
        self.refuse("InvalidParameterValue", self.ec2.create_launch_template_version,
                    LaunchTemplateId=id, SourceVersion="first", LaunchTemplateData={"KeyName": "k"})
        self.refuse("InvalidParameterValue", self.ec2.create_launch_template_version,
                    LaunchTemplateId=id, LaunchTemplateData={"UserData": "*"})
        self.refuse("MissingParameter", self.ec2.create_launch_template_version,
                    LaunchTemplateId=id, LaunchTemplateData={})

    def test_which_versions(self):
        template = self.template(InstanceType="m1.small")
        id = template["LaunchTemplateId"]
        for n in range(2, 12):
            self.add_version(id, InstanceType="m1.large" if n % 2 else "m1.small")
        self.ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion="3")

        def numbers(**options):
            return [one["VersionNumber"] for one in self.versions(LaunchTemplateId=id, **options)]

        def filtered(name, *values):
            return numbers(Filters=[{"Name": name, "Values": list(values)}])
        self.assertEqual(numbers(), list(range(11, 0, -1)))
        self.assertEqual(numbers(Versions=["$Latest"]), [11])
        self.assertEqual(numbers(Versions=["$Default"]), [3])
        self.assertEqual(numbers(Versions=["2", "$Default", "3", "10"]), [2, 3, 10])
        self.assertEqual(numbers(MinVersion="9"), [11, 10, 9])
        self.assertEqual(numbers(MaxVersion="2"), [2, 1])
        self.assertEqual(numbers(MinVersion="4", MaxVersion="6"), [6, 5, 4])
        self.assertEqual(filtered("is-default-version", "true"), [3])
        self.assertEqual(filtered("instance-type", "*.large"), [11, 9, 7, 5, 3])
        self.assertEqual(filtered("image-id", self.image), [1])
        self.assertEqual(filtered("kernel-id", "*"), [])
        self.assertEqual(self.versions(LaunchTemplateName=template["LaunchTemplateName"],
                                       Versions=["1"])[0]["LaunchTemplateId"], id)
        pages = list(self.ec2.get_paginator("describe_launch_template_versions").paginate(
            LaunchTemplateId=id, PaginationConfig={"PageSize": 4}))
        self.assertEqual([one["VersionNumber"] for page in pages
                          for one in page["LaunchTemplateVersions"]], list(range(11, 0, -1)))
        self.assertEqual(len(pages), 3)
        found = self.versions(Versions=["$Latest", "$Default"])
        self.assertEqual([one["VersionNumber"] for one in found if one["LaunchTemplateId"] == id],
                         [11, 3])
        for code, options in (
                ("InvalidLaunchTemplateId.VersionNotFound", {"Versions": ["1", "12"]}),
                ("InvalidParameterValue", {"Versions": ["$Newest"]}),
                ("InvalidParameterValue", {"MinVersion": "$Latest"}),
                ("InvalidParameterValue", {"MaxVersion": "-1"}),
                ("InvalidParameterCombination", {"Versions": ["1"], "MinVersion": "1"}),
                ("InvalidParameterValue", {"MaxResults": 201}),
                ("InvalidParameterValue", {"NextToken": "x"}),
                ("InvalidParameterValue", {"Filters": [{"Name": "launch-template-name",
                                                        "Values": ["x"]}]})):
            self.refuse(code, self.versions, LaunchTemplateId=id, **options)
        self.refuse("InvalidParameterValue", self.versions, Versions=["1"])

    def test_filters_on_what_data_says(self):
        id = self.template(EbsOptimized=True, RamDiskId="ari-1", KernelId="aki-1",
                           IamInstanceProfile={"Arn": "arn:aws:iam::1:instance-profile/p"},
                           MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "disabled"})[
            "LaunchTemplateId"]
        self.add_version(id, KeyName="k")
        created = self.versions(LaunchTemplateId=id, Versions=["1"])[0]["CreateTime"]
        for name, value in (("ebs-optimized", "true"), ("ram-disk-id", "ari-1"),
                            ("kernel-id", "aki-?"), ("iam-instance-profile", "*/p"),
                            ("http-tokens", "required"), ("http-endpoint", "disabled")):
            found = self.versions(LaunchTemplateId=id, Filters=[{"Name": name, "Values": [value]}])
            self.assertEqual([one["VersionNumber"] for one in found], [1], name)
        found = self.versions(LaunchTemplateId=id, Filters=[
            {"Name": "create-time", "Values": [f"{created:%Y-%m-%dT%H:%M}*"]}])
        self.assertIn(1, [one["VersionNumber"] for one in found])

    def test_the_default(self):
        id = self.template()["LaunchTemplateId"]
        self.add_version(id, KeyName="k")
        changed = self.ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion="2")
        self.assertEqual(changed["LaunchTemplate"]["DefaultVersionNumber"], 2)
        self.assertEqual([one["DefaultVersion"] for one in self.versions(LaunchTemplateId=id)],
                         [True, False])
        self.refuse("InvalidLaunchTemplateId.VersionNotFound", self.ec2.modify_launch_template,
                    LaunchTemplateId=id, DefaultVersion="3")
        self.refuse("InvalidParameterValue", self.ec2.modify_launch_template,
                    LaunchTemplateId=id, DefaultVersion="newest")
        self.refuse("MissingParameter", self.ec2.modify_launch_template, LaunchTemplateId=id)

    def test_versions_are_deleted_but_for_the_default(self):
        id = self.template()["LaunchTemplateId"]
        for _ in range(3):
            self.add_version(id, KeyName="k")
        done = self.ec2.delete_launch_template_versions(LaunchTemplateId=id,
                                                        Versions=["1", "2", "4", "7"])
        self.assertEqual([one["VersionNumber"] for one in
                          done["SuccessfullyDeletedLaunchTemplateVersions"]], [2, 4])
        kept = done["UnsuccessfullyDeletedLaunchTemplateVersions"]
        self.assertEqual([(one["VersionNumber"], one["ResponseError"]["Code"]) for one in kept],
                         [(1, "unexpectedError"), (7, "launchTemplateVersionDoesNotExist")])
        self.assertIn("default version", kept[0]["ResponseError"]["Message"])
        self.assertEqual([one["VersionNumber"] for one in self.versions(LaunchTemplateId=id)],
                         [3, 1])
        found, = self.ec2.describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"]
        self.assertEqual(found["LatestVersionNumber"], 3)
        self.assertEqual(self.add_version(id, KeyName="k")["VersionNumber"], 5)  # never 4 again
        self.refuse("InvalidParameterValue", self.ec2.delete_launch_template_versions,
                    LaunchTemplateId=id, Versions=["3", "$Latest"])
        self.assertEqual(len(self.versions(LaunchTemplateId=id)), 3)


class LaunchTest(TemplateTestCase):
    def test_instances_are_as_the_template_says(self):
        group = self.security_group()
        template = self.template(
            InstanceType="m1.large", SecurityGroupIds=[group], UserData=USER_DATA,
            Monitoring={"Enabled": True}, InstanceInitiatedShutdownBehavior="terminate",
            EbsOptimized=True, Placement={"AvailabilityZone": "us-east-1b"},
            IamInstanceProfile={"Name": "p"},
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
            BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {
                "VolumeSize": 2, "DeleteOnTermination": True}}],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]},
                {"ResourceType": "volume", "Tags": [{"Key": "v", "Value": "2"}]},
                {"ResourceType": "network-interface", "Tags": [{"Key": "n", "Value": "3"}]}])
        id = template["LaunchTemplateId"]
        made = self.run_one(LaunchTemplate={"LaunchTemplateName": template["LaunchTemplateName"]})
        found = self.instance(made["InstanceId"])
        self.assertEqual((found["ImageId"], found["InstanceType"], found["EbsOptimized"]),
                         (self.image, "m1.large", True))
        self.assertEqual(found["Placement"]["AvailabilityZone"], "us-east-1b")
        self.assertEqual([one["GroupId"] for one in found["SecurityGroups"]], [group])
        self.assertEqual(found["Monitoring"]["State"], "enabled")
        self.assertEqual((found["MetadataOptions"]["HttpTokens"],
                          found["MetadataOptions"]["HttpPutResponseHopLimit"]), ("required", 3))
        self.assertRegex(found["IamInstanceProfile"]["Arn"], ":instance-profile/p$")
        self.assertEqual({tag["Key"]: tag["Value"] for tag in found["Tags"]}, {
            "a": "1", "aws:ec2launchtemplate:id": id, "aws:ec2launchtemplate:version": "1"})
        self.assertIn("/dev/sdf", [one["DeviceName"] for one in found["BlockDeviceMappings"]])
        self.assertEqual(self.attribute(made["InstanceId"], "userData", "UserData"), USER_DATA)
        self.assertEqual(self.attribute(made["InstanceId"], "instanceInitiatedShutdownBehavior",
                                        "InstanceInitiatedShutdownBehavior"), "terminate")
        volumes = self.ec2.describe_volumes(Filters=[
            {"Name": "attachment.instance-id", "Values": [made["InstanceId"]]},
            {"Name": "tag:v", "Values": ["2"]}])["Volumes"]
        self.assertIn(2, [volume["Size"] for volume in volumes])

    def test_the_request_goes_first(self):
        groups = [self.security_group() for _ in range(2)]
        template = self.template(
            InstanceType="m1.large", SecurityGroupIds=[groups[0]], UserData=USER_DATA,
            Monitoring={"Enabled": True}, DisableApiTermination=True,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}])
        made = self.run_one(
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"},
            InstanceType="m1.small", SecurityGroupIds=[groups[1]], UserData="other",
            Monitoring={"Enabled": False}, DisableApiTermination=False,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "b", "Value": "2"}]}])
        found = self.instance(made["InstanceId"])
        self.assertEqual(found["InstanceType"], "m1.small")
        self.assertEqual([one["GroupId"] for one in found["SecurityGroups"]], [groups[1]])
        self.assertEqual(found["Monitoring"]["State"], "disabled")
        self.assertEqual({tag["Key"] for tag in found["Tags"] if tag["Key"][:4] != "aws:"}, {"b"})
        self.assertEqual(base64.b64decode(self.attribute(made["InstanceId"], "userData",
                                                         "UserData")), b"other")

    def test_versions_by_name(self):
        id = self.template(InstanceType="m1.small")["LaunchTemplateId"]
        self.add_version(id, "1", InstanceType="m1.large")

        def type_of(**version):
            return self.run_one(LaunchTemplate={"LaunchTemplateId": id, **version})["InstanceType"]
        self.assertEqual(type_of(), "m1.small")
        self.assertEqual(type_of(Version="$Default"), "m1.small")
        self.assertEqual(type_of(Version="$Latest"), "m1.large")
        self.assertEqual(type_of(Version="2"), "m1.large")

    def test_an_interface_of_the_template(self):
        subnet = self.ec2.describe_subnets()["Subnets"][-1]
        group = self.security_group()
        id = self.template(NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Groups": [group],
            "AssociatePublicIpAddress": False}])["LaunchTemplateId"]
        found = self.instance(self.run_one(LaunchTemplate={"LaunchTemplateId": id})["InstanceId"])
        self.assertEqual(found["SubnetId"], subnet["SubnetId"])
        self.assertEqual([one["GroupId"] for one in found["SecurityGroups"]], [group])
        self.assertNotIn("PublicIpAddress", found)
        self.refuse("InvalidParameterCombination", self.run_one, LaunchTemplate={
            "LaunchTemplateId": id}, SubnetId=subnet["SubnetId"])
        two = self.template(NetworkInterfaces=[{"DeviceIndex": 0}, {"DeviceIndex": 1}])
        self.refuse("UnsupportedOperation", self.run_one, LaunchTemplate={
            "LaunchTemplateId": two["LaunchTemplateId"]})
        both = self.template(NetworkInterfaces=[{"DeviceIndex": 0}], SecurityGroupIds=[group])
        self.refuse("InvalidParameterCombination", self.run_one, LaunchTemplate={
            "LaunchTemplateId": both["LaunchTemplateId"]})

    def test_launches_that_are_refused(self):
        id = self.template()["LaunchTemplateId"]

        def refused(code, **named):
            return self.refuse(code, self.run_one, LaunchTemplate=named)
        refused("InvalidLaunchTemplateId.VersionNotFound", LaunchTemplateId=id, Version="2")
        refused("InvalidLaunchTemplateId.NotFound", LaunchTemplateId="lt-0123456789abcdef0")
        refused("InvalidLaunchTemplateId.Malformed", LaunchTemplateId="i-1")
        refused("InvalidLaunchTemplateName.NotFoundException", LaunchTemplateName="nobodys")
        refused("InvalidParameterCombination", LaunchTemplateId=id, LaunchTemplateName="both")
        refused("MissingParameter", Version="1")
        refused("InvalidParameterValue", LaunchTemplateId=id, Version="x")
        self.refuse("MissingParameter", self.ec2.run_instances, MinCount=1, MaxCount=1)
        self.add_version(id, ImageId="ami-00000000")
        refused("InvalidAMIID.NotFound", LaunchTemplateId=id, Version="2")
        self.add_version(id, KeyName="k")
        self.assertIn("ImageId", refused("MissingParameter", LaunchTemplateId=id, Version="3"))

    def test_the_data_of_an_instance(self):
        made = self.run_one(ImageId=self.image, InstanceType="m1.large", UserData="hello",
                            Monitoring={"Enabled": True}, TagSpecifications=[
                                {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}])
        data = self.ec2.get_launch_template_data(InstanceId=made["InstanceId"])[
            "LaunchTemplateData"]
        self.assertEqual((data["ImageId"], data["InstanceType"], data["Monitoring"]),
                         (self.image, "m1.large", {"Enabled": True}))
        self.assertEqual(base64.b64decode(data["UserData"]), b"hello")
        self.assertEqual(data["TagSpecifications"], [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]}])
        self.assertEqual(data["NetworkInterfaces"][0]["SubnetId"], made["SubnetId"])
        copy = self.ec2.create_launch_template(LaunchTemplateName=unique("copy"),
                                               LaunchTemplateData=data)["LaunchTemplate"]
        self.addCleanup(self.drop, copy["LaunchTemplateId"])
        twin = self.run_one(LaunchTemplate={"LaunchTemplateId": copy["LaunchTemplateId"]})
        self.assertEqual((twin["InstanceType"], twin["SubnetId"]),
                         ("m1.large", made["SubnetId"]))
        self.refuse("InvalidInstanceID.NotFound", self.ec2.get_launch_template_data,
                    InstanceId="i-0123456789abcdef0")
        self.refuse("InvalidInstanceID.Malformed", self.ec2.get_launch_template_data,
                    InstanceId="x")


class GroupTest(TemplateTestCase):
    def group(self, size=2, **options):
        name = unique("group")
        self.asg.create_auto_scaling_group(**{
            "AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 10, "DesiredCapacity": size,
            "AvailabilityZones": ["us-east-1a"], **options})
        self.addCleanup(self.delete, name)
        self.wait_in_service(name, size)
        return name

    def delete(self, name):
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        self.wait(lambda: not self.asg.describe_auto_scaling_groups(
            AutoScalingGroupNames=[name])["AutoScalingGroups"], lambda: self.view(name))

    def view(self, name):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
            "AutoScalingGroups"][0]

    def wait(self, condition, what):
        return wait_until(condition, DEADLINE, what)

    def wait_in_service(self, name, size):
        def settled():
            states = [one["LifecycleState"] for one in self.view(name)["Instances"]]
            return states == size * ["InService"]
        self.wait(settled, lambda: (self.view(name)["Instances"], self.activities(name)[:3]))
        return self.view(name)["Instances"]

    def activities(self, name):
        return self.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]

    def wait_failed(self, name):
        self.wait(lambda: self.activities(name)[0]["StatusCode"] == "Failed",
                  lambda: self.activities(name))
        return self.activities(name)[0]["StatusMessage"]

    def test_instances_are_launched_by_the_template(self):
        template = self.template(
            InstanceType="m1.large", UserData=USER_DATA, Placement={
                "AvailabilityZone": "us-east-1b"},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [
                {"Key": "a", "Value": "template"}, {"Key": "b", "Value": "2"}]}])
        id, template_name = template["LaunchTemplateId"], template["LaunchTemplateName"]
        name = self.group(1, LaunchTemplate={"LaunchTemplateName": template_name}, Tags=[
            {"Key": "a", "Value": "group", "PropagateAtLaunch": True}])
        view = self.view(name)
        self.assertEqual(view["LaunchTemplate"], {
            "LaunchTemplateId": id, "LaunchTemplateName": template_name, "Version": "$Default"})
        self.assertNotIn("LaunchConfigurationName", view)
        used = {"LaunchTemplateId": id, "LaunchTemplateName": template_name, "Version": "1"}
        member, = view["Instances"]
        self.assertEqual(member["LaunchTemplate"], used)
        details, = self.asg.describe_auto_scaling_instances(
            InstanceIds=[member["InstanceId"]])["AutoScalingInstances"]
        self.assertEqual(details["LaunchTemplate"], used)
        found = self.instance(member["InstanceId"])
        self.assertEqual((found["InstanceType"], found["Placement"]["AvailabilityZone"]),
                         ("m1.large", "us-east-1a"))
        self.assertEqual({tag["Key"]: tag["Value"] for tag in found["Tags"]}, {
            "a": "group", "b": "2", "aws:autoscaling:groupName": name,
            "aws:ec2launchtemplate:id": id, "aws:ec2launchtemplate:version": "1"})

    def test_the_version_is_that_of_each_launch(self):
        id = self.template(InstanceType="m1.small")["LaunchTemplateId"]
        name = self.group(1, LaunchTemplate={"LaunchTemplateId": id, "Version": "$Latest"})
        self.add_version(id, "1", InstanceType="m1.large")
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        members = self.wait_in_service(name, 2)
        self.assertEqual({(one["LaunchTemplate"]["Version"], one["InstanceType"])
                          for one in members}, {("1", "m1.small"), ("2", "m1.large")})
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        left, = self.wait_in_service(name, 1)
        self.assertEqual(left["LaunchTemplate"]["Version"], "2")  # the outdated one went

    def test_a_refresh_replaces_what_differs(self):
        id = self.template(InstanceType="m1.small")["LaunchTemplateId"]
        self.add_version(id, "1", InstanceType="m1.large")
        name = self.group(1, LaunchTemplate={"LaunchTemplateId": id, "Version": "1"})
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate={
            "LaunchTemplateId": id, "Version": "2"})
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        stays, = (one["InstanceId"] for one in self.wait_in_service(name, 2)
                  if one["LaunchTemplate"]["Version"] == "2")

        def refresh(**options):
            self.asg.start_instance_refresh(AutoScalingGroupName=name, Preferences={
                "MinHealthyPercentage": 0, "InstanceWarmup": 0, **options})
            self.wait(lambda: self.asg.describe_instance_refreshes(AutoScalingGroupName=name)[
                "InstanceRefreshes"][0]["Status"] == "Successful", lambda: self.view(name))
            return self.wait_in_service(name, 2)
        members = refresh(SkipMatching=True)
        self.assertEqual({one["LaunchTemplate"]["Version"] for one in members}, {"2"})
        self.assertIn(stays, [one["InstanceId"] for one in members])
        again = {one["InstanceId"] for one in refresh(SkipMatching=True)}
        self.assertEqual(again, {one["InstanceId"] for one in members})
        self.assertEqual(again & {one["InstanceId"] for one in refresh()}, set())
        self.refuse("ValidationError", self.asg.start_instance_refresh, AutoScalingGroupName=name,
                    DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": id}})

    def test_from_a_configuration_to_a_template_and_back(self):
        config = unique("config")
        self.asg.create_launch_configuration(LaunchConfigurationName=config, ImageId=self.image,
                                             InstanceType="m1.small")
        id = self.template(InstanceType="m1.large")["LaunchTemplateId"]
        name = self.group(1, LaunchConfigurationName=config)
        self.assertNotIn("LaunchTemplate", self.view(name))
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate={
            "LaunchTemplateId": id, "Version": "1"}, DesiredCapacity=2)
        members = self.wait_in_service(name, 2)
        self.assertEqual({one.get("LaunchConfigurationName") for one in members}, {config, None})
        self.assertNotIn("LaunchConfigurationName", self.view(name))
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, DesiredCapacity=1)
        left, = self.wait_in_service(name, 1)
        self.assertIn("LaunchTemplate", left)
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name,
                                           LaunchConfigurationName=config)
        view = self.view(name)
        self.assertEqual((view["LaunchConfigurationName"], view.get("LaunchTemplate")),
                         (config, None))

    def test_a_template_that_goes(self):
        id = self.template()["LaunchTemplateId"]
        name = self.group(1, LaunchTemplate={"LaunchTemplateId": id})
        self.drop(id)
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        self.assertIn(f"template ID {id}, does not exist", self.wait_failed(name))
        self.refuse("ValidationError", self.asg.start_instance_refresh, AutoScalingGroupName=name,
                    Preferences={"SkipMatching": True})
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
        self.wait_in_service(name, 0)

    def test_a_mixed_policy_takes_types_in_their_order(self):
        types = self.ec2.describe_instance_types(InstanceTypes=["m1.small", "m1.large"])
        small, large = sorted(one["MemoryInfo"]["SizeInMiB"] for one in types["InstanceTypes"])
        cloud = self.start_cloud(args=["--memory", str(2 * large + small)])
        self.ec2, self.asg = cloud.boto3("ec2"), cloud.boto3("autoscaling")
        self.image = self.machine_image()
        id = self.template(InstanceType="m1.small")["LaunchTemplateId"]
        policy = {"LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": id, "Version": "$Latest"},
            "Overrides": [{"InstanceType": "m1.large"}, {"InstanceType": "m1.small"}]}}
        name = self.group(3, MixedInstancesPolicy=policy)
        members = sorted(one["InstanceType"] for one in self.view(name)["Instances"])
        self.assertEqual(members, ["m1.large", "m1.large", "m1.small"])
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)
        self.assertIn("no memory", self.wait_failed(name))

    def test_a_mixed_policy_comes_back(self):
        template = self.template(InstanceType="m1.small")
        id = template["LaunchTemplateId"]
        name = self.group(1, MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": id},
                               "Overrides": [{"InstanceType": "m1.large"}]},
            "InstancesDistribution": {"OnDemandBaseCapacity": 3}})
        view = self.view(name)
        self.assertEqual(view["MixedInstancesPolicy"], {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": id, "Version": "$Default",
                    "LaunchTemplateName": template["LaunchTemplateName"]},
                "Overrides": [{"InstanceType": "m1.large"}]},
            "InstancesDistribution": {
                "OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": 3,
                "OnDemandPercentageAboveBaseCapacity": 100}})
        self.assertNotIn("LaunchTemplate", view)
        self.assertEqual(view["Instances"][0]["InstanceType"], "m1.large")
        self.assertEqual(view["Instances"][0]["LaunchTemplate"]["Version"], "1")
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate={
            "LaunchTemplateId": id})
        self.assertNotIn("MixedInstancesPolicy", self.view(name))

    def test_groups_that_are_refused(self):
        template = self.template(InstanceType="m1.small")
        id, named = template["LaunchTemplateId"], template["LaunchTemplateName"]
        no_image = self.ec2.create_launch_template(LaunchTemplateName=unique("template"),
                                                   LaunchTemplateData={"KeyName": "k"})[
            "LaunchTemplate"]["LaunchTemplateId"]
        self.addCleanup(self.drop, no_image)
        good = {"LaunchTemplateId": id}
        name = self.group(0, LaunchTemplate=good)

        def mixed(overrides=(), distribution=None, template=good):
            policy = {"LaunchTemplate": {"LaunchTemplateSpecification": template,
                                         "Overrides": list(overrides)}}
            return {"MixedInstancesPolicy": {
                **policy, **({"InstancesDistribution": distribution} if distribution else {})}}
        for options in (
                {"LaunchTemplate": {"LaunchTemplateId": id, "LaunchTemplateName": named}},
                {"LaunchTemplate": {"Version": "1"}},
                {"LaunchTemplate": {"LaunchTemplateId": "lt-0123456789abcdef0"}},
                {"LaunchTemplate": {"LaunchTemplateId": "nonsense"}},
                {"LaunchTemplate": {"LaunchTemplateName": "nobodys"}},
                {"LaunchTemplate": {"LaunchTemplateId": id, "Version": "2"}},
                {"LaunchTemplate": {"LaunchTemplateId": id, "Version": "newest"}},
                {"LaunchTemplate": {"LaunchTemplateId": no_image}},
                {"LaunchTemplate": good, "LaunchConfigurationName": "c"},
                {"LaunchTemplate": good, **mixed()},
                {"LaunchConfigurationName": "c", **mixed()},
                {"MixedInstancesPolicy": {}, "LaunchConfigurationName": "c-that-is-not-there"},
                {"MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandBaseCapacity": 1}}},
                mixed(template={"LaunchTemplateName": "nobodys"}),
                mixed([{"InstanceType": "m1.nonsense"}]),
                mixed([{"WeightedCapacity": "2", "InstanceType": "m1.small"}]),
                mixed([{"InstanceType": "m1.small", "LaunchTemplateSpecification": good}]),
                mixed([{"InstanceRequirements": {"VCpuCount": {"Min": 1},
                                                 "MemoryMiB": {"Min": 1}}}]),
                mixed(distribution={"OnDemandPercentageAboveBaseCapacity": 50}),
                mixed(distribution={"OnDemandAllocationStrategy": "lowest-price"}),
                mixed(distribution={"SpotAllocationStrategy": "lowest-price"}),
                mixed(distribution={"SpotInstancePools": 2}),
                mixed(distribution={"SpotMaxPrice": "0.1"})):
            self.refuse("ValidationError", self.asg.update_auto_scaling_group,
                        AutoScalingGroupName=name, **options)
            self.refuse("ValidationError", self.asg.create_auto_scaling_group,
                        AutoScalingGroupName=unique("group"), MinSize=0, MaxSize=1,
                        AvailabilityZones=["us-east-1a"], **options)
        self.refuse("ValidationError", self.asg.create_auto_scaling_group,
                    AutoScalingGroupName=unique("group"), MinSize=0, MaxSize=1,
                    AvailabilityZones=["us-east-1a"], InstanceId="i-1", LaunchTemplate=good)
        self.assertEqual(self.view(name)["LaunchTemplate"]["LaunchTemplateId"], id)


class PolicyTest(TemplateTestCase):
    """What a template names, a user must be allowed, as if the request named it."""

    def test_what_the_template_names_is_checked(self):
        iam = self.cloud.boto3("iam")
        user = unique("user")
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        ec2 = self.cloud.boto3("ec2", aws_access_key_id=key["AccessKeyId"],
                               aws_secret_access_key=key["SecretAccessKey"])
        good, other = self.template(KeyName="mine"), self.template(KeyName="theirs")
        for name in ("mine", "theirs"):
            self.ec2.create_key_pair(KeyName=name)
            self.addCleanup(self.ec2.delete_key_pair, KeyName=name)

        def allow(*resources):
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": "ec2:*", "Resource": [
                        f"arn:aws:ec2:*:*:{one}" for one in resources]}]}))

        def run(template, **options):
            made = ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={
                "LaunchTemplateName": template["LaunchTemplateName"]}, **options)["Instances"]
            self.ec2.terminate_instances(InstanceIds=[made[0]["InstanceId"]])
        allow("image/*", "instance/*", "volume/*", "network-interface/*", "key-pair/mine",
              "launch-template/*")
        run(good)
        self.refuse("UnauthorizedOperation", run, template=other)
        run(other, KeyName="mine")
        allow("image/*", "instance/*", "volume/*", "network-interface/*", "key-pair/*",
              f"launch-template/{good['LaunchTemplateId']}")
        run(good)
        self.refuse("UnauthorizedOperation", run, template=other)
        self.refuse("UnauthorizedOperation", ec2.create_launch_template_version,
                    LaunchTemplateId=other["LaunchTemplateId"], LaunchTemplateData={
                        "KeyName": "k"})
        self.refuse("UnauthorizedOperation", ec2.create_launch_template,
                    LaunchTemplateName="mine", LaunchTemplateData={"KeyName": "k"})


@unittest.skipUnless(shutil.which("aws"), "no AWS CLI here")
class CommandLineTest(TemplateTestCase):
    def aws(self, *words):
        done = self.cloud.run("aws", *words, "--endpoint-url", self.cloud.endpoint)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def test_a_session(self):
        name = unique("template")
        made = self.aws("ec2", "create-launch-template", "--launch-template-name", name,
                        "--launch-template-data",
                        json.dumps({"ImageId": self.image, "InstanceType": "m1.small"}))
        id = made["LaunchTemplate"]["LaunchTemplateId"]
        self.addCleanup(self.drop, id)
        self.aws("ec2", "create-launch-template-version", "--launch-template-id", id,
                 "--source-version", "1", "--launch-template-data", '{"InstanceType":"m1.large"}')
        self.aws("ec2", "modify-launch-template", "--launch-template-id", id,
                 "--default-version", "2")
        shown = self.aws("ec2", "describe-launch-template-versions", "--launch-template-name",
                         name, "--versions", "$Default")["LaunchTemplateVersions"]
        self.assertEqual(shown[0]["LaunchTemplateData"],
                         {"ImageId": self.image, "InstanceType": "m1.large"})
        ran, = self.aws("ec2", "run-instances", "--launch-template",
                        f"LaunchTemplateName={name}")["Instances"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[ran["InstanceId"]])
        self.assertEqual(ran["InstanceType"], "m1.large")
        self.aws("ec2", "delete-launch-template-versions", "--launch-template-id", id,
                 "--versions", "1")
        self.assertEqual(len(self.versions(LaunchTemplateId=id)), 1)
        self.aws("ec2", "delete-launch-template", "--launch-template-id", id)
        self.assertEqual(self.aws("ec2", "describe-launch-templates", "--filters",
                                  f"Name=launch-template-name,Values={name}")["LaunchTemplates"],
                         [])


if __name__ == "__main__":
    unittest.main()
