"""ec2-delete-bundle: removes a bundle from S3."""

import os
import re

from . import manifest, s3
from .tool import Parser, ToolError, UsageError, confirm, need_file, run_tool, say, warn

NAME = "ec2-delete-bundle"
MANUAL = """
Removes the manifest and the parts of a bundle from a bucket of S3.

Which they are says a manifest on this computer (--manifest), or the names in the
bucket (--prefix). The manifest goes first, so that half a bundle never looks like
a whole one. Images registered from the bundle cannot be used any more.
"""


def work(options):
    if not options.manifest and not options.prefix:
        raise UsageError("missing mandatory parameter: --manifest or --prefix")
    bucket, prefix = s3.split_bucket(options.bucket)
    client = s3.connect(options)
    keys = [prefix + name for name in _names(client, bucket, prefix, options)]
    if not keys:
        raise ToolError(f"{bucket}/{prefix}{options.prefix or ''}: no such bundle")
    say("Deleting files:")
    for key in keys:
        say(f"{bucket}/{key}")
    if not options.yes and not options.batch and not confirm("Continue?"):
        raise ToolError("nothing was deleted")
    for key in keys:
        client.delete(bucket, key)
        say(f"Deleted {bucket}/{key}")
    if options.clear:
        _clear(client, bucket)
    say(f"{NAME} complete.")


def _names(client, bucket, prefix, options):
    """The manifest's name and the parts' names, as far as the bucket has them."""
    stem, first = options.prefix, manifest.file_name(options.prefix)
    if options.manifest:
        need_file(options.manifest, "manifest")
        bundle = manifest.read(options.manifest)
        stem, first = bundle.name, os.path.basename(options.manifest)
        wanted = {part.filename for part in bundle.parts}.__contains__
    else:
        wanted = re.compile(re.escape(stem) + r"\.part\.\d+\Z").match
    begin = prefix + os.path.commonprefix([stem, first])
    found = [key[len(prefix):] for key in client.keys(bucket, begin)]
    return [name for name in found if name == first] + [name for name in found if wanted(name)]


def _clear(client, bucket):
    try:
        client.delete(bucket)
        say(f"Deleted bucket {bucket}")
    except s3.S3Error as error:
        if error.code != "BucketNotEmpty":
            raise
        warn(f"Bucket {bucket} is not empty and stays.")


def main():
    parser = Parser(NAME, MANUAL)
    s3.add_options(parser)
    parser.add_argument("-m", "--manifest", metavar="PATH", help="the bundle's manifest")
    parser.add_argument("-p", "--prefix", metavar="NAME",
                        help="what the bundle's file names begin with")
    parser.add_argument("--clear", action="store_true",
                        help="delete the bucket too if nothing is left in it")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    return run_tool(parser, work)
