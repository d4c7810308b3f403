/* What a process function keeps of each key, and what it may do beside. Included by wasmill.h. */
#ifndef WASMILL_PROCESS_H
#define WASMILL_PROCESS_H

typedef enum {
  WASMILL_SLOT_VALUE, /* one value of each key */
  WASMILL_SLOT_LIST,  /* values in the order in which they were pushed */
  WASMILL_SLOT_MAP,   /* values by keys of their own, in the order of these */
} wasmill_slot_kind;

/* What is kept of each key: `{ .name = "pages", .kind = WASMILL_SLOT_MAP, .key = WASMILL_TYPE(WASMILL_UTF8),
 * .type = WASMILL_TYPE(WASMILL_INT64), .ttl = 3600000 }`. Functions know slots by their place, counted
 * from 0. */
typedef struct {
  const char *name;
  wasmill_slot_kind kind;
  wasmill_type type; /* of a value, of the items of a list, of the values of a map */
  wasmill_type key;  /* of a map */
  uint64_t ttl;      /* milliseconds by the machine's clock after which what was written is gone; 0: never */
} wasmill_slot;

#define WASMILL_TYPE(...) \
  { .id = __VA_ARGS__ }

typedef struct {
  const wasmill_slot *items;
  size_t count;
} wasmill_slots;

#define WASMILL_SLOTS(...)                     \
  {                                            \
    (const wasmill_slot[]){ __VA_ARGS__ },     \
        sizeof((const wasmill_slot[]){ __VA_ARGS__ }) / sizeof(wasmill_slot) \
  }

/* Rows beside the result, for a table that the job names: `{ "late", WASMILL_FIELDS(...) }`. Known by
 * their place too. */
typedef struct {
  const char *name;
  wasmill_fields columns;
} wasmill_side_output;

typedef struct {
  const wasmill_side_output *items;
  size_t count;
} wasmill_side_outputs;

#define WASMILL_SIDE_OUTPUTS(...)                    \
  {                                                  \
    (const wasmill_side_output[]){ __VA_ARGS__ },    \
        sizeof((const wasmill_side_output[]){ __VA_ARGS__ }) / sizeof(wasmill_side_output) \
  }

/* ---- Values of any type ---- */

/* A value in a column; none, where `array` is NULL or has NULL there. What the functions below give
 * does not change, and is good for the whole call, whatever becomes of the slot. */
typedef struct {
  const wasmill_array *array;
  size_t row;
} wasmill_item;

static inline bool wasmill_item_present(wasmill_item item) {
  return item.array != NULL && wasmill_present(item.array, item.row);
}

/* Whether there is a value; it must be of this layout. */
bool wasmill_item_is(wasmill_item item, wasmill_layout layout);

static inline bool wasmill_item_boolean(wasmill_item item) {
  return wasmill_item_is(item, WASMILL_BITS) && wasmill_bit(item.array->bits, item.row);
}

/* 0 where there is no value. */
#define WASMILL_ITEM_READER(name, type, layout)                                       \
  static inline type wasmill_item_##name(wasmill_item item) {                         \
    return wasmill_item_is(item, layout) ? item.array->name[item.row] : (type)0;      \
  }
WASMILL_ITEM_READER(int8, int8_t, WASMILL_I8)
WASMILL_ITEM_READER(int16, int16_t, WASMILL_I16)
WASMILL_ITEM_READER(int32, int32_t, WASMILL_I32) /* dates too */
WASMILL_ITEM_READER(int64, int64_t, WASMILL_I64) /* times and timestamps too */
WASMILL_ITEM_READER(uint8, uint8_t, WASMILL_U8)
WASMILL_ITEM_READER(uint16, uint16_t, WASMILL_U16)
WASMILL_ITEM_READER(uint32, uint32_t, WASMILL_U32)
WASMILL_ITEM_READER(uint64, uint64_t, WASMILL_U64)
WASMILL_ITEM_READER(float32, float, WASMILL_F32)
WASMILL_ITEM_READER(float64, double, WASMILL_F64)
#undef WASMILL_ITEM_READER

