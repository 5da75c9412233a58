"""CloudWatch's alarms by boto3, on a clock that runs 60 times as fast: their states, what they set
off, history, tags; metrics of instances; detailed monitoring."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloudwatch import MINUTE, CloudWatchTestCase, now, set_load, this_minute  # noqa: E402
from lifecycle import unique  # noqa: E402
from waiting import wait_until  # noqa: E402

try:
    from botocore.config import Config
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

STOP = "arn:aws:automate:us-east-1:ec2:stop"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"


class DefinitionTest(CloudWatchTestCase):
    def test_an_alarm_is_shown_as_it_was_made(self):
        definition = {
            "AlarmName": unique("alarm"), "AlarmDescription": "too much", "ActionsEnabled": False,
            "OKActions": [TOPIC], "AlarmActions": [TOPIC, TOPIC + "2"],
            "InsufficientDataActions": [], "MetricName": "m", "Namespace": self.space,
            "Statistic": "Maximum", "Dimensions": [{"Name": "Host", "Value": "a"}], "Period": 300,
            "Unit": "Percent", "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 0.1,
            "ComparisonOperator": "LessThanOrEqualToThreshold", "TreatMissingData": "breaching"}
        self.alarm(definition["AlarmName"], **definition)
        shown = self.described(definition["AlarmName"])
        for key, value in definition.items():
            self.assertEqual(shown[key], value, key)
        self.assertEqual(shown["AlarmArn"], "arn:aws:cloudwatch:us-east-1:"
                         f"{self.cloud.credentials['account_id']}:alarm:{definition['AlarmName']}")
        self.assertEqual(shown["StateValue"], "INSUFFICIENT_DATA")
        for key in ("AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp"):
            self.assertLess(abs(shown[key] - now()), MINUTE)

    def test_on_percentiles_and_on_metric_math(self):
        name = self.alarm(Statistic="Sum")
        self.cw.put_metric_alarm(
            AlarmName=name, Namespace=self.space, MetricName="m", ExtendedStatistic="p99", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            EvaluateLowSampleCountPercentile="ignore")
        shown = self.described(name)
        self.assertEqual((shown["ExtendedStatistic"], shown["EvaluateLowSampleCountPercentile"]),
                         ("p99", "ignore"))
        self.assertNotIn("Statistic", shown)
        metric = {"Metric": {"Namespace": self.space, "MetricName": "m", "Dimensions": []},
                  "Period": 60, "Stat": "Sum"}
        metrics = [{"Id": "e", "Expression": "m * 2", "Label": "twice", "ReturnData": True},
                   {"Id": "m", "MetricStat": metric, "ReturnData": False}]
        self.cw.put_metric_alarm(
            AlarmName=name, Metrics=metrics, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold")
        shown = self.described(name)
        self.assertEqual(shown["Metrics"], metrics)
        self.assertNotIn("MetricName", shown)

    def test_bad_definitions(self):
        self.cw = self.cloud.boto3("cloudwatch", config=Config(parameter_validation=False))
        good = {"AlarmName": "a", "Namespace": self.space, "MetricName": "m", "Statistic": "Sum",
                "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
                "ComparisonOperator": "GreaterThanThreshold"}
        expression = {"AlarmName": "a", "EvaluationPeriods": 1, "Threshold": 1,
                      "ComparisonOperator": "GreaterThanThreshold"}
        stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}

        def without(key):
            return {k: v for k, v in good.items() if k != key}
        for definition in (
                without("MetricName"), without("Namespace"), without("Statistic"), without("Period"),
                without("Threshold"), {**good, "Period": 45}, {**good, "EvaluationPeriods": 0},
                {**good, "EvaluationPeriods": 1441}, {**good, "DatapointsToAlarm": 2},
                {**good, "ComparisonOperator": "Above"},
                {**good, "ComparisonOperator": "GreaterThanUpperThreshold"},
                {**good, "TreatMissingData": "sometimes"}, {**good, "Statistic": "Median"},
                {**good, "EvaluateLowSampleCountPercentile": "perhaps"},
                {**good, "AlarmActions": ["topic"]}, {**good, "AlarmActions": [STOP]},
                {**without("Statistic"), "ExtendedStatistic": "p200"},
                {**expression, "Metrics": [{"Id": "e", "Expression": "m"}]},
                {**expression, "Metrics": [{"Id": "m", "MetricStat": stat, "ReturnData": False}]},
                {**expression, "Metrics": [{"Id": "m", "MetricStat": stat},
                                           {"Id": "e", "Expression": "m"}]},
                {**good, "Metrics": [{"Id": "m", "MetricStat": stat}]}):
            with self.subTest(definition=definition):
                self.refuse("ValidationError", self.cw.put_metric_alarm, **definition)
        self.refuse("InvalidParameterCombination", self.cw.put_metric_alarm, **good,
                    ExtendedStatistic="p90")
        self.assertIsNone(self.described("a"))

    def test_finding_alarms(self):
        prefix = unique("find")
        names = [self.alarm(f"{prefix}{i}", AlarmActions=[TOPIC] if i else []) for i in range(5)]
        self.cw.set_alarm_state(AlarmName=names[3], StateValue="ALARM", StateReason="test")

        def found(**options):
            return [a["AlarmName"] for a in self.cw.describe_alarms(
                **{"AlarmNamePrefix": prefix, **options})["MetricAlarms"]]
        self.assertEqual(found(), names)
        self.assertEqual(found(ActionPrefix="arn:aws:sns"), names[1:])
        self.assertEqual(found(StateValue="ALARM"), names[3:4])
        self.assertEqual(found(AlarmTypes=["CompositeAlarm"]), [])
        pages = list(self.cw.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
        self.assertEqual([a["AlarmName"] for page in pages for a in page["MetricAlarms"]], names)
        self.assertEqual(len(pages), 3)
        self.refuse("InvalidNextToken", self.cw.describe_alarms, NextToken="?")
        self.refuse("InvalidParameterCombination", self.cw.describe_alarms, AlarmNamePrefix="a",
                    AlarmNames=["a"])

    def test_alarms_of_a_metric(self):
        name = self.alarm(Dimensions=[{"Name": "Host", "Value": "a"}], Period=300)

        def found(**options):
            return [a["AlarmName"] for a in self.cw.describe_alarms_for_metric(
                Namespace=self.space, MetricName="m", **options)["MetricAlarms"]]
        host = [{"Name": "Host", "Value": "a"}]
        self.assertEqual(found(), [])
        self.assertEqual(found(Dimensions=host), [name])
        self.assertEqual(found(Dimensions=host, Period=300, Statistic="Average"), [name])
        self.assertEqual(found(Dimensions=host, Period=60), [])
        self.assertEqual(found(Dimensions=host, Statistic="Sum"), [])

    def test_deleting(self):
        name = self.alarm(keep=True)
        # All or none.
        self.refuse("ResourceNotFound", self.cw.delete_alarms, AlarmNames=[name, "nobody"])
        self.assertIsNotNone(self.described(name))
        self.cw.delete_alarms(AlarmNames=[name])
        self.assertIsNone(self.described(name))

    def test_tags(self):
        name = self.alarm(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        arn = self.described(name)["AlarmArn"]

        def tags():
            return {t["Key"]: t["Value"] for t in
                    self.cw.list_tags_for_resource(ResourceARN=arn)["Tags"]}
        self.assertEqual(tags(), {"a": "1", "b": ""})
        self.cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "2"},
                                                    {"Key": "c", "Value": "3"}])
        self.cw.untag_resource(ResourceARN=arn, TagKeys=["b", "z"])
        self.assertEqual(tags(), {"a": "2", "c": "3"})
        self.refuse("InvalidParameterValue", self.cw.tag_resource, ResourceARN=arn,
                    Tags=[{"Key": "aws:x", "Value": "1"}])
        self.refuse("InvalidParameterValue", self.cw.tag_resource, ResourceARN=arn,
                    Tags=[{"Key": f"k{i}", "Value": "1"} for i in range(49)])
        for verb, options in ((self.cw.list_tags_for_resource, {}),
                              (self.cw.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
                              (self.cw.untag_resource, {"TagKeys": ["a"]})):
            self.refuse("ResourceNotFoundException", verb, ResourceARN=arn + "x", **options)


class StateTest(CloudWatchTestCase):
    def setUp(self):
        super().setUp()
        self.cloud.cumulet("clock", "--speed", "60")

    def history(self, name, kind=None):
        """The latest first."""
        options = {"HistoryItemType": kind} if kind else {}
        return self.cw.describe_alarm_history(AlarmName=name, **options)["AlarmHistoryItems"]

    def test_a_breach_and_its_end(self):
        name = self.alarm()
        self.put(Value=11)
        alarm = self.wait_for_state(name, "ALARM")
        self.assertIn("was greater than the threshold (10.0)", alarm["StateReason"])
        self.assertIn("11.0", alarm["StateReasonData"])

        def calm():
            self.put(Value=1)
            return self.described(name)["StateValue"] == "OK"
        wait_until(calm, 30, "OK", 0.3)
        # Nothing more comes: it is not known any longer.
        self.wait_for_state(name, "INSUFFICIENT_DATA")
        summaries = [one["HistorySummary"] for one in self.history(name, "StateUpdate")]
        self.assertEqual(summaries[-1], "Alarm updated from INSUFFICIENT_DATA to ALARM")
        self.assertEqual(summaries[0], "Alarm updated from OK to INSUFFICIENT_DATA")

    def test_missing_data_can_breach(self):
        name = self.alarm(TreatMissingData="breaching")
        alarm = self.wait_for_state(name, "ALARM")
        self.assertIn("no datapoints were received", alarm["StateReason"])
        other = self.alarm(TreatMissingData="notBreaching")
        self.wait_for_state(other, "OK")

    def test_on_metric_math(self):
        metric = {"Metric": {"Namespace": self.space, "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
        name = unique("math")
        self.cw.put_metric_alarm(
            AlarmName=name, EvaluationPeriods=1, Threshold=10, TreatMissingData="ignore",
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Metrics=[{"Id": "m", "MetricStat": metric, "ReturnData": False},
                     {"Id": "e", "Expression": "m * 2"}])
        self.addCleanup(self.cw.delete_alarms, AlarmNames=[name])
        self.put(Value=5)
        self.wait_for_state(name, "ALARM")

    def test_setting_a_state(self):
        name = self.alarm(TreatMissingData="ignore")
        self.cw.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill",
                                StateReasonData='{"by": "hand"}')
        alarm = self.described(name)
        self.assertEqual((alarm["StateValue"], alarm["StateReason"], alarm["StateReasonData"]),
                         ("ALARM", "a drill", '{"by": "hand"}'))
        kinds = [(one["HistoryItemType"], one["HistorySummary"]) for one in self.history(name)]
        self.assertEqual(kinds, [
            ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
            ("ConfigurationUpdate", f'Alarm "{name}" created')])
        self.refuse("ResourceNotFound", self.cw.set_alarm_state, AlarmName="nobody",
                    StateValue="OK", StateReason="r")
        self.refuse("InvalidFormat", self.cw.set_alarm_state, AlarmName=name, StateValue="OK",
                    StateReason="r", StateReasonData="{")
        self.refuse("ValidationError", self.cw.set_alarm_state, AlarmName=name, StateValue="FINE",
                    StateReason="r")

    def test_history_has_pages_and_an_order(self):
        name = self.alarm(TreatMissingData="ignore")
        for state in ("OK", "ALARM", "OK"):
            self.cw.set_alarm_state(AlarmName=name, StateValue=state, StateReason=state)
        pages = list(self.cw.get_paginator("describe_alarm_history").paginate(
            AlarmName=name, ScanBy="TimestampAscending", PaginationConfig={"PageSize": 3}))
        kinds = [one["HistoryItemType"] for page in pages for one in page["AlarmHistoryItems"]]
        self.assertEqual(kinds, ["ConfigurationUpdate"] + ["StateUpdate"] * 3)
        self.assertEqual(self.cw.describe_alarm_history(
            AlarmName=name, StartDate=now() + MINUTE)["AlarmHistoryItems"], [])
        self.refuse("InvalidNextToken", self.cw.describe_alarm_history, NextToken="?")
        self.refuse("ValidationError", self.cw.describe_alarm_history, StartDate=now(),
                    EndDate=now() - MINUTE)

    def test_actions_can_be_switched_off(self):
        name = self.alarm(AlarmActions=[TOPIC], TreatMissingData="ignore")
        self.cw.disable_alarm_actions(AlarmNames=[name, "nobody"])
        self.assertFalse(self.described(name)["ActionsEnabled"])
        self.cw.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="r")
        self.assertEqual(self.history(name, "Action"), [])
        self.cw.enable_alarm_actions(AlarmNames=[name])
        self.assertTrue(self.described(name)["ActionsEnabled"])
        self.cw.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="r")
        self.cw.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="r")
        action, = self.history(name, "Action")
        # Nothing here delivers to a topic, and it says so.
        self.assertIn(TOPIC, action["HistorySummary"])
        self.assertIn("Recorded only", action["HistoryData"])

    def test_alarms_survive_a_restart(self):
        cloud = self.start_cloud(backend="fake")
        self.cw = cloud.boto3("cloudwatch")
        cloud.cumulet("clock", "--speed", "60")
        name = self.alarm(TreatMissingData="breaching", keep=True)
        self.wait_for_state(name, "ALARM")
        cloud.restart()
        self.assertEqual(self.described(name)["StateValue"], "ALARM")
        self.assertEqual(cloud.status()["clock"]["speed"], 60)
        self.alarm(name, TreatMissingData="notBreaching", keep=True)
        self.wait_for_state(name, "OK")
        cloud.cumulet("reset")
        self.assertEqual(self.cw.describe_alarms()["MetricAlarms"], [])


class InstanceTest(CloudWatchTestCase):
    def setUp(self):
        super().setUp()
        self.ec2 = self.cloud.boto3("ec2")
        self.cloud.cumulet("clock", "--speed", "60")

    def launch(self, **options):
        image = next(i["ImageId"] for i in self.ec2.describe_images(Owners=["amazon"])["Images"]
                     if i["ImageType"] == "machine")
        made = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, **options)
        instance = made["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[instance])
        wait_until(lambda: self.instance(instance)["State"]["Name"] == "running", 30, "running")
        return instance

    def instance(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def cpu(self, dimensions, statistic="Maximum"):
        points = self.statistics("CPUUtilization", [statistic], Namespace="AWS/EC2",
                                 Dimensions=dimensions)
        return [point[statistic] for point in points]

    def test_load_shows_as_utilization(self):
        instance = self.launch(InstanceType="m1.small")
        by_id = [{"Name": "InstanceId", "Value": instance}]
        wait_until(lambda: len(self.cpu(by_id)) >= 2, 30, "metrics", 0.2)
        self.assertLess(max(self.cpu(by_id)), 1)
        self.assertEqual(set_load(self.cloud, instance, 75)[0], 200)
        wait_until(lambda: abs(self.cpu(by_id)[-1] - 75) < 8, 30, lambda: self.cpu(by_id), 0.2)
        image = self.instance(instance)["ImageId"]
        for dimensions in ([{"Name": "ImageId", "Value": image}],
                           [{"Name": "InstanceType", "Value": "m1.small"}], []):
            self.assertGreater(max(self.cpu(dimensions)), 60)
        point = self.statistics("CPUUtilization", Namespace="AWS/EC2", Dimensions=by_id)[-1]
        self.assertEqual(point["Unit"], "Percent")
        # Times are such that a client finds the latest minutes, however fast they pass.
        self.assertLess(abs(point["Timestamp"] - this_minute()), 5 * MINUTE)
        names = {m["MetricName"] for m in self.cw.list_metrics(
            Namespace="AWS/EC2", Dimensions=by_id)["Metrics"]}
        self.assertEqual(names, {
            "CPUUtilization", "NetworkIn", "NetworkOut", "NetworkPacketsIn", "NetworkPacketsOut",
            "DiskReadBytes", "DiskWriteBytes", "DiskReadOps", "DiskWriteOps", "StatusCheckFailed",
            "StatusCheckFailed_Instance", "StatusCheckFailed_System"})

    def test_every_minute_has_its_sample(self):
        instance = self.launch()
        by_id = [{"Name": "InstanceId", "Value": instance}]

        def times():
            return [p["Timestamp"] for p in self.statistics(
                "CPUUtilization", Namespace="AWS/EC2", Dimensions=by_id)]
        found = wait_until(lambda: len(seen := times()) >= 6 and seen, 30, "six minutes", 0.2)
        self.assertEqual([b - a for a, b in zip(found, found[1:])], [MINUTE] * (len(found) - 1))

    def test_an_alarm_stops_an_instance(self):
        instance = self.launch()
        name = unique("idle")
        self.cw.put_metric_alarm(
            AlarmName=name, Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average",
            Dimensions=[{"Name": "InstanceId", "Value": instance}], Period=60, EvaluationPeriods=2,
            Threshold=5, ComparisonOperator="LessThanThreshold", AlarmActions=[STOP])
        self.addCleanup(self.cw.delete_alarms, AlarmNames=[name])
        wait_until(lambda: self.instance(instance)["State"]["Name"] == "stopped", 60, "stopped", 0.2)

        def action():
            return self.cw.describe_alarm_history(
                AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
        item = wait_until(action, 10, "history")[-1]
        self.assertEqual(item["HistorySummary"], f"Successfully executed action {STOP}")

    def test_detailed_monitoring(self):
        instance = self.launch(Monitoring={"Enabled": True})
        self.assertEqual(self.instance(instance)["Monitoring"]["State"], "enabled")
        said = self.ec2.unmonitor_instances(InstanceIds=[instance])["InstanceMonitorings"]
        self.assertEqual(said, [{"InstanceId": instance, "Monitoring": {"State": "disabling"}}])
        self.assertEqual(self.instance(instance)["Monitoring"]["State"], "disabled")
        said = self.ec2.monitor_instances(InstanceIds=[instance])["InstanceMonitorings"]
        self.assertEqual(said[0]["Monitoring"]["State"], "pending")
        self.assertEqual(self.instance(instance)["Monitoring"]["State"], "enabled")
        self.refuse("InvalidInstanceID.NotFound", self.ec2.monitor_instances,
                    InstanceIds=["i-0123456789abcdef0"])

    def test_load_can_be_told_only_of_machines_that_run(self):
        self.assertEqual(set_load(self.cloud, "i-0123456789abcdef0", 5)[0], 400)
        self.assertEqual(set_load(self.cloud, "i-0123456789abcdef0", 101)[0], 400)


class ClockTest(CloudWatchTestCase):
    def test_the_clock_is_shown_and_set(self):
        cloud = self.start_cloud(backend="fake")
        self.assertNotIn("clock ", cloud.cumulet("status").stdout)
        self.assertIn("as fast as the real one", cloud.cumulet("clock").stdout)
        self.assertIn("120 times as fast", cloud.cumulet("clock", "--speed", "120").stdout)
        self.assertIn("120 times as fast", cloud.cumulet("status").stdout)
        cloud.cumulet("clock", "--speed", "1")
        # What was gained stays.
        self.assertIn("ahead of it", cloud.cumulet("status").stdout)
        for bad in ("0.5", "99999", "-1", "fast"):
            done = cloud.cumulet("clock", "--speed", bad, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
