"""The starter image under a bare QEMU, with a metadata service of the test's own: what the guest
does by itself, apart from the daemon."""

import gzip
import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time

ADDRESS = "169.254.1.10"


class Metadata:
    """The metadata service of one guest. `tokens`: "required", "optional" or "none" (version 1)."""

    def __init__(self, values, user_data=None, tokens="required"):
        self.values = values
        self.user_data = user_data
        self.tokens = tokens
        self.refused = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                if service.tokens == "none":
                    self.answer(405, b"")
                elif "X-aws-ec2-metadata-token-ttl-seconds" not in self.headers:
                    self.answer(400, b"")
                else:
                    self.answer(200, b"TOKEN==")

            def do_GET(self):
                token = self.headers.get("X-aws-ec2-metadata-token")
                if token != "TOKEN==" and (token or service.tokens == "required"):
                    service.refused.append(self.path)
                    self.answer(401, b"")
                    return
                path = self.path.removeprefix("/latest/")
                if path == "user-data" and service.user_data is not None:
                    self.answer(200, service.user_data)
                elif path in service.values:
                    self.answer(200, service.values[path].encode())
                else:
                    self.answer(404, b"not here")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def metadata_values(instance, public_key):
    return {
        "meta-data/instance-id": instance,
        "meta-data/local-hostname": "ip-169-254-1-10.ec2.internal",
        "meta-data/local-ipv4": ADDRESS,
        "meta-data/public-ipv4": "127.77.0.10",
        "meta-data/instance-type": "t2.micro",
        "meta-data/placement/availability-zone": "us-east-1a",
        "meta-data/ami-id": "ami-0123456789abcdef0",
        "meta-data/public-keys/": "0=test",
        "meta-data/public-keys/0/openssh-key": public_key,
    }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest:
    """A machine in `directory`, which keeps its disk from one start to the next."""

    def __init__(self, image, directory, disk_gib=8):
        self.image = image
        self.directory = directory
        with open(os.path.join(image, "image.json"), encoding="utf-8") as manifest:
            self.manifest = json.load(manifest)
        self.key = os.path.join(directory, "key")
        if not os.path.exists(self.key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key],
                           check=True)
        with open(self.key + ".pub", encoding="utf-8") as public:
            self.public_key = public.read()
        self.disk = os.path.join(directory, "root.qcow2")
        self.console = os.path.join(directory, "console.log")
        base = os.path.join(os.path.abspath(image), self.manifest["root"])
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base,
                        "-F", self.manifest["root_format"], self.disk, f"{disk_gib}G"], check=True)
        self.process = None

    def start(self, metadata):
        relay = shutil.which("busybox")
        forward = f"{relay} nc" if relay else "nc"
        self.http_port, self.ssh_port = free_port(), free_port()
        self.monitor = os.path.join(self.directory, "monitor")
        file = lambda part: os.path.join(self.image, self.manifest[part])
        self.started = time.monotonic()
        self.process = subprocess.Popen([
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,tb-size=128", "-cpu", "max",
            "-m", "256", "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.console}", "-qmp", f"unix:{self.monitor},server,nowait",
            "-kernel", file("kernel"), "-initrd", file("ramdisk"),
            "-append", self.manifest["kernel_arguments"],
            "-drive", f"file={self.disk},if=virtio,cache=unsafe",
            "-netdev", "user,id=net,net=169.254.0.0/16,host=169.254.0.2,"
            f"dhcpstart={ADDRESS},hostfwd=tcp:127.0.0.1:{self.http_port}-:80,"
            f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,"
            f"guestfwd=tcp:169.254.169.254:80-cmd:{forward} 127.0.0.1 {metadata.port}",
            "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci",
        ], stdin=subprocess.DEVNULL)

    def wait(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds} s: {what}\n--- console\n{self.console_text()}")

    def console_text(self):
        try:
            with open(self.console, encoding="utf-8", errors="replace") as console:
                return console.read()
        except FileNotFoundError:  # QEMU is just starting
            return ""

    def page(self, path="/"):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=2)
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.read().decode() if reply.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None

    def ssh(self, command, check=True):
        run = subprocess.run(
            ["ssh", "-q", "-i", self.key, "-p", str(self.ssh_port), "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             "-o", "ConnectTimeout=30", "root@127.0.0.1", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
        if check and run.returncode != 0:
            raise AssertionError(f"{command}: {run.returncode}: {run.stdout}{run.stderr}")
        return run.stdout

    def wait_for_ssh(self):
        def answers():
            try:
                return self.ssh("echo yes") == "yes\n"
            except AssertionError:
                return False

        self.wait(answers, 60, "ssh")

    def copy(self, local, remote, old_protocol):
        subprocess.run(
            ["scp", "-q", "-i", self.key, "-P", str(self.ssh_port), "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             *(["-O"] if old_protocol else []), local, f"root@127.0.0.1:{remote}"],
            stdin=subprocess.DEVNULL, check=True, timeout=90)

    def press_power(self):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(self.monitor)
            stream = monitor.makefile("rw")
            stream.readline()  # the greeting
            for command in ("qmp_capabilities", "system_powerdown"):
                stream.write(json.dumps({"execute": command}) + "\n")
                stream.flush()
                while "return" not in json.loads(stream.readline()):
                    pass

    def wait_off(self, seconds):
        self.process.wait(seconds)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def gzipped(text):
    return gzip.compress(text.encode(), mtime=0)
