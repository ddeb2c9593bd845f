/*
 * fuzz-evidence - the judging whether a command may be executed again, under libFuzzer
 * (`make fuzz`)
 *
 * The input has parts that form feeds divide: podman's arguments, a line each; its error; the file
 * of --cidfile; and its answers, in the order of enum request. No question may be asked twice. What
 * is attached may not be repeated unless the answers say what they must, nor where there are none.
 */
#include "fuzz.h"

#include "../../src/command.h"
#include "../../src/evidence.c"

static char *next_part(char **input)
{
	char *part = strsep(input, "\f");

	return part ? part : text("%s", "");
}

/* Judges by `answers`, as prepare_retry does by podman's. */
static struct verdict judge_all(const struct command_line *line, char **argv, struct facts *facts,
				const char *const *answers)
{
	struct verdict verdict;

	memset(facts->answers, 0, sizeof facts->answers);
	while ((verdict = judge(line, argv, facts)).next != JUDGED) {
		assert(!facts->answers[verdict.next]);
		facts->answers[verdict.next] = answers ? answers[verdict.next] : "";
	}
	return verdict;
}

static void try_input(char *input, size_t size)
{
	char named[ID_LENGTH + 1], cidfile[ID_LENGTH + 1], **argv = NULL, *lines, *word;
	struct facts facts = { .status = 126, .id_in_error = named, .id_in_cidfile = cidfile };
	const char *answers[REQUESTS] = { NULL };
	struct command_line line;
	struct verdict verdict;
	int argc = 1;

	(void)size;
	add_word(&argv, text("podman"));
	lines = next_part(&input);
	for (; (word = strsep(&lines, "\n")); argc++)
		add_word(&argv, word);
	facts.error = next_part(&input);
	find_id(facts.error, named);
	find_id(next_part(&input), cidfile);
	for (enum request kind = JUDGED + 1; kind < REQUESTS; kind++)
		answers[kind] = next_part(&input);
	line = read_command_line(argv, argc);
	/* what decide() lets through */
	if (!line.command || line.command->starts != STARTS_AND_RETRIES || line.unknown_option ||
	    (line.command->options != &run_options &&
	     (!line.operands || line.operands[1] || line.cidfile)))
		return;
	verdict = judge_all(&line, argv, &facts, answers);
	assert(verdict.why_not || !*verdict.id || strstr(answers[ASK_CONTAINERS], verdict.id));
	if (!is_attached(&line))
		return;
	assert(verdict.why_not || *named);
	assert(verdict.why_not || line.command->options != &run_options ||
	       (strstr(answers[ASK_EVENTS], text("create %s ", named)) &&
		!strstr(answers[ASK_EVENTS], text("start %s ", named))));
	assert(judge_all(&line, argv, &facts, NULL).why_not);
}
