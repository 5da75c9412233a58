/* Counters to metrics.
 *
 * Invariant: a series is used no longer than the metrics' generation that it was got under; and
 * what is known of an instance (its group above all) is at most 15 seconds old, unless nothing was
 * written to the store meanwhile. */
#include "scaler/sample.h"

#include "cloud/fast_clock.h"
#include "cloud/machine_owners.h"
#include "cloud/metrics.h"
#include <string.h>

#define MINUTE (60 * CLOCK_SECOND)
#define SPREAD_MOST 64 /* minutes between two samples; see scaler/sampler.h */
#define REFRESH_EVERY (15 * CLOCK_SECOND)

typedef enum MetricId {
    CPU_UTILIZATION,
    NETWORK_IN,
    NETWORK_OUT,
    NETWORK_PACKETS_IN,
    NETWORK_PACKETS_OUT,
    DISK_READ_BYTES,
    DISK_WRITE_BYTES,
    DISK_READ_OPS,
    DISK_WRITE_OPS,
    STATUS_CHECK_FAILED,
    STATUS_CHECK_FAILED_INSTANCE,
    STATUS_CHECK_FAILED_SYSTEM,
    METRIC_IDS,
} MetricId;

static const struct {
    const char *name, *unit;
    ptrdiff_t counter; /* in MachineStats; -1: none */
} metrics_of_machines[METRIC_IDS] = {
    [CPU_UTILIZATION] = {"CPUUtilization", "Percent", -1},
    [NETWORK_IN] = {"NetworkIn", "Bytes", offsetof(MachineStats, rx_bytes)},
    [NETWORK_OUT] = {"NetworkOut", "Bytes", offsetof(MachineStats, tx_bytes)},
    [NETWORK_PACKETS_IN] = {"NetworkPacketsIn", "Count", offsetof(MachineStats, rx_packets)},
    [NETWORK_PACKETS_OUT] = {"NetworkPacketsOut", "Count", offsetof(MachineStats, tx_packets)},
    [DISK_READ_BYTES] = {"DiskReadBytes", "Bytes", offsetof(MachineStats, read_bytes)},
    [DISK_WRITE_BYTES] = {"DiskWriteBytes", "Bytes", offsetof(MachineStats, write_bytes)},
    [DISK_READ_OPS] = {"DiskReadOps", "Count", offsetof(MachineStats, read_ops)},
    [DISK_WRITE_OPS] = {"DiskWriteOps", "Count", offsetof(MachineStats, write_ops)},
    [STATUS_CHECK_FAILED] = {"StatusCheckFailed", "Count", -1},
    [STATUS_CHECK_FAILED_INSTANCE] = {"StatusCheckFailed_Instance", "Count", -1},
    [STATUS_CHECK_FAILED_SYSTEM] = {"StatusCheckFailed_System", "Count", -1},
};

/* Several machines together, or one: the series of its metrics. */
typedef struct Subject {
    MetricSeries *series[METRIC_IDS];
    MetricStat sums[METRIC_IDS]; /* of the sample that is being made */
    bool used;                   /* has such */
} Subject;

typedef struct Machine {
    char *id, *account_id, *type, *group; /* group: NULL without */
    Subject subject;
    Subject *together[4]; /* of its group, image, type, account; NULL without */
    MachineStats before;
    bool seen;        /* before is set */
    unsigned current; /* the sample in which it was last there */
} Machine;

struct SampleSet {
    Cloud *cloud;
    GHashTable *machines; /* by id */
    GHashTable *subjects; /* Subject by "account\nNAME=VALUE" */
    unsigned generation;
    unsigned current;
    int64_t taken, taken_real; /* the last sample, in the fast clock's and in real time */
    int64_t refreshed;
    uint64_t version; /* of the store, then */
    GArray *samples;
};

/* ---- what is known of machines ---- */

static void machine_clear(Machine *machine)
{
    g_free(machine->account_id);
    g_free(machine->type);
    g_free(machine->group);
    machine->account_id = machine->type = machine->group = NULL;
}

static void machine_free(void *data)
{
    Machine *machine = data;
    machine_clear(machine);
    g_free(machine->id);
    g_free(machine);
}

static void open_subject(SampleSet *set, Subject *subject, const char *account_id,
                         const char *dimension, const char *value)
{
    g_autoptr(Arena) arena = arena_new();
    MetricDimension one = {dimension, value};
    for (unsigned i = 0; i < METRIC_IDS; i++) {
        MetricKey key = {
            .account_id = account_id,
            .space = "AWS/EC2",
            .name = metrics_of_machines[i].name,
            .unit = metrics_of_machines[i].unit,
        };
        if (dimension)
            list_add(&key.dimensions, arena, &one);
        subject->series[i] = metrics_series(cloud_metrics(set->cloud), &key);
    }
}

