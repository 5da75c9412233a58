// The AWS SDK for JavaScript against CloudWatch: node cloudwatch.mjs PROTOCOL. Endpoint, keys and
// region come from the environment; SPACE is the test's own namespace.

import assert from "node:assert/strict";
import {
  CloudWatchClient, DeleteAlarmsCommand, DescribeAlarmHistoryCommand, DescribeAlarmsCommand,
  GetMetricDataCommand, GetMetricStatisticsCommand, ListMetricsCommand, ListTagsForResourceCommand,
  PutMetricAlarmCommand, PutMetricDataCommand, SetAlarmStateCommand, TagResourceCommand,
} from "@aws-sdk/client-cloudwatch";
import { AwsJson1_0Protocol, AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";

const Namespace = process.env.SPACE;
const cw = new CloudWatchClient({
  endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_REGION, maxAttempts: 1,
  protocol: { json: AwsJson1_0Protocol, cbor: AwsSmithyRpcV2CborProtocol }[process.argv[2]],
  // In CBOR it leaves Content-Length as it was before, and waits for itself.
  disableRequestCompression: process.argv[2] === "cbor",
});
const send = (Command, input = {}) => cw.send(new Command(input));

let protocol;
cw.middlewareStack.add((next) => async (args) => {
  protocol = args.request.headers["smithy-protocol"] ? "cbor"
    : args.request.headers["x-amz-target"] ? "json" : "query";
  return next(args);
}, { step: "finalizeRequest" });

const at = new Date(Math.floor(Date.now() / 60000) * 60000);
const StartTime = new Date(at - 600000);
const EndTime = new Date(at.getTime() + 600000);

await send(PutMetricDataCommand, {
  Namespace,
  MetricData: [
    { MetricName: "m", Value: 2.5, Unit: "Count", Timestamp: at },
    { MetricName: "v", Values: [1, 2, 3], Counts: [1, 1, 2], Timestamp: at },
  ],
});
assert.equal(protocol, process.argv[2]);
// Large enough to be compressed.
await send(PutMetricDataCommand, {
  Namespace,
  MetricData: Array.from({ length: 500 }, (_, i) => ({ MetricName: `many${i}`, Value: i })),
});
const { Metrics } = await send(ListMetricsCommand, { Namespace });
assert.equal(Metrics.length, 500); // a page

const { Datapoints } = await send(GetMetricStatisticsCommand, {
  Namespace, MetricName: "m", StartTime, EndTime, Period: 60, Statistics: ["Average"],
});
assert.equal(Datapoints.length, 1);
assert.deepEqual([Datapoints[0].Average, Datapoints[0].Unit], [2.5, "Count"]);
assert.equal(Datapoints[0].Timestamp.getTime(), at.getTime());

const { MetricDataResults } = await send(GetMetricDataCommand, {
  StartTime, EndTime,
  MetricDataQueries: [
    { Id: "v", MetricStat: { Metric: { Namespace, MetricName: "v" }, Period: 60, Stat: "Sum" } },
    { Id: "e", Expression: "v * 2" },
  ],
});
assert.deepEqual(MetricDataResults.map((result) => result.Values), [[9], [18]]);
assert.equal(MetricDataResults[0].Timestamps[0].getTime(), at.getTime());

const AlarmName = `${Namespace}-alarm`;
await send(PutMetricAlarmCommand, {
  AlarmName, Namespace, MetricName: "m", Statistic: "Sum", Period: 60, EvaluationPeriods: 1,
  Threshold: 5, ComparisonOperator: "GreaterThanThreshold",
});
await send(SetAlarmStateCommand, { AlarmName, StateValue: "ALARM", StateReason: "a drill" });
const { MetricAlarms } = await send(DescribeAlarmsCommand, { AlarmNames: [AlarmName] });
assert.equal(MetricAlarms[0].StateValue, "ALARM");
assert.ok(Math.abs(MetricAlarms[0].StateUpdatedTimestamp - Date.now()) < 60000);
const { AlarmHistoryItems } = await send(DescribeAlarmHistoryCommand, { AlarmName });
assert.equal(AlarmHistoryItems.length, 2);
const ResourceARN = MetricAlarms[0].AlarmArn;
await send(TagResourceCommand, { ResourceARN, Tags: [{ Key: "k", Value: "v" }] });
assert.deepEqual((await send(ListTagsForResourceCommand, { ResourceARN })).Tags,
  [{ Key: "k", Value: "v" }]);
await send(DeleteAlarmsCommand, { AlarmNames: [AlarmName] });
await assert.rejects(send(DeleteAlarmsCommand, { AlarmNames: [AlarmName] }), (error) => {
  assert.equal(error.name, "ResourceNotFound");
  assert.equal(error.$metadata.httpStatusCode, 404);
  return true;
});
