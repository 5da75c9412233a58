"""The processes of a cloud that live: those that name its state directory in their command lines,
those that outlive a daemon and whose ids it noted in STATE/run, and who else is in their network.
"""

import collections
import os
import signal

from waiting import wait_until

NOTED = ("holder", "pasta", "dnsmasq")
ENDED = "ZX"  # states of a process

# An id alone is given to another process later.
Process = collections.namedtuple("Process", "pid started")


def _process(pid):
    """The process that has that id now, or None; one that only waits to be waited for is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(int(pid), fields[19]) if fields[0] not in ENDED else None


def lives(process):
    return _process(process.pid) == process


def _all():
    return filter(None, map(_process, filter(str.isdigit, os.listdir("/proc"))))


def by_command_line(directory):
    """{process: command line} of those with that directory in it; `cumulet`, which tests run, is
    none, nor is this process."""
    found = {}
    for process in _all():
        try:
            with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                line = file.read()
        except OSError:
            continue  # it ended meanwhile
        program = os.path.basename(line.split(b"\0")[0])
        if os.fsencode(directory) in line and program != b"cumulet" and process.pid != os.getpid():
            found[process] = line.replace(b"\0", b" ").decode(errors="replace")
    return found


def noted(state):
    """(process, name) of what STATE/run/NETWORK/NAME notes, "4711 START-TIME …", and which still is
    that process."""
    found = []
    run = os.path.join(state, "run")
    for network in sorted(os.listdir(run)) if os.path.isdir(run) else []:
        for name in NOTED:
            try:
                with open(os.path.join(run, network, name)) as file:
                    pid, started = file.read().split()[:2]
                process = Process(int(pid), started)
            except (OSError, ValueError):
                continue
            if lives(process):
                found.append((process, name))
    return found


def survivors(state):
    """{"holder" | "pasta" | "dnsmasq": pid} of the one network of a state directory."""
    return {name: process.pid for process, name in noted(state)}


def network_of(pid):
    """The inode of its network namespace; None: it has ended, or is in this process's own."""
    try:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None
    return inode if inode != os.stat("/proc/self/ns/net").st_ino else None


def belongings(directory, state):
    """{process: what it is} of all of them."""
    found = by_command_line(directory)
    for process, name in noted(state):
        found[process] = f"{name}, noted in run/"
        network = network_of(process.pid) if name == "holder" else None
        for other in _all() if network else []:
            if network_of(other.pid) == network:
                found.setdefault(other, "in the guests' network")
    return found


def end_all(directory, state, timeout=20):
    """Ends all by force, and waits until they are gone."""
    mine = {}

    def gone():
        # Anew each time: one may have been starting another.
        mine.update(belongings(directory, state))
        for process in [process for process in mine if not lives(process)]:
            del mine[process]
        for process in mine:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not mine

    wait_until(gone, timeout, lambda: f"the processes have ended: {mine}")
