"""How the host's resolver is pointed at the daemon: `cumulet dns`, `cumulet hosts`."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CUMULET, wait_until  # noqa: E402
from names import (DEADLINE, NO_NAME, REFUSED, SUFFIX, Answer, NamesTestCase,  # noqa: E402
                   named_cloud, question)


class HostTestCase(NamesTestCase):
    """The command line, on a file system of its own: self.root."""

    def setUp(self):
        super().setUp()
        self.root = tempfile.mkdtemp(prefix="names-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.root)

    def put(self, path, text=None):
        """A file, or a directory, below the root."""
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path) if text is not None else path, exist_ok=True)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        return path

    def tree(self):
        """{path: text; None: a directory} of what is below the root."""
        found = {}
        for directory, names, files in os.walk(self.root):
            for name in names:
                found[os.path.relpath(os.path.join(directory, name), self.root)] = None
            for name in files:
                with open(os.path.join(directory, name)) as file:
                    found[os.path.relpath(file.name, self.root)] = file.read()
        return found

    def cumulet(self, *argv, code=0, cloud=None, **options):
        done = (cloud or self.cloud).cumulet(*argv, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def dns(self, *argv, **options):
        return self.cumulet("dns", *argv, "--root", self.root, **options)


RESOLVED = "etc/systemd/resolved.conf.d/cumulet.conf"
MANAGER = "etc/NetworkManager/dnsmasq.d/cumulet.conf"
DNSMASQ = "etc/dnsmasq.d/cumulet.conf"


class ForwardingTest(HostTestCase):
    def statements(self, path):
        return [line for line in self.tree()[path].splitlines() if not line.startswith("#")]

    def dnsmasq_lines(self):
        server = f"127.0.0.1#{self.cloud.dns_port}"
        return [line for domain in (SUFFIX, "ec2.internal") for line in
                (f"server=/{domain}/{server}", f"rebind-domain-ok=/{domain}/")]

    def test_it_shows_what_to_write(self):
        self.put("etc/dnsmasq.d")
        said = self.dns()
        self.assertEqual(self.tree(), {"etc": None, "etc/dnsmasq.d": None}, "nothing is changed")
        for path in (RESOLVED, MANAGER, DNSMASQ):
            self.assertIn(f": /{path}\n", said)
        self.assertIn("dnsmasq (here)", said)
        for line in [f"DNS=127.0.0.1:{self.cloud.dns_port}", f"Domains=~{SUFFIX} ~ec2.internal",
                     *self.dnsmasq_lines()]:
            self.assertIn(f"  {line}\n", said)

    def test_for_systemd_resolved(self):
        self.put("run/systemd/resolve")
        self.put("etc/systemd/resolved.conf", "[Resolve]\n")
        self.put("etc/dnsmasq.d")
        before = self.tree()
        self.assertIn("systemctl restart systemd-resolved", self.dns("install"))
        self.assertEqual(self.statements(RESOLVED), [
            "[Resolve]", f"DNS=127.0.0.1:{self.cloud.dns_port}",
            f"Domains=~{SUFFIX} ~ec2.internal"])
        path = os.path.join(self.root, RESOLVED)
        self.assertEqual((os.stat(path).st_mode & 0o777, os.stat(os.path.dirname(path)).st_mode &
                          0o777), (0o644, 0o755), "the resolver's own user can read it")
        written = self.tree()
        self.assertIn("nothing is changed", self.dns("install"))
        self.assertEqual(self.tree(), written)
        self.assertIn("is removed", self.dns("remove"))
        self.assertEqual(self.tree(), before, "the directory is gone, too")
        self.assertIn("nothing is installed", self.dns("remove"))

    def test_systemd_resolved_with_servers_for_the_whole_machine(self):
        self.put("run/systemd/resolve")
        self.put("etc/systemd/resolved.conf", "[Resolve]\n#DNS=10.0.0.1\nDNS=\n")
        self.dns("install")
        self.dns("install")
        self.dns("remove")
        self.put("etc/systemd/resolved.conf.d/site.conf", "[Resolve]\nDNS=10.0.0.1\n")
        before = self.tree()
        self.assertRegex(self.dns("install", code=1), "site.conf names DNS servers.*cumulet hosts")
        self.assertEqual(self.tree(), before)

    def test_for_dnsmasq(self):
        self.put("etc/dnsmasq.d/README", "keep me")
        before = self.tree()
        self.dns("install")
        self.assertEqual(self.statements(DNSMASQ), self.dnsmasq_lines())
        self.dns("remove")
        self.assertEqual(self.tree(), before)

    def test_for_network_manager_where_it_uses_dnsmasq(self):
        self.put("etc/NetworkManager/dnsmasq.d")
        self.put("etc/dnsmasq.d")
        self.put("etc/NetworkManager/NetworkManager.conf", "[main]\n#dns=dnsmasq\n")
        self.dns("install")
        self.assertIn(DNSMASQ, self.tree())
        self.put("etc/NetworkManager/conf.d/dns.conf", "[main]\n dns=dnsmasq\n")
        self.dns("install")
        self.assertEqual(self.statements(MANAGER), self.dnsmasq_lines())
        self.dns("remove")
        self.assertFalse({MANAGER, DNSMASQ} & set(self.tree()), "all that was installed is removed")

    def test_one_that_is_named(self):
        self.put("run/systemd/resolve")
        self.put("etc/dnsmasq.d")
        self.dns("install", "--with", "dnsmasq")
        self.assertIn(DNSMASQ, self.tree())
        self.assertNotIn(RESOLVED, self.tree())
        self.assertIn("--with", self.dns("install", "--with", "bind9", code=2))

    def test_another_port_takes_the_place_of_the_first(self):
        cloud = named_cloud()
        self.addCleanup(cloud.close)
        self.put("run/systemd/resolve")
        self.put("etc/systemd")
        before = self.tree()
        self.dns("install", cloud=cloud)
        first = self.tree()[RESOLVED]
        cloud.stop()
        cloud.args[-1] = str(cloud.dns_port + 200)
        cloud.start()
        self.dns("install", cloud=cloud)
        self.assertEqual(self.tree()[RESOLVED],
                         first.replace(f":{cloud.dns_port}\n", f":{cloud.dns_port + 200}\n"))
        cloud.stop()
        self.dns("remove", cloud=cloud)
        self.assertEqual(self.tree(), before, "which takes no daemon")

    def test_what_others_wrote_is_left_alone(self):
        path = self.put(DNSMASQ, "server=/cloud.test/10.0.0.1\n")
        before = self.tree()
        self.assertIn("was not made by", self.dns("install", code=1))
        self.dns("remove")
        self.assertEqual(self.tree(), before)
        os.remove(path)
        self.dns("install")
        other = self.start_cloud()
        installed = self.tree()
        other.args += ["--dns-port", str(other.place.port + 2000)]
        other.restart()
        self.assertIn("is of another cloud", self.dns("install", code=1, cloud=other))
        self.dns("remove", cloud=other)
        self.assertEqual(self.tree(), installed)

    def test_where_there_is_nothing_to_tell(self):
        said = self.dns("install", code=1)
        self.assertIn("neither", said)
        self.assertIn("cumulet hosts", said)
        self.assertEqual(self.tree(), {})
        self.assertIn("neither install nor remove", self.dns("undo", code=2))
        self.assertIn("no directory", self.cumulet("dns", "--root", self.root + "/none", code=1))

    def test_a_daemon_without_a_dns_server(self):
        self.put("etc/dnsmasq.d")
        cloud = self.start_cloud()
        for argv in ((), ("install",)):
            self.assertIn("--dns-port", self.dns(*argv, code=1, cloud=cloud))
        self.assertEqual(list(self.tree()), ["etc", "etc/dnsmasq.d"])

    def test_others_than_root_are_told_what_to_type(self):
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(self.root, 0o755)
        for verb in ("install", "remove"):
            try:
                said = self.cumulet("dns", verb, code=1, cwd="/", **user)
            except PermissionError:
                self.skipTest("the build directory is closed to other users")
            self.assertRegex(said, f"sudo .*/cumulet dns {verb} --state '?{self.cloud.state}")

    def test_a_dnsmasq_that_was_told_asks_the_daemon(self):
        program = shutil.which("dnsmasq", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            self.skipTest("no dnsmasq here (apt-get install dnsmasq-base)")
        self.put("etc/dnsmasq.d")
        self.dns("install")
        instance, port = self.instance(), self.cloud.dns_port + 400
        process = subprocess.Popen(
            [program, "--keep-in-foreground", f"--conf-dir={self.root}/etc/dnsmasq.d",
             f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
             "--no-hosts", "--stop-dns-rebind", "--user=", "--pid-file=", "--conf-file=/dev/null",
             "--log-facility=-"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def ask(name):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(2)
                client.connect(("127.0.0.1", port))
                try:
                    client.send(question(name))
                    return Answer(client.recv(4096))
                except OSError:
                    return None
        try:
            name = instance["PublicDnsName"]
            answer = wait_until(lambda: ask(name), DEADLINE, "dnsmasq answers")
            self.assertEqual(answer.addresses, [instance["PublicIpAddress"]])
            self.assertEqual(ask(f"nothing.{SUFFIX}").code, NO_NAME)
            self.assertEqual(ask("example.com").code, REFUSED, "the daemon was not asked")
        finally:
            process.terminate()
            process.wait()

    def test_on_the_machine_itself(self):
        """In mount namespaces, where /etc and /run are the test's."""
        self.put("etc/systemd")
        self.put("run/systemd/resolve")
        notes = os.path.join(self.root, "notes")
        program = self.put("bin/systemctl", f"#!/bin/sh\necho \"$@\" >>{notes}\n"
                                            f"[ ! -e {self.root}/broken ]\n")
        os.chmod(program, 0o755)

        def inside(verb, code=0):
            script = (f"mount --bind {self.root}/etc /etc && mount --bind {self.root}/run /run && "
                      f"PATH={self.root}/bin:$PATH {CUMULET} dns {verb}")
            done = self.cloud.run("unshare", "--mount", *(
                [] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "sh", "-c", script,
                check=False)
            if "unshare: " in done.stderr or "mount: " in done.stderr:
                self.skipTest(f"no mount namespaces here: {done.stderr.strip()}")
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stdout + done.stderr
        self.assertIn("is written", inside("install"))
        self.assertIn(RESOLVED, self.tree())
        self.assertIn("nothing is changed", inside("install"))
        inside("remove")
        self.assertNotIn(RESOLVED, self.tree())
        self.assertEqual(self.tree()["notes"], "restart systemd-resolved\n" * 2,
                         "it is told of changes only")
        self.put("broken", "")
        self.assertIn("run: systemctl restart systemd-resolved", inside("install", code=1))


class HostsTest(HostTestCase):
    def hosts(self, *argv, **options):
        return self.cumulet("hosts", *argv, **options)

    def read(self, path):
        with open(path) as file:
            return file.read()

    def marks(self, cloud=None):
        state = (cloud or self.cloud).state
        return f"# BEGIN cumulet {state}\n", f"# END cumulet {state}\n"

    def test_a_line_a_name(self):
        instance, balancer = self.instance(), self.balancer("Lines")
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerName="Lines")
        lines = [line.split("\t") for line in self.hosts().splitlines()]
        names = {name: address for address, name in lines}
        self.assertEqual(len(names), len(lines), "each name once")
        self.assertEqual(names[instance["PublicDnsName"]], instance["PublicIpAddress"])
        self.assertEqual(names[f"s3.{SUFFIX}"], "127.0.0.1")
        for name, address in names.items():
            self.assertEqual(self.ask(name).addresses, [address], "as the DNS server says")
        self.assertIn(balancer, names)

    def test_the_block_is_kept_up_to_date_and_taken_out(self):
        before = "127.0.0.1\tlocalhost\n# the end"
        path = self.put("hosts", before)
        os.chmod(path, 0o604)
        first, last = self.marks()
        self.hosts("--write", path)
        self.assertEqual(self.read(path), f"{before}\n{first}{self.hosts()}{last}")
        with open(path, "a") as file:
            file.write("10.0.0.1 later\n")
        self.assertIn("nothing is changed", self.hosts("--write", path))
        name = self.balancer("Block")
        self.hosts("--write", path)
        self.assertEqual(self.read(path).count(name), 1)
        self.elb.delete_load_balancer(LoadBalancerName="Block")
        self.hosts("--write", path)
        self.assertEqual(self.read(path),
                         f"{before}\n{first}{self.hosts()}{last}10.0.0.1 later\n")
        self.hosts("--remove", path)
        self.assertEqual(self.read(path), f"{before}\n10.0.0.1 later\n")
        self.assertIn("nothing is changed", self.hosts("--remove", path))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o604)
        self.assertEqual(os.listdir(self.root), ["hosts"], "nothing is left beside it")

    def test_two_clouds_have_a_block_each(self):
        path, other = self.put("hosts", ""), self.start_cloud()
        self.hosts("--write", path)
        self.hosts("--write", path, cloud=other)
        other.stop()
        self.hosts("--remove", path)
        first, last = self.marks(other)
        self.assertTrue(self.read(path).startswith(first) and self.read(path).endswith(last))
        self.hosts("--remove", path, cloud=other)
        self.assertEqual(self.read(path), "")
        other.start()

    def test_what_a_link_points_to_is_changed(self):
        path = self.put("real", "127.0.0.1 localhost\n")
        link = os.path.join(self.root, "hosts")
        os.symlink("real", link)
        self.hosts("--write", link)
        self.assertTrue(os.path.islink(link))
        self.assertIn(SUFFIX, self.read(path))

    def test_half_a_block_is_left_alone(self):
        first, last = self.marks()
        for text in (f"a\n{first}b\n", f"{last}", f"{last}x\n{first}"):
            path = self.put("hosts", text)
            for option in ("--write", "--remove"):
                self.assertIn("by hand", self.hosts(option, path, code=1))
            self.assertEqual(self.read(path), text)

    def test_bad_use(self):
        self.assertIn("cannot read", self.hosts("--write", self.root + "/none", code=1))
        self.assertIn("cannot read", self.hosts("--remove", self.root + "/none", code=1))
        self.hosts("--write", self.root, code=1)
        self.hosts("--write", "a", "--remove", "b", code=2)
        self.hosts("extra", code=2)
        path = self.put("hosts", "")
        missing = {**self.cloud.environment, "CUMULET_STATE": self.root + "/none"}
        self.hosts("--write", path, code=3, env=missing)
        self.assertEqual(self.read(path), "")


if __name__ == "__main__":
    unittest.main()
