"""S3 Control: the tags of buckets by their ARN, by botocore's model and by hand."""

import json
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, localhost_names  # noqa: E402
from s3_control import XMLNS, s3_control  # noqa: E402


def tag_list(**tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class ControlTestCase(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = cls.cloud.credentials["account_id"]
        cls.control = s3_control(cls.cloud)
        names = localhost_names()
        names.__enter__()
        cls.addClassCleanup(names.__exit__, None, None, None)

    def setUp(self):
        super().setUp()
        self.bucket = self.new_bucket()
        self.arn = f"arn:aws:s3:::{self.bucket}"
        self.long_arn = f"arn:aws:s3:us-east-1:{self.account}:bucket/{self.bucket}"

    def tag(self, arn=None, client=None, account=None, **tags):
        (client or self.control).tag_resource(AccountId=account or self.account,
                                              ResourceArn=arn or self.arn, Tags=tag_list(**tags))

    def untag(self, *keys, arn=None, client=None):
        (client or self.control).untag_resource(AccountId=self.account,
                                                ResourceArn=arn or self.arn, TagKeys=list(keys))

    def listed(self, arn=None, client=None, account=None):
        return (client or self.control).list_tags_for_resource(
            AccountId=account or self.account, ResourceArn=arn or self.arn)["Tags"]

    def tag_set(self):
        return self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"]


class TagsTest(ControlTestCase):
    def test_a_bucket_without_tags_has_an_empty_list(self):
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.listed(self.long_arn), [])

    def test_tags_are_those_of_put_bucket_tagging(self):
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": tag_list(a="1", b="2")})
        self.assertEqual(self.listed(), tag_list(a="1", b="2"))
        self.tag(b="two", c="3 + /more@ ü")
        self.assertEqual(self.listed(self.long_arn), tag_list(a="1", b="two", c="3 + /more@ ü"))
        self.assertEqual(self.tag_set(), self.listed())
        self.untag("a", "c", "absent")
        self.assertEqual(self.tag_set(), tag_list(b="two"))
        self.s3.delete_bucket_tagging(Bucket=self.bucket)
        self.assertEqual(self.listed(), [])

    def test_both_forms_of_the_arn_change_the_same_tags(self):
        self.tag(self.long_arn, k="v", empty="")
        self.assertEqual(self.listed(), tag_list(k="v", empty=""))
        self.untag("empty", arn=self.long_arn)
        self.assertEqual(self.listed(), tag_list(k="v"))

    def test_without_its_last_tag_a_bucket_has_no_tag_set(self):
        self.tag(**{"a key": "1"})
        self.untag("a key")
        with self.refused("NoSuchTagSet", 404):
            self.tag_set()

    def test_no_tags_change_nothing(self):
        self.tag(k="v")
        self.tag()
        self.untag()
        self.assertEqual(self.listed(), tag_list(k="v"))

    def test_another_bucket_keeps_its_tags(self):
        other = self.new_bucket()
        self.tag(k="v")
        self.assertEqual(self.listed(f"arn:aws:s3:::{other}"), [])

    def test_bad_tags_change_nothing(self):
        self.tag(kept="yes")
        for tags in ({"k" * 129: "v"}, {"k": "v" * 257}, {"k": "a*b"}, {"aws:mine": "v"}):
            with self.refused("InvalidTag", 400):
                self.tag(new="1", **tags)
        with self.refused("InvalidTag", 400):
            self.control.tag_resource(AccountId=self.account, ResourceArn=self.arn,
                                      Tags=tag_list(twice="1") * 2)
        self.assertEqual(self.listed(), tag_list(kept="yes"))

    def test_fifty_tags_and_no_more(self):
        self.tag(**{f"k{i}": "v" for i in range(50)})
        self.tag(k7="changed")
        with self.refused("TooManyTags", 400):
            self.tag(one="more")
        with self.refused("TooManyTags", 400):
            self.tag(**{f"n{i}": "v" for i in range(51)})
        self.assertEqual(len(self.listed()), 50)
        self.untag("k0")
        self.tag(one="more")
        self.assertEqual(len(self.listed()), 50)

    def test_what_is_not_there(self):
        for arn in ("arn:aws:s3:::cumulet-no-such-bucket",
                    self.long_arn.replace("us-east-1", "eu-west-1")):
            for call in (self.listed, lambda arn: self.tag(arn, k="v"),
                         lambda arn: self.untag("k", arn=arn)):
                with self.refused("NoSuchBucket", 404):
                    call(arn)

    def test_what_has_no_tags_here(self):
        for arn in (self.long_arn.replace("bucket/", "accesspoint/"),
                    self.long_arn.replace(":s3:", ":s3express:")):
            with self.refused("NotImplemented", 501):
                self.listed(arn)
        with self.refused("NotImplemented", 501):
            self.control.get_public_access_block(AccountId=self.account)


class AccessTest(ControlTestCase):
    def test_another_account(self):
        other = self.new_account()
        control = s3_control(self.cloud, **other.credentials)
        for account in (self.account, other.account_id):
            with self.refused("AccessDenied", 403):
                self.listed(client=control, account=account)
            with self.refused("AccessDenied", 403):
                self.tag(client=control, account=account, k="v")
        with self.refused("AccessDenied", 403):
            self.listed(account=other.account_id)
        with self.refused("AccessDenied", 403):
            self.listed(self.long_arn.replace(self.account, other.account_id))
        self.assertEqual(self.listed(), [])

    def test_a_bucket_policy_lets_another_account_list_and_not_tag(self):
        other = self.new_account()
        control = s3_control(self.cloud, **other.credentials)
        self.tag(k="v")
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": other.account_id},
                "Action": "s3:ListTagsForResource", "Resource": self.arn}]}))
        self.assertEqual(self.listed(client=control), tag_list(k="v"))
        with self.refused("AccessDenied", 403):
            self.untag("k", client=control)

    def test_each_action_of_a_user_is_asked_for(self):
        iam = self.cloud.boto3("iam")
        name = "tagger"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        control = s3_control(self.cloud, aws_access_key_id=key["AccessKeyId"],
                             aws_secret_access_key=key["SecretAccessKey"])
        calls = {"s3:ListTagsForResource": lambda: self.listed(client=control),
                 "s3:TagResource": lambda: self.tag(client=control, k="v"),
                 "s3:UntagResource": lambda: self.untag("k", client=control)}
        for allowed in calls:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": allowed, "Resource": self.arn}]}))
            for action, call in calls.items():
                if action == allowed:
                    call()
                else:
                    with self.refused("AccessDenied", 403):
                        call()


