"""The manifest of 2007-10-10: what a bundle is made of.

It is one line of XML with single quotes around attributes. The signature covers the literal bytes
of <machine_configuration>…</machine_configuration><image>…</image>, so these are what is read. A
manifest comes from elsewhere: nothing in it is believed unless it was checked here, and above all
no file name."""

import dataclasses
import os
import re
import xml.etree.ElementTree as ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from . import BUNDLER, BUNDLER_RELEASE, MANIFEST_VERSION, VERSION, crypto
from .tool import ToolError

CIPHER = "AES-128-CBC"
MAX_SIZE = 4 * 1024 * 1024  # of the text; 100,000 parts fit
MAX_NUMBER = 1 << 50
SHA1 = re.compile(r"[0-9a-f]{40}\Z")
HEX = re.compile(r"([0-9a-fA-F]{2}){1,2048}\Z")
NAME = re.compile(r"[^/\0\n]{1,255}\Z")


@dataclasses.dataclass
class Part:
    filename: str
    digest: str  # SHA-1 of the encrypted piece, in hex


@dataclasses.dataclass
class Manifest:
    architecture: str
    name: str  # the image's, and the prefix of all file names
    user: str
    digest: str  # SHA-1 of the tar stream
    size: int  # of the raw image, bytes
    bundled_size: int  # of all parts
    ec2_encrypted_key: str
    user_encrypted_key: str
    ec2_encrypted_iv: str
    user_encrypted_iv: str
    parts: list
    type: str = "machine"
    mappings: list = dataclasses.field(default_factory=list)  # (virtual name, device)
    kernel_id: str = None
    ramdisk_id: str = None
    product_codes: list = dataclasses.field(default_factory=list)
    kernel_name: str = None
    ancestry: list = dataclasses.field(default_factory=list)

    def signed_text(self):
        """The bytes that the signature is made over."""
        return (_machine_configuration(self) + _image(self)).encode()

    def render(self, private_key):
        """The whole text, signed."""
        bundler = _element("bundler", _leaf("name", BUNDLER) + _leaf("version", VERSION) +
                           _leaf("release", BUNDLER_RELEASE))
        signed = self.signed_text()
        return (b"<?xml version='1.0'?><manifest>" +
                (_leaf("version", MANIFEST_VERSION) + bundler).encode() + signed +
                _leaf("signature", crypto.sign(signed, private_key)).encode() + b"</manifest>")


def _element(name, content, attributes=""):
    return f"<{name}{attributes}>{content}</{name}>"


def _leaf(name, text, attributes=""):
    return _element(name, escape(str(text)), attributes)


def _optional(name, text):
    return _leaf(name, text) if text else ""


def _machine_configuration(manifest):
    content = _leaf("architecture", manifest.architecture)
    if manifest.mappings:
        content += _element("block_device_mapping", "".join(
            _element("mapping", _leaf("virtual", virtual) + _leaf("device", device))
            for virtual, device in manifest.mappings))
    content += _optional("kernel_id", manifest.kernel_id)
    content += _optional("ramdisk_id", manifest.ramdisk_id)
    if manifest.product_codes:
        content += _element("product_codes", "".join(
            _leaf("product_code", code) for code in manifest.product_codes))
    return _element("machine_configuration", content)


def _image(manifest):
    cipher = f" algorithm='{CIPHER}'"
    content = _leaf("name", manifest.name) + _leaf("user", manifest.user)
    content += _leaf("type", manifest.type) + _optional("kernel_name", manifest.kernel_name)
    if manifest.ancestry:
        content += _element("ancestry", "".join(
            _leaf("ancestor_ami_id", image) for image in manifest.ancestry))
    content += _leaf("digest", manifest.digest, " algorithm='SHA1'")
    content += _leaf("size", manifest.size) + _leaf("bundled_size", manifest.bundled_size)
    content += _leaf("ec2_encrypted_key", manifest.ec2_encrypted_key, cipher)
    content += _leaf("user_encrypted_key", manifest.user_encrypted_key, cipher)
    content += _leaf("ec2_encrypted_iv", manifest.ec2_encrypted_iv)
    content += _leaf("user_encrypted_iv", manifest.user_encrypted_iv)
    content += _element("parts", "".join(
        _element("part", _leaf("filename", part.filename) +
                 _leaf("digest", part.digest, " algorithm='SHA1'"), f" index='{index}'")
        for index, part in enumerate(manifest.parts)), f" count='{len(manifest.parts)}'")
    return _element("image", content)


# --- reading ---


def read(path, private_key=None):
    """The manifest in a file. With a private key it must have been signed with it."""
    with open(path, "rb") as file:
        return parse(file.read(MAX_SIZE + 1), path, private_key)


