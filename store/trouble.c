/* SQLite's errors as sentences.
 *
 * Invariant: one line each, naming the file; advice only where it is certain to help. */
#include "store/trouble.h"

#include "store/record.h"
#include <errno.h>

/* Errors of write(2) that mean "no more room" besides ENOSPC, which SQLite knows itself. */
static bool is_no_room(int errnum)
{
    return errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
}

static bool is_taken(int code)
{
    return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
           code == SQLITE_CONSTRAINT_ROWID;
}

bool trouble_set_sqlite(GError **error, sqlite3 *db, int code, const char *path, const char *doing)
{
    const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    int left = errno;
    int errnum = db ? sqlite3_system_errno(db) : 0;
    if (!errnum)
        errnum = left; /* SQLite keeps none for what fails inside COMMIT */
    const char *reason = errnum ? g_strerror(errnum) : text;
    int primary = code & 0xff;
    if (primary == SQLITE_IOERR && is_no_room(errnum))
        primary = SQLITE_FULL;

    switch (primary) {
    case SQLITE_FULL:
        g_set_error(error, TROUBLE_DOMAIN, ENOSPC,
                    "The disk that holds %s is full: free some space, then try again", path);
        break;
    case SQLITE_IOERR:
        g_set_error(error, TROUBLE_DOMAIN, EIO, "Cannot read or write %s (%s): check the disk",
                    path, reason);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        g_set_error(error, TROUBLE_DOMAIN, EUCLEAN,
                    "%s is damaged (%s): put back a copy of it, or move it and the files next to "
                    "it away to start empty",
                    path, text);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        g_set_error(error, TROUBLE_DOMAIN, EACCES,
                    "Cannot write %s (%s): it and its directory must belong to the user that runs "
                    "Cumulet, on a disk mounted for writing",
                    path, text);
        break;
    case SQLITE_CANTOPEN:
        g_set_error(error, TROUBLE_DOMAIN, errnum ? errnum : EACCES,
                    "Cannot open %s (%s): its directory must exist and belong to the user that "
                    "runs Cumulet",
                    path, reason);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        g_set_error(error, TROUBLE_DOMAIN, EBUSY,
                    "Another process keeps %s locked: end it, then try again", path);
        break;
    case SQLITE_CONSTRAINT:
        g_set_error(error, TROUBLE_DOMAIN, is_taken(code) ? TROUBLE_CONFLICT : 0, "Cannot %s: %s",
                    doing, text);
        break;
    default:
        trouble_set(error, "Cannot %s in %s: %s", doing, path, text);
    }
    return false;
}

bool store_is_conflict(const GError *error)
{
    return g_error_matches(error, TROUBLE_DOMAIN, TROUBLE_CONFLICT);
}
