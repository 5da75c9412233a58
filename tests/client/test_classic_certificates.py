"""The tools of old with nothing but an X.509 key and certificate: the access key that these lead
to, and everybody who does not get one."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time as clock
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from classic import ClassicTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402
from signers import new_pair, root_pair  # noqa: E402


class CertificateTest(ClassicTestCase):
    """A shell set up with EC2_PRIVATE_KEY and EC2_CERT only."""

    def setUp(self):
        super().setUp()
        self.key, self.certificate = root_pair(self.cloud)

    def env(self, **more):
        return {"PATH": os.environ["PATH"], "CUMULET_STATE": "/nonexistent",
                "EC2_URL": self.cloud.endpoint, "EC2_PRIVATE_KEY": self.key,
                "EC2_CERT": self.certificate, **more}

    def test_all_families_find_the_key(self):
        for tool in ("ec2-describe-regions", "elb-describe-lbs", "as-describe-policies",
                     "mon-describe-alarms"):
            self.tool(tool, env=self.env())
        env = self.env()
        del env["EC2_PRIVATE_KEY"], env["EC2_CERT"]
        self.tool("ec2-describe-regions", "-K", self.key, "-C", self.certificate, env=env)
        self.tool("elb-describe-lbs", "-K", self.key, "-C", self.certificate, env=env)

    def test_a_users_certificate_gives_the_users_key(self):
        iam = self.cloud.boto3("iam")
        name = unique("user")
        iam.create_user(UserName=name)
        self.addCleanup(iam.delete_user, UserName=name)
        key, certificate = new_pair(self, name)
        with open(certificate) as file:
            uploaded = iam.upload_signing_certificate(UserName=name, CertificateBody=file.read())
        id = uploaded["Certificate"]["CertificateId"]
        self.addCleanup(iam.delete_signing_certificate, UserName=name, CertificateId=id)
        env = self.env(EC2_PRIVATE_KEY=key, EC2_CERT=certificate)
        self.refused("has no active access key", "ec2-describe-regions", env=env)
        made = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        self.addCleanup(iam.delete_access_key, UserName=name, AccessKeyId=made)
        self.refused("Client.UnauthorizedOperation: ", "ec2-describe-regions", env=env)  # no policy
        iam.update_signing_certificate(UserName=name, CertificateId=id, Status="Inactive")
        self.refused("The certificate is not active", "ec2-describe-regions", env=env)

    def test_strangers_are_refused(self):
        key, certificate = new_pair(self, "stranger")
        self.refused("AuthFailure: The certificate is not registered", "ec2-describe-regions",
                     env=self.env(EC2_PRIVATE_KEY=key, EC2_CERT=certificate))
        self.refused("not of the certificate's private key", "ec2-describe-regions",
                     env=self.env(EC2_PRIVATE_KEY=key))

    def test_files_that_are_none(self):
        self.refused("is not a valid private key", "ec2-describe-regions",
                     env=self.env(EC2_PRIVATE_KEY=self.certificate))
        self.refused("must be one X.509 certificate", "ec2-describe-regions",
                     env=self.env(EC2_CERT=self.key))
        self.refused("/nonexistent", "ec2-describe-regions",
                     env=self.env(EC2_CERT="/nonexistent"))
        env = self.env()
        env.pop("EC2_CERT")
        self.refused("a private key's file needs a certificate's file, too",
                     "ec2-describe-regions", env=env)


class LoginTest(ClassicTestCase):
    """The question for the key, made by hand: time, nonce, replay."""

    def setUp(self):
        super().setUp()
        self.key, self.path = root_pair(self.cloud)
        with open(self.path) as file:
            self.certificate = file.read()

    def ask(self, time=0, nonce="0123456789abcdef", **changes):
        time = int(clock.time()) + time
        digest = hashlib.sha256(self.certificate.encode()).hexdigest()
        text = f"cumulet access key\n{time}\n{nonce}\n{digest}\n"
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key],
                                   input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
        body = {"certificate": self.certificate, "time": time, "nonce": nonce,
                "signature": base64.b64encode(signature).decode(), **changes}
        return self.send(json.dumps({k: v for k, v in body.items() if v is not None}).encode())

    def send(self, body):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.cloud.endpoint}/_cumulet/access-key", body, timeout=30) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def refuse(self, code, words, answer):
        status, said = answer
        self.assertGreaterEqual(status, 400)
        self.assertEqual(said["Code"], code)
        self.assertIn(words, said["Message"])
        self.assertEqual(set(said), {"Code", "Message"})

    def test_the_key_is_told_once_a_question(self):
        nonce = os.urandom(8).hex()
        status, said = self.ask(nonce=nonce)
        self.assertEqual((status, said), (200, {
            "access_key_id": self.cloud.credentials["aws_access_key_id"],
            "secret_access_key": self.cloud.credentials["aws_secret_access_key"]}))
        self.refuse("AuthFailure", "answered already", self.ask(nonce=nonce))
        self.assertEqual(self.ask(nonce=os.urandom(8).hex())[0], 200)

    def test_the_time_must_be_about_now(self):
        for seconds in (-400, 400, -10**9, 10**12):
            self.refuse("RequestExpired", "more than 300 seconds",
                        self.ask(time=seconds, nonce=os.urandom(8).hex()))
        for seconds in (-200, 200):
            self.assertEqual(self.ask(time=seconds, nonce=os.urandom(8).hex())[0], 200)

    def test_what_was_changed_is_refused(self):
        self.refuse("AuthFailure", "private key", self.ask(nonce="a" * 16, signature="AAAA"))
        self.refuse("AuthFailure", "private key", self.ask(nonce="a" * 16, signature="?"))
        for nonce in ("short", "x" * 65, "with a space here", "new\nline-new\nline"):
            self.refuse("AuthFailure", "letters and digits", self.ask(nonce=nonce))
        for missing in ("certificate", "nonce", "signature"):
            self.refuse("ValidationError", "The body must be", self.ask(**{missing: None}))
        for body in (b"", b"{", b"[]", b'"x"', b"\xff"):
            self.refuse("ValidationError", "The body must be", self.send(body))
        self.refuse("AuthFailure", "one X.509", self.ask(certificate="no certificate"))
        self.refuse("AuthFailure", "one X.509",
                    self.ask(certificate=self.certificate + self.certificate))

    def test_nothing_else_is_open(self):
        status, said = self.send(b"")
        self.assertEqual(status, 400)
        done = self.cloud.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                              f"{self.cloud.endpoint}/_cumulet/certificates")
        self.assertIn(done.stdout, ("401", "403"))
