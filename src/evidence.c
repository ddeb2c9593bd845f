/*
 * Whether a command that has failed may be executed again: nothing of it must have run. What is
 * known of that is podman's message, its exit status, and what podman answers when it is asked. In
 * doubt it has run. The judging is one function of all these; asking and undoing stand below it.
 *
 * A message proves nothing by itself: the container of an attached command writes to the same
 * stderr, and may know of others.
 */
#include "shim.h"

#include "ask.h"
#include "evidence.h"
#include "file.h"
#include "message.h"
#include "settings.h"
#include "text.h"

#define ID_LENGTH 64
#define MOST_CREATED 256       /* containers among which one is searched */
#define NEVER (-62135596800)   /* s: January 1st of year 1, Go's time that is none */
#define QUESTION_TIMEOUT 10000 /* ms */
#define ANSWER_SIZE (1 << 20)  /* bytes: the events of ten busy minutes */

/* What podman is asked, or told to do. */
enum request {
	JUDGED, /* nothing */
	ASK_EVENTS,
	ASK_CREATED,
	ASK_POD,
	ASK_CONTAINERS,
	ASK_TEMPLATE,
	TELL_REMOVE,
	TELL_INIT,
	TELL_STOP,
	REQUESTS,
};

/* The events are those of ten minutes by podman's own clock, the volumes those that were made for
   the container. A text is LENGTH:TEXT, as it may hold anything. */
#define EVENTS_FORMAT "{{.Status}} {{.ID}} {{.ContainerExitCode}}"
#define POD_FORMAT "{{.IsInfra}} {{.StartedAt}}"
#define CONTAINERS_FORMAT                                                                          \
	"{{.Id}} {{.State.StartedAt.Unix}} {{.Created.UnixNano}} {{.HostConfig.NetworkMode}} "     \
	"{{len .Name}}:{{.Name}},{{len .State.Error}}:{{.State.Error}},"                           \
	"{{len .Config.CreateCommand}}:"                                                           \
	"{{range .Config.CreateCommand}}{{len .}}:{{.}},{{end}}"

/* Behind the words comes whom they are about. */
static const char *const request_words[REQUESTS][12] = {
	[ASK_EVENTS] = { "events", "--stream=false", "--since=10m", "--filter=type=container",
			 "--filter=event=create", "--filter=event=remove", "--filter=event=start",
			 "--filter=event=restart", "--filter=event=restore", "--filter=event=died",
			 "--format=" EVENTS_FORMAT },
	[ASK_CREATED] = { "ps", "--all", "--no-trunc", "--quiet", "--filter=status=created" },
	[ASK_POD] = { "ps", "--all", "--format=" POD_FORMAT, "--filter" },
	[ASK_CONTAINERS] = { "container", "inspect", "--format=" CONTAINERS_FORMAT, "--" },
	[ASK_TEMPLATE] = { "version", "--format={{printf \"%x\" \"podman-shim\"}}" },
	[TELL_REMOVE] = { "rm", "--volumes", "--ignore", "--" },
	[TELL_INIT] = { "container", "init", "--" },
	[TELL_STOP] = { "container", "stop", "--time=0", "--filter=status=initialized",
			"--filter" },
};

/* What is known. */
struct facts {
	const char *error;   /* podman's, without what its errors begin with */
	int status;          /* its exit status */
	const char *named;   /* the id in the error, */
	const char *cidfile; /* and in the file of --cidfile; "": none */
	/* to each question: NULL if it was not asked yet, "" if it was not answered */
	const char *answers[REQUESTS];
};

struct verdict {
	enum request next;      /* what is to be asked first; JUDGED: nothing */
	const char *about;      /* about whom, a line each, or NULL */
	const char *why_not;    /* NULL: the command may be executed again, */
	char id[ID_LENGTH + 1]; /* once this container, unless it is "", has been */
	bool mends;             /* mended, or else removed */
};

/* A container, by its line of an answer, into which the texts point. */
struct container {
	char id[ID_LENGTH + 1];
	long long started, created;         /* s and ns, of podman's clock */
	const char *network, *name, *error; /* why its last start has failed */
	size_t network_length, name_length, error_length;
	bool is_ours; /* the command line that has created it is this one */
};

