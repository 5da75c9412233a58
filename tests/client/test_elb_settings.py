"""Classic load balancers by boto3: instances, places and attributes."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import wait_until  # noqa: E402
from elb import CHECK, HTTP, IN_SERVICE, TCP, ZONES, ElbTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402

from botocore.exceptions import ClientError  # noqa: E402  (after elb, which skips without it)

OTHER_ZONE = ("Instance is in the EC2 Availability Zone for which LoadBalancer is not configured "
              "to route traffic to.")


class InstanceTest(ElbTestCase):
    def test_instances_come_and_go(self):
        name = self.create()
        one, two = self.run_instances(2)
        self.assertEqual(self.register(name, one), [one])
        self.assertEqual(set(self.register(name, two, one)), {one, two})
        self.assertEqual({item["InstanceId"] for item in self.describe(name)["Instances"]},
                         {one, two})
        for id in (one, two):
            self.wait_health(name, id, *IN_SERVICE)
        self.assertEqual(self.deregister(name, one), [two])
        self.assertEqual(self.health(name, one)[one], (
            "OutOfService", "Instance", "Instance is not currently registered with the "
            "LoadBalancer."))
        self.assertEqual(list(self.health(name)), [two])
        self.assertEqual(self.deregister(name, one, two), [])

    def test_instances_that_are_none(self):
        name = self.create()
        one, = self.run_instances()
        for verb in (self.register, self.deregister, self.health):
            said = self.refuse("InvalidInstance", verb, name, one, "i-01234567")
            self.assertEqual(said, "Could not find EC2 instance i-01234567.")
            self.refuse("InvalidInstance", verb, name, "web1")
            self.refuse("LoadBalancerNotFound", verb, "none", one)
        self.assertEqual(self.health(name), {}, "one of two was registered")

    def test_health_follows_the_instance(self):
        name = self.create()
        one, = self.run_instances()
        self.register(name, one)
        self.wait_health(name, one, *IN_SERVICE)
        self.ec2.stop_instances(InstanceIds=[one])
        self.wait_health(name, one, "OutOfService", "Instance", "Instance is in stopped state.")
        self.ec2.start_instances(InstanceIds=[one])
        self.wait_health(name, one, *IN_SERVICE)
        self.ec2.terminate_instances(InstanceIds=[one])
        self.wait_health(name, one, "OutOfService", "Instance", "Instance is in terminated state.")
        self.assertEqual([item["InstanceId"] for item in self.describe(name)["Instances"]], [one])
        self.assertEqual(self.deregister(name, one), [])
        self.refuse("InvalidInstance", self.register, name, one)

    def test_an_instance_of_another_zone(self):
        name = self.create(AvailabilityZones=ZONES[:1])
        one, = self.run_instances(zone=ZONES[1])
        self.register(name, one)
        self.wait_health(name, one, "OutOfService", "ELB", OTHER_ZONE)
        self.elb.enable_availability_zones_for_load_balancer(
            LoadBalancerName=name, AvailabilityZones=ZONES)
        self.wait_health(name, one, *IN_SERVICE)

    def test_draining(self):
        name = self.create()
        one, = self.run_instances()
        self.register(name, one)
        self.wait_health(name, one, *IN_SERVICE)
        self.elb.modify_load_balancer_attributes(LoadBalancerName=name, LoadBalancerAttributes={
            "ConnectionDraining": {"Enabled": True, "Timeout": 2}})
        self.assertEqual(self.deregister(name, one), [])
        self.assertEqual(self.health(name)[one], (
            "InService", "N/A", "Instance deregistration currently in progress."))
        self.assertEqual(self.describe(name)["Instances"], [])
        wait_until(lambda: self.health(name) == {}, 30, "the instance has drained")
        self.assertEqual(self.health(name, one)[one][0], "OutOfService")
        # One that comes back while it drains stays.
        self.elb.modify_load_balancer_attributes(LoadBalancerName=name, LoadBalancerAttributes={
            "ConnectionDraining": {"Enabled": True, "Timeout": 3600}})
        self.register(name, one)
        self.wait_health(name, one, *IN_SERVICE)
        self.deregister(name, one)
        self.assertEqual(self.register(name, one), [one])
        self.assertEqual(self.health(name)[one], IN_SERVICE)

    def test_the_health_check(self):
        name = self.create()
        self.assertEqual(self.elb.configure_health_check(
            LoadBalancerName=name, HealthCheck=CHECK)["HealthCheck"], CHECK)
        self.assertEqual(self.describe(name)["HealthCheck"], CHECK)
        for target in ("HTTP:80", "TCP", "TCP:0", "TCP:65536", "UDP:53", "TCP:80/x", "HTTP:80/a b",
                       "HTTP:/x", "", "HTTP:80x/", "TCP:+80", "HTTPS:443/" + "x" * 1100):
            self.refuse("ValidationError", self.elb.configure_health_check, LoadBalancerName=name,
                        HealthCheck={**CHECK, "Target": target})
        said = self.refuse("ValidationError", self.elb.configure_health_check,
                           LoadBalancerName=name, HealthCheck={**CHECK, "Timeout": 6})
        self.assertEqual(said, "HealthCheck timeout must be less than interval")
        for change in ({"Interval": 301}, {"HealthyThreshold": 11}, {"UnhealthyThreshold": 11},
                       {"Interval": 300, "Timeout": 61}):
            self.refuse("ValidationError", self.elb.configure_health_check, LoadBalancerName=name,
                        HealthCheck={**CHECK, **change})
        for target in ("tcp:80", "SSL:443", "HTTPS:443/"):
            self.elb.configure_health_check(LoadBalancerName=name,
                                            HealthCheck={**CHECK, "Target": target})
        self.refuse("LoadBalancerNotFound", self.elb.configure_health_check,
                    LoadBalancerName="none", HealthCheck=CHECK)


class PlaceTest(ElbTestCase):
    def test_zones(self):
        name = self.create(AvailabilityZones=ZONES[:1])
        enable = self.elb.enable_availability_zones_for_load_balancer
        disable = self.elb.disable_availability_zones_for_load_balancer
        for _ in range(2):
            self.assertEqual(enable(LoadBalancerName=name, AvailabilityZones=ZONES[1:])[
                "AvailabilityZones"], ZONES)
        self.assertEqual(disable(LoadBalancerName=name, AvailabilityZones=ZONES[:1])[
            "AvailabilityZones"], ZONES[1:])
        self.assertEqual(self.describe(name)["Subnets"], [self.subnets()[ZONES[1]]])
        self.refuse("InvalidConfigurationRequest", disable, LoadBalancerName=name,
                    AvailabilityZones=ZONES[1:])
        self.refuse("InvalidConfigurationRequest", disable, LoadBalancerName=name,
                    AvailabilityZones=ZONES[:1])
        self.refuse("ValidationError", enable, LoadBalancerName=name,
                    AvailabilityZones=["us-east-1q"])
        self.refuse("LoadBalancerNotFound", enable, LoadBalancerName="none",
                    AvailabilityZones=ZONES)

    def test_subnets(self):
        subnets = [self.subnets()[zone] for zone in ZONES]
        name = self.create(Subnets=subnets[:1])
        attach = self.elb.attach_load_balancer_to_subnets
        detach = self.elb.detach_load_balancer_from_subnets
        self.assertEqual(attach(LoadBalancerName=name, Subnets=subnets[1:])["Subnets"], subnets)
        self.assertEqual(self.describe(name)["AvailabilityZones"], ZONES)
        self.assertEqual(detach(LoadBalancerName=name, Subnets=subnets[:1])["Subnets"],
                         subnets[1:])
        self.refuse("InvalidConfigurationRequest", detach, LoadBalancerName=name,
                    Subnets=subnets[1:])
        self.refuse("InvalidConfigurationRequest", detach, LoadBalancerName=name,
                    Subnets=subnets[:1])
        self.refuse("SubnetNotFound", attach, LoadBalancerName=name, Subnets=["subnet-01234567"])

    def test_security_groups(self):
        name = self.create()
        found = self.describe(name)
        source = found["SourceSecurityGroup"]
        self.assertEqual(source["OwnerAlias"], self.account)
        self.assertTrue(source["GroupName"].startswith("default_elb_"))
        group, = self.ec2.describe_security_groups(GroupIds=found["SecurityGroups"])[
            "SecurityGroups"]
        self.assertEqual([(rule["IpProtocol"], rule["FromPort"], rule["ToPort"],
                           rule["IpRanges"][0]["CidrIp"]) for rule in group["IpPermissions"]],
                         [("tcp", 0, 65535, "0.0.0.0/0")])
        self.assertEqual(self.describe(self.create())["SecurityGroups"], [group["GroupId"]])
        mine = self.ec2.create_security_group(GroupName=unique("g"), Description="d")["GroupId"]
        self.addCleanup(self.ec2.delete_security_group, GroupId=mine)
        apply = self.elb.apply_security_groups_to_load_balancer
        # Goes before the group does.
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName=name)
        self.assertEqual(apply(LoadBalancerName=name, SecurityGroups=[mine])["SecurityGroups"],
                         [mine])
        self.assertEqual(self.describe(name)["SecurityGroups"], [mine])
        with self.assertRaisesRegex(ClientError, "DependencyViolation"):
            self.ec2.delete_security_group(GroupId=mine)
        self.refuse("InvalidSecurityGroup", apply, LoadBalancerName=name,
                    SecurityGroups=[mine, "sg-01234567"])
        self.refuse("LoadBalancerNotFound", apply, LoadBalancerName="none", SecurityGroups=[mine])
        # An instance's rule can name it.
        self.ec2.authorize_security_group_ingress(GroupName="default", IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [
                {"GroupName": source["GroupName"], "UserId": source["OwnerAlias"]}]}])


class AttributeTest(ElbTestCase):
    def attributes(self, name):
        return self.elb.describe_load_balancer_attributes(LoadBalancerName=name)[
            "LoadBalancerAttributes"]

    def modify(self, name, **attributes):
        return self.elb.modify_load_balancer_attributes(
            LoadBalancerName=name, LoadBalancerAttributes=attributes)["LoadBalancerAttributes"]

    def test_attributes(self):
        name = self.create()
        mode = [{"Key": "elb.http.desyncmitigationmode", "Value": "defensive"}]
        self.assertEqual(self.attributes(name), {
            "CrossZoneLoadBalancing": {"Enabled": False}, "AccessLog": {"Enabled": False},
            "ConnectionDraining": {"Enabled": False, "Timeout": 300},
            "ConnectionSettings": {"IdleTimeout": 60}, "AdditionalAttributes": mode})
        changed = self.modify(name, CrossZoneLoadBalancing={"Enabled": True},
                              ConnectionSettings={"IdleTimeout": 7})
        self.assertEqual(changed, self.attributes(name))
        self.assertEqual(changed["CrossZoneLoadBalancing"], {"Enabled": True})
        self.assertEqual(changed["ConnectionSettings"], {"IdleTimeout": 7})
        self.assertEqual(changed["ConnectionDraining"], {"Enabled": False, "Timeout": 300})
        mode[0]["Value"] = "strictest"
        self.assertEqual(self.modify(name, AdditionalAttributes=mode)["AdditionalAttributes"],
                         mode)

    def test_attributes_that_are_none(self):
        name = self.create()
        for attributes in ({"ConnectionSettings": {"IdleTimeout": 4001}},
                           {"ConnectionDraining": {"Enabled": True, "Timeout": 3601}},
                           {"AccessLog": {"Enabled": True}},
                           {"AccessLog": {"Enabled": True, "S3BucketName": "b",
                                          "EmitInterval": 7}}):
            self.refuse("ValidationError", self.modify, name, **attributes)
        self.refuse("LoadBalancerAttributeNotFound", self.modify, name,
                    AdditionalAttributes=[{"Key": "elb.none", "Value": "a"}])
        self.refuse("InvalidConfigurationRequest", self.modify, name, AdditionalAttributes=[
            {"Key": "elb.http.desyncmitigationmode", "Value": "loose"}])
        self.refuse("InvalidConfigurationRequest", self.modify, name, AccessLog={
            "Enabled": True, "S3BucketName": unique("nobucket"), "EmitInterval": 5})
        self.refuse("LoadBalancerNotFound", self.modify, "none",
                    CrossZoneLoadBalancing={"Enabled": True})
        self.refuse("ValidationError", self.modify, name)
        self.refuse("LoadBalancerNotFound", self.attributes, "none")

    def test_access_logs_go_to_a_bucket_of_the_accounts(self):
        name, bucket = self.create(), unique("logs")
        self.cloud.boto3("s3").create_bucket(Bucket=bucket)
        log = {"Enabled": True, "S3BucketName": bucket, "EmitInterval": 5, "S3BucketPrefix": "p/q"}
        self.assertEqual(self.modify(name, AccessLog=log)["AccessLog"], log)

    def test_a_test_file_shows_where_access_logs_will_be(self):
        name, bucket, s3 = self.create(), unique("logs"), self.cloud.boto3("s3")
        s3.create_bucket(Bucket=bucket)
        log = {"Enabled": False, "S3BucketName": bucket, "EmitInterval": 5}
        place = f"AWSLogs/{self.account}/ELBAccessLogTestFile"

        def keys():
            return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

        self.modify(name, AccessLog=log)
        self.assertEqual(keys(), [])
        self.modify(name, AccessLog={**log, "Enabled": True})
        text = s3.get_object(Bucket=bucket, Key=place)["Body"].read().decode()
        self.assertRegex(text, rf"^Enable AccessLog for ELB: {name} at 20\d\d-[0-9T:.-]+Z$")
        s3.delete_object(Bucket=bucket, Key=place)
        self.modify(name, ConnectionSettings={"IdleTimeout": 9})
        self.modify(name, AccessLog={**log, "Enabled": True, "EmitInterval": 60})
        self.assertEqual(keys(), [], "the logs go where they went")
        self.modify(name, AccessLog={**log, "Enabled": True, "S3BucketPrefix": "p/q"})
        self.assertEqual(keys(), [f"p/q/{place}"])


if __name__ == "__main__":
    unittest.main()
