/* Tests of what needs no host: builders, schemas, errors; and those of process.c. They run natively, under
 * AddressSanitizer, which also tells of leaks: `make test`. */
#include <stdio.h>

#include "../src/internal.h"
#include "check.h"

int failures;

enum { ROWS = 1000 }; /* builders grow several times */

static bool is_null(size_t row) {
  return row % 7 == 3 || row == 64;
}

static void numbers_are_where_they_were_put(void) {
  wasmill_call call;
  wasmill_begin(&call, NULL);
  wasmill_type int64 = { .id = WASMILL_INT64 }, boolean = { .id = WASMILL_BOOLEAN }, int8 = { .id = WASMILL_INT8 };
  wasmill_type decimal = { .id = WASMILL_DECIMAL128, .precision = 38 };
  wasmill_builder *a = wasmill_build(&call, &int64), *b = wasmill_build(&call, &boolean);
  wasmill_builder *c = wasmill_build(&call, &decimal), *d = wasmill_build(&call, &int8);
  for (size_t row = 0; row < ROWS; row++) {
    wasmill_append_int8(d, (int8_t)row);
    if (is_null(row)) {
      wasmill_append_null(a), wasmill_append_null(b), wasmill_append_null(c);
      continue;
    }
    wasmill_append_int64(a, (int64_t)row - 5);
    wasmill_append_boolean(b, row % 3 == 0);
    wasmill_append_int128(c, -(__int128)row);
  }
  const wasmill_array *numbers = wasmill_built(a), *bits = wasmill_built(b), *decimals = wasmill_built(c);
  CHECK(numbers->length == ROWS && bits->length == ROWS && decimals->length == ROWS);
  CHECK(wasmill_built(d)->validity == NULL && wasmill_built(d)->int8[999] == (int8_t)999);
  for (size_t row = 0; row < ROWS; row++) {
    CHECK(wasmill_present(numbers, row) == !is_null(row));
    CHECK(wasmill_present(bits, row) == !is_null(row));
    CHECK(numbers->int64[row] == (is_null(row) ? 0 : (int64_t)row - 5));
    CHECK(wasmill_bit(bits->bits, row) == (!is_null(row) && row % 3 == 0));
    CHECK(decimals->int128[2 * row] == (is_null(row) ? 0 : (uint64_t)-row));
    CHECK(decimals->int128[2 * row + 1] == (is_null(row) || row == 0 ? 0 : UINT64_MAX));
  }
  wasmill_end(&call);
}

static const wasmill_field nested[] = {
  WASMILL_FIELD("texts", WASMILL_LIST, .children = WASMILL_FIELDS(WASMILL_FIELD("item", WASMILL_UTF8))),
  WASMILL_FIELD("pair", WASMILL_FIXED_SIZE_LIST, .size = 2,
                .children = WASMILL_FIELDS(WASMILL_FIELD("item", WASMILL_INT32))),
};

static void nested_values_have_children(void) {
  wasmill_type type = { .id = WASMILL_STRUCT, .children = { nested, 2 } };
  wasmill_call call;
  wasmill_begin(&call, NULL);
  wasmill_builder *rows = wasmill_build(&call, &type);
  wasmill_builder *texts = wasmill_builder_child(rows, 0), *pairs = wasmill_builder_child(rows, 1);
  for (size_t row = 0; row < ROWS; row++) {
    if (is_null(row)) {
      wasmill_append_null(rows);
      continue;
    }
    for (size_t item = 0; item < row % 4; item++) wasmill_append_string(wasmill_builder_child(texts, 0), "text");
    wasmill_append_nested(texts);
    wasmill_append_int32(wasmill_builder_child(pairs, 0), (int32_t)row);
    wasmill_append_int32(wasmill_builder_child(pairs, 0), -1);
    wasmill_append_nested(pairs);
    wasmill_append_nested(rows);
  }
  const wasmill_array *array = wasmill_built(rows);
  CHECK(array->child_count == 2 && array->children[0].length == ROWS && array->children[1].length == ROWS);
  for (size_t row = 0; row < ROWS; row++) {
    wasmill_list list = wasmill_list_at(&array->children[0], row), pair = wasmill_list_at(&array->children[1], row);
    CHECK(list.end - list.start == (is_null(row) ? 0 : row % 4));
    CHECK(pair.start == 2 * row && pair.end == 2 * row + 2);
    if (is_null(row)) continue;
    CHECK(pair.items->int32[pair.start] == (int32_t)row);
    if (list.end > list.start) CHECK(memcmp(wasmill_text_at(list.items, list.start).data, "text", 4) == 0);
  }
  wasmill_end(&call);
}

