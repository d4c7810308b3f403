/* The table functions that the component exports. */
#include "internal.h"

struct exports_wasmill_udf_table_table_function_t {
  wasmill_opened *opened;
};

typedef struct exports_wasmill_udf_table_table_function_t table_function;

void exports_wasmill_udf_table_functions(exports_wasmill_udf_table_list_signature_t *ret) {
  exports_wasmill_udf_scalar_list_signature_t signatures;
  wasmill_signatures(WASMILL_KIND_TABLE, &signatures);
  ret->ptr = signatures.ptr;
  ret->len = signatures.len;
}

bool exports_wasmill_udf_table_static_table_function_open(plugin_string_t *name,
                                                          exports_wasmill_udf_table_open_context_t *context,
                                                          exports_wasmill_udf_table_own_table_function_t *ret,
                                                          exports_wasmill_udf_table_error_t *err) {
  wasmill_opened *opened = wasmill_open(WASMILL_KIND_TABLE, name, context, err);
  if (opened == NULL) return false;
  table_function *function = wasmill_malloc(sizeof *function);
  function->opened = opened;
  *ret = exports_wasmill_udf_table_table_function_new(function);
  return true;
}

void exports_wasmill_udf_table_table_function_destructor(table_function *function) {
  wasmill_close(function->opened);
  free(function);
}

void exports_wasmill_udf_table_method_table_function_returns(table_function *self,
                                                             exports_wasmill_udf_table_schema_t *ret) {
  wasmill_wire_schema(self->opened->returns, ret);
}

/* Calls `eval` for each row, which emits rows; `counts` gets how many each has. */
static wasmill_batch *expand(wasmill_call *call, const wasmill_batch *batch, uint32_t *counts) {
  wasmill_opened *opened = call->function;
  wasmill_fields fields = opened->returns;
  size_t arguments = batch->fields.count;
  const bool *takes_null = wasmill_takes_null(call, opened, arguments);
  wasmill_row row = {
    .call = call,
    .state = opened->state,
    .arguments = wasmill_read_all(call, batch),
    .argument_count = arguments,
    .results = wasmill_build_all(call, fields),
    .result_count = fields.count,
  };
  for (size_t i = 0; i < batch->rows; i++) {
    size_t before = row.emitted;
    row.index = i;
    if (wasmill_called(&row, takes_null)) opened->function->eval(&row);
    counts[i] = (uint32_t)(row.emitted - before);
  }
  if (call->failed) return NULL;
  wasmill_column **columns = wasmill_alloc(call, fields.count * sizeof *columns);
  for (size_t i = 0; i < fields.count; i++) {
    if (wasmill_builder_length(row.results[i]) != row.emitted)
      wasmill_panic("`%s` puts values and does not emit their row", opened->function->name);
    columns[i] = wasmill_finish(row.results[i]);
  }
  return wasmill_make_batch(call, fields, columns, row.emitted);
}

bool exports_wasmill_udf_table_method_table_function_batch_eval(table_function *self,
                                                                exports_wasmill_udf_table_borrow_batch_t rows,
                                                                exports_wasmill_udf_table_expansion_t *ret,
                                                                exports_wasmill_udf_table_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_batch batch;
  wasmill_borrowed_batch(&batch, rows, self->opened->arguments);
  uint32_t *counts = wasmill_alloc(&call, batch.rows * sizeof *counts);
  wasmill_batch *expanded = self->opened->function->batch_expand != NULL
                                ? self->opened->function->batch_expand(&call, &batch, counts)
                                : expand(&call, &batch, counts);
  wasmill_udf_columns_batch_drop_borrow(rows);
  if (expanded == NULL || call.failed) return wasmill_told(&call, err);
  wasmill_type type = { .id = WASMILL_UINT32 };
  wasmill_array array = { .layout = WASMILL_U32, .length = batch.rows, .uint32 = counts };
  ret->counts = wasmill_give_column(wasmill_make_column(&call, &type, &array));
  ret->rows = wasmill_give_batch(expanded);
  wasmill_end(&call);
  return true;
}
