"""Real guests for tests: clouds with the starter image, and the ways into an instance.

    cloud = GuestCloud()
    key = cloud.make_key("k")
    guest = cloud.run_guest(KeyName="k", key=key)
    guest.wait_page()
    guest.ssh("hostname")

CUMULET_IMAGE names a built starter image; without it, guest/micro/build makes build/image/micro."""

import base64
import http.client
import os
import shutil
import socket
import subprocess
import tempfile

from belongings import network_of
from cloud import ROOT, Cloud, CloudError, wait_until

TYPE = "t2.nano"  # the smallest
BOOT = 120  # seconds a boot may take on a busy machine without KVM; usually 8


def starter_image():
    """The directory of the starter image, built unless it is there."""
    named = os.environ.get("CUMULET_IMAGE")
    if named:
        return named
    output = os.path.join(ROOT, "build", "image", "micro")
    subprocess.run([os.path.join(ROOT, "guest", "micro", "build"), output], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return output


def why_no_guests():
    """Why real guests cannot run here, or None."""
    for program in ("qemu-system-x86_64", "qemu-img", "nft", "dnsmasq", "ip", "ssh"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{program} is not installed"
    if os.geteuid() == 0:
        return None
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"an ordinary user cannot open /dev/net/tun here: {error.strerror}"
    probe = subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        return f"no user namespaces here: {probe.stderr.strip()}"
    return None


def low_ports_are_open():
    """Whether this user may listen on ports 22 and 80."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        return os.geteuid() == 0 or int(file.read()) <= 22


def is_refused(address, port, timeout=3):
    """Whether nothing is served there: refused at once, or reset by the relay."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(1) == b""
    except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        return True
    except OSError:  # silence is not a refusal
        return False


class GuestCloud(Cloud):
    """A cloud of real machines."""

    def __init__(self, *, start=True, **options):
        self.keys = tempfile.mkdtemp(prefix="guest-keys-", dir="/tmp")
        self.connections = []
        self._ec2 = None
        super().__init__("libvirt", start=False, **options)
        try:
            images = os.path.join(self.state, "images")
            os.mkdir(self.state, 0o700)
            os.mkdir(images)
            shutil.copytree(starter_image(), os.path.join(images, "micro"))
            if start:
                self.start()
        except BaseException:
            self.destroy()
            raise

    # --- what belongs to it ---

    def network_namespace(self):
        """The inode of the guests' network namespace."""
        return network_of(self.survivors()["holder"])

    def machines(self):
        """{instance id: pid} of the QEMUs that run."""
        found = {}
        for pid, line in self.processes():
            words = line.split()
            if words and os.path.basename(words[0]).startswith("qemu-system"):
                name = words[words.index("-name") + 1]
                found[name.removeprefix("guest=").split(",")[0]] = pid
        return found

    def inside(self, *argv, timeout=30):
        """Runs a program of the host inside the guests' network; its output."""
        holder = str(self.survivors()["holder"])
        enter = ["nsenter", "--target", holder, "--net"]
        if os.geteuid() != 0:
            enter += ["--user", "--preserve-credentials"]
        return subprocess.run([*enter, *argv], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout, check=True).stdout

    def taps(self):
        return [line.split(":")[1].strip() for line in
                self.inside("ip", "-o", "link", "show").splitlines() if ": tap" in line]

    def wait_ended(self, keep_running=False, before=None):
        self.hang_up()
        super().wait_ended(keep_running, before)

    def destroy(self):
        if self in Cloud.live:
            self.hang_up()
            super().destroy()
        shutil.rmtree(self.keys, ignore_errors=True)

    def hang_up(self):
        """Ends the ssh connections that are kept."""
        for target in self.connections:
            subprocess.run(["ssh", "-q", "-o", f"ControlPath={self.keys}/c-%C", "-O", "exit",
                            target], stdin=subprocess.DEVNULL, capture_output=True)
        self.connections = []

    # --- what people do with it ---

    @property
    def ec2(self):
        if self._ec2 is None:
            self._ec2 = self.boto3("ec2")
        return self._ec2

    @property
    def image(self):
        images = self.ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "name", "Values": ["cumulet-micro"]}])["Images"]
        return images[0]["ImageId"]

    @property
    def default_group(self):
        return self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0][
            "GroupId"]

    def make_key(self, name, kind="ed25519"):
        """Creates a key pair; the path of its private key."""
        material = self.ec2.create_key_pair(KeyName=name, KeyType=kind)["KeyMaterial"]
        path = os.path.join(self.keys, name + ".pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(material)
        return path

    def open_ports(self, *ports, group=None):
        for port in ports:
            self.ec2.authorize_security_group_ingress(
                GroupId=group or self.default_group, IpProtocol="tcp", FromPort=port, ToPort=port,
                CidrIp="0.0.0.0/0")

    def close_ports(self, *ports, group=None):
        for port in ports:
            self.ec2.revoke_security_group_ingress(
                GroupId=group or self.default_group, IpProtocol="tcp", FromPort=port, ToPort=port,
                CidrIp="0.0.0.0/0")

    def run_guest(self, key=None, ssh_port=22, http_port=80, **options):
        options = {"ImageId": self.image, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1,
                   **options}
        if key:
            options.setdefault("KeyName", os.path.basename(key).removesuffix(".pem"))
        instance = self.ec2.run_instances(**options)["Instances"][0]
        return Guest(self, instance["InstanceId"], key, ssh_port, http_port)


class Guest:
    """One instance, by what AWS's client and a user at the keyboard see of it."""

    def __init__(self, cloud, id, key=None, ssh_port=22, http_port=80):
        self.cloud, self.id, self.key = cloud, id, key
        self.ssh_port, self.http_port = ssh_port, http_port
        described = self.describe()
        self.public = described.get("PublicIpAddress")
        self.private = described.get("PrivateIpAddress")

    def describe(self):
        found = self.cloud.ec2.describe_instances(InstanceIds=[self.id])
        return found["Reservations"][0]["Instances"][0]

    @property
    def state(self):
        return self.describe()["State"]["Name"]

    def wait_state(self, *names, timeout=90):
        """Waits for one of these states and returns the instance's description."""
        seen = {}

        def reached():
            seen.clear()
            seen.update(self.describe())
            return seen["State"]["Name"] in names

        wait_until(reached, timeout, lambda: f"{self.id} is {'/'.join(names)}, not "
                   f"{seen['State']['Name']}\n{self.console()}", 0.05)
        self.public = seen.get("PublicIpAddress")
        return seen

    def get(self, path="/", timeout=5):
        """What the web server answers, or None."""
        connection = http.client.HTTPConnection(self.public, self.http_port, timeout=timeout)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            text = reply.read().decode(errors="replace")
            return text if reply.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wait_page(self, path="/", timeout=BOOT):
        """Waits until the page is this instance's own."""
        def own():
            text = self.get(path)
            return text if text and (path != "/" or self.id in text) else None
        return wait_until(own, timeout,
                          lambda: f"the page of {self.id} at {self.public}\n{self.console()}", 0.05)

    def ssh(self, command, check=True, input=None, timeout=60, keep=True, text=True):
        """Runs a command in the guest and returns its output. keep: over one connection."""
        target = f"root@{self.public}"
        line = ["ssh", "-q", "-i", self.key, "-p", str(self.ssh_port), "-F", "none",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
                "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o",
                "ConnectTimeout=20"]
        if keep:
            line += ["-o", "ControlMaster=auto", "-o", "ControlPersist=600",
                     "-o", f"ControlPath={self.cloud.keys}/c-%C"]
            if target not in self.cloud.connections:
                self.cloud.connections.append(target)
        done = subprocess.run([*line, target, command], input=input or ("" if text else b""),
                              capture_output=True, text=text, timeout=timeout)
        if check and done.returncode != 0:
            raise CloudError(f"{self.id}: {command}: {done.returncode}\n{done.stdout}{done.stderr}"
                             f"\n{self.console()}")
        return done.stdout

    def wait_ssh(self, timeout=BOOT):
        def answers():
            try:
                return self.ssh("echo yes", check=False, keep=False, timeout=30) == "yes\n"
            except subprocess.TimeoutExpired:
                return False
        wait_until(answers, timeout, lambda: f"ssh to {self.id} at {self.public}\n"
                   f"{self.console()}", 0.2)

    def console(self):
        path = os.path.join(self.cloud.state, "instances", self.id, "console.log")
        try:
            with open(path, errors="replace") as file:
                return file.read()[-6000:]
        except OSError:
            return "(no console)"

    def console_output(self):
        reply = self.cloud.ec2.get_console_output(InstanceId=self.id)
        return reply.get("Output", "").replace("\r", "")

    def disk(self):
        """The file of its root disk."""
        device = self.describe()["BlockDeviceMappings"][0]
        return os.path.join(self.cloud.state, "volumes", device["Ebs"]["VolumeId"] + ".qcow2")

    def pid(self):
        """Of its QEMU, or None."""
        return self.cloud.machines().get(self.id)

    def terminate(self):
        self.cloud.ec2.terminate_instances(InstanceIds=[self.id])


def encoded(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()
