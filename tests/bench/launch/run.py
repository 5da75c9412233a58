#!/usr/bin/python3
"""How long a launch takes, against QEMU started by hand.

    run.py [BUILD] [--rounds N]

A round is an instance by RunInstances, and the same machine by hand: QEMU with the options that
/proc shows of the instance's own (without libvirt's monitor), the same kernel and ramdisk, a new
disk over the same image, and a tap on the same bridge under the instance's MAC, while the
instance's QEMU is halted. So both get their address from the same dnsmasq and their metadata from
the same daemon, and are asked through the same relay. Time runs until the first answered HTTP
request, asked for anew every 20 ms; by hand it begins with qemu-img.

The launch path is RunInstances called → described as running, which is after libvirt said that QEMU
runs. The first launch, for which libvirt asks QEMU what it can do, is shown, not counted.

Takes root. BUILD or CUMULET_BUILD names the build directory, CUMULET_IMAGE a built starter image."""

import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))

GOAL, LAUNCH_GOAL = 1.10, 1.0


def by_instance(cloud):
    """(guest, launch, page)."""
    from by_hand import first_page
    started = time.monotonic()
    guest = cloud.run_guest()
    guest.wait_state("running")
    launch = time.monotonic() - started
    return guest, launch, first_page(guest, started)


def end(cloud, guest):
    cloud.ec2.terminate_instances(InstanceIds=[guest.id])
    guest.wait_state("terminated")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rounds = options.rounds
    if options.build:
        os.environ["CUMULET_BUILD"] = os.path.abspath(options.build)
    from by_hand import by_hand
    from guests import GuestCloud, why_no_guests
    reason = why_no_guests() or ("a tap in the guests' network takes root" if os.geteuid() else None)
    if reason:
        print(f"skipped: {reason}")
        return
    launches, pages, hands = [], [], []
    with GuestCloud() as cloud:
        cloud.open_ports(80)
        warm, cold, _ = by_instance(cloud)
        backend = cloud.status()["backend"]
        print(f"{backend['accelerator']}: {backend['reason']}\n"
              f"first launch, libvirt's cache cold: {cold:.2f} s\n\n"
              "round  launch path   page, Cumulet   page, by hand   ratio", flush=True)
        for number in range(rounds):
            # In every second round the one before serves by hand first.
            if number % 2:
                hands.append(by_hand(cloud, warm))
            end(cloud, warm)
            warm, launch, page = by_instance(cloud)
            launches.append(launch)
            pages.append(page)
            if not number % 2:
                hands.append(by_hand(cloud, warm))
            print(f"{number + 1:5}  {launch:9.2f} s  {page:12.2f} s  {hands[-1]:12.2f} s"
                  f"  {page / hands[-1]:6.2f}", flush=True)
        end(cloud, warm)
    ratio = statistics.median(page / hand for page, hand in zip(pages, hands))
    launch = statistics.median(launches)
    print(f"\nmedian {launch:8.2f} s  {statistics.median(pages):12.2f} s "
          f" {statistics.median(hands):12.2f} s  {ratio:6.2f}")
    print(f"RunInstances to page against by hand: {ratio:.2f} (goal {GOAL:.2f}): "
          f"{'met' if ratio <= GOAL else 'missed'}")
    print(f"launch path: {launch:.2f} s (goal {LAUNCH_GOAL:.0f} s): "
          f"{'met' if launch < LAUNCH_GOAL else 'missed'}")


main()
