-- Launch templates: what instances are launched with, under a name, in numbered versions.

CREATE TABLE launch_template (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    default_version INTEGER NOT NULL,
    latest_version INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE launch_template_version (
    template_id TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (template_id, version)
) STRICT, WITHOUT ROWID;

ALTER TABLE scaling_group ADD COLUMN launch_template_id TEXT;
ALTER TABLE scaling_group ADD COLUMN launch_template_name TEXT;
ALTER TABLE scaling_group ADD COLUMN launch_template_version TEXT;
ALTER TABLE scaling_group ADD COLUMN mixed_policy TEXT;

ALTER TABLE scaling_instance ADD COLUMN launch_template_id TEXT;
ALTER TABLE scaling_instance ADD COLUMN launch_template_name TEXT;
ALTER TABLE scaling_instance ADD COLUMN launch_template_version TEXT;
