-- EC2: accounts, networks, images, instances.
--
-- Columns are those of store/records.def (a unit test compares). Narrow tables whose rows are
-- always reached by key are WITHOUT ROWID; wide ones keep the rowid, so that rows are appended
-- and b-tree pages hold more than two of them. Times are microseconds since the epoch.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    user_name TEXT,
    user_id TEXT,
    active INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_key_account ON access_key (account_id, created, id);

CREATE TABLE zone (
    name TEXT PRIMARY KEY,
    id TEXT,
    region TEXT,
    state TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE region (
    name TEXT PRIMARY KEY,
    endpoint TEXT,
    opt_in_status TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE instance_type (
    name TEXT PRIMARY KEY,
    vcpus INTEGER NOT NULL,
    memory_mib INTEGER NOT NULL,
    root_gib INTEGER NOT NULL,
    current_generation INTEGER NOT NULL,
    free_tier INTEGER NOT NULL,
    burstable INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE vpc (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    cidr TEXT,
    is_default INTEGER NOT NULL,
    dhcp_options_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX vpc_account ON vpc (account_id, id);

CREATE TABLE subnet (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    vpc_id TEXT NOT NULL,
    zone TEXT,
    cidr TEXT,
    is_default INTEGER NOT NULL,
    map_public_ip INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subnet_account ON subnet (account_id, id);
CREATE INDEX subnet_vpc ON subnet (vpc_id, zone, id);

CREATE TABLE security_group (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    vpc_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX security_group_name ON security_group (vpc_id, name);
CREATE INDEX security_group_account ON security_group (account_id, id);

CREATE TABLE group_rule (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    egress INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    from_port INTEGER NOT NULL,
    to_port INTEGER NOT NULL,
    cidr TEXT,
    cidr6 TEXT,
    prefix_list_id TEXT,
    source_group_id TEXT,
    description TEXT,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX group_rule_group ON group_rule (group_id, created, id);
CREATE INDEX group_rule_account ON group_rule (account_id, id);
CREATE INDEX group_rule_source ON group_rule (source_group_id) WHERE source_group_id IS NOT NULL;

CREATE TABLE key_pair (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT,
    fingerprint TEXT,
    public_key TEXT,
    created INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX key_pair_name ON key_pair (account_id, name);
CREATE INDEX key_pair_account ON key_pair (account_id, id);

CREATE TABLE image (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    owner_alias TEXT,
    kind TEXT,
    name TEXT,
    description TEXT,
    location TEXT,
    architecture TEXT,
    state TEXT NOT NULL,
    state_reason TEXT,
    is_public INTEGER NOT NULL,
    kernel_id TEXT,
    ramdisk_id TEXT,
    kernel_arguments TEXT,
    root_device_type TEXT,
    root_device_name TEXT,
    virtualization_type TEXT,
    path TEXT,
    format TEXT,
    size INTEGER NOT NULL,
    snapshot_id TEXT,
    recipe TEXT,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX image_account ON image (account_id, id);
CREATE INDEX image_name ON image (account_id, name);
CREATE INDEX image_recipe ON image (recipe) WHERE recipe IS NOT NULL;
CREATE INDEX image_public ON image (id) WHERE is_public;

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    reservation_id TEXT NOT NULL,
    requester_id TEXT,
    launch_index INTEGER NOT NULL,
    image_id TEXT,
    kernel_id TEXT,
    ramdisk_id TEXT,
    type TEXT,
    key_name TEXT,
    vpc_id TEXT,
    subnet_id TEXT,
    zone TEXT,
    private_ip TEXT,
    public_ip TEXT,
    wants_public_ip INTEGER NOT NULL,
    architecture TEXT,
    root_device_name TEXT,
    root_device_type TEXT,
    state TEXT NOT NULL,
    state_since INTEGER NOT NULL,
    reason_code TEXT,
    reason_message TEXT,
    transition_reason TEXT,
    reboot_wanted INTEGER NOT NULL,
    ran_before INTEGER NOT NULL,
    reachable INTEGER NOT NULL,
    force_stop INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    launch_time INTEGER NOT NULL,
    terminated_time INTEGER NOT NULL,
    user_data TEXT,
    shutdown_behavior TEXT,
    disable_api_termination INTEGER NOT NULL,
    disable_api_stop INTEGER NOT NULL,
    monitoring INTEGER NOT NULL,
    ebs_optimized INTEGER NOT NULL,
    source_dest_check INTEGER NOT NULL,
    tenancy TEXT,
    uuid TEXT,
    client_token TEXT,
    http_tokens TEXT,
    http_endpoint TEXT,
    http_hop_limit INTEGER NOT NULL,
    http_tags TEXT,
    iam_profile TEXT
) STRICT;
CREATE INDEX instance_account ON instance (account_id, id);
-- type last: counting an account's running virtual processors reads nothing but this index.
CREATE INDEX instance_state ON instance (state, account_id, id, type);
CREATE INDEX instance_reboot ON instance (id) WHERE reboot_wanted;
CREATE INDEX instance_reservation ON instance (reservation_id, launch_index);
CREATE INDEX instance_image ON instance (image_id);
CREATE INDEX instance_subnet ON instance (subnet_id);
-- Not unique: a terminated instance may keep its address on record. eni holds it unique.
CREATE INDEX instance_private_ip ON instance (private_ip, vpc_id);
CREATE INDEX instance_public_ip ON instance (public_ip) WHERE public_ip IS NOT NULL;
CREATE INDEX instance_token ON instance (client_token) WHERE client_token IS NOT NULL;

CREATE TABLE eni (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    instance_id TEXT,
    device_index INTEGER NOT NULL,
    vpc_id TEXT NOT NULL,
    subnet_id TEXT NOT NULL,
    zone TEXT,
    mac TEXT,
    private_ip TEXT,
    public_ip TEXT,
    description TEXT,
    attachment_id TEXT,
    delete_on_termination INTEGER NOT NULL,
    source_dest_check INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX eni_instance ON eni (instance_id, device_index) WHERE instance_id IS NOT NULL;
CREATE UNIQUE INDEX eni_private_ip ON eni (vpc_id, private_ip);
CREATE UNIQUE INDEX eni_public_ip ON eni (public_ip) WHERE public_ip IS NOT NULL;
CREATE INDEX eni_subnet ON eni (subnet_id);

CREATE TABLE eni_group (
    eni_id TEXT,
    group_id TEXT,
    PRIMARY KEY (eni_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX eni_group_group ON eni_group (group_id, eni_id);

CREATE TABLE volume (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    zone TEXT,
    size_gib INTEGER NOT NULL,
    type TEXT,
    snapshot_id TEXT,
    image_id TEXT,
    state TEXT NOT NULL,
    instance_id TEXT,
    device TEXT,
    delete_on_termination INTEGER NOT NULL,
    path TEXT,
    attach_time INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX volume_instance ON volume (instance_id, device) WHERE instance_id IS NOT NULL;

CREATE TABLE tag (
    resource_id TEXT,
    key TEXT,
    value TEXT NOT NULL,
    account_id TEXT NOT NULL,
    resource_type TEXT,
    PRIMARY KEY (resource_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_value ON tag (account_id, key, value, resource_id);
CREATE INDEX tag_account ON tag (account_id, resource_id, key);

CREATE TABLE client_token (
    account_id TEXT,
    action TEXT,
    token TEXT,
    request_digest TEXT,
    result_id TEXT,
    created INTEGER NOT NULL,
    PRIMARY KEY (account_id, action, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_token_created ON client_token (created);

-- What the query planner is to assume: rows, then rows per distinct value of the index's first
-- column, of its first two, and so on. Written by hand for a big cloud and never by ANALYZE, so
-- that the plans are the same everywhere, from the first row to the ten thousandth.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('access_key', 'access_key', '100 1'),
    ('access_key', 'access_key_account', '100 2 1 1'),
    ('vpc', 'vpc', '200 1'),
    ('vpc', 'vpc_account', '200 2 1'),
    ('subnet', 'subnet', '1000 1'),
    ('subnet', 'subnet_account', '1000 10 1'),
    ('subnet', 'subnet_vpc', '1000 6 1 1'),
    ('security_group', 'security_group', '1000 1'),
    ('security_group', 'security_group_name', '1000 5 1'),
    ('security_group', 'security_group_account', '1000 5 1'),
    ('group_rule', 'group_rule', '5000 1'),
    ('group_rule', 'group_rule_group', '5000 5 1 1'),
    ('group_rule', 'group_rule_account', '5000 500 1'),
    ('group_rule', 'group_rule_source', '500 5'),
    ('key_pair', 'key_pair_name', '200 20 1'),
    ('key_pair', 'key_pair_account', '200 20 1'),
    ('image', 'image_account', '200 20 1'),
    ('image', 'image_name', '200 20 1'),
    ('image', 'image_recipe', '10 1'),
    ('image', 'image_public', '50 1'),
    ('instance', 'instance_account', '10000 5000 1'),
    ('instance', 'instance_state', '10000 2000 1000 1 1'),
    ('instance', 'instance_reboot', '10 1'),
    ('instance', 'instance_reservation', '10000 5 1'),
    ('instance', 'instance_image', '10000 200'),
    ('instance', 'instance_subnet', '10000 200'),
    ('instance', 'instance_private_ip', '10000 2 1'),
    ('instance', 'instance_public_ip', '5000 1'),
    ('instance', 'instance_token', '5000 5'),
    ('eni', 'eni', '10000 1'),
    ('eni', 'eni_instance', '10000 1 1'),
    ('eni', 'eni_private_ip', '10000 1000 1'),
    ('eni', 'eni_public_ip', '5000 1'),
    ('eni', 'eni_subnet', '10000 200'),
    ('eni_group', 'eni_group', '10000 1 1'),
    ('eni_group', 'eni_group_group', '10000 100 1'),
    ('volume', 'volume', '10000 1'),
    ('volume', 'volume_instance', '10000 1 1'),
    ('tag', 'tag', '20000 2 1'),
    ('tag', 'tag_value', '20000 10000 500 20 1'),
    ('tag', 'tag_account', '20000 10000 2 1'),
    ('client_token', 'client_token', '5000 1000 500 1'),
    ('client_token', 'client_token_created', '5000 1');
