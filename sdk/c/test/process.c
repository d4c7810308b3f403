/* Tests of process functions, with a host that tells what it was handed. */
#include "host.h"

#include <stdio.h>

#include "check.h"

static wasmill_call scene; /* owns what the host has */

static wasmill_column *numbers_of(size_t count, const int64_t *values, unsigned nulls) {
  static const wasmill_type type = { .id = WASMILL_INT64 };
  wasmill_builder *builder = wasmill_build(&scene, &type);
  for (size_t i = 0; i < count; i++)
    if (nulls >> i & 1) wasmill_append_null(builder);
    else wasmill_append_int64(builder, values[i]);
  return wasmill_finish(builder);
}

static wasmill_column *texts_of(size_t count, const char *const *values) {
  static const wasmill_type type = { .id = WASMILL_UTF8 };
  wasmill_builder *builder = wasmill_build(&scene, &type);
  for (size_t i = 0; i < count; i++) wasmill_append_string(builder, values[i]);
  return wasmill_finish(builder);
}

static wasmill_batch *batch_of(wasmill_fields fields, wasmill_column **columns, size_t rows) {
  return wasmill_make_batch(&scene, fields, columns, rows);
}

static void check_text(int line, const char *found, const char *expected) {
  if (strcmp(found, expected) == 0) return;
  printf("line %d: found\n%sexpected\n%s", line, found, expected);
  failures++;
}
#define CHECK_TEXT(found, expected) check_text(__LINE__, found, expected)

static void end_scene(void) {
  wasmill_end(&scene);
  CHECK(host_handles() == 0);
}

/* ---- A value, and timers ---- */

static void counter(wasmill_row *row) {
  int64_t x = wasmill_int64(row, 0), count = wasmill_item_int64(wasmill_get(row, 0)) + x;
  wasmill_set(row, 0, count == 0 ? (wasmill_item){ 0 } : wasmill_of_int64(row, count));
  wasmill_set_timer(row, "t", x);
  wasmill_put_int64(row, 0, count);
  if (count < 0 || count >= 100)
    wasmill_fail(row, "%lld is wrong", (long long)count);
  else
    wasmill_emit(row);
}

static void counter_fired(wasmill_row *row, const char *timer) {
  if (strcmp(timer, "bad") == 0) wasmill_fail(row, "a bad timer");
  else wasmill_clear(row, 0);
}

static const wasmill_field x[] = { WASMILL_FIELD("x", WASMILL_INT64) };

WASMILL_PROCESS(counter, .arguments = { x, 1 }, .returns = { x, 1 },
                .slots = WASMILL_SLOTS({ .name = "count", .type = WASMILL_TYPE(WASMILL_INT64) }), .eval = counter,
                .on_timer = counter_fired)

static const char *count(size_t rows, const uint32_t *keys, const int64_t *values, unsigned nulls) {
  wasmill_column *column = numbers_of(rows, values, nulls);
  wasmill_batch *batch = batch_of((wasmill_fields){ x, 1 }, &column, rows);
  host_keyed(2, keys, rows);
  host_slot(numbers_of(2, (const int64_t[]){ 1, 0 }, 2));
  return host_process("counter", batch);
}

static const char *fire(const char *first, const char *second) {
  static const wasmill_field fields[] = { WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("at", WASMILL_INT64) };
  const char *names[] = { first, second };
  wasmill_column *columns[] = { texts_of(2, names), numbers_of(2, (const int64_t[]){ 1, 2 }, 0) };
  host_keyed(2, (const uint32_t[]){ 1, 0 }, 2);
  host_slot(numbers_of(2, (const int64_t[]){ 1, 0 }, 2));
  return host_timers("counter", batch_of((wasmill_fields){ fields, 2 }, columns, 2));
}

static void a_value_that_has_changed_is_written(void) {
  const uint32_t keys[] = { 0, 1, 0 };
  CHECK_TEXT(count(3, keys, (const int64_t[]){ 1, 2, 3 }, 0),
             "write 0 to 0 1: 5 2\ntimer t of clock 0 of 1 0: 2 3\ngave: 0 1 2: 2 2 5\n");
  /* Of one key there is nothing left, the other one is as before; a row with NULL is not called. */
  CHECK_TEXT(count(3, keys, (const int64_t[]){ -1, 0, 9 }, 4),
             "write 0 to 0: NULL\ntimer t of clock 0 of 0 1: -1 0\ngave: 0 1: 0 0\n");
  CHECK_TEXT(count(1, keys, (const int64_t[]){ 0 }, 0), "timer t of clock 0 of 0: 0\ngave: 0: 1\n");
  CHECK_TEXT(fire("x", "y"), "write 0 to 0: NULL\n");
  end_scene();
}

