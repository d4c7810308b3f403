/* Process functions: every kind of slot, both clocks, a side output, a broadcast table, rows that fail. */
#include <string.h>

#include "wasmill.h"

/* ---- keyed_sum(value): the sum of the key's values so far ---- */

static void keyed_sum(wasmill_row *row) {
  int64_t sum = wasmill_item_int64(wasmill_get(row, 0)), value = wasmill_int64(row, 0), next;
  if (__builtin_add_overflow(sum, value, &next)) {
    wasmill_fail(row, "%lld + %lld is out of range", (long long)sum, (long long)value);
    return;
  }
  wasmill_set(row, 0, wasmill_of_int64(row, next));
  wasmill_put_int64(row, 0, next);
  wasmill_emit(row);
}

WASMILL_PROCESS(keyed_sum, .description = "The sum of the key's values so far.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("value", WASMILL_INT64)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD("sum", WASMILL_INT64)),
                .slots = WASMILL_SLOTS({ .name = "sum", .type = WASMILL_TYPE(WASMILL_INT64) }), .eval = keyed_sum)

/* ---- keyed_recent(text): the key's text before, as long as it is not a second old ---- */

static void keyed_recent(wasmill_row *row) {
  wasmill_put_item(row, 0, wasmill_get(row, 0));
  wasmill_emit(row);
  wasmill_set(row, 0, wasmill_of_argument(row, 0));
}

WASMILL_PROCESS(keyed_recent, .description = "The key's text before, as long as it is not a second old.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("text", WASMILL_UTF8)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD("before", WASMILL_UTF8)),
                .slots = WASMILL_SLOTS({ .name = "last", .type = WASMILL_TYPE(WASMILL_UTF8), .ttl = 1000 }),
                .eval = keyed_recent)

/* ---- keyed_list(text): all texts of the key once there are three, which are forgotten then ---- */

static void keyed_list(wasmill_row *row) {
  wasmill_push(row, 0, wasmill_of_argument(row, 0));
  size_t count = wasmill_count(row, 0);
  if (count != 3) return;
  wasmill_builder *texts = wasmill_result(row, 0);
  for (size_t i = 0; i < count; i++)
    wasmill_append_item(wasmill_builder_child(texts, 0), wasmill_list_item(row, 0, i));
  wasmill_append_nested(texts);
  wasmill_emit(row);
  wasmill_clear(row, 0);
}

WASMILL_PROCESS(keyed_list,
                .description = "All texts of the key once there are three, which are forgotten then.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("text", WASMILL_UTF8)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD(
                    "items", WASMILL_LIST, .children = WASMILL_FIELDS(WASMILL_FIELD("item", WASMILL_UTF8)))),
                .slots = WASMILL_SLOTS({ .name = "items", .kind = WASMILL_SLOT_LIST, .type = WASMILL_TYPE(WASMILL_UTF8) }),
                .eval = keyed_list)

/* ---- keyed_map(name, value): puts a value under a name, or removes it where it is NULL ---- */

static void keyed_map(wasmill_row *row) {
  wasmill_item name = wasmill_of_argument(row, 0);
  wasmill_put_item(row, 0, wasmill_find(row, 0, name));
  wasmill_insert(row, 0, name, wasmill_of_argument(row, 1));
  wasmill_put_int64(row, 1, (int64_t)wasmill_count(row, 0));
  wasmill_emit(row);
}

WASMILL_PROCESS(keyed_map,
                .description = "Puts a value under a name, or removes it where it is NULL: the value before, and "
                               "how many there are.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8),
                                            WASMILL_NULLABLE("value", WASMILL_INT64)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD("before", WASMILL_INT64),
                                          WASMILL_FIELD("entries", WASMILL_INT64)),
                .slots = WASMILL_SLOTS({ .name = "entries", .kind = WASMILL_SLOT_MAP, .key = WASMILL_TYPE(WASMILL_UTF8),
                                         .type = WASMILL_TYPE(WASMILL_INT64) }),
                .eval = keyed_map)

/* ---- keyed_lookup(name, value): the same, a batch at once; nothing else of the maps is read ---- */

static const wasmill_field before[] = { WASMILL_FIELD("before", WASMILL_INT64) };

static bool keyed_lookup(wasmill_call *call, const wasmill_batch *rows, wasmill_keyed *keyed) {
  size_t count;
  const uint32_t *keys = wasmill_keyed_numbers(keyed, &count);
  wasmill_column *names = wasmill_batch_column(call, rows, 0);
  const wasmill_array *found = wasmill_keyed_lookup(keyed, 0, keys, count, names);
  wasmill_keyed_put(keyed, 0, keys, count, names, wasmill_batch_column(call, rows, 1));
  wasmill_column *column = wasmill_make_column(call, &before[0].type, found);
  uint32_t *origins = wasmill_alloc(call, count * sizeof *origins);
  for (size_t i = 0; i < count; i++) origins[i] = (uint32_t)i;
  wasmill_fields fields = { before, 1 };
  wasmill_keyed_give(keyed, WASMILL_THE_RESULT, wasmill_make_batch(call, fields, &column, count), origins);
  return true;
}

