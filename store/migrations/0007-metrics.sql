-- CloudWatch: alarms and what happened to them. What is measured is in a file of its own
-- (store/metric_file.h).

-- dimensions: as cloud/metrics.h writes them. metrics, *_actions: JSON. threshold: a number's text.
CREATE TABLE alarm (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    actions_enabled INTEGER NOT NULL,
    ok_actions TEXT,
    alarm_actions TEXT,
    insufficient_actions TEXT,
    namespace TEXT,
    metric_name TEXT,
    dimensions TEXT,
    unit TEXT,
    statistic TEXT,
    period INTEGER NOT NULL,
    metrics TEXT,
    evaluation_periods INTEGER NOT NULL,
    datapoints_to_alarm INTEGER NOT NULL,
    threshold TEXT,
    comparison TEXT NOT NULL,
    missing_data TEXT,
    low_samples TEXT,
    state TEXT NOT NULL,
    state_reason TEXT,
    state_reason_data TEXT,
    state_updated INTEGER NOT NULL,
    state_changed INTEGER NOT NULL,
    configured INTEGER NOT NULL
) STRICT;
CREATE INDEX alarm_account ON alarm (account_id, name);
CREATE INDEX alarm_metric ON alarm (account_id, namespace, metric_name, name);

CREATE TABLE alarm_tag (
    alarm_arn TEXT,
    key TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (alarm_arn, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarm_history (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    alarm_name TEXT NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    summary TEXT,
    data TEXT
) STRICT;
CREATE INDEX alarm_history_alarm ON alarm_history (account_id, alarm_name, time);
CREATE INDEX alarm_history_time ON alarm_history (time);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('alarm', 'alarm_account', '2000 1000 1'),
    ('alarm', 'alarm_metric', '2000 1000 100 20 1'),
    ('alarm_tag', 'alarm_tag', '4000 2 1'),
    ('alarm_history', 'alarm_history_alarm', '20000 10000 10 1'),
    ('alarm_history', 'alarm_history_time', '20000 1');
