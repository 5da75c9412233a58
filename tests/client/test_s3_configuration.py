"""What is configured for a bucket: put, got, deleted, refused; and what it does."""

import datetime
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from s3 import S3TestCase, md5_base64, utcnow  # noqa: E402
from cloud import wait_until  # noqa: E402

DAY_IN = 1  # second: how long a day of LifecycleTest lasts


class RoundTripTest(S3TestCase):
    """Put, get, delete."""

    # name of the operations, parameter, value, error without it
    CONFIGURATIONS = (
        ("bucket_cors", "CORSConfiguration", {"CORSRules": [
            {"ID": "one", "AllowedOrigins": ["http://*.example.com", "*"],
             "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-*"],
             "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 300},
            {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]},
         "NoSuchCORSConfiguration"),
        ("bucket_website", "WebsiteConfiguration", {
            "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": [{"Condition": {"KeyPrefixEquals": "old/"},
                              "Redirect": {"ReplaceKeyPrefixWith": "new/",
                                           "HttpRedirectCode": "302"}}]},
         "NoSuchWebsiteConfiguration"),
        ("bucket_lifecycle_configuration", "LifecycleConfiguration", {"Rules": [
            {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
             "Expiration": {"Days": 30},
             "Transitions": [{"Days": 10, "StorageClass": "GLACIER"}],
             "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
             "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
            {"ID": "some", "Status": "Disabled", "Expiration": {"Days": 1}, "Filter": {"And": {
                "Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}],
                "ObjectSizeGreaterThan": 100}}}]},
         "NoSuchLifecycleConfiguration"),
        ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "1"},
                                                  {"Key": "ü b", "Value": ""}]},
         "NoSuchTagSet"),
        ("bucket_replication", "ReplicationConfiguration", None,
         "ReplicationConfigurationNotFoundError"),
    )

    DELETERS = {"bucket_lifecycle_configuration": "bucket_lifecycle"}

    def test_each(self):
        for name, parameter, value, missing in self.CONFIGURATIONS:
            bucket = self.new_bucket()
            get, put = (getattr(self.s3, f"{verb}_{name}") for verb in ("get", "put"))
            delete = getattr(self.s3, f"delete_{self.DELETERS.get(name, name)}")
            with self.subTest(name):
                with self.refused(missing, 404):
                    get(Bucket=bucket)
                if value is None:
                    delete(Bucket=bucket)
                    continue
                put(Bucket=bucket, **{parameter: value})
                found = get(Bucket=bucket)
                del found["ResponseMetadata"]
                self.assertEqual(found, value)
                put(Bucket=bucket, **{parameter: value})
                delete(Bucket=bucket)
                with self.refused(missing, 404):
                    get(Bucket=bucket)
                delete(Bucket=bucket)

    def test_encryption(self):
        bucket = self.new_bucket()

        def rules():
            return self.s3.get_bucket_encryption(
                Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]

        def algorithm():
            return rules()[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        self.assertEqual(algorithm(), "AES256")
        arn = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms",
                                                       "KMSMasterKeyID": arn},
                "BucketKeyEnabled": True}
        self.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
            "Rules": [rule]})
        self.assertEqual(rules(), [rule])
        reply = self.put(bucket, "key", b"1")
        self.assertEqual((reply["ServerSideEncryption"], reply["SSEKMSKeyId"]), ("aws:kms", arn))
        self.s3.delete_bucket_encryption(Bucket=bucket)
        self.assertEqual(algorithm(), "AES256")

    def test_policies_of_the_account_survive_a_restart(self):
        cloud = self.start_cloud()
        s3 = cloud.boto3("s3")
        s3.create_bucket(Bucket="kept")
        rules = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}
        s3.put_bucket_cors(Bucket="kept", CORSConfiguration=rules)
        cloud.restart()
        self.assertEqual(s3.get_bucket_cors(Bucket="kept")["CORSRules"], rules["CORSRules"])

    def test_logging(self):
        bucket, target = self.new_bucket(), self.new_bucket()
        self.assertNotIn("LoggingEnabled", self.s3.get_bucket_logging(Bucket=bucket))
        value = {"TargetBucket": target, "TargetPrefix": "log/"}
        self.s3.put_bucket_logging(Bucket=bucket,
                                   BucketLoggingStatus={"LoggingEnabled": value})
        self.assertEqual(self.s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"], value)
        self.s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
        self.assertNotIn("LoggingEnabled", self.s3.get_bucket_logging(Bucket=bucket))
        with self.refused("InvalidTargetBucketForLogging", 400):
            self.s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={
                "LoggingEnabled": {"TargetBucket": "not-there", "TargetPrefix": ""}})

    def test_who_pays(self):
        bucket = self.new_bucket()
        for payer in ("BucketOwner", "Requester", "BucketOwner"):
            self.s3.put_bucket_request_payment(
                Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})
            self.assertEqual(self.s3.get_bucket_request_payment(Bucket=bucket)["Payer"], payer)
        with self.refused("MalformedXML", 400):
            self.s3.put_bucket_request_payment(
                Bucket=bucket, RequestPaymentConfiguration={"Payer": "Me"})

    def test_acceleration(self):
        bucket = self.new_bucket()
        self.assertNotIn("Status", self.s3.get_bucket_accelerate_configuration(Bucket=bucket))
        for status in ("Enabled", "Suspended"):
            self.s3.put_bucket_accelerate_configuration(
                Bucket=bucket, AccelerateConfiguration={"Status": status})
            self.assertEqual(
                self.s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"], status)

    def test_notifications(self):
        bucket = self.new_bucket()
        reply = self.s3.get_bucket_notification_configuration(Bucket=bucket)
        del reply["ResponseMetadata"]
        self.assertEqual(reply, {})


class BadDocumentsTest(S3TestCase):
    SUBRESOURCES = ("accelerate", "cors", "encryption", "lifecycle", "logging", "notification",
                    "object-lock", "ownershipControls", "publicAccessBlock", "replication",
                    "requestPayment", "tagging", "versioning", "website")

    def test_documents_that_are_none(self):
        bucket = self.new_bucket()
        for name in self.SUBRESOURCES:
            for body in (b"not xml", b"<Odd/>", b"<a><b></a>", b"<!DOCTYPE x><x/>",
                         b"<" + b"a" * 100000 + b"/>", b"\xff\xfe", b"<a>" * 1000):
                with self.subTest(name, body=body[:30]):
                    self.raw_refused("MalformedXML", 400, "PUT", f"/{bucket}", name, body=body,
                                     headers={"Content-MD5": md5_base64(body)})

    def test_no_document_at_all(self):
        bucket = self.new_bucket()
        for name in self.SUBRESOURCES:
            with self.subTest(name):
                reply = self.wire.call("PUT", f"/{bucket}", name)
                self.assertEqual(reply.status, 400, reply)
                self.assertIn(reply.code, ("MalformedXML", "MissingRequestBodyError"))

    def test_a_wrong_digest(self):
        bucket = self.new_bucket()
        for name in self.SUBRESOURCES:
            with self.subTest(name):
                self.raw_refused("BadDigest", 400, "PUT", f"/{bucket}", name, body=b"<a/>",
                                 headers={"Content-MD5": md5_base64(b"other")})

    def test_rules_that_mean_nothing(self):
        bucket = self.new_bucket()

        def cors(**rule):
            return lambda: self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={
                "CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], **rule}]})

        def lifecycle(*rules):
            return lambda: self.s3.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})

        def tags(*pairs):
            return lambda: self.s3.put_bucket_tagging(Bucket=bucket, Tagging={
                "TagSet": [{"Key": key, "Value": value} for key, value in pairs]})

        def website(**value):
            return lambda: self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=value)
        rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}}
        for call, code in (
                (cors(AllowedMethods=["OPTIONS"]), "InvalidRequest"),
                (cors(AllowedOrigins=["http://*.*.com"]), "InvalidRequest"),
                (cors(AllowedHeaders=["*-*"]), "InvalidRequest"),
                (lifecycle({**rule, "Expiration": {"Days": 0}}), "InvalidArgument"),
                (lifecycle({**rule, "Expiration": {"Days": 1}},
                           {**rule, "Expiration": {"Days": 2}}), "InvalidArgument"),
                (lifecycle({**rule, "ID": "x" * 256, "Expiration": {"Days": 1}}),
                 "InvalidArgument"),
                (lifecycle(rule), "InvalidRequest"),
                (tags(("a", "1"), ("a", "2")), "InvalidTag"),
                (tags(("k" * 129, "1")), "InvalidTag"), (tags(("k", "v" * 257)), "InvalidTag"),
                (tags(("aws:k", "v")), "InvalidTag"),
                (website(IndexDocument={"Suffix": "a/b"}), "InvalidArgument"),
                (website(IndexDocument={"Suffix": ""}), "InvalidArgument")):
            with self.subTest(code):
                with self.refused(code, 400):
                    call()