class WireTest(ControlTestCase):
    def path(self, arn=None):
        return "/v20180820/tags/" + urllib.parse.quote(arn or self.arn, safe="")

    def call(self, method="GET", path=None, query="", body=b"", account=None, **options):
        headers = {"x-amz-account-id": account or self.account}
        return self.wire.call(method, path or self.path(), query, headers, body, **options)

    def document(self, tags):
        root = "TagResourceRequest"
        return f'<{root} xmlns="{XMLNS}"><Tags>{tags}</Tags></{root}>'.encode()

    def assert_control_error(self, reply, code, status):
        """In S3 Control's form, which is not S3's."""
        self.assertEqual((reply.status, reply.code), (status, code), reply)
        self.assertEqual(reply.root.tag, "ErrorResponse")
        self.assertEqual([child.tag for child in reply.root], ["Error", "RequestId", "HostId"])
        self.assertTrue(reply.text("Message"))
        self.assertEqual(reply.text("RequestId"), reply.headers["x-amz-request-id"])

    def test_replies(self):
        tagged = self.call("POST", body=self.document("<Tag><Key>k</Key><Value>v</Value></Tag>"))
        self.assertEqual((tagged.status, tagged.bytes), (204, b""))
        listed = self.call()
        self.assertEqual(listed.status, 200)
        self.assertEqual(listed.root.tag, f"{{{XMLNS}}}ListTagsForResourceResult")
        self.assertIn(b"<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>", listed.bytes)
        self.assertEqual(self.call(path="/v20180820/tags/" + self.arn).bytes, listed.bytes)
        untagged = self.call("DELETE", query="tagKeys=k&tagKeys=other")
        self.assertEqual((untagged.status, untagged.bytes), (204, b""))

    def test_the_address_of_aws(self):
        host = f"{self.account}.s3-control.us-east-1.amazonaws.com"
        reply = self.wire.call("GET", self.path(), "", {"x-amz-account-id": self.account,
                                                        "Host": host})
        self.assert_status(reply, 200)

    def test_errors(self):
        reply = self.call(path=self.path("arn:aws:s3:::cumulet-no-such-bucket"))
        self.assert_control_error(reply, "NoSuchBucket", 404)
        self.assertEqual(reply.text("AccountId"), self.account)
        self.assert_control_error(self.call(account="210987654321"), "AccessDenied", 403)
        self.assert_control_error(self.call(account="me"), "InvalidRequest", 400)
        self.assert_control_error(self.call(path=self.path("nonsense")), "InvalidRequest", 400)
        self.assert_control_error(self.call("PUT"), "MethodNotAllowed", 405)
        self.assert_control_error(self.call(path="/v20180820/jobs"), "NotImplemented", 501)
        self.assert_control_error(self.call(secret="wrong"), "SignatureDoesNotMatch", 403)
        unsigned = self.wire.send("GET", self.path(), "", {"x-amz-account-id": self.account})
        self.assert_control_error(unsigned, "AccessDenied", 403)

    def test_a_tag_without_a_key(self):
        reply = self.call("POST", body=self.document("<Tag><Key></Key><Value>v</Value></Tag>"))
        self.assert_control_error(reply, "InvalidTag", 400)

    def test_bad_documents(self):
        for body in (b"<TagResourceRequest/>", b"<Tags/>", b"text", self.document("<Tag/>"),
                     self.document("<Tag><Key>k</Key></Tag>")):
            self.assert_control_error(self.call("POST", body=body), "MalformedXML", 400)
        self.assert_control_error(self.call("POST"), "MissingRequestBodyError", 400)
        self.assertEqual(self.listed(), [])

    def test_a_bucket_may_have_the_name_of_the_path_or_of_the_account(self):
        for bucket in ("v20180820", self.account):
            self.s3.create_bucket(Bucket=bucket)
            self.put(bucket, "tags/" + self.arn, b"an object")
        self.assertEqual(self.wire.call("GET", self.path()).bytes, b"an object")
        hosted = self.wire.call("GET", "/tags/" + urllib.parse.quote(self.arn, safe=""), "",
                                {"Host": f"{self.account}.localhost"})
        self.assertEqual(hosted.bytes, b"an object")


if __name__ == "__main__":
    unittest.main()