static void all_rows_that_fail_are_told_and_leave_no_trace(void) {
  const uint32_t keys[] = { 0, 0, 1, 0, 1 };
  /* 1 + 5 + 3 is right, without the 100. */
  CHECK_TEXT(count(5, keys, (const int64_t[]){ 5, 100, -1, 3, 2 }, 0), "row 1: 106 is wrong\nrow 2: -1 is wrong\n");
  CHECK_TEXT(fire("good", "bad"), "row 1: a bad timer\n");
  end_scene();
}

/* ---- Lists and maps ---- */

static void many(wasmill_row *row) {
  const char *what = wasmill_string(row, 0);
  wasmill_item x_ = wasmill_of_string(row, "x"), y = wasmill_of_string(row, "y"), none = { 0 }, key, value;
  if (strcmp(what, "add") == 0) {
    char name[16];
    wasmill_insert(row, 1, x_, none);
    wasmill_insert(row, 1, y, wasmill_of_int64(row, wasmill_item_int64(wasmill_find(row, 1, y)) + 10));
    snprintf(name, sizeof name, "z%zu", wasmill_count(row, 0));
    wasmill_insert(row, 1, wasmill_of_string(row, name), wasmill_of_int64(row, 0));
    snprintf(name, sizeof name, "at %zu", wasmill_count(row, 0));
    wasmill_push(row, 0, wasmill_of_string(row, name));
  } else if (strcmp(what, "forget") == 0) {
    wasmill_clear(row, 0), wasmill_clear(row, 1);
  } else if (strcmp(what, "replace") == 0) {
    size_t length = wasmill_count(row, 0);
    wasmill_item *items = wasmill_alloc(row->call, length * sizeof *items);
    for (size_t i = 0; i < length; i++) items[i] = wasmill_list_item(row, 0, i);
    wasmill_clear(row, 0);
    wasmill_push(row, 0, wasmill_of_string(row, "first"));
    for (size_t i = 0; i < length; i++) wasmill_push(row, 0, items[i]);
    wasmill_clear(row, 1);
    wasmill_insert(row, 1, wasmill_of_string(row, "new"), wasmill_of_int64(row, 3));
  } else if (strcmp(what, "fail") == 0) {
    for (int i = 0; i < 100; i++) {
      wasmill_push(row, 0, x_);
      wasmill_insert(row, 1, wasmill_of_string(row, "a"), wasmill_of_int64(row, i));
    }
    wasmill_insert(row, 1, y, none);
    wasmill_clear(row, 0), wasmill_clear(row, 1);
    wasmill_push(row, 0, y);
    wasmill_insert(row, 1, y, wasmill_of_int64(row, 9));
    wasmill_fail(row, "as it should");
  } else {
    char text[256] = "";
    for (size_t i = 0; i < wasmill_count(row, 0); i++) {
      wasmill_text item = wasmill_item_bytes(wasmill_list_item(row, 0, i));
      snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s ", (int)item.size, item.data);
    }
    for (size_t at = 0; wasmill_next_entry(row, 1, &at, &key, &value);)
      snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s=%lld ", (int)wasmill_item_bytes(key).size,
               wasmill_item_bytes(key).data, (long long)wasmill_item_int64(value));
    wasmill_fail(row, "%sof %zu", text, wasmill_count(row, 1));
  }
}

static const wasmill_field what[] = { WASMILL_FIELD("what", WASMILL_UTF8) };

WASMILL_PROCESS(many, .arguments = { what, 1 }, .returns = { what, 1 },
                .slots = WASMILL_SLOTS({ .name = "list", .kind = WASMILL_SLOT_LIST, .type = WASMILL_TYPE(WASMILL_UTF8) },
                                       { .name = "map", .kind = WASMILL_SLOT_MAP, .key = WASMILL_TYPE(WASMILL_UTF8),
                                         .type = WASMILL_TYPE(WASMILL_INT64) }),
                .eval = many)

