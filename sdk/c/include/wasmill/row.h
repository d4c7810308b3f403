/* One row: its arguments, and what becomes of it. Included by wasmill.h. */
#ifndef WASMILL_ROW_H
#define WASMILL_ROW_H

typedef struct {
  wasmill_call *call;
  void *state;  /* what `open` has set */
  size_t index; /* of the row in its batch */
  const wasmill_array *arguments;
  size_t argument_count;
  wasmill_builder **results;
  size_t result_count;
  size_t emitted; /* rows that a table or process function has given so far, in this batch */
  wasmill_builder *origins;        /* of a process function: the row that each of these comes of */
  struct wasmill_process *process; /* NULL: of another kind of function */
} wasmill_row;

_Noreturn void wasmill_wrong_argument(const wasmill_row *row, size_t argument, wasmill_layout layout);

/* ---- Arguments, counted from 0 ---- */

static inline const wasmill_array *wasmill_argument(const wasmill_row *row, size_t argument, wasmill_layout layout) {
  if (argument >= row->argument_count || row->arguments[argument].layout != layout)
    wasmill_wrong_argument(row, argument, layout);
  return &row->arguments[argument];
}

static inline bool wasmill_is_null(const wasmill_row *row, size_t argument) {
  if (argument >= row->argument_count) wasmill_wrong_argument(row, argument, WASMILL_NONE);
  return !wasmill_present(&row->arguments[argument], row->index);
}

static inline bool wasmill_boolean(const wasmill_row *row, size_t argument) {
  return wasmill_bit(wasmill_argument(row, argument, WASMILL_BITS)->bits, row->index);
}

#define WASMILL_READER(name, type, layout)                                          \
  static inline type wasmill_##name(const wasmill_row *row, size_t argument) {      \
    return wasmill_argument(row, argument, layout)->name[row->index];               \
  }
WASMILL_READER(int8, int8_t, WASMILL_I8)
WASMILL_READER(int16, int16_t, WASMILL_I16)
WASMILL_READER(int32, int32_t, WASMILL_I32) /* dates too */
WASMILL_READER(int64, int64_t, WASMILL_I64) /* times and timestamps too */
WASMILL_READER(uint8, uint8_t, WASMILL_U8)
WASMILL_READER(uint16, uint16_t, WASMILL_U16)
WASMILL_READER(uint32, uint32_t, WASMILL_U32)
WASMILL_READER(uint64, uint64_t, WASMILL_U64)
WASMILL_READER(float32, float, WASMILL_F32)
WASMILL_READER(float64, double, WASMILL_F64)
#undef WASMILL_READER

/* The digits of a decimal. */
static inline __int128 wasmill_int128(const wasmill_row *row, size_t argument) {
  const uint64_t *pair = wasmill_argument(row, argument, WASMILL_I128)->int128 + 2 * row->index;
  return (__int128)((unsigned __int128)pair[1] << 64 | pair[0]);
}

/* The bytes of a text or of a binary value. */
static inline wasmill_text wasmill_bytes(const wasmill_row *row, size_t argument) {
  return wasmill_text_at(wasmill_argument(row, argument, WASMILL_BYTES), row->index);
}

/* A copy that ends with a NUL. */
const char *wasmill_string(const wasmill_row *row, size_t argument);

/* The items of a list, also of one of fixed size. */
static inline wasmill_list wasmill_items(const wasmill_row *row, size_t argument) {
  if (argument >= row->argument_count || row->arguments[argument].child_count == 0)
    wasmill_wrong_argument(row, argument, WASMILL_OFFSETS);
  return wasmill_list_at(&row->arguments[argument], row->index);
}

/* ---- The result: NULL unless a value is put ---- */

/* Where to append the value of a result's column, counted from 0; a scalar function has one. Once a
 * row. */
static inline wasmill_builder *wasmill_result(const wasmill_row *row, size_t column) {
  if (column >= row->result_count) wasmill_panic("there is no result column %zu", column);
  return row->results[column];
}

static inline void wasmill_put_null(const wasmill_row *row, size_t column) {
  wasmill_append_null(wasmill_result(row, column));
}

#define WASMILL_RESULT(name, type)                                                     \
  static inline void wasmill_put_##name(const wasmill_row *row, size_t column, type value) { \
    wasmill_append_##name(wasmill_result(row, column), value);                         \
  }                                                                                    \
  static inline void wasmill_return_##name(const wasmill_row *row, type value) {       \
    wasmill_append_##name(wasmill_result(row, 0), value);                              \
  }
WASMILL_RESULT(boolean, bool)
WASMILL_RESULT(int8, int8_t)
WASMILL_RESULT(int16, int16_t)
WASMILL_RESULT(int32, int32_t)
WASMILL_RESULT(int64, int64_t)
WASMILL_RESULT(uint8, uint8_t)
WASMILL_RESULT(uint16, uint16_t)
WASMILL_RESULT(uint32, uint32_t)
WASMILL_RESULT(uint64, uint64_t)
WASMILL_RESULT(float32, float)
WASMILL_RESULT(float64, double)
WASMILL_RESULT(int128, __int128)
WASMILL_RESULT(string, const char *)
#undef WASMILL_RESULT

static inline void wasmill_put_bytes(const wasmill_row *row, size_t column, const void *data, size_t size) {
  wasmill_append_bytes(wasmill_result(row, column), data, size);
}

static inline void wasmill_return_bytes(const wasmill_row *row, const void *data, size_t size) {
  wasmill_append_bytes(wasmill_result(row, 0), data, size);
}

/* Of a table or process function: ends a row of its result. Columns without a value are NULL. */
void wasmill_emit(wasmill_row *row);

/* This row fails, with this message; the function returns then. */
#define wasmill_fail(row, ...) wasmill_row_failed((row)->call, (row)->index, __VA_ARGS__)

#endif
