/* The memory, the handles and the errors of a call. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

/* Memory that is handed out piece by piece. */
struct block {
  struct block *next;
  size_t used, size;
  max_align_t memory[];
};

/* What is done when the call ends, the last one first. */
struct cleanup {
  struct cleanup *next;
  void (*run)(void *);
  void *what;
};

enum { BLOCK_BYTES = 16 * 1024, ALIGNMENT = 16, MESSAGE_BYTES = 1024 };

void *wasmill_malloc(size_t bytes) {
  void *memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) wasmill_panic("out of memory: %zu bytes", bytes);
  return memory;
}

void wasmill_begin(wasmill_call *call, wasmill_opened *function) {
  *call = (wasmill_call){ .function = function };
}

void wasmill_end(wasmill_call *call) {
  for (struct cleanup *cleanup = call->cleanups; cleanup != NULL; cleanup = cleanup->next)
    cleanup->run(cleanup->what);
  call->cleanups = NULL;
  while (call->blocks != NULL) {
    struct block *block = call->blocks;
    call->blocks = block->next;
    free(block);
  }
}

void *wasmill_alloc(wasmill_call *call, size_t bytes) {
  if (bytes > SIZE_MAX / 2) wasmill_panic("out of memory: %zu bytes", bytes);
  bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  struct block *block = call->blocks;
  if (block == NULL || block->size - block->used < bytes) {
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block = wasmill_malloc(sizeof(struct block) + size);
    *block = (struct block){ .next = call->blocks, .size = size };
    call->blocks = block;
  }
  void *memory = (char *)block->memory + block->used;
  block->used += bytes;
  return memset(memory, 0, bytes);
}

void wasmill_on_end(wasmill_call *call, void (*run)(void *), void *what) {
  struct cleanup *cleanup = wasmill_alloc(call, sizeof *cleanup);
  *cleanup = (struct cleanup){ call->cleanups, run, what };
  call->cleanups = cleanup;
}

char *wasmill_copy_text(wasmill_call *call, const void *text, size_t size) {
  char *copy = wasmill_alloc(call, size + 1);
  memcpy(copy, text, size);
  return copy;
}

void wasmill_own_string(plugin_string_t *string, const char *text) {
  if (text == NULL) text = "";
  string->len = strlen(text);
  string->ptr = string->len == 0 ? NULL : wasmill_malloc(string->len);
  if (string->len > 0) memcpy(string->ptr, text, string->len);
}

/* A malloc'ed text. */
static plugin_string_t formatted(const char *format, va_list arguments) {
  char text[MESSAGE_BYTES];
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(text, sizeof text, format, arguments);
  plugin_string_t string = { 0 };
  string.len = length < 0 ? 0 : (size_t)length;
  /* The bindings free no text of length 0. */
  string.ptr = string.len == 0 ? NULL : wasmill_malloc(string.len + 1);
  if (string.len == 0)
    ;
  else if (string.len < sizeof text)
    memcpy(string.ptr, text, string.len);
  else
    vsnprintf((char *)string.ptr, string.len + 1, format, again);
  va_end(again);
  return string;
}

/* The last error counts; one of rows does not take the place of one of all rows. */
static bool told(wasmill_call *call, uint8_t tag, plugin_string_t message) {
  if (call->failed) wasmill_udf_types_error_free(&call->error);
  call->failed = true;
  call->error = (wasmill_udf_types_error_t){ .tag = tag, .val.invalid = message };
  return false;
}

bool wasmill_invalid(wasmill_call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  plugin_string_t message = formatted(format, arguments);
  va_end(arguments);
  return told(call, WASMILL_UDF_TYPES_ERROR_INVALID, message);
}

bool wasmill_failed(wasmill_call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  plugin_string_t message = formatted(format, arguments);
  va_end(arguments);
  return told(call, WASMILL_UDF_TYPES_ERROR_FAILED, message);
}

void wasmill_row_failed(wasmill_call *call, size_t row, const char *format, ...) {
  if (!call->failed) {
    call->failed = true;
    call->error = (wasmill_udf_types_error_t){ .tag = WASMILL_UDF_TYPES_ERROR_ROWS };
    call->row_error_capacity = 0;
  }
  if (call->error.tag != WASMILL_UDF_TYPES_ERROR_ROWS) return;
  wasmill_udf_types_list_row_error_t *rows = &call->error.val.rows;
  /* The host takes one error a row. */
  if (rows->len > 0 && rows->ptr[rows->len - 1].row == row) return;
  if (rows->len == call->row_error_capacity) {
    call->row_error_capacity = call->row_error_capacity == 0 ? 8 : 2 * call->row_error_capacity;
    wasmill_udf_types_row_error_t *more = wasmill_malloc(call->row_error_capacity * sizeof *more);
    if (rows->len > 0) memcpy(more, rows->ptr, rows->len * sizeof *more);
    free(rows->ptr);
    rows->ptr = more;
  }
  va_list arguments;
  va_start(arguments, format);
  plugin_string_t message = formatted(format, arguments);
  va_end(arguments);
  rows->ptr[rows->len++] = (wasmill_udf_types_row_error_t){ (uint32_t)row, message };
}

bool wasmill_told(wasmill_call *call, wasmill_udf_types_error_t *error) {
  if (!call->failed) wasmill_failed(call, "the function gave no result and told no error");
  *error = call->error;
  wasmill_end(call);
  return false;
}

static void log_text(wasmill_level level, const char *format, va_list arguments) {
  char text[MESSAGE_BYTES];
  int length = vsnprintf(text, sizeof text, format, arguments);
  plugin_string_t line = { (uint8_t *)text, length < 0 ? 0 : (size_t)length };
  if (line.len >= sizeof text) {
    line.len = sizeof text - 1;
    /* Not within a character of UTF-8. */
    while (line.len > 0 && (text[line.len] & 0xC0) == 0x80) line.len--;
  }
  wasmill_udf_log_log((uint8_t)level, &line);
}

void wasmill_log(wasmill_level level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_text(level, format, arguments);
  va_end(arguments);
}

void wasmill_panic(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_text(WASMILL_ERROR, format, arguments);
  va_end(arguments);
  __builtin_trap();
}

static plugin_string_t borrowed(const char *text) {
  return (plugin_string_t){ (uint8_t *)text, strlen(text) };
}

void wasmill_counter(const char *name, uint64_t add) {
  plugin_string_t text = borrowed(name);
  wasmill_udf_metrics_counter(&text, add);
}

void wasmill_gauge(const char *name, double value) {
  plugin_string_t text = borrowed(name);
  wasmill_udf_metrics_gauge(&text, value);
}

void wasmill_histogram(const char *name, double value) {
  plugin_string_t text = borrowed(name);
  wasmill_udf_metrics_histogram(&text, value);
}
