"""The tools of old (ec2-…, elb-…, as-…, mon-…), run by their names.

    class Keys(ClassicTestCase):
        def test_a_key_pair_is_listed(self):
            self.lines("ec2-describe-keypairs")        → [["KEYPAIR", name, fingerprint]]
            self.refused("Client.InvalidKeyPair.NotFound: ", "ec2-describe-keypairs", "absent")

They find the cloud by the variables of that time and by nothing else."""

import glob
import os
import re
import subprocess

from cloud import BUILD, CloudTestCase, wait_until

TOOLS = os.path.join(BUILD, "classic")
DEADLINE = 30


class ClassicTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def environment(self):
        """As `cumulet env` had a shell of 2009 set up."""
        credentials, endpoint = self.cloud.credentials, self.cloud.endpoint
        return {
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "HOME": self.cloud.directory,
            "EC2_URL": endpoint,
            "AWS_ELB_URL": endpoint,
            "AWS_AUTO_SCALING_URL": endpoint,
            "AWS_CLOUDWATCH_URL": endpoint,
            "AWS_ACCESS_KEY": credentials["aws_access_key_id"],
            "AWS_SECRET_KEY": credentials["aws_secret_access_key"],
        }

    def run_tool(self, name, *arguments, env=None, stdin=""):
        return subprocess.run([os.path.join(TOOLS, name), *arguments],
                              env=self.environment() if env is None else env, input=stdin,
                              capture_output=True, text=True, timeout=60)

    def tool(self, name, *arguments, **options):
        """What a tool prints; it must have done what it was told, and have said nothing else."""
        done = self.run_tool(name, *arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name} {arguments}")
        return done.stdout

    def shell(self, command):
        """A line as somebody types it: the scenario's own words."""
        done = subprocess.run(["sh", "-c", command], env=self.environment(), capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def lines(self, name, *arguments, **options):
        """Of EC2's tools: each line's columns."""
        return [line.split("\t") for line in
                self.tool(name, *arguments, **options).splitlines()]

    def columns(self, name, *arguments, **options):
        """Of the others: each line's columns, which two spaces or more separate."""
        return [re.split(r"  +", line) for line in
                self.tool(name, *arguments, **options).splitlines()]

    def of(self, word, rows):
        """The rows that begin with the word."""
        return [row for row in rows if row[0] == word]

    def refused(self, text, name, *arguments, **options):
        """The tool fails with 1, prints nothing, and says this."""
        done = self.run_tool(name, *arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn(text, done.stderr)
        return done.stderr

    # --- what tests share ---

    def image(self):
        """The image that every cloud has."""
        return next(row[1] for row in self.lines("ec2-describe-images", "-a")
                    if row[0] == "IMAGE" and "micro" in row[2])

    def launch(self, *arguments):
        """The id of a running instance of this test alone."""
        rows = self.lines("ec2-run-instances", self.image(), *arguments)
        id = self.of("INSTANCE", rows)[0][1]
        self.addCleanup(lambda: self.tool("ec2-terminate-instances", id))
        self.wait_for(id, "running")
        return id

    def instance(self, id):
        return self.of("INSTANCE", self.lines("ec2-describe-instances", id))[0]

    def wait_for(self, id, state):
        wait_until(lambda: self.instance(id)[5] == state, DEADLINE, f"{id} is {state}")


def tools(prefix):
    """The first names of a family's tools, as `cumulet classic list` shows them."""
    listed = subprocess.run([os.path.join(BUILD, "cumulet"), "classic", "list"], check=True,
                            capture_output=True, text=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.startswith(f"{prefix}-")]


def tools_used(directory):
    """Words of the strings in tests of the tools of old."""
    words = set()
    for path in glob.glob(os.path.join(directory, "test_classic*.py")):
        with open(path) as file:
            for text in re.findall(r"\"([^\"\n]*)\"|'([^'\n]*)'", file.read()):
                words.update(" ".join(text).split())
    return words
