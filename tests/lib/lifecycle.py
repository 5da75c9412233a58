"""One instance lifecycle, told once and driven by every client: a test is this and an adapter.

    class Boto3Test(Lifecycle, CloudTestCase):
        def make_client(self):
            return Boto3Client(self.cloud)

An adapter has the verbs below in its client's own idiom, takes and returns plain Python, and raises
Refused. What a client or an API version cannot say is in its `cannot`; those tests are skipped.

    create_key(name) → private key           keys() → {name: fingerprint}
    import_key(name, public_key)             delete_key(name)
    create_group(name, description)          delete_group(name)
    groups() → {name: {(protocol, from, to, cidr)}}, ingress
    allow(name, protocol, from, to, cidr)    revoke(…the same)
    images(owner) → {id: name}               machine images only
    run(image, count, key, groups, user_data, type) → [id], groups by name
    instances(ids, tags) → [Instance]        all; those with these ids; with all of these tags
    tag(id, {key: value})                    untag(id, key)
    attribute(id, name) → text               set_attribute(id, name, value)
    console(id) → text
    start(id), stop(id), terminate(id) → (state before, state now)
    reboot(id)"""

import dataclasses
import os
import subprocess
import tempfile
import uuid

from cloud import wait_until

DEADLINE = 30
USER_DATA = "#!/bin/sh\necho hello from user data \u00e9\n"


class Refused(Exception):
    """An error of the API."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclasses.dataclass
class Instance:
    id: str
    state: str
    image: str
    type: str
    key: str = None
    public_ip: str = None
    private_ip: str = None
    zone: str = None
    index: int = 0
    groups: frozenset = frozenset()
    tags: dict = dataclasses.field(default_factory=dict)


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def make_public_key():
    """The public half of a new RSA key, as ssh-keygen writes it."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", path],
                       check=True)
        with open(f"{path}.pub") as file:
            return file.read().strip()