class ObjectTagsTest(S3TestCase):
    def put_tags(self, bucket, *pairs):
        self.s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={
            "TagSet": [{"Key": key, "Value": value} for key, value in pairs]})

    def tags(self, bucket):
        return [(tag["Key"], tag["Value"])
                for tag in self.s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"]]

    def test_tags_of_an_object(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1")
        self.assertEqual(self.tags(bucket), [])
        pairs = [("a", "1"), ("b c+ü", "x=y@z"), ("k" * 128, "v" * 256)]
        self.put_tags(bucket, *pairs)
        self.assertEqual(sorted(self.tags(bucket)), sorted(pairs))
        self.assertEqual(self.s3.head_object(Bucket=bucket, Key="key")["ETag"],
                         '"c4ca4238a0b923820dcc509a6f75849b"')
        self.s3.delete_object_tagging(Bucket=bucket, Key="key")
        self.assertEqual(self.tags(bucket), [])

    def test_tags_that_are_none(self):
        bucket = self.new_bucket()
        self.put(bucket, "key", b"1", Tagging="kept=1")
        for pairs in ([("a", "1"), ("a", "2")], [("k" * 129, "")], [("k", "v" * 257)],
                      [("aws:x", "y")], [("a|b", "c")]):
            with self.subTest(pairs[0][0][:10]), self.refused("InvalidTag", 400):
                self.put_tags(bucket, *pairs)
        with self.refused("BadRequest", 400):
            self.put_tags(bucket, *[(f"k{number}", "") for number in range(11)])
        self.assertEqual(self.tags(bucket), [("kept", "1")])
        with self.refused("InvalidArgument", 400):
            self.put(bucket, "key", b"1", Tagging="a=1&a=2")

    def test_tags_of_what_is_not_there(self):
        bucket = self.new_bucket()
        with self.refused("NoSuchKey", 404):
            self.tags(bucket)


class CorsTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="cors")
        cls.s3.put_object(Bucket="cors", Key="key", Body=b"1")
        cls.s3.put_bucket_cors(Bucket="cors", CORSConfiguration={"CORSRules": [
            {"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"],
             "AllowedHeaders": ["x-amz-*", "Content-Type"], "ExposeHeaders": ["ETag", "x-amz-id"],
             "MaxAgeSeconds": 600},
            {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]})

    def preflight(self, origin, method, headers=None, path="/cors/key"):
        sent = {"Origin": origin, "Access-Control-Request-Method": method}
        if headers:
            sent["Access-Control-Request-Headers"] = headers
        return self.wire.send("OPTIONS", path, "", sent)

    def test_a_preflight(self):
        reply = self.preflight("https://www.example.com", "PUT", "x-amz-date, content-type")
        self.assert_status(reply, 200)
        headers = reply.headers
        self.assertEqual(headers["Access-Control-Allow-Origin"], "https://www.example.com")
        self.assertEqual(headers["Access-Control-Allow-Methods"], "GET, PUT")
        self.assertEqual(headers["Access-Control-Allow-Headers"].lower(),
                         "x-amz-date, content-type")
        self.assertEqual(headers["Access-Control-Expose-Headers"], "ETag, x-amz-id")
        self.assertEqual(headers["Access-Control-Max-Age"], "600")
        self.assertEqual(headers["Access-Control-Allow-Credentials"], "true")
        self.assertIn("Origin", headers["Vary"])

    def test_any_origin(self):
        headers = self.preflight("http://anywhere", "HEAD").headers
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        self.assertNotIn("Access-Control-Allow-Credentials", headers)

    def test_refused_preflights(self):
        for arguments in (("https://example.com", "GET"), ("http://www.example.com", "GET"),
                          ("https://www.example.com", "DELETE"),
                          ("https://www.example.com", "GET", "x-other"),
                          ("https://www.example.com", "GET", "content-type,x-other"),
                          ("https://www.example.com.evil.org", "GET")):
            with self.subTest(arguments):
                self.assert_error(self.preflight(*arguments), "AccessForbidden", 403)
        self.s3.create_bucket(Bucket="no-cors")
        self.assert_error(self.preflight("https://www.example.com", "GET", path="/no-cors/key"),
                          "AccessForbidden", 403)

    def test_a_preflight_without_its_headers(self):
        self.assert_status(self.wire.send("OPTIONS", "/cors/key"), 400)
        self.assert_status(self.wire.send("OPTIONS", "/cors/key", "", {
            "Access-Control-Request-Method": "GET"}), 400)

    def test_replies_to_pages(self):
        reply = self.wire.call("GET", "/cors/key", headers={"Origin": "https://a.example.com"})
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "https://a.example.com")
        self.assertEqual(reply.headers["Access-Control-Expose-Headers"], "ETag, x-amz-id")
        reply = self.wire.call("GET", "/cors/key", headers={"Origin": "https://evil.org"})
        self.assert_status(reply, 200)
        self.assertNotIn("Access-Control-Allow-Origin", reply.headers)
        # A page may read why it was refused.
        reply = self.wire.send("GET", "/cors/key", "", {"Origin": "https://a.example.com"})
        self.assert_status(reply, 403)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "https://a.example.com")

    def test_as_large_as_it_may_be(self):
        """A long list must not cost more memory than it has letters, whoever asks for it."""
        def rules(n):
            return ("<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
                    "<AllowedMethod>GET</AllowedMethod>" + "<ExposeHeader>e</ExposeHeader>" * n
                    + "</CORSRule></CORSConfiguration>").encode()
        bucket, most = self.new_bucket(), (65536 - len(rules(0))) // (len(rules(1)) - len(rules(0)))
        for count, status in ((most, 200), (most + 1, 400)):
            body = rules(count)
            reply = self.wire.call("PUT", f"/{bucket}", "cors", body=body,
                                   headers={"Content-MD5": md5_base64(body)})
            self.assert_status(reply, status)
        self.assertEqual(reply.code, "MaxMessageLengthExceeded")
        reply = self.preflight("http://anywhere", "GET", path=f"/{bucket}/key")
        self.assert_status(reply, 200)
        self.assertEqual(reply.headers["Access-Control-Expose-Headers"], ", ".join("e" * most))


class WebsiteTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3.create_bucket(Bucket="website")
        cls.s3.delete_public_access_block(Bucket="website")
        cls.s3.put_bucket_policy(Bucket="website", Policy=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                 "Resource": "arn:aws:s3:::website/*"},
                # Who may not list is not told what is not there.
                {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket",
                 "Resource": "arn:aws:s3:::website"}]}))
        for key in ("index.html", "error.html", "docs/index.html", "page", "new/page"):
            cls.s3.put_object(Bucket="website", Key=key, Body=key.encode(),
                              ContentType="text/html")
        cls.s3.put_object(Bucket="website", Key="moved", WebsiteRedirectLocation="/page")
        cls.s3.put_bucket_website(Bucket="website", WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": [
                {"Condition": {"KeyPrefixEquals": "old/"},
                 "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
                {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "lost/"},
                 "Redirect": {"HostName": "example.com", "ReplaceKeyWith": "found",
                              "Protocol": "https", "HttpRedirectCode": "302"}}]})

    def visit(self, path, host="website.s3-website-us-east-1.amazonaws.com", method="GET"):
        return self.wire.send(method, path, "", {"Host": host})

    def test_pages(self):
        for host in ("website.s3-website-us-east-1.amazonaws.com",
                     "website.s3-website.eu-central-1.amazonaws.com",
                     f"website.website.localhost:{self.wire.port}"):
            for path, body in (("/", b"index.html"), ("/docs/", b"docs/index.html"),
                               ("/page", b"page")):
                with self.subTest(host + path):
                    reply = self.visit(path, host)
                    self.assertEqual((reply.status, reply.bytes), (200, body))
                    self.assertEqual(reply.headers["Content-Type"], "text/html")

    def test_a_page_that_there_is_not(self):
        reply = self.visit("/absent")
        self.assertEqual((reply.status, reply.bytes), (404, b"error.html"))

    def test_a_folder_without_its_slash(self):
        reply = self.visit("/docs")
        self.assertEqual((reply.status, reply.headers["Location"]), (302, "/docs/"))

    def test_redirects(self):
        reply = self.visit("/moved")
        self.assertEqual((reply.status, reply.headers["Location"]), (301, "/page"))
        reply = self.visit("/old/page")
        self.assertEqual(reply.status, 301)
        self.assertTrue(reply.headers["Location"].endswith("/new/page"), reply.headers["Location"])
        reply = self.visit("/lost/thing")
        self.assertEqual((reply.status, reply.headers["Location"]),
                         (302, "https://example.com/found"))

    def test_errors_are_pages(self):
        self.s3.create_bucket(Bucket="no-website")
        for host in ("no-website", "not-there"):
            reply = self.visit("/", f"{host}.s3-website-us-east-1.amazonaws.com")
            self.assertEqual(reply.status, 404, reply)
            self.assertIn("text/html", reply.headers["Content-Type"])
            self.assertIn("<html>", reply.body)

    def test_a_website_is_only_read(self):
        reply = self.visit("/page", method="PUT")
        self.assertEqual(reply.status, 405)
        self.assertEqual(self.visit("/page").bytes, b"page")

    def test_everything_elsewhere(self):
        bucket = self.new_bucket()
        self.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
            "RedirectAllRequestsTo": {"HostName": "www.example.com", "Protocol": "https"}})
        reply = self.visit("/a/b", f"{bucket}.s3-website-us-east-1.amazonaws.com")
        self.assertEqual((reply.status, reply.headers["Location"]),
                         (301, "https://www.example.com/a/b"))


