"""A boto3 client of S3 Control whose model has the tags of resources, which Debian 12's has not:
they are added to it as the API reference has them (ListTagsForResource, TagResource,
UntagResource)."""

import unittest

PATH = "/v20180820/tags/{resourceArn+}"
XMLNS = "http://awss3control.amazonaws.com/doc/2018-08-20/"
IN_ALL = {
    "AccountId": {"shape": "AccountId", "location": "header", "locationName": "x-amz-account-id",
                  "hostLabel": True, "contextParam": {"name": "AccountId"}},
    "ResourceArn": {"shape": "CumuletResourceArn", "location": "uri",
                    "locationName": "resourceArn", "contextParam": {"name": "ResourceArn"}},
}


def _structure(required=(), **members):
    return {"type": "structure", "required": list(required), "members": members}


SHAPES = {
    "CumuletResourceArn": {"type": "string", "max": 1011},
    "CumuletTagText": {"type": "string"},
    "CumuletTag": _structure(["Key", "Value"], Key={"shape": "CumuletTagText"},
                             Value={"shape": "CumuletTagText"}),
    "CumuletTagList": {"type": "list",
                       "member": {"shape": "CumuletTag", "locationName": "Tag"}},
    "CumuletKeyList": {"type": "list", "member": {"shape": "CumuletTagText"}},
    "ListTagsForResourceRequest": _structure(["AccountId", "ResourceArn"], **IN_ALL),
    "ListTagsForResourceResult": _structure(Tags={"shape": "CumuletTagList"}),
    "TagResourceRequest": _structure(["AccountId", "ResourceArn", "Tags"], **IN_ALL,
                                     Tags={"shape": "CumuletTagList"}),
    "TagResourceResult": _structure(),
    "UntagResourceRequest": _structure(
        ["AccountId", "ResourceArn", "TagKeys"], **IN_ALL,
        TagKeys={"shape": "CumuletKeyList", "location": "querystring", "locationName": "tagKeys"}),
    "UntagResourceResult": _structure(),
}


def _operation(name, method, status, **more):
    return {"name": name, "http": {"method": method, "requestUri": PATH, "responseCode": status},
            "input": {"shape": name + "Request", **more}, "output": {"shape": name + "Result"},
            "endpoint": {"hostPrefix": "{AccountId}."},
            "staticContextParams": {"RequiresAccountId": {"value": True}}}


OPERATIONS = {
    "ListTagsForResource": _operation("ListTagsForResource", "GET", 200),
    "TagResource": _operation("TagResource", "POST", 204, locationName="TagResourceRequest",
                              xmlNamespace={"uri": XMLNS}),
    "UntagResource": _operation("UntagResource", "DELETE", 204),
}


def add_operations(loader):
    """Completes the model that a botocore loader has of S3 Control, and keeps."""
    model = loader.load_service_model("s3control", "service-2")
    if "TagResource" not in model["operations"]:
        model["shapes"].update(SHAPES)
        model["operations"].update(OPERATIONS)


def s3_control(cloud, **options):
    """A client; its addresses have the account before the cloud's host, as AWS's have."""
    try:
        import boto3
        import botocore.session
    except ImportError:
        raise unittest.SkipTest("no boto3 here (apt-get install python3-boto3)") from None
    inner = botocore.session.Session()
    add_operations(inner.get_component("data_loader"))
    credentials = cloud.credentials
    return boto3.session.Session(botocore_session=inner).client("s3control", **{
        "endpoint_url": cloud.endpoint.replace("127.0.0.1", "localhost"),
        "region_name": credentials["region"],
        "aws_access_key_id": credentials["aws_access_key_id"],
        "aws_secret_access_key": credentials["aws_secret_access_key"], **options})
