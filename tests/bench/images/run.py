#!/usr/bin/python3
"""What images cost: launching a large one against a small one, and making one of a running machine.

    run.py [BUILD] [--rounds N]

Launching: two images, of 50 MiB and of 10 GiB, of which some is written, imported; a round launches
each and measures from RunInstances called to the instance described as running, which is after
libvirt said that QEMU runs. The median of the ratios has to be at most 1.1. The machines boot
nothing.

CreateImage: of a machine whose root of 2 GiB has 200 MB in use besides what its image brought. What
the new image's files take has to be what was written, within a tenth and 16 MiB.

BUILD or CUMULET_BUILD names the build directory, CUMULET_IMAGE a built starter image."""

import argparse
import contextlib
import glob
import os
import sqlite3
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))

MIB = 1 << 20
SMALL, LARGE = 50 * MIB, 10 << 30
LAUNCH_GOAL = 1.10
USED = 200 * MIB
SPARE = 16 * MIB
DEADLINE = 600


def disk_image(path, size):
    """At least 10 MiB of it written, here and there, and the mark of a boot sector and a
    partition."""
    with open(path, "wb") as file:
        file.truncate(size)
        step = size // 10
        for at in range(0, size, step):
            file.seek(at)
            for _ in range(max(1, step // 100 // MIB)):
                file.write(os.urandom(MIB))
        file.seek(446)
        file.write(bytes([0x80, 0, 1, 0, 0x83, 0, 1, 0]) + (1).to_bytes(4, "little")
                   + (size // 512 - 1).to_bytes(4, "little"))
        file.seek(510)
        file.write(b"\x55\xaa")


def imported(cloud, directory, name, size):
    path = os.path.join(directory, f"{name}.img")
    disk_image(path, size)
    cloud.cumulet("image", "import", path, "--name", name, timeout=DEADLINE)
    os.unlink(path)
    return cloud.ec2.describe_images(Filters=[
        {"Name": "name", "Values": [name]}])["Images"][0]["ImageId"]


def launch(cloud, image):
    started = time.monotonic()
    guest = cloud.run_guest(ImageId=image)
    guest.wait_state("running")
    seconds = time.monotonic() - started
    guest.terminate()
    guest.wait_state("terminated")
    return seconds


def compare_launches(cloud, rounds):
    with tempfile.TemporaryDirectory(prefix="bench-images-") as directory:
        images = [imported(cloud, directory, "small", SMALL),
                  imported(cloud, directory, "large", LARGE)]
    for image in images:
        launch(cloud, image)  # that its file is whole is looked at once
    print("round    50 MiB    10 GiB   ratio", flush=True)
    ratios = []
    for number in range(rounds):
        turn = images if number % 2 else images[::-1]
        seconds = {image: launch(cloud, image) for image in turn}
        small, large = (seconds[image] for image in images)
        ratios.append(large / small)
        print(f"{number + 1:5} {small:7.2f} s {large:7.2f} s  {ratios[-1]:6.2f}", flush=True)
    return statistics.median(ratios)


def layers_of(cloud, image):
    """The files of an image's snapshots: the top ones, without what they lie over."""
    snapshots = [one["Ebs"]["SnapshotId"] for one in
                 cloud.ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]]
    with contextlib.closing(sqlite3.connect(os.path.join(cloud.state, "cumulet.db"))) as database:
        return [os.path.join(cloud.state, database.execute(
            "SELECT path FROM snapshot WHERE id = ?", [one]).fetchone()[0]) for one in snapshots]


def taken(paths):
    return sum(os.stat(path).st_blocks * 512 for path in paths)


def root_device(cloud):
    return cloud.ec2.describe_images(ImageIds=[cloud.image])["Images"][0]["RootDeviceName"]


def create_image(cloud, wait_until):
    """(seconds, bytes of its files, bytes that were there before the 200 MB)."""
    key = cloud.make_key("key")
    cloud.open_ports(22, 80)
    guest = cloud.run_guest(key, BlockDeviceMappings=[
        {"DeviceName": root_device(cloud), "Ebs": {"VolumeSize": 2}}])
    guest.wait_ssh(DEADLINE)
    guest.ssh("sync")
    before = taken(glob.glob(f"{cloud.state}/volumes/*"))
    guest.ssh(f"dd if=/dev/urandom of=/root/used bs=1M count={USED // MIB} 2>/dev/null; sync",
              timeout=DEADLINE)
    cloud.hang_up()
    started = time.monotonic()
    image = cloud.ec2.create_image(InstanceId=guest.id, Name="used", NoReboot=True)["ImageId"]
    wait_until(lambda: cloud.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] ==
               "available", DEADLINE, image, 0.02)
    seconds = time.monotonic() - started
    return seconds, taken(layers_of(cloud, image)), before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if options.build:
        os.environ["CUMULET_BUILD"] = os.path.abspath(options.build)
    from cloud import wait_until
    from guests import GuestCloud, why_no_guests
    reason = why_no_guests()
    if reason:
        print(f"skipped: {reason}")
        return
    with GuestCloud() as cloud:
        ratio = compare_launches(cloud, options.rounds)
        seconds, size, before = create_image(cloud, wait_until)
    least, most = USED, (before + USED) * 11 // 10 + SPARE
    met = ratio <= LAUNCH_GOAL, least <= size <= most
    print(f"\nlaunching 10 GiB against 50 MiB: {ratio:.2f} (goal {LAUNCH_GOAL:.2f}): "
          f"{'met' if met[0] else 'missed'}\n"
          f"CreateImage of 2 GiB, {(before + USED) // MIB} MiB used: {seconds:.2f} s, "
          f"{size // MIB} MiB (goal {most // MIB} MiB): {'met' if met[1] else 'missed'}")
    sys.exit(0 if all(met) else 1)


main()
