"""Clouds for tests: real daemons, each in a state directory of its own.

    class KeyPairs(CloudTestCase):
        cloud_options = {"backend": "fake"}

        def test_a_key_pair_is_listed(self):
            ec2 = self.cloud.boto3("ec2")
            ...

A test class gets one daemon, `cloud`, for all its tests; `start_cloud()` starts one more for a single
test. Several run side by side: each has a port and a range of 127/8 that no other test has. When a
test fails, the daemons' logs are shown. A daemon that does not end cleanly (exit code, files and
processes left over, sanitizer reports) fails the test that ends it.

CUMULET_BUILD names the build directory (default: build/ of this checkout)."""

import atexit
import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from belongings import belongings, by_command_line, end_all, lives, survivors
from waiting import CloudError, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("CUMULET_BUILD") or os.path.join(ROOT, "build"))
CUMULET = os.path.join(BUILD, "cumulet")
CUMULETD = os.path.join(BUILD, "cumuletd")

LOG_SHOWN = 20000  # bytes of a log's end
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error: ",
                     "WARNING: ThreadSanitizer")
# What leads AWS clients elsewhere; the environment of a cloud has none of them.
FOREIGN = ("AWS_", "EC2_", "S3_", "BOTO_", "CUMULET_STATE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _port_is_free(port):
    import socket
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class _Place:
    """A port and a /16 of 127/8, by a lock that the kernel drops when this process ends."""

    FIRST, LAST = 78, 250
    FIRST_PORT = 21000  # below the ports that the kernel hands out

    def __init__(self):
        for number in range(self.FIRST, self.LAST + 1):
            path = f"/tmp/cumulet-test-{number}.lock"
            try:
                self.lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError:
                continue  # another user's
            self.port = self.FIRST_PORT + number
            self.https_port = self.port + 1000
            self.addresses = f"127.{number}.0.0/16"
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self.lock)
                continue
            if _port_is_free(self.port):
                return
            os.close(self.lock)
        raise CloudError("no free range of addresses: do many tests run at the same time?")

    def close(self):
        os.close(self.lock)


