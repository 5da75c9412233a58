"""CloudWatch's three protocols: JSON and CBOR by hand and by the SDK for JavaScript, Query by boto 2
with the signature of its time, in the version of 2009, and by the AWS CLI; compressed requests."""

import datetime
import gzip
import json
import os
import shutil
import sys
import time
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import cbor  # noqa: E402
from cloudwatch import CloudWatchTestCase, send_signed  # noqa: E402
from lifecycle import unique  # noqa: E402

SERVICE = "GraniteServiceVersion20100801"
FOLDER = os.path.join(HERE, "javascript")
NODE = shutil.which("node")
AWS = "/usr/bin/aws"
STATISTICS = {"Period": 60, "Statistics": ["Sum", "SampleCount"], "MetricName": "m"}


class Documents:
    """What is the same in JSON and in CBOR; call() gives (status, headers, value)."""

    def ok(self, action, **members):
        status, _, value = self.call(action, members)
        self.assertEqual(status, 200, value)
        return value

    def fail(self, action, code, shape, http=400, **members):
        status, headers, value = self.call(action, members)
        self.assertEqual(status, http, value)
        self.assertEqual(headers["x-amzn-query-error"], f"{code};Sender")
        self.assertEqual(value["__type"], f"com.amazonaws.cloudwatch#{shape}")
        return value["message"]

    def put_document(self, **datum):
        self.ok("PutMetricData", Namespace=self.space, MetricData=[{"MetricName": "m", **datum}])

    def test_numbers_times_and_lists(self):
        at = int(time.time()) // 60 * 60
        self.put_document(Value=2.5, Unit="Count", Timestamp=self.time(at),
                          Dimensions=[{"Name": "Ä", "Value": "\"quoted\""}])
        self.put_document(Values=[1, 2.5], Counts=[3, 4], Timestamp=self.time(at), Dimensions=[])
        found = self.ok("GetMetricStatistics", Namespace=self.space, **STATISTICS,
                        StartTime=self.time(at - 60), EndTime=self.time(at + 120))
        self.assertEqual(found["Label"], "m")
        point, = found["Datapoints"]
        self.assertEqual((point["Sum"], point["SampleCount"], point["Unit"]), (13.0, 7.0, "None"))
        self.assertEqual(self.seconds(point["Timestamp"]), at)
        self.assertNotIn("Average", point)
        dimensions = [m["Dimensions"] for m in self.ok("ListMetrics", Namespace=self.space)["Metrics"]]
        self.assertEqual(sorted(dimensions, key=len), [[], [{"Name": "Ä", "Value": "\"quoted\""}]])

    def test_maps_and_empty_lists(self):
        at = int(time.time()) // 60 * 60
        self.put_document(Values=[1, 2, 3], Timestamp=self.time(at))
        found = self.ok("GetMetricStatistics", Namespace=self.space, MetricName="m", Period=60,
                        ExtendedStatistics=["p50"], StartTime=self.time(at), EndTime=self.time(at + 60))
        self.assertEqual(found["Datapoints"][0]["ExtendedStatistics"], {"p50": 2.0})
        found = self.ok("GetMetricData", StartTime=self.time(at), EndTime=self.time(at + 60),
                        MetricDataQueries=[{"Id": "a", "MetricStat": {
                            "Metric": {"Namespace": self.space, "MetricName": "none"},
                            "Period": 60, "Stat": "Sum"}}])
        result, = found["MetricDataResults"]
        self.assertEqual((result["Timestamps"], result["Values"]), ([], []))
        self.assertEqual(self.ok("DescribeAlarms", AlarmNamePrefix=unique("none")),
                         {"MetricAlarms": []})

    def test_alarms(self):
        name = unique("alarm")
        self.ok("PutMetricAlarm", AlarmName=name, Namespace=self.space, MetricName="m",
                Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
                ComparisonOperator="GreaterThanThreshold", ActionsEnabled=False)
        alarm, = self.ok("DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
        self.assertEqual((alarm["ActionsEnabled"], alarm["Threshold"], alarm["Period"],
                          alarm["AlarmActions"]), (False, 1.0, 60, []))
        self.assertLess(abs(self.seconds(alarm["StateUpdatedTimestamp"]) - time.time()), 60)
        self.assertEqual(self.ok("TagResource", ResourceARN=alarm["AlarmArn"],
                                 Tags=[{"Key": "k", "Value": ""}]), {})
        self.assertEqual(self.ok("ListTagsForResource", ResourceARN=alarm["AlarmArn"]),
                         {"Tags": [{"Key": "k", "Value": ""}]})
        self.ok("DeleteAlarms", AlarmNames=[name])

    def test_faults_have_names_and_codes(self):
        self.fail("DeleteAlarms", "ResourceNotFound", "ResourceNotFound", 404, AlarmNames=["nobody"])
        self.fail("ListTagsForResource", "ResourceNotFoundException", "ResourceNotFoundException",
                  404, ResourceARN="arn:x")
        said = self.fail("PutMetricData", "MissingParameter", "MissingRequiredParameterException",
                         Namespace=self.space, MetricData=[{"Value": 1}])
        self.assertEqual(said, "The parameter MetricData.1.MetricName is required.")
        self.fail("PutMetricData", "InvalidParameterValue", "InvalidParameterValueException",
                  Namespace="AWS/x", MetricData=[{"MetricName": "m", "Value": 1}])
        self.fail("PutMetricAlarm", "ValidationError", "ValidationError", AlarmName="a")
        self.fail("DescribeAlarms", "InvalidNextToken", "InvalidNextToken", NextToken="?")
        self.fail("ListDashboards", "UnknownOperationException", "UnknownOperationException", 404)

    def test_values_of_another_kind(self):
        for datum in ({"MetricName": 7}, {"MetricName": "m", "Value": "many"},
                      {"MetricName": "m", "Value": [1]}, {"MetricName": "m", "Dimensions": {}},
                      {"MetricName": "m", "Dimensions": ["a"]}, "m",
                      {"MetricName": "m", "Value": 1, "StorageResolution": 1.5},
                      {"MetricName": "m", "Value": 1, "Timestamp": True}):
            self.fail("PutMetricData", "SerializationException", "SerializationException",
                      Namespace=self.space, MetricData=[datum])

    def test_what_is_no_document(self):
        for body in self.broken:
            status, _, said = self.send("ListMetrics", body)
            self.assertEqual((status, said["__type"]),
                             (400, "com.amazonaws.cloudwatch#SerializationException"), body)

    def test_compressed(self):
        body = self.encode({"Namespace": self.space, "MetricData": [{"MetricName": "m", "Value": 1}]})
        status, _, said = self.send("PutMetricData", gzip.compress(body), {"Content-Encoding": "gzip"})
        self.assertEqual(status, 200, said)
        self.assertEqual(len(self.ok("ListMetrics", Namespace=self.space)["Metrics"]), 1)
        for bad in (body, gzip.compress(body)[:-9], gzip.compress(b" " * 5000000)):
            status, _, said = self.send("PutMetricData", bad, {"Content-Encoding": "gzip"})
            self.assertIn(status, (400, 413))

    def call(self, action, members):
        return self.send(action, self.encode(members))


class JsonTest(Documents, CloudWatchTestCase):
    broken = (b"{", b"[]", b'"x"', b"{} {}", b'{"Namespace": "\xff"}', b"[" * 1000)

    def encode(self, value):
        return json.dumps(value).encode()

    def send(self, action, body, headers=None):
        status, got, reply = send_signed(self.cloud, "/", body, {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"{SERVICE}.{action}",
            **(headers or {})})
        self.assertEqual(got["Content-Type"], "application/x-amz-json-1.0")
        return status, got, json.loads(reply)

    def time(self, seconds):
        return seconds

    def seconds(self, value):
        return value


class CborTest(Documents, CloudWatchTestCase):
    broken = (b"\xa1", b"\x80", b"\x61x", b"\xa0\xa0", b"\xa1\x61\xff\x01", b"\x81" * 1000,
              b"\xbf", b"\xa1\x01\x01", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff", b"\x1c")

    def encode(self, value):
        return cbor.encode(value)

    def send(self, action, body, headers=None):
        status, got, reply = send_signed(self.cloud, f"/service/{SERVICE}/operation/{action}", body, {
            "Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor", **(headers or {})})
        self.assertEqual(got["smithy-protocol"], "rpc-v2-cbor")
        return status, got, cbor.decode(reply) if reply else {}

    def time(self, seconds):
        return cbor.Tagged(1, seconds)

    def seconds(self, value):
        self.assertEqual(value.tag, 1)
        return value.value

    def test_text_and_lists_in_pieces(self):
        """As a streaming encoder writes them."""
        data = (b"\xbf" + cbor.encode("Namespace") + b"\x7f" + cbor.encode(self.space[:3]) +
                cbor.encode(self.space[3:]) + b"\xff" + cbor.encode("MetricData") + b"\x9f\xbf" +
                cbor.encode("MetricName") + cbor.encode("m") + cbor.encode("Value") +
                b"\xf9\x3e\x00" + b"\xff\xff\xff")  # 1.5 as a half
        self.assertEqual(self.send("PutMetricData", data)[0], 200)
        found = self.ok("GetMetricStatistics", Namespace=self.space, **STATISTICS,
                        StartTime=self.time(time.time() - 300), EndTime=self.time(time.time() + 300))
        self.assertEqual(found["Datapoints"][0]["Sum"], 1.5)

    def test_whole_numbers_are_numbers(self):
        self.put_document(Value=7)
        found = self.ok("GetMetricStatistics", Namespace=self.space, **STATISTICS,
                        StartTime=self.time(time.time() - 300), EndTime=self.time(time.time() + 300))
        self.assertEqual(found["Datapoints"][0]["Sum"], 7.0)


@unittest.skipUnless(NODE and os.path.isdir(os.path.join(
    FOLDER, "node_modules", "@aws-sdk", "client-cloudwatch")), "no node, or no SDK (npm ci)")
class JavaScriptTest(CloudWatchTestCase):
    def step(self, protocol):
        self.cloud.run(NODE, "--no-warnings", "cloudwatch.mjs", protocol, cwd=FOLDER,
                       env={**self.cloud.environment, "SPACE": self.space})

    def test_in_json(self):
        self.step("json")

    def test_in_cbor(self):
        self.step("cbor")


@unittest.skipUnless(os.access(AWS, os.X_OK), "no AWS CLI here (apt-get install awscli)")
class CliTest(CloudWatchTestCase):
    def test_the_cli(self):
        def aws(*arguments):
            done = self.cloud.run(AWS, "--endpoint-url", self.cloud.endpoint, "cloudwatch",
                                  *arguments, "--output", "json")
            return json.loads(done.stdout) if done.stdout.strip() else None
        aws("put-metric-data", "--namespace", self.space, "--metric-name", "m", "--value", "3",
            "--dimensions", "Host=a")
        metric, = aws("list-metrics", "--namespace", self.space)["Metrics"]
        self.assertEqual(metric["Dimensions"], [{"Name": "Host", "Value": "a"}])
        name = unique("alarm")
        aws("put-metric-alarm", "--alarm-name", name, "--namespace", self.space, "--metric-name", "m",
            "--statistic", "Sum", "--period", "60", "--evaluation-periods", "1", "--threshold", "5",
            "--comparison-operator", "GreaterThanThreshold")
        alarm, = aws("describe-alarms", "--alarm-names", name)["MetricAlarms"]
        self.assertEqual(alarm["Threshold"], 5)
        aws("delete-alarms", "--alarm-names", name)


class Boto2Test(CloudWatchTestCase):
    signature = "hmac-v4"

    def connect(self):
        os.environ["BOTO_CONFIG"] = os.devnull
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from boto.ec2.cloudwatch import CloudWatchConnection
                from boto.regioninfo import RegionInfo
        except ImportError:
            self.skipTest("no boto 2 here (apt-get install python3-boto)")
        signature = self.signature

        class Connection(CloudWatchConnection):
            def _required_auth_capability(self):
                return [signature]
        host, port = self.cloud.endpoint[len("http://"):].split(":")
        credentials = self.cloud.credentials
        return Connection(credentials["aws_access_key_id"], credentials["aws_secret_access_key"],
                          is_secure=False, port=int(port),
                          region=RegionInfo(name=credentials["region"], endpoint=host))

    def test_metrics_and_alarms(self):
        connection = self.connect()
        connection.put_metric_data(self.space, "m", value=4, unit="Count", dimensions={"Host": "a"})
        metric, = connection.list_metrics(namespace=self.space)
        self.assertEqual((metric.name, metric.dimensions), ("m", {"Host": ["a"]}))
        now = datetime.datetime.utcnow()
        point, = metric.query(now - datetime.timedelta(minutes=5), now + datetime.timedelta(minutes=5),
                              "Average")
        self.assertEqual((point["Average"], point["Unit"]), (4, "Count"))
        alarm = metric.create_alarm(unique("alarm"), ">", 5, 60, 1, "Average")
        self.assertTrue(alarm)
        found, = connection.describe_alarms(alarm_names=[alarm.name])
        self.assertEqual((found.threshold, found.comparison), (5, ">"))
        found.delete()


class Boto2SignatureTest(Boto2Test):
    signature = "ec2"  # version 2

    def test_the_version_of_2009(self):
        self.put(Value=4, Unit="Count", Dimensions=[{"Name": "Host", "Value": "a"}])
        connection = self.connect()
        connection.APIVersion = "2009-05-15"
        now = datetime.datetime.utcnow()
        reply = connection.make_request("GetMetricStatistics", {
            "MeasureName": "m", "Namespace": self.space, "Period": "60",
            "StartTime": (now - datetime.timedelta(minutes=5)).isoformat(),
            "EndTime": (now + datetime.timedelta(minutes=5)).isoformat(),
            "Statistics.member.1": "Average", "Statistics.member.2": "SampleCount",
            "Dimensions.member.1.Name": "Host", "Dimensions.member.1.Value": "a"}, verb="GET")
        body = reply.read().decode()
        self.assertEqual(reply.status, 200, body)
        for part in ('xmlns="http://monitoring.amazonaws.com/doc/2009-05-15/"',
                     "<GetMetricStatisticsResult><Label>m</Label><Datapoints><member><Timestamp>",
                     "<Samples>1.0</Samples><Average>4.0</Average>", "<Unit>Count</Unit>"):
            self.assertIn(part, body)
        self.assertNotIn("SampleCount", body)
        body = connection.make_request("ListMetrics", {}).read().decode()
        self.assertIn("<MeasureName>m</MeasureName>", body)
        self.assertNotIn("<MetricName>", body)
        reply = connection.make_request("PutMetricAlarm", {})
        self.assertEqual(reply.status, 400)
        self.assertIn("<Code>InvalidAction</Code>", reply.read().decode())


if __name__ == "__main__":
    unittest.main()
