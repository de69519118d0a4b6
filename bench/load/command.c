// Commands over HTTP to boards that answer them: how long a round trip takes, with or without other traffic.
//
// Each operator asks one board after another over one connection, a gap after each answer; `in_flight` says how many
// operators there are. The boards answer at once,
// and meanwhile send log messages at a steady rate, evenly among them. One thread does all of it; measured is
// the time from writing the request until the whole response is read.
#include "basics.h"
#include "histogram.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 128
#define OPEN_DEADLINE_S 20
#define ANSWER_DEADLINE_S 20
#define ANSWER_DEADLINE_S 20
#define TICK_NS (100 * NS_PER_US)
#define REQUEST_BYTES 1024

static const struct options *options;
static struct peer *boards;
static int epoll_fd, timer_fd, open_boards;
static struct histogram round_trips;
static int64_t started_ns, logged;
static bool is_measuring, is_over;
static unsigned long long commands, asked;

struct operator {
    struct link http;
    int64_t asked_ns, next_ask_ns;
    bool is_waiting;
};
static struct operator *operators;

// The boards

static void send_ack(struct peer *board, const struct packet *command)
{
    const char *id = memmem(command->payload, command->size, "\"id\":", 5);
    char ack[64];
    if (id == NULL)
        die("a command without id: %.*s", (int)command->size, (const char *)command->payload);
    // The payload lies in the link's buffer, and behind the digits there is at least a bracket.
    int size = snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"id\":%ld,\"status\":\"ok\"}", strtol(id + 5, NULL, 10));
    peer_send_text(board, ack, (size_t)size);
}

static void handle_board(struct peer *board, uint32_t events)
{
    enum peer_state before = board->state;
    if (!peer_receive(board, events))
        die("board %d: %s", board->number, board->why);
    if (board->state != PEER_OPEN)
        return;
    if (before != PEER_OPEN)
        open_boards++;
    struct packet packet;
    while (peer_take(board, &packet)) {
        if (packet.kind == PACKET_CLOSE)
            die("board %d was closed by the gateway", board->number);
        if (packet.kind != PACKET_TEXT)
            continue;
        if (memmem(packet.payload, packet.size, "\"command\"", 9))
            send_ack(board, &packet);
        else if (memmem(packet.payload, packet.size, "\"error\"", 7))
            die("the gateway complains: %.*s", (int)packet.size, (const char *)packet.payload);
    }
}

// Sends as many logs as are due by now, each from the next board.
static void send_logs(int64_t time_ns)
{
    int64_t due = (time_ns - started_ns) * options->logs_per_s / NS_PER_S;
    size_t size = strlen(options->log);
    for (; logged < due; logged++)
        if (!peer_send_text(&boards[logged % options->links], options->log, size))
            die("a board was dropped while it sent logs");
}

// The operators

static void ask(struct operator *operator)
{
    char request[REQUEST_BYTES];
    int size = snprintf(request, sizeof request,
                        "POST /api/devices/%s-%d/commands/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                        "Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                        options->peers.device, (int)(asked++ % (unsigned long long)options->links), options->command,
                        ntohs(options->peers.address.sin_port), options->operator_token);
    operator->asked_ns = now_ns();
    operator->is_waiting = true;
    if (!link_write(&operator->http, request, (size_t)size, operator))
        die("the gateway closed the operator's connection");
}

// Returns the size of the HTTP response at the front of the input, or 0 if it is not all here.
static size_t response_size(struct link *http)
{
    const char *head = (const char *)link_input(http);
    size_t here = link_input_size(http);
    const char *head_end = memmem(head, here, "\r\n\r\n", 4);
    if (head_end == NULL)
        return 0;
    size_t head_size = (size_t)(head_end - head) + 4;
    const char *length = memmem(head, head_size, "content-length: ", 16);
    if (length == NULL)
        length = memmem(head, head_size, "Content-Length: ", 16);
    if (length == NULL)
        die("a response without Content-Length");
    size_t size = head_size + strtoul(length + 16, NULL, 10);
    return here >= size ? size : 0;
}

static void handle_http(struct operator *operator, uint32_t events)
{
    struct link *http = &operator->http;
    if (events & EPOLLOUT && !link_flush(http, operator))
        die("the gateway closed the operator's connection");
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    if (!link_read(http))
        die("the gateway closed the operator's connection");
    size_t size = response_size(http);
    if (size == 0)
        return;
    const char *response = (const char *)link_input(http);
    if (size < 12 || memcmp(response + 8, " 200", 4) != 0)
        die("a command failed: %.*s", (int)(size < 300 ? size : 300), response);
    int64_t time_ns = now_ns();
    if (is_measuring)
        histogram_add(&round_trips, time_ns - operator->asked_ns, 1);
    link_consume(http, size);
    commands++;
    operator->is_waiting = false;
    operator->next_ask_ns = time_ns + options->gap_us * NS_PER_US;
    if (options->gap_us == 0 && !is_over)
        ask(operator);
}

