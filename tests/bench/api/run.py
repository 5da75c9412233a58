#!/usr/bin/env python3
"""Goal A1: the CPU of a signed POST against nginx's `return` and a Python server.

    run.py BUILD [--rounds N] [--seconds S]

BUILD holds bench_api_{server,load} (anywhere below it). One POST under way on each of 64 keep-alive
connections; servers with two threads or processes each. A cell is the median over the rounds of
(CPU per reply of ours) / (CPU per reply of the peer) in the same round. Only ours checks the
signature. Exits 0 when it measured, whatever came out, for noise must not break a build.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from measure import cpu_seconds, free_port, wait_for_port  # noqa: E402

OURS, NGINX, PYTHON = "cumulet", "nginx return", "python http.server"
GOALS = {NGINX: 2.0, PYTHON: 0.15}
SLACK = 1.15
CONNECTIONS = 64
BODY = "x" * 1024

PYTHON_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "1024")
        self.end_headers()
        self.wfile.write(b"x" * 1024)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer.request_queue_size = 256
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def nginx(directory, port):
    path = directory / "nginx.conf"
    path.write_text(f"""
daemon off;
worker_processes 2;
error_log stderr crit;
pid {directory}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{BODY}"; }} }}
}}
""")
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(path), "-p", str(directory)]


def measure(load, port, pid, seconds):
    """CPU seconds of the server per reply, and replies a second. The load keeps its connections
    open until its standard input ends: Python's threads, one a connection, live until then."""
    before = cpu_seconds(pid)
    client = subprocess.Popen([load, str(port), str(CONNECTIONS), str(seconds)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = client.stdout.readline()
    after = cpu_seconds(pid)
    client.stdin.close()
    if client.wait() != 0 or not line:
        sys.exit("the load generator failed")
    replies = int(line)
    return (after - before) / replies, replies / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.8)
    options = parser.parse_args()
    programs = {name: next(iter(options.build.rglob(f"bench_api_{name}")), None)
                for name in ("server", "load")}
    if not all(programs.values()):
        sys.exit(f"no bench_api_server and bench_api_load below {options.build}")

    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        ports = {OURS: free_port(), NGINX: free_port(), PYTHON: free_port()}
        commands = {
            OURS: [programs["server"], str(ports[OURS])],
            NGINX: nginx(directory, ports[NGINX]),
            PYTHON: [sys.executable, "-c", PYTHON_SERVER, str(ports[PYTHON])],
        }
        if not os.path.exists(commands[NGINX][0]):
            print("skipped: nginx is not installed (apt-get install nginx)")
            del commands[NGINX]
        servers = {}
        try:
            for server, command in commands.items():
                servers[server] = subprocess.Popen(command, stdin=subprocess.PIPE,
                                                   stderr=subprocess.DEVNULL)
                wait_for_port(ports[server], servers[server])
            cost = {server: [] for server in servers}
            rate = {server: [] for server in servers}
            for _ in range(options.rounds):
                for server, process in servers.items():
                    cpu, per_second = measure(programs["load"], ports[server], process.pid,
                                              options.seconds)
                    cost[server].append(cpu)
                    rate[server].append(per_second)
        finally:
            for process in servers.values():
                process.terminate()
                process.wait()

    for server in servers:
        print(f"{server:20} {statistics.median(cost[server]) * 1e5:6.2f} CPU s / 1e5 requests, "
              f"{statistics.median(rate[server]):8.0f} requests/s")
    for peer, goal in GOALS.items():
        if peer in cost:
            ratio = statistics.median(a / b for a, b in zip(cost[OURS], cost[peer]))
            word = "met" if ratio <= goal else "met with slack" if ratio <= goal * SLACK else "MISSED"
            print(f"A1 signed POST / {peer:20} {ratio:5.2f}   goal {goal:4.2f}   {word}")


if __name__ == "__main__":
    main()