def parse(text, where, private_key=None):
    """The manifest in these bytes; where names them in messages."""
    if len(text) > MAX_SIZE:
        raise ToolError(f"manifest {where}: larger than {MAX_SIZE} bytes")
    try:
        signature = _signature(_tree(text))
        # Only what is signed is believed, so the rest of the document may look as it likes.
        signed = _signed_part(text)
        manifest = _take(ElementTree.fromstring(b"<manifest>" + signed + b"</manifest>"))
    except (ValueError, expat.ExpatError, ElementTree.ParseError) as error:
        raise ToolError(f"manifest {where}: {error}") from None
    if private_key and not crypto.verify(signed, signature, private_key):
        raise ToolError(f"manifest {where}: the signature is not of private key {private_key}, or "
                        "the manifest was changed")
    return manifest


def _tree(text):
    """The document without what could make it mean something else than it says: a document type
    with entities, and comments or instructions that hide what is signed."""
    def refuse(*_):
        raise ValueError("has parts that a manifest does not have (a document type, a comment or "
                         "an instruction)")
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.CommentHandler = parser.ProcessingInstructionHandler = refuse
    parser.StartCdataSectionHandler = refuse
    parser.Parse(text, True)
    return ElementTree.fromstring(text)


def _signed_part(text):
    """The literal bytes that the signature covers."""
    spans = []
    for name in (b"machine_configuration", b"image"):
        start = text.find(b"<" + name + b">")
        end = text.find(b"</" + name + b">", start)
        if start < 0 or end < 0:
            raise ValueError(f"has no {name.decode()}")
        spans.append(text[start:end + len(name) + 3])
    return b"".join(spans)


def _text(parent, path, pattern=None):
    value = (parent.findtext(path) or "").strip()
    if not value:
        raise ValueError(f"has no {path}")
    if pattern and not pattern.match(value):
        raise ValueError(f"{path} is not valid")
    return value


def _number(parent, path):
    value = _text(parent, path)
    if not value.isascii() or not value.isdigit() or int(value) > MAX_NUMBER:
        raise ValueError(f"{path} is not a number")
    return int(value)


def _file_name(value):
    """A name that stays in the directory that it is put in."""
    if not NAME.match(value) or value in (".", ".."):
        raise ValueError(f"'{value}' is not the name of a file in the bundle's directory")
    return value


def _parts(image):
    parts = image.find("parts")
    if parts is None:
        raise ValueError("has no image/parts")
    found = {}
    for part in parts.findall("part"):
        index = part.get("index", "")
        if not index.isascii() or not index.isdigit() or int(index) in found:
            raise ValueError("a part has no index of its own")
        found[int(index)] = Part(_file_name(_text(part, "filename")), _text(part, "digest", SHA1))
    if not found or sorted(found) != list(range(len(found))):
        raise ValueError("parts are missing")
    if parts.get("count") != str(len(found)):
        raise ValueError("the parts are not as many as it says")
    if len({part.filename for part in found.values()}) != len(found):
        raise ValueError("two parts have one name")
    return [found[index] for index in range(len(found))]


def _list(parent, path):
    return [(item.text or "").strip() for item in parent.findall(path)]


def _signature(root):
    """The signature of a document, in hex."""
    if root.tag != "manifest":
        raise ValueError("is not a manifest")
    if _text(root, "version") != MANIFEST_VERSION:
        raise ValueError(f"version {root.findtext('version')} is not {MANIFEST_VERSION}")
    return _text(root, "signature", HEX)


def _take(signed):
    machine, image = signed
    name = _file_name(_text(image, "name"))
    return Manifest(
        architecture=_text(machine, "architecture"),
        mappings=[(_text(mapping, "virtual"), _text(mapping, "device"))
                  for mapping in machine.findall("block_device_mapping/mapping")],
        kernel_id=machine.findtext("kernel_id"), ramdisk_id=machine.findtext("ramdisk_id"),
        product_codes=_list(machine, "product_codes/product_code"),
        name=name, user=_text(image, "user"), type=_text(image, "type"),
        kernel_name=image.findtext("kernel_name"),
        ancestry=_list(image, "ancestry/ancestor_ami_id"),
        digest=_text(image, "digest", SHA1), size=_number(image, "size"),
        bundled_size=_number(image, "bundled_size"), parts=_parts(image),
        **{field: _text(image, field, HEX) for field in (
            "ec2_encrypted_key", "user_encrypted_key", "ec2_encrypted_iv", "user_encrypted_iv")})


def file_name(prefix):
    return f"{prefix}.manifest.xml"


def write(path, text):
    """Puts a manifest where it belongs, whole or not at all."""
    temporary = path + ".new"
    try:
        with open(temporary, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
