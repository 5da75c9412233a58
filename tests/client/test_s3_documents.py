"""The oracle of S3's XML bodies: the tables of api/s3/documents.def against botocore's model.

Every element of the model must be known, of its kind, as often as the model has it. What differs on
purpose stands in the tables below, each entry with its reason."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import BUILD  # noqa: E402
from s3_control import add_operations  # noqa: E402

try:
    import botocore.session
except ImportError:
    raise unittest.SkipTest("no botocore here (apt-get install python3-boto3)") from None

DUMP_DOCUMENTS = os.path.join(BUILD, "tests", "lib", "dump_documents")

# Elements that this model does not have.
MORE = {
    # Newer than Debian 12's botocore.
    "BucketLoggingStatus/LoggingEnabled/TargetObjectKeyFormat",
    "CompleteMultipartUpload/Part/ChecksumCRC64NVME",
    "CompleteMultipartUpload/Part/ChecksumMD5",
    "CompleteMultipartUpload/Part/ChecksumSHA512",
    "CompleteMultipartUpload/Part/ChecksumXXHASH128",
    "CompleteMultipartUpload/Part/ChecksumXXHASH3",
    "CompleteMultipartUpload/Part/ChecksumXXHASH64",
    "CreateBucketConfiguration/Bucket",
    "CreateBucketConfiguration/Location",
    "CreateBucketConfiguration/Tags",
    "Delete/Object/ETag",
    "Delete/Object/LastModifiedTime",
    "Delete/Object/Size",
    "ServerSideEncryptionConfiguration/Rule/BlockedEncryptionTypes",
}

# Required by us, but not by the model: without them AWS says MalformedXML.
MORE_REQUIRED = {
    "AccessControlPolicy/AccessControlList/Grant/Grantee",
    "AccessControlPolicy/AccessControlList/Grant/Permission",
    "BucketLoggingStatus/LoggingEnabled/TargetGrants/Grant/Grantee",
    "BucketLoggingStatus/LoggingEnabled/TargetGrants/Grant/Permission",
    "CompleteMultipartUpload/Part",
    "CompleteMultipartUpload/Part/ETag",
    "CompleteMultipartUpload/Part/PartNumber",
    "LegalHold/Status",
    "LifecycleConfiguration/Rule/NoncurrentVersionTransition/StorageClass",
    "LifecycleConfiguration/Rule/Transition/StorageClass",
    "RestoreRequest/OutputLocation/S3/AccessControlList/Grant/Grantee",
    "RestoreRequest/OutputLocation/S3/AccessControlList/Grant/Permission",
}

# An error of its own says that the value is none of the model's.
ANY_TEXT = {
    "CreateBucketConfiguration/LocationConstraint",
    "NotificationConfiguration/CloudFunctionConfiguration/Event",
    "NotificationConfiguration/CloudFunctionConfiguration/Filter/S3Key/FilterRule/Name",
    "NotificationConfiguration/QueueConfiguration/Event",
    "NotificationConfiguration/QueueConfiguration/Filter/S3Key/FilterRule/Name",
    "NotificationConfiguration/TopicConfiguration/Event",
    "NotificationConfiguration/TopicConfiguration/Filter/S3Key/FilterRule/Name",
    "RestoreRequest/OutputLocation/S3/CannedACL",
    "WebsiteConfiguration/RedirectAllRequestsTo/Protocol",
    "WebsiteConfiguration/RoutingRules/RoutingRule/Redirect/Protocol",
}

# Values newer than Debian 12's botocore.
NEWER_VALUES = {"aws:fsx", "aws:kms:dsse", "EXPRESS_ONEZONE", "FSX_ONTAP", "FSX_OPENZFS", "SNOW"}

KINDS = {
    "boolean": "bool",
    "integer": "int",
    "long": "int",
    "string": "text",
    "structure": "struct",
    "timestamp": "time",
}

# The other root of a document: ec2-upload-bundle's.
ALIASES = {"CreateBucketConstraint": "CreateBucketConfiguration"}


class Expected:
    """An element as the model has it."""

    def __init__(self, kind, required, many, values=(), children=None):
        self.kind = kind
        self.required = required
        self.many = many
        self.values = set(values)
        self.children = children

    @classmethod
    def of(cls, shape, required, many=False):
        if shape.type_name == "structure":
            return cls("struct", required, many, children=children_of(shape))
        values = getattr(shape, "enum", None) or ()
        return cls("enum" if values else KINDS[shape.type_name], required, many, values)


def children_of(structure):
    """Wire name to Expected: botocore/serialize.py, BaseRestSerializer and RestXMLSerializer."""
    children = {}
    for name, shape in structure.members.items():
        required = name in structure.required_members
        wire = shape.serialization.get("name", name)
        if shape.serialization.get("xmlAttribute"):
            children["type"] = Expected("type", required, False, shape.enum)
        elif shape.type_name != "list":
            children[wire] = Expected.of(shape, required)
        elif shape.serialization.get("flattened"):
            wire = shape.serialization.get("name", shape.member.serialization.get("name", name))
            children[wire] = Expected.of(shape.member, required, many=True)
        else:
            item = shape.member.serialization["name"]
            inner = Expected.of(shape.member, False, many=True)
            children[wire] = Expected("struct", required, False, children={item: inner})
    return children


def documents_of(service):
    """Every document that a request's body can be: its root and the structure."""
    documents = {}
    for name in service.operation_names:
        shape = service.operation_model(name).input_shape
        payload = shape.serialization.get("payload") if shape else None
        if payload and shape.members[payload].type_name == "structure":
            member = shape.members[payload]
            documents[member.serialization.get("name", payload)] = member
    return documents


