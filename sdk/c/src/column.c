/* Columns and batches: out of the host and into it. */
#include "internal.h"

static void free_array(void *array) {
  wasmill_udf_columns_array_free(array);
}

/* Of `wire`, which is in the call's memory, all buffers stay where they are. */
static void view(wasmill_call *call, const wasmill_type *type, wasmill_udf_columns_array_t *wire,
                 wasmill_array *into) {
  wasmill_on_end(call, free_array, wire);
  *into = (wasmill_array){
    .layout = (wasmill_layout)wire->values.tag,
    .length = wire->length,
    .validity = wire->validity.is_some ? wire->validity.val.ptr : NULL,
  };
  if (into->layout != wasmill_layout_of(type))
    wasmill_panic("the host gave a column of layout %d for type %d", into->layout, type->id);
  switch (into->layout) {
    case WASMILL_BYTES:
      into->offsets = wire->values.val.bytes.f0.ptr;
      into->bytes = wire->values.val.bytes.f1.ptr;
      into->byte_count = wire->values.val.bytes.f1.len;
      break;
    case WASMILL_OFFSETS:
      into->offsets = wire->values.val.offsets.ptr;
      break;
    case WASMILL_NONE:
      break;
    default: /* the lists all look alike */
      into->items = wire->values.val.uint8.ptr;
  }
}

static void read_children(wasmill_call *call, const wasmill_type *type, wasmill_udf_columns_borrow_column_t column,
                          wasmill_array *into) {
  wasmill_array *children = wasmill_alloc(call, type->children.count * sizeof *children);
  for (size_t i = 0; i < type->children.count; i++) {
    wasmill_udf_columns_own_column_t child = wasmill_udf_columns_method_column_child(column, (uint32_t)i);
    wasmill_read_column(call, &type->children.items[i].type, child, &children[i]);
    wasmill_udf_columns_column_drop_own(child);
  }
  into->children = children;
  into->child_count = type->children.count;
}

void wasmill_read_column(wasmill_call *call, const wasmill_type *type, wasmill_udf_columns_own_column_t column,
                         wasmill_array *into) {
  wasmill_udf_columns_array_t *wire = wasmill_alloc(call, sizeof *wire);
  wasmill_udf_columns_borrow_column_t borrowed = wasmill_udf_columns_borrow_column(column);
  wasmill_udf_columns_method_column_read(borrowed, wire);
  view(call, type, wire, into);
  read_children(call, type, borrowed, into);
}

size_t wasmill_batch_rows(const wasmill_batch *batch) {
  return batch->rows;
}

wasmill_fields wasmill_batch_fields(wasmill_call *call, const wasmill_batch *batch) {
  wasmill_batch *known = (wasmill_batch *)batch;
  if (!known->has_fields) {
    wasmill_udf_columns_schema_t schema;
    wasmill_udf_columns_method_batch_schema(batch->handle, &schema);
    known->fields = wasmill_fields_of(call, &schema);
    known->has_fields = true;
    wasmill_udf_columns_schema_free(&schema);
  }
  return known->fields;
}

const wasmill_array *wasmill_batch_read(wasmill_call *call, const wasmill_batch *batch, size_t index) {
  wasmill_fields fields = wasmill_batch_fields(call, batch);
  if (index >= fields.count) wasmill_panic("there is no column %zu, there are %zu", index, fields.count);
  const wasmill_type *type = &fields.items[index].type;
  wasmill_array *array = wasmill_alloc(call, sizeof *array);
  if (type->children.count > 0) {
    wasmill_udf_columns_own_column_t column =
        wasmill_udf_columns_method_batch_column(batch->handle, (uint32_t)index);
    wasmill_read_column(call, type, column, array);
    wasmill_udf_columns_column_drop_own(column);
  } else {
    wasmill_udf_columns_array_t *wire = wasmill_alloc(call, sizeof *wire);
    wasmill_udf_columns_method_batch_read(batch->handle, (uint32_t)index, wire);
    view(call, type, wire, array);
  }
  return array;
}

static void drop_column(void *what) {
  wasmill_column *column = what;
  if (!column->given) wasmill_udf_columns_column_drop_own(column->handle);
}

wasmill_column *wasmill_owned_column(wasmill_call *call, wasmill_udf_columns_own_column_t handle) {
  wasmill_column *column = wasmill_alloc(call, sizeof *column);
  column->handle = handle;
  wasmill_on_end(call, drop_column, column);
  return column;
}

wasmill_udf_columns_own_column_t wasmill_give_column(wasmill_column *column) {
  if (column->given) wasmill_panic("a column is used twice");
  column->given = true;
  return column->handle;
}

static void drop_batch(void *what) {
  wasmill_batch *batch = what;
  wasmill_udf_columns_own_batch_t handle = { batch->handle.__handle };
  if (!batch->given) wasmill_udf_columns_batch_drop_own(handle);
}

