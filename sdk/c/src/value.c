/* The row path: SQL values to columns of one row, and back. */
#include "internal.h"

/* Narrower integers travel as 64 bits. */
#define NARROWED(name, c_type, from)                                                              \
  do {                                                                                            \
    if ((c_type)value->val.from != value->val.from) wasmill_panic("a value does not fit its type"); \
    wasmill_append_##name(builder, (c_type)value->val.from);                                      \
  } while (0)

void wasmill_value_array(wasmill_call *call, const wasmill_type *type, wasmill_udf_types_value_t *value,
                         wasmill_array *into) {
  if (value->tag == WASMILL_UDF_TYPES_VALUE_NESTED) {
    wasmill_read_column(call, type, value->val.nested, into);
    return;
  }
  wasmill_builder *builder = wasmill_build(call, type);
  switch (value->tag) {
    case WASMILL_UDF_TYPES_VALUE_NULL: wasmill_append_null(builder); break;
    case WASMILL_UDF_TYPES_VALUE_BOOLEAN: wasmill_append_boolean(builder, value->val.boolean); break;
    case WASMILL_UDF_TYPES_VALUE_INT64:
      if (type->id == WASMILL_INT8) NARROWED(int8, int8_t, int64);
      else if (type->id == WASMILL_INT16) NARROWED(int16, int16_t, int64);
      else if (type->id == WASMILL_INT32) NARROWED(int32, int32_t, int64);
      else wasmill_append_int64(builder, value->val.int64);
      break;
    case WASMILL_UDF_TYPES_VALUE_UINT64:
      if (type->id == WASMILL_UINT8) NARROWED(uint8, uint8_t, uint64);
      else if (type->id == WASMILL_UINT16) NARROWED(uint16, uint16_t, uint64);
      else if (type->id == WASMILL_UINT32) NARROWED(uint32, uint32_t, uint64);
      else wasmill_append_uint64(builder, value->val.uint64);
      break;
    case WASMILL_UDF_TYPES_VALUE_FLOAT32: wasmill_append_float32(builder, value->val.float32); break;
    case WASMILL_UDF_TYPES_VALUE_FLOAT64: wasmill_append_float64(builder, value->val.float64); break;
    case WASMILL_UDF_TYPES_VALUE_UTF8:
      wasmill_append_bytes(builder, value->val.utf8.ptr, value->val.utf8.len);
      break;
    case WASMILL_UDF_TYPES_VALUE_BINARY:
      wasmill_append_bytes(builder, value->val.binary.ptr, value->val.binary.len);
      break;
    case WASMILL_UDF_TYPES_VALUE_TIMESTAMP_MICROS:
      wasmill_append_int64(builder, value->val.timestamp_micros);
      break;
    case WASMILL_UDF_TYPES_VALUE_DATE32: wasmill_append_int32(builder, value->val.date32); break;
    default: wasmill_panic("there is no value of case %d", value->tag);
  }
  *into = *wasmill_built(builder);
}

static void set(wasmill_udf_types_value_t *value, uint8_t tag) {
  value->tag = tag;
}

bool wasmill_array_value(const wasmill_type *type, const wasmill_array *array, wasmill_udf_types_value_t *value) {
  wasmill_text text;
  if (!wasmill_present(array, 0)) {
    set(value, WASMILL_UDF_TYPES_VALUE_NULL);
    return true;
  }
  switch (type->id) {
    case WASMILL_BOOLEAN:
      set(value, WASMILL_UDF_TYPES_VALUE_BOOLEAN);
      value->val.boolean = wasmill_bit(array->bits, 0);
      return true;
#define INTEGER(id, member, as, tag)            \
    case id:                                    \
      set(value, WASMILL_UDF_TYPES_VALUE_##tag); \
      value->val.as = array->member[0];         \
      return true;
    INTEGER(WASMILL_INT8, int8, int64, INT64)
    INTEGER(WASMILL_INT16, int16, int64, INT64)
    INTEGER(WASMILL_INT32, int32, int64, INT64)
    INTEGER(WASMILL_INT64, int64, int64, INT64)
    INTEGER(WASMILL_UINT8, uint8, uint64, UINT64)
    INTEGER(WASMILL_UINT16, uint16, uint64, UINT64)
    INTEGER(WASMILL_UINT32, uint32, uint64, UINT64)
    INTEGER(WASMILL_UINT64, uint64, uint64, UINT64)
    INTEGER(WASMILL_FLOAT32, float32, float32, FLOAT32)
    INTEGER(WASMILL_FLOAT64, float64, float64, FLOAT64)
    INTEGER(WASMILL_DATE32, int32, date32, DATE32)
#undef INTEGER
    case WASMILL_TIMESTAMP:
      if (type->unit != WASMILL_MICROSECOND) return false;
      set(value, WASMILL_UDF_TYPES_VALUE_TIMESTAMP_MICROS);
      value->val.timestamp_micros = array->int64[0];
      return true;
    case WASMILL_UTF8:
    case WASMILL_BINARY:
      text = wasmill_text_at(array, 0);
      set(value, type->id == WASMILL_UTF8 ? WASMILL_UDF_TYPES_VALUE_UTF8 : WASMILL_UDF_TYPES_VALUE_BINARY);
      value->val.utf8.len = text.size;
      value->val.utf8.ptr = text.size == 0 ? NULL : wasmill_malloc(text.size);
      if (text.size > 0) memcpy(value->val.utf8.ptr, text.data, text.size);
      return true;
    default:
      return false;
  }
}
