/* Single values, which stand in columns of the plugin's memory. */
#include "internal.h"
#include "process.h"

bool wasmill_item_is(wasmill_item item, wasmill_layout layout) {
  if (item.array != NULL && item.array->layout != layout)
    wasmill_panic("a value of layout %d is read as layout %d", item.array->layout, layout);
  return wasmill_item_present(item);
}

static wasmill_item made(const wasmill_row *row, wasmill_layout layout, const void *value, size_t size) {
  wasmill_array *array = wasmill_alloc(row->call, sizeof *array + size);
  memcpy(array + 1, value, size);
  *array = (wasmill_array){ .layout = layout, .length = 1, .items = array + 1 };
  return (wasmill_item){ array, 0 };
}

#define OF(name, c_type, layout)                                               \
  wasmill_item wasmill_of_##name(const wasmill_row *row, c_type value) {       \
    return made(row, layout, &value, sizeof value);                            \
  }
OF(int8, int8_t, WASMILL_I8)
OF(int16, int16_t, WASMILL_I16)
OF(int32, int32_t, WASMILL_I32)
OF(int64, int64_t, WASMILL_I64)
OF(uint8, uint8_t, WASMILL_U8)
OF(uint16, uint16_t, WASMILL_U16)
OF(uint32, uint32_t, WASMILL_U32)
OF(uint64, uint64_t, WASMILL_U64)
OF(float32, float, WASMILL_F32)
OF(float64, double, WASMILL_F64)

wasmill_item wasmill_of_boolean(const wasmill_row *row, bool value) {
  uint8_t bits = value;
  return made(row, WASMILL_BITS, &bits, 1);
}

wasmill_item wasmill_of_bytes(const wasmill_row *row, const void *data, size_t size) {
  if (size > INT32_MAX) wasmill_panic("a value has over 2 GiB of bytes");
  wasmill_array *array = wasmill_alloc(row->call, sizeof *array);
  int32_t *offsets = wasmill_alloc(row->call, 2 * sizeof *offsets + size);
  offsets[1] = (int32_t)size;
  if (size > 0) memcpy(offsets + 2, data, size);
  *array = (wasmill_array){ .layout = WASMILL_BYTES,
                            .length = 1,
                            .offsets = offsets,
                            .bytes = (const uint8_t *)(offsets + 2),
                            .byte_count = size };
  return (wasmill_item){ array, 0 };
}

wasmill_item wasmill_of_string(const wasmill_row *row, const char *text) {
  return wasmill_of_bytes(row, text, strlen(text));
}

wasmill_item wasmill_of_argument(const wasmill_row *row, size_t argument) {
  if (argument >= row->argument_count) wasmill_wrong_argument(row, argument, WASMILL_NONE);
  return (wasmill_item){ &row->arguments[argument], row->index };
}

wasmill_item wasmill_of_built(wasmill_builder *builder) {
  size_t length = wasmill_builder_length(builder);
  if (length == 0) return (wasmill_item){ 0 };
  wasmill_builder *copy = wasmill_builder_like(builder);
  wasmill_append_item(copy, (wasmill_item){ wasmill_built(builder), length - 1 });
  return (wasmill_item){ wasmill_built(copy), 0 };
}

static __int128 wide(wasmill_item item) {
  const uint64_t *pair = item.array->int128 + 2 * item.row;
  return (__int128)((unsigned __int128)pair[1] << 64 | pair[0]);
}

