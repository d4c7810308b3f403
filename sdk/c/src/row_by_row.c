/* Process functions that get one row after another: their state is read, the function is called for each
 * row or timer, and what has changed is written. */
#include "process.h"

static const wasmill_type origin = { .id = WASMILL_UINT32 };

static wasmill_row output(struct wasmill_process *process, wasmill_fields columns) {
  wasmill_call *call = process->keyed->call;
  return (wasmill_row){
    .call = call,
    .state = call->function->state,
    .results = wasmill_build_all(call, columns),
    .result_count = columns.count,
    .origins = wasmill_build(call, &origin),
    .process = process,
  };
}

static void give(struct wasmill_process *process, const wasmill_row *row, int side, wasmill_fields fields) {
  wasmill_call *call = process->keyed->call;
  wasmill_column **columns = wasmill_alloc(call, fields.count * sizeof *columns);
  for (size_t i = 0; i < fields.count; i++)
    if (wasmill_builder_length(row->results[i]) != row->emitted)
      wasmill_panic("`%s` puts values and does not emit their row", call->function->function->name);
  if (row->emitted == 0) return;
  for (size_t i = 0; i < fields.count; i++) columns[i] = wasmill_finish(row->results[i]);
  wasmill_batch *rows = wasmill_make_batch(call, fields, columns, row->emitted);
  wasmill_give_rows(process->keyed, side, rows, wasmill_finish(row->origins));
}

static void forget(wasmill_row *row) {
  for (size_t i = 0; i < row->result_count; i++) wasmill_empty(row->results[i]);
  wasmill_empty(row->origins);
  row->emitted = 0;
}

/* Whether this row failed, or the whole call. */
static bool has_failed(const wasmill_call *call, size_t row) {
  if (!call->failed || call->error.tag != WASMILL_UDF_TYPES_ERROR_ROWS) return call->failed;
  const wasmill_udf_types_list_row_error_t *rows = &call->error.val.rows;
  return rows->ptr[rows->len - 1].row == row;
}

bool wasmill_row_by_row(wasmill_keyed *keyed, const wasmill_batch *batch, bool are_timers) {
  wasmill_call *call = keyed->call;
  wasmill_opened *opened = call->function;
  wasmill_side_outputs sides = keyed->function->side_outputs;
  if (are_timers && keyed->function->on_timer == NULL) return true;
  struct wasmill_process process = {
    .keyed = keyed,
    .keys = wasmill_batch_rows(wasmill_keyed_keys(keyed)),
    .sides = wasmill_alloc(call, sides.count * sizeof *process.sides),
  };
  wasmill_gather(&process);
  wasmill_read_kept(&process);
  for (size_t i = 0; i < sides.count; i++) process.sides[i] = output(&process, sides.items[i].columns);
  wasmill_row row = output(&process, opened->returns);
  const wasmill_array *columns = wasmill_read_all(call, batch);
  const uint32_t *numbers = wasmill_keyed_numbers(keyed, NULL);
  const bool *takes_null = NULL;
  if (!are_timers) {
    row.arguments = columns;
    row.argument_count = batch->fields.count;
    takes_null = wasmill_takes_null(call, opened, row.argument_count);
  }
  for (size_t i = 0; i < batch->rows; i++) {
    if (numbers[i] >= process.keys) wasmill_panic("there is no key %u", (unsigned)numbers[i]);
    size_t said = process.said_count;
    row.index = i;
    process.key = numbers[i];
    process.change_count = 0;
    if (are_timers) {
      wasmill_text name = wasmill_text_at(&columns[0], i);
      keyed->function->on_timer(&row, wasmill_copy_text(call, name.data, name.size));
    } else if (wasmill_called(&row, takes_null)) {
      keyed->function->eval(&row);
    }
    if (!has_failed(call, i)) continue;
    if (call->error.tag != WASMILL_UDF_TYPES_ERROR_ROWS) return false;
    /* Those behind it are called as if it were not there: so all that fail are told. */
    wasmill_take_back(&process);
    process.said_count = said;
    forget(&row);
    for (size_t side = 0; side < sides.count; side++) forget(&process.sides[side]);
  }
  if (call->failed) return false;
  give(&process, &row, WASMILL_THE_RESULT, opened->returns);
  for (size_t i = 0; i < sides.count; i++) give(&process, &process.sides[i], (int)i, sides.items[i].columns);
  wasmill_write_kept(&process);
  wasmill_send_timers(&process);
  return true;
}

wasmill_row *wasmill_side(wasmill_row *row, size_t side_output) {
  const wasmill_function *function = row->call->function->function;
  if (row->process == NULL || side_output >= function->side_outputs.count)
    wasmill_panic("`%s` has no side output %zu", function->name, side_output);
  wasmill_row *side = &row->process->sides[side_output];
  side->index = row->index;
  return side;
}

static wasmill_keyed *keyed_of(const wasmill_row *row) {
  if (row->process == NULL) wasmill_panic("only rows of process functions have a time");
  return row->process->keyed;
}

bool wasmill_time(const wasmill_row *row, int64_t *time) {
  const int64_t *times = wasmill_keyed_times(keyed_of(row));
  if (times != NULL) *time = times[row->index];
  return times != NULL;
}

bool wasmill_watermark(const wasmill_row *row, int64_t *watermark) {
  return wasmill_keyed_watermark(keyed_of(row), watermark);
}

int64_t wasmill_now(const wasmill_row *row) {
  return wasmill_keyed_now(keyed_of(row));
}
