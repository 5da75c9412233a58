"""The daemon is killed while real guests run, boot and stop, or ends and leaves them running: the
next one finds everything, finishes what was on its way, and nothing is left over."""

import os
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from belongings import lives  # noqa: E402
from cloud import wait_until  # noqa: E402
from guests import GuestCloud, is_refused, low_ports_are_open, why_no_guests  # noqa: E402

cloud = key = a = b = None


def setUpModule():
    global cloud, key, a, b
    reason = why_no_guests()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    cloud = GuestCloud()
    unittest.addModuleCleanup(cloud.close)
    key = cloud.make_key("k")
    cloud.open_ports(22, 80)
    a, b = cloud.run_guest(key), cloud.run_guest(key)
    for guest in (a, b):
        guest.wait_page()
    for guest in (a, b):
        guest.wait_ssh()


def crash(moment=0.0):
    """kill -9 so many seconds from now, and the next daemon."""
    time.sleep(moment)  # not to wait for anything: to meet another moment
    cloud.hang_up()
    cloud.kill()
    cloud.start()


class Crashes(unittest.TestCase):
    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(cloud.log(), file=sys.stderr)
        return result

    def served(self, guest):
        """It runs and answers, as the tests before left it or started again."""
        if guest.state == "stopped":
            cloud.ec2.start_instances(InstanceIds=[guest.id])
        guest.wait_state("running")
        guest.wait_page()

    def owned(self):
        """Every machine and tap has an instance that runs."""
        pages = cloud.ec2.describe_instances()["Reservations"]
        running = {i["InstanceId"] for page in pages for i in page["Instances"]
                   if i["State"]["Name"] in ("running", "pending")}
        self.assertEqual(set(cloud.machines()), running)
        if os.geteuid() == 0:
            self.assertEqual(len(cloud.taps()), len(running))

    def test_1_guests_that_run_go_on_running(self):
        self.served(a)
        cloud.open_ports(81)
        a.ssh("setsid busybox httpd -f -p 81 -h /var/www/html </dev/null >/dev/null 2>&1 & "
              "setsid busybox httpd -f -p 82 -h /var/www/html </dev/null >/dev/null 2>&1 &")
        pids, survivors = cloud.machines(), cloud.survivors()
        public = [guest.public for guest in (a, b)]
        crash()
        self.assertEqual(cloud.machines(), pids)
        self.assertEqual(cloud.survivors(), survivors)
        for guest, address in zip((a, b), public):
            self.assertEqual(guest.wait_state("running")["PublicIpAddress"], address)
            guest.wait_page(timeout=10)
        with socket.create_connection((a.public, 81), 5):
            pass
        self.assertTrue(is_refused(a.public, 82))
        cloud.close_ports(81)
        wait_until(lambda: is_refused(a.public, 81), 5, "the new daemon closes ports")
        self.assertEqual(a.ssh("cat /proc/sys/kernel/hostname"),
                         f"ip-{a.private.replace('.', '-')}\n")
        self.owned()

    def test_2_launches_go_on_at_whatever_moment(self):
        for moment in (0, 0.05, 0.12, 0.2, 0.3, 0.4, 0.5, 0.8):
            with self.subTest(moment=moment):
                guest = cloud.run_guest(key)
                crash(moment)
                guest.wait_state("running", timeout=30)
                self.owned()
                # Killed on its way out, too.
                disk = guest.disk()
                guest.terminate()
                crash(moment)
                guest.wait_state("terminated", timeout=30)
                self.assertFalse(os.path.exists(disk))
                self.owned()

    def test_3_a_stop_and_a_start_go_on(self):
        self.served(a)
        a.wait_ssh()
        a.ssh("echo kept >/root/kept; sync")
        cloud.ec2.stop_instances(InstanceIds=[a.id])
        crash(0.7)
        stopped = a.wait_state("stopped")
        self.assertEqual(stopped["StateReason"]["Code"], "Client.UserInitiatedShutdown")
        self.owned()
        cloud.ec2.start_instances(InstanceIds=[a.id])
        crash(0.3)
        a.wait_state("running")
        a.wait_page()
        a.wait_ssh()
        self.assertEqual(a.ssh("cat /root/kept"), "kept\n")
        self.owned()

    def test_4_a_reboot_goes_on(self):
        self.served(a)
        a.wait_ssh()
        boot = a.ssh("cat /proc/sys/kernel/random/boot_id | tee /var/www/html/boot; sync")
        cloud.ec2.reboot_instances(InstanceIds=[a.id])
        crash(0.5)
        wait_until(lambda: not a.get(timeout=1), 60, "it goes down")
        a.wait_page()
        a.wait_ssh()
        self.assertNotEqual(a.ssh("cat /proc/sys/kernel/random/boot_id"), boot)
        self.assertEqual(a.state, "running")

    def test_5_a_guest_that_ends_while_no_daemon_runs_is_noticed(self):
        self.served(b)
        b.wait_ssh()
        b.ssh("setsid sh -c 'sleep 1; poweroff' >/dev/null 2>&1 </dev/null &")
        cloud.hang_up()
        cloud.kill()
        wait_until(lambda: "Power down" in b.console(), 30, b.console)
        cloud.start()
        stopped = b.wait_state("stopped")
        self.assertEqual(stopped["StateReason"]["Code"], "Client.InstanceInitiatedShutdown")
        self.owned()

    def test_6_helpers_that_died_meanwhile_are_replaced(self):
        self.served(a)
        cloud.hang_up()
        before = cloud.survivors()
        cloud.kill()
        for name in ("dnsmasq", "pasta"):
            if name in before:
                os.kill(before[name], 9)
        cloud.start()
        after = cloud.survivors()
        self.assertEqual(set(after), set(before))
        self.assertEqual(after["holder"], before["holder"])
        self.assertNotEqual(after["dnsmasq"], before["dnsmasq"])
        a.wait_page(timeout=10)
        a.wait_ssh()
        self.assertIn("172.31.0.1", a.ssh("nslookup s3.amazonaws.com"))

    def test_7_a_daemon_that_ends_can_leave_its_guests_running(self):
        self.served(a)
        pids, public = cloud.machines(), a.public
        cloud.cumulet("stop", "--keep-running")
        cloud.wait_ended(keep_running=True)
        self.assertEqual(cloud.machines(), pids)
        cloud.start()
        self.assertEqual(cloud.machines(), pids)
        self.assertEqual(a.wait_state("running")["PublicIpAddress"], public)
        a.wait_page(timeout=10)

    def test_8_guests_come_back_with_the_daemon(self):
        self.served(a)
        a.wait_ssh()
        a.ssh("echo shut >/root/shut; sync")
        was_stopped = b.state == "stopped"
        public = a.public
        cloud.hang_up()
        cloud.cumulet("stop")
        cloud.wait_ended()
        self.assertEqual(cloud.machines(), {})
        cloud.start()
        self.assertEqual(a.wait_state("running")["PublicIpAddress"], public)
        a.wait_page()
        a.wait_ssh()
        self.assertEqual(a.ssh("cat /root/shut"), "shut\n")
        self.assertEqual(b.state == "stopped", was_stopped)
        self.owned()

    def test_8b_a_machine_that_answers_nobody_does_not_hold_up_the_end(self):
        self.served(a)
        public = a.public
        os.kill(a.pid(), signal.SIGSTOP)
        cloud.hang_up()
        cloud.cumulet("stop")
        cloud.wait_ended()
        self.assertEqual(cloud.machines(), {})
        cloud.start()
        self.assertEqual(a.wait_state("running")["PublicIpAddress"], public)
        a.wait_page()

    def test_9_nothing_is_left_of_a_killed_daemon_once_the_tests_end(self):
        self.served(a)
        machine, helpers = a.pid(), cloud.survivors()
        cloud.kill()
        left = cloud.belongings()
        self.assertLessEqual({machine, *helpers.values()}, {process.pid for process in left})
        cloud.close()
        self.assertEqual([what for process, what in left.items() if lives(process)], [])
        self.assertFalse(os.path.exists(cloud.directory))


if __name__ == "__main__":
    unittest.main()
