"""CloudWatch's metrics by boto3: what is put is read back by period, statistic and unit; metric math;
lists; and what is refused."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloudwatch import MINUTE, CloudWatchTestCase, now, this_minute  # noqa: E402
from lifecycle import unique  # noqa: E402


class PutTest(CloudWatchTestCase):
    def test_values_become_statistics_of_their_minute(self):
        at = this_minute() - 5 * MINUTE
        self.put(Value=2, Timestamp=at, Unit="Count")
        self.put(Value=6, Timestamp=at + MINUTE / 2, Unit="Count")
        point, = self.statistics(statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"])
        self.assertEqual(point["Timestamp"], at)
        self.assertEqual((point["SampleCount"], point["Average"], point["Sum"], point["Minimum"],
                          point["Maximum"], point["Unit"]), (2, 4, 8, 2, 6, "Count"))

    def test_without_a_time_it_is_now(self):
        before = this_minute()
        self.put(Value=1)
        point, = self.statistics()
        self.assertIn(point["Timestamp"], (before, before + MINUTE))
        self.assertEqual(point["Unit"], "None")

    def test_statistic_sets_and_lists_of_values(self):
        self.put("set", StatisticValues={"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 5})
        self.put("values", Values=[1, 2, 3], Counts=[1, 1, 8])
        self.put("plain", Values=[1, 2])
        names = ["SampleCount", "Sum", "Maximum"]
        for name, expected in (("set", (4, 10, 5)), ("values", (10, 27, 3)), ("plain", (2, 3, 2))):
            point, = self.statistics(name, names)
            self.assertEqual(tuple(point[one] for one in names), expected)

    def test_percentiles_where_values_are_known(self):
        self.put("values", Values=list(range(1, 101)))
        self.put("set", StatisticValues={"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 5})
        options = {"ExtendedStatistics": ["p0", "p50", "p100", "tm(10%:90%)"]}
        point, = self.extended("values", **options)
        self.assertEqual(point["ExtendedStatistics"],
                         {"p0": 1, "p50": 50.5, "p100": 100, "tm(10%:90%)": 50.5})
        self.assertEqual(self.extended("set", **options), [])

    def extended(self, name, **options):
        return self.cw.get_metric_statistics(
            Namespace=self.space, MetricName=name, StartTime=this_minute() - MINUTE * 9,
            EndTime=this_minute() + MINUTE * 9, Period=60, **options)["Datapoints"]

    def test_high_resolution(self):
        at = this_minute() - MINUTE
        for second in (10, 11, 20):
            self.put(Value=second, Timestamp=at + MINUTE * second / 60, StorageResolution=1)
        points = self.statistics(Period=10, minutes=5)
        self.assertEqual([(point["Timestamp"].second, point["Sum"]) for point in points],
                         [(10, 21), (20, 20)])
        self.assertEqual([point["Sum"] for point in self.statistics()], [41])

    def test_dimensions_make_another_metric(self):
        one = [{"Name": "Host", "Value": "a"}, {"Name": "Disk", "Value": "1"}]
        self.put(Value=1, Dimensions=one)
        self.put(Value=2, Dimensions=one[:1])
        self.assertEqual(self.statistics(), [])
        self.assertEqual([p["Sum"] for p in self.statistics(Dimensions=one[::-1])], [1])
        self.assertEqual([p["Sum"] for p in self.statistics(Dimensions=one[:1])], [2])

    def test_units_are_apart(self):
        self.put(Value=1, Unit="Bytes")
        self.put(Value=2, Unit="Count")
        self.assertEqual(sorted((p["Unit"], p["Sum"]) for p in self.statistics()),
                         [("Bytes", 1), ("Count", 2)])
        self.assertEqual([p["Sum"] for p in self.statistics(Unit="Count")], [2])
        self.assertEqual(self.statistics(Unit="Percent"), [])

    def test_what_was_acknowledged_survives_a_kill(self):
        cloud = self.start_cloud(backend="fake")
        cw = cloud.boto3("cloudwatch")
        for i in range(20):
            self.put(f"m{i}", cloud=cloud, Value=i)
        cloud.kill()
        cloud.start()
        self.assertEqual(len(cw.list_metrics(Namespace=self.space)["Metrics"]), 20)
        self.cw = cw
        self.assertEqual([p["Sum"] for p in self.statistics("m7")], [7])

    def test_bad_data(self):
        put, good = self.cw.put_metric_data, {"MetricName": "m", "Value": 1}
        values = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}
        for code, datum in (
                ("MissingParameter", {"MetricName": "m"}),
                ("InvalidParameterCombination", {**good, "StatisticValues": values}),
                ("InvalidParameterCombination", {**good, "Values": [1]}),
                ("InvalidParameterValue", {"MetricName": "m", "Values": [1, 2], "Counts": [1]}),
                ("InvalidParameterValue", {"MetricName": "m", "Values": [1], "Counts": [-1]}),
                ("InvalidParameterValue", {"MetricName": "m", "Values": [1.0] * 151}),
                ("InvalidParameterValue", {**good, "Value": float("nan")}),
                ("InvalidParameterValue", {**good, "Value": float("inf")}),
                ("InvalidParameterValue", {**good, "Value": 2e200}),
                ("InvalidParameterValue", {**good, "Unit": "Furlongs"}),
                ("InvalidParameterValue", {**good, "StorageResolution": 5}),
                ("InvalidParameterValue", {**good, "Timestamp": now() - MINUTE * 60 * 24 * 15}),
                ("InvalidParameterValue", {**good, "Timestamp": now() + MINUTE * 60 * 3}),
                ("InvalidParameterValue", {**good, "Dimensions": [{"Name": "a", "Value": "1"}] * 2}),
                ("InvalidParameterValue", {**good, "Dimensions": [
                    {"Name": f"d{i}", "Value": "1"} for i in range(31)]}),
                ("InvalidParameterValue", {"MetricName": "m", "StatisticValues": {
                    **values, "SampleCount": 0}}),
                ("InvalidParameterValue", {"MetricName": "m", "StatisticValues": {
                    **values, "Minimum": 9}})):
            with self.subTest(datum=datum):
                # All or nothing.
                self.refuse(code, put, Namespace=self.space, MetricData=[good, datum])
        self.refuse("InvalidParameterValue", put, Namespace="AWS/EC2", MetricData=[good])
        self.refuse("InvalidParameterValue", put, Namespace=":own", MetricData=[good])
        self.refuse("InvalidParameterValue", put, Namespace=self.space, MetricData=[good] * 1001)
        self.assertEqual(self.cw.list_metrics(Namespace=self.space)["Metrics"], [])

    def test_a_thousand_at_once(self):
        self.cw.put_metric_data(Namespace=self.space, MetricData=[
            {"MetricName": f"m{i}", "Value": i} for i in range(1000)])
        found = [metric["MetricName"] for page in self.cw.get_paginator("list_metrics").paginate(
            Namespace=self.space) for metric in page["Metrics"]]
        self.assertEqual(sorted(found), sorted(f"m{i}" for i in range(1000)))


class StatisticsTest(CloudWatchTestCase):
    def test_longer_periods(self):
        start = this_minute() - 20 * MINUTE
        for i in range(10):
            self.put(Value=i, Timestamp=start + i * MINUTE)
        points = self.statistics(StartTime=start, EndTime=start + 10 * MINUTE, Period=300)
        self.assertEqual([(p["Timestamp"], p["Sum"]) for p in points],
                         [(start, 10), (start + 5 * MINUTE, 35)])

    def test_the_end_does_not_belong_to_the_range(self):
        at = this_minute() - 3 * MINUTE
        self.put(Value=1, Timestamp=at)
        self.assertEqual(self.statistics(StartTime=at - MINUTE, EndTime=at), [])
        self.assertEqual(len(self.statistics(StartTime=at, EndTime=at + MINUTE)), 1)
        # A beginning is rounded down to its minute.
        self.assertEqual(len(self.statistics(StartTime=at + MINUTE / 2, EndTime=at + MINUTE)), 1)

    def test_bad_questions(self):
        ask = self.cw.get_metric_statistics
        good = {"Namespace": self.space, "MetricName": "m", "Period": 60, "Statistics": ["Sum"],
                "StartTime": now() - MINUTE, "EndTime": now()}
        more = {key: value for key, value in good.items() if key != "Statistics"}
        self.refuse("InvalidParameterValue", ask, **{**good, "Period": 61})
        self.refuse("InvalidParameterValue", ask, **{**good, "Period": 86460})
        self.refuse("InvalidParameterValue", ask, **{**good, "StartTime": now() + MINUTE})
        self.refuse("InvalidParameterValue", ask, **{**good, "Statistics": ["Median"]})
        self.refuse("InvalidParameterValue", ask, **{**good, "Unit": "Furlongs"})
        self.refuse("InvalidParameterValue", ask, **more, ExtendedStatistics=["p101"])
        self.refuse("MissingParameter", ask, **more)
        self.refuse("InvalidParameterCombination", ask, **good, ExtendedStatistics=["p50"])
        said = self.refuse("InvalidParameterCombination", ask,
                           **{**good, "StartTime": now() - 1500 * MINUTE})
        self.assertIn("1440", said)


class ListTest(CloudWatchTestCase):
    def test_by_namespace_name_and_dimension(self):
        dimensions = [{"Name": "Host", "Value": "a"}]
        self.put("one", Value=1, Dimensions=dimensions)
        self.put("one", Value=1)
        self.put("two", Value=1, Dimensions=[{"Name": "Host", "Value": "b"}])

        def found(**options):
            return sorted((m["MetricName"], m["Dimensions"]) for m in self.cw.list_metrics(
                **{"Namespace": self.space, **options})["Metrics"])
        self.assertEqual(len(found()), 3)
        self.assertEqual(found(MetricName="one"), [("one", []), ("one", dimensions)])
        self.assertEqual(found(Dimensions=dimensions), [("one", dimensions)])
        self.assertEqual(len(found(Dimensions=[{"Name": "Host"}])), 2)
        self.assertEqual(found(Namespace="nowhere"), [])
        self.refuse("InvalidParameterValue", self.cw.list_metrics, NextToken="x")

    def test_recently_active(self):
        self.put("old", Value=1, Timestamp=now() - 4 * 60 * MINUTE)
        self.put("new", Value=1)
        self.put("older", Value=1, Timestamp=now() - 24 * 13 * 60 * MINUTE)
        names = [m["MetricName"] for m in self.cw.list_metrics(
            Namespace=self.space, RecentlyActive="PT3H")["Metrics"]]
        self.assertEqual(names, ["new"])
        self.assertEqual(len(self.cw.list_metrics(Namespace=self.space)["Metrics"]), 3)

    def test_a_reset_forgets_metrics(self):
        cloud = self.start_cloud(backend="fake")
        self.put(cloud=cloud, Value=1)
        cloud.cumulet("reset")
        cw = cloud.boto3("cloudwatch")
        self.assertEqual(cw.list_metrics(Namespace=self.space)["Metrics"], [])
        self.put(cloud=cloud, Value=2)
        self.assertEqual(len(cw.list_metrics(Namespace=self.space)["Metrics"]), 1)


class MetricDataTest(CloudWatchTestCase):
    def setUp(self):
        super().setUp()
        self.start = this_minute() - 20 * MINUTE
        for i, (one, two) in enumerate(((1, 10), (2, 20), (3, None), (4, 40))):
            self.put("one", Value=one, Timestamp=self.start + i * MINUTE)
            if two:
                self.put("two", Value=two, Timestamp=self.start + i * MINUTE)

    def metric(self, name, stat="Sum", **options):
        return {"Id": name, "MetricStat": {"Metric": {"Namespace": self.space, "MetricName": name},
                                           "Period": 60, "Stat": stat}, **options}

    def ask(self, *queries, **options):
        return self.cw.get_metric_data(**{
            "MetricDataQueries": list(queries), "StartTime": self.start,
            "EndTime": self.start + 4 * MINUTE, "ScanBy": "TimestampAscending", **options})

    def values(self, expression):
        result, = self.ask(self.metric("one", ReturnData=False), self.metric("two", ReturnData=False),
                           {"Id": "e", "Expression": expression})["MetricDataResults"]
        return [((time - self.start) // MINUTE, value)
                for time, value in zip(result["Timestamps"], result["Values"])]

    def test_metrics_and_expressions(self):
        results = self.ask(self.metric("one", Label="first"), self.metric("two", "Maximum"),
                           {"Id": "e", "Expression": "one + two"})["MetricDataResults"]
        self.assertEqual([(r["Id"], r["Label"], r["Values"], r["StatusCode"]) for r in results],
                         [("one", "first", [1, 2, 3, 4], "Complete"),
                          ("two", "two", [10, 20, 40], "Complete"),
                          ("e", "e", [11, 22, 44], "Complete")])

    def test_functions(self):
        for expression, expected in (
                ("two / one - 1", [(0, 9), (1, 9), (3, 9)]),
                ("FILL(two, 0)", [(0, 10), (1, 20), (2, 0), (3, 40)]),
                ("SUM(METRICS())", [(0, 11), (1, 22), (2, 3), (3, 44)]),
                ("AVG([one, one * 3])", [(0, 2), (1, 4), (2, 6), (3, 8)]),
                ("RUNNING_SUM(one)", [(0, 1), (1, 3), (2, 6), (3, 10)]),
                ("RATE(one) * PERIOD(one)", [(1, 1), (2, 1), (3, 1)]),
                ("IF(one > 2, one, 0)", [(0, 0), (1, 0), (2, 3), (3, 4)]),
                ("CEIL(one / 2) + FLOOR(one / 2) + ABS(-one)", [(0, 2), (1, 4), (2, 6), (3, 8)]),
                ("TIME_SERIES(MAX(one) - MIN(one))", [(0, 3), (1, 3), (2, 3), (3, 3)])):
            with self.subTest(expression=expression):
                self.assertEqual(self.values(expression), expected)

    def test_the_latest_first_unless_told_otherwise(self):
        for options, expected in (({}, [1, 2, 3, 4]), ({"ScanBy": "TimestampDescending"}, [4, 3, 2, 1])):
            result, = self.ask(self.metric("one"), **options)["MetricDataResults"]
            self.assertEqual(result["Values"], expected)
            self.assertEqual(result["Timestamps"], sorted(
                result["Timestamps"], reverse=bool(options)))

    def test_pages(self):
        pages = list(self.cw.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[self.metric("one"), self.metric("two"), self.metric("none")],
            StartTime=self.start, EndTime=self.start + 4 * MINUTE, ScanBy="TimestampAscending",
            MaxDatapoints=3))
        self.assertEqual([[(r["Id"], r["Values"], r["StatusCode"])
                           for r in page["MetricDataResults"]] for page in pages],
                         [[("one", [1, 2, 3], "PartialData"), ("none", [], "Complete")],
                          [("one", [4], "Complete"), ("two", [10, 20], "PartialData")],
                          [("two", [40], "Complete")]])

    def test_bad_questions(self):
        one = self.metric("one")
        for queries in ([{"Id": "One", **{k: one[k] for k in ("MetricStat",)}}],
                        [one, one],
                        [{"Id": "e", "Expression": "one +"}, one],
                        [{"Id": "e", "Expression": "nine"}, one],
                        [{"Id": "e", "Expression": "e"}],
                        [{"Id": "e", "Expression": "SUM(one)"}, one],
                        [{"Id": "e", "Expression": "NOPE(one)"}, one],
                        [{"Id": "e"}],
                        [{**one, "Expression": "1"}],
                        [self.metric("one", "Median")],
                        [{**one, "AccountId": "123456789012"}]):
            with self.subTest(queries=queries):
                self.refuse("ValidationError", self.cw.get_metric_data, MetricDataQueries=queries,
                            StartTime=self.start, EndTime=now())
        self.refuse("ValidationError", self.cw.get_metric_data, MetricDataQueries=[one],
                    StartTime=self.start, EndTime=self.start)
        self.refuse("InvalidNextToken", self.cw.get_metric_data, MetricDataQueries=[one],
                    StartTime=self.start, EndTime=now(), NextToken="?")

    def test_percentile_of_nothing_known(self):
        name = unique("set")
        self.put(name, StatisticValues={"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 5})
        result, = self.ask({"Id": "p", "MetricStat": {
            "Metric": {"Namespace": self.space, "MetricName": name}, "Period": 60, "Stat": "p90"}},
            EndTime=now() + MINUTE)["MetricDataResults"]
        self.assertEqual(result["Values"], [])


if __name__ == "__main__":
    unittest.main()
