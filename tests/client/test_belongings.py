"""What is left of a killed daemon is found and ended, and what a daemon leaves is told: the tests'
own cleanliness, with processes in the place of a daemon's."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from belongings import Process, belongings, lives, survivors  # noqa: E402
from cloud import Cloud, CloudError, CloudTestCase  # noqa: E402


class BelongingsTest(CloudTestCase):
    cloud_options = None

    def setUp(self):
        super().setUp()
        self.cloud = self.start_cloud()

    def sleeper(self, *enter):
        """One that has nothing of the cloud in its command line."""
        process = subprocess.Popen([*enter, "sleep", "infinity"], stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def note(self, name, process):
        with open(f"/proc/{process.pid}/stat") as file:
            started = file.read().rpartition(")")[2].split()[19]
        os.makedirs(os.path.join(self.cloud.state, "run", "vpc-1"), exist_ok=True)
        with open(os.path.join(self.cloud.state, "run", "vpc-1", name), "w") as file:
            file.write(f"{process.pid} {started} boot\n")
        return Process(process.pid, started)

    def test_what_a_killed_daemon_noted_ends_with_the_cloud(self):
        stranger = self.sleeper()
        noted = [self.note(name, self.sleeper()) for name in ("holder", "pasta", "dnsmasq")]
        self.assertEqual(survivors(self.cloud.state), {
            "holder": noted[0].pid, "pasta": noted[1].pid, "dnsmasq": noted[2].pid})
        self.cloud.kill()
        self.cloud.close()
        self.assertEqual([process for process in noted if lives(process)], [])
        self.assertIsNone(stranger.poll())
        self.assertFalse(os.path.exists(self.cloud.directory))

    def test_who_is_in_the_network_belongs_to_it(self):
        enter = ["unshare", "--user", "--net"] if os.geteuid() else ["unshare", "--net"]
        probe = subprocess.run([*enter, "true"], capture_output=True, text=True)
        if probe.returncode:
            self.skipTest(f"no network namespaces here: {probe.stderr.strip()}")
        two = "sleep infinity & echo $!; exec sleep infinity"
        shell = subprocess.Popen([*enter, "sh", "-c", two], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, start_new_session=True, text=True)
        self.addCleanup(shell.stdout.close)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.kill)
        inside = int(shell.stdout.readline())
        holder = self.note("holder", shell)
        found = belongings(self.cloud.directory, self.cloud.state)
        self.assertIn(inside, [process.pid for process in found])
        self.cloud.kill()
        self.cloud.destroy()
        self.assertEqual([process for process in found if lives(process)], [])
        self.assertFalse(lives(holder))

    def test_a_daemon_that_leaves_something_has_not_ended_cleanly(self):
        pasta = self.sleeper()
        self.note("pasta", pasta)
        with self.assertRaisesRegex(CloudError, f"left the process {pasta.pid}: pasta"):
            self.cloud.close()
        pasta.wait(10)  # it was ended all the same

    def test_another_process_of_the_same_number_is_left_alone(self):
        stranger = self.sleeper()
        self.note("pasta", stranger)
        path = os.path.join(self.cloud.state, "run", "vpc-1", "pasta")
        with open(path, "w") as file:
            file.write(f"{stranger.pid} 1 boot\n")
        self.cloud.close()
        self.assertIsNone(stranger.poll())

    def test_a_cloud_that_was_killed_at_its_start_leaves_nothing(self):
        cloud = Cloud(start=False)
        cloud.launch()
        cloud.destroy()
        self.assertFalse(os.path.exists(cloud.directory))
        self.assertEqual(cloud.processes(), [])


if __name__ == "__main__":
    unittest.main()
