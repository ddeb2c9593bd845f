/*
 * fuzz-evidence - the judging whether a command may be executed again, under libFuzzer
 * (`make fuzz`)
 *
 * The input has parts that form feeds divide: podman's arguments, a line each; its error; and its
 * answers, in the order of enum request. No more than two questions may be asked. What is attached
 * may not be repeated unless the answers say what they must, nor where there are none.
 */
#include "fuzz.h"

#include "../../src/answer.h"

static const char *answers[REQUESTS];
static int asked;

/* In podman's place: answers by the input. */
static int answer_by_input(const struct plan *plan, enum request kind, const char *about,
			   const char **answer)
{
	(void)plan;
	(void)about;
	*answer = answers[kind];
	assert(kind >= TELL_REMOVE || ++asked <= 2);
	return 0;
}

#define ask_podman answer_by_input
#include "../../src/evidence.c"

static char *next_part(char **input)
{
	char *part = strsep(input, "\f");

	return part ? part : text("%s", "");
}

static const char *judge_input(struct attempt *attempt)
{
	asked = settings.backoff = 0;
	return judge(attempt);
}

static void try_input(char *input, size_t size)
{
	struct plan plan = { .way = SUPERVISED };
	struct attempt attempt = { .plan = &plan, .status = 126 };
	const struct command_line *line = &plan.line;
	const char *why_not;
	char *lines, *word;
	int argc = 1;

	(void)size;
	add_word(&attempt.argv, text("podman"));
	lines = next_part(&input);
	for (; (word = strsep(&lines, "\n")); argc++)
		add_word(&attempt.argv, word);
	attempt.error = next_part(&input);
	find_id(attempt.error, attempt.named);
	for (enum request kind = 0; kind < REQUESTS; kind++)
		answers[kind] = next_part(&input);
	plan.line = read_command_line(attempt.argv, argc);
	/* what decide() lets through */
	if (!line->command || line->command->starts != STARTS_AND_RETRIES || line->unknown_option ||
	    (line->command->options != &run_options &&
	     (!line->operands || line->operands[1] || line->cidfile)))
		return;
	why_not = judge_input(&attempt);
	assert(why_not || !*attempt.left || strstr(answers[ASK_CONTAINERS], attempt.left));
	if (!is_attached(line))
		return;
	assert(why_not || *attempt.named);
	assert(why_not || line->command->options != &run_options ||
	       (strstr(answers[ASK_EVENTS], text("create %s ", attempt.named)) &&
		!strstr(answers[ASK_EVENTS], text("start %s ", attempt.named))));
	for (enum request kind = 0; kind < REQUESTS; kind++)
		answers[kind] = "";
	assert(judge_input(&attempt));
}
