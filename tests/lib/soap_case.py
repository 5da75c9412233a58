"""A daemon that is asked in SOAP, by its first account's certificate."""

import json
import os
import subprocess
import tempfile

from cloud import CloudTestCase, wait_until
from soap import Signer, post


def items(set, name, *values):
    """<imagesSet><item><imageId>…."""
    inner = "".join(f"<item><{name}>{value}</{name}></item>" for value in values)
    return f"<{set}>{inner}</{set}>"


def filters(**wanted):
    inner = "".join(f"<item><name>{name.replace('_', '-')}</name>"
                    f"{items('valueSet', 'value', *values)}</item>"
                    for name, values in wanted.items())
    return f"<filterSet>{inner}</filterSet>"


class SoapTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        shown = wait_until(lambda: json.loads(
            self.cloud.cumulet("credentials", "--json").stdout)["certificates"], 30,
            "the cloud made its certificate")[0]
        self.signer = Signer(shown["private_key"], shown["certificate"])
        self.ec2 = self.cloud.boto3("ec2")

    def ask(self, action, members="", **how):
        return post(self.cloud.endpoint, self.signer.request(action, members, **how))

    def call(self, action, members="", **how):
        answer = self.ask(action, members, **how)
        self.assertIsNone(answer.fault, answer.reason)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.name, action + "Response")
        self.assertTrue(answer.find("requestId"))
        return answer

    def assert_refused(self, code, text, answer):
        self.assertEqual(answer.fault, code, answer.reason)
        self.assertIn(text, answer.reason)
        self.assertEqual(answer.status, 500)
        self.assertIn("text/xml", answer.headers["Content-Type"])
        self.assertEqual(answer.find("RequestID"), answer.headers["x-amzn-RequestId"])

    def refused(self, code, text, action="DescribeRegions", members="", **how):
        self.assert_refused(code, text, self.ask(action, members, **how))

    def image(self):
        machines = [{"Name": "image-type", "Values": ["machine"]}]
        return self.ec2.describe_images(Filters=machines)["Images"][0]["ImageId"]

    def pair(self, name):
        """An RSA key and its certificate, as files that go with the test."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        paths = [os.path.join(directory.name, f"{name}.{kind}") for kind in ("key", "pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                        "-subj", f"/CN={name}", "-keyout", paths[0], "-out", paths[1]], check=True,
                       capture_output=True)
        return paths
