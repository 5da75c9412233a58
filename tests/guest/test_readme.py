"""The session of README.md, typed word for word in a fresh checkout.

It runs in a network of its own, so that the usual port and addresses are free, with the state and
the home directory in a scratch directory. What the user would put in himself is: the address that
describe-instances shows, the instance's id, and "yes" to ssh's question."""

import fcntl
import functools
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from belongings import belongings, by_command_line, end_all  # noqa: E402
from cloud import ROOT, wait_until  # noqa: E402
from guests import low_ports_are_open, why_no_guests  # noqa: E402

# Runs each command that it is sent, and says how it ended.
SHELL = r"""
while IFS= read -r -d '' command <&8; do
    eval "$command"
    printf '%d\n' "$?" >&9
done
"""
# ssh keeps its books in the home directory of the password file, whatever HOME says.
OWN_BOOKS = """
books=$(getent passwd "$(id -u)" | cut -d: -f6)/.ssh
mkdir -p "$books" "$HOME/.ssh" && mount --bind "$HOME/.ssh" "$books" || exit
"""
ROOT_SETUP = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
              "ip link set lo up" + OWN_BOOKS + 'exec "$@"', "sh"]
USER_SETUP = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c",
              OWN_BOOKS + 'exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@"', "sh"]


def session():
    """The commands of the first section with indented lines that starts the cloud."""
    with open(os.path.join(ROOT, "README.md")) as file:
        section = file.read().partition("\n## Start\n")[2].partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    commands = []
    for line in lines:
        # A quoted text may go on in the next line.
        if commands and commands[-1].count("'") % 2:
            commands[-1] += "\n" + line
        else:
            commands.append(line)
    return commands


