/*
 * command - the shim's reader of command lines, by itself
 *
 * Reads command lines from standard input, a newline after each argument and a zero byte after each
 * line. Prints how the shim reads each: how many arguments there are up to the image, what
 * reading() says, and a zero byte.
 *
 *     command plan       prints the plan for each instead, and why: "PLAN: REASON"
 *     command tables     prints what the shim knows instead, a line each: "command WORDS" or
 *                        "TABLE NAME LETTER VALUE|NOTHING", LETTER "-" if there is none
 */
#include "../../src/plan.h"
#include "../../src/settings.h"

#include "reading.h"

static void print_words(const char *table, const char *words, const char *takes)
{
	char *rest = text("%s", words), *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			printf("%s %.*s %s %s\n", table, (int)strcspn(word, ","), word,
			       strchr(word, ',') ? strchr(word, ',') + 1 : "-", takes);
}

static void print_table(const char *table, const struct options *options)
{
	for (const struct option *row = options->rows; row->names; row++)
		print_words(table, row->names, row->kind >= VALUE ? "VALUE" : "NOTHING");
}

static int print_tables(void)
{
	print_table("global", &global_options);
	print_table("persistent", &persistent_options);
	print_table("run", &run_options);
	print_table("start", &start_options);
	print_table("restart", &restart_options);
	for (const struct command *command = command_table; command->words; command++)
		printf("command %s\n", command->words);
	return 0;
}

/* In a process of its own: the shim decides once. */
static void print_plan(char **argv, int argc)
{
	if (fork() == 0) {
		struct plan plan;

		read_settings();
		plan = decide(argv, argc);
		printf("%s: %s%c", plan_name(&plan), plan.reason, 0);
		exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	char *content = NULL;
	size_t size = 0;

	if (strcmp(what, "tables") == 0)
		return print_tables();
	while (getdelim(&content, &size, 0, stdin) > 0) {
		char **words = NULL, *rest = content, *word;
		int count = 0;

		while ((word = strsep(&rest, "\n")) && rest) {
			add_word(&words, word);
			count++;
		}
		if (strcmp(what, "plan") == 0)
			print_plan(words, count);
		else
			printf("image_at=%d\n%s%c", first_operand(words, count),
			       reading(words, count), 0);
	}
	return 0;
}
