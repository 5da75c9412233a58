"""What a cloud holds of objects: asked of it, and read from its files."""

import contextlib
import hashlib
import os
import sqlite3
import subprocess

from cloud import CUMULET, wait_until
from s3 import object_files, quote

MARKER = "delete marker"
DEADLINE = 20


def sketch(data):
    """Bytes as they are compared: short enough for a message."""
    return f"{len(data)} bytes {hashlib.md5(data).hexdigest()[:8]}"


def versions(wire, bucket, prefix=""):
    """Key → what its versions are, the newest first: sketches and MARKER."""
    found, after = {}, ""
    while True:
        reply = wire.call("GET", f"/{bucket}", f"versions&prefix={quote(prefix)}{after}")
        assert reply.status == 200, reply
        for element in reply.root:
            members = {child.tag.rpartition("}")[2]: child.text for child in element}
            if "Key" not in members:
                continue
            marker = element.tag.endswith("}DeleteMarker")
            body = MARKER if marker else sketch(
                get(wire, bucket, members["Key"], members["VersionId"]))
            found.setdefault(members["Key"], []).append(body)
        if reply.text("IsTruncated") != "true":
            return {key: tuple(bodies) for key, bodies in found.items()}
        after = (f"&key-marker={quote(reply.text('NextKeyMarker'))}"
                 f"&version-id-marker={quote(reply.text('NextVersionIdMarker') or '')}")


def get(wire, bucket, key, version=None):
    reply = wire.call("GET", f"/{bucket}/{quote(key)}", f"versionId={version}" if version else "")
    assert reply.status == 200, (key, reply)
    return reply.bytes


def new_files(cloud):
    """Uploads that lie in files and are not objects or parts yet."""
    return os.listdir(os.path.join(cloud.state, "objects", "new"))


def _column(cloud, sql):
    path = os.path.join(cloud.state, "cumulet.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute(sql)]


def trash(cloud):
    """What waits to be removed: blobs' files, and uploads' parts."""
    return _column(cloud, "SELECT id FROM blob_trash UNION ALL SELECT id FROM upload_trash")


def wait_tidy(cloud):
    """Every file belongs to a record, and has its place; the trash is empty."""
    def look():
        owned = set(_column(cloud, "SELECT id FROM blob WHERE place = 'file'"))
        files = {os.path.basename(path) for path in object_files(cloud)}
        return files == owned and not new_files(cloud) and not trash(cloud)
    wait_until(look, DEADLINE, lambda: f"new/ has {new_files(cloud)}, the trash {trash(cloud)},"
                                       f" files are {object_files(cloud)}")


def assert_fsck_finds_nothing(cloud, within=()):
    """Of a cloud whose daemon does not run. within: what the command line begins with."""
    done = subprocess.run([*within, CUMULET, "--state", cloud.state, "fsck"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "all is well" in done.stdout, done
