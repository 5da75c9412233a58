"""A cloud of an ordinary user: one real guest, with all that root's have."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from cloud import wait_until  # noqa: E402
from guests import GuestCloud, is_refused, low_ports_are_open, why_no_guests  # noqa: E402

cloud = guest = None


def setUpModule():
    global cloud, guest
    reason = "this is root" if os.geteuid() == 0 else why_no_guests()
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(cloud.close)
    ports = (22, 80) if low_ports_are_open() else (2222, 8080)
    cloud.open_ports(*ports)
    # Where low ports are closed to this user, the guest serves on high ones as well.
    more = ("" if ports == (22, 80) else
            "setsid dropbear -s -p 2222\nsetsid busybox httpd -p 8080 -h /var/www/html\n")
    guest = cloud.run_guest(cloud.make_key("k"), *ports,
                            UserData=f"#!/bin/sh\necho once >>/root/ran\n{more}")
    guest.wait_page()
    guest.wait_ssh()


class User(unittest.TestCase):
    def test_1_the_guest_is_itself(self):
        wait_until(lambda: "user data done" in guest.console(), 60, guest.console)
        self.assertEqual(guest.ssh("hostname; cat /root/ran").split(),
                         [f"ip-{guest.private.replace('.', '-')}", "once"])
        self.assertEqual(guest.ssh("imds meta-data/instance-id").strip(), guest.id)
        self.assertIn("172.31.0.1", guest.ssh("nslookup s3.amazonaws.com"))

    def test_2_no_process_has_more_than_the_user(self):
        with open(f"/proc/{guest.pid()}/status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(set(status["Uid"].split()), {str(os.geteuid())})
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)

    def test_3_rules_hold(self):
        guest.ssh("nc -ll -p 5000 -e cat </dev/null >/dev/null 2>&1 &")
        self.assertTrue(is_refused(guest.public, 5000))
        cloud.open_ports(5000)
        wait_until(lambda: not is_refused(guest.public, 5000), 5, "the port opens")
        cloud.close_ports(5000)
        wait_until(lambda: is_refused(guest.public, 5000), 5, "the port closes")
        self.assertIsNotNone(guest.get())

    def test_4_the_guest_survives_a_killed_daemon(self):
        pid, survivors = guest.pid(), cloud.survivors()
        cloud.hang_up()
        cloud.kill()
        cloud.start()
        self.assertEqual((guest.pid(), cloud.survivors()), (pid, survivors))
        self.assertEqual(guest.wait_state("running")["PublicIpAddress"], guest.public)
        guest.wait_page(timeout=10)
        guest.wait_ssh(timeout=20)

    def test_5_it_stops_and_starts(self):
        guest.ssh("echo kept >/root/kept; sync")
        cloud.hang_up()
        cloud.ec2.stop_instances(InstanceIds=[guest.id])
        guest.wait_state("stopped")
        self.assertEqual(cloud.machines(), {})
        cloud.ec2.start_instances(InstanceIds=[guest.id])
        guest.wait_state("running")
        self.assertIsNotNone(guest.pid())
        guest.terminate()
        guest.wait_state("terminated")


if __name__ == "__main__":
    unittest.main()
