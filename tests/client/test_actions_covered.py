"""Every action of every service is called by some client test: by boto3's name for it, or by its
own in a request made by hand. Mentions in comments do not count; names in code do."""

import ast
import glob
import os
import re
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def actions():
    found = {}
    for path in glob.glob(os.path.join(ROOT, "api", "*", "actions.def")):
        with open(path) as file:
            for name in re.findall(r"^ACTION\((\w+),", file.read(), re.MULTILINE):
                found[name] = os.path.basename(os.path.dirname(path))
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
        self.assertIn("RunInstances", actions())
        self.assertIn("GetCallerIdentity", actions())

    def test_every_action_is_called_by_a_client(self):
        used = names_used()
        missing = [f"{service} {name}" for name, service in sorted(actions().items())
                   if name not in used and snake(name) not in used]
        self.assertEqual(missing, [], "add a client test for each")


if __name__ == "__main__":
    unittest.main()
