#!/usr/bin/env python3
"""How fast bundles become images and images bundles, against the programs that the format is made
of, interleaved.

    run.py BUILD [--rounds N] [--directory DIR]

BUILD holds bench_bundle (anywhere below it). The image is a quarter programs of this system, some
data that does not compress, and holes. The peer of unbundling is `openssl enc -d | tar xzS`, that
of bundling `tar cS | gzip | openssl enc`. What the peers leave out is in the daemon's time: the
SHA-1 of each part and of the archive, reading the archive strictly, the sync of the image.

A ratio is the daemon's rate by that of the peer in the same round; the median of the rounds has to
reach the goal. Exits 1 when it does not."""
import argparse
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from amitools import AmiToolsTestCase, make_certificate  # noqa: E402

MIB = 1024 * 1024
SIZE, PROGRAMS, RANDOM = 256 * MIB, 48 * MIB, 8 * MIB
GOAL = {"unbundle": 1.0, "bundle": 1.0}


def system_files():
    for folder in ("/usr/bin", "/usr/lib"):
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def make_image(path):
    """Programs in runs with holes between them, as file systems have."""
    left, at = PROGRAMS, 0
    with open(path, "wb") as image:
        for source in system_files():
            data = source.read_bytes()[:left]
            image.seek(at)
            image.write(data)
            left -= len(data)
            at += len(data) + (len(data) // 2 & ~4095)
            if not left:
                break
        image.seek(SIZE - RANDOM)
        image.write(os.urandom(RANDOM))


def pipeline(*commands, stdin=None, stdout=None):
    """Runs them, each with the output of the one before; the last's writes to stdout."""
    processes = []
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        process = subprocess.Popen(command, stdin=processes[-1].stdout if processes else stdin,
                                   stdout=stdout if last else subprocess.PIPE)
        if processes:
            processes[-1].stdout.close()
        processes.append(process)
    for process in processes:
        if process.wait():
            sys.exit(f"{process.args[0]} ended with {process.returncode}")


class Bench:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.image = folder / "disk.img"
        make_image(self.image)
        self.parts = folder / "parts"
        self.parts.mkdir()
        for name in ("user", "ec2"):
            make_certificate(folder, name)
        self.key, self.vector = hashlib.md5(b"k").hexdigest(), hashlib.md5(b"v").hexdigest()
        archive = folder / "disk.tar"
        subprocess.run(["tar", "-cS", "-C", str(folder), "-f", str(archive), "disk.img"],
                       check=True)
        # Its parts have the key and vector above.
        maker = AmiToolsTestCase()
        maker.key_folder = str(folder)
        maker.handmade(archive.read_bytes(), "disk.img", SIZE, str(self.parts))
        archive.unlink()
        self.names = sorted(map(str, self.parts.glob("*.part.*")),
                            key=lambda name: int(name.rpartition(".")[2]))
        bundled = sum(map(os.path.getsize, self.names))
        stored = os.stat(self.image).st_blocks * 512
        print(f"image {SIZE // MIB} MiB, {stored // MIB} MiB of it data, bundled "
              f"{bundled // MIB} MiB", flush=True)

    def ours(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return float(done.stdout)

    def check(self, image):
        subprocess.run(["cmp", str(image), str(self.image)], check=True)
        image.unlink()

    def unbundle(self):
        target = self.folder / "extracted.img"
        seconds = self.ours("extract", self.parts / "disk.img.manifest.xml",
                            self.folder / "pk-ec2.pem", target)
        self.check(target)
        return seconds

    def unbundle_peer(self):
        target = self.folder / "peer"
        target.mkdir(exist_ok=True)
        since = time.monotonic()
        pipeline(["cat", *self.names],
                 ["openssl", "enc", "-d", "-aes-128-cbc", "-K", self.key, "-iv", self.vector],
                 ["tar", "-xzS", "-C", str(target)])
        seconds = time.monotonic() - since
        self.check(target / "disk.img")
        return seconds

    def bundle(self):
        made = self.folder / "made"
        made.mkdir(exist_ok=True)
        return self.ours("make", self.image, "disk.img", self.folder / "cert-ec2.pem",
                         self.folder / "pk-user.pem", made)

    def bundle_peer(self):
        since = time.monotonic()
        with open(self.folder / "peer.enc", "wb") as out:
            pipeline(["tar", "-cS", "-C", str(self.folder), "disk.img"], ["gzip"],
                     ["openssl", "enc", "-aes-128-cbc", "-K", self.key, "-iv", self.vector],
                     stdout=out)
        return time.monotonic() - since

    def measure(self, what, rounds):
        pairs = []
        for number in range(rounds):
            calls = [getattr(self, what), getattr(self, what + "_peer")]
            seconds = [call() for call in (calls if number % 2 else calls[::-1])]
            pairs.append(seconds if number % 2 else seconds[::-1])
        own, peer = (statistics.median(column) for column in zip(*pairs))
        ratios = [peer / own for own, peer in pairs]
        ratio = statistics.median(ratios)
        print(f"{what:9} {own:6.2f} s, peer {peer:6.2f} s, {SIZE / MIB / own:5.0f} MiB/s of image,"
              f" rate by the peer's {ratio:5.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal"
              f" {GOAL[what]:.2f}  {'met' if ratio >= GOAL[what] else 'MISSED'}", flush=True)
        return ratio >= GOAL[what]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", help="where image and bundle lie; default: TMPDIR")
    options = parser.parse_args()
    program = next(iter(options.build.rglob("bench_bundle")), None)
    if not program:
        sys.exit(f"no bench_bundle below {options.build}")
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        bench = Bench(str(program.resolve()), pathlib.Path(folder))
        met = [bench.measure("unbundle", options.rounds), bench.measure("bundle", 1)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
