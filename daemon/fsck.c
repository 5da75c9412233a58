/* Checking what is kept.
 *
 * Invariants: nothing is touched before the state directory's lock is held, and nothing is made
 * where no cloud's state is; what is made is its owner's. */
#include "daemon/fsck.h"

#include "backends/libvirt/disk.h"
#include "base/fault.h"
#include "base/file.h"
#include "cloud/disk_check.h"
#include "daemon/state.h"
#include "imagestore/blobs.h"
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fsck {
    int lock;
    Store *store;
    Blobs *blobs;
} Fsck;

static bool check_state(const char *state_dir, GError **error)
{
    struct stat status;
    g_autofree char *database = g_build_filename(state_dir, "cumulet.db", NULL);
    if (stat(database, &status) == 0)
        return true;
    if (errno == ENOENT || errno == ENOTDIR)
        return trouble_set(
            error, "no cloud has its state in %s: name its directory with --state DIR", state_dir);
    return trouble_set_errno(error, errno, "cannot look into %s: is the state directory yours?",
                             state_dir);
}

/* A daemon that root started is somebody else, and must be able to use what is made here. */
static bool become_owner(const char *state_dir, GError **error)
{
    struct stat status;
    if (geteuid() != 0)
        return true;
    if (stat(state_dir, &status) == 0 &&
        (status.st_uid == 0 ||
         (setgroups(0, NULL) == 0 && setresgid(status.st_gid, status.st_gid, status.st_gid) == 0 &&
          setresuid(status.st_uid, status.st_uid, status.st_uid) == 0)))
        return true;
    return trouble_set_errno(error, errno, "cannot become the owner of %s", state_dir);
}

static bool open_all(const char *state_dir, Fsck *fsck, GError **error)
{
    g_autofree char *objects = g_build_filename(state_dir, "objects", NULL);
    return check_state(state_dir, error) && become_owner(state_dir, error) &&
           state_lock(state_dir, &fsck->lock, error) &&
           store_open(state_dir, &fsck->store, error) &&
           blobs_open(objects, fsck->store, &fsck->blobs, error);
}

static void close_all(Fsck *fsck)
{
    blobs_close(fsck->blobs);
    store_close(fsck->store);
    autofd_clear(&fsck->lock);
}

static void print_line(void *unused, const char *line)
{
    puts(line);
}

/* What the fake back end's machines run with are no files. */
static bool check_disks(const char *state_dir, bool repair, Store *store, DiskCheck *ret_check,
                        GError **error)
{
    g_autofree char *fake = g_build_filename(state_dir, "fake", NULL);
    g_autofree char *directory = realpath(state_dir, NULL);
    const DiskCheckSpec spec = {
        .store = store,
        .state_dir = directory ? directory : state_dir,
        .repair = repair,
        .pretends = g_file_test(fake, G_FILE_TEST_IS_DIR),
        .check_file = disk_check,
        .tell = print_line,
    };
    return disks_check(&spec, ret_check, error);
}

static void print_summary(const BlobCheck *found, uint64_t layers, bool repair)
{
    uint64_t lost = found->damaged + found->missing;
    uint64_t repairable = found->orphans + found->miscounted;
    printf("checked %" PRIu64 " blobs, %" PRIu64 " bytes; %" PRIu64 " files of disks: ",
           found->blobs, found->bytes, layers);
    if (lost + repairable == 0) {
        puts("all is well");
        return;
    }
    printf("%" PRIu64 " damaged, %" PRIu64 " missing, %" PRIu64 " orphans, %" PRIu64 " miscounted",
           found->damaged, found->missing, found->orphans, found->miscounted);
    if (repairable > 0)
        printf("; %s", repair ? "orphans and counts are repaired"
                              : "orphans and counts can be repaired with --repair");
    if (lost > 0)
        printf("; what is damaged or missing cannot be repaired: delete what is affected, objects "
               "or put them again");
    putchar('\n');
}

static bool is_well(const BlobCheck *found, bool repair)
{
    return found->damaged + found->missing == 0 &&
           (repair || found->orphans + found->miscounted == 0);
}

int fsck_run(const char *state_dir, bool repair)
{
    g_autoptr(GError) error = NULL;
    Fsck fsck = {.lock = -1};
    BlobCheck found = {0};
    DiskCheck disks = {0};
    bool ok = open_all(state_dir, &fsck, &error) &&
              blobs_check(fsck.blobs, repair, print_line, NULL, &found, &error) &&
              check_disks(state_dir, repair, fsck.store, &disks, &error);
    found.damaged += disks.damaged;
    found.missing += disks.missing;
    found.orphans += disks.orphans;
    if (ok)
        print_summary(&found, disks.layers, repair);
    else
        g_printerr("cumuletd: %s\n", error->message);
    close_all(&fsck);
    return ok && is_well(&found, repair) ? 0 : 1;
}
