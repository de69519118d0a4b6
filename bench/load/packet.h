// The packets of a server, and how to read and write them in either dialect.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The largest head that a dialect puts before a payload.
#define PACKET_HEAD_BYTES 14

enum packet_kind {
    PACKET_TEXT,   // WebSocket: a text; MQTT: a published message
    PACKET_PING,   // WebSocket: asks for a pong
    PACKET_CLOSE,  // WebSocket: a close
    PACKET_ACK,    // MQTT: PUBACK
    PACKET_RECEIPT, // MQTT: PINGRESP
    PACKET_WELCOME, // MQTT: CONNACK or SUBACK
    PACKET_OTHER,
};

struct packet {
    enum packet_kind kind;
    const uint8_t *payload;
    size_t size;
    uint16_t id; // MQTT: of a message at QoS 1, else 0
};

// WebSocket (RFC 6455). The key is the RFC's own example, so that the answer is known as well.

#define WEBSOCKET_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum websocket_opcode { WEBSOCKET_TEXT = 1, WEBSOCKET_CLOSE = 8, WEBSOCKET_PING = 9, WEBSOCKET_PONG = 10 };

// Writes one masked packet and returns its size; `out` holds head and payload.
size_t websocket_dump(uint8_t *out, int opcode, const void *payload, size_t size, uint32_t mask);

// Reads one packet of a server; returns its size, 0 if it is incomplete, -1 if it breaks the rules.
ssize_t websocket_parse(const uint8_t *in, size_t size, struct packet *packet);

// MQTT 3.1.1

size_t mqtt_dump_connect(uint8_t *out, const char *client);
size_t mqtt_dump_subscribe(uint8_t *out, const char *topic, int qos);
size_t mqtt_dump_publish(uint8_t *out, const char *topic, const void *payload, size_t size, int qos, uint16_t id);
size_t mqtt_dump_puback(uint8_t *out, uint16_t id);
size_t mqtt_dump_pingreq(uint8_t *out);

// As websocket_parse.
ssize_t mqtt_parse(const uint8_t *in, size_t size, struct packet *packet);
