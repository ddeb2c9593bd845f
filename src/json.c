/*
 * JSON, of which only the structure is read: RFC 8259. Nothing is copied, and no number understood.
 */
#include "shim.h"

#include "json.h"
#include "text.h"

const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Returns what follows the string at `at`, or NULL if it has no end. */
static const char *skip_json_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

const char *skip_json(const char *at)
{
	int depth = 0;

	do {
		at += strcspn(at, "\"[]{},");
		if (*at == '"')
			at = skip_json_string(at);
		else if (*at == ',' && !depth)
			return at;
		else if (*at == '[' || *at == '{')
			depth++, at++;
		else if (*at == ']' || *at == '}')
			depth--, at++;
		else if (*at == ',')
			at++;
		else
			return NULL;
	} while (at && depth > 0);
	return depth < 0 ? at - 1 : at;
}

bool is_json_string(const char *at, const char *text)
{
	const char *rest = at && *at == '"' ? skip_prefix(at + 1, text) : NULL;

	return rest && *rest == '"';
}

const char *json_member(const char *at, const char *name)
{
	at = at && *at == '{' ? skip_space(at + 1) : NULL;
	while (at && *at == '"') {
		const bool found = is_json_string(at, name);

		at = skip_json_string(at);
		at = at ? skip_space(at) : NULL;
		if (!at || *at != ':')
			return NULL;
		at = skip_space(at + 1);
		if (found)
			return at;
		at = skip_json(at);
		at = at ? skip_space(at) : NULL;
		at = at && *at == ',' ? skip_space(at + 1) : NULL;
	}
	return NULL;
}
