/* The broadcast table of a process function, which is read when it has other rows. */
#include "process.h"

struct wasmill_gathered {
  wasmill_call memory;
  uint64_t version;
  const wasmill_array *columns;
  size_t *rows; /* those that are seen */
  size_t row_count;
  size_t **by_value; /* of each column, once it is asked for: places in `rows`, in the order of their values */
};

void wasmill_forget_broadcast(wasmill_opened *opened) {
  if (opened->broadcast == NULL) return;
  wasmill_end(&opened->broadcast->memory);
  free(opened->broadcast);
  opened->broadcast = NULL;
}

static bool is_seen(wasmill_fields fields, const wasmill_array *columns, size_t row) {
  for (size_t i = 0; i < fields.count; i++)
    if (!fields.items[i].takes_null && !wasmill_present(&columns[i], row)) return false;
  return true;
}

void wasmill_gather(struct wasmill_process *process) {
  wasmill_opened *opened = process->keyed->call->function;
  wasmill_fields fields = opened->function->broadcast;
  if (fields.count == 0) return;
  uint64_t version = wasmill_keyed_broadcast_version(process->keyed);
  if (opened->broadcast != NULL && opened->broadcast->version == version) return;
  wasmill_forget_broadcast(opened);
  struct wasmill_gathered *gathered = wasmill_malloc(sizeof *gathered);
  *gathered = (struct wasmill_gathered){ .version = version };
  opened->broadcast = gathered;
  wasmill_begin(&gathered->memory, opened);
  wasmill_batch *table = wasmill_keyed_broadcast(process->keyed);
  gathered->columns = wasmill_read_all(&gathered->memory, table);
  gathered->rows = wasmill_alloc(&gathered->memory, table->rows * sizeof *gathered->rows);
  gathered->by_value = wasmill_alloc(&gathered->memory, fields.count * sizeof *gathered->by_value);
  for (size_t row = 0; row < table->rows; row++)
    if (is_seen(fields, gathered->columns, row)) gathered->rows[gathered->row_count++] = row;
}

static struct wasmill_gathered *gathered_of(const wasmill_row *row, size_t column) {
  const wasmill_function *function = row->call->function->function;
  struct wasmill_gathered *gathered = row->call->function->broadcast;
  if (gathered == NULL) wasmill_panic("`%s` has no broadcast table", function->name);
  if (column >= function->broadcast.count) wasmill_panic("the broadcast table has no column %zu", column);
  return gathered;
}

size_t wasmill_broadcast_rows(const wasmill_row *row) {
  return gathered_of(row, 0)->row_count;
}

wasmill_item wasmill_broadcast(const wasmill_row *row, size_t broadcast_row, size_t column) {
  const struct wasmill_gathered *gathered = gathered_of(row, column);
  if (broadcast_row >= gathered->row_count) wasmill_panic("the broadcast table has no row %zu", broadcast_row);
  return (wasmill_item){ &gathered->columns[column], gathered->rows[broadcast_row] };
}

/* What `qsort` compares; a guest has one thread. */
static const struct wasmill_gathered *sorted;
static size_t sorted_column;

static wasmill_item at(const struct wasmill_gathered *gathered, size_t column, size_t place) {
  return (wasmill_item){ &gathered->columns[column], gathered->rows[place] };
}

static int by_value(const void *a, const void *b) {
  size_t left = *(const size_t *)a, right = *(const size_t *)b;
  int order = wasmill_compare(at(sorted, sorted_column, left), at(sorted, sorted_column, right));
  return order != 0 ? order : (left > right) - (left < right);
}

bool wasmill_broadcast_find(const wasmill_row *row, size_t column, wasmill_item value, size_t *broadcast_row) {
  struct wasmill_gathered *gathered = gathered_of(row, column);
  size_t *places = gathered->by_value[column];
  if (places == NULL) {
    places = wasmill_alloc(&gathered->memory, gathered->row_count * sizeof *places);
    for (size_t i = 0; i < gathered->row_count; i++) places[i] = i;
    sorted = gathered;
    sorted_column = column;
    qsort(places, gathered->row_count, sizeof *places, by_value);
    gathered->by_value[column] = places;
  }
  size_t low = 0, high = gathered->row_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (wasmill_compare(at(gathered, column, places[middle]), value) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  /* NULL is nobody's value. */
  if (low == 0 || !wasmill_item_present(value)) return false;
  *broadcast_row = places[low - 1];
  return wasmill_compare(at(gathered, column, *broadcast_row), value) == 0;
}
