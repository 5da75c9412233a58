-- S3: buckets, objects and their bytes; users and their policies.
--
-- Versions of a key lie together, the newest first: rank is chosen so (store/records.def). What an
-- ordinary listing shows, the newest version of each key unless it is a delete marker, has an index
-- of its own, so that a listing never reads what it does not show. Neither the records of objects
-- nor those of blobs hold bytes: small blobs have theirs in blob_data.

ALTER TABLE account ADD COLUMN canonical_id TEXT;
UPDATE account SET canonical_id = lower(hex(randomblob(32)));
CREATE UNIQUE INDEX account_canonical_id ON account (canonical_id);
CREATE INDEX account_name ON account (name);

CREATE TABLE user (
    account_id TEXT,
    name TEXT,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_policy (
    account_id TEXT,
    user_name TEXT,
    name TEXT,
    document TEXT NOT NULL,
    PRIMARY KEY (account_id, user_name, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE bucket (
    name TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    created INTEGER NOT NULL,
    versioning TEXT,
    object_lock INTEGER NOT NULL,
    acl TEXT,
    ownership TEXT,
    public_access_block INTEGER NOT NULL,
    documents INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bucket_account ON bucket (account_id, name);

CREATE TABLE bucket_document (
    bucket TEXT,
    kind TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (bucket, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE object (
    bucket TEXT,
    key TEXT,
    rank TEXT,
    version_id TEXT NOT NULL,
    is_latest INTEGER NOT NULL,
    is_marker INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    modified INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT,
    blob_id TEXT,
    upload_id TEXT,
    parts INTEGER NOT NULL,
    storage_class TEXT,
    checksum TEXT,
    headers TEXT,
    acl TEXT,
    tags TEXT,
    lock_mode TEXT,
    retain_until INTEGER NOT NULL,
    legal_hold INTEGER NOT NULL,
    encryption TEXT,
    encryption_key TEXT,
    PRIMARY KEY (bucket, key, rank)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_current ON object (bucket, key) WHERE is_latest = 1 AND is_marker = 0;
CREATE UNIQUE INDEX object_null_version ON object (bucket, key) WHERE version_id = 'null';

CREATE TABLE blob (
    id TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    place TEXT NOT NULL,
    refs INTEGER NOT NULL,
    salt TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_data (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE blob_trash (
    id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    account_id TEXT NOT NULL,
    initiator TEXT NOT NULL,
    initiator_name TEXT,
    created INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    storage_class TEXT,
    checksum TEXT,
    headers TEXT,
    acl TEXT,
    tags TEXT,
    lock_mode TEXT,
    retain_until INTEGER NOT NULL,
    legal_hold INTEGER NOT NULL,
    encryption TEXT,
    encryption_key TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_bucket ON upload (bucket, key, id) WHERE completed = 0;

CREATE TABLE part (
    upload_id TEXT,
    number TEXT,
    blob_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    etag TEXT NOT NULL,
    checksum TEXT,
    modified INTEGER NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_offset ON part (upload_id, offset);
