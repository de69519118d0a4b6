// The load generator of the benchmarks: many clients on one core, in one thread.
//
//     load exchange OPTIONS   as many messages as the server answers, with a fixed number in flight
//     load idle OPTIONS       boards that stay connected, and connect again when their connection is lost
//     load command OPTIONS    commands over HTTP to boards that answer them, with or without other traffic
//
// Results are JSON on standard output; an error is a sentence on standard error and exit status 1.
#include "basics.h"
#include "options.h"

#include <string.h>

int main(int count, char **words)
{
    struct options options;
    if (count < 2)
        die("the mode is missing: exchange, idle or command");
    raise_file_limit();
    parse_options(count - 1, words + 1, &options);
    if (strcmp(words[1], "exchange") == 0)
        return run_exchange(&options);
    if (strcmp(words[1], "idle") == 0)
        return run_idle(&options);
    if (strcmp(words[1], "command") == 0)
        return run_command(&options);
    die("%s is not one of exchange, idle, command", words[1]);
}
