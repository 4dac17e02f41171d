/*
 * CNI executable on the host: sends its CNI_* environment and its standard input to the agent's unix socket and prints the
 * response (bytes: cni/relay/relay-protocol.ts). When the agent cannot be reached, VERSION is answered here, DEL and GC are
 * deferred (written to files that the next agent replays), and every other verb fails with "try again later". ADD waits for
 * an agent that is not there or not ready, as after a boot: a runtime repeats it tens of seconds later. All other logic is in
 * the agent. heddle-cni.ts behaves the same; relay.test.ts tests both.
 * Build: gcc -static -Os -s -o heddle-cni heddle-cni.c
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST (1 << 20)
#define MAX_ANSWER (4 << 20)
#define MAX_PATH 4096
#define DEFAULT_TIMEOUT_MS 10000
/* An agent that ends before it answers is started again; every call may be repeated. */
#define RETRY_MS 100
#define NOT_READY_RETRY_MS 500

extern char **environ;
static char request[MAX_REQUEST + 1], answer[MAX_ANSWER + 1];
static size_t request_length, stdin_start;
static int timeout_ms;
static int64_t deadline_ms;
static int accepted; /* whether an agent took the call */
static char reason[512]; /* why the call could not be read or the agent not be reached */

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left_ms(void) {
  int64_t left = deadline_ms - now_ms();
  return left < 1 ? 1 : (int)left;
}

static int fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  return -1;
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

/* cniVersion of the configuration: the first string after that key, or the default. */
static const char *spec_version(void) {
  static char version[16];
  const char *at = strstr(request + stdin_start, "\"cniVersion\"");
  if (at) {
    at += strlen("\"cniVersion\"");
    at += strspn(at, " \t\r\n:");
    size_t length = *at == '"' ? strspn(at + 1, "0123456789.") : 0;
    if (length > 0 && length < sizeof version && at[1 + length] == '"') return memcpy(version, at + 1, length);
  }
  return "1.0.0";
}

static int print_error(int code, const char *message) {
  for (char *c = reason; *c; c++)
    if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') *c = '?';
  printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n", spec_version(), code, message, reason);
  return 1;
}

/* Path from the environment, else from the first line of a file beside the executable, else the default. */
static void find_path(char *out, const char *environment, const char *file, const char *standard) {
  const char *given = getenv(environment);
  char self[MAX_PATH], beside[MAX_PATH + 64];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  snprintf(out, MAX_PATH, "%s", given && *given ? given : standard);
  if ((given && *given) || length < 0) return;
  self[length] = 0;
  char *slash = strrchr(self, '/');
  if (slash) *slash = 0;
  snprintf(beside, sizeof beside, "%s/%s", self, file);
  FILE *stream = fopen(beside, "re");
  if (!stream) return;
  char line[MAX_PATH];
  if (fgets(line, sizeof line, stream)) {
    line[strcspn(line, "\r\n")] = 0;
    if (*line) strcpy(out, line);
  }
  fclose(stream);
}

static int append(const char *bytes, size_t length) {
  if (request_length + length > MAX_REQUEST) return fail("environment and standard input exceed %d bytes", MAX_REQUEST);
  memcpy(request + request_length, bytes, length);
  request_length += length;
  return 0;
}

static int gather_request(void) {
  if (append("heddle-cni/1", sizeof "heddle-cni/1")) return -1;
  for (char **entry = environ; *entry; entry++)
    if (!strncmp(*entry, "CNI_", 4) && append(*entry, strlen(*entry) + 1)) return -1;
  if (append("", 1)) return -1;
  stdin_start = request_length;
  for (;;) {
    char chunk[65536];
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (poll(&input, 1, left_ms()) == 0) return fail("standard input did not end within %d ms", timeout_ms);
    ssize_t length = read(0, chunk, sizeof chunk);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (length <= 0) return 0;
    if (append(chunk, (size_t)length)) return -1;
  }
}

static void limit(int fd) {
  struct timeval left = {.tv_sec = left_ms() / 1000, .tv_usec = left_ms() % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof left);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof left);
}

