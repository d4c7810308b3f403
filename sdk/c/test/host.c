#include "host.h"

#include <stdarg.h>
#include <stdio.h>

enum { HANDLES = 10000, SLOTS = 8, CHILDREN = 8, TEXT = 1 << 16 };

struct column {
  bool used;
  wasmill_udf_columns_array_t array;
  int32_t children[CHILDREN];
  size_t child_count;
};

struct batch {
  bool used;
  int32_t columns[CHILDREN];
  uint32_t rows;
};

static struct column columns[HANDLES];
static struct batch batches[HANDLES];
static size_t handles;

static size_t key_count, row_count, slot_count;
static const uint32_t *numbers;
static int32_t slots[SLOTS];
static int32_t broadcast_table;
static uint64_t broadcast_version;

static char text[TEXT];
static size_t used;

static void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  used += (size_t)vsnprintf(text + used, TEXT - used, format, arguments);
  va_end(arguments);
}

/* ---- Columns ---- */

static const size_t item_bytes[] = { 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 4, 8, 4 };

static void *copied(const void *from, size_t bytes) {
  void *copy = bytes == 0 ? NULL : malloc(bytes);
  if (bytes > 0) memcpy(copy, from, bytes);
  return copy;
}

static wasmill_udf_columns_array_t copy_array(const wasmill_udf_columns_array_t *from) {
  wasmill_udf_columns_array_t to = *from;
  if (to.validity.is_some) to.validity.val.ptr = copied(from->validity.val.ptr, from->validity.val.len);
  if (to.values.tag == WASMILL_NONE) return to;
  /* The lists all look alike. */
  to.values.val.uint8.ptr = copied(from->values.val.uint8.ptr, from->values.val.uint8.len * item_bytes[to.values.tag]);
  if (to.values.tag == WASMILL_BYTES)
    to.values.val.bytes.f1.ptr = copied(from->values.val.bytes.f1.ptr, from->values.val.bytes.f1.len);
  return to;
}

static int32_t new_column(void) {
  int32_t handle = 1;
  while (columns[handle].used) handle++;
  columns[handle] = (struct column){ .used = true };
  handles++;
  return handle;
}

wasmill_udf_columns_own_column_t wasmill_udf_columns_constructor_column(wasmill_udf_columns_data_type_t *type,
                                                                        wasmill_udf_columns_array_t *data,
                                                                        wasmill_udf_columns_list_own_column_t *children) {
  (void)type;
  int32_t handle = new_column();
  columns[handle].array = copy_array(data);
  columns[handle].child_count = children->len;
  for (size_t i = 0; i < children->len; i++) columns[handle].children[i] = children->ptr[i].__handle;
  return (wasmill_udf_columns_own_column_t){ handle };
}

static int32_t copy_column(int32_t from) {
  int32_t handle = new_column();
  columns[handle].array = copy_array(&columns[from].array);
  columns[handle].child_count = columns[from].child_count;
  for (size_t i = 0; i < columns[from].child_count; i++)
    columns[handle].children[i] = copy_column(columns[from].children[i]);
  return handle;
}

static void drop_column(int32_t handle) {
  for (size_t i = 0; i < columns[handle].child_count; i++) drop_column(columns[handle].children[i]);
  wasmill_udf_columns_array_free(&columns[handle].array);
  columns[handle].used = false;
  handles--;
}

void wasmill_udf_columns_column_drop_own(wasmill_udf_columns_own_column_t column) {
  drop_column(column.__handle);
}

void wasmill_udf_columns_method_column_read(wasmill_udf_columns_borrow_column_t self, wasmill_udf_columns_array_t *ret) {
  *ret = copy_array(&columns[self.__handle].array);
}

wasmill_udf_columns_own_column_t wasmill_udf_columns_method_column_child(wasmill_udf_columns_borrow_column_t self,
                                                                         uint32_t index) {
  return (wasmill_udf_columns_own_column_t){ copy_column(columns[self.__handle].children[index]) };
}

