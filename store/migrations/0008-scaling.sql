-- Auto Scaling: groups of instances, how they are launched, when they grow and shrink. Members of
-- a group are told by their memberships; what belongs to a group has its account and name.

CREATE TABLE launch_configuration (
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    image_id TEXT NOT NULL,
    type TEXT NOT NULL,
    key_name TEXT,
    security_groups TEXT,
    user_data TEXT,
    user_data_raw INTEGER NOT NULL,
    kernel_id TEXT,
    ramdisk_id TEXT,
    block_devices TEXT,
    monitoring INTEGER NOT NULL,
    iam_profile TEXT,
    ebs_optimized INTEGER NOT NULL,
    public_address INTEGER NOT NULL,
    tenancy TEXT,
    http_tokens TEXT,
    http_endpoint TEXT,
    http_hop_limit INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_group (
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    launch_configuration TEXT,
    min_size INTEGER NOT NULL,
    max_size INTEGER NOT NULL,
    desired INTEGER NOT NULL,
    cooldown INTEGER NOT NULL,
    zones TEXT,
    subnets TEXT,
    health_check_type TEXT NOT NULL,
    health_grace INTEGER NOT NULL,
    termination_policies TEXT NOT NULL,
    protect_new INTEGER NOT NULL,
    placement_group TEXT,
    role_arn TEXT,
    max_lifetime INTEGER NOT NULL,
    capacity_rebalance INTEGER NOT NULL,
    context TEXT,
    desired_type TEXT,
    warmup INTEGER NOT NULL,
    suspended TEXT,
    metrics TEXT,
    deleting INTEGER NOT NULL,
    cause TEXT,
    rebalances INTEGER NOT NULL,
    cooldown_for INTEGER NOT NULL,
    cooldown_until INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    launch_after INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_instance (
    instance_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    launch_configuration TEXT,
    type TEXT NOT NULL,
    zone TEXT NOT NULL,
    state TEXT NOT NULL,
    unhealthy INTEGER NOT NULL,
    unhealthy_cause TEXT,
    protected INTEGER NOT NULL,
    activity_id TEXT,
    joined INTEGER NOT NULL,
    in_service INTEGER NOT NULL,
    state_since INTEGER NOT NULL,
    refresh_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX scaling_instance_group ON scaling_instance (account_id, group_name);

CREATE TABLE scaling_activity (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    instance_id TEXT,
    description TEXT NOT NULL,
    cause TEXT,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    status TEXT NOT NULL,
    status_message TEXT,
    progress INTEGER NOT NULL,
    details TEXT,
    group_deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX scaling_activity_group ON scaling_activity (account_id, group_name, started);
CREATE INDEX scaling_activity_under_way ON scaling_activity (account_id, group_name)
    WHERE ended = 0;

CREATE TABLE scaling_policy (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    adjustment_type TEXT,
    adjustment INTEGER NOT NULL,
    min_step INTEGER NOT NULL,
    min_magnitude INTEGER NOT NULL,
    cooldown INTEGER NOT NULL,
    warmup INTEGER NOT NULL,
    aggregation TEXT,
    steps TEXT,
    target TEXT,
    predefined TEXT,
    resource_label TEXT,
    metric_name TEXT,
    metric_namespace TEXT,
    metric_dimensions TEXT,
    metric_statistic TEXT,
    metric_unit TEXT,
    disable_scale_in INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_name, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_trigger (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    measure TEXT NOT NULL,
    statistic TEXT NOT NULL,
    dimensions TEXT,
    space TEXT NOT NULL,
    period INTEGER NOT NULL,
    lower TEXT NOT NULL,
    upper TEXT NOT NULL,
    lower_increment TEXT NOT NULL,
    upper_increment TEXT NOT NULL,
    breach INTEGER NOT NULL,
    unit TEXT,
    custom_unit TEXT,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_schedule (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    start INTEGER NOT NULL,
    until INTEGER NOT NULL,
    recurrence TEXT,
    time_zone TEXT,
    min_size INTEGER NOT NULL,
    max_size INTEGER NOT NULL,
    desired INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_name, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lifecycle_hook (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    transition TEXT NOT NULL,
    target_arn TEXT,
    role_arn TEXT,
    metadata TEXT,
    heartbeat INTEGER NOT NULL,
    default_result TEXT NOT NULL,
    PRIMARY KEY (account_id, group_name, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lifecycle_wait (
    instance_id TEXT NOT NULL,
    hook_name TEXT NOT NULL,
    token TEXT NOT NULL,
    heartbeat INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    limit_at INTEGER NOT NULL,
    otherwise TEXT NOT NULL,
    result TEXT,
    PRIMARY KEY (instance_id, hook_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_notification (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (account_id, group_name, topic, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_tag (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    propagate INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_name, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_balancer (
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    balancer TEXT NOT NULL,
    removing INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_name, balancer)
) STRICT, WITHOUT ROWID;

CREATE TABLE instance_refresh (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    group_name TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    to_update INTEGER NOT NULL,
    min_healthy INTEGER NOT NULL,
    warmup INTEGER NOT NULL,
    skip_matching INTEGER NOT NULL,
    group_deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_refresh_group ON instance_refresh (account_id, group_name, started);
