#!/usr/bin/env python3
"""Goals S1 to S4: the object store's CPU against nginx, radosgw and s3rver, its durable rate against
one program that writes, syncs and renames, its memory under many uploads, and listings of large
buckets. scale.py has what a million objects do.

    run.py BUILD [--rounds N] [--seconds S] [--quick]

BUILD holds cumuletd and bench_objects_load. radosgw and s3rver are left out when they are not
installed (peers.py). All servers keep their objects in one directory on tmpfs, so that no disk is
measured, but for S4, which is of the disk that TMPDIR is on. Requests are presigned, ours verify
them, and every PUT has its MD5; nginx checks nothing. A cell is the median over the rounds of (CPU
of ours) / (CPU of the peer) in the same round. Exits 1 when a goal is missed by more than SLACK."""

import argparse
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import peers
from measure import cpu_seconds, free_port, memory_bytes, wait_for_port

SLACK = 1.15
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Server:
    """Something with buckets at a port. targets(method, names) are what the load generator sends."""

    def __init__(self, name, port, processes):
        self.name, self.port, self.processes = name, port, processes

    def cpu(self):
        return cpu_seconds(*(process.pid for process in self.processes))

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


class Nginx(Server):
    def __init__(self, directory):
        (directory / "objects").mkdir(parents=True)
        port = free_port()
        config = directory / "nginx.conf"
        config.write_text(f"""
daemon off;
worker_processes 2;
user root;
error_log stderr crit;
pid {directory}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {directory};
        location / {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
""")
        process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config),
                                    "-p", str(directory)])
        super().__init__("nginx", port, [process])
        wait_for_port(port, process)

    def targets(self, method, names):
        return [f"/objects/{name}" for name in names]


class Presigned(Server):
    """A server of S3's own protocol."""

    def connect(self, endpoint, key, secret):
        import boto3
        from botocore.config import Config
        options = dict(region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                       config=Config(signature_version="s3v4", proxies={},
                                     s3={"addressing_style": "path"}))
        self.client = boto3.client("s3", endpoint_url=endpoint, **options)
        self.client.create_bucket(Bucket="objects")
        # The load generator says its host without a port.
        self.signer = boto3.client("s3", endpoint_url="http://127.0.0.1", **options)

    def targets(self, method, names):
        operation = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}[method]
        return [self.signer.generate_presigned_url(operation, Params={"Bucket": "objects",
                                                                      "Key": name},
                                                   ExpiresIn=7200)[len("http://127.0.0.1"):]
                for name in names]


class Cumulet(Presigned):
    def __init__(self, directory):
        from cloud import Cloud
        self.cloud = Cloud("fake", directory=str(directory))
        port = int(self.cloud.endpoint.rsplit(":", 1)[1])
        super().__init__("cumulet", port, [self.cloud.process])
        credentials = self.cloud.credentials
        self.connect(self.cloud.endpoint, credentials["aws_access_key_id"],
                     credentials["aws_secret_access_key"])

    def memory_mib(self):
        return memory_bytes(self.cloud.pid) / MIB

    def stop(self):
        self.cloud.close()


class Peer(Presigned):
    """One of peers.py."""

    def __init__(self, name, peer):
        super().__init__(name, peer.port, peer.processes)
        self.peer = peer
        try:
            wait_for_port(peer.port, peer.processes[-1])
            self.connect(f"http://127.0.0.1:{peer.port}", peer.key, peer.secret)
        except BaseException:
            peer.stop()
            raise

    def stop(self):
        self.peer.stop()


class Run:
    def __init__(self, load, seconds):
        self.load, self.seconds = load, seconds

    def requests(self, server, method, connections, size, names, seconds=None):
        """(CPU seconds per request, CPU seconds per GiB, requests per second)."""
        targets = server.targets(method, names)
        seconds = seconds or self.seconds
        before = server.cpu()
        done = subprocess.run([self.load, str(server.port), str(connections), str(seconds), method,
                               str(size)], input="\n".join(targets) + "\n", text=True,
                              capture_output=True)
        used = server.cpu() - before
        if done.returncode != 0:
            sys.exit(f"{server.name}: {done.stderr}")
        replies, moved, _ = map(int, done.stdout.split())
        if replies == 0:
            sys.exit(f"{server.name}: not one {method} of {size} bytes in {seconds} s")
        return used / replies, used / (moved / GIB), replies / seconds


