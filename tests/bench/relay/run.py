#!/usr/bin/env python3
"""CPU cost of lb/ against haproxy and nginx, paired and interleaved.

    run.py BUILD [--rounds N] [--quick] [--seconds S] [--only NAME,...]

BUILD holds bench_relay_{proxy,backend,load} (anywhere below it). Everything runs in a private
network namespace; each proxy has one thread, pinned to one core, load and back end to the other.
A cell is the median over the rounds of (CPU per unit of lb) / (CPU per unit of the peer) in the
same round: absolute numbers of a shared machine say little, ratios do. How hard bbr paces the peers
depends on what else the machine does, so the bulk rows under bbr move most: look at several runs.
Exits 0 when it measured, whatever came out, for noise must not break a build.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from measure import (cpu_seconds, enter_namespace, memory_bytes,  # noqa: E402
                     wait_for_port)

LB, TCP, SPLICE, TUNED, NGINX = "lb", "haproxy tcp", "haproxy splice", "haproxy tuned", "nginx stream"
LB_HTTP, HTTP, HTTP_TUNED = "lb http", "haproxy http", "haproxy http tuned"
NGINX_HTTP = "nginx http"
PORTS = {LB: 9001, TCP: 9002, SPLICE: 9003, TUNED: 9004, NGINX: 9005, LB_HTTP: 9006, HTTP: 9007,
         HTTP_TUNED: 9008, NGINX_HTTP: 9010}
BACKEND_PORT = 9000
GIB = 1 << 30

# name, load mode, connections, congestion control, unit, its size, {peer: goal}; with a peer that
# speaks HTTP, lb does too
SCENARIOS = [
    ("bulk, 4 streams", "bulk", 4, "bbr", "GiB", GIB, {TCP: 0.25, SPLICE: 0.45, TUNED: 0.80}),
    ("bulk, 1 stream", "bulk", 1, "bbr", "GiB", GIB, {TCP: 0.25, SPLICE: 0.60, TUNED: 0.80}),
    ("bulk, 4 streams, all reno", "bulk", 4, "reno", "GiB", GIB, {TUNED: 1.0}),
    ("bulk, 1 stream, all reno", "bulk", 1, "reno", "GiB", GIB, {TUNED: 1.0}),
    ("keep-alive, 64", "keep", 64, "bbr", "1e5 requests", 1e5, {TCP: 0.80, NGINX: 0.90}),
    ("keep-alive, 1000", "keep", 1000, "bbr", "1e5 requests", 1e5, {TCP: 0.80, NGINX: 0.90}),
    ("new connections", "new", 32, "bbr", "1e5 connections", 1e5, {TCP: 0.82}),
    ("HTTP keep-alive, 64", "keep", 64, "bbr", "1e5 requests", 1e5,
     {HTTP: 0.70, NGINX_HTTP: 0.72}),
    ("HTTP keep-alive, 1000", "keep", 1000, "bbr", "1e5 requests", 1e5,
     {HTTP: 0.70, NGINX_HTTP: 0.72}),
    ("HTTP new connections", "new", 32, "bbr", "1e5 connections", 1e5,
     {HTTP: 0.78, NGINX_HTTP: 0.78}),
    ("HTTP bulk, 4 streams", "bulk", 4, "bbr", "GiB", GIB, {HTTP: 0.25, HTTP_TUNED: 0.85}),
]
# connections, {peer: goal}: bulk rate of the peer by ours; the back end itself is the peer "direct"
DIRECT = "direct"
RATES = [(4, {DIRECT: 1 / 0.75, TUNED: 1.0}), (1, {DIRECT: 1 / 0.75, TUNED: 1.0})]
# ours, {peer: goal}: what is added to the median time of one request at a time
LATENCIES = [(LB, {TCP: 0.75}), (LB_HTTP, {HTTP: 0.65})]
SLACK = 1.15
IDLE_CONNECTIONS, IDLE_BYTES, IDLE_RATIO = 2000, 350, 0.1


def haproxy(directory, name, extra_global, extra_listen, mode="tcp"):
    path = directory / (name.replace(" ", "-") + ".cfg")
    path.write_text(f"""
global
    nbthread 1
    maxconn 4000
    {extra_global}
defaults
    mode {mode}
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen l
    bind 127.0.0.1:{PORTS[name]}
    {extra_listen}
    server s 127.0.0.1:{BACKEND_PORT}
""")
    return ["haproxy", "-q", "-db", "-f", str(path)]


def nginx(directory):
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    if not shutil.which("nginx") or not os.path.exists(module):
        return None
    path = directory / "nginx.conf"
    path.write_text(f"""