def control_documents(session):
    """S3 Control's: the root is the structure of the request, with what is not in its path."""
    add_operations(session.get_component("data_loader"))
    shape = session.get_service_model("s3control").operation_model("TagResource").input_shape
    for name in [name for name, member in shape.members.items()
                 if "location" in member.serialization]:
        del shape.members[name]
    return {"TagResourceRequest": shape}


class Check:
    """One document against the model."""

    def __init__(self):
        self.faults = []

    def say(self, text):
        self.faults.append(text)

    def structure(self, path, rows, expected):
        ours = {row["name"]: row for row in rows}
        for name in sorted(set(expected) - set(ours)):
            self.say(f"{path}/{name} is missing")
        for name, row in ours.items():
            inner = f"{path}/{name}"
            if name in expected:
                self.element(inner, row, expected[name])
            elif inner not in MORE:
                self.say(f"{inner} is not in the model")

    def element(self, path, row, expected):
        kind = expected.kind
        if path in ANY_TEXT and row["kind"] == "text":
            kind = "text"
        # An enumeration that this model has as text.
        if row["kind"] != kind:
            self.say(f"{path} is {row['kind']}, the model has {expected.kind}")
            return
        if row["many"] != expected.many and path != "OwnershipControls/Rule" and \
                path != "ServerSideEncryptionConfiguration/Rule":  # lists of one
            self.say(f"{path} comes {'often' if row['many'] else 'once'}, not so in the model")
        if expected.required and not row["min"]:
            self.say(f"{path} is required by the model")
        if row["min"] and not expected.required and path not in MORE_REQUIRED:
            self.say(f"{path} is not required by the model")
        if kind == "enum" or kind == "type":
            self.values(path, set(row["values"]), expected.values)
        if kind == "struct":
            self.structure(path, row["children"], expected.children)

    def values(self, path, ours, theirs):
        for value in sorted(theirs - ours):
            self.say(f"{path} may be '{value}'")
        for value in sorted(ours - theirs - NEWER_VALUES):
            self.say(f"{path} may be '{value}', which the model does not know")


def load_tests(loader, tests, pattern):
    """A test a document."""
    if not os.path.exists(DUMP_DOCUMENTS):
        raise FileNotFoundError(f"{DUMP_DOCUMENTS} is not built")
    dump = json.loads(subprocess.run([DUMP_DOCUMENTS], check=True, stdout=subprocess.PIPE).stdout)
    session = botocore.session.get_session()
    models = {**documents_of(session.get_service_model("s3")), **control_documents(session)}
    for root, rows in dump.items():
        tests.addTest(DocumentTest(root, rows, models.get(ALIASES.get(root, root))))
    return tests


class DocumentTest(unittest.TestCase):
    def __init__(self, root, rows, model):
        super().__init__("check")
        self.root, self.rows, self.model = root, rows, model

    def id(self):
        return f"test_s3_documents.{self.root}"

    def check(self):
        self.assertIsNotNone(self.model, "the model has no such document")
        check = Check()
        check.structure(ALIASES.get(self.root, self.root), self.rows, children_of(self.model))
        if check.faults:
            self.fail("\n".join(check.faults))


if __name__ == "__main__":
    unittest.main()
