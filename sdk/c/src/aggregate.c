/* The aggregate functions that the component exports. */
#include "internal.h"

struct exports_wasmill_udf_aggregate_aggregate_function_t {
  wasmill_opened *opened;
};

/* Groups, numbered from 0, one after another in memory. */
struct exports_wasmill_udf_aggregate_accumulators_t {
  wasmill_opened *opened;
  char *groups;
  size_t count, capacity, group_size;
};

typedef struct exports_wasmill_udf_aggregate_aggregate_function_t aggregate_function;
typedef struct exports_wasmill_udf_aggregate_accumulators_t accumulators;

void exports_wasmill_udf_aggregate_functions(exports_wasmill_udf_aggregate_list_signature_t *ret) {
  exports_wasmill_udf_scalar_list_signature_t signatures;
  wasmill_signatures(WASMILL_KIND_AGGREGATE, &signatures);
  ret->ptr = signatures.ptr;
  ret->len = signatures.len;
}

bool exports_wasmill_udf_aggregate_static_aggregate_function_open(
    plugin_string_t *name, exports_wasmill_udf_aggregate_open_context_t *context,
    exports_wasmill_udf_aggregate_own_aggregate_function_t *ret, exports_wasmill_udf_aggregate_error_t *err) {
  wasmill_opened *opened = wasmill_open(WASMILL_KIND_AGGREGATE, name, context, err);
  if (opened == NULL) return false;
  aggregate_function *function = wasmill_malloc(sizeof *function);
  function->opened = opened;
  *ret = exports_wasmill_udf_aggregate_aggregate_function_new(function);
  return true;
}

void exports_wasmill_udf_aggregate_aggregate_function_destructor(aggregate_function *function) {
  wasmill_close(function->opened);
  free(function);
}

void exports_wasmill_udf_aggregate_method_aggregate_function_returns(aggregate_function *self,
                                                                     exports_wasmill_udf_aggregate_schema_t *ret) {
  wasmill_wire_schema(self->opened->returns, ret);
}

void exports_wasmill_udf_aggregate_method_aggregate_function_state(aggregate_function *self,
                                                                   exports_wasmill_udf_aggregate_schema_t *ret) {
  wasmill_wire_schema(self->opened->function->state, ret);
}

bool exports_wasmill_udf_aggregate_method_aggregate_function_retracts(aggregate_function *self) {
  return self->opened->function->retract != NULL;
}

exports_wasmill_udf_aggregate_own_accumulators_t exports_wasmill_udf_aggregate_method_aggregate_function_accumulators(
    aggregate_function *self) {
  accumulators *groups = wasmill_malloc(sizeof *groups);
  size_t size = self->opened->function->group_size;
  *groups = (accumulators){ .opened = self->opened, .group_size = size == 0 ? 1 : size };
  return exports_wasmill_udf_aggregate_accumulators_new(groups);
}

static void *group(const accumulators *self, size_t number) {
  return self->groups + number * self->group_size;
}

static void clear(accumulators *self, size_t count) {
  void (*run)(void *) = self->opened->function->clear;
  for (size_t i = 0; run != NULL && i < count; i++) run(group(self, i));
}

void exports_wasmill_udf_aggregate_accumulators_destructor(accumulators *self) {
  clear(self, self->count);
  free(self->groups);
  free(self);
}

static void grow(accumulators *self, size_t count) {
  if (count <= self->count) return;
  if (count > self->capacity) {
    size_t capacity = count > 2 * self->capacity ? count : 2 * self->capacity;
    char *more = capacity > SIZE_MAX / self->group_size ? NULL : realloc(self->groups, capacity * self->group_size);
    if (more == NULL) wasmill_panic("out of memory: %zu groups", capacity);
    self->groups = more;
    self->capacity = capacity;
  }
  memset(group(self, self->count), 0, (count - self->count) * self->group_size);
  self->count = count;
}

