// One client of a server: connects, introduces itself, and then exchanges packets, in either dialect.
#include "peer.h"

#include "basics.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define HEAD_END "\r\n\r\n"
#define REQUEST_BYTES 1024

void peer_init(struct peer *peer, const struct peer_options *options, int number)
{
    memset(peer, 0, sizeof *peer);
    peer->link.fd = -1;
    peer->options = options;
    peer->number = number;
}

bool peer_open(struct peer *peer, int epoll)
{
    peer->why[0] = '\0';
    peer->state = link_open(&peer->link, epoll, &peer->options->address, peer) ? PEER_CONNECTING : PEER_CLOSED;
    return peer->state == PEER_CONNECTING;
}

void peer_close(struct peer *peer)
{
    link_close(&peer->link);
    peer->state = PEER_CLOSED;
}

uint32_t peer_mask(const struct peer *peer)
{
    return 0x9E3779B9u * (uint32_t)(peer->number + 1) | 0x01010101u;
}

void peer_topic(const struct peer *peer, char *out, size_t size)
{
    snprintf(out, size, "bench/%d", peer->number);
}

bool peer_write(struct peer *peer, const void *bytes, size_t size)
{
    return link_write(&peer->link, bytes, size, peer);
}

bool peer_send_text(struct peer *peer, const char *text, size_t size)
{
    uint8_t packet[PACKET_HEAD_BYTES + PEER_PACKET_BYTES];
    if (size > PEER_PACKET_BYTES)
        die("a text of %zu bytes is too long to send", size);
    return peer_write(peer, packet, websocket_dump(packet, WEBSOCKET_TEXT, text, size, peer_mask(peer)));
}

static bool end(struct peer *peer, const char *why)
{
    snprintf(peer->why, sizeof peer->why, "%s", why);
    return false;
}

// Introducing itself

static bool send_upgrade(struct peer *peer)
{
    const struct peer_options *options = peer->options;
    char request[REQUEST_BYTES];
    const char *token = options->tokens ? options->tokens[peer->number] : "";
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: " WEBSOCKET_KEY "\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                        options->path, ntohs(options->address.sin_port), *token ? "Authorization: Bearer " : "", token,
                        *token ? "\r\n" : "");
    return peer_write(peer, request, (size_t)size);
}

static bool greet(struct peer *peer)
{
    if (!link_is_established(&peer->link))
        return end(peer, "nothing listens");
    peer->state = PEER_GREETING;
    if (peer->options->dialect == WEBSOCKET)
        return send_upgrade(peer);
    char client[PEER_TEXT_BYTES];
    uint8_t packet[PACKET_HEAD_BYTES + PEER_TEXT_BYTES];
    snprintf(client, sizeof client, "bench-%d", peer->number);
    return peer_write(peer, packet, mqtt_dump_connect(packet, client));
}

static bool introduce(struct peer *peer)
{
    char text[PEER_TEXT_BYTES + 64];
    if (peer->options->dialect == WEBSOCKET) {
        peer->state = peer->options->device ? PEER_INTRODUCING : PEER_OPEN;
        if (peer->state == PEER_OPEN)
            return true;
        if (peer->options->introductions) {
            const char *introduction = peer->options->introductions[peer->number];
            return peer_send_text(peer, introduction, strlen(introduction));
        }
        int size = snprintf(text, sizeof text, "{\"type\":\"connect\",\"device\":\"%s-%d\",\"version\":\"1.0.0\"}",
                            peer->options->device, peer->number);
        return peer_send_text(peer, text, (size_t)size);
    }
    peer->state = peer->options->subscribes ? PEER_INTRODUCING : PEER_OPEN;
    if (peer->state == PEER_OPEN)
        return true;
    uint8_t packet[PACKET_HEAD_BYTES + sizeof text];
    peer_topic(peer, text, sizeof text);
    return peer_write(peer, packet, mqtt_dump_subscribe(packet, text, peer->options->qos));
}

// Reads the answer to the handshake of a WebSocket.
static bool receive_head(struct peer *peer)
{
    struct link *link = &peer->link;
    const char *head = (const char *)link_input(link);
    const char *head_end = memmem(head, link_input_size(link), HEAD_END, strlen(HEAD_END));
    if (head_end == NULL)
        return true;
    size_t size = (size_t)(head_end - head) + strlen(HEAD_END);
    const char *line_end = memchr(head, '\r', size);
    if (size < 12 || memcmp(head + 8, " 101", 4) != 0 || !memmem(head, size, WEBSOCKET_ACCEPT, strlen(WEBSOCKET_ACCEPT))) {
        snprintf(peer->why, sizeof peer->why, "the handshake was answered with %.*s", (int)(line_end - head), head);
        return false;
    }
    link_consume(link, size);
    return introduce(peer);
}

static bool is_welcome(const struct peer *peer, const struct packet *packet)
{
    if (peer->options->dialect == WEBSOCKET)
        return packet->kind == PACKET_TEXT && memmem(packet->payload, packet->size, "connection_ack", 14);
    // Both CONNACK and SUBACK end with a code, of which 0x80 and, in the first, all but 0 are refusals.
    uint8_t code = packet->size > 0 ? packet->payload[packet->size - 1] : 0x80;
    return packet->kind == PACKET_WELCOME && (peer->state == PEER_GREETING ? code == 0 : code < 0x80);
}

static bool receive_welcome(struct peer *peer)
{
    struct packet packet;
    if (!peer_take(peer, &packet))
        return true;
    if (!is_welcome(peer, &packet)) {
        int size = packet.size < 60 ? (int)packet.size : 60;
        snprintf(peer->why, sizeof peer->why, "not welcome: %.*s", size, (const char *)packet.payload);
        return false;
    }
    if (peer->state == PEER_GREETING)
        return introduce(peer);
    peer->state = PEER_OPEN;
    return true;
}

// Receiving

bool peer_receive(struct peer *peer, uint32_t events)
{
    if (peer->state == PEER_CONNECTING && !greet(peer))
        return peer->why[0] ? false : end(peer, "ended during the handshake");
    if (events & EPOLLOUT && !link_flush(&peer->link, peer))
        return end(peer, "ended while writing");
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return true;
    if (!link_read(&peer->link))
        return end(peer, "ended by the server");
    if (peer->state == PEER_GREETING && peer->options->dialect == WEBSOCKET)
        return receive_head(peer);
    if (peer->state == PEER_GREETING || peer->state == PEER_INTRODUCING)
        return receive_welcome(peer);
    return true;
}

bool peer_take(struct peer *peer, struct packet *packet)
{
    struct link *link = &peer->link;
    bool is_websocket = peer->options->dialect == WEBSOCKET;
    for (;;) {
        ssize_t size = (is_websocket ? websocket_parse : mqtt_parse)(link_input(link), link_input_size(link), packet);
        if (size < 0)
            die("the server broke the rules of its protocol");
        if (size == 0)
            return false;
        link_consume(link, (size_t)size);
        if (!is_websocket || packet->kind != PACKET_PING)
            return true;
        uint8_t pong[PACKET_HEAD_BYTES + 125];
        peer_write(peer, pong, websocket_dump(pong, WEBSOCKET_PONG, packet->payload, packet->size, peer_mask(peer)));
    }
}
