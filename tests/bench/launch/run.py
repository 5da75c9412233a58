#!/usr/bin/python3
"""How long a launch takes, against QEMU started by hand.

    run.py [--rounds N]

A round is one instance by RunInstances and one QEMU by hand, in turns: the same kernel, ramdisk and
root image, and the options of the instance's own QEMU, as /proc shows them. What differs: the
network by hand is QEMU's user network, its metadata a server of this program's, and there is no
monitor, since nobody would use it. Time runs until the first answered HTTP request, asked for anew
every 20 ms. The launch path is RunInstances called → described as running, which is after libvirt
said that QEMU runs; the first round, which asks QEMU for its capabilities, is not counted.

CUMULET_BUILD names the build directory, CUMULET_IMAGE a built starter image."""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))

from guests import GuestCloud, why_no_guests  # noqa: E402
from micro_guest import ADDRESS, Metadata, free_port, metadata_values  # noqa: E402

GOAL, LAUNCH_GOAL = 1.10, 1.0
DEADLINE = 180


def first_page(address, port, started):
    while time.monotonic() - started < DEADLINE:
        connection = http.client.HTTPConnection(address, port, timeout=2)
        try:
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return time.monotonic() - started
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    raise SystemExit("no page")


def by_instance(cloud):
    """(launch, page, command line)."""
    started = time.monotonic()
    guest = cloud.run_guest()
    guest.wait_state("running")
    launch = time.monotonic() - started
    with open(f"/proc/{guest.pid()}/cmdline", "rb") as file:
        line = file.read().decode().split("\0")[:-1]
    page = first_page(guest.public, 80, started)
    cloud.ec2.terminate_instances(InstanceIds=[guest.id])
    guest.wait_state("terminated")
    return launch, page, line


def hand_line(line, directory, metadata, port):
    """The instance's command line, as somebody would type it: files of his own, no libvirt."""
    network = (f"user,id=hostnet0,net=169.254.0.0/16,host=169.254.0.2,dhcpstart={ADDRESS},"
               f"hostfwd=tcp:127.0.0.1:{port}-:80,guestfwd=tcp:169.254.169.254:80-cmd:"
               f"{shutil.which('busybox') or ''} nc 127.0.0.1 {metadata.port}")
    made, words = [line[0]], iter(line[1:])
    base = overlay = None
    for option in words:
        if option in ("-S", "-no-shutdown", "-no-user-config", "-nodefaults", "-no-hpet"):
            if option not in ("-S", "-no-shutdown"):
                made.append(option)
            continue
        value = next(words)
        if option in ("-mon", "-add-fd") or "masterKey0" in value or "charmonitor" in value:
            continue
        if option == "-netdev":
            value = network
        elif option == "-chardev":
            value = f"file,id=charserial0,path={directory}/console.log"
        elif option == "-sandbox":  # the user network starts nc
            value = value.replace("spawn=deny", "spawn=allow")
        elif option == "-blockdev" and "filename" in value:
            block = json.loads(value)
            if "/volumes/" in block["filename"]:
                overlay = block["filename"] = os.path.join(directory, "root.qcow2")
            else:
                base = block["filename"]
            value = json.dumps(block)
        made += [option, value]
    assert base and overlay, line
    return made, base, overlay


def by_hand(line):
    directory = tempfile.mkdtemp(prefix="bench-launch-")
    metadata = Metadata(metadata_values("i-0123456789abcdef0", "ssh-ed25519 AAAA bench"))
    port = free_port()
    qemu = None
    try:
        made, base, overlay = hand_line(line, directory, metadata, port)
        started = time.monotonic()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2",
                        overlay, "8G"], check=True)
        qemu = subprocess.Popen(made, stdin=subprocess.DEVNULL)
        return first_page("127.0.0.1", port, started)
    finally:
        if qemu:
            qemu.kill()
            qemu.wait()
        metadata.close()
        shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    reason = why_no_guests() or (None if shutil.which("busybox") else "busybox is not installed")
    if reason:
        print(f"skipped: {reason}")
        return
    launches, pages, hands = [], [], []
    with GuestCloud() as cloud:
        cloud.open_ports(80)
        cold, _, line = by_instance(cloud)
        backend = cloud.status()["backend"]
        print(f"{backend['accelerator']}: {backend['reason']}\n"
              f"first launch, libvirt's cache cold: {cold:.2f} s\n\n"
              "round  launch path   page, Cumulet   page, by hand   ratio")
        for number in range(rounds):
            def instance():
                launch, page, _ = by_instance(cloud)
                launches.append(launch)
                pages.append(page)

            def hand():
                hands.append(by_hand(line))
            for part in (instance, hand) if number % 2 else (hand, instance):
                part()
            print(f"{number + 1:5}  {launches[-1]:9.2f} s  {pages[-1]:12.2f} s  {hands[-1]:12.2f} s"
                  f"  {pages[-1] / hands[-1]:6.2f}", flush=True)
    ratio = statistics.median(page / hand for page, hand in zip(pages, hands))
    launch = statistics.median(launches)
    print(f"\nmedian {launch:8.2f} s  {statistics.median(pages):12.2f} s "
          f" {statistics.median(hands):12.2f} s  {ratio:6.2f}")
    print(f"RunInstances to page against by hand: {ratio:.2f} (goal {GOAL:.2f}): "
          f"{'met' if ratio <= GOAL else 'missed'}")
    print(f"launch path: {launch:.2f} s (goal {LAUNCH_GOAL:.0f} s): "
          f"{'met' if launch < LAUNCH_GOAL else 'missed'}")


main()