class Cloud:
    """One cloud: a state directory, and the daemon that serves it or does not at the moment.

    backend        "fake" or "libvirt"
    args           more arguments for the daemon
    allow_reset    whether /_cumulet/reset works
    https          whether it serves HTTPS, too
    env            variables to add to the daemon's environment
    start_timeout  seconds until it must serve
    stop_timeout   seconds until it must have ended
    directory      where its own directory is made"""

    live = []  # all that are not closed, so that nothing survives the tests

    def __init__(self, backend="fake", *, args=(), allow_reset=True, https=False, env=None,
                 start_timeout=None, stop_timeout=None, start=True, directory="/tmp"):
        if not os.access(CUMULETD, os.X_OK):
            raise CloudError(f"{CUMULETD} is not built (CUMULET_BUILD names the build directory)")
        self.backend = backend
        self.args = list(args)
        self.allow_reset = allow_reset
        self.https = https
        self.daemon_env = dict(env or {})
        self.start_timeout = start_timeout or (30 if backend == "fake" else 180)
        self.stop_timeout = stop_timeout or (30 if backend == "fake" else 180)
        self.process = None
        self.log_kept = None  # the log, once the directory is gone
        self.place = _Place()
        # The daemon of root becomes a service user, who must get through to its state.
        self.directory = tempfile.mkdtemp(prefix="cumulet-", dir=directory)
        os.chmod(self.directory, 0o711)
        self.state = os.path.join(self.directory, "state")
        self.output = os.path.join(self.directory, "output")
        Cloud.live.append(self)
        try:
            if start:
                self.start()
        except BaseException:
            self.destroy()
            raise

    # --- the daemon ---

    def command(self):
        """The daemon's command line."""
        line = [CUMULETD, "--state", self.state, "--port", str(self.place.port),
                "--addresses", self.place.addresses, "--backend", self.backend]
        if self.allow_reset:
            line.append("--allow-reset")
        if self.https:
            line += ["--https-port", str(self.place.https_port)]
        return line + self.args

    def launch(self):
        """Starts the daemon without waiting."""
        assert self.process is None, "it runs already"
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env={**_clean_environment(), **self.daemon_env})

    def start(self):
        """Starts the daemon (again, on the same state) and waits until it serves."""
        # A killed daemon leaves its file; the new one's must be told from it.
        before = self._ready_identity()
        self.launch()
        wait_until(lambda: self._is_ready(before), self.start_timeout,
                   lambda: "the daemon serves\n" + self.log())

    def _ready_path(self):
        return os.path.join(self.state, "run", "ready")

    def _ready_identity(self):
        try:
            status = os.stat(self._ready_path())
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _is_ready(self, before):
        if self.process.poll() is not None:
            status, self.process = self.process.returncode, None
            raise CloudError(f"the daemon ended with {status} at its start\n{self.log()}")
        return self._ready_identity() not in (None, before) and self.endpoint

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def kill(self):
        """kill -9 of the daemon; its machines and what else it started are left as they are."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def stop(self, keep_running=False):
        """Ends the daemon as `cumulet stop` does, and checks that it ended cleanly."""
        before = self.belongings()  # now: some notice the daemon's end at once
        self.process.send_signal(signal.SIGUSR1 if keep_running else signal.SIGTERM)
        self.wait_ended(keep_running, before)

    def wait_ended(self, keep_running=False, before=None):
        """Waits for the end of a daemon that was told to, and checks that it is a clean one: of
        what belonged to it before, and now, nothing lives."""
        belonged = {**self.belongings(), **(before or {})}
        try:
            status = self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            raise CloudError(f"the daemon has not ended after {self.stop_timeout} s\n"
                             f"{self.log()}") from None
        self.process = None
        problems = []
        if status != 0:
            problems.append(f"it ended with {status}")
        if os.path.exists(self._ready_path()):
            problems.append("it left run/ready")
        if not keep_running:
            belonged.update(self.belongings())
            problems += [f"it left the process {process.pid}: {what}"
                         for process, what in belonged.items() if lives(process)]
        problems += [f"its log has '{report}'" for report in SANITIZER_REPORTS
                     if report in self.log(None)]
        if problems:
            raise CloudError(f"the daemon did not end cleanly: {'; '.join(problems)}\n{self.log()}")

    def processes(self):
        """(pid, command line) of every process that has its directory in the command line."""
        return [(process.pid, line) for process, line in by_command_line(self.directory).items()]

    def belongings(self):
        """{process: what it is} of every one that works for this cloud (belongings.py)."""
        return belongings(self.directory, self.state)

    def survivors(self):
        """{"holder" | "pasta" | "dnsmasq": pid} of what serves the guests' network."""
        return survivors(self.state)

    def log(self, size=LOG_SHOWN):
        """The end of what the daemon said: its output and its log file. size None: all."""
        if self.log_kept is not None:
            return self.log_kept
        parts = []
        for path in (self.output, os.path.join(self.state, "log", "cumuletd.log")):
            try:
                with open(path, errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            if text:
                cut = "" if size is None or len(text) <= size else "…"
                parts.append(f"--- {path}\n{cut}{text if size is None else text[-size:]}")
        return "\n".join(parts) or "(no log)"

    def close(self):
        """Ends the daemon when it runs, checks that it ended cleanly, removes everything."""
        try:
            if self.process:
                self.stop()
        finally:
            self.destroy()

    def destroy(self):
        """Ends everything by force and removes everything. What does not end is an error, and so is
        what cannot be removed."""
        if self not in Cloud.live:
            return
        Cloud.live.remove(self)
        if self.process:
            self.kill()
        try:
            # By what the daemon noted in its state: before that is removed.
            end_all(self.directory, self.state)
        finally:
            self.log_kept = self.log()
            if os.path.exists(self.directory):
                shutil.rmtree(self.directory)
            self.place.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.destroy() if kind else self.close()

    # --- its users ---

    @property
    def endpoint(self):
        """The URL where it serves, or None."""
        try:
            with open(self._ready_path()) as file:
                return file.read().strip() or None
        except OSError:
            return None

    @property
    def credentials(self):
        """The credentials file as a dictionary: aws_access_key_id, aws_secret_access_key, region,
        endpoint_url, account_id."""
        import configparser
        parser = configparser.ConfigParser(interpolation=None)
        with open(os.path.join(self.state, "credentials")) as file:
            parser.read_file(file)
        return dict(parser["default"])

    @property
    def environment(self):
        """Variables for a client process: this one's, none that leads elsewhere, and this cloud's."""
        credentials = self.credentials
        return {
            **_clean_environment(),
            "CUMULET_STATE": self.state,
            "AWS_ACCESS_KEY_ID": credentials["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": credentials["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": credentials["region"],
            "AWS_REGION": credentials["region"],
            "AWS_ENDPOINT_URL": self.endpoint or credentials["endpoint_url"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "NO_PROXY": "*",
        }

    def run(self, *argv, check=True, timeout=120, **options):
        """Runs a client with this cloud's environment; CompletedProcess with text output."""
        options.setdefault("env", self.environment)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, **options)
        if check and done.returncode != 0:
            raise CloudError(f"{' '.join(argv)} ended with {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
        return done

    def cumulet(self, *argv, **options):
        """Runs the command line against this cloud."""
        return self.run(CUMULET, *argv, **options)

    def status(self):
        """What the daemon says about itself."""
        return json.loads(self.cumulet("status", "--json").stdout)

    def boto3(self, service, **options):
        """A boto3 client. Skips the test when this Python has no boto3."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise unittest.SkipTest(f"{sys.executable} has no boto3 (apt-get install "
                                    "python3-boto3)") from None
        credentials = self.credentials
        config = Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=120,
                        proxies={})
        if "config" in options:
            config = config.merge(options.pop("config"))
        session = _boto3_session(boto3)
        return session.client(service, **{
            "endpoint_url": self.endpoint,
            "region_name": credentials["region"],
            "aws_access_key_id": credentials["aws_access_key_id"],
            "aws_secret_access_key": credentials["aws_secret_access_key"],
            "config": config, **options})


@functools.lru_cache(maxsize=1)
def _boto3_session(boto3):
    """One for all: it caches the service models, which take longer to read than most tests."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    return boto3.session.Session()


def _clean_environment():
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(FOREIGN) and name.lower() not in PROXIES}
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    return environment


@atexit.register
def _destroy_all():
    for cloud in list(Cloud.live):
        try:
            cloud.destroy()
        except (CloudError, OSError) as error:
            print(error, file=sys.stderr)


class CloudTestCase(unittest.TestCase):
    """Tests that share `cloud`, started with cloud_options (None: no shared one)."""

    cloud_options = {}
    cloud = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.cloud_options is not None:
            cls.cloud = Cloud(**cls.cloud_options)
            cls.addClassCleanup(cls.cloud.close)

    def setUp(self):
        super().setUp()
        self._own_clouds = []

    def start_cloud(self, **options):
        """A cloud for this test alone."""
        cloud = Cloud(**options)
        self._own_clouds.append(cloud)
        self.addCleanup(cloud.close)
        return cloud

    def run(self, result=None):
        def failed():
            return len(result.failures) + len(result.errors) if result else 0
        before = failed()
        result = super().run(result) or result
        if failed() > before:
            for cloud in [self.cloud, *getattr(self, "_own_clouds", [])]:
                if cloud:
                    print(f"the log of the daemon in {self.id()}:\n{cloud.log()}", file=sys.stderr)
        return result
