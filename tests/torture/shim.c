/* Fails writes below one folder, and moves the clock, of the programs it is preloaded into.

   A file that all of them map holds what to do:
     remaining  how many writes still succeed before the first that fails; -1: none fails
     failing    how many fail from there on
     number     the errno they fail with
     seen       writes so far
     shift_s    seconds that are added to the time of day */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control { int64_t remaining, failing, number, seen, shift_s; };
static struct control *control;
static const char *below;
static char watched[65536]; /* by descriptor */

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SHIM_CONTROL");
  below = getenv("SHIM_BELOW");
  if (!path || !below) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map != MAP_FAILED) control = map;
  close(file);
}

static int fails(void) {
  if (!control) return 0;
  __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
  int64_t left = __atomic_load_n(&control->remaining, __ATOMIC_SEQ_CST);
  if (left < 0) return 0;
  if (__atomic_sub_fetch(&control->remaining, 1, __ATOMIC_SEQ_CST) >= 0) return 0;
  if (__atomic_sub_fetch(&control->failing, 1, __ATOMIC_SEQ_CST) > 0)
    __atomic_store_n(&control->remaining, 0, __ATOMIC_SEQ_CST); /* the next one as well */
  else
    __atomic_store_n(&control->remaining, -1, __ATOMIC_SEQ_CST);
  errno = (int)control->number;
  return 1;
}

static int is_below(const char *path) {
  return below && path && !strncmp(path, below, strlen(below));
}

static int is_watched(int file) { return file >= 0 && file < 65536 && watched[file]; }

#define OPENER(name)                                                          \
  int name(const char *path, int flags, ...) {                                \
    REAL(name);                                                               \
    va_list list; va_start(list, flags);                                      \
    int mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, int) : 0;       \
    va_end(list);                                                             \
    int wanted = control && (flags & (O_WRONLY | O_RDWR)) && is_below(path);  \
    if (wanted && (flags & O_CREAT) && fails()) return -1;                    \
    int file = real(path, flags, mode);                                       \
    if (file >= 0 && file < 65536) watched[file] = (char)wanted;              \
    return file;                                                              \
  }
OPENER(open)
OPENER(open64)

int close(int file) {
  REAL(close);
  if (file >= 0 && file < 65536) watched[file] = 0;
  return real(file);
}

ssize_t write(int file, const void *data, size_t size) {
  REAL(write);
  return is_watched(file) && fails() ? -1 : real(file, data, size);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  REAL(pwrite);
  return is_watched(file) && fails() ? -1 : real(file, data, size, at);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  REAL(pwrite64);
  return is_watched(file) && fails() ? -1 : real(file, data, size, at);
}
int fsync(int file) {
  REAL(fsync);
  return is_watched(file) && fails() ? -1 : real(file);
}
int fdatasync(int file) {
  REAL(fdatasync);
  return is_watched(file) && fails() ? -1 : real(file);
}
int rename(const char *from, const char *to) {
  REAL(rename);
  return is_below(to) && fails() ? -1 : real(from, to);
}
int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return is_below(path) && fails() ? -1 : real(path, mode);
}

int clock_gettime(clockid_t clock, struct timespec *found) {
  REAL(clock_gettime);
  int status = real(clock, found);
  if (!status && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    found->tv_sec += control->shift_s;
  return status;
}
int gettimeofday(struct timeval *restrict found, void *restrict zone) {
  REAL(gettimeofday);
  int status = real(found, zone);
  if (!status && control) found->tv_sec += control->shift_s;
  return status;
}
time_t time(time_t *found) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (found) *found = now.tv_sec;
  return now.tv_sec;
}
