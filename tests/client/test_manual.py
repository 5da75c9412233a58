"""The manuals in docs/ tell of every command and option that --help tells of, and of no others."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from cloud import BUILD, CUMULET, ROOT  # noqa: E402

# Of all commands; the manual tells of them once.
COMMON = {"state", "help"}


def read(name):
    with open(os.path.join(ROOT, "docs", name)) as file:
        return file.read()


def said(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def section(manual, name):
    return re.search(rf"(?ms)^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", manual)[1]


def long_options(text):
    """Those that a man page's source has."""
    return set(re.findall(r"\bFl -([a-z][a-z0-9-]*)", text))


def helped(text):
    """Those that a help text lists."""
    return set(re.findall(r"(?m)^ +(?:-\S, )*--([a-z][a-z0-9-]*)", text))


class ManualTest(unittest.TestCase):
    def commands(self):
        listed = re.search(r"(?s)\nCommands:\n(.*?)\n\n", said(CUMULET, "help"))[1]
        return re.findall(r"(?m)^  ([a-z0-9]+) ", listed)

    def entries(self):
        """Of each command, what the manual says of it."""
        entries, commands, last = {}, self.commands(), None
        items = re.split(r"(?m)^\.It (?=Cm [a-z0-9]+)", section(read("cumulet.1"), "COMMANDS"))
        for item in items[1:]:
            name = re.match(r"Cm ([a-z0-9]+)", item)[1]
            if name in commands:  # not one of a list inside
                last = name
            entries[last] = entries.get(last, "") + item
        return entries

    def test_every_command_has_an_entry(self):
        self.assertEqual(sorted(self.entries()), sorted(self.commands()))

    def test_every_option_of_a_command_is_in_its_entry(self):
        for name, entry in self.entries().items():
            with self.subTest(name):
                options = helped(said(CUMULET, name, "--help").partition("\nOptions:\n")[2])
                self.assertEqual(long_options(entry) - COMMON - self.others(name),
                                 options - COMMON)

    @staticmethod
    def others(name):
        """Options of another program, or another command, that an entry names."""
        return {"aws": {"endpoint-url"}, "reset": {"allow-reset"},
                "classic": {"help"}}.get(name, set())

    def test_every_word_after_a_command_has_an_entry(self):
        manual = section(read("cumulet.1"), "COMMANDS")
        for words in ("account create", "account list", "classic install", "classic list",
                      "image build", "image import", "dns install", "dns remove"):
            command, word = words.split()
            self.assertIn(word, said(CUMULET, command, "--help"))
            self.assertRegex(manual, rf"(?m)^\.It Cm {command} .*\b{word}\b")

    def test_every_option_of_the_daemon_is_in_its_manual(self):
        options = helped(said(os.path.join(BUILD, "cumuletd"), "--help"))
        self.assertEqual(long_options(section(read("cumuletd.8"), "DESCRIPTION")) - {"help"},
                         options - {"help"})

    def test_every_option_of_all_old_tools_is_in_their_manual(self):
        manual = section(read("cumulet-classic.1"), "OPTIONS")
        families = {"ec2": "ec2-describe-regions", "elb": "elb-describe-lbs",
                    "as": "as-describe-triggers", "mon": "mon-list-metrics"}
        listed = set()
        for family, tool in families.items():
            # The program is told its name, which is all that a link would do.
            general = subprocess.run([tool, "--help"], check=True, capture_output=True, text=True,
                                     executable=os.path.join(BUILD, "cumulet-classic")
                                     ).stdout.partition("\nGENERAL OPTIONS\n")[2]
            with self.subTest(family):
                self.assertTrue(helped(general))
                self.assertEqual(helped(general) - long_options(manual), set())
                letters = set(re.findall(r"(?m)^ +-(\w),? ", general))
                self.assertEqual(letters - set(re.findall(r"\bFl (\w)\b", manual)), set())
            listed |= helped(general)
        self.assertEqual(long_options(manual) - listed, set())

    def test_the_old_tools_variables_are_in_their_manual(self):
        with open(os.path.join(ROOT, "cli", "classic", "who.c")) as file:
            source = file.read()
        named = set(re.findall(r'"((?:AWS|EC2)_[A-Z_]+)"', source))
        manual = section(read("cumulet-classic.1"), "ENVIRONMENT")
        self.assertTrue(named)
        self.assertEqual({name for name in named if name not in manual}, set())


if __name__ == "__main__":
    unittest.main()