static Subject *subject_of(SampleSet *set, const char *account_id, const char *dimension,
                           const char *value)
{
    g_autofree char *name =
        g_strdup_printf("%s\n%s=%s", account_id, dimension ? dimension : "", value ? value : "");
    Subject *subject = g_hash_table_lookup(set->subjects, name);
    if (!subject) {
        subject = g_new0(Subject, 1);
        open_subject(set, subject, account_id, dimension, value);
        g_hash_table_insert(set->subjects, g_steal_pointer(&name), subject);
    }
    return subject;
}

static void know_machine(SampleSet *set, Machine *machine, const MachineOwner *owner)
{
    const char *account_id = owner->account_id;
    if (!machine->account_id)
        open_subject(set, &machine->subject, account_id, "InstanceId", machine->id);
    else if (g_strcmp0(machine->group, owner->group) == 0 &&
             strcmp(machine->type, owner->type) == 0)
        return;
    machine_clear(machine);
    machine->account_id = g_strdup(account_id);
    machine->type = g_strdup(owner->type);
    machine->group = g_strdup(owner->group);
    machine->together[0] =
        owner->group ? subject_of(set, account_id, "AutoScalingGroupName", owner->group) : NULL;
    machine->together[1] = subject_of(set, account_id, "ImageId", owner->image_id);
    machine->together[2] = subject_of(set, account_id, "InstanceType", owner->type);
    machine->together[3] = subject_of(set, account_id, NULL, NULL);
}

/* Of all machines, or only of those of which nothing is known yet. */
static bool look_up_machines(SampleSet *set, bool all, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List ids = {0}, owners = {0};
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, set->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        if (all || !machine->account_id)
            list_add(&ids, arena, machine->id);
    }
    if (!machine_owners(set->cloud, arena, &ids, &owners, error))
        return false;
    LIST_EACH (const MachineOwner *, owner, &owners)
        know_machine(set, g_hash_table_lookup(set->machines, owner->id), owner);
    return true;
}

/* ---- counting ---- */

size_t sample_spread(int64_t from, int64_t to, size_t most, int64_t *times, double *parts)
{
    size_t n = 0;
    double whole = (double)(to - from);
    while (from < to && n < most) {
        int64_t end = n + 1 < most ? MIN(from - from % MINUTE + MINUTE, to) : to;
        times[n] = from;
        parts[n++] = (double)(end - from) / whole;
        from = end;
    }
    return n;
}

static uint64_t counter(const MachineStats *stats, MetricId id)
{
    return *(const uint64_t *)(const void *)((const char *)stats + metrics_of_machines[id].counter);
}

/* Counters begin at 0 with each start of a machine. */
static bool was_restarted(const MachineStats *before, const MachineStats *now)
{
    return now->cpu_ns < before->cpu_ns || now->rx_bytes < before->rx_bytes ||
           now->read_bytes < before->read_bytes || now->vcpus != before->vcpus;
}

static double passed_between(uint64_t before, uint64_t now)
{
    return now > before ? (double)(now - before) : 0;
}

double sample_cpu_percent(const MachineStats *before, const MachineStats *now, int64_t passed)
{
    double ran = passed_between(before->cpu_ns, now->cpu_ns);
    double waited = passed_between(before->wait_ns, now->wait_ns);
    double could = (double)passed * 1000 * now->vcpus - waited;
    if (passed <= 0 || now->vcpus == 0)
        return 0;
    /* The kernel's counters are not all read at one instant. */
    return could <= ran ? 100 : ran / could * 100;
}

static void add_to(Subject *subject, MetricId id, double value)
{
    MetricStat *sum = &subject->sums[id];
    sum->min = sum->count > 0 ? MIN(sum->min, value) : value;
    sum->max = sum->count > 0 ? MAX(sum->max, value) : value;
    sum->count++;
    sum->sum += value;
    subject->used = true;
}

static void count_machine(Machine *machine, const MachineStats *now, int64_t passed)
{
    for (MetricId id = 0; id < METRIC_IDS; id++) {
        double value = 0;
        if (id == CPU_UTILIZATION)
            value = sample_cpu_percent(&machine->before, now, passed);
        else if (metrics_of_machines[id].counter >= 0)
            value = (double)(counter(now, id) - counter(&machine->before, id));
        add_to(&machine->subject, id, value);
        for (size_t i = 0; i < G_N_ELEMENTS(machine->together); i++) {
            if (machine->together[i])
                add_to(machine->together[i], id, value);
        }
    }
}

