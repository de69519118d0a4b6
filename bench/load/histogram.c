// A histogram with logarithmic buckets: a power of two in 32 equal steps.
#include "histogram.h"

static int bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (int)value;
    int power = 63 - __builtin_clzll(value);
    int shift = power - 5;
    return (shift + 1) * HISTOGRAM_STEPS + (int)((value >> shift) - HISTOGRAM_STEPS);
}

// The middle of a bucket.
static double value_of(int bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    int shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
    return (double)low + (double)(1ULL << shift) / 2;
}

void histogram_add(struct histogram *histogram, int64_t took_ns, uint64_t count)
{
    int bucket = bucket_of(took_ns > 0 ? (uint64_t)took_ns : 0);
    if (bucket >= HISTOGRAM_BUCKETS)
        bucket = HISTOGRAM_BUCKETS - 1;
    histogram->counts[bucket] += count;
    histogram->total += count;
}

double histogram_percentile_us(const struct histogram *histogram, double share)
{
    uint64_t seen = 0;
    for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > 0 && (double)seen >= share * (double)histogram->total)
            return value_of(bucket) / 1000;
    }
    return 0;
}
