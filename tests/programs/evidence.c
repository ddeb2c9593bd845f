/*
 * evidence - judges failures by each row of the table, and prints those that are judged otherwise
 */
#include "../../src/plan.h"

#include "../../src/answer.h"

/* In podman's place: answers from a row. */
static int answer_by_row(const struct plan *plan, enum request kind, const char *about,
			 const char **answer);

#define ask_podman answer_by_row
#include "../../src/evidence.c"

#define X16(digit)                                                                                 \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit  \
	    digit
#define X64(digit) X16(digit) X16(digit) X16(digit) X16(digit)
#define A X64("a")
#define B X64("b")
#define C X64("0")

#define WRITE                                                                                      \
	"crun: write to `/proc/sys/net/ipv4/ping_group_range`: Invalid argument: OCI runtime "     \
	"error"
#define OF(id) "Error: preparing container " id " for attach: " WRITE
#define START_OF(id)                                                                               \
	"Error: unable to start container " id ": preparing container " id " for attach: " WRITE
#define DETACHED "Error: " WRITE

/* events */
#define CREATE(id) "create " id " 0\n"
#define REMOVE_OF(id) "remove " id " 0\n"
#define STARTED(id) "start " id " 0\n"
#define DIED(id, status) "died " id " " status "\n"

/* containers, with @ and # for the separators: never started, called n, on pasta, made by `podman
 * run im x`, but for what is said */
#define LINE(id, started, created, pasta, name, error, command)                                    \
	id " " started " " created " 0 " pasta " false " name "@" error command "#\n"
#define NEEDS(id, needed) id " -62135596800 1 " needed " false false n@" COMMAND "#\n"
#define COMMAND "@podman@run@im@x"
#define LEFT(id) LINE(id, "-62135596800", "1", "true", "n", "", COMMAND)
#define HAS_RUN(id) LINE(id, "1795652819", "1", "true", "n", "", COMMAND)
#define MADE_BY(id, command) LINE(id, "-62135596800", "1", "true", "n", "", command)
#define BY_NAME "@podman@run@-d@--name=n@im@x"
#define NAMELESS "@podman@run@-d@im@x"
/* the message of DETACHED, as podman keeps it */
#define FAILED(id, created) LINE(id, "-62135596800", created, "true", "any", WRITE, NAMELESS)
#define ON_BRIDGE(id) LINE(id, "-62135596800", "1", "false", "n", "", COMMAND)

#define RUN "run im x"
#define RUN_RM "run --rm im x"