static const char error_prefix[] = "Error:";

static bool contains(const char *line, size_t length, const char *words)
{
	return memmem(line, length, words, strlen(words)) != NULL;
}

bool is_failure_line(const char *line, size_t length)
{
	const size_t prefix = sizeof error_prefix - 1;

	return length > prefix && memcmp(line, error_prefix, prefix) == 0 &&
	       contains(line, length, "ping_group_range") && contains(line, length, "OCI");
}

/* Copies the first id in `text` to `id`, or "" if there is none. Returns where it begins, or the
   end of `text`. */
static const char *find_id(const char *text, char *id)
{
	size_t digits;

	while ((digits = strspn(text, "0123456789abcdef")) != ID_LENGTH && *text)
		text += digits ? digits : 1;
	snprintf(id, ID_LENGTH + 1, "%s", text);
	return text;
}

/* These read what is at `*at`, and move it on. They return false, or NULL, if it is not there. */

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

static const char *take_word(const char **at, size_t *length)
{
	const char *begin = *at;

	*length = strcspn(begin, " \n");
	if (begin[*length] != ' ')
		return NULL;
	*at += *length + 1;
	return begin;
}

static const char *take_text(const char **at, size_t *length)
{
	const char *begin;
	long long size;

	if (!take_number(at, ':', &size) || size < 0)
		return NULL;
	begin = *at;
	*length = (size_t)size;
	if (strnlen(begin, *length) < *length || begin[*length] != ',')
		return NULL;
	*at += *length + 1;
	return begin;
}

static bool is_text(const char *begin, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(begin, text, length) == 0;
}

/* Its command line is compared with `argv`, but for podman's name, which a script may change. */
static bool take_container(const char **at, char **argv, struct container *container)
{
	long long words;

	if (!take_id(at, container->id) || !take_number(at, ' ', &container->started) ||
	    !take_number(at, ' ', &container->created) ||
	    !(container->network = take_word(at, &container->network_length)) ||
	    !(container->name = take_text(at, &container->name_length)) ||
	    !(container->error = take_text(at, &container->error_length)) ||
	    !take_number(at, ':', &words))
		return false;
	container->is_ours = true;
	for (long long i = 0; i < words; i++) {
		size_t length;
		const char *word = take_text(at, &length);

		if (!word)
			return false;
		if (!*argv || (i > 0 && !is_text(word, length, *argv)))
			container->is_ours = false;
		argv += *argv != NULL;
	}
	if (*argv)
		container->is_ours = false;
	return *(*at)++ == '\n';
}

/* Returns why the events do not show that the container of the message was created and has never
   started, and that none has ended with podman's exit status since: that would be the one that has
   told of another. What a list lacks proves nothing: it may have been cut short. */
static const char *judge_events(const struct facts *facts, bool *removed)
{
	bool created = false;

	*removed = false;
	for (const char *at = facts->answers[ASK_EVENTS]; *at;) {
		char id[ID_LENGTH + 1];
		size_t length;
		const char *event = take_word(&at, &length);
		long long status;

		if (!event || !take_id(&at, id) || !take_number(&at, '\n', &status))
			return "podman's events are not in the form asked for";
		if (strcmp(id, facts->named) != 0) {
			if (created && is_text(event, length, "died") && status == facts->status)
				return "another container has ended with this exit status";
		} else if (is_text(event, length, "create")) {
			created = true;
		} else if (is_text(event, length, "remove")) {
			*removed = true;
		} else {
			return "the container has started";
		}
	}
	return created ? NULL : "podman's events do not tell of the container";
}

static struct verdict ask_first(enum request next, const char *about)
{
	return (struct verdict){ .next = next, .about = about };
}

static struct verdict refuse(const char *why_not)
{
	return (struct verdict){ .why_not = why_not };
}

