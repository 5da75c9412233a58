"""ec2-bundle-image, ec2-unbundle and ec2-migrate-manifest: the format by openssl, gzip and tar, and
what is refused."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from amitools import (ACCOUNT, PART, TOOLS, AmiToolsTestCase, openssl,  # noqa: E402
                      signed_part)
from cloud import wait_until  # noqa: E402
from s3 import MIB, random_bytes  # noqa: E402


class FormatTest(AmiToolsTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls.maker()
        cls.disk = maker.image()
        cls.made = maker.bundle(
            cls.disk, "-B", "ami=sda1,root=/dev/sda1,ephemeral0=sdb", "--kernel", "aki-1",
            "--ramdisk", "ari-2", "--productcodes", "A&B,C")
        cls.text = maker.manifest(cls.made, "disk.img")
        cls.root = cls.tree(cls.text)

    def test_the_manifest_is_one_line_in_the_order_of_the_format(self):
        self.assertNotIn(b"\n", self.text)
        self.assertNotIn(b'"', self.text)
        self.assertIn(b"<version>2007-10-10</version><bundler><name>", self.text)
        hexadecimal, cipher = "[0-9a-f]{512}", " algorithm='AES-128-CBC'"
        self.assertRegex(signed_part(self.text).decode(), (
            "^<machine_configuration><architecture>x86_64</architecture><block_device_mapping>"
            "<mapping><virtual>ami</virtual><device>sda1</device></mapping>"
            "<mapping><virtual>root</virtual><device>/dev/sda1</device></mapping>"
            "<mapping><virtual>ephemeral0</virtual><device>sdb</device></mapping>"
            "</block_device_mapping><kernel_id>aki-1</kernel_id><ramdisk_id>ari-2</ramdisk_id>"
            "<product_codes><product_code>A&amp;B</product_code><product_code>C</product_code>"
            "</product_codes></machine_configuration>"
            f"<image><name>disk.img</name><user>{ACCOUNT}</user><type>machine</type>"
            f"<digest algorithm='SHA1'>[0-9a-f]{{40}}</digest><size>{64 * MIB}</size>"
            r"<bundled_size>\d+</bundled_size>"
            f"<ec2_encrypted_key{cipher}>{hexadecimal}</ec2_encrypted_key>"
            f"<user_encrypted_key{cipher}>{hexadecimal}</user_encrypted_key>"
            f"<ec2_encrypted_iv>{hexadecimal}</ec2_encrypted_iv>"
            f"<user_encrypted_iv>{hexadecimal}</user_encrypted_iv><parts count='3'>"
            "<part index='0'><filename>disk.img.part.0</filename>"
            "<digest algorithm='SHA1'>[0-9a-f]{40}</digest></part><part index='1'>.*"
            "<part index='2'>.*</part></parts></image>$"))

    def test_the_signature_is_over_the_literal_bytes(self):
        public, signature = self.path("public"), self.path("signature")
        with open(public, "wb") as file:
            file.write(openssl("x509", "-in", self.certificate("user"), "-noout", "-pubkey"))
        with open(signature, "wb") as file:
            file.write(bytes.fromhex(self.root.findtext("signature")))
        self.assertEqual(openssl("dgst", "-sha1", "-verify", public, "-signature", signature,
                                 data=signed_part(self.text)), b"Verified OK\n")

    def test_parts_are_10_mib_and_have_their_digests(self):
        sizes = []
        for part in self.root.findall("image/parts/part"):
            with open(os.path.join(self.made, part.findtext("filename")), "rb") as file:
                data = file.read()
            sizes.append(len(data))
            self.assertEqual(hashlib.sha1(data).hexdigest(), part.findtext("digest"))
        self.assertEqual(sizes[:2], [PART, PART])
        self.assertTrue(0 < sizes[2] < PART)
        self.assertEqual(sum(sizes), int(self.root.findtext("image/bundled_size")))

    def test_both_owners_have_the_same_key_as_32_hexadecimal_characters(self):
        key, vector = self.unwrap(self.root, "ec2")
        self.assertEqual([key, vector], self.unwrap(self.root, "user"))
        for text in (key, vector):
            self.assertRegex(text, "^[0-9a-f]{32}$")
        self.assertNotEqual(key, vector)

    def test_the_archive_is_a_sparse_tar_of_the_image(self):
        archive = self.tar_stream(self.made, self.root)
        self.assertEqual(hashlib.sha1(archive).hexdigest(), self.root.findtext("image/digest"))
        self.assertLess(len(archive), 30 * MIB)
        subprocess.run(["tar", "-xS", "-C", self.directory("plain")], input=archive, check=True)
        self.assertEqual(os.listdir(self.path("plain")), ["disk.img"])
        self.assert_same_image(self.path("plain", "disk.img"), self.disk)

    def test_nothing_but_the_bundle_is_there(self):
        self.assertEqual(sorted(os.listdir(self.made)), [
            "disk.img.manifest.xml", "disk.img.part.0", "disk.img.part.1", "disk.img.part.2"])

    def test_unbundling_gives_the_image_back(self):
        self.assert_same_image(self.unbundle(self.made, "disk.img"), self.disk)

    def test_a_second_bundle_takes_the_place_of_the_first(self):
        made = shutil.copytree(self.made, self.path("made"))
        small = self.image("small", random=100, size=MIB)
        self.bundle(small, "-p", "disk.img", directory=made)
        self.assertEqual(sorted(os.listdir(made)), ["disk.img.manifest.xml", "disk.img.part.0"])
        self.assert_same_image(self.unbundle(made, "disk.img"), small)


class BundleTest(AmiToolsTestCase):
    def test_it_says_what_scripts_wait_for(self):
        image = self.image("small", random=100, size=MIB)
        done = self.tool("ec2-bundle-image", "-i", image, "-p", "my", *self.bundle_options("."))
        self.assertEqual(done.stdout.splitlines(), [
            "Bundling image file...", "Splitting ./my.tar.gz.enc...", "Created my.part.0",
            "Generating digests for each part...", "Digests generated.",
            "Creating bundle manifest...", "Bundle manifest is ./my.manifest.xml",
            "ec2-bundle-image complete."])

    def test_the_architecture_is_asked_for(self):
        image = self.image("small", random=100, size=MIB)
        options = self.bundle_options(self.folder)
        del options[options.index("-r"):options.index("-r") + 2]
        done = self.tool("ec2-bundle-image", "-i", image, *options, input="i386\n")
        self.assertIn("Please specify a value for arch [", done.stdout)
        self.assertIn(b"<architecture>i386<", self.manifest(self.folder, "small"))
        done = self.tool("ec2-bundle-image", "-i", image, *options, "--batch", input="i386\n")
        self.assertNotIn("Please", done.stdout)
        self.refused("--arch vax", "ec2-bundle-image", "-i", image, *options, input="vax\n")

    def test_an_account_number_may_have_dashes(self):
        image = self.image("small", random=100, size=MIB)
        self.tool("ec2-bundle-image", "-i", image, *self.bundle_options(self.folder),
                  "-u", "1111-2222-3333")
        self.assertIn(b"<user>111122223333</user>", self.manifest(self.folder, "small"))

    def test_wrong_use(self):
        image, made = self.image("small", random=100, size=MIB), self.directory("made")
        for expected, options in (
                ("no such file", ["-i", "absent"]),
                ("no such file", ["-c", "absent"]),
                ("do not belong together", ["-k", self.key("other")]),
                ("not a private key", ["-k", image]),
                ("not an X.509 certificate", ["-c", self.key("user")]),
                ("absent: no such file", ["--ec2cert", "absent"]),
                ("not an X.509", ["--ec2cert", image]),
                ("12 digits", ["-u", "me"]),
                ("no such directory", ["-d", "absent"]),
                ("beginning of a file name", ["-p", "a/b"]),
                ("invalid mapping value", ["-B", "nonsense"]),
                ("invalid choice", ["-r", "vax"]),
                ("invalid option: --nonsense", ["--nonsense"]),
                ("unexpected argument: nonsense", ["nonsense"])):
            with self.subTest(options):
                self.refused(expected, "ec2-bundle-image", "-i", image,
                             *self.bundle_options(made), *options)
                self.assertEqual(os.listdir(made), [])

    def test_what_is_missing_is_named(self):
        done = self.tool("ec2-bundle-image", "-i", "x", "-c", "x", "-k", "x", status=1)
        self.assertEqual(done.stderr, "missing mandatory parameter: --user\n"
                                      "Try 'ec2-bundle-image --help'\n")

    def test_one_that_is_ended_on_its_way_leaves_nothing(self):
        image, made = self.image(random=48 * MIB), self.directory("made")
        process = subprocess.Popen(
            [os.path.join(TOOLS, "ec2-bundle-image"), "-i", image, *self.bundle_options(made)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: os.listdir(made), 60, "it has begun")
        process.terminate()
        self.assertEqual(process.communicate(timeout=60)[1], "ERROR: interrupted\n")
        self.assertEqual((process.returncode, os.listdir(made)), (1, []))

    @unittest.skipIf(os.geteuid() != 0, "only root can mount a small disk")
    def test_a_full_disk_leaves_nothing(self):
        image, made = self.image(), self.directory("made")
        small = ["unshare", "--mount", "sh", "-c",
                 'mount -t tmpfs -o size=12m none "$0" && { "$@"; s=$?; ls -A "$0"; exit $s; }',
                 made]
        done = self.refused("No space left on device", "ec2-bundle-image", "-i", image,
                            *self.bundle_options(made), before=small)
        self.assertEqual(done.stdout.splitlines(), ["Bundling image file..."])
        self.bundle(image, directory=self.directory("bundle"))
        done = self.refused("No space left on device", "ec2-unbundle", "-k", self.key("user"),
                            "-s", "bundle", "-m", "bundle/disk.img.manifest.xml", "-d", made,
                            before=small)
        self.assertEqual(done.stdout, "")


class UnbundleTest(AmiToolsTestCase):
    """A bundle that another program made, and then all that can be wrong with it."""

    NAME = "hand.img"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = random_bytes(11 * MIB, seed=7) + bytes(MIB)
        cls.original = cls.maker().handmade(cls.archive(("other-name", cls.data)),
                                            size=len(cls.data))

    def setUp(self):
        super().setUp()
        self.made = shutil.copytree(self.original, self.path("made"))
        self.out = self.directory("out")

    @staticmethod
    def archive(*members):
        """(name, bytes) or a ready tarfile.TarInfo each."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    tar.addfile(member)
                    continue
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
        return stream.getvalue()

    def arguments(self, key="user"):
        return ["ec2-unbundle", "-k", self.key(key), "-s", self.made, "-d", self.out,
                "-m", os.path.join(self.made, f"{self.NAME}.manifest.xml")]

    def assert_refused(self, expected, **options):
        self.refused(expected, *self.arguments(**options))
        self.assertEqual(os.listdir(self.out), [])

    def again(self, *members, size):
        self.handmade(self.archive(*members), size=size, directory=self.made)

    def part(self, index):
        return os.path.join(self.made, f"{self.NAME}.part.{index}")

    def test_it_is_unbundled(self):
        self.tool(*self.arguments())
        self.assertEqual(os.listdir(self.out), ["other-name"])
        with open(os.path.join(self.out, "other-name"), "rb") as file:
            self.assertTrue(file.read() == self.data)

    def test_a_foreign_key(self):
        self.assert_refused("signature is not of private key", key="other")
        self.write_manifest(self.made, self.NAME, self.manifest(self.made, self.NAME), "other")
        self.assert_refused("was not made for it", key="other")

    def test_a_changed_byte_in_a_part(self):
        with open(self.part(1), "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        self.assert_refused(r"part .*hand.img.part.1: corrupt")

    def test_a_part_that_is_cut_off_or_gone(self):
        os.truncate(self.part(0), PART - 1)
        self.assert_refused("hand.img.part.0: corrupt")
        os.unlink(self.part(0))
        self.assert_refused("hand.img.part.0: no such file")

    def test_a_manifest_that_was_changed_after_it_was_signed(self):
        path = os.path.join(self.made, f"{self.NAME}.manifest.xml")
        text = self.manifest(self.made, self.NAME)
        for old, new in ((b"<architecture>i386", b"<architecture>i387"),
                         (b"<image>", b"<image> ")):
            with open(path, "wb") as file:
                file.write(text.replace(old, new))
            self.assert_refused("the signature is not of")

    def test_only_what_is_signed_counts(self):
        text = self.manifest(self.made, self.NAME)
        signed = signed_part(text)
        forged = signed.replace(b"<size>", b"<size>1").replace(b"<image>", b"<image >").replace(
            b"<machine_configuration>", b"<machine_configuration >")
        with open(os.path.join(self.made, f"{self.NAME}.manifest.xml"), "wb") as file:
            file.write(text.replace(signed, forged + b"<old>" + signed + b"</old>"))
        self.tool(*self.arguments())

    def test_names_that_lead_elsewhere(self):
        for name in (b"../out/x", b"/etc/passwd", b"..", b"a/b", b""):
            with self.subTest(name):
                text = self.manifest(self.made, self.NAME)
                self.change_manifest(self.made, self.NAME, b"<filename>hand.img.part.0<",
                                     b"<filename>" + name + b"<")
                self.assert_refused("not the name of a file|has no filename")
                self.write_manifest(self.made, self.NAME, text)

    def test_documents_that_are_no_manifests(self):
        path = os.path.join(self.made, f"{self.NAME}.manifest.xml")
        text = self.manifest(self.made, self.NAME)
        bomb = (b"<!DOCTYPE manifest [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]>" +
                text.replace(b"<name>hand</name>", b"<name>&b;</name>"))
        outside = b"<!DOCTYPE manifest SYSTEM 'file:///etc/passwd'>" + text
        for expected, document in (
                ("document type", bomb), ("document type", outside),
                ("a comment", text.replace(b"<image>", b"<!-- <image> --><image>")),
                ("is not a manifest", b"<other/>"), ("no element found", b""),
                ("has no signature", text[:text.index(b"<signature>")] + b"</manifest>"),
                ("version 2006", text.replace(b"2007-10-10", b"2006-01-01")),
                ("", text[:-20]), ("larger than", b" " * (5 * MIB)), ("", bytes(100)),
                ("has no image", text.replace(b"image>", b"picture>"))):
            with self.subTest(expected=expected, document=document[:60]):
                with open(path, "wb") as file:
                    file.write(document)
                self.assert_refused("manifest .*" + expected)

    def test_numbers_and_lists_that_make_no_sense(self):
        for old, new in ((b"count='2'", b"count='3'"), (b"index='1'", b"index='2'"),
                         (b"index='1'", b"index='0'"), (b"hand.img.part.1", b"hand.img.part.0"),
                         (b"<size>", b"<size>-"), (b"<size>", b"<size>999999999999"),
                         (b"algorithm='SHA1'>", b"algorithm='SHA1'>zz"),
                         (b"<user_encrypted_key>", b"<user_encrypted_key>zz")):
            with self.subTest(new):
                text = self.manifest(self.made, self.NAME)
                self.change_manifest(self.made, self.NAME, old, new)
                self.assert_refused("^ERROR: manifest ")
                self.write_manifest(self.made, self.NAME, text)

    def test_an_image_that_is_larger_than_it_says(self):
        self.again(("disk", bytes(64 * MIB)), size=MIB)
        self.assert_refused("tar: |the archive is larger")

    def test_an_image_that_is_smaller_than_it_says(self):
        self.again(("disk", bytes(MIB)), size=2 * MIB)
        self.assert_refused("the image has 1048576 bytes, not the 2097152")

    def test_a_digest_of_another_archive(self):
        self.again(("disk", bytes(MIB)), size=MIB)
        digest = re.search(rb"<type>machine</type><digest algorithm='SHA1'>(\w+)<",
                           self.manifest(self.made, self.NAME))[1]
        self.change_manifest(self.made, self.NAME, digest, digest[::-1])
        self.assert_refused("its digest is not the manifest's")

    def test_archives_that_are_not_one_image(self):
        link = tarfile.TarInfo("disk")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        climbing = ("../climbed", b"x" * 512)
        for members in ((("a", b"1"), ("b", b"2")), (link,), (climbing,), ()):
            with self.subTest(members=members):
                self.again(*members, size=512)
                self.assert_refused("just one image|tar: ")
                self.assertFalse(os.path.exists(self.path("climbed")))

    def test_what_is_not_compressed(self):
        text = self.manifest(self.made, self.NAME)
        data = random_bytes(1000)
        with open(self.part(0), "wb") as file:
            file.write(data)
        parts = text[text.index(b"<parts"):text.index(b"</parts>")]
        digest = hashlib.sha1(data).hexdigest().encode()
        self.write_manifest(self.made, self.NAME, text.replace(
            parts, b"<parts count='1'><part index='0'><filename>hand.img.part.0</filename>"
                   b"<digest>" + digest + b"</digest></part>"))
        self.assert_refused("openssl|gzip")


class MigrateTest(AmiToolsTestCase):
    def setUp(self):
        super().setUp()
        self.disk = self.image(random=100, size=MIB)
        self.made = self.bundle(self.disk, "--kernel", "aki-1")
        self.text = self.manifest(self.made, "disk.img")
        self.arguments = ["ec2-migrate-manifest", "-c", self.certificate("user"),
                          "-k", self.key("user"), "--ec2cert", self.certificate("other"),
                          "-m", os.path.join(self.made, "disk.img.manifest.xml")]

    def test_another_cloud_can_read_it(self):
        done = self.tool(*self.arguments, "--region", "eu-west-1", "--ramdisk", "ari-9")
        self.assertIn("Backing up manifest...\nSuccessfully migrated ", done.stdout)
        self.assertIn("It is now suitable for use in eu-west-1.", done.stdout)
        root = self.tree(self.manifest(self.made, "disk.img"))
        self.assertEqual(root.findtext("machine_configuration/kernel_id"), "aki-1")
        self.assertEqual(root.findtext("machine_configuration/ramdisk_id"), "ari-9")
        key = openssl("pkeyutl", "-decrypt", "-inkey", self.key("other"),
                      data=bytes.fromhex(root.findtext("image/ec2_encrypted_key"))).decode()
        self.assertEqual(key, self.unwrap(self.tree(self.text), "ec2")[0])
        with open(os.path.join(self.made, "disk.img.manifest.xml.bak"), "rb") as file:
            self.assertEqual(file.read(), self.text)
        self.assert_same_image(self.unbundle(self.made, "disk.img"), self.disk)

    def test_what_is_refused_changes_nothing(self):
        for expected, options in (("--region or --no-mapping", []),
                                  ("belong together", ["--no-mapping", "-k", self.key("other")]),
                                  ("no such file", ["--no-mapping", "--ec2cert", "absent"])):
            self.refused(expected, *self.arguments, *options)
        self.assertEqual(self.manifest(self.made, "disk.img"), self.text)
        self.assertFalse(os.path.exists(os.path.join(self.made, "disk.img.manifest.xml.bak")))


class ProgramsTest(AmiToolsTestCase):
    def test_every_tool_explains_itself(self):
        for name in sorted(os.listdir(TOOLS)):
            if name == "ec2-ami-tools-version":
                self.assertEqual(self.tool(name).stdout, "1.5 20071010\n")
                continue
            with self.subTest(name):
                self.assertIn(f"usage: {name} ", self.tool(name, "--help").stdout)
                self.assertGreater(len(self.tool(name, "--manual").stdout.splitlines()), 3)
                self.assertEqual(self.tool(name, "--version").stdout, f"{name} 1.5 20071010\n")

    def test_they_run_from_where_they_are_installed(self):
        install = os.path.join(os.path.dirname(TOOLS), "install")
        subprocess.run([install, self.path("root")], check=True)
        programs = self.path("root", "usr", "local", "bin")
        self.assertEqual(sorted(os.listdir(programs)), sorted(os.listdir(TOOLS)))
        for name in os.listdir(programs):
            option = [] if name.endswith("-version") else ["--version"]
            done = subprocess.run([os.path.join(programs, name), *option], capture_output=True,
                                  text=True, check=True)
            self.assertIn("1.5", done.stdout)