/* Length of the agent's response, exit code included, or -1 with a reason. Sets `accepted` once the call was sent. */
static ssize_t ask_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return fail("socket path %.200s is too long", path);
  strcpy(address.sun_path, path);
  static int fd = -1;
  if (fd >= 0) close(fd);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("cannot make a socket: %s", strerror(errno));
  limit(fd);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) return fail("cannot reach %s: %s", path, strerror(errno));
  for (size_t sent = 0; sent < request_length;) {
    limit(fd);
    ssize_t length = send(fd, request + sent, request_length - sent, MSG_NOSIGNAL);
    if (length < 0) return fail("cannot send the call to the agent at %s: %s", path, strerror(errno));
    sent += (size_t)length;
  }
  shutdown(fd, SHUT_WR);
  accepted = 1;
  for (size_t got = 0;;) {
    limit(fd);
    ssize_t length = now_ms() < deadline_ms ? recv(fd, answer + got, MAX_ANSWER - got, 0) : (errno = EAGAIN, -1);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return fail("agent at %s did not answer within %d ms", path, timeout_ms);
    if (length < 0) return fail("cannot read from the agent at %s: %s", path, strerror(errno));
    got += (size_t)length;
    if (length == 0) return got > 0 ? (ssize_t)got : fail("agent at %s closed the connection without an answer", path);
  }
}

static void make_directories(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
  }
  mkdir(path, 0755);
}

/* Hash of the attachment (FNV-1a, 64 bit), so that a repeated DEL replaces its own file. All GC calls share one file. */
static uint64_t attachment_hash(int is_del) {
  uint64_t hash = 14695981039346656037ull;
  char text[8192];
  const char *container = is_del ? variable("CNI_CONTAINERID") : "", *ifname = is_del ? variable("CNI_IFNAME") : "";
  int length = snprintf(text, sizeof text, "%s\n%s", container, ifname);
  for (int i = 0; i < length && i < (int)sizeof text - 1; i++) hash = (hash ^ (unsigned char)text[i]) * 1099511628211ull;
  return hash;
}

static int write_deferred_delete(int is_del) {
  char spool[MAX_PATH], temporary[MAX_PATH + 64], final[MAX_PATH + 64];
  find_path(spool, "HEDDLE_CNI_SPOOL", "heddle-cni.spool", "/var/lib/heddle/deferred-deletes");
  make_directories(spool);
  snprintf(temporary, sizeof temporary, "%s/.tmp-%ld-%lld", spool, (long)getpid(), (long long)now_ms());
  snprintf(final, sizeof final, "%s/%s-%016llx", spool, is_del ? "del" : "gc", (unsigned long long)attachment_hash(is_del));
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  int bad = write(fd, request, request_length) != (ssize_t)request_length;
  bad |= fsync(fd) | close(fd);
  if (bad || rename(temporary, final)) return unlink(temporary), -1;
  fd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) fsync(fd), close(fd);
  return 0;
}

static int answer_without_agent(void) {
  const char *command = variable("CNI_COMMAND");
  int is_del = !strcmp(command, "DEL");
  if (!strcmp(command, "VERSION")) {
    printf("{\"cniVersion\":\"%s\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n", spec_version());
    return 0;
  }
  if (is_del || !strcmp(command, "GC")) {
    const char *outcome = write_deferred_delete(is_del) ? "could not be deferred, its file cannot be written"
                                                        : "is deferred, the next agent performs it";
    fprintf(stderr, "heddle-cni: agent not reachable (%s); %s %s\n", reason, command, outcome);
    return 0;
  }
  if (!strcmp(command, "STATUS")) return print_error(50, "heddle agent is not reachable");
  return print_error(11, "try again later: heddle agent is not reachable");
}

/* The CNI code 11 as the agent writes it. */
static int is_try_again_later(ssize_t length) {
  answer[length] = 0;
  return answer[0] == 1 && strstr(answer + 1, "\"code\":11,");
}

int main(void) {
  char path[MAX_PATH];
  int is_add = !strcmp(variable("CNI_COMMAND"), "ADD");
  timeout_ms = atoi(variable("HEDDLE_CNI_TIMEOUT_MS"));
  if (timeout_ms <= 0) timeout_ms = DEFAULT_TIMEOUT_MS;
  deadline_ms = now_ms() + timeout_ms;
  if (gather_request()) return print_error(6, "cannot read the call");
  find_path(path, "HEDDLE_CNI_SOCKET", "heddle-cni.socket", "/run/heddle/cni.sock");
  ssize_t length;
  for (;;) {
    length = ask_agent(path);
    int may_come = length < 0 ? accepted || is_add : is_add && is_try_again_later(length);
    int pause_ms = length < 0 ? RETRY_MS : NOT_READY_RETRY_MS;
    if (!may_come || left_ms() <= pause_ms) break;
    nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
  }
  if (length < 0) return answer_without_agent();
  fwrite(answer + 1, 1, (size_t)length - 1, stdout);
  return (unsigned char)answer[0];
}
