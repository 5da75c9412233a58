#!/usr/bin/env python3
"""Buckets of a million: pages at their start, middle and end, and emptying them while others work.

    scale.py BUILD [--objects N] [--directory DIR]

N is 100,000 unless it is said; a million take half an hour.

The records are put into the database of a daemon that does not run; everything else goes through
the API. One bucket has N objects, each with bytes of its own, the other N versions of ten keys. Both
are emptied with DeleteObjects of 1,000 at a time, and deleted. Meanwhile one connection puts and one
gets small objects in a third bucket, each 2 ms after its last reply: the slowest reply of each second
tells whether anything pauses. What the machine itself does to that is told by the same without a
deletion. Exits 1 when a goal is missed by more than run.py's SLACK."""

import argparse
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from run import KIB, Cumulet, Table  # noqa: E402: also finds tests/lib

KEYS = 10  # of the bucket of versions
PAGE = 1000
PAGE_CPU_MS = 10
PAUSE_MS = 100  # nobody waits longer than this for a small request
MEMORY_MIB = 64  # of the daemon's own; the database is mapped besides
REST_US = 2000  # between two requests of one connection
SHORT = 1.0  # seconds: of each such span the slowest reply counts


def load(build, server, method, name):
    """(replies, slowest in ms) of a second of small requests, one after the other."""
    done = subprocess.run([build, str(server.port), "1", str(SHORT), method, str(KIB),
                           str(REST_US)],
                          input=server.targets(method, [name])[0] + "\n", text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    replies, _, slowest = map(int, done.stdout.split())
    return replies, slowest / 1e3


class Others:
    """Those who put and get while something else goes on."""

    def __init__(self, build, server):
        self.build, self.server, self.over = build, server, threading.Event()
        self.spans = {"PUT": [], "GET": []}
        self.most_memory = 0

    def repeat(self, method):
        while not self.over.is_set():
            self.spans[method].append(load(self.build, self.server, method, "small"))
            self.most_memory = max(self.most_memory, own_memory_mib(self.server))

    def __enter__(self):
        self.threads = [threading.Thread(target=self.repeat, args=(method,))
                        for method in self.spans]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def tell(self, table, beside):
        for method, spans in self.spans.items():
            slowest = [slowest for _, slowest in spans]
            rate = statistics.median(replies for replies, _ in spans) / SHORT
            print(f"{method} 1 KiB beside {beside}: {rate:.0f} a second; slowest of a second:"
                  f" median {statistics.median(slowest):.0f} ms, worst {max(slowest):.0f} ms of"
                  f" {len(slowest)} seconds", flush=True)
            table.row(f"{method} 1 KiB beside {beside}, slowest, ms",
                      statistics.median(slowest), PAUSE_MS, "ms", 1.0)


def own_memory_mib(server):
    text = pathlib.Path(f"/proc/{server.cloud.pid}/smaps_rollup").read_text()
    return int(text.split("Anonymous:")[1].split()[0]) / 1024


def model_of(database, table, where, value):
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    row = database.execute(f"SELECT * FROM {table} WHERE {where} = ?", (value,)).fetchone()
    return dict(zip(names, row))


def insert(database, table, rows):
    first = next(rows)
    names = ", ".join(first)
    marks = ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    database.execute(statement, tuple(first.values()))
    database.executemany(statement, (tuple(row.values()) for row in rows))


def key_of(i):
    return f"{i * 2654435761 % 4294967296:08x}/{i % 97}/object-{i}"


def fill_objects(database, n):
    """n objects beside the one that is there, whose bytes each has for itself."""
    model = model_of(database, "object", "bucket", "objects-many")
    blob = model_of(database, "blob", "id", model["blob_id"])
    data = model_of(database, "blob_data", "id", model["blob_id"])["data"]
    identifier = [f"{i * 11400714819323198485 % (1 << 64):016x}{i:016x}"[:len(blob["id"])]
                  for i in range(n)]
    # In the order of their keys, or each insertion would touch a page of its own.
    insert(database, "object", (model | {"key": key_of(i), "blob_id": identifier[i]}
                                for i in sorted(range(n), key=key_of)))
    insert(database, "blob", (blob | {"id": one} for one in sorted(identifier)))
    insert(database, "blob_data", ({"id": one, "data": data} for one in sorted(identifier)))


def fill_versions(database, n):
    """n old versions of ten keys that are there; they share their bytes."""
    for number in range(KEYS):
        model = model_of(database, "object", "key", f"key-{number}")
        rank = int(model["rank"], 16)

        def older(i):
            text = f"{rank + 1 + i:016x}"
            return model | {"rank": text, "version_id": text + f"{i:016x}", "is_latest": 0}

        insert(database, "object", (older(i) for i in range(n // KEYS)))
        database.execute("UPDATE blob SET refs = refs + ? WHERE id = ?",
                         (n // KEYS, model["blob_id"]))


def fill(server, n):
    client = server.client
    client.create_bucket(Bucket="objects-many")
    client.create_bucket(Bucket="versions-many")
    client.put_bucket_versioning(Bucket="versions-many",
                                 VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="objects", Key="small", Body=b"x" * KIB)
    client.put_object(Bucket="objects-many", Key="0", Body=b"x" * 100)
    for number in range(KEYS):
        client.put_object(Bucket="versions-many", Key=f"key-{number}", Body=b"x" * 100)
    server.cloud.stop()
    database = sqlite3.connect(os.path.join(server.cloud.state, "cumulet.db"))
    fill_objects(database, n)
    fill_versions(database, n)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    server.cloud.start()
    server.processes = [server.cloud.process]


def page_cost(server, call, **options):
    """Milliseconds of the server's CPU."""
    call(**options)
    costs = []
    for _ in range(5):
        before = server.cpu()
        call(**options)
        costs.append((server.cpu() - before) * 1e3)
    return statistics.median(costs)


def measure_pages(server, table, n):
    client = server.client
    keys = sorted(map(key_of, range(n)))
    for place, after in (("start", ""), ("middle", keys[n // 2]), ("end", keys[-PAGE - 1])):
        rows = {
            "list v2": (client.list_objects_v2, {"StartAfter": after}),
            "list v2 by '/'": (client.list_objects_v2, {"StartAfter": after, "Delimiter": "/"}),
            "list versions": (client.list_object_versions, {"KeyMarker": after}),
        }
        for what, (call, options) in rows.items():
            cost = page_cost(server, call, Bucket="objects-many", **options)
            table.row(f"{what}, page of {PAGE:,} at the {place}", cost, PAGE_CPU_MS, "ms", 1.0)
    for place, number in (("start", 0), ("middle", KEYS // 2), ("end", KEYS - 1)):
        cost = page_cost(server, client.list_object_versions, Bucket="versions-many",
                         Prefix="", KeyMarker=f"key-{number}", VersionIdMarker=middle_version(
                             server, number))
        table.row(f"versions of few keys, page at the {place}", cost, PAGE_CPU_MS, "ms", 1.0)
    cost = page_cost(server, client.list_objects_v2, Bucket="versions-many")
    table.row(f"list v2 of {KEYS} keys with many versions", cost, PAGE_CPU_MS, "ms", 1.0)


def middle_version(server, number):
    """One of a key's versions that lies behind many others."""
    page = server.client.list_object_versions(Bucket="versions-many", Prefix=f"key-{number}")
    return page["Versions"][len(page["Versions"]) // 2]["VersionId"]


def empty(server, bucket, versions):
    """Returns how many DeleteObjects it took."""
    client, requests = server.client, 0
    while True:
        if versions:
            found = client.list_object_versions(Bucket=bucket).get("Versions", [])
            wanted = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        else:
            found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
            wanted = [{"Key": one["Key"]} for one in found]
        if not wanted:
            break
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": wanted, "Quiet": True})
        if answer.get("Errors"):
            sys.exit(f"not deleted: {answer['Errors'][0]}")
        requests += 1
    client.delete_bucket(Bucket=bucket)
    return requests


def measure_emptying(server, build, table, bucket, versions):
    with Others(build, server) as others:
        before, since = server.cpu(), time.monotonic()
        requests = empty(server, bucket, versions)
        used, passed = server.cpu() - before, time.monotonic() - since
    print(f"{bucket}: {requests} DeleteObjects in {passed:.0f} s, {used / requests * 1e3:.0f} ms"
          " of CPU each, what the others did included", flush=True)
    others.tell(table, f"emptying {bucket}")
    table.row(f"memory beside emptying {bucket}, MiB", others.most_memory, MEMORY_MIB, "M", 1.0)


def measure_alone(server, build):
    with Others(build, server) as others:
        time.sleep(8 * SHORT)
    for method, spans in others.spans.items():
        slowest = [slowest for _, slowest in spans]
        print(f"{method} 1 KiB alone: slowest of a second: median"
              f" {statistics.median(slowest):.0f} ms, worst {max(slowest):.0f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--objects", type=int, default=100000)
    parser.add_argument("--directory", help="where the state lies; default: TMPDIR")
    options = parser.parse_args()
    n = options.objects
    build = next(iter(options.build.rglob("bench_objects_load")), None)
    if not build:
        sys.exit(f"no bench_objects_load below {options.build}")
    os.environ["CUMULET_BUILD"] = str(options.build.resolve())
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        os.chmod(directory, 0o711)
        server = Cumulet(pathlib.Path(directory))
        try:
            since = time.monotonic()
            fill(server, n)
            print(f"{n:,} objects and {n:,} versions are there after"
                  f" {time.monotonic() - since:.0f} s", flush=True)
            table = Table()
            measure_pages(server, table, n)
            measure_alone(server, str(build))
            measure_emptying(server, str(build), table, "objects-many", False)
            measure_emptying(server, str(build), table, "versions-many", True)
        finally:
            server.stop()
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
