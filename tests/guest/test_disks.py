"""Disks of real machines by the libvirt back end: attached, detached, grown and forked while a guest
runs, and the process that does it killed in between."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from bare_machines import MachineError, Machines  # noqa: E402
from cloud import ROOT  # noqa: E402

DISK_NAMES = os.path.join(ROOT, "guest", "common", "disk-names")
MIB = 1024 * 1024
NAME = "i-0123456789abcdef0"
WRITER = """
cat >/run/writer <<'END'
#!/bin/sh
i=0
while :; do
    i=$((i + 1))
    echo "$i" >/mnt/data/new
    sync
    mv /mnt/data/new /mnt/data/count
    [ -e /run/stop ] && break
    usleep 20000
done
rm /run/stop
END
setsid sh /run/writer </dev/null >/dev/null 2>&1 &
"""
# What an agent has to understand for a fork: libvirt's sync, and freezing.
AGENT = """
insmod /lib/modules/$(uname -r)/virtio_console.ko
cat >/run/agent <<'END'
#!/bin/sh
log=/run/agent.log
exec 3<>"$(echo /dev/vport*)"
while :; do
    while read -r line <&3; do
        reply=0
        case $line in
        *guest-sync*)
            reply=${line##*:}
            reply=${reply%%\}*}
            ;;
        *fsfreeze-freeze*) fsfreeze --freeze /mnt/data && reply=1 && echo freeze >>$log ;;
        *fsfreeze-thaw*) fsfreeze --unfreeze /mnt/data && reply=1 && echo thaw >>$log ;;
        esac
        echo "{\\"return\\": $reply}" >&3
    done
    usleep 50000
done
END
usleep 200000
setsid sh /run/agent </dev/null >/dev/null 2>&1 &
echo $! >/run/agent.pid
"""
machines = guest = None


def setUpModule():
    global machines
    for program in ("qemu-system-x86_64", "qemu-img", "debugfs"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            raise unittest.SkipTest(f"{program} is not installed")
    machines = Machines()
    unittest.addModuleCleanup(machines.close)


def the_guest():
    global guest
    if guest is None:
        guest = machines.boot(NAME)
    return guest


def check(path):
    """qemu-img's opinion of a file that a machine may have open for reading."""
    subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", path], check=True, timeout=60)


