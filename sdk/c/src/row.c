/* Rows of a batch, one after another. */
#include "internal.h"

void wasmill_wrong_argument(const wasmill_row *row, size_t argument, wasmill_layout layout) {
  const char *name = row->call->function->function->name;
  if (argument >= row->argument_count)
    wasmill_panic("`%s` reads argument %zu, it has %zu", name, argument, row->argument_count);
  wasmill_panic("`%s` reads argument %zu, of layout %d, as layout %d", name, argument,
                row->arguments[argument].layout, layout);
}

const char *wasmill_string(const wasmill_row *row, size_t argument) {
  wasmill_text text = wasmill_bytes(row, argument);
  return wasmill_copy_text(row->call, text.data, text.size);
}

const wasmill_array *wasmill_read_all(wasmill_call *call, const wasmill_batch *batch) {
  wasmill_fields fields = wasmill_batch_fields(call, batch);
  wasmill_array *arrays = wasmill_alloc(call, fields.count * sizeof *arrays);
  for (size_t i = 0; i < fields.count; i++) {
    arrays[i] = *wasmill_batch_read(call, batch, i);
    if (arrays[i].length != batch->rows) wasmill_panic("the host gave columns of different lengths");
  }
  return arrays;
}

wasmill_builder **wasmill_build_all(wasmill_call *call, wasmill_fields fields) {
  wasmill_builder **builders = wasmill_alloc(call, fields.count * sizeof *builders);
  for (size_t i = 0; i < fields.count; i++) builders[i] = wasmill_build(call, &fields.items[i].type);
  return builders;
}

const bool *wasmill_takes_null(wasmill_call *call, const wasmill_opened *function, size_t arguments) {
  const wasmill_function *declared = function->function;
  bool *flags = wasmill_alloc(call, arguments * sizeof *flags);
  for (size_t i = 0; i < arguments; i++) {
    size_t field = declared->arguments_kind == WASMILL_VARIADIC ? 0 : i;
    flags[i] = field >= declared->arguments.count || declared->arguments.items[field].takes_null;
  }
  return flags;
}

bool wasmill_called(const wasmill_row *row, const bool *takes_null) {
  for (size_t i = 0; i < row->argument_count; i++)
    if (!takes_null[i] && !wasmill_present(&row->arguments[i], row->index)) return false;
  return true;
}

bool wasmill_fill(const wasmill_row *row, size_t rows) {
  for (size_t i = 0; i < row->result_count; i++) {
    if (wasmill_builder_length(row->results[i]) < rows) wasmill_append_null(row->results[i]);
    if (wasmill_builder_length(row->results[i]) != rows) return false;
  }
  return true;
}

void wasmill_emit(wasmill_row *row) {
  row->emitted++;
  if (!wasmill_fill(row, row->emitted))
    wasmill_panic("`%s` puts a column of a row twice", row->call->function->function->name);
  if (row->origins != NULL) wasmill_append_uint32(row->origins, (uint32_t)row->index);
}
