/* The process functions that the component exports. */
#include "process.h"

struct exports_wasmill_udf_process_process_function_t {
  wasmill_opened *opened;
};

typedef struct exports_wasmill_udf_process_process_function_t process_function;

void exports_wasmill_udf_process_functions(exports_wasmill_udf_process_list_signature_t *ret) {
  exports_wasmill_udf_scalar_list_signature_t signatures;
  wasmill_signatures(WASMILL_KIND_PROCESS, &signatures);
  ret->ptr = signatures.ptr;
  ret->len = signatures.len;
}

bool exports_wasmill_udf_process_static_process_function_open(plugin_string_t *name,
                                                              exports_wasmill_udf_process_open_context_t *context,
                                                              exports_wasmill_udf_process_own_process_function_t *ret,
                                                              exports_wasmill_udf_process_error_t *err) {
  wasmill_opened *opened = wasmill_open(WASMILL_KIND_PROCESS, name, context, err);
  if (opened == NULL) return false;
  process_function *function = wasmill_malloc(sizeof *function);
  function->opened = opened;
  *ret = exports_wasmill_udf_process_process_function_new(function);
  return true;
}

void exports_wasmill_udf_process_process_function_destructor(process_function *function) {
  wasmill_close(function->opened);
  free(function);
}

void exports_wasmill_udf_process_method_process_function_returns(process_function *self,
                                                                 exports_wasmill_udf_process_schema_t *ret) {
  wasmill_wire_schema(self->opened->returns, ret);
}

static void wire_slot(const wasmill_slot *slot, exports_wasmill_udf_process_slot_t *wire) {
  *wire = (exports_wasmill_udf_process_slot_t){ .kind = (uint8_t)slot->kind };
  wasmill_own_string(&wire->name, slot->name);
  wire->ttl.is_some = slot->ttl > 0;
  wire->ttl.val = slot->ttl;
  wasmill_field pair[] = {
    { .name = "key", .type = slot->key, .not_null = true },
    { .name = slot->kind == WASMILL_SLOT_LIST ? "item" : "value", .type = slot->type },
  };
  bool has_key = slot->kind == WASMILL_SLOT_MAP;
  wasmill_wire_schema((wasmill_fields){ has_key ? pair : pair + 1, has_key ? 2 : 1 }, &wire->columns);
}

void exports_wasmill_udf_process_method_process_function_slots(process_function *self,
                                                               exports_wasmill_udf_process_list_slot_t *ret) {
  wasmill_slots slots = self->opened->function->slots;
  ret->len = slots.count;
  ret->ptr = slots.count == 0 ? NULL : wasmill_malloc(slots.count * sizeof *ret->ptr);
  for (size_t i = 0; i < slots.count; i++) wire_slot(&slots.items[i], &ret->ptr[i]);
}

void exports_wasmill_udf_process_method_process_function_side_outputs(
    process_function *self, exports_wasmill_udf_process_list_side_output_t *ret) {
  wasmill_side_outputs sides = self->opened->function->side_outputs;
  ret->len = sides.count;
  ret->ptr = sides.count == 0 ? NULL : wasmill_malloc(sides.count * sizeof *ret->ptr);
  for (size_t i = 0; i < sides.count; i++) {
    wasmill_own_string(&ret->ptr[i].name, sides.items[i].name);
    wasmill_wire_schema(sides.items[i].columns, &ret->ptr[i].columns);
  }
}

bool exports_wasmill_udf_process_method_process_function_broadcast(process_function *self,
                                                                   exports_wasmill_udf_process_schema_t *ret) {
  wasmill_fields broadcast = self->opened->function->broadcast;
  if (broadcast.count > 0) wasmill_wire_schema(broadcast, ret);
  return broadcast.count > 0;
}

static bool give(process_function *self, exports_wasmill_udf_process_borrow_batch_t rows,
                 exports_wasmill_udf_process_borrow_keyed_t handle, bool are_timers,
                 exports_wasmill_udf_process_list_output_t *ret, exports_wasmill_udf_process_error_t *err) {
  static const wasmill_field timer_columns[] = {
    WASMILL_NOT_NULL("name", WASMILL_UTF8),
    WASMILL_NOT_NULL("at", WASMILL_INT64),
  };
  wasmill_call call;
  wasmill_begin(&call, self->opened);
  wasmill_batch batch;
  wasmill_borrowed_batch(&batch, rows, are_timers ? (wasmill_fields){ timer_columns, 2 } : self->opened->arguments);
  const wasmill_function *function = self->opened->function;
  wasmill_keyed keyed = { .call = &call, .function = function, .handle = handle, .rows = batch.rows };
  bool (*by_hand)(wasmill_call *, const wasmill_batch *, wasmill_keyed *) =
      are_timers ? function->batch_timers : function->batch_process;
  bool done = by_hand != NULL || wasmill_row_by_row(&keyed, &batch, are_timers);
  if (by_hand != NULL) done = by_hand(&call, &batch, &keyed);
  wasmill_udf_columns_batch_drop_borrow(rows);
  wasmill_udf_state_keyed_drop_borrow(handle);
  if (!done || call.failed) return wasmill_told(&call, err);
  ret->len = keyed.given_count;
  ret->ptr = ret->len == 0 ? NULL : wasmill_malloc(ret->len * sizeof *ret->ptr);
  size_t place = ret->len;
  for (const struct given *given = keyed.given; given != NULL; given = given->next) {
    exports_wasmill_udf_process_output_t *output = &ret->ptr[--place];
    output->side.is_some = given->side != WASMILL_THE_RESULT;
    output->side.val = (uint32_t)given->side;
    output->rows = wasmill_give_batch(given->rows);
    output->origins = wasmill_give_column(given->origins);
  }
  wasmill_end(&call);
  return true;
}

bool exports_wasmill_udf_process_method_process_function_batch_eval(
    process_function *self, exports_wasmill_udf_process_borrow_batch_t rows,
    exports_wasmill_udf_process_borrow_keyed_t keyed, exports_wasmill_udf_process_list_output_t *ret,
    exports_wasmill_udf_process_error_t *err) {
  return give(self, rows, keyed, false, ret, err);
}

bool exports_wasmill_udf_process_method_process_function_on_timers(
    process_function *self, exports_wasmill_udf_process_borrow_batch_t timers,
    exports_wasmill_udf_process_borrow_keyed_t keyed, exports_wasmill_udf_process_list_output_t *ret,
    exports_wasmill_udf_process_error_t *err) {
  return give(self, timers, keyed, true, ret, err);
}
