"""ec2-bundle-vol on a small volume, as root: what is in the image, by debugfs and e2fsck."""

import http.server
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from amitools import AmiToolsTestCase  # noqa: E402
from s3 import MIB  # noqa: E402

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
SIZE = 48  # MiB, of the images
FILTERED = ["root/.bash_history", "root/.ssh/authorized_keys", "root/key.pem", "root/id_rsa",
            "etc/x.priv", "etc/passwd~", "home/.file.swp"]
PUBLIC = ["etc/ssl/certs/ca.pem", "usr/share/keyrings/archive.gpg", "etc/ec2/amitools/cert-ec2.pem"]
LEFT_OUT = ["proc/1", "sys/x", "dev/sda", "mnt/data", "media/x", "lost+found/x"]
# CAP_NET_RAW, permitted and effective (linux/capability.h, vfs_cap_data of revision 2).
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
# user:1000:r-- beside the owner's, the group's, the mask and the others' (linux/posix_acl_xattr.h).
ACL = bytes.fromhex("02000000" "01000600ffffffff" "02000400e8030000" "04000400ffffffff"
                    "10000400ffffffff" "20000000ffffffff")


def why_not():
    if os.geteuid() != 0:
        return "only root can bundle a volume"
    for program in ("mke2fs", "debugfs", "e2fsck"):
        if not shutil.which(program, path=PATH):
            return f"{program} is not installed"
    return None


class Metadata:
    """An instance metadata service that wants a token."""

    VALUES = {"ancestor-ami-ids": "ami-1\nami-2", "ami-id": "ami-3", "kernel-id": "aki-9",
              "product-codes": "CODE", "block-device-mapping/": "ami\nephemeral0",
              "block-device-mapping/ami": "sda1", "block-device-mapping/ephemeral0": "sdb"}

    def __init__(self):
        values = self.VALUES

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, text=""):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                right = self.path == "/latest/api/token" and self.headers.get(
                    "X-aws-ec2-metadata-token-ttl-seconds")
                self.answer(200 if right else 400, "the-token")

            def do_GET(self):
                if self.headers.get("X-aws-ec2-metadata-token") != "the-token":
                    return self.answer(401)
                name = self.path.removeprefix("/latest/meta-data/")
                self.answer(200 if name in values else 404, values.get(name, ""))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class VolumeTestCase(AmiToolsTestCase):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
        super().setUpClass()

    def write(self, tree, name, data=b"data\n"):
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def small_tree(self):
        tree = self.directory("volume")
        self.write(tree, "etc/fstab", b"LABEL=root / ext4\n")
        self.write(tree, "root/kept", b"kept\n")
        return tree

    def options(self, tree, *more):
        return [*self.bundle_options(self.path("bundle")), "-v", tree, "-s", SIZE, "--no-inherit",
                *more]

    def bundle_volume(self, tree, *options, **more):
        """The path of the image that is in the bundle; said has what the tool said."""
        os.makedirs(self.path("bundle"), exist_ok=True)
        before = self.names(tree)
        self.said = self.tool("ec2-bundle-vol", *self.options(tree, *options), **more)
        self.assertEqual(self.names(tree), before, "the volume is as it was")
        image = self.unbundle(self.path("bundle"), "image")
        check = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True,
                               env={"PATH": PATH})
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        return image

    @staticmethod
    def names(tree):
        return sorted(os.path.join(directory, name) for directory, names, files in os.walk(tree)
                      for name in names + files)

    def debugfs(self, image, command):
        return subprocess.run(["debugfs", "-R", command, image], capture_output=True, check=True,
                              env={"PATH": PATH}).stdout

    def has(self, image, name):
        return b"Inode:" in self.debugfs(image, f"stat /{name}")

    def read(self, image, name):
        return self.debugfs(image, f"cat /{name}")

    def stat(self, image, name):
        text = self.debugfs(image, f"stat /{name}").decode()
        self.assertIn("Inode:", text, f"{name} is not there")
        return {key: re.search(pattern, text)[1] for key, pattern in (
            ("inode", r"Inode: (\d+)"), ("mode", r"Mode: +(\d+)"), ("user", r"User: +(\d+)"),
            ("group", r"Group: +(\d+)"), ("links", r"Links: (\d+)"),
            ("blocks", r"Blockcount: (\d+)"), ("type", r"Type: (\S+ ?\S*) +Mode"),
            ("mtime", r"mtime: 0x([0-9a-f]+)"))}


