"""The Debian images, built by their recipe and run: one machine of the kind with a kernel beside it,
for most tests, and one that starts from its own disk."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from article import TYPED, TYPED_INSIDE, Article, check_told, check_visits  # noqa: E402
from cloud import ROOT, wait_until  # noqa: E402
from guests import GuestCloud, low_ports_are_open, why_no_guests  # noqa: E402

BUILD = os.path.join(ROOT, "guest", "debian", "build")
IMAGES = os.path.join(ROOT, "build", "image")
BOOT = 600  # seconds a boot may take on a busy machine without KVM; usually 45

USER_DATA = """Content-Type: multipart/mixed; boundary="=="
MIME-Version: 1.0

--==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
[[ -e /root/written ]] && echo "script after cloud-config on $(hostname)" >/root/script
echo said by user data
--==
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
write_files:
  - path: /root/written
    content: by cloud-config
    permissions: "0640"
runcmd:
  - [sh, -c, "echo run >/root/run"]
--==--
"""
FAILING = "#!/bin/sh\necho plain script >/root/script\nexit 3\n"

cloud = key = guest = disk_guest = None
up = set()  # ids of machines that have finished their boot
registered = {}  # what `cumulet image build NAME` answered, by NAME


def why_no_build():
    """Why the recipe cannot run here, or None."""
    for program, package in (("mmdebstrap", "mmdebstrap"), ("grub-mkimage", "grub-common"),
                             ("sfdisk", "fdisk"), ("zstd", "zstd")):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{package} is not installed"
    if not os.path.exists("/usr/lib/grub/i386-pc/boot.img"):
        return "grub-pc-bin is not installed"
    return None


def setUpModule():
    global cloud, key, guest, disk_guest
    reason = why_no_guests() or why_no_build()
    if not reason and not low_ports_are_open():
        reason = "this user may not listen on ports 22 and 80 (net.ipv4.ip_unprivileged_port_start)"
    if reason:
        raise unittest.SkipTest(reason)
    build("debian")
    build("debian-disk", "--disk")
    cloud = GuestCloud()
    unittest.addModuleCleanup(end)
    # Into a cloud that runs.
    for name in ("debian", "debian-disk"):
        shutil.copytree(os.path.join(IMAGES, name), os.path.join(cloud.state, "images", name),
                        copy_function=link)
        registered[name] = cloud.cumulet("image", "build", name).stdout
    key = cloud.make_key("key")
    cloud.open_ports(22, 80)
    guest = launch("debian", USER_DATA)
    disk_guest = launch("debian-disk", FAILING)


def end():
    if sys.exc_info()[0]:
        print(cloud.log(), file=sys.stderr)
    cloud.close()


def build(name, *options):
    """Both images are made of the same packages, which are kept in between."""
    built = subprocess.run([BUILD, *options, "--keep", IMAGES, os.path.join(IMAGES, name)],
                           stdin=subprocess.DEVNULL)
    if built.returncode == 75:
        raise unittest.SkipTest("no mirror of Debian's packages is reached")
    built.check_returncode()


def link(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def image_id(name):
    return registered[name].split()[0]


def launch(name, user_data):
    return cloud.run_guest(key, ImageId=image_id(name), UserData=user_data)


def finished(machine):
    """Waits for the end of the boot, user data included."""
    if machine.id in up:
        return
    machine.wait_page(timeout=BOOT)
    machine.wait_ssh(timeout=BOOT)
    wait_until(lambda: re.search(r"Cloud-init v\. .* finished at", machine.console()), BOOT,
               machine.console, 0.2)
    up.add(machine.id)


class Recipe(unittest.TestCase):
    def run_recipe(self, *arguments):
        return subprocess.run([BUILD, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30)

    def test_nothing_is_done_twice(self):
        done = self.run_recipe("--keep", IMAGES, os.path.join(IMAGES, "debian"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("up to date", done.stdout)

    def test_wrong_use_is_explained(self):
        with tempfile.TemporaryDirectory() as directory:
            output = os.path.join(directory, "image")
            for arguments, words in (((), "usage:"), (("--mirror",), "needs a value"),
                                     (("--what", output), "unknown option --what"),
                                     ((output, output), "one output directory"),
                                     (("--mirror", "nowhere", output), "not nowhere")):
                done = self.run_recipe(*arguments)
                self.assertEqual(done.returncode, 1, arguments)
                self.assertIn(words, done.stderr)
            self.assertEqual(os.listdir(directory), [])

    def test_a_mirror_without_packages_leaves_nothing_behind(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            done = self.run_recipe("--mirror", f"file://{directory}/none",
                                   os.path.join(directory, "image"))
            self.assertEqual(done.returncode, 1)
            self.assertIn("mmdebstrap could not install the packages", done.stderr)
            self.assertEqual(os.listdir(directory), [])


class Registered(unittest.TestCase):
    def describe(self, name):
        return cloud.ec2.describe_images(ImageIds=[image_id(name)])["Images"][0]

    def test_both_are_public_images_of_amazon(self):
        for name in registered:
            image = self.describe(name)
            self.assertEqual(registered[name], f"{image['ImageId']}  {image['Name']}\n")
            self.assertTrue(image["Name"].startswith("debian-12-"), image["Name"])
            self.assertTrue(image["Public"])
            self.assertEqual(image["ImageOwnerAlias"], "amazon")

    def test_only_the_partition_has_a_kernel(self):
        image = self.describe("debian")
        self.assertTrue(image["KernelId"].startswith("aki-"))
        self.assertTrue(image["RamdiskId"].startswith("ari-"))
        self.assertNotIn("KernelId", self.describe("debian-disk"))

    def test_the_starter_image_stays(self):
        self.assertTrue(cloud.image.startswith("ami-"))

    def test_wrong_use_is_explained(self):
        for arguments in (("build",), ("build", "windows"), ("burn", "debian"),
                          ("build", "micro", "--mirror", "http://localhost/")):
            done = cloud.cumulet("image", *arguments, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertRegex(done.stderr, "image|recipe|--mirror")


class Machine(unittest.TestCase):
    """The one with a kernel beside its file system."""

    timeout = 2 * BOOT

    def setUp(self):
        finished(guest)

    def test_apache_and_php_serve_the_page(self):
        page = guest.get()
        for text in ("PHP 8", guest.id, guest.private, guest.public, "t2.nano", "us-east-1",
                     f"ip-{guest.private.replace('.', '-')}"):
            self.assertIn(text, page)
        guest.ssh("systemctl stop apache2")
        self.assertIsNone(guest.get())
        guest.ssh("systemctl start apache2")
        guest.wait_page(timeout=60)

    def test_ssh_takes_the_key_of_the_launch(self):
        self.assertEqual(guest.ssh("id -un"), "root\n")
        self.assertEqual(
            guest.ssh("cut -d ' ' -f 1,2 /root/.ssh/authorized_keys /home/admin/.ssh/authorized_keys"
                      " | uniq | wc -l; su admin -c 'sudo -n id -un'"), "1\nroot\n")

    def test_the_host_name_is_the_private_dns_name(self):
        name = guest.describe()["PrivateDnsName"]
        self.assertEqual(guest.ssh("hostname; hostname -f"), f"{name.split('.')[0]}\n{name}\n")

    def test_cloud_init_found_ec2_by_its_own_code(self):
        self.assertEqual(guest.ssh("cloud-init query v1.platform; cloud-init query v1.instance_id"),
                         f"ec2\n{guest.id}\n")
        result = json.loads(guest.ssh("cat /run/cloud-init/result.json"))["v1"]
        self.assertEqual(result, {"datasource": "DataSourceEc2", "errors": []})
        self.assertIn("status: done", guest.ssh("cloud-init status"))
        # Size, digest and mode of its code are those of Debian's package.
        changed = guest.ssh("dpkg --verify cloud-init | grep -v '^missing.*/usr/share/'", check=False)
        self.assertEqual(changed, "")

    def test_every_part_of_the_user_data_ran(self):
        self.assertEqual(guest.ssh("cat /root/written; echo; cat /root/run /root/script;"
                                   " stat -c %a /root/written"),
                         "by cloud-config\nrun\nscript after cloud-config on "
                         f"ip-{guest.private.replace('.', '-')}\n640\n")
        self.assertIn("said by user data", guest.console_output())
        self.assertEqual(
            guest.ssh("grep -c 'said by user data' /var/log/cloud-init-output.log"), "1\n")

    def test_the_console_shows_the_host_keys(self):
        shown = guest.console_output()
        for name in ("ed25519", "ecdsa"):
            public = guest.ssh(f"cut -d ' ' -f 2 /etc/ssh/ssh_host_{name}_key.pub").strip()
            self.assertIn(public, shown)

    def test_the_boot_left_nothing_undone(self):
        self.assertEqual(guest.ssh("systemctl is-system-running"), "running\n")
        self.assertEqual(guest.ssh("systemctl --failed --no-legend --plain"), "")
        self.assertNotIn("apt-daily", guest.ssh("systemctl list-timers --no-legend"))
        self.assertGreater(int(guest.ssh("df -m --output=size / | tail -n 1")), 7500)

    def test_names_of_the_cloud_resolve(self):
        self.assertEqual(guest.ssh("getent hosts s3.amazonaws.com | cut -d ' ' -f 1"),
                         "172.31.0.1\n")

    def test_https_to_the_cloud_is_trusted(self):
        for name in ("s3.amazonaws.com", "ec2.us-east-1.amazonaws.com"):
            self.assertRegex(guest.ssh(f"curl -sS -o /dev/null -w '%{{http_code}}' https://{name}/"),
                             r"^[1-5]\d\d$")

    def test_what_scripts_need_is_there(self):
        programs = ["openssl", "tar", "gzip", "rsync", "mke2fs", "python3", "curl", "qemu-ga",
                    "cumulet-load"]
        tools = os.path.join(ROOT, "guest", "amitools", "bin")
        if os.path.isdir(tools):
            programs += sorted(os.listdir(tools))
        found = guest.ssh(f"for p in {' '.join(programs)}; do command -v $p >/dev/null &&"
                          " echo $p; done")
        self.assertEqual(found.split(), programs)


class YesterdaysWay(unittest.TestCase):
    """The scenario of ./start --demo, the machine bundled in itself. After the others' tests, whose
    machines have ended then."""

    timeout = 4 * BOOT

    def test_the_scenario_of_2010(self):
        for machine in (guest, disk_guest):
            machine.terminate()
        cloud.hang_up()
        article = Article(cloud)
        visitors = article.visit()
        self.addCleanup(visitors.end)
        told = article.play()
        visitors.end()
        check_told(self, told, TYPED + TYPED_INSIDE)
        check_visits(self, visitors)
        self.assertEqual(article.page("/installed.txt"), "installed\n")
        self.assertIn("PHP 8", article.page())
        # Nothing of what bundled it is in its copy, and the login is the launch's.
        copy = cloud.ec2.describe_instances(InstanceIds=sorted(set(article.instances())
                                                               - article.members())[:1])
        address = copy["Reservations"][0]["Instances"][0]["PublicIpAddress"]
        shown = article.type(f"ssh -i ~/.ec2/gsg-keypair root@{address} 'id -un; ls /mnt'")
        self.assertEqual(shown, "root\n")
        article.play("--clean")
        self.assertEqual(article.instances(), {})


class WholeDisk(unittest.TestCase):
    timeout = 2 * BOOT

    def setUp(self):
        finished(disk_guest)

    def test_a_starts_by_its_own_boot_loader(self):
        self.assertIn(disk_guest.id, disk_guest.get())
        self.assertIn("BOOT_IMAGE=/vmlinuz", disk_guest.ssh("cat /proc/cmdline"))
        self.assertEqual(disk_guest.ssh("findmnt -n -o SOURCE /"), "/dev/vda1\n")
        self.assertGreater(int(disk_guest.ssh("df -m --output=size / | tail -n 1")), 7500)

    def test_b_failing_user_data_is_reported_and_the_machine_goes_on(self):
        self.assertEqual(disk_guest.ssh("cat /root/script"), "plain script\n")
        self.assertIn("status: error", disk_guest.ssh("cloud-init status", check=False))

    def test_c_the_power_button_stops_it(self):
        cloud.hang_up()
        cloud.ec2.stop_instances(InstanceIds=[disk_guest.id])
        stopped = disk_guest.wait_state("stopped", timeout=BOOT)
        self.assertEqual(stopped["StateReason"]["Code"], "Client.UserInitiatedShutdown")


if __name__ == "__main__":
    unittest.main()
