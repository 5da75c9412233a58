"""Who may do what with whose bucket: policies, ACLs, users and accounts, by boto3; and the programs
that `cumulet` writes configurations for."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from lifecycle import unique  # noqa: E402
from s3 import S3TestCase, quote, utcnow  # noqa: E402

try:
    from botocore.exceptions import ClientError
except ImportError:
    raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def statement(effect, principal, action, resource, **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource,
            **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class AccessTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ours = cls.cloud.boto3("s3")
        made = json.loads(cls.cloud.cumulet("account", "create", "alt@example.com",
                                            "--json").stdout)
        cls.account, cls.their_id = made["id"], made["canonical_id"]
        cls.their_keys = {"aws_access_key_id": made["access_key_id"],
                          "aws_secret_access_key": made["secret_access_key"]}
        cls.theirs = cls.cloud.boto3("s3", **cls.their_keys)
        cls.our_account = cls.cloud.credentials["account_id"]
        cls.our_id = cls.ours.list_buckets()["Owner"]["ID"]

    def refuse(self, verb, *arguments, code="AccessDenied", **options):
        with self.assertRaises(ClientError) as caught:
            verb(*arguments, **options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def anonymous(self, bucket, key="", method="GET", data=None):
        """The status of an unsigned request, and its body."""
        request = urllib.request.Request(f"{self.cloud.endpoint}/{bucket}/{quote(key)}", data=data,
                                         method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def bucket_with_object(self, **options):
        bucket = self.new_bucket()
        self.ours.put_object(Bucket=bucket, Key="k", Body=b"bytes", **options)
        return bucket

    def bucket_with_object_lock(self):
        bucket = self.new_bucket(ObjectLockEnabledForBucket=True)
        self.ours.put_object(Bucket=bucket, Key="k", Body=b"bytes")
        return bucket

    def set_policy(self, bucket, *statements):
        self.ours.put_bucket_policy(Bucket=bucket, Policy=document(*statements))

    def new_user(self, policy=None):
        iam, name = self.cloud.boto3("iam"), unique("user")
        iam.create_user(UserName=name)
        if policy:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return name, self.cloud.boto3("s3", aws_access_key_id=key["AccessKeyId"],
                                      aws_secret_access_key=key["SecretAccessKey"])


class AccountTest(AccessTestCase):
    def test_others_are_kept_out(self):
        bucket = self.bucket_with_object()
        self.refuse(self.theirs.get_object, Bucket=bucket, Key="k")
        self.refuse(self.theirs.get_object, Bucket=bucket, Key="absent")
        self.refuse(self.theirs.put_object, Bucket=bucket, Key="k", Body=b"")
        self.refuse(self.theirs.list_objects_v2, Bucket=bucket)
        self.refuse(self.theirs.delete_bucket, Bucket=bucket)
        self.refuse(self.theirs.put_bucket_policy, Bucket=bucket, Policy=document(
            statement("Allow", "*", "s3:*", f"arn:aws:s3:::{bucket}/*")))
        self.assertEqual(self.anonymous(bucket, "k")[0], 403)
        self.assertEqual(self.anonymous(bucket)[0], 403)
        self.assertEqual(self.anonymous(bucket, "new", "PUT", b"x")[0], 403)

    def test_names_of_buckets_are_taken_by_anybody(self):
        bucket = self.new_bucket()
        self.refuse(self.theirs.create_bucket, Bucket=bucket, code="BucketAlreadyExists")
        self.assertNotIn(bucket, [item["Name"] for item in self.theirs.list_buckets()["Buckets"]])
        self.assertEqual(self.theirs.list_buckets()["Owner"]["ID"], self.their_id)


class PolicyTest(AccessTestCase):
    def test_everybody_may_read(self):
        bucket = self.bucket_with_object()
        self.set_policy(bucket, statement("Allow", "*", "s3:GetObject",
                                          f"arn:aws:s3:::{bucket}/*"))
        self.assertEqual(self.anonymous(bucket, "k"), (200, b"bytes"))
        self.assertEqual(self.anonymous(bucket, "absent")[0], 403)
        self.theirs.get_object(Bucket=bucket, Key="k")
        self.assertTrue(self.ours.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]
                        ["IsPublic"])
        self.ours.delete_bucket_policy(Bucket=bucket)
        self.assertEqual(self.anonymous(bucket, "k")[0], 403)

    def test_another_account_may_write_under_a_prefix(self):
        bucket = self.new_bucket()
        self.set_policy(
            bucket, statement("Allow", {"AWS": f"arn:aws:iam::{self.account}:root"}, "s3:PutObject",
                              f"arn:aws:s3:::{bucket}/theirs/*"),
            statement("Allow", {"AWS": self.account}, "s3:ListBucket", f"arn:aws:s3:::{bucket}",
                      Condition={"StringEquals": {"s3:prefix": "theirs/"}}))
        self.theirs.put_object(Bucket=bucket, Key="theirs/a", Body=b"")
        self.refuse(self.theirs.put_object, Bucket=bucket, Key="ours/a", Body=b"")
        self.theirs.list_objects_v2(Bucket=bucket, Prefix="theirs/")
        self.refuse(self.theirs.list_objects_v2, Bucket=bucket)
        self.refuse(self.theirs.delete_object, Bucket=bucket, Key="theirs/a")

    def test_a_deny_shuts_out_the_owner_who_can_take_it_back(self):
        bucket = self.bucket_with_object()
        self.set_policy(bucket, statement(
            "Deny", "*", "s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]))
        self.refuse(self.ours.get_object, Bucket=bucket, Key="k")
        self.refuse(self.ours.list_objects_v2, Bucket=bucket)
        self.ours.delete_bucket_policy(Bucket=bucket)
        self.ours.get_object(Bucket=bucket, Key="k")

    def test_encryption_can_be_demanded(self):
        bucket = self.new_bucket()
        self.set_policy(bucket, statement(
            "Deny", "*", "s3:PutObject", f"arn:aws:s3:::{bucket}/*",
            Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}))
        self.refuse(self.ours.put_object, Bucket=bucket, Key="k", Body=b"")
        self.ours.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256")

    def test_only_from_an_address(self):
        bucket = self.bucket_with_object()
        for address, status in (("192.0.2.0/24", 403), ("127.0.0.0/8", 200)):
            self.set_policy(bucket, statement(
                "Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*",
                Condition={"IpAddress": {"aws:SourceIp": address}}))
            self.assertEqual(self.anonymous(bucket, "k")[0], status)

    def test_only_objects_of_a_team_can_be_tagged(self):
        bucket = self.bucket_with_object(Tagging="team=blue")
        self.ours.put_object(Bucket=bucket, Key="red", Body=b"", Tagging="team=red")
        self.set_policy(bucket, statement(
            "Allow", {"AWS": self.account}, ["s3:*ObjectTagging"], f"arn:aws:s3:::{bucket}/*",
            Condition={"StringEquals": {"s3:ExistingObjectTag/team": "blue"}}))
        self.refuse(self.theirs.get_object_tagging, Bucket=bucket, Key="red")
        self.refuse(self.theirs.delete_object_tagging, Bucket=bucket, Key="red")
        self.refuse(self.theirs.get_object_tagging, Bucket=bucket, Key="absent")
        self.theirs.get_object_tagging(Bucket=bucket, Key="k")
        self.theirs.put_object_tagging(Bucket=bucket, Key="k", Tagging={
            "TagSet": [{"Key": "team", "Value": "green"}]})
        self.refuse(self.theirs.delete_object_tagging, Bucket=bucket, Key="k")

    def test_tags_are_seen_in_the_body(self):
        bucket = self.bucket_with_object(Tagging="team=blue")
        self.set_policy(bucket, statement(
            "Deny", "*", "s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/*",
            Condition={"StringNotEquals": {"s3:RequestObjectTag/team": ["blue", "red"]}}))

        def tag(value):
            return self.ours.put_object_tagging(Bucket=bucket, Key="k", Tagging={
                "TagSet": [{"Key": "team", "Value": value}]})
        self.refuse(tag, "green")
        self.refuse(self.ours.put_object_tagging, Bucket=bucket, Key="k", Tagging={"TagSet": []})
        self.assertEqual(self.ours.get_object_tagging(Bucket=bucket, Key="k")["TagSet"],
                         [{"Key": "team", "Value": "blue"}])
        tag("red")
        self.ours.delete_bucket_policy(Bucket=bucket)
        tag("green")

    def test_retention_can_be_limited(self):
        bucket = self.bucket_with_object_lock()
        self.set_policy(bucket, statement(
            "Deny", "*", "s3:PutObjectRetention", f"arn:aws:s3:::{bucket}/*", Condition={
                "NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}))

        def retain(days):
            until = utcnow() + datetime.timedelta(days=days)
            return self.ours.put_object_retention(Bucket=bucket, Key="k", Retention={
                "Mode": "GOVERNANCE", "RetainUntilDate": until})
        self.refuse(retain, 11)
        retain(9)

    def test_policies_that_are_wrong(self):
        bucket = self.new_bucket()
        for policy in ("{", "[]", document(), document(statement(
                "Allow", "*", "s3:GetObject", "arn:aws:s3:::another/*")), document(statement(
                    "Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}")), document(statement(
                        "Allow", {"AWS": "somebody"}, "s3:*", f"arn:aws:s3:::{bucket}"))):
            self.refuse(self.ours.put_bucket_policy, Bucket=bucket, Policy=policy,
                         code="MalformedPolicy")


class UserTest(AccessTestCase):
    def test_a_user_may_what_his_policy_says(self):
        bucket = self.bucket_with_object()
        name, theirs = self.new_user(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListAllMyBuckets",
             "Resource": "arn:aws:s3:::*"},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": f"arn:aws:s3:::{bucket}/${{aws:username}}/*"}]}))
        theirs.put_object(Bucket=bucket, Key=f"{name}/a", Body=b"")
        theirs.list_buckets()
        self.refuse(theirs.get_object, Bucket=bucket, Key="k")
        self.refuse(theirs.list_objects_v2, Bucket=bucket)
        self.refuse(theirs.create_bucket, Bucket=unique("bucket"))

    def test_a_user_may_make_buckets_in_a_region(self):
        _, theirs = self.new_user(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "arn:aws:s3:::*",
             "Condition": {"StringEquals": {"s3:LocationConstraint": "eu-west-1"}}}]}))
        bucket = unique("bucket")
        self.refuse(theirs.create_bucket, Bucket=bucket)
        self.refuse(theirs.create_bucket, Bucket=bucket, CreateBucketConfiguration={
            "LocationConstraint": "us-west-2"})
        self.assertNotIn(bucket, [item["Name"] for item in self.ours.list_buckets()["Buckets"]])
        theirs.create_bucket(Bucket=bucket, CreateBucketConfiguration={
            "LocationConstraint": "eu-west-1"})

    def test_a_bucket_can_let_a_user_in_by_name(self):
        bucket = self.bucket_with_object()
        name, theirs = self.new_user()
        self.refuse(theirs.get_object, Bucket=bucket, Key="k")
        self.set_policy(bucket, statement(
            "Allow", {"AWS": f"arn:aws:iam::{self.our_account}:user/{name}"}, "s3:GetObject",
            f"arn:aws:s3:::{bucket}/*"))
        theirs.get_object(Bucket=bucket, Key="k")
        self.refuse(theirs.put_object, Bucket=bucket, Key="k", Body=b"")


class AclTest(AccessTestCase):
    def test_at_first_the_owner_has_full_control(self):
        bucket = self.bucket_with_object()
        for acl in (self.ours.get_bucket_acl(Bucket=bucket),
                    self.ours.get_object_acl(Bucket=bucket, Key="k")):
            self.assertEqual(acl["Owner"]["ID"], self.our_id)
            self.assertEqual([(grant["Grantee"]["ID"], grant["Permission"])
                              for grant in acl["Grants"]], [(self.our_id, "FULL_CONTROL")])

    def test_a_public_object_and_a_public_bucket(self):
        bucket = self.bucket_with_object(ACL="public-read")
        self.assertEqual(self.anonymous(bucket, "k"), (200, b"bytes"))
        self.assertEqual(self.anonymous(bucket)[0], 403)
        self.ours.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        self.assertEqual(self.anonymous(bucket)[0], 200)
        self.assertEqual(self.anonymous(bucket, "absent")[0], 404)
        self.assertEqual(self.anonymous(bucket, "new", "PUT", b"x")[0], 200)
        self.ours.put_bucket_acl(Bucket=bucket, ACL="private")
        self.ours.put_object_acl(Bucket=bucket, Key="k", ACL="private")
        self.assertEqual(self.anonymous(bucket, "k")[0], 403)
        self.assertEqual(self.anonymous(bucket)[0], 403)

    def test_grants_in_headers_and_in_a_document(self):
        bucket = self.bucket_with_object()
        self.ours.put_bucket_acl(Bucket=bucket, GrantFullControl=f"id={self.our_id}",
                                 GrantRead=f'id="{self.their_id}"')
        self.theirs.list_objects_v2(Bucket=bucket)
        self.refuse(self.theirs.get_bucket_acl, Bucket=bucket)
        acl = self.ours.get_bucket_acl(Bucket=bucket)
        names = {grant["Grantee"]["DisplayName"] for grant in acl["Grants"]}
        self.assertEqual(names, {"default", "alt@example.com"})
        grants = [{"Grantee": {"Type": "CanonicalUser", "ID": self.our_id},
                   "Permission": "FULL_CONTROL"},
                  {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ"},
                  {"Grantee": {"Type": "AmazonCustomerByEmail",
                               "EmailAddress": "alt@example.com"}, "Permission": "READ_ACP"}]
        self.ours.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy={
            "Owner": {"ID": self.our_id}, "Grants": grants})
        self.assertEqual(self.anonymous(bucket, "k")[0], 200)
        shown = self.theirs.get_object_acl(Bucket=bucket, Key="k")["Grants"]
        self.assertEqual([grant["Permission"] for grant in shown],
                         ["FULL_CONTROL", "READ", "READ_ACP"])

    def test_who_wrote_an_object_owns_it(self):
        bucket = self.new_bucket()
        self.ours.put_bucket_acl(Bucket=bucket, GrantFullControl=f"id={self.our_id}",
                                 GrantWrite=f"id={self.their_id}")
        self.theirs.put_object(Bucket=bucket, Key="k", Body=b"theirs")
        self.refuse(self.ours.get_object, Bucket=bucket, Key="k")
        self.theirs.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
        self.ours.get_object(Bucket=bucket, Key="k")
        self.ours.delete_object(Bucket=bucket, Key="k")

    def test_writing_is_not_tagging_or_locking(self):
        bucket = self.bucket_with_object_lock()
        self.ours.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        until = utcnow() + datetime.timedelta(days=1)
        self.refuse(self.theirs.put_object, Bucket=bucket, Key="t", Body=b"", Tagging="a=b")
        self.refuse(self.theirs.put_object, Bucket=bucket, Key="t", Body=b"",
                    ObjectLockLegalHoldStatus="ON")
        self.refuse(self.theirs.put_object, Bucket=bucket, Key="t", Body=b"",
                    ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
        self.refuse(self.theirs.put_object_tagging, Bucket=bucket, Key="k",
                    Tagging={"TagSet": []})
        self.theirs.put_object(Bucket=bucket, Key="t", Body=b"", ACL="public-read")

    def test_an_acl_that_grants_nothing_changes_nothing(self):
        bucket = self.bucket_with_object(ACL="public-read")
        self.refuse(self.ours.put_object_acl, Bucket=bucket, Key="k",
                    GrantWrite=f"id={self.their_id}", code="InvalidArgument")
        self.assertEqual(self.anonymous(bucket, "k")[0], 200)

    def test_acls_that_cannot_be(self):
        bucket = self.new_bucket()
        self.refuse(self.ours.put_bucket_acl, Bucket=bucket, ACL="nonsense",
                     code="InvalidArgument")
        self.refuse(self.ours.put_bucket_acl, Bucket=bucket, GrantRead="id=nobody",
                     code="InvalidArgument")
        self.refuse(self.ours.put_bucket_acl, Bucket=bucket,
                     GrantRead="emailaddress=nobody@example.com",
                     code="UnresolvableGrantByEmailAddress")

    def test_enforced_ownership_ends_acls(self):
        bucket = self.bucket_with_object(ACL="public-read")
        self.ours.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        self.assertEqual(self.anonymous(bucket, "k")[0], 403)
        self.refuse(self.ours.put_object_acl, Bucket=bucket, Key="k", ACL="public-read",
                     code="AccessControlListNotSupported")
        self.ours.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")

    def test_public_access_is_blocked(self):
        bucket = self.bucket_with_object(ACL="public-read")
        self.ours.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True})
        self.assertEqual(self.anonymous(bucket, "k")[0], 403)
        self.refuse(self.ours.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
        self.refuse(self.ours.put_object, Bucket=bucket, Key="k", ACL="public-read")
        self.refuse(self.ours.put_bucket_policy, Bucket=bucket, Policy=document(
            statement("Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")))


class ProgramTest(AccessTestCase):
    def test_s3cmd(self):
        if not shutil.which("s3cmd"):
            self.skipTest("no s3cmd here (apt-get install s3cmd)")
        bucket, configuration = self.bucket_with_object(), self.cloud.cumulet("s3cfg").stdout.strip()
        listed = self.cloud.run("s3cmd", "-c", configuration, "ls", f"s3://{bucket}").stdout
        self.assertIn(f"s3://{bucket}/k", listed)
        self.cloud.run("s3cmd", "-c", configuration, "setacl", "--acl-public", f"s3://{bucket}/k")
        self.assertEqual(self.anonymous(bucket, "k"), (200, b"bytes"))
        self.assertIn("anon", self.cloud.run("s3cmd", "-c", configuration, "info",
                                             f"s3://{bucket}/k").stdout)

    def test_rclone(self):
        if not shutil.which("rclone"):
            self.skipTest("no rclone here (apt-get install rclone)")
        bucket = self.bucket_with_object()
        self.cloud.cumulet("credentials")
        configuration = os.path.join(self.cloud.state, "clients", "rclone.conf")
        done = self.cloud.run("rclone", "--config", configuration, "cat", f"cumulet:{bucket}/k")
        self.assertEqual(done.stdout, "bytes")

    def test_aws_config(self):
        bucket = self.bucket_with_object()
        self.cloud.cumulet("credentials")
        configuration = os.path.join(self.cloud.state, "clients", "aws-config")
        script = ("import boto3; print(boto3.client('s3', endpoint_url=%r).get_object("
                  "Bucket=%r, Key='k')['Body'].read().decode())" % (self.cloud.endpoint, bucket))
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("AWS_")}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                              timeout=60, env={**environment, "AWS_CONFIG_FILE": configuration,
                                               "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                                               "NO_PROXY": "*"})
        self.assertEqual(done.stdout.strip(), "bytes", done.stderr)


if __name__ == "__main__":
    unittest.main()
