/* Write wasmill functions in C.
 *
 * A plugin is a file of C with functions and, for each, a WASMILL_SCALAR, WASMILL_TABLE,
 * WASMILL_AGGREGATE or WASMILL_PROCESS that says what SQL may know of it. README.md shows the first one.
 *
 * Ownership: whatever this header's functions return belongs to the call in which they were asked
 * for, and is gone when that call ends; nothing has to be freed. What `open` asks for lives as long as
 * the opened function. Text is UTF-8; a `const char *` ends with a NUL.
 *
 * Mistakes of the program, such as reading a text as an integer, are logged and end the call with a
 * trap; errors of a job or of its data are told by the functions under "Errors". */
#ifndef WASMILL_H
#define WASMILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Types ---- */

/* Arrow's types, in the order of the contract. */
typedef enum {
  WASMILL_BOOLEAN,
  WASMILL_INT8,
  WASMILL_INT16,
  WASMILL_INT32,
  WASMILL_INT64,
  WASMILL_UINT8,
  WASMILL_UINT16,
  WASMILL_UINT32,
  WASMILL_UINT64,
  WASMILL_FLOAT32,
  WASMILL_FLOAT64,
  WASMILL_UTF8,
  WASMILL_BINARY,
  WASMILL_DATE32,          /* int32: days since 1970-01-01 */
  WASMILL_TIME64,          /* int64: time of day, microseconds */
  WASMILL_TIMESTAMP,       /* int64: ticks of `unit` since 1970-01-01T00:00:00 */
  WASMILL_DECIMAL128,      /* int128: the value times ten to the power of `scale` */
  WASMILL_LIST,            /* any number of items a value; one child */
  WASMILL_FIXED_SIZE_LIST, /* `size` items a value; one child */
  WASMILL_STRUCT,          /* one child a field */
} wasmill_type_id;

typedef enum { WASMILL_SECOND, WASMILL_MILLISECOND, WASMILL_MICROSECOND, WASMILL_NANOSECOND } wasmill_time_unit;

typedef struct wasmill_field wasmill_field;

typedef struct {
  const wasmill_field *items;
  size_t count;
} wasmill_fields;

typedef struct {
  wasmill_type_id id;
  wasmill_time_unit unit; /* of a timestamp */
  const char *timezone;   /* of a timestamp that is an instant in UTC; NULL: a local time */
  uint8_t precision;      /* of a decimal */
  int8_t scale;           /* of a decimal */
  uint32_t size;          /* of a fixed-size list: items a value, at least 1 */
  wasmill_fields children;
} wasmill_type;

struct wasmill_field {
  const char *name;
  wasmill_type type;
  bool takes_null; /* an argument: the function is called for NULL too */
  bool not_null;   /* a result, a state or a child: never NULL */
};

/* WASMILL_FIELD("a", WASMILL_INT64), WASMILL_FIELD("d", WASMILL_DECIMAL128, .precision = 9, .scale = 2) */
#define WASMILL_FIELD(name_, ...) \
  { .name = (name_), .type = { .id = __VA_ARGS__ } }
/* The same, called for NULL too. */
#define WASMILL_NULLABLE(name_, ...) \
  { .name = (name_), .type = { .id = __VA_ARGS__ }, .takes_null = true }
/* The same, never NULL. */
#define WASMILL_NOT_NULL(name_, ...) \
  { .name = (name_), .type = { .id = __VA_ARGS__ }, .not_null = true }
#define WASMILL_FIELDS(...)                     \
  {                                             \
    (const wasmill_field[]){ __VA_ARGS__ },     \
        sizeof((const wasmill_field[]){ __VA_ARGS__ }) / sizeof(wasmill_field) \
  }

/* ---- Columns ---- */

/* How a column lies in memory. */
typedef enum {
  WASMILL_BITS, /* boolean: bit-packed, least significant bit first */
  WASMILL_I8,
  WASMILL_I16,
  WASMILL_I32,
  WASMILL_I64,
  WASMILL_U8,
  WASMILL_U16,
  WASMILL_U32,
  WASMILL_U64,
  WASMILL_F32,
  WASMILL_F64,
  WASMILL_BYTES,   /* `offsets` into `bytes`: text and binary */
  WASMILL_I128,    /* decimals */
  WASMILL_OFFSETS, /* `offsets` into the child: lists */
  WASMILL_NONE,    /* structs and fixed-size lists: only children */
} wasmill_layout;