/* The bytes of a text or of a binary value; none where there is no value. */
static inline wasmill_text wasmill_item_bytes(wasmill_item item) {
  wasmill_text none = { "", 0 };
  return wasmill_item_is(item, WASMILL_BYTES) ? wasmill_text_at(item.array, item.row) : none;
}

wasmill_item wasmill_of_boolean(const wasmill_row *row, bool value);
wasmill_item wasmill_of_int8(const wasmill_row *row, int8_t value);
wasmill_item wasmill_of_int16(const wasmill_row *row, int16_t value);
wasmill_item wasmill_of_int32(const wasmill_row *row, int32_t value); /* dates too */
wasmill_item wasmill_of_int64(const wasmill_row *row, int64_t value); /* times and timestamps too */
wasmill_item wasmill_of_uint8(const wasmill_row *row, uint8_t value);
wasmill_item wasmill_of_uint16(const wasmill_row *row, uint16_t value);
wasmill_item wasmill_of_uint32(const wasmill_row *row, uint32_t value);
wasmill_item wasmill_of_uint64(const wasmill_row *row, uint64_t value);
wasmill_item wasmill_of_float32(const wasmill_row *row, float value);
wasmill_item wasmill_of_float64(const wasmill_row *row, double value);
wasmill_item wasmill_of_bytes(const wasmill_row *row, const void *data, size_t size); /* copied */
wasmill_item wasmill_of_string(const wasmill_row *row, const char *text);             /* copied */
/* An argument of the row, counted from 0. */
wasmill_item wasmill_of_argument(const wasmill_row *row, size_t argument);
/* The value that was appended last; copied. For nested values and decimals. */
wasmill_item wasmill_of_built(wasmill_builder *builder);

/* Appends the value, or NULL. */
void wasmill_append_item(wasmill_builder *builder, wasmill_item item);
static inline void wasmill_put_item(const wasmill_row *row, size_t column, wasmill_item item) {
  wasmill_append_item(wasmill_result(row, column), item);
}

/* ---- The state of the row's key. A row that fails leaves no trace in it. ---- */

/* The value of a slot of the kind WASMILL_SLOT_VALUE. */
wasmill_item wasmill_get(const wasmill_row *row, size_t slot);
/* No item: there is no value then. One that is the same as before is not written again. */
void wasmill_set(const wasmill_row *row, size_t slot, wasmill_item item);

/* Of a list or a map: how many there are. */
size_t wasmill_count(const wasmill_row *row, size_t slot);
/* Forgets all that a slot of any kind has. */
void wasmill_clear(const wasmill_row *row, size_t slot);

/* Appends to a list. */
void wasmill_push(const wasmill_row *row, size_t slot, wasmill_item item);
/* An item of a list, counted from 0. */
wasmill_item wasmill_list_item(const wasmill_row *row, size_t slot, size_t index);

/* What a map has under a key. */
wasmill_item wasmill_find(const wasmill_row *row, size_t slot, wasmill_item key);
/* Puts a value under a key; none: removes it. */
void wasmill_insert(const wasmill_row *row, size_t slot, wasmill_item key, wasmill_item value);
/* The next entry of a map, in the order of the keys: `size_t at = 0; while (wasmill_next_entry(row, PAGES,
 * &at, &key, &value)) ...`. Between, entries may be removed, but none inserted. */
bool wasmill_next_entry(const wasmill_row *row, size_t slot, size_t *at, wasmill_item *key, wasmill_item *value);

/* ---- Time and timers, in milliseconds since 1970 ---- */

/* The time of the row or of the timer; false: the job gives none. */
bool wasmill_time(const wasmill_row *row, int64_t *time);
/* All rows up to this time have come; false before the first ones. INT64_MAX once all rows of a table
 * with an end have come. */
