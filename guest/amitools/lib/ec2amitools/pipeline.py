"""From an image to the parts of a bundle, and back, without a copy in between.

    image → tar -S → gzip → openssl enc → parts of 10 MiB
    parts → openssl enc -d → gzip -d → tar -xS → image

The SHA-1 of the tar stream is taken on its way through this process; so are those of the parts.
Whatever fails, nothing is left in the destination."""

import contextlib
import hashlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading

from .manifest import Part
from .tool import ToolError, describe

PART_SIZE = 10 * 1024 * 1024
CHUNK = 1024 * 1024
CIPHER = ["openssl", "enc", "-aes-128-cbc"]


class Children:
    """Child processes of one pipeline: they end with it, and each one's failure is reported."""

    def __init__(self):
        self.started = []  # (program, process, file that takes what it says)

    def start(self, argv, **streams):
        said = tempfile.TemporaryFile()
        try:
            process = subprocess.Popen(argv, stderr=said, **streams)
        except FileNotFoundError:
            said.close()
            raise ToolError(f"{argv[0]} is not installed") from None
        self.started.append((argv[0], process, said))
        return process

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for _, process, _ in self.started:
            if kind and process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
        for _, process, _ in self.started:
            process.wait()
        try:
            # What broke a pipe is said by the child that ended.
            if kind is None or issubclass(kind, BrokenPipeError):
                self.check()
            if kind and issubclass(kind, BrokenPipeError):
                raise ToolError("the programs that make the bundle were stopped")
        finally:
            for _, _, said in self.started:
                said.close()

    def check(self):
        """The first in the line that failed by itself is the one to blame."""
        failed = []
        for program, process, said in self.started:
            if process.returncode not in (0, -9, -13):
                said.seek(0)
                text = said.read(2000).decode(errors="replace").strip()
                failed.append(f"{program}: {text or f'ended with {process.returncode}'}")
        if failed:
            raise ToolError("; ".join(failed))


class Pump(threading.Thread):
    """Copies one pipe into another and takes the SHA-1 of what passes. With a limit (bytes) it
    reads to the end although nobody takes it any more, as tar stops at the end of the archive and
    leaves the padding, but no farther than that."""

    def __init__(self, source, sink, limit=None):
        super().__init__(daemon=True)
        self.source, self.sink, self.limit = source, sink, limit
        self.sha1 = hashlib.sha1()
        self.error = None
        self.start()

    def run(self):
        try:
            size, taken = 0, True
            while data := self.source.read(CHUNK):
                self.sha1.update(data)
                size += len(data)
                if self.limit is not None and size > self.limit:
                    raise ToolError("the archive is larger than its image can be")
                taken = taken and self._write(data)
        # ValueError: it was closed, as the pipeline is given up.
        except (OSError, ValueError, ToolError) as error:
            self.error = error
        finally:
            # Both ends: whoever waits at the other side of either has to notice.
            for stream in (self.source, self.sink):
                with contextlib.suppress(OSError, ValueError):
                    stream.close()

    def _write(self, data):
        """Whether it was taken."""
        try:
            self.sink.write(data)
        except BrokenPipeError:
            if self.limit is None:
                raise
            return False
        return True

    def digest(self):
        """Hex, once the stream is through."""
        self.join()
        if isinstance(self.error, ToolError):
            raise self.error
        if self.error:
            raise BrokenPipeError(str(self.error))
        return self.sha1.hexdigest()


# --- making parts ---


class PartWriter:
    """Cuts a stream into files of 10 MiB. They get their names when their number is known."""

    def __init__(self, directory, prefix):
        self.directory, self.prefix = directory, prefix
        self.digests = []
        self.size = 0

    def _temporary(self, index):
        return os.path.join(self.directory, f".{self.prefix}.part.{index}.new")

    def consume(self, stream):
        data = stream.read(CHUNK)
        while data:
            sha1, room = hashlib.sha1(), PART_SIZE
            self.digests.append(None)
            with open(self._temporary(len(self.digests) - 1), "wb") as file:
                while data and room:
                    piece, data = data[:room], data[room:]
                    file.write(piece)
                    sha1.update(piece)
                    room -= len(piece)
                    if not data and room:
                        data = stream.read(min(CHUNK, room))
                self.size += PART_SIZE - room
            self.digests[-1] = sha1.hexdigest()
            data = data or stream.read(CHUNK)

    def names(self):
        width = len(str(len(self.digests) - 1))
        return [f"{self.prefix}.part.{index:0{width}}" for index in range(len(self.digests))]

    def finish(self):
        """Puts the parts in place of those of an earlier bundle; the Parts."""
        names = self.names()
        for old in existing_parts(self.directory, self.prefix):
            if old not in names:
                os.unlink(os.path.join(self.directory, old))
        for index, name in enumerate(names):
            os.replace(self._temporary(index), os.path.join(self.directory, name))
        return [Part(name, digest) for name, digest in zip(names, self.digests)]

    def discard(self):
        for index in range(len(self.digests)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary(index))


