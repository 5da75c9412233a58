"""What benchmarks ask the system: free ports, servers that listen, processor time, memory."""

import os
import pathlib
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=60):
    """Waits until a process that was just started listens; ends the program when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"{process.args[0]}: nothing listens on port {port} (status {process.poll()})")


def family(pid):
    """A process and all that it started."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue  # the thread ended
        for child in children:
            pids += family(int(child))
    return pids


def cpu_seconds(*pids):
    """What processes and all that they started have used."""
    total = 0
    for pid in pids:
        for member in family(pid):
            for task in os.listdir(f"/proc/{member}/task"):
                try:
                    with open(f"/proc/{member}/task/{task}/schedstat") as file:
                        total += int(file.read().split()[0])
                except OSError:
                    pass  # the thread ended
    return total / 1e9


def memory_bytes(pid):
    """PSS of a process and all that it started."""
    total = 0
    for member in family(pid):
        for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def enter_namespace():
    """Runs the program again from its start, in a network of its own where only loopback is."""
    if os.environ.get("CUMULET_BENCH_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["CUMULET_BENCH_INSIDE"] = "1"
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    os.execvp("unshare", unshare + [sys.executable] + sys.argv)
