"""X.509 pairs with which requests are signed: files of an RSA key and its certificate."""

import json
import os
import subprocess
import tempfile

from cloud import wait_until


def root_pair(cloud):
    """(key, certificate) of the first account's root, which the cloud makes once it serves."""
    shown = wait_until(lambda: json.loads(
        cloud.cumulet("credentials", "--json").stdout)["certificates"], 30,
        "the cloud made its certificate")[0]
    return shown["private_key"], shown["certificate"]


def new_pair(test, name):
    """[key, certificate], made now, which go with the test."""
    directory = tempfile.TemporaryDirectory()
    test.addCleanup(directory.cleanup)
    paths = [os.path.join(directory.name, f"{name}.{kind}") for kind in ("key", "pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                    "-subj", f"/CN={name}", "-keyout", paths[0], "-out", paths[1]], check=True,
                   capture_output=True)
    return paths
