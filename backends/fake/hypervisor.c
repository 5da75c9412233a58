/* Machines that are only books: instant, in memory, by the ten thousand.
 *
 * Invariant: a machine is in the table exactly when its file is in <state>/fake/machines, but for
 * the instant between the two under the lock. The file stands for the QEMU process of a real
 * machine: it survives a SIGKILL of the daemon (not a power cut, so nothing is synced), and the
 * next open() finds the machine running. Removing the file while no daemon runs is a machine that
 * died meanwhile.
 *
 * Events are queued under the lock and delivered in order by one thread, never by the caller's,
 * so that callers live by the same rules as with libvirt/. */
#include "backends/hypervisor.h"
#include "backends/fake/machine.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Of a disk that is converted. */
#define DISK_SIZE (INT64_C(64) << 20)

typedef struct QueuedEvent {
    char *name;
    MachineEventKind kind;
} QueuedEvent;

struct Hypervisor {
    void (*enter)(void *data);
    void (*on_event)(void *data, const MachineEvent *event);
    void *data;
    char *directory; /* <state>/fake/machines */
    GThread *dispatcher;

    GMutex lock;          /* of all below */
    GHashTable *machines; /* name → FakeMachine */
    GQueue events;        /* of QueuedEvent */
    GCond wake;           /* events has one more, or closing */
    bool closing;
};

/* Names become file names, so they are held to what is safe as one. */
static bool name_is_sane(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) <= 200;
}

/* An event of name happened. Locked. */
static void queue_event(Hypervisor *hypervisor, const char *name, MachineEventKind kind)
{
    QueuedEvent *event = g_new(QueuedEvent, 1);
    *event = (QueuedEvent){.name = g_strdup(name), .kind = kind};
    g_queue_push_tail(&hypervisor->events, event);
    g_cond_signal(&hypervisor->wake);
}

/* Ends a machine in the given way. False when there is none of that name. */
static bool end(Hypervisor *hypervisor, const char *name, MachineEventKind kind)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    if (!g_hash_table_remove(hypervisor->machines, name))
        return false;
    g_autofree char *path = g_build_filename(hypervisor->directory, name, NULL);
    unlink(path);
    queue_event(hypervisor, name, kind);
    return true;
}

static void *dispatch(void *data)
{
    Hypervisor *hypervisor = data;
    if (hypervisor->enter)
        hypervisor->enter(hypervisor->data);
    g_mutex_lock(&hypervisor->lock);
    for (;;) {
        QueuedEvent *queued = g_queue_pop_head(&hypervisor->events);
        if (!queued && hypervisor->closing)
            break;
        if (!queued) {
            g_cond_wait(&hypervisor->wake, &hypervisor->lock);
            continue;
        }
        g_mutex_unlock(&hypervisor->lock);
        if (hypervisor->on_event) {
            MachineEvent event = {.name = queued->name, .kind = queued->kind};
            hypervisor->on_event(hypervisor->data, &event);
        }
        g_free(queued->name);
        g_free(queued);
        g_mutex_lock(&hypervisor->lock);
    }
    g_mutex_unlock(&hypervisor->lock);
    return NULL;
}

/* The machines that an earlier daemon left running. */
static bool find_machines(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(GDir) directory = g_dir_open(hypervisor->directory, 0, error);
    if (!directory)
        return false;
    const char *name;
    while ((name = g_dir_read_name(directory))) {
        FakeMachine *machine = NULL;
        if (!name_is_sane(name)) /* a change that was not finished */
            continue;
        if (!fake_machine_read_file(hypervisor->directory, name, &machine, error))
            return false;
        g_hash_table_replace(hypervisor->machines, machine->name, machine);
    }
    return true;
}

static void fake_close(Hypervisor *hypervisor)
{
    if (!hypervisor)
        return;
    if (hypervisor->dispatcher) {
        g_mutex_lock(&hypervisor->lock);
        hypervisor->closing = true;
        g_cond_signal(&hypervisor->wake);
        g_mutex_unlock(&hypervisor->lock);
        g_thread_join(hypervisor->dispatcher);
    }
    g_hash_table_unref(hypervisor->machines);
    g_mutex_clear(&hypervisor->lock);
    g_cond_clear(&hypervisor->wake);
    g_free(hypervisor->directory);
    g_free(hypervisor);
}

static bool fake_open(const HypervisorConfig *config, Hypervisor **ret_hypervisor, GError **error)
{
    Hypervisor *hypervisor = g_new0(Hypervisor, 1);
    hypervisor->enter = config->enter;
    hypervisor->on_event = config->on_event;
    hypervisor->data = config->data;
    hypervisor->directory = g_build_filename(config->state_dir, "fake", "machines", NULL);
    g_mutex_init(&hypervisor->lock);
    g_cond_init(&hypervisor->wake);
    g_queue_init(&hypervisor->events);
    hypervisor->machines = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, fake_machine_free);

    if (!file_make_directory(hypervisor->directory, error) || !find_machines(hypervisor, error)) {
        fake_close(hypervisor);
        return false;
    }
    hypervisor->dispatcher = g_thread_new("fake-events", dispatch, hypervisor);
    *ret_hypervisor = hypervisor;
    return true;
}

