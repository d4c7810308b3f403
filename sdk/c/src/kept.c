/* What is kept of the keys of a call: what the host has, and over it what rows have changed. */
#include "process.h"

/* An entry of a map; without a value it was removed. */
struct entry {
  wasmill_item key, value;
  bool touched;
};

/* A slot of a key. Items do not change, and those of a list are only appended: so a copy of a cell is
 * what it was, but for a map's entries. */
struct cell {
  bool changed;  /* nothing is left of what the host has */
  bool loaded;   /* a map: its entries are here */
  size_t count;  /* items of a list behind those of the host, entries of a map */
  size_t capacity;
  size_t live;   /* entries with a value */
  wasmill_item value;
  wasmill_item *items;
  struct entry *entries; /* in the order of their keys */
};

struct kept {
  const wasmill_slot *slot;
  wasmill_type type;
  wasmill_array before; /* one row a key */
  struct cell *cells;   /* one a key */
};

/* How to take something back. */
struct change {
  struct cell *cell;
  bool is_entry;
  struct cell before;
  struct entry entry;
};

void *wasmill_grown(wasmill_call *call, void *items, size_t *capacity, size_t count, size_t item_bytes) {
  if (count < *capacity) return items;
  *capacity = *capacity == 0 ? 8 : 2 * *capacity;
  void *more = wasmill_alloc(call, *capacity * item_bytes);
  if (count > 0) memcpy(more, items, count * item_bytes);
  return more;
}

wasmill_type wasmill_slot_type(wasmill_call *call, const wasmill_slot *slot) {
  if (slot->kind == WASMILL_SLOT_VALUE) return slot->type;
  wasmill_field *item = wasmill_alloc(call, sizeof *item);
  *item = (wasmill_field){ .name = "item", .type = slot->type };
  if (slot->kind == WASMILL_SLOT_MAP) {
    wasmill_field *pair = wasmill_alloc(call, 2 * sizeof *pair);
    pair[0] = (wasmill_field){ .name = "key", .type = slot->key, .not_null = true };
    pair[1] = (wasmill_field){ .name = "value", .type = slot->type };
    item->type = (wasmill_type){ .id = WASMILL_STRUCT, .children = { pair, 2 } };
  }
  return (wasmill_type){ .id = WASMILL_LIST, .children = { item, 1 } };
}

void wasmill_read_kept(struct wasmill_process *process) {
  wasmill_keyed *keyed = process->keyed;
  wasmill_slots slots = keyed->function->slots;
  process->kept = wasmill_alloc(keyed->call, slots.count * sizeof *process->kept);
  for (size_t i = 0; i < slots.count; i++) {
    struct kept *kept = &process->kept[i];
    kept->slot = &slots.items[i];
    kept->type = wasmill_slot_type(keyed->call, kept->slot);
    kept->before = *wasmill_keyed_read(keyed, i);
    if (kept->before.length != process->keys) wasmill_panic("the host gave a state of another number of keys");
    kept->cells = wasmill_alloc(keyed->call, process->keys * sizeof *kept->cells);
  }
}

static const char *const kinds[] = { "a value", "a list", "a map" };

static struct kept *kept_of(const wasmill_row *row, size_t slot) {
  const char *name = row->call->function->function->name;
  if (row->process == NULL) wasmill_panic("`%s` is no process function, so it has no slots", name);
  if (slot >= row->call->function->function->slots.count) wasmill_panic("`%s` has no slot %zu", name, slot);
  return &row->process->kept[slot];
}

static struct kept *kept_as(const wasmill_row *row, size_t slot, wasmill_slot_kind kind) {
  struct kept *kept = kept_of(row, slot);
  if (kept->slot->kind != kind)
    wasmill_panic("the slot '%s' is %s, not %s", kept->slot->name, kinds[kept->slot->kind], kinds[kind]);
  return kept;
}

