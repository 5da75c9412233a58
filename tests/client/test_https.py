"""The endpoint by HTTPS: who trusts it, what clients see of it, and what policies know of it."""

import io
import json
import os
import shutil
import socket
import ssl
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudError, CloudTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402

try:
    from botocore.exceptions import ClientError, SSLError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

MIB = 1 << 20


class HttpsTestCase(CloudTestCase):
    cloud_options = {"backend": "fake", "https": True}

    @property
    def port(self):
        return self.cloud.place.https_port

    @property
    def authority(self):
        return os.path.join(self.cloud.state, "certificates", "authority.pem")

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}"

    def https(self, service, host="localhost", **options):
        """A boto3 client that trusts this cloud's authority."""
        return self.cloud.boto3(service, **{"endpoint_url": self.url(host),
                                            "verify": self.authority, **options})

    def connect(self, name, context=None):
        """A TLS connection to the endpoint, which is asked for by this name."""
        context = context or ssl.create_default_context(cafile=self.authority)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(plain.close)
        connection = context.wrap_socket(plain, server_hostname=name)
        self.addCleanup(connection.close)
        return connection


class TrustTest(HttpsTestCase):
    def test_the_aws_cli_with_the_bundle(self):
        done = self.cloud.run(
            "aws", "--endpoint-url", self.url(), "ec2", "describe-regions", "--output", "json",
            env={**self.cloud.environment, "AWS_CA_BUNDLE": self.authority}) \
            if shutil.which("aws") else self.skipTest("no AWS CLI here (apt-get install awscli)")
        self.assertIn("us-east-1", [region["RegionName"] for region in
                                    json.loads(done.stdout)["Regions"]])

    def test_boto3_by_name_and_by_address(self):
        for host in ("localhost", "127.0.0.1"):
            self.assertTrue(self.https("ec2", host).describe_regions()["Regions"])

    def test_who_does_not_trust_the_authority_refuses(self):
        with self.assertRaises(SSLError):
            self.https("ec2", verify=True).describe_regions()

    def test_the_names_of_aws_are_covered_and_no_others(self):
        for name in ("s3.amazonaws.com", "bucket.s3.amazonaws.com", "ec2.us-east-1.amazonaws.com",
                     "bucket.s3.eu-west-1.amazonaws.com", "iam.amazonaws.com", "localhost",
                     "bucket.s3.localhost", "cumulet.internal", "127.0.0.1"):
            self.connect(name)
        for name in ("example.com", "amazonaws.com.example.com", "127.0.0.2"):
            with self.assertRaises(ssl.SSLCertVerificationError, msg=name):
                self.connect(name)

    def test_the_authority_outlives_the_daemon(self):
        cloud = self.start_cloud(backend="fake", https=True)
        path = os.path.join(cloud.state, "certificates", "authority.pem")
        with open(path) as file:
            before = file.read()
        cloud.restart()
        with open(path) as file:
            self.assertEqual(file.read(), before)
        self.assertNotIn("PRIVATE", before)
        secret = os.path.join(cloud.state, "secrets", "authority.pem")
        self.assertEqual(os.stat(secret).st_mode & 0o7777, 0o600)
        ec2 = cloud.boto3("ec2", endpoint_url=f"https://localhost:{cloud.place.https_port}",
                          verify=path)
        self.assertTrue(ec2.describe_regions()["Regions"])

    def test_old_protocols_are_refused(self):
        context = ssl.create_default_context(cafile=self.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, OSError)):
            self.connect("localhost", context)

    def test_sessions_are_resumed(self):
        context = ssl.create_default_context(cafile=self.authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        first = self.connect("localhost", context)
        self.assertFalse(first.session_reused)
        session = first.session
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(plain.close)
        again = context.wrap_socket(plain, server_hostname="localhost", session=session)
        self.assertTrue(again.session_reused)


class TrafficTest(HttpsTestCase):
    def test_objects_come_back_as_they_were(self):
        s3, bucket = self.https("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        body = os.urandom(MIB) * 20
        s3.upload_fileobj(io.BytesIO(body), bucket, "large")
        self.assertEqual(s3.get_object(Bucket=bucket, Key="large")["Body"].read(), body)

    def test_many_requests_on_one_connection(self):
        connection = self.connect("localhost")
        reader = connection.makefile("rb")
        for _ in range(50):
            connection.sendall(b"GET /_cumulet/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status = reader.readline()
            self.assertRegex(status, rb"^HTTP/1\.1 [24]\d\d ")
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.assertEqual(len(reader.read(length)), length)

    def test_locations_are_those_of_https(self):
        s3, bucket = self.https("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
        done = s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        self.assertTrue(done["Location"].startswith("https://localhost:"), done["Location"])

    def test_who_speaks_plain_http_there_is_cut(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            try:
                while piece := connection.recv(4096):
                    received += piece
            except ConnectionResetError:
                pass
        self.assertNotIn(b"HTTP/1.1", received)
        self.assertTrue(self.https("ec2").describe_regions()["Regions"])

    def test_a_client_that_leaves_in_the_handshake_harms_nobody(self):
        for _ in range(20):
            socket.create_connection(("127.0.0.1", self.port), timeout=20).close()
        self.assertTrue(self.https("ec2").describe_regions()["Regions"])


class PolicyTest(HttpsTestCase):
    def user(self, condition):
        """The options of clients of a user who may list users under that condition."""
        iam, name = self.cloud.boto3("iam"), unique("user")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
                           "Condition": condition}]}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"]}

    def refused(self, client):
        with self.assertRaises(ClientError) as caught:
            client.list_users()
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")

    def test_secure_transport(self):
        secure = self.user({"Bool": {"aws:SecureTransport": "true"}})
        self.assertTrue(self.https("iam", **secure).list_users()["Users"])
        self.refused(self.cloud.boto3("iam", **secure))
        plain = self.user({"Bool": {"aws:SecureTransport": "false"}})
        self.assertTrue(self.cloud.boto3("iam", **plain).list_users()["Users"])
        self.refused(self.https("iam", **plain))

    def test_the_clients_own_address(self):
        near = self.user({"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}})
        self.assertTrue(self.https("iam", **near).list_users()["Users"])
        far = self.user({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
        self.refused(self.https("iam", **far))

    def test_what_a_client_says_about_itself_counts_for_nothing(self):
        connection = self.connect("localhost")
        connection.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\n"
                           b"Host: localhost\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
        self.assertTrue(not answer or answer.startswith(b"HTTP/1.1 4")
                        or answer.startswith(b"HTTP/1.1 505"), answer[:100])


class CommandTest(HttpsTestCase):
    def test_env_names_the_endpoint_and_who_vouches_for_it(self):
        lines = self.cloud.cumulet("env", "--https").stdout.splitlines()
        self.assertIn(f"export AWS_ENDPOINT_URL='https://127.0.0.1:{self.port}'", lines)
        self.assertIn(f"export AWS_CA_BUNDLE='{self.authority}'", lines)
        lines = self.cloud.cumulet("env").stdout.splitlines()
        self.assertIn(f"export AWS_ENDPOINT_URL='{self.cloud.endpoint}'", lines)
        self.assertIn(f"export AWS_CA_BUNDLE='{self.authority}'", lines)
        self.assertEqual(self.cloud.credentials["https_endpoint_url"], self.url("127.0.0.1"))

    def test_without_https_there_is_none_to_name(self):
        cloud = self.start_cloud(backend="fake")
        self.assertNotIn("https_endpoint_url", cloud.credentials)
        done = cloud.cumulet("env", "--https", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--https-port", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_port_that_is_taken_is_said_so(self):
        with self.assertRaises(CloudError) as caught:
            self.start_cloud(backend="fake", args=["--https-port", str(self.port)])
        self.assertIn(f"--https-port: port {self.port} of 127.0.0.1 is taken",
                      str(caught.exception))

    def test_ports_that_are_none_are_refused(self):
        for port in ("-2", "65536", "x", str(self.cloud.place.port)):
            with self.assertRaises(CloudError) as caught:
                self.start_cloud(backend="fake", args=["--port", str(self.cloud.place.port),
                                                       "--https-port", port])
            self.assertIn("https-port", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
