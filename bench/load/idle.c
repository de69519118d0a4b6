// Idle boards: each stays connected and connects again when its connection is lost, as the firmware does.
//
// At first the boards connect as fast as the gateway admits them, at most `pending_max` at a time. A board that was
// dropped or refused waits with full jitter before it connects again: a random time below 1 s, then 2, 4 ... 60 s, at
// least 0.1 s (firmware/lib/darvaz/backoff.py). The program runs until standard input ends, and prints one JSON object
// a line: the number of open boards (twice a second while it changes), the first loss, and the moment at which all are
// open. With a core of its own it does not sleep until all are open for the first time, as in exchange.c.
#include "basics.h"
#include "options.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define TURN_MS 5
#define REPORT_EVERY_NS (500 * NS_PER_MS)
#define GREETING_DEADLINE_NS (15 * NS_PER_S)
#define FIRST_MS 1000
#define LONGEST_MS 60000
#define SHORTEST_MS 100
#define HELD_NS (30 * NS_PER_S)
#define DOUBLINGS_MAX 16

struct board {
    struct peer peer;
    int failures;
    int64_t due_ns;   // closed: when to connect; connecting: when to give up
    int64_t since_ns; // open: since when
};

static const struct options *options;
static struct board *boards;
static int epoll_fd, open_boards, connecting;
static bool has_been_full;
static unsigned long long attempts, losses;
static char last_why[PEER_WHY_BYTES];
static uint64_t random_state = 0x2545F4914F6CDD1DULL;

static double seconds(int64_t time_ns)
{
    return (double)time_ns / NS_PER_S;
}

static uint64_t next_random(void)
{
    // xorshift64*: jitter needs to be spread, not secret.
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DULL;
}

static int64_t backoff_ns(struct board *board)
{
    int doublings = board->failures < DOUBLINGS_MAX ? board->failures : DOUBLINGS_MAX;
    int64_t ceiling_ms = (int64_t)FIRST_MS << doublings;
    board->failures++;
    int64_t wait_ms = (int64_t)(next_random() % (uint64_t)((ceiling_ms < LONGEST_MS ? ceiling_ms : LONGEST_MS) + 1));
    return (wait_ms > SHORTEST_MS ? wait_ms : SHORTEST_MS) * NS_PER_MS;
}

static void report(const char *event, int64_t time_ns)
{
    printf("{\"event\":\"%s\",\"at_s\":%.4f,\"open\":%d,\"attempts\":%llu,\"losses\":%llu,\"why\":\"%.60s\"}\n", event,
           seconds(time_ns), open_boards, attempts, losses, last_why);
    fflush(stdout);
}

// One board

static void drop(struct board *board)
{
    int64_t time_ns = now_ns();
    if (board->peer.state == PEER_OPEN) {
        open_boards--;
        losses++;
        if (time_ns - board->since_ns >= HELD_NS)
            board->failures = 0;
        if (open_boards == options->links - 1 && has_been_full)
            report("lost", time_ns);
    } else {
        connecting--;
    }
    for (char *c = board->peer.why; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
            *c = ' ';
    memcpy(last_why, board->peer.why, sizeof last_why);
    peer_close(&board->peer);
    board->due_ns = time_ns + backoff_ns(board);
}

static void connect_board(struct board *board)
{
    attempts++;
    connecting++;
    board->due_ns = now_ns() + GREETING_DEADLINE_NS;
    if (!peer_open(&board->peer, epoll_fd))
        drop(board);
}

// Answers what a gateway may send to an idle board; returns false when it closes the connection.
static bool answer(struct board *board)
{
    static const char PONG[] = "{\"type\":\"pong\"}";
    struct packet packet;
    while (peer_take(&board->peer, &packet)) {
        if (packet.kind == PACKET_CLOSE)
            return false;
        if (packet.kind == PACKET_TEXT && memmem(packet.payload, packet.size, "\"ping\"", 6)
            && !peer_send_text(&board->peer, PONG, sizeof PONG - 1))
            return false;
    }
    return true;
}

static void count_open(struct board *board)
{
    connecting--;
    open_boards++;
    board->since_ns = now_ns();
    if (open_boards == options->links) {
        has_been_full = true;
        report("full", board->since_ns);
    }
}

static void handle(struct board *board, uint32_t events)
{
    enum peer_state before = board->peer.state;
    if (!peer_receive(&board->peer, events)) {
        drop(board);
        return;
    }
    if (board->peer.state != PEER_OPEN)
        return;
    if (before != PEER_OPEN)
        count_open(board);
    if (!answer(board)) {
        snprintf(board->peer.why, sizeof board->peer.why, "closed by the gateway");
        drop(board);
    }
}

// All of them

static void connect_and_time_out(int64_t time_ns)
{
    for (int i = 0; i < options->links; i++) {
        struct board *board = &boards[i];
        if (board->peer.state == PEER_OPEN || time_ns < board->due_ns)
            continue;
        if (board->peer.state != PEER_CLOSED) {
            snprintf(board->peer.why, sizeof board->peer.why, "no answer to the greeting");
            drop(board);
        } else if (has_been_full || connecting < options->pending_max) {
            connect_board(board);
        }
    }
}

static bool has_input_ended(void)
{
    char byte;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void turn(void)
{
    struct epoll_event events[EVENTS_MAX];
    bool is_awake = options->is_awake && !has_been_full;
    int count = epoll_wait(epoll_fd, events, EVENTS_MAX, is_awake ? 0 : TURN_MS);
    if (count < 0 && errno != EINTR)
        die("epoll fails: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        handle(events[i].data.ptr, events[i].events);
}

int run_idle(const struct options *given)
{
    options = given;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    boards = calloc((size_t)options->links, sizeof *boards);
    if (boards == NULL)
        die("out of memory");
    for (int i = 0; i < options->links; i++)
        peer_init(&boards[i].peer, &options->peers, i);
    random_state ^= (uint64_t)now_ns();
    report("begun", now_ns());
    int64_t check_ns = 0, report_ns = 0;
    for (int reported = 0; !has_input_ended();) {
        turn();
        int64_t time_ns = now_ns();
        if (time_ns >= check_ns || (!has_been_full && connecting < options->pending_max)) {
            connect_and_time_out(time_ns);
            check_ns = time_ns + TURN_MS * NS_PER_MS;
        }
        if (time_ns >= report_ns && open_boards != reported) {
            reported = open_boards;
            report("open", time_ns);
            report_ns = time_ns + REPORT_EVERY_NS;
        }
    }
    return 0;
}
