"""The oracle of S3's replies: every operation is called, and every element and header of its reply
must be known to botocore's model of it. A misspelt element would else just be missing for clients.

What differs on purpose stands in the tables below, each entry with its reason."""

import datetime
import os
import re
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import ROOT  # noqa: E402
from s3 import NAMESPACE, S3TestCase, utcnow  # noqa: E402

TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Headers of every reply.
EVERYWHERE = {"x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region"}

# Newer than Debian 12's botocore.
NEWER_HEADERS = {"x-amz-checksum-type", "x-amz-object-size", "x-amz-checksum-crc64nvme",
                 "x-amz-access-point-alias", "x-amz-transition-default-minimum-object-size"}
NEWER_ELEMENTS = {"ChecksumType", "ChecksumCRC64NVME", "BucketRegion", "Prefix"}
NEWER_VALUES = {"CRC64NVME"}

# Headers that this model has elsewhere only.
MORE_HEADERS = {
    ("HeadObject", "x-amz-tagging-count"),  # newer
    # Which version was meant is told wherever an object is.
    ("GetObjectLegalHold", "x-amz-version-id"),
    ("GetObjectRetention", "x-amz-version-id"),
    ("PutObjectLegalHold", "x-amz-version-id"),
    ("PutObjectRetention", "x-amz-version-id"),
}

# The model has only STANDARD, but versions keep the class they were put with.
ANY_VALUE = {"ListObjectVersions/Version/StorageClass"}

# Operations of ours that are no botocore operation of their own.
NOT_MODELLED = {"PostObject", "GetObjectTorrent"}


def operations():
    with open(os.path.join(ROOT, "api", "s3", "operations.def")) as file:
        return set(re.findall(r"^OPERATION\((\w+),", file.read(), re.MULTILINE)) - NOT_MODELLED


