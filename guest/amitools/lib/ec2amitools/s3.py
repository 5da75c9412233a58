"""A small client of S3: the few requests that the tools make, signed with version 4 or 2.

Buckets are named in the path, never in the host's name, so any endpoint does, one with a port
included. A request that is refused with 403 is signed once more with the other version, and the one
that works is kept. With retry, what may pass (a broken connection, 500, 503) is tried again, later
and later."""

import base64
import datetime
import email.utils
import hashlib
import hmac
import http.client
import os
import select
import ssl
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from . import imds
from .tool import ToolError, UsageError, describe, warn

DEFAULT_URL = "https://s3.amazonaws.com"
DEFAULT_REGION = "us-east-1"
TIMEOUT = 120  # seconds without a byte
CONTINUE_WAIT = 1  # seconds that a server may take to want the body
RETRIES = 5
FIRST_PAUSE = 0.5  # seconds; doubled each time
CHUNK = 256 * 1024
PASSING = (500, 502, 503, 504)
V2_SUBRESOURCES = ("acl", "location")  # of those that the tools use


class S3Error(ToolError):
    """A refusal."""

    def __init__(self, status, code, message):
        super().__init__(f"Error talking to S3: Server.{code}({status}): {message}")
        self.status, self.code = status, code


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def document(self):
        """The XML, without namespaces."""
        try:
            root = ElementTree.fromstring(self.body)
        except ElementTree.ParseError:
            raise ToolError("Error talking to S3: the answer is no XML; is --url right?") from None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def error(self):
        try:
            root = self.document()
            code, message = root.findtext("Code"), root.findtext("Message")
        except ToolError:
            code = message = None
        reason = http.client.responses.get(self.status, "Unknown")
        return S3Error(self.status, code or reason.replace(" ", ""), message or reason)


def add_options(parser):
    """The options of every tool that talks to S3."""
    parser.need("-b", "--bucket", metavar="BUCKET[/PREFIX]",
                help="the bucket, and what the keys begin with")
    parser.add_argument("-a", "--access-key", metavar="ID", help="access key ID")
    parser.add_argument("-s", "--secret-key", metavar="KEY", help="secret access key")
    parser.add_argument("-t", "--delegation-token", metavar="TOKEN",
                        default=os.environ.get("AWS_DELEGATION_TOKEN"),
                        help="token of temporary credentials (AWS_DELEGATION_TOKEN)")
    parser.add_argument("--url", help=f"the service (S3_URL, AWS_ENDPOINT_URL, {DEFAULT_URL})")
    parser.add_argument("--region", help=f"the region ({DEFAULT_REGION})")
    parser.add_argument("--sigv", choices=("2", "4"), default="4", help="signature version (4)")
    parser.add_argument("--retry", action="store_true",
                        help=f"retry what fails, up to {RETRIES} times")


def split_bucket(text):
    """Bucket, and the beginning of all keys: empty, or ending with a slash."""
    bucket, _, prefix = text.partition("/")
    if not bucket or any(character.isspace() for character in bucket):
        raise ToolError(f"--bucket {text}: not the name of a bucket")
    prefix = prefix.strip("/")
    return bucket, prefix + "/" if prefix else ""


def _credentials(options):
    """Key, secret and token: those given, else those of the environment, else the role's."""
    environment = os.environ.get
    if options.access_key or options.secret_key:
        for value, name in ((options.access_key, "--access-key"),
                            (options.secret_key, "--secret-key")):
            if not value:
                raise UsageError(f"missing mandatory parameter: {name}")
        return options.access_key, options.secret_key, options.delegation_token
    if environment("AWS_ACCESS_KEY_ID") and environment("AWS_SECRET_ACCESS_KEY"):
        return (environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                options.delegation_token or environment("AWS_SESSION_TOKEN"))
    found = imds.role_credentials()
    if not found:
        raise UsageError("missing mandatory parameter: --access-key")
    return found