static bool present(const wasmill_udf_columns_array_t *array, size_t row) {
  return !array->validity.is_some || wasmill_bit(array->validity.val.ptr, row);
}

static void say_value(int32_t handle, size_t row) {
  const wasmill_udf_columns_array_t *array = &columns[handle].array;
  const int32_t *ends = array->values.val.offsets.ptr;
  if (!present(array, row)) {
    say("NULL");
    return;
  }
  switch (array->values.tag) {
    case WASMILL_I64: say("%lld", (long long)array->values.val.int64.ptr[row]); return;
    case WASMILL_U32: say("%u", (unsigned)array->values.val.uint32.ptr[row]); return;
    case WASMILL_F64: say("%g", array->values.val.float64.ptr[row]); return;
    case WASMILL_BYTES:
      say("%.*s", (int)(ends[row + 1] - ends[row]), (const char *)array->values.val.bytes.f1.ptr + ends[row]);
      return;
    case WASMILL_OFFSETS:
      say("[");
      for (int32_t item = ends[row]; item < ends[row + 1]; item++) {
        if (item > ends[row]) say(" ");
        say_value(columns[handle].children[0], (size_t)item);
      }
      say("]");
      return;
    default:
      for (size_t i = 0; i < columns[handle].child_count; i++) {
        if (i > 0) say("=");
        say_value(columns[handle].children[i], row);
      }
  }
}

static void say_column(int32_t handle) {
  say(":");
  for (size_t row = 0; row < columns[handle].array.length; row++) {
    say(" ");
    say_value(handle, row);
  }
}

/* ---- Batches ---- */

static int32_t new_batch(void) {
  int32_t handle = 1;
  while (batches[handle].used) handle++;
  batches[handle] = (struct batch){ .used = true };
  handles++;
  return handle;
}

wasmill_udf_columns_own_batch_t wasmill_udf_columns_constructor_batch(wasmill_udf_columns_schema_t *schema,
                                                                      wasmill_udf_columns_list_own_column_t *list,
                                                                      uint32_t rows) {
  (void)schema;
  int32_t handle = new_batch();
  batches[handle].rows = rows;
  for (size_t i = 0; i < list->len; i++) batches[handle].columns[i] = list->ptr[i].__handle;
  return (wasmill_udf_columns_own_batch_t){ handle };
}

uint32_t wasmill_udf_columns_method_batch_rows(wasmill_udf_columns_borrow_batch_t self) {
  return batches[self.__handle].rows;
}

void wasmill_udf_columns_method_batch_read(wasmill_udf_columns_borrow_batch_t self, uint32_t index,
                                           wasmill_udf_columns_array_t *ret) {
  *ret = copy_array(&columns[batches[self.__handle].columns[index]].array);
}

wasmill_udf_columns_own_column_t wasmill_udf_columns_method_batch_column(wasmill_udf_columns_borrow_batch_t self,
                                                                         uint32_t index) {
  return (wasmill_udf_columns_own_column_t){ copy_column(batches[self.__handle].columns[index]) };
}

static void drop_batch(int32_t handle) {
  for (size_t i = 0; i < CHILDREN; i++)
    if (batches[handle].columns[i] != 0) drop_column(batches[handle].columns[i]);
  batches[handle].used = false;
  handles--;
}

void wasmill_udf_columns_batch_drop_own(wasmill_udf_columns_own_batch_t batch) {
  drop_batch(batch.__handle);
}

void wasmill_udf_columns_batch_drop_borrow(wasmill_udf_columns_borrow_batch_t batch) {
  (void)batch;
}

/* ---- State ---- */

wasmill_udf_state_own_batch_t wasmill_udf_state_method_keyed_keys(wasmill_udf_state_borrow_keyed_t self) {
  (void)self;
  int32_t handle = new_batch();
  batches[handle].rows = (uint32_t)key_count;
  return (wasmill_udf_state_own_batch_t){ handle };
}