class Checker:
    """Compares replies with the model; `faults` says what was wrong."""

    def __init__(self, service):
        self.service = service
        self.seen = set()
        self.elements = {}  # operation to the paths of elements seen
        self.faults = []

    def __call__(self, response_dict, event_name, **_):
        name = event_name.rpartition(".")[2]
        model = self.service.operation_model(name)
        if response_dict["status_code"] >= 300:
            return
        self.seen.add(name)
        shape = model.output_shape
        self.check_headers(name, shape, response_dict["headers"])
        body = response_dict["body"]
        if not isinstance(body, bytes) or not body.strip() or name == "GetBucketPolicy":
            return
        if shape is None:
            self.faults.append(f"{name}: a body that the model does not have: {body[:200]}")
            return
        root = xml.etree.ElementTree.fromstring(body)
        if not root.tag.startswith(f"{{{NAMESPACE}}}"):
            self.faults.append(f"{name}: the root is {root.tag}")
        payload = shape.serialization.get("payload")
        self.check(name, root, shape.members[payload] if payload else shape, name)

    def check_headers(self, name, shape, headers):
        known = set(EVERYWHERE) | NEWER_HEADERS
        prefixes = []
        for member in shape.members.values() if shape else ():
            where = member.serialization.get("location")
            if where == "header":
                known.add(member.serialization["name"].lower())
            elif where == "headers":
                prefixes.append(member.serialization["name"].lower())
        for header in headers:
            header = header.lower()
            if header.startswith("x-amz-") and header not in known and \
                    (name, header) not in MORE_HEADERS and \
                    not any(header.startswith(prefix) for prefix in prefixes):
                self.faults.append(f"{name}: the model has no header {header}")

    def check(self, name, element, shape, path):
        """A structure: each child must be one of its members."""
        members = {}
        for member_name, member in shape.members.items():
            if member.serialization.get("location"):
                continue
            wire = member.serialization.get("name", member_name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                wire = member.serialization.get(
                    "name", member.member.serialization.get("name", member_name))
            members[wire] = member
        for child in element:
            tag = child.tag.rpartition("}")[2]
            inner = f"{path}/{tag}"
            if not child.tag.startswith(f"{{{NAMESPACE}}}"):
                self.faults.append(f"{inner} is not in S3's namespace")
            if tag not in members:
                if tag not in NEWER_ELEMENTS:
                    self.faults.append(f"{inner} is not in the model")
                continue
            self.elements.setdefault(name, set()).add(inner)
            self.check_value(name, child, members[tag], inner)

    def check_value(self, name, element, shape, path):
        if shape.type_name == "list":
            if shape.serialization.get("flattened"):
                self.check_value(name, element, shape.member, path)
                return
            wanted = shape.member.serialization.get("name", "member")
            for item in element:
                tag = item.tag.rpartition("}")[2]
                if tag != wanted:
                    self.faults.append(f"{path} has items <{tag}>, the model's are <{wanted}>")
                self.check_value(name, item, shape.member, f"{path}/{tag}")
        elif shape.type_name == "structure":
            self.check(name, element, shape, path)
        elif len(element):
            self.faults.append(f"{path} has children, in the model it is {shape.type_name}")
        else:
            self.check_text(element.text or "", shape, path)

    def check_text(self, text, shape, path):
        forms = {"integer": r"-?\d+", "long": r"-?\d+", "boolean": "true|false",
                 "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"}
        form = forms.get(shape.type_name)
        if form and not re.fullmatch(form, text):
            self.faults.append(f"{path} is '{text}', in the model it is {shape.type_name}")
        values = getattr(shape, "enum", None)
        # An empty LocationConstraint is us-east-1.
        if values and text and text not in NEWER_VALUES.union(values) and path not in ANY_VALUE:
            self.faults.append(f"{path} is '{text}', which the model does not know")


class ReplyTest(S3TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A client of its own: the checker is its alone.
        cls.checker = Checker(cls.s3.meta.service_model)
        cls.s3.meta.events.register("response-received.s3", cls.checker)

    def test_every_reply_is_the_models(self):
        for step in (self.buckets, self.configurations, self.objects, self.lists, self.versions,
                     self.parts, self.locks, self.removals):
            step()
        self.assertEqual(self.checker.faults, [])
        self.assertEqual(sorted(operations() - self.checker.seen), [],
                         "operations that this script does not call")
        self.check_elements()

    def buckets(self):
        self.s3.create_bucket(Bucket="shapes", ObjectOwnership="ObjectWriter")
        self.s3.create_bucket(Bucket="elsewhere",
                              CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.list_buckets()
        self.s3.head_bucket(Bucket="shapes")
        for name in ("shapes", "elsewhere"):
            self.s3.get_bucket_location(Bucket=name)

    def configurations(self):
        bucket = {"Bucket": "shapes"}
        s3 = self.s3
        s3.get_bucket_ownership_controls(**bucket)
        s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration={
            "BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False,
            "RestrictPublicBuckets": False})
        s3.get_public_access_block(**bucket)
        s3.put_bucket_acl(**bucket, ACL="public-read")
        s3.get_bucket_acl(**bucket)
        s3.put_bucket_acl(**bucket, ACL="private")
        s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": [
            {"ID": "x", "AllowedOrigins": ["*", "a"], "AllowedMethods": ["GET"],
             "AllowedHeaders": ["a", "b"], "ExposeHeaders": ["c"], "MaxAgeSeconds": 1}]})
        s3.get_bucket_cors(**bucket)
        s3.delete_bucket_cors(**bucket)
        s3.put_bucket_website(**bucket, WebsiteConfiguration={
            "IndexDocument": {"Suffix": "i"}, "ErrorDocument": {"Key": "e"},
            "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a"},
                              "Redirect": {"HostName": "h", "ReplaceKeyPrefixWith": "b"}}]})
        s3.get_bucket_website(**bucket)
        s3.delete_bucket_website(**bucket)
        s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": [
            {"ID": "x", "Status": "Enabled", "Expiration": {"Days": 3000},
             "Filter": {"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}]}},
             "Transitions": [{"Days": 2000, "StorageClass": "GLACIER"}],
             "NoncurrentVersionTransitions": [{"NoncurrentDays": 2000,
                                               "StorageClass": "GLACIER"}],
             "NoncurrentVersionExpiration": {"NoncurrentDays": 3000}}]})
        s3.get_bucket_lifecycle_configuration(**bucket)
        s3.delete_bucket_lifecycle(**bucket)
        s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
        s3.get_bucket_encryption(**bucket)
        s3.delete_bucket_encryption(**bucket)
        s3.put_bucket_tagging(**bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"},
                                                            {"Key": "c", "Value": "d"}]})
        s3.get_bucket_tagging(**bucket)
        s3.delete_bucket_tagging(**bucket)
        s3.put_bucket_policy(**bucket, Policy="""{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
             "Resource": "arn:aws:s3:::shapes/public/*"}]}""")
        s3.get_bucket_policy(**bucket)
        s3.get_bucket_policy_status(**bucket)
        s3.delete_bucket_policy(**bucket)
        s3.put_bucket_logging(**bucket, BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": "shapes", "TargetPrefix": "p"}})
        s3.get_bucket_logging(**bucket)
        s3.put_bucket_accelerate_configuration(**bucket,
                                               AccelerateConfiguration={"Status": "Enabled"})
        s3.get_bucket_accelerate_configuration(**bucket)
        s3.put_bucket_request_payment(**bucket,
                                      RequestPaymentConfiguration={"Payer": "BucketOwner"})
        s3.get_bucket_request_payment(**bucket)
        s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={})
        s3.get_bucket_notification_configuration(**bucket)
        s3.delete_public_access_block(**bucket)
        s3.put_bucket_ownership_controls(**bucket, OwnershipControls={
            "Rules": [{"ObjectOwnership": "ObjectWriter"}]})
        if "PutBucketReplication" in operations():
            self.replication()

    def replication(self):
        for name in ("shapes-from", "shapes-to"):
            self.s3.create_bucket(Bucket=name)
            self.set_versioning(name, "Enabled")
        self.s3.put_bucket_replication(Bucket="shapes-from", ReplicationConfiguration={
            "Role": f"arn:aws:iam::{self.cloud.credentials['account_id']}:role/r", "Rules": [
                {"ID": "x", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
                 "DeleteMarkerReplication": {"Status": "Disabled"},
                 "Destination": {"Bucket": "arn:aws:s3:::shapes-to"}}]})
        self.s3.get_bucket_replication(Bucket="shapes-from")
        self.s3.delete_bucket_replication(Bucket="shapes-from")

    def objects(self):
        s3, where = self.s3, {"Bucket": "shapes", "Key": "key"}
        s3.put_object(**where, Body=b"1", Metadata={"a": "b"}, Tagging="a=b",
                      ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA",
                      CacheControl="x", ContentLanguage="x", ContentDisposition="x",
                      ContentEncoding="x", Expires=utcnow(), WebsiteRedirectLocation="/x")
        s3.get_object(**where, ChecksumMode="ENABLED")["Body"].read()
        s3.head_object(**where, ChecksumMode="ENABLED")
        s3.get_object(**where, Range="bytes=0-0")["Body"].read()
        s3.get_object_attributes(**where, ObjectAttributes=[
            "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
        s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        s3.get_object_tagging(**where)
        s3.delete_object_tagging(**where)
        s3.put_object_acl(**where, ACL="private")
        s3.get_object_acl(**where)
        s3.copy_object(Bucket="shapes", Key="copy", CopySource=where, ChecksumAlgorithm="SHA1")
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
        s3.put_object(Bucket="shapes", Key="secret", Body=b"1", **key)
        s3.get_object(Bucket="shapes", Key="secret", **key)["Body"].read()
        if "RestoreObject" in operations():
            s3.put_object(Bucket="shapes", Key="archived", Body=b"1", StorageClass="GLACIER")
            s3.restore_object(Bucket="shapes", Key="archived", RestoreRequest={
                "Days": 1, "GlacierJobParameters": {"Tier": "Standard"}})
        if "SelectObjectContent" in operations():
            self.fail("call it here")

    def lists(self):
        for number in range(3):
            self.put("shapes", f"list/{number}/x")
        for call in (self.s3.list_objects, self.s3.list_objects_v2):
            call(Bucket="shapes")
            call(Bucket="shapes", Prefix="list/", Delimiter="/", MaxKeys=2)
            call(Bucket="shapes", EncodingType="url", Prefix="list/", Delimiter="/")
        reply = self.s3.list_objects_v2(Bucket="shapes", MaxKeys=1, FetchOwner=True)
        self.s3.list_objects_v2(Bucket="shapes", ContinuationToken=reply["NextContinuationToken"],
                                StartAfter="a")
        self.s3.list_objects(Bucket="shapes", Marker="a")

    def versions(self):
        self.s3.get_bucket_versioning(Bucket="shapes")
        self.set_versioning("shapes", "Enabled")
        self.s3.get_bucket_versioning(Bucket="shapes")
        version = self.put("shapes", "version", b"1")["VersionId"]
        self.get("shapes", "version", VersionId=version)
        self.s3.copy_object(Bucket="shapes", Key="copy", CopySource={
            "Bucket": "shapes", "Key": "version", "VersionId": version})
        self.s3.delete_object(Bucket="shapes", Key="version")
        self.s3.list_object_versions(Bucket="shapes")
        reply = self.s3.list_object_versions(Bucket="shapes", MaxKeys=1, Delimiter="/",
                                             EncodingType="url")
        self.s3.list_object_versions(Bucket="shapes", KeyMarker=reply["NextKeyMarker"])

    def parts(self):
        s3, where = self.s3, {"Bucket": "shapes", "Key": "parts"}
        upload = {"UploadId": s3.create_multipart_upload(
            **where, ChecksumAlgorithm="SHA256")["UploadId"]}
        etag = s3.upload_part(**where, **upload, PartNumber=1, Body=b"1",
                              ChecksumAlgorithm="SHA256")
        s3.upload_part_copy(**where, **upload, PartNumber=2,
                            CopySource={"Bucket": "shapes", "Key": "copy"})
        s3.list_parts(**where, **upload)
        s3.list_parts(**where, **upload, MaxParts=1)
        s3.list_multipart_uploads(Bucket="shapes")
        s3.list_multipart_uploads(Bucket="shapes", MaxUploads=1, Delimiter="/",
                                  EncodingType="url")
        s3.complete_multipart_upload(**where, **upload, MultipartUpload={"Parts": [
            {"PartNumber": 1, "ETag": etag["ETag"], "ChecksumSHA256": etag["ChecksumSHA256"]}]})
        s3.head_object(**where, PartNumber=1)
        s3.get_object_attributes(**where, ObjectAttributes=["Checksum", "ObjectParts"])
        other = s3.create_multipart_upload(**where)["UploadId"]
        s3.abort_multipart_upload(**where, UploadId=other)

    def locks(self):
        s3, where = self.s3, {"Bucket": "shapes-locked", "Key": "key"}
        s3.create_bucket(Bucket="shapes-locked", ObjectLockEnabledForBucket=True)
        s3.get_object_lock_configuration(Bucket="shapes-locked")
        s3.put_object_lock_configuration(Bucket="shapes-locked", ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
        s3.get_object_lock_configuration(Bucket="shapes-locked")
        s3.put_object(**where, Body=b"1")
        s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
        s3.get_object_legal_hold(**where)
        s3.put_object_retention(**where, Retention={
            "Mode": "GOVERNANCE", "RetainUntilDate": utcnow() + datetime.timedelta(days=9)})
        s3.get_object_retention(**where)
        s3.get_object(**where)["Body"].read()

    def removals(self):
        self.s3.delete_object(Bucket="shapes", Key="key", VersionId="null")
        reply = self.s3.delete_objects(Bucket="shapes", Delete={"Objects": [
            {"Key": "list/0/x"}, {"Key": "never"}]})
        self.s3.delete_objects(Bucket="shapes", Delete={"Objects": [
            {"Key": item["Key"], "VersionId": item["DeleteMarkerVersionId"]}
            for item in reply["Deleted"]]})
        locked = self.s3.list_object_versions(Bucket="shapes-locked")["Versions"][0]
        self.s3.delete_objects(Bucket="shapes-locked", Delete={"Objects": [
            {"Key": "key", "VersionId": locked["VersionId"]}]})
        self.s3.delete_bucket_ownership_controls(Bucket="shapes")
        self.s3.delete_bucket(Bucket="elsewhere")

    def check_elements(self):
        """Elements that clients rely on, and the script has made to come."""
        wanted = {
            "ListBuckets": "Owner/ID Buckets/Name Buckets/CreationDate",
            "ListObjects": "Name Prefix Marker MaxKeys IsTruncated Contents/Key Contents/ETag "
                           "Contents/LastModified Contents/Size Contents/StorageClass "
                           "Contents/Owner/ID CommonPrefixes/Prefix NextMarker EncodingType",
            "ListObjectsV2": "Name Prefix MaxKeys KeyCount IsTruncated Contents/Key "
                             "Contents/LastModified ContinuationToken NextContinuationToken "
                             "StartAfter CommonPrefixes/Prefix Contents/Owner/ID",
            "ListObjectVersions": "Version/Key Version/VersionId Version/IsLatest Version/ETag "
                                  "Version/LastModified Version/Size Version/StorageClass "
                                  "Version/Owner/ID DeleteMarker/Key DeleteMarker/VersionId "
                                  "DeleteMarker/IsLatest DeleteMarker/Owner/ID NextKeyMarker",
            "ListParts": "Bucket Key UploadId Part/PartNumber Part/ETag Part/LastModified "
                         "Part/Size Initiator/ID Owner/ID StorageClass NextPartNumberMarker",
            "ListMultipartUploads": "Bucket Upload/Key Upload/UploadId Upload/Initiated "
                                    "Upload/StorageClass Upload/Owner/ID Upload/Initiator/ID",
            "CompleteMultipartUpload": "Location Bucket Key ETag",
            "CopyObject": "ETag LastModified",
            "DeleteObjects": "Deleted/Key Deleted/VersionId Deleted/DeleteMarker "
                             "Deleted/DeleteMarkerVersionId Error/Key Error/Code Error/Message",
        }
        for name, paths in wanted.items():
            seen = self.checker.elements.get(name, set())
            paths = {path.replace("Buckets/", "Buckets/Bucket/") for path in paths.split()}
            missing = sorted(path for path in paths if f"{name}/{path}" not in seen)
            self.assertEqual(missing, [], name)


if __name__ == "__main__":
    unittest.main()
