"""The `cumulet` command against real daemons with the fake back end: what it prints, what it runs,
and how it ends."""

import configparser
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULET, Cloud, CloudTestCase, wait_until  # noqa: E402

COMMANDS = ("status", "env", "credentials", "aws", "ssh", "console", "reset", "stop", "version",
            "help", "account", "s3cfg", "fsck")
ABSENT = "i-00000000000000000"


class ScratchTestCase(unittest.TestCase):
    """For what needs no daemon: a directory, and the command line in an empty environment."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="cumulet-cli-")
        self.addCleanup(shutil.rmtree, self.directory)

    def cumulet(self, *argv, env=None, cwd=None):
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory, **(env or {})}
        return subprocess.run([CUMULET, *argv], env=environment, cwd=cwd, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=60)

    def write_state(self, name="state", **changes):
        """A state directory that a daemon left behind."""
        values = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "se/cr+et",
                  "region": "us-east-1", "endpoint_url": "http://127.0.0.1:1",
                  "account_id": "123456789012", **changes}
        state = os.path.join(self.directory, name)
        os.makedirs(os.path.join(state, "run"))
        with open(os.path.join(state, "credentials"), "w") as file:
            file.write("[default]\n")
            file.writelines(f"{key} = {value}\n" for key, value in values.items() if value)
        return state


class HelpTest(ScratchTestCase):
    def test_every_command_explains_itself(self):
        overview = self.cumulet("help")
        self.assertEqual(overview.returncode, 0)
        for command in COMMANDS:
            with self.subTest(command):
                self.assertRegex(overview.stdout, rf"(?m)^  {command} ")
                by_option = self.cumulet(command, "--help")
                self.assertEqual(by_option.returncode, 0)
                self.assertIn(f"Usage: cumulet {command}", by_option.stdout)
                self.assertEqual(by_option.stdout, self.cumulet("help", command).stdout)
                self.assertEqual(by_option.stderr, "")

    def test_help_fits_a_terminal(self):
        for command in COMMANDS:
            for line in self.cumulet("help", command).stdout.splitlines():
                self.assertLessEqual(len(line), 85, line)

    def test_version(self):
        self.assertRegex(self.cumulet("version").stdout, r"^cumulet \d+\.\d+\.\d+\n$")
        self.assertEqual(self.cumulet("--version").stdout, self.cumulet("version").stdout)

    def test_a_slip_gets_a_suggestion(self):
        done = self.cumulet("stauts")
        self.assertEqual(done.returncode, 2)
        self.assertIn("did you mean 'status'?", done.stderr)

    def test_wrong_usage_ends_with_2(self):
        for argv in ([], ["frobnicate"], ["status", "--frob"], ["status", "extra"], ["console"],
                     ["console", "nonsense"], ["ssh"], ["ssh", "host.example.com"],
                     ["ssh", "--wait", "-5", ABSENT], ["stop", "--timeout", "soon"],
                     ["credentials", "--format", "xml"], ["help", "nothing"], ["account"],
                     ["account", "remove"], ["account", "create"], ["account", "list", "x"],
                     ["account", "list", "--env", "A"], ["account", "list", "--certificates", "x"],
                     ["account", "create", "x", "--json", "--certificates", "x"],
                     ["account", "create", "x", "--env", "1-"]):
            with self.subTest(" ".join(argv)):
                done = self.cumulet(*argv)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr.startswith("cumulet: "), done.stderr)
                self.assertEqual(done.stdout, "")

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([CUMULET, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class NoDaemonTest(ScratchTestCase):
    def test_no_cloud_at_all_says_how_to_start_one(self):
        state = os.path.join(self.directory, "none")
        for command in (["status"], ["env"], ["credentials"], ["aws", "ec2", "help"], ["reset"],
                        ["ssh", ABSENT], ["console", ABSENT]):
            with self.subTest(" ".join(command)):
                done = self.cumulet("--state", state, *command)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(f"./start --detach --state {state}", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_the_state_is_named_by_option_variable_or_default(self):
        variable = {"CUMULET_STATE": "/nonexistent/variable"}
        self.assertIn("/nonexistent/option",
                      self.cumulet("status", "--state", "/nonexistent/option", env=variable).stderr)
        self.assertIn("/nonexistent/variable", self.cumulet("status", env=variable).stderr)
        relative = self.cumulet("status", "--state", "here", cwd=self.directory)
        self.assertIn(os.path.join(os.path.realpath(self.directory), "here"), relative.stderr)
        if os.geteuid() != 0:
            default = self.cumulet("status", env={"XDG_DATA_HOME": "/nonexistent/data"})
            self.assertIn("/nonexistent/data/cumulet", default.stderr)

    def test_a_daemon_that_is_gone_is_said_to_be(self):
        state = self.write_state()
        with open(os.path.join(state, "run", "ready"), "w") as file:
            file.write("http://127.0.0.1:1\n")  # as kill -9 leaves it; nobody listens there
        for command in ("status", "aws", "reset"):
            done = self.cumulet("--state", state, command)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"no daemon runs for {state}", done.stderr)

    def test_stopping_what_does_not_run_is_no_error(self):
        done = self.cumulet("stop", "--state", self.write_state())
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_stop_never_signals_another_program(self):
        state = self.write_state()
        bystander = subprocess.Popen(["sleep", "60"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        with open(os.path.join(state, "run", "cumuletd.pid"), "w") as file:
            file.write(f"{bystander.pid}\n")
        done = self.cumulet("stop", "--state", state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no daemon runs", done.stdout)
        self.assertIsNone(bystander.poll())

    def test_damaged_credentials_say_what_is_wrong(self):
        for key in ("aws_access_key_id", "aws_secret_access_key", "region", "endpoint_url"):
            with self.subTest(key):
                done = self.cumulet("status", "--state", self.write_state(key, **{key: None}))
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"it has no {key}", done.stderr)
        done = self.cumulet("status", "--state",
                            self.write_state("file-url", endpoint_url="file:///etc/passwd"))
        self.assertIn("endpoint_url", done.stderr)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_credentials_of_another_user_say_so(self):
        state = self.write_state()
        os.chmod(os.path.join(state, "credentials"), 0)
        done = self.cumulet("status", "--state", state)
        self.assertEqual(done.returncode, 1)
        self.assertIn("only root and the user who runs that cloud", done.stderr)


class EnvironmentTest(ScratchTestCase):
    def shell(self, script, state, env=None):
        environment = {"PATH": f"{os.path.dirname(CUMULET)}:{os.environ['PATH']}",
                       "CUMULET_STATE": state, **(env or {})}
        done = subprocess.run(["sh", "-euc", script], env=environment, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_env_sets_what_new_and_old_tools_read(self):
        state = self.write_state()
        values = dict(line.split("=", 1) for line in
                      self.shell('eval "$(cumulet env)"; env', state).splitlines())
        expected = {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "se/cr+et",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true",
            "CUMULET_STATE": state, "EC2_URL": "http://127.0.0.1:1",
            "EC2_ACCESS_KEY": "AKIAEXAMPLE", "EC2_SECRET_KEY": "se/cr+et",
            "AWS_ACCESS_KEY": "AKIAEXAMPLE", "AWS_SECRET_KEY": "se/cr+et",
            "EC2_REGION": "us-east-1", "S3_URL": "http://127.0.0.1:1",
            "AWS_ELB_URL": "http://127.0.0.1:1", "AWS_AUTO_SCALING_URL": "http://127.0.0.1:1",
            "AWS_CLOUDWATCH_URL": "http://127.0.0.1:1",
        }
        self.assertEqual({name: values.get(name) for name in expected}, expected)

    def test_env_removes_what_would_lead_elsewhere(self):
        foreign = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "token",
                   "AWS_ENDPOINT_URL_S3": "https://s3.example.com"}
        out = self.shell('eval "$(cumulet env)"; env', self.write_state(), foreign)
        for name in foreign:
            self.assertNotIn(f"{name}=", out)

    def test_env_keeps_clients_from_a_proxy(self):
        out = self.shell('eval "$(cumulet env)"; env', self.write_state(),
                         {"http_proxy": "http://proxy.example.com", "no_proxy": "localhost"})
        self.assertIn("no_proxy=localhost,127.0.0.1\n", out)

    def test_env_unset_undoes_it(self):
        out = self.shell('eval "$(cumulet env)"; eval "$(cumulet env --unset)"; env',
                         self.write_state())
        for name in ("AWS_", "EC2_", "S3_", "CUMULET_"):
            self.assertNotRegex(out, rf"(?m)^{name}")

    def test_odd_values_survive_the_shell(self):
        state = self.write_state("o'brien's $(reboot) `x` \"y\" \\ z")
        out = self.shell('eval "$(cumulet env)"; printf %s "$CUMULET_STATE"', state)
        self.assertEqual(out, state)

    def test_credentials_in_every_form(self):
        state = self.write_state()
        text = self.cumulet("credentials", "--state", state).stdout
        self.assertIn(os.path.join(state, "credentials"), text)
        self.assertIn("AKIAEXAMPLE", text)
        self.assertIn("se/cr+et", text)
        by_flag = self.cumulet("credentials", "--json", "--state", state).stdout
        self.assertEqual(by_flag, self.cumulet("credentials", "--format", "json", "--state",
                                               state).stdout)
        self.assertEqual(json.loads(by_flag)["secret_access_key"], "se/cr+et")
        ini = configparser.ConfigParser(interpolation=None)
        ini.read_string(self.cumulet("credentials", "--format=ini", "--state", state).stdout)
        self.assertEqual(ini["default"]["account_id"], "123456789012")
        self.assertIn("export AWS_ACCESS_KEY_ID='AKIAEXAMPLE'\n",
                      self.cumulet("credentials", "--format", "env", "--state", state).stdout)


    def test_files_for_other_programs(self):
        state = self.write_state()
        text = self.cumulet("credentials", "--state", state).stdout
        for name in ("s3cfg", "rclone.conf", "boto.cfg", "aws-config"):
            path = os.path.join(state, "clients", name)
            self.assertIn(path, text)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            ini = configparser.ConfigParser(interpolation=None)
            ini.read(path)
            values = {key: value for section in ini for key, value in ini[section].items()}
            self.assertIn("AKIAEXAMPLE", values.values(), name)
            self.assertIn("se/cr+et", values.values(), name)

    def test_s3cfg_prints_the_path_of_a_configuration(self):
        path = self.cumulet("s3cfg", "--state", self.write_state()).stdout.strip()
        ini = configparser.ConfigParser(interpolation=None)
        ini.read(path)
        self.assertEqual(ini["default"]["host_base"], "127.0.0.1:1")
        self.assertEqual(ini["default"]["use_https"], "False")


class DaemonTest(CloudTestCase):
    cloud_options = {"backend": "fake", "allow_reset": False}

    def setUp(self):
        super().setUp()
        self.scratch = tempfile.mkdtemp(prefix="cumulet-cli-")
        self.addCleanup(shutil.rmtree, self.scratch)

    def program(self, directory, name, body):
        """A shell script on a PATH of its own."""
        path = os.path.join(self.scratch, directory)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, name), "w") as file:
            file.write(f"#!/bin/sh\n{body}\n")
        os.chmod(os.path.join(path, name), 0o755)
        return path

    def with_path(self, *directories):
        return {**self.cloud.environment, "PATH": ":".join([*directories, "/usr/bin", "/bin"])}

    def launch(self):
        """A running instance, as the status shows it."""
        image = next(image["id"] for image in self.cloud.status()["images"]
                     if image["kind"] == "machine")
        answer = self.cloud.boto3("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1)
        instance_id = answer["Instances"][0]["InstanceId"]
        self.addCleanup(self.terminate, instance_id)
        return wait_until(lambda: self.find(instance_id, "running"), 20, "the instance runs")

    def terminate(self, instance_id):
        self.cloud.boto3("ec2").terminate_instances(InstanceIds=[instance_id])

    def find(self, instance_id, state):
        return next((instance for instance in self.cloud.status()["instances"]
                     if instance["id"] == instance_id and instance["state"] == state), None)


class AccountTest(DaemonTest):
    def test_an_account_is_made_and_listed(self):
        made = json.loads(self.cloud.cumulet("account", "create", "alt", "--json").stdout)
        self.assertRegex(made["id"], r"^\d{12}$")
        self.assertRegex(made["canonical_id"], r"^[0-9a-f]{64}$")
        rows = self.cloud.cumulet("account", "list").stdout.splitlines()
        self.assertEqual(rows[0].split()[:2], [self.cloud.credentials["account_id"], "default"])
        self.assertIn([made["id"], "alt", made["canonical_id"]], [row.split() for row in rows])
        listed = json.loads(self.cloud.cumulet("account", "list", "--json").stdout)["accounts"]
        self.assertNotIn("secret_access_key", listed[-1])
        done = self.cloud.cumulet("account", "create", "alt", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("alt", done.stderr)

    def test_it_gets_a_certificate_if_one_asks_for_it(self):
        with tempfile.TemporaryDirectory() as directory:
            certificates = os.path.join(directory, "new")
            out = self.cloud.cumulet("account", "create", "signer", "--env", "A",
                                     "--certificates", certificates).stdout
            values = dict(line.removeprefix("export ").split("=", 1) for line in out.splitlines())
            values = {name: value.strip("'") for name, value in values.items()}
            id = re.search(r"pk-(\w+)\.pem$", values["A_PRIVATE_KEY"])[1]
            self.assertEqual(values["A_CERT"], f"{certificates}/cert-{id}.pem")
            self.assertEqual(sorted(os.listdir(certificates)),
                             [f"cert-{id}.pem", "cert-ec2.pem", f"pk-{id}.pem"])
            self.assertEqual(os.stat(values["A_PRIVATE_KEY"]).st_mode & 0o777, 0o600)
            with open(os.path.join(self.cloud.state, "certificates", "cert-ec2.pem")) as ec2, \
                    open(f"{certificates}/cert-ec2.pem") as copy, open(values["A_CERT"]) as own:
                self.assertEqual(copy.read(), ec2.read())
                body = own.read()
            iam = self.cloud.boto3("iam", aws_access_key_id=values["A_KEY"],
                                   aws_secret_access_key=values["A_SECRET"])
            registered, = iam.list_signing_certificates()["Certificates"]
            self.assertEqual((registered["CertificateId"], registered["Status"]), (id, "Active"))
            self.assertEqual(registered["CertificateBody"].strip(), body.strip())
            # The key is the certificate's.
            public = [subprocess.run(["openssl", *line], check=True, capture_output=True).stdout
                      for line in (["pkey", "-in", values["A_PRIVATE_KEY"], "-pubout"],
                                   ["x509", "-in", values["A_CERT"], "-noout", "-pubkey"])]
            self.assertEqual(public[0], public[1])
            self.assertNotIn(f"pk-{id}.pem",
                             os.listdir(os.path.join(self.cloud.state, "certificates")))
            shown = self.cloud.cumulet("account", "create", "second", "--certificates",
                                       certificates).stdout
            self.assertRegex(shown, rf"(?m)^private key +{certificates}/pk-\w+\.pem$")

    def test_without_a_place_for_its_certificate_there_is_no_account(self):
        with tempfile.NamedTemporaryFile() as file:
            done = self.cloud.cumulet("account", "create", "nowhere", "--certificates",
                                      f"{file.name}/under", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(file.name, done.stderr)
        self.assertNotIn("nowhere", self.cloud.cumulet("account", "list").stdout)

    def test_its_key_is_told_as_shell_lines_and_works(self):
        out = self.cloud.cumulet("account", "create", "other", "--env", "S3_ALT").stdout
        values = dict(line.removeprefix("export ").split("=", 1) for line in out.splitlines())
        values = {name: value.strip("'") for name, value in values.items()}
        self.assertEqual(set(values), {"S3_ALT_KEY", "S3_ALT_SECRET", "S3_ALT_ID",
                                       "S3_ALT_ACCOUNT"})
        keys = {"aws_access_key_id": values["S3_ALT_KEY"],
                "aws_secret_access_key": values["S3_ALT_SECRET"]}
        identity = self.cloud.boto3("sts", **keys).get_caller_identity()
        self.assertEqual(identity["Account"], values["S3_ALT_ACCOUNT"])
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{identity['Account']}:root")

    def test_its_instances_run_in_a_network_of_its_own(self):
        made = json.loads(self.cloud.cumulet("account", "create", "third", "--json").stdout)
        theirs = self.cloud.boto3("ec2", aws_access_key_id=made["access_key_id"],
                                  aws_secret_access_key=made["secret_access_key"])
        image = theirs.describe_images(Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        answer = theirs.run_instances(ImageId=image, MinCount=1, MaxCount=1)
        instance_id = answer["Instances"][0]["InstanceId"]

        def state():
            found = theirs.describe_instances(InstanceIds=[instance_id])["Reservations"]
            return found[0]["Instances"][0]["State"]["Name"]
        wait_until(lambda: state() == "running", 20, "the instance runs")
        ours = self.cloud.boto3("ec2")
        self.assertNotIn(instance_id, [
            instance["InstanceId"] for reservation in ours.describe_instances()["Reservations"]
            for instance in reservation["Instances"]])
        self.assertNotEqual(theirs.describe_vpcs()["Vpcs"][0]["VpcId"],
                            ours.describe_vpcs()["Vpcs"][0]["VpcId"])
        theirs.terminate_instances(InstanceIds=[instance_id])
        wait_until(lambda: state() == "terminated", 20, "the instance has ended")

    def test_administration_is_for_the_first_account_alone(self):
        made = json.loads(self.cloud.cumulet("account", "create", "fourth", "--json").stdout)
        state = os.path.join(self.scratch, "state")
        os.makedirs(os.path.join(state, "run"))
        shutil.copy(os.path.join(self.cloud.state, "run", "ready"), os.path.join(state, "run"))
        with open(os.path.join(state, "credentials"), "w") as file:
            file.write(f"[default]\naws_access_key_id={made['access_key_id']}\n"
                       f"aws_secret_access_key={made['secret_access_key']}\n"
                       f"region=us-east-1\nendpoint_url={self.cloud.endpoint}\n")
        for command in (["status"], ["reset"], ["account", "list"], ["account", "create", "x"]):
            done = self.cloud.cumulet("--state", state, *command, check=False)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("first account", done.stderr)


class StatusTest(DaemonTest):
    def test_json_is_for_programs(self):
        status = self.cloud.status()
        self.assertEqual(status["pid"], self.cloud.pid)
        self.assertEqual(status["endpoint"], self.cloud.endpoint)
        self.assertEqual(status["state_dir"], self.cloud.state)
        self.assertEqual(status["backend"]["name"], "fake")
        self.assertEqual(status["addresses"]["pool"], self.cloud.place.addresses)

    def test_text_names_the_instances(self):
        instance = self.launch()
        text = self.cloud.cumulet("status").stdout
        self.assertIn(self.cloud.endpoint, text)
        self.assertIn(f"process {self.cloud.pid}", text)
        row = next(line for line in text.splitlines() if line.startswith(instance["id"]))
        for word in ("running", instance["public_ip"], instance["image_id"]):
            self.assertIn(word, row.split())

    def test_a_foreign_key_is_refused_in_clear_words(self):
        state = os.path.join(self.scratch, "state")
        os.makedirs(os.path.join(state, "run"))
        shutil.copy(os.path.join(self.cloud.state, "run", "ready"), os.path.join(state, "run"))
        with open(os.path.join(state, "credentials"), "w") as file:
            file.write("[default]\naws_access_key_id=AKIAWRONG\naws_secret_access_key=wrong\n"
                       f"region=us-east-1\nendpoint_url={self.cloud.endpoint}\n")
        done = self.cloud.cumulet("--state", state, "status", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not accept the key", done.stderr)

    def test_the_secrets_are_for_their_owner_only(self):
        mode = os.stat(os.path.join(self.cloud.state, "credentials")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_a_proxy_is_not_asked(self):
        env = {**self.cloud.environment, "http_proxy": "http://127.0.0.1:1", "NO_PROXY": ""}
        self.assertEqual(self.cloud.cumulet("status", env=env).returncode, 0)

    def test_reset_needs_the_daemons_consent(self):
        done = self.cloud.cumulet("reset", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--allow-reset", done.stderr)


class AwsTest(DaemonTest):
    def test_the_aws_cli_is_pointed_here(self):
        path = self.program("bin", "aws", 'printf "%s\\n" "$@"; env')
        done = self.cloud.cumulet("aws", "ec2", "describe-instances", "--query", "a b",
                                  env={**self.with_path(path), "AWS_PROFILE": "work",
                                       "AWS_ENDPOINT_URL_EC2": "https://ec2.example.com"})
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:6], ["--endpoint-url", self.cloud.endpoint, "ec2",
                                     "describe-instances", "--query", "a b"])
        self.assertIn(f"AWS_ACCESS_KEY_ID={self.cloud.credentials['aws_access_key_id']}", lines)
        self.assertIn("AWS_PAGER=", lines)
        self.assertNotIn("AWS_PROFILE=", done.stdout)
        self.assertNotIn("example.com", done.stdout)

    def test_a_broken_stand_in_is_passed_over(self):
        broken = self.program("broken", "aws", "echo 'aws: command not found' >&2; exit 127")
        works = self.program("works", "aws", 'echo "works $*"')
        done = self.cloud.cumulet("aws", "s3", "ls", env=self.with_path(broken, works))
        self.assertEqual(done.stdout, f"works --endpoint-url {self.cloud.endpoint} s3 ls\n")

    def test_its_exit_code_is_ours(self):
        path = self.program("bin", "aws", '[ "$1" = --version ] || exit 254')
        self.assertEqual(self.cloud.cumulet("aws", "x", env=self.with_path(path),
                                            check=False).returncode, 254)

    def test_without_an_aws_cli_it_says_what_to_install(self):
        env = {**self.cloud.environment, "PATH": self.scratch}
        done = self.cloud.cumulet("aws", "s3", "ls", env=env, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install awscli", done.stderr)

    def test_the_real_one_works(self):
        if not shutil.which("aws"):
            self.skipTest("no AWS CLI here (apt-get install awscli)")
        done = self.cloud.cumulet("aws", "ec2", "describe-regions", "--query",
                                  "Regions[].RegionName", "--output", "text")
        self.assertIn(self.cloud.credentials["region"], done.stdout.split())


class SshTest(DaemonTest):
    def test_ssh_gets_address_user_and_known_hosts(self):
        instance = self.launch()
        path = self.program("bin", "ssh", 'printf "%s\\n" "$@"')
        done = self.cloud.cumulet("ssh", "--wait", "0", "-i", "k.pem", instance["id"], "-v",
                                  "echo", "-n", env=self.with_path(path))
        self.assertEqual(done.stdout.splitlines(), [
            "-i", "k.pem", "-v", "-o", "User=root", "-o", f"HostKeyAlias={instance['id']}",
            "-o", f'UserKnownHostsFile="{self.cloud.state}/known_hosts"',
            "-o", "StrictHostKeyChecking=accept-new", "--", instance["public_ip"],
            "echo", "-n"])

    def test_the_real_ssh_understands_it(self):
        ssh = shutil.which("ssh")
        if not ssh:
            self.skipTest("no ssh here (apt-get install openssh-client)")
        instance = self.launch()
        path = self.program("bin", "ssh", f'exec {ssh} -F none -G "$@"')

        def settings(*argv):
            out = self.cloud.cumulet("ssh", "--wait=0", *argv, env=self.with_path(path)).stdout
            return dict(line.split(" ", 1) for line in out.splitlines() if " " in line)

        plain = settings(instance["id"])
        self.assertEqual(plain["hostname"], instance["public_ip"])
        self.assertEqual(plain["user"], "root")
        self.assertEqual(plain["hostkeyalias"], instance["id"])
        self.assertEqual(plain["userknownhostsfile"], f"{self.cloud.state}/known_hosts")
        self.assertEqual(plain["stricthostkeychecking"], "accept-new")
        self.assertEqual(settings(f"admin@{instance['id']}")["user"], "admin")
        self.assertEqual(settings("-l", "admin", instance["id"])["user"], "admin")
        self.assertEqual(settings(instance["id"], "-p", "2222")["port"], "2222")

    def test_it_waits_until_the_server_answers(self):
        instance = self.launch()
        with socket.socket() as taken:  # a port nobody has
            taken.bind((instance["public_ip"], 0))
            address = taken.getsockname()
        path = self.program("bin", "ssh", "echo connected")
        waiting = subprocess.Popen([CUMULET, "ssh", "--wait", "60", "-p", str(address[1]),
                                    instance["id"]], env=self.with_path(path), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        # It has found that nobody answers.
        self.assertIn("waiting for the SSH server", waiting.stderr.readline())

        def serve(server):
            # First as a relay does whose guest does not listen yet.
            server.accept()[0].close()
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-test\r\n")
            connection.close()

        with socket.create_server(address) as server:
            thread = threading.Thread(target=serve, args=(server,), daemon=True)
            thread.start()
            out, errors = waiting.communicate(timeout=60)
            thread.join(10)
        self.assertEqual((waiting.returncode, out), (0, "connected\n"), errors)

    def test_it_gives_up_with_advice(self):
        instance = self.launch()
        path = self.program("bin", "ssh", "echo connected")
        done = self.cloud.cumulet("ssh", "--wait", "1", "-p", "9", instance["id"], check=False,
                                  env=self.with_path(path))
        self.assertEqual(done.returncode, 1)
        self.assertIn("authorize-security-group-ingress", done.stderr)
        self.assertIn(f"cumulet console {instance['id']}", done.stderr)

    def test_an_unknown_instance_is_an_error(self):
        for command in ("ssh", "console"):
            done = self.cloud.cumulet(command, ABSENT, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"there is no instance {ABSENT}", done.stderr)


class ConsoleTest(DaemonTest):
    def write(self, path, text, mode="a"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, mode) as file:
            file.write(text)

    def follow(self, instance):
        process = subprocess.Popen([CUMULET, "console", instance["id"]],
                                   env=self.cloud.environment, text=True, bufsize=1,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_no_follow_shows_what_is_there(self):
        instance = self.launch()
        self.write(instance["console"], "one\ntwo\n", "w")
        done = self.cloud.cumulet("console", "--no-follow", instance["id"])
        self.assertEqual(done.stdout, "one\ntwo\n")

    def test_it_follows_until_the_instance_ends(self):
        instance = self.launch()
        self.write(instance["console"], "booting\n", "w")
        process = self.follow(instance)
        self.assertEqual(process.stdout.readline(), "booting\n")
        self.write(instance["console"], "login:\n")
        self.assertEqual(process.stdout.readline(), "login:\n")
        self.terminate(instance["id"])
        out, errors = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (0, ""), errors)
        self.assertRegex(errors, f"{instance['id']} is (terminated|gone)")

    def test_a_log_cut_at_its_begin_is_not_shown_twice(self):
        instance = self.launch()
        lines = [f"line {number} of a boot\n" for number in range(200)]
        self.write(instance["console"], "".join(lines), "w")
        process = self.follow(instance)
        for line in lines:
            self.assertEqual(process.stdout.readline(), line)
        self.write(instance["console"], "".join(lines[-100:]) + "after the cut\n", "w")
        self.assertEqual(process.stdout.readline(), "after the cut\n")

    def test_it_needs_no_daemon_to_show_a_log(self):
        cloud = self.start_cloud()
        path = os.path.join(cloud.state, "instances", ABSENT, "console.log")
        self.write(path, "kernel panic\n")
        cloud.kill()
        done = cloud.cumulet("console", "--no-follow", ABSENT)
        self.assertEqual(done.stdout, "kernel panic\n")


class LifeTest(CloudTestCase):
    cloud_options = None

    def test_stop_ends_the_daemon(self):
        cloud = self.start_cloud()
        for arguments in ([], ["--keep-running"]):
            with self.subTest(arguments):
                # As a shell would reap it.
                reaper = threading.Thread(target=cloud.process.wait)
                reaper.start()
                done = cloud.cumulet("stop", *arguments)
                reaper.join(30)
                self.assertIn("has ended", done.stdout)
                cloud.wait_ended()
                self.assertEqual(cloud.cumulet("status", check=False).returncode, 3)
                self.assertIn("no daemon runs", cloud.cumulet("stop").stdout)
            cloud.start()

    def test_a_killed_daemon_is_noticed_and_its_state_served_again(self):
        cloud = self.start_cloud()
        cloud.kill()
        done = cloud.cumulet("status", check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no daemon runs", done.stderr)
        cloud.start()
        self.assertEqual(cloud.status()["pid"], cloud.pid)

    def test_two_clouds_run_side_by_side(self):
        one, two = self.start_cloud(), self.start_cloud()
        self.assertNotEqual(one.status()["endpoint"], two.status()["endpoint"])
        self.assertNotEqual(one.status()["pid"], two.status()["pid"])
        one.cumulet("stop")
        one.wait_ended()
        self.assertEqual(two.status()["pid"], two.pid)

    def test_reset_leaves_a_fresh_cloud(self):
        cloud = self.start_cloud(allow_reset=True)
        image = next(image["id"] for image in cloud.status()["images"]
                     if image["kind"] == "machine")
        cloud.boto3("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1)
        self.assertEqual(len(cloud.status()["instances"]), 1)
        cloud.cumulet("reset")
        status = cloud.status()
        self.assertEqual(status["instances"], [])
        self.assertIn(image, [image["id"] for image in status["images"]])


if __name__ == "__main__":
    unittest.main()
