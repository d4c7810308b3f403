/* A host for tests: columns in memory, and state of a few keys, whose changes are told. */
#ifndef WASMILL_TEST_HOST_H
#define WASMILL_TEST_HOST_H

#include "../src/process.h"

/* What the next call gets: of each row the number of its key, and what keys have in each slot. */
void host_keyed(size_t keys, const uint32_t *numbers, size_t rows);
void host_slot(wasmill_column *column);
void host_broadcast(wasmill_batch *table, uint64_t version);

/* Calls a function with rows, or timers, of columns. Gives what it handed over, line by line, then what
 * it gave, or its errors; good until the next call. */
const char *host_process(const char *function, wasmill_batch *rows);
const char *host_timers(const char *function, wasmill_batch *timers);

/* How many columns and batches there are. */
size_t host_handles(void);

#endif
