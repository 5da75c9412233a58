"""Every action of every service is called by some client test: by boto3's name for it, or by its
own in a request made by hand. Mentions in comments do not count; names in code do. And every one is
in docs/actions.md."""

import ast
import glob
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def actions():
    """(service, name) of each."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "api", "*", "*.def")):
        service = os.path.basename(os.path.dirname(path))
        with open(path) as file:
            found |= {(service, name) for name in
                      re.findall(r"^(?:ACTION|OPERATION)\((\w+),", file.read(), re.MULTILINE)}
    return found


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def names_used():
    """Methods called or handed over, and whole strings."""
    used = set()
    for path in glob.glob(os.path.join(HERE, "test_*.py")):
        with open(path) as file:
            tree = ast.parse(file.read(), path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    return used


class ActionsTest(unittest.TestCase):
    def test_there_are_actions(self):
        for one in (("ec2", "RunInstances"), ("sts", "GetCallerIdentity"), ("s3", "PutObject"),
                    ("s3", "TagResource")):
            self.assertIn(one, actions())

    def test_every_action_is_called_by_a_client(self):
        used = names_used()
        missing = [f"{service} {name}" for service, name in sorted(actions())
                   if name not in used and snake(name) not in used]
        self.assertEqual(missing, [], "add a client test for each")

    def test_docs_have_every_action(self):
        tool = os.path.join(ROOT, "tools", "actions.py")
        check = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)
        with open(os.path.join(ROOT, "docs", "actions.md")) as file:
            listed = set(re.findall(r"^\| (\w+) \|", file.read(), re.MULTILINE))
        self.assertEqual({name for _, name in actions()} - listed, set())


if __name__ == "__main__":
    unittest.main()
