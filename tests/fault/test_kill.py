"""kill -9 of the daemon at many moments: while it serves, while it starts, while it stops. After
each, the next daemon on the same state has everything that was acknowledged, everything that was on
its way gets there, and nothing is left over that no record owns.

CUMULET_KILLS says how often (250), CUMULET_SEED at which moments."""

import collections
import contextlib
import glob
import http.client
import os
import random
import signal
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase, wait_until  # noqa: E402
from wire import Wire  # noqa: E402

KILLS = int(os.environ.get("CUMULET_KILLS", "250"))
SEED = int(os.environ.get("CUMULET_SEED", "20261122"))
LATEST = 0.030  # seconds after the first request, or after the daemon's start or end has begun
FLEET = 12  # instances that are alive at the same time, about
SETTLED = ("running", "stopped", "terminated")
DEADLINE = 20

Deed = collections.namedtuple("Deed", "action params done")  # done(reply or None): afterwards


class Books:
    """What a state directory says, read without the daemon's help."""

    def __init__(self, state):
        self.state = state

    @contextlib.contextmanager
    def database(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/cumulet.db?mode=ro",
                                                uri=True)) as database:
            yield database

    def rows(self, sql):
        with self.database() as database:
            return database.execute(sql).fetchall()

    def column(self, sql):
        return [row[0] for row in self.rows(sql)]

    def machines(self):
        return set(os.listdir(os.path.join(self.state, "fake", "machines")))

    def nics(self):
        return {os.path.basename(path) for path in glob.glob(f"{self.state}/run/vpc-*/nics/*")}


