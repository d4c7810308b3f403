/* Models that the job granted; they run in the host. */
#include "internal.h"

struct wasmill_model {
  wasmill_udf_inference_own_model_t handle;
  wasmill_fields inputs, outputs;
};

static void drop_model(void *what) {
  wasmill_model *model = what;
  wasmill_udf_inference_model_drop_own(model->handle);
}

static void tell(wasmill_call *call, wasmill_udf_inference_inference_error_t *error) {
  int length = (int)error->val.invalid.len;
  const char *text = (const char *)error->val.invalid.ptr;
  if (error->tag == WASMILL_UDF_INFERENCE_INFERENCE_ERROR_FAILED)
    wasmill_failed(call, "%.*s", length, text);
  else
    wasmill_invalid(call, "%.*s", length, text);
  wasmill_udf_inference_inference_error_free(error);
}

wasmill_model *wasmill_open_model(wasmill_call *call, const char *name) {
  plugin_string_t text = { (uint8_t *)name, strlen(name) };
  wasmill_udf_inference_own_model_t handle;
  wasmill_udf_inference_inference_error_t error;
  if (!wasmill_udf_inference_static_model_open(&text, &handle, &error)) {
    tell(call, &error);
    return NULL;
  }
  wasmill_model *model = wasmill_alloc(call, sizeof *model);
  model->handle = handle;
  wasmill_on_end(call, drop_model, model);
  wasmill_udf_inference_model_signature_t signature;
  wasmill_udf_inference_method_model_signature(wasmill_udf_inference_borrow_model(handle), &signature);
  model->inputs = wasmill_fields_of(call, &signature.inputs);
  model->outputs = wasmill_fields_of(call, &signature.outputs);
  wasmill_udf_inference_model_signature_free(&signature);
  return model;
}

wasmill_fields wasmill_model_inputs(const wasmill_model *model) {
  return model->inputs;
}

wasmill_fields wasmill_model_outputs(const wasmill_model *model) {
  return model->outputs;
}

const char *wasmill_model_version(wasmill_call *call, const wasmill_model *model) {
  plugin_string_t version;
  wasmill_udf_inference_method_model_version(wasmill_udf_inference_borrow_model(model->handle), &version);
  const char *text = wasmill_copy_text(call, version.ptr, version.len);
  plugin_string_free(&version);
  return text;
}

wasmill_batch *wasmill_predict(wasmill_call *call, const wasmill_model *model, const wasmill_batch *features) {
  wasmill_udf_inference_own_batch_t predictions;
  wasmill_udf_inference_inference_error_t error;
  wasmill_udf_inference_borrow_model_t borrowed = wasmill_udf_inference_borrow_model(model->handle);
  if (!wasmill_udf_inference_method_model_predict(borrowed, features->handle, &predictions, &error)) {
    tell(call, &error);
    return NULL;
  }
  return wasmill_owned_batch(call, predictions);
}