/* A column in the plugin's memory: Arrow's buffers. Items under a NULL may be anything. */
typedef struct wasmill_array {
  wasmill_layout layout;
  size_t length;           /* rows */
  const uint8_t *validity; /* a bit a row, 1 = present; NULL: nothing is NULL */
  union {                  /* `length` items, unless said otherwise */
    const uint8_t *bits;
    const int8_t *int8;
    const int16_t *int16;
    const int32_t *int32;
    const int64_t *int64;
    const uint8_t *uint8;
    const uint16_t *uint16;
    const uint32_t *uint32;
    const uint64_t *uint64;
    const float *float32;
    const double *float64;
    const uint64_t *int128; /* pairs (low, high): 2 * length */
    const void *items;
  };
  const int32_t *offsets; /* length + 1 */
  const uint8_t *bytes;
  size_t byte_count;
  const struct wasmill_array *children;
  size_t child_count;
} wasmill_array;

/* A part of something else, not NUL-terminated. */
typedef struct {
  const char *data;
  size_t size; /* bytes */
} wasmill_text;

/* Which items of `items` are those of a list. */
typedef struct {
  const wasmill_array *items;
  size_t start, end;
} wasmill_list;

static inline bool wasmill_bit(const uint8_t *bits, size_t index) {
  return bits[index / 8] >> (index % 8) & 1;
}

static inline bool wasmill_present(const wasmill_array *array, size_t row) {
  return array->validity == NULL || wasmill_bit(array->validity, row);
}

static inline wasmill_text wasmill_text_at(const wasmill_array *array, size_t row) {
  int32_t start = array->offsets[row];
  return (wasmill_text){ (const char *)array->bytes + start, (size_t)(array->offsets[row + 1] - start) };
}

static inline wasmill_list wasmill_list_at(const wasmill_array *array, size_t row) {
  size_t size;
  if (array->layout == WASMILL_OFFSETS)
    return (wasmill_list){ array->children, (size_t)array->offsets[row], (size_t)array->offsets[row + 1] };
  size = array->length == 0 ? 0 : array->children->length / array->length;
  return (wasmill_list){ array->children, row * size, (row + 1) * size };
}

typedef struct wasmill_call wasmill_call;
/* A column in the host. */
typedef struct wasmill_column wasmill_column;
/* Columns of one length in the host: nothing is copied until one is read. */
typedef struct wasmill_batch wasmill_batch;

size_t wasmill_batch_rows(const wasmill_batch *batch);
wasmill_fields wasmill_batch_fields(wasmill_call *call, const wasmill_batch *batch);
/* A handle to a column; nothing is copied. */
wasmill_column *wasmill_batch_column(wasmill_call *call, const wasmill_batch *batch, size_t index);
/* Copies a column, with its children, into the plugin's memory. */
const wasmill_array *wasmill_batch_read(wasmill_call *call, const wasmill_batch *batch, size_t index);
/* A column of these buffers; one copy, into the host. */
wasmill_column *wasmill_make_column(wasmill_call *call, const wasmill_type *type, const wasmill_array *array);
/* A batch of these columns, each of `rows` rows. The columns are used up. */
wasmill_batch *wasmill_make_batch(wasmill_call *call, wasmill_fields fields, wasmill_column *const *columns,
                                  size_t rows);
/* A batch of some of the columns; nothing is copied. */
wasmill_batch *wasmill_project(wasmill_call *call, const wasmill_batch *batch, const uint32_t *columns,
                               size_t count);

/* ---- Building columns value by value ---- */

typedef struct wasmill_builder wasmill_builder;