// The phases of a run

static void handle_timer(void)
{
    uint64_t expirations;
    if (read(timer_fd, &expirations, sizeof expirations) < 0)
        return;
    int64_t time_ns = now_ns();
    send_logs(time_ns);
    for (struct operator *one = operators; one < operators + options->in_flight; one++) {
        if (one->is_waiting && time_ns - one->asked_ns > ANSWER_DEADLINE_S * NS_PER_S)
            die("a command was not answered in %d s", ANSWER_DEADLINE_S);
        if (!one->is_waiting && !is_over && time_ns >= one->next_ask_ns)
            ask(one);
    }
}

static bool is_operator(const void *owner)
{
    return (const struct operator *)owner >= operators && (const struct operator *)owner < operators + options->in_flight;
}

static bool is_any_waiting(void)
{
    for (int i = 0; i < options->in_flight; i++)
        if (operators[i].is_waiting)
            return true;
    return false;
}

static void turn(void)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, 100);
    if (count < 0 && errno != EINTR)
        die("epoll fails: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        void *owner = events[i].data.ptr;
        if (is_operator(owner))
            handle_http(owner, events[i].events);
        else if (owner == &timer_fd)
            handle_timer();
        else
            handle_board(owner, events[i].events);
    }
}

static void open_all(void)
{
    boards = calloc((size_t)options->links, sizeof *boards);
    operators = calloc((size_t)options->in_flight, sizeof *operators);
    if (boards == NULL || operators == NULL || options->peers.device == NULL)
        die("the boards need names: --device");
    int64_t deadline_ns = now_ns() + OPEN_DEADLINE_S * NS_PER_S;
    for (int i = 0; i < options->links; i++) {
        peer_init(&boards[i], &options->peers, i);
        if (!peer_open(&boards[i], epoll_fd))
            die("nobody listens on port %d", ntohs(options->peers.address.sin_port));
    }
    for (int i = 0; i < options->in_flight; i++)
        if (!link_open(&operators[i].http, epoll_fd, &options->peers.address, &operators[i]))
            die("nobody listens on port %d", ntohs(options->peers.address.sin_port));
    while (open_boards < options->links) {
        turn();
        if (now_ns() > deadline_ns)
            die("only %d of %d boards were open after %d s", open_boards, options->links, OPEN_DEADLINE_S);
    }
}

static void start_timer(void)
{
    struct itimerspec every = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &timer_fd};
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &every, NULL) != 0
        || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) != 0)
        die("there is no timer: %s", strerror(errno));
}

int run_command(const struct options *given)
{
    options = given;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_all();
    start_timer();
    started_ns = now_ns();
    int64_t begin_ns = started_ns + options->warmup_ms * NS_PER_MS;
    int64_t end_ns = begin_ns + options->window_ms * NS_PER_MS;
    int64_t begin_logged = 0, begin_cpu_ns = 0, begin_server_cpu_ns = 0, begin_loop_cpu_ns = 0;
    // On a busy machine the first answer may come after a short window.
    while (now_ns() < end_ns || round_trips.total == 0) {
        turn();
        if (now_ns() > end_ns + ANSWER_DEADLINE_S * NS_PER_S)
            die("no command was answered within %d s", ANSWER_DEADLINE_S);
        if (!is_measuring && now_ns() >= begin_ns) {
            is_measuring = true;
            begin_ns = now_ns();
            begin_logged = logged;
            begin_cpu_ns = own_cpu_ns();
            begin_server_cpu_ns = options->server ? process_cpu_ns(options->server) : 0;
            begin_loop_cpu_ns = options->server ? first_thread_cpu_ns(options->server) : 0;
        }
    }
    is_measuring = false;
    double window_s = (double)(now_ns() - begin_ns) / NS_PER_S;
    double load_cpu_s = (double)(own_cpu_ns() - begin_cpu_ns) / NS_PER_S;
    double server_cpu_s = options->server ? (double)(process_cpu_ns(options->server) - begin_server_cpu_ns) / NS_PER_S : 0;
    double loop_cpu_s = options->server ? (double)(first_thread_cpu_ns(options->server) - begin_loop_cpu_ns) / NS_PER_S : 0;
    int64_t window_logged = logged - begin_logged;
    is_over = true;
    while (is_any_waiting())
        turn();
    printf("{\"window_s\":%.6f,\"commands\":%llu,\"commands_sent\":%llu,\"logs\":%lld,\"logs_sent\":%lld,"
           "\"server_cpu_s\":%.6f,\"loop_cpu_s\":%.6f,\"load_cpu_s\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           window_s, (unsigned long long)round_trips.total, commands, (long long)window_logged, (long long)logged,
           server_cpu_s, loop_cpu_s, load_cpu_s, histogram_percentile_us(&round_trips, 0.5),
           histogram_percentile_us(&round_trips, 0.99));
    return 0;
}