WASMILL_PROCESS(keyed_lookup,
                .description = "Puts a value under a name: the value that was there before the batch.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8),
                                            WASMILL_FIELD("value", WASMILL_INT64)),
                .returns = { before, 1 },
                .slots = WASMILL_SLOTS({ .name = "entries", .kind = WASMILL_SLOT_MAP, .key = WASMILL_TYPE(WASMILL_UTF8),
                                         .type = WASMILL_TYPE(WASMILL_INT64) }),
                .batch_process = keyed_lookup)

/* ---- timer_echo(name, at, clock): sets or clears timers, which give a row when they fire ---- */

static void timer_echo(wasmill_row *row) {
  const char *name = wasmill_string(row, 0), *clock = wasmill_string(row, 2);
  int64_t at = wasmill_int64(row, 1);
  if (strcmp(clock, "event") == 0)
    wasmill_set_timer(row, name, at);
  else if (strcmp(clock, "processing") == 0)
    wasmill_set_processing_timer(row, name, at);
  else if (strcmp(clock, "clear") == 0)
    wasmill_clear_timer(row, name);
  else
    wasmill_fail(row, "there is no clock '%s'", clock);
}

static void timer_echo_fired(wasmill_row *row, const char *timer) {
  if (strcmp(timer, "bad") == 0) {
    wasmill_fail(row, "a bad timer");
    return;
  }
  int64_t fired = wasmill_item_int64(wasmill_get(row, 0)) + 1, at;
  bool has_time = wasmill_time(row, &at);
  wasmill_set(row, 0, wasmill_of_int64(row, fired));
  if (has_time && strcmp(timer, "again") == 0 && fired < 3) wasmill_set_timer(row, timer, at + 10);
  wasmill_put_string(row, 0, timer);
  if (has_time) wasmill_put_int64(row, 1, at);
  wasmill_put_int64(row, 2, fired);
  wasmill_emit(row);
}

WASMILL_PROCESS(timer_echo,
                .description = "Sets the key's timer of a name by the clock `event` or `processing`, or has it "
                               "`clear`ed. A timer gives its name and time, and how many of the key have fired. "
                               "One that is called `bad` fails; one that is called `again` sets itself anew, 10 ms "
                               "later, until three of the key have fired.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("at", WASMILL_INT64),
                                            WASMILL_FIELD("clock", WASMILL_UTF8)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("at", WASMILL_INT64),
                                          WASMILL_FIELD("fired", WASMILL_INT64)),
                .slots = WASMILL_SLOTS({ .name = "fired", .type = WASMILL_TYPE(WASMILL_INT64) }), .eval = timer_echo,
                .on_timer = timer_echo_fired)

/* ---- side_split(value): even values, numbered by key; odd ones go to the side output `odd` ---- */

static void side_split(wasmill_row *row) {
  int64_t value = wasmill_int64(row, 0), number = wasmill_item_int64(wasmill_get(row, 0)) + 1;
  if (value < 0) {
    wasmill_fail(row, "%lld is negative", (long long)value);
    return;
  }
  wasmill_set(row, 0, wasmill_of_int64(row, number));
  wasmill_row *to = value % 2 == 1 ? wasmill_side(row, 0) : row;
  wasmill_put_int64(to, 0, value);
  wasmill_put_int64(to, 1, number);
  wasmill_emit(to);
}

static const wasmill_field numbered[] = { WASMILL_FIELD("value", WASMILL_INT64), WASMILL_FIELD("number", WASMILL_INT64) };

WASMILL_PROCESS(side_split,
                .description = "Even values, numbered by key; odd ones go to the side output `odd`. A negative one "
                               "fails.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("value", WASMILL_INT64)), .returns = { numbered, 2 },
                .side_outputs = WASMILL_SIDE_OUTPUTS({ "odd", { numbered, 2 } }),
                .slots = WASMILL_SLOTS({ .name = "rows", .type = WASMILL_TYPE(WASMILL_INT64) }), .eval = side_split)

/* ---- broadcast_limit(name, value): the values above the limit that the broadcast table has ---- */

static void broadcast_limit(wasmill_row *row) {
  size_t limit;
  int64_t value = wasmill_int64(row, 1);
  if (!wasmill_broadcast_find(row, 0, wasmill_of_argument(row, 0), &limit)) return;
  if (value <= wasmill_item_int64(wasmill_broadcast(row, limit, 1))) return;
  int64_t above = wasmill_item_int64(wasmill_get(row, 0)) + 1;
  wasmill_set(row, 0, wasmill_of_int64(row, above));
  wasmill_put_item(row, 0, wasmill_of_argument(row, 0));
  wasmill_put_int64(row, 1, value);
  wasmill_put_int64(row, 2, above);
  wasmill_emit(row);
}

WASMILL_PROCESS(broadcast_limit,
                .description = "The values that are above the limit of their name in the broadcast table, numbered "
                               "by key.",
                .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8),
                                            WASMILL_FIELD("value", WASMILL_INT64)),
                .returns = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("value", WASMILL_INT64),
                                          WASMILL_FIELD("number", WASMILL_INT64)),
                .broadcast = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("most", WASMILL_INT64)),
                .slots = WASMILL_SLOTS({ .name = "above", .type = WASMILL_TYPE(WASMILL_INT64) }), .eval = broadcast_limit)