wasmill_builder *wasmill_build(wasmill_call *call, const wasmill_type *type);
void wasmill_append_null(wasmill_builder *builder);
void wasmill_append_boolean(wasmill_builder *builder, bool value);
void wasmill_append_int8(wasmill_builder *builder, int8_t value);
void wasmill_append_int16(wasmill_builder *builder, int16_t value);
void wasmill_append_int32(wasmill_builder *builder, int32_t value); /* dates too */
void wasmill_append_int64(wasmill_builder *builder, int64_t value); /* times and timestamps too */
void wasmill_append_uint8(wasmill_builder *builder, uint8_t value);
void wasmill_append_uint16(wasmill_builder *builder, uint16_t value);
void wasmill_append_uint32(wasmill_builder *builder, uint32_t value);
void wasmill_append_uint64(wasmill_builder *builder, uint64_t value);
void wasmill_append_float32(wasmill_builder *builder, float value);
void wasmill_append_float64(wasmill_builder *builder, double value);
void wasmill_append_int128(wasmill_builder *builder, __int128 value); /* decimals */
void wasmill_append_bytes(wasmill_builder *builder, const void *data, size_t size);
void wasmill_append_string(wasmill_builder *builder, const char *text);
/* A nested value is appended to its children first: of a list any number of items, of a fixed-size
 * list `size`, of a struct one value a field. This ends it. */
void wasmill_append_nested(wasmill_builder *builder);
wasmill_builder *wasmill_builder_child(wasmill_builder *builder, size_t index);
size_t wasmill_builder_length(const wasmill_builder *builder);
/* What was appended, in the plugin's memory; until the next value is appended. */
const wasmill_array *wasmill_built(wasmill_builder *builder);
/* What was appended, as a column in the host. */
wasmill_column *wasmill_finish(wasmill_builder *builder);

/* ---- Errors: each returns false or NULL, to be returned at once ---- */

#define WASMILL_PRINTF(text, rest) __attribute__((__format__(__printf__, text, rest)))

/* The job is wrong: a bad parameter, bad argument types. */
bool wasmill_invalid(wasmill_call *call, const char *format, ...) WASMILL_PRINTF(2, 3);
/* The function itself failed. */
bool wasmill_failed(wasmill_call *call, const char *format, ...) WASMILL_PRINTF(2, 3);
/* This row of the batch is bad. The others are looked at as well: all bad rows are told together. */
void wasmill_row_failed(wasmill_call *call, size_t row, const char *format, ...) WASMILL_PRINTF(3, 4);
/* Logs a mistake of the program, and traps. */
_Noreturn void wasmill_panic(const char *format, ...) WASMILL_PRINTF(1, 2);

/* ---- A call ---- */

/* Zeroed memory, aligned for anything. */
void *wasmill_alloc(wasmill_call *call, size_t bytes);
/* What `open` has set; NULL: nothing. */
void *wasmill_state(wasmill_call *call);

/* In `open` only: */
void wasmill_set_state(wasmill_call *call, void *state);
/* The result's columns, where the signature leaves them open. The fields are copied. */
void wasmill_set_returns(wasmill_call *call, wasmill_fields returns);
/* The arguments that the job calls the function with. */
wasmill_fields wasmill_arguments(wasmill_call *call);
/* A parameter's value; NULL: neither the job nor a default gives one. */
const char *wasmill_parameter(wasmill_call *call, const char *name);
/* The same, but NULL is an error that has been told. */
const char *wasmill_required(wasmill_call *call, const char *name);

/* ---- Models ---- */

typedef struct wasmill_model wasmill_model;

/* A model that the job grants; NULL: an error that has been told. */
wasmill_model *wasmill_open_model(wasmill_call *call, const char *name);
wasmill_fields wasmill_model_inputs(const wasmill_model *model);
wasmill_fields wasmill_model_outputs(const wasmill_model *model);
/* Changes whenever the model does. */
const char *wasmill_model_version(wasmill_call *call, const wasmill_model *model);
/* Features to predictions, by position; NULL: an error that has been told. Nothing is copied into the
 * plugin. */
wasmill_batch *wasmill_predict(wasmill_call *call, const wasmill_model *model, const wasmill_batch *features);

/* ---- Log and metrics ---- */

typedef enum { WASMILL_TRACE, WASMILL_DEBUG, WASMILL_INFO, WASMILL_WARN, WASMILL_ERROR } wasmill_level;

/* A line in the host's log. So is a line that is printed: to stdout as info, to stderr as warn. */
void wasmill_log(wasmill_level level, const char *format, ...) WASMILL_PRINTF(2, 3);
void wasmill_counter(const char *name, uint64_t add);
void wasmill_gauge(const char *name, double value);
void wasmill_histogram(const char *name, double value);

#include "wasmill/row.h"
#include "wasmill/process.h"
#include "wasmill/function.h"

#endif