void wasmill_udf_state_method_keyed_numbers(wasmill_udf_state_borrow_keyed_t self, plugin_list_u32_t *ret) {
  (void)self;
  *ret = (plugin_list_u32_t){ copied(numbers, row_count * sizeof *numbers), row_count };
}

bool wasmill_udf_state_method_keyed_times(wasmill_udf_state_borrow_keyed_t self, wasmill_udf_state_own_column_t *ret) {
  (void)self;
  int64_t times[64];
  for (size_t i = 0; i < row_count; i++) times[i] = 10 * (int64_t)i;
  int32_t handle = new_column();
  columns[handle].array = (wasmill_udf_columns_array_t){ .length = (uint32_t)row_count };
  columns[handle].array.values.tag = WASMILL_I64;
  columns[handle].array.values.val.int64 = (plugin_list_s64_t){ copied(times, row_count * 8), row_count };
  ret->__handle = handle;
  return true;
}

bool wasmill_udf_state_method_keyed_watermark(wasmill_udf_state_borrow_keyed_t self, int64_t *ret) {
  (void)self, (void)ret;
  return false;
}

int64_t wasmill_udf_state_method_keyed_now(wasmill_udf_state_borrow_keyed_t self) {
  (void)self;
  return 7;
}

wasmill_udf_state_own_column_t wasmill_udf_state_method_keyed_read(wasmill_udf_state_borrow_keyed_t self, uint32_t slot) {
  (void)self;
  return (wasmill_udf_state_own_column_t){ copy_column(slots[slot]) };
}

static void say_keys(const plugin_list_u32_t *keys) {
  for (size_t i = 0; i < keys->len; i++) say(" %u", (unsigned)keys->ptr[i]);
}

void wasmill_udf_state_method_keyed_write(wasmill_udf_state_borrow_keyed_t self, uint32_t slot, plugin_list_u32_t *keys,
                                          wasmill_udf_state_borrow_column_t values) {
  (void)self;
  say("write %u to", (unsigned)slot), say_keys(keys), say_column(values.__handle), say("\n");
}

void wasmill_udf_state_method_keyed_append(wasmill_udf_state_borrow_keyed_t self, uint32_t slot, plugin_list_u32_t *keys,
                                           wasmill_udf_state_borrow_column_t items) {
  (void)self;
  say("append %u to", (unsigned)slot), say_keys(keys), say_column(items.__handle), say("\n");
}

void wasmill_udf_state_method_keyed_put(wasmill_udf_state_borrow_keyed_t self, uint32_t slot, plugin_list_u32_t *keys,
                                        wasmill_udf_state_borrow_column_t entries,
                                        wasmill_udf_state_borrow_column_t values) {
  (void)self;
  say("put %u to", (unsigned)slot), say_keys(keys), say_column(entries.__handle);
  say_column(values.__handle), say("\n");
}

void wasmill_udf_state_method_keyed_set_timers(wasmill_udf_state_borrow_keyed_t self, wasmill_udf_state_clock_t clock,
                                               plugin_string_t *name, plugin_list_u32_t *keys, plugin_list_s64_t *at) {
  (void)self;
  say("timer %.*s of clock %d of", (int)name->len, (const char *)name->ptr, clock), say_keys(keys), say(":");
  for (size_t i = 0; i < at->len; i++) say(" %lld", (long long)at->ptr[i]);
  say("\n");
}

void wasmill_udf_state_method_keyed_clear_timers(wasmill_udf_state_borrow_keyed_t self, plugin_string_t *name,
                                                 plugin_list_u32_t *keys) {
  (void)self;
  say("no timer %.*s of", (int)name->len, (const char *)name->ptr), say_keys(keys), say("\n");
}

wasmill_udf_state_own_batch_t wasmill_udf_state_method_keyed_broadcast(wasmill_udf_state_borrow_keyed_t self) {
  (void)self;
  int32_t handle = new_batch();
  batches[handle].rows = batches[broadcast_table].rows;
  for (size_t i = 0; i < CHILDREN; i++)
    if (batches[broadcast_table].columns[i] != 0)
      batches[handle].columns[i] = copy_column(batches[broadcast_table].columns[i]);
  return (wasmill_udf_state_own_batch_t){ handle };
}

