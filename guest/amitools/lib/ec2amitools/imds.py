"""What the instance metadata service knows about this machine (version 2: with a token)."""

import http.client
import json
import os
import urllib.parse

DEFAULT_ENDPOINT = "http://169.254.169.254"
TIMEOUT = 3  # seconds; it is on the same host
TOKEN_SECONDS = "300"


class Metadata:
    """OSError where there is no such service."""

    def __init__(self):
        endpoint = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or DEFAULT_ENDPOINT
        parts = urllib.parse.urlsplit(endpoint)
        self.address = parts.hostname, parts.port or 80
        status, token = self._request(
            "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS})
        self.headers = {"X-aws-ec2-metadata-token": token} if status == 200 else {}

    def _request(self, method, path, headers):
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"metadata service: {error}") from None
        finally:
            connection.close()

    def get(self, name, tree="meta-data"):
        """A value, or None."""
        status, text = self._request("GET", f"/latest/{tree}/{name}", self.headers)
        return text if status == 200 else None

    def lines(self, name):
        """A list with one item a line, or None."""
        text = self.get(name)
        return None if text is None else [line for line in text.splitlines() if line]


def _is_disabled():
    return os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"


def ec2_certificate():
    """The certificate of the EC2 that this machine runs in, in PEM, or None: Cumulet tells it."""
    if _is_disabled():
        return None
    try:
        return Metadata().get("cumulet/cert-ec2.pem", tree="dynamic")
    except OSError:
        return None


def role_credentials():
    """Key, secret and token of the machine's role, or None."""
    if _is_disabled():
        return None
    try:
        metadata = Metadata()
        roles = metadata.lines("iam/security-credentials/")
        document = json.loads(metadata.get(f"iam/security-credentials/{roles[0]}") or "{}") \
            if roles else {}
        return document["AccessKeyId"], document["SecretAccessKey"], document.get("Token")
    except (OSError, ValueError, KeyError):
        return None