/* What is not known yet is NULL. */
static const struct row {
	const char *words, *message, *events, *list, *containers, *verdict;
} table[] = {
	/* an attached run: its events, then what was left */
	{ RUN, DETACHED, NULL, NULL, NULL, "no: the message names no container" },
	{ RUN, OF(X16("a")), NULL, NULL, NULL, "no: the message names no container" },
	{ RUN, OF(A "a"), NULL, NULL, NULL, "no: the message names no container" },
	{ RUN, OF(X64("A")), NULL, NULL, NULL, "no: the message names no container" },
	{ RUN, OF(A), NULL, NULL, NULL, "ask events" },
	{ RUN, OF(A), CREATE(A), NULL, NULL, "ask container: " A },
	{ RUN, OF(A), CREATE(A), NULL, LEFT(A), "remove " A },
	{ RUN, OF(A), CREATE(B) CREATE(A) STARTED(B) DIED(B, "0"), NULL, LEFT(A), "remove " A },
	{ RUN, OF(A), CREATE(B) STARTED(B) DIED(B, "126") CREATE(A), NULL, LEFT(A), "remove " A },
	{ RUN_RM, OF(A), CREATE(A) REMOVE_OF(A), NULL, NULL, "retry" },
	{ RUN_RM, OF(A), CREATE(A) REMOVE_OF(A) CREATE(B) STARTED(B), NULL, NULL, "retry" },
	{ "container run --rm=true im x", OF(A), CREATE(A) REMOVE_OF(A), NULL, NULL, "retry" },
	/* podman has not removed it */
	{ RUN_RM, OF(A), CREATE(A), NULL, NULL, "ask container: " A },
	{ RUN_RM, OF(A), CREATE(A), NULL, MADE_BY(A, "@podman@run@--rm@im@x"), "remove " A },
	/* nobody but podman removes what was never started */
	{ RUN, OF(A), CREATE(A) REMOVE_OF(A), NULL, NULL, "no: the container has been removed" },
	{ "run --rm=false im x", OF(A), CREATE(A) REMOVE_OF(A), NULL, NULL,
	  "no: the container has been removed" },
	/* it has run, and tells of itself */
	{ RUN, OF(A), CREATE(A) STARTED(A) DIED(A, "126"), NULL, NULL,
	  "no: the container has started" },
	{ RUN_RM, OF(A), CREATE(A) STARTED(A) DIED(A, "126") REMOVE_OF(A), NULL, NULL,
	  "no: the container has started" },
	{ RUN_RM, OF(A), CREATE(A) "restart " A " 0\n" REMOVE_OF(A), NULL, NULL,
	  "no: the container has started" },
	{ RUN_RM, OF(A), CREATE(A) "restore " A " 0\n" REMOVE_OF(A), NULL, NULL,
	  "no: the container has started" },
	{ RUN_RM, OF(A), CREATE(A) DIED(A, "0") REMOVE_OF(A), NULL, NULL,
	  "no: the container has started" },
	{ RUN, OF(A), CREATE(A), NULL, HAS_RUN(A), "no: the container has started" },
	/* of another, which never started, and has ended as podman did */
	{ RUN, OF(A), CREATE(A) CREATE(B) STARTED(B) DIED(B, "126"), NULL, LEFT(A),
	  "no: another container has ended with this exit status" },
	{ RUN_RM, OF(A), CREATE(B) CREATE(A) REMOVE_OF(A) STARTED(B) DIED(B, "126") REMOVE_OF(B),
	  NULL, NULL, "no: another container has ended with this exit status" },
	{ RUN_RM, OF(A), CREATE(A) REMOVE_OF(A) DIED(B, "125"), NULL, NULL, "retry" },
	/* of one that this command line has not made */
	{ RUN, OF(A), CREATE(A), NULL, MADE_BY(A, "@podman@run@im@y"),
	  "no: another command line has created the container" },
	{ RUN, OF(A), CREATE(A), NULL, MADE_BY(A, "@podman@run@im"),
	  "no: another command line has created the container" },
	{ RUN, OF(A), CREATE(A), NULL, MADE_BY(A, "@podman@run@im@x@y"),
	  "no: another command line has created the container" },
	{ RUN, OF(A), CREATE(A), NULL, MADE_BY(A, ""),
	  "no: another command line has created the container" },
	{ RUN, OF(A), CREATE(A), NULL, MADE_BY(A, "@/bin/podman@run@im@x"), "remove " A },
	{ RUN, OF(A), CREATE(A), NULL, LEFT(B), "no: the message does not name the container" },
	{ RUN, OF(A), CREATE(A), NULL, LINE(B, "-62135596800", "1", "false", A, "", COMMAND),
	  "no: the message does not name the container" },
	/* of one that is not known, or none is */
	{ RUN_RM, OF(C), CREATE(A) REMOVE_OF(A), NULL, NULL,
	  "no: podman's events do not tell of the container" },
	{ RUN_RM, OF(A), REMOVE_OF(A), NULL, NULL,
	  "no: podman's events do not tell of the container" },
	{ RUN_RM, OF(A), "", NULL, NULL, "no: podman's events do not tell of the container" },
	{ RUN, OF(A), CREATE(A), NULL, "",
	  "no: podman does not tell of the container in the form asked for" },
	/* answers of another form */
	{ RUN, OF(A), "ok\n", NULL, NULL, "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "create", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "create " A " 0", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "create " A " 0 0\n", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "create " X16("a") " 0\n", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "create " A " \n", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "died 0\n", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), "create " X64("x") " 0\n" CREATE(A), NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A) "\n", NULL, NULL,
	  "no: podman's events are not in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, LEFT(A) LEFT(A),
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, LEFT(A) "\n",
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, LINE(A, "", "1", "false", "n", "", COMMAND),
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, LINE(A, "1", "x", "false", "n", "", COMMAND),
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, A " 1 1 0 false n@" COMMAND "\n",
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, A " 1 1 0 false n@" COMMAND "#",
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, A " 1 1 0 false n#\n",
	  "no: podman does not tell of the container in the form asked for" },
	{ RUN, OF(A), CREATE(A), NULL, X16("a") " 1 1 0 false n@" COMMAND "#\n",
	  "no: podman does not tell of the container in the form asked for" },
	/* what else podman starts */
	{ "run --requires m im x", OF(A), NULL, NULL, NULL,
	  "no: what the container needs would be started again" },
	{ "run -d --requires=m im x", DETACHED, NULL, NULL, NULL,
	  "no: what the container needs would be started again" },
	{ "run -d --pid container:m im x", DETACHED, NULL, NULL, NULL,
	  "no: what the container needs would be started again" },
	{ "run -d --rm --ipc=container:m im x", DETACHED, NULL, NULL, NULL,
	  "no: what the container needs would be started again" },
	{ "run -d --uts=container:m im x", DETACHED, NULL, NULL, NULL,
	  "no: what the container needs would be started again" },
	/* but not what only looks like it */
	{ "run -d --rm im/devcontainer:1 x", DETACHED, NULL, NULL, NULL, "retry" },
	{ "run -d --rm -e U=http://mycontainer:1 im x", DETACHED, NULL, NULL, NULL, "retry" },
	{ "run -d --rm im x --requires", DETACHED, NULL, NULL, NULL, "retry" },
	{ "run -d --rmi im x", DETACHED, NULL, NULL, NULL, "retry" },
	/* detached: nothing has run; what is left has a name, */
	{ "run -d --rm im x", DETACHED, NULL, NULL, NULL, "retry" },
	{ "run -d --name=n im x", DETACHED, NULL, NULL, NULL, "ask container: n" },
	{ "run -d --name=n im x", DETACHED, NULL, NULL, MADE_BY(A, BY_NAME), "remove " A },
	{ "run -d --name=n im x", DETACHED, NULL, NULL,
	  LINE(A, "-62135596800", "1", "true", "nn", "", BY_NAME),
	  "no: podman does not tell of the container that has the name" },
	{ "run -d --name=n im x", DETACHED, NULL, NULL, LEFT(A),
	  "no: podman does not tell of the container that has the name" },
	{ "run -d --name=n im x", DETACHED, NULL, NULL, HAS_RUN(A),
	  "no: podman does not tell of the container that has the name" },
	{ "run -d --rm --name=n im x", DETACHED, NULL, NULL, "", "retry" },
	{ "run -d --name= im x", DETACHED, NULL, NULL, NULL, "ask created" },
	/* or is the newest of its like */
	{ "run -d im x", DETACHED, NULL, NULL, NULL, "ask created" },
	{ "run -d im x", DETACHED, NULL, "", NULL, "retry" },
	{ "run -d im x", DETACHED, NULL, A "\n" B "\n", NULL, "ask container: " A "\n" B "\n" },
	{ "run -d im x", DETACHED, NULL, A "\n", FAILED(A, "1"), "remove " A },
	{ "run -d im x", DETACHED, NULL, A "\n" B "\n", FAILED(A, "2") FAILED(B, "1"),
	  "remove " A },
	{ "run -d im x", DETACHED, NULL, A "\n" B "\n", FAILED(A, "1") FAILED(B, "2"),
	  "remove " B },
	{ "run -d im x", DETACHED, NULL, A "\n" B "\n", LEFT(B) FAILED(A, "1") HAS_RUN(B),
	  "remove " A },
	{ "run -d im x", "Error: crun: ping_group_range: OCI", NULL, A "\n", FAILED(A, "1"),
	  "retry" },
	{ "run -d im x", DETACHED, NULL, A "\n",
	  LINE(A, "1795652819", "1", "true", "any", WRITE, NAMELESS), "retry" },
	{ "run -d im y", DETACHED, NULL, A "\n", FAILED(A, "1"), "retry" },
	{ "run -d im x", DETACHED, NULL, A "\n", MADE_BY(A, NAMELESS), "retry" },
	{ "run -d im x", DETACHED, NULL, A "\n", "", "retry" },
	{ "run -d im x", DETACHED, NULL, A "\n", "ok\n", "retry" },
	/* start: by what there is to start */
	{ "start n", DETACHED, NULL, NULL, NULL, "ask container: n" },
	{ "start n", DETACHED, NULL, NULL, HAS_RUN(A), "retry" },
	{ "restart n", DETACHED, NULL, NULL, HAS_RUN(A), "retry" },
	{ "start n", DETACHED, NULL, NULL, "",
	  "no: podman does not tell of the container in the form asked for" },
	{ "start n", DETACHED, NULL, NULL, NEEDS(A, "1"),
	  "no: what the container needs would be started again" },
	{ "restart n", DETACHED, NULL, NULL, NEEDS(A, "1"),
	  "no: what the container needs would be started again" },
	{ "start -a n", START_OF(A), NULL, NULL, NULL, "ask container: n" },
	{ "start -a n", START_OF(A), NULL, NULL, ON_BRIDGE(A), "retry" },
	{ "start -a n", START_OF(A), NULL, NULL, LEFT(A), "mend " A },
	{ "start -a n", START_OF(A), NULL, NULL, HAS_RUN(A), "no: the container has started" },
	{ "start -a n", START_OF(A), NULL, NULL, LEFT(B),
	  "no: the message does not name the container" },
	{ "start -a n", DETACHED, NULL, NULL, LEFT(A),
	  "no: the message does not name the container" },
	{ "start -a n", START_OF(A), NULL, NULL, "ok\n",
	  "no: podman does not tell of the container in the form asked for" },
	/* pods: by all their containers */
	{ "pod start p", DETACHED, NULL, NULL, NULL, "ask pod: pod=p" },
	{ "pod start p", DETACHED, NULL, "true 1795652819\nfalse -62135596800\n", NULL, "retry" },
	{ "pod start p", DETACHED, NULL, "false -62135596800\nfalse 1795652819\n", NULL,
	  "no: a container of the pod has started" },
	{ "pod start p", DETACHED, NULL, "", NULL,
	  "no: podman does not tell of the pod in the form asked for" },
	{ "pod start p", DETACHED, NULL, "false x\n", NULL,
	  "no: podman does not tell of the pod in the form asked for" },
	{ "pod start p", DETACHED, NULL, "false -62135596800\nok\n", NULL,
	  "no: podman does not tell of the pod in the form asked for" },
};