/* Calls `add` for each row with its group. The batch's handle and `numbers` are used up. */
static bool fold(accumulators *self, void (*add)(void *, wasmill_row *), wasmill_fields fields, bool skips_null,
                 wasmill_udf_columns_borrow_batch_t rows, plugin_list_u32_t *numbers,
                 wasmill_udf_types_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_batch batch;
  wasmill_borrowed_batch(&batch, rows, fields);
  const bool *takes_null = wasmill_takes_null(&call, self->opened, fields.count);
  wasmill_row row = {
    .call = &call,
    .state = self->opened->state,
    .arguments = wasmill_read_all(&call, &batch),
    .argument_count = fields.count,
  };
  if (numbers->len != batch.rows) wasmill_panic("the host gave %zu groups for %zu rows", numbers->len, batch.rows);
  for (size_t i = 0; i < batch.rows; i++) {
    if (numbers->ptr[i] >= self->count) wasmill_panic("there is no group %u", (unsigned)numbers->ptr[i]);
    row.index = i;
    if (!skips_null || wasmill_called(&row, takes_null)) add(group(self, numbers->ptr[i]), &row);
  }
  wasmill_udf_columns_batch_drop_borrow(rows);
  plugin_list_u32_free(numbers);
  if (call.failed) return wasmill_told(&call, err);
  wasmill_end(&call);
  return true;
}

bool exports_wasmill_udf_aggregate_method_accumulators_update(accumulators *self,
                                                              exports_wasmill_udf_aggregate_borrow_batch_t rows,
                                                              plugin_list_u32_t *groups, uint32_t count,
                                                              exports_wasmill_udf_aggregate_error_t *err) {
  grow(self, count);
  return fold(self, self->opened->function->update, self->opened->arguments, true, rows, groups, err);
}

bool exports_wasmill_udf_aggregate_method_accumulators_retract(accumulators *self,
                                                               exports_wasmill_udf_aggregate_borrow_batch_t rows,
                                                               plugin_list_u32_t *groups,
                                                               exports_wasmill_udf_aggregate_error_t *err) {
  if (self->opened->function->retract == NULL) wasmill_panic("`%s` takes no rows back", self->opened->function->name);
  return fold(self, self->opened->function->retract, self->opened->arguments, true, rows, groups, err);
}

bool exports_wasmill_udf_aggregate_method_accumulators_merge(accumulators *self,
                                                             exports_wasmill_udf_aggregate_borrow_batch_t states,
                                                             plugin_list_u32_t *groups, uint32_t count,
                                                             exports_wasmill_udf_aggregate_error_t *err) {
  grow(self, count);
  return fold(self, self->opened->function->merge, self->opened->function->state, false, states, groups, err);
}

/* Calls `give` for each of the first groups; it puts one row of these columns. False: an error was
 * told. */
static bool give(accumulators *self, wasmill_call *call, void (*put)(const void *, wasmill_row *),
                 wasmill_fields fields, size_t count, wasmill_column **columns) {
  wasmill_row row = {
    .call = call,
    .state = self->opened->state,
    .results = wasmill_build_all(call, fields),
    .result_count = fields.count,
  };
  if (count > self->count) wasmill_panic("there are no %zu groups", count);
  for (size_t i = 0; i < count; i++) {
    row.index = i;
    put(group(self, i), &row);
    if (!wasmill_fill(&row, i + 1)) wasmill_panic("`%s` puts a group's value twice", self->opened->function->name);
  }
  if (call->failed) return false;
  for (size_t i = 0; i < fields.count; i++) columns[i] = wasmill_finish(row.results[i]);
  return true;
}

bool exports_wasmill_udf_aggregate_method_accumulators_state(accumulators *self, uint32_t count,
                                                             exports_wasmill_udf_aggregate_own_batch_t *ret,
                                                             exports_wasmill_udf_aggregate_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_fields fields = self->opened->function->state;
  wasmill_column **columns = wasmill_alloc(&call, fields.count * sizeof *columns);
  if (!give(self, &call, self->opened->function->save, fields, count, columns)) return wasmill_told(&call, err);
  *ret = wasmill_give_batch(wasmill_make_batch(&call, fields, columns, count));
  wasmill_end(&call);
  return true;
}

bool exports_wasmill_udf_aggregate_method_accumulators_evaluate(accumulators *self, uint32_t count,
                                                                exports_wasmill_udf_aggregate_own_column_t *ret,
                                                                exports_wasmill_udf_aggregate_error_t *err) {
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_fields fields = { self->opened->returns.items, 1 };
  wasmill_column *column;
  if (!give(self, &call, self->opened->function->evaluate, fields, count, &column)) return wasmill_told(&call, err);
  *ret = wasmill_give_column(column);
  wasmill_end(&call);
  return true;
}

bool exports_wasmill_udf_aggregate_method_accumulators_forget(accumulators *self, uint32_t count,
                                                              exports_wasmill_udf_aggregate_error_t *err) {
  (void)err;
  if (count > self->count) wasmill_panic("there are no %u groups", (unsigned)count);
  clear(self, count);
  self->count -= count;
  if (self->count > 0) memmove(self->groups, group(self, count), self->count * self->group_size);
  return true;
}
