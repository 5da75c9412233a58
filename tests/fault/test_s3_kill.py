"""The daemon is killed at every moment of every kind of write to the object store, one after the
other, and at random ones under load. Whatever was acknowledged is there afterwards and whole; what
was not is there as a whole or not at all; and no file is left that no record owns.

CUMULET_S3_KILLS says how many random kills (20), CUMULET_SEED at which moments."""

import concurrent.futures
import http.client
import os
import random
import signal
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudError, CloudTestCase, wait_until  # noqa: E402
from s3 import MIB, S3Wire, md5_base64, random_bytes  # noqa: E402
from s3_state import (DEADLINE, MARKER, assert_fsck_finds_nothing, new_files, sketch,  # noqa: E402
                      trash, versions, wait_tidy)

KILLS = int(os.environ.get("CUMULET_S3_KILLS", "20"))
SEED = int(os.environ.get("CUMULET_SEED", "20261123"))
DAEMONS = 4  # side by side
MOST = 150  # moments of one deed: more is a test that does not end
BUCKET = "bucket"
SMALL, SMALL_2 = random_bytes(2000, 1), random_bytes(3000, 2)
LARGE, LARGE_2 = random_bytes(2 * MIB + 77, 3), random_bytes(1 * MIB + 5, 4)
PART, TAIL = random_bytes(5 * MIB, 5), random_bytes(40000, 6)


def ok(reply):
    assert reply.status in (200, 204), reply
    return reply


def put(wire, key, body, **headers):
    return ok(wire.call("PUT", f"/{BUCKET}/{key}", headers=headers, body=body))


def put_part(wire, key, upload, number, body):
    reply = ok(wire.call("PUT", f"/{BUCKET}/{key}", f"partNumber={number}&uploadId={upload}",
                         body=body))
    return number, reply.headers["ETag"]


def start_upload(wire, key):
    return ok(wire.call("POST", f"/{BUCKET}/{key}", "uploads")).text("UploadId")


def complete(wire, key, upload, parts):
    listed = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                     for number, etag in parts)
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    reply = ok(wire.call("POST", f"/{BUCKET}/{key}", f"uploadId={upload}", body=body))
    assert reply.text("ETag"), reply  # else it is an error that came late


def list_parts(wire, key, upload):
    """ETags, or None: there is no such upload."""
    reply = wire.call("GET", f"/{BUCKET}/{key}", f"uploadId={upload}")
    return tuple(ok(reply).texts("ETag")) if reply.status != 404 else None


class Deed:
    """A write. prepare() makes what it needs; afterwards look() is `before` or `after`."""

    least = 2  # moments that it has, at least
    versioned = False

    def __init__(self):
        self.number = 0

    def begin(self, wire):
        """Another key for every time."""
        self.number += 1
        self.key = f"key-{self.number:03}-"
        self.before, self.after = (), ()
        self.prepare(wire)

    def prepare(self, wire):
        pass

    def look(self, wire):
        return versions(wire, BUCKET, self.key).get(self.key, ())

    def is_possible(self, state):
        return state in (self.before, self.after)


class Put(Deed):
    old, new = None, None

    def prepare(self, wire):
        if self.old:
            put(wire, self.key, self.old)
            self.before = (sketch(self.old),)
        self.after = (sketch(self.new),)

    def do(self, wire):
        put(wire, self.key, self.new)


class PutSmall(Put):
    new = SMALL


class PutLarge(Put):
    new = LARGE
    least = 15


class OverwriteLargeByLarge(Put):
    old, new = LARGE, LARGE_2
    least = 12


class OverwriteLargeBySmall(Put):
    old, new = LARGE_2, SMALL
    least = 5


class OverwriteSmallBySmall(Put):
    old, new = SMALL, SMALL_2


class PutVersion(Put):
    old, new = SMALL, LARGE_2
    versioned = True
    least = 10

    def prepare(self, wire):
        super().prepare(wire)
        self.after += self.before


class Copy(Deed):
    least = 2

    def prepare(self, wire):
        put(wire, self.key + "source", LARGE_2)
        self.after = (sketch(LARGE_2),)

    def do(self, wire):
        assert ok(put(wire, self.key, b"", **{
            "x-amz-copy-source": f"/{BUCKET}/{self.key}source"})).text("ETag")


