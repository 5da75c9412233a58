"""Peers that speak S3: radosgw over one monitor and one memstore OSD, and s3rver. Each is left out,
with a line that says so, when its programs are not installed.

radosgw: Debian's radosgw, ceph-mon, ceph-osd. s3rver: `npm install s3rver@3.7.1` in some directory,
whose bin/s3rver.js, or the directory itself, CUMULET_S3RVER names."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import uuid

PATIENCE = 60  # seconds until a peer must serve


class Left(Exception):
    """A peer that is not here; the message says what is missing."""


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Left(f"no {', '.join(missing)}")


def start(command, **options):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **options)


def stop(processes):
    for process in reversed(processes):
        process.terminate()
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Ceph:
    """A cluster of one monitor and one OSD, and a gateway to it."""

    def __init__(self, directory, ports):
        needs("ceph-mon", "ceph-osd", "ceph", "monmaptool", "radosgw", "radosgw-admin")
        self.directory, (self.mon_port, self.port) = pathlib.Path(directory), ports
        self.fsid, self.processes = str(uuid.uuid4()), []
        for name in ("mon", "osd", "rgw"):
            (self.directory / name).mkdir(parents=True)
        self.config = self.directory / "ceph.conf"
        self.write_config()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def write_config(self):
        at = self.directory
        self.config.write_text(f"""
[global]
fsid = {self.fsid}
mon_host = v1:127.0.0.1:{self.mon_port}
ms_bind_msgr2 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
keyring = {at}/keyring
run_dir = {at}
admin_socket =
pid_file =
log_file = /dev/null
mon_cluster_log_file = /dev/null
mon_data = {at}/mon
mon_data_avail_crit = 0
osd_data = {at}/osd
osd_objectstore = memstore
memstore_device_bytes = 6442450944
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
osd_max_pg_per_osd_hard_ratio = 100
mon_max_pg_per_osd = 1000
rgw_data = {at}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{self.port} tcp_nodelay=1
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_dns_name =
rgw_crypt_require_ssl = false
""")
        (at / "keyring").write_text("")

    def run(self, *command, text=None):
        program, *args = command
        return subprocess.run([program, "-c", str(self.config), *args], input=text, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE).stdout

    def launch(self, program, *args):
        self.processes.append(start([program, "-c", str(self.config), "-f", *args]))

    def start(self):
        monmap = str(self.directory / "monmap")
        self.run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a",
                 f"[v1:127.0.0.1:{self.mon_port}]", monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self.launch("ceph-mon", "-i", "a")
        identity = str(uuid.uuid4())
        self.run("ceph", "osd", "new", identity, "0")
        self.run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", identity)
        self.launch("ceph-osd", "-i", "0")
        self.wait_for_osd()
        self.launch("radosgw", "-n", "client.rgw")
        user = json.loads(self.run("radosgw-admin", "-n", "client.rgw", "user", "create",
                                   "--uid=bench", "--display-name=bench"))["keys"][0]
        self.key, self.secret = user["access_key"], user["secret_key"]

    def wait_for_osd(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                text = self.run("ceph", "osd", "stat", "-f", "json")
            except subprocess.CalledProcessError:
                text = "{}"  # a busy monitor breaks commands off
            if json.loads(text).get("num_up_osds") == 1:
                return
            time.sleep(0.2)
        sys.exit(f"the OSD does not come up: see {self.config}")

    def stop(self):
        stop(self.processes)


class S3rver:
    """Knows one pair of keys, its own."""

    key = secret = "S3RVER"

    def __init__(self, directory, port):
        needs("node")
        place = pathlib.Path(os.environ.get("CUMULET_S3RVER", "/nowhere"))
        program = place if place.is_file() else place / "node_modules/s3rver/bin/s3rver.js"
        if not program.is_file():
            raise Left("no s3rver (CUMULET_S3RVER names where it is installed)")
        folder = pathlib.Path(directory) / "s3rver"
        folder.mkdir()
        self.port = port
        self.processes = [start(["node", str(program), "-d", str(folder), "-a", "127.0.0.1", "-p",
                                 str(port), "-s"])]

    def stop(self):
        stop(self.processes)
