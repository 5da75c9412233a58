"""What of a volume does not go into its image.

Paths here are those within the volume: "/etc/passwd" wherever it is mounted. Of some directories
only the contents stay out: what is mounted there, or made at boot, needs the directory itself."""

import enum
import fnmatch
import os
import re

EMPTIED = ("/dev", "/media", "/mnt", "/net", "/proc", "/sys")
# What may be secret, or is of no use. As find's -path has it, * takes slashes too.
FILTERED = ("*/#*#", "*/.#*", "*.sw", "*.swo", "*.swp", "*~", "*.pem", "*.priv", "*id_rsa*",
            "*id_dsa*", "*.gpg", "*.jks", "*/.ssh/authorized_keys", "*/.bash_history")
# Certificates and keyrings of the distribution, without which apt and TLS would not work in the
# copy. They match the patterns above, but anybody may read them anywhere.
PUBLIC = ("/etc/apt/", "/etc/ec2/amitools/", "/etc/pki/ca-trust/", "/etc/pki/rpm-gpg/",
          "/etc/ssl/certs/", "/usr/lib/", "/usr/share/")
STAGING = ".ec2-bundle-vol."  # what names of staging trees, at the volume's top, begin with
LOCAL_TYPES = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "reiserfs", "vfat", "xfs")
REMOTE_TYPES = ("9p", "afs", "ceph", "cifs", "glusterfs", "nfs", "nfs4", "smb3", "virtiofs")


class Verdict(enum.Enum):
    KEEP = 1
    EMPTY = 2  # the directory without what is in it
    SKIP = 3


class Mount:
    """A line of mountinfo."""

    def __init__(self, line):
        before, _, after = line.partition(" - ")
        fields = before.split()
        self.device_number, self.point = fields[2], _unescape(fields[4])
        self.type, source = after.split()[:2]
        self.source = _unescape(source)


def _unescape(text):
    """Blanks and backslashes are octal there."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def mounts():
    with open("/proc/self/mountinfo", errors="surrogateescape") as file:
        return [Mount(line) for line in file]


def within(path, volume):
    """A path of this system as one of the volume, or None."""
    return _below(os.path.realpath(path), volume)


def _below(path, volume):
    if volume == "/":
        return path
    return path[len(volume):] or "/" if (path + "/").startswith(volume + "/") else None


def swap_files():
    try:
        with open("/proc/swaps") as file:
            return [_unescape(line.split()[0]) for line in file.readlines()[1:]]
    except OSError:
        return []


class Exclusions:
    """volume        where it is mounted: absolute, without links
    excluded      what the user excludes: paths or patterns
    included      what the user wants in spite of the filter: the same
    own           paths of this system that are left out: what the tool makes itself
    filtered      whether the filter is used
    everything    whether remote file systems are copied"""

    def __init__(self, volume, excluded=(), included=(), own=(), filtered=True, everything=False):
        self.volume = volume
        self.skipped = [self._clean(path) for path in excluded]
        self.own = {path for path in (within(path, volume) for path in own) if path}
        self.own.add("/lost+found")
        self.own.update(path for path in (within(path, volume) for path in swap_files()) if path)
        self.emptied = set(EMPTIED)
        for mount in mounts():
            path = _below(mount.point, volume)  # not touched: it may be a server that is away
            if path and path != "/" and not self._is_copied(mount, everything):
                self.emptied.add(path)
        self.included = [self._clean(path) for path in included]
        self.filter = re.compile("|".join(map(fnmatch.translate, FILTERED))) if filtered else None

    @staticmethod
    def _clean(path):
        return os.path.normpath("/" + path.strip().lstrip("/"))

    @staticmethod
    def _is_copied(mount, everything):
        remote = mount.type in REMOTE_TYPES or mount.type.startswith("fuse")
        return mount.type in LOCAL_TYPES or everything and remote

    def verdict(self, path, is_directory):
        """What becomes of a path of the volume."""
        if (path in self.own or path.startswith("/" + STAGING) or
                any(fnmatch.fnmatchcase(path, item) for item in self.skipped)):
            return Verdict.SKIP
        if path in self.emptied:
            return Verdict.EMPTY if is_directory else Verdict.SKIP
        if is_directory or not self.filter or not self.filter.match(path):
            return Verdict.KEEP
        if path.startswith(PUBLIC) or any(
                fnmatch.fnmatchcase(path, item) for item in self.included):
            return Verdict.KEEP
        return Verdict.SKIP

    def names(self):
        """For the list that the user sees."""
        there = [path for path in sorted(self.emptied | self.own)
                 if os.path.lexists(self.volume.rstrip("/") + path)]
        return there + self.skipped
