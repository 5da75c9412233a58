"""The Query protocol by hand, for what no decent client would send.

    wire = Wire(cloud)
    reply = wire.call("DescribeRegions", version="2009-11-30")
    reply.status, reply.code, reply.message, reply.namespace, reply.text("regionName")

sign is "v2", "v4" or None; when, key and secret lie where a test wants them to."""

import base64
import datetime
import hashlib
import hmac
import http.client
import re
import urllib.parse
import xml.etree.ElementTree

VERSION = "2016-11-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def quote(text):
    return urllib.parse.quote(str(text), safe="-_.~")


def encode(params):
    """name=value pairs in the order in which signatures want them."""
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(params.items()))


def utcnow():
    return datetime.datetime.now(datetime.timezone.utc)


def iso(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body.decode()

    @property
    def root(self):
        return xml.etree.ElementTree.fromstring(self.body)

    @property
    def namespace(self):
        return re.match(r"\{(.*)\}", self.root.tag).group(1)

    def texts(self, name):
        """The text of every element of that name, whatever its namespace."""
        return [element.text or "" for element in self.root.iter()
                if element.tag.rpartition("}")[2] == name]

    def text(self, name):
        return next(iter(self.texts(name)), None)

    @property
    def code(self):
        """The error's code; None of a success."""
        return self.text("Code") if self.status >= 400 else None

    @property
    def message(self):
        return self.text("Message")

    def __repr__(self):
        return f"{self.status} {self.body[:500]}"


class Wire:
    def __init__(self, cloud, version=VERSION):
        credentials = cloud.credentials
        self.key = credentials["aws_access_key_id"]
        self.secret = credentials["aws_secret_access_key"]
        self.region = credentials["region"]
        self.host, _, port = cloud.endpoint.partition("//")[2].rstrip("/").partition(":")
        self.port = int(port)
        self.version = version

    def call(self, action, params=None, *, version=None, sign="v2", timestamp="Timestamp",
             **options):
        """One action. Names in params are as on the wire; version "" leaves it out."""
        params = dict(params or {})
        if action:
            params["Action"] = action
        if version != "":
            params["Version"] = version or self.version
        if sign == "v2":
            return self.call_v2(params, timestamp, **options)
        if sign == "v4":
            return self.call_v4(encode(params), **options)
        return self.send("POST", "/", encode(params), {"Content-Type": FORM})

    def call_v2(self, params, timestamp="Timestamp", method="POST", path="/", *, when=None,
                key=None, secret=None, digest="sha256"):
        """when: of the parameter called timestamp, Timestamp or Expires."""
        now = utcnow()
        if when is None:
            when = now + datetime.timedelta(minutes=5 if timestamp == "Expires" else 0)
        params = {**params, "AWSAccessKeyId": key or self.key, "SignatureVersion": "2",
                  "SignatureMethod": {"sha256": "HmacSHA256", "sha1": "HmacSHA1"}[digest],
                  timestamp: iso(when)}
        text = f"{method}\n{self.host}:{self.port}\n{path}\n{encode(params)}"
        mac = hmac.new((secret or self.secret).encode(), text.encode(), digest).digest()
        params["Signature"] = base64.b64encode(mac).decode()
        if method == "GET":
            return self.send("GET", f"{path}?{encode(params)}")
        return self.send(method, path, encode(params), {"Content-Type": FORM})

    def call_v4(self, body="", method="POST", path="/", *, when=None, key=None, secret=None,
                service="ec2", signed_body=None):
        """signed_body: what the signature is of, when it is not the body that is sent."""
        when = when or utcnow()
        stamp, day = when.strftime("%Y%m%dT%H%M%SZ"), when.strftime("%Y%m%d")
        host = f"{self.host}:{self.port}"
        payload = hashlib.sha256((body if signed_body is None else signed_body).encode())
        headers = {"host": host, "x-amz-date": stamp}
        names = ";".join(headers)
        canonical = "\n".join([method, path, "", *(f"{n}:{v}" for n, v in headers.items()), "",
                               names, payload.hexdigest()])
        scope = f"{day}/{self.region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        mac = ("AWS4" + (secret or self.secret)).encode()
        for part in [*scope.split("/"), text]:
            mac = hmac.new(mac, part.encode(), "sha256").digest()
        authorization = (f"AWS4-HMAC-SHA256 Credential={key or self.key}/{scope}, "
                         f"SignedHeaders={names}, Signature={mac.hex()}")
        return self.send(method, path, body, {"Content-Type": FORM, "X-Amz-Date": stamp,
                                              "Authorization": authorization})

    def send(self, method, path, body=None, headers=None, timeout=60):
        """One request as it is, on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