/* Judges what was left, which is called `name` if its `id` is "". */
static struct verdict judge_left(const char *id, const char *name, char **argv,
				 const struct facts *facts)
{
	const char *at = facts->answers[ASK_CONTAINERS];
	struct verdict verdict = { .why_not = NULL };
	struct container left;

	if (!at)
		return ask_first(ASK_CONTAINERS, *id ? id : name);
	if (!take_container(&at, argv, &left) || *at)
		return refuse("podman does not tell of the container in the form asked for");
	/* podman finds a container by the beginning of its id, too, and one has an id for a name */
	if (*id ? strcmp(left.id, id) != 0 : !is_text(left.name, left.name_length, name))
		return refuse("another container answers to its name");
	if (left.started != NEVER)
		return refuse("the container has started");
	if (!left.is_ours)
		return refuse("another command line has created the container");
	memcpy(verdict.id, left.id, sizeof left.id);
	return verdict;
}

static struct verdict judge_attached_run(const struct command_line *line, char **argv,
					 const struct facts *facts)
{
	const char *why_not;
	bool removed;

	if (!*facts->named)
		return refuse("the message names no container");
	if (!facts->answers[ASK_EVENTS])
		return ask_first(ASK_EVENTS, NULL);
	why_not = judge_events(facts, &removed);
	if (!why_not && removed && !line->remove)
		why_not = "the container has been removed";
	return why_not || removed ? refuse(why_not) : judge_left(facts->named, NULL, argv, facts);
}

/* No container writes to a detached podman's stderr: nothing has run. What is left without a name
   is found by its error, or stays. Of several, as other shims leave, it is the newest: each removes
   one for one that it has left. */
static struct verdict judge_detached_run(const struct command_line *line, char **argv,
					 const struct facts *facts)
{
	const char *list = facts->answers[ASK_CREATED], *at = facts->answers[ASK_CONTAINERS];
	struct verdict verdict = { .why_not = NULL };
	long long newest = LLONG_MIN;
	struct container left;

	if (line->remove)
		return verdict;
	if (line->name || *facts->cidfile)
		return judge_left(facts->cidfile, line->name, argv, facts);
	if (!list)
		return ask_first(ASK_CREATED, NULL);
	if (!*list || strlen(list) > MOST_CREATED * (ID_LENGTH + 1))
		return verdict;
	if (!at)
		return ask_first(ASK_CONTAINERS, list);
	while (take_container(&at, argv, &left))
		if (left.started == NEVER && left.is_ours && left.created > newest &&
		    is_text(left.error, left.error_length, facts->error)) {
			newest = left.created;
			memcpy(verdict.id, left.id, sizeof left.id);
		}
	return verdict;
}

/* An attached container must be that of the message, and have never run: one that runs already may
   write that itself. If there is none, as with --rm, there is nothing to start. */
static struct verdict judge_start(const struct command_line *line, char **argv,
				  const struct facts *facts)
{
	const char *at = facts->answers[ASK_CONTAINERS];
	struct verdict verdict = { .why_not = NULL };
	struct container container;

	if (!at)
		return ask_first(ASK_CONTAINERS, line->operands[0]);
	if (!take_container(&at, argv, &container) || *at)
		return refuse("podman does not tell of the container in the form asked for");
	if (!line->attach)
		return verdict;
	if (strcmp(container.id, facts->named) != 0)
		return refuse("the message does not name the container");
	if (container.started != NEVER)
		return refuse("the container has started");
	verdict.mends = is_text(container.network, container.network_length, "pasta");
	memcpy(verdict.id, container.id, verdict.mends ? sizeof container.id : 0);
	return verdict;
}

/* A pod's containers are all started again, also those that have ended. */
static struct verdict judge_pod(const struct command_line *line, const struct facts *facts)
{
	const char *at = facts->answers[ASK_POD];
	long long started;

	if (!at)
		return ask_first(ASK_POD, text("pod=%s", line->operands[0]));
	do {
		const char *infra = skip_prefix(at, "true "), *other = skip_prefix(at, "false ");

		at = infra ? infra : other;
		if (!at || !take_number(&at, '\n', &started))
			return refuse("podman does not tell of the pod in the form asked for");
		if (!infra && started != NEVER)
			return refuse("a container of the pod has started");
	} while (*at);
	return (struct verdict){ .why_not = NULL };
}

