/* Fails writes below one folder, kills in one, and moves the clock, of the programs it is
   preloaded into.

   A file that all of them map holds what to do:
     remaining  how many writes still succeed before the first that fails; -1: none fails
     failing    how many fail from there on
     number     the errno they fail with; -1: the process is killed, half of the data written
     seen       writes so far
     shift_s    seconds that are added to the time of day */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

enum { SUCCEEDS, FAILS, KILLS };

static int strike(void) {
  if (!control) return SUCCEEDS;
  __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
  int64_t left = __atomic_load_n(&control->remaining, __ATOMIC_SEQ_CST);
  if (left < 0) return SUCCEEDS;
  if (__atomic_sub_fetch(&control->remaining, 1, __ATOMIC_SEQ_CST) >= 0) return SUCCEEDS;
  if (__atomic_sub_fetch(&control->failing, 1, __ATOMIC_SEQ_CST) > 0)
    __atomic_store_n(&control->remaining, 0, __ATOMIC_SEQ_CST); /* the next one as well */
  else
    __atomic_store_n(&control->remaining, -1, __ATOMIC_SEQ_CST);
  if (control->number < 0) return KILLS;
  errno = (int)control->number;
  return FAILS;
}

static int die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
  return -1;
}

/* Whether what writes nothing by itself (mkdir, fsync, ...) fails; it kills before it is done. */
static int fails(void) {
  int outcome = strike();
  return outcome == KILLS ? die() : outcome == FAILS;
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

static int strike_of(int file) { return is_watched(file) ? strike() : SUCCEEDS; }

#define WRITER(name, arguments, whole, half)    \
  ssize_t name arguments {                       \
    REAL(name);                                  \
    int outcome = strike_of(file);               \
    if (outcome == KILLS) return half, die();    \
    return outcome == FAILS ? -1 : whole;        \
  }
WRITER(write, (int file, const void *data, size_t size), real(file, data, size),
       real(file, data, size / 2))
WRITER(pwrite, (int file, const void *data, size_t size, off_t at), real(file, data, size, at),
       real(file, data, size / 2, at))
WRITER(pwrite64, (int file, const void *data, size_t size, off64_t at), real(file, data, size, at),
       real(file, data, size / 2, at))
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
