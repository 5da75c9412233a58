"""Signing and server certificates of IAM: by boto3 and the AWS CLI, and all that is refused."""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from amitools import openssl  # noqa: E402
from cloud import CloudTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

RSA = ("-newkey", "rsa:2048")
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Maker:
    """Keys and certificates (texts), in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def text(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def self_signed(self, name, *options, kind=RSA, days="30"):
        """NAME.pem and NAME.key; their texts."""
        openssl("req", "-x509", *kind, "-nodes", "-days", days, "-subj", f"/CN={name}",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"), *options)
        return self.text(f"{name}.pem"), self.text(f"{name}.key")

    def signed(self, name, issuer):
        """The same, signed by another one's key."""
        openssl("req", "-new", *RSA, "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"))
        with open(self.path("ca.conf"), "w") as file:
            file.write("basicConstraints=CA:true\n")
        openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-days", "30",
                "-CA", self.path(f"{issuer}.pem"), "-CAkey", self.path(f"{issuer}.key"),
                "-CAcreateserial", "-extfile", self.path("ca.conf"),
                "-out", self.path(f"{name}.pem"))
        return self.text(f"{name}.pem"), self.text(f"{name}.key")

    def dated(self, name, begin, end):
        """A certificate with these dates (days from now)."""
        now = datetime.datetime.now(datetime.timezone.utc)
        dates = [(now + datetime.timedelta(days=days)).strftime("%y%m%d%H%M%SZ")
                 for days in (begin, end)]
        openssl("req", "-new", *RSA, "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"))
        for path, content in (("index.txt", ""), ("serial", "01\n")):
            with open(self.path(path), "w") as file:
                file.write(content)
        with open(self.path("ca.conf"), "w") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\n"
                       "new_certs_dir=.\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n"
                       "[p]\ncommonName=supplied\n")
        subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", "ca.conf", "-keyfile",
                        f"{name}.key", "-in", f"{name}.csr", "-out", f"{name}.pem", "-startdate",
                        dates[0], "-enddate", dates[1], "-notext"], cwd=self.folder, check=True,
                       capture_output=True)
        return self.text(f"{name}.pem"), self.text(f"{name}.key")


class CertificateTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.maker = Maker(folder.name)
        cls.account = cls.cloud.credentials["account_id"]
        cls.iam = cls.cloud.boto3("iam")

    def refuse(self, code, verb, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            verb(*arguments, **options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def aws(self, *arguments):
        done = self.cloud.run("aws", *arguments, "--output", "json", check=False)
        if done.returncode == 127:
            self.skipTest("no AWS CLI here")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def new_user(self, policy=None):
        name = unique("user")
        self.iam.create_user(UserName=name)
        if policy:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [policy]}))
        return name

    def keys_of(self, name):
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"]}