uint64_t wasmill_udf_state_method_keyed_broadcast_version(wasmill_udf_state_borrow_keyed_t self) {
  (void)self;
  return broadcast_version;
}

void wasmill_udf_state_keyed_drop_borrow(wasmill_udf_state_borrow_keyed_t handle) {
  (void)handle;
}

static exports_wasmill_udf_process_process_function_t *opened;

exports_wasmill_udf_process_own_process_function_t exports_wasmill_udf_process_process_function_new(
    exports_wasmill_udf_process_process_function_t *rep) {
  opened = rep;
  return (exports_wasmill_udf_process_own_process_function_t){ 1 };
}

void wasmill_udf_log_log(wasmill_udf_log_level_t level, plugin_string_t *message) {
  printf("log %d: %.*s\n", level, (int)message->len, (const char *)message->ptr);
}

/* ---- What tests call ---- */

void host_keyed(size_t keys, const uint32_t *of_rows, size_t rows) {
  key_count = keys, numbers = of_rows, row_count = rows;
  slot_count = 0;
}

void host_slot(wasmill_column *column) {
  slots[slot_count++] = column->handle.__handle;
}

void host_broadcast(wasmill_batch *table, uint64_t version) {
  broadcast_table = table->handle.__handle, broadcast_version = version;
}

static const char *call(const char *function, wasmill_batch *rows, bool are_timers) {
  used = 0;
  text[0] = '\0';
  plugin_string_t name;
  wasmill_own_string(&name, function);
  wasmill_udf_types_open_context_t context = { 0 };
  exports_wasmill_udf_process_own_process_function_t handle;
  wasmill_udf_types_error_t error;
  exports_wasmill_udf_process_list_output_t outputs;
  wasmill_udf_state_borrow_keyed_t keyed = { 0 };
  /* The arguments that a job would give are those that the function declares. */
  const wasmill_function *declared = wasmill_declared(WASMILL_KIND_PROCESS, function);
  wasmill_wire_schema(declared->arguments, &context.arguments);
  if (!exports_wasmill_udf_process_static_process_function_open(&name, &context, &handle, &error)) return "not opened";
  bool done = are_timers
                  ? exports_wasmill_udf_process_method_process_function_on_timers(opened, rows->handle, keyed, &outputs, &error)
                  : exports_wasmill_udf_process_method_process_function_batch_eval(opened, rows->handle, keyed, &outputs, &error);
  for (size_t i = 0; done && i < outputs.len; i++) {
    exports_wasmill_udf_process_output_t *output = &outputs.ptr[i];
    if (output->side.is_some) say("to side %u", (unsigned)output->side.val);
    else say("gave");
    say_column(output->origins.__handle);
    for (size_t column = 0; batches[output->rows.__handle].columns[column] != 0; column++)
      say_column(batches[output->rows.__handle].columns[column]);
    say("\n");
    drop_batch(output->rows.__handle);
    drop_column(output->origins.__handle);
  }
  if (done) {
    free(outputs.ptr);
  } else if (error.tag == WASMILL_UDF_TYPES_ERROR_ROWS) {
    for (size_t i = 0; i < error.val.rows.len; i++)
      say("row %u: %.*s\n", (unsigned)error.val.rows.ptr[i].row, (int)error.val.rows.ptr[i].message.len,
          (const char *)error.val.rows.ptr[i].message.ptr);
  } else {
    say("failed: %.*s\n", (int)error.val.failed.len, (const char *)error.val.failed.ptr);
  }
  if (!done) wasmill_udf_types_error_free(&error);
  exports_wasmill_udf_process_process_function_destructor(opened);
  return text;
}

const char *host_process(const char *function, wasmill_batch *rows) {
  return call(function, rows, false);
}

const char *host_timers(const char *function, wasmill_batch *timers) {
  return call(function, timers, true);
}

size_t host_handles(void) {
  return handles;
}