static const struct {
	const char *line;
	bool is_failure;
} lines[] = {
	{ DETACHED, true },
	{ DETACHED "\n", true },
	{ OF(A), true },
	{ START_OF(A), true },
	{ "Error: crun: open `/proc/sys/net/ipv4/ping_group_range`: Permission denied: OCI "
	  "permission denied",
	  true },
	{ "Error: OCI runtime error: runc: write /proc/sys/net/ipv4/ping_group_range: invalid "
	  "argument",
	  true },
	{ WRITE, false },
	{ OF(A) DETACHED, false },
	{ OF(A) "Error: wait for container: EOF", false },
	{ " " DETACHED, false },
	{ "WARN[0000] " DETACHED, false },
	{ "error: ping_group_range OCI", false },
	{ "Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ip_forward", false },
	{ "Error: crun: write to /proc/sys/net/ipv4/ping_group_range", false },
	{ "Error", false },
	{ "Error:", false },
	{ "", false },
};

/* Returns the argv of `podman WORDS`. */
static char **split(const char *words, int *argc)
{
	char **argv = NULL, *rest = text("podman %s", words), *word;

	for (*argc = 0; (word = strsep(&rest, " ")); ++*argc)
		add_word(&argv, word);
	return argv;
}

/* Returns `answer` with podman's separators in it, or NULL. */
static char *separated(const char *answer)
{
	char *copy = answer ? text("%s", answer) : NULL;

	for (char *at = copy; at && (at = strpbrk(at, "@#"));)
		*at = *at == '@' ? '\x1f' : '\x1e';
	return copy;
}

