"""Who may do what, the long tail: ownership, every canned ACL, bad policies, conditions, public
access blocks, accounts, users' keys."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, S3Wire, unique_bucket  # noqa: E402

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
ANY_ACCOUNT = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False}


def statement(effect, action, resource, principal="*", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource,
            **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class AccessTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls.s3.list_buckets()["Owner"]["ID"]
        cls.account = cls.cloud.credentials["account_id"]

    def block(self, bucket, **options):
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
            **OPEN, **options})

    def new_acl_bucket(self):
        """One whose ACLs count."""
        bucket = self.new_bucket(ObjectOwnership="ObjectWriter")
        self.block(bucket)
        return bucket

    def new_policy_bucket(self, *statements, **options):
        bucket = self.new_bucket(**options)
        self.block(bucket)
        if statements:
            self.set_policy(bucket, *statements)
        return bucket

    def set_policy(self, bucket, *statements):
        """BUCKET in a resource is the bucket's ARN."""
        text = policy(*statements).replace("BUCKET", f"arn:aws:s3:::{bucket}")
        self.s3.put_bucket_policy(Bucket=bucket, Policy=text)

    def anonymous(self, method, path, query="", headers=None, body=None):
        return self.wire.send(method, path, query, headers, body)

    def assert_denied(self, reply):
        self.assert_error(reply, "AccessDenied", 403)

    def grants(self, reply):
        return sorted((grant["Grantee"].get("ID") or grant["Grantee"].get("URI"),
                       grant["Permission"]) for grant in reply["Grants"])


