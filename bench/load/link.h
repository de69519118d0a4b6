// One non-blocking TCP connection with its buffers, watched by epoll.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The largest packet that a server may send us; an answer, an acknowledgement or a command is far smaller.
#define LINK_IN_BYTES 8192
#define LINK_OUT_BYTES_MAX (1 << 20)

struct link {
    int fd;
    int epoll;
    size_t in_start, in_end;
    uint8_t *out;
    size_t out_size, out_capacity;
    uint8_t in[LINK_IN_BYTES];
};

// Begins to connect; epoll will report `owner`. Returns false if the system refuses.
bool link_open(struct link *link, int epoll, const struct sockaddr_in *address, void *owner);

// Returns whether a connection that became writable was established.
bool link_is_established(const struct link *link);

// Ends the connection and forgets its buffers.
void link_close(struct link *link);

// Reads what the system has; returns false when the connection is over.
bool link_read(struct link *link);

// The input that was not consumed yet.
static inline const uint8_t *link_input(const struct link *link) { return link->in + link->in_start; }
static inline size_t link_input_size(const struct link *link) { return link->in_end - link->in_start; }
static inline void link_consume(struct link *link, size_t size) { link->in_start += size; }

// Writes now, or as soon as the system takes it; returns false when the connection is over.
bool link_write(struct link *link, const void *bytes, size_t size, void *owner);

// Writes what waits, after epoll reported the connection as writable.
bool link_flush(struct link *link, void *owner);