class Fleet:
    """What must be, by what was acknowledged. Where an answer did not come, either is right."""

    def __init__(self, test, wire, image):
        self.test, self.wire, self.image = test, wire, image
        self.expected = {}  # instance id → the states it may be in once settled
        self.launches = {}  # client token → number of instances, of launches without an answer
        self.rules = {}  # CIDR → {True}, {False} or both: the rule is there
        self.tags = {}  # instance id → {value}s it may have; None: no tag
        self.number = 0
        self.acknowledged = collections.Counter()

    def next(self):
        self.number += 1
        return self.number

    # --- deeds ---

    def launch(self, count):
        token = f"token-{self.next()}"
        self.launches[token] = count

        def done(reply):
            if reply:
                del self.launches[token]
                for id in set(reply.texts("instanceId")):
                    self.expected[id] = {"running"}
        return Deed("RunInstances", {
            "ImageId": self.image, "MinCount": count, "MaxCount": count, "ClientToken": token,
            "TagSpecification.1.ResourceType": "instance", "TagSpecification.1.Tag.1.Key": "token",
            "TagSpecification.1.Tag.1.Value": token}, done)

    def change(self, action, id, state):
        before = self.expected[id]

        def done(reply):
            self.expected[id] = {state} if reply else before | {state}
        return Deed(action, {"InstanceId.1": id}, done)

    def rule(self, action, cidr, there):
        before = self.rules.get(cidr, {False})

        def done(reply):
            self.rules[cidr] = {there} if reply else before | {there}
        return Deed(action, {"GroupName": "default", "IpProtocol": "tcp", "FromPort": 22,
                             "ToPort": 22, "CidrIp": cidr}, done)

    def tag(self, id):
        value = f"value-{self.next()}"
        before = self.tags.get(id, {None})

        def done(reply):
            self.tags[id] = {value} if reply else before | {value}
        return Deed("CreateTags", {"ResourceId.1": id, "Tag.1.Key": "mark", "Tag.1.Value": value},
                    done)

    def plan(self, chance):
        """A few deeds of which no two touch the same thing."""
        alive = [id for id, states in self.expected.items() if states != {"terminated"}]
        chance.shuffle(alive)
        deeds = [self.launch(chance.randint(1, 3))] if len(alive) < FLEET else []
        while alive and len(deeds) < 4:
            id = alive.pop()
            if self.expected[id] == {"stopped"}:
                choices = [("StartInstances", "running"), ("TerminateInstances", "terminated")]
            else:
                choices = [("StopInstances", "stopped"), ("RebootInstances", "running"),
                           ("TerminateInstances", "terminated")]
            action, state = chance.choice(choices)
            deeds.append(self.change(action, id, state))
        if alive:
            deeds.append(self.tag(alive.pop()))
        there = [cidr for cidr, known in self.rules.items() if known == {True}]
        if len(there) < 5:
            deeds.append(self.rule("AuthorizeSecurityGroupIngress",
                                   f"192.0.2.{self.next() % 256}/32", True))
        else:
            deeds.append(self.rule("RevokeSecurityGroupIngress", chance.choice(there), False))
        return deeds

    # --- doing them ---

    def do(self, deed, outcomes):
        try:
            reply = self.wire.call(deed.action, deed.params)
        except (OSError, http.client.HTTPException):
            reply = None  # the daemon is gone
        outcomes.append((deed, reply))

    def begin(self, deeds):
        """Starts them all at once; end() afterwards."""
        self.outcomes = []
        self.threads = [threading.Thread(target=self.do, args=(deed, self.outcomes))
                        for deed in deeds]
        for thread in self.threads:
            thread.start()

    def end(self):
        for thread in self.threads:
            thread.join(DEADLINE)
        for deed, reply in self.outcomes:
            self.test.assertTrue(reply is None or reply.status == 200, f"{deed}: {reply}")
            if reply:
                self.acknowledged[deed.action] += 1
            deed.done(reply)

    # --- comparing ---

    def settle(self, books):
        """Waits until nothing is on its way; the states of all instances."""
        def look():
            reply = self.wire.call("DescribeInstances", {
                "Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "pending",
                "Filter.1.Value.2": "stopping", "Filter.1.Value.3": "shutting-down"})
            self.test.assertEqual(reply.status, 200, reply)
            rebooting = books.column("SELECT id FROM instance WHERE state = 'running'"
                                     " AND reboot_wanted")
            return not reply.texts("instanceId") and not rebooting
        wait_until(look, DEADLINE, "all instances are settled")
        return dict(books.rows("SELECT id, state FROM instance"))

    def compare(self, books):
        states = self.settle(books)
        self.take_unknown_launches(books, states)
        for id, states_allowed in self.expected.items():
            self.test.assertIn(states.get(id), states_allowed, id)
            self.expected[id] = {states[id]}
        self.test.assertEqual(set(states), set(self.expected), "instances nobody asked for")
        self.compare_rules(books)
        self.compare_tags(books)
        self.compare_books(books, states)

    def take_unknown_launches(self, books, states):
        """A launch without an answer was done wholly or not at all; said again, it is once."""
        for token, count in list(self.launches.items()):
            made = books.column(f"SELECT id FROM instance WHERE client_token = '{token}'")
            self.test.assertIn(len(made), (0, count), f"half a launch: {token}")
            for id in made:
                self.expected[id] = {"running"}
            del self.launches[token]

    def compare_rules(self, books):
        there = set(books.column("SELECT cidr FROM group_rule WHERE NOT egress"
                                 " AND cidr IS NOT NULL"))
        for cidr, allowed in self.rules.items():
            self.test.assertIn(cidr in there, allowed, cidr)
            self.rules[cidr] = {cidr in there}
        self.test.assertEqual(there, {cidr for cidr, known in self.rules.items()
                                      if known == {True}})

    def compare_tags(self, books):
        there = dict(books.rows("SELECT resource_id, value FROM tag WHERE key = 'mark'"))
        for id, allowed in self.tags.items():
            self.test.assertIn(there.get(id), allowed, id)
            self.tags[id] = {there.get(id)}
        untagged = books.column("SELECT id FROM instance WHERE id NOT IN"
                                " (SELECT resource_id FROM tag WHERE key = 'token')")
        self.test.assertEqual(untagged, [], "launched without its tags")

    def compare_books(self, books, states):
        test = self.test
        running = {id for id, state in states.items() if state == "running"}
        alive = {id for id, state in states.items() if state != "terminated"}
        # Machines and interfaces follow the record by an instant: a reboot ends one and starts
        # another, and a fresh look for the guest is no state.
        wait_until(lambda: books.machines() == running, DEADLINE,
                   lambda: f"machines {books.machines()} are those of {running}")
        nics = set(books.column("SELECT eni.id FROM eni JOIN instance ON instance.id ="
                                " instance_id WHERE state = 'running'"))
        wait_until(lambda: books.nics() == nics, DEADLINE,
                   lambda: f"interfaces {books.nics()} are {nics}")
        for table in ("eni", "volume"):
            owners = books.column(f"SELECT instance_id FROM {table}")
            test.assertEqual(sorted(owners), sorted(alive), table)
        test.assertEqual(books.rows("SELECT eni_id FROM eni_group WHERE eni_id NOT IN"
                                    " (SELECT id FROM eni)"), [])
        for column in ("private_ip", "public_ip"):
            given = [address for address in books.column(f"SELECT {column} FROM eni") if address]
            test.assertEqual(len(given), len(set(given)), f"{column} given twice")
            differ = books.rows(f"SELECT i.id, i.{column}, e.{column} FROM instance i JOIN eni e"
                                f" ON e.instance_id = i.id WHERE i.{column} IS NOT e.{column}")
            test.assertEqual(differ, [])
        wrong = books.rows("SELECT id, state, public_ip FROM instance"
                           " WHERE (public_ip IS NOT NULL) != (state = 'running')")
        test.assertEqual(wrong, [], "only running instances have public addresses")


