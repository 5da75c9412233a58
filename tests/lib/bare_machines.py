"""Machines of the libvirt back end without the rest of the cloud, and what happens in their guests.

    machines = Machines()
    guest = machines.boot("i-0123456789abcdef0")
    guest.attach("xvdf", "vol0123456789abcdef0", path)
    guest.run("cat /proc/partitions")

A guest has no network. It does what is on a disk that is attached as xvdz, a script, and prints the
output to its console: so every step of a test attaches and detaches a disk."""

import json
import os
import shutil
import subprocess
import tempfile
import time

from cloud import BUILD
from guests import starter_image
from waiting import wait_until

DRIVER = os.path.join(BUILD, "tests", "lib", "drive_machines")
BOOT = 120  # seconds a boot may take on a busy machine without KVM; usually 8
OBEY = """#!/bin/sh
# Runs the script on each disk that comes as xvdz, once.
last=
while :; do
    if [ -b /dev/xvdz ] && head -c 8192 /dev/xvdz 2>/dev/null | tr -d '\\000' >/run/script; then
        read -r id </run/script
        if [ -n "$id" ] && [ "$id" != "$last" ]; then
            last=$id
            { sh /run/script </dev/null; echo "ended $?"; } 2>&1 |
                sed "s/^/${id#?}| /" >/dev/ttyS0
        fi
    fi
    usleep 50000
done
"""


class MachineError(Exception):
    """The back end answered with an error."""


