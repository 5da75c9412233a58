"""The oracle: every action's request and reply against botocore's model of the service.

Names, kinds and required members must be AWS's. What differs on purpose stands in the tables below,
each entry with its reason. A model newer than the exceptions were written for needs fewer of them."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import BUILD  # noqa: E402

try:
    import botocore.session
except ImportError:
    raise unittest.SkipTest("no botocore here (apt-get install python3-boto3)") from None

DUMP_SHAPES = os.path.join(BUILD, "tests", "lib", "dump_shapes")

# Members of requests that this model does not have. "*" stands for every action.
MORE_IN_REQUESTS = {
    # Newer than Debian 12's botocore.
    ("DescribeImages", "MaxResults"),
    ("DescribeImages", "NextToken"),
    ("DescribeImages", "IncludeDisabled"),
    ("CopyImage", "TagSpecification"),
    ("DeregisterImage", "DeleteAssociatedSnapshots"),
    ("RegisterImage", "TagSpecification"),
    # EC2-Classic's; ours until 2011-01-01.
    ("RunInstances", "AddressingType"),
    # DefaultCooldown's name in 2009-05-15.
    ("CreateAutoScalingGroup", "Cooldown"),
    ("UpdateAutoScalingGroup", "Cooldown"),
}

# Elements of replies that this model does not have.
MORE_IN_REPLIES = {
    # What they were called in 2009.
    ("GetMetricStatistics", "Datapoints.Samples"),
    ("ListMetrics", "Metrics.MeasureName"),
    # <return>true</return>, which clients up to 2014 want to see, and AWS still sends.
    ("CreateSecurityGroup", "return"),
    ("CreateTags", "return"),
    ("DeleteKeyPair", "return"),
    ("DeleteSecurityGroup", "return"),
    ("DeleteSnapshot", "return"),
    ("DeleteTags", "return"),
    ("DeleteVolume", "return"),
    ("DeregisterImage", "return"),
    ("EnableVolumeIO", "return"),
    ("ModifyInstanceAttribute", "return"),
    ("ModifyImageAttribute", "return"),
    ("ModifySnapshotAttribute", "return"),
    ("ModifyVolumeAttribute", "return"),
    ("RebootInstances", "return"),
    ("ResetImageAttribute", "return"),
    ("ResetSnapshotAttribute", "return"),
    # Newer than Debian 12's botocore.
    ("DeleteKeyPair", "keyPairId"),
    ("DeleteSecurityGroup", "groupId"),
    ("DescribeImages", "nextToken"),
    ("DescribeInstances", "reservationSet.instancesSet.currentInstanceBootMode"),
    ("RevokeSecurityGroupEgress", "revokedSecurityGroupRuleSet"),
    ("RevokeSecurityGroupIngress", "revokedSecurityGroupRuleSet"),
    ("RunInstances", "instancesSet.currentInstanceBootMode"),
    # DefaultCooldown's name in 2009-05-15.
    ("DescribeAutoScalingGroups", "AutoScalingGroups.Cooldown"),
    # The form of 2009-05-15.
    ("DescribeLoadBalancers", "LoadBalancerDescriptions.Listeners"),
}

# Members of another kind than the model's.
OTHER_KINDS = {
    # The model takes the date for text; its text is that of a time.
    ("DescribeImages", "imagesSet.creationDate"),
    ("DescribeImages", "imagesSet.deprecationTime"),
}

# Required by us, but not by the model.
MORE_REQUIRED = {
    # A filter without a name means nothing; AWS refuses it.
    ("*", "Filter.Name"),
    # Nor does a mapping without a device.
    ("*", "BlockDeviceMapping.DeviceName"),
    ("*", "LaunchTemplateData.BlockDeviceMapping.DeviceName"),
}

# Required by the model, but not by us.
LESS_REQUIRED = {
    # Of a bundle, which tools of 2008 register without.
    ("RegisterImage", "Name"),
    # An empty value, which a tag may have, is one that is missing for whatever is required.
    ("TagServerCertificate", "Tags.Value"),
    ("UploadServerCertificate", "Tags.Value"),
    ("PutMetricAlarm", "Tags.Value"),
    ("TagResource", "Tags.Value"),
    # An empty list, which takes all policies away, looks on the wire as if it was not there.
    ("SetLoadBalancerPoliciesForBackendServer", "PolicyNames"),
    ("SetLoadBalancerPoliciesOfListener", "PolicyNames"),
}

# Actions that there are no more, by their service: Auto Scaling's triggers of 2009-05-15.
GONE = {("autoscaling", "CreateOrUpdateScalingTrigger"), ("autoscaling", "DeleteTrigger"),
        ("autoscaling", "DescribeTriggers")}

# What botocore calls a service whose requests are signed for another name.
MODELS = {"elasticloadbalancing": "elb", "monitoring": "cloudwatch"}

KINDS = {
    "string": {"string", "blob", "timestamp"},
    "int": {"integer", "long"},
    "bool": {"boolean"},
    "double": {"double", "float"},
    "time": {"timestamp"},
    "struct": {"structure"},
}


def listed(table, action, path):
    return (action, path) in table or ("*", path) in table


def kind_fits(member, shape):
    """Whether a member is of the kind of the model's shape."""
    if member["kind"] == "structs" and shape.type_name == "map":  # a list of entries
        return [inner["out"] for inner in member["members"]] == ["key", "value"] and \
            member["item"] == "entry"
    if member["kind"] in ("doubles", "times"):
        return shape.type_name == "list" and shape.member.type_name in KINDS[member["kind"][:-1]]
    if member["kind"] == "structs":
        return shape.type_name == "list" and shape.member.type_name == "structure"
    if member["kind"] == "strings":  # of which the renderer only knows text: numbers look the same
        return shape.type_name == "list" and shape.member.type_name in ("string", "integer", "long")
    return shape.type_name in KINDS[member["kind"]]