class OwnershipTest(AccessTestCase):
    def test_a_bucket_without_acls(self):
        bucket = self.new_bucket(ObjectOwnership="BucketOwnerEnforced")
        reply = self.s3.get_bucket_ownership_controls(Bucket=bucket)
        self.assertEqual(reply["OwnershipControls"]["Rules"],
                         [{"ObjectOwnership": "BucketOwnerEnforced"}])
        with self.refused("AccessControlListNotSupported", 400):
            self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        with self.refused("AccessControlListNotSupported", 400):
            self.put(bucket, "key", b"1", ACL="public-read")
        self.put(bucket, "key", b"1", ACL="bucket-owner-full-control")
        acl = self.s3.get_bucket_acl(Bucket=bucket)
        self.assertEqual(self.grants(acl), [(self.owner, "FULL_CONTROL")])
        self.assertEqual(acl["Owner"]["ID"], self.owner)

    def test_ownership_is_put_and_deleted(self):
        bucket = self.new_bucket()
        for name in ("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"):
            self.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={
                "Rules": [{"ObjectOwnership": name}]})
            reply = self.s3.get_bucket_ownership_controls(Bucket=bucket)
            self.assertEqual(reply["OwnershipControls"]["Rules"], [{"ObjectOwnership": name}])
        self.s3.delete_bucket_ownership_controls(Bucket=bucket)
        with self.refused("OwnershipControlsNotFoundError", 404):
            self.s3.get_bucket_ownership_controls(Bucket=bucket)

    def test_enforced_ownership_needs_a_private_bucket(self):
        bucket = self.new_acl_bucket()
        self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        with self.refused("InvalidBucketAclWithObjectOwnership", 400):
            self.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={
                "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})


class AclTest(AccessTestCase):
    CANNED = {"private": [], "public-read": [(ALL_USERS, "READ")],
              "public-read-write": [(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
              "authenticated-read": [(ANY_ACCOUNT, "READ")]}

    def test_canned_acls(self):
        bucket = self.new_acl_bucket()
        for name, grants in self.CANNED.items():
            wanted = sorted([(self.owner, "FULL_CONTROL"), *grants])
            with self.subTest(name):
                self.s3.put_bucket_acl(Bucket=bucket, ACL=name)
                self.assertEqual(self.grants(self.s3.get_bucket_acl(Bucket=bucket)), wanted)
                self.put(bucket, "key", b"1", ACL=name)
                self.assertEqual(
                    self.grants(self.s3.get_object_acl(Bucket=bucket, Key="key")), wanted)
                self.s3.put_object_acl(Bucket=bucket, Key="key", ACL="private")
                self.s3.put_object_acl(Bucket=bucket, Key="key", ACL=name)
                self.assertEqual(
                    self.grants(self.s3.get_object_acl(Bucket=bucket, Key="key")), wanted)
        reply = self.wire.call("PUT", f"/{bucket}", "acl", {"x-amz-acl": "for-friends"})
        self.assertEqual((reply.status, reply.code), (400, "InvalidArgument"), reply)

    def test_grants_in_headers(self):
        bucket = self.new_acl_bucket()
        self.put(bucket, "key", b"1", GrantRead=f'uri="{ALL_USERS}"',
                 GrantFullControl=f'id="{self.owner}"')
        self.assertEqual(self.grants(self.s3.get_object_acl(Bucket=bucket, Key="key")),
                         sorted([(self.owner, "FULL_CONTROL"), (ALL_USERS, "READ")]))
        with self.refused("InvalidRequest", 400):
            self.put(bucket, "key", b"1", GrantRead=f'uri="{ALL_USERS}"', ACL="private")
        with self.refused("InvalidArgument", 400):
            self.put(bucket, "key", b"1", GrantRead='id="nobody"')
        with self.refused("UnresolvableGrantByEmailAddress", 400):
            self.put(bucket, "key", b"1", GrantRead='emailAddress="a@example.com"')

    def test_grants_in_a_document(self):
        bucket = self.new_acl_bucket()
        self.put(bucket, "key", b"1")
        acl = {"Owner": {"ID": self.owner}, "Grants": [
            {"Grantee": {"Type": "CanonicalUser", "ID": self.owner}, "Permission": "FULL_CONTROL"},
            {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ"},
            {"Grantee": {"Type": "Group", "URI": ANY_ACCOUNT}, "Permission": "READ_ACP"}]}
        wanted = sorted([(self.owner, "FULL_CONTROL"), (ALL_USERS, "READ"),
                         (ANY_ACCOUNT, "READ_ACP")])
        self.s3.put_object_acl(Bucket=bucket, Key="key", AccessControlPolicy=acl)
        self.assertEqual(self.grants(self.s3.get_object_acl(Bucket=bucket, Key="key")), wanted)
        self.s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=acl)
        self.assertEqual(self.grants(self.s3.get_bucket_acl(Bucket=bucket)), wanted)
        for body in (b"", b"<AccessControlPolicy/>", b"not xml", b"<Odd/>"):
            with self.subTest(body):
                reply = self.wire.call("PUT", f"/{bucket}/key", "acl", body=body)
                self.assertIn((reply.status, reply.code),
                              ((400, "MalformedACLError"), (400, "MalformedXML"),
                               (400, "MissingSecurityHeader")), reply)

    def test_a_public_object_is_read_by_everybody(self):
        bucket = self.new_acl_bucket()
        self.put(bucket, "public", b"1", ACL="public-read")
        self.put(bucket, "private", b"1")
        self.assert_status(self.anonymous("GET", f"/{bucket}/public"), 200)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/private"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}/public", "acl"))
        self.assert_denied(self.anonymous("PUT", f"/{bucket}/public"))

    def test_a_public_bucket_is_listed_by_everybody(self):
        bucket = self.new_acl_bucket()
        self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        self.put(bucket, "key", b"1")
        self.assertEqual(self.anonymous("GET", f"/{bucket}").texts("Key"), ["key"])
        # Who may list is told that a key is not there.
        self.assert_error(self.anonymous("GET", f"/{bucket}/absent"), "NoSuchKey", 404)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.assert_denied(self.anonymous("PUT", f"/{bucket}/key"))
        self.s3.put_bucket_acl(Bucket=bucket, ACL="private")
        self.assert_denied(self.anonymous("GET", f"/{bucket}"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}/absent"))

    def test_a_public_bucket_is_written_by_everybody(self):
        bucket = self.new_acl_bucket()
        self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        self.assert_status(self.anonymous("PUT", f"/{bucket}/dropped", body=b"1"), 200)
        self.assertEqual(self.keys(bucket), ["dropped"])
        self.assert_status(self.anonymous("DELETE", f"/{bucket}/dropped"), 204)


class PolicyTest(AccessTestCase):
    def test_a_policy_is_kept(self):
        bucket = self.new_policy_bucket()
        with self.refused("NoSuchBucketPolicy", 404):
            self.s3.get_bucket_policy(Bucket=bucket)
        text = policy(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
        self.s3.put_bucket_policy(Bucket=bucket, Policy=text)
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=bucket)["Policy"]),
                         json.loads(text))
        self.assertTrue(self.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"])
        self.s3.delete_bucket_policy(Bucket=bucket)
        with self.refused("NoSuchBucketPolicy", 404):
            self.s3.get_bucket_policy(Bucket=bucket)
        self.s3.delete_bucket_policy(Bucket=bucket)

    def test_policies_that_are_none(self):
        bucket = self.new_policy_bucket()
        resource = f"arn:aws:s3:::{bucket}/*"
        good = statement("Allow", "s3:GetObject", resource)
        for text in ("", "{}", "[]", "not json", policy(), policy({**good, "Effect": "Maybe"}),
                     policy({**good, "Action": "ec2:RunInstances"}),
                     policy({**good, "Action": "s3:Teleport"}),
                     policy({**good, "Resource": "arn:aws:s3:::another-bucket/*"}),
                     policy({**good, "Resource": "nothing"}),
                     policy({**good, "Principal": "me"}), policy({**good, "Extra": 1}),
                     policy({**good, "Condition": {"Odd": {"a": "b"}}}),
                     *(policy({key: value for key, value in good.items() if key != left_out})
                       for left_out in good)):
            with self.subTest(text):
                reply = self.wire.call("PUT", f"/{bucket}", "policy", body=text.encode())
                self.assertIn((reply.status, reply.code),
                              ((400, "MalformedPolicy"), (400, "MissingRequestBodyError")), reply)
        with self.refused("NoSuchBucketPolicy"):
            self.s3.get_bucket_policy(Bucket=bucket)

    def test_a_policy_has_at_most_20_kib(self):
        bucket = self.new_policy_bucket()
        text = policy(statement("Allow", "s3:GetObject", [
            f"arn:aws:s3:::{bucket}/{number:0100}" for number in range(200)]))
        with self.refused("MalformedPolicy", 400):
            self.s3.put_bucket_policy(Bucket=bucket, Policy=text)

    def test_everybody_may_read(self):
        bucket = self.new_policy_bucket(statement("Allow", "s3:GetObject", "BUCKET/pub/*"))
        self.put(bucket, "pub/key", b"1")
        self.put(bucket, "key", b"1")
        self.assert_status(self.anonymous("GET", f"/{bucket}/pub/key"), 200)
        self.assert_status(self.anonymous("HEAD", f"/{bucket}/pub/key"), 200)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.assert_denied(self.anonymous("PUT", f"/{bucket}/pub/key"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}"))

    def test_a_deny_outranks(self):
        bucket = self.new_policy_bucket(
            statement("Allow", "s3:*", ["BUCKET", "BUCKET/*"]),
            statement("Deny", "s3:GetObject", "BUCKET/secret*"))
        self.put(bucket, "secret", b"1")
        self.put(bucket, "open", b"1")
        self.assert_status(self.anonymous("GET", f"/{bucket}/open"), 200)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/secret"))
        with self.refused("AccessDenied", 403):
            self.get(bucket, "secret")  # the owner too
        # Who locked himself out may still change the policy.
        self.set_policy(bucket, statement("Deny", "s3:*", ["BUCKET", "BUCKET/*"]))
        with self.refused("AccessDenied", 403):
            self.keys(bucket)
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.assertEqual(self.get(bucket, "secret"), b"1")

    def allowed_if(self, condition, headers=None, query="", method="GET", path="/key",
                   action="s3:GetObject", body=None):
        bucket = self.new_policy_bucket(
            statement("Allow", action, ["BUCKET", "BUCKET/*"], Condition=condition))
        self.put(bucket, "key", b"1")
        reply = self.anonymous(method, f"/{bucket}{path}", query, headers, body)
        self.assertIn(reply.status, (200, 403), reply)
        return reply.status == 200

    def test_conditions(self):
        agent = {"User-Agent": "Browser/1"}
        for condition, headers, allowed in (
                ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, True),
                ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.1"]}}, {}, True),
                ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {}, False),
                ({"NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"}}, {}, False),
                ({"StringEquals": {"aws:UserAgent": "Browser/1"}}, agent, True),
                ({"StringEquals": {"aws:UserAgent": "browser/1"}}, agent, False),
                ({"StringEqualsIgnoreCase": {"aws:UserAgent": "browser/1"}}, agent, True),
                ({"StringLike": {"aws:Referer": "http://example.com/*"}},
                 {"Referer": "http://example.com/a"}, True),
                ({"StringLike": {"aws:Referer": "http://example.com/*"}},
                 {"Referer": "http://example.org/a"}, False),
                ({"StringLike": {"aws:Referer": "http://example.com/*"}}, {}, False),
                ({"StringLikeIfExists": {"aws:Referer": "http://example.com/*"}}, {}, True),
                ({"StringNotEquals": {"aws:UserAgent": "Browser/1"}}, agent, False),
                ({"Null": {"aws:Referer": "true"}}, {}, True),
                ({"Null": {"aws:Referer": "true"}}, {"Referer": "x"}, False),
                ({"Bool": {"aws:SecureTransport": "true"}}, {}, False),
                ({"Bool": {"aws:SecureTransport": "false"}}, {}, True),
                ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, False),
                ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, True),
                ({"NumericLessThan": {"aws:EpochTime": "1000"}}, {}, False),
                ({"StringEquals": {"aws:UserAgent": "Browser/1"},
                  "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, agent, False)):
            with self.subTest(condition=condition, headers=headers):
                self.assertEqual(self.allowed_if(condition, headers), allowed)

    def test_conditions_of_lists(self):
        for condition, query, allowed in (
                ({"StringEquals": {"s3:prefix": "home/"}}, "prefix=home/", True),
                ({"StringEquals": {"s3:prefix": "home/"}}, "prefix=other/", False),
                ({"StringEquals": {"s3:prefix": "home/"}}, "", False),
                ({"StringEquals": {"s3:delimiter": "/"}}, "delimiter=/", True),
                ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, "max-keys=10", True),
                ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, "max-keys=11", False)):
            with self.subTest(condition=condition, query=query):
                self.assertEqual(self.allowed_if(condition, None, query, path="",
                                                 action="s3:ListBucket"), allowed)

    def test_conditions_of_puts(self):
        for condition, headers, allowed in (
                ({"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}},
                 {"x-amz-storage-class": "STANDARD_IA"}, True),
                ({"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}, {}, False),
                ({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
                 {"x-amz-server-side-encryption": "AES256"}, True),
                ({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}, {}, False)):
            with self.subTest(condition=condition, headers=headers):
                self.assertEqual(self.allowed_if(condition, headers, method="PUT", path="/new",
                                                 action="s3:PutObject", body=b"1"), allowed)

    def test_conditions_of_tags(self):
        bucket = self.new_policy_bucket(statement(
            "Allow", "s3:GetObject", "BUCKET/*",
            Condition={"StringEquals": {"s3:ExistingObjectTag/public": "yes"}}))
        self.put(bucket, "tagged", b"1", Tagging="public=yes")
        self.put(bucket, "other", b"1", Tagging="public=no")
        self.put(bucket, "untagged", b"1")
        self.assert_status(self.anonymous("GET", f"/{bucket}/tagged"), 200)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/other"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}/untagged"))

    def test_versions_have_an_action_of_their_own(self):
        bucket = self.new_policy_bucket(statement("Allow", "s3:GetObject", "BUCKET/*"))
        self.set_versioning(bucket, "Enabled")
        version = self.put(bucket, "key", b"1")["VersionId"]
        self.assert_status(self.anonymous("GET", f"/{bucket}/key"), 200)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key", f"versionId={version}"))
        self.set_policy(bucket, statement("Allow", "s3:GetObjectVersion", "BUCKET/*"))
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.assert_status(self.anonymous("GET", f"/{bucket}/key", f"versionId={version}"), 200)

    def test_not_action_and_not_resource(self):
        bucket = self.new_policy_bucket(
            {"Effect": "Allow", "Principal": "*", "NotAction": "s3:GetObject",
             "NotResource": "BUCKET/secret*"})
        self.put(bucket, "key", b"1")
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.assert_status(self.anonymous("PUT", f"/{bucket}/new", body=b"1"), 200)
        self.assert_denied(self.anonymous("PUT", f"/{bucket}/secret", body=b"1"))

    def test_some_of_many_may_be_deleted(self):
        bucket = self.new_policy_bucket(statement("Deny", "s3:DeleteObject", "BUCKET/kept*"))
        for key in ("kept", "gone"):
            self.put(bucket, key, b"1")
        reply = self.s3.delete_objects(Bucket=bucket, Delete={
            "Objects": [{"Key": "kept"}, {"Key": "gone"}]})
        self.assertEqual([item["Key"] for item in reply["Deleted"]], ["gone"])
        self.assertEqual([(item["Key"], item["Code"]) for item in reply["Errors"]],
                         [("kept", "AccessDenied")])
        self.assertEqual(self.keys(bucket), ["kept"])


class PublicAccessTest(AccessTestCase):
    def test_everything_public_is_blocked(self):
        bucket = self.new_bucket()
        self.block(bucket, **{name: True for name in OPEN})
        reply = self.s3.get_public_access_block(Bucket=bucket)
        self.assertEqual(reply["PublicAccessBlockConfiguration"], {name: True for name in OPEN})
        with self.refused("AccessDenied", 403):
            self.set_policy(bucket, statement("Allow", "s3:GetObject", "BUCKET/*"))
        self.s3.delete_public_access_block(Bucket=bucket)
        with self.refused("NoSuchPublicAccessBlockConfiguration", 404):
            self.s3.get_public_access_block(Bucket=bucket)
        self.set_policy(bucket, statement("Allow", "s3:GetObject", "BUCKET/*"))

    def test_public_acls_are_blocked(self):
        bucket = self.new_acl_bucket()
        self.block(bucket, BlockPublicAcls=True)
        for call in (lambda: self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
                     lambda: self.put(bucket, "key", b"1", ACL="public-read"),
                     lambda: self.put(bucket, "key", b"1", GrantRead=f'uri="{ALL_USERS}"')):
            with self.refused("AccessDenied", 403):
                call()
        self.put(bucket, "key", b"1", ACL="private")

    def test_public_acls_are_ignored(self):
        bucket = self.new_acl_bucket()
        self.put(bucket, "key", b"1", ACL="public-read")
        self.block(bucket, IgnorePublicAcls=True)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.block(bucket)
        self.assert_status(self.anonymous("GET", f"/{bucket}/key"), 200)

    def test_public_buckets_are_restricted(self):
        bucket = self.new_policy_bucket(statement("Allow", "s3:GetObject", "BUCKET/*"))
        self.put(bucket, "key", b"1")
        self.assert_status(self.anonymous("GET", f"/{bucket}/key"), 200)
        self.block(bucket, RestrictPublicBuckets=True)
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))
        self.assertEqual(self.get(bucket, "key"), b"1")