load_module {module};
user root;
daemon off;
worker_processes 1;
error_log stderr crit;
pid {directory}/nginx.pid;
events {{ worker_connections 10000; }}
stream {{
    proxy_timeout 1h;
    server {{ listen 127.0.0.1:{PORTS[NGINX]} backlog=4096; proxy_pass 127.0.0.1:{BACKEND_PORT}; }}
}}
http {{
    access_log off;
    keepalive_requests 1000000000;
    upstream b {{
        server 127.0.0.1:{BACKEND_PORT};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{PORTS[NGINX_HTTP]} backlog=4096;
        location / {{
            proxy_pass http://b;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
""")
    return ["nginx", "-c", str(path), "-p", str(directory)]


def commands(directory, programs):
    splice = "option splice-request\n    option splice-response"
    http = "option forwardfor\n    http-reuse always\n    "
    out = {LB: [programs["proxy"], "1", str(PORTS[LB]), str(BACKEND_PORT)],
           LB_HTTP: [programs["proxy"], "1", str(PORTS[LB_HTTP]), str(BACKEND_PORT), "http"]}
    if shutil.which("haproxy"):
        out[TCP] = haproxy(directory, TCP, "", "")
        out[SPLICE] = haproxy(directory, SPLICE, "", splice)
        out[TUNED] = haproxy(directory, TUNED,
                             "tune.pipesize 1048576\n    tune.bufsize 65536", splice)
        out[HTTP] = haproxy(directory, HTTP, "", http, "http")
        out[HTTP_TUNED] = haproxy(directory, HTTP_TUNED,
                                  "tune.pipesize 1048576\n    tune.bufsize 65536", http + splice,
                                  "http")
    else:
        print("skipped: haproxy is not installed (apt-get install haproxy)")
    command = nginx(directory)
    if command:
        out[NGINX] = command
    else:
        print("skipped: nginx stream is not installed (apt-get install nginx libnginx-mod-stream)")
    return out


def cores():
    """One core for the proxy, one for load and back end: the same on a single-core machine."""
    have = sorted(os.sched_getaffinity(0))
    return have[0], have[-1]


def start(command, core, **kw):
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {core}), **kw)


def congestion(name):
    """Sets the namespace's default. False when the kernel has no such algorithm."""
    try:
        pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text(name)
        return True
    except OSError:
        return False


class Bench:
    def __init__(self, options, programs, directory):
        self.options, self.programs, self.directory = options, programs, directory
        self.proxy_core, self.load_core = cores()
        self.processes, self.proxies, self.backend = [], {}, None

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()

    def start_servers(self):
        self.backend = self.launch([self.programs["backend"], str(BACKEND_PORT)], self.load_core,
                                   BACKEND_PORT)
        for name, command in commands(self.directory, self.programs).items():
            self.proxies[name] = self.launch(command, self.proxy_core, PORTS[name])
        if NGINX in self.proxies:  # one process is both
            self.proxies[NGINX_HTTP] = self.proxies[NGINX]

    def launch(self, command, core, port):
        process = start(command, core)
        self.processes.append(process)
        wait_for_port(port, process)
        return process

    def load(self, mode, port, connections, seconds):
        return start([self.programs["load"], mode, str(port), str(connections),
                      str(self.options.warm), str(seconds)], self.load_core,
                     stdout=subprocess.PIPE)

    def cost(self, name, mode, connections, unit):
        """CPU seconds of one proxy (DIRECT: the back end) per unit of work, and its rate."""
        pid = self.backend.pid if name == DIRECT else self.proxies[name].pid
        port = BACKEND_PORT if name == DIRECT else PORTS[name]
        with self.load(mode, port, connections, self.options.seconds) as load:
            load.stdout.readline()
            began, cpu = time.monotonic(), cpu_seconds(pid)
            line = load.stdout.readline().split()
            cpu, wall = cpu_seconds(pid) - cpu, time.monotonic() - began
        if len(line) != 4 or int(line[2]) or not int(line[1]):
            print(f"  ! {name}, {mode} {connections}: {' '.join(line) or 'no result'}")
            return None
        work = int(line[1]) / unit
        return cpu / work, work / wall

    def run(self, scenario):
        title, mode, connections, algorithm, unit_name, unit, goals = scenario
        if not congestion(algorithm):
            print(f"{title}: skipped, the kernel has no {algorithm}")
            return []
        own = LB if goals.keys().isdisjoint({HTTP, NGINX_HTTP}) else LB_HTTP
        names = [own] + [peer for peer in goals if peer in self.proxies]
        costs = {name: [] for name in names}
        for number in range(self.options.rounds):
            order = names[number % len(names):] + names[:number % len(names)]
            this = {name: self.cost(name, mode, connections, unit) for name in order}
            if all(this.values()):
                for name in names:
                    costs[name].append(this[name])
        if not costs[own]:
            return []
        print(f"{title} (CPU s per {unit_name}; per second)")
        for name in names:
            cpu = statistics.median(c for c, _ in costs[name])
            rate = statistics.median(r for _, r in costs[name])
            print(f"    {name:18} {cpu:8.3f} {rate:10.3f}")
        return [(title, peer, [a[0] / b[0] for a, b in zip(costs[own], costs[peer])], goal)
                for peer, goal in goals.items() if peer in names]

    def rates(self, connections, goals):
        """How much faster the peers carry bulk; with a congestion control that paces nobody."""
        congestion("reno")
        names = [LB] + [peer for peer in goals if peer == DIRECT or peer in self.proxies]
        rates = {name: [] for name in names}
        for number in range(self.options.rounds):
            order = names[number % len(names):] + names[:number % len(names)]
            this = {name: self.cost(name, "bulk", connections, GIB) for name in order}
            if all(this.values()):
                for name in names:
                    rates[name].append(this[name][1])
        print(f"bulk, {connections} streams, GiB/s: " + ", ".join(
            f"{name} {statistics.median(rate):.2f}" for name, rate in rates.items()))
        return [(f"bulk rate, {connections} streams", f"{peer} (peer/lb)",
                 [b / a for a, b in zip(rates[LB], rates[peer])], goal)
                for peer, goal in goals.items() if peer in names]

    def median(self, port):
        """Microseconds of a request, one at a time."""
        with self.load("keep", port, 1, self.options.seconds) as load:
            load.stdout.readline()
            return int(load.stdout.readline().split()[3]) / 1000

    def latency(self, own, goals):
        """What the proxies add to a request."""
        names = [own] + [peer for peer in goals if peer in self.proxies]
        added = {name: [] for name in names}
        for _ in range(self.options.rounds):
            direct = self.median(BACKEND_PORT)
            for name in names:
                added[name].append(self.median(PORTS[name]) - direct)
        print("added to a request, us: " + ", ".join(
            f"{name} {statistics.median(times):.1f}" for name, times in added.items()))
        return [(f"added latency, {own}", peer,
                 [a / b for a, b in zip(added[own], added[peer])], goal)
                for peer, goal in goals.items() if peer in names]

    def idle(self):
        """User memory per idle connection that has carried a request."""
        grown = {}
        for name in (LB, TCP, LB_HTTP, HTTP):
            if name not in self.proxies:
                continue
            pid = self.proxies[name].pid
            before = memory_bytes(pid)
            with self.load("idle", PORTS[name], IDLE_CONNECTIONS, 0) as load:
                load.stdout.readline()
                grown[name] = (memory_bytes(pid) - before) / IDLE_CONNECTIONS
                load.stdin.close()
        print(f"idle connections ({IDLE_CONNECTIONS}), bytes each: " +
              ", ".join(f"{name} {size:.0f}" for name, size in grown.items()))
        rows = [("idle bytes / 350", "limit", [grown[LB] / IDLE_BYTES], 1.0),
                ("HTTP idle bytes / 350", "limit", [grown[LB_HTTP] / IDLE_BYTES], 1.0)]
        if TCP in grown and grown[TCP] > 0:
            rows.append(("idle bytes", TCP, [grown[LB] / grown[TCP]], IDLE_RATIO))
        return rows


def verdict(ratio, goal):
    if ratio <= goal:
        return "met"
    return "within slack" if ratio <= goal * SLACK else "MISSED"


def find_programs(build):
    out = {}
    for name in ("proxy", "backend", "load"):
        found = [p for p in pathlib.Path(build).rglob(f"bench_relay_{name}") if p.is_file()]
        if not found:
            sys.exit(f"no bench_relay_{name} below {build}: build it first (ninja -C {build})")
        out[name] = str(found[0].resolve())
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--warm", type=float, default=0.2)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.3 s: does it run at all")
    parser.add_argument("--only", default="", help="scenarios whose name has one of these texts")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.warm = 3, 0.3, 0.1
    enter_namespace()
    wanted = [text for text in options.only.split(",") if text]
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-relay-") as directory, \
            Bench(options, find_programs(options.build), pathlib.Path(directory)) as bench:
        bench.start_servers()
        if not wanted or "idle" in wanted:
            rows += bench.idle()
        for own, goals in LATENCIES:
            if not wanted or "latency" in wanted:
                rows += bench.latency(own, goals)
        for connections, goals in RATES:
            if not wanted or "rates" in wanted:
                rows += bench.rates(connections, goals)
        for scenario in SCENARIOS:
            if not wanted or any(text in scenario[0] for text in wanted):
                rows += bench.run(scenario)
    print(f"\n{'scenario':28} {'lb / peer':18} {'ratio':>6} {'goal':>6}  "
          "(least to most of the rounds)")
    for title, peer, ratios, goal in rows:
        ratio = statistics.median(ratios)
        print(f"{title:28} {peer:18} {ratio:6.2f} {goal:6.2f}  {verdict(ratio, goal):12} "
              f"{min(ratios):5.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
