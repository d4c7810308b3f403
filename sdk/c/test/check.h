/* What tests say. */
#ifndef WASMILL_TEST_CHECK_H
#define WASMILL_TEST_CHECK_H

#include <stdio.h>

#define CHECK(what)                                                        \
  do {                                                                     \
    if (!(what)) {                                                         \
      printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what);            \
      failures++;                                                          \
    }                                                                      \
  } while (0)

extern int failures;

/* process.c */
void process_functions(void);

#endif
