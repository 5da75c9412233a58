"""A daemon that is asked in SOAP, by its first account's certificate."""

from cloud import CloudTestCase
from signers import root_pair
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
        self.signer = Signer(*root_pair(self.cloud))
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
