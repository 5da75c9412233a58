"""ec2-download-bundle: fetches a bundle from S3."""

import os

from . import manifest, pipeline, s3
from .tool import (Parser, ToolError, describe, need_directory, need_file, run_tool, say)

NAME = "ec2-download-bundle"
MANUAL = """
Fetches the manifest of a bundle and all its parts from a bucket of S3.

The manifest must have been signed with the private key that is given, and every
part must have the digest that the manifest says. Parts that the directory holds
already are not fetched again.
"""


def work(options):
    need_file(options.privatekey, "private key")
    need_directory(options.directory)
    name = options.manifest or manifest.file_name(options.prefix or "image")
    if "/" in name:
        raise ToolError(f"--manifest {name}: give the name without a path; what comes before it "
                        "belongs to --bucket")
    bucket, prefix = s3.split_bucket(options.bucket)
    client = s3.connect(options)
    target = os.path.join(options.directory, name)
    say(f"Downloading manifest {name} from {bucket} to {target} ...")
    text = client.get(bucket, prefix + name)
    bundle = manifest.parse(text, f"{bucket}/{prefix}{name}", options.privatekey)
    for part in bundle.parts:
        _fetch(client, bucket, prefix, part, options.directory)
    manifest.write(target, text)
    say("Bundle download completed.")


def _fetch(client, bucket, prefix, part, directory):
    path = os.path.join(directory, part.filename)
    if _is_there(path, part):
        say(f"Skipped {part.filename}: it is there already")
        return
    say(f"Downloading part {part.filename} from {bucket}/{prefix} to {path} ...")
    temporary = path + ".new"
    try:
        with open(temporary, "wb") as file:
            file.write(client.get(bucket, prefix + part.filename))
        pipeline.check_part(temporary, part)
        os.replace(temporary, path)
    except OSError as error:
        raise ToolError(f"{temporary}: {describe(error)}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    say(f"Downloaded {part.filename} from {bucket}")


def _is_there(path, part):
    try:
        pipeline.check_part(path, part)
    except ToolError:
        return False
    return True


def main():
    parser = Parser(NAME, MANUAL)
    s3.add_options(parser)
    parser.need("-k", "--privatekey", metavar="PATH", help="the user's private key (PEM)")
    parser.add_argument("-m", "--manifest", metavar="NAME", help="the manifest's name")
    parser.add_argument("-p", "--prefix", metavar="NAME",
                        help="what the bundle's file names begin with (image)")
    parser.add_argument("-d", "--directory", metavar="PATH", default=".",
                        help="directory for the bundle (the current one)")
    return run_tool(parser, work)