static const struct row *current;
static const char *asked; /* what the row has no answer to */

static int answer_by_row(const struct plan *plan, enum request kind, const char *about,
			 const char **answer)
{
	static const char *const requests[REQUESTS] = { [ASK_EVENTS] = "events",
							[ASK_CREATED] = "created",
							[ASK_POD] = "pod: ",
							[ASK_CONTAINERS] = "container: " };

	(void)plan;
	*answer = kind == ASK_EVENTS       ? current->events
		  : kind == ASK_CONTAINERS ? separated(current->containers)
					   : current->list;
	if (kind == TELL_INIT)
		asked = text("mend %s", about);
	if (!*answer && !asked)
		asked = text("ask %s%s", requests[kind] ? requests[kind] : "", about ? about : "");
	if (!*answer)
		*answer = "";
	return 0;
}

static const char *judge_row(const struct row *row)
{
	struct plan plan = { .way = SUPERVISED };
	struct attempt attempt = { .plan = &plan,
				   .error = row->message + sizeof "Error: " - 1,
				   .status = 126 };
	const char *why_not;
	int argc;

	attempt.argv = split(row->words, &argc);
	plan.line = read_command_line(attempt.argv, argc);
	find_id(row->message, attempt.named);
	current = row;
	asked = NULL;
	why_not = judge(&attempt);
	return asked           ? asked
	       : why_not       ? text("no: %s", why_not)
	       : *attempt.left ? text("remove %s", attempt.left)
			       : "retry";
}

int main(void)
{
	int wrong = 0;

	for (size_t i = 0; i < LENGTH(table); i++) {
		const char *verdict = judge_row(&table[i]);

		if (strcmp(verdict, table[i].verdict) != 0) {
			printf("%s\n%s\nis:     %s\nnot:    %s\n", table[i].words, table[i].message,
			       verdict, table[i].verdict);
			wrong++;
		}
	}
	for (size_t i = 0; i < LENGTH(lines); i++)
		if (is_failure_line(lines[i].line, strlen(lines[i].line)) != lines[i].is_failure) {
			printf("%s\nnot:    %d\n", lines[i].line, lines[i].is_failure);
			wrong++;
		}
	printf("%zu rows, %d wrong\n", LENGTH(table) + LENGTH(lines), wrong);
	return wrong > 0;
}
