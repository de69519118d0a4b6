// A server that only echoes WebSocket packets: the lower limit of any server's cost, which shows that the load
// generator is not what is measured. It prints its port and runs until it is ended.
#include "basics.h"
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 16384
#define EVENTS_MAX 128

static const char ACCEPTANCE[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: " WEBSOCKET_ACCEPT "\r\n\r\n";

struct client {
    int fd;
    bool is_open;
    size_t size;
    uint8_t in[BUFFER_BYTES];
};

static uint8_t out[BUFFER_BYTES];

static void write_all(const struct client *client, const void *bytes, size_t size)
{
    // Clients keep few packets on the way, which fit into a socket's buffer.
    if (send(client->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("a client does not read");
}

// Echoes one masked packet into `out`; returns its size in the input, 0 if it is not all here.
static size_t echo_packet(const uint8_t *in, size_t size, size_t *out_size)
{
    if (size < 2)
        return 0;
    size_t length = in[1] & 0x7F, head = 2;
    if (length == 126) {
        if (size < 4)
            return 0;
        length = (size_t)in[2] << 8 | in[3];
        head = 4;
    }
    if (size < head + 4 + length)
        return 0;
    uint8_t *at = out + *out_size;
    memcpy(at, in, head);
    at[1] &= 0x7F;
    for (size_t i = 0; i < length; i++)
        at[head + i] = in[head + 4 + i] ^ in[head + i % 4];
    *out_size += head + length;
    return head + 4 + length;
}

static void echo(struct client *client)
{
    size_t done = 0, out_size = 0, size;
    while ((size = echo_packet(client->in + done, client->size - done, &out_size)) > 0)
        done += size;
    client->size -= done;
    memmove(client->in, client->in + done, client->size);
    if (out_size > 0)
        write_all(client, out, out_size);
}

static void receive(struct client *client)
{
    ssize_t size = recv(client->fd, client->in + client->size, BUFFER_BYTES - client->size, 0);
    if (size <= 0) {
        if (size < 0 && errno == EAGAIN)
            return;
        close(client->fd);
        free(client);
        return;
    }
    client->size += (size_t)size;
    if (client->is_open) {
        echo(client);
    } else if (memmem(client->in, client->size, "\r\n\r\n", 4)) {
        client->is_open = true;
        client->size = 0;
        write_all(client, ACCEPTANCE, sizeof ACCEPTANCE - 1);
    }
}

static void welcome(int epoll, int listener)
{
    int yes = 1;
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL || (client->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
        free(client);
        return;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0)
        die("cannot listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void)
{
    int listener = listen_anywhere(), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                welcome(epoll, listener);
            else
                receive(events[i].data.ptr);
        }
    }
}