bool wasmill_watermark(const wasmill_row *row, int64_t *watermark);
/* The machine's clock as the call began. */
int64_t wasmill_now(const wasmill_row *row);

/* Has the key's timer of this name fire once the watermark has come to `at`. A key has one timer of a
 * name: it replaces the one before. */
void wasmill_set_timer(const wasmill_row *row, const char *name, int64_t at);
/* The same, by the machine's clock. */
void wasmill_set_processing_timer(const wasmill_row *row, const char *name, int64_t at);
/* Has the key's timer of this name not fire. */
void wasmill_clear_timer(const wasmill_row *row, const char *name);

/* ---- Side outputs and the broadcast table ---- */

/* The row of a side output: its columns are put and it is emitted as the result's row is. */
wasmill_row *wasmill_side(wasmill_row *row, size_t side_output);

/* How many rows the broadcast table has, without those that have NULL in a column that does not take
 * NULL. */
size_t wasmill_broadcast_rows(const wasmill_row *row);
wasmill_item wasmill_broadcast(const wasmill_row *row, size_t broadcast_row, size_t column);
/* The last row that has this value in a column; false: none has. An index of the column is made once,
 * whenever the table has other rows. */
bool wasmill_broadcast_find(const wasmill_row *row, size_t column, wasmill_item value, size_t *broadcast_row);

/* ---- By hand: a whole batch at once ---- */

/* The keys of a call, numbered from 0, with their state. */
typedef struct wasmill_keyed wasmill_keyed;

/* The columns of PARTITION BY, one row a key; nothing is copied. */
wasmill_batch *wasmill_keyed_keys(wasmill_keyed *keyed);
/* Of each row or timer the number of its key. */
const uint32_t *wasmill_keyed_numbers(wasmill_keyed *keyed, size_t *count);
/* Of each row or timer its time; NULL: the job gives none. */
const int64_t *wasmill_keyed_times(wasmill_keyed *keyed);
bool wasmill_keyed_watermark(wasmill_keyed *keyed, int64_t *watermark);
int64_t wasmill_keyed_now(wasmill_keyed *keyed);
/* What each key has, one row a key: of a map a list of structs of `key` and `value`. */
const wasmill_array *wasmill_keyed_read(wasmill_keyed *keyed, size_t slot);
/* Of a map: for each row the value that the key `keys[row]` has under `entries[row]`, or NULL. */
const wasmill_array *wasmill_keyed_lookup(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                                          const wasmill_column *entries);
/* Replaces all that these keys have, with rows as `wasmill_keyed_read` gives them. */
void wasmill_keyed_write(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                         const wasmill_column *values);
/* Of a list: appends an item each. */
void wasmill_keyed_append(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                          const wasmill_column *items);
/* Of a map: puts an entry each; one whose value is NULL is removed. */
void wasmill_keyed_put(wasmill_keyed *keyed, size_t slot, const uint32_t *keys, size_t count,
                       const wasmill_column *entries, const wasmill_column *values);
typedef enum { WASMILL_EVENT, WASMILL_PROCESSING } wasmill_clock;
void wasmill_keyed_set_timers(wasmill_keyed *keyed, wasmill_clock clock, const char *name, const uint32_t *keys,
                              const int64_t *at, size_t count);
void wasmill_keyed_clear_timers(wasmill_keyed *keyed, const char *name, const uint32_t *keys, size_t count);
/* The broadcast table; nothing is copied. */
wasmill_batch *wasmill_keyed_broadcast(wasmill_keyed *keyed);
/* Another number whenever it has other rows. */
uint64_t wasmill_keyed_broadcast_version(wasmill_keyed *keyed);

enum { WASMILL_THE_RESULT = -1 };
/* Gives rows of the result, or of a side output by its place. `origins` has for each the row or the timer
 * that it comes of. The batch is used up. */
void wasmill_keyed_give(wasmill_keyed *keyed, int side_output, wasmill_batch *rows, const uint32_t *origins);

#endif
