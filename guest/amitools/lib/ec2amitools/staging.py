"""The tree that an image is made from: the volume's directories, and hard links to its files.

So it costs no space and hardly any time, however large the files are. What cannot be linked
(another file system, an immutable file) is copied. Nothing may be written into a file of such a
tree: it is the running system's. What is to be different gets a new file under the old name."""

import errno
import os
import re
import shutil
import stat
import tempfile

from . import exclusions
from .exclusions import Verdict
from .tool import warn

COPY_CHUNK = 8 * 1024 * 1024


class Staging:
    """link False: every file is copied, for whoever is going to write into them.

    size    bytes that the files take, holes and second names not counted"""

    def __init__(self, volume, target, exclusions, link=True):
        self.volume, self.target, self.exclusions, self.link = volume, target, exclusions, link
        self.size = 0
        self.copies = {}  # (device, inode) of a file with several names → its copy
        self.counted = set()

    def copy(self):
        # Deep trees are no reason to fail: no recursion. A directory's times are set last.
        # The topmost one stays as it is, closed to others; the image has a top of its own.
        pending, finished = self._directory("/"), []
        while pending:
            path, full = pending.pop()
            finished.append(path)
            if full:
                pending += self._directory(path)
        for path in reversed(finished):
            try:
                _attributes(self._source(path), self._target(path))
            except FileNotFoundError:
                pass  # it went away while it was copied

    def _source(self, path):
        return self.volume.rstrip("/") + path

    def _target(self, path):
        return self.target + path

    def _directory(self, path):
        """Copies what is in a directory; the directories among it, with whether they are to be
        filled."""
        found = []
        try:
            with os.scandir(self._source(path)) as entries:
                for entry in entries:
                    inner = os.path.join(path, entry.name)
                    is_directory = entry.is_dir(follow_symlinks=False)
                    verdict = self.exclusions.verdict(inner, is_directory)
                    if verdict == Verdict.SKIP:
                        continue
                    if is_directory:
                        os.mkdir(self._target(inner), 0o700)
                        found.append((inner, verdict == Verdict.KEEP))
                    else:
                        self._file(inner)
        except FileNotFoundError:
            pass  # it went away meanwhile
        return found

    def _file(self, path):
        source, target = self._source(path), self._target(path)
        try:
            status = os.lstat(source)
            if not self.link or not _link(source, target):
                self._copy(source, target, status)
        except FileNotFoundError:
            return
        identity = status.st_dev, status.st_ino
        if status.st_nlink > 1 and identity in self.counted:
            return
        self.counted.add(identity)
        self.size += status.st_blocks * 512

    def _copy(self, source, target, status):
        identity = status.st_dev, status.st_ino
        if identity in self.copies:
            os.link(self.copies[identity], target, follow_symlinks=False)
            return
        if stat.S_ISREG(status.st_mode):
            copy_sparse(source, target)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(source), target)
        else:
            os.mknod(target, status.st_mode, status.st_rdev)
        _attributes(source, target)
        if status.st_nlink > 1:
            self.copies[identity] = target


def _link(source, target):
    """Whether there is now a second name of the file."""
    try:
        os.link(source, target, follow_symlinks=False)
        return True
    except FileNotFoundError:
        raise
    except OSError:
        return False


def _attributes(source, target):
    """Owner, mode, extended attributes (access control lists and capabilities are such) and times
    of one file or directory."""
    status = os.lstat(source)
    os.lchown(target, status.st_uid, status.st_gid)
    try:
        for name in os.listxattr(source, follow_symlinks=False):
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False),
                        follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise  # else one of the file systems has none
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def copy_sparse(source, target):
    """The bytes of a file; holes stay holes."""
    with open(source, "rb") as reader, open(target, "xb") as writer:
        end = os.fstat(reader.fileno()).st_size
        os.truncate(writer.fileno(), end)
        offset = 0
        while offset < end:
            try:
                offset = os.lseek(reader.fileno(), offset, os.SEEK_DATA)
            except OSError:
                break  # only a hole is left
            hole = os.lseek(reader.fileno(), offset, os.SEEK_HOLE)
            while offset < hole:
                data = os.pread(reader.fileno(), min(COPY_CHUNK, hole - offset), offset)
                if not data:
                    return  # it became shorter meanwhile
                os.pwrite(writer.fileno(), data, offset)
                offset += len(data)


def replace(path, data, mode=0o644):
    """A new file under a name: what the name meant before is not touched."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    os.replace(temporary, path)


def make(volume):
    """A directory for a staging tree; no image gets it, even when this process is killed."""
    _remove_stale(volume)
    return tempfile.mkdtemp(prefix=f"{exclusions.STAGING}{os.getpid()}.", dir=volume)


def _remove_stale(volume):
    """Takes away what killed processes left."""
    for name in os.listdir(volume):
        match = re.match(re.escape(exclusions.STAGING) + r"(\d+)\.", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove(os.path.join(volume, name))


def remove(path):
    """Takes a staging tree away; only names go, the volume's files stay."""
    mounted = [mount.point for mount in exclusions.mounts() if mount.point.startswith(path + "/")]
    if mounted:  # removing would go on in there
        warn(f"{path} is not removed: something is mounted on {mounted[0]}")
        return
    shutil.rmtree(path, ignore_errors=True)
