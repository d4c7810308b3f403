/* Types and fields as trees; the contract has them flat. */
#include "internal.h"

wasmill_udf_columns_data_type_t wasmill_wire_type(const wasmill_type *type) {
  wasmill_udf_columns_data_type_t wire = { .tag = (uint8_t)type->id };
  switch (type->id) {
    case WASMILL_TIMESTAMP:
      wire.val.timestamp.unit = (uint8_t)type->unit;
      wire.val.timestamp.timezone.is_some = type->timezone != NULL;
      if (type->timezone != NULL)
        wire.val.timestamp.timezone.val =
            (plugin_string_t){ (uint8_t *)type->timezone, strlen(type->timezone) };
      break;
    case WASMILL_DECIMAL128:
      wire.val.decimal128.precision = type->precision;
      wire.val.decimal128.scale = type->scale;
      break;
    case WASMILL_FIXED_SIZE_LIST:
      wire.val.fixed_size_list = type->size;
      break;
    default:
      break;
  }
  return wire;
}

static size_t count(wasmill_fields fields) {
  size_t sum = fields.count;
  for (size_t i = 0; i < fields.count; i++) sum += count(fields.items[i].type.children);
  return sum;
}

static void flatten(wasmill_fields fields, wasmill_udf_columns_list_field_t *flat, plugin_list_u32_t *indices) {
  indices->len = fields.count;
  indices->ptr = fields.count == 0 ? NULL : wasmill_malloc(fields.count * sizeof(uint32_t));
  for (size_t i = 0; i < fields.count; i++) {
    const wasmill_field *field = &fields.items[i];
    size_t index = flat->len++;
    indices->ptr[i] = (uint32_t)index;
    wasmill_udf_columns_field_t *wire = &flat->ptr[index];
    wasmill_own_string(&wire->name, field->name);
    wire->data_type = wasmill_wire_type(&field->type);
    if (field->type.id == WASMILL_TIMESTAMP && field->type.timezone != NULL)
      wasmill_own_string(&wire->data_type.val.timestamp.timezone.val, field->type.timezone);
    wire->nullable = !field->not_null;
    flatten(field->type.children, flat, &wire->children);
  }
}

void wasmill_wire_schema(wasmill_fields fields, wasmill_udf_columns_schema_t *schema) {
  size_t all = count(fields);
  schema->fields.ptr = all == 0 ? NULL : wasmill_malloc(all * sizeof(wasmill_udf_columns_field_t));
  schema->fields.len = 0;
  flatten(fields, &schema->fields, &schema->columns);
}

wasmill_fields wasmill_copy_fields(wasmill_call *call, wasmill_fields fields) {
  wasmill_field *copies = wasmill_alloc(call, fields.count * sizeof *copies);
  for (size_t i = 0; i < fields.count; i++) {
    copies[i] = fields.items[i];
    const char *name = copies[i].name == NULL ? "" : copies[i].name;
    copies[i].name = wasmill_copy_text(call, name, strlen(name));
    const char *timezone = copies[i].type.timezone;
    if (timezone != NULL) copies[i].type.timezone = wasmill_copy_text(call, timezone, strlen(timezone));
    copies[i].type.children = wasmill_copy_fields(call, copies[i].type.children);
  }
  return (wasmill_fields){ copies, fields.count };
}

static wasmill_fields tree(wasmill_call *call, const wasmill_udf_columns_schema_t *schema,
                           const plugin_list_u32_t *indices) {
  wasmill_field *fields = wasmill_alloc(call, indices->len * sizeof *fields);
  for (size_t i = 0; i < indices->len; i++) {
    const wasmill_udf_columns_field_t *wire = &schema->fields.ptr[indices->ptr[i]];
    const wasmill_udf_columns_data_type_t *data_type = &wire->data_type;
    wasmill_type *type = &fields[i].type;
    fields[i].name = wasmill_copy_text(call, wire->name.ptr, wire->name.len);
    fields[i].not_null = !wire->nullable;
    type->id = (wasmill_type_id)data_type->tag;
    if (type->id == WASMILL_TIMESTAMP) {
      const plugin_option_string_t *timezone = &data_type->val.timestamp.timezone;
      type->unit = (wasmill_time_unit)data_type->val.timestamp.unit;
      if (timezone->is_some) type->timezone = wasmill_copy_text(call, timezone->val.ptr, timezone->val.len);
    } else if (type->id == WASMILL_DECIMAL128) {
      type->precision = data_type->val.decimal128.precision;
      type->scale = data_type->val.decimal128.scale;
    } else if (type->id == WASMILL_FIXED_SIZE_LIST) {
      type->size = data_type->val.fixed_size_list;
    }
    type->children = tree(call, schema, &wire->children);
  }
  return (wasmill_fields){ fields, indices->len };
}

wasmill_fields wasmill_fields_of(wasmill_call *call, const wasmill_udf_columns_schema_t *schema) {
  return tree(call, schema, &schema->columns);
}

wasmill_layout wasmill_layout_of(const wasmill_type *type) {
  switch (type->id) {
    case WASMILL_BOOLEAN: return WASMILL_BITS;
    case WASMILL_INT8: return WASMILL_I8;
    case WASMILL_INT16: return WASMILL_I16;
    case WASMILL_INT32:
    case WASMILL_DATE32: return WASMILL_I32;
    case WASMILL_INT64:
    case WASMILL_TIME64:
    case WASMILL_TIMESTAMP: return WASMILL_I64;
    case WASMILL_UINT8: return WASMILL_U8;
    case WASMILL_UINT16: return WASMILL_U16;
    case WASMILL_UINT32: return WASMILL_U32;
    case WASMILL_UINT64: return WASMILL_U64;
    case WASMILL_FLOAT32: return WASMILL_F32;
    case WASMILL_FLOAT64: return WASMILL_F64;
    case WASMILL_UTF8:
    case WASMILL_BINARY: return WASMILL_BYTES;
    case WASMILL_DECIMAL128: return WASMILL_I128;
    case WASMILL_LIST: return WASMILL_OFFSETS;
    case WASMILL_FIXED_SIZE_LIST:
    case WASMILL_STRUCT: return WASMILL_NONE;
  }
  return WASMILL_NONE;
}