class SigningTest(CertificateTestCase):
    def test_a_certificate_comes_and_goes(self):
        name = self.new_user()
        body, _ = self.maker.self_signed(name)
        made = self.iam.upload_signing_certificate(UserName=name, CertificateBody=body)[
            "Certificate"]
        self.assertRegex(made["CertificateId"], r"^[A-Z2-7]{32}$")
        self.assertEqual((made["UserName"], made["CertificateBody"], made["Status"]),
                         (name, body, "Active"))
        age = datetime.datetime.now(datetime.timezone.utc) - made["UploadDate"]
        self.assertLess(abs(age), datetime.timedelta(minutes=5))
        self.assertEqual(self.iam.list_signing_certificates(UserName=name)["Certificates"], [made])
        one = {"UserName": name, "CertificateId": made["CertificateId"]}
        self.iam.update_signing_certificate(Status="Inactive", **one)
        self.assertEqual(self.iam.list_signing_certificates(UserName=name)["Certificates"],
                         [{**made, "Status": "Inactive"}])
        self.refuse("DeleteConflict", self.iam.delete_user, UserName=name)
        self.iam.delete_signing_certificate(**one)
        self.assertEqual(self.iam.list_signing_certificates(UserName=name)["Certificates"], [])
        self.refuse("NoSuchEntity", self.iam.delete_signing_certificate, **one)
        self.refuse("NoSuchEntity", self.iam.update_signing_certificate, Status="Active", **one)
        self.iam.delete_user(UserName=name)

    def test_a_user_brings_his_own(self):
        name = self.new_user({"Effect": "Allow", "Action": "iam:*SigningCertificate*",
                              "Resource": f"arn:aws:iam::{self.account}:user/${{aws:username}}"})
        iam = self.cloud.boto3("iam", **self.keys_of(name))
        body, _ = self.maker.self_signed("own")
        made = iam.upload_signing_certificate(CertificateBody=body)["Certificate"]
        self.assertEqual(made["UserName"], name)
        self.assertEqual(iam.list_signing_certificates()["Certificates"], [made])
        self.refuse("AccessDenied", iam.list_signing_certificates, UserName=self.new_user())

    def test_what_is_no_certificate(self):
        name = self.new_user()
        body, key = self.maker.self_signed("good")
        for text in ("nothing", key, body + body, body + key, body.replace("MII", "MIJ"),
                     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            self.refuse("MalformedCertificate", self.iam.upload_signing_certificate,
                        UserName=name, CertificateBody=text)
        self.assertEqual(self.iam.list_signing_certificates(UserName=name)["Certificates"], [])

    def test_one_that_cannot_sign_manifests(self):
        name = self.new_user()
        for body, _ in (self.maker.self_signed("ec", kind=EC),
                        self.maker.self_signed("weak", kind=("-newkey", "rsa:512")),
                        self.maker.dated("old", -10, -5), self.maker.dated("young", 5, 10)):
            self.refuse("InvalidCertificate", self.iam.upload_signing_certificate, UserName=name,
                        CertificateBody=body)

    def test_once_in_an_account(self):
        first, second = self.new_user(), self.new_user()
        body, _ = self.maker.self_signed("shared")
        self.iam.upload_signing_certificate(UserName=first, CertificateBody=body)
        for name in (first, second):
            self.refuse("DuplicateCertificate", self.iam.upload_signing_certificate,
                        UserName=name, CertificateBody="a comment\n" + body)

    def test_two_are_enough(self):
        name = self.new_user()
        for i in range(2):
            body, _ = self.maker.self_signed(f"enough{i}")
            self.iam.upload_signing_certificate(UserName=name, CertificateBody=body)
        body, _ = self.maker.self_signed("enough2")
        self.refuse("LimitExceeded", self.iam.upload_signing_certificate, UserName=name,
                    CertificateBody=body)

    def test_of_nobody(self):
        body, _ = self.maker.self_signed("nobody")
        self.refuse("NoSuchEntity", self.iam.upload_signing_certificate, UserName="nobody",
                    CertificateBody=body)
        self.refuse("NoSuchEntity", self.iam.list_signing_certificates, UserName="nobody")
        self.refuse("NoSuchEntity", self.iam.delete_signing_certificate, UserName="nobody",
                    CertificateId="A" * 32)

    def test_another_users_is_not_found(self):
        first, second = self.new_user(), self.new_user()
        body, _ = self.maker.self_signed("first")
        made = self.iam.upload_signing_certificate(UserName=first, CertificateBody=body)
        self.refuse("NoSuchEntity", self.iam.delete_signing_certificate, UserName=second,
                    CertificateId=made["Certificate"]["CertificateId"])

    def test_by_the_aws_cli(self):
        name = self.new_user()
        self.maker.self_signed("cli")
        made = self.aws("iam", "upload-signing-certificate", "--user-name", name,
                        "--certificate-body", f"file://{self.maker.path('cli.pem')}")["Certificate"]
        self.aws("iam", "update-signing-certificate", "--user-name", name, "--certificate-id",
                 made["CertificateId"], "--status", "Inactive")
        listed = self.aws("iam", "list-signing-certificates", "--user-name", name)["Certificates"]
        self.assertEqual(listed, [{**made, "Status": "Inactive"}])
        self.aws("iam", "delete-signing-certificate", "--user-name", name, "--certificate-id",
                 made["CertificateId"])


class ServerTest(CertificateTestCase):
    def upload(self, name=None, pair=None, **options):
        body, key = pair or self.maker.self_signed("server")
        name = name or unique("server")
        self.iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=body,
                                           PrivateKey=key, **options)
        self.addCleanup(self.remove, name)
        return name

    def remove(self, name):
        try:
            self.iam.delete_server_certificate(ServerCertificateName=name)
        except self.iam.exceptions.NoSuchEntityException:
            pass

    def get(self, name):
        return self.iam.get_server_certificate(ServerCertificateName=name)["ServerCertificate"]

    def test_a_certificate_comes_and_goes(self):
        body, key = self.maker.self_signed("whole")
        name = unique("server")
        made = self.iam.upload_server_certificate(
            ServerCertificateName=name, Path="/web/", CertificateBody=body, PrivateKey=key,
            Tags=[{"Key": "purpose", "Value": "test"}])
        metadata = made["ServerCertificateMetadata"]
        self.assertEqual(made["Tags"], [{"Key": "purpose", "Value": "test"}])
        self.assertEqual(metadata["Arn"],
                         f"arn:aws:iam::{self.account}:server-certificate/web/{name}")
        self.assertEqual((metadata["Path"], metadata["ServerCertificateName"]), ("/web/", name))
        self.assertRegex(metadata["ServerCertificateId"], r"^ASCA[A-Z2-7]{17}$")
        left = metadata["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
        self.assertAlmostEqual(left.total_seconds(), 30 * 86400, delta=600)
        got = self.get(name)
        self.assertEqual(got, {"ServerCertificateMetadata": metadata, "CertificateBody": body,
                               "Tags": made["Tags"]})
        self.assertIn(metadata, self.iam.list_server_certificates(PathPrefix="/web/")[
            "ServerCertificateMetadataList"])
        self.assertEqual(self.iam.list_server_certificates(PathPrefix="/other/")[
            "ServerCertificateMetadataList"], [])
        self.iam.delete_server_certificate(ServerCertificateName=name)
        for verb in (self.iam.get_server_certificate, self.iam.delete_server_certificate):
            self.refuse("NoSuchEntity", verb, ServerCertificateName=name)

    def test_a_chain_comes_back(self):
        root, _ = self.maker.self_signed("root")
        middle, _ = self.maker.signed("middle", "root")
        pair = self.maker.signed("leaf", "middle")
        name = self.upload(pair=pair, CertificateChain=middle + root)
        self.assertEqual(self.get(name)["CertificateChain"], middle + root)
        for chain in (root, root + middle, "no chain", middle + pair[1]):
            self.refuse("MalformedCertificate", self.iam.upload_server_certificate,
                        ServerCertificateName=unique("server"), CertificateBody=pair[0],
                        PrivateKey=pair[1], CertificateChain=chain)

    def test_an_elliptic_key_will_do(self):
        self.upload(pair=self.maker.self_signed("elliptic", kind=EC))

    def test_the_private_key_is_never_told(self):
        body, key = self.maker.self_signed("told")
        name = self.upload(pair=(body, key))
        self.assertNotIn(key.splitlines()[3], str(self.get(name)))

    def test_what_does_not_belong_together(self):
        body, key = self.maker.self_signed("one")
        other_body, other_key = self.maker.self_signed("other")
        encrypted = openssl("pkey", "-aes128", "-passout", "pass:secret",
                            data=key.encode()).decode()
        for code, wrong in (("KeyPairMismatch", {"PrivateKey": other_key}),
                            ("KeyPairMismatch", {"CertificateBody": other_body}),
                            ("MalformedCertificate", {"PrivateKey": "no key"}),
                            ("MalformedCertificate", {"PrivateKey": encrypted}),
                            ("MalformedCertificate", {"PrivateKey": body}),
                            ("MalformedCertificate", {"CertificateBody": "no certificate"}),
                            ("MalformedCertificate", {"CertificateBody": body + other_body}),
                            ("ValidationError", {"ServerCertificateName": "a b"}),
                            ("ValidationError", {"Path": "web/"})):
            with self.subTest(wrong):
                self.refuse(code, self.iam.upload_server_certificate, **{
                    "ServerCertificateName": unique("server"), "CertificateBody": body,
                    "PrivateKey": key, **wrong})
        for begin, end in ((-10, -5), (5, 10)):
            body, key = self.maker.dated("dated", begin, end)
            self.refuse("MalformedCertificate", self.iam.upload_server_certificate,
                        ServerCertificateName=unique("server"), CertificateBody=body,
                        PrivateKey=key)

    def test_names_differ_in_more_than_case(self):
        name = self.upload()
        body, key = self.maker.self_signed("again")
        for taken in (name, name.upper()):
            self.refuse("EntityAlreadyExists", self.iam.upload_server_certificate,
                        ServerCertificateName=taken, CertificateBody=body, PrivateKey=key)

    def test_another_name_is_another_arn(self):
        name, taken, new = self.upload(), self.upload(), unique("new")
        before = self.get(name)["ServerCertificateMetadata"]
        self.refuse("EntityAlreadyExists", self.iam.update_server_certificate,
                    ServerCertificateName=name, NewServerCertificateName=taken)
        self.refuse("ValidationError", self.iam.update_server_certificate,
                    ServerCertificateName=name, NewPath="web")
        self.refuse("NoSuchEntity", self.iam.update_server_certificate,
                    ServerCertificateName="absent", NewPath="/")
        self.iam.update_server_certificate(ServerCertificateName=name, NewPath="/web/",
                                           NewServerCertificateName=new)
        self.addCleanup(self.remove, new)
        self.assertEqual(self.get(new)["ServerCertificateMetadata"], {
            **before, "Path": "/web/", "ServerCertificateName": new,
            "Arn": f"arn:aws:iam::{self.account}:server-certificate/web/{new}"})
        self.refuse("NoSuchEntity", self.iam.get_server_certificate, ServerCertificateName=name)
        # The same name in other case is its own.
        self.iam.update_server_certificate(ServerCertificateName=new,
                                           NewServerCertificateName=new.upper())
        self.iam.update_server_certificate(ServerCertificateName=new.upper(),
                                           NewServerCertificateName=new)

    def test_twenty_are_enough_and_come_in_pages(self):
        pair = self.maker.self_signed("many")
        cloud = self.start_cloud()
        iam = cloud.boto3("iam")
        names = [f"many-{i:02}" for i in range(20)]
        for name in names:
            iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=pair[0],
                                          PrivateKey=pair[1])
        self.refuse("LimitExceeded", iam.upload_server_certificate, ServerCertificateName="more",
                    CertificateBody=pair[0], PrivateKey=pair[1])
        pages = list(iam.get_paginator("list_server_certificates").paginate(
            PaginationConfig={"PageSize": 8}))
        self.assertEqual([[one["ServerCertificateName"] for one in page[
            "ServerCertificateMetadataList"]] for page in pages],
            [names[:8], names[8:16], names[16:]])

    def test_tags(self):
        name = self.upload()

        def tags():
            listed = self.iam.list_server_certificate_tags(ServerCertificateName=name)["Tags"]
            return {tag["Key"]: tag["Value"] for tag in listed}

        self.iam.tag_server_certificate(ServerCertificateName=name, Tags=[
            {"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        self.iam.tag_server_certificate(ServerCertificateName=name,
                                        Tags=[{"Key": "a", "Value": "2"}])
        self.assertEqual(tags(), {"a": "2", "b": ""})
        self.iam.untag_server_certificate(ServerCertificateName=name, TagKeys=["b", "absent"])
        self.assertEqual(tags(), {"a": "2"})
        for code, wrong in (("InvalidInput", [{"Key": "aws:x", "Value": ""}]),
                            ("InvalidInput", [{"Key": "x", "Value": ""}] * 2),
                            ("ValidationError", [{"Key": "x" * 129, "Value": ""}]),
                            ("ValidationError", [{"Key": "x", "Value": "x" * 257}])):
            self.refuse(code, self.iam.tag_server_certificate, ServerCertificateName=name,
                        Tags=wrong)
        self.iam.tag_server_certificate(ServerCertificateName=name, Tags=[
            {"Key": f"k{i}", "Value": ""} for i in range(49)])
        self.refuse("LimitExceeded", self.iam.tag_server_certificate, ServerCertificateName=name,
                    Tags=[{"Key": "one more", "Value": ""}])
        for verb, more in ((self.iam.tag_server_certificate, {"Tags": [{"Key": "a", "Value": ""}]}),
                           (self.iam.untag_server_certificate, {"TagKeys": ["a"]}),
                           (self.iam.list_server_certificate_tags, {})):
            self.refuse("NoSuchEntity", verb, ServerCertificateName="absent", **more)
        self.assertEqual(len(tags()), 50)

    def test_a_user_may_what_his_policy_says_of_the_arn(self):
        name, other = self.upload(Path="/mine/"), self.upload()
        arn = f"arn:aws:iam::{self.account}:server-certificate/mine/*"
        iam = self.cloud.boto3("iam", **self.keys_of(self.new_user(
            {"Effect": "Allow", "Action": "iam:*ServerCertificate*", "Resource": arn})))
        iam.get_server_certificate(ServerCertificateName=name)
        self.refuse("AccessDenied", iam.get_server_certificate, ServerCertificateName=other)
        self.refuse("AccessDenied", iam.list_server_certificates)
        body, key = self.maker.self_signed("users")
        new = unique("server")
        self.refuse("AccessDenied", iam.upload_server_certificate, ServerCertificateName=new,
                    CertificateBody=body, PrivateKey=key)
        iam.upload_server_certificate(ServerCertificateName=new, Path="/mine/",
                                      CertificateBody=body, PrivateKey=key)
        iam.delete_server_certificate(ServerCertificateName=new)

    def test_by_the_aws_cli(self):
        self.maker.self_signed("cli")
        name = unique("cli")
        made = self.aws("iam", "upload-server-certificate", "--server-certificate-name", name,
                        "--certificate-body", f"file://{self.maker.path('cli.pem')}",
                        "--private-key", f"file://{self.maker.path('cli.key')}")
        self.addCleanup(self.remove, name)
        listed = self.aws("iam", "list-server-certificates")["ServerCertificateMetadataList"]
        self.assertIn(made["ServerCertificateMetadata"], listed)
        got = self.aws("iam", "get-server-certificate", "--server-certificate-name", name)
        self.assertEqual(got["ServerCertificate"]["CertificateBody"].strip(),
                         self.maker.text("cli.pem").strip())


if __name__ == "__main__":
    unittest.main()
