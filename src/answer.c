/*
 * What podman is asked about containers, and how its answers are read. They are taken literally: an
 * answer in another form is none.
 */
#include "shim.h"

#include "answer.h"
#include "ask.h"
#include "message.h"
#include "text.h"

#define QUESTION_TIMEOUT 10000 /* ms */
#define ANSWER_SIZE (4 << 20)  /* bytes: the events of ten busy minutes */

/* The events are those of ten minutes by podman's own clock. What may hold anything is between
   ASCII's own separators, which are in no command line. */
#define UNIT "\x1f"
#define END_OF_RECORD "\x1e\n"
#define EVENTS_FORMAT "--format={{.Status}} {{.ID}} {{.ContainerExitCode}}"
#define POD_FORMAT "--format={{.IsInfra}} {{.StartedAt}}"
#define CONTAINERS_FORMAT                                                                          \
	"--format={{.Id}} {{.State.StartedAt.Unix}} {{.Created.UnixNano}} {{len .Dependencies}} "  \
	"{{eq .HostConfig.NetworkMode \"pasta\"}} {{or .Config.OpenStdin .Config.Tty}} "           \
	"{{.Name}}" UNIT "{{.State.Error}}"                                                        \
	"{{range .Config.CreateCommand}}" UNIT "{{.}}{{end}}\x1e"

/* Behind the words comes whom they are about. */
static const char *const request_words[REQUESTS][12] = {
	[ASK_EVENTS] = { "events", "--stream=false", "--since=10m", "--filter=type=container",
			 "--filter=event=create", "--filter=event=remove", "--filter=event=start",
			 "--filter=event=restart", "--filter=event=restore", "--filter=event=died",
			 EVENTS_FORMAT },
	[ASK_CREATED] = { "ps", "--all", "--no-trunc", "--quiet", "--filter=status=created" },
	[ASK_POD] = { "ps", "--all", POD_FORMAT, "--filter" },
	[ASK_CONTAINERS] = { "container", "inspect", CONTAINERS_FORMAT, "--" },
	[ASK_SYSTEM] = { "version", "--format={{.Client.OsArch}}" },
	[TELL_REMOVE] = { "rm", "--volumes", "--ignore", "--" },
	[TELL_INIT] = { "container", "init", "--" },
	[TELL_STOP] = { "container", "stop", "--time=0", "--filter=status=initialized",
			"--filter" },
};

void find_id(const char *text, char *id)
{
	size_t digits;

	while ((digits = strspn(text, "0123456789abcdef")) != ID_LENGTH && *text)
		text += digits ? digits : 1;
	snprintf(id, ID_LENGTH + 1, "%s", text);
}

/* Returns a copy of what is at `*at`, as far as `end`, and moves it on; NULL if there is no end. */
static char *take_record(const char **at, const char *end)
{
	const char *begin = *at, *last = strstr(begin, end);

	if (!last)
		return NULL;
	*at = last + strlen(end);
	return text("%.*s", (int)(last - begin), begin);
}

bool take_event(const char **at, struct event *event)
{
	char *line = take_record(at, "\n");
	int end = 0;
	const bool taken = line && sscanf(line, "%15s %64[0-9a-f] %lld%n", event->kind, event->id,
					  &event->status, &end) == 3;
	const bool whole = taken && !line[end] && strlen(event->id) == ID_LENGTH;

	free(line);
	return whole;
}

bool take_pods_container(const char **at, bool *is_infra, long long *started)
{
	char *line = take_record(at, "\n"), word[6];
	int end = 0;

	if (!line || sscanf(line, "%5s %lld%n", word, started, &end) != 2 || line[end])
		return false;
	*is_infra = strcmp(word, "true") == 0;
	return *is_infra || strcmp(word, "false") == 0;
}

bool take_container(const char **at, char **argv, struct container *container)
{
	char *rest = take_record(at, END_OF_RECORD), *word, pasta[6], stdin_open[6];
	int end = 0;

	if (!rest || sscanf(rest, "%64[0-9a-f] %lld %lld %lld %5s %5s %n", container->id,
			    &container->started, &container->created, &container->needed, pasta,
			    stdin_open, &end) != 6)
		return false;
	container->on_pasta = strcmp(pasta, "true") == 0;
	container->reads_stdin = strcmp(stdin_open, "false") != 0;
	rest += end;
	container->name = strsep(&rest, UNIT);
	container->error = strsep(&rest, UNIT);
	if (strlen(container->id) != ID_LENGTH || !container->error)
		return false;
	word = strsep(&rest, UNIT); /* podman's name, which may differ */
	while (word && *++argv && (word = strsep(&rest, UNIT)) && strcmp(word, *argv) == 0)
		;
	container->is_ours = !*argv && !rest;
	return true;
}

int ask_podman(const struct plan *plan, enum request kind, const char *about, const char **answer)
{
	static char buffer[ANSWER_SIZE];
	char **argv = NULL, *lines = text("%s", about ? about : "");
	struct question question = { .timeout = QUESTION_TIMEOUT, .acts = kind >= TELL_REMOVE };
	int status;

	add_word(&argv, plan->podman.path);
	for (char **word = plan->line.repeated; word && *word; word++)
		add_word(&argv, *word);
	for (const char *const *word = request_words[kind]; *word; word++)
		add_word(&argv, *word);
	for (char *rest = lines, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			add_word(&argv, line);
	question.arguments = argv;
	question.stream = kind == TELL_INIT ? STDERR_FILENO : STDOUT_FILENO;
	question.says_all = kind == ASK_SYSTEM;
	status = ask(&question, buffer, sizeof buffer);
	trace("podman %s %s: %d", request_words[kind][0], request_words[kind][1], status);
	*answer = status < 0 ? "" : buffer;
	return status;
}

bool can_be_asked(const struct plan *plan)
{
	/* what only a reader of templates says, whatever a shell has made of the words */
	static const char *const systems[] = { "linux/", "darwin/", "windows/", "freebsd/" };
	static bool is_known, can;
	const char *answer;
	int status;

	if (!plan->podman.stands_in || plan->version.reads_override)
		return true;
	if (is_known)
		return can;
	/* a podman that fails says why, and never this: to ask for the version starts nothing */
	status = ask_podman(plan, ASK_SYSTEM, NULL, &answer);
	can = status < 0 || (status > 0 && !strstr(answer, "ping_group_range") &&
			     (*answer || plan->version.product == PRODUCT_UNKNOWN));
	for (size_t i = 0; i < LENGTH(systems); i++)
		if (strstr(answer, systems[i]))
			can = true;
	is_known = true;
	return can;
}