class Lifecycle:
    """For a subclass of CloudTestCase."""

    cloud_options = {"backend": "fake"}
    client = None
    private_addresses = r"172\.31\.\d+\.\d+"

    def make_client(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        if not type(self).client:
            type(self).client = self.make_client()

    # --- what tests share ---

    def needs(self, what):
        if what in getattr(self.client, "cannot", ()):
            self.skipTest(f"{what}: not of this client or API version")

    def assert_refused(self, code, verb, *arguments):
        with self.assertRaises(Refused) as caught:
            verb(*arguments)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        self.assertTrue(caught.exception.message)

    def image(self):
        if not hasattr(type(self), "image_id"):
            images = self.client.images("amazon")
            type(self).image_id = next(id for id, name in images.items()
                                       if name == "cumulet-micro")
        return self.image_id

    def launch(self, count=1, key=None, groups=(), user_data=None, type=None):
        """Running instances of this test alone."""
        ids = self.client.run(self.image(), count, key, list(groups), user_data, type)
        self.addCleanup(lambda: [self.client.terminate(id) for id in ids])
        return [self.wait_for(id, "running") for id in ids]

    def instance(self, id):
        return self.client.instances([id])[0]

    def wait_for(self, id, *states):
        seen = []

        def look():
            seen[:] = [self.instance(id)]
            return seen[0] if seen[0].state in states else None
        return wait_until(look, DEADLINE, lambda: f"{states}: {seen}")

    def new_group(self):
        name = unique("group")
        self.client.create_group(name, "of a test")
        self.addCleanup(self.delete_group_at_last, name)
        return name

    def delete_group_at_last(self, name):
        """Its instances are on their way out."""
        def try_it():
            try:
                self.client.delete_group(name)
            except Refused as error:
                return error.code not in ("DependencyViolation", "InvalidGroup.InUse")
            return True
        wait_until(try_it, DEADLINE, f"{name} is free")

    def new_key(self):
        name = unique("key")
        self.client.create_key(name)
        self.addCleanup(self.client.delete_key, name)
        return name

    # --- key pairs ---

    def test_a_key_pair_is_listed_until_it_is_deleted(self):
        name = unique("key")
        self.assertIn("PRIVATE KEY-----", self.client.create_key(name))
        self.assertRegex(self.client.keys()[name], r"^[0-9a-f]{2}(:[0-9a-f]{2})+$")
        self.client.delete_key(name)
        self.assertNotIn(name, self.client.keys())

    def test_a_key_name_is_given_once(self):
        self.assert_refused("InvalidKeyPair.Duplicate", self.client.create_key, self.new_key())

    def test_a_key_of_ones_own_is_imported(self):
        self.needs("import_key")
        name = unique("key")
        self.client.import_key(name, make_public_key())
        self.addCleanup(self.client.delete_key, name)
        self.assertIn(name, self.client.keys())

    # --- security groups ---

    def test_rules_come_and_go(self):
        name = self.new_group()
        self.assertEqual(self.client.groups()[name], set())
        self.client.allow(name, "tcp", 22, 22, "0.0.0.0/0")
        self.client.allow(name, "udp", 5000, 5010, "192.0.2.0/24")
        self.assertEqual(self.client.groups()[name], {("tcp", 22, 22, "0.0.0.0/0"),
                                                      ("udp", 5000, 5010, "192.0.2.0/24")})
        self.assert_refused("InvalidPermission.Duplicate", self.client.allow, name, "tcp", 22, 22,
                            "0.0.0.0/0")
        self.client.revoke(name, "tcp", 22, 22, "0.0.0.0/0")
        self.assertEqual(self.client.groups()[name], {("udp", 5000, 5010, "192.0.2.0/24")})

    def test_a_deleted_group_is_gone(self):
        name = unique("group")
        self.client.create_group(name, "of a test")
        self.client.delete_group(name)
        self.assertNotIn(name, self.client.groups())

    def test_a_group_in_use_stays(self):
        name = self.new_group()
        self.launch(groups=[name])
        with self.assertRaises(Refused) as caught:
            self.client.delete_group(name)
        self.assertIn(caught.exception.code, ("DependencyViolation", "InvalidGroup.InUse"))
        self.assertIn(name, self.client.groups())

    # --- images ---

    def test_there_is_an_image_to_start_from(self):
        self.assertRegex(self.image(), r"^ami-[0-9a-f]{8,17}$")

    # --- instances ---

    def test_an_instance_runs_as_it_was_asked_for(self):
        key, group = self.new_key(), self.new_group()
        instance, = self.launch(key=key, groups=[group], type="m1.small")
        self.assertRegex(instance.id, r"^i-[0-9a-f]{8,17}$")
        self.assertEqual((instance.image, instance.type, instance.key, instance.groups),
                         (self.image(), "m1.small", key, {group}))
        self.assertRegex(instance.private_ip, self.private_addresses)
        self.assertTrue(instance.public_ip.startswith(self.cloud.place.addresses[:6]), instance)
        self.assertTrue(instance.zone.startswith("us-east-1"))

    def test_several_are_started_at_once(self):
        instances = self.launch(3)
        self.assertEqual(sorted(instance.index for instance in instances), [0, 1, 2])
        for attribute in ("id", "public_ip", "private_ip"):
            self.assertEqual(len({getattr(i, attribute) for i in instances}), 3, attribute)

    def test_tags_name_and_find_instances(self):
        self.needs("tags")
        instance, = self.launch()
        value = unique("value")
        self.client.tag(instance.id, {"Name": value, "purpose": "a b&c=<d> \u00e9"})
        self.assertEqual(self.instance(instance.id).tags,
                         {"Name": value, "purpose": "a b&c=<d> \u00e9"})
        for pattern in (value, value[:-3] + "*", value[:-1] + "?"):
            self.assertEqual([i.id for i in self.client.instances(tags={"Name": pattern})],
                             [instance.id], pattern)
        self.client.untag(instance.id, "purpose")
        self.assertEqual(self.instance(instance.id).tags, {"Name": value})

    def test_attributes_are_read_and_changed(self):
        self.needs("attributes")
        instance, = self.launch(user_data=USER_DATA)
        self.assertEqual(self.client.attribute(instance.id, "userData"), USER_DATA)
        name = "instanceInitiatedShutdownBehavior"
        self.assertEqual(self.client.attribute(instance.id, name), "stop")
        self.client.set_attribute(instance.id, name, "terminate")
        self.assertEqual(self.client.attribute(instance.id, name), "terminate")

    def test_another_type_is_for_stopped_instances(self):
        self.needs("attributes")
        instance, = self.launch(type="m1.small")
        self.assert_refused("IncorrectInstanceState", self.client.set_attribute, instance.id,
                            "instanceType", "t3.micro")
        self.client.stop(instance.id)
        self.wait_for(instance.id, "stopped")
        self.client.set_attribute(instance.id, "instanceType", "t3.micro")
        self.assertEqual(self.instance(instance.id).type, "t3.micro")

    def test_the_console_shows_what_the_guest_wrote(self):
        instance, = self.launch()
        self.assertEqual(self.client.console(instance.id).strip(), "")
        directory = os.path.join(self.cloud.state, "instances", instance.id)
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, "console.log"), "w") as file:
            file.write("Linux version 6\nlogin: ")
        self.assertIn("Linux version 6\nlogin:", self.client.console(instance.id))

    def test_a_stopped_instance_starts_again(self):
        self.needs("stop")
        before, = self.launch()
        self.assertEqual(self.client.stop(before.id), ("running", "stopping"))
        stopped = self.wait_for(before.id, "stopped")
        self.assertFalse(stopped.public_ip)
        self.assertEqual(stopped.private_ip, before.private_ip)
        self.assertEqual(self.client.start(before.id), ("stopped", "pending"))
        after = self.wait_for(before.id, "running")
        self.assertTrue(after.public_ip)
        self.assertEqual(after.private_ip, before.private_ip)

    def test_a_reboot_keeps_everything(self):
        before, = self.launch()
        self.client.reboot(before.id)
        self.assertEqual(self.wait_for(before.id, "running"), before)

    def test_a_terminated_instance_is_listed_for_a_while(self):
        before, = self.launch()
        self.assertEqual(self.client.terminate(before.id), ("running", "shutting-down"))
        after = self.wait_for(before.id, "terminated")
        self.assertFalse(after.public_ip or after.private_ip)
        self.assertEqual(self.client.terminate(before.id), ("terminated", "terminated"))

    def test_what_is_not_there_is_said_so(self):
        absent = "i-0123456789abcdef0"
        for verb in (self.client.start, self.client.reboot, self.client.terminate, self.instance,
                     self.client.console):
            self.assert_refused("InvalidInstanceID.NotFound", verb, absent)
        self.assert_refused("InvalidAMIID.NotFound", self.client.run, "ami-0123456789abcdef0", 1,
                            None, [], None, None)
        self.assert_refused("InvalidKeyPair.NotFound", self.client.run, self.image(), 1,
                            unique("absent"), [], None, None)


