"""Uploads from browsers' forms."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import MIB, S3TestCase, object_files, random_bytes, utcnow  # noqa: E402

BOUNDARY = "----CumuletFormBoundary7MA4YWxk"


def multipart(fields, file=None, filename="file.txt", after=(), file_type=None):
    """A form's body; fields and after are pairs, file bytes or None."""
    parts = []
    for name, value in fields:
        value = value.encode() if isinstance(value, str) else value
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
                     .encode() + value + b"\r\n")
    if file is not None:
        kind = f"Content-Type: {file_type}\r\n" if file_type else ""
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
                     f'filename="{filename}"\r\n{kind}\r\n'.encode() + file + b"\r\n")
    for name, value in after:
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
                     f"{value}\r\n".encode())
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class FormTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="forms")

    def policy(self, *conditions, minutes=10):
        expires = utcnow() + datetime.timedelta(minutes=minutes)
        text = json.dumps({"expiration": expires.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                           "conditions": [{"bucket": "forms"}, *conditions]})
        return base64.b64encode(text.encode()).decode()

    def v4(self, fields, conditions, *, secret=None, minutes=10, policy=None):
        """Fields with a policy that allows them and its signature."""
        when = utcnow()
        scope = self.wire.scope(when)
        signing = [("x-amz-algorithm", "AWS4-HMAC-SHA256"),
                   ("x-amz-credential", f"{self.wire.key}/{scope}"),
                   ("x-amz-date", f"{when:%Y%m%dT%H%M%SZ}")]
        policy = policy or self.policy(*conditions, *({name: value} for name, value in signing),
                                       minutes=minutes)
        return [*fields, *signing, ("policy", policy),
                ("x-amz-signature", self.wire.mac(policy, scope, secret))]

    def send(self, body, path="/forms", headers=None):
        return self.wire.send("POST", path, "", {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}, body)

    def post(self, fields, file=b"file", **options):
        return self.send(multipart(fields, file, **options))

    def test_boto3_makes_the_form(self):
        made = self.s3.generate_presigned_post(
            "forms", "made/${filename}", Fields={"acl": "bucket-owner-full-control",
                                                 "Content-Type": "text/x",
                                                 "x-amz-meta-a": "b"},
            Conditions=[{"acl": "bucket-owner-full-control"}, {"Content-Type": "text/x"},
                        {"x-amz-meta-a": "b"}, ["content-length-range", 1, 100]])
        self.assertEqual(made["url"].rstrip("/"), self.cloud.endpoint.rstrip("/") + "/forms")
        reply = self.post(list(made["fields"].items()), b"by boto3", filename="a b.txt")
        self.assert_status(reply, 204)
        found = self.s3.get_object(Bucket="forms", Key="made/a b.txt")
        self.assertEqual((found["Body"].read(), found["ContentType"], found["Metadata"]),
                         (b"by boto3", "text/x", {"a": "b"}))

    def test_a_form(self):
        for size in (0, 1, 40000, 3 * MIB):
            body = random_bytes(size)
            reply = self.post(self.v4([("key", "form")], [{"key": "form"}]), body)
            self.assert_status(reply, 204)
            self.assertEqual(reply.headers["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
            self.assertTrue(reply.headers["Location"].endswith("/forms/form"))
            self.assertEqual(self.get("forms", "form"), body)

    def test_bytes_that_look_like_a_boundary(self):
        body = (f"\r\n--{BOUNDARY[:-1]}\r\n--{BOUNDARY}".encode() + b"x\r\n-\r\n--\r\n") * 3
        body = body.replace(f"\r\n--{BOUNDARY}".encode(), f"\n--{BOUNDARY}".encode())
        self.assert_status(self.post(self.v4([("key", "boundary")], [{"key": "boundary"}]), body),
                           204)
        self.assertEqual(self.get("forms", "boundary"), body)

    def test_version_2(self):
        policy = self.policy({"key": "v2"})
        mac = hmac.new(self.wire.secret.encode(), policy.encode(), "sha1").digest()
        fields = [("key", "v2"), ("AWSAccessKeyId", self.wire.key), ("policy", policy),
                  ("signature", base64.b64encode(mac).decode())]
        self.assert_status(self.post(fields), 204)
        self.assertEqual(self.get("forms", "v2"), b"file")
        fields[-1] = ("signature", base64.b64encode(b"wrong" * 4).decode())
        self.assert_error(self.post(fields), "SignatureDoesNotMatch", 403)

    def test_what_the_browser_is_told(self):
        def fields(*more):
            return self.v4([("key", "told"), *more],
                           [{"key": "told"}, *({name: value} for name, value in more)])
        for status in ("200", "201", "204", "999", "x"):
            reply = self.post(fields(("success_action_status", status)))
            self.assert_status(reply, int(status) if status in ("200", "201") else 204)
            if status == "201":
                self.assertEqual(reply.root.tag.rpartition("}")[2], "PostResponse")
                self.assertEqual((reply.text("Bucket"), reply.text("Key"), reply.text("ETag")),
                                 ("forms", "told", f'"{hashlib.md5(b"file").hexdigest()}"'))
                self.assertTrue(reply.text("Location"))
        reply = self.post(fields(("success_action_redirect", "http://example.com/done?a=b")))
        self.assert_status(reply, 303)
        address, _, query = reply.headers["Location"].partition("?")
        self.assertEqual(address, "http://example.com/done")
        self.assertEqual(dict(urllib.parse.parse_qsl(query)), {
            "a": "b", "bucket": "forms", "key": "told",
            "etag": f'"{hashlib.md5(b"file").hexdigest()}"'})

    def test_conditions(self):
        for conditions, key, code in (
                ([["starts-with", "$key", "user/"]], "user/a", None),
                ([["starts-with", "$key", "user/"]], "other/a", "AccessDenied"),
                ([["starts-with", "$key", ""]], "anything", None),
                ([["eq", "$key", "exact"]], "exact", None),
                ([["eq", "$key", "exact"]], "exact2", "AccessDenied"),
                ([{"key": "k"}, ["content-length-range", 0, 3]], "k", "EntityTooLarge"),
                ([{"key": "k"}, ["content-length-range", 5, 10]], "k", "EntityTooSmall"),
                ([{"key": "k"}, ["content-length-range", 4, 4]], "k", None),
                ([], "not covered", "AccessDenied"),
                ([{"key": "k"}, {"acl": "private"}], "k", "AccessDenied")):
            with self.subTest(conditions=conditions, key=key):
                reply = self.post(self.v4([("key", key)], conditions))
                if code is None:
                    self.assert_status(reply, 204)
                else:
                    self.assertEqual(reply.code, code, reply)
                    self.assertIn(reply.status, (400, 403))
                    self.assertNotIn(key, self.keys("forms"))
                self.s3.delete_object(Bucket="forms", Key=key)

    def test_fields_that_the_policy_does_not_have(self):
        reply = self.post(self.v4([("key", "k"), ("x-amz-meta-a", "b")], [{"key": "k"}]))
        self.assert_error(reply, "AccessDenied", 403)
        self.assertIn("Extra input fields: x-amz-meta-a", reply.message)
        reply = self.post(self.v4([("key", "k"), ("x-ignore-a", "b")], [{"key": "k"}]))
        self.assert_status(reply, 204)

    def test_an_expired_policy(self):
        reply = self.post(self.v4([("key", "k2")], [{"key": "k2"}], minutes=-1))
        self.assert_error(reply, "AccessDenied", 403)
        self.assertIn("Policy expired", reply.message)

    def test_a_wrong_signature(self):
        self.assert_error(self.post(self.v4([("key", "k3")], [{"key": "k3"}], secret="x")),
                          "SignatureDoesNotMatch", 403)

    def test_policies_that_are_none(self):
        for text in (b"not json", b"{}", b"[]", b'{"conditions": []}',
                     b'{"expiration": "tomorrow", "conditions": []}',
                     b'{"expiration": "2099-01-01T00:00:00Z", "conditions": 5}',
                     b'{"expiration": "2099-01-01T00:00:00Z", "conditions": [["odd", "$key", "a"]]}'
                     ):
            with self.subTest(text):
                policy = base64.b64encode(text).decode()
                reply = self.post(self.v4([("key", "k4")], [], policy=policy))
                self.assertEqual((reply.status, reply.code), (400, "InvalidPolicyDocument"), reply)
        reply = self.post(self.v4([("key", "k4")], [], policy="%%%"))
        self.assertEqual(reply.status // 100, 4, reply)

    def test_forms_that_are_none(self):
        good = self.v4([("key", "k5")], [{"key": "k5"}])
        before = object_files(self.cloud)
        for body, code in ((multipart(good), "InvalidArgument"),  # no file
                           (multipart([field for field in good if field[0] != "key"], b"x"),
                            "InvalidArgument"),
                           (b"", None), (b"garbage", None),
                           (multipart(good, b"x")[:-10], None),
                           (multipart(good, b"x" * 100000)[:-50000], None)):
            with self.subTest(body[-40:]):
                reply = self.send(body)
                self.assertEqual(reply.status, 400, reply)
                self.assertIn(reply.code, (code,) if code else (
                    "MalformedPOSTRequest", "IncompleteBody", "InvalidArgument"))
        self.assertNotIn("k5", self.keys("forms"))
        self.assertEqual(object_files(self.cloud), before)

    def test_a_post_that_is_no_form(self):
        reply = self.wire.send("POST", "/forms", "", {"Content-Type": "text/plain"}, b"x")
        self.assert_error(reply, "RequestIsNotMultiPartContent", 412)

    def test_too_much_before_the_file(self):
        fields = self.v4([("key", "k6"), ("x-ignore-a", "x" * 21000)], [{"key": "k6"}])
        self.assert_error(self.post(fields), "MaxPostPreDataLengthExceededError", 400)

    def test_fields_behind_the_file_do_not_count(self):
        reply = self.post(self.v4([("key", "k7")], [{"key": "k7"}]),
                          after=[("x-amz-meta-late", "1"), ("submit", "Upload")])
        self.assert_status(reply, 204)
        self.assertEqual(self.s3.head_object(Bucket="forms", Key="k7")["Metadata"], {})

    def test_nobody_may_post(self):
        self.assert_error(self.post([("key", "k8")]), "AccessDenied", 403)

    def test_tags_come_with_the_form_and_need_permission(self):
        tagging = ("<Tagging><TagSet><Tag><Key>team</Key><Value>blue + sky</Value></Tag></TagSet>"
                   "</Tagging>")
        fields = self.v4([("key", "tagged"), ("tagging", tagging)],
                         [{"key": "tagged"}, {"tagging": tagging}])
        self.assert_status(self.post(fields), 204)
        self.assertEqual(self.s3.get_object_tagging(Bucket="forms", Key="tagged")["TagSet"],
                         [{"Key": "team", "Value": "blue + sky"}])
        self.s3.put_bucket_policy(Bucket="forms", Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectTagging",
                "Resource": "arn:aws:s3:::forms/*", "Condition": {
                    "StringEquals": {"s3:RequestObjectTag/team": "blue + sky"}}}]}))
        self.addCleanup(self.s3.delete_bucket_policy, Bucket="forms")
        self.assert_error(self.post(fields), "AccessDenied", 403)
        tagging = tagging.replace("blue", "red")
        self.assert_status(self.post(self.v4([("key", "tagged"), ("tagging", tagging)],
                                             [{"key": "tagged"}, {"tagging": tagging}])), 204)

    def test_tags_that_are_none(self):
        for tagging, code in (("team=blue", "MalformedXML"), ("<Tagging/>", "MalformedXML"),
                              ("<Tagging><TagSet><Tag><Key/><Value/></Tag></TagSet></Tagging>",
                               "InvalidTag")):
            fields = self.v4([("key", "untagged"), ("tagging", tagging)],
                             [{"key": "untagged"}, {"tagging": tagging}])
            self.assert_error(self.post(fields), code, 400)
        self.assertNotIn("untagged", self.keys("forms"))

    def test_nobody_may_tag_what_everybody_may_write(self):
        tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
        self.s3.put_bucket_acl(Bucket="forms", ACL="public-read-write")
        self.addCleanup(self.s3.put_bucket_acl, Bucket="forms", ACL="private")
        self.assert_error(self.post([("key", "k11"), ("tagging", tagging)]), "AccessDenied", 403)
        self.assert_status(self.post([("key", "k11")]), 204)

    def test_names_in_any_case(self):
        fields = self.v4([("Key", "k9"), ("Content-TYPE", "text/z")],
                         [{"KEY": "k9"}, {"content-type": "text/z"}])
        self.assert_status(self.post(fields), 204)
        self.assertEqual(self.s3.head_object(Bucket="forms", Key="k9")["ContentType"], "text/z")

    def test_a_virtual_host(self):
        fields = self.v4([("key", "k10")], [{"key": "k10"}])
        reply = self.send(multipart(fields, b"x"), "/", {"Host": "forms.localhost"})
        self.assert_status(reply, 204)
        self.assertEqual(self.get("forms", "k10"), b"x")


if __name__ == "__main__":
    unittest.main()
