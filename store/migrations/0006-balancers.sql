-- Elastic Load Balancing.
--
-- Names of an account's balancers differ in more than case, since DNS names do. What belongs to a
-- balancer lies together by its id. A registration outlives its instance: a terminated one stays
-- listed until it is deregistered.

CREATE TABLE balancer (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    vpc_id TEXT NOT NULL,
    scheme TEXT NOT NULL,
    number TEXT NOT NULL,
    address TEXT NOT NULL,
    created INTEGER NOT NULL,
    health_target TEXT NOT NULL,
    health_interval INTEGER NOT NULL,
    health_timeout INTEGER NOT NULL,
    unhealthy_threshold INTEGER NOT NULL,
    healthy_threshold INTEGER NOT NULL,
    cross_zone INTEGER NOT NULL,
    draining INTEGER NOT NULL,
    draining_timeout INTEGER NOT NULL,
    idle_timeout INTEGER NOT NULL,
    access_log INTEGER NOT NULL,
    log_bucket TEXT,
    log_prefix TEXT,
    log_interval INTEGER NOT NULL,
    desync_mode TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX balancer_name ON balancer (account_id, name COLLATE NOCASE);
CREATE UNIQUE INDEX balancer_address ON balancer (address);
CREATE INDEX balancer_vpc ON balancer (vpc_id, id);

CREATE TABLE balancer_listener (
    balancer_id TEXT,
    port TEXT,
    protocol TEXT NOT NULL,
    instance_protocol TEXT NOT NULL,
    instance_port INTEGER NOT NULL,
    certificate TEXT,
    policies TEXT NOT NULL,
    failure TEXT,
    PRIMARY KEY (balancer_id, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE balancer_server (
    balancer_id TEXT,
    port TEXT,
    policies TEXT NOT NULL,
    PRIMARY KEY (balancer_id, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE balancer_place (
    balancer_id TEXT,
    zone TEXT,
    subnet_id TEXT NOT NULL,
    PRIMARY KEY (balancer_id, zone)
) STRICT, WITHOUT ROWID;

CREATE TABLE balancer_group (
    balancer_id TEXT,
    group_id TEXT,
    PRIMARY KEY (balancer_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX balancer_group_group ON balancer_group (group_id, balancer_id);

CREATE TABLE balancer_instance (
    balancer_id TEXT,
    instance_id TEXT,
    health TEXT NOT NULL,
    registered INTEGER NOT NULL,
    draining_until INTEGER NOT NULL,
    PRIMARY KEY (balancer_id, instance_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX balancer_instance_instance ON balancer_instance (instance_id, balancer_id);

CREATE TABLE balancer_policy (
    balancer_id TEXT,
    name TEXT,
    type TEXT NOT NULL,
    PRIMARY KEY (balancer_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE balancer_policy_attribute (
    balancer_id TEXT,
    policy TEXT,
    position TEXT,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (balancer_id, policy, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE balancer_tag (
    balancer_id TEXT,
    key TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (balancer_id, key)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('balancer', 'balancer', '100 1'),
    ('balancer', 'balancer_name', '100 10 1'),
    ('balancer', 'balancer_address', '100 1'),
    ('balancer', 'balancer_vpc', '100 10 1'),
    ('balancer_listener', 'balancer_listener', '200 2 1'),
    ('balancer_server', 'balancer_server', '50 2 1'),
    ('balancer_place', 'balancer_place', '300 3 1'),
    ('balancer_group', 'balancer_group', '100 1 1'),
    ('balancer_group', 'balancer_group_group', '100 5 1'),
    ('balancer_instance', 'balancer_instance', '5000 50 1'),
    ('balancer_instance', 'balancer_instance_instance', '5000 1 1'),
    ('balancer_policy', 'balancer_policy', '200 4 1'),
    ('balancer_policy_attribute', 'balancer_policy_attribute', '2000 20 5 1'),
    ('balancer_tag', 'balancer_tag', '200 4 1');