class UploadPart(Deed):
    least = 10

    def prepare(self, wire):
        self.upload = start_upload(wire, self.key)
        self.before = ()
        self.after = None  # known when it is done

    def do(self, wire):
        self.after = (put_part(wire, self.key, self.upload, 1, LARGE_2)[1],)

    def look(self, wire):
        assert super().look(wire) == (), "an object of an upload that was not completed"
        return list_parts(wire, self.key, self.upload)

    def is_possible(self, state):
        return len(state) <= 1 and (self.after is None or state == self.after)


class Complete(Deed):
    def prepare(self, wire):
        self.upload = start_upload(wire, self.key)
        self.parts = [put_part(wire, self.key, self.upload, 1, PART),
                      put_part(wire, self.key, self.upload, 2, TAIL)]
        put_part(wire, self.key, self.upload, 3, LARGE_2)  # left out, and so dropped
        self.after = (sketch(PART + TAIL),)

    def do(self, wire):
        complete(wire, self.key, self.upload, self.parts)

    def look(self, wire):
        state = super().look(wire)
        parts = list_parts(wire, self.key, self.upload)
        assert (parts is None) == (state != ()), "the upload is open, or an object, never both"
        return state


class Abort(Deed):
    least = 5

    def prepare(self, wire):
        self.upload = start_upload(wire, self.key)
        self.before = (put_part(wire, self.key, self.upload, 1, LARGE_2)[1],
                       put_part(wire, self.key, self.upload, 2, SMALL)[1])
        self.after = None

    def do(self, wire):
        ok(wire.call("DELETE", f"/{BUCKET}/{self.key}", f"uploadId={self.upload}"))

    def look(self, wire):
        return list_parts(wire, self.key, self.upload)


class Delete(Deed):
    least = 5

    def prepare(self, wire):
        put(wire, self.key, LARGE_2)
        self.before = (sketch(LARGE_2),)

    def do(self, wire):
        ok(wire.call("DELETE", f"/{BUCKET}/{self.key}"))


class DeleteSeveral(Deed):
    least = 5
    bodies = (LARGE_2, SMALL, TAIL)

    def prepare(self, wire):
        for index, body in enumerate(self.bodies):
            put(wire, f"{self.key}{index}", body)
        self.before = {f"{self.key}{index}": (sketch(body),)
                       for index, body in enumerate(self.bodies)}
        self.after = {}

    def do(self, wire):
        names = "".join(f"<Object><Key>{name}</Key></Object>" for name in self.before)
        body = f"<Delete>{names}</Delete>".encode()
        reply = ok(wire.call("POST", f"/{BUCKET}", "delete",
                             headers={"Content-MD5": md5_base64(body)}, body=body))
        assert not reply.texts("Code"), reply

    def look(self, wire):
        return versions(wire, BUCKET, self.key)

    def is_possible(self, state):
        """Each of them is there as it was, or not at all."""
        return state.items() <= self.before.items()


class DeleteOfVersions(Deed):
    """A delete marker is made."""

    versioned = True

    def prepare(self, wire):
        put(wire, self.key, LARGE_2)
        self.before = (sketch(LARGE_2),)
        self.after = (MARKER, sketch(LARGE_2))

    def do(self, wire):
        ok(wire.call("DELETE", f"/{BUCKET}/{self.key}"))


class DeleteVersion(Deed):
    """The newest of two goes."""

    versioned = True
    least = 5

    def prepare(self, wire):
        put(wire, self.key, SMALL)
        self.version = put(wire, self.key, LARGE_2).headers["x-amz-version-id"]
        self.before = (sketch(LARGE_2), sketch(SMALL))
        self.after = (sketch(SMALL),)

    def do(self, wire):
        ok(wire.call("DELETE", f"/{BUCKET}/{self.key}", f"versionId={self.version}"))


DEEDS = (PutLarge, OverwriteLargeByLarge, PutVersion, UploadPart, Complete, PutSmall, Copy,
         OverwriteLargeBySmall, OverwriteSmallBySmall, Abort, Delete, DeleteSeveral,
         DeleteOfVersions, DeleteVersion)


