"""Programs that find names of a test's own in /etc/hosts: they run in a private mount namespace
with a file of the test's in its place. Nothing of the host's is changed."""

import os
import subprocess

SET_UP = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


def hosts(addresses):
    """The text of an /etc/hosts, of {name: address}."""
    return "".join(f"{address} {name}\n" for name, address in addresses.items())


def with_names(path, *command):
    """The command line that runs a command with the file `path` as /etc/hosts. An ordinary user is
    root there, of a user namespace, without any right outside."""
    user = ["--user", "--map-root-user"] if os.geteuid() else []
    return ["unshare", *user, "--mount", "sh", "-c", SET_UP, "own_names", path, *command]


def why_no_names(path):
    """Why that cannot be done here, or None."""
    try:
        done = subprocess.run(with_names(path, "true"), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return None if done.returncode == 0 else f"no private mount namespace: {done.stderr.strip()}"
