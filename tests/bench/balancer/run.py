#!/usr/bin/env python3
"""How long new connections fail after a back end's death.

    run.py BUILD [--rounds N] [--quick]

Eight clients make a connection for each request, all the time, through a balancer with two back
ends. One of them dies: killed, so that its port refuses, or cut off, so that it is silent. Printed
is how long after that the last connection began that failed, against the goal: 50 ms when connects
are refused, one cycle of probes (their interval times the threshold, and one time-out) when it is
silent. Everything runs in a private network namespace. Exits 1 when a goal was missed.
"""
import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

CLIENTS = 8
PATIENCE = 0.25  # seconds: who waits so long for an answer has failed
INTERVAL, TIMEOUT, THRESHOLD = 0.5, 0.2, 2
CYCLE = INTERVAL * THRESHOLD + TIMEOUT
REFUSED = 0.05
AFTERWARDS = 0.5  # seconds without a failure end a round
REQUEST = b"GET /100 HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


class Clients:
    """Each notes when its requests began and which failed."""

    def __init__(self, port):
        self.port, self.ended = port, threading.Event()
        self.failed, self.done = [], 0  # failed: when they began
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ended.is_set():
            began = time.monotonic()
            try:
                self.ask()
                self.done += 1
            except OSError:
                self.failed.append(began)

    def ask(self):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.sendall(REQUEST)
            told = b""
            while got := client.recv(4096):
                told += got
            if not told.startswith(b"HTTP/1.1 200 "):
                raise OSError(told[:20])

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Farm:
    """Two back ends behind a balancer that probes them, as the daemon does."""

    def __init__(self, build, protocol):
        from measure import free_port, wait_for_port
        from relay import Relay
        self.wait_for_port = wait_for_port
        self.program, = [path for path in pathlib.Path(build).rglob("bench_relay_backend")
                         if path.is_file()]
        self.ports = [free_port() for _ in range(2)]
        self.back_ends = [self.start(port) for port in self.ports]
        self.relay = Relay(threads=2)
        self.port = self.relay.listen(self.ports, protocol=protocol, target_protocol=protocol,
                                      balancer="b")
        self.probe(protocol)

    def start(self, port):
        process = subprocess.Popen([str(self.program.resolve()), str(port)],
                                   stdin=subprocess.PIPE)
        self.wait_for_port(port, process)
        return process

    def probe(self, protocol):
        self.relay.ask("probe", targets=[
            {"balancer": "b", "id": f"i-{port}", "port": port, "protocol": protocol, "path": "/1",
             "interval_ms": int(INTERVAL * 1000), "timeout_ms": int(TIMEOUT * 1000),
             "healthy": 2, "unhealthy": THRESHOLD} for port in self.ports])
        for _ in self.ports:
            self.follow(True)

    def follow(self, in_service):
        """Waits for the probes' verdict, and has traffic follow it."""
        which, now = self.relay.next_change()
        if now != in_service:
            sys.exit(f"{which} is {'in' if now else 'out of'} service")
        for target in self.relay.listeners[0]["targets"]:
            if target["id"] == which:
                target["out_of_service"] = not now
        self.relay.apply()

    def kill(self):
        self.back_ends[0].kill()
        self.back_ends[0].wait()

    def revive(self):
        self.back_ends[0] = self.start(self.ports[0])

    def silence(self):
        rules = ("table inet dead {\nchain in {\ntype filter hook input priority 0;\n"
                 f"tcp dport {self.ports[0]} drop\n}}\n}}\n")
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    def speak(self):
        subprocess.run(["nft", "delete", "table", "inet", "dead"], check=True)

    def close(self):
        self.relay.close()
        for process in self.back_ends:
            process.kill()
            process.wait()


def die(farm, kill, revive):
    """Seconds from the death to the begin of the last connection that failed; how many failed that
    began after it; how many were served."""
    clients = Clients(farm.port)
    while clients.done < 200:
        time.sleep(0.01)
    if clients.failed:
        sys.exit("connections fail before anybody has died")
    died = time.monotonic()
    kill()
    farm.follow(False)
    while time.monotonic() - max(clients.failed, default=died) < AFTERWARDS:
        time.sleep(0.01)
    clients.end()
    revive()
    farm.follow(True)
    late = [began - died for began in clients.failed if began > died]
    return max(late, default=0), len(late), clients.done


def measure(build, protocol, way, rounds):
    """Whether the goal was met."""
    farm = Farm(build, protocol)
    deeds = {"refused": (farm.kill, farm.revive), "silent": (farm.silence, farm.speak)}
    goal = {"refused": REFUSED, "silent": CYCLE}[way]
    try:
        found = [die(farm, *deeds[way]) for _ in range(rounds)]
    finally:
        farm.close()
    last = [seconds for seconds, _, _ in found]
    print(f"{protocol:5} {way:8} last failed after {statistics.median(last) * 1000:7.1f} ms, "
          f"{min(last) * 1000:.1f} to {max(last) * 1000:.1f}; goal {goal * 1000:.0f}: "
          f"{'met' if max(last) <= goal else 'MISSED'}; failed "
          f"{statistics.median(late for _, late, _ in found):.0f} of "
          f"{statistics.median(done for _, _, done in found):.0f}", flush=True)
    return max(last) <= goal


def main():
    from measure import enter_namespace
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round: does it run at all")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    os.environ["CUMULET_BUILD"] = os.path.abspath(options.build)
    enter_namespace()
    ways = ["refused", "silent"]
    if not shutil.which("nft"):
        ways.remove("silent")
        print("silent: skipped, nft is not installed (apt-get install nftables)")
    met = [measure(options.build, protocol, way, rounds)
           for protocol in ("TCP", "HTTP") for way in ways]
    sys.exit(not all(met))


if __name__ == "__main__":
    main()