wasmill_batch *wasmill_owned_batch(wasmill_call *call, wasmill_udf_columns_own_batch_t handle) {
  wasmill_batch *batch = wasmill_alloc(call, sizeof *batch);
  batch->handle = wasmill_udf_columns_borrow_batch(handle);
  batch->rows = wasmill_udf_columns_method_batch_rows(batch->handle);
  wasmill_on_end(call, drop_batch, batch);
  return batch;
}

wasmill_udf_columns_own_batch_t wasmill_give_batch(wasmill_batch *batch) {
  if (batch->given) wasmill_panic("a batch is used twice, or is the call's own");
  batch->given = true;
  return (wasmill_udf_columns_own_batch_t){ batch->handle.__handle };
}

void wasmill_borrowed_batch(wasmill_batch *batch, wasmill_udf_columns_borrow_batch_t handle,
                            wasmill_fields fields) {
  *batch = (wasmill_batch){
    .handle = handle,
    .given = true,
    .has_fields = true,
    .rows = wasmill_udf_columns_method_batch_rows(handle),
    .fields = fields,
  };
}

wasmill_column *wasmill_batch_column(wasmill_call *call, const wasmill_batch *batch, size_t index) {
  return wasmill_owned_column(call, wasmill_udf_columns_method_batch_column(batch->handle, (uint32_t)index));
}

wasmill_batch *wasmill_project(wasmill_call *call, const wasmill_batch *batch, const uint32_t *columns,
                               size_t count) {
  plugin_list_u32_t list = { (uint32_t *)columns, count };
  return wasmill_owned_batch(call, wasmill_udf_columns_method_batch_project(batch->handle, &list));
}

/* The buffers of `array`, borrowed. */
static wasmill_udf_columns_values_t wire_values(const wasmill_array *array) {
  wasmill_udf_columns_values_t values = { .tag = (uint8_t)array->layout };
  size_t length = array->length;
  switch (array->layout) {
    case WASMILL_BYTES:
      values.val.bytes.f0 = (plugin_list_s32_t){ (int32_t *)array->offsets, length + 1 };
      values.val.bytes.f1 = (plugin_list_u8_t){ (uint8_t *)array->bytes, array->byte_count };
      break;
    case WASMILL_OFFSETS:
      values.val.offsets = (plugin_list_s32_t){ (int32_t *)array->offsets, length + 1 };
      break;
    case WASMILL_NONE:
      break;
    case WASMILL_BITS:
      values.val.boolean = (plugin_list_u8_t){ (uint8_t *)array->bits, (length + 7) / 8 };
      break;
    case WASMILL_I128:
      values.val.int128 = (plugin_list_u64_t){ (uint64_t *)array->int128, 2 * length };
      break;
    default:
      values.val.uint8 = (plugin_list_u8_t){ (uint8_t *)array->uint8, length };
  }
  return values;
}

wasmill_column *wasmill_make_column(wasmill_call *call, const wasmill_type *type, const wasmill_array *array) {
  if (array->layout != wasmill_layout_of(type) || array->child_count != type->children.count)
    wasmill_panic("a column of layout %d is not one of type %d", array->layout, type->id);
  wasmill_udf_columns_list_own_column_t children = { 0 };
  children.ptr = wasmill_alloc(call, array->child_count * sizeof *children.ptr);
  children.len = array->child_count;
  for (size_t i = 0; i < array->child_count; i++) {
    wasmill_column *child = wasmill_make_column(call, &type->children.items[i].type, &array->children[i]);
    children.ptr[i] = wasmill_give_column(child);
  }
  wasmill_udf_columns_data_type_t data_type = wasmill_wire_type(type);
  wasmill_udf_columns_array_t wire = { .length = (uint32_t)array->length };
  wire.validity.is_some = array->validity != NULL;
  wire.validity.val = (plugin_list_u8_t){ (uint8_t *)array->validity, (array->length + 7) / 8 };
  wire.values = wire_values(array);
  return wasmill_owned_column(call, wasmill_udf_columns_constructor_column(&data_type, &wire, &children));
}

wasmill_batch *wasmill_make_batch(wasmill_call *call, wasmill_fields fields, wasmill_column *const *columns,
                                  size_t rows) {
  wasmill_udf_columns_list_own_column_t list = { 0 };
  list.ptr = wasmill_alloc(call, fields.count * sizeof *list.ptr);
  list.len = fields.count;
  for (size_t i = 0; i < fields.count; i++) list.ptr[i] = wasmill_give_column(columns[i]);
  wasmill_udf_columns_schema_t schema;
  wasmill_wire_schema(fields, &schema);
  wasmill_batch *batch =
      wasmill_owned_batch(call, wasmill_udf_columns_constructor_batch(&schema, &list, (uint32_t)rows));
  wasmill_udf_columns_schema_free(&schema);
  batch->fields = fields;
  batch->has_fields = true;
  return batch;
}
