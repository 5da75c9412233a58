"""The tools of CloudWatch: every one of them, column by column."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from classic import ClassicTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402

NAMESPACE = "Test/Classic"


class MetricsTest(ClassicTestCase):
    def put(self, name, *arguments):
        self.assertEqual(self.tool("mon-put-data", "--metric-name", name, "--namespace", NAMESPACE,
                                   *arguments), "")

    def test_values_and_their_statistics(self):
        name = unique("metric")
        for value in ("2", "4"):
            self.put(name, "--value", value, "--unit", "Count", "--dimensions", "Host=a,Zone=b")
        listed = self.columns("mon-list-metrics", "--metric-name", name, "--headers")
        self.assertEqual(listed, [["METRIC", "NAMESPACE", "DIMENSIONS"],
                                  [name, NAMESPACE, "{Host=a},{Zone=b}"]])
        rows = self.columns("mon-get-stats", name, "--namespace", NAMESPACE, "--statistics",
                            "SampleCount,Average,Sum,Minimum,Maximum", "--dimensions",
                            "Host=a,Zone=b", "--period", "3600", "--headers")
        self.assertEqual(rows[0], ["TIME", "SAMPLES", "AVERAGE", "SUM", "MINIMUM", "MAXIMUM",
                                   "UNIT"])
        self.assertEqual(sum(float(row[3]) for row in rows[1:]), 6)
        for row in rows[1:]:
            self.assertRegex(row[0], r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:00$")
            self.assertEqual(row[6], "Count")
        average = self.columns("mon-get-stats", name, "--namespace", NAMESPACE, "-s", "Average",
                               "-d", "Host=a,Zone=b")[0]
        self.assertEqual((len(average), average[2]), (3, "Count"))

    def test_statistics_of_ones_own(self):
        name = unique("metric")
        self.put(name, "--statistic-values", "Minimum=1,Maximum=5,Sum=9,SampleCount=3")
        row = self.columns("mon-get-stats", name, "-n", NAMESPACE, "-s", "Maximum,Sum")[0]
        self.assertEqual([float(value) for value in row[1:3]], [9, 5])
        self.refused("mon-put-data:  Malformed input-", "mon-put-data", "-m", name, "-n",
                     NAMESPACE, "-s", "Minimum=6,Maximum=5,Sum=9,SampleCount=3")
        self.refused("mon-get-stats:  Malformed input-", "mon-get-stats", name, "-n", NAMESPACE,
                     "-s", "Median")

    def test_several_at_once(self):
        name = unique("metric")
        self.put(name, "--value", "7")
        rows = self.columns("mon-get-data", f"id=m1,metric-name={name},namespace={NAMESPACE},"
                            "period=3600,stat=Sum", "--headers")
        self.assertEqual(rows[1][:2], ["METRIC", "m1"])
        self.assertEqual(float(rows[-1][0]), 7)


class AlarmsTest(ClassicTestCase):
    def new_alarm(self, *arguments):
        name = unique("alarm")
        self.assertEqual(
            self.tool("mon-put-metric-alarm", name, "--comparison-operator",
                      "GreaterThanOrEqualToThreshold", "--evaluation-periods", "2",
                      "--metric-name", "CPUUtilization", "--namespace", "AWS/EC2", "--period", "60",
                      "--statistic", "Average", "--threshold", "90", "--dimensions",
                      f"InstanceId={name}", *arguments), "OK-Created Alarm\n")
        self.addCleanup(lambda: self.run_tool("mon-delete-alarms", name, "--force"))
        return name

    def test_an_alarm(self):
        action = "arn:aws:sns:us-east-1:123456789012:topic"
        name = self.new_alarm("--alarm-actions", action, "--alarm-description", "of a test")
        self.assertEqual(self.columns("mon-describe-alarms", name, "--headers"), [
            ["ALARM", "STATE", "ALARM_ACTIONS", "NAMESPACE", "METRIC_NAME", "PERIOD", "STATISTIC",
             "EVAL_PERIODS", "COMPARISON", "THRESHOLD"],
            [name, "INSUFFICIENT_DATA", action, "AWS/EC2", "CPUUtilization", "60", "Average", "2",
             "GreaterThanOrEqualToThreshold", "90.0"]])
        long = self.tool("mon-describe-alarms", name, "--show-long")
        self.assertTrue(long.startswith(f"{name},of a test,INSUFFICIENT_DATA,{action},"), long)
        for_metric = self.columns("mon-describe-alarms-for-metric", "--metric-name",
                                  "CPUUtilization", "--namespace", "AWS/EC2", "--dimensions",
                                  f"InstanceId={name}")
        self.assertEqual(for_metric[0][0], name)
        self.assertEqual(self.tool("mon-set-alarm-state", name, "--state", "OK"),
                         "OK-Set alarm state value\n")
        history = self.columns("mon-describe-alarm-history", name)
        self.assertEqual({row[0] for row in history}, {name})
        self.assertIn("StateUpdate", [row[2] for row in history])
        self.assertEqual(self.tool("mon-disable-alarm-actions", name),
                         "OK-Disabled alarm actions\n")
        self.assertIn(",false,", self.tool("mon-describe-alarms", name, "--show-long"))
        self.assertEqual(self.tool("mon-enable-alarm-actions", name), "OK-Enabled alarm actions\n")
        self.assertIn(",true,", self.tool("mon-describe-alarms", name, "--show-long"))
        self.refused("mon-put-metric-alarm:  Malformed input-", "mon-put-metric-alarm", name,
                     "--comparison-operator", "Near", "--evaluation-periods", "1", "-m", "x", "-n",
                     "y", "-p", "60", "-s", "Sum", "-t", "1")

    def test_deleting_is_asked_about(self):
        name = self.new_alarm()
        done = self.run_tool("mon-delete-alarms", name, stdin="\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn(name, self.tool("mon-describe-alarms"))
        self.assertEqual(self.tool("mon-delete-alarms", name, "-f"), "OK-Deleted alarms\n")
        self.assertEqual(self.tool("mon-describe-alarms", name), "")

    def test_tags(self):
        name = self.new_alarm()
        arn = self.cloud.boto3("cloudwatch").describe_alarms(
            AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
        self.assertEqual(self.tool("mon-tag-resource", arn, "--tag", "k=team,v=red"),
                         "OK-Tagged resource\n")
        self.assertEqual(self.columns("mon-list-tags-for-resource", arn), [["TAG", "team", "red"]])
        self.assertEqual(self.tool("mon-untag-resource", arn, "--keys", "team"),
                         "OK-Untagged resource\n")
        self.assertEqual(self.tool("mon-list-tags-for-resource", arn), "")

    def test_more_than_a_page(self):
        names = {self.new_alarm() for _ in range(3)}
        self.assertLessEqual(names, {row[0] for row in self.columns("mon-describe-alarms")})
        self.assertEqual(len(self.columns("mon-describe-alarms", "--max-records", "2")), 2)
        self.assertIn("2010-08-01", self.tool("mon-version"))