class Typist:
    """A shell at a terminal, and somebody who types."""

    def __init__(self, directory, environment):
        commands, self.commands = os.pipe()
        self.statuses, statuses = os.pipe()
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(directory)
            # By way of numbers that are free: either may be 8 or 9 already.
            commands, statuses = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in
                                  (commands, statuses))
            os.dup2(commands, 8)
            os.dup2(statuses, 9)
            line = [*(USER_SETUP if os.geteuid() else ROOT_SETUP), "bash", "-c", SHELL]
            os.execvpe(line[0], line, environment)
        self.pid = pid
        os.close(commands)
        os.close(statuses)
        self.seen = ""

    def read(self):
        try:
            text = os.read(self.terminal, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # the shell ended
            text = ""
        self.seen += text
        return text

    def type(self, command, answers=(), timeout=60):
        """Runs a command; (status, what the terminal showed). answers: (prompt, text to type)."""
        start = len(self.seen)
        answers = list(answers)
        answered = start
        os.write(self.commands, command.encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            ready = select.select([self.terminal, self.statuses], [], [],
                                  max(0, deadline - time.monotonic()))[0]
            if self.terminal in ready:
                if not self.read():
                    raise AssertionError(f"the shell ended at: {command}\n{self.seen}")
                for prompt, text in answers:
                    if re.search(prompt, self.seen[answered:]):
                        answered = len(self.seen)
                        os.write(self.terminal, text.encode())
                        answers.remove((prompt, text))
                        break
            elif self.statuses in ready:
                return int(os.read(self.statuses, 100).split()[0]), self.seen[start:]
            elif time.monotonic() >= deadline:
                raise AssertionError(f"not after {timeout} s: {command}\n{self.seen}")

    def close(self):
        os.close(self.commands)
        os.kill(self.pid, signal.SIGHUP)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
        os.close(self.statuses)


class Readme(unittest.TestCase):
    timeout = 900

    def checkout(self, directory):
        """What a clone has: the files that git knows of, or would take up."""
        names = subprocess.run(
            # The tree may be another user's, whose group of tests this is part of.
            ["git", "-C", ROOT, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            source, target = os.path.join(ROOT, name), os.path.join(directory, name)
            if os.path.lexists(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        # Debian's packages for the image were fetched before; the network here has none.
        for cache in ("image/packages",):
            if os.path.isdir(os.path.join(ROOT, "build", cache)):
                shutil.copytree(os.path.join(ROOT, "build", cache),
                                os.path.join(directory, "build", cache))

    def setUp(self):
        reason = why_no_guests()
        if not reason and not low_ports_are_open():
            reason = "this user may not listen on ports 22 and 80"
        if not reason and os.geteuid() != 0 and len(socket.if_nameindex()) > 1:
            reason = "the usual port and addresses may be another cloud's"
        if reason:
            self.skipTest(reason)
        self.scratch = tempfile.mkdtemp(prefix="readme-", dir="/tmp")
        os.chmod(self.scratch, 0o711)
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.state = os.path.join(self.scratch, "state")
        self.addCleanup(end_all, self.state, self.state)
        home = os.path.join(self.scratch, "home")
        os.mkdir(home, 0o700)
        top = os.path.join(self.scratch, "cumulet")
        self.checkout(top)
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("AWS_", "CUMULET_", "EC2_"))}
        environment.update(CUMULET_STATE=self.state, HOME=home, TERM="dumb", PAGER="cat")
        ccache = "/usr/lib/ccache"
        if os.path.isdir(ccache):
            environment["PATH"] = f"{ccache}:{environment['PATH']}"
            environment.setdefault("CCACHE_DIR", os.path.expanduser("~/.cache/ccache"))
            environment.update(CCACHE_BASEDIR=self.scratch, CCACHE_NOHASHDIR="1")
        self.typist = Typist(top, environment)
        self.addCleanup(self.typist.close)

    def said(self):
        """What daemon and guests said."""
        texts = []
        for directory, _, names in os.walk(self.state):
            for name in names:
                if name in ("cumuletd.log", "console.log"):
                    with open(os.path.join(directory, name), errors="replace") as file:
                        texts.append(f"--- {name}\n{file.read()[-6000:]}")
        return "\n".join(texts)

    def daemons(self):
        return list(by_command_line(self.state))

    def test_the_session_works_as_written(self):
        instance = address = None
        done = []
        for command in session():
            if not command.strip():
                continue
            typed = re.sub(r"127\.\d+\.\d+\.\d+", address or "127.77.0.2", command)
            typed = typed.replace("i-…", instance or "i-…")
            began = time.monotonic()
            if typed.startswith("build/cumulet stop"):
                # Nothing was played: nothing to take away, in the cloud that runs.
                status, shown = self.typist.type("./start --demo --clean", timeout=60)
                self.assertEqual(status, 0, shown)
                self.assertIn("It runs already", shown)
            if typed.startswith("ssh "):
                shown = self.log_in(typed)
                self.assertIn("hello from user data", shown)
                self.assertIn("Linux", shown)
            elif typed.startswith("curl "):
                self.assertIn(instance, self.until(typed, instance))
            elif "describe-instances" in typed:
                shown = self.until(typed, "running")
                instance, address = re.search(r"(i-\w+)\s+running\s+([0-9.]+)", shown).groups()
            else:
                status, shown = self.typist.type(typed, timeout=600)
                self.assertEqual(status, 0, f"{typed}\n{shown}")
            done.append(typed.split("#")[0].split()[0])
            print(f"        {time.monotonic() - began:5.1f} s  {command.splitlines()[0][:90]}")
        self.assertIn("ssh", done)
        self.assertIn("curl", done)
        self.assertGreaterEqual(done.count("build/cumulet"), 6)
        left = functools.partial(belongings, self.state, self.state)
        wait_until(lambda: not left(), 60, lambda: f"all ended: {left()}")

    def until(self, command, text):
        """Again, as people do, until it shows the text."""
        shown = []

        def shows():
            shown.append(self.typist.type(command)[1])
            return text in shown[-1]
        wait_until(shows, 120, lambda: f"{command} shows {text}:\n{shown[-1]}\n{self.said()}",
                   0.3)
        return shown[-1]

    def log_in(self, command):
        shown = []

        def logs_in():
            # The user data may still be at it.
            status, text = self.typist.type(command, [
                (r"\(yes/no", "yes\n"),
                (r"[#$] (\x1b\[6n)?$", "uname -a; until cat /var/www/html/hello; do sleep 1; done; exit\n"),
            ], 120)
            shown.append(text)
            return status == 0
        wait_until(logs_in, 120, lambda: f"{command}:\n{shown[-1]}\n{self.said()}", 0.3)
        return shown[-1]


if __name__ == "__main__":
    unittest.main()
