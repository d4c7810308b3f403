/* Columns, built value by value in the plugin's memory. */
#include "internal.h"

/* Buffers are malloc'ed and grow; they are freed when the call ends. */
struct wasmill_builder {
  wasmill_call *call;
  const wasmill_type *type;
  wasmill_layout layout;
  size_t item_bytes; /* of a value in `items`; 0: there are no items */
  size_t length;     /* values */
  size_t capacity;   /* values */
  uint8_t *validity; /* NULL: nothing is NULL so far */
  void *items;
  int32_t *offsets; /* capacity + 1 */
  uint8_t *bytes;
  size_t byte_count, byte_capacity;
  wasmill_builder **children;
  wasmill_array built;
  wasmill_array *built_children;
};

static const uint8_t item_bytes[] = {
  [WASMILL_I8] = 1,  [WASMILL_I16] = 2, [WASMILL_I32] = 4, [WASMILL_I64] = 8, [WASMILL_U8] = 1,
  [WASMILL_U16] = 2, [WASMILL_U32] = 4, [WASMILL_U64] = 8, [WASMILL_F32] = 4, [WASMILL_F64] = 8,
  [WASMILL_I128] = 16, [WASMILL_NONE] = 0,
};

static void free_buffers(void *what) {
  wasmill_builder *builder = what;
  free(builder->validity);
  free(builder->items);
  free(builder->offsets);
  free(builder->bytes);
}

static void *grown(void *buffer, size_t bytes) {
  void *memory = realloc(buffer, bytes);
  if (memory == NULL) wasmill_panic("out of memory: %zu bytes", bytes);
  return memory;
}

static void reserve(wasmill_builder *builder, size_t capacity) {
  size_t before = (builder->capacity + 7) / 8, after = (capacity + 7) / 8;
  if (builder->validity != NULL) {
    builder->validity = grown(builder->validity, after);
    memset(builder->validity + before, 0, after - before);
  }
  if (builder->layout == WASMILL_BITS) {
    builder->items = grown(builder->items, after);
    memset((uint8_t *)builder->items + before, 0, after - before);
  } else if (builder->item_bytes > 0) {
    builder->items = grown(builder->items, capacity * builder->item_bytes);
  } else if (builder->layout != WASMILL_NONE) {
    builder->offsets = grown(builder->offsets, (capacity + 1) * sizeof(int32_t));
  }
  builder->capacity = capacity;
}

wasmill_builder *wasmill_build(wasmill_call *call, const wasmill_type *type) {
  wasmill_builder *builder = wasmill_alloc(call, sizeof *builder);
  builder->call = call;
  builder->type = type;
  builder->layout = wasmill_layout_of(type);
  builder->item_bytes = item_bytes[builder->layout];
  wasmill_on_end(call, free_buffers, builder);
  reserve(builder, 64);
  if (builder->offsets != NULL) builder->offsets[0] = 0;
  size_t children = type->children.count;
  builder->children = wasmill_alloc(call, children * sizeof *builder->children);
  builder->built_children = wasmill_alloc(call, children * sizeof *builder->built_children);
  for (size_t i = 0; i < children; i++)
    builder->children[i] = wasmill_build(call, &type->children.items[i].type);
  return builder;
}

size_t wasmill_builder_length(const wasmill_builder *builder) {
  return builder->length;
}

wasmill_builder *wasmill_builder_child(wasmill_builder *builder, size_t index) {
  if (index >= builder->type->children.count) wasmill_panic("a type has no child %zu", index);
  return builder->children[index];
}

/* Room for a value; returns its index. */
static inline size_t next(wasmill_builder *builder) {
  if (builder->length == builder->capacity) reserve(builder, 2 * builder->capacity);
  size_t index = builder->length++;
  if (builder->validity != NULL) builder->validity[index / 8] |= (uint8_t)(1 << index % 8);
  return index;
}

_Noreturn static void wrong_type(const wasmill_builder *builder, wasmill_layout layout) {
  wasmill_panic("a value of layout %d is appended to a column of type %d", layout, builder->type->id);
}

#define APPEND(name, c_type, layout_)                                      \
  void wasmill_append_##name(wasmill_builder *builder, c_type value) {     \
    if (builder->layout != layout_) wrong_type(builder, layout_);          \
    size_t index = next(builder); /* may move the items */                 \
    ((c_type *)builder->items)[index] = value;                             \
  }
APPEND(int8, int8_t, WASMILL_I8)
APPEND(int16, int16_t, WASMILL_I16)
APPEND(int32, int32_t, WASMILL_I32)
APPEND(int64, int64_t, WASMILL_I64)
APPEND(uint8, uint8_t, WASMILL_U8)
APPEND(uint16, uint16_t, WASMILL_U16)
APPEND(uint32, uint32_t, WASMILL_U32)
APPEND(uint64, uint64_t, WASMILL_U64)
APPEND(float32, float, WASMILL_F32)
APPEND(float64, double, WASMILL_F64)