class Table:
    def __init__(self):
        self.missed = False
        print(f"{'':44} {'ours':>12} {'peer':>12} {'ratio':>7} {'goal':>9}", flush=True)

    def row(self, what, ours, peer, unit, goal, value=None, at_least=False):
        value = ours / peer if value is None else value
        good = value >= goal if at_least else value <= goal
        slack = value >= goal / SLACK if at_least else value <= goal * SLACK
        self.missed |= not slack
        verdict = "met" if good else "met with slack" if slack else "MISSED"
        print(f"{what:44} {ours:>9.3g} {unit} {peer:>9.3g} {unit} {value:>7.2f} {goal:>9.3g}  "
              f"{verdict}", flush=True)


def compare(run, servers, method, connections, size, rounds, per_gib):
    """{server name: median cost}, and the paired ratios of the first to each other."""
    names = [f"{method.lower()}-{size}-{i}" for i in range(max(connections, 8))]
    for server in servers:  # what is to be got must be there; what is to be put is warm
        run.requests(server, "PUT", len(names), size, names, 0.1)
    costs = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            cost = run.requests(server, method, connections, size, names)
            costs[server.name].append(cost[1] if per_gib else cost[0])
    ours = costs[servers[0].name]
    ratios = {name: statistics.median(a / b for a, b in zip(ours, cost))
              for name, cost in costs.items()}
    differences = {name: statistics.median(a - b for a, b in zip(ours, cost))
                   for name, cost in costs.items()}
    return ({name: statistics.median(cost) for name, cost in costs.items()}, ratios, differences)


def measure_nginx(run, table, ours, nginx, rounds):
    pair = [ours, nginx]
    cost, ratio, _ = compare(run, pair, "GET", 8, 64 * MIB, rounds, True)
    table.row("S1 GET 64 MiB, CPU s/GiB", cost["cumulet"], cost["nginx"], "s", 1.3, ratio["nginx"])
    cost, ratio, _ = compare(run, pair, "GET", 64, KIB, rounds, False)
    table.row("S1 GET 1 KiB signed, CPU", cost["cumulet"] * 1e6, cost["nginx"] * 1e6, "us", 1.3,
              ratio["nginx"])
    cost, ratio, difference = compare(run, pair, "PUT", 1, 64 * MIB, rounds, True)
    table.row("S2 PUT 64 MiB with MD5, 1 client: s/GiB more", cost["cumulet"], cost["nginx"], "s",
              2.0, difference["nginx"])
    cost, ratio, _ = compare(run, pair, "PUT", 8, 8 * MIB, rounds, True)
    table.row("S2 PUT 8 parallel of 8 MiB, CPU s/GiB", cost["cumulet"], cost["nginx"], "s", 1.6,
              ratio["nginx"])


# Of goal S3: method, size, connections, and the most that ours may cost of radosgw's and s3rver's.
AGAINST_PEERS = (("GET", KIB, 64, 0.05, 0.05), ("PUT", KIB, 64, 0.07, 0.07),
                 ("GET", 64 * MIB, 8, 0.3, 0.2), ("PUT", 64 * MIB, 8, 0.5, 0.5))


def measure_peers(run, table, memory, ours, rounds):
    starts = {"radosgw": lambda: peers.Ceph(memory / "ceph", (free_port(), free_port())),
              "s3rver": lambda: peers.S3rver(memory, free_port())}
    for column, (name, start) in enumerate(starts.items()):
        try:
            peer = Peer(name, start())
        except peers.Left as why:
            print(f"S3 {name}: left out: {why}", flush=True)
            continue
        try:
            for method, size, connections, *goals in AGAINST_PEERS:
                bulk = size >= MIB
                cost, ratio, _ = compare(run, [ours, peer], method, connections, size, rounds, bulk)
                what = f"{size // MIB} MiB, CPU s/GiB" if bulk else f"{size // KIB} KiB, CPU"
                scale = 1 if bulk else 1e6
                table.row(f"S3 {method} {what}, {name}", cost["cumulet"] * scale,
                          cost[name] * scale, "s" if bulk else "us", goals[column], ratio[name])
        finally:
            peer.stop()


def serial_rate(directory, seconds):
    """Objects a second that one program writes, syncs and renames, with its directory synced."""
    folder = os.path.join(directory, "serial")
    os.mkdir(folder)
    handle = os.open(folder, os.O_RDONLY)
    data, n, end = b"x" * KIB, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        path = os.path.join(folder, str(n))
        fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.fdatasync(fd)
        os.close(fd)
        os.rename(path + ".new", path)
        os.fsync(handle)
        n += 1
    os.close(handle)
    shutil.rmtree(folder)
    return n / seconds


