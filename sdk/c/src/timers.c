/* Timers that a call has set or cleared, and that the host does not know of yet. */
#include "process.h"

enum what { EVENT, PROCESSING, CLEAR };

struct said {
  const char *name;
  uint32_t key;
  enum what what;
  int64_t at;
};

static void say(const wasmill_row *row, const char *name, enum what what, int64_t at) {
  struct wasmill_process *process = row->process;
  if (process == NULL) wasmill_panic("only process functions have timers");
  process->said = wasmill_grown(row->call, process->said, &process->said_capacity, process->said_count,
                                sizeof *process->said);
  const struct said *last = process->said_count == 0 ? NULL : &process->said[process->said_count - 1];
  /* Most functions have one timer. */
  bool same = last != NULL && strcmp(last->name, name) == 0;
  name = same ? last->name : wasmill_copy_text(row->call, name, strlen(name));
  process->said[process->said_count++] = (struct said){ name, process->key, what, at };
}

void wasmill_set_timer(const wasmill_row *row, const char *name, int64_t at) {
  say(row, name, EVENT, at);
}

void wasmill_set_processing_timer(const wasmill_row *row, const char *name, int64_t at) {
  say(row, name, PROCESSING, at);
}

void wasmill_clear_timer(const wasmill_row *row, const char *name) {
  say(row, name, CLEAR, 0);
}

/* By name, and of a name in the order in which it was said. */
static int by_name(const void *a, const void *b) {
  const struct said *const *left = a, *const *right = b;
  int order = strcmp((*left)->name, (*right)->name);
  return order != 0 ? order : (*left > *right) - (*left < *right);
}

/* Names in the order in which they came. */
struct name {
  const struct said **first;
  size_t count;
};

static int by_first(const void *a, const void *b) {
  const struct said *left = *((const struct name *)a)->first, *right = *((const struct name *)b)->first;
  return (left > right) - (left < right);
}

/* Tells the host of the timers of a name. `seen` has for each key the last name's number for which there
 * was a word on it. */
static void send(struct wasmill_process *process, struct name name, size_t number, size_t *seen) {
  wasmill_call *call = process->keyed->call;
  uint32_t *keys[3];
  int64_t *at = wasmill_alloc(call, name.count * sizeof *at), *of_machine = wasmill_alloc(call, name.count * sizeof *at);
  int64_t *times[3] = { at, of_machine, NULL };
  size_t counts[3] = { 0 };
  for (int what = EVENT; what <= CLEAR; what++) keys[what] = wasmill_alloc(call, name.count * sizeof *keys[what]);
  const char *text = name.first[0]->name;
  bool *is_last = wasmill_alloc(call, name.count * sizeof *is_last);
  for (size_t i = name.count; i-- > 0;) {
    is_last[i] = seen[name.first[i]->key] != number;
    seen[name.first[i]->key] = number;
  }
  for (size_t i = 0; i < name.count; i++) {
    const struct said *said = name.first[i];
    if (!is_last[i]) continue;
    size_t place = counts[said->what]++;
    keys[said->what][place] = said->key;
    if (times[said->what] != NULL) times[said->what][place] = said->at;
  }
  if (counts[EVENT] > 0)
    wasmill_keyed_set_timers(process->keyed, WASMILL_EVENT, text, keys[EVENT], at, counts[EVENT]);
  if (counts[PROCESSING] > 0)
    wasmill_keyed_set_timers(process->keyed, WASMILL_PROCESSING, text, keys[PROCESSING], of_machine,
                             counts[PROCESSING]);
  if (counts[CLEAR] > 0) wasmill_keyed_clear_timers(process->keyed, text, keys[CLEAR], counts[CLEAR]);
}

void wasmill_send_timers(struct wasmill_process *process) {
  wasmill_call *call = process->keyed->call;
  size_t count = process->said_count, names = 0;
  if (count == 0) return;
  const struct said **sorted = wasmill_alloc(call, count * sizeof *sorted);
  for (size_t i = 0; i < count; i++) sorted[i] = &process->said[i];
  qsort(sorted, count, sizeof *sorted, by_name);
  struct name *named = wasmill_alloc(call, count * sizeof *named);
  for (size_t i = 0; i < count; i++) {
    if (i == 0 || strcmp(sorted[i]->name, sorted[i - 1]->name) != 0) named[names++].first = &sorted[i];
    named[names - 1].count++;
  }
  qsort(named, names, sizeof *named, by_first);
  size_t *seen = wasmill_alloc(call, process->keys * sizeof *seen);
  for (size_t i = 0; i < names; i++) send(process, named[i], i + 1, seen);
}
