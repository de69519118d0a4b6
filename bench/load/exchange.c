// Measures throughput: each link keeps a number of messages in flight, and the answers are counted.
//
// A unit brings one answer: a number of log messages, which bring none, and one message that does. Time and processor
// time are taken at both ends of a window. After it the links send nothing and every answer is awaited, so that the
// messages sent can be compared with the server's journal.
//
// With a core of its own the generator never sleeps: on loopback, the server would pay for waking it.
#include "basics.h"
#include "histogram.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define OPEN_DEADLINE_S 20
#define DRAIN_DEADLINE_S 20
#define EVENTS_MAX 128
#define OUT_BYTES (512 * 1024)
#define IN_FLIGHT_MAX 256
// An empty poll takes less than this. A longer one means that another program had the core; that time is not ours.
#define EMPTY_POLL_NS_MAX (10 * NS_PER_US)

struct exchanger {
    struct peer peer;
    uint8_t *unit; // as sent, except for the packet id of MQTT QoS 1
    size_t unit_size;
    size_t id_at;
    uint16_t id;
    uint64_t routed, acked; // MQTT QoS 1: a message is done when it came back and was acknowledged
    int64_t sent_ns[IN_FLIGHT_MAX];
    unsigned sent, answered;
};

enum phase { OPENING, WARMING_UP, MEASURING, DRAINING };

struct snapshot {
    int64_t time_ns, own_cpu_ns, server_cpu_ns;
    uint64_t answered;
};

static const struct options *options;
static struct exchanger *exchangers;
static int epoll_fd, open_links;
static enum phase phase;
static uint64_t sent_units, answered_units, wrong_answers;
static char wrong_sample[120];
static struct histogram round_trips;
static struct snapshot window_begin, window_end;
static int64_t idle_ns; // spent in polls that returned nothing
static uint8_t out[OUT_BYTES];
static size_t out_size;

// Sending

static size_t dump_message(const struct exchanger *e, uint8_t *at, const char *text, int qos)
{
    if (options->peers.dialect == WEBSOCKET)
        return websocket_dump(at, WEBSOCKET_TEXT, text, strlen(text), peer_mask(&e->peer));
    char topic[PEER_TEXT_BYTES];
    peer_topic(&e->peer, topic, sizeof topic);
    return mqtt_dump_publish(at, topic, text, strlen(text), qos, 0);
}

// Makes the bytes of one unit. MQTT at QoS 0 without a subscriber has no answer, so a PINGREQ brings the receipt.
static void make_unit(struct exchanger *e)
{
    const struct peer_options *peers = &options->peers;
    size_t text_bytes = strlen(options->message) + strlen(options->log) + PEER_TEXT_BYTES + 2 * PACKET_HEAD_BYTES;
    e->unit = malloc(text_bytes * (size_t)(options->logs + 1));
    if (e->unit == NULL || text_bytes > 60000)
        die("the messages are too long");
    for (int i = 0; i < options->logs; i++)
        e->unit_size += dump_message(e, e->unit + e->unit_size, options->log, 0);
    if (peers->dialect == MQTT && peers->qos == 0 && !peers->subscribes) {
        e->unit_size += mqtt_dump_pingreq(e->unit + e->unit_size);
        return;
    }
    e->unit_size += dump_message(e, e->unit + e->unit_size, options->message, peers->qos);
    if (peers->dialect == MQTT && peers->qos == 1)
        e->id_at = e->unit_size - strlen(options->message) - 2;
}

static void send_units(struct exchanger *e, int count, int64_t time_ns)
{
    if (out_size + (size_t)count * e->unit_size > OUT_BYTES)
        die("%d units of %zu bytes do not fit", count, e->unit_size);
    for (int i = 0; i < count; i++) {
        memcpy(out + out_size, e->unit, e->unit_size);
        if (e->id_at != 0) {
            e->id = e->id == UINT16_MAX ? 1 : e->id + 1;
            out[out_size + e->id_at] = (uint8_t)(e->id >> 8);
            out[out_size + e->id_at + 1] = (uint8_t)e->id;
        }
        out_size += e->unit_size;
        e->sent_ns[e->sent++ % IN_FLIGHT_MAX] = time_ns;
    }
    sent_units += (uint64_t)count;
}

static void flush(struct exchanger *e)
{
    if (out_size > 0 && !peer_write(&e->peer, out, out_size))
        die("link %d ended while writing", e->peer.number);
    out_size = 0;
}

// Receiving

static void check_answer(const struct packet *packet)
{
    if (memmem(packet->payload, packet->size, options->expected, strlen(options->expected)))
        return;
    if (wrong_answers++ == 0)
        snprintf(wrong_sample, sizeof wrong_sample, "%.*s", (int)packet->size, (const char *)packet->payload);
}

// Returns how many units this packet makes complete.
static int count_answers(struct exchanger *e, const struct packet *packet)
{
    bool is_acknowledged = options->peers.dialect == MQTT && options->peers.qos == 1;
    switch (packet->kind) {
    case PACKET_TEXT:
        check_answer(packet);
        if (!is_acknowledged)
            return 1;
        out_size += mqtt_dump_puback(out + out_size, packet->id);
        e->routed++;
        return e->routed <= e->acked;
    case PACKET_ACK:
        e->acked++;
        return !options->peers.subscribes || e->acked <= e->routed;
    case PACKET_RECEIPT:
        return 1;
    case PACKET_CLOSE:
        die("link %d was closed by the server: %.*s", e->peer.number, packet->size > 2 ? (int)packet->size - 2 : 0,
            (const char *)packet->payload + 2);
    default:
        return 0;
    }
}

