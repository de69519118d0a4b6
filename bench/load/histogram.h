// Times sorted into buckets that are 3 % wide, so that percentiles cost no memory and no sorting.
#pragma once

#include <stdint.h>

#define HISTOGRAM_STEPS 32
#define HISTOGRAM_BUCKETS (60 * HISTOGRAM_STEPS)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
};

// Adds a duration, `count` times.
void histogram_add(struct histogram *histogram, int64_t took_ns, uint64_t count);

// Returns what the given share of all times (0.5, 0.99) did not exceed, in microseconds; 0 if there are none.
double histogram_percentile_us(const struct histogram *histogram, double share);
