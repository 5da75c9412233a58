"""What tests of classic load balancers have in common."""

import unittest

from cloud import CloudTestCase, wait_until
from lifecycle import unique

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

ZONES = ["us-east-1a", "us-east-1b"]
HTTP = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 8080}
TCP = {"Protocol": "tcp", "LoadBalancerPort": 25, "InstancePort": 25}
CHECK = {"Target": "HTTP:80/ping?a=b", "Interval": 6, "Timeout": 5, "UnhealthyThreshold": 3,
         "HealthyThreshold": 4}
IN_SERVICE = ("InService", "N/A", "N/A")


class ElbTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        self.elb = self.cloud.boto3("elb")
        self.ec2 = self.cloud.boto3("ec2")
        self.account = self.cloud.credentials["account_id"]

    def refuse(self, code, verb, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            verb(*arguments, **options)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error["Error"]["Message"])
        wanted = 409 if code == "InvalidConfigurationRequest" else 400
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], wanted)
        self.assertEqual(error["Error"]["Type"], "Sender")
        return error["Error"]["Message"]

    def create(self, *listeners, **options):
        """A balancer's name; it goes with the test."""
        name = unique("lb")
        if "Subnets" not in options:
            options.setdefault("AvailabilityZones", ZONES)
        self.elb.create_load_balancer(LoadBalancerName=name, Listeners=list(listeners) or [TCP],
                                      **options)
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName=name)
        return name

    def describe(self, name):
        found, = self.elb.describe_load_balancers(LoadBalancerNames=[name])[
            "LoadBalancerDescriptions"]
        return found

    def run_instances(self, count=1, zone=ZONES[0]):
        image = self.ec2.describe_images(Owners=["self", "amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        made = self.ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count,
                                      Placement={"AvailabilityZone": zone})["Instances"]
        ids = [instance["InstanceId"] for instance in made]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=ids)
        return ids

    def register(self, name, *ids):
        reply = self.elb.register_instances_with_load_balancer(
            LoadBalancerName=name, Instances=[{"InstanceId": id} for id in ids])
        return [item["InstanceId"] for item in reply["Instances"]]

    def deregister(self, name, *ids):
        reply = self.elb.deregister_instances_from_load_balancer(
            LoadBalancerName=name, Instances=[{"InstanceId": id} for id in ids])
        return [item["InstanceId"] for item in reply["Instances"]]

    def health(self, name, *ids):
        """{id: (state, reason, description)}"""
        return {item["InstanceId"]: (item["State"], item["ReasonCode"], item["Description"])
                for item in self.elb.describe_instance_health(
                    LoadBalancerName=name, Instances=[{"InstanceId": id} for id in ids])[
                        "InstanceStates"]}

    def wait_health(self, name, id, *wanted):
        wait_until(lambda: self.health(name).get(id) == wanted, 30,
                   lambda: f"{id} is {wanted}, not {self.health(name).get(id)}")

    def subnets(self):
        """{zone: id} of the default VPC."""
        return {item["AvailabilityZone"]: item["SubnetId"]
                for item in self.ec2.describe_subnets()["Subnets"]}