class LifecycleTest(S3TestCase):
    cloud_options = {"backend": "fake", "args": ["--clock-speed", str(86400 / DAY_IN)]}

    def rule(self, bucket, *rules):
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
            "Rules": [{"ID": f"rule {number}", "Status": "Enabled", "Filter": {"Prefix": ""},
                       **rule} for number, rule in enumerate(rules)]})

    def versions(self, bucket):
        reply = self.s3.list_object_versions(Bucket=bucket)
        return len(reply.get("Versions", ())), len(reply.get("DeleteMarkers", ()))

    def test_objects_expire(self):
        bucket = self.new_bucket()
        for key in ("logs/a", "logs/b", "kept"):
            self.put(bucket, key, b"1")
        self.rule(bucket, {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}})
        wait_until(lambda: self.keys(bucket) == ["kept"], 30, "logs/ is empty")

    def test_by_tag_and_size(self):
        bucket = self.new_bucket()
        self.put(bucket, "tagged", b"1", Tagging="temp=yes")
        self.put(bucket, "other", b"1", Tagging="temp=no")
        self.put(bucket, "large", b"1" * 1000)
        self.rule(bucket,
                  {"Filter": {"Tag": {"Key": "temp", "Value": "yes"}}, "Expiration": {"Days": 1}},
                  {"Filter": {"ObjectSizeGreaterThan": 999 - 1}, "Expiration": {"Days": 1}})
        wait_until(lambda: self.keys(bucket) == ["other"], 30, "two are gone")

    def test_versions_expire(self):
        bucket = self.new_versioned_bucket()
        for number in range(3):
            self.put(bucket, "key", b"%d" % number)
        self.rule(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
        wait_until(lambda: self.versions(bucket) == (1, 0), 30, "the old versions are gone")
        self.assertEqual(self.get(bucket, "key"), b"2")

    def test_a_version_becomes_a_marker_and_the_marker_goes(self):
        bucket = self.new_versioned_bucket()
        self.put(bucket, "key", b"1")
        self.rule(bucket, {"Expiration": {"Days": 1}})
        wait_until(lambda: self.versions(bucket) == (1, 1), 30, "a marker is there")
        self.rule(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                           "Expiration": {"ExpiredObjectDeleteMarker": True}})
        wait_until(lambda: self.versions(bucket) == (0, 0), 30, "nothing is there")

    def test_uploads_are_aborted(self):
        bucket = self.new_bucket()
        self.s3.create_multipart_upload(Bucket=bucket, Key="key")
        self.rule(bucket, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
        wait_until(lambda: "Uploads" not in self.s3.list_multipart_uploads(Bucket=bucket), 30,
                   "the upload is gone")

    def test_a_disabled_rule_does_nothing(self):
        bucket, other = self.new_bucket(), self.new_bucket()
        self.put(bucket, "key", b"1")
        self.rule(bucket, {"Status": "Disabled", "Expiration": {"Days": 1}})
        self.put(other, "key", b"1")
        self.rule(other, {"Expiration": {"Days": 1}})
        wait_until(lambda: not self.keys(other), 30, "the other bucket's is gone")
        self.assertEqual(self.keys(bucket), ["key"])

    def test_when_an_object_will_expire(self):
        bucket = self.new_bucket()
        self.rule(bucket, {"Filter": {"Prefix": "x"}, "Expiration": {"Days": 3000}})
        self.assertRegex(self.put(bucket, "x", b"1")["Expiration"],
                         r'^expiry-date="\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT", '
                         r'rule-id="rule(%20| )0"$')
        self.assertIn("Expiration", self.s3.head_object(Bucket=bucket, Key="x"))
        self.assertNotIn("Expiration", self.put(bucket, "y", b"1"))


class ObjectLockTest(S3TestCase):
    def new_locked_bucket(self, **rule):
        bucket = self.new_bucket(ObjectLockEnabledForBucket=True)
        if rule:
            self.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}})
        return bucket

    def until(self, days=1):
        return (utcnow() + datetime.timedelta(days=days)).replace(microsecond=0)

    def delete(self, bucket, version, **options):
        return self.s3.delete_object(Bucket=bucket, Key="key", VersionId=version, **options)

    def test_the_configuration(self):
        bucket = self.new_locked_bucket()
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        found = self.s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        self.assertEqual(found, {"ObjectLockEnabled": "Enabled"})
        value = {"ObjectLockEnabled": "Enabled",
                 "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}
        self.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=value)
        self.assertEqual(
            self.s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"], value)
        with self.refused("InvalidBucketState", 409):
            self.set_versioning(bucket, "Suspended")
        for rule in ({"Mode": "GOVERNANCE"}, {"Mode": "GOVERNANCE", "Days": 0},
                     {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, {"Mode": "Odd", "Days": 1}):
            with self.subTest(rule):
                with self.assertRaises(self.s3.exceptions.ClientError) as caught:
                    self.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
                        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}})
                self.assertIn(caught.exception.response["Error"]["Code"],
                              ("MalformedXML", "InvalidArgument", "InvalidRetentionPeriod"))

    def test_a_bucket_without_locks(self):
        bucket = self.new_bucket()
        with self.refused("ObjectLockConfigurationNotFoundError", 404):
            self.s3.get_object_lock_configuration(Bucket=bucket)
        with self.refused("InvalidRequest", 400):
            self.put(bucket, "key", b"1", ObjectLockMode="GOVERNANCE",
                     ObjectLockRetainUntilDate=self.until())
        self.put(bucket, "key", b"1")
        with self.refused("InvalidRequest", 400):
            self.s3.get_object_retention(Bucket=bucket, Key="key")

    def test_governance(self):
        bucket = self.new_locked_bucket()
        until = self.until()
        version = self.put(bucket, "key", b"1", ObjectLockMode="GOVERNANCE",
                           ObjectLockRetainUntilDate=until)["VersionId"]
        head = self.s3.head_object(Bucket=bucket, Key="key")
        self.assertEqual((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]),
                         ("GOVERNANCE", until))
        with self.refused("AccessDenied", 403):
            self.delete(bucket, version)
        marker = self.s3.delete_object(Bucket=bucket, Key="key")["VersionId"]  # hides it only
        self.delete(bucket, marker)
        self.assertEqual(self.get(bucket, "key"), b"1")
        reply = self.s3.delete_objects(Bucket=bucket, Delete={
            "Objects": [{"Key": "key", "VersionId": version}]})
        self.assertEqual(reply["Errors"][0]["Code"], "AccessDenied")
        self.delete(bucket, version, BypassGovernanceRetention=True)
        with self.refused("NoSuchKey"):
            self.get(bucket, "key")

    def test_compliance(self):
        bucket = self.new_locked_bucket()
        version = self.put(bucket, "key", b"1", ObjectLockMode="COMPLIANCE",
                           ObjectLockRetainUntilDate=self.until())["VersionId"]
        for options in ({}, {"BypassGovernanceRetention": True}):
            with self.refused("AccessDenied", 403):
                self.delete(bucket, version, **options)
        for mode, days in (("COMPLIANCE", 0.5), ("GOVERNANCE", 5)):
            with self.refused("AccessDenied", 403):
                self.s3.put_object_retention(
                    Bucket=bucket, Key="key", BypassGovernanceRetention=True,
                    Retention={"Mode": mode, "RetainUntilDate": self.until(days)})
        longer = self.until(5)
        self.s3.put_object_retention(Bucket=bucket, Key="key", Retention={
            "Mode": "COMPLIANCE", "RetainUntilDate": longer})
        self.assertEqual(self.s3.get_object_retention(Bucket=bucket, Key="key")["Retention"],
                         {"Mode": "COMPLIANCE", "RetainUntilDate": longer})

    def test_a_legal_hold(self):
        bucket = self.new_locked_bucket()
        version = self.put(bucket, "key", b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]

        def hold():
            return self.s3.get_object_legal_hold(Bucket=bucket, Key="key")["LegalHold"]["Status"]
        self.assertEqual(hold(), "ON")
        with self.refused("AccessDenied", 403):
            self.delete(bucket, version, BypassGovernanceRetention=True)
        self.s3.put_object_legal_hold(Bucket=bucket, Key="key", LegalHold={"Status": "OFF"})
        self.assertEqual(hold(), "OFF")
        self.delete(bucket, version)

    def test_the_default_of_the_bucket(self):
        bucket = self.new_locked_bucket(Mode="GOVERNANCE", Days=3)
        version = self.put(bucket, "key", b"1")["VersionId"]
        found = self.s3.get_object_retention(Bucket=bucket, Key="key")["Retention"]
        self.assertEqual(found["Mode"], "GOVERNANCE")
        self.assertLess(abs(found["RetainUntilDate"] - self.until(3)),
                        datetime.timedelta(minutes=5))
        with self.refused("AccessDenied", 403):
            self.delete(bucket, version)
        self.delete(bucket, version, BypassGovernanceRetention=True)

    def test_objects_without_a_lock(self):
        bucket = self.new_locked_bucket()
        self.put(bucket, "key", b"1")
        with self.refused("NoSuchObjectLockConfiguration", 404):
            self.s3.get_object_retention(Bucket=bucket, Key="key")
        with self.refused("NoSuchObjectLockConfiguration", 404):
            self.s3.get_object_legal_hold(Bucket=bucket, Key="key")

    def test_a_date_of_the_past(self):
        bucket = self.new_locked_bucket()
        with self.refused("InvalidArgument", 400):
            self.put(bucket, "key", b"1", ObjectLockMode="GOVERNANCE",
                     ObjectLockRetainUntilDate=self.until(-1))
        with self.refused("InvalidArgument", 400):
            self.put(bucket, "key", b"1", ObjectLockMode="GOVERNANCE")


if __name__ == "__main__":
    unittest.main()
