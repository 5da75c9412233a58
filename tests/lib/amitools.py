"""The AMI tools for tests: their programs, keys for them, and bundles made and changed by hand.

What is expected of a bundle is checked here with openssl, gzip and tar alone, never with the tools'
own code."""

import hashlib
import http.client
import http.server
import os
import subprocess
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree

from cloud import ROOT
from s3 import MIB, random_bytes

TOOLS = os.path.join(ROOT, "guest", "amitools", "bin")
ACCOUNT = "111122223333"
PART = 10 * MIB
LEFT_OUT = ("AWS_", "EC2_", "S3_")  # what leads the tools elsewhere


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True,
                          capture_output=True).stdout


def make_certificate(folder, name):
    """cert-NAME.pem and pk-NAME.pem."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", os.path.join(folder, f"pk-{name}.pem"),
            "-out", os.path.join(folder, f"cert-{name}.pem"))


def signed_part(text):
    """What the signature of a manifest covers."""
    return text[text.index(b"<machine_configuration>"):text.index(b"<signature>")]


class AmiToolsTestCase(unittest.TestCase):
    """folder: a scratch folder for each test; key_folder: keys of the user, EC2 and another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keys = tempfile.TemporaryDirectory()
        cls.addClassCleanup(keys.cleanup)
        cls.key_folder = keys.name
        for name in ("user", "ec2", "other"):
            make_certificate(cls.key_folder, name)

    @classmethod
    def maker(cls):
        """Something to make with what all tests of the class share."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        maker = cls()
        maker.folder = folder.name
        return maker

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def key(self, name):
        return os.path.join(self.key_folder, f"pk-{name}.pem")

    def certificate(self, name):
        return os.path.join(self.key_folder, f"cert-{name}.pem")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def directory(self, name):
        os.mkdir(self.path(name))
        return self.path(name)

    # --- running ---

    def tool(self, name, *arguments, status=0, input="", env=None, before=()):
        """Runs a tool, which has to end with this status; what it said."""
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(LEFT_OUT)}
        environment.update({"AWS_EC2_METADATA_DISABLED": "true", **(env or {})})
        done = subprocess.run([*before, os.path.join(TOOLS, name), *map(str, arguments)],
                              input=input, text=True, capture_output=True, cwd=self.folder,
                              env=environment, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done

    def refused(self, expected, name, *arguments, **options):
        """It ends with 1 and says why; what it said."""
        done = self.tool(name, *arguments, status=1, **options)
        self.assertRegex(done.stderr, expected)
        return done

    def bundle_options(self, directory):
        return ["-c", self.certificate("user"), "-k", self.key("user"), "-u", ACCOUNT,
                "--ec2cert", self.certificate("ec2"), "-r", "x86_64", "-d", directory]

    def bundle(self, image, *options, directory=None, **more):
        """ec2-bundle-image; the directory of the bundle."""
        directory = directory or self.directory("bundle")
        self.tool("ec2-bundle-image", "-i", image, *self.bundle_options(directory), *options,
                  **more)
        return directory

    def unbundle(self, directory, name):
        """ec2-unbundle; the path of the image."""
        target = tempfile.mkdtemp(dir=self.folder)
        self.tool("ec2-unbundle", "-k", self.key("user"), "-s", directory, "-d", target,
                  "-m", os.path.join(directory, f"{name}.manifest.xml"))
        self.assertEqual(os.listdir(target), [name])
        return os.path.join(target, name)

    # --- images and bundles ---

    def image(self, name="disk.img", random=23 * MIB, size=64 * MIB):
        """A file with something that does not compress, a hole, and something at its end."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(random_bytes(random))
            file.seek(size - 5)
            file.write(b"end.\n")
        return path

    def assert_same_image(self, path, original):
        self.assertEqual(subprocess.run(["cmp", path, original]).returncode, 0)
        self.assertLess(os.stat(path).st_blocks, os.stat(original).st_blocks + 2048, "holes went")

    def manifest(self, directory, name):
        with open(os.path.join(directory, f"{name}.manifest.xml"), "rb") as file:
            return file.read()

    def unwrap(self, root, owner):
        """Key and vector, as the owner ("user" or "ec2") decrypts them."""
        return [openssl("pkeyutl", "-decrypt", "-inkey", self.key(owner), data=bytes.fromhex(
            root.findtext(f"image/{owner}_encrypted_{what}"))).decode() for what in ("key", "iv")]

    def tar_stream(self, directory, root, owner="ec2"):
        """The archive in a bundle."""
        encrypted = b""
        for part in root.findall("image/parts/part"):
            with open(os.path.join(directory, part.findtext("filename")), "rb") as file:
                encrypted += file.read()
        key, vector = self.unwrap(root, owner)
        packed = openssl("enc", "-d", "-aes-128-cbc", "-K", key, "-iv", vector, data=encrypted)
        return subprocess.run(["gzip", "-d"], input=packed, check=True, capture_output=True).stdout

    def handmade(self, archive, name="hand.img", size=None, directory=None):
        """A bundle of an archive, made as the format says and signed by the user."""
        directory = directory or self.directory("handmade")
        key, vector = hashlib.md5(b"k").hexdigest(), hashlib.md5(b"v").hexdigest()
        packed = subprocess.run(["gzip"], input=archive, check=True, capture_output=True).stdout
        encrypted = openssl("enc", "-aes-128-cbc", "-K", key, "-iv", vector, data=packed)
        pieces = [encrypted[at:at + PART] for at in range(0, len(encrypted), PART)]
        parts = ""
        for index, piece in enumerate(pieces):
            with open(os.path.join(directory, f"{name}.part.{index}"), "wb") as file:
                file.write(piece)
            parts += (f"<part index='{index}'><filename>{name}.part.{index}</filename>"
                      f"<digest algorithm='SHA1'>{hashlib.sha1(piece).hexdigest()}</digest></part>")
        wrapped = {f"{owner}_encrypted_{what}": openssl(
            "pkeyutl", "-encrypt", "-certin", "-inkey", self.certificate(owner),
            data=value.encode()).hex()
            for owner in ("ec2", "user") for what, value in (("key", key), ("iv", vector))}
        secrets = "".join(f"<{field}>{value}</{field}>" for field, value in wrapped.items())
        text = ("<manifest><version>2007-10-10</version><bundler><name>hand</name><version>1"
                "</version><release>1</release></bundler><machine_configuration><architecture>i386"
                "</architecture></machine_configuration><image>"
                f"<name>{name}</name><user>{ACCOUNT}</user><type>machine</type>"
                f"<digest algorithm='SHA1'>{hashlib.sha1(archive).hexdigest()}</digest>"
                f"<size>{size}</size><bundled_size>{len(encrypted)}</bundled_size>{secrets}"
                f"<parts count='{len(pieces)}'>{parts}</parts></image>"
                "<signature>00</signature></manifest>").encode()
        self.write_manifest(directory, name, text)
        return directory

    def write_manifest(self, directory, name, text, signer="user"):
        """Signs a manifest again after it was changed."""
        signature = openssl("dgst", "-sha1", "-sign", self.key(signer), data=signed_part(text))
        begin = text.index(b"<signature>") + len(b"<signature>")
        text = text[:begin] + signature.hex().encode() + text[text.index(b"</signature>"):]
        with open(os.path.join(directory, f"{name}.manifest.xml"), "wb") as file:
            file.write(text)

    def change_manifest(self, directory, name, old, new):
        """Changes a manifest and signs it again, as somebody who has the user's key."""
        text = self.manifest(directory, name)
        self.assertIn(old, text)
        self.write_manifest(directory, name, text.replace(old, new))

    @staticmethod
    def tree(text):
        return ElementTree.fromstring(text)