def existing_parts(directory, prefix):
    """The names of the parts in a directory."""
    pattern = re.compile(re.escape(prefix) + r"\.part\.\d+\Z")
    return sorted(name for name in os.listdir(directory) if pattern.match(name))


def bundle(image, name, directory, key, vector):
    """Makes parts of an image file; (Parts, SHA-1 of the tar stream, size of all parts). name is
    what the image is called in the bundle."""
    writer = PartWriter(directory, name)
    try:
        # Within the archive the image has the bundle's name, whatever the file is called.
        with tempfile.TemporaryDirectory() as folder, Children() as children:
            os.symlink(os.path.abspath(image), os.path.join(folder, name))
            tar = children.start(
                ["tar", "--create", "--dereference", "--sparse", "--format=gnu",
                 "--directory", folder, "--", name],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            # What one waits for most of all where processors are emulated: the default takes more
            # than twice the time and saves a tenth.
            gzip = children.start(["gzip", "--no-name", "--fast"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
            openssl = children.start([*CIPHER, "-e", "-K", key, "-iv", vector],
                                     stdin=gzip.stdout, stdout=subprocess.PIPE)
            gzip.stdout.close()
            pump = Pump(tar.stdout, gzip.stdin)
            writer.consume(openssl.stdout)
            digest = pump.digest()
        return writer.finish(), digest, writer.size
    except OSError as error:
        writer.discard()
        raise ToolError(f"{directory}: {describe(error)}") from None
    except BaseException:
        writer.discard()
        raise


# --- putting them together ---


def check_part(path, part):
    """The bytes of a part; its digest must be what the manifest says."""
    try:
        with open(path, "rb") as file:
            data = file.read(PART_SIZE + 1)
    except OSError as error:
        raise ToolError(f"part {describe(error)}") from None
    if len(data) > PART_SIZE or hashlib.sha1(data).hexdigest() != part.digest:
        raise ToolError(f"part {path}: corrupt: its digest is not the manifest's")
    return data


def unbundle(manifest, source, destination, key, vector):
    """Makes the image of the parts in directory source; its path in directory destination."""
    for part in manifest.parts:
        if not os.path.isfile(os.path.join(source, part.filename)):
            raise ToolError(f"part {os.path.join(source, part.filename)}: no such file")
    folder = tempfile.mkdtemp(prefix=".unbundle.", dir=destination)
    try:
        digest = _extract(manifest, source, folder, key, vector)
        if digest != manifest.digest:
            raise ToolError("the image is corrupt: its digest is not the manifest's")
        name = _only_file(folder, manifest)
        target = os.path.join(destination, name)
        os.replace(os.path.join(folder, name), target)
        return target
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract(manifest, source, folder, key, vector):
    """Unpacks the parts into a folder; the SHA-1 of the tar stream."""
    with Children() as children:
        openssl = children.start([*CIPHER, "-d", "-K", key, "-iv", vector],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        gzip = children.start(["gzip", "--decompress"], stdin=openssl.stdout,
                              stdout=subprocess.PIPE)
        openssl.stdout.close()
        tar = children.start(["tar", "--extract", "--sparse", "--no-same-owner", "--directory",
                              folder], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        # No archive makes a larger file than the manifest says.
        resource.prlimit(tar.pid, resource.RLIMIT_FSIZE, (manifest.size, manifest.size))
        pump = Pump(gzip.stdout, tar.stdin, manifest.size + manifest.size // 8 + CHUNK)
        try:
            for part in manifest.parts:
                openssl.stdin.write(check_part(os.path.join(source, part.filename), part))
            openssl.stdin.close()
        except BrokenPipeError:
            pump.digest()  # says why, if it is what gave up
            raise
        return pump.digest()


def _only_file(folder, manifest):
    """The name of the one file that the archive had."""
    names = os.listdir(folder)
    path = os.path.join(folder, names[0]) if names else ""
    if len(names) != 1 or os.path.islink(path) or not os.path.isfile(path):
        raise ToolError("the bundle does not hold just one image file")
    if os.path.getsize(path) != manifest.size:
        raise ToolError(f"the image has {os.path.getsize(path)} bytes, not the {manifest.size} "
                        "of the manifest")
    return names[0]
