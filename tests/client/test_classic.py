"""The scenario of 2009 in its own commands, and what all tools of old have in common: names,
options, environment, errors, ways to print."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from classic import TOOLS, ClassicTestCase, tools, tools_used  # noqa: E402
from cloud import CUMULET, wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

ABSENT_IMAGE = "ami-0123456789abcdef0"
ZONE = "us-east-1d"


class ScenarioTest(ClassicTestCase):
    def test_the_scenario(self):
        """Word for word, but for the image (which is the cloud's own here) and ids."""
        self.shell("ec2-add-keypair gsg-keypair")
        self.shell("ec2-add-group TestServerSecurityGroup -d 'web servers'")
        self.shell("ec2-authorize TestServerSecurityGroup -p 80")
        self.shell("ec2-describe-images -o self")
        image = self.image()
        ran = self.shell(f"ec2-run-instances {image} -n 2 -k gsg-keypair "
                         "-g TestServerSecurityGroup").splitlines()
        self.assertRegex(ran[0], r"^RESERVATION\tr-[0-9a-f]+\t[0-9]{12}\tTestServerSecurityGroup$")
        first, second = [line.split("\t")[1] for line in ran[1:] if line.startswith("INSTANCE")]
        for id in (first, second):
            self.wait_for(id, "running")
        described = self.shell("ec2-describe-instances")
        self.assertRegex(described,
                         rf"(?m)^INSTANCE\t{first}\t{image}\t.*\trunning\tgsg-keypair\t0")

        made = self.shell(
            f"elb-create-lb TestLoadBalancer --availability-zones {ZONE} "
            "--listener \"protocol=tcp,lb-port=80,instance-port=80\"")
        self.assertRegex(made, r"^DNS-NAME  TestLoadBalancer-[0-9]+\.us-east-1\.elb\.\S+\n$")
        registered = self.shell("elb-register-instances-with-lb TestLoadBalancer "
                                f"--instances {first} {second}")
        self.assertEqual({tuple(line.split("  ")) for line in registered.splitlines()},
                         {("INSTANCE-ID", first), ("INSTANCE-ID", second)})
        self.assertRegex(
            self.shell("elb-describe-lbs --show-long"),
            r'^LOAD-BALANCER,TestLoadBalancer,TestLoadBalancer-[^,]+,[^,]+,[^,]+,"{interval=30,'
            r'target=TCP:80,timeout=5,healthy-threshold=10,unhealthy-threshold=2}",' + ZONE)
        health = self.shell("elb-describe-instance-health TestLoadBalancer").splitlines()
        self.assertEqual(len(health), 2)
        for line in health:
            self.assertRegex(
                line, rf"^INSTANCE-ID  ({first}|{second})  (InService|OutOfService) +\S")

        self.assertEqual(
            self.shell(f"as-create-launch-config TestLaunchConfig --image-id {image} "
                       "--instance-type m1.small"), "OK-Created launch config\n")
        self.assertEqual(
            self.shell("as-create-auto-scaling-group TestAutoScalingGroup --availability-zones "
                       f"{ZONE} --launch-configuration TestLaunchConfig --max-size 10 --min-size 2 "
                       "--load-balancers TestLoadBalancer"), "OK-Created AutoScalingGroup\n")
        self.assertEqual(
            self.shell("as-create-or-update-trigger TestTrigger --auto-scaling-group "
                       "TestAutoScalingGroup --namespace \"AWS/EC2\" --measure CPUUtilization "
                       "--statistic Average --dimensions "
                       "\"AutoScalingGroupName=TestAutoScalingGroup\" --period 60 "
                       "--lower-threshold 40 --upper-threshold 80 --lower-breach-increment\"=-1\" "
                       "--upper-breach-increment \"1\" --breach-duration 300"),
            "OK-Created/Updated trigger\n")
        trigger = self.columns("as-describe-triggers", "TestAutoScalingGroup")
        self.assertEqual(trigger[0][:3], ["TRIGGER", "TestTrigger", "TestAutoScalingGroup"])
        self.assertIn(trigger[0][3], ("NoData", "LowBreaching", "NotBreaching", "HighBreaching"))
        self.assertEqual(trigger[0][4:14], [
            "AWS/EC2", "CPUUtilization", "Average", "{AutoScalingGroupName=TestAutoScalingGroup}",
            "60", *trigger[0][9:14]])
        self.assertEqual((trigger[0][10], trigger[0][12]), ("-1", "1"))

        ended = self.shell(f"ec2-terminate-instances {first}")
        self.assertEqual(ended, f"INSTANCE\t{first}\trunning\tshutting-down\n")
        self.shell("elb-describe-instance-health TestLoadBalancer")
        left = self.shell("elb-deregister-instances-from-lb TestLoadBalancer "
                          f"--instances {second}")
        self.assertNotIn(second, left)

        self.shell("as-delete-trigger TestTrigger --auto-scaling-group TestAutoScalingGroup -f")
        self.shell("as-update-auto-scaling-group TestAutoScalingGroup --min-size 0 --max-size 0")
        wait_until(lambda: not self.of("INSTANCE", self.columns(
            "as-describe-auto-scaling-groups", "TestAutoScalingGroup")), 60, "the group is empty")
        self.assertEqual(self.shell("as-delete-auto-scaling-group TestAutoScalingGroup -f"),
                         "OK-Deleted AutoScalingGroup\n")
        self.assertEqual(self.shell("as-delete-launch-config TestLaunchConfig --force"),
                         "OK-Deleted launch configuration\n")
        self.assertEqual(self.shell("elb-delete-lb TestLoadBalancer --force"),
                         "OK-Deleting LoadBalancer\n")
        self.shell(f"ec2-terminate-instances {second}")


class NamesTest(unittest.TestCase):
    def test_every_name_is_a_tool_that_explains_itself(self):
        names = sorted(os.listdir(TOOLS))
        self.assertGreater(len(names), 200)
        for name in names:
            option = [] if name.endswith("-version") else ["--help"]
            done = subprocess.run([os.path.join(TOOLS, name), *option], env={},
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertTrue(done.stdout, name)

    def test_every_tool_is_used_by_a_test(self):
        used = tools_used(HERE)
        names = [name for prefix in ("ec2", "elb", "as", "mon") for name in tools(prefix)]
        self.assertGreater(len(names), 150)
        self.assertEqual([name for name in names if name not in used], [], "add a test for each")

    def test_links_are_made_where_one_wants_them(self):
        with tempfile.TemporaryDirectory() as directory:
            there = os.path.join(directory, "a", "bin")
            for _ in range(2):  # the second time in the place of the first
                done = subprocess.run([CUMULET, "classic", "install", there], capture_output=True,
                                      text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(os.listdir(there)), sorted(os.listdir(TOOLS)))
            self.assertIn(there, done.stdout)
            done = subprocess.run([os.path.join(there, "ec2-version")], capture_output=True,
                                  text=True)
            self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+ 2013-02-01\n$")

    def test_what_is_not_ours_is_not_replaced(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "ec2-run-instances")
            with open(path, "w") as file:
                file.write("mine\n")
            done = subprocess.run([CUMULET, "classic", "install", directory],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(path, done.stderr)
            with open(path) as file:
                self.assertEqual(file.read(), "mine\n")

    def test_wrong_usage_of_the_command(self):
        for arguments in (["install"], ["remove", "/tmp"], [], ["list", "more"]):
            done = subprocess.run([CUMULET, "classic", *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, arguments)

    def test_another_tool_is_run_by_cmd(self):
        def run(*command):
            return subprocess.run(command, capture_output=True, text=True)
        listed = run(os.path.join(TOOLS, "elb-cmd"))
        self.assertRegex(listed.stdout, r"(?m)^elb-create-lb +\S")
        helped = run(os.path.join(TOOLS, "mon-cmd"), "mon-put-data", "--help")
        self.assertIn("mon-put-data", helped.stdout)
        wrong = run(os.path.join(TOOLS, "as-cmd"), "as-describe-policie")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("did you mean 'as-describe-policies'?", wrong.stderr)


class OptionsTest(ClassicTestCase):
    def test_wrong_options(self):
        for wrong, said in (
                (["ec2-run-instances"], "Required parameter 'ImageId' missing"),
                (["ec2-run-instances", "ami-1", "ami-2"], "Unexpected argument 'ami-2'"),
                (["ec2-run-instances", "ami-1", "-n", "3-1"], "'3-1' is neither"),
                (["ec2-run-instances", "ami-1", "-n", "x"], "'x' is neither"),
                (["ec2-run-instances", "ami-1", "-k"], "Option '-k' requires an argument"),
                (["ec2-run-instances", "ami-1", "--instance-typ", "x"],
                 "Unknown option '--instance-typ'; did you mean '--instance-type'?"),
                (["ec2-run-instances", "ami-1", "-f", "/nonexistent"], "/nonexistent"),
                (["ec2-run-instances", "ami-1", "-b", "sdb"], "'sdb' is not of the form"),
                (["ec2-run-instances", "ami-1", "-b", "/dev/sdb=a:1:true:x:1:y"], "too many parts"),
                (["ec2-run-instances", "ami-1", "-m=1"], "Option '--m' takes no argument"),
                (["ec2-describe-instances", "-F", "state"], "'state' is not of the form"),
                (["ec2-describe-instances", "--connection-timeout", "soon"], "no number of"),
                (["ec2-describe-instances", "-U", "ftp://x"], "Malformed service URL"),
                (["ec2-authorize", "g"], "'-p, --port-range VALUE' missing"),
                (["ec2-authorize", "g", "-p", "http"], "Invalid argument for option '-p': 'http'"),
                (["ec2-create-tags", "i-1", "-t", "=v"], "'=v' is not of the form"),
                (["ec2-modify-image-attribute", "ami-1", "-a", "all"], "'--launch-permission'"),
                (["ec2-modify-image-attribute", "ami-1", "-l"], "Nothing to change"),
                (["ec2-modify-instance-attribute", "i-1", "-b", "x"], "DEVICE=[VOLUME]"),
                (["ec2-bundle-instance", "i-1", "-b", "b", "-p", "p", "-o", "A"], "--owner-sak"),
                (["ec2-register", "-n", "x"], "'ImageLocation'"),
                (["elb-create-lb", "l"], "Malformed input-Required option '-l, --listener"),
                (["elb-create-lb", "l", "--listener", "protocol=tcp,port=80"],
                 "'port' in 'protocol=tcp,port=80'"),
                (["as-create-launch-config", "--image-id", "x"],
                 "Required parameter 'LaunchConfigurationName' missing"),
                (["mon-get-stats", "CPUUtilization"], "'-s, --statistics")):
            with self.subTest(" ".join(wrong)):
                self.refused(said, *wrong)

    def test_usage_is_shown_with_what_is_wrong(self):
        said = self.refused("Unknown option", "elb-delete-lb", "x", "--no")
        self.assertTrue(said.startswith("elb-delete-lb:  Malformed input-"), said)
        self.assertIn("Usage: elb-delete-lb LoadBalancerName [OPTION...]", said)

    def test_arguments_come_from_standard_input(self):
        first, second = unique("key"), unique("key")
        for name in (first, second):
            self.tool("ec2-create-keypair", name)
        shown = self.lines("ec2-describe-keypairs", "-", stdin=f"{first}\n{second}\n")
        self.assertEqual({row[1] for row in shown}, {first, second})

    def test_a_question_is_asked_before_something_is_deleted(self):
        name = unique("lb")
        self.tool("elb-create-lb", name, "-z", ZONE, "-l",
                  "protocol=tcp,lb-port=80,instance-port=80")
        done = self.run_tool("elb-delete-lb", name, stdin="n\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Are you sure you want to delete this LoadBalancer? [Ny]", done.stdout)
        self.assertIn(name, self.tool("elb-describe-lbs"))
        self.assertEqual(self.run_tool("elb-delete-lb", name).returncode, 1)  # no answer at all
        done = self.run_tool("elb-delete-lb", name, stdin="y\n")
        self.assertEqual(done.returncode, 0)
        self.assertTrue(done.stdout.endswith("OK-Deleting LoadBalancer\n"), done.stdout)
        self.assertNotIn(name, self.tool("elb-describe-lbs"))


class PrintingTest(ClassicTestCase):
    def test_headers(self):
        self.tool("ec2-create-keypair", unique("key"))
        shown = self.lines("ec2-describe-keypairs", "-H")
        self.assertEqual(shown[0], ["KEYPAIR", "Name", "Fingerprint"])
        name = unique("lb")
        self.tool("elb-create-lb", name, "-z", ZONE, "-l",
                  "protocol=tcp,lb-port=80,instance-port=80")
        head, row = self.columns("elb-describe-lbs", name, "--headers")
        self.assertEqual(head, ["LOAD-BALANCER", "NAME", "DNS-NAME", "CREATED-TIME", "SCHEME"])
        self.assertEqual((row[:2], row[4]), (["LOAD-BALANCER", name], "internet-facing"))
        first, second = self.tool("elb-describe-lbs", name, "--headers").splitlines()
        self.assertEqual(first.index("CREATED-TIME"), second.index(row[3]))
        self.tool("elb-delete-lb", name, "-f")

    def test_empty_fields(self):
        id = self.launch()
        self.assertNotIn("(nil)", self.tool("ec2-describe-instances", id))
        row = self.of("INSTANCE", self.lines("ec2-describe-instances", id,
                                             "--show-empty-fields"))[0]
        self.assertEqual(row[6], "(nil)")  # no key
        self.assertEqual(len(row), len(self.instance(id)))

    def test_xml_and_the_request(self):
        xml = self.tool("elb-describe-lbs", "--show-xml")
        self.assertTrue(xml.lstrip().startswith("<"), xml)
        self.assertIn("DescribeLoadBalancersResponse", xml)
        self.assertTrue(self.tool("elb-describe-lbs", "--show-xml", "--headers")
                        .startswith("HTTP/1.1 200"))
        shown = self.tool("as-describe-adjustment-types", "--show-request")
        self.assertIn("Action=DescribeAdjustmentTypes&Version=2011-01-01", shown)
        self.assertIn("<DescribeRegionsResponse", self.tool("ec2-describe-regions", "-v"))
        self.assertEqual(self.tool("as-describe-adjustment-types", "--quiet"), "")
        self.assertEqual(self.tool("as-describe-adjustment-types", "--show-table"),
                         self.tool("as-describe-adjustment-types"))

    def test_delimiters(self):
        self.assertIn("ADJUSTMENT-TYPE|ChangeInCapacity\n", self.tool(
            "as-describe-adjustment-types", "--show-long", "--delimiter", "|"))

    def test_tags_can_be_hidden(self):
        id = self.launch()
        self.tool("ec2-create-tags", id, "-t", "Name=x")
        self.assertIn("\nTAG\tinstance\t", self.tool("ec2-describe-instances", id))
        self.assertNotIn("TAG", self.tool("ec2-describe-instances", id, "--hide-tags"))

    def test_debugging_goes_to_standard_error(self):
        done = self.run_tool("ec2-describe-regions", "--debug")
        self.assertEqual(done.returncode, 0)
        self.assertIn("HTTP/1.1 200", done.stderr)
        self.assertTrue(done.stdout.startswith("REGION\t"))


class ErrorsTest(ClassicTestCase):
    def test_what_the_service_says(self):
        said = self.refused(f"Client.InvalidAMIID.NotFound: The image id '[{ABSENT_IMAGE}]' does "
                            "not exist", "ec2-run-instances", ABSENT_IMAGE)
        self.assertEqual(len(said.splitlines()), 1)
        self.refused("elb-describe-lbs:  LoadBalancerNotFound: There is no ACTIVE Load Balancer",
                     "elb-describe-lbs", "absent")
        self.refused("as-set-desired-capacity:  Malformed input-", "as-set-desired-capacity",
                     "absent", "--desired-capacity", "1")
        self.refused("mon-set-alarm-state:  ResourceNotFound", "mon-set-alarm-state", "absent",
                     "-s", "OK")

    def test_a_wrong_key_is_refused(self):
        wrong = {**self.environment(), "AWS_SECRET_KEY": "wrong"}
        self.refused("Client.SignatureDoesNotMatch: ", "ec2-describe-regions", env=wrong)
        self.refused("elb-describe-lbs:  Refused: ", "elb-describe-lbs", env=wrong)

    def test_nobody_answers(self):
        wrong = {**self.environment(), "EC2_URL": "http://127.0.0.1:1"}
        self.refused("no answer from http://127.0.0.1:1", "ec2-describe-regions", env=wrong)

    def test_an_answer_that_is_no_document(self):
        self.refused("answers with HTTP", "ec2-describe-regions", "-U",
                     self.cloud.endpoint + "/_cumulet/status")

    def test_an_answer_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.path.join(TOOLS, "ec2-describe-regions")], stdout=full,
                                  env=self.environment(), stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class EnvironmentTest(ClassicTestCase):
    def bare(self, **more):
        return {"PATH": os.environ["PATH"], "HOME": self.cloud.directory, **more}

    def file(self, text):
        descriptor, path = tempfile.mkstemp()
        self.addCleanup(os.unlink, path)
        with open(descriptor, "w") as file:
            file.write(text)
        return path

    def credential_file(self):
        credentials = self.cloud.credentials
        return self.file("# of a test\n"
                         f"AWSAccessKeyId={credentials['aws_access_key_id']}\n"
                         f"AWSSecretKey={credentials['aws_secret_access_key']}\n")

    def test_the_cloud_of_the_state_directory(self):
        env = self.bare(CUMULET_STATE=self.cloud.state)
        for tool in ("ec2-describe-regions", "elb-describe-lbs", "as-describe-policies",
                     "mon-describe-alarms"):
            self.tool(tool, env=env)

    def test_no_cloud_at_all(self):
        env = self.bare(CUMULET_STATE="/nonexistent")
        self.refused("no service URL is given, and there is no cloud in /nonexistent",
                     "ec2-describe-regions", env=env)
        self.refused("no access key is given", "elb-describe-lbs", "-U", self.cloud.endpoint,
                     env=env)

    def test_https_is_trusted_by_the_clouds_authority(self):
        cloud = self.start_cloud(backend="fake", https=True)
        credentials = cloud.credentials
        env = self.bare(EC2_URL=credentials["https_endpoint_url"], CUMULET_STATE=cloud.state,
                        AWS_ACCESS_KEY=credentials["aws_access_key_id"],
                        AWS_SECRET_KEY=credentials["aws_secret_access_key"])
        self.tool("ec2-describe-regions", env=env)
        self.refused("no answer from https://", "ec2-describe-regions",
                     env={**env, "CUMULET_STATE": "/nonexistent"})

    def test_a_credential_file(self):
        path = self.credential_file()
        env = self.bare(EC2_URL=self.cloud.endpoint, AWS_CREDENTIAL_FILE=path,
                        CUMULET_STATE="/nonexistent")
        self.tool("as-describe-adjustment-types", env=env)
        env.pop("AWS_CREDENTIAL_FILE")
        self.tool("mon-describe-alarms", "--aws-credential-file", path, env=env)
        self.refused("has no line AWSAccessKeyId=", "mon-describe-alarms",
                     "--aws-credential-file", self.file("nothing\n"), env=env)
        self.refused("/nonexistent", "mon-describe-alarms", "--aws-credential-file",
                     "/nonexistent", env=env)

    def test_keys_by_options(self):
        credentials = self.cloud.credentials
        env = self.bare(CUMULET_STATE="/nonexistent", AWS_ACCESS_KEY="x", AWS_SECRET_KEY="y")
        id, secret = credentials["aws_access_key_id"], credentials["aws_secret_access_key"]
        self.tool("ec2-describe-regions", "-U", self.cloud.endpoint, "-O", id, "-W", secret,
                  "--region", "us-east-1", env=env)
        self.tool("elb-describe-lbs", "-U", self.cloud.endpoint, "-I", id, "-S", secret, env=env)
        self.refused("an access key id needs a secret access key, too", "ec2-describe-regions",
                     "-U", self.cloud.endpoint, "-O", id, env=env)
