/* What the C library would ask of WASI when something is printed: lines go to the host's log instead.
 * So a plugin imports no WASI. A plugin that does more than print, such as reading the clock, imports
 * the rest, and needs an adapter. */
#include "internal.h"

enum { LINE_BYTES = 1024, STDOUT = 1, STDERR = 2, BAD_DESCRIPTOR = 8, CHARACTER_DEVICE = 2 };

static char lines[2][LINE_BYTES]; /* what stands without a line's end */
static size_t used[2];

static void end_line(int stream) {
  plugin_string_t text = { (uint8_t *)lines[stream], used[stream] };
  wasmill_udf_log_log(stream == 0 ? WASMILL_INFO : WASMILL_WARN, &text);
  used[stream] = 0;
}

typedef struct {
  const char *data;
  size_t size;
} piece;

/* The names below are those by which the C library imports these functions. */
int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t descriptor, int32_t pieces, int32_t count, int32_t written) {
  const piece *all = (const piece *)pieces;
  if (descriptor != STDOUT && descriptor != STDERR) return BAD_DESCRIPTOR;
  int stream = descriptor - STDOUT;
  size_t bytes = 0;
  for (int32_t i = 0; i < count; i++) {
    bytes += all[i].size;
    for (size_t at = 0; at < all[i].size; at++) {
      char byte = all[i].data[at];
      bool starts_character = ((uint8_t)byte & 0xC0) != 0x80;
      if (byte == '\n' || (used[stream] >= LINE_BYTES - 4 && starts_character) || used[stream] == LINE_BYTES)
        end_line(stream);
      if (byte != '\n') lines[stream][used[stream]++] = byte;
    }
  }
  *(size_t *)written = bytes;
  return 0;
}

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t descriptor) {
  (void)descriptor;
  return BAD_DESCRIPTOR;
}

int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t descriptor, int64_t offset, int32_t from, int32_t place) {
  (void)descriptor, (void)offset, (void)from, (void)place;
  return BAD_DESCRIPTOR;
}

/* A terminal's: so stdout is written line by line. */
int32_t __imported_wasi_snapshot_preview1_fd_fdstat_get(int32_t descriptor, int32_t into) {
  if (descriptor != STDOUT && descriptor != STDERR) return BAD_DESCRIPTOR;
  memset((void *)into, 0, 24);
  *(uint8_t *)into = CHARACTER_DEVICE;
  return 0;
}
