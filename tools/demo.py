#!/usr/bin/python3
"""The scenario that Cumulet was made for, in the commands of 2010: a web server is bundled into an
image of one's own, run twice, balanced, scaled by its load, and replaced when it ends.

usage: demo.py [--quick] [--clean] BUILD

Run by ./start --demo, in a cloud that is running (CUMULET_STATE). Each step is told with its
commands and what they print. What was made is found again, so that a second run goes on where
the first was interrupted. --quick does it with the starter image, which is bundled from outside;
else with the Debian image, which is bundled in the machine. --clean takes everything away again."""

import argparse
import glob
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

BUCKET = "test-ami-bucket"
KEY = "gsg-keypair"
GROUP = "TestServerSecurityGroup"
BALANCER = "TestLoadBalancer"
CONFIGURATION = "TestLaunchConfig"
SCALING_GROUP = "TestAutoScalingGroup"
TRIGGER = "TestTrigger"
ZONE = "us-east-1d"
IMAGE_NAME = "Test AMI"
# How much faster the time of scaling passes: a breach of five minutes takes 15 or 30 seconds.
# Debian boots for a minute, which should not be many breaches long.
SPEED_QUICK, SPEED_DEBIAN = 20, 10
LOWER, UPPER = 40, 80  # thresholds of the trigger, percent
TELL_EVERY = 15  # seconds, what takes longer

# ssh and scp that know only the demo's keys and hosts; what is typed stays as it was typed.
SSH_CONFIG = """Host *
    StrictHostKeyChecking accept-new
    UserKnownHostsFile {home}/.ssh/known_hosts
    LogLevel ERROR
    ConnectTimeout 10
"""
WRAPPER = """#!/bin/sh
exec {program} -F {home}/.ssh/config "$@"
"""
# A page that keeps a processor busy for a while, as a web application does.
BURN_CGI = """#!/bin/sh
echo 'Content-Type: text/plain'
echo
i=0
while [ $i -lt 60000 ]; do i=$((i + 1)); done
echo burnt
"""
BURN_PHP = """<?php
for ($i = 0, $end = microtime(true) + 2; microtime(true) < $end; $i++)
    sha1((string)$i);
echo "burnt\\n";
"""


class DemoError(Exception):
    """What went wrong, for who runs it."""


