"""fog-aws, a Ruby library, drives the lifecycle (fog_lifecycle.rb)."""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import Instance, Lifecycle, Refused  # noqa: E402

RUBY = "/usr/bin/ruby"
if not os.access(RUBY, os.X_OK):
    raise unittest.SkipTest(f"no {RUBY} here (apt-get install ruby)")
if subprocess.run([RUBY, "-e", "require 'fog/aws'"], capture_output=True).returncode != 0:
    raise unittest.SkipTest("no fog-aws here (apt-get install ruby-fog-aws)")


class FogClient:
    """Every verb is one line to the Ruby process and one back."""

    cannot = ()

    def __init__(self, cloud):
        self.process = subprocess.Popen(
            [RUBY, os.path.join(HERE, "fog_lifecycle.rb")], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, encoding="utf-8",
            env={**cloud.environment, "LC_ALL": "C.UTF-8"})

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, verb, *arguments):
        self.process.stdin.write(json.dumps({"verb": verb, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "fog_lifecycle.rb has ended"
        answer = json.loads(line)
        if "refused" in answer:
            raise Refused(*answer["refused"])
        return answer["result"]

    def __getattr__(self, verb):
        return lambda *arguments: self.call(verb, *arguments)

    def groups(self):
        return {name: {tuple(rule) for rule in rules}
                for name, rules in self.call("groups").items()}

    def instances(self, ids=None, tags=None):
        return [Instance(**{**item, "groups": frozenset(item["groups"])})
                for item in self.call("instances", ids, tags)]

    def start(self, id):
        return tuple(self.call("start", id))

    def stop(self, id):
        return tuple(self.call("stop", id))

    def terminate(self, id):
        return tuple(self.call("terminate", id))


class FogTest(Lifecycle, CloudTestCase):
    def make_client(self):
        client = FogClient(self.cloud)
        self.addClassCleanup(client.close)
        return client

    def test_a_server_lives_as_its_model_has_it(self):
        seen = self.client.server_life(self.image())
        self.assertTrue(seen["address"].startswith("127."))
        self.assertEqual((seen["tags"], seen["state"]), ({"Name": "fog"}, "terminated"))


if __name__ == "__main__":
    unittest.main()
