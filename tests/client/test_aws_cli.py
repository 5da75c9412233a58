"""The AWS CLI drives the lifecycle."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import Instance, Lifecycle, Refused  # noqa: E402

AWS = "/usr/bin/aws"
if not os.access(AWS, os.X_OK):
    raise unittest.SkipTest(f"no {AWS} here (apt-get install awscli)")


class AwsCliClient:
    """Commands run in aws_cli_server.py: a process a command would take most of a second."""

    def __init__(self, cloud):
        self.endpoint = cloud.endpoint
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(HERE, "aws_cli_server.py")], text=True,
            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=cloud.environment)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def ec2(self, *arguments):
        line = ["--endpoint-url", self.endpoint, "ec2", *arguments, "--output", "json"]
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        status, out, err = json.loads(self.process.stdout.readline())
        if status == 254:
            raise Refused(*re.search(r"An error occurred \((.*?)\) when calling .*?: (.*)",
                                     err).groups())
        assert status == 0, f"{arguments}: {status}\n{err}"
        return json.loads(out) if out.strip() else None

    def create_key(self, name):
        return self.ec2("create-key-pair", "--key-name", name)["KeyMaterial"]

    def import_key(self, name, public_key):
        with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
            file.write(public_key)
            file.flush()
            self.ec2("import-key-pair", "--key-name", name, "--public-key-material",
                     f"fileb://{file.name}")

    def keys(self):
        return {key["KeyName"]: key["KeyFingerprint"]
                for key in self.ec2("describe-key-pairs")["KeyPairs"]}

    def delete_key(self, name):
        self.ec2("delete-key-pair", "--key-name", name)

    def create_group(self, name, description):
        self.ec2("create-security-group", "--group-name", name, "--description", description)

    def groups(self):
        return {group["GroupName"]: {
            (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"),
             a_range["CidrIp"])
            for permission in group["IpPermissions"] for a_range in permission["IpRanges"]}
            for group in self.ec2("describe-security-groups")["SecurityGroups"]}

    def rule(self, name, protocol, low, high, cidr):
        return ("--group-name", name, "--protocol", protocol, "--cidr", cidr,
                "--port", str(low) if low == high else f"{low}-{high}")

    def allow(self, *rule):
        self.ec2("authorize-security-group-ingress", *self.rule(*rule))

    def revoke(self, *rule):
        self.ec2("revoke-security-group-ingress", *self.rule(*rule))

    def delete_group(self, name):
        self.ec2("delete-security-group", "--group-name", name)

    def images(self, owner):
        images = self.ec2("describe-images", "--owners", owner, "--filters",
                          "Name=image-type,Values=machine")["Images"]
        return {image["ImageId"]: image["Name"] for image in images}

    def run(self, image, count, key, groups, user_data, type):
        options = ["--image-id", image, "--count", str(count)]
        if key:
            options += ["--key-name", key]
        if groups:
            options += ["--security-groups", *groups]
        if user_data:
            options += ["--user-data", user_data]
        if type:
            options += ["--instance-type", type]
        return [item["InstanceId"] for item in self.ec2("run-instances", *options)["Instances"]]

    def instances(self, ids=None, tags=None):
        options = ["--instance-ids", *ids] if ids else []
        if tags:
            options += ["--filters", *(f"Name=tag:{key},Values={value}"
                                       for key, value in tags.items())]
        return [Instance(id=item["InstanceId"], state=item["State"]["Name"],
                         image=item["ImageId"], type=item["InstanceType"],
                         key=item.get("KeyName"), public_ip=item.get("PublicIpAddress"),
                         private_ip=item.get("PrivateIpAddress"),
                         zone=item["Placement"]["AvailabilityZone"], index=item["AmiLaunchIndex"],
                         groups=frozenset(group["GroupName"] for group in item["SecurityGroups"]),
                         tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", [])})
                for reservation in self.ec2("describe-instances", *options)["Reservations"]
                for item in reservation["Instances"]]

    def tag(self, id, tags):
        self.ec2("create-tags", "--resources", id, "--tags",
                 json.dumps([{"Key": key, "Value": value} for key, value in tags.items()]))

    def untag(self, id, key):
        self.ec2("delete-tags", "--resources", id, "--tags", f"Key={key}")

    def attribute(self, id, name):
        value = self.ec2("describe-instance-attribute", "--instance-id", id, "--attribute",
                         name)[name[0].upper() + name[1:]]["Value"]
        return base64.b64decode(value).decode() if name == "userData" else value

    def set_attribute(self, id, name, value):
        self.ec2("modify-instance-attribute", "--instance-id", id, "--attribute", name, "--value",
                 value)

    def console(self, id):
        return self.ec2("get-console-output", "--instance-id", id).get("Output", "")

    def change(self, reply, what):
        item, = reply[what]
        return item["PreviousState"]["Name"], item["CurrentState"]["Name"]

    def start(self, id):
        return self.change(self.ec2("start-instances", "--instance-ids", id), "StartingInstances")

    def stop(self, id):
        return self.change(self.ec2("stop-instances", "--instance-ids", id), "StoppingInstances")

    def terminate(self, id):
        return self.change(self.ec2("terminate-instances", "--instance-ids", id),
                           "TerminatingInstances")

    def reboot(self, id):
        self.ec2("reboot-instances", "--instance-ids", id)


class AwsCliTest(Lifecycle, CloudTestCase):
    def make_client(self):
        client = AwsCliClient(self.cloud)
        self.addClassCleanup(client.close)
        return client

    def test_its_waiters_know_our_states(self):
        instance, = self.launch()
        self.client.ec2("wait", "instance-running", "--instance-ids", instance.id)
        self.client.ec2("wait", "instance-status-ok", "--instance-ids", instance.id)

    def test_a_dry_run_says_what_would_happen(self):
        self.assert_refused("DryRunOperation", self.client.ec2, "run-instances", "--dry-run",
                            "--image-id", self.image())

    def test_shell_scripts_get_texts_and_exit_codes(self):
        """As the README has it, a process a command."""
        def aws(*arguments):
            return self.cloud.cumulet("aws", *arguments, check=False, env={
                **self.cloud.environment, "PATH": "/usr/bin:/bin"})
        done = aws("ec2", "describe-images", "--owners", "amazon", "--filters",
                   "Name=name,Values=cumulet-micro", "--query", "Images[0].ImageId", "--output",
                   "text")
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.image()}\n"), done.stderr)
        done = aws("ec2", "run-instances", "--image-id", "ami-00000000")
        self.assertEqual((done.returncode, done.stdout), (254, ""))
        self.assertIn("(InvalidAMIID.NotFound) when calling the RunInstances operation: The image "
                      "id '[ami-00000000]' does not exist", done.stderr)


if __name__ == "__main__":
    unittest.main()
