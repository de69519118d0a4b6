// The command line: names and numbers, each with a default that suits the gateway.
#include "options.h"

#include "basics.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_key {
    PORT = 1, LINKS, SERVER, DIALECT, PATH, DEVICE, TOKENS, QOS, SUBSCRIBE,
    IN_FLIGHT, LOGS, MESSAGE, LOG, EXPECT, WARMUP_MS, WINDOW_MS, AWAKE,
    PENDING_MAX, INTRODUCTIONS, OPERATOR, COMMAND, LOGS_PER_S, GAP_US,
};

static const struct option NAMES[] = {
    {"port", required_argument, NULL, PORT},
    {"links", required_argument, NULL, LINKS},
    {"server", required_argument, NULL, SERVER},
    {"dialect", required_argument, NULL, DIALECT},
    {"path", required_argument, NULL, PATH},
    {"device", required_argument, NULL, DEVICE},
    {"tokens", required_argument, NULL, TOKENS},
    {"qos", required_argument, NULL, QOS},
    {"subscribe", no_argument, NULL, SUBSCRIBE},
    {"in-flight", required_argument, NULL, IN_FLIGHT},
    {"logs", required_argument, NULL, LOGS},
    {"message", required_argument, NULL, MESSAGE},
    {"log", required_argument, NULL, LOG},
    {"expect", required_argument, NULL, EXPECT},
    {"warmup-ms", required_argument, NULL, WARMUP_MS},
    {"window-ms", required_argument, NULL, WINDOW_MS},
    {"awake", no_argument, NULL, AWAKE},
    {"pending-max", required_argument, NULL, PENDING_MAX},
    {"introductions", required_argument, NULL, INTRODUCTIONS},
    {"operator", required_argument, NULL, OPERATOR},
    {"command", required_argument, NULL, COMMAND},
    {"logs-per-s", required_argument, NULL, LOGS_PER_S},
    {"gap-us", required_argument, NULL, GAP_US},
    {NULL, 0, NULL, 0},
};

static int number_of(const char *text, long low, long high)
{
    char *text_end;
    long number = strtol(text, &text_end, 10);
    if (*text == '\0' || *text_end != '\0' || number < low || number > high)
        die("%s is not a number from %ld to %ld", text, low, high);
    return (int)number;
}

static enum dialect dialect_of(const char *text)
{
    if (strcmp(text, "websocket") != 0 && strcmp(text, "mqtt") != 0)
        die("the dialects are websocket and mqtt, not %s", text);
    return text[0] == 'w' ? WEBSOCKET : MQTT;
}

// Reads one text a line, as many as there are links, each shorter than `bytes_max`.
static char **read_lines(const char *path, int links, size_t bytes_max)
{
    FILE *file = fopen(path, "r");
    char **lines = calloc((size_t)links, sizeof *lines);
    if (file == NULL || lines == NULL)
        die("the lines of %s cannot be read", path);
    for (int i = 0; i < links; i++) {
        size_t capacity = 0;
        ssize_t size = getline(&lines[i], &capacity, file);
        if (size < 0)
            die("%s has %d lines, but there are %d links", path, i, links);
        lines[i][strcspn(lines[i], "\r\n")] = '\0';
        if (strlen(lines[i]) >= bytes_max)
            die("a line of %s is too long", path);
    }
    fclose(file);
    return lines;
}

static void take(struct options *options, int key, const char *value, const char **tokens, const char **introductions)
{
    struct peer_options *peers = &options->peers;
    switch (key) {
    case PORT: peers->address.sin_port = htons((uint16_t)number_of(value, 1, 65535)); break;
    case LINKS: options->links = number_of(value, 1, 100000); break;
    case SERVER: options->server = number_of(value, 1, INT_MAX); break;
    case DIALECT: peers->dialect = dialect_of(value); break;
    case PATH: peers->path = value; break;
    case DEVICE: peers->device = value; break;
    case TOKENS: *tokens = value; break;
    case QOS: peers->qos = number_of(value, 0, 1); break;
    case SUBSCRIBE: peers->subscribes = true; break;
    case IN_FLIGHT: options->in_flight = number_of(value, 1, 256); break;
    case LOGS: options->logs = number_of(value, 0, 256); break;
    case MESSAGE: options->message = value; break;
    case LOG: options->log = value; break;
    case EXPECT: options->expected = value; break;
    case WARMUP_MS: options->warmup_ms = number_of(value, 0, 60000); break;
    case WINDOW_MS: options->window_ms = number_of(value, 1, 600000); break;
    case AWAKE: options->is_awake = true; break;
    case PENDING_MAX: options->pending_max = number_of(value, 1, 100000); break;
    case INTRODUCTIONS: *introductions = value; break;
    case OPERATOR: options->operator_token = value; break;
    case COMMAND: options->command = value; break;
    case LOGS_PER_S: options->logs_per_s = number_of(value, 0, 10000000); break;
    case GAP_US: options->gap_us = number_of(value, 0, 1000000); break;
    default: die("there is no such option");
    }
}

void parse_options(int count, char **words, struct options *options)
{
    *options = (struct options){
        .peers = {.path = "/", .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}},
        .links = 1,
        .in_flight = 1,
        .message = "{\"type\":\"ping\"}",
        .log = "{\"type\":\"log\",\"message\":\"\"}",
        .expected = "",
        .warmup_ms = 100,
        .window_ms = 1000,
        .pending_max = 256,
        .operator_token = "",
        .command = "info",
        .gap_us = 1000,
    };
    const char *tokens = NULL, *introductions = NULL;
    int key;
    while ((key = getopt_long(count, words, "", NAMES, NULL)) != -1)
        take(options, key, optarg, &tokens, &introductions);
    if (optind < count)
        die("%s is one word too many", words[optind]);
    if (options->peers.address.sin_port == 0)
        die("--port is missing");
    if (tokens != NULL)
        options->peers.tokens = read_lines(tokens, options->links, PEER_TEXT_BYTES);
    if (introductions != NULL)
        options->peers.introductions = read_lines(introductions, options->links, PEER_PACKET_BYTES);
}
