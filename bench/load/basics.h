// Time, processor time and errors, for every file of the load generator.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL

// Returns the monotonic clock, which is also Python's time.monotonic().
int64_t now_ns(void);

// Returns the processor time of this process.
int64_t own_cpu_ns(void);

// Returns the processor time of all threads of a process, or -1 if it is gone.
int64_t process_cpu_ns(pid_t process);

// Returns the processor time of the first thread of a process, or -1 if it is gone.
int64_t first_thread_cpu_ns(pid_t process);

// Raises the limit of open files to the highest that the system allows.
void raise_file_limit(void);

// Prints an error on standard error and ends the program.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
