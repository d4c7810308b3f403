/* The functions of the plugin, and those that a job opened. */
#include "process.h"

static wasmill_function *functions; /* in the order of their names */

void wasmill_register(wasmill_function *function) {
  wasmill_function **place = &functions;
  while (*place != NULL && strcmp((*place)->name, function->name) <= 0) place = &(*place)->next;
  function->next = *place;
  *place = function;
}

static void wire_parameters(const wasmill_function *function, wasmill_udf_types_list_parameter_t *list) {
  list->len = function->parameters.count;
  list->ptr = list->len == 0 ? NULL : wasmill_malloc(list->len * sizeof *list->ptr);
  for (size_t i = 0; i < list->len; i++) {
    const wasmill_parameter_declaration *declared = &function->parameters.items[i];
    wasmill_udf_types_parameter_t *wire = &list->ptr[i];
    wasmill_own_string(&wire->name, declared->name);
    wasmill_own_string(&wire->description, declared->description);
    wire->required = declared->required;
    wire->default_.is_some = declared->default_value != NULL;
    wasmill_own_string(&wire->default_.val, declared->default_value);
  }
}

static void wire_signature(const wasmill_function *function, wasmill_udf_types_signature_t *wire) {
  *wire = (wasmill_udf_types_signature_t){ 0 };
  wasmill_own_string(&wire->name, function->name);
  wasmill_own_string(&wire->description, function->description);
  wire->arguments.tag = (uint8_t)function->arguments_kind;
  if (function->arguments_kind != WASMILL_ANY)
    wasmill_wire_schema(function->arguments, &wire->arguments.val.exact);
  wire->returns.is_some = function->returns.count > 0;
  if (wire->returns.is_some) wasmill_wire_schema(function->returns, &wire->returns.val);
  wire->deterministic = !function->is_volatile;
  wire_parameters(function, &wire->parameters);
}

void wasmill_signatures(wasmill_kind kind, exports_wasmill_udf_scalar_list_signature_t *signatures) {
  size_t count = 0;
  for (const wasmill_function *f = functions; f != NULL; f = f->next) count += f->kind == kind;
  signatures->len = 0;
  signatures->ptr = count == 0 ? NULL : wasmill_malloc(count * sizeof *signatures->ptr);
  for (const wasmill_function *f = functions; f != NULL; f = f->next)
    if (f->kind == kind) wire_signature(f, &signatures->ptr[signatures->len++]);
}

static const wasmill_function *named(wasmill_kind kind, const void *name, size_t size) {
  for (const wasmill_function *f = functions; f != NULL; f = f->next)
    if (f->kind == kind && strlen(f->name) == size && memcmp(f->name, name, size) == 0) return f;
  return NULL;
}

const wasmill_function *wasmill_declared(wasmill_kind kind, const char *name) {
  return named(kind, name, strlen(name));
}

wasmill_opened *wasmill_open(wasmill_kind kind, plugin_string_t *name, wasmill_udf_types_open_context_t *context,
                             wasmill_udf_types_error_t *error) {
  wasmill_opened *opened = wasmill_malloc(sizeof *opened);
  *opened = (wasmill_opened){ .opening = true };
  wasmill_call *call = &opened->memory;
  wasmill_begin(call, opened);
  opened->function = named(kind, name->ptr, name->len);
  if (opened->function == NULL) {
    wasmill_invalid(call, "this plugin has no function '%.*s'", (int)name->len, (const char *)name->ptr);
  } else {
    opened->arguments = wasmill_fields_of(call, &context->arguments);
    opened->parameters = context->parameters;
    opened->returns = opened->function->returns;
    bool is_open = opened->function->open == NULL || opened->function->open(call);
    if (!is_open && !call->failed) wasmill_failed(call, "`open` failed and told no error");
    if (is_open && opened->returns.count == 0)
      wasmill_failed(call, "neither the signature nor `open` says what the function returns");
  }
  plugin_string_free(name);
  wasmill_udf_types_open_context_free(context);
  opened->opening = false;
  if (!call->failed) return opened;
  *error = call->error;
  wasmill_close(opened);
  return NULL;
}

void wasmill_close(wasmill_opened *opened) {
  if (opened->function != NULL && opened->function->close != NULL && opened->state != NULL)
    opened->function->close(opened->state);
  wasmill_forget_broadcast(opened);
  wasmill_end(&opened->memory);
  free(opened);
}

void *wasmill_state(wasmill_call *call) {
  return call->function->state;
}

static void only_in_open(wasmill_call *call, const char *what) {
  if (!call->function->opening) wasmill_panic("`%s` is called outside of `open`", what);
}

void wasmill_set_state(wasmill_call *call, void *state) {
  only_in_open(call, "wasmill_set_state");
  call->function->state = state;
}

void wasmill_set_returns(wasmill_call *call, wasmill_fields returns) {
  only_in_open(call, "wasmill_set_returns");
  call->function->returns = wasmill_copy_fields(call, returns);
}

wasmill_fields wasmill_arguments(wasmill_call *call) {
  return call->function->arguments;
}

const char *wasmill_parameter(wasmill_call *call, const char *name) {
  only_in_open(call, "wasmill_parameter");
  size_t length = strlen(name);
  const plugin_list_tuple2_string_string_t *parameters = &call->function->parameters;
  for (size_t i = 0; i < parameters->len; i++) {
    const plugin_string_t *key = &parameters->ptr[i].f0, *value = &parameters->ptr[i].f1;
    if (key->len == length && memcmp(key->ptr, name, length) == 0)
      return wasmill_copy_text(call, value->ptr, value->len);
  }
  return NULL;
}

const char *wasmill_required(wasmill_call *call, const char *name) {
  const char *value = wasmill_parameter(call, name);
  if (value == NULL) wasmill_invalid(call, "the parameter '%s' is missing", name);
  return value;
}
