/* Functions for wasmill. */
#include <string.h>

#include "wasmill.h"

static void greet(wasmill_row *row) {
  wasmill_text name = wasmill_bytes(row, 0);
  char *text = wasmill_alloc(row->call, name.size + 8);
  memcpy(text, "Hello, ", 7);
  memcpy(text + 7, name.data, name.size);
  text[name.size + 7] = '!';
  wasmill_return_bytes(row, text, name.size + 8);
}

WASMILL_SCALAR(greet, .description = "Says hello.", .eval = greet,
               .arguments = WASMILL_FIELDS(WASMILL_FIELD("name", WASMILL_UTF8)),
               .returns = WASMILL_FIELDS(WASMILL_FIELD("greet", WASMILL_UTF8)))