class Machines:
    """The back end in a process of its own, with a state directory that outlives it."""

    def __init__(self):
        self.state = tempfile.mkdtemp(prefix="cumulet-disks-", dir="/tmp")
        os.chmod(self.state, 0o700)
        if os.geteuid() == 0:
            shutil.chown(self.state, "nobody", "nogroup")
        self.image = starter_image()
        with open(os.path.join(self.image, "image.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        self.names = []
        self.process = None
        self.start()

    def start(self, **environment):
        self.errors = open(os.path.join(self.state, "errors"), "a", encoding="utf-8")
        # As the daemon does, root becomes somebody without rights: libvirt wants it so.
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        self.process = subprocess.Popen(
            [DRIVER, self.state], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env={**os.environ, **environment},
            **(user if os.geteuid() == 0 else {}))

    def send(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def ask(self, do, **request):
        """Its answer; None when it was killed meanwhile."""
        self.send({"do": do, **request})
        line = self.process.stdout.readline()
        if not line:
            self.reap()
            return None
        answer = json.loads(line)
        if "error" in answer:
            raise MachineError(answer["error"])
        return answer

    def reap(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()
        self.process = None

    def kill(self):
        self.process.kill()
        self.reap()

    def path(self, name):
        return os.path.join(self.state, name)

    def close(self):
        if self.process is None:
            self.start()
        for name in self.names:
            self.ask("destroy", name=name)
        self.reap()
        shutil.rmtree(self.state)

    # --- files ---

    def create(self, name, size, base=None):
        """An empty disk, or one over another; its path."""
        request = {"path": self.path(name), "size": size}
        if base:
            request.update(base=base, format="qcow2")
        self.ask("create", **request)
        return request["path"]

    def root_disk(self):
        """The starter image, with a program that obeys."""
        raw, obey, inittab = (self.path(name) for name in ("root.raw", "obey", "inittab"))
        image = os.path.join(self.image, self.manifest["root"])
        subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True)
        table = subprocess.run(["debugfs", "-R", "cat /etc/inittab", raw], check=True,
                               capture_output=True, text=True).stdout
        with open(obey, "w", encoding="utf-8") as file:
            file.write(OBEY)
        with open(inittab, "w", encoding="utf-8") as file:
            file.write(table + "::respawn:/bin/sh /obey\n")
        commands = f"write {obey} obey\ncd etc\nrm inittab\nwrite {inittab} inittab\n"
        subprocess.run(["debugfs", "-w", "-f", "/dev/stdin", raw], input=commands, text=True,
                       check=True, capture_output=True)
        self.ask("convert", path=raw, format="raw", new_path=self.path("root.qcow2"),
                 new_format="qcow2")
        os.unlink(raw)
        return self.path("root.qcow2")

    def boot(self, name, disks=()):
        guest = BareGuest(self, name)
        self.names.append(name)
        guest.start([{"path": self.root_disk(), "serial": "root"}, *disks])
        guest.run("true", timeout=BOOT)
        return guest


class BareGuest:
    def __init__(self, machines, name):
        self.machines, self.name = machines, name
        self.console = machines.path("console.log")
        self.steps = 0
        self.disks = []

    def start(self, disks):
        image, manifest = self.machines.image, self.machines.manifest
        self.disks = disks
        self.machines.ask(
            "start", name=self.name, uuid="ec200001-0000-4000-8000-000000000001",
            kernel=os.path.join(image, manifest["kernel"]),
            ramdisk=os.path.join(image, manifest["ramdisk"]),
            arguments=manifest["kernel_arguments"], console=self.console, disks=disks)

    def console_text(self):
        try:
            with open(self.console, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def attach(self, device, serial, path):
        return self.machines.ask("attach", name=self.name, device=device, serial=serial, path=path)

    def detach(self, serial):
        return self.machines.ask("detach", name=self.name, serial=serial)

    def grow(self, serial, size):
        return self.machines.ask("grow", name=self.name, serial=serial, size=size)

    def fork(self, *pairs):
        forks = [{"path": path, "new_path": new} for path, new in pairs]
        return self.machines.ask("fork", name=self.name, forks=forks)

    def pid(self):
        """Of its QEMU."""
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                    words = file.read().split("\0")
            except OSError:
                continue
            if f"guest={self.name},debug-threads=on" in words and any(
                    self.machines.state in word for word in words):
                return int(entry)
        raise MachineError(f"{self.name} does not run")

    def kill_when_open(self, opened, seconds, do, **request):
        """Asks for something and kills who does it, so long after QEMU has opened a file for it."""
        fds = f"/proc/{self.pid()}/fd"

        def is_open():
            for fd in os.listdir(fds):
                try:
                    if os.readlink(f"{fds}/{fd}") == opened:
                        return True
                except FileNotFoundError:
                    pass
            return False

        self.machines.send({"do": do, "name": self.name, **request})
        deadline = time.monotonic() + 2
        while not is_open() and time.monotonic() < deadline:
            pass  # a millisecond decides; it may be open and closed again already
        time.sleep(seconds)  # not to wait for anything: to meet another moment
        self.machines.kill()
        self.machines.start()

    def wait(self, condition, timeout=60):
        """Until a condition of the shell holds in the guest."""
        self.run(f"until {condition}; do usleep 50000; done", timeout)

    def wait_for(self, path, there=True):
        self.wait(f"[ {'' if there else '! '}-e {path} ]")

    def run(self, script, timeout=60):
        """Runs a script in the guest; what it printed."""
        self.steps += 1
        raw, disk = (self.machines.path(f"script{self.steps}.{kind}") for kind in ("raw", "qcow2"))
        text = f"#{self.steps}\n{script}\n".encode()
        with open(raw, "wb") as file:
            file.write(text.ljust(-(-len(text) // 4096) * 4096, b"\0"))
        self.machines.ask("convert", path=raw, format="raw", new_path=disk, new_format="qcow2")
        self.attach("xvdz", f"script{self.steps}", disk)
        mark = f"{self.steps}| "

        def lines():
            return [line[len(mark):] for line in self.console_text().splitlines()
                    if line.startswith(mark)]

        def ended():
            return [line for line in lines() if line.startswith("ended ")]

        wait_until(ended, timeout, lambda: f"{script}\n{self.console_text()[-4000:]}", 0.05)
        self.detach(f"script{self.steps}")
        os.unlink(raw)
        os.unlink(disk)
        output = "".join(line + "\n" for line in lines()[:-1])
        if ended() != ["ended 0"]:
            raise AssertionError(f"{script}: {ended()}\n{output}")
        return output
