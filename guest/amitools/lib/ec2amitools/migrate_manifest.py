"""ec2-migrate-manifest: makes a manifest fit for another cloud."""

import dataclasses
import os
import shutil

from . import crypto, manifest, s3
from .tool import Parser, ToolError, UsageError, need_file, run_tool, say

NAME = "ec2-migrate-manifest"
MANUAL = """
Encrypts the key of a bundle for another EC2 certificate, sets other kernel and
ramdisk images, and signs the manifest again.

So a bundle that was made for one cloud can be registered in another. The parts
stay as they are; the old manifest is kept as MANIFEST.bak. Kernels and ramdisks
are not looked up: those of the manifest stay unless others are given.
"""


def work(options):
    need_file(options.manifest, "manifest")
    options.ec2cert = crypto.ec2_certificate(options.ec2cert)
    crypto.public_key_of_certificate(options.ec2cert)
    crypto.check_pair(options.cert, options.privatekey)
    if not options.region and not options.no_mapping:
        raise UsageError("missing mandatory parameter: --region or --no-mapping")
    old = manifest.read(options.manifest, options.privatekey)
    key = crypto.unwrap(old.user_encrypted_key, options.privatekey)
    vector = crypto.unwrap(old.user_encrypted_iv, options.privatekey)
    text = dataclasses.replace(
        old, kernel_id=options.kernel or old.kernel_id,
        ramdisk_id=options.ramdisk or old.ramdisk_id,
        ec2_encrypted_key=crypto.wrap(key, options.ec2cert),
        ec2_encrypted_iv=crypto.wrap(vector, options.ec2cert),
        user_encrypted_key=crypto.wrap(key, options.cert),
        user_encrypted_iv=crypto.wrap(vector, options.cert)).render(options.privatekey)
    backup = options.manifest + ".bak"
    if os.path.exists(backup) and not options.batch:
        raise ToolError(f"{backup} exists; with --batch it is overwritten")
    say("Backing up manifest...")
    shutil.copyfile(options.manifest, backup)
    manifest.write(options.manifest, text)
    say(f"Successfully migrated {options.manifest}")
    say(f"It is now suitable for use in {options.region or s3.DEFAULT_REGION}.")


def main():
    parser = Parser(NAME, MANUAL)
    parser.need("-c", "--cert", metavar="PATH", help="the user's X.509 certificate (PEM, RSA)")
    parser.need("-k", "--privatekey", metavar="PATH", help="its private key (PEM)")
    parser.need("-m", "--manifest", metavar="PATH", help="the manifest")
    parser.add_argument("--ec2cert", metavar="PATH",
                        help=f"the new EC2 certificate ({crypto.DEFAULT_EC2_CERT}, else what the "
                        "instance metadata service has)")
    parser.add_argument("--kernel", metavar="ID", help="the new kernel image")
    parser.add_argument("--ramdisk", metavar="ID", help="the new ramdisk image")
    parser.add_argument("--region", help="where the bundle is to be used")
    parser.add_argument("--no-mapping", action="store_true",
                        help="keep kernel and ramdisk, in whatever region")
    parser.add_argument("-a", "--access-key", metavar="ID", help="not needed, taken for scripts")
    parser.add_argument("-s", "--secret-key", metavar="KEY", help="not needed, taken for scripts")
    return run_tool(parser, work)