void wasmill_append_item(wasmill_builder *builder, wasmill_item item) {
  if (!wasmill_item_present(item)) {
    wasmill_append_null(builder);
    return;
  }
  const wasmill_array *array = item.array;
  size_t row = item.row;
  wasmill_text text;
  wasmill_list list;
  switch (array->layout) {
    case WASMILL_BITS: wasmill_append_boolean(builder, wasmill_bit(array->bits, row)); return;
    case WASMILL_I8: wasmill_append_int8(builder, array->int8[row]); return;
    case WASMILL_I16: wasmill_append_int16(builder, array->int16[row]); return;
    case WASMILL_I32: wasmill_append_int32(builder, array->int32[row]); return;
    case WASMILL_I64: wasmill_append_int64(builder, array->int64[row]); return;
    case WASMILL_U8: wasmill_append_uint8(builder, array->uint8[row]); return;
    case WASMILL_U16: wasmill_append_uint16(builder, array->uint16[row]); return;
    case WASMILL_U32: wasmill_append_uint32(builder, array->uint32[row]); return;
    case WASMILL_U64: wasmill_append_uint64(builder, array->uint64[row]); return;
    case WASMILL_F32: wasmill_append_float32(builder, array->float32[row]); return;
    case WASMILL_F64: wasmill_append_float64(builder, array->float64[row]); return;
    case WASMILL_I128: wasmill_append_int128(builder, wide(item)); return;
    case WASMILL_BYTES:
      text = wasmill_text_at(array, row);
      wasmill_append_bytes(builder, text.data, text.size);
      return;
    case WASMILL_OFFSETS:
      list = wasmill_list_at(array, row);
      for (size_t i = list.start; i < list.end; i++)
        wasmill_append_item(wasmill_builder_child(builder, 0), (wasmill_item){ list.items, i });
      wasmill_append_nested(builder);
      return;
    case WASMILL_NONE:
      for (size_t child = 0; child < array->child_count; child++) {
        size_t each = array->length == 0 ? 0 : array->children[child].length / array->length;
        for (size_t i = 0; i < each; i++)
          wasmill_append_item(wasmill_builder_child(builder, child),
                              (wasmill_item){ &array->children[child], row * each + i });
      }
      wasmill_append_nested(builder);
  }
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* By their bits, so that -0.0 is not 0.0, and a NaN is itself. */
static int64_t ordered(double value) {
  int64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits < 0 ? INT64_MIN - bits - 1 : bits;
}

static int compare_bytes(wasmill_text a, wasmill_text b) {
  size_t size = a.size < b.size ? a.size : b.size;
  int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
  return order != 0 ? order : ORDER(a.size, b.size);
}

static int compare_lists(wasmill_list a, wasmill_list b) {
  for (size_t i = 0; a.start + i < a.end && b.start + i < b.end; i++) {
    int order = wasmill_compare((wasmill_item){ a.items, a.start + i }, (wasmill_item){ b.items, b.start + i });
    if (order != 0) return order;
  }
  return ORDER(a.end - a.start, b.end - b.start);
}

int wasmill_compare(wasmill_item a, wasmill_item b) {
  bool there = wasmill_item_present(a), also = wasmill_item_present(b);
  if (!there || !also) return there - also;
  if (a.array->layout != b.array->layout)
    wasmill_panic("a value of layout %d is compared with one of layout %d", a.array->layout, b.array->layout);
  switch (a.array->layout) {
    case WASMILL_BITS: return wasmill_bit(a.array->bits, a.row) - wasmill_bit(b.array->bits, b.row);
    case WASMILL_I8: return ORDER(a.array->int8[a.row], b.array->int8[b.row]);
    case WASMILL_I16: return ORDER(a.array->int16[a.row], b.array->int16[b.row]);
    case WASMILL_I32: return ORDER(a.array->int32[a.row], b.array->int32[b.row]);
    case WASMILL_I64: return ORDER(a.array->int64[a.row], b.array->int64[b.row]);
    case WASMILL_U8: return ORDER(a.array->uint8[a.row], b.array->uint8[b.row]);
    case WASMILL_U16: return ORDER(a.array->uint16[a.row], b.array->uint16[b.row]);
    case WASMILL_U32: return ORDER(a.array->uint32[a.row], b.array->uint32[b.row]);
    case WASMILL_U64: return ORDER(a.array->uint64[a.row], b.array->uint64[b.row]);
    case WASMILL_F32: return ORDER(ordered(a.array->float32[a.row]), ordered(b.array->float32[b.row]));
    case WASMILL_F64: return ORDER(ordered(a.array->float64[a.row]), ordered(b.array->float64[b.row]));
    case WASMILL_I128: return ORDER(wide(a), wide(b));
    case WASMILL_BYTES: return compare_bytes(wasmill_text_at(a.array, a.row), wasmill_text_at(b.array, b.row));
    case WASMILL_OFFSETS: return compare_lists(wasmill_list_at(a.array, a.row), wasmill_list_at(b.array, b.row));
    case WASMILL_NONE: break;
  }
  for (size_t child = 0; child < a.array->child_count; child++) {
    const wasmill_array *of_a = &a.array->children[child], *of_b = &b.array->children[child];
    size_t each_a = of_a->length / a.array->length, each_b = of_b->length / b.array->length;
    int order = compare_lists((wasmill_list){ of_a, a.row * each_a, (a.row + 1) * each_a },
                              (wasmill_list){ of_b, b.row * each_b, (b.row + 1) * each_b });
    if (order != 0) return order;
  }
  return 0;
}