class ImageTest(VolumeTestCase):
    """One image of everything that a file system can have."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls.maker()
        cls.tree = tree = maker.directory("volume")
        os.chmod(tree, 0o755)
        for name in [*FILTERED, *PUBLIC, *LEFT_OUT]:
            maker.write(tree, name)
        for name in ("etc/passwd", "etc/secrets/a", "var/cache/b", "var/cached"):
            maker.write(tree, name)
        os.chown(maker.write(tree, "home/me/file"), 70000, 80000)
        os.chmod(os.path.join(tree, "home/me/file"), 0o4751)
        os.utime(os.path.join(tree, "home/me/file"), (1000000000, 1000000000))
        os.chmod(os.path.join(tree, "home/me"), 0o2770)
        os.chown(os.path.join(tree, "home/me"), 1000, 1000)
        os.utime(os.path.join(tree, "home/me"), (1100000000, 1100000000))
        os.link(os.path.join(tree, "home/me/file"), os.path.join(tree, "home/second"))
        os.setxattr(maker.write(tree, "usr/bin/ping"), "security.capability", CAPABILITY)
        os.setxattr(maker.write(tree, "etc/listed"), "system.posix_acl_access", ACL)
        os.setxattr(os.path.join(tree, "etc/listed"), "user.note", b"noted")
        with open(os.path.join(tree, "home/sparse"), "wb") as file:
            file.seek(200 * MIB)
            file.write(b"end")
        os.symlink("/etc/passwd", os.path.join(tree, "home/link"))
        os.mknod(os.path.join(tree, "home/disk"), stat.S_IFBLK | 0o640, os.makedev(7, 200))
        os.mkfifo(os.path.join(tree, "home/fifo"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(tree, "home/socket"))
        maker.write(tree, "home/odd \n[name]*")
        cls.image = maker.bundle_volume(tree, "-e", "/etc/secrets,/var/cache/*",
                                        "-i", "/root/key.pem")
        cls.said = maker.said

    def test_it_says_what_scripts_wait_for(self):
        lines = self.said.stdout.splitlines()
        self.assertRegex(lines[0], r"Copying .*/volume into the image file .*/bundle/image\.\.\.$")
        self.assertEqual(lines[1], "Excluding:")
        for path in ("/proc", "/sys", "/dev", "/mnt", "/etc/secrets", "/var/cache/*"):
            self.assertIn("\t " + path, lines)
        self.assertEqual(lines[-1], "ec2-bundle-vol complete.")

    def test_owners_modes_and_times(self):
        for name, mode, user, group, mtime in (
                ("home/me/file", 0o4751, 70000, 80000, 1000000000),
                ("home/me", 0o2770, 1000, 1000, 1100000000)):
            found = self.stat(self.image, name)
            self.assertEqual((int(found["mode"], 8), int(found["user"]), int(found["group"])),
                             (mode, user, group))
            self.assertEqual(int(found["mtime"], 16), mtime)

    def test_hard_links(self):
        one, other = self.stat(self.image, "home/me/file"), self.stat(self.image, "home/second")
        self.assertEqual((one["inode"], one["links"]), (other["inode"], "2"))
        self.assertEqual(self.stat(self.image, "etc/passwd")["links"], "1")

    def test_capabilities_access_lists_and_attributes(self):
        text = self.debugfs(self.image, "ea_get -x /usr/bin/ping security.capability").decode()
        self.assertIn(CAPABILITY.hex(" "), text)
        text = self.debugfs(self.image, "ea_list /etc/listed").decode()
        self.assertIn("system.posix_acl_access", text)
        self.assertIn('user.note (5) = "noted"', text)

    def test_holes(self):
        self.assertLess(int(self.stat(self.image, "home/sparse")["blocks"]), 100)
        self.assertEqual(self.read(self.image, "home/sparse")[-5:], b"\0\0end")
        self.assertLess(os.stat(self.image).st_blocks * 512, 4 * MIB)
        self.assertEqual(os.path.getsize(self.image), SIZE * MIB)

    def test_what_is_no_file(self):
        kinds = {name: self.stat(self.image, f"home/{name}")["type"].strip()
                 for name in ("link", "disk", "fifo", "socket")}
        self.assertEqual(kinds, {"link": "symlink", "disk": "block special", "fifo": "FIFO",
                                 "socket": "socket"})
        self.assertIn(b"07:200", self.debugfs(self.image, "stat /home/disk"))
        self.assertIn(b'"/etc/passwd"', self.debugfs(self.image, "stat /home/link"))
        self.assertIn(b"[name]", self.debugfs(self.image, "ls -p /home"))

    def test_devices_for_the_first_moments(self):
        for name, numbers in (("console", b"05:01"), ("null", b"01:03"), ("zero", b"01:05")):
            text = self.debugfs(self.image, f"stat /dev/{name}")
            self.assertIn(b"character special", text)
            self.assertIn(numbers, text)

    def test_contents_that_are_not_the_volume_s(self):
        for name in LEFT_OUT:
            self.assertFalse(self.has(self.image, name), name)
        for name in ("proc", "sys", "dev", "mnt", "media", "lost+found", "tmp"):
            self.assertTrue(self.has(self.image, name), name)

    def test_what_the_user_excludes(self):
        for name, there in (("etc/secrets", False), ("var/cache", True), ("var/cache/b", False),
                            ("var/cached", True)):
            self.assertEqual(self.has(self.image, name), there, name)

    def test_secrets_stay_out_but_for_those_included(self):
        for name in FILTERED:
            self.assertEqual(self.has(self.image, name), name == "root/key.pem", name)
        for name in PUBLIC:
            self.assertTrue(self.has(self.image, name), name)

    def test_it_is_for_its_owner_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.image).st_mode), 0o600)

    def test_the_tool_leaves_no_trace_in_it(self):
        self.assertNotIn(b"ec2-bundle-vol", self.debugfs(self.image, "ls -p /"))


class OptionsTest(VolumeTestCase):
    def test_no_filter_but_never_the_key_of_the_bundle(self):
        tree = self.small_tree()
        self.write(tree, "root/other.pem")
        shutil.copy(self.key("user"), os.path.join(tree, "root", "pk.pem"))
        key = os.path.join(tree, "root", "pk.pem")
        image = self.bundle_volume(tree, "--no-filter", "-k", key)
        self.assertTrue(self.has(image, "root/other.pem"))
        self.assertFalse(self.has(image, "root/pk.pem"))

    def test_a_bundle_on_the_volume_is_not_in_the_image(self):
        tree = self.small_tree()
        os.mkdir(self.path("volume", "bundles"))
        for expected in (["image.manifest.xml", "image.part.0"],) * 2:
            self.tool("ec2-bundle-vol", *self.options(tree), "-d", self.path("volume", "bundles"))
            self.assertEqual(sorted(os.listdir(self.path("volume", "bundles"))), expected)
        image = self.unbundle(self.path("volume", "bundles"), "image")
        self.assertTrue(self.has(image, "bundles"))
        self.assertNotIn(b"image", self.debugfs(image, "ls -p /bundles"))

    def test_tables_of_file_systems(self):
        tree = self.small_tree()
        self.assertEqual(self.read(self.bundle_volume(tree), "etc/fstab"), b"LABEL=root / ext4\n")
        table = self.write(self.folder, "table", b"mine\n")
        image = self.bundle_volume(tree, "--fstab", table)
        self.assertEqual(self.read(image, "etc/fstab"), b"mine\n")
        image = self.bundle_volume(tree, "--generate-fstab")
        identity = re.search(r"UUID: +(\S+)", self.debugfs(image, "stats").decode())[1]
        self.assertIn(f"UUID={identity} / ext4 ", self.read(image, "etc/fstab").decode())
        with open(os.path.join(tree, "etc", "fstab")) as file:
            self.assertEqual(file.read(), "LABEL=root / ext4\n")

    def test_a_script_changes_the_copy_and_not_the_volume(self):
        tree = self.small_tree()
        os.link(os.path.join(tree, "root/kept"), os.path.join(tree, "root/second"))
        script = self.write(self.folder, "script", b'#!/bin/sh\necho "in $1"\n'
                                                   b'echo changed >"$1/root/kept"\n')
        os.chmod(script, 0o755)
        image = self.bundle_volume(tree, "-S", script)
        self.assertEqual(self.read(image, "root/second"), b"changed\n")
        self.assertIn(f"in {tree}/", self.said.stdout)
        with open(os.path.join(tree, "root/kept")) as file:
            self.assertEqual(file.read(), "kept\n")
        self.write(self.folder, "script", b"#!/bin/sh\necho broken >&2\nexit 3\n")
        self.refused("script failed: broken", "ec2-bundle-vol", *self.options(tree, "-S", script))
        self.assertEqual(os.listdir(tree), ["etc", "root"])

    def test_a_boot_loader_s_configuration(self):
        tree = self.small_tree()
        menu = self.write(self.folder, "menu", b"boots\n")
        image = self.bundle_volume(tree, "--grub-config", menu)
        self.assertEqual(self.read(image, "boot/grub/menu.lst"), b"boots\n")
        self.write(tree, "boot/grub/grub.conf", b"old\n")
        image = self.bundle_volume(tree, "--grub-config", menu)
        self.assertEqual(self.read(image, "boot/grub/grub.conf"), b"boots\n")
        self.assertFalse(self.has(image, "boot/grub/menu.lst"))

    def test_what_the_instance_knows_is_inherited(self):
        metadata = Metadata()
        self.addCleanup(metadata.close)
        self.bundle_volume(self.small_tree(), "--inherit", "--ramdisk", "ari-8",
                           env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url})
        self.assertEqual(self.said.stderr,
                         "Unable to read instance meta-data for ramdisk-id\n")
        text = self.manifest(self.path("bundle"), "image").decode()
        for expected in (
                "<block_device_mapping><mapping><virtual>ami</virtual><device>sda1</device>"
                "</mapping><mapping><virtual>ephemeral0</virtual><device>sdb</device></mapping>"
                "</block_device_mapping><kernel_id>aki-9</kernel_id><ramdisk_id>ari-8</ramdisk_id>"
                "<product_codes><product_code>CODE</product_code></product_codes>",
                "<type>machine</type><ancestry><ancestor_ami_id>ami-1</ancestor_ami_id>"
                "<ancestor_ami_id>ami-2</ancestor_ami_id><ancestor_ami_id>ami-3</ancestor_ami_id>"
                "</ancestry><digest"):
            self.assertIn(expected, text)

    def test_no_instance_to_inherit_from(self):
        tree = self.small_tree()
        env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}
        options = [option for option in self.options(tree) if option != "--no-inherit"]
        os.mkdir(self.path("bundle"))
        self.refused("metadata service cannot be read", "ec2-bundle-vol", *options, "--inherit",
                     env=env)
        done = self.tool("ec2-bundle-vol", *options, env=env)
        self.assertIn("nothing is inherited", done.stderr)

    def test_refusals_leave_nothing(self):
        tree, made = self.small_tree(), self.directory("bundle")
        self.write(tree, "big", b"x" * (3 * MIB))
        for expected, options in (
                ("the files take 4 MB, more than", ["-s", 3]),
                ("could not be made .is --size 4 MB enough", ["-s", 4]),
                ("from 1 to 10240 MB", ["-s", 0]), ("from 1 to 10240 MB", ["-s", 20000]),
                ("no such directory", ["-v", "/absent"]), ("not an absolute path", ["-v", "."]),
                ("absolute paths", ["-e", "etc"]), ("absolute paths", ["-i", "etc"]),
                ("without a boot loader", ["-P", "gpt"]), ("no such file", ["--fstab", "absent"]),
                ("not allowed with", ["--fstab", "x", "--generate-fstab"])):
            with self.subTest(options):
                self.refused(expected, "ec2-bundle-vol", *self.options(tree, *options))
                self.assertEqual(os.listdir(made), [])
                self.assertEqual(sorted(os.listdir(tree)), ["big", "etc", "root"])

    def test_only_root_may(self):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chmod(self.folder, 0o755)
        self.refused("only root", "ec2-bundle-vol", *self.options(self.small_tree()),
                     before=nobody)

    def test_leftovers_of_a_killed_tool_are_removed(self):
        tree = self.small_tree()
        self.write(tree, ".ec2-bundle-vol.999999999.x/etc/shadow")
        self.write(tree, f".ec2-bundle-vol.{os.getpid()}.x/etc/shadow")
        for name in (".image.image.999999999", ".image.part.7.new"):
            self.write(self.folder, f"bundle/{name}")
        self.tool("ec2-bundle-vol", *self.options(tree))
        self.assertEqual(sorted(os.listdir(self.path("bundle"))),
                         ["image.manifest.xml", "image.part.0"])
        image = self.unbundle(self.path("bundle"), "image")
        self.assertNotIn(b"bundle-vol", self.debugfs(image, "ls -p /"))
        self.assertEqual(sorted(os.listdir(tree)),
                         [f".ec2-bundle-vol.{os.getpid()}.x", "etc", "root"])


class MountedTest(VolumeTestCase):
    """A volume with a file system of its own, mounted where only the tool sees it."""

    SCRIPT = """set -e
        mount -o loop "$DISK" "$WHERE"
        mkdir -p "$WHERE/srv" "$WHERE/home/local"
        mount -t tmpfs none "$WHERE/srv"
        touch "$WHERE/srv/not-of-a-disk" "$WHERE/etc-is-written"
        mount -o loop "$OTHER" "$WHERE/home/local"
        touch "$WHERE/home/local/of-a-disk"
        "$@" """

    def make_disk(self, name, *options):
        path = self.path(name)
        with open(path, "wb") as file:
            file.truncate(32 * MIB)
        subprocess.run(["mke2fs", "-q", "-F", *options, path], check=True, env={"PATH": PATH})
        return path

    def test_type_label_and_uuid_are_kept_and_local_disks_are_copied(self):
        identity = "01234567-89ab-cdef-0123-456789abcdef"
        disk = self.make_disk("disk", "-t", "ext3", "-L", "cloud root", "-U", identity)
        other = self.make_disk("other", "-t", "ext4")
        where = self.directory("mounted")
        environment = {"DISK": disk, "OTHER": other, "WHERE": where}
        probe = subprocess.run(["unshare", "--mount", "mount", "-o", "loop", disk, where],
                               capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest(f"no loop devices here: {probe.stderr.strip()}")
        self.directory("bundle")
        self.tool("ec2-bundle-vol", *self.options(where), env=environment,
                  before=["unshare", "--mount", "sh", "-c", self.SCRIPT, "sh"])
        image = self.unbundle(self.path("bundle"), "image")
        text = self.debugfs(image, "stats").decode()
        self.assertRegex(text, "Filesystem volume name: +cloud root\n")
        self.assertRegex(text, f"Filesystem UUID: +{identity}\n")
        self.assertNotIn("extent", re.search("Filesystem features:(.*)", text)[1])
        for name, there in (("etc-is-written", True), ("srv", True), ("srv/not-of-a-disk", False),
                            ("home/local/of-a-disk", True)):
            self.assertEqual(self.has(image, name), there, name)