class AccountsTest(AccessTestCase):
    """Two accounts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_account("other")

    def test_buckets_are_their_owners(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1")
        theirs = self.other.s3
        for call in (lambda: theirs.list_objects_v2(Bucket=bucket),
                     lambda: theirs.get_object(Bucket=bucket, Key="key"),
                     lambda: theirs.put_object(Bucket=bucket, Key="key"),
                     lambda: theirs.delete_bucket(Bucket=bucket),
                     lambda: theirs.get_bucket_policy(Bucket=bucket)):
            with self.refused("AccessDenied", 403):
                call()
        with self.refused("BucketAlreadyExists", 409):
            theirs.create_bucket(Bucket=bucket)
        self.assertNotIn(bucket, [item["Name"] for item in theirs.list_buckets()["Buckets"]])
        self.assertEqual(theirs.list_buckets()["Owner"]["ID"], self.other.canonical_id)

    def test_an_account_is_let_in_by_policy(self):
        for principal in ({"AWS": self.other.account_id},
                          {"AWS": f"arn:aws:iam::{self.other.account_id}:root"},
                          {"CanonicalUser": self.other.canonical_id}, {"AWS": "*"}):
            bucket = self.new_policy_bucket(
                statement("Allow", ["s3:GetObject", "s3:PutObject"], "BUCKET/*", principal),
                ObjectOwnership="BucketOwnerEnforced")
            self.put(bucket, "key", b"1")
            with self.subTest(principal):
                reply = self.other.s3.get_object(Bucket=bucket, Key="key")
                self.assertEqual(reply["Body"].read(), b"1")
                self.other.s3.put_object(Bucket=bucket, Key="theirs", Body=b"2")
                with self.refused("AccessDenied", 403):
                    self.other.s3.list_objects_v2(Bucket=bucket)
                # Ownership is enforced: it is the bucket owner's now.
                self.assertEqual(self.get(bucket, "theirs"), b"2")

    def test_an_account_is_let_in_by_acl(self):
        bucket = self.new_acl_bucket()
        self.s3.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{self.other.canonical_id}"',
                               GrantFullControl=f'id="{self.owner}"')
        theirs = self.other.s3
        with self.refused("AccessDenied", 403):
            theirs.list_objects_v2(Bucket=bucket)
        theirs.put_object(Bucket=bucket, Key="theirs", Body=b"2")
        with self.refused("AccessDenied", 403):
            self.get(bucket, "theirs")  # an object is its writer's
        self.assertEqual(theirs.get_object(Bucket=bucket, Key="theirs")["Body"].read(), b"2")
        acl = theirs.get_object_acl(Bucket=bucket, Key="theirs")
        self.assertEqual(acl["Owner"]["ID"], self.other.canonical_id)
        theirs.put_object(Bucket=bucket, Key="given", Body=b"3", ACL="bucket-owner-full-control")
        self.assertEqual(self.get(bucket, "given"), b"3")
        # A bucket's owner may always delete.
        self.s3.delete_object(Bucket=bucket, Key="theirs")

    def test_any_account(self):
        bucket = self.new_acl_bucket()
        self.put(bucket, "key", b"1", ACL="authenticated-read")
        self.other.s3.get_object(Bucket=bucket, Key="key")
        self.assert_denied(self.anonymous("GET", f"/{bucket}/key"))

    def test_a_copy_needs_its_source(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1")
        name = self.new_bucket(client=self.other.s3)
        with self.refused("AccessDenied", 403):
            self.other.s3.copy_object(Bucket=name, Key="k",
                                      CopySource={"Bucket": bucket, "Key": "key"})


class UsersTest(AccessTestCase):
    """Users of an account, with policies of their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.iam = cls.cloud.boto3("iam")

    def new_user(self, *statements):
        name = unique_bucket("user")
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="p",
                                     PolicyDocument=policy(*statements))
        return name, self.cloud.boto3("s3", aws_access_key_id=key["AccessKeyId"],
                                      aws_secret_access_key=key["SecretAccessKey"])

    def test_a_user_may_nothing_by_himself(self):
        bucket = self.new_bucket()
        _, s3 = self.new_user()
        for call in (s3.list_buckets, lambda: s3.list_objects_v2(Bucket=bucket),
                     lambda: s3.put_object(Bucket=bucket, Key="k"),
                     lambda: s3.create_bucket(Bucket=unique_bucket())):
            with self.refused("AccessDenied", 403):
                call()

    def test_a_user_may_what_his_policy_says(self):
        bucket = self.new_bucket()
        name, s3 = self.new_user(
            {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"],
             "Resource": f"arn:aws:s3:::{bucket}/${{aws:username}}/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}",
             "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}})
        s3.put_object(Bucket=bucket, Key=f"{name}/k", Body=b"mine")
        self.assertEqual(s3.get_object(Bucket=bucket, Key=f"{name}/k")["Body"].read(), b"mine")
        with self.refused("AccessDenied", 403):
            s3.put_object(Bucket=bucket, Key="k", Body=b"not mine")
        with self.refused("AccessDenied", 403):
            s3.list_objects_v2(Bucket=bucket)
        self.assertEqual(s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/")["KeyCount"], 1)
        with self.refused("AccessDenied", 403):
            s3.delete_object(Bucket=bucket, Key=f"{name}/k")

    def test_a_bucket_policy_lets_a_user_in(self):
        name, s3 = self.new_user()
        bucket = self.new_policy_bucket(statement(
            "Allow", "s3:*", ["BUCKET", "BUCKET/*"],
            {"AWS": f"arn:aws:iam::{self.account}:user/{name}"}))
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        self.assertEqual(s3.list_objects_v2(Bucket=bucket)["KeyCount"], 1)
        _, other = self.new_user()
        with self.refused("AccessDenied", 403):
            other.list_objects_v2(Bucket=bucket)

    def test_either_may_deny(self):
        allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        name, s3 = self.new_user(allow)
        bucket = self.new_policy_bucket(statement(
            "Deny", "s3:PutObject", "BUCKET/*",
            {"AWS": f"arn:aws:iam::{self.account}:user/{name}"}))
        with self.refused("AccessDenied", 403):
            s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        self.put(bucket, "k", b"1")
        _, s3 = self.new_user(allow, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})
        with self.refused("AccessDenied", 403):
            s3.get_object(Bucket=bucket, Key="k")
        s3.delete_object(Bucket=bucket, Key="k")

    def test_a_key_that_is_off(self):
        name = unique_bucket("user")
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
        wire = S3Wire(self.cloud, key["AccessKeyId"], key["SecretAccessKey"])
        self.assert_status(wire.call("GET", "/"), 200)
        self.iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"],
                                   Status="Inactive")
        self.assert_error(wire.call("GET", "/"), "InvalidAccessKeyId", 403)
        self.iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Active")
        self.assert_status(wire.call("GET", "/"), 200)
        self.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        self.assert_error(wire.call("GET", "/"), "InvalidAccessKeyId", 403)


if __name__ == "__main__":
    unittest.main()
