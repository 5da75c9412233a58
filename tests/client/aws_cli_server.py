"""The AWS CLI without its start: reads a JSON list of arguments a line and answers with
[status, stdout, stderr]. The program's modules and its model of EC2 are read once; each command
runs in a fork of that, from its arguments to its exit as `aws` itself runs it."""

import json
import os
import sys
import tempfile

from awscli.clidriver import create_clidriver


def run(driver, arguments):
    """One command, in a child."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            status = 255
            try:
                status = driver.main(arguments)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
        return [os.waitstatus_to_exitcode(status), *texts]


def main():
    driver = create_clidriver()
    driver.session.get_service_model("ec2")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(driver, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
