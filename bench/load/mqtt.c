// MQTT 3.1.1: the packets that publish, subscribe and acknowledge.
#include "packet.h"

#include <stdbool.h>
#include <string.h>

enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30,
    PUBACK = 0x40,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    PINGREQ = 0xC0,
    PINGRESP = 0xD0,
};

static const uint8_t CONNECT_HEAD[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60};

// Section 2.2.3: seven bits a byte, the lowest first.
static uint8_t *dump_head(uint8_t *at, int type, size_t size)
{
    *at++ = (uint8_t)type;
    do {
        uint8_t low = size & 0x7F;
        size >>= 7;
        *at++ = size > 0 ? low | 0x80 : low;
    } while (size > 0);
    return at;
}

static uint8_t *dump_number(uint8_t *at, uint16_t number)
{
    *at++ = (uint8_t)(number >> 8);
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *dump_string(uint8_t *at, const char *text)
{
    size_t size = strlen(text);
    at = dump_number(at, (uint16_t)size);
    memcpy(at, text, size);
    return at + size;
}

size_t mqtt_dump_connect(uint8_t *out, const char *client)
{
    uint8_t *at = dump_head(out, CONNECT, sizeof CONNECT_HEAD + 2 + strlen(client));
    memcpy(at, CONNECT_HEAD, sizeof CONNECT_HEAD);
    return (size_t)(dump_string(at + sizeof CONNECT_HEAD, client) - out);
}

size_t mqtt_dump_subscribe(uint8_t *out, const char *topic, int qos)
{
    uint8_t *at = dump_head(out, SUBSCRIBE, 2 + 2 + strlen(topic) + 1);
    at = dump_string(dump_number(at, 1), topic);
    *at++ = (uint8_t)qos;
    return (size_t)(at - out);
}

size_t mqtt_dump_publish(uint8_t *out, const char *topic, const void *payload, size_t size, int qos, uint16_t id)
{
    size_t rest = 2 + strlen(topic) + (qos > 0 ? 2 : 0) + size;
    uint8_t *at = dump_string(dump_head(out, PUBLISH | qos << 1, rest), topic);
    if (qos > 0)
        at = dump_number(at, id);
    memcpy(at, payload, size);
    return (size_t)(at + size - out);
}

size_t mqtt_dump_puback(uint8_t *out, uint16_t id)
{
    return (size_t)(dump_number(dump_head(out, PUBACK, 2), id) - out);
}

size_t mqtt_dump_pingreq(uint8_t *out)
{
    return (size_t)(dump_head(out, PINGREQ, 0) - out);
}

// Returns the size of the head and sets what follows it; 0 if it is not all here, -1 if it is malformed.
static ssize_t parse_head(const uint8_t *in, size_t size, size_t *rest)
{
    *rest = 0;
    for (size_t i = 1; i < 5; i++) {
        if (i >= size)
            return 0;
        *rest |= (size_t)(in[i] & 0x7F) << (7 * (i - 1));
        if (!(in[i] & 0x80))
            return (ssize_t)(i + 1);
    }
    return -1;
}

// Sets payload and id of a message, which come behind its topic; returns false if they do not fit.
static bool parse_message(int flags, const uint8_t *body, size_t size, struct packet *packet)
{
    if (size < 2)
        return false;
    size_t head = 2 + ((size_t)body[0] << 8 | body[1]);
    bool has_id = flags & 0x06;
    if (size < head + (has_id ? 2 : 0))
        return false;
    packet->kind = PACKET_TEXT;
    if (has_id) {
        packet->id = (uint16_t)(body[head] << 8 | body[head + 1]);
        head += 2;
    }
    packet->payload = body + head;
    packet->size = size - head;
    return true;
}

ssize_t mqtt_parse(const uint8_t *in, size_t size, struct packet *packet)
{
    size_t rest;
    ssize_t head = parse_head(in, size, &rest);
    if (head <= 0)
        return head;
    if (size < (size_t)head + rest)
        return 0;
    *packet = (struct packet){.kind = PACKET_OTHER, .payload = in + head, .size = rest};
    switch (in[0] & 0xF0) {
    case PUBLISH:
        if (!parse_message(in[0] & 0x0F, in + head, rest, packet))
            return -1;
        break;
    case PUBACK:
        packet->kind = PACKET_ACK;
        break;
    case PINGRESP:
        packet->kind = PACKET_RECEIPT;
        break;
    case CONNACK:
    case SUBACK:
        packet->kind = PACKET_WELCOME;
        break;
    }
    return head + (ssize_t)rest;
}
