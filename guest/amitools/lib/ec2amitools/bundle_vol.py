"""ec2-bundle-vol: a bundle of the running machine's root volume."""

import contextlib
import os
import shutil
import sys

from . import exclusions, imds, manifest, pipeline, staging, volume
from .making import (MAX_IMAGE, add_options, check_options, check_prefix, image_path, make_bundle,
                     remove_leftovers)
from .tool import (Parser, ToolError, comma_list, need_directory, need_file, run_program, run_tool,
                   say, warn)

NAME = "ec2-bundle-vol"
MANUAL = """
Makes a bundle of the file system that this machine runs on.

The files are put into an image with the type, label and UUID of the volume; then
the image is bundled as ec2-bundle-image does it, and removed. Owners, modes,
access control lists, capabilities, hard links, device nodes and holes are kept.
The disk needs room for the image (as much as its files take) and for the bundle,
not for a second copy of the files.

Left out are what is in /dev, /media, /mnt, /net, /proc and /sys, what is mounted
and not a local disk, swap files, what the tool makes itself, and, unless
--no-filter is given, files that may hold secrets: private keys (*.pem, id_rsa...),
authorized_keys, shell histories, and editors' remains. Certificates and keyrings
of the distribution stay.

Kernel, ramdisk, product codes, block devices and ancestors come from the instance
metadata service unless --no-inherit is given.
"""
DEFAULT_SIZE = MAX_IMAGE // volume.MIB


def work(options):
    if os.geteuid() != 0:
        raise ToolError("only root can read all files of a volume")
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    prefix = check_prefix(options.prefix)
    _check(options)
    check_options(options)
    remove_leftovers(options.destination, prefix)
    ancestry = _inherit(options)
    with contextlib.ExitStack() as stack:
        source = volume.Volume(options.volume)
        image = image_path(options.destination, prefix)
        stack.callback(_unlink, image)
        _make_image(options, source, prefix, image)
        make_bundle(options, image, prefix, ancestry)
    say(f"{NAME} complete.")


def _check(options):
    need_directory(options.volume, "volume")
    if not os.path.isabs(options.volume):
        raise ToolError(f"--volume {options.volume}: not an absolute path")
    for path in options.exclude + options.include:
        if not path.startswith("/"):
            raise ToolError(f"{path}: --exclude and --include take absolute paths")
    if not 1 <= options.size <= DEFAULT_SIZE:
        raise ToolError(f"--size {options.size}: from 1 to {DEFAULT_SIZE} MB")
    for path, what in ((options.fstab, "--fstab"), (options.script, "--script"),
                       (options.grub_config, "--grub-config")):
        if path:
            need_file(path, what)
    if options.partition != "none":
        raise ToolError(f"--partition {options.partition}: the image is of one file system, "
                        "without a boot loader; for a copy of the whole disk use CreateImage")


def _inherit(options):
    """Fills in what was not given; the ancestors."""
    if options.inherit is False:
        return []
    try:
        metadata = imds.Metadata()
        known = {name: metadata.lines(name) for name in (
            "ancestor-ami-ids", "ami-id", "kernel-id", "ramdisk-id", "product-codes")}
        devices = metadata.lines("block-device-mapping/") or []
        mappings = [(name, metadata.get(f"block-device-mapping/{name}")) for name in devices]
    except OSError as error:
        if options.inherit:
            raise ToolError(f"the instance metadata service cannot be read: {error}") from None
        warn("Unable to read instance meta-data: nothing is inherited")
        return []
    for name in ("ancestor-ami-ids", "kernel-id", "ramdisk-id", "product-codes"):
        if known[name] is None:
            warn(f"Unable to read instance meta-data for {name}")
    options.kernel = options.kernel or (known["kernel-id"] or [None])[0]
    options.ramdisk = options.ramdisk or (known["ramdisk-id"] or [None])[0]
    options.productcodes = options.productcodes or known["product-codes"] or []
    options.block_device_mapping = options.block_device_mapping or [
        pair for pair in mappings if pair[1]]
    return (known["ancestor-ami-ids"] or []) + (known["ami-id"] or [])


