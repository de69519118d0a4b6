// The load generator of the benchmarks: many clients on one core, in one thread.
//
//     load exchange OPTIONS   as many messages as the server answers, with so many on the way
//     load crowd OPTIONS      boards that do nothing but stay connected, and come back when they are dropped
//     load command OPTIONS    commands over HTTP to boards that answer them, with or without other traffic
//
// Results are JSON on standard output, troubles a sentence on standard error and exit status 1.
#include "basics.h"
#include "options.h"

#include <string.h>

int main(int count, char **words)
{
    struct options options;
    if (count < 2)
        die("say what to do: exchange, crowd or command");
    raise_file_limit();
    parse_options(count - 1, words + 1, &options);
    if (strcmp(words[1], "exchange") == 0)
        return run_exchange(&options);
    if (strcmp(words[1], "crowd") == 0)
        return run_crowd(&options);
    if (strcmp(words[1], "command") == 0)
        return run_command(&options);
    die("%s is not one of exchange, crowd, command", words[1]);
}
