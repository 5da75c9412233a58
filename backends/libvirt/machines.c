/* The books of running machines. */
#include "backends/libvirt/machines.h"

#define REBOOT_QUIET (2 * G_TIME_SPAN_SECOND)

typedef struct Machine {
    Arena *arena; /* holds the note's strings, and this */
    MachineNote note;
    bool signalled;
    int64_t rebooted;   /* monotonic; 0: never */
    MachineStats stats; /* the last complete ones; their name is not kept */
} Machine;

static void machine_free(void *data)
{
    Machine *machine = data;
    arena_free(machine->arena);
}

void machines_init(Machines *machines)
{
    g_mutex_init(&machines->lock);
    machines->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, machine_free);
    machines->last_generation = 0;
}

void machines_clear(Machines *machines)
{
    g_hash_table_unref(machines->table);
    g_mutex_clear(&machines->lock);
}

static MachineNote copy_note(Arena *arena, const MachineNote *note)
{
    MachineNote copy = *note;
    copy.name = arena_strdup(arena, note->name);
    copy.console_path = arena_strdup(arena, note->console_path);
    copy.taps = (List){0};
    LIST_EACH (const char *, tap, &note->taps)
        list_add(&copy.taps, arena, arena_strdup(arena, tap));
    return copy;
}

void machines_add(Machines *machines, const char *name, const char *console_path, const List *taps,
                  bool starting)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    if (!starting && g_hash_table_contains(machines->table, name))
        return;
    MachineNote given = {.name = name, .console_path = console_path, .taps = *taps};
    Arena *arena = arena_new();
    Machine *machine = arena_new_struct(arena, Machine);
    machine->arena = arena;
    machine->note = copy_note(arena, &given);
    machine->note.generation = ++machines->last_generation;
    machine->note.starting = starting;
    g_hash_table_replace(machines->table, (char *)machine->note.name, machine);
}

void machines_started(Machines *machines, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, name);
    if (machine)
        machine->note.starting = false;
}

void machines_set_broken(Machines *machines, const char *name, unsigned domain)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, name);
    if (!machine || machine->note.starting)
        return;
    machine->note.broken = true;
    machine->note.broken_domain = domain;
}

void machines_set_stalled(Machines *machines, const char *name, bool stalled)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, name);
    if (machine)
        machine->note.stalled = stalled;
}

void machines_set_signalled(Machines *machines, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, name);
    if (machine)
        machine->signalled = true;
}

bool machines_note_reboot(Machines *machines, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, name);
    if (!machine)
        return true;
    int64_t now = g_get_monotonic_time();
    bool is_new = machine->rebooted == 0 || now - machine->rebooted > REBOOT_QUIET;
    machine->rebooted = now;
    return is_new;
}

void machines_keep_stats(Machines *machines, MachineStats *stats, bool complete)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    Machine *machine = g_hash_table_lookup(machines->table, stats->name);
    if (machine && complete) {
        machine->stats = *stats;
        machine->stats.name = NULL;
    } else if (machine) {
        stats->read_bytes = machine->stats.read_bytes;
        stats->write_bytes = machine->stats.write_bytes;
        stats->read_ops = machine->stats.read_ops;
        stats->write_ops = machine->stats.write_ops;
    }
}

static MachineEnd strike_off(Machines *machines, const Machine *machine)
{
    MachineEnd end = {
        .known = true, .broken = machine->note.broken, .signalled = machine->signalled};
    g_hash_table_remove(machines->table, machine->note.name);
    return end;
}

MachineEnd machines_remove(Machines *machines, const char *name, uint64_t generation)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    const Machine *machine = g_hash_table_lookup(machines->table, name);
    if (!machine || (generation != 0 && machine->note.generation != generation))
        return (MachineEnd){0};
    return strike_off(machines, machine);
}

MachineEnd machines_stopped(Machines *machines, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    const Machine *machine = g_hash_table_lookup(machines->table, name);
    return machine && !machine->note.starting ? strike_off(machines, machine) : (MachineEnd){0};
}

bool machines_find(Machines *machines, Arena *arena, const char *name, MachineNote *ret_note)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    const Machine *machine = g_hash_table_lookup(machines->table, name);
    if (machine)
        *ret_note = copy_note(arena, &machine->note);
    return machine != NULL;
}

List machines_list(Machines *machines, Arena *arena)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    List notes = {0};
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, machines->table);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const Machine *machine = value;
        MachineNote copy = copy_note(arena, &machine->note);
        list_add(&notes, arena, arena_memdup(arena, &copy, sizeof(copy)));
    }
    return notes;
}

bool machines_is_empty(Machines *machines)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&machines->lock);
    return g_hash_table_size(machines->table) == 0;
}