class Relay:
    """Stands between a client and a cloud, notes what is asked, and may answer itself.

    requests   (method, path, headers) of all
    answer     called with these three; (status, body) instead of the cloud's answer, or None;
               a ConnectionError that it raises breaks the connection"""

    def __init__(self, endpoint, answer=None):
        self.requests = []
        self.answer = answer or (lambda *_: None)
        address, _, port = endpoint.partition("//")[2].rstrip("/").partition(":")
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                asked = self.command, self.path, self.headers
                relay.requests.append(asked)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                self.close_connection = True
                try:
                    own = relay.answer(*asked)
                except ConnectionError:
                    return
                status, headers, body = (*own[:1], {}, own[1]) if own else self.forward(body)
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                length = headers.get("content-length") if self.command == "HEAD" else len(body)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                self.wfile.write(body)

            def forward(self, body):
                connection = http.client.HTTPConnection(address, int(port), timeout=60)
                try:
                    headers = {name: value for name, value in self.headers.items()
                               if name.lower() not in ("expect", "connection")}
                    connection.request(self.command, self.path, body or None, headers)
                    response = connection.getresponse()
                    return response.status, response.headers, response.read()
                finally:
                    connection.close()

            do_GET = do_PUT = do_HEAD = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def asked(self, method, what=""):
        """The paths of requests of a method with something in the path."""
        return [path for asked, path, _ in self.requests if asked == method and what in path]