/* One key has the items a and b, and x = 1 and y = 2; the other one nothing. */
static const char *do_many(size_t rows, const uint32_t *keys, const char *const *words) {
  const wasmill_slot *declared = wasmill_declared(WASMILL_KIND_PROCESS, "many")->slots.items;
  wasmill_column *column = texts_of(rows, words);
  wasmill_batch *batch = batch_of((wasmill_fields){ what, 1 }, &column, rows);
  wasmill_type *types = wasmill_alloc(&scene, 2 * sizeof *types);
  for (int i = 0; i < 2; i++) types[i] = wasmill_slot_type(&scene, &declared[i]);
  wasmill_builder *lists = wasmill_build(&scene, &types[0]), *maps = wasmill_build(&scene, &types[1]);
  wasmill_builder *pairs = wasmill_builder_child(maps, 0);
  for (int i = 0; i < 2; i++) {
    wasmill_append_string(wasmill_builder_child(lists, 0), i == 0 ? "a" : "b");
    wasmill_append_string(wasmill_builder_child(pairs, 0), i == 0 ? "x" : "y");
    wasmill_append_int64(wasmill_builder_child(pairs, 1), i + 1);
    wasmill_append_nested(pairs);
  }
  for (int i = 0; i < 2; i++) wasmill_append_nested(lists), wasmill_append_nested(maps);
  host_keyed(2, keys, rows);
  host_slot(wasmill_finish(lists));
  host_slot(wasmill_finish(maps));
  return host_process("many", batch);
}

static void lists_and_maps_know_what_has_changed(void) {
  const uint32_t keys[] = { 0, 1, 0 };
  CHECK_TEXT(do_many(3, keys, (const char *const[]){ "add", "add", "add" }),
             "append 0 to 0 0 1: at 2 at 3 at 0\nput 1 to 0 0 0 0 1 1: x y z2 z3 y z0: NULL 22 0 0 10 0\n");
  CHECK_TEXT(do_many(2, keys, (const char *const[]){ "forget", "forget" }), "write 0 to 0: []\nwrite 1 to 0: []\n");
  CHECK_TEXT(do_many(2, keys, (const char *const[]){ "replace", "replace" }),
             "write 0 to 0: [first a b]\nappend 0 to 1: first\nwrite 1 to 0: [new=3]\nput 1 to 1: new: 3\n");
  /* A row that fails is taken back, whatever it did before. */
  CHECK_TEXT(do_many(3, keys, (const char *const[]){ "fail", "look", "look" }),
             "row 0: as it should\nrow 1: of 0\nrow 2: a b x=1 y=2 of 2\n");
  const uint32_t one[] = { 0, 0, 0 };
  CHECK_TEXT(do_many(3, one, (const char *const[]){ "add", "fail", "look" }),
             "row 1: as it should\nrow 2: a b at 2 y=12 z2=0 of 2\n");
  end_scene();
}

/* ---- Timers ---- */

static void timing(wasmill_row *row) {
  const char *word = wasmill_string(row, 0);
  int64_t at = -1;
  if (strcmp(word, "set") == 0 && wasmill_time(row, &at)) wasmill_set_timer(row, "t", at);
  else if (strcmp(word, "clear") == 0) wasmill_clear_timer(row, "t");
  else wasmill_set_processing_timer(row, "first", wasmill_now(row));
}

WASMILL_PROCESS(timing, .arguments = { what, 1 }, .returns = { what, 1 }, .eval = timing)

static void the_last_word_on_a_timer_counts(void) {
  const uint32_t keys[] = { 0, 1, 0, 1, 0 };
  const char *words[] = { "set", "set", "set", "clear", "now" };
  wasmill_column *column = texts_of(5, words);
  host_keyed(2, keys, 5);
  CHECK_TEXT(host_process("timing", batch_of((wasmill_fields){ what, 1 }, &column, 5)),
             "timer t of clock 0 of 0: 20\nno timer t of 1\ntimer first of clock 1 of 0: 7\n");
  end_scene();
}

/* ---- Side outputs and the broadcast table ---- */