static struct change *note(const wasmill_row *row, struct cell *cell) {
  struct wasmill_process *process = row->process;
  process->changes = wasmill_grown(row->call, process->changes, &process->change_capacity, process->change_count,
                                   sizeof *process->changes);
  struct change *change = &process->changes[process->change_count++];
  *change = (struct change){ .cell = cell, .before = *cell };
  return change;
}

/* What the host has of a list or a map. */
static wasmill_list range(const struct kept *kept, size_t key) {
  if (wasmill_present(&kept->before, key)) return wasmill_list_at(&kept->before, key);
  return (wasmill_list){ kept->before.children, 0, 0 };
}

/* The type, beyond its layout, is what the author says: the host checks it. */
static void check_layout(const struct kept *kept, const wasmill_type *type, wasmill_item item) {
  if (item.array != NULL && item.array->layout != wasmill_layout_of(type))
    wasmill_panic("a value of layout %d is put into the slot '%s'", item.array->layout, kept->slot->name);
}

/* ---- Values ---- */

static wasmill_item value_of(const struct kept *kept, size_t key) {
  if (kept->cells[key].changed) return kept->cells[key].value;
  return (wasmill_item){ &kept->before, key };
}

wasmill_item wasmill_get(const wasmill_row *row, size_t slot) {
  return value_of(kept_as(row, slot, WASMILL_SLOT_VALUE), row->process->key);
}

void wasmill_set(const wasmill_row *row, size_t slot, wasmill_item item) {
  struct kept *kept = kept_as(row, slot, WASMILL_SLOT_VALUE);
  struct cell *cell = &kept->cells[row->process->key];
  check_layout(kept, &kept->slot->type, item);
  note(row, cell);
  *cell = (struct cell){ .changed = true, .value = item };
}

void wasmill_clear(const wasmill_row *row, size_t slot) {
  struct cell *cell = &kept_of(row, slot)->cells[row->process->key];
  note(row, cell);
  /* What was there stays where it is, in case that the row fails. */
  *cell = (struct cell){ .changed = true, .loaded = true };
}

/* ---- Lists ---- */

/* How many items of the host's the list begins with. */
static size_t begins_with(const struct kept *kept, size_t key) {
  wasmill_list list = range(kept, key);
  return kept->cells[key].changed ? 0 : list.end - list.start;
}

void wasmill_push(const wasmill_row *row, size_t slot, wasmill_item item) {
  struct kept *kept = kept_as(row, slot, WASMILL_SLOT_LIST);
  struct cell *cell = &kept->cells[row->process->key];
  check_layout(kept, &kept->slot->type, item);
  note(row, cell);
  cell->items = wasmill_grown(row->call, cell->items, &cell->capacity, cell->count, sizeof *cell->items);
  cell->items[cell->count++] = item;
}

wasmill_item wasmill_list_item(const wasmill_row *row, size_t slot, size_t index) {
  struct kept *kept = kept_as(row, slot, WASMILL_SLOT_LIST);
  size_t key = row->process->key, first = begins_with(kept, key);
  wasmill_list list = range(kept, key);
  if (index < first) return (wasmill_item){ list.items, list.start + index };
  if (index - first >= kept->cells[key].count)
    wasmill_panic("the list '%s' has no item %zu", kept->slot->name, index);
  return kept->cells[key].items[index - first];
}

/* ---- Maps ---- */

