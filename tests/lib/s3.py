"""S3 for tests: buckets, refusals and raw requests.

    class Objects(S3TestCase):
        def test_an_object_is_there_again(self):
            bucket = self.new_bucket()
            self.put(bucket, "key", b"bytes")
            self.assertEqual(self.get(bucket, "key"), b"bytes")

S3Wire sends what no decent client would: it signs (V4 and V2) what a test wants signed, and sends
what a test wants sent."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import itertools
import os
import re
import socket
import tempfile
import unittest.mock
import urllib.parse
import zlib

from cloud import CloudError, CloudTestCase
from wire import Reply

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
MIB = 1024 * 1024
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

_numbers = itertools.count(1)


def unique_bucket(prefix="bucket"):
    """A name that nothing of this process has."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


def random_bytes(size, seed=1):
    """The same bytes for the same seed."""
    return hashlib.shake_128(b"%d" % seed).digest(size)


def md5_base64(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def sha256_base64(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def crc64nvme(data):
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x9A6C9329AC4BC9B5 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFFFFFFFFFF


def checksums(data):
    """Algorithm to the value of its header."""
    def text(raw):
        return base64.b64encode(raw).decode()
    return {"CRC32": text(zlib.crc32(data).to_bytes(4, "big")),
            "CRC32C": text(crc32c(data).to_bytes(4, "big")),
            "CRC64NVME": text(crc64nvme(data).to_bytes(8, "big")),
            "SHA1": text(hashlib.sha1(data).digest()),
            "SHA256": text(hashlib.sha256(data).digest())}


def quote(text):
    """A key as it stands in a path."""
    return urllib.parse.quote(text, safe="/-_.~")


def utcnow():
    return datetime.datetime.now(datetime.timezone.utc)


def object_files(cloud):
    """Every file that holds bytes of objects."""
    found = []
    for directory, _, names in os.walk(os.path.join(cloud.state, "objects")):
        found += [os.path.join(directory, name) for name in names]
    return sorted(found)


@contextlib.contextmanager
def localhost_names():
    """bucket.localhost is this computer for this process; nobody is asked for it."""
    real = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name and name.endswith(".localhost"):
            host = "127.0.0.1"
        return real(host, *arguments, **options)

    with unittest.mock.patch("socket.getaddrinfo", getaddrinfo):
        yield


class Folder:
    """For tests with files: a scratch folder, `folder`."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, data=None):
        """The path of a file; written, if data is given."""
        path = os.path.join(self.folder, name)
        if data is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        return path

    def read(self, name):
        with open(self.file(name), "rb") as file:
            return file.read()


class S3TestCase(CloudTestCase):
    cloud_options = {"backend": "fake"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3 = cls.cloud.boto3("s3")
        cls.wire = S3Wire(cls.cloud)

    def new_bucket(self, prefix="bucket", client=None, **options):
        name = unique_bucket(prefix)
        (client or self.s3).create_bucket(Bucket=name, **options)
        return name

    def new_versioned_bucket(self, **options):
        bucket = self.new_bucket(**options)
        self.set_versioning(bucket, "Enabled")
        return bucket

    def set_versioning(self, bucket, status):
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    def put(self, bucket, key, body=b"", **options):
        return self.s3.put_object(Bucket=bucket, Key=key, Body=body, **options)

    def get(self, bucket, key, **options):
        return self.s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()

    def keys(self, bucket, **options):
        reply = self.s3.list_objects_v2(Bucket=bucket, **options)
        return [item["Key"] for item in reply.get("Contents", ())]

    @contextlib.contextmanager
    def refused(self, code, status=None):
        """The block's last call is refused with that code; the context is the error's reply."""
        from botocore.exceptions import ClientError
        error = {}
        try:
            yield error
        except ClientError as caught:
            error.update(caught.response)
        else:
            self.fail(f"{code} was not raised")
        self.assertEqual(error["Error"]["Code"], code, error)
        if status is not None:
            self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], status, error)

    def assert_status(self, reply, status):
        self.assertEqual(reply.status, status, reply)

    def assert_error(self, reply, code, status):
        """A raw reply is S3's error document."""
        self.assertEqual((reply.status, reply.code), (status, code), reply)
        self.assertEqual(reply.root.tag, "Error")  # in no namespace
        self.assertTrue(reply.text("Message"), reply)
        self.assertEqual(reply.text("RequestId"), reply.headers["x-amz-request-id"])
        self.assertTrue(reply.text("HostId"), reply)
        self.assertEqual(reply.headers["Content-Type"], "application/xml")

    def raw_refused(self, code, status, *arguments, **options):
        reply = self.wire.call(*arguments, **options)
        self.assert_error(reply, code, status)
        return reply

    @classmethod
    def new_account(cls, name=None):
        """Another account: OtherAccount."""
        return OtherAccount(cls.cloud, name or unique_bucket("account"))


class OtherAccount:
    """One that `cumulet account create` made: its boto3 client s3, id, canonical_id."""

    def __init__(self, cloud, name):
        out = cloud.cumulet("account", "create", name, "--env", "OTHER").stdout
        found = dict(re.findall(r"""^(?:export )?OTHER_(\w+)=["']?([^"'\n]*)["']?$""", out,
                                re.MULTILINE))
        if not {"KEY", "SECRET", "ID", "ACCOUNT"} <= set(found):
            raise CloudError(f"cumulet account create said {out!r}")
        self.name = name
        self.key, self.secret = found["KEY"], found["SECRET"]
        self.canonical_id, self.account_id = found["ID"], found["ACCOUNT"]
        self.credentials = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
        self.s3 = cloud.boto3("s3", **self.credentials)


class S3Reply(Reply):
    """Bodies may be any bytes."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.bytes = status, headers, body

    @property
    def body(self):
        return self.bytes.decode(errors="replace")

    @property
    def code(self):
        """The error's code; None of a success or where there is no document."""
        return self.text("Code") if self.status >= 300 and self.bytes else None


def canonical_query(query):
    """The query's parameters as V4 wants them: one that has no "=" gets one."""
    pairs = []
    for item in query.split("&") if query else ():
        name, _, value = item.partition("=")
        pairs.append((urllib.parse.quote(urllib.parse.unquote(name), safe="-_.~"),
                      urllib.parse.quote(urllib.parse.unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


# What the string to sign of V2 has of a query.
V2_SUBRESOURCES = (
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber",
    "policy", "requestPayment", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "response-content-language", "response-content-type",
    "response-expires", "restore", "tagging", "torrent", "uploadId", "uploads", "versionId",
    "versioning", "versions", "website")


class S3Wire:
    """Requests by hand. The path is sent as it is; it and the query are encoded by the caller."""

    def __init__(self, cloud, key=None, secret=None):
        credentials = cloud.credentials
        self.key = key or credentials["aws_access_key_id"]
        self.secret = secret or credentials["aws_secret_access_key"]
        self.region = credentials["region"]
        self.address, _, port = cloud.endpoint.partition("//")[2].rstrip("/").partition(":")
        self.port = int(port)
        self.host = f"{self.address}:{self.port}"

    # --- sending ---

    def send(self, method, path, query="", headers=None, body=None, timeout=60):
        """One request as it is, on a connection of its own. headers may have Host."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        headers = dict(headers or {})
        try:
            connection.putrequest(method, path + ("?" + query if query else ""), skip_host=True,
                                  skip_accept_encoding=True)
            names = {name.lower() for name in headers}
            if "host" not in names:
                connection.putheader("Host", self.host)
            chunked = "transfer-encoding" in names
            if "content-length" not in names and not chunked and (
                    body is not None or method in ("PUT", "POST")):
                connection.putheader("Content-Length", str(len(body or b"")))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body, encode_chunked=False)
            response = connection.getresponse()
            return S3Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def connect(self, timeout=60):
        """A bare socket."""
        return socket.create_connection((self.address, self.port), timeout)

    def exchange(self, data, timeout=60):
        """Sends bytes and reads one reply; S3Reply, or None when the connection just ended."""
        with self.connect(timeout) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # answered before it was all there
            return self.read_reply(connection)

    @staticmethod
    def read_reply(connection, method="GET"):
        response = http.client.HTTPResponse(connection, method=method)
        try:
            response.begin()
            return S3Reply(response.status, response.headers, response.read())
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        finally:
            response.close()

    # --- signature version 4 ---

    def scope(self, when, region=None, service="s3"):
        return f"{when:%Y%m%d}/{region or self.region}/{service}/aws4_request"

    def mac(self, text, scope, secret=None):
        digest = ("AWS4" + (secret or self.secret)).encode()
        for part in [*scope.split("/"), text]:
            digest = hmac.new(digest, part.encode(), "sha256").digest()
        return digest.hex()

    def signature(self, method, path, query, headers, payload, when, scope, secret=None):
        """headers: those signed, names in lower case."""
        names = sorted(headers)
        canonical = "\n".join([
            method, urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/-_.~"),
            canonical_query(query),
            *(f"{name}:{' '.join(str(headers[name]).split())}" for name in names), "",
            ";".join(names), payload])
        text = "\n".join(["AWS4-HMAC-SHA256", f"{when:%Y%m%dT%H%M%SZ}", scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        return self.mac(text, scope, secret)

    def sign(self, method, path, query="", headers=None, body=b"", *, payload=None, when=None,
             key=None, secret=None, region=None, service="s3", host=None, signed=None):
        """Headers with V4's Authorization. signed: the names of those that are signed (all)."""
        when = when or utcnow()
        headers = {"Host": self.host, **(headers or {})}
        if payload is None:
            payload = hashlib.sha256(body or b"").hexdigest()
        headers["x-amz-date"] = f"{when:%Y%m%dT%H%M%SZ}"
        headers["x-amz-content-sha256"] = payload
        lower = {name.lower(): value for name, value in headers.items()}
        if host:
            lower["host"] = host  # what is signed instead of what is sent
        if signed:
            lower = {name: lower[name] for name in signed}
        scope = self.scope(when, region, service)
        mac = self.signature(method, path, query, lower, payload, when, scope, secret)
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={key or self.key}/{scope}, "
            f"SignedHeaders={';'.join(sorted(lower))}, Signature={mac}")
        return headers

    def call(self, method, path, query="", headers=None, body=b"", **options):
        """One request, signed with V4."""
        headers = self.sign(method, path, query, headers, body, **options)
        return self.send(method, path, query, headers, body or None)

    def presign(self, method, path, query="", headers=None, *, expires=60, when=None, key=None,
                secret=None):
        """The query of a presigned address."""
        when = when or utcnow()
        scope = self.scope(when)
        headers = {"host": self.host, **(headers or {})}
        query = "&".join(filter(None, [query, urllib.parse.urlencode({
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{key or self.key}/{scope}",
            "X-Amz-Date": f"{when:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": ";".join(sorted(headers))})]))
        return query + "&X-Amz-Signature=" + self.signature(
            method, path, query, headers, UNSIGNED, when, scope, secret)

    # --- signature version 2 ---

    def mac_v2(self, text, secret=None):
        digest = hmac.new((secret or self.secret).encode(), text.encode(), "sha1").digest()
        return base64.b64encode(digest).decode()

    def text_v2(self, method, path, query, headers, date, bucket=None):
        lower = {name.lower(): value for name, value in headers.items()}
        amz = "".join(f"{name}:{value}\n" for name, value in sorted(lower.items())
                      if name.startswith("x-amz-"))
        parts = []
        for item in sorted(query.split("&") if query else ()):
            name, equals, value = item.partition("=")
            if name in V2_SUBRESOURCES:
                parts.append(name + equals + urllib.parse.unquote(value))
        resource = (f"/{bucket}" if bucket else "") + path
        if parts:
            resource += "?" + "&".join(parts)
        return "\n".join([method, lower.get("content-md5", ""), lower.get("content-type", ""),
                          date, amz + resource])

    def call_v2(self, method, path, query="", headers=None, body=b"", *, when=None, key=None,
                secret=None, bucket=None):
        """One request with V2's Authorization header. bucket: it is in the Host header."""
        headers = dict(headers or {})
        date = (when or utcnow()).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers["Date"] = date
        text = self.text_v2(method, path, query, headers, date, bucket)
        headers["Authorization"] = f"AWS {key or self.key}:{self.mac_v2(text, secret)}"
        return self.send(method, path, query, headers, body or None)

    def presign_v2(self, method, path, query="", *, expires, key=None, secret=None):
        """expires: seconds since 1970."""
        text = self.text_v2(method, path, query, {}, str(expires))
        return "&".join(filter(None, [query, urllib.parse.urlencode({
            "AWSAccessKeyId": key or self.key, "Expires": str(expires),
            "Signature": self.mac_v2(text, secret)})]))
