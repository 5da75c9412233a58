"""The tools of Auto Scaling: every one of them, column by column."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from classic import ClassicTestCase  # noqa: E402
from cloud import wait_until  # noqa: E402
from lifecycle import unique  # noqa: E402

ZONE = "us-east-1a"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
DEADLINE = 60


class AsTestCase(ClassicTestCase):
    def new_configuration(self, *arguments):
        name = unique("config")
        self.tool("as-create-launch-config", name, "--image-id", self.image(), "--instance-type",
                  "m1.small", *arguments)
        self.addCleanup(lambda: self.run_tool("as-delete-launch-config", name, "-f"))
        return name

    def new_group(self, *arguments, size=0, most=4):
        name, configuration = unique("group"), self.new_configuration()
        self.assertEqual(
            self.tool("as-create-auto-scaling-group", name, "--launch-configuration",
                      configuration, "--availability-zones", ZONE, "--min-size", "0", "--max-size",
                      str(most), "--desired-capacity", str(size), *arguments),
            "OK-Created AutoScalingGroup\n")
        self.addCleanup(lambda: self.run_tool("as-delete-auto-scaling-group", name,
                                              "--force-delete", "-f"))
        wait_until(lambda: len(self.members(name)) == size, DEADLINE, f"{name} has {size}")
        return name

    def members(self, group, state="InService"):
        return [row[1] for row in self.of("INSTANCE", self.columns(
            "as-describe-auto-scaling-groups", group)) if row[3] == state]


class GroupsTest(AsTestCase):
    def test_launch_configurations(self):
        name = self.new_configuration("--user-data", "hi", "-b", "/dev/sdb=:2:true",
                                      "--monitoring-disabled")
        self.assertEqual(self.columns("as-describe-launch-configs", name, "--headers"),
                         [["LAUNCH-CONFIG", "NAME", "IMAGE-ID", "TYPE"],
                          ["LAUNCH-CONFIG", name, self.image(), "m1.small"]])
        long = self.tool("as-describe-launch-configs", name, "--show-long")
        self.assertIn('"{device=/dev/sdb,size=2}"', long)
        self.assertIn("aGk=", long)
        done = self.run_tool("as-delete-launch-config", name, stdin="y\n")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "\n    Are you sure you want to delete this launch configuration? [Ny]"
                          "OK-Deleted launch configuration\n"))
        self.refused("as-delete-launch-config:  Malformed input-", "as-delete-launch-config", name,
                     "-f")

    def test_a_group_and_its_instances(self):
        group = self.new_group("--tag", "k=Name, v=web, p=true", size=2)
        rows = self.columns("as-describe-auto-scaling-groups", group, "--headers")
        self.assertEqual(rows[0], ["AUTO-SCALING-GROUP", "GROUP-NAME", "LAUNCH-CONFIG",
                                   "AVAILABILITY-ZONES", "MIN-SIZE", "MAX-SIZE",
                                   "DESIRED-CAPACITY", "TERMINATION-POLICIES"])
        configuration = rows[1][2]
        self.assertEqual(rows[1], ["AUTO-SCALING-GROUP", group, configuration, ZONE, "0", "4", "2",
                                   "Default"])
        self.assertEqual(rows[2], ["INSTANCE", "INSTANCE-ID", "AVAILABILITY-ZONE", "STATE",
                                   "STATUS", "LAUNCH-CONFIG"])
        first, second = sorted(self.members(group))
        self.assertEqual({tuple(row[2:]) for row in rows[3:5]},
                         {(ZONE, "InService", "Healthy", configuration)})
        self.assertIn(["TAG", group, "auto-scaling-group", "Name", "web", "true"], rows)
        shown, = self.columns("as-describe-auto-scaling-instances", first)
        self.assertEqual(shown, ["INSTANCE", first, group, ZONE, "InService", "HEALTHY",
                                 configuration])
        self.assertEqual(self.tool("as-set-instance-health", first, "--status", "Unhealthy",
                                   "--no-respect-grace-period"), "OK-Instance Health Set\n")
        wait_until(lambda: first not in self.members(group) and len(self.members(group)) == 2,
                   DEADLINE, "it is replaced")
        ended = self.columns("as-terminate-instance-in-auto-scaling-group", second,
                             "--decrement-desired-capacity", "-f")
        self.assertEqual((ended[0][0], ended[0][2]), ("INSTANCE", group))
        self.assertEqual(self.columns("as-describe-auto-scaling-groups", group)[0][6], "1")
        activities = self.columns("as-describe-scaling-activities", group)
        self.assertGreaterEqual(len(activities), 4)
        self.assertEqual({row[0] for row in activities}, {"ACTIVITY"})
        self.assertEqual(len(self.columns("as-describe-scaling-activities", group,
                                          "--max-records", "1")), 1)
        self.assertIn("Launching a new EC2 instance", self.tool(
            "as-describe-scaling-activities", group, "--show-long"))
        self.assertEqual(self.tool("as-set-desired-capacity", group, "--desired-capacity", "0",
                                   "--no-honor-cooldown"), "OK-Desired Capacity Set\n")
        wait_until(lambda: not self.members(group), DEADLINE, "it is empty")

    def test_changes_of_a_group(self):
        group = self.new_group()
        self.assertEqual(self.tool("as-update-auto-scaling-group", group, "--max-size", "3",
                                   "--default-cooldown", "7"), "OK-Updated AutoScalingGroup\n")
        self.assertEqual(self.columns("as-describe-auto-scaling-groups", group)[0][5], "3")
        self.refused("as-create-auto-scaling-group:  AlreadyExists: ",
                     "as-create-auto-scaling-group", group, "-l", self.new_configuration(),
                     "-z", ZONE, "--min-size", "0", "--max-size", "1")

    def test_instances_come_and_go(self):
        group, id = self.new_group(), self.launch("-z", ZONE)
        self.assertEqual(self.tool("as-attach-instances", id, "--auto-scaling-group", group),
                         "OK-Attached instances\n")
        wait_until(lambda: self.members(group) == [id], DEADLINE, "it is attached")
        self.assertEqual(self.tool("as-set-instance-protection", id, "-g", group,
                                   "--protected-from-scale-in"), "OK-Instance Protection Set\n")
        row, = self.columns("as-enter-standby", id, "-g", group, "--decrement-desired-capacity")
        self.assertEqual((row[0], row[2]), ("ACTIVITY", group))
        wait_until(lambda: self.members(group, "Standby") == [id], DEADLINE, "it stands by")
        self.assertEqual(self.columns("as-exit-standby", id, "-g", group)[0][0], "ACTIVITY")
        wait_until(lambda: self.members(group) == [id], DEADLINE, "it serves again")
        self.assertEqual(self.columns("as-detach-instances", id, "-g", group,
                                      "--decrement-desired-capacity")[0][0], "ACTIVITY")
        wait_until(lambda: not self.tool("as-describe-auto-scaling-instances", id), DEADLINE,
                   "it is detached")

    def test_load_balancers(self):
        group, name = self.new_group(), unique("lb")
        self.tool("elb-create-lb", name, "-z", ZONE, "-l",
                  "protocol=tcp,lb-port=80,instance-port=80")
        self.addCleanup(lambda: self.tool("elb-delete-lb", name, "-f"))
        self.assertEqual(self.tool("as-attach-load-balancers", group, "--load-balancers", name),
                         "OK-Attached load balancers\n")
        self.assertEqual(self.columns("as-describe-load-balancers", group)[0][:2],
                         ["LOAD-BALANCER", name])
        self.assertEqual(self.columns("as-describe-auto-scaling-groups", group)[0][4], name)
        self.assertEqual(self.tool("as-detach-load-balancers", group, "--load-balancers", name),
                         "OK-Detached load balancers\n")

    def test_tags_and_limits(self):
        group = self.new_group()
        tag = f"id={group}, t=auto-scaling-group, k=team, v=red, p=false"
        self.assertEqual(self.tool("as-create-or-update-tags", "--tag", tag),
                         "OK-Created/Updated tags\n")
        self.assertEqual(
            self.columns("as-describe-tags", "--filter", f"auto-scaling-group={group}"),
            [["TAG", group, "auto-scaling-group", "team", "red", "false"]])
        self.assertEqual(self.tool("as-delete-tags", "--tag", tag, "-f"), "OK-Deleted tags\n")
        self.assertEqual(self.tool("as-describe-tags", "--filter",
                                   f"auto-scaling-group={group}"), "")
        self.assertEqual(self.columns("as-describe-account-limits")[0][0], "LIMITS")
        self.assertIn("2011-01-01", self.tool("as-version"))


class ChangesTest(AsTestCase):
    def trigger(self, group, name, *more):
        return ["as-create-or-update-trigger", name, "--auto-scaling-group", group, "--namespace",
                "AWS/EC2", "--measure", "CPUUtilization", "--statistic", "Average", "--dimensions",
                f"AutoScalingGroupName={group}", "--period", "60", "--lower-threshold", "40",
                "--upper-threshold", "80", "--lower-breach-increment=-10%",
                "--upper-breach-increment", "2", "--breach-duration", "120", *more]

    def test_triggers(self):
        group = self.new_group()
        self.assertEqual(self.tool(*self.trigger(group, "t1")), "OK-Created/Updated trigger\n")
        head, row = self.columns("as-describe-triggers", group, "--headers")
        shown = dict(zip(head, row))
        self.assertEqual((shown["TRIGGER-NAME"], shown["GROUP-NAME"], shown["STATUS"]),
                         ("t1", group, "NoData"))
        self.assertEqual((shown["LOWER-INCREMENT"], shown["UPPER-INCREMENT"],
                          shown["BREACH-DURATION"]), ("-10%", "2", "120"))
        self.refused("as-create-or-update-trigger:  ", *self.trigger(group, "t2"))  # one a group
        self.refused("as-create-or-update-trigger:  Malformed input-",
                     *self.trigger(group, "t1", "--period", "61"))
        self.assertEqual(self.tool("as-delete-trigger", "t1", "-g", group, "-f"),
                         "OK-Deleted trigger\n")
        self.assertEqual(self.tool("as-describe-triggers", group), "")

    def test_policies(self):
        group, name = self.new_group(), unique("policy")
        arn = self.tool("as-put-scaling-policy", name, "--auto-scaling-group", group,
                        "--adjustment=1", "--type", "ChangeInCapacity", "--cooldown", "300").strip()
        self.assertTrue(arn.startswith("arn:aws:autoscaling:us-east-1:"), arn)
        self.tool("mon-put-metric-alarm", name, "--comparison-operator", "GreaterThanThreshold",
                  "--evaluation-periods", "1", "--metric-name", "CPUUtilization", "--namespace",
                  "AWS/EC2", "--period", "60", "--statistic", "Average", "--threshold", "80",
                  "--alarm-actions", arn, "--dimensions", f"AutoScalingGroupName={group}")
        rows = self.columns("as-describe-policies", name, "-g", group, "--headers")
        self.assertEqual(rows, [
            ["SCALING-POLICY", "GROUP-NAME", "POLICY-NAME", "SCALING-ADJUSTMENT",
             "ADJUSTMENT-TYPE", "COOLDOWN", "POLICY-ARN"],
            ["SCALING-POLICY", group, name, "1", "ChangeInCapacity", "300", arn],
            ["ALARM", "ALARM-NAME", "POLICY-NAME"], ["ALARM", name, name]])
        self.assertEqual(self.tool("as-execute-policy", name, "-g", group), "OK-Executed Policy\n")
        wait_until(lambda: self.columns("as-describe-auto-scaling-groups", group)[0][6] == "1",
                   DEADLINE, "one more is wanted")
        self.tool("mon-delete-alarms", name, "-f")
        self.assertEqual(self.tool("as-delete-policy", name, "-g", group, "-f"),
                         "OK-Deleted policy\n")
        self.assertEqual(self.tool("as-describe-policies", "-g", group), "")

    def test_schedules(self):
        group = self.new_group()
        self.assertEqual(
            self.tool("as-put-scheduled-update-group-action", "night", "-g", group, "--recurrence",
                      "0 22 * * *", "--min-size", "0", "--max-size", "1"),
            "OK-Put Scheduled Update Group Action\n")
        head, row = self.columns("as-describe-scheduled-actions", "-g", group, "--headers")
        shown = dict(zip(head, row))
        self.assertEqual((shown["GROUP-NAME"], shown["ACTION-NAME"], shown["RECURRENCE"],
                          shown["MAX-SIZE"]), (group, "night", "0 22 * * *", "1"))
        self.assertEqual(
            self.tool("as-batch-put-scheduled-update-group-action", group, "--action",
                      "name=day,recurrence=0 6 * * *,min-size=1"),
            "OK-Put Scheduled Update Group Actions\n")
        self.assertEqual(self.tool("as-batch-delete-scheduled-action", group,
                                   "--scheduled-actions", "day,absent").splitlines()[-1],
                         "OK-Deleted Scheduled Actions")
        self.assertEqual(self.tool("as-delete-scheduled-action", "night", "-g", group, "-f"),
                         "OK-Deleted Scheduled Action\n")
        self.assertEqual(self.tool("as-describe-scheduled-actions", "-g", group), "")

    def test_processes_and_metrics(self):
        group = self.new_group()
        self.assertEqual(self.tool("as-suspend-processes", group, "--processes",
                                   "Launch,Terminate"), "OK-Processes Suspended\n")
        rows = self.columns("as-describe-auto-scaling-groups", group)
        self.assertEqual([row[1] for row in self.of("SUSPENDED-PROCESS", rows)],
                         ["Launch", "Terminate"])
        self.assertEqual(self.tool("as-resume-processes", group), "OK-Processes Resumed\n")
        self.assertEqual(self.tool("as-enable-metrics-collection", group, "--granularity",
                                   "1Minute", "-m", "GroupMinSize"),
                         "OK-Enabled metrics collection\n")
        self.assertIn(["ENABLED-METRIC", "GroupMinSize", "1Minute"],
                      self.columns("as-describe-auto-scaling-groups", group))
        self.assertEqual(self.tool("as-disable-metrics-collection", group),
                         "OK-Disabled metrics collection\n")
        self.refused("as-suspend-processes:  Malformed input-", "as-suspend-processes", group,
                     "-p", "Dance")

    def test_what_there_is(self):
        for tool, row in (
                ("as-describe-process-types", ["PROCESS", "Launch"]),
                ("as-describe-adjustment-types", ["ADJUSTMENT-TYPE", "ChangeInCapacity"]),
                ("as-describe-metric-collection-types", ["METRIC-GRANULARITY-TYPE", "1Minute"]),
                ("as-describe-termination-policy-types",
                 ["TERMINATION-POLICY-TYPE", "OldestInstance"]),
                ("as-describe-auto-scaling-notification-types",
                 ["NOTIFICATION-TYPE", "autoscaling:EC2_INSTANCE_LAUNCH"]),
                ("as-describe-lifecycle-hook-types",
                 ["LIFECYCLE-HOOK-TYPE", "autoscaling:EC2_INSTANCE_LAUNCHING"])):
            self.assertIn(row, self.columns(tool), tool)

    def test_notifications(self):
        group = self.new_group()
        kind = "autoscaling:EC2_INSTANCE_LAUNCH"
        self.assertEqual(self.tool("as-put-notification-configuration", group, "--topic-arn", TOPIC,
                                   "--notification-types", kind),
                         "OK-Put Notification Configuration\n")
        self.assertEqual(self.columns("as-describe-notification-configurations", group),
                         [["NOTIFICATION-CONFIG", group, TOPIC, kind]])
        self.assertEqual(self.tool("as-delete-notification-configuration", group, "-t", TOPIC,
                                   "-f"), "OK-Deleted Notification Configuration\n")
        self.assertEqual(self.tool("as-describe-notification-configurations", group), "")

    def test_hooks(self):
        group = self.new_group()
        self.assertEqual(self.tool("as-put-lifecycle-hook", "wait", "-g", group, "--transition",
                                   "autoscaling:EC2_INSTANCE_LAUNCHING"),
                         "OK-Put Lifecycle Hook\n")
        row, = self.columns("as-describe-lifecycle-hooks", group)
        self.assertEqual(row[:4], ["LIFECYCLE-HOOK", "wait", group,
                                   "autoscaling:EC2_INSTANCE_LAUNCHING"])
        self.tool("as-set-desired-capacity", group, "-c", "1")
        id, = wait_until(lambda: self.members(group, "Pending:Wait"), DEADLINE, "it waits")
        self.assertEqual(self.tool("as-record-lifecycle-action-heartbeat", "wait", "-g", group,
                                   "--instance", id), "OK-Recorded Lifecycle Action Heartbeat\n")
        self.assertEqual(self.tool("as-complete-lifecycle-action", "wait", "-g", group,
                                   "--instance", id, "--result", "CONTINUE"),
                         "OK-Completed Lifecycle Action\n")
        wait_until(lambda: self.members(group) == [id], DEADLINE, "it serves")
        self.assertEqual(self.tool("as-delete-lifecycle-hook", "wait", "-g", group, "-f"),
                         "OK-Deleted Lifecycle Hook\n")

    def test_refreshes(self):
        group = self.new_group(size=1)
        row, = self.columns("as-start-instance-refresh", group, "--min-healthy-percentage", "0")
        self.assertEqual(row[0], "INSTANCE-REFRESH")
        shown, = self.columns("as-describe-instance-refreshes", group)
        self.assertEqual(shown[:3], ["INSTANCE-REFRESH", row[1], group])
        done = self.run_tool("as-cancel-instance-refresh", group)
        self.assertTrue(done.stdout.startswith("INSTANCE-REFRESH") or
                        "ActiveInstanceRefreshNotFound" in done.stderr, done)