def structure_of(shape):
    return shape.member if shape.type_name == "list" else shape


class Check:
    """One action against the model."""

    def __init__(self, service, action, tables):
        self.name = action
        self.tables = tables
        self.protocol = service.protocol
        self.model = service.operation_model(action)
        self.faults = []

    def say(self, text):
        self.faults.append(f"{self.name}: {text}")

    def request_name(self, name, shape):
        """The parameter's name on the wire: botocore/serialize.py, QuerySerializer."""
        serialization = shape.serialization
        if self.protocol != "ec2":
            return serialization.get("name", name)
        if "queryName" in serialization:
            return serialization["queryName"]
        name = serialization.get("name", name)
        return name[0].upper() + name[1:]

    def reply_name(self, name, shape):
        return shape.serialization.get("name", name)

    def check_kind(self, path, member, shape):
        if not kind_fits(member, shape) and not listed(OTHER_KINDS, self.name, path):
            self.say(f"{path} is {member['kind']}, the model has {shape.type_name}")
            return False
        return True

    def check_values(self, path, member, shape):
        allowed = set(getattr(shape, "enum", None) or [])
        for value in member["values"]:
            if allowed and value not in allowed:
                self.say(f"{path} may be '{value}', which the model does not know")

    def request(self, members, shape, parent=""):
        known = {self.request_name(name, inner): (name, inner)
                 for name, inner in (shape.members.items() if shape else ())}
        required = {self.request_name(name, shape.members[name])
                    for name in (shape.required_members if shape else ())}
        ours = {member["name"]: member for member in members if member["name"]}
        for wire in sorted(required):
            if listed(LESS_REQUIRED, self.name, parent + wire) and wire in ours:
                continue
            if wire not in ours or not ours[wire]["required"]:
                self.say(f"{parent}{wire} is required by the model")
        for wire, member in ours.items():
            path = parent + wire
            if wire not in known:
                if not listed(MORE_IN_REQUESTS, self.name, path):
                    self.say(f"{path} is not in the model's request")
                continue
            inner = known[wire][1]
            if member["required"] and wire not in required and \
                    not listed(MORE_REQUIRED, self.name, path):
                self.say(f"{path} is not required by the model")
            if self.check_kind(path, member, inner):
                self.check_values(path, member, inner)
                if "members" in member and inner.type_name != "map":
                    self.request(member["members"], structure_of(inner), path + ".")

    def reply(self, members, shape, parent=""):
        known = {self.reply_name(name, inner): inner
                 for name, inner in (shape.members.items() if shape else ())}
        for member in members:
            path = parent + member["out"]
            if member["out"] not in known:
                if not listed(MORE_IN_REPLIES, self.name, path):
                    self.say(f"{path} is not in the model's reply")
                continue
            inner = known[member["out"]]
            if not self.check_kind(path, member, inner):
                continue
            if inner.type_name == "list":
                self.check_item(path, member, inner)
            if "members" in member and inner.type_name != "map":
                self.reply(member["members"], structure_of(inner), path + ".")

    def check_item(self, path, member, shape):
        """Parsers of lists take the name of the items from the model."""
        flattened = shape.serialization.get("flattened", False)
        wanted = "" if flattened else shape.member.serialization.get("name", "member")
        # Some lists of the model leave the name out; the wire has it.
        if member["item"] != wanted and not (self.protocol == "ec2" and wanted == "member"):
            self.say(f"{path} has items <{member['item']}>, the model's are <{wanted}>")


def load_tests(loader, tests, pattern):
    """A test an action."""
    if not os.path.exists(DUMP_SHAPES):
        raise FileNotFoundError(f"{DUMP_SHAPES} is not built")
    dump = json.loads(subprocess.run([DUMP_SHAPES], check=True, stdout=subprocess.PIPE).stdout)
    session = botocore.session.get_session()
    for service, actions in dump.items():
        model = session.get_service_model(MODELS.get(service, service))
        for action, tables in actions.items():
            if (service, action) in GONE:
                continue
            tests.addTest(ActionTest(f"{service}.{action}", model, action, tables))
    return tests


class ActionTest(unittest.TestCase):
    def __init__(self, name, service, action, tables):
        super().__init__("check")
        self.name, self.service, self.action, self.tables = name, service, action, tables

    def id(self):
        return f"test_shapes.{self.name}"

    def check(self):
        self.assertIn(self.action, self.service.operation_names, "the model has no such action")
        check = Check(self.service, self.action, self.tables)
        check.request(self.tables["request"], check.model.input_shape)
        check.reply(self.tables["reply"], check.model.output_shape)
        if check.faults:
            self.fail("\n".join(check.faults))
