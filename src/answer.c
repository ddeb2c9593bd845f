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

/* The events are those of ten minutes by podman's own clock, the volumes those that were made for
   the container. A text is LENGTH:TEXT, as it may hold anything. */
#define EVENTS_FORMAT "--format={{.Status}} {{.ID}} {{.ContainerExitCode}}"
#define POD_FORMAT "--format={{.IsInfra}} {{.StartedAt}}"
#define CONTAINERS_FORMAT                                                                          \
	"--format={{.Id}} {{.State.StartedAt.Unix}} {{.Created.UnixNano}} {{len .Dependencies}} "  \
	"{{len .Pod}} {{eq .HostConfig.NetworkMode \"pasta\"}} "                                   \
	"{{len .Name}}:{{.Name}},{{len .State.Error}}:{{.State.Error}},"                           \
	"{{len .Config.CreateCommand}}:"                                                           \
	"{{range .Config.CreateCommand}}{{len .}}:{{.}},{{end}}"

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

const char *find_id(const char *text, char *id)
{
	size_t digits;

	while ((digits = strspn(text, "0123456789abcdef")) != ID_LENGTH && *text)
		text += digits ? digits : 1;
	snprintf(id, ID_LENGTH + 1, "%s", text);
	return text;
}

/* These read what is at `*at`, and move it on. They return false if it is not there. */

static bool take_id(const char **at, char *id)
{
	if (find_id(*at, id) != *at || !*id || (*at)[ID_LENGTH] != ' ')
		return false;
	*at += ID_LENGTH + 1;
	return true;
}

static bool take_number(const char **at, char end, long long *number)
{
	char *after;

	*number = strtoll(*at, &after, 10);
	if (after == *at || *after != end)
		return false;
	*at = after + 1;
	return true;
}

static bool take_word(const char **at, struct span *word)
{
	*word = (struct span){ *at, strcspn(*at, " \n") };
	if ((*at)[word->length] != ' ')
		return false;
	*at += word->length + 1;
	return true;
}

static bool take_text(const char **at, struct span *text)
{
	long long length;

	if (!take_number(at, ':', &length) || length < 0)
		return false;
	*text = (struct span){ *at, (size_t)length };
	if (strnlen(*at, text->length) < text->length || (*at)[text->length] != ',')
		return false;
	*at += text->length + 1;
	return true;
}

bool is_text(struct span span, const char *text)
{
	return strlen(text) == span.length && memcmp(span.begin, text, span.length) == 0;
}

bool take_event(const char **at, struct event *event)
{
	return take_word(at, &event->kind) && take_id(at, event->id) &&
	       take_number(at, '\n', &event->status);
}

bool take_pods_container(const char **at, bool *is_infra, long long *started)
{
	struct span word;

	if (!take_word(at, &word) || !take_number(at, '\n', started))
		return false;
	*is_infra = is_text(word, "true");
	return *is_infra || is_text(word, "false");
}

bool take_container(const char **at, char **argv, struct container *container)
{
	long long words;

	if (!take_id(at, container->id) || !take_number(at, ' ', &container->started) ||
	    !take_number(at, ' ', &container->created) ||
	    !take_number(at, ' ', &container->needed) ||
	    !take_number(at, ' ', &container->pod_length) || !take_word(at, &container->on_pasta) ||
	    !take_text(at, &container->name) || !take_text(at, &container->error) ||
	    !take_number(at, ':', &words))
		return false;
	container->is_ours = true;
	for (long long i = 0; i < words; i++) {
		struct span word;

		if (!take_text(at, &word))
			return false;
		if (!*argv || (i > 0 && !is_text(word, *argv)))
			container->is_ours = false;
		argv += *argv != NULL;
	}
	if (*argv)
		container->is_ours = false;
	return *(*at)++ == '\n';
}

int ask_podman(const struct plan *plan, enum request kind, const char *about, const char **answer)
{
	static char *answers[REQUESTS];
	char **argv = NULL, *lines = text("%s", about ? about : "");
	struct question question = { .timeout = QUESTION_TIMEOUT };
	int status;

	add_word(&argv, text("%s", plan->podman.path));
	for (char **word = plan->line.repeated; word && *word; word++)
		add_word(&argv, *word);
	for (const char *const *word = request_words[kind]; *word; word++)
		add_word(&argv, text("%s", *word));
	for (char *rest = lines, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			add_word(&argv, line);
	if (!answers[kind] && !(answers[kind] = malloc(ANSWER_SIZE)))
		die_without_memory();
	question.arguments = argv;
	question.stream = kind == TELL_INIT ? STDERR_FILENO : STDOUT_FILENO;
	status = ask(&question, answers[kind], ANSWER_SIZE);
	trace("podman %s %s: %d", request_words[kind][0], request_words[kind][1], status);
	*answer = status < 0 ? "" : answers[kind];
	return status;
}