static void sides(wasmill_row *row) {
  size_t found;
  wasmill_row *to = wasmill_side(row, 1);
  if (wasmill_broadcast_find(row, 0, wasmill_of_argument(row, 0), &found))
    wasmill_put_item(to, 0, wasmill_broadcast(row, found, 1));
  wasmill_emit(to);
  wasmill_put_item(wasmill_side(row, 0), 0, wasmill_of_argument(row, 0));
  wasmill_emit(wasmill_side(row, 0));
}

static const wasmill_field limits[] = { WASMILL_FIELD("name", WASMILL_UTF8), WASMILL_FIELD("most", WASMILL_INT64) };

WASMILL_PROCESS(sides, .arguments = { what, 1 }, .returns = { what, 1 }, .broadcast = { limits, 2 },
                .side_outputs = WASMILL_SIDE_OUTPUTS({ "few", { what, 1 } }, { "many", { x, 1 } }), .eval = sides)

static void rows_go_where_they_should(void) {
  const uint32_t keys[] = { 0, 1, 0 };
  /* A row with NULL is left out, the last of the others counts. */
  wasmill_column *table[] = { texts_of(5, (const char *const[]){ "b", "a", "a", "a", "d" }),
                              numbers_of(5, (const int64_t[]){ 1, 2, 3, 4, 5 }, 8) };
  host_broadcast(batch_of((wasmill_fields){ limits, 2 }, table, 5), 1);
  wasmill_column *column = texts_of(3, (const char *const[]){ "a", "b", "c" });
  host_keyed(2, keys, 3);
  CHECK_TEXT(host_process("sides", batch_of((wasmill_fields){ what, 1 }, &column, 3)),
             "to side 0: 0 1 2: a b c\nto side 1: 0 1 2: 3 1 NULL\n");
  end_scene();
}

/* ---- Values ---- */

static void values_are_compared_to_the_bit(void) {
  wasmill_row row = { .call = &scene };
#define ORDER(a, b) wasmill_compare(wasmill_of_##a, wasmill_of_##b)
  CHECK(ORDER(float64(&row, 0.0), float64(&row, -0.0)) > 0 && ORDER(float64(&row, -1.0), float64(&row, -2.0)) > 0);
  CHECK(ORDER(float64(&row, __builtin_nan("")), float64(&row, __builtin_nan(""))) == 0);
  CHECK(ORDER(string(&row, "a"), string(&row, "ab")) < 0 && ORDER(string(&row, ""), string(&row, "")) == 0);
  CHECK(ORDER(uint8(&row, 200), uint8(&row, 100)) > 0 && ORDER(int8(&row, -1), int8(&row, 1)) < 0);
  CHECK(ORDER(boolean(&row, true), boolean(&row, false)) > 0);
  wasmill_type text = { .id = WASMILL_UTF8 }, number = { .id = WASMILL_DECIMAL128, .precision = 38 };
  wasmill_field members[] = { { .name = "a", .type = text }, { .name = "b", .type = number } };
  wasmill_field item = { .name = "item", .type = { .id = WASMILL_STRUCT, .children = { members, 2 } } };
  wasmill_type type = { .id = WASMILL_LIST, .children = { &item, 1 } };
  wasmill_builder *lists = wasmill_build(&scene, &type), *pairs = wasmill_builder_child(lists, 0);
  wasmill_item built[3];
  for (int i = 0; i < 3; i++) {
    wasmill_append_string(wasmill_builder_child(pairs, 0), "same");
    wasmill_append_int128(wasmill_builder_child(pairs, 1), -(i / 2));
    wasmill_append_nested(pairs);
    wasmill_append_nested(lists);
    built[i] = wasmill_of_built(lists);
  }
  CHECK(wasmill_compare(built[0], built[1]) == 0 && wasmill_compare(built[2], built[1]) < 0);
  CHECK(wasmill_compare(built[0], (wasmill_item){ 0 }) > 0);
  wasmill_end(&scene);
}

void process_functions(void) {
  a_value_that_has_changed_is_written();
  all_rows_that_fail_are_told_and_leave_no_trace();
  lists_and_maps_know_what_has_changed();
  the_last_word_on_a_timer_counts();
  rows_go_where_they_should();
  values_are_compared_to_the_bit();
}