/* Shares are the same in each part; what was counted is divided. */
static MetricStat part_of(MetricId id, const MetricStat *stat, double part)
{
    bool divided = metrics_of_machines[id].counter >= 0;
    return divided ? (MetricStat){stat->count, stat->sum * part, stat->min * part, stat->max * part}
                   : *stat;
}

static void give(SampleSet *set, Subject *subject, double part)
{
    for (MetricId id = 0; subject->used && id < METRIC_IDS; id++) {
        const MetricSample sample = {subject->series[id], part_of(id, &subject->sums[id], part)};
        g_array_append_val(set->samples, sample);
    }
}

static void forget_sums(Subject *subject)
{
    memset(subject->sums, 0, sizeof(subject->sums));
    subject->used = false;
}

static void each_subject(SampleSet *set, void (*fn)(SampleSet *set, Subject *subject, double part),
                         double part)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, set->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        fn(set, &((Machine *)value)->subject, part);
    g_hash_table_iter_init(&iter, set->subjects);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        fn(set, value, part);
}

static void forget_part(SampleSet *set, Subject *subject, double part)
{
    forget_sums(subject);
}

static void give_all(SampleSet *set, int64_t now)
{
    int64_t times[SPREAD_MOST];
    double parts[SPREAD_MOST];
    /* Of minutes that nobody can have wanted to see one is like the other. */
    int64_t from = MAX(set->taken, now - (SPREAD_MOST - 1) * MINUTE);
    size_t n = sample_spread(from, now, SPREAD_MOST, times, parts);
    for (size_t i = 0; i < n; i++) {
        g_array_set_size(set->samples, 0);
        each_subject(set, give, parts[i]);
        metrics_sample(cloud_metrics(set->cloud), set->generation, i + 1 < n ? times[i] : now - 1,
                       (const MetricSample *)(void *)set->samples->data, set->samples->len);
    }
    each_subject(set, forget_part, 0);
}

/* ---- the sample ---- */

static Machine *machine_of(SampleSet *set, const char *id)
{
    Machine *machine = g_hash_table_lookup(set->machines, id);
    if (!machine) {
        machine = g_new0(Machine, 1);
        machine->id = g_strdup(id);
        g_hash_table_insert(set->machines, machine->id, machine);
    }
    machine->current = set->current;
    return machine;
}

static gboolean is_gone(gpointer key, gpointer value, gpointer data)
{
    return ((const Machine *)value)->current != ((const SampleSet *)data)->current;
}

static void forget_all(SampleSet *set)
{
    g_hash_table_remove_all(set->machines);
    g_hash_table_remove_all(set->subjects);
}

static bool refresh(SampleSet *set, int64_t now, GError **error)
{
    uint64_t version = cloud_version(set->cloud);
    bool all = version != set->version && now >= set->refreshed + REFRESH_EVERY;
    if (all) {
        set->refreshed = now;
        set->version = version;
    }
    return look_up_machines(set, all, error);
}

bool sample_set_take(SampleSet *set, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List all = {0};
    unsigned generation = metrics_generation(cloud_metrics(set->cloud));
    if (generation != set->generation)
        forget_all(set);
    set->generation = generation;
    set->current++;
    int64_t now = fast_now(set->cloud), real = g_get_monotonic_time();
    if (!cloud_machine_stats(set->cloud, arena, &all, error))
        return false;
    LIST_EACH (const MachineStats *, stats, &all)
        machine_of(set, stats->name);
    g_hash_table_foreach_remove(set->machines, is_gone, set);
    if (!refresh(set, real, error))
        return false;
    LIST_EACH (const MachineStats *, stats, &all) {
        Machine *machine = g_hash_table_lookup(set->machines, stats->name);
        if (machine->seen && machine->account_id && !was_restarted(&machine->before, stats))
            count_machine(machine, stats, real - set->taken_real);
        machine->before = *stats;
        machine->before.name = NULL;
        machine->seen = true;
    }
    if (set->taken && now > set->taken)
        give_all(set, now);
    set->taken = now;
    set->taken_real = real;
    return true;
}

SampleSet *sample_set_new(Cloud *cloud)
{
    SampleSet *set = g_new0(SampleSet, 1);
    set->cloud = cloud;
    set->machines = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, machine_free);
    set->subjects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    set->generation = metrics_generation(cloud_metrics(cloud));
    set->samples = g_array_new(false, false, sizeof(MetricSample));
    return set;
}

void sample_set_free(SampleSet *set)
{
    if (!set)
        return;
    g_hash_table_unref(set->machines);
    g_hash_table_unref(set->subjects);
    g_array_unref(set->samples);
    g_free(set);
}
