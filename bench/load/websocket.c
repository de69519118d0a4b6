// WebSocket packets (RFC 6455, section 5.2): written masked, as a client must, and read unmasked.
#include "packet.h"

#include <string.h>

size_t websocket_dump(uint8_t *out, int opcode, const void *payload, size_t size, uint32_t mask)
{
    uint8_t *at = out;
    *at++ = (uint8_t)(0x80 | opcode);
    if (size < 126) {
        *at++ = (uint8_t)(0x80 | size);
    } else {
        *at++ = 0x80 | 126;
        *at++ = (uint8_t)(size >> 8);
        *at++ = (uint8_t)size;
    }
    uint8_t key[4];
    memcpy(key, &mask, sizeof key);
    memcpy(at, key, sizeof key);
    at += sizeof key;
    for (size_t i = 0; i < size; i++)
        *at++ = ((const uint8_t *)payload)[i] ^ key[i % 4];
    return (size_t)(at - out);
}

static enum packet_kind kind_of(int opcode)
{
    switch (opcode) {
    case WEBSOCKET_TEXT:
        return PACKET_TEXT;
    case WEBSOCKET_PING:
        return PACKET_PING;
    case WEBSOCKET_CLOSE:
        return PACKET_CLOSE;
    default:
        return PACKET_OTHER;
    }
}

ssize_t websocket_parse(const uint8_t *in, size_t size, struct packet *packet)
{
    if (size < 2)
        return 0;
    // Fragments, reserved bits and masks are things that no server here may send.
    if ((in[0] & 0xF0) != 0x80 || in[1] & 0x80)
        return -1;
    size_t head = 2, length = in[1];
    if (length == 127)
        return -1;
    if (length == 126) {
        if (size < 4)
            return 0;
        head = 4;
        length = (size_t)in[2] << 8 | in[3];
    }
    if (size < head + length)
        return 0;
    *packet = (struct packet){.kind = kind_of(in[0] & 0x0F), .payload = in + head, .size = length};
    return (ssize_t)(head + length);
}