def connect(options):
    """The client that the options of a tool describe."""
    environment = os.environ.get
    url = (options.url or environment("S3_URL") or environment("AWS_ENDPOINT_URL_S3") or
           environment("AWS_ENDPOINT_URL") or DEFAULT_URL)
    return S3(url, *_credentials(options), region=options.region or DEFAULT_REGION,
              version=int(options.sigv), retry=options.retry)


def _quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


class S3:
    def __init__(self, url, key, secret, token=None, region=DEFAULT_REGION, version=4, retry=False):
        parts = urllib.parse.urlsplit(url if "//" in url else "https://" + url)
        try:
            self.host, self.port = parts.hostname, parts.port
        except ValueError:
            self.host = None
        if parts.scheme not in ("http", "https") or not self.host:
            raise ToolError(f"--url {url}: not the address of a service")
        self.tls = parts.scheme == "https"
        self.netloc = parts.netloc.rpartition("@")[2]
        self.base = parts.path.rstrip("/")
        self.key, self.secret, self.token = key, secret, token
        self.region, self.version, self.retry = region, version, retry
        self.version_works = False

    # --- what the tools want ---

    def location(self, bucket):
        """The bucket's location constraint, "" for the first region; None without the bucket."""
        response = self.request("GET", bucket, query={"location": ""}, accept=(404,))
        return None if response.status == 404 else (response.document().text or "")

    def create_bucket(self, bucket, location):
        body = b""
        if location:
            body = ("<CreateBucketConfiguration xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
                    f"<LocationConstraint>{location}</LocationConstraint>"
                    "</CreateBucketConfiguration>").encode()
        self.request("PUT", bucket, body=body)

    def put(self, bucket, key, body, acl):
        self.request("PUT", bucket, key, body=body, headers={
            "content-md5": base64.b64encode(hashlib.md5(body).digest()).decode(),
            "content-type": "application/octet-stream", "expect": "100-continue",
            "x-amz-acl": acl})

    def put_acl(self, bucket, key, acl):
        self.request("PUT", bucket, key, query={"acl": ""}, headers={"x-amz-acl": acl})

    def holds(self, bucket, key, size, md5):
        """Whether the bucket has this very object already."""
        response = self.request("HEAD", bucket, key, accept=(403, 404))
        return (response.status == 200 and response.headers.get("content-length") == str(size) and
                response.headers.get("etag", "").strip('"') == md5)

    def get(self, bucket, key):
        return self.request("GET", bucket, key).body

    def keys(self, bucket, prefix):
        """All keys with this prefix."""
        found, query = [], {"prefix": prefix}
        while True:
            root = self.request("GET", bucket, query=query).document()
            page = [item.findtext("Key") for item in root.findall("Contents")]
            found += page
            if root.findtext("IsTruncated") != "true" or not page:
                return found
            query["marker"] = page[-1]

    def delete(self, bucket, key=""):
        self.request("DELETE", bucket, key, accept=(404,) if key else ())

    # --- how it is asked ---

    def request(self, method, bucket, key="", query=None, headers=None, body=b"", accept=()):
        """One request, until it is answered for good. S3Error unless it succeeded or its status is
        in accept."""
        pause, left = FIRST_PAUSE, RETRIES if self.retry else 0
        while True:
            try:
                response = self._signed_either_way(method, bucket, key, query or {}, headers or {},
                                                   body)
                if response.status < 300 or response.status in accept:
                    return response
                error = response.error()
            except ssl.SSLCertVerificationError as problem:
                raise ToolError(f"{self.netloc}: its certificate is not trusted: "
                                f"{problem.verify_message}") from None
            except (OSError, http.client.HTTPException) as problem:
                error = ToolError(f"Error talking to S3 at {self.netloc}: " + (
                    describe(problem) if isinstance(problem, OSError) else str(problem)))
            if not left or isinstance(error, S3Error) and not self._may_pass(error):
                raise error
            left -= 1
            warn(f"{error}\nRetrying in {pause:g} s ...")
            time.sleep(pause)
            pause *= 2

    @staticmethod
    def _may_pass(error):
        return error.status in PASSING or error.code in ("RequestTimeout", "OperationAborted",
                                                         "BadDigest", "SlowDown")

    def _signed_either_way(self, *request):
        response = self._send(*request)
        if response.status == 400 and self.version == 4:
            region = self._region_wanted(response)
            if region:
                self.region = region
                response = self._send(*request)
        if response.status != 403 or self.version_works:
            self.version_works = self.version_works or response.status < 300
            return response
        refused, first = response, self.version
        self.version = 6 - first
        response = self._send(*request)
        if response.status == 403:
            self.version = first
            return refused
        warn(f"Signature version {first} authentication failed, trying different signature version")
        self.version_works = True
        return response

    def _region_wanted(self, response):
        """What the service would have signed, if that is why it refuses."""
        try:
            root = response.document()
        except ToolError:
            return None
        region = root.findtext("Region")
        wrong = root.findtext("Code") == "AuthorizationHeaderMalformed"
        return region if wrong and region != self.region else None

    def _send(self, method, bucket, key, query, headers, body):
        path = f"{self.base}/{_quote(bucket)}" + ("/" + _quote(key, "/") if key else "")
        # The older signature is over "?acl" as it is sent, the newer one always over "acl=".
        sent = "&".join(_quote(name) + ("=" + _quote(value) if value else "")
                        for name, value in sorted(query.items()))
        headers = {"host": self.netloc, **headers}
        if self.token:
            headers["x-amz-security-token"] = self.token
        sign = self._sign_v4 if self.version == 4 else self._sign_v2
        sign(method, path, query, headers, body)
        return self._exchange(method, path + ("?" + sent if sent else ""), headers, body)

    def _exchange(self, method, target, headers, body):
        """One request on a connection of its own."""
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        connection = kind(self.host, self.port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in {**headers, "connection": "close"}.items():
                connection.putheader(name, value)
            if method == "PUT" or body:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders()
            response = http.client.HTTPResponse(connection.sock, method=method)
            try:
                if body and ("expect" not in headers or self._wants_body(connection, response)):
                    self._send_body(connection, body)
                response.begin()
                return Response(response.status, response.headers, response.read())
            finally:
                response.close()
        finally:
            connection.close()

    @staticmethod
    def _wants_body(connection, response):
        """Whether the server says to go on, or says nothing in time."""
        ready, _, _ = select.select([connection.sock], [], [], CONTINUE_WAIT)
        return not ready or response.fp.peek(12)[9:12] == b"100"

    @staticmethod
    def _send_body(connection, body):
        try:
            for start in range(0, len(body), CHUNK):
                connection.sock.sendall(memoryview(body)[start:start + CHUNK])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered without waiting for the rest

    # --- signatures ---

    def _sign_v4(self, method, path, query, headers, body):
        """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
        now = datetime.datetime.now(datetime.timezone.utc)
        payload = hashlib.sha256(body).hexdigest()
        headers["x-amz-date"] = f"{now:%Y%m%dT%H%M%SZ}"
        headers["x-amz-content-sha256"] = payload
        names = sorted(name for name in headers if name != "expect")
        pairs = "&".join(f"{_quote(name)}={_quote(query[name])}" for name in sorted(query))
        canonical = "\n".join([method, path, pairs,
                               *(f"{name}:{headers[name].strip()}" for name in names), "",
                               ";".join(names), payload])
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        mac = ("AWS4" + self.secret).encode()
        for part in [*scope.split("/"), text]:
            mac = hmac.new(mac, part.encode(), "sha256").digest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
                                    f"SignedHeaders={';'.join(names)}, Signature={mac.hex()}")

    def _sign_v2(self, method, path, query, headers, body):
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html"""
        headers["date"] = email.utils.formatdate(usegmt=True)
        amz = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)
                      if name.startswith("x-amz-"))
        signed = [name for name in V2_SUBRESOURCES if name in query]
        text = "\n".join([method, headers.get("content-md5", ""), headers.get("content-type", ""),
                          headers["date"], amz + path + ("?" + "&".join(signed) if signed else "")])
        mac = hmac.new(self.secret.encode(), text.encode(), "sha1").digest()
        headers["authorization"] = f"AWS {self.key}:{base64.b64encode(mac).decode()}"
