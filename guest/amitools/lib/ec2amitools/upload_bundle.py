"""ec2-upload-bundle: takes a bundle to S3."""

import hashlib
import os
import re

from . import manifest, pipeline, s3
from .tool import Parser, ToolError, need_directory, need_file, run_tool, say

NAME = "ec2-upload-bundle"
MANUAL = """
Takes the parts of a bundle and then its manifest to a bucket of S3.

The bucket is made if it is not there. Parts that the bucket holds already, with
the same size and MD5, are not sent again, so an upload that was interrupted goes
on where it stopped. The manifest comes last: where it is, everything is.
"""
ACLS = ("aws-exec-read", "public-read")


def work(options):
    need_file(options.manifest, "manifest")
    bundle = manifest.read(options.manifest)
    directory = options.directory or os.path.dirname(os.path.abspath(options.manifest))
    need_directory(directory)
    parts = _wanted_parts(bundle, options.part)
    for part in parts:
        need_file(os.path.join(directory, part.filename), "part")
    bucket, prefix = s3.split_bucket(options.bucket)
    client = s3.connect(options)
    made = _prepare_bucket(client, bucket, options)
    say(f"Uploading bundled image parts to the S3 bucket {bucket} ...")
    for part in parts:
        data = pipeline.check_part(os.path.join(directory, part.filename), part)
        key = prefix + part.filename
        if not made and client.holds(bucket, key, len(data), hashlib.md5(data).hexdigest()):
            client.put_acl(bucket, key, options.acl)
            say(f"Skipped {part.filename}: it is there already")
        else:
            client.put(bucket, key, data, options.acl)
            say(f"Uploaded {part.filename}")
    if not options.skipmanifest:
        say("Uploading manifest ...")
        with open(options.manifest, "rb") as file:
            client.put(bucket, prefix + os.path.basename(options.manifest), file.read(),
                       options.acl)
        say("Uploaded manifest.")
        say(f"Manifest uploaded to: {bucket}/{prefix}{os.path.basename(options.manifest)}")
    say("Bundle upload completed.")


def _wanted_parts(bundle, first):
    """All, or those from a number on."""
    if first is None:
        return bundle.parts
    numbers = [int(re.search(r"\d*\Z", part.filename)[0] or -1) for part in bundle.parts]
    if first not in numbers:
        raise ToolError(f"--part {first}: there is no such part")
    return bundle.parts[numbers.index(first):]


def _prepare_bucket(client, bucket, options):
    """Makes the bucket if it is not there; whether it did."""
    wanted = options.location
    if wanted is None:
        wanted = options.region or ""
    wanted = "" if wanted in ("US", s3.DEFAULT_REGION) else wanted
    found = client.location(bucket)
    if found is None:
        say("Creating bucket...")
        client.create_bucket(bucket, wanted)
    elif wanted and wanted != found:
        raise ToolError(f"bucket {bucket} is in location {found or s3.DEFAULT_REGION}, "
                        f"not in {wanted}")
    elif found and not options.region:
        client.region = "eu-west-1" if found == "EU" else found
    return found is None


def main():
    parser = Parser(NAME, MANUAL)
    s3.add_options(parser)
    parser.need("-m", "--manifest", metavar="PATH", help="the manifest")
    parser.add_argument("--acl", choices=ACLS, default=ACLS[0],
                        help=f"who may read the bundle ({ACLS[0]})")
    parser.add_argument("-d", "--directory", metavar="PATH",
                        help="directory of the parts (the manifest's)")
    parser.add_argument("--part", type=int, metavar="NUMBER", help="begin with this part")
    parser.add_argument("--location", help="where the bucket is to be (the region)")
    parser.add_argument("--skipmanifest", action="store_true", help="leave the manifest here")
    return run_tool(parser, work)
