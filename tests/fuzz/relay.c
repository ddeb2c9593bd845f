/*
 * fuzz-relay - the relay of podman's stderr under libFuzzer (`make fuzz`)
 *
 * Each line of the input begins with what happens: w: podman writes its rest, and a newline; p: no
 * newline; b: 5,000 bytes more; t: a second passes; o: the relay's turn; e: podman ends, and is
 * repeated if that is the failure. What has come out, and what is held, is at any time what has
 * come in, but for failures; and nothing is held that is not the last line, or for longer than
 * HOLD_TIME.
 */
#include "fuzz.h"

#include "../../src/file.h"

static long long clock_ms;
static int caller[2] = { -1, -1 }; /* the reader's end, and the one that the caller has given */

#define now() clock_ms
#undef STDERR_FILENO
#define STDERR_FILENO caller[1]
#include "../../src/relay.c"

static char came[1 << 20], went[1 << 20];
static size_t came_in, came_out, begin; /* the last: of this attempt */
static size_t out_before;               /* what had come out when podman wrote last, */
static long long wrote;                 /* which was then */

static void write_as_podman(const char *words, size_t length)
{
	const ssize_t count = write(relay.podmans_end, words, length);

	out_before = came_out;
	wrote = clock_ms;
	assert(count < 0 || came_in + (size_t)count < sizeof came);
	memcpy(came + came_in, words, count < 0 ? 0 : (size_t)count);
	came_in += count < 0 ? 0 : (size_t)count;
}

/* Returns how much of what has come in is yet to come out. */
static size_t read_as_caller(void)
{
	ssize_t count;

	while ((count = read(caller[0], went + came_out, sizeof went - came_out)) > 0)
		came_out += (size_t)count;
	assert(came_out <= came_in && memcmp(came, went, came_out) == 0);
	return came_in - came_out;
}

/* Podman has ended: nothing but the last line, and only if it may be the failure, is held. Returns
   whether podman is repeated. */
static bool end_podman(bool may_repeat)
{
	const char *failure, *held;
	size_t left;

	drain_relay(-1);
	left = read_as_caller();
	held = came + came_out;
	assert(!left || came_out == begin || held[-1] == '\n');
	assert(!memchr(held, '\n', left) || held[left - 1] == '\n');
	assert(memcmp(held, "Error:", left < 6 ? left : 6) == 0);
	failure = last_failure();
	/* what was held for too long has come out, but tells of the failure all the same */
	assert(!failure || !left || strncmp(failure, held, strlen(failure)) == 0);
	if (may_repeat && failure) {
		came_in = begin = out_before = came_out;
		forget_failure();
		return true;
	}
	show_failure();
	assert(read_as_caller() == 0);
	return false;
}

static void take_turn(void)
{
	size_t line = came_in - (came_in > 0);
	sigset_t waiting;

	sigemptyset(&waiting);
	relay_once(clock_ms, &waiting);
	read_as_caller();
	/* the failure, if it has just come, is held */
	while (line > out_before && came[line - 1] != '\n')
		line--;
	if (wrote == clock_ms && line > out_before && is_failure_line(came + line, came_in - line))
		assert(came_out <= line);
}

static void try_input(char *input, size_t size)
{
	static char much[5000];
	char *line;

	(void)size;
	assert(pipe(caller) == 0 && fcntl(caller[1], F_SETPIPE_SZ, 1 << 20) > 0);
	fcntl(caller[0], F_SETFL, O_NONBLOCK);
	relay.source = relay.podmans_end = CLOSED;
	forget_failure();
	came_in = came_out = begin = 0;
	assert(!open_relay(true));
	fcntl(relay.podmans_end, F_SETFL, O_NONBLOCK);
	memset(much, 'x', sizeof much);
	for (int turn = 0; turn < 150 && (line = strsep(&input, "\n")); turn++) {
		if (*line == 'w' || *line == 'p')
			write_as_podman(line + 1, strlen(line + 1));
		if (*line == 'w')
			write_as_podman("\n", 1);
		else if (*line == 'b')
			write_as_podman(much, sizeof much);
		else if (*line == 't')
			clock_ms += 1000;
		if (*line == 'o' || *line == 't') /* the relay waits no longer than HOLD_TIME */
			take_turn();
		else if (*line == 'e' && !end_podman(true))
			break;
	}
	end_podman(false);
	close_fd(&relay.source);
	close_fd(&relay.podmans_end);
	if (relay.target != caller[1])
		close_fd(&relay.target);
	close(caller[0]);
	close(caller[1]);
}
