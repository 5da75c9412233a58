"""The cloud's own certificates: made at the first start, shown and replaced by `cumulet
credentials`, and fit for the AMI tools."""

import glob
import http.client
import http.server
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from amitools import TOOLS, openssl  # noqa: E402
from cloud import CloudTestCase, wait_until  # noqa: E402


def certificates(cloud, *options):
    """What `cumulet credentials --json` says: it waits until all are made."""
    return json.loads(cloud.cumulet("credentials", "--json", *options).stdout)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def public_key(path, private):
    return openssl("pkey" if private else "x509", "-in", path, "-noout" if not private else "-pubout",
                   *([] if private else ["-pubkey"]))


class CertificateTest(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def only_pair(self, cloud):
        shown = certificates(cloud)
        self.assertEqual(len(shown["certificates"]), 1)
        return shown["certificates"][0]

    def test_a_first_start_makes_a_pair_that_belongs_together(self):
        pair = self.only_pair(self.cloud)
        self.assertRegex(pair["id"], r"^[A-Z2-7]{32}$")
        self.assertEqual(pair["status"], "Active")
        directory = os.path.join(self.cloud.state, "certificates")
        self.assertEqual(pair["private_key"], os.path.join(directory, f"pk-{pair['id']}.pem"))
        self.assertEqual(pair["certificate"], os.path.join(directory, f"cert-{pair['id']}.pem"))
        self.assertEqual(public_key(pair["private_key"], True),
                         public_key(pair["certificate"], False))
        self.assertEqual(mode(pair["private_key"]), 0o600)
        self.assertEqual(mode(directory), 0o700)
        text = openssl("x509", "-in", pair["certificate"], "-noout", "-text").decode()
        self.assertIn("2048 bit", text)
        openssl("x509", "-in", pair["certificate"], "-noout", "-checkend", str(10 * 365 * 86400))

    def test_iam_lists_it(self):
        pair = self.only_pair(self.cloud)
        listed = self.cloud.boto3("iam").list_signing_certificates()["Certificates"]
        self.assertEqual([one["CertificateId"] for one in listed], [pair["id"]])
        with open(pair["certificate"]) as file:
            self.assertEqual(listed[0]["CertificateBody"], file.read())
        self.assertNotIn("UserName", listed[0])

    def test_ec2s_key_is_secret_and_its_certificate_is_not(self):
        public = certificates(self.cloud)["ec2_certificate"]
        secret = os.path.join(self.cloud.state, "secrets", "ec2.pem")
        self.assertEqual(public, os.path.join(self.cloud.state, "certificates", "cert-ec2.pem"))
        self.assertEqual(public_key(secret, True), public_key(public, False))
        self.assertEqual(mode(secret), 0o600)
        with open(public) as file:
            self.assertNotIn("PRIVATE", file.read())

    def test_another_start_changes_nothing(self):
        cloud = self.start_cloud()
        before = certificates(cloud)
        cloud.restart()
        self.assertEqual({**certificates(cloud), "endpoint": None}, {**before, "endpoint": None})

    def test_what_is_missing_is_made_again(self):
        cloud = self.start_cloud()
        before = certificates(cloud)
        cloud.stop()
        for path in (before["ec2_certificate"], before["certificates"][0]["private_key"]):
            os.unlink(path)
        cloud.start()
        after = certificates(cloud)
        self.assertTrue(os.path.exists(after["ec2_certificate"]))
        # The old one is still registered, but only in IAM: its key is lost.
        self.assertEqual([one["id"] for one in after["certificates"]][:1],
                         [before["certificates"][0]["id"]])
        self.assertNotIn("private_key", after["certificates"][0])
        self.assertTrue(os.path.exists(after["certificates"][1]["private_key"]))

    def test_what_a_killed_daemon_left_goes(self):
        cloud = self.start_cloud()
        pair = self.only_pair(cloud)
        cloud.kill()
        directory = os.path.dirname(pair["certificate"])
        strays = [os.path.join(directory, name) for name in (
            f"pk-{'A' * 32}.pem", f"cert-{'A' * 32}.pem", ".pk-half.pem.x1Y2z3")]
        for path in strays:
            with open(path, "w") as file:
                file.write("half a k")
        cloud.start()
        self.assertEqual(self.only_pair(cloud), pair)
        self.assertEqual([path for path in strays if os.path.exists(path)], [])

    def test_a_start_with_everything_there_is_fast(self):
        cloud = self.start_cloud()
        certificates(cloud)
        cloud.stop()
        took = []
        for _ in range(3):  # the processors may be busy with something else
            begin = time.monotonic()
            cloud.start()
            took.append(time.monotonic() - begin)
            cloud.stop()
        cloud.start()
        self.assertLess(min(took), 1)

    def test_a_reset_keeps_it(self):
        cloud = self.start_cloud()
        pair = self.only_pair(cloud)
        cloud.cumulet("reset")
        self.assertEqual(self.only_pair(cloud), pair)

    def test_a_deleted_ones_files_go_with_it(self):
        cloud = self.start_cloud()
        pair = self.only_pair(cloud)
        cloud.boto3("iam").delete_signing_certificate(CertificateId=pair["id"])
        self.assertFalse(os.path.exists(pair["private_key"]))
        self.assertFalse(os.path.exists(pair["certificate"]))
        self.assertEqual(certificates(cloud)["certificates"], [])

    def test_a_damaged_key_of_ec2_is_told_and_kept(self):
        cloud = self.start_cloud()
        pair = self.only_pair(cloud)
        cloud.stop()
        secret = os.path.join(cloud.state, "secrets", "ec2.pem")
        with open(secret, "w") as file:
            file.write("-----BEGIN CERTIFICATE-----\n")
        cloud.start()
        done = cloud.cumulet("credentials", check=False)
        self.assertEqual(done.returncode, 1)
        wait_until(lambda: "ec2.pem does not hold a key" in cloud.log(), 30, "the log tells")
        self.assertEqual(os.path.getsize(secret), len("-----BEGIN CERTIFICATE-----\n"))
        self.assertTrue(os.path.exists(pair["private_key"]))


class ReplaceTest(CloudTestCase):
    cloud_options = None

    def test_another_pair_takes_the_place(self):
        cloud = self.start_cloud()
        old = certificates(cloud)["certificates"][0]
        new = certificates(cloud, "--replace-certificate")["certificates"]
        self.assertEqual(len(new), 1)
        self.assertNotEqual(new[0]["id"], old["id"])
        self.assertEqual(public_key(new[0]["private_key"], True),
                         public_key(new[0]["certificate"], False))
        self.assertEqual(
            sorted(glob.glob(os.path.join(cloud.state, "certificates", "pk-*")) +
                   glob.glob(os.path.join(cloud.state, "certificates", "cert-*"))),
            sorted([new[0]["private_key"], new[0]["certificate"],
                    os.path.join(cloud.state, "certificates", "cert-ec2.pem")]))
        listed = cloud.boto3("iam").list_signing_certificates()["Certificates"]
        self.assertEqual([one["CertificateId"] for one in listed], [new[0]["id"]])

    def test_uploaded_ones_are_left_alone(self):
        cloud = self.start_cloud()
        own = certificates(cloud)["certificates"][0]["id"]
        iam = cloud.boto3("iam")
        uploaded = [iam.upload_signing_certificate(CertificateBody=new_certificate())[
            "Certificate"]["CertificateId"]]
        shown = certificates(cloud, "--replace-certificate")["certificates"]
        self.assertIn(uploaded[0], [one["id"] for one in shown])
        self.assertNotIn(own, [one["id"] for one in shown])
        # With two of them there is no room for one of the cloud's.
        made = next(one["id"] for one in shown if "private_key" in one)
        iam.delete_signing_certificate(CertificateId=made)
        iam.upload_signing_certificate(CertificateBody=new_certificate())
        done = cloud.cumulet("credentials", "--replace-certificate", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Cannot exceed quota for CertificatesPerUser: 2", done.stderr)
        left = [name for name in os.listdir(os.path.join(cloud.state, "certificates"))
                if name.startswith(("pk-", "cert-", "."))]
        self.assertEqual(left, ["cert-ec2.pem"])

    def test_text_names_the_files(self):
        cloud = self.start_cloud()
        pair = certificates(cloud)["certificates"][0]
        text = cloud.cumulet("credentials").stdout
        self.assertIn(f"certificate        {pair['id']}\n", text)
        self.assertIn(f"  private key      {pair['private_key']}\n", text)
        self.assertIn(f"EC2's certificate  {cloud.state}/certificates/cert-ec2.pem\n", text)
        cloud.boto3("iam").update_signing_certificate(CertificateId=pair["id"], Status="Inactive")
        self.assertIn(f"{pair['id']} (inactive)", cloud.cumulet("credentials").stdout)

    def test_without_a_daemon(self):
        cloud = self.start_cloud()
        certificates(cloud)
        cloud.stop()
        self.assertNotIn("certificates", certificates(cloud))
        done = cloud.cumulet("credentials", "--replace-certificate", check=False)
        self.assertEqual(done.returncode, 3)

    def test_only_the_root_of_the_first_account_may(self):
        cloud = self.start_cloud()
        other = json.loads(cloud.cumulet("account", "create", "other", "--json").stdout)
        # The command line speaks for the first account alone.
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        request = AWSRequest("GET", f"{cloud.endpoint}/_cumulet/certificates")
        SigV4Auth(Credentials(other["access_key_id"], other["secret_access_key"]), "cumulet",
                  "us-east-1").add_auth(request)
        address = cloud.endpoint.partition("//")[2]
        connection = http.client.HTTPConnection(address, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/_cumulet/certificates", headers=dict(request.headers))
        self.assertEqual(connection.getresponse().status, 403)


def new_certificate(*options):
    """A certificate in PEM, its key thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                       "/CN=test", "-keyout", os.path.join(folder, "key"), *options).decode()


class Metadata:
    """An instance metadata service that knows EC2's certificate, or does not (None)."""

    def __init__(self, certificate):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, text=""):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                self.answer(200, "the-token")

            def do_GET(self):
                known = self.path == "/latest/dynamic/cumulet/cert-ec2.pem" and certificate and \
                    self.headers.get("X-aws-ec2-metadata-token") == "the-token"
                self.answer(*(200, certificate) if known else (404,))

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


@unittest.skipIf(os.path.exists("/etc/ec2/amitools/cert-ec2.pem"), "this system has EC2's own")
class ToolsTest(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def bundle(self, *options, metadata=None):
        """ec2-bundle-image with the cloud's pair; what it said, and the manifest or None."""
        pair = certificates(self.cloud)["certificates"][0]
        env = {**self.cloud.environment, "AWS_EC2_METADATA_DISABLED": "true"}
        if metadata:
            env.update({"AWS_EC2_METADATA_DISABLED": "false",
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata})
        with tempfile.TemporaryDirectory() as folder:
            image = os.path.join(folder, "disk.img")
            with open(image, "wb") as file:
                file.write(os.urandom(100000))
            done = subprocess.run(
                [os.path.join(TOOLS, "ec2-bundle-image"), "-i", image, "-d", folder, "-k",
                 pair["private_key"], "-c", pair["certificate"], "-u",
                 self.cloud.credentials["account_id"], "-r", "x86_64", *options], env=env,
                capture_output=True, text=True)
            manifest = os.path.join(folder, "disk.img.manifest.xml")
            if not os.path.exists(manifest):
                return done, None
            with open(manifest) as file:
                return done, file.read()

    def assert_ec2_reads(self, done, manifest):
        """The bundle's key is EC2's to unwrap."""
        self.assertEqual(done.returncode, 0, done.stderr)
        wrapped = manifest.partition("<ec2_encrypted_key")[2].partition(">")[2].partition("<")[0]
        key = openssl("pkeyutl", "-decrypt", "-inkey",
                      os.path.join(self.cloud.state, "secrets", "ec2.pem"),
                      data=bytes.fromhex(wrapped))
        self.assertRegex(key, rb"^[0-9a-f]{32}$")

    def metadata(self, certificate):
        service = Metadata(certificate)
        self.addCleanup(service.close)
        return service.url

    def test_a_bundle_is_made_with_them(self):
        self.assert_ec2_reads(*self.bundle("--ec2cert",
                                           certificates(self.cloud)["ec2_certificate"]))

    def test_in_a_guest_the_metadata_service_has_ec2s(self):
        with open(certificates(self.cloud)["ec2_certificate"]) as file:
            url = self.metadata(file.read())
        self.assert_ec2_reads(*self.bundle(metadata=url))

    def test_without_ec2s_there_is_no_bundle(self):
        for url in (None, self.metadata(None), "http://127.0.0.1:1"):
            done, manifest = self.bundle(metadata=url)
            self.assertEqual((done.returncode, manifest), (1, None))
            self.assertIn("EC2's certificate (--ec2cert) /etc/ec2/amitools/cert-ec2.pem: no such "
                          "file", done.stderr)
        done, _ = self.bundle(metadata=self.metadata("nonsense"))
        self.assertIn("not an X.509 certificate", done.stderr)


if __name__ == "__main__":
    unittest.main()
