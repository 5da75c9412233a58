-- Uploads that are over and whose parts are still to be removed. A part has an offset when it is
-- placed in an object, and -1 before.

CREATE TABLE upload_trash (
    id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

ALTER TABLE upload ADD COLUMN initiator_account TEXT;

UPDATE part SET offset = -1 WHERE upload_id IN (SELECT id FROM upload WHERE completed = 0);
