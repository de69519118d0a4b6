// The options of the command line.
#pragma once

#include "peer.h"

#include <sys/types.h>

struct options {
    struct peer_options peers;
    int links;
    pid_t server; // whose processor time is measured; 0 for none

    // exchange
    int in_flight;
    int logs;            // sent before each message that is answered
    const char *message; // the message that is answered
    const char *log;
    const char *expected; // what every answer contains
    int warmup_ms, window_ms;
    bool is_awake; // polls without sleeping

    // idle
    int pending_max;

    // command
    const char *operator_token;
    const char *command;
    int logs_per_s;
    int gap_us;
};

// Parses the options that follow the mode; ends the program with an error if one is wrong.
void parse_options(int count, char **words, struct options *options);

int run_exchange(const struct options *options);
int run_idle(const struct options *options);
int run_command(const struct options *options);
