"""What tests of CloudWatch share."""

import datetime
import json
import os
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402
from waiting import wait_until  # noqa: E402

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

MINUTE = datetime.timedelta(minutes=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def this_minute():
    return now().replace(second=0, microsecond=0)


def send_signed(cloud, path, body, headers, service="monitoring"):
    """POSTs bytes, signed; (status, headers, body)."""
    credentials = cloud.credentials
    request = botocore.awsrequest.AWSRequest("POST", cloud.endpoint + path, data=body,
                                             headers=headers)
    keys = botocore.credentials.Credentials(credentials["aws_access_key_id"],
                                            credentials["aws_secret_access_key"])
    botocore.auth.SigV4Auth(keys, service, credentials["region"]).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(
                cloud.endpoint + path, data=body, headers=dict(request.headers.items()))) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def set_load(cloud, instance_id, percent):
    """Of a machine of the fake back end."""
    body = json.dumps({"instance_id": instance_id, "percent": percent}).encode()
    return send_signed(cloud, "/_cumulet/load", body, {"Content-Type": "application/json"}, "ec2")


class CloudWatchTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        self.cw = self.cloud.boto3("cloudwatch")
        self.space = unique("Space")

    def refuse(self, code, verb, **options):
        with self.assertRaises(ClientError) as caught:
            verb(**options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def put(self, name="m", cloud=None, **datum):
        (cloud.boto3("cloudwatch") if cloud else self.cw).put_metric_data(
            Namespace=self.space, MetricData=[{"MetricName": name, **datum}])

    def statistics(self, name="m", statistics=("Sum",), minutes=30, **options):
        """Datapoints around now, the oldest first."""
        return sorted(self.cw.get_metric_statistics(**{
            "Namespace": self.space, "MetricName": name, "Statistics": list(statistics),
            "StartTime": this_minute() - minutes * MINUTE, "EndTime": this_minute() + minutes * MINUTE,
            "Period": 60, **options})["Datapoints"], key=lambda point: point["Timestamp"])

    def alarm(self, name=None, keep=False, **options):
        """An alarm that is above 10 for one minute; its name. It goes with the test, but for keep."""
        name = name or unique("alarm")
        self.cw.put_metric_alarm(**{
            "AlarmName": name, "Namespace": self.space, "MetricName": "m", "Statistic": "Average",
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold", **options})
        if not keep:
            self.addCleanup(self.cw.delete_alarms, AlarmNames=[name])
        return name

    def described(self, name):
        alarms = self.cw.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarms[0] if alarms else None

    def wait_for_state(self, name, state, timeout=30):
        return wait_until(lambda: (alarm := self.described(name))["StateValue"] == state and alarm,
                          timeout, lambda: f"{state}: {self.described(name)}", 0.1)
