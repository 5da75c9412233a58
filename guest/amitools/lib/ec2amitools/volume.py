"""A mounted volume, and the image of it: a file system with the same name and the same files, made
without being mounted anywhere."""

import os
import stat
import uuid

from . import exclusions, staging
from .tool import ToolError, run_program

EXT_TYPES = ("ext2", "ext3", "ext4")
DEFAULT_TYPE = "ext4"
MIB = 1024 * 1024
# What a system needs before anything is mounted on /dev.
NODES = (("console", 0o600, 5, 1), ("full", 0o666, 1, 7), ("null", 0o666, 1, 3),
         ("ptmx", 0o666, 5, 2), ("random", 0o666, 1, 8), ("tty", 0o666, 5, 0),
         ("tty0", 0o620, 4, 0), ("ttyS0", 0o660, 4, 64), ("urandom", 0o666, 1, 9),
         ("zero", 0o666, 1, 5))
LINKS = (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
         ("stderr", "/proc/self/fd/2"))
DIRECTORIES = (("dev", 0o755), ("dev/pts", 0o755), ("dev/shm", 0o755), ("mnt", 0o755),
               ("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777))
GRUB_FILES = ("boot/grub/menu.lst", "boot/grub/grub.conf")


class Volume:
    """path is absolute. Type, label and UUID are known where a file system is mounted."""

    def __init__(self, path):
        self.path = os.path.realpath(path)
        self.type = self.label = self.uuid = None
        for mount in exclusions.mounts():
            if mount.point == self.path:  # the last one is what is seen
                self._identify(mount)

    def _identify(self, mount):
        device = f"/dev/block/{mount.device_number}"
        device = device if os.path.exists(device) else mount.source
        self.type = mount.type
        self.label, self.uuid = _tag(device, "LABEL"), _tag(device, "UUID")

    def image_type(self):
        return self.type if self.type in EXT_TYPES else DEFAULT_TYPE


def _tag(device, name):
    if not os.path.exists(device):
        return None
    try:
        return run_program(["blkid", "-p", "-o", "value", "-s", name, device]).decode(
            errors="replace").strip() or None
    except ToolError:
        return None  # it has none


def complete(tree):
    """Makes what was left out of the volume but has to be there."""
    for name, mode in DIRECTORIES:
        path = os.path.join(tree, name)
        if not os.path.lexists(path):
            os.mkdir(path)
            os.chmod(path, mode)
    for name, mode, major, minor in NODES:
        path = os.path.join(tree, "dev", name)
        if not os.path.lexists(path):
            os.mknod(path, stat.S_IFCHR | mode, os.makedev(major, minor))
            os.chmod(path, mode)
    for name, target in LINKS:
        path = os.path.join(tree, "dev", name)
        if not os.path.lexists(path):
            os.symlink(target, path)


def generated_fstab(kind, identity):
    """A table for a system that is all in one file system."""
    return (f"UUID={identity} / {kind} defaults 0 1\n"
            "proc /proc proc defaults 0 0\n"
            "sysfs /sys sysfs defaults 0 0\n"
            "devpts /dev/pts devpts gid=5,mode=620 0 0\n").encode()


def replace_grub_configuration(tree, data):
    """Where a boot loader of that time looks."""
    there = [name for name in GRUB_FILES if os.path.exists(os.path.join(tree, name))]
    for name in there or GRUB_FILES[:1]:
        staging.replace(os.path.join(tree, name), data)


def new_identity():
    return str(uuid.uuid4())


def make_image(path, tree, size, kind, label, identity):
    """Makes an image file of so many MiB with a file system of what is in the tree."""
    # What is in it is not for everybody on this system.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.truncate(size * MIB)
    # Whoever boots it has no inode tables to clear: the file is all holes.
    argv = ["mke2fs", "-q", "-F", "-t", kind, "-U", identity, "-d", tree,
            "-E", "lazy_itable_init=0"]
    if label:
        argv += ["-L", label]
    run_program([*argv, path], None, f"the image could not be made (is --size {size} MB enough?)")
