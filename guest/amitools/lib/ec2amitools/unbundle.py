"""ec2-unbundle: the image of a bundle."""

from . import crypto, manifest, pipeline
from .tool import Parser, need_directory, need_file, run_tool, say

NAME = "ec2-unbundle"
MANUAL = """
Makes the image of a bundle again.

The parts are checked against the manifest, which must have been signed with the
private key that is given, then put together, decrypted and unpacked. Holes of the
image stay holes. When anything is wrong no image is left.
"""


def work(options):
    need_file(options.manifest, "manifest")
    need_file(options.privatekey, "private key")
    need_directory(options.source, "source directory")
    need_directory(options.destination, "destination directory")
    bundle = manifest.read(options.manifest, options.privatekey)
    key = crypto.unwrap(bundle.user_encrypted_key, options.privatekey)
    vector = crypto.unwrap(bundle.user_encrypted_iv, options.privatekey)
    path = pipeline.unbundle(bundle, options.source, options.destination, key, vector)
    say(f"Unbundled {path}")
    say(f"{NAME} complete.")


def main():
    parser = Parser(NAME, MANUAL)
    parser.need("-k", "--privatekey", metavar="PATH", help="the user's private key (PEM)")
    parser.need("-m", "--manifest", metavar="PATH", help="the manifest")
    parser.add_argument("-s", "--source", metavar="PATH", default=".",
                        help="directory of the parts (the current one)")
    parser.add_argument("-d", "--destination", metavar="PATH", default=".",
                        help="directory for the image (the current one)")
    return run_tool(parser, work)
