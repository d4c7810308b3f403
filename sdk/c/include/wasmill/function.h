/* What a function says of itself. Included by wasmill.h. */
#ifndef WASMILL_FUNCTION_H
#define WASMILL_FUNCTION_H

typedef enum {
  WASMILL_EXACT,    /* these arguments, in this order; a job's are cast to them where SQL allows */
  WASMILL_VARIADIC, /* any number of the one argument, at least one */
  WASMILL_ANY,      /* decided in `open`; functions over rows are called for NULL too */
} wasmill_arguments_kind;

/* An option of CREATE FUNCTION's WITH. */
typedef struct {
  const char *name, *description;
  bool required;
  const char *default_value; /* NULL: none */
} wasmill_parameter_declaration;

typedef struct {
  const wasmill_parameter_declaration *items;
  size_t count;
} wasmill_parameters;

#define WASMILL_PARAMETERS(...)                                       \
  {                                                                   \
    (const wasmill_parameter_declaration[]){ __VA_ARGS__ },           \
        sizeof((const wasmill_parameter_declaration[]){ __VA_ARGS__ }) / \
            sizeof(wasmill_parameter_declaration)                     \
  }

typedef enum { WASMILL_KIND_SCALAR, WASMILL_KIND_TABLE, WASMILL_KIND_AGGREGATE, WASMILL_KIND_PROCESS } wasmill_kind;

/* Members that are left out are 0 or NULL. */
typedef struct wasmill_function {
  wasmill_kind kind;
  const char *name, *description;
  wasmill_arguments_kind arguments_kind;
  wasmill_fields arguments;
  wasmill_fields returns; /* none: `open` calls wasmill_set_returns */
  wasmill_parameters parameters;
  bool is_volatile; /* the same arguments may give another result */

  /* Checks parameters and argument types, once; what it sets serves many batches. False: an error has
   * been told. */
  bool (*open)(wasmill_call *call);
  /* Frees what wasmill_alloc has not given. */
  void (*close)(void *state);

  /* Scalar, table and process functions: each row. A row with NULL for an argument that does not take
   * NULL is NULL, or has no rows, without a call. */
  void (*eval)(wasmill_row *row);
  /* Scalar functions, instead of `eval`: a column of as many rows as the batch. NULL: an error has been
   * told. */
  wasmill_column *(*batch_eval)(wasmill_call *call, const wasmill_batch *rows);
  /* Table functions, instead of `eval`: the rows of the first row, then those of the second, ...;
   * `counts` has an item a row of the batch, all 0 before. */
  wasmill_batch *(*batch_expand)(wasmill_call *call, const wasmill_batch *rows, uint32_t *counts);

  /* Aggregate functions. A group is `group_size` bytes, all 0 at first, which may be moved. */
  size_t group_size;
  /* The columns of a group's state, at least one. */
  wasmill_fields state;
  /* Adds a row. One that fails must leave the group as it was. */
  void (*update)(void *group, wasmill_row *row);
  /* Takes a row back that was added; NULL: the function does not retract. */
  void (*retract)(void *group, wasmill_row *row);
  /* Adds a state: its columns are the row's arguments, NULL among them. */
  void (*merge)(void *group, wasmill_row *state);
  /* Puts the group's state, column by column. */
  void (*save)(const void *group, wasmill_row *state);
  /* Returns the group's value; the group stays as it is. */
  void (*evaluate)(const void *group, wasmill_row *result);
  /* Frees what a group owns beside its bytes. */
  void (*clear)(void *group);

  /* Process functions: what is kept of each key, by places from 0. */
  wasmill_slots slots;
  wasmill_side_outputs side_outputs;
  /* The columns of the broadcast table; none: there is none. */
  wasmill_fields broadcast;
  /* Each timer whose time has come, by the name that it was set by; `row` has no arguments. */
  void (*on_timer)(wasmill_row *row, const char *timer);
  /* Instead of `eval` and `on_timer`: a batch; of timers the columns are `name` (utf8) and `at` (int64).
   * False: an error has been told, and nothing has changed. */
  bool (*batch_process)(wasmill_call *call, const wasmill_batch *rows, wasmill_keyed *keyed);
  bool (*batch_timers)(wasmill_call *call, const wasmill_batch *timers, wasmill_keyed *keyed);

  struct wasmill_function *next;
} wasmill_function;

void wasmill_register(wasmill_function *function);

/* Offers a function: WASMILL_SCALAR(name, .member = value, ...). The name is the one after the `#` of
 * CREATE FUNCTION. */
#define WASMILL_SCALAR(name_, ...) WASMILL_REGISTER_(WASMILL_KIND_SCALAR, name_, __VA_ARGS__)
#define WASMILL_TABLE(name_, ...) WASMILL_REGISTER_(WASMILL_KIND_TABLE, name_, __VA_ARGS__)
#define WASMILL_AGGREGATE(name_, ...) WASMILL_REGISTER_(WASMILL_KIND_AGGREGATE, name_, __VA_ARGS__)
#define WASMILL_PROCESS(name_, ...) WASMILL_REGISTER_(WASMILL_KIND_PROCESS, name_, __VA_ARGS__)

#define WASMILL_REGISTER_(kind_, name_, ...)                                              \
  static wasmill_function wasmill_function_##name_ = { .kind = (kind_), .name = #name_, __VA_ARGS__ }; \
  __attribute__((constructor)) static void wasmill_register_##name_(void) {               \
    wasmill_register(&wasmill_function_##name_);                                          \
  }

#endif
