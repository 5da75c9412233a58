"""Every refusal is AWS's own: code, status, words. And nothing is half done after one."""

import base64
import contextlib
import datetime
import os
import re
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import ROOT, CloudTestCase, wait_until  # noqa: E402
from lifecycle import DEADLINE, make_public_key, unique  # noqa: E402
from wire import FORM, Wire, encode, utcnow  # noqa: E402

ABSENT = "i-0123456789abcdef0"


def actions(service):
    with open(os.path.join(ROOT, "api", service, "actions.def")) as file:
        return re.findall(r"^ACTION\((\w+),", file.read(), re.MULTILINE)


def minutes(number):
    return utcnow() + datetime.timedelta(minutes=number)


class RefusalTestCase(CloudTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = Wire(cls.cloud)
        cls.image = cls.wire.call("DescribeImages", {
            "Filter.1.Name": "name", "Filter.1.Value.1": "cumulet-micro"}).text("imageId")

    def assert_refused(self, reply, code, status=400, *words):
        self.assertEqual((reply.code, reply.status), (code, status), reply)
        self.assertTrue(reply.message, reply)
        for word in words:
            self.assertIn(word, reply.message)

    def refuse(self, action, params, code, *words, status=400, **options):
        self.assert_refused(self.wire.call(action, params, **options), code, status, *words)

    def do(self, action, params=None, **options):
        reply = self.wire.call(action, params, **options)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def run_params(self, **params):
        return {"ImageId": self.image, "MinCount": 1, "MaxCount": 1, **params}

    def launch(self, **params):
        id = self.do("RunInstances", self.run_params(**params)).text("instanceId")
        self.addCleanup(self.wire.call, "TerminateInstances", {"InstanceId.1": id})
        self.wait_for(id, "running")
        return id

    def wait_for(self, id, state):
        wait_until(lambda: state in self.wire.call("DescribeInstances", {"InstanceId.1": id})
                   .texts("name"), DEADLINE, f"{id} is {state}")

    def new_group(self):
        name = unique("group")
        id = self.do("CreateSecurityGroup", {"GroupName": name, "GroupDescription": "d"}
                     ).text("groupId")
        self.addCleanup(self.wire.call, "DeleteSecurityGroup", {"GroupId": id})
        return name, id


class RequestTest(RefusalTestCase):
    """The request as such."""

    def test_an_error_is_a_document_with_a_request_id(self):
        reply = self.wire.call("RunInstances")
        self.assertRegex(reply.body, r"^<\?xml .*\?>\s*<Response><Errors><Error><Code>\w+</Code>"
                         r"<Message>[^<]+</Message></Error></Errors><RequestID>[0-9a-f-]{36}"
                         r"</RequestID></Response>\s*$")
        self.assertIn("xml", reply.headers["Content-Type"])

    def test_an_unknown_action(self):
        self.refuse("LaunchRockets", {}, "InvalidAction",
                    "The action LaunchRockets is not valid for this web service.")

    def test_an_action_that_the_version_did_not_have_yet(self):
        self.refuse("CreateTags", {"ResourceId.1": ABSENT, "Tag.1.Key": "k"}, "InvalidAction",
                    "not valid for this web service", version="2009-11-30")

    def test_no_action(self):
        self.refuse(None, {}, "MissingAction")

    def test_an_unknown_version(self):
        for version in ("2099-01-01", "2006-06-26", "latest"):
            self.refuse("DescribeRegions", {}, "NoSuchVersion", version, version=version)

    def test_no_version(self):
        self.refuse("DescribeRegions", {}, "MissingParameter", "Version", version="")

    def test_a_missing_parameter(self):
        self.refuse("RunInstances", {"MinCount": 1, "MaxCount": 1}, "MissingParameter",
                    "The request must contain the parameter ImageId")

    def test_an_unknown_parameter(self):
        self.refuse("DescribeInstances", {"Colour": "blue"}, "UnknownParameter",
                    "The parameter Colour is not recognized")
        self.refuse("RunInstances", self.run_params(**{"Placement.Colour": "blue"}),
                    "UnknownParameter", "Placement.Colour")

    def test_values_of_the_wrong_kind(self):
        for name, value in (("MinCount", "many"), ("MinCount", "0"), ("MinCount", "1.5"),
                            ("MaxCount", "99999999999999999999"), ("EbsOptimized", "perhaps"),
                            ("InstanceType", "z99.huge"),
                            ("InstanceInitiatedShutdownBehavior", "explode"),
                            ("MetadataOptions.HttpTokens", "sometimes"),
                            ("Placement.AvailabilityZone", "us-east-1z")):
            with self.subTest(f"{name}={value}"):
                self.refuse("RunInstances", self.run_params(**{name: value}),
                            "InvalidParameterValue", value)

    def test_an_unknown_filter(self):
        self.refuse("DescribeInstances", {"Filter.1.Name": "colour", "Filter.1.Value.1": "blue"},
                    "InvalidParameterValue", "colour")

    def test_a_dry_run(self):
        for action, params in (("RunInstances", self.run_params()), ("DescribeInstances", {}),
                               ("CreateKeyPair", {"KeyName": "dry"})):
            self.refuse(action, {**params, "DryRun": "true"}, "DryRunOperation",
                        "Request would have succeeded, but DryRun flag is set.", status=412)
        self.assertNotIn("dry", self.do("DescribeKeyPairs").texts("keyName"))

    def test_a_method_that_is_none_of_ours(self):
        for method in ("PUT", "DELETE", "PATCH"):
            reply = self.wire.send(method, "/")
            self.assertEqual(reply.status, 405)

    def test_a_body_that_is_too_large(self):
        body = "Action=DescribeRegions&Version=2016-11-15&Pad=" + "x" * (4 << 20)
        reply = self.wire.send("POST", "/", body, {"Content-Type": FORM})
        self.assertEqual((reply.status, reply.code), (413, "RequestEntityTooLarge"))
        self.do("DescribeRegions")

    def test_more_parameters_than_anyone_needs(self):
        params = {f"InstanceId.{number}": ABSENT for number in range(1, 10_002)}
        reply = self.wire.call("DescribeInstances", params)
        self.assertEqual((reply.status // 100, reply.code), (4, "MalformedQueryString"))

    def test_parameters_that_nest_deeper_than_anyone_needs(self):
        reply = self.wire.call("DescribeInstances", {".".join(["Filter"] * 500): "x"})
        self.assertEqual(reply.status // 100, 4, reply)

    def test_headers_that_are_too_large(self):
        reply = None
        with contextlib.suppress(OSError):
            reply = self.wire.send("GET", "/", headers={"X-Pad": "x" * (256 << 10)})
        self.assertTrue(reply is None or reply.status in (400, 413, 431, 494), reply)
        self.do("DescribeRegions")

    def test_text_that_is_no_form(self):
        for body in ("%", "a=%zz", "Action=%ff%fe", "Action=a%00b", "&&&===", "Action=" + "%" * 99):
            reply = self.wire.send("POST", "/", body, {"Content-Type": FORM})
            self.assertEqual(reply.status // 100, 4, body)
            self.assertTrue(reply.code, body)

    def test_the_namespace_follows_the_version(self):
        for version in ("2009-11-30", "2013-02-01", "2016-11-15"):
            reply = self.do("DescribeRegions", version=version)
            self.assertEqual(reply.namespace, f"http://ec2.amazonaws.com/doc/{version}/")


class SignatureTest(RefusalTestCase):
    def test_an_unknown_key(self):
        for sign in ("v2", "v4"):
            self.refuse("DescribeRegions", {}, "AuthFailure", "AWS was not able to validate the "
                        "provided access credentials", status=401, sign=sign, key="AKIAUNKNOWN")

    def test_a_wrong_secret(self):
        for sign in ("v2", "v4"):
            self.refuse("DescribeRegions", {}, "SignatureDoesNotMatch", status=403, sign=sign,
                        secret="not the secret")

    def test_every_form_of_a_right_signature(self):
        for options in ({"sign": "v2"}, {"sign": "v2", "digest": "sha1"}, {"sign": "v4"},
                        {"sign": "v2", "method": "GET"}, {"sign": "v2", "timestamp": "Expires"}):
            self.do("DescribeRegions", **options)

    def test_a_body_that_was_changed_on_its_way(self):
        signed = encode({"Action": "DescribeRegions", "Version": "2016-11-15"})
        sent = signed.replace("DescribeRegions", "DescribeImages")
        self.assert_refused(self.wire.call_v4(sent, signed_body=signed), "SignatureDoesNotMatch",
                            403)

    def test_an_old_request(self):
        self.refuse("DescribeRegions", {}, "RequestExpired", "Request has expired",
                    when=minutes(-16))
        self.refuse("DescribeRegions", {}, "RequestExpired", "Expires", when=minutes(-1),
                    timestamp="Expires")
        self.refuse("DescribeRegions", {}, "RequestExpired", "Signature expired", when=minutes(-16),
                    sign="v4")

    def test_a_request_of_the_future(self):
        for sign in ("v2", "v4"):
            self.refuse("DescribeRegions", {}, "RequestExpired", when=minutes(16), sign=sign)

    def test_clocks_may_differ_by_a_quarter_of_an_hour(self):
        for sign in ("v2", "v4"):
            for difference in (-14, 14):
                self.do("DescribeRegions", sign=sign, when=minutes(difference))

    def test_no_action_is_for_the_unsigned(self):
        for service, version in (("ec2", "2016-11-15"), ("sts", "2011-06-15")):
            for action in actions(service):
                with self.subTest(action):
                    reply = self.wire.call(action, version=version, sign=None)
                    self.assertIn((reply.status, reply.code), [
                        (400, "MissingParameter"), (403, "MissingAuthenticationToken")])

    def test_administration_is_not_for_the_unsigned(self):
        for method, path in (("GET", "/_cumulet/status"), ("POST", "/_cumulet/reset"),
                             ("GET", "/_cumulet/"), ("GET", "/_cumulet/nothing"),
                             ("POST", "/_cumulet/status"), ("GET", "/_cumulet/../")):
            with self.subTest(f"{method} {path}"):
                reply = self.wire.send(method, path)
                self.assertIn(reply.status, (400, 403))
                self.assertNotIn(self.cloud.state, reply.body)
        for options in ({"key": "AKIAUNKNOWN"}, {"secret": "wrong"}, {"when": minutes(-60)}):
            reply = self.wire.call_v4(path="/_cumulet/status", method="GET", **options)
            self.assertEqual(reply.status, 403, options)
        self.assertEqual(self.wire.call_v4(path="/_cumulet/status", method="GET").status, 200)

    def test_nothing_else_is_served(self):
        for path in ("/latest/meta-data/", "/latest/user-data", "/favicon.ico", "/credentials",
                     "/../../etc/passwd"):
            reply = self.wire.send("GET", path)
            self.assertGreaterEqual(reply.status, 400, path)
            self.assertNotIn("root:", reply.body)


class InstanceTest(RefusalTestCase):
    def test_images_that_are_not_there(self):
        self.refuse("RunInstances", self.run_params(ImageId="ami-0123456789abcdef0"),
                    "InvalidAMIID.NotFound",
                    "The image id '[ami-0123456789abcdef0]' does not exist")
        self.refuse("DescribeImages", {"ImageId.1": "ami-0123456789abcdef0"},
                    "InvalidAMIID.NotFound")

    def test_images_that_are_none(self):
        for id in ("cumulet-micro", "ami-", "ami-xyz", "i-01234567"):
            with self.subTest(id):
                self.refuse("RunInstances", self.run_params(ImageId=id), "InvalidAMIID.Malformed",
                            id)

    def test_instances_that_are_not_there(self):
        for action in ("StartInstances", "StopInstances", "RebootInstances", "TerminateInstances",
                       "DescribeInstances", "DescribeInstanceStatus"):
            self.refuse(action, {"InstanceId.1": ABSENT}, "InvalidInstanceID.NotFound",
                        f"The instance ID '{ABSENT}' does not exist")
            self.refuse(action, {"InstanceId.1": "web-1"}, "InvalidInstanceID.Malformed", "web-1")

    def test_more_than_the_count_allows(self):
        self.refuse("RunInstances", self.run_params(MinCount=3, MaxCount=2),
                    "InvalidParameterValue")

    def test_states_that_do_not_allow_it(self):
        id = self.launch()
        self.do("TerminateInstances", {"InstanceId.1": id})
        self.wait_for(id, "terminated")
        for action in ("StartInstances", "StopInstances"):
            self.refuse(action, {"InstanceId.1": id}, "IncorrectInstanceState", id)
        self.refuse("RebootInstances", {"InstanceId.1": id}, "IncorrectState", id)
        self.refuse("ModifyInstanceAttribute", {"InstanceId": id, "EbsOptimized.Value": "true"},
                    "IncorrectInstanceState")

    def test_protection_against_termination(self):
        id = self.launch(DisableApiTermination="true")
        self.refuse("TerminateInstances", {"InstanceId.1": id}, "OperationNotPermitted",
                    "disableApiTermination")
        self.do("ModifyInstanceAttribute", {"InstanceId": id,
                                            "DisableApiTermination.Value": "false"})
        self.do("TerminateInstances", {"InstanceId.1": id})

    def test_protection_against_stopping(self):
        id = self.launch(DisableApiStop="true")
        self.refuse("StopInstances", {"InstanceId.1": id}, "OperationNotPermitted",
                    "disableApiStop")

    def test_all_or_none_of_several(self):
        free, protected = self.launch(), self.launch(DisableApiTermination="true")
        self.addCleanup(self.do, "ModifyInstanceAttribute", {
            "InstanceId": protected, "DisableApiTermination.Value": "false"})
        self.refuse("TerminateInstances", {"InstanceId.1": free, "InstanceId.2": protected},
                    "OperationNotPermitted")
        self.refuse("StopInstances", {"InstanceId.1": free, "InstanceId.2": ABSENT},
                    "InvalidInstanceID.NotFound")
        reply = self.do("DescribeInstances", {"InstanceId.1": free})
        self.assertIn("running", reply.texts("name"))

    def test_a_token_used_for_something_else(self):
        token = unique("token")
        self.launch(ClientToken=token)
        self.refuse("RunInstances", self.run_params(ClientToken=token, InstanceType="t3.micro"),
                    "IdempotentParameterMismatch")

    def test_user_data_that_is_too_long_or_no_base64(self):
        self.refuse("RunInstances", self.run_params(UserData="QUFB" * 5462),
                    "InvalidParameterValue")
        self.refuse("RunInstances", self.run_params(UserData="no base64!"),
                    "InvalidParameterValue")

    def test_an_address_in_use(self):
        id = self.launch()
        address = self.do("DescribeInstances", {"InstanceId.1": id}).text("privateIpAddress")
        self.refuse("RunInstances", self.run_params(PrivateIpAddress=address),
                    "InvalidIPAddress.InUse", address)
        self.refuse("RunInstances", self.run_params(PrivateIpAddress="10.0.0.1"),
                    "InvalidParameterValue", "10.0.0.1")

    def test_a_page_token_of_somebody_else(self):
        for token in ("x", "AAAA", "' OR 1=1"):
            self.refuse("DescribeInstances", {"MaxResults": 5, "NextToken": token},
                        "InvalidParameterValue")

    def test_page_sizes_out_of_range(self):
        for size in ("4", "1001", "-1"):
            self.refuse("DescribeInstances", {"MaxResults": size}, "InvalidParameterValue")
        self.refuse("DescribeInstances", {"MaxResults": 5, "InstanceId.1": ABSENT},
                    "InvalidParameterCombination")


class NothingHalfDoneTest(RefusalTestCase):
    def counts(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.cloud.state}/cumulet.db?mode=ro",
                                                uri=True)) as database:
            return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("instance", "eni", "eni_group", "volume", "tag", "client_token",
                                  "group_rule", "security_group", "key_pair")}

    def test_a_refused_launch_leaves_nothing(self):
        tags = {"TagSpecification.1.ResourceType": "instance", "TagSpecification.1.Tag.1.Key": "k"}
        before = self.counts()
        for code, params in (
                ("InvalidGroup.NotFound", {"SecurityGroup.1": "absent"}),
                ("InvalidGroup.NotFound", {"SecurityGroupId.1": "default",
                                           "SecurityGroupId.2": "sg-0123456789abcdef0"}),
                ("InvalidKeyPair.NotFound", {"KeyName": "absent"}),
                ("InvalidParameterValue", {"InstanceType": "z99.huge"}),
                ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-0123456789abcdef0"}),
                ("InvalidParameterValue", {"TagSpecification.1.Tag.1.Key": "aws:mine"}),
                ("InvalidAMIID.NotFound", {"KernelId": "aki-0123456789abcdef0"}),
                ("DryRunOperation", {"DryRun": "true"})):
            with self.subTest(code + str(params)):
                reply = self.wire.call("RunInstances", {
                    **self.run_params(MinCount=3, MaxCount=3, ClientToken=unique("t")), **tags,
                    **params})
                self.assertEqual(reply.code, code, reply)
                self.assertEqual(self.counts(), before)

    def test_refused_rules_leave_no_others(self):
        name, id = self.new_group()
        before = self.counts()
        self.refuse("AuthorizeSecurityGroupIngress", {
            "GroupId": id, "IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": 22,
            "IpPermissions.1.ToPort": 22, "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0",
            "IpPermissions.2.IpProtocol": "tcp", "IpPermissions.2.FromPort": 80,
            "IpPermissions.2.ToPort": 80, "IpPermissions.2.IpRanges.1.CidrIp": "everywhere"},
            "InvalidParameterValue")
        self.assertEqual(self.counts(), before)

    def test_refused_tags_leave_no_others(self):
        id = self.launch()
        before = self.counts()
        for params in ({"ResourceId.1": id, "ResourceId.2": ABSENT, "Tag.1.Key": "a"},
                       {"ResourceId.1": id, "Tag.1.Key": "a", "Tag.2.Key": "aws:b"},
                       {"ResourceId.1": id, "Tag.1.Key": "a" * 128, "Tag.2.Key": "b" * 129}):
            self.assertEqual(self.wire.call("CreateTags", params).status, 400)
        self.assertEqual(self.counts(), before)


class LimitTest(RefusalTestCase):
    cloud_options = {"backend": "fake", "args": ["--instance-limit", "3"]}

    def test_no_more_instances_than_the_limit(self):
        ids = self.do("RunInstances", self.run_params(MinCount=2, MaxCount=2)).texts("instanceId")
        self.refuse("RunInstances", self.run_params(MinCount=2, MaxCount=5),
                    "InstanceLimitExceeded", "1 more", "2")
        more = self.do("RunInstances", self.run_params(MinCount=1, MaxCount=5)).texts("instanceId")
        self.assertEqual(len(set(more)), 1, "as many as there is room for")
        self.refuse("RunInstances", self.run_params(), "InstanceLimitExceeded")
        self.do("TerminateInstances", {"InstanceId.1": more[0]})
        self.wait_for(more[0], "terminated")
        self.do("RunInstances", self.run_params())
        self.assertEqual(len(set(ids)), 2)


class CapacityTest(RefusalTestCase):
    cloud_options = {"backend": "fake", "args": ["--memory", "4096"]}

    def test_no_more_memory_than_there_is(self):
        self.refuse("RunInstances", self.run_params(InstanceType="m5.xlarge"),
                    "InsufficientInstanceCapacity", "4096 MiB", status=500)
        self.do("RunInstances", self.run_params())


class KeyPairTest(RefusalTestCase):
    def test_names_that_are_taken_absent_or_impossible(self):
        name = unique("key")
        self.do("CreateKeyPair", {"KeyName": name})
        self.refuse("CreateKeyPair", {"KeyName": name}, "InvalidKeyPair.Duplicate")
        self.refuse("ImportKeyPair", {"KeyName": unique("key"),
                                      "PublicKeyMaterial": "c3NoLXJzYQ=="}, "InvalidKey.Format")
        self.refuse("DescribeKeyPairs", {"KeyName.1": unique("absent")}, "InvalidKeyPair.NotFound")
        self.refuse("CreateKeyPair", {"KeyName": "x" * 256}, "InvalidParameterValue")
        self.refuse("CreateKeyPair", {"KeyName": unique("k"), "KeyType": "dsa"},
                    "InvalidParameterValue", "dsa")

    def test_deleting_what_is_not_there_is_no_error(self):
        self.do("DeleteKeyPair", {"KeyName": unique("absent")})

    def test_a_taken_name_is_not_imported_to(self):
        name = unique("key")
        material = base64.b64encode(make_public_key().encode()).decode()
        self.do("ImportKeyPair", {"KeyName": name, "PublicKeyMaterial": material})
        self.refuse("ImportKeyPair", {"KeyName": name, "PublicKeyMaterial": material},
                    "InvalidKeyPair.Duplicate")


class GroupTest(RefusalTestCase):
    def rule(self, id, **changes):
        return {"GroupId": id, "IpPermissions.1.IpProtocol": "tcp",
                "IpPermissions.1.FromPort": 22, "IpPermissions.1.ToPort": 22,
                "IpPermissions.1.IpRanges.1.CidrIp": "192.0.2.0/24",
                **{f"IpPermissions.1.{name}": value for name, value in changes.items()}}

    def test_names_that_are_taken_absent_or_reserved(self):
        name, _ = self.new_group()
        self.refuse("CreateSecurityGroup", {"GroupName": name, "GroupDescription": "d"},
                    "InvalidGroup.Duplicate", name)
        self.refuse("CreateSecurityGroup", {"GroupName": "default", "GroupDescription": "d"},
                    "InvalidParameterValue")
        self.refuse("DescribeSecurityGroups", {"GroupName.1": "absent"}, "InvalidGroup.NotFound")
        self.refuse("DescribeSecurityGroups", {"GroupId.1": "sg-0123456789abcdef0"},
                    "InvalidGroup.NotFound", "sg-0123456789abcdef0")
        self.refuse("DeleteSecurityGroup", {"GroupName": "absent"}, "InvalidGroup.NotFound")
        self.refuse("DeleteSecurityGroup", {"GroupName": "default"}, "CannotDelete")

    def test_a_group_in_use(self):
        name, id = self.new_group()
        self.launch(**{"SecurityGroupId.1": id})
        self.refuse("DeleteSecurityGroup", {"GroupId": id}, "DependencyViolation", id)

    def test_rules_that_are_there_or_are_not(self):
        _, id = self.new_group()
        self.refuse("RevokeSecurityGroupIngress", self.rule(id), "InvalidPermission.NotFound")
        self.do("AuthorizeSecurityGroupIngress", self.rule(id))
        self.refuse("AuthorizeSecurityGroupIngress", self.rule(id), "InvalidPermission.Duplicate")

    def test_rules_that_make_no_sense(self):
        _, id = self.new_group()
        for changes in ({"IpRanges.1.CidrIp": "everywhere"}, {"IpRanges.1.CidrIp": "10.0.0.0/33"},
                        {"FromPort": 70000, "ToPort": 70000}, {"FromPort": 80, "ToPort": 22},
                        {"IpProtocol": "carrier-pigeon"}):
            with self.subTest(str(changes)):
                reply = self.wire.call("AuthorizeSecurityGroupIngress", self.rule(id, **changes))
                self.assertIn(reply.code, ("InvalidParameterValue", "InvalidPermission.Malformed"),
                              reply)
        self.refuse("AuthorizeSecurityGroupIngress", {"GroupId": id}, "MissingParameter")
        self.refuse("AuthorizeSecurityGroupIngress",
                    self.rule("sg-0123456789abcdef0"), "InvalidGroup.NotFound")


if __name__ == "__main__":
    unittest.main()