class Demo:
    def __init__(self, build, quick, out=sys.stdout):
        self.build, self.quick, self.out = os.path.abspath(build), quick, out
        asked = subprocess.run([f"{self.build}/cumulet", "status", "--json"],
                               stdout=subprocess.PIPE, text=True)
        if asked.returncode != 0:
            raise DemoError("the demo needs a cloud that runs")
        status = json.loads(asked.stdout)
        if status["backend"]["name"] == "fake":
            raise DemoError("the cloud that runs has no real machines (--backend fake)")
        self.state = status["state_dir"]
        self.home = os.path.join(self.state, "demo")
        self.times = []
        self.known = {}  # what was made, by its part in the scenario
        self.answering = set()  # hosts that let one in

    # --- what it has of its own ---

    def prepare(self):
        """A home directory as somebody had it then."""
        for name in (".ec2", ".ssh", "bin"):
            os.makedirs(os.path.join(self.home, name), mode=0o700, exist_ok=True)
        self.write(".ssh/config", SSH_CONFIG.format(home=self.home))
        for name in ("ssh", "scp"):
            program = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
            if not program:
                raise DemoError(f"{name} is not installed (package openssh-client)")
            self.write(f"bin/{name}", WRAPPER.format(program=program, home=self.home), 0o755)
        if not os.path.isdir(f"{self.build}/classic"):
            raise DemoError("the tools of 2010 are not built: ./start --build")
        if not shutil.which("s3cmd"):
            raise DemoError("s3cmd is not installed (package s3cmd)")
        config = subprocess.run([f"{self.build}/cumulet", "s3cfg"], check=True,
                                capture_output=True, text=True).stdout.strip()
        shutil.copy(config, os.path.join(self.home, ".s3cfg"))
        for path in glob.glob(f"{self.state}/certificates/*.pem"):
            name = os.path.basename(path)
            if re.match(r"(pk|cert)-[A-Z0-9]+\.pem$", name):
                shutil.copy(path, os.path.join(self.home, ".ec2", name))
        self.known = json.loads(self.read("known.json") or "{}")

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)

    def read(self, name):
        try:
            with open(os.path.join(self.home, name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def remember(self, **facts):
        self.known.update(facts)
        self.write("known.json", json.dumps(self.known, indent=2) + "\n")

    def environment(self):
        keep = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "EC2_", "S3_"))}
        keep.update(HOME=self.home, CUMULET_STATE=self.state, PATH=(
            f"{self.home}/bin:{self.build}/classic:{self.build}:{os.environ['PATH']}"))
        return keep

    # --- telling and doing ---

    def say(self, text=""):
        print(text, file=self.out, flush=True)

    def step(self, title, deed):
        self.say(f"\n== {title}")
        began = time.monotonic()
        deed()
        self.times.append((title, time.monotonic() - began))
        self.say(f"   ({self.times[-1][1]:.1f} s)")

    def event(self, title, deed):
        """A step that makes nothing that could be found again."""
        seen = self.known.get("seen", [])
        if title in seen:
            self.say(f"\n== {title}\n   (seen before it was interrupted)")
            return
        self.step(title, deed)
        self.remember(seen=[*seen, title])

    def run(self, command, quiet=False, may_fail=False, timeout=600):
        """A line as it is typed; what it prints."""
        if not quiet:
            self.say(f"$ {command}")
        with subprocess.Popen(["sh", "-c", command], env=self.environment(), cwd=self.home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            try:
                text = self.listen(process.stdout, quiet, timeout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0 and not may_fail:
            raise DemoError(f"this failed:\n$ {command}\n{text}")
        return text if process.returncode == 0 else ""

    def listen(self, stream, quiet, timeout):
        """All that comes, told line by line as it comes; while nothing does, how long it takes."""
        began = told = time.monotonic()
        text, line = "", b""
        while True:
            ready = select.select([stream], [], [], 1)[0]
            now = time.monotonic()
            if now > began + timeout:
                raise DemoError(f"it takes longer than {timeout} s")
            if ready:
                part = os.read(stream.fileno(), 65536)
                *lines, line = (line + part).split(b"\n")
                lines += [line] if not part and line else []
                for done in lines:
                    text += done.decode(errors="replace") + "\n"
                    if not quiet:
                        self.say(f"  {done.decode(errors='replace')}")
                if not part:
                    return text
                told = now
            elif not quiet and now > told + TELL_EVERY:
                told = now
                self.say(f"   {now - began:.0f} s so far")

    def wait(self, what, condition, timeout=600, pause=0.5):
        """Until condition() is true; what it was then."""
        end = time.monotonic() + timeout
        began, told = time.monotonic(), 0
        while True:
            result = condition()
            if result:
                self.say(f"   {what}: {time.monotonic() - began:.1f} s")
                return result
            if time.monotonic() > end:
                raise DemoError(f"{what}: not within {timeout} s")
            if time.monotonic() - began > told + TELL_EVERY:
                told += TELL_EVERY
                self.say(f"   {what}: waiting, {told} s so far")
            time.sleep(pause)

    # --- what is there ---

    def rows(self, command):
        return [line.split("\t") for line in self.run(command, quiet=True,
                                                      may_fail=True).splitlines()]

    def all_instances(self):
        """Id to row."""
        return {row[1]: row for row in self.rows("ec2-describe-instances") if row[0] == "INSTANCE"}

    def instances(self):
        """Of those, the ones that were not terminated."""
        return {id: row for id, row in self.all_instances().items()
                if row[5] not in ("terminated", "shutting-down")}

    def is_running(self, name):
        row = self.instances().get(self.known.get(name))
        return row is not None and row[5] in ("pending", "running")

    def name_of(self, id):
        """Where an instance is reached: by its name, if that resolves here."""
        row = self.instances()[id]
        try:
            socket.getaddrinfo(row[3], 80)
            return row[3]
        except OSError:
            return row[16]

    def balancer_address(self):
        status = json.loads(self.run("cumulet status --json", quiet=True))
        return next((one["address"] for one in status["load_balancers"]
                     if one["name"] == BALANCER), None)

    def health(self):
        """Id to state and description."""
        lines = self.run(f"elb-describe-instance-health {BALANCER}", quiet=True, may_fail=True)
        found = {}
        for line in lines.splitlines():
            columns = re.split(r"  +", line)
            found[columns[1]] = columns[2:]
        return found

    def in_service(self, *ids):
        health = self.health()
        return all(health.get(id, [""])[0] == "InService" for id in ids)

    def members(self):
        """Ids of the group's instances that are in service."""
        lines = self.run("as-describe-auto-scaling-instances", quiet=True, may_fail=True)
        return [columns[1] for columns in (re.split(r"  +", line) for line in lines.splitlines())
                if columns[2] == SCALING_GROUP and columns[4] == "InService"]

    def page(self, path="/", timeout=10):
        """What the balancer's address shows, or "" when it shows nothing."""
        try:
            with urllib.request.urlopen(f"http://{self.balancer_address()}{path}",
                                        timeout=timeout) as reply:
                return reply.read().decode(errors="replace")
        except (OSError, urllib.error.URLError, ValueError):
            return ""

    # --- the steps ---

    def all_steps(self):
        self.prepare()
        self.step("A key pair and a security group", self.key_and_group)
        self.step("The machine that will be bundled", self.first_machine)
        self.step("What is installed in it", self.install)
        if self.quick:
            self.step("It is bundled from outside", self.bundle_from_outside)
        else:
            self.step("It is bundled in itself and uploaded", self.bundle_inside)
        self.step("The bundle becomes an image", self.register)
        self.step("Two machines of that image", self.two_machines)
        self.step("A load balancer before them", self.balance)
        self.event("A web server stops, and the balancer notices", self.stop_a_server)
        self.step("A group that scales", self.scaling_group)
        self.event("Load makes it grow", self.grow)
        self.event("Without load it shrinks", self.shrink)
        self.event("A machine ends and is replaced", self.replace)
        self.step("The machines started by hand leave the balancer", self.leave)

    def key_and_group(self):
        if not any(row[1] == KEY for row in self.rows("ec2-describe-keypairs")) or \
                not self.read(f".ec2/{KEY}"):
            self.run(f"ec2-delete-keypair {KEY}", quiet=True, may_fail=True)
            self.run(f"umask 077; ec2-add-keypair {KEY} | sed 1d >~/.ec2/{KEY}")
        if not self.has_group():
            self.run(f'ec2-add-group {GROUP} -d "Web servers"')
        for group in (GROUP, "default"):
            open_ports = {row[5] for row in self.rows(f"ec2-describe-group {group}")
                          if row[0] == "PERMISSION" and row[4] == "tcp"}
            for port in ("22", "80"):
                if port not in open_ports:
                    self.run(f"ec2-authorize {group} -P tcp -p {port} -s 0.0.0.0/0")
                    if group != GROUP:
                        self.remember(opened=[*self.known.get("opened", []), port])

    def has_group(self):
        return any(row[0] == "GROUP" and GROUP in row for row in self.rows("ec2-describe-group"))

    def starter_image(self):
        name = "cumulet-micro" if self.quick else r"debian-12-amd64-\d+"
        images = [row[1] for row in self.rows("ec2-describe-images -a")
                  if row[0] == "IMAGE" and re.search(f"/{name}$", row[2])]
        if not images:
            raise DemoError("there is no starter image" if self.quick else
                            "there is no Debian image; `cumulet image build debian` makes it")
        return images[-1]

    def launch(self, name, image, more=""):
        """Runs an instance of an image, unless the one of that name runs already."""
        if self.is_running(name):
            return
        nobodys = [id for id, row in self.instances().items() if row[2] == image
                   and row[6] == KEY and id not in self.known.values()]
        if nobodys:  # run before an interruption, which was quicker than the answer
            return self.remember(**{name: nobodys[0]})
        shown = self.run(f"ec2-run-instances {image} -k {KEY} -g {GROUP}{more}")
        self.remember(**{name: re.search(r"^INSTANCE\t(i-\w+)", shown, re.M)[1]})

    def wait_for_page(self, id):
        def serves():
            row = self.instances().get(id)
            if row is None:
                raise DemoError(f"{id} has ended")
            if row[5] != "running":
                return False
            try:
                with urllib.request.urlopen(f"http://{row[16]}/", timeout=5) as reply:
                    return id in reply.read().decode(errors="replace")
            except OSError:
                return False
        self.wait(f"{id} serves its page", serves, 900)

    def ssh(self, name, command, **options):
        """A web server may be up before that of ssh, and a client without patience."""
        host = self.name_of(self.known[name])
        login = f"ssh -i ~/.ec2/{KEY} root@{host}"
        if host not in self.answering:
            self.wait(f"ssh answers at {host}", lambda: self.run(
                f"{login} echo yes", quiet=True, may_fail=True), 300)
            self.answering.add(host)
        return self.run(f"{login} '{command}'", **options)

    def first_machine(self):
        if "image" in self.known:
            return self.say("   (its bundle is there already)")
        self.launch("first", self.starter_image(), " -t m1.small")
        self.wait_for_page(self.known["first"])
        self.run("ec2-describe-instances")

    def install(self):
        if "image" in self.known:
            return self.say("   (its bundle is there already)")
        if self.quick:
            name, text, mode = "cgi-bin/burn", BURN_CGI, 755
        else:
            name, text, mode = "burn.php", BURN_PHP, 644
        self.write("burn", text)
        host = self.name_of(self.known["first"])
        self.ssh("first", "mkdir -p /var/www/html/cgi-bin; "
                          "echo installed >/var/www/html/installed.txt")
        self.run(f"scp -q -i ~/.ec2/{KEY} burn root@{host}:/var/www/html/{name}")
        self.ssh("first", f"chmod {mode} /var/www/html/{name}; sync")

    def make_bucket(self):
        if f"s3://{BUCKET}\n" not in self.run("s3cmd ls", quiet=True):
            self.run(f"s3cmd mb s3://{BUCKET}")

    def keys(self):
        text = self.run("cumulet env", quiet=True)
        return [re.search(f"^export {name}='(.*)'$", text, re.M)[1]
                for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]

    def is_bundled(self):
        return "/image.manifest.xml" in self.run(f"s3cmd ls s3://{BUCKET}", quiet=True,
                                                 may_fail=True)

    def bundle_task(self):
        """Of the first machine, the one that has not ended."""
        return any(self.known["first"] in row and not {"complete", "failed"} & set(row)
                   for row in self.rows("ec2-describe-bundle-tasks"))

    def bundle_from_outside(self):
        self.make_bucket()
        if not self.is_bundled():
            access, secret = self.keys()
            if not self.bundle_task():
                self.run(f"ec2-bundle-instance {self.known['first']} -b {BUCKET} -p image "
                         f"-o {access} -w {secret}")
            self.wait("the bundle is complete", lambda: not self.bundle_task(), 900)
            if not self.is_bundled():
                raise DemoError(self.run("ec2-describe-bundle-tasks", quiet=True))
        self.run(f"s3cmd ls s3://{BUCKET}")

    def bundle_inside(self):
        self.make_bucket()
        if not self.is_bundled():
            access, secret = self.keys()
            host = self.name_of(self.known["first"])
            account = json.loads(self.run("cumulet status --json", quiet=True))["account_id"]
            pair = {kind: os.path.basename(glob.glob(f"{self.home}/.ec2/{kind}-*.pem")[0])
                    for kind in ("pk", "cert")}
            self.run(f"scp -q -i ~/.ec2/{KEY} ~/.ec2/*.pem root@{host}:/mnt")
            # What an interrupted one left.
            self.ssh("first", "pkill -f [e]c2-bundle-vol; rm -f /mnt/image*", quiet=True)
            self.ssh("first", f"ec2-bundle-vol -k /mnt/{pair['pk']} -c /mnt/{pair['cert']} "
                              f"-u {account} -d /mnt", timeout=2400)
            self.ssh("first", f"ec2-upload-bundle -b {BUCKET} -m /mnt/image.manifest.xml "
                              f"-a {access} -s {secret}", timeout=900)
        self.run(f"s3cmd ls s3://{BUCKET}")

    def own_images(self):
        return [row[1] for row in self.rows("ec2-describe-images -o self")
                if row[0] == "IMAGE" and row[2] == f"{BUCKET}/image.manifest.xml"]

    def register(self):
        if "image" not in self.known:
            own = self.own_images()
            if not own:
                shown = self.run(f'ec2-register {BUCKET}/image.manifest.xml -n "{IMAGE_NAME}"')
                own = [re.search(r"ami-\w+", shown)[0]]
            self.wait("the image is available", lambda: any(
                row[1] == own[0] and row[4] == "available"
                for row in self.rows("ec2-describe-images -o self") if row[0] == "IMAGE"), 900)
            self.remember(image=own[0])
        self.run("ec2-describe-images -o self")
        if self.is_running("first"):
            self.run(f"ec2-terminate-instances {self.known['first']}")

    def two_machines(self):
        for name in ("second", "third"):
            self.launch(name, self.known["image"])
        if self.known.get("stopped"):  # by a step that was interrupted
            self.ssh("second", "service httpd start")
            self.remember(stopped=False)
        for name in ("second", "third"):
            self.wait_for_page(self.known[name])
        self.run("ec2-describe-instances")

    def by_hand(self):
        return [self.known["second"], self.known["third"]]

    def balance(self):
        if not self.balancer_address():
            self.run(f'elb-create-lb {BALANCER} --availability-zones {ZONE} '
                     f'--listener "protocol=tcp,lb-port=80,instance-port=80"')
        self.run(f'elb-configure-healthcheck {BALANCER} --target "HTTP:80/" --interval 5 '
                 f'--timeout 3 --unhealthy-threshold 2 --healthy-threshold 2')
        zones = {self.instances()[id][11] for id in self.by_hand()} | {ZONE}
        if len(zones) > 1:
            self.run(f"elb-enable-zones-for-lb {BALANCER} --availability-zones "
                     f"{','.join(sorted(zones))}")
        self.run(f"elb-register-instances-with-lb {BALANCER} --instances "
                 f"{' '.join(self.by_hand())}")
        self.wait("both are in service", lambda: self.in_service(*self.by_hand()), 120)
        self.run("elb-describe-lbs --show-long")
        self.show_pages(self.by_hand())

    def show_pages(self, ids):
        """Fetches pages from the balancer until each of the instances has shown itself."""
        seen = []

        def all_seen():
            text = self.page()
            seen.extend(id for id in ids if id in text and id not in seen)
            return len(seen) == len(ids)
        self.wait(f"http://{self.balancer_address()}/ shows {' and '.join(ids)}", all_seen, 60,
                  0.05)

    def stop_a_server(self):
        victim = "second"
        id, other = self.known["second"], self.known["third"]
        self.remember(stopped=True)
        self.ssh(victim, "service httpd stop")
        self.wait("it is out of service", lambda: self.health().get(id, [""])[0] != "InService",
                  120)
        self.run(f"elb-describe-instance-health {BALANCER}")
        self.show_pages([other])
        self.ssh(victim, "service httpd start")
        self.remember(stopped=False)
        self.wait("it is in service again", lambda: self.in_service(id, other), 120)

    def scaling_group(self):
        if CONFIGURATION not in self.run("as-describe-launch-configs", quiet=True):
            self.run(f"as-create-launch-config {CONFIGURATION} --image-id {self.known['image']} "
                     f"--instance-type m1.small")
        if SCALING_GROUP not in self.run("as-describe-auto-scaling-groups", quiet=True):
            self.run(f"as-create-auto-scaling-group {SCALING_GROUP} --availability-zones {ZONE} "
                     f"--launch-configuration {CONFIGURATION} --max-size 10 --min-size 2 "
                     f"--load-balancers {BALANCER}")
        self.wait_for_members(2)
        # Now only: a machine that boots is busy, at this speed for longer than a breach lasts.
        self.run(f"cumulet clock --speed {SPEED_QUICK if self.quick else SPEED_DEBIAN}")
        self.wait("they have booted and are idle", lambda: self.group_load() < LOWER, 600)
        self.run(f'as-create-or-update-trigger {TRIGGER} --auto-scaling-group {SCALING_GROUP} '
                 f'--namespace "AWS/EC2" --measure CPUUtilization --statistic Average '
                 f'--dimensions "AutoScalingGroupName={SCALING_GROUP}" --period 60 '
                 f'--lower-threshold {LOWER} --upper-threshold {UPPER} '
                 f'--lower-breach-increment"=-1" '
                 f'--upper-breach-increment "1" --breach-duration 300')
        self.run(f"as-describe-auto-scaling-groups {SCALING_GROUP}")

    def wait_for_members(self, least):
        def there():
            members = self.members()
            return len(members) >= least and self.in_service(*members) and members
        return self.wait(f"{least} machines of the group are in service", there, 900)

    def grow(self):
        """Visitors ask each member for pages that cost, until there is one more."""
        busy = self.wait_for_members(2)
        addresses = [self.instances()[id][16] for id in busy]
        path = "/cgi-bin/burn" if self.quick else "/burn.php"
        enough = threading.Event()

        def visit(address):
            while not enough.is_set():
                try:
                    urllib.request.urlopen(f"http://{address}{path}", timeout=60).read()
                except OSError:
                    enough.wait(0.2)
        visitors = [threading.Thread(target=visit, args=(address,), daemon=True)
                    for address in addresses for _ in range(2)]
        self.say(f"   visitors ask {' and '.join(addresses)} for {path}")
        for visitor in visitors:
            visitor.start()
        try:
            self.wait("the trigger fired", lambda: len(self.group_members()) > len(busy), 600)
        finally:
            enough.set()
            for visitor in visitors:
                visitor.join()
        self.run(self.STATISTICS + " | tail -n 6")
        self.run(f"as-describe-scaling-activities {SCALING_GROUP} --show-long --max-records 1")

    STATISTICS = ('mon-get-stats CPUUtilization --namespace "AWS/EC2" --statistics Average '
                  f'--dimensions "AutoScalingGroupName={SCALING_GROUP}" --period 60')

    def group_load(self):
        """Percent, the last that was measured."""
        lines = self.run(self.STATISTICS, quiet=True, may_fail=True).split()
        return float(lines[-2]) if lines else 100

    def group_members(self):
        """Ids of the group's machines, whatever becomes of them."""
        lines = self.run("as-describe-auto-scaling-instances", quiet=True, may_fail=True)
        return [columns[1] for columns in (re.split(r"  +", line) for line in lines.splitlines())
                if columns[2] == SCALING_GROUP]

    def shrink(self):
        self.wait("it has two machines again", lambda: len(self.group_members()) == 2, 900)
        self.run(f"as-describe-scaling-activities {SCALING_GROUP} --show-long --max-records 1")

    def replace(self):
        members = self.wait_for_members(2)
        victim = members[0]
        self.run(f"ec2-terminate-instances {victim}")
        self.run(f"elb-describe-instance-health {BALANCER}")

        def replaced():
            now = self.members()
            return victim not in now and len(now) >= 2 and self.in_service(*now) and now
        now = self.wait("another is in service behind the balancer", replaced, 900)
        self.run(f"elb-describe-instance-health {BALANCER}")
        self.show_pages(now)

    def leave(self):
        self.run(f"elb-deregister-instances-from-lb {BALANCER} --instances "
                 f"{' '.join(self.by_hand())}")
        self.show_pages(self.members())

    def tell_the_end(self):
        self.remember(seen=[])
        self.say("\nAll of it works, and is left running:")
        self.say(f"   http://{self.balancer_address()}/ is served by the group's machines")
        for title, seconds in self.times:
            self.say(f"   {seconds:7.1f} s  {title}")
        self.say(f"""
What to try next:
   export CUMULET_STATE={self.state} PATH={self.build}/classic:{self.build}:$PATH
   as-describe-auto-scaling-groups
   as-set-desired-capacity {SCALING_GROUP} --desired-capacity 3
   cumulet status
and to take it all away: ./start --demo --clean""")

    # --- away with it ---

    def clean(self):
        self.prepare()
        gone = self.run
        if SCALING_GROUP in self.run("as-describe-auto-scaling-groups", quiet=True):
            gone(f"as-delete-auto-scaling-group {SCALING_GROUP} --force --force-delete",
                 may_fail=True)
            self.wait("the group is gone", lambda: SCALING_GROUP not in self.run(
                "as-describe-auto-scaling-groups", quiet=True), 300)
        if CONFIGURATION in self.run("as-describe-launch-configs", quiet=True):
            gone(f"as-delete-launch-config {CONFIGURATION} --force")
        if self.balancer_address():
            gone(f"elb-delete-lb {BALANCER} --force")
        mine = [self.known[name] for name in ("first", "second", "third") if
                self.is_running(name)]
        if mine:
            gone(f"ec2-terminate-instances {' '.join(mine)}")
        self.wait("the machines have ended", lambda: all(
            row[5] != "shutting-down" for row in self.all_instances().values()), 300)
        for id in self.own_images():
            gone(f"ec2-deregister {id}")
        if f"s3://{BUCKET}\n" in self.run("s3cmd ls", quiet=True):
            gone(f"s3cmd rb --recursive --force s3://{BUCKET}")
        if any(row[1] == KEY for row in self.rows("ec2-describe-keypairs")):
            gone(f"ec2-delete-keypair {KEY}")
        if self.has_group():
            gone(f"ec2-delete-group {GROUP}")
        for port in self.known.get("opened", []):
            gone(f"ec2-revoke default -P tcp -p {port} -s 0.0.0.0/0")
        gone("cumulet clock --speed 1")
        shutil.rmtree(self.home)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="with the starter image in the place of Debian")
    parser.add_argument("--clean", action="store_true", help="take everything away again")
    parser.add_argument("build", help="where cumulet was built")
    options = parser.parse_args()
    demo = None
    try:
        demo = Demo(options.build, options.quick)
        if options.clean:
            demo.clean()
        else:
            demo.all_steps()
            demo.tell_the_end()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        if demo:
            print("What is there is left; ./start --demo goes on from here.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; ./start --demo goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
