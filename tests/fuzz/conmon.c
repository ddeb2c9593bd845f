/*
 * fuzz-conmon - what conmon's part reads, under libFuzzer (`make fuzz`)
 *
 * Up to a form feed, a line of the input is an argument of conmon's; the rest is the OCI runtime's
 * config.json. Of the arguments only the runtime may be replaced, and the two for it be added; and
 * what is told of the configuration must stand in it, also behind any other value.
 */
#include "fuzz.h"

#include "../../src/conmon.c"

static char **arguments_of(char *lines)
{
	char **argv = NULL, *line;

	add_word(&argv, text("/bin/conmon"));
	while ((line = strsep(&lines, "\n")))
		add_word(&argv, line);
	return argv;
}

static void try_arguments(char *lines, const char *config)
{
	const struct state state = { .conmon = "/bin/conmon", .retries = 3 };
	char **argv = arguments_of(lines), **changed;
	const struct request request = read_request(argv);
	struct state told;

	if (!request.runtime)
		return;
	changed = step_in(argv, &request, config, &state);
	assert(changed != argv && strcmp(changed[1], "--runtime-arg") == 0);
	assert(read_state(changed[2], &told) && strcmp(told.runtime, *request.runtime) == 0);
	assert(told.passthrough == request.passthrough && told.retries == 3 && !told.conmon);
	for (changed += 3, argv++; *argv; argv++, changed++)
		assert(strcmp(*changed, argv == request.runtime ? runtime_alias() : *argv) == 0);
	assert(!*changed);
}

/* Returns `value` as a string of JSON's. */
static const char *quote(const char *value)
{
	char *quoted = text("\"%*s", 2 * (int)strlen(value) + 1, ""), *to = quoted + 1;

	for (; *value; *to++ = *value++)
		if (strchr("\\\"", *value))
			*to++ = '\\';
	strcpy(to, "\"");
	return quoted;
}

/* Whether the range is set is seen behind `value`, too, and in a string nothing is. */
static void try_value(const char *value)
{
	assert(sets_range(text("{\"a\": %s, \"linux\": {\"x\": %s, \"sysctl\": {"
			       "\"net.ipv4.ping_group_range\": \"0 0\"}}}",
			       value, value)));
	assert(
	    !sets_range(text("{\"a\": %s, \"linux\": {\"sysctl\": {\"x\": %s}}}", value, value)));
}

static void try_input(char *input, size_t size)
{
	const char *config = strchr(input, '\f'), *path, *end;
	const char *value = config ? config + 1 + strspn(config + 1, " \t\r\n") : "";

	(void)size;
	if (config)
		input[config - input] = 0;
	config = value;
	try_arguments(input, config);
	assert(!sets_range(config) || strstr(config, "\"net.ipv4.ping_group_range\""));
	path = own_network(config);
	assert(!path || (strstr(config, path) && strstr(config, "\"network\"")));
	assert(!repeats_hooks(config, "/usr/bin/crun"));
	assert(!repeats_hooks(config, "runc") || strstr(config, "\"hooks\""));
	assert(sets_range(config) == sets_range(text(" \n%s", config)));
	end = skip_json(value);
	if (end && end > value && !*end && strchr("[{\"", *value))
		try_value(value);
	try_value(quote(value));
}
