-- Disks as layers, snapshots, what images are made of and who may use them; X.509 certificates.
--
-- A layer is a file of a disk, relative to the state directory, over at most one other; only the top
-- one of a volume is ever written. What refers to a layer: volume.path, snapshot.path, image.path
-- and other layers' backing; one that nothing refers to is removed, its row first.

CREATE TABLE layer (
    path TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    backing TEXT,
    backing_format TEXT,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX layer_backing ON layer (backing) WHERE backing IS NOT NULL;

ALTER TABLE volume ADD COLUMN iops INTEGER NOT NULL DEFAULT 0;
ALTER TABLE volume ADD COLUMN throughput INTEGER NOT NULL DEFAULT 0;
ALTER TABLE volume ADD COLUMN encrypted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE volume ADD COLUMN attachment TEXT;
ALTER TABLE volume ADD COLUMN force_detach INTEGER NOT NULL DEFAULT 0;
ALTER TABLE volume ADD COLUMN auto_enable_io INTEGER NOT NULL DEFAULT 0;
UPDATE volume SET attachment = 'attached' WHERE instance_id IS NOT NULL;
CREATE INDEX volume_account ON volume (account_id, id);
CREATE INDEX volume_path ON volume (path);
CREATE INDEX volume_snapshot ON volume (snapshot_id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX volume_state ON volume (state, id);
CREATE INDEX volume_attachment ON volume (attachment, instance_id)
    WHERE attachment IN ('attaching', 'detaching');
INSERT INTO layer (path, format, backing, backing_format, created)
    SELECT v.path, 'qcow2', i.path, i.format, v.created
    FROM volume v LEFT JOIN image i ON i.id = v.image_id WHERE v.path IS NOT NULL;

CREATE TABLE volume_change (
    volume_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL,
    status_message TEXT,
    original_size_gib INTEGER NOT NULL,
    original_type TEXT,
    original_iops INTEGER NOT NULL,
    original_throughput INTEGER NOT NULL,
    target_size_gib INTEGER NOT NULL,
    target_type TEXT,
    target_iops INTEGER NOT NULL,
    target_throughput INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX volume_change_account ON volume_change (account_id, volume_id);
CREATE INDEX volume_change_modifying ON volume_change (volume_id) WHERE state = 'modifying';

CREATE TABLE snapshot (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    owner_alias TEXT,
    volume_id TEXT,
    size_gib INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_message TEXT,
    description TEXT,
    encrypted INTEGER NOT NULL,
    path TEXT,
    format TEXT,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_account ON snapshot (account_id, id);
CREATE INDEX snapshot_volume ON snapshot (volume_id, started) WHERE volume_id IS NOT NULL;
CREATE INDEX snapshot_path ON snapshot (path) WHERE path IS NOT NULL;
CREATE INDEX snapshot_pending ON snapshot (id) WHERE state = 'pending';

-- account_id: or 'all'.
CREATE TABLE snapshot_permission (
    snapshot_id TEXT,
    account_id TEXT,
    PRIMARY KEY (snapshot_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_permission_account ON snapshot_permission (account_id, snapshot_id);

ALTER TABLE image ADD COLUMN deprecated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE image ADD COLUMN ena_support INTEGER NOT NULL DEFAULT 0;
ALTER TABLE image ADD COLUMN boot_mode TEXT;
ALTER TABLE image ADD COLUMN source_instance_id TEXT;
ALTER TABLE image ADD COLUMN reboot_instance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE image ADD COLUMN work TEXT;
UPDATE image SET ena_support = 1 WHERE kind = 'machine';
CREATE INDEX image_path ON image (path) WHERE path IS NOT NULL;
CREATE INDEX image_pending ON image (id) WHERE state = 'pending';
-- The starter images' disks can be launched and copied as snapshots, too.
INSERT INTO snapshot (id, account_id, owner_alias, volume_id, size_gib, state, description,
                      encrypted, path, format, started, completed)
    SELECT snapshot_id, account_id, owner_alias, NULL, max((size + 1073741823) / 1073741824, 1),
           'completed', 'Disk of ' || id, 0, path, format, created, created
    FROM image WHERE snapshot_id IS NOT NULL AND path IS NOT NULL;
INSERT INTO snapshot_permission (snapshot_id, account_id)
    SELECT snapshot_id, 'all' FROM image
    WHERE snapshot_id IS NOT NULL AND path IS NOT NULL AND is_public;

CREATE TABLE image_mapping (
    image_id TEXT,
    device TEXT,
    virtual_name TEXT,
    snapshot_id TEXT,
    size_gib INTEGER NOT NULL,
    type TEXT,
    iops INTEGER NOT NULL,
    throughput INTEGER NOT NULL,
    encrypted INTEGER NOT NULL,
    delete_on_termination INTEGER NOT NULL,
    no_device INTEGER NOT NULL,
    PRIMARY KEY (image_id, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_mapping_snapshot ON image_mapping (snapshot_id) WHERE snapshot_id IS NOT NULL;
INSERT INTO image_mapping (image_id, device, snapshot_id, size_gib, type, iops, throughput,
                           encrypted, delete_on_termination, no_device)
    SELECT id, root_device_name, snapshot_id, max((size + 1073741823) / 1073741824, 1), 'gp2', 0, 0,
           0, 1, 0
    FROM image WHERE snapshot_id IS NOT NULL AND root_device_name IS NOT NULL;

CREATE TABLE image_permission (
    image_id TEXT,
    account_id TEXT,
    PRIMARY KEY (image_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_permission_account ON image_permission (account_id, image_id);

-- Disks that live and die with their instance.
CREATE TABLE instance_disk (
    instance_id TEXT,
    device TEXT,
    virtual_name TEXT,
    size INTEGER NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (instance_id, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_disk_path ON instance_disk (path);

CREATE TABLE bundle_task (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    bucket TEXT NOT NULL,
    prefix TEXT NOT NULL,
    access_key_id TEXT,
    upload_policy TEXT,
    state TEXT NOT NULL,
    progress INTEGER NOT NULL,
    error_code TEXT,
    error_message TEXT,
    started INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bundle_task_account ON bundle_task (account_id, id);
CREATE INDEX bundle_task_instance ON bundle_task (instance_id, started);
CREATE INDEX bundle_task_active ON bundle_task (id)
    WHERE state IN ('pending', 'waiting-for-shutdown', 'bundling', 'storing', 'cancelling');

CREATE TABLE signing_certificate (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    user_name TEXT,
    body TEXT NOT NULL,
    active INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_certificate_account ON signing_certificate (account_id, user_name, id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('layer', 'layer', '10000 1'),
    ('layer', 'layer_backing', '10000 100'),
    ('volume', 'volume_account', '10000 5000 1'),
    ('volume', 'volume_path', '10000 1'),
    ('volume', 'volume_snapshot', '10000 100'),
    ('volume', 'volume_state', '10000 5000 1'),
    ('volume', 'volume_attachment', '10 5 1'),
    ('volume_change', 'volume_change', '100 1'),
    ('volume_change', 'volume_change_account', '100 50 1'),
    ('volume_change', 'volume_change_modifying', '5 1'),
    ('snapshot', 'snapshot', '5000 1'),
    ('snapshot', 'snapshot_account', '5000 500 1'),
    ('snapshot', 'snapshot_volume', '5000 5 1'),
    ('snapshot', 'snapshot_path', '5000 1'),
    ('snapshot', 'snapshot_pending', '5 1'),
    ('snapshot_permission', 'snapshot_permission', '500 2 1'),
    ('snapshot_permission', 'snapshot_permission_account', '500 50 1'),
    ('image', 'image_path', '200 1'),
    ('image', 'image_pending', '5 1'),
    ('image_mapping', 'image_mapping', '300 2 1'),
    ('image_mapping', 'image_mapping_snapshot', '300 1'),
    ('image_permission', 'image_permission', '200 2 1'),
    ('image_permission', 'image_permission_account', '200 20 1'),
    ('instance_disk', 'instance_disk', '200 2 1'),
    ('instance_disk', 'instance_disk_path', '200 1'),
    ('bundle_task', 'bundle_task', '50 1'),
    ('bundle_task', 'bundle_task_account', '50 10 1'),
    ('bundle_task', 'bundle_task_instance', '50 2 1'),
    ('bundle_task', 'bundle_task_active', '5 1'),
    ('signing_certificate', 'signing_certificate', '50 1'),
    ('signing_certificate', 'signing_certificate_account', '50 5 2 1');