static bool fake_describe(Hypervisor *hypervisor, Arena *arena, HypervisorInfo *ret_info,
                          GError **error)
{
    struct sysinfo host;
    if (sysinfo(&host) < 0)
        return trouble_set_errno(error, errno, "cannot ask for the host's memory");
    *ret_info = (HypervisorInfo){
        .backend = "fake",
        .accelerator = "none",
        .reason = "machines are only simulated",
        .uri = "fake:",
        .cpus = g_get_num_processors(),
        .memory_mib = (uint64_t)host.totalram * host.mem_unit / (1024 * 1024),
    };
    return true;
}

static bool fake_create_disk(Hypervisor *hypervisor, const char *path, const char *base_path,
                             const char *base_format, uint64_t size_bytes, GError **error)
{
    return true;
}

/* Whether a machine that runs has it. */
static bool is_in_use(Hypervisor *hypervisor, const char *path)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    GHashTableIter iterator;
    void *machine;
    g_hash_table_iter_init(&iterator, hypervisor->machines);
    while (g_hash_table_iter_next(&iterator, NULL, &machine)) {
        if (fake_machine_disk_at(machine, path))
            return true;
    }
    return false;
}

static bool fake_resize_disk(Hypervisor *hypervisor, const char *path, uint64_t size_bytes,
                             GError **error)
{
    return !is_in_use(hypervisor, path) ||
           trouble_set(error, "cannot resize the disk %s: a machine uses it", path);
}

static bool fake_read_disk(Hypervisor *hypervisor, const char *path, const char *format,
                           void *buffer, size_t size, GError **error)
{
    memset(buffer, 0, size);
    return true;
}

/* Its disks are no files, so they show nothing. */
static bool make_empty_file(const char *path, GError **error)
{
    autofd file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return (file >= 0 && ftruncate(file, DISK_SIZE) == 0) ||
           trouble_set_errno(error, errno, "cannot make %s", path);
}

static bool fake_convert_disk(Hypervisor *hypervisor, const char *path, const char *format,
                              const char *new_path, const char *new_format, GError **error)
{
    if (is_in_use(hypervisor, path))
        return trouble_set(error, "cannot convert the disk %s: a machine uses it", path);
    return make_empty_file(new_path, error);
}

/* Locked. */
static FakeMachine *find_running(Hypervisor *hypervisor, const char *name, GError **error)
{
    FakeMachine *machine = g_hash_table_lookup(hypervisor->machines, name);
    if (!machine)
        trouble_set(error, "machine %s does not run", name);
    return machine;
}

static bool fake_attach_disk(Hypervisor *hypervisor, const char *name, const MachineDisk *disk,
                             GError **error)
{
    g_assert(disk->serial && disk->device);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    FakeMachine *machine = find_running(hypervisor, name, error);
    if (!machine)
        return false;
    if (fake_machine_disk(machine, disk->serial))
        return true;
    fake_machine_add_disk(machine, disk->serial, disk->path, 0);
    return fake_machine_change_file(hypervisor->directory, machine, error);
}

static bool fake_detach_disk(Hypervisor *hypervisor, const char *name, const char *serial,
                             bool force, bool *ret_gone, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    FakeMachine *machine = find_running(hypervisor, name, error);
    if (!machine)
        return false;
    FakeDisk *disk = fake_machine_disk(machine, serial);
    if (disk && disk == g_ptr_array_index(machine->disks, 0))
        return trouble_set(error, "machine %s boots from disk %s: it cannot be detached", name,
                           serial);
    if (disk) {
        g_ptr_array_remove(machine->disks, disk);
        if (!fake_machine_change_file(hypervisor->directory, machine, error))
            return false;
    }
    *ret_gone = true;
    return true;
}

static bool fake_grow_disk(Hypervisor *hypervisor, const char *name, const char *serial,
                           uint64_t size_bytes, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    FakeMachine *machine = find_running(hypervisor, name, error);
    if (!machine)
        return false;
    FakeDisk *disk = fake_machine_disk(machine, serial);
    if (!disk)
        return trouble_set(error, "machine %s has no disk %s", name, serial);
    if (disk->size >= size_bytes)
        return true;
    disk->size = size_bytes;
    return fake_machine_change_file(hypervisor->directory, machine, error);
}

static bool fake_fork_disks(Hypervisor *hypervisor, const char *name, const List *forks,
                            bool *ret_consistent, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    FakeMachine *machine = find_running(hypervisor, name, error);
    if (!machine)
        return false;
    LIST_EACH (const DiskFork *, fork, forks) {
        if (!fake_machine_disk_at(machine, fork->path) &&
            !fake_machine_disk_at(machine, fork->new_path))
            return trouble_set(error, "machine %s has no disk at %s", name, fork->path);
    }
    LIST_EACH (const DiskFork *, fork, forks) {
        FakeDisk *disk = fake_machine_disk_at(machine, fork->path);
        if (disk) {
            g_free(disk->path);
            disk->path = g_strdup(fork->new_path);
        }
    }
    if (!fake_machine_change_file(hypervisor->directory, machine, error))
        return false;
    *ret_consistent = true; /* nobody writes */
    return true;
}

