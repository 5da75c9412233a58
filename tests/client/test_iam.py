"""IAM by boto3: users, keys, policies, and what they let somebody do."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import unique  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None


def policy(*actions, effect="Allow", resource="*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": list(actions), "Resource": resource}]})


class IamTestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    def setUp(self):
        super().setUp()
        self.iam = self.cloud.boto3("iam")

    def refuse(self, code, verb, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            verb(*arguments, **options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def new_user(self, *actions, **options):
        """A user who may do that, and the options of his clients."""
        name = unique("user")
        self.iam.create_user(UserName=name, **options)
        if actions:
            self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*actions))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return name, {"aws_access_key_id": key["AccessKeyId"],
                      "aws_secret_access_key": key["SecretAccessKey"]}


class UserTest(IamTestCase):
    def test_a_user_comes_and_goes(self):
        name, account = unique("user"), self.cloud.credentials["account_id"]
        made = self.iam.create_user(UserName=name, Path="/staff/")["User"]
        self.assertEqual(made["Arn"], f"arn:aws:iam::{account}:user/staff/{name}")
        self.assertRegex(made["UserId"], r"^AIDA[A-Z2-7]{17}$")
        self.assertEqual(self.iam.get_user(UserName=name)["User"], made)
        self.assertIn(name, [user["UserName"] for user in
                             self.iam.list_users(PathPrefix="/staff/")["Users"]])
        self.refuse("EntityAlreadyExists", self.iam.create_user, UserName=name.upper())
        self.iam.delete_user(UserName=name)
        self.refuse("NoSuchEntity", self.iam.get_user, UserName=name)
        self.refuse("NoSuchEntity", self.iam.delete_user, UserName=name)

    def test_lists_come_in_pages(self):
        names = sorted(unique(f"page{i}") for i in range(5))
        for name in names:
            self.iam.create_user(UserName=name, Path="/pages/")
        pages = list(self.iam.get_paginator("list_users").paginate(
            PathPrefix="/pages/", PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["Users"]) for page in pages], [2, 2, 1])
        self.assertEqual([user["UserName"] for page in pages for user in page["Users"]], names)

    def test_root_is_a_user_without_a_name(self):
        root = self.iam.get_user()["User"]
        self.assertEqual(root["Arn"], f"arn:aws:iam::{self.cloud.credentials['account_id']}:root")
        self.assertNotIn("UserName", root)

    def test_names_that_cannot_be(self):
        for name in ("a b", "a/b", "x" * 65):
            self.refuse("ValidationError", self.iam.create_user, UserName=name)


class KeyTest(IamTestCase):
    def test_a_key_signs_for_its_user(self):
        name, keys = self.new_user()
        identity = self.cloud.boto3("sts", **keys).get_caller_identity()
        account = self.cloud.credentials["account_id"]
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{account}:user/{name}")
        self.assertEqual(self.cloud.boto3("sts").get_caller_identity()["Arn"],
                         f"arn:aws:iam::{account}:root")
        listed = self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        self.assertEqual([key["AccessKeyId"] for key in listed], [keys["aws_access_key_id"]])
        self.assertEqual(listed[0]["Status"], "Active")

    def test_a_path_is_told_everywhere(self):
        name, keys = self.new_user(Path="/staff/north/")
        arn = f"arn:aws:iam::{self.cloud.credentials['account_id']}:user/staff/north/{name}"
        self.assertEqual(self.iam.get_user(UserName=name)["User"]["Arn"], arn)
        self.assertEqual(self.cloud.boto3("sts", **keys).get_caller_identity()["Arn"], arn)
        said = self.refuse("AccessDenied", self.cloud.boto3("iam", **keys).list_users)
        self.assertIn(f"{arn} is not authorized", said)

    def test_a_key_is_turned_off_and_on_and_deleted(self):
        name, keys = self.new_user()
        sts, key_id = self.cloud.boto3("sts", **keys), keys["aws_access_key_id"]
        self.iam.update_access_key(UserName=name, AccessKeyId=key_id, Status="Inactive")
        self.refuse("InvalidClientTokenId", sts.get_caller_identity)
        self.iam.update_access_key(UserName=name, AccessKeyId=key_id, Status="Active")
        sts.get_caller_identity()
        self.iam.delete_access_key(UserName=name, AccessKeyId=key_id)
        self.refuse("InvalidClientTokenId", sts.get_caller_identity)

    def test_two_keys_are_enough(self):
        name, _ = self.new_user()
        self.iam.create_access_key(UserName=name)
        self.refuse("LimitExceeded", self.iam.create_access_key, UserName=name)
        self.refuse("DeleteConflict", self.iam.delete_user, UserName=name)


class PolicyTest(IamTestCase):
    def test_a_policy_comes_back_as_it_was_put(self):
        name, _ = self.new_user("ec2:Describe*")
        document = self.iam.get_user_policy(UserName=name, PolicyName="p")["PolicyDocument"]
        self.assertEqual(document, json.loads(policy("ec2:Describe*")))
        self.assertEqual(self.iam.list_user_policies(UserName=name)["PolicyNames"], ["p"])
        self.iam.delete_user_policy(UserName=name, PolicyName="p")
        self.refuse("NoSuchEntity", self.iam.get_user_policy, UserName=name, PolicyName="p")
        self.refuse("NoSuchEntity", self.iam.delete_user_policy, UserName=name, PolicyName="p")

    def test_a_policy_that_is_none(self):
        name, _ = self.new_user()
        for document in ("{}", "no", policy("RunInstances"), policy("ec2:*", resource="mine"),
                         policy("ec2:*", effect="allow")):
            self.refuse("MalformedPolicyDocument", self.iam.put_user_policy, UserName=name,
                        PolicyName="p", PolicyDocument=document)

    def test_a_user_may_do_what_he_is_allowed(self):
        name, keys = self.new_user("ec2:Describe*")
        ec2 = self.cloud.boto3("ec2", **keys)
        ec2.describe_instances()
        said = self.refuse("UnauthorizedOperation", ec2.create_key_pair, KeyName=unique("key"))
        self.assertEqual(said, "You are not authorized to perform this operation.")
        self.refuse("UnauthorizedOperation", ec2.create_key_pair, KeyName=unique("key"),
                    DryRun=True)
        self.iam.put_user_policy(UserName=name, PolicyName="q", PolicyDocument=policy(
            "ec2:DescribeInstances", effect="Deny"))
        self.refuse("UnauthorizedOperation", ec2.describe_instances)
        ec2.describe_regions()
        self.cloud.boto3("ec2").describe_instances()

    def test_iam_is_for_those_who_are_let_in(self):
        name, keys = self.new_user()
        theirs = self.cloud.boto3("iam", **keys)
        said = self.refuse("AccessDenied", theirs.list_users)
        self.assertIn(f":user/{name} is not authorized to perform: iam:ListUsers", said)
        self.refuse("AccessDenied", theirs.get_user)
        account = self.cloud.credentials["account_id"]
        self.iam.put_user_policy(UserName=name, PolicyName="self", PolicyDocument=policy(
            "iam:*", resource=f"arn:aws:iam::{account}:user/${{aws:username}}"))
        self.assertEqual(theirs.get_user()["User"]["UserName"], name)
        self.assertEqual(len(theirs.list_access_keys()["AccessKeyMetadata"]), 1)
        self.refuse("AccessDenied", theirs.get_user, UserName=unique("other"))

    def test_users_are_known_to_policies_by_path(self):
        name, keys = self.new_user(Path="/heads/")
        account, theirs = self.cloud.credentials["account_id"], self.cloud.boto3("iam", **keys)
        self.iam.put_user_policy(UserName=name, PolicyName="heads", PolicyDocument=policy(
            "iam:*", resource=f"arn:aws:iam::{account}:user/staff/*"))
        staff, other = unique("staff"), unique("other")
        theirs.create_user(UserName=staff, Path="/staff/")
        self.assertEqual(theirs.get_user(UserName=staff)["User"]["Path"], "/staff/")
        self.refuse("AccessDenied", theirs.get_user)
        self.refuse("AccessDenied", theirs.create_user, UserName=other)
        self.iam.create_user(UserName=other)
        self.refuse("AccessDenied", theirs.delete_user, UserName=other)
        theirs.delete_user(UserName=staff)

    def test_one_instance_can_be_denied(self):
        root = self.cloud.boto3("ec2")
        image = root.describe_images(Owners=["self", "amazon"], Filters=[
            {"Name": "image-type", "Values": ["machine"]}])["Images"][0]["ImageId"]
        first, second = [item["InstanceId"] for item in root.run_instances(
            ImageId=image, MinCount=2, MaxCount=2)["Instances"]]
        name, keys = self.new_user("ec2:*")
        account, ec2 = self.cloud.credentials["account_id"], self.cloud.boto3("ec2", **keys)
        self.iam.put_user_policy(UserName=name, PolicyName="q", PolicyDocument=policy(
            "ec2:*", effect="Deny",
            resource=f"arn:aws:ec2:us-east-1:{account}:instance/{first}"))
        for instances in ([first], [second, first], [first, second]):
            self.refuse("UnauthorizedOperation", ec2.terminate_instances, InstanceIds=instances)
        self.refuse("UnauthorizedOperation", ec2.get_console_output, InstanceId=first)
        self.refuse("UnauthorizedOperation", ec2.create_tags, Resources=[first],
                    Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual(len(ec2.describe_instances(InstanceIds=[first])["Reservations"]), 1)
        ec2.terminate_instances(InstanceIds=[second])
        root.terminate_instances(InstanceIds=[first])

    def test_what_is_allowed_by_name_is_all_that_is_allowed(self):
        name, keys = self.new_user()
        ec2 = self.cloud.boto3("ec2", **keys)
        self.iam.put_user_policy(UserName=name, PolicyName="keys", PolicyDocument=policy(
            "ec2:*KeyPair*", resource="arn:aws:ec2:*:*:key-pair/blue-*"))
        blue = unique("blue")
        pair = ec2.create_key_pair(KeyName=blue)["KeyPairId"]
        self.refuse("UnauthorizedOperation", ec2.create_key_pair, KeyName=unique("red"))
        self.refuse("UnauthorizedOperation", ec2.describe_key_pairs)
        ec2.delete_key_pair(KeyPairId=pair)

    def test_conditions_see_the_region(self):
        name, keys = self.new_user()
        ec2 = self.cloud.boto3("ec2", **keys)
        for region, allowed in (("us-east-1", True), ("eu-west-1", False)):
            document = json.loads(policy("ec2:*"))
            document["Statement"][0]["Condition"] = {
                "StringEquals": {"aws:RequestedRegion": region}}
            self.iam.put_user_policy(UserName=name, PolicyName="p",
                                     PolicyDocument=json.dumps(document))
            if allowed:
                ec2.describe_regions()
            else:
                self.refuse("UnauthorizedOperation", ec2.describe_regions)

    def test_users_of_another_account_are_unknown(self):
        name, _ = self.new_user()
        made = json.loads(self.cloud.cumulet("account", "create", unique("a"), "--json").stdout)
        other = self.cloud.boto3("iam", aws_access_key_id=made["access_key_id"],
                                 aws_secret_access_key=made["secret_access_key"])
        self.assertEqual(other.list_users()["Users"], [])
        self.refuse("NoSuchEntity", other.get_user, UserName=name)
        self.refuse("NoSuchEntity", other.create_access_key, UserName=name)

    def test_a_reset_takes_the_users_away(self):
        name, keys = self.new_user("ec2:*")
        self.cloud.cumulet("reset")
        self.refuse("NoSuchEntity", self.iam.get_user, UserName=name)
        self.refuse("AuthFailure", self.cloud.boto3("ec2", **keys).describe_regions)


if __name__ == "__main__":
    unittest.main()
