"""ec2-bundle-image: a bundle of an image file."""

import os

from .making import add_options, check_options, check_prefix, make_bundle, remove_leftovers
from .tool import Parser, need_file, run_tool, say

NAME = "ec2-bundle-image"
MANUAL = """
Makes a bundle of a file that holds a file system or a disk.

The image is packed, compressed, encrypted with a new key and cut into parts of
10 MiB. The key is encrypted for your certificate and for EC2's, and written with
a digest of every part into the manifest, PREFIX.manifest.xml, which is signed
with your private key. ec2-upload-bundle takes manifest and parts to S3.
"""


def work(options):
    need_file(options.image, "image")
    prefix = check_prefix(options.prefix or os.path.basename(options.image))
    check_options(options)
    remove_leftovers(options.destination, prefix)
    make_bundle(options, options.image, prefix)
    say(f"{NAME} complete.")


def main():
    parser = Parser(NAME, MANUAL)
    parser.need("-i", "--image", metavar="PATH", help="the image file")
    add_options(parser)
    parser.add_argument("-p", "--prefix", metavar="NAME",
                        help="what the bundle's file names begin with (the image's name)")
    return run_tool(parser, work)