class Names(unittest.TestCase):
    """guest/common/disk-names, which guests run, on a made-up /sys."""

    def setUp(self):
        self.sys = tempfile.mkdtemp(prefix="cumulet-sys-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.sys)

    def add(self, name, model, vendor="Cumulet ", serial=b"vol01"):
        device = os.path.join(self.sys, name, "device")
        os.makedirs(device)
        for field, value in (("vendor", vendor.encode() + b"\n"),
                             ("model", model.encode().ljust(16) + b"\n"),
                             ("vpd_pg80", bytes([0, 0x80, 0, len(serial)]) + serial)):
            with open(os.path.join(device, field), "wb") as file:
                file.write(value)

    def add_partition(self, disk, number):
        inner = os.path.join(self.sys, disk, f"{disk}{number}")
        os.mkdir(inner)
        with open(os.path.join(inner, "partition"), "w", encoding="ascii") as file:
            file.write(f"{number}\n")
        os.symlink(f"{disk}/{disk}{number}", os.path.join(self.sys, f"{disk}{number}"))

    def names(self, kernel_name):
        return subprocess.run(["sh", DISK_NAMES, kernel_name], check=True, capture_output=True,
                              env={**os.environ, "sys": self.sys, "dev": self.sys},
                              text=True).stdout.split()

    def test_both_spellings_and_the_serial(self):
        for name, model in (("sda", "xvdf"), ("sdb", "sdg"), ("sdc", "xvdba")):
            self.add(name, model)
        self.assertEqual(self.names("sda"), ["xvdf", "sdf", "disk/by-id/scsi-vol01"])
        self.assertEqual(self.names("sdb"), ["xvdg", "sdg", "disk/by-id/scsi-vol01"])
        self.assertEqual(self.names("sdc"), ["xvdba", "sdba", "disk/by-id/scsi-vol01"])

    def test_partitions_are_numbered(self):
        self.add("sda", "sdf")
        self.add("sdb", "xvdg1")
        self.add_partition("sda", 2)
        self.add_partition("sdb", 3)
        self.assertEqual(self.names("sda2"), ["xvdf2", "sdf2", "disk/by-id/scsi-vol01-part2"])
        self.assertEqual(self.names("sdb3")[:2], ["xvdg1p3", "sdg1p3"])

    def test_name_of_another_disk_is_not_taken(self):
        self.add("sda", "sdb")
        self.add("sdb", "xvda")
        self.assertEqual(self.names("sda")[0:2], ["xvdb", "disk/by-id/scsi-vol01"])
        self.assertEqual(self.names("sdb")[0:2], ["xvda", "disk/by-id/scsi-vol01"])

    def test_foreign_and_strange_disks_get_none(self):
        self.add("sda", "xvdf", vendor="QEMU    ")
        self.add("sdb", "../xvdf")
        self.add("sdc", "floppy")
        self.add("sdd", "xvdh", serial=b"a/b")
        for name in ("sda", "sdb", "sdc", "sdz"):
            self.assertEqual(self.names(name), [])
        self.assertEqual(self.names("sdd"), ["xvdh", "sdh"])


class Files(unittest.TestCase):
    def test_disk_converts_to_a_sparse_file_and_back(self):
        raw, disk, again = (machines.path(name) for name in ("some.raw", "some.qcow2", "again.raw"))
        with open(raw, "wb") as file:
            file.write(b"first sector".ljust(512, b"\0"))
            file.truncate(64 * MIB)
            file.seek(33 * MIB)
            file.write(b"in the middle")
        machines.ask("convert", path=raw, format="raw", new_path=disk, new_format="qcow2")
        check(disk)
        machines.ask("convert", path=disk, format="qcow2", new_path=again, new_format="raw")
        with open(raw, "rb") as one, open(again, "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.assertLess(os.stat(again).st_blocks * 512, MIB)

    def test_existing_file_is_left_alone(self):
        there = machines.path("there.raw")
        with open(there, "w", encoding="ascii") as file:
            file.write("precious")
        disk = machines.create("source.qcow2", MIB)
        machines.ask("convert", path=disk, format="qcow2", new_path=there, new_format="raw")
        with open(there, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_layer_over_a_file_elsewhere_is_not_read(self):
        disk = machines.path("sly.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw",
                        disk], check=True)
        os.chmod(disk, 0o644)
        with self.assertRaisesRegex(MachineError, "/etc/passwd"):
            machines.ask("convert", path=disk, format="qcow2", new_path=machines.path("loot"),
                         new_format="raw")
        self.assertFalse(os.path.exists(machines.path("loot")))

    def test_file_grows_and_never_shrinks(self):
        disk = machines.create("growing.qcow2", 4 * MIB)
        for size, now in ((9 * MIB, 9), (2 * MIB, 9), (9 * MIB, 9)):
            machines.ask("resize", path=disk, size=size)
            info = subprocess.run(["qemu-img", "info", disk], check=True, capture_output=True,
                                  text=True).stdout
            self.assertIn(f"virtual size: {now} MiB", info)


class Disks(unittest.TestCase):
    def test_1_disk_comes_with_both_its_names_and_keeps_its_data(self):
        guest = the_guest()
        disk = machines.create("a.qcow2", 64 * MIB)
        guest.attach("sdf", "vol0aaaaaaaaaaaaaaa1", disk)
        guest.attach("sdf", "vol0aaaaaaaaaaaaaaa1", disk)
        guest.wait_for("/dev/xvdf")
        guest.run("mke2fs /dev/xvdf >/dev/null && mkdir -p /mnt/a && mount /dev/sdf /mnt/a && "
                  "echo kept >/mnt/a/file && umount /mnt/a && "
                  "[ -b /dev/disk/by-id/scsi-vol0aaaaaaaaaaaaaaa1 ]")
        self.assertTrue(guest.detach("vol0aaaaaaaaaaaaaaa1")["gone"])
        self.assertTrue(guest.detach("vol0aaaaaaaaaaaaaaa1")["gone"])
        guest.wait_for("/dev/xvdf", there=False)
        guest.attach("xvdg", "vol0aaaaaaaaaaaaaaa1", disk)
        guest.wait_for("/dev/xvdg")
        self.assertEqual(guest.run("mount /dev/xvdg /mnt/a && cat /mnt/a/file && umount /mnt/a"),
                         "kept\n")
        guest.detach("vol0aaaaaaaaaaaaaaa1")

    def test_2_guest_sees_its_disks_grow(self):
        guest = the_guest()
        guest.attach("xvdf", "vol2", machines.create("b.qcow2", 64 * MIB))
        guest.wait_for("/dev/xvdf")
        for serial, device in (("vol2", "xvdf"), ("root", "vda")):
            guest.grow(serial, 96 * MIB)
            guest.grow(serial, 70 * MIB)
            guest.wait(f"[ \"$(blockdev --getsize64 /dev/{device})\" = {96 * MIB} ]")
        guest.detach("vol2")

    def test_3_forty_disks(self):
        guest = the_guest()
        for i in range(40):
            guest.attach(f"xvdc{chr(ord('a') + i % 26)}{i // 26}", f"many{i}",
                         machines.create(f"many{i}.qcow2", MIB))
        guest.wait("set -- /dev/xvdc*; [ $# = 40 ]")
        self.assertEqual(guest.run("blockdev --getsize64 /dev/xvdcn1"), f"{MIB}\n")
        for i in range(40):
            self.assertTrue(guest.detach(f"many{i}")["gone"])
        guest.wait("! ls /dev/xvdc* 2>/dev/null")

    def test_4_refusals_say_why(self):
        guest = the_guest()
        disk = machines.create("c.qcow2", MIB)
        for wrong, says in ((lambda: guest.attach("../x", "vol4", disk), "device name"),
                            (lambda: guest.attach("xvdf", "v" * 21, disk), "serial number"),
                            (lambda: guest.attach("xvdf", "vol4", disk + "x"), "No such file"),
                            (lambda: guest.detach("root"), "boots from"),
                            (lambda: guest.grow("vol4", MIB), "no disk vol4"),
                            (lambda: guest.fork((disk, disk + "2")), "no disk at"),
                            (lambda: machines.ask("detach", name="i-0", serial="vol4"),
                             "does not run"),
                            (lambda: machines.ask("resize", path=machines.path("root.qcow2"),
                                                  size=1 << 40), "lock")):
            with self.subTest(says), self.assertRaisesRegex(MachineError, says):
                wrong()
        self.assertFalse(os.path.exists(disk + "2"))


    def test_5_killed_while_it_attaches(self):
        guest = the_guest()
        disk = machines.create("d.qcow2", 8 * MIB)
        for i in range(6):
            guest.kill_when_open(disk, i * 0.001, "attach", device="xvdf", serial="vol5", path=disk)
            guest.attach("xvdf", "vol5", disk)
            guest.wait("[ \"$(ls -d /dev/disk/by-id/scsi-vol5 | wc -l)\" = 1 ] && "
                       "head -c 512 /dev/xvdf >/dev/null")
            self.assertTrue(guest.detach("vol5")["gone"])
            guest.wait_for("/dev/xvdf", there=False)
        guest.wait("[ \"$(grep -c 8192 /proc/partitions)\" = 0 ]")


class Forks(unittest.TestCase):
    """One disk, whose layers are data.0, data.1, …; a program in the guest writes to it always."""

    layer = 0

    def setUp(self):
        guest = the_guest()
        if Forks.layer == 0:
            guest.attach("xvdf", "data", machines.create("data.0", 64 * MIB))
            guest.wait_for("/dev/xvdf")
            guest.run("mke2fs /dev/xvdf >/dev/null && mkdir /mnt/data && "
                      "mount /dev/xvdf /mnt/data")
            guest.run(WRITER)

    def next_pair(self):
        pair = (machines.path(f"data.{Forks.layer}"), machines.path(f"data.{Forks.layer + 1}"))
        Forks.layer += 1
        return pair

    def count(self, mark="count"):
        """How far the writer got, for sure."""
        return int(the_guest().run(f"cat /mnt/data/{mark}"))

    def frozen_count(self, path):
        """The same, in a layer that is frozen."""
        serial = os.path.basename(path)
        copy = machines.create(f"{serial.replace('.', '-')}.look", 64 * MIB, base=path)
        guest = the_guest()
        guest.attach("xvdl", serial.replace(".", "-"), copy)
        guest.wait_for("/dev/xvdl")
        text = guest.run("mkdir -p /mnt/look && e2fsck -p /dev/xvdl >/dev/null 2>&1; "
                         "mount /dev/xvdl /mnt/look && cat /mnt/look/count; umount /mnt/look")
        guest.detach(serial.replace(".", "-"))
        guest.wait_for("/dev/xvdl", there=False)
        return int(text)

    def is_forked(self, pair):
        """The machine writes to the new layer, over the frozen one."""
        check(pair[0])
        self.assertEqual(stat.S_IMODE(os.stat(pair[0]).st_mode), 0o444)
        before = os.stat(pair[0])
        reached = self.count()
        the_guest().wait(f"[ \"$(cat /mnt/data/count)\" -gt {reached + 2} ]")
        after = os.stat(pair[0])
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))
        self.assertGreater(os.stat(pair[1]).st_size, 196 * 1024)

    def test_1_frozen_layer_holds_what_was_synced_and_the_guest_goes_on(self):
        guest = the_guest()
        guest.wait("[ -e /mnt/data/count ]")
        pair, root = self.next_pair(), (machines.path("root.qcow2"), machines.path("root.1"))
        before = self.count()
        answer = guest.fork(pair, root)
        self.assertFalse(answer["consistent"])  # this guest has no agent
        after = self.count()
        self.is_forked(pair)
        check(root[0])
        self.assertTrue(before <= self.frozen_count(pair[0]) <= after)
        self.assertEqual(machines.ask("fork", name=NAME, forks=[
            {"path": pair[0], "new_path": pair[1]}])["ok"], True)

    def test_1_with_an_agent_file_systems_are_frozen_meanwhile(self):
        guest = the_guest()
        guest.run(AGENT)
        for _ in range(20):  # libvirt has to hear of it first
            pair = self.next_pair()
            if guest.fork(pair)["consistent"]:
                break
        else:
            self.fail(f"the agent was never asked: {guest.console_text()[-2000:]}")
        self.assertEqual(guest.run("cat /run/agent.log"), "freeze\nthaw\n")
        self.is_forked(pair)

    def test_1_without_its_answer_it_goes_on_soon(self):
        guest = the_guest()
        guest.run("kill -STOP $(cat /run/agent.pid)")
        pair = self.next_pair()
        started = time.monotonic()
        self.assertFalse(guest.fork(pair)["consistent"])
        self.assertLess(time.monotonic() - started, 15)
        self.is_forked(pair)
        guest.run("kill -KILL $(cat /run/agent.pid)")

    def test_2_killed_at_each_step(self):
        for point in ("disk-move", "disk-fork", "disk-freeze"):
            with self.subTest(point):
                machines.kill()
                machines.start(CUMULET_FAULTPOINT=f"{point}:1")
                pair = self.next_pair()
                self.assertIsNone(the_guest().fork(pair))
                machines.start()
                the_guest().fork(pair)
                self.is_forked(pair)

    def test_3_killed_while_qemu_switches_over(self):
        guest = the_guest()
        layers = [machines.create("other.0", 8 * MIB)]
        guest.attach("xvdm", "other", layers[0])
        guest.wait_for("/dev/xvdm")
        for i in range(10):
            text = f"written before fork {i}"
            guest.run(f"echo {text} | dd of=/dev/xvdm bs=512 conv=sync,fsync 2>/dev/null")
            pair = (layers[-1], machines.path(f"other.{i + 1}"))
            layers.append(pair[1])
            guest.kill_when_open(pair[1], i * 0.0005, "fork", forks=[
                {"path": pair[0], "new_path": pair[1]}])
            try:
                guest.fork(pair)
            except MachineError as error:
                # Killed in the millisecond in which QEMU knew more than libvirt, the time before.
                self.assertIn("lost track", str(error))
                self.assertTrue(guest.detach("other")["gone"])
                guest.wait_for("/dev/xvdm", there=False)
                guest.attach("xvdm", "other", pair[0])
                guest.wait_for("/dev/xvdm")
                guest.fork(pair)
            check(pair[0])
            self.assertEqual(guest.run("head -n 1 /dev/xvdm"), text + "\n")
        self.assertTrue(guest.detach("other")["gone"])

    def test_4_disk_of_many_layers_still_grows_and_goes(self):
        guest = the_guest()
        guest.grow("data", 128 * MIB)
        guest.wait(f"[ \"$(blockdev --getsize64 /dev/xvdf)\" = {128 * MIB} ]")
        guest.run(": >/run/stop")
        guest.wait("[ ! -e /run/stop ]")
        count = guest.run("umount /mnt/data && mount /dev/xvdf /mnt/data && cat /mnt/data/count && "
                          "umount /mnt/data")
        self.assertTrue(guest.detach("data")["gone"])
        whole = machines.path("whole.qcow2")
        machines.ask("convert", path=machines.path(f"data.{Forks.layer}"), format="qcow2",
                     new_path=whole, new_format="qcow2")
        guest.attach("xvdf", "whole", whole)
        guest.wait_for("/dev/xvdf")
        self.assertEqual(guest.run("mount /dev/xvdf /mnt/data && cat /mnt/data/count"), count)


if __name__ == "__main__":
    unittest.main()
