-- Certificates: of servers (IAM), and what bundling of images needs.

-- SHA-256 of the certificate in DER, in hexadecimal: one is registered once in an account.
ALTER TABLE signing_certificate ADD COLUMN digest TEXT;
CREATE INDEX signing_certificate_digest ON signing_certificate (account_id, digest);

-- What listeners of load balancers show. Private keys stand here as they came: the directory of the
-- database is its owner's alone (0700).
CREATE TABLE server_certificate (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    arn TEXT NOT NULL,
    body TEXT NOT NULL,
    chain TEXT,
    private_key TEXT NOT NULL,
    uploaded INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX server_certificate_name ON server_certificate (account_id, name);
CREATE UNIQUE INDEX server_certificate_arn ON server_certificate (arn);

CREATE TABLE server_certificate_tag (
    certificate_id TEXT,
    key TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (certificate_id, key)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('signing_certificate', 'signing_certificate_digest', '50 5 1'),
    ('server_certificate', 'server_certificate', '20 1'),
    ('server_certificate', 'server_certificate_name', '20 10 1'),
    ('server_certificate', 'server_certificate_arn', '20 1'),
    ('server_certificate_tag', 'server_certificate_tag', '20 2 1');
