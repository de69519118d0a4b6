// One client of a server: connects, introduces itself, and then exchanges packets, in either dialect.
#pragma once

#include "link.h"
#include "packet.h"

#define PEER_WHY_BYTES 96
// Of a device's name, a topic or a token.
#define PEER_TEXT_BYTES 256
// Of a text that is sent.
#define PEER_PACKET_BYTES 8192

enum dialect { WEBSOCKET, MQTT };

enum peer_state { PEER_CLOSED, PEER_CONNECTING, PEER_GREETING, PEER_INTRODUCING, PEER_OPEN };

struct peer_options {
    struct sockaddr_in address;
    enum dialect dialect;
    const char *path;   // WebSocket: the path of the request
    const char *device; // WebSocket: the name that a device introduces itself with, a number behind it; or NULL
    char **tokens;      // one for each peer; or NULL
    char **introductions; // WebSocket: what each device sends first; or NULL, for a short one with its name
    int qos;            // MQTT: of what is published and subscribed to
    bool subscribes;    // MQTT: each peer receives what it publishes
};

struct peer {
    struct link link;
    const struct peer_options *options;
    enum peer_state state;
    int number;
    char why[PEER_WHY_BYTES]; // why it ended
};

// Prepares a peer that is not connected.
void peer_init(struct peer *peer, const struct peer_options *options, int number);

// Begins to connect; epoll will report the peer.
bool peer_open(struct peer *peer, int epoll);

// Ends the connection.
void peer_close(struct peer *peer);

// Does what epoll reported: connects, introduces itself, reads. Returns false if the connection is over.
bool peer_receive(struct peer *peer, uint32_t events);

// Returns the next packet until there is none; WebSocket pings are answered here.
bool peer_take(struct peer *peer, struct packet *packet);

// Writes; returns false if the connection is over.
bool peer_write(struct peer *peer, const void *bytes, size_t size);

// Writes a text packet (WebSocket).
bool peer_send_text(struct peer *peer, const char *text, size_t size);

// Returns a mask, other than zero and different for each peer.
uint32_t peer_mask(const struct peer *peer);

// Writes the topic of a peer (MQTT) into `out`.
void peer_topic(const struct peer *peer, char *out, size_t size);