/* Where a key is, or would be. */
static size_t place_of(const struct cell *cell, wasmill_item key, bool *found) {
  size_t low = 0, high = cell->count;
  *found = false;
  /* Most come in order. */
  if (high > 0 && wasmill_compare(cell->entries[high - 1].key, key) < 0) return high;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = wasmill_compare(cell->entries[middle].key, key);
    if (order == 0) *found = true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The entry of a key; a new one has no value. */
static struct entry *entry_of(wasmill_call *call, struct cell *cell, wasmill_item key) {
  bool found;
  size_t place = place_of(cell, key, &found);
  if (found) return &cell->entries[place];
  cell->entries = wasmill_grown(call, cell->entries, &cell->capacity, cell->count, sizeof *cell->entries);
  struct entry *entry = &cell->entries[place];
  memmove(entry + 1, entry, (cell->count - place) * sizeof *entry);
  *entry = (struct entry){ .key = key };
  cell->count++;
  return entry;
}

static struct cell *map_of(const wasmill_row *row, struct kept *kept) {
  struct cell *cell = &kept->cells[row->process->key];
  if (cell->loaded) return cell;
  cell->loaded = true;
  wasmill_list list = range(kept, row->process->key);
  const wasmill_array *pairs = list.items->children;
  for (size_t i = list.start; i < list.end; i++) {
    struct entry *entry = entry_of(row->call, cell, (wasmill_item){ &pairs[0], i });
    entry->value = (wasmill_item){ &pairs[1], i };
    cell->live += wasmill_item_present(entry->value);
  }
  return cell;
}

/* Puts a value as it was, or as it is to be. */
static void put(struct cell *cell, struct entry *entry, wasmill_item value, bool touched) {
  cell->live -= wasmill_item_present(entry->value);
  cell->live += wasmill_item_present(value);
  entry->value = value;
  entry->touched = touched;
}

wasmill_item wasmill_find(const wasmill_row *row, size_t slot, wasmill_item key) {
  struct kept *kept = kept_as(row, slot, WASMILL_SLOT_MAP);
  struct cell *cell = map_of(row, kept);
  check_layout(kept, &kept->slot->key, key);
  bool found;
  size_t place = place_of(cell, key, &found);
  return found ? cell->entries[place].value : (wasmill_item){ 0 };
}

void wasmill_insert(const wasmill_row *row, size_t slot, wasmill_item key, wasmill_item value) {
  struct kept *kept = kept_as(row, slot, WASMILL_SLOT_MAP);
  struct cell *cell = map_of(row, kept);
  if (!wasmill_item_present(key)) wasmill_panic("a key of the map '%s' is NULL", kept->slot->name);
  check_layout(kept, &kept->slot->key, key);
  check_layout(kept, &kept->slot->type, value);
  if (!wasmill_item_present(value) && !wasmill_item_present(wasmill_find(row, slot, key))) return;
  struct entry *entry = entry_of(row->call, cell, key);
  struct change *change = note(row, cell);
  change->is_entry = true;
  change->entry = *entry;
  put(cell, entry, value, true);
}

bool wasmill_next_entry(const wasmill_row *row, size_t slot, size_t *at, wasmill_item *key, wasmill_item *value) {
  struct cell *cell = map_of(row, kept_as(row, slot, WASMILL_SLOT_MAP));
  while (*at < cell->count) {
    const struct entry *entry = &cell->entries[(*at)++];
    if (!wasmill_item_present(entry->value)) continue;
    *key = entry->key;
    *value = entry->value;
    return true;
  }
  return false;
}

size_t wasmill_count(const wasmill_row *row, size_t slot) {
  struct kept *kept = kept_of(row, slot);
  if (kept->slot->kind == WASMILL_SLOT_MAP) return map_of(row, kept)->live;
  if (kept->slot->kind == WASMILL_SLOT_VALUE) return wasmill_item_present(wasmill_get(row, slot));
  return begins_with(kept, row->process->key) + kept->cells[row->process->key].count;
}

/* ---- At the end of a row, and of the call ---- */

void wasmill_take_back(struct wasmill_process *process) {
  while (process->change_count > 0) {
    struct change *change = &process->changes[--process->change_count];
    if (change->is_entry) {
      struct entry *entry = entry_of(process->keyed->call, change->cell, change->entry.key);
      put(change->cell, entry, change->entry.value, change->entry.touched);
    } else {
      *change->cell = change->before;
    }
  }
}

/* Keys of a host's call. */
struct keys {
  uint32_t *items;
  size_t count, capacity;
};

static void add(wasmill_call *call, struct keys *keys, size_t key) {
  keys->items = wasmill_grown(call, keys->items, &keys->capacity, keys->count, sizeof *keys->items);
  keys->items[keys->count++] = (uint32_t)key;
}

static void write_values(struct wasmill_process *process, struct kept *kept, size_t slot) {
  wasmill_call *call = process->keyed->call;
  struct keys keys = { 0 };
  wasmill_builder *values = wasmill_build(call, &kept->type);
  for (size_t key = 0; key < process->keys; key++) {
    wasmill_item value = value_of(kept, key), before = { &kept->before, key };
    if (!kept->cells[key].changed || wasmill_compare(value, before) == 0) continue;
    add(call, &keys, key);
    wasmill_append_item(values, value);
  }
  if (keys.count > 0) wasmill_keyed_write(process->keyed, slot, keys.items, keys.count, wasmill_finish(values));
}

static void write_list(struct wasmill_process *process, struct kept *kept, size_t slot) {
  wasmill_call *call = process->keyed->call;
  struct keys keys = { 0 }, to = { 0 };
  wasmill_builder *written = wasmill_build(call, &kept->type);
  wasmill_builder *appended = wasmill_build(call, &kept->slot->type);
  for (size_t key = 0; key < process->keys; key++) {
    const struct cell *cell = &kept->cells[key];
    wasmill_list before = range(kept, key);
    bool whole = cell->changed && before.end > before.start;
    wasmill_builder *items = whole ? wasmill_builder_child(written, 0) : appended;
    for (size_t i = 0; i < cell->count; i++) {
      if (!whole) add(call, &to, key);
      wasmill_append_item(items, cell->items[i]);
    }
    if (!whole) continue;
    wasmill_append_nested(written);
    add(call, &keys, key);
  }
  if (keys.count > 0) wasmill_keyed_write(process->keyed, slot, keys.items, keys.count, wasmill_finish(written));
  if (to.count > 0) wasmill_keyed_append(process->keyed, slot, to.items, to.count, wasmill_finish(appended));
}

static void write_map(struct wasmill_process *process, struct kept *kept, size_t slot) {
  wasmill_call *call = process->keyed->call;
  struct keys keys = { 0 }, to = { 0 };
  wasmill_builder *written = wasmill_build(call, &kept->type), *pairs = wasmill_builder_child(written, 0);
  wasmill_builder *entries = wasmill_build(call, &kept->slot->key), *values = wasmill_build(call, &kept->slot->type);
  for (size_t key = 0; key < process->keys; key++) {
    const struct cell *cell = &kept->cells[key];
    wasmill_list before = range(kept, key);
    bool whole = cell->changed && before.end > before.start;
    for (size_t i = 0; i < cell->count; i++) {
      const struct entry *entry = &cell->entries[i];
      if (whole && wasmill_item_present(entry->value)) {
        wasmill_append_item(wasmill_builder_child(pairs, 0), entry->key);
        wasmill_append_item(wasmill_builder_child(pairs, 1), entry->value);
        wasmill_append_nested(pairs);
      } else if (!whole && entry->touched) {
        add(call, &to, key);
        wasmill_append_item(entries, entry->key);
        wasmill_append_item(values, entry->value);
      }
    }
    if (!whole) continue;
    wasmill_append_nested(written);
    add(call, &keys, key);
  }
  if (keys.count > 0) wasmill_keyed_write(process->keyed, slot, keys.items, keys.count, wasmill_finish(written));
  if (to.count > 0)
    wasmill_keyed_put(process->keyed, slot, to.items, to.count, wasmill_finish(entries), wasmill_finish(values));
}

void wasmill_write_kept(struct wasmill_process *process) {
  for (size_t slot = 0; slot < process->keyed->function->slots.count; slot++) {
    struct kept *kept = &process->kept[slot];
    switch (kept->slot->kind) {
      case WASMILL_SLOT_VALUE: write_values(process, kept, slot); break;
      case WASMILL_SLOT_LIST: write_list(process, kept, slot); break;
      case WASMILL_SLOT_MAP: write_map(process, kept, slot); break;
    }
  }
}