class Killer:
    """Does one deed again and again on a cloud of its own: killed at its first moment, at its
    second … until it gets through, up to the end of the daemon."""

    def __init__(self, cloud, deed):
        self.cloud, self.deed = cloud, deed
        self.kills = self.kills_at_start = 0

    def start(self, plan=None):
        """False: it was killed before it served."""
        self.cloud.daemon_env = {"CUMULET_FAULTPOINT": plan} if plan else {}
        try:
            self.cloud.start()
        except CloudError as error:
            if not plan or f"ended with {-signal.SIGKILL} " not in str(error):
                raise
            return False
        return True

    def is_quiet(self):
        try:
            return self.cloud.process.poll() is not None or not trash(self.cloud)
        except sqlite3.OperationalError:
            return False

    def end(self):
        """Lets it finish what it does; True when it was killed over that."""
        wait_until(self.is_quiet, DEADLINE, "the trash is empty")
        if self.cloud.process.poll() is None:
            self.cloud.process.send_signal(signal.SIGTERM)
        status = self.cloud.process.wait(DEADLINE)
        self.cloud.process = None
        assert status in (0, -signal.SIGKILL), status
        return status != 0

    def is_left_to_do(self):
        return new_files(self.cloud) or trash(self.cloud)

    def check(self, wire, acknowledged):
        deed = self.deed
        state = deed.look(wire)
        assert deed.is_possible(state), (deed.before, deed.after, state)
        if acknowledged:
            assert state == deed.after, ("acknowledged", deed.after, state)
        wait_tidy(self.cloud)

    def do(self, wire):
        try:
            self.deed.do(wire)
        except (OSError, http.client.HTTPException):
            return False  # the daemon is gone
        return True

    def do_killed(self, n):
        """(acknowledged, killed)"""
        if not self.start(f"serve:1,:{n}"):
            return False, True
        acknowledged = self.do(S3Wire(self.cloud))
        return acknowledged, self.end()

    def recover(self):
        """A daemon that is killed over tidying up, then one that is not."""
        if self.is_left_to_do():
            if not self.start("blob-:1") or self.end():
                self.kills_at_start += 1
        self.start()

    def run(self):
        self.start()
        wire = S3Wire(self.cloud)
        ok(wire.call("PUT", f"/{BUCKET}"))
        if self.deed.versioned:
            ok(wire.call("PUT", f"/{BUCKET}", "versioning", body=(
                b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")))
        for n in range(1, MOST):
            self.deed.begin(wire)
            self.cloud.stop()
            assert_fsck_finds_nothing(self.cloud)
            acknowledged, killed = self.do_killed(n)
            self.recover()
            try:
                self.check(wire, acknowledged)
            except AssertionError as error:
                raise AssertionError(f"{type(self.deed).__name__}, killed at moment {n}: "
                                     f"{error}") from error
            if not killed:
                assert acknowledged
                break
            self.kills += 1
        self.cloud.stop()
        assert_fsck_finds_nothing(self.cloud)
        return self


class EveryMomentTest(CloudTestCase):
    cloud_options = None
    timeout = 400

    def test_a_daemon_that_is_killed_at_every_moment_of_a_write(self):
        killers = [Killer(self.start_cloud(start=False, args=["--log-level", "warning"]), deed())
                   for deed in DEEDS]
        with concurrent.futures.ThreadPoolExecutor(DAEMONS) as pool:
            jobs = [pool.submit(killer.run) for killer in killers]
            for job in jobs:
                job.result()
        print("    kills: " + ", ".join(f"{type(killer.deed).__name__} {killer.kills}"
                                        for killer in killers), flush=True)
        for killer in killers:
            with self.subTest(type(killer.deed).__name__):
                self.assertGreaterEqual(killer.kills, killer.deed.least)
                self.assertLess(killer.kills, MOST - 1, "there is no end to it")
        again = sum(killer.kills_at_start for killer in killers)
        print(f"    and {again} while the next daemon tidied up", flush=True)
        self.assertGreater(again, 10)


class Worker(threading.Thread):
    """A client that writes to keys of its own until the daemon is gone. possible: key → what may be
    there; what was acknowledged leaves one thing."""

    def __init__(self, wire, name, chance, possible):
        super().__init__()
        self.wire, self.chance, self.possible = wire, chance, possible
        self.keys = [f"{name}-{index}" for index in range(4)]
        self.acknowledged = 0
        self.trouble = None

    def run(self):
        try:
            while self.step():
                self.acknowledged += 1
        except Exception as trouble:
            self.trouble = trouble

    def step(self):
        """False: the daemon is gone."""
        key = self.chance.choice(self.keys)
        deed, after = self.chance.choice((self.put_small, self.put_large, self.put_parts,
                                          self.copy, self.delete))(key)
        before = self.possible.get(key, {()})
        self.possible[key] = before | {after}
        try:
            deed()
        except (OSError, http.client.HTTPException):
            return False
        self.possible[key] = {after}
        return True

    def put_small(self, key):
        body = self.chance.randbytes(self.chance.randint(0, 32 * 1024))
        return lambda: put(self.wire, key, body), (sketch(body),)

    def put_large(self, key):
        body = self.chance.randbytes(self.chance.randint(32 * 1024 + 1, 600000))
        return lambda: put(self.wire, key, body), (sketch(body),)

    def put_parts(self, key):
        body = self.chance.randbytes(self.chance.randint(1, 100000))

        def do():
            upload = start_upload(self.wire, key)
            complete(self.wire, key, upload, [put_part(self.wire, key, upload, 1, body)])
        return do, (sketch(body),)

    def copy(self, key):
        source = self.chance.choice(self.keys)
        known = self.possible.get(source, {()})
        if source == key or len(known) != 1 or known == {()}:
            return self.delete(key)
        return lambda: ok(put(self.wire, key, b"", **{
            "x-amz-copy-source": f"/{BUCKET}/{source}"})), next(iter(known))

    def delete(self, key):
        return lambda: ok(self.wire.call("DELETE", f"/{BUCKET}/{key}")), ()


class RandomKillTest(CloudTestCase):
    cloud_options = None
    timeout = 300
    clients = 4

    def kill_while_it_serves(self, cloud, possible, chance):
        wire = S3Wire(cloud)
        workers = [Worker(wire, f"client-{number}", random.Random(chance.random()), possible)
                   for number in range(self.clients)]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.02, 0.5))
        cloud.kill()
        for worker in workers:
            worker.join(DEADLINE)
            self.assertIsNone(worker.trouble)
        return sum(worker.acknowledged for worker in workers)

    def kill_while_it_starts(self, cloud, chance):
        cloud.launch()
        time.sleep(chance.uniform(0, 0.1))
        cloud.kill()

    def compare(self, wire, possible):
        there = versions(wire, BUCKET)
        for key, allowed in possible.items():
            state = there.pop(key, ())
            self.assertIn(state, allowed, key)
            possible[key] = {state}
        self.assertEqual(there, {}, "objects that nobody put")

    def test_a_daemon_that_is_killed_under_load(self):
        print(f"    {KILLS} kills, seed {SEED}", flush=True)
        chance = random.Random(SEED)
        cloud = self.start_cloud(args=["--log-level", "warning"])
        ok(S3Wire(cloud).call("PUT", f"/{BUCKET}"))
        possible, acknowledged = {}, 0
        for number in range(KILLS):
            acknowledged += self.kill_while_it_serves(cloud, possible, chance)
            for _ in range(chance.choice((0, 0, 1, 2))):
                self.kill_while_it_starts(cloud, chance)
            cloud.start()
            with self.subTest(f"after kill {number}"):
                self.compare(S3Wire(cloud), possible)
                wait_tidy(cloud)
                if number % 4 == 3:
                    cloud.stop()
                    assert_fsck_finds_nothing(cloud)
                    cloud.start()
        print(f"    {acknowledged} writes were acknowledged", flush=True)
        self.assertGreater(acknowledged, KILLS * 5, "a test of nothing")
        cloud.stop()
        assert_fsck_finds_nothing(cloud)
        self.assertNotIn("critical", cloud.log(None))


if __name__ == "__main__":
    unittest.main()
