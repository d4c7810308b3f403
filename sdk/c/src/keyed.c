/* The keys of a call, with their state, as the host has them. */
#include "process.h"

wasmill_batch *wasmill_keyed_keys(wasmill_keyed *keyed) {
  return wasmill_owned_batch(keyed->call, wasmill_udf_state_method_keyed_keys(keyed->handle));
}

static void free_numbers(void *numbers) {
  plugin_list_u32_free(numbers);
}

const uint32_t *wasmill_keyed_numbers(wasmill_keyed *keyed, size_t *count) {
  if (keyed->numbers == NULL) {
    plugin_list_u32_t *numbers = wasmill_alloc(keyed->call, sizeof *numbers);
    wasmill_udf_state_method_keyed_numbers(keyed->handle, numbers);
    wasmill_on_end(keyed->call, free_numbers, numbers);
    if (numbers->len != keyed->rows) wasmill_panic("the host gave %zu keys of %zu rows", numbers->len, keyed->rows);
    keyed->numbers = numbers->ptr;
  }
  if (count != NULL) *count = keyed->rows;
  return keyed->numbers;
}

/* A column that the host made for us, of the type that is known. */
static const wasmill_array *read(wasmill_keyed *keyed, const wasmill_type *type, wasmill_udf_columns_own_column_t handle) {
  wasmill_array *array = wasmill_alloc(keyed->call, sizeof *array);
  wasmill_read_column(keyed->call, type, handle, array);
  wasmill_udf_columns_column_drop_own(handle);
  return array;
}

const int64_t *wasmill_keyed_times(wasmill_keyed *keyed) {
  if (keyed->has_times) return keyed->times;
  keyed->has_times = true;
  wasmill_udf_columns_own_column_t handle;
  wasmill_type type = { .id = WASMILL_INT64 };
  if (!wasmill_udf_state_method_keyed_times(keyed->handle, &handle)) return NULL;
  const wasmill_array *times = read(keyed, &type, handle);
  if (times->length != keyed->rows) wasmill_panic("the host gave columns of different lengths");
  keyed->times = times->int64;
  return keyed->times;
}

bool wasmill_keyed_watermark(wasmill_keyed *keyed, int64_t *watermark) {
  if (!keyed->has_watermark)
    keyed->is_watermark = wasmill_udf_state_method_keyed_watermark(keyed->handle, &keyed->watermark);
  keyed->has_watermark = true;
  if (keyed->is_watermark) *watermark = keyed->watermark;
  return keyed->is_watermark;
}

int64_t wasmill_keyed_now(wasmill_keyed *keyed) {
  if (!keyed->has_now) keyed->now = wasmill_udf_state_method_keyed_now(keyed->handle);
  keyed->has_now = true;
  return keyed->now;
}

static const wasmill_slot *slot_of(wasmill_keyed *keyed, size_t slot) {
  if (slot >= keyed->function->slots.count) wasmill_panic("`%s` has no slot %zu", keyed->function->name, slot);
  return &keyed->function->slots.items[slot];
}

const wasmill_array *wasmill_keyed_read(wasmill_keyed *keyed, size_t slot) {
  wasmill_type type = wasmill_slot_type(keyed->call, slot_of(keyed, slot));
  return read(keyed, &type, wasmill_udf_state_method_keyed_read(keyed->handle, (uint32_t)slot));
}

static plugin_list_u32_t listed(const uint32_t *keys, size_t count) {
  return (plugin_list_u32_t){ (uint32_t *)keys, count };
}

static wasmill_udf_state_borrow_column_t borrowed(const wasmill_column *column) {
  return wasmill_udf_columns_borrow_column(column->handle);
}

const wasmill_array *wasmill_keyed_lookup(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                                          const wasmill_column *entries) {
  plugin_list_u32_t list = listed(keys, count);
  const wasmill_type *type = &slot_of(keyed, slot)->type;
  return read(keyed, type,
              wasmill_udf_state_method_keyed_lookup(keyed->handle, (uint32_t)slot, &list, borrowed(entries)));
}

void wasmill_keyed_write(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                         const wasmill_column *values) {
  plugin_list_u32_t list = listed(keys, count);
  wasmill_udf_state_method_keyed_write(keyed->handle, (uint32_t)slot, &list, borrowed(values));
}

void wasmill_keyed_append(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                          const wasmill_column *items) {
  plugin_list_u32_t list = listed(keys, count);
  wasmill_udf_state_method_keyed_append(keyed->handle, (uint32_t)slot, &list, borrowed(items));
}

void wasmill_keyed_put(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                       const wasmill_column *entries, const wasmill_column *values) {
  plugin_list_u32_t list = listed(keys, count);
  wasmill_udf_state_method_keyed_put(keyed->handle, (uint32_t)slot, &list, borrowed(entries),
                                     borrowed(values));
}

void wasmill_keyed_set_timers(wasmill_keyed *keyed, wasmill_clock clock, const char *name, const uint32_t *keys,
                              const int64_t *at, size_t count) {
  plugin_list_u32_t list = listed(keys, count);
  plugin_list_s64_t times = { (int64_t *)at, count };
  plugin_string_t text = { (uint8_t *)name, strlen(name) };
  wasmill_udf_state_method_keyed_set_timers(keyed->handle, (uint8_t)clock, &text, &list, &times);
}

void wasmill_keyed_clear_timers(wasmill_keyed *keyed, const char *name, const uint32_t *keys, size_t count) {
  plugin_list_u32_t list = listed(keys, count);
  plugin_string_t text = { (uint8_t *)name, strlen(name) };
  wasmill_udf_state_method_keyed_clear_timers(keyed->handle, &text, &list);
}

wasmill_batch *wasmill_keyed_broadcast(wasmill_keyed *keyed) {
  wasmill_batch *table = wasmill_owned_batch(keyed->call, wasmill_udf_state_method_keyed_broadcast(keyed->handle));
  table->fields = keyed->function->broadcast;
  table->has_fields = true;
  return table;
}

uint64_t wasmill_keyed_broadcast_version(wasmill_keyed *keyed) {
  return wasmill_udf_state_method_keyed_broadcast_version(keyed->handle);
}

void wasmill_give_rows(wasmill_keyed *keyed, int side, wasmill_batch *rows, wasmill_column *origins) {
  struct given *given = wasmill_alloc(keyed->call, sizeof *given);
  *given = (struct given){ keyed->given, side, rows, origins };
  keyed->given = given;
  keyed->given_count++;
}

void wasmill_keyed_give(wasmill_keyed *keyed, int side_output, wasmill_batch *rows, const uint32_t *origins) {
  wasmill_type type = { .id = WASMILL_UINT32 };
  wasmill_array array = { .layout = WASMILL_U32, .length = wasmill_batch_rows(rows), .uint32 = origins };
  if (side_output < WASMILL_THE_RESULT || side_output >= (int)keyed->function->side_outputs.count)
    wasmill_panic("`%s` has no side output %d", keyed->function->name, side_output);
  wasmill_give_rows(keyed, side_output, rows, wasmill_make_column(keyed->call, &type, &array));
}
