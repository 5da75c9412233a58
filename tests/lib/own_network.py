#!/usr/bin/python3
"""own_network.py [--user NAME] COMMAND…: runs a command in a network of its own, which has the
loopback only and lets everybody open low ports. Nothing of the host's is changed.

Root may run it as another user, who then finds a /dev/net/tun that he can open. An ordinary user
gets the network through a user namespace, in which he is still himself and has no privilege."""

import os
import pwd
import sys

SET_UP = """set -e
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
"""
TUN = """if [ -e /dev/net/tun ]; then
    mount -t tmpfs -o mode=755 tmpfs /dev/net
    mknod -m 666 /dev/net/tun c 10 200
fi
"""


def main():
    arguments = sys.argv[1:]
    user = None
    if arguments[:1] == ["--user"]:
        user, arguments = arguments[1], arguments[2:]
    if not arguments:
        sys.exit(__doc__.splitlines()[0])
    if os.geteuid() != 0:
        script = SET_UP + 'exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@"'
        line = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
    elif user:
        entry = pwd.getpwnam(user)
        os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)
        os.environ.pop("XDG_RUNTIME_DIR", None)
        script = SET_UP + TUN + (f'exec setpriv --reuid={entry.pw_uid} --regid={entry.pw_gid} '
                                 '--init-groups -- "$@"')
        line = ["unshare", "--net", "--mount", "--propagation", "private"]
    else:
        script = SET_UP + 'exec "$@"'
        line = ["unshare", "--net"]
    os.execvp(line[0], [*line, "sh", "-c", script, "own_network", *arguments])


main()