static bool fake_start(Hypervisor *hypervisor, const MachineSpec *spec, GError **error)
{
    if (!name_is_sane(spec->name))
        return trouble_set(error, "a machine cannot be named \"%s\"", spec->name);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    if (g_hash_table_contains(hypervisor->machines, spec->name))
        return true;
    FakeMachine *machine = fake_machine_new(spec->name, spec->vcpus);
    LIST_EACH (const MachineDisk *, disk, &spec->disks)
        fake_machine_add_disk(machine, disk->serial, disk->path, 0);
    if (!fake_machine_make_file(hypervisor->directory, machine, error)) {
        fake_machine_free(machine);
        return false;
    }
    g_hash_table_replace(hypervisor->machines, machine->name, machine);
    queue_event(hypervisor, machine->name, MACHINE_STARTED);
    return true;
}

static bool fake_press_power(Hypervisor *hypervisor, const char *name, GError **error)
{
    end(hypervisor, name, MACHINE_POWERED_OFF);
    return true;
}

static bool fake_reboot(Hypervisor *hypervisor, const char *name, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    if (!g_hash_table_contains(hypervisor->machines, name))
        return trouble_set(error, "cannot reboot machine %s: it does not run", name);
    queue_event(hypervisor, name, MACHINE_REBOOTED);
    return true;
}

static bool fake_destroy(Hypervisor *hypervisor, const char *name, GError **error)
{
    end(hypervisor, name, MACHINE_DESTROYED);
    return true;
}

static bool fake_is_running(Hypervisor *hypervisor, const char *name, bool *ret_running,
                            GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    *ret_running = g_hash_table_contains(hypervisor->machines, name);
    return true;
}

static bool fake_list(Hypervisor *hypervisor, Arena *arena, List *ret_names, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    List names = {0};
    GHashTableIter iterator;
    void *name;
    g_hash_table_iter_init(&iterator, hypervisor->machines);
    while (g_hash_table_iter_next(&iterator, &name, NULL))
        list_add(&names, arena, arena_strdup(arena, name));
    *ret_names = names;
    return true;
}

static bool fake_stats(Hypervisor *hypervisor, Arena *arena, List *ret_stats, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    int64_t now = g_get_monotonic_time();
    List all = {0};
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, hypervisor->machines);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const FakeMachine *machine = value;
        MachineStats *stats = arena_new_struct(arena, MachineStats);
        stats->name = arena_strdup(arena, machine->name);
        stats->vcpus = machine->vcpus;
        stats->cpu_ns = fake_machine_cpu_ns(machine, now);
        list_add(&all, arena, stats);
    }
    *ret_stats = all;
    return true;
}

bool fake_set_load(Hypervisor *hypervisor, const char *name, double percent)
{
    g_assert(percent >= 0);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    FakeMachine *machine = g_hash_table_lookup(hypervisor->machines, name);
    if (!machine)
        return false;
    int64_t now = g_get_monotonic_time();
    machine->cpu_ns = fake_machine_cpu_ns(machine, now);
    machine->since = now;
    machine->load = percent;
    return true;
}

bool fake_find_disk(Hypervisor *hypervisor, Arena *arena, const char *name, const char *serial,
                    const char **ret_path, uint64_t *ret_size)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    const FakeMachine *machine = g_hash_table_lookup(hypervisor->machines, name);
    const FakeDisk *disk = machine ? fake_machine_disk(machine, serial) : NULL;
    if (!disk)
        return false;
    *ret_path = arena_strdup(arena, disk->path);
    *ret_size = disk->size;
    return true;
}

bool fake_power_off(Hypervisor *hypervisor, const char *name)
{
    return end(hypervisor, name, MACHINE_POWERED_OFF);
}

bool fake_crash(Hypervisor *hypervisor, const char *name)
{
    return end(hypervisor, name, MACHINE_CRASHED);
}

const HypervisorOps hypervisor_fake = {
    .name = "fake",
    .pretends = true,
    .open = fake_open,
    .close = fake_close,
    .describe = fake_describe,
    .create_disk = fake_create_disk,
    .resize_disk = fake_resize_disk,
    .read_disk = fake_read_disk,
    .convert_disk = fake_convert_disk,
    .attach_disk = fake_attach_disk,
    .detach_disk = fake_detach_disk,
    .grow_disk = fake_grow_disk,
    .fork_disks = fake_fork_disks,
    .start = fake_start,
    .press_power = fake_press_power,
    .reboot = fake_reboot,
    .reset = fake_reboot,
    .destroy = fake_destroy,
    .is_running = fake_is_running,
    .list = fake_list,
    .stats = fake_stats,
};