static struct verdict judge(const struct command_line *line, char **argv, const struct facts *facts)
{
	if (skip_prefix(line->command->words, "pod "))
		return judge_pod(line, facts);
	if (line->command->options != &run_options)
		return judge_start(line, argv, facts);
	return is_attached(line) ? judge_attached_run(line, argv, facts)
				 : judge_detached_run(line, argv, facts);
}

/* Asks podman, over the same connection, about the lines of `about`, which may be NULL. Returns the
   answer, which the next to this question replaces; NULL if podman fails, is late, or says too
   much. */
static const char *ask_podman(const struct plan *plan, enum request kind, const char *about)
{
	static char answers[REQUESTS][ANSWER_SIZE];
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
	question.arguments = argv;
	question.stream = kind == TELL_INIT ? STDERR_FILENO : STDOUT_FILENO;
	status = ask(&question, answers[kind], ANSWER_SIZE);
	trace("podman %s %s: %d", request_words[kind][0], request_words[kind][1], status);
	/* where containers are gone, the lines of the others are true all the same */
	return status == 0 || (status > 0 && (kind == ASK_CONTAINERS || kind == TELL_INIT))
		   ? answers[kind]
		   : NULL;
}

/* Returns whether a Podman answers. What stands in podman's place, and was not seen to read an
   override, may not be able to: its messages are its own then. It is asked once. */
static bool can_be_asked(const struct plan *plan)
{
	static enum { UNKNOWN, YES, NO } can = UNKNOWN;

	if (!plan->podman.stands_in || plan->version.reads_override)
		return true;
	if (can == UNKNOWN) {
		/* which only a reader of templates makes */
		const char *answer = ask_podman(plan, ASK_TEMPLATE, NULL);

		can = answer && strcmp(answer, "706f646d616e2d7368696d\n") == 0 ? YES : NO;
	}
	return can == YES;
}

/* After `start -a` has failed, Podman 5 with pasta keeps a network that it takes for whole, and
   does not start the container any more ("nil pointer dereference"). To create it, and to take it
   down again, mends that. Creating can fail as before, but starts nothing. Returns NULL, or why it
   could not. */
static const char *mend(const struct plan *plan, const char *id)
{
	for (int tries = 0; tries < settings.retries; tries++) {
		const char *error = ask_podman(plan, TELL_INIT, id);

		if (error && !is_failure_line(error, strlen(error)))
			return ask_podman(plan, TELL_STOP, text("id=%s", id))
				   ? NULL
				   : "the container cannot be taken down";
		nap(settings.backoff);
	}
	return "the container cannot be created";
}

/* Reads the id in the file of --cidfile, or "". */
static void read_cidfile(const char *path, char *id)
{
	size_t length;
	char *content = path ? read_whole(path, ID_LENGTH, &length) : NULL;

	find_id(content ? content : "", id);
	free(content);
}

const char *prepare_retry(const struct plan *plan, char **argv, const struct failure *failure)
{
	const struct command_line *line = &plan->line;
	char named[ID_LENGTH + 1], cidfile[ID_LENGTH + 1];
	struct facts facts = { .status = failure->status, .named = named, .cidfile = cidfile };
	struct verdict verdict;

	if (!can_be_asked(plan))
		return NULL;
	facts.error = failure->message + sizeof error_prefix - 1;
	facts.error += strspn(facts.error, " ");
	find_id(facts.error, named);
	read_cidfile(line->cidfile, cidfile);
	while ((verdict = judge(line, argv, &facts)).next != JUDGED) {
		const char *answer = ask_podman(plan, verdict.next, verdict.about);

		facts.answers[verdict.next] = answer ? answer : "";
	}
	if (verdict.why_not || !*verdict.id)
		return verdict.why_not;
	if (verdict.mends)
		return mend(plan, verdict.id);
	/* not by force: it may have been started by now */
	if (!ask_podman(plan, TELL_REMOVE, verdict.id))
		return "the container that was left cannot be removed";
	if (strcmp(verdict.id, cidfile) == 0 && unlink(line->cidfile) < 0 && errno != ENOENT)
		return "the file with the container's id cannot be removed";
	return NULL;
}
