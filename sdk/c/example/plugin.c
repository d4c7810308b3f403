/* A plugin of each kind of function. */
#include <string.h>

#include "wasmill.h"

/* ---- add(a, b): over rows, with an error a row ---- */

static void add(wasmill_row *row) {
  int64_t a = wasmill_int64(row, 0), b = wasmill_int64(row, 1), sum;
  if (__builtin_add_overflow(a, b, &sum))
    wasmill_fail(row, "%lld + %lld is out of range", (long long)a, (long long)b);
  else
    wasmill_return_int64(row, sum);
}

WASMILL_SCALAR(add, .description = "The sum of two whole numbers.",
               .arguments = WASMILL_FIELDS(WASMILL_FIELD("a", WASMILL_INT64), WASMILL_FIELD("b", WASMILL_INT64)),
               .returns = WASMILL_FIELDS(WASMILL_FIELD("sum", WASMILL_INT64)), .eval = add)

/* ---- greet(name): with a parameter ---- */

static bool open_greet(wasmill_call *call) {
  const char *greeting = wasmill_required(call, "greeting");
  if (greeting == NULL) return false;
  if (*greeting == '\0') return wasmill_invalid(call, "the parameter 'greeting' is empty");
  wasmill_set_state(call, (void *)greeting);
  return true;
}

static void greet(wasmill_row *row) {
  const char *greeting = row->state;
  wasmill_text name = wasmill_bytes(row, 0);
  size_t size = strlen(greeting) + 2 + name.size + 1;
  char *text = wasmill_alloc(row->call, size);
  size_t at = strlen(greeting);
  memcpy(text, greeting, at);
  memcpy(text + at, ", ", 2);
  memcpy(text + at + 2, name.data, name.size);
  text[size - 1] = '!';
  wasmill_return_bytes(row, text, size);
}

WASMILL_SCALAR(greet, .description = "Says hello.",
               .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8)),
               .returns = WASMILL_FIELDS(WASMILL_FIELD("greeting", WASMILL_UTF8)),
               .parameters = WASMILL_PARAMETERS({ .name = "greeting",
                                                  .description = "the words before the name",
                                                  .default_value = "Hello" }),
               .open = open_greet, .eval = greet)

/* ---- echo(any): over whole columns, of a type that `open` learns ---- */

static bool open_echo(wasmill_call *call) {
  wasmill_fields arguments = wasmill_arguments(call);
  if (arguments.count != 1) return wasmill_invalid(call, "echo takes one argument");
  wasmill_set_returns(call, arguments);
  return true;
}

static wasmill_column *echo(wasmill_call *call, const wasmill_batch *rows) {
  const wasmill_field *argument = &wasmill_arguments(call).items[0];
  return wasmill_make_column(call, &argument->type, wasmill_batch_read(call, rows, 0));
}

WASMILL_SCALAR(echo, .description = "Its argument, read and made anew.", .arguments_kind = WASMILL_ANY,
               .open = open_echo, .batch_eval = echo)

/* ---- score(feature, ...): a model; the features stay in the host ---- */

static bool open_score(wasmill_call *call) {
  const char *name = wasmill_required(call, "model");
  wasmill_model *model = name == NULL ? NULL : wasmill_open_model(call, name);
  wasmill_set_state(call, model);
  return model != NULL;
}

static wasmill_column *score(wasmill_call *call, const wasmill_batch *rows) {
  wasmill_batch *predictions = wasmill_predict(call, wasmill_state(call), rows);
  return predictions == NULL ? NULL : wasmill_batch_column(call, predictions, 0);
}

WASMILL_SCALAR(score, .description = "A model's prediction; the arguments are its features.",
               .arguments_kind = WASMILL_VARIADIC,
               .arguments = WASMILL_FIELDS(WASMILL_FIELD("feature", WASMILL_FLOAT64)),
               .returns = WASMILL_FIELDS(WASMILL_FIELD("score", WASMILL_FLOAT64)),
               .parameters = WASMILL_PARAMETERS({ .name = "model",
                                                  .description = "the model's name in the job",
                                                  .required = true }),
               .open = open_score, .batch_eval = score)

/* ---- words(text): any number of rows for one ---- */

static void words(wasmill_row *row) {
  wasmill_text text = wasmill_bytes(row, 0);
  int64_t place = 0;
  for (size_t end, start = 0; start < text.size; start = end + 1) {
    for (end = start; end < text.size && text.data[end] != ' '; end++) {}
    if (end == start) continue;
    wasmill_put_bytes(row, 0, text.data + start, end - start);
    wasmill_put_int64(row, 1, ++place);
    wasmill_emit(row);
  }
}

WASMILL_TABLE(words, .description = "The words of a text, each with its place.",
              .arguments = WASMILL_FIELDS(WASMILL_FIELD("text", WASMILL_UTF8)),
              .returns = WASMILL_FIELDS(WASMILL_FIELD("word", WASMILL_UTF8), WASMILL_FIELD("place", WASMILL_INT64)),
              .eval = words)

/* ---- mean(value): the rows of a group in, one value out ---- */

typedef struct {
  double sum;
  int64_t count;
} mean;

static void mean_update(void *group, wasmill_row *row) {
  mean *self = group;
  self->sum += wasmill_float64(row, 0);
  self->count++;
}

static void mean_retract(void *group, wasmill_row *row) {
  mean *self = group;
  self->sum -= wasmill_float64(row, 0);
  self->count--;
}

static void mean_merge(void *group, wasmill_row *state) {
  mean *self = group;
  self->sum += wasmill_float64(state, 0);
  self->count += wasmill_int64(state, 1);
}

static void mean_save(const void *group, wasmill_row *state) {
  const mean *self = group;
  wasmill_put_float64(state, 0, self->sum);
  wasmill_put_int64(state, 1, self->count);
}

static void mean_evaluate(const void *group, wasmill_row *result) {
  const mean *self = group;
  if (self->count != 0) wasmill_return_float64(result, self->sum / (double)self->count);
}

WASMILL_AGGREGATE(mean, .description = "The mean of the values that are not NULL.",
                  .arguments = WASMILL_FIELDS(WASMILL_FIELD("value", WASMILL_FLOAT64)),
                  .returns = WASMILL_FIELDS(WASMILL_FIELD("mean", WASMILL_FLOAT64)),
                  .state = WASMILL_FIELDS(WASMILL_NOT_NULL("sum", WASMILL_FLOAT64),
                                          WASMILL_NOT_NULL("count", WASMILL_INT64)),
                  .group_size = sizeof(mean), .update = mean_update, .retract = mean_retract,
                  .merge = mean_merge, .save = mean_save, .evaluate = mean_evaluate)