class KillTest(CloudTestCase):
    cloud_options = None
    timeout = 600

    def kill_while_it_serves(self, cloud, fleet, chance):
        fleet.begin(fleet.plan(chance))
        time.sleep(chance.uniform(0, LATEST))
        cloud.kill()
        fleet.end()

    def kill_while_it_stops(self, cloud, fleet, chance):
        cloud.process.send_signal(signal.SIGTERM if chance.random() < 0.7 else signal.SIGUSR1)
        time.sleep(chance.uniform(0, LATEST))
        cloud.kill()

    def kill_while_it_starts(self, cloud, fleet, chance):
        cloud.kill()
        for _ in range(chance.randint(1, 3)):
            cloud.launch()
            time.sleep(chance.uniform(0, 2 * LATEST))
            cloud.kill()

    def test_a_daemon_may_be_killed_at_any_moment(self):
        print(f"    {KILLS} kills, seed {SEED}", flush=True)
        chance = random.Random(SEED)
        cloud = self.start_cloud(args=["--log-level", "warning"])
        books = Books(cloud.state)
        image = next(image["id"] for image in cloud.status()["images"]
                     if image["kind"] == "machine")
        fleet = Fleet(self, Wire(cloud), image)
        ways = [self.kill_while_it_serves] * 6 + [self.kill_while_it_stops,
                                                  self.kill_while_it_starts]
        for number in range(KILLS):
            way = chance.choice(ways)
            with self.locate(number, way.__name__):
                way(cloud, fleet, chance)
                cloud.start()
                fleet.compare(books)
        print(f"    acknowledged: {dict(fleet.acknowledged)}", flush=True)
        self.assertGreater(sum(fleet.acknowledged.values()), KILLS // 2, "a test of nothing")
        self.end(cloud, fleet, books)

    @contextlib.contextmanager
    def locate(self, number, way):
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"after kill {number} ({way}): {error}") from error

    def end(self, cloud, fleet, books):
        """Everything is terminated: nothing is left of it."""
        for id, states in list(fleet.expected.items()):
            if states != {"terminated"}:
                fleet.begin([fleet.change("TerminateInstances", id, "terminated")])
                fleet.end()
        fleet.compare(books)
        for table in ("eni", "eni_group", "volume"):
            self.assertEqual(books.rows(f"SELECT * FROM {table}"), [], table)
        self.assertEqual((books.machines(), books.nics()), (set(), set()))
        self.assertEqual(os.listdir(os.path.join(cloud.state, "volumes")), [])
        self.assertNotIn("critical", cloud.log(None))
        cloud.stop()
        self.assertEqual(books.rows("PRAGMA integrity_check"), [("ok",)])


if __name__ == "__main__":
    unittest.main()