static void receive(struct exchanger *e)
{
    struct packet packet;
    int answers = 0;
    while (peer_take(&e->peer, &packet))
        answers += count_answers(e, &packet);
    if (answers > 0) {
        int64_t time_ns = now_ns();
        for (int i = 0; i < answers; i++) {
            if (e->answered == e->sent)
                die("link %d received more answers than it sent messages", e->peer.number);
            int64_t took_ns = time_ns - e->sent_ns[e->answered++ % IN_FLIGHT_MAX];
            if (phase == MEASURING)
                histogram_add(&round_trips, took_ns, 1);
        }
        answered_units += (uint64_t)answers;
        if (phase != DRAINING)
            send_units(e, answers, time_ns);
    }
    flush(e);
}

static void handle(struct exchanger *e, uint32_t events)
{
    enum peer_state before = e->peer.state;
    if (!peer_receive(&e->peer, events))
        die("link %d: %s", e->peer.number, e->peer.why);
    if (e->peer.state != PEER_OPEN)
        return;
    if (before != PEER_OPEN)
        open_links++;
    receive(e);
}

// The phases of a run

static void turn(int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t begin_ns = now_ns();
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, options->is_awake ? 0 : timeout_ms);
    if (count < 0 && errno != EINTR)
        die("epoll fails: %s", strerror(errno));
    if (count == 0 && options->is_awake) {
        int64_t took_ns = now_ns() - begin_ns;
        idle_ns += took_ns < EMPTY_POLL_NS_MAX ? took_ns : EMPTY_POLL_NS_MAX;
    }
    for (int i = 0; i < count; i++)
        handle(events[i].data.ptr, events[i].events);
}

static void open_all(void)
{
    exchangers = calloc((size_t)options->links, sizeof *exchangers);
    if (exchangers == NULL)
        die("out of memory");
    int64_t deadline_ns = now_ns() + OPEN_DEADLINE_S * NS_PER_S;
    for (int i = 0; i < options->links; i++) {
        peer_init(&exchangers[i].peer, &options->peers, i);
        make_unit(&exchangers[i]);
        if (!peer_open(&exchangers[i].peer, epoll_fd))
            die("nothing listens on port %d", ntohs(options->peers.address.sin_port));
    }
    while (open_links < options->links) {
        turn(100);
        if (now_ns() > deadline_ns)
            die("only %d of %d links were open after %d s", open_links, options->links, OPEN_DEADLINE_S);
    }
}

static struct snapshot take_snapshot(void)
{
    return (struct snapshot){
        .time_ns = now_ns(),
        .own_cpu_ns = own_cpu_ns() - idle_ns,
        .server_cpu_ns = options->server ? process_cpu_ns(options->server) : 0,
        .answered = answered_units,
    };
}

static void run_phase(enum phase wanted, int duration_ms)
{
    int64_t end_ns = now_ns() + duration_ms * NS_PER_MS;
    phase = wanted;
    for (int64_t left_ns; (left_ns = end_ns - now_ns()) > 0;)
        turn((int)(left_ns / NS_PER_MS));
}

static void drain(void)
{
    int64_t deadline_ns = now_ns() + DRAIN_DEADLINE_S * NS_PER_S;
    phase = DRAINING;
    while (answered_units < sent_units) {
        turn(100);
        if (now_ns() > deadline_ns)
            die("%llu answers are missing", (unsigned long long)(sent_units - answered_units));
    }
}

static void print_result(void)
{
    const struct snapshot *a = &window_begin, *b = &window_end;
    unsigned long long units = b->answered - a->answered;
    printf("{\"window_s\":%.6f,\"messages\":%llu,\"units_sent\":%llu,\"logs_sent\":%llu,"
           "\"server_cpu_s\":%.6f,\"load_cpu_s\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"wrong_answers\":%llu}\n",
           (double)(b->time_ns - a->time_ns) / NS_PER_S, units * (unsigned long long)(options->logs + 1),
           (unsigned long long)sent_units, (unsigned long long)sent_units * (unsigned long long)options->logs,
           (double)(b->server_cpu_ns - a->server_cpu_ns) / NS_PER_S, (double)(b->own_cpu_ns - a->own_cpu_ns) / NS_PER_S,
           histogram_percentile_us(&round_trips, 0.5), histogram_percentile_us(&round_trips, 0.99),
           (unsigned long long)wrong_answers);
}

int run_exchange(const struct options *given)
{
    options = given;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_all();
    phase = WARMING_UP;
    for (int i = 0; i < options->links; i++) {
        send_units(&exchangers[i], options->in_flight, now_ns());
        flush(&exchangers[i]);
    }
    run_phase(WARMING_UP, options->warmup_ms);
    window_begin = take_snapshot();
    run_phase(MEASURING, options->window_ms);
    window_end = take_snapshot();
    drain();
    for (int i = 0; i < options->links; i++)
        peer_close(&exchangers[i].peer);
    if (wrong_answers > 0)
        die("%llu answers were wrong, the first: %s", (unsigned long long)wrong_answers, wrong_sample);
    print_result();
    return 0;
}
