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
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* One line of text: the number of virtual processors. */
#define FILE_MAX 64

typedef struct FakeMachine {
    char *name;
    unsigned vcpus;
    double load;     /* percent of its vCPUs, since then */
    int64_t since;   /* monotonic, microseconds */
    uint64_t cpu_ns; /* until then */
} FakeMachine;

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

static void machine_free(void *data)
{
    FakeMachine *machine = data;
    g_free(machine->name);
    g_free(machine);
}

static FakeMachine *machine_new(const char *name, unsigned vcpus)
{
    FakeMachine *machine = g_new0(FakeMachine, 1);
    machine->name = g_strdup(name);
    machine->vcpus = MAX(vcpus, 1);
    machine->since = g_get_monotonic_time();
    return machine;
}

static uint64_t machine_cpu_ns(const FakeMachine *machine, int64_t now)
{
    double ns = (double)(now - machine->since) * 1000.0 * machine->vcpus * machine->load / 100.0;
    return machine->cpu_ns + (uint64_t)ns;
}

/* Names become file names, so they are held to what is safe as one. */
static bool name_is_sane(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) <= 200;
}

static bool machine_file_make(const char *directory, const FakeMachine *machine, GError **error)
{
    g_autofree char *path = g_build_filename(directory, machine->name, NULL);
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot make %s", path);
    g_autofree char *text = g_strdup_printf("%u\n", machine->vcpus);
    return file_write_all(fd, text, strlen(text), error);
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
        g_autofree char *path = g_build_filename(hypervisor->directory, name, NULL);
        g_autofree char *text = NULL;
        if (!file_read(path, FILE_MAX, &text, NULL, error))
            return false;
        /* Empty when the daemon was killed before it wrote the number: one processor will do. */
        FakeMachine *machine = machine_new(name, (unsigned)strtoul(text, NULL, 10));
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
    hypervisor->machines = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, machine_free);

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

static bool fake_start(Hypervisor *hypervisor, const MachineSpec *spec, GError **error)
{
    if (!name_is_sane(spec->name))
        return trouble_set(error, "a machine cannot be named \"%s\"", spec->name);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->lock);
    if (g_hash_table_contains(hypervisor->machines, spec->name))
        return true;
    FakeMachine *machine = machine_new(spec->name, spec->vcpus);
    if (!machine_file_make(hypervisor->directory, machine, error)) {
        machine_free(machine);
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
        stats->cpu_ns = machine_cpu_ns(machine, now);
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
    machine->cpu_ns = machine_cpu_ns(machine, now);
    machine->since = now;
    machine->load = percent;
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
    .start = fake_start,
    .press_power = fake_press_power,
    .reboot = fake_reboot,
    .reset = fake_reboot,
    .destroy = fake_destroy,
    .is_running = fake_is_running,
    .list = fake_list,
    .stats = fake_stats,
};
