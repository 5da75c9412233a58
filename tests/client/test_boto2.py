"""boto 2.49, the client of EC2's first decade, drives the lifecycle: with both signatures, and with
the API versions of its time."""

import base64
import os
import sys
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cloud import CloudTestCase  # noqa: E402
from lifecycle import Instance, Lifecycle, Refused  # noqa: E402

os.environ["BOTO_CONFIG"] = os.devnull
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from boto.ec2.connection import EC2Connection
        from boto.exception import EC2ResponseError
        from boto.regioninfo import RegionInfo
except ImportError:
    raise unittest.SkipTest("no boto 2 here (apt-get install python3-boto)") from None


class Connection(EC2Connection):
    """With the signature that a test wants instead of the one that the host's name suggests."""

    signature = "hmac-v4"

    def _required_auth_capability(self):
        return [self.signature]

    def _get(self, call, *arguments):
        try:
            return call(*arguments)
        except EC2ResponseError as error:
            raise Refused(error.error_code, error.error_message) from error

    def get_list(self, *arguments, **options):
        return self._get(lambda: super(Connection, self).get_list(*arguments, **options))

    def get_object(self, *arguments, **options):
        return self._get(lambda: super(Connection, self).get_object(*arguments, **options))

    def get_status(self, *arguments, **options):
        return self._get(lambda: super(Connection, self).get_status(*arguments, **options))


class ConnectionV2(Connection):
    signature = "ec2"


def as_instance(item, reservation):
    # Before there were networks, groups were the reservation's.
    return Instance(id=item.id, state=item.state, image=item.image_id, type=item.instance_type,
                    key=item.key_name, public_ip=item.ip_address,
                    private_ip=item.private_ip_address, zone=item.placement,
                    index=int(item.ami_launch_index),
                    groups=frozenset(group.name for group in item.groups or reservation.groups),
                    tags=dict(item.tags))


class Boto2Client:
    def __init__(self, cloud, connection, version, cannot=()):
        credentials = cloud.credentials
        host, _, port = cloud.endpoint.partition("//")[2].rstrip("/").partition(":")
        self.cannot = cannot
        self.ec2 = connection(
            credentials["aws_access_key_id"], credentials["aws_secret_access_key"],
            is_secure=False, region=RegionInfo(name="local", endpoint=host), port=int(port),
            path="/", api_version=version)
        self.ec2.num_retries = 0

    def create_key(self, name):
        return self.ec2.create_key_pair(name).material

    def import_key(self, name, public_key):
        self.ec2.import_key_pair(name, public_key.encode())

    def keys(self):
        return {key.name: key.fingerprint for key in self.ec2.get_all_key_pairs()}

    def delete_key(self, name):
        self.ec2.delete_key_pair(name)

    def create_group(self, name, description):
        self.ec2.create_security_group(name, description)

    def groups(self):
        return {group.name: {(rule.ip_protocol, int(rule.from_port), int(rule.to_port),
                              grant.cidr_ip) for rule in group.rules for grant in rule.grants
                             if grant.cidr_ip}
                for group in self.ec2.get_all_security_groups()}

    def rule(self, name, protocol, low, high, cidr):
        return {"group_name": name, "ip_protocol": protocol, "from_port": low, "to_port": high,
                "cidr_ip": cidr}

    def allow(self, *rule):
        self.ec2.authorize_security_group(**self.rule(*rule))

    def revoke(self, *rule):
        self.ec2.revoke_security_group(**self.rule(*rule))

    def delete_group(self, name):
        self.ec2.delete_security_group(name)

    def images(self, owner):
        return {image.id: image.name for image in self.ec2.get_all_images(owners=[owner])
                if image.type == "machine"}

    def run(self, image, count, key, groups, user_data, type):
        reservation = self.ec2.run_instances(
            image, min_count=count, max_count=count, key_name=key, security_groups=groups or None,
            user_data=user_data and user_data.encode(), instance_type=type or "m1.small")
        return [item.id for item in reservation.instances]

    def instances(self, ids=None, tags=None):
        filters = {f"tag:{key}": value for key, value in (tags or {}).items()}
        return [as_instance(item, reservation)
                for reservation in self.ec2.get_all_reservations(ids, filters=filters or None)
                for item in reservation.instances]

    def tag(self, id, tags):
        self.ec2.create_tags([id], tags)

    def untag(self, id, key):
        self.ec2.delete_tags([id], [key])

    def attribute(self, id, name):
        value = self.ec2.get_instance_attribute(id, name)[name]
        return base64.b64decode(value).decode() if name == "userData" else value

    def set_attribute(self, id, name, value):
        self.ec2.modify_instance_attribute(id, name, value)

    def console(self, id):
        output = self.ec2.get_console_output(id).output  # boto 2 has decoded it already
        return output.decode() if isinstance(output, bytes) else output or ""

    def change(self, items):
        item, = items
        return item._previous_state.name, item.state

    def start(self, id):
        return self.change(self.ec2.start_instances([id]))

    def stop(self, id):
        return self.change(self.ec2.stop_instances([id]))

    def terminate(self, id):
        return self.change(self.ec2.terminate_instances([id]))

    def reboot(self, id):
        self.ec2.reboot_instances([id])


class SigV4Test(Lifecycle, CloudTestCase):
    def make_client(self):
        return Boto2Client(self.cloud, Connection, "2014-10-01")

    def test_the_credential_scope_is_what_boto_makes_of_an_address(self):
        # "0" and "127": service and region are not to be had from it.
        self.assertIn("us-east-1", [region.name for region in self.client.ec2.get_all_regions()])


class SigV2Test(Lifecycle, CloudTestCase):
    def make_client(self):
        return Boto2Client(self.cloud, ConnectionV2, "2014-10-01")


class Version2013Test(Lifecycle, CloudTestCase):
    def make_client(self):
        return Boto2Client(self.cloud, ConnectionV2, "2013-02-01")


class Version2009Test(Lifecycle, CloudTestCase):
    """The first version with start and stop; tags and imported keys came in 2010."""

    def make_client(self):
        return Boto2Client(self.cloud, ConnectionV2, "2009-11-30", ("tags", "import_key"))


if __name__ == "__main__":
    unittest.main()
