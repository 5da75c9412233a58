"""The section about objects of README.md, typed word for word, with the fake back end."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import BUILD, CloudTestCase, ROOT  # noqa: E402


def commands():
    with open(os.path.join(ROOT, "README.md")) as file:
        section = file.read().partition("\n## Objects\n")[2].partition("\n## ")[0]
    return [line[4:] for line in section.splitlines() if line.startswith("    ")]


class ReadmeTest(CloudTestCase):
    def test_the_section_about_objects(self):
        for program in ("s3cmd", "aws", "curl"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"no {program} here (apt-get install {program})")
        with tempfile.TemporaryDirectory() as place:
            os.symlink(BUILD, os.path.join(place, "build"))
            os.mkdir(os.path.join(place, "site"))
            with open(os.path.join(place, "site", "index.html"), "w") as file:
                file.write("<p>hello\n")
            typed = commands()
            self.assertGreater(len(typed), 6)
            for command in typed:
                with self.subTest(command):
                    done = subprocess.run(["sh", "-c", command], cwd=place, text=True,
                                          capture_output=True, env=self.cloud.environment)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    if " ls " in command:
                        self.assertIn("index.html", done.stdout)
                    if "curl" in command:
                        self.assertEqual(done.stdout, "<p>hello\n")
                    if "account" in command:
                        self.assertRegex(done.stdout, r"(?m)^(export )?ALICE_KEY=")


if __name__ == "__main__":
    unittest.main()
