/* The scalar functions that the component exports. */
#include "internal.h"

struct exports_wasmill_udf_scalar_scalar_function_t {
  wasmill_opened *opened;
};

typedef struct exports_wasmill_udf_scalar_scalar_function_t scalar_function;

void exports_wasmill_udf_scalar_functions(exports_wasmill_udf_scalar_list_signature_t *ret) {
  wasmill_signatures(WASMILL_KIND_SCALAR, ret);
}

bool exports_wasmill_udf_scalar_static_scalar_function_open(plugin_string_t *name,
                                                            exports_wasmill_udf_scalar_open_context_t *context,
                                                            exports_wasmill_udf_scalar_own_scalar_function_t *ret,
                                                            exports_wasmill_udf_scalar_error_t *err) {
  wasmill_opened *opened = wasmill_open(WASMILL_KIND_SCALAR, name, context, err);
  if (opened == NULL) return false;
  scalar_function *function = wasmill_malloc(sizeof *function);
  function->opened = opened;
  *ret = exports_wasmill_udf_scalar_scalar_function_new(function);
  return true;
}

void exports_wasmill_udf_scalar_scalar_function_destructor(scalar_function *function) {
  wasmill_close(function->opened);
  free(function);
}

void exports_wasmill_udf_scalar_method_scalar_function_returns(scalar_function *self,
                                                               exports_wasmill_udf_scalar_schema_t *ret) {
  wasmill_wire_schema(self->opened->returns, ret);
}

/* Calls `eval` for each row. NULL: an error was told. */
static wasmill_builder *evaluate(wasmill_call *call, const wasmill_array *arguments, size_t argument_count,
                                 size_t rows) {
  wasmill_opened *opened = call->function;
  const bool *takes_null = wasmill_takes_null(call, opened, argument_count);
  wasmill_builder *result = wasmill_build(call, &opened->returns.items[0].type);
  wasmill_row row = {
    .call = call,
    .state = opened->state,
    .arguments = arguments,
    .argument_count = argument_count,
    .results = &result,
    .result_count = 1,
  };
  for (size_t i = 0; i < rows; i++) {
    row.index = i;
    if (wasmill_called(&row, takes_null)) opened->function->eval(&row);
    if (!wasmill_fill(&row, i + 1)) wasmill_panic("`%s` returns twice for a row", opened->function->name);
  }
  return call->failed ? NULL : result;
}

bool exports_wasmill_udf_scalar_method_scalar_function_batch_eval(scalar_function *self,
                                                                  exports_wasmill_udf_scalar_borrow_batch_t rows,
                                                                  exports_wasmill_udf_scalar_own_column_t *ret,
                                                                  exports_wasmill_udf_scalar_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_batch batch;
  wasmill_borrowed_batch(&batch, rows, self->opened->arguments);
  wasmill_column *column = NULL;
  if (self->opened->function->batch_eval != NULL) {
    column = self->opened->function->batch_eval(&call, &batch);
  } else {
    const wasmill_array *arguments = wasmill_read_all(&call, &batch);
    wasmill_builder *result = evaluate(&call, arguments, batch.fields.count, batch.rows);
    if (result != NULL) column = wasmill_finish(result);
  }
  wasmill_udf_columns_batch_drop_borrow(rows);
  if (column == NULL || call.failed) return wasmill_told(&call, err);
  *ret = wasmill_give_column(column);
  wasmill_end(&call);
  return true;
}

/* The row path of a function that takes batches: a batch of one row. */
static wasmill_column *evaluate_batch(wasmill_call *call, const wasmill_array *arguments) {
  wasmill_fields fields = call->function->arguments;
  wasmill_column **columns = wasmill_alloc(call, fields.count * sizeof *columns);
  for (size_t i = 0; i < fields.count; i++)
    columns[i] = wasmill_make_column(call, &fields.items[i].type, &arguments[i]);
  return call->function->function->batch_eval(call, wasmill_make_batch(call, fields, columns, 1));
}

bool exports_wasmill_udf_scalar_method_scalar_function_eval(scalar_function *self,
                                                            exports_wasmill_udf_scalar_list_value_t *row,
                                                            exports_wasmill_udf_scalar_value_t *ret,
                                                            exports_wasmill_udf_scalar_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_fields fields = self->opened->arguments;
  const wasmill_type *type = &self->opened->returns.items[0].type;
  wasmill_array *arguments = wasmill_alloc(&call, fields.count * sizeof *arguments);
  wasmill_column *column = NULL;
  bool done = false;
  if (row->len != fields.count) {
    wasmill_invalid(&call, "a row has %zu values, the function was opened with %zu arguments", row->len,
                    fields.count);
  } else {
    for (size_t i = 0; i < row->len; i++)
      wasmill_value_array(&call, &fields.items[i].type, &row->ptr[i], &arguments[i]);
    if (self->opened->function->batch_eval != NULL) {
      column = evaluate_batch(&call, arguments);
      if (column != NULL && !call.failed) {
        wasmill_array array;
        wasmill_read_column(&call, type, column->handle, &array);
        done = wasmill_array_value(type, &array, ret);
      }
    } else {
      wasmill_builder *result = evaluate(&call, arguments, row->len, 1);
      if (result != NULL) {
        done = wasmill_array_value(type, wasmill_built(result), ret);
        if (!done) column = wasmill_finish(result);
      }
    }
  }
  exports_wasmill_udf_scalar_list_value_free(row);
  if (call.failed || (column == NULL && !done)) return wasmill_told(&call, err);
  if (!done) {
    ret->tag = WASMILL_UDF_TYPES_VALUE_NESTED;
    ret->val.nested = wasmill_give_column(column);
  }
  wasmill_end(&call);
  return true;
}