def _make_image(options, source, prefix, image):
    left_out = _exclusions(options, source, prefix, image)
    say(f"Copying {options.volume} into the image file "
        f"{os.path.join(options.destination, prefix)}...")
    say("Excluding:")
    for path in left_out.names():
        say(f"\t {path}")
    if source.type and source.type != source.image_type():
        warn(f"The volume's type is {source.type}, the image's will be {source.image_type()}: if "
             "/etc/fstab says what type / has, give another with --fstab or --generate-fstab")
    tree = staging.make(source.path)
    try:
        # A script may write into the files, which therefore have to be copies.
        copy = staging.Staging(source.path, tree, left_out, link=not options.script)
        copy.copy()
        identity = source.uuid or volume.new_identity()
        _adapt(options, source, tree, identity)
        _check_room(options, copy.size)
        volume.make_image(image, tree, options.size, source.image_type(), source.label, identity)
    finally:
        staging.remove(tree)


def _exclusions(options, source, prefix, image):
    names = [manifest.file_name(prefix), *pipeline.existing_parts(options.destination, prefix)]
    own = [image, *(os.path.join(options.destination, name) for name in names)]
    included = options.include
    # Whatever else is in the image: not the key that opens it.
    key = exclusions.within(options.privatekey, source.path)
    if key not in included:
        own.append(options.privatekey)
    return exclusions.Exclusions(source.path, options.exclude, included, own,
                                 filtered=not options.no_filter, everything=options.all)


def _adapt(options, source, tree, identity):
    """Makes of the copy what it is to be."""
    volume.complete(tree)
    if options.fstab or options.generate_fstab:
        data = volume.generated_fstab(source.image_type(), identity)
        if options.fstab:
            with open(options.fstab, "rb") as file:
                data = file.read()
        staging.replace(os.path.join(tree, "etc/fstab"), data)
    if options.grub_config:
        with open(options.grub_config, "rb") as file:
            volume.replace_grub_configuration(tree, file.read())
    if options.script:
        said = run_program([os.path.abspath(options.script), tree], None,
                           f"{options.script} failed")
        sys.stdout.write(said.decode(errors="replace"))


def _check_room(options, needed):
    if needed > options.size * volume.MIB:
        raise ToolError(f"the files take {needed // volume.MIB + 1} MB, more than an image of "
                        f"{options.size} MB (--size)")
    free = shutil.disk_usage(options.destination).free
    if needed > free:
        raise ToolError(f"the files take {needed // volume.MIB + 1} MB, and {options.destination} "
                        f"has only {free // volume.MIB} MB left")


def _unlink(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def main():
    parser = Parser(NAME, MANUAL)
    add_options(parser)
    parser.add_argument("-s", "--size", metavar="MB", type=int, default=DEFAULT_SIZE,
                        help=f"size of the file system ({DEFAULT_SIZE})")
    parser.add_argument("-p", "--prefix", metavar="NAME", default="image",
                        help="what the bundle's file names begin with (image)")
    parser.add_argument("-v", "--volume", metavar="PATH", default="/",
                        help="where the volume is mounted (/)")
    parser.add_argument("-a", "--all", action="store_true", help="copy remote file systems too")
    parser.add_argument("-e", "--exclude", metavar="PATHS", type=comma_list, default=[],
                        help="what to leave out, with commas between")
    parser.add_argument("-i", "--include", metavar="PATHS", type=comma_list, default=[],
                        help="what to copy in spite of the filter, with commas between")
    parser.add_argument("--no-filter", action="store_true",
                        help="copy files that may hold secrets too")
    parser.add_argument("--inherit", action="store_true", default=None,
                        help="fail if the instance metadata cannot be read")
    parser.add_argument("--no-inherit", dest="inherit", action="store_false",
                        help="do not read the instance metadata")
    parser.add_argument("-P", "--partition", choices=("mbr", "gpt", "none"), default="none",
                        help="partition table of the image (none)")
    parser.add_argument("-S", "--script", metavar="PATH",
                        help="program to run on the copy, with its directory as argument")
    table = parser.add_mutually_exclusive_group()
    table.add_argument("--fstab", metavar="PATH", help="the image's /etc/fstab")
    table.add_argument("--generate-fstab", action="store_true",
                       help="write a new /etc/fstab into the image")
    parser.add_argument("--grub-config", metavar="PATH", help="the image's /boot/grub/menu.lst")
    return run_tool(parser, work)
