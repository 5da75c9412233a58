"""More of what is configured for a bucket, and what is refused: versioning, ownership, public
access, replication, notifications, policies, and locks and tags of versions."""

import contextlib
import datetime
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, utcnow  # noqa: E402


def public_policy(bucket):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{bucket}/*"}]})


class VersioningTest(S3TestCase):
    def test_a_state_must_be_said(self):
        bucket = self.new_bucket()
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket=bucket))
        with self.refused("IllegalVersioningConfigurationException", 400):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
        with self.refused("MalformedXML", 400):
            self.set_versioning(bucket, "Off")
        for status in ("Enabled", "Suspended"):
            self.set_versioning(bucket, status)
            self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], status)

    def test_replication_keeps_it_on(self):
        bucket, target = self.new_versioned_bucket(), self.new_versioned_bucket()
        self.s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={
            "Role": "arn:aws:iam::000000000000:role/r", "Rules": [
                {"Status": "Enabled", "Prefix": "",
                 "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}]})
        with self.refused("InvalidBucketState", 409):
            self.set_versioning(bucket, "Suspended")


class OwnershipTest(S3TestCase):
    def put_rule(self, bucket, value):
        self.s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": value}]})

    def test_each_value(self):
        bucket = self.new_bucket()
        for value in ("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"):
            self.put_rule(bucket, value)
            rules = self.s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
            self.assertEqual(rules, {"Rules": [{"ObjectOwnership": value}]})
        with self.refused("MalformedXML", 400):
            self.put_rule(bucket, "Nobody")
        self.s3.delete_bucket_ownership_controls(Bucket=bucket)
        with self.refused("OwnershipControlsNotFoundError", 404):
            self.s3.get_bucket_ownership_controls(Bucket=bucket)

    def test_an_acl_that_gives_away_stands_against_enforcing(self):
        bucket = self.new_bucket(ObjectOwnership="ObjectWriter")
        self.s3.delete_public_access_block(Bucket=bucket)
        self.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        with self.refused("InvalidBucketAclWithObjectOwnership", 400):
            self.put_rule(bucket, "BucketOwnerEnforced")
        self.s3.put_bucket_acl(Bucket=bucket, ACL="private")
        self.put_rule(bucket, "BucketOwnerEnforced")


class PublicAccessTest(S3TestCase):
    def test_the_four_blocks(self):
        bucket = self.new_bucket()
        value = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True,
                 "RestrictPublicBuckets": False}
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=value)
        self.assertEqual(self.s3.get_public_access_block(
            Bucket=bucket)["PublicAccessBlockConfiguration"], value)
        none = dict.fromkeys(value, False)
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=none)
        self.assertEqual(self.s3.get_public_access_block(
            Bucket=bucket)["PublicAccessBlockConfiguration"], none)
        self.s3.delete_public_access_block(Bucket=bucket)
        with self.refused("NoSuchPublicAccessBlockConfiguration", 404):
            self.s3.get_public_access_block(Bucket=bucket)

    def test_public_policies_are_blocked(self):
        bucket = self.new_bucket()
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
            "BlockPublicPolicy": True})
        with self.refused("AccessDenied", 403):
            self.s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))
        self.s3.delete_public_access_block(Bucket=bucket)
        self.s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))


class PolicyTest(S3TestCase):
    def test_a_policy_is_shown_as_it_was_put(self):
        bucket = self.new_bucket()
        self.s3.delete_public_access_block(Bucket=bucket)
        for get in (self.s3.get_bucket_policy, self.s3.get_bucket_policy_status):
            with self.refused("NoSuchBucketPolicy", 404):
                get(Bucket=bucket)
        policy = public_policy(bucket)
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=bucket)["Policy"], policy)
        self.assertTrue(
            self.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"])
        self.s3.delete_bucket_policy(Bucket=bucket)
        with self.refused("NoSuchBucketPolicy", 404):
            self.s3.get_bucket_policy(Bucket=bucket)
        self.s3.delete_bucket_policy(Bucket=bucket)

    def test_bad_policies(self):
        bucket = self.new_bucket()
        for policy in ("", "{", "[]", "{}", public_policy("another"),
                       json.dumps({"Version": "2012-10-17", "Statement": []}) + " " * 30000):
            with self.subTest(policy[:40]):
                reply = self.wire.call("PUT", f"/{bucket}", "policy", body=policy.encode())
                self.assert_error(reply, "MalformedPolicy", 400)


class ReplicationTest(S3TestCase):
    ROLE = "arn:aws:iam::000000000000:role/r"

    def replicate(self, bucket, target, **rule):
        self.s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={
            "Role": self.ROLE, "Rules": [{
                "ID": "one", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "p"},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": {"Bucket": f"arn:aws:s3:::{target}"}, **rule}]})

    def test_both_buckets_must_keep_versions(self):
        bucket, target = self.new_bucket(), self.new_bucket()
        for name in (bucket, target):
            with self.refused("InvalidRequest", 400):
                self.replicate(bucket, target)
            self.set_versioning(name, "Enabled")
        with self.refused("InvalidRequest", 400):
            self.replicate(bucket, "not-there")
        self.replicate(bucket, target)
        found = self.s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
        self.assertEqual((found["Role"], found["Rules"][0]["ID"]), (self.ROLE, "one"))
        self.s3.delete_bucket_replication(Bucket=bucket)
        with self.refused("ReplicationConfigurationNotFoundError", 404):
            self.s3.get_bucket_replication(Bucket=bucket)

    def test_rules_are_told_apart(self):
        bucket, target = self.new_bucket(), self.new_bucket()
        for name in (bucket, target):
            self.set_versioning(name, "Enabled")
        for second, code in (({"ID": "one", "Priority": 2}, "InvalidArgument"),
                             ({"ID": "two", "Priority": 1}, "InvalidRequest"),
                             ({"ID": "two", "Priority": 2}, None)):
            rules = [{"Status": "Enabled", "Filter": {"Prefix": "p"},
                      "DeleteMarkerReplication": {"Status": "Disabled"},
                      "Destination": {"Bucket": f"arn:aws:s3:::{target}"}, **rule}
                     for rule in ({"ID": "one", "Priority": 1}, second)]
            with self.subTest(second), \
                    self.refused(code, 400) if code else contextlib.nullcontext():
                self.s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={
                    "Role": self.ROLE, "Rules": rules})


class NotificationTest(S3TestCase):
    ARN = "arn:aws:sqs:us-east-1:000000000000:q"

    def notify(self, bucket, *configurations):
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(configurations)})

    def queue(self, *events, prefix=None, **more):
        value = {"QueueArn": self.ARN, "Events": list(events), **more}
        if prefix is not None:
            value["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
        return value

    def test_what_was_put_is_shown_with_ids(self):
        bucket = self.new_bucket()
        self.notify(bucket, self.queue("s3:ObjectCreated:*", prefix="a/", Id="mine"),
                    self.queue("s3:ObjectCreated:Put", prefix="b/"))
        first, second = self.s3.get_bucket_notification_configuration(
            Bucket=bucket)["QueueConfigurations"]
        self.assertEqual(first["Id"], "mine")
        self.assertTrue(second["Id"])
        self.notify(bucket)
        self.assertNotIn("QueueConfigurations",
                         self.s3.get_bucket_notification_configuration(Bucket=bucket))

    def test_what_makes_no_sense(self):
        bucket = self.new_bucket()
        for configurations in (
                [self.queue("s3:Odd")],
                [self.queue("s3:ObjectCreated:*", prefix="a"),
                 self.queue("s3:ObjectCreated:Put", prefix="ab")],
                [self.queue("s3:ObjectCreated:*", Id="1"),
                 self.queue("s3:ObjectRemoved:*", Id="1")]):
            with self.refused("InvalidArgument", 400):
                self.notify(bucket, *configurations)

    def test_the_same_event_again_and_again(self):
        bucket = self.new_bucket()
        self.notify(bucket, self.queue(*["s3:ObjectCreated:Put"] * 27))
        with self.refused("MalformedXML", 400):
            self.notify(bucket, self.queue(*["s3:ObjectCreated:Put"] * 28))


class VersionsTest(S3TestCase):
    def test_tags_are_a_version_s(self):
        bucket = self.new_versioned_bucket()
        first, second = (self.put(bucket, "key", b"1")["VersionId"] for _ in range(2))
        reply = self.s3.put_object_tagging(
            Bucket=bucket, Key="key", VersionId=first,
            Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        self.assertEqual(reply["VersionId"], first)
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"], [])
        found = self.s3.get_object_tagging(Bucket=bucket, Key="key", VersionId=first)
        self.assertEqual((found["TagSet"], found["VersionId"]),
                         ([{"Key": "a", "Value": "b"}], first))
        self.assertEqual(
            self.s3.delete_object_tagging(Bucket=bucket, Key="key",
                                          VersionId=second)["VersionId"], second)

    def test_a_delete_marker_has_no_tags(self):
        bucket = self.new_versioned_bucket()
        self.put(bucket, "key", b"1")
        self.s3.delete_object(Bucket=bucket, Key="key")
        with self.refused("MethodNotAllowed", 405):
            self.s3.get_object_tagging(Bucket=bucket, Key="key")
        with self.refused("MethodNotAllowed", 405):
            self.s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": []})

    def retain(self, bucket, mode, days, **options):
        until = (utcnow() + datetime.timedelta(days=days)).replace(microsecond=0)
        self.s3.put_object_retention(Bucket=bucket, Key="key", Retention={
            "Mode": mode, "RetainUntilDate": until}, **options)

    def test_governance_is_changed_by_those_who_may(self):
        bucket = self.new_bucket(ObjectLockEnabledForBucket=True)
        self.put(bucket, "key", b"1")
        self.retain(bucket, "GOVERNANCE", 2)
        self.retain(bucket, "GOVERNANCE", 4)
        for mode, days in (("GOVERNANCE", 3), ("COMPLIANCE", 5)):
            with self.refused("AccessDenied", 403):
                self.retain(bucket, mode, days)
        with self.refused("AccessDenied", 403):
            self.s3.put_object_retention(Bucket=bucket, Key="key", Retention={})
        self.retain(bucket, "GOVERNANCE", 1, BypassGovernanceRetention=True)
        self.s3.put_object_retention(Bucket=bucket, Key="key", Retention={},
                                     BypassGovernanceRetention=True)
        with self.refused("NoSuchObjectLockConfiguration", 404):
            self.s3.get_object_retention(Bucket=bucket, Key="key")

    def test_retentions_that_are_none(self):
        bucket = self.new_bucket(ObjectLockEnabledForBucket=True)
        self.put(bucket, "key", b"1")
        with self.refused("InvalidArgument", 400):
            self.retain(bucket, "GOVERNANCE", -1)
        with self.refused("MalformedXML", 400):
            self.s3.put_object_retention(Bucket=bucket, Key="key",
                                         Retention={"Mode": "GOVERNANCE"})
        with self.refused("NoSuchKey", 404):
            self.s3.put_object_legal_hold(Bucket=bucket, Key="other", LegalHold={"Status": "ON"})

    def test_a_lock_needs_versions(self):
        bucket = self.new_bucket()
        value = {"ObjectLockEnabled": "Enabled"}
        with self.refused("InvalidBucketState", 409):
            self.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=value)
        self.set_versioning(bucket, "Enabled")
        self.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=value)
        self.assertEqual(self.s3.get_object_lock_configuration(
            Bucket=bucket)["ObjectLockConfiguration"], value)


class BrowsersTest(S3TestCase):
    WEBSITE = "s3-website-us-east-1.amazonaws.com"
    ORIGIN = {"Origin": "http://somewhere"}

    def test_an_endpoint_alone_is_no_website(self):
        for method in ("GET", "HEAD"):
            reply = self.wire.send(method, "/", "", {"Host": self.WEBSITE})
            self.assert_status(reply, 404)
        self.assertEqual(self.wire.send("POST", "/", "", {"Host": self.WEBSITE}).status, 405)

    def test_an_error_document_that_is_missing_is_told(self):
        bucket = self.new_bucket()
        self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "i"}, "ErrorDocument": {"Key": "<error>"}})
        reply = self.wire.send("GET", "/page", "", {"Host": f"{bucket}.{self.WEBSITE}"})
        self.assert_status(reply, 404)
        self.assertIn("<li>Key: page</li>", reply.body)
        self.assertIn("<li>Key: &lt;error&gt;</li>", reply.body)

    def test_an_error_document_is_for_scripts_too(self):
        bucket = self.new_bucket()
        self.put(bucket, "error", b"sorry", ACL="public-read")
        self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "i"}, "ErrorDocument": {"Key": "error"}})
        self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={
            "CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]})
        reply = self.wire.send("GET", "/page", "", {
            "Host": f"{bucket}.{self.WEBSITE}", "Range": "bytes=0-1", **self.ORIGIN})
        self.assertEqual((reply.status, reply.bytes), (404, b"sorry"))
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "*")

    def test_pages_that_nobody_may_read(self):
        bucket = self.new_bucket()
        self.put(bucket, "i", b"secret")
        self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "i"}})
        reply = self.wire.send("GET", "/", "", {"Host": f"{bucket}.{self.WEBSITE}"})
        self.assert_status(reply, 403)
        self.assertNotIn("secret", reply.body)

    def test_nothing_is_allowed_at_the_service(self):
        reply = self.wire.send("OPTIONS", "/", "", {
            "Host": "s3.amazonaws.com", "Access-Control-Request-Method": "GET", **self.ORIGIN})
        self.assertIn(reply.status, (400, 403, 405))

    def test_refusals_are_for_scripts_too(self):
        bucket = self.new_bucket()
        self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={
            "CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]})
        bad = {"Authorization": "AWS4-HMAC-SHA256 nonsense"}
        for headers in ({}, bad):
            reply = self.wire.send("GET", f"/{bucket}/key", "", {**self.ORIGIN, **headers})
            self.assertGreaterEqual(reply.status, 400)
            self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "*")
        reply = self.wire.send("GET", "/not-there/key", "", {**self.ORIGIN, **bad})
        self.assertNotIn("Access-Control-Allow-Origin", reply.headers)


class StrangersTest(S3TestCase):
    def test_nobody_configures_a_bucket_of_somebody_else_s(self):
        bucket = self.new_bucket()
        for name in ("cors", "lifecycle", "policy", "tagging", "versioning", "website",
                     "publicAccessBlock", "object-lock", "notification"):
            for method in ("GET", "PUT", "DELETE"):
                if method == "DELETE" and name in ("versioning", "object-lock", "notification"):
                    continue
                with self.subTest(name, method=method):
                    reply = self.wire.send(method, f"/{bucket}", name, {}, b"")
                    self.assert_error(reply, "AccessDenied", 403)


if __name__ == "__main__":
    unittest.main()
