/* The schedule of one loop.
 *
 *     idle ──(timer)──> [waiting ──>] running ──(result, then end or timer)──> idle
 *
 * A target's first probe is made at once, its second after a part of the interval that is its own,
 * the others an interval after the one before began. The parts of successive targets are as far
 * from each other as can be (multiples of the golden section), so that targets which were all
 * added at the same time are spread evenly over the interval from the second probe on; the first
 * ones are spread by the bound on how many run.
 *
 * Invariants: a Probed has its timer set, or waits, or neither only between a step's beginning and
 * its end; check is set exactly while it is running. */
#include "lb/probe_schedule.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    AGAIN_MS = 1000, /* after a want of descriptors; and between hints */
    DRAIN_MS = 250,  /* for the rest of an answer whose status is known */
};

/* Finer than the loop's own: a timer that is due by the kernel's clock must be due by this one. */
static int64_t precise_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what is probed ---- */

void probe_plan_init(ProbePlan *plan, const ProbeTarget *target)
{
    bool http = target->protocol == PROBE_HTTP || target->protocol == PROBE_HTTPS;
    *plan = (ProbePlan){
        .protocol = target->protocol,
        .interval_ms = MAX(target->interval_ms, 1),
        .timeout_ms = MAX(target->timeout_ms, 1),
        .healthy = MAX(target->healthy, 1),
        .unhealthy = MAX(target->unhealthy, 1),
    };
    uint32_t a = target->address;
    plan->request = http ? g_strdup_printf("GET %s HTTP/1.1\r\n"
                                           "Host: %u.%u.%u.%u:%u\r\n"
                                           "User-Agent: ELB-HealthChecker/1.0\r\n"
                                           "Accept: */*\r\n"
                                           "Connection: close\r\n\r\n",
                                           target->path ? target->path : "/", a >> 24,
                                           a >> 16 & 255, a >> 8 & 255, a & 255, target->port)
                         : g_strdup("");
}

void probe_plan_clear(ProbePlan *plan)
{
    g_clear_pointer(&plan->request, g_free);
}

bool probe_plan_equal(const ProbePlan *a, const ProbePlan *b)
{
    return a->protocol == b->protocol && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && a->healthy == b->healthy &&
           a->unhealthy == b->unhealthy && strcmp(a->request, b->request) == 0;
}

/* ---- states ---- */

static uint64_t pack(const ProbeStatus *status)
{
    return (uint64_t)status->state | (uint64_t)status->failure << 8 |
           (uint64_t)(uint32_t)status->detail << 32;
}

ProbeStatus probed_status(Probed *probed)
{
    uint64_t packed = atomic_load_explicit(&probed->published, memory_order_relaxed);
    return (ProbeStatus){
        .state = (ProbeState)(packed & 0xff),
        .failure = (ProbeFailure)(packed >> 8 & 0xff),
        .detail = (int)(packed >> 32),
    };
}

/* The state after that many results of one kind in a row. */
static ProbeState state_after(const Probed *probed, ProbeState before)
{
    if (probed->last_was_ok)
        return probed->in_a_row >= probed->plan.healthy ? PROBE_IN_SERVICE : before;
    return probed->in_a_row >= probed->plan.unhealthy ? PROBE_OUT_OF_SERVICE : before;
}

static void take_result(Probed *probed, ProbeFailure failure, int detail)
{
    Prober *prober = probed->prober;
    bool ok = failure == PROBE_OK;
    counter_add(ok ? &prober->succeeded : &prober->failed, 1);
    probed->in_a_row = probed->in_a_row && ok == probed->last_was_ok ? probed->in_a_row + 1 : 1;
    probed->last_was_ok = ok;
    ProbeState before = probed_status(probed).state, now = state_after(probed, before);
    ProbeStatus status = {.state = now, .failure = failure, .detail = detail};
    atomic_store_explicit(&probed->published, pack(&status), memory_order_relaxed);
    if (now == before || !prober->options->changed)
        return;
    prober->options->changed(prober->options->data, &(ProbeEvent){.balancer = probed->balancer,
                                                                  .id = probed->id,
                                                                  .before = before,
                                                                  .now = now,
                                                                  .failure = failure,
                                                                  .detail = detail});
}

