/* What the SDK's files share. Names beginning with wasmill_udf_ and exports_wasmill_udf_ are those of
 * the generated bindings. */
#ifndef WASMILL_INTERNAL_H
#define WASMILL_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "../generated/plugin.h"
#include "wasmill.h"

/* A function that a job opened. */
typedef struct wasmill_opened wasmill_opened;

/* Memory, handles and errors of one call of the host's. */
struct wasmill_call {
  struct block *blocks;
  struct cleanup *cleanups;
  wasmill_opened *function;
  bool failed;
  wasmill_udf_types_error_t error; /* where `failed`; its texts are malloc'ed, the host frees them */
  size_t row_error_capacity;
};

struct wasmill_opened {
  wasmill_call memory; /* what `open` asked for */
  const wasmill_function *function;
  wasmill_fields arguments, returns;
  plugin_list_tuple2_string_string_t parameters;
  void *state;
  bool opening;
  struct wasmill_gathered *broadcast; /* of a process function, once it has been asked for */
};

struct wasmill_column {
  wasmill_udf_columns_own_column_t handle;
  bool given; /* away: not ours to drop */
};

struct wasmill_batch {
  wasmill_udf_columns_borrow_batch_t handle;
  bool given;
  bool has_fields;
  size_t rows;
  wasmill_fields fields;
};

/* call.c */
void *wasmill_malloc(size_t bytes); /* never NULL */
void wasmill_begin(wasmill_call *call, wasmill_opened *function);
/* Frees all that belongs to the call; its error stays. */
void wasmill_end(wasmill_call *call);
void wasmill_on_end(wasmill_call *call, void (*run)(void *), void *what);
void wasmill_own_string(plugin_string_t *string, const char *text); /* a malloc'ed copy */
char *wasmill_copy_text(wasmill_call *call, const void *text, size_t size); /* with a NUL */
/* Ends the call and gives its error. */
bool wasmill_told(wasmill_call *call, wasmill_udf_types_error_t *error);

/* types.c */
wasmill_udf_columns_data_type_t wasmill_wire_type(const wasmill_type *type); /* borrows the time zone */
void wasmill_wire_schema(wasmill_fields fields, wasmill_udf_columns_schema_t *schema); /* malloc'ed */
wasmill_fields wasmill_copy_fields(wasmill_call *call, wasmill_fields fields);
wasmill_fields wasmill_fields_of(wasmill_call *call, const wasmill_udf_columns_schema_t *schema);
wasmill_layout wasmill_layout_of(const wasmill_type *type);

/* column.c */
void wasmill_read_column(wasmill_call *call, const wasmill_type *type, wasmill_udf_columns_own_column_t column,
                         wasmill_array *into);
wasmill_column *wasmill_owned_column(wasmill_call *call, wasmill_udf_columns_own_column_t handle);
wasmill_batch *wasmill_owned_batch(wasmill_call *call, wasmill_udf_columns_own_batch_t handle);
wasmill_udf_columns_own_column_t wasmill_give_column(wasmill_column *column);
wasmill_udf_columns_own_batch_t wasmill_give_batch(wasmill_batch *batch);
void wasmill_borrowed_batch(wasmill_batch *batch, wasmill_udf_columns_borrow_batch_t handle,
                            wasmill_fields fields);

/* builder.c */
/* Takes away all that was appended. */
void wasmill_empty(wasmill_builder *builder);
/* Another one of the same type and call. */
wasmill_builder *wasmill_builder_like(const wasmill_builder *builder);

/* row.c */
typedef void (*wasmill_each)(void *context, wasmill_row *row);
const wasmill_array *wasmill_read_all(wasmill_call *call, const wasmill_batch *batch);
wasmill_builder **wasmill_build_all(wasmill_call *call, wasmill_fields fields);
/* Whether a row is called: it has no NULL for an argument that does not take it. */
bool wasmill_called(const wasmill_row *row, const bool *takes_null);
/* A flag an argument. */
const bool *wasmill_takes_null(wasmill_call *call, const wasmill_opened *function, size_t arguments);
/* Brings every result's column to `rows` rows: NULL where none was put. False: too many were put. */
bool wasmill_fill(const wasmill_row *row, size_t rows);

/* value.c */
void wasmill_value_array(wasmill_call *call, const wasmill_type *type, wasmill_udf_types_value_t *value,
                         wasmill_array *into);
/* Of the one row of a column in the plugin's memory; false: of a type that travels as a column. */
bool wasmill_array_value(const wasmill_type *type, const wasmill_array *array, wasmill_udf_types_value_t *value);

/* registry.c */
void wasmill_signatures(wasmill_kind kind, exports_wasmill_udf_scalar_list_signature_t *signatures);
/* NULL: an error is told. The name and the context are used up. */
wasmill_opened *wasmill_open(wasmill_kind kind, plugin_string_t *name, wasmill_udf_types_open_context_t *context,
                             wasmill_udf_types_error_t *error);
void wasmill_close(wasmill_opened *function);
/* NULL: there is none. */
const wasmill_function *wasmill_declared(wasmill_kind kind, const char *name);

#endif
