"""What ec2-bundle-image and ec2-bundle-vol have in common: their options, and from an image file to
a bundle with its manifest."""

import os
import platform
import re

from . import crypto, manifest, pipeline
from .tool import ToolError, comma_list, need_directory, prompt, say

ARCHITECTURES = ("i386", "x86_64", "arm64")
VIRTUAL_NAME = re.compile(r"(ami|root|swap|ephemeral\d+|ebs\d*)\Z")
MAX_IMAGE = 10 * 1024 ** 3  # bytes; the largest image that EC2 takes


def add_options(parser):
    parser.need("-c", "--cert", metavar="PATH", help="the user's X.509 certificate (PEM, RSA)")
    parser.need("-k", "--privatekey", metavar="PATH", help="its private key (PEM)")
    parser.need("-u", "--user", metavar="ACCOUNT", help="the user's account number")
    parser.add_argument("-d", "--destination", metavar="PATH", default="/tmp",
                        help="directory for the bundle (/tmp)")
    parser.add_argument("--ec2cert", metavar="PATH",
                        help=f"EC2's certificate ({crypto.DEFAULT_EC2_CERT}, else what the "
                        "instance metadata service has)")
    parser.add_argument("-r", "--arch", choices=ARCHITECTURES, help="what the image runs on")
    parser.add_argument("--productcodes", metavar="CODES", type=comma_list, default=[],
                        help="product codes, with commas between them")
    parser.add_argument("-B", "--block-device-mapping", metavar="MAPPINGS", type=_mappings,
                        default=[], help="virtual=device pairs, with commas between them")
    parser.add_argument("--kernel", metavar="ID", help="the kernel image it boots with")
    parser.add_argument("--ramdisk", metavar="ID", help="the ramdisk image it boots with")


def _mappings(text):
    pairs = []
    for item in comma_list(text):
        virtual, equals, device = item.partition("=")
        if not equals or not device or not VIRTUAL_NAME.match(virtual):
            raise ValueError(item)
        pairs.append((virtual, device))
    return pairs


_mappings.__name__ = "mapping"  # for the parser's message


def check_options(options):
    """Everything that can be known to fail before the long work."""
    options.user = options.user.replace("-", "")
    if not re.match(r"\d{12}\Z", options.user):
        raise ToolError(f"--user {options.user}: not an account number of 12 digits")
    crypto.check_pair(options.cert, options.privatekey)
    options.ec2cert = crypto.ec2_certificate(options.ec2cert)
    crypto.public_key_of_certificate(options.ec2cert)
    for certificate in (options.cert, options.ec2cert):
        crypto.wrap(crypto.new_key(), certificate)
    need_directory(options.destination, "destination")
    if not options.arch:
        machine = platform.machine()
        default = {"i686": "i386", "aarch64": "arm64"}.get(machine, machine)
        options.arch = prompt("Please specify a value for arch", default, options.batch)
        if options.arch not in ARCHITECTURES:
            raise ToolError(f"--arch {options.arch}: not one of {', '.join(ARCHITECTURES)}")


def check_prefix(prefix):
    """The name of an image, which begins the names of its files."""
    if not manifest.NAME.match(prefix) or prefix.startswith(".") or len(prefix) > 128:
        raise ToolError(f"--prefix {prefix}: not the beginning of a file name")
    return prefix


def image_path(directory, prefix):
    """Where the image of a bundle is made before it is bundled."""
    return os.path.join(directory, f".{prefix}.image.{os.getpid()}")


def remove_leftovers(directory, prefix):
    """Takes away what killed processes left of a bundle with this prefix."""
    pattern = re.compile(re.escape(f".{prefix}.") + r"(part\.\d+\.new|image\.(?P<pid>\d+))\Z")
    for name in os.listdir(directory):
        match = pattern.match(name)
        if match and not (match["pid"] and os.path.exists(f"/proc/{match['pid']}")):
            os.unlink(os.path.join(directory, name))


def make_bundle(options, image, prefix, ancestry=()):
    """Bundles an image file with checked options; the path of the manifest."""
    size = os.path.getsize(image)
    if size > MAX_IMAGE:
        raise ToolError(f"{image}: larger than {MAX_IMAGE // 1024 ** 2} MB")
    path = os.path.join(options.destination, manifest.file_name(prefix))
    if os.path.exists(path):
        os.unlink(path)  # or it would describe the parts of another bundle
    key, vector = crypto.new_key(), crypto.new_key()
    say("Bundling image file...")
    parts, digest, bundled_size = pipeline.bundle(image, prefix, options.destination, key, vector)
    say(f"Splitting {os.path.join(options.destination, prefix)}.tar.gz.enc...")
    for part in parts:
        say(f"Created {part.filename}")
    say("Generating digests for each part...")
    say("Digests generated.")
    say("Creating bundle manifest...")
    try:
        manifest.write(path, manifest.Manifest(
            architecture=options.arch, name=prefix, user=options.user, digest=digest, size=size,
            bundled_size=bundled_size, parts=parts,
            ec2_encrypted_key=crypto.wrap(key, options.ec2cert),
            user_encrypted_key=crypto.wrap(key, options.cert),
            ec2_encrypted_iv=crypto.wrap(vector, options.ec2cert),
            user_encrypted_iv=crypto.wrap(vector, options.cert),
            mappings=options.block_device_mapping, kernel_id=options.kernel,
            ramdisk_id=options.ramdisk, product_codes=options.productcodes,
            ancestry=list(ancestry)).render(options.privatekey))
    except BaseException:
        for part in parts:
            os.unlink(os.path.join(options.destination, part.filename))
        raise
    say(f"Bundle manifest is {path}")
    return path
