/* What the files of process functions share. */
#ifndef WASMILL_SRC_PROCESS_H
#define WASMILL_SRC_PROCESS_H

#include "internal.h"

/* Keys of a call with their state in the host, and what a function by hand has given. */
struct wasmill_keyed {
  wasmill_call *call;
  const wasmill_function *function;
  wasmill_udf_state_borrow_keyed_t handle;
  size_t rows; /* or timers */
  struct given *given; /* the last one first */
  size_t given_count;
  /* Asked for once. */
  const uint32_t *numbers;
  const int64_t *times;
  int64_t watermark, now;
  bool has_times, has_watermark, is_watermark, has_now;
};

struct given {
  struct given *next;
  int side;
  wasmill_batch *rows;
  wasmill_column *origins;
};

/* A call that goes row by row. */
struct wasmill_process {
  wasmill_keyed *keyed;
  size_t keys;
  uint32_t key; /* of the row at hand */
  struct kept *kept; /* one a slot */
  struct change *changes; /* those of the row at hand */
  size_t change_count, change_capacity;
  struct said *said;
  size_t said_count, said_capacity;
  wasmill_row *sides;
};

/* A growing array in the call's memory: room for one item more. */
void *wasmill_grown(wasmill_call *call, void *items, size_t *capacity, size_t count, size_t item_bytes);

/* item.c */
/* By value: absent ones first, floats by their bits. */
int wasmill_compare(wasmill_item a, wasmill_item b);

/* kept.c */
/* Reads all slots. */
void wasmill_read_kept(struct wasmill_process *process);
/* Takes the changes of the row at hand back; or lets them be. */
void wasmill_take_back(struct wasmill_process *process);
/* Hands what has changed to the host. */
void wasmill_write_kept(struct wasmill_process *process);
/* What `read` gives of a slot. */
wasmill_type wasmill_slot_type(wasmill_call *call, const wasmill_slot *slot);

/* timers.c */
void wasmill_send_timers(struct wasmill_process *process);

/* broadcast.c */
/* Reads the broadcast table, where it has other rows. */
void wasmill_gather(struct wasmill_process *process);
void wasmill_forget_broadcast(wasmill_opened *opened);

/* row_by_row.c */
/* False: an error was told. */
bool wasmill_row_by_row(wasmill_keyed *keyed, const wasmill_batch *batch, bool are_timers);

/* keyed.c */
/* Rows of the result, or of a side output. */
void wasmill_give_rows(wasmill_keyed *keyed, int side, wasmill_batch *rows, wasmill_column *origins);

#endif