void wasmill_append_boolean(wasmill_builder *builder, bool value) {
  if (builder->layout != WASMILL_BITS) wrong_type(builder, WASMILL_BITS);
  size_t index = next(builder);
  if (value) ((uint8_t *)builder->items)[index / 8] |= (uint8_t)(1 << index % 8);
}

void wasmill_append_int128(wasmill_builder *builder, __int128 value) {
  if (builder->layout != WASMILL_I128) wrong_type(builder, WASMILL_I128);
  size_t index = next(builder);
  uint64_t *pair = (uint64_t *)builder->items + 2 * index;
  pair[0] = (uint64_t)value;
  pair[1] = (uint64_t)((unsigned __int128)value >> 64);
}

void wasmill_append_bytes(wasmill_builder *builder, const void *data, size_t size) {
  if (builder->layout != WASMILL_BYTES) wrong_type(builder, WASMILL_BYTES);
  size_t end = builder->byte_count + size;
  if (end > INT32_MAX) wasmill_panic("a column has over 2 GiB of bytes");
  if (end > builder->byte_capacity) {
    builder->byte_capacity = end > 2 * builder->byte_capacity ? end + 64 : 2 * builder->byte_capacity;
    builder->bytes = grown(builder->bytes, builder->byte_capacity);
  }
  if (size > 0) memcpy(builder->bytes + builder->byte_count, data, size);
  builder->byte_count = end;
  size_t index = next(builder);
  builder->offsets[index + 1] = (int32_t)end;
}

void wasmill_append_string(wasmill_builder *builder, const char *text) {
  wasmill_append_bytes(builder, text, strlen(text));
}

void wasmill_append_nested(wasmill_builder *builder) {
  size_t index, children = builder->type->children.count;
  switch (builder->type->id) {
    case WASMILL_LIST:
      if (builder->children[0]->length > INT32_MAX) wasmill_panic("a column has over 2^31 items");
      index = next(builder);
      builder->offsets[index + 1] = (int32_t)builder->children[0]->length;
      return;
    case WASMILL_FIXED_SIZE_LIST:
      next(builder);
      if (builder->children[0]->length != builder->length * builder->type->size)
        wasmill_panic("a list of fixed size was given another number of items than %u", (unsigned)builder->type->size);
      return;
    case WASMILL_STRUCT:
      next(builder);
      for (size_t i = 0; i < children; i++)
        if (builder->children[i]->length != builder->length)
          wasmill_panic("field %zu of a struct was not given one value", i);
      return;
    default:
      wrong_type(builder, WASMILL_NONE);
  }
}

void wasmill_append_null(wasmill_builder *builder) {
  if (builder->validity == NULL) {
    size_t whole = builder->length / 8;
    builder->validity = wasmill_malloc((builder->capacity + 7) / 8);
    memset(builder->validity, 0, (builder->capacity + 7) / 8);
    memset(builder->validity, 0xFF, whole);
    if (builder->length % 8 != 0) builder->validity[whole] = (uint8_t)((1 << builder->length % 8) - 1);
  }
  size_t index = next(builder);
  builder->validity[index / 8] &= (uint8_t) ~(1 << index % 8);
  if (builder->item_bytes > 0)
    memset((uint8_t *)builder->items + index * builder->item_bytes, 0, builder->item_bytes);
  if (builder->offsets != NULL) builder->offsets[index + 1] = builder->offsets[index];
  /* Under a NULL, what has no offsets has children all the same. */
  size_t each = builder->type->id == WASMILL_STRUCT ? 1 : builder->type->id == WASMILL_FIXED_SIZE_LIST ? builder->type->size : 0;
  for (size_t i = 0; i < builder->type->children.count; i++)
    for (size_t item = 0; item < each; item++) wasmill_append_null(builder->children[i]);
}

const wasmill_array *wasmill_built(wasmill_builder *builder) {
  wasmill_array *array = &builder->built;
  *array = (wasmill_array){
    .layout = builder->layout,
    .length = builder->length,
    .validity = builder->validity,
    .items = builder->items,
    .offsets = builder->offsets,
    .bytes = builder->bytes,
    .byte_count = builder->byte_count,
    .children = builder->built_children,
    .child_count = builder->type->children.count,
  };
  for (size_t i = 0; i < array->child_count; i++)
    builder->built_children[i] = *wasmill_built(builder->children[i]);
  return array;
}

void wasmill_empty(wasmill_builder *builder) {
  free(builder->validity);
  builder->validity = NULL;
  if (builder->layout == WASMILL_BITS) memset(builder->items, 0, (builder->capacity + 7) / 8);
  builder->length = 0;
  builder->byte_count = 0;
  for (size_t i = 0; i < builder->type->children.count; i++) wasmill_empty(builder->children[i]);
}

wasmill_builder *wasmill_builder_like(const wasmill_builder *builder) {
  return wasmill_build(builder->call, builder->type);
}

wasmill_column *wasmill_finish(wasmill_builder *builder) {
  return wasmill_make_column(builder->call, builder->type, wasmill_built(builder));
}