def measure_s4(run, table, disk, rounds):
    ours = Cumulet(pathlib.Path(disk))
    names = [f"small-{i}" for i in range(64)]
    run.requests(ours, "PUT", 64, KIB, names, 0.5)
    ratios, rates, serials = [], [], []
    for _ in range(rounds):
        rates.append(run.requests(ours, "PUT", 64, KIB, names)[2])
        serials.append(serial_rate(disk, run.seconds))
        ratios.append(rates[-1] / serials[-1])
    ours.stop()
    table.row("S4 durable PUT 1 KiB, 64 clients: per second", statistics.median(rates),
              statistics.median(serials), "/s", 5.0, statistics.median(ratios), at_least=True)


def measure_memory(run, table, ours):
    names = [f"large-{i}" for i in range(64)]
    targets = ours.targets("PUT", names)
    load = subprocess.Popen([run.load, str(ours.port), "64", "6", "PUT", str(256 * MIB)],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    load.stdin.write("\n".join(targets) + "\n")
    load.stdin.close()
    most = 0
    while load.poll() is None:
        most = max(most, ours.memory_mib())
        time.sleep(0.05)
    table.row("memory under 64 large uploads, MiB", most, 100, "M", 1.0)


def fill(cloud, bucket, n):
    """n objects in a bucket, put into the database of a daemon that does not run; their bytes are
    those of one object that is there."""
    database = sqlite3.connect(os.path.join(cloud.state, "cumulet.db"))
    names = [row[1] for row in database.execute("PRAGMA table_info(object)")]
    model = list(database.execute("SELECT * FROM object WHERE bucket = ? LIMIT 1",
                                  (bucket,)).fetchone())
    key = names.index("key")
    blob = model[names.index("blob_id")]

    def rows():
        for i in range(n):
            model[key] = f"{i * 2654435761 % 4294967296:08x}/{i % 97}/object-{i}"
            yield tuple(model)

    database.executemany(f"INSERT INTO object VALUES ({', '.join('?' * len(names))})", rows())
    database.execute("UPDATE blob SET refs = refs + ? WHERE id = ?", (n, blob))
    database.commit()
    database.close()


def measure_listing(run, table, disk, rounds, many):
    """CPU of a page of 1,000 keys out of many, and out of a thousand."""
    ours = Cumulet(pathlib.Path(disk))
    sizes = {"few": 1000, "many": many}
    for bucket in sizes:
        ours.client.create_bucket(Bucket=bucket)
        ours.client.put_object(Bucket=bucket, Key="0", Body=b"x")
    ours.cloud.stop()
    for bucket, n in sizes.items():
        fill(ours.cloud, bucket, n)
    ours.cloud.start()
    ours.processes = [ours.cloud.process]
    costs = {bucket: [] for bucket in sizes}
    for _ in range(rounds):
        for bucket in sizes:
            page = ours.client.list_objects_v2(Bucket=bucket, MaxKeys=1000)
            token = {} if bucket == "few" else {"ContinuationToken": page["NextContinuationToken"]}
            before = ours.cpu()
            for _ in range(5):
                ours.client.list_objects_v2(Bucket=bucket, MaxKeys=1000, **token)
            costs[bucket].append((ours.cpu() - before) / 5)
    ours.stop()
    few, more = (statistics.median(costs[bucket]) for bucket in sizes)
    table.row(f"list 1,000 of {many:,}, CPU against 10 ms", more * 1e3, 10, "ms", 1.0)
    table.row(f"list 1,000 of {many:,} against of 1,000", more * 1e3, few * 1e3, "ms", 1.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 0.6
    load = next(iter(options.build.rglob("bench_objects_load")), None)
    if not load:
        sys.exit(f"no bench_objects_load below {options.build}")
    os.environ["CUMULET_BUILD"] = str(options.build.resolve())
    run, table = Run(str(load), options.seconds), Table()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, \
            tempfile.TemporaryDirectory() as disk:
        os.chmod(memory, 0o711)
        os.chmod(disk, 0o711)
        nginx = Nginx(pathlib.Path(memory) / "nginx")
        ours = Cumulet(pathlib.Path(memory))
        try:
            measure_nginx(run, table, ours, nginx, options.rounds)
            measure_peers(run, table, pathlib.Path(memory), ours, options.rounds)
            measure_memory(run, table, ours)
        finally:
            nginx.stop()
            ours.stop()
        measure_s4(run, table, disk, options.rounds)
        measure_listing(run, table, disk, options.rounds, 100000 if options.quick else 1000000)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