/* ---- turns ---- */

/* Sets the kernel's clock for the first timer. */
static void arm(Prober *prober)
{
    const Timer *first = timers_first(&prober->timers);
    int64_t at = first ? first->at : 0;
    if (at == prober->armed)
        return;
    prober->armed = at;
    struct itimerspec when = {
        .it_value = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000},
    };
    timerfd_settime(prober->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void count_running(Prober *prober, int change)
{
    unsigned n = atomic_load_explicit(&prober->running, memory_order_relaxed);
    atomic_store_explicit(&prober->running, n + (unsigned)change, memory_order_relaxed);
}

static void wait_in_line(Probed *probed)
{
    Prober *prober = probed->prober;
    probed->is_waiting = true;
    probed->wait = (GList){.data = probed};
    g_queue_push_tail_link(&prober->waiting, &probed->wait);
    atomic_store_explicit(&prober->waiting_n, prober->waiting.length, memory_order_relaxed);
}

static void leave_line(Probed *probed)
{
    Prober *prober = probed->prober;
    probed->is_waiting = false;
    g_queue_unlink(&prober->waiting, &probed->wait);
    atomic_store_explicit(&prober->waiting_n, prober->waiting.length, memory_order_relaxed);
}

/* When the probe after the one that began at started_at is due. */
static int64_t next_turn(Probed *probed)
{
    if (!probed->spreads)
        return probed->started_at + probed->plan.interval_ms;
    probed->spreads = false;
    uint64_t golden = 0x9e3779b97f4a7c15; /* the golden section of 2^64: products wrap around it */
    uint64_t part = ++probed->prober->spread * golden >> 32;
    return probed->started_at + (int64_t)(part * probed->plan.interval_ms >> 32);
}

static bool is_own_trouble(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC || error == EADDRNOTAVAIL;
}

static void decided(Probed *probed, ProbeFailure failure, int detail);
static void finished(Probed *probed);

/* The caller knows that there is room. False: it did not come to run. */
static bool start_check(Probed *probed)
{
    Prober *prober = probed->prober;
    CheckSpec spec = {
        .address = probed->address,
        .port = probed->port,
        .protocol = probed->plan.protocol,
        .request = probed->plan.request,
        .tls = prober->tls,
        .probed = probed,
        .decided = decided,
        .finished = finished,
    };
    probed->started_at = precise_now_ms();
    probed->decided = false;
    int r = check_start(prober->loop, &spec, &probed->check);
    if (r == 0) {
        count_running(prober, 1);
        timers_set(&prober->timers, &probed->timer, probed->started_at + probed->plan.timeout_ms);
        return true;
    }
    if (is_own_trouble(-r)) {
        counter_add(&prober->put_off, 1);
        timers_set(&prober->timers, &probed->timer, probed->started_at + AGAIN_MS);
        return false;
    }
    timers_set(&prober->timers, &probed->timer, next_turn(probed));
    ProbeFailure failure = check_failure_of(-r);
    take_result(probed, failure, failure == PROBE_BROKEN ? -r : 0);
    return false;
}

static bool has_room(const Prober *prober)
{
    unsigned most = prober->options->running ? prober->options->running : PROBES_RUNNING;
    return atomic_load_explicit(&prober->running, memory_order_relaxed) < most;
}

static void start_or_wait(Probed *probed)
{
    timers_unset(&probed->prober->timers, &probed->timer);
    if (has_room(probed->prober))
        start_check(probed);
    else
        wait_in_line(probed);
}

static void start_waiting(Prober *prober)
{
    while (prober->waiting.length && has_room(prober)) {
        Probed *probed = g_queue_peek_head(&prober->waiting);
        leave_line(probed);
        start_check(probed);
    }
}

/* The running probe is over, whatever came of it. */
static void drop_check(Probed *probed)
{
    check_end(probed->prober->loop, g_steal_pointer(&probed->check));
    count_running(probed->prober, -1);
}

static void decided(Probed *probed, ProbeFailure failure, int detail)
{
    probed->decided = true;
    /* A server that keeps the connection open must not keep others waiting. */
    if (probed->plan.request[0]) {
        timers_set(&probed->prober->timers, &probed->timer, precise_now_ms() + DRAIN_MS);
        arm(probed->prober);
    }
    take_result(probed, failure, detail);
}

static void finished(Probed *probed)
{
    drop_check(probed);
    timers_set(&probed->prober->timers, &probed->timer, next_turn(probed));
    start_waiting(probed->prober);
    arm(probed->prober);
}

static void due(Probed *probed)
{
    if (!probed->check) {
        start_or_wait(probed);
        return;
    }
    drop_check(probed);
    timers_set(&probed->prober->timers, &probed->timer, next_turn(probed));
    if (!probed->decided)
        take_result(probed, PROBE_TIMED_OUT, 0);
    start_waiting(probed->prober);
}

static void tick(Loop *loop, Source *source, uint32_t events)
{
    Prober *prober = container_of(source, Prober, tick);
    uint64_t times;
    ssize_t ignored = read(prober->clock_fd, &times, sizeof times);
    (void)ignored;
    prober->armed = 0;
    int64_t now = precise_now_ms();
    for (Timer *first; (first = timers_first(&prober->timers)) && first->at <= now;)
        due(container_of(first, Probed, timer));
    arm(prober);
}

/* ---- a target's life ---- */

Probed *probed_new(Prober *prober, const ProbeTarget *target, ProbePlan *plan)
{
    Probed *probed = g_new0(Probed, 1);
    *probed = (Probed){
        .prober = prober,
        .balancer = g_strdup(target->balancer),
        .id = g_strdup(target->id),
        .address = target->address,
        .port = target->port,
        .plan = *plan,
    };
    *plan = (ProbePlan){0};
    ProbeStatus status = {.state = target->was_in_service ? PROBE_IN_SERVICE : PROBE_REGISTERING};
    atomic_init(&probed->published, pack(&status));
    return probed;
}

void probed_begin(Probed *probed)
{
    probed->spreads = true;
    start_or_wait(probed);
    arm(probed->prober);
}

void probed_change(Probed *probed, ProbePlan *plan)
{
    probed_stop(probed);
    probe_plan_clear(&probed->plan);
    probed->plan = *plan;
    *plan = (ProbePlan){0};
    probed->in_a_row = 0;
    probed_begin(probed);
}

void probed_hint(Probed *probed)
{
    if (probed->check || probed->is_waiting || precise_now_ms() - probed->started_at < AGAIN_MS)
        return;
    start_or_wait(probed);
    arm(probed->prober);
}

void probed_stop(Probed *probed)
{
    timers_unset(&probed->prober->timers, &probed->timer);
    if (probed->is_waiting)
        leave_line(probed);
    if (probed->check) {
        drop_check(probed);
        start_waiting(probed->prober);
    }
    arm(probed->prober);
}

void probed_free(Probed *probed)
{
    probe_plan_clear(&probed->plan);
    g_free(probed->balancer);
    g_free(probed->id);
    g_free(probed);
}

/* ---- the loop's part ---- */

int prober_init(Prober *prober, Worker *worker, const ProbesOptions *options, TlsContext *tls)
{
    *prober = (Prober){
        .loop = &worker->loop,
        .tick.ready = tick,
        .waiting = G_QUEUE_INIT,
        .options = options,
        .tls = tls,
    };
    timers_init(&prober->timers);
    prober->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return prober->clock_fd < 0 ? -errno : 0;
}

int prober_begin(Prober *prober)
{
    return loop_watch(prober->loop, prober->clock_fd, &prober->tick, EPOLLIN);
}

void prober_end(Prober *prober)
{
    loop_forget(prober->loop, prober->clock_fd);
}

void prober_release(Prober *prober)
{
    timers_release(&prober->timers);
    if (prober->clock_fd >= 0)
        close(prober->clock_fd);
}
