// One non-blocking TCP connection with its buffers, watched by epoll.
#include "link.h"

#include "basics.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void watch(struct link *link, int operation, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(link->epoll, operation, link->fd, &event) != 0)
        die("epoll refuses a connection: %s", strerror(errno));
}

bool link_open(struct link *link, int epoll, const struct sockaddr_in *address, void *owner)
{
    link->epoll = epoll;
    link->in_start = link->in_end = link->out_size = 0;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        die("no more sockets: %s (see ulimit -n)", strerror(errno));
    int yes = 1;
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(link->fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno != EINPROGRESS) {
        close(link->fd);
        link->fd = -1;
        return false;
    }
    watch(link, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT, owner);
    return true;
}

bool link_is_established(const struct link *link)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void link_close(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    free(link->out);
    link->out = NULL;
    link->out_size = link->out_capacity = 0;
}

bool link_read(struct link *link)
{
    if (link->in_start > 0) {
        memmove(link->in, link_input(link), link_input_size(link));
        link->in_end -= link->in_start;
        link->in_start = 0;
    }
    if (link->in_end == LINK_IN_BYTES)
        die("a server sent a packet of more than %d bytes", LINK_IN_BYTES);
    ssize_t size = recv(link->fd, link->in + link->in_end, LINK_IN_BYTES - link->in_end, 0);
    if (size > 0)
        link->in_end += (size_t)size;
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

static void keep(struct link *link, const uint8_t *bytes, size_t size)
{
    size_t needed = link->out_size + size;
    if (needed > LINK_OUT_BYTES_MAX)
        die("a server does not read what it is sent");
    if (needed > link->out_capacity) {
        link->out = realloc(link->out, needed);
        if (link->out == NULL)
            die("out of memory");
        link->out_capacity = needed;
    }
    memcpy(link->out + link->out_size, bytes, size);
    link->out_size = needed;
}

bool link_write(struct link *link, const void *bytes, size_t size, void *owner)
{
    ssize_t sent = 0;
    if (link->out_size == 0) {
        sent = send(link->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            sent = 0;
    }
    if ((size_t)sent == size)
        return true;
    if (link->out_size == 0)
        watch(link, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, owner);
    keep(link, (const uint8_t *)bytes + sent, size - (size_t)sent);
    return true;
}

bool link_flush(struct link *link, void *owner)
{
    while (link->out_size > 0) {
        ssize_t sent = send(link->fd, link->out, link->out_size, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        link->out_size -= (size_t)sent;
        memmove(link->out, link->out + sent, link->out_size);
    }
    watch(link, EPOLL_CTL_MOD, EPOLLIN, owner);
    return true;
}