static const wasmill_field point[] = {
  WASMILL_FIELD("x", WASMILL_FLOAT64),
  WASMILL_NOT_NULL("tags", WASMILL_LIST, .children = WASMILL_FIELDS(WASMILL_FIELD("item", WASMILL_UTF8))),
};
static const wasmill_field fields[] = {
  WASMILL_FIELD("id", WASMILL_INT64),
  WASMILL_FIELD("point", WASMILL_STRUCT, .children = { point, 2 }),
  WASMILL_FIELD("at", WASMILL_TIMESTAMP, .unit = WASMILL_MILLISECOND, .timezone = "UTC"),
};

static void fields_come_back_from_the_flat_form(void) {
  wasmill_call call;
  wasmill_begin(&call, NULL);
  wasmill_udf_columns_schema_t schema;
  wasmill_wire_schema((wasmill_fields){ fields, 3 }, &schema);
  CHECK(schema.fields.len == 6 && schema.columns.len == 3 && schema.columns.ptr[2] == 5);
  wasmill_fields back = wasmill_fields_of(&call, &schema);
  wasmill_udf_columns_schema_free(&schema);
  CHECK(back.count == 3 && strcmp(back.items[1].type.children.items[1].name, "tags") == 0);
  CHECK(back.items[1].type.children.items[1].not_null && !back.items[0].not_null);
  CHECK(back.items[1].type.children.items[1].type.children.items[0].type.id == WASMILL_UTF8);
  CHECK(back.items[2].type.unit == WASMILL_MILLISECOND && strcmp(back.items[2].type.timezone, "UTC") == 0);
  wasmill_end(&call);
}

static void every_bad_row_is_told_once(void) {
  wasmill_call call;
  wasmill_udf_types_error_t error;
  wasmill_begin(&call, NULL);
  for (size_t row = 0; row < 100; row += 2)
    for (int twice = 0; twice < 2; twice++) wasmill_row_failed(&call, row, "row %zu", row);
  wasmill_row_failed(&call, 100, "%s", "");
  CHECK(!wasmill_told(&call, &error));
  CHECK(error.tag == WASMILL_UDF_TYPES_ERROR_ROWS && error.val.rows.len == 51);
  CHECK(error.val.rows.ptr[49].row == 98 && error.val.rows.ptr[49].message.len == 6);
  wasmill_udf_types_error_free(&error);
  wasmill_begin(&call, NULL);
  wasmill_row_failed(&call, 1, "a row");
  CHECK(!wasmill_invalid(&call, "%0*d", 5000, 1)); /* longer than what is written at once */
  wasmill_row_failed(&call, 2, "a row");
  CHECK(!wasmill_told(&call, &error));
  CHECK(error.tag == WASMILL_UDF_TYPES_ERROR_INVALID && error.val.invalid.len == 5000);
  CHECK(error.val.invalid.ptr[4999] == '1');
  wasmill_udf_types_error_free(&error);
}

static void single_values_come_back(void) {
  wasmill_call call;
  wasmill_begin(&call, NULL);
  wasmill_type int16 = { .id = WASMILL_INT16 }, text = { .id = WASMILL_UTF8 };
  wasmill_udf_types_value_t value = { .tag = WASMILL_UDF_TYPES_VALUE_INT64, .val.int64 = -7 }, back = { 0 };
  wasmill_array array;
  wasmill_value_array(&call, &int16, &value, &array);
  CHECK(array.length == 1 && array.int16[0] == -7);
  CHECK(wasmill_array_value(&int16, &array, &back) && back.val.int64 == -7);
  wasmill_own_string(&value.val.utf8, "ö");
  value.tag = WASMILL_UDF_TYPES_VALUE_UTF8;
  wasmill_value_array(&call, &text, &value, &array);
  CHECK(wasmill_array_value(&text, &array, &back) && back.val.utf8.len == 2);
  wasmill_udf_types_value_free(&value);
  wasmill_udf_types_value_free(&back);
  value.tag = WASMILL_UDF_TYPES_VALUE_NULL;
  wasmill_value_array(&call, &text, &value, &array);
  CHECK(wasmill_array_value(&text, &array, &back) && back.tag == WASMILL_UDF_TYPES_VALUE_NULL);
  wasmill_end(&call);
}

int main(void) {
  numbers_are_where_they_were_put();
  nested_values_have_children();
  fields_come_back_from_the_flat_form();
  every_bad_row_is_told_once();
  single_values_come_back();
  process_functions();
  printf(failures == 0 ? "all tests passed\n" : "%d checks failed\n", failures);
  return failures != 0;
}
