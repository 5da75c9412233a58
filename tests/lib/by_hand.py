"""A machine of the cloud started by hand, for benchmarks to compare with: the time from the start
to its first page. Takes root."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

DEADLINE = 180
TAP = "hand0"


def first_page(guest, started, path="/"):
    """Seconds since `started`, when the guest shows its page."""
    while time.monotonic() - started < DEADLINE:
        connection = http.client.HTTPConnection(guest.public, 80, timeout=2)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            text, seconds = reply.read().decode(), time.monotonic() - started
            if reply.status == 200:
                # A guest that met no metadata would be a quicker one.
                if guest.id not in text:
                    raise SystemExit(f"the page is not that of {guest.id}:\n{text}")
                return seconds
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    raise SystemExit(f"no page:\n{guest.console()}")


def hand_line(pid, directory):
    """The command line of that QEMU, as somebody would type it: (words, base image, disk)."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = iter(file.read().decode().split("\0")[:-1])
    made, base = [next(words)], None
    overlay = os.path.join(directory, "root.qcow2")
    for option in words:
        if option in ("-S", "-no-shutdown"):
            continue
        made.append(option)
        if option in ("-no-user-config", "-nodefaults", "-no-hpet"):
            continue
        value = next(words)
        if option in ("-mon", "-add-fd") or "masterKey0" in value or "charmonitor" in value:
            made.pop()
            continue
        if option == "-netdev":
            value = f"tap,id=hostnet0,ifname={TAP},script=no,downscript=no"
        elif option == "-chardev" and "id=charchannel0" in value:
            value = f"socket,id=charchannel0,path={directory}/agent,server=on,wait=off"
        elif option == "-chardev":
            value = f"file,id=charserial0,path={directory}/console.log"
        elif option == "-blockdev" and "filename" in value:
            block = json.loads(value)
            if "/volumes/" in block["filename"]:
                block["filename"] = overlay
            else:
                base = block["filename"]
            value = json.dumps(block)
        made.append(value)
    assert base, made
    return made, base, overlay


def by_hand(cloud, guest):
    """Seconds that the guest's machine takes to its page when QEMU is started with the same
    options; meanwhile the guest's own is halted."""
    directory = tempfile.mkdtemp(prefix="bench-launch-")
    own, qemu = guest.pid(), None
    mac = guest.describe()["NetworkInterfaces"][0]["MacAddress"]
    made, base, overlay = hand_line(own, directory)
    inside = ["nsenter", "--target", str(cloud.survivors()["holder"]), "--net"]
    os.kill(own, signal.SIGSTOP)
    try:
        cloud.inside("ip", "tuntap", "add", TAP, "mode", "tap")
        cloud.inside("ip", "link", "set", TAP, "master", "br0", "up")
        cloud.inside("bridge", "fdb", "replace", mac, "dev", TAP, "master", "static")
        started = time.monotonic()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2",
                        overlay, "8G"], check=True)
        qemu = subprocess.Popen([*inside, *made], stdin=subprocess.DEVNULL)
        return first_page(guest, started)
    finally:
        if qemu:
            qemu.kill()
            qemu.wait()
        cloud.inside("ip", "link", "del", TAP)
        os.kill(own, signal.SIGCONT)
        shutil.rmtree(directory)
