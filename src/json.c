/*
 * JSON, of which only the structure is read: RFC 8259. Nothing is copied, and no number understood.
 */
#include "shim.h"

#include "json.h"
#include "text.h"

const char *json_after(const char *at, char mark)
{
	static const char space[] = " \t\r\n";

	if (at)
		at += strspn(at, space);
	return at && *at == mark ? at + 1 + strspn(at + 1, space) : NULL;
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
	return depth < 0 ? at - 1 : at; /* the bracket behind it is not part of a number */
}

bool is_json_string(const char *at, const char *text)
{
	const char *rest = at && *at == '"' ? skip_prefix(at + 1, text) : NULL;

	return rest && *rest == '"';
}

const char *json_member(const char *at, const char *name)
{
	at = json_after(at, '{');
	while (at && *at == '"') {
		const char *value = json_after(skip_json_string(at), ':');

		if (!value || is_json_string(at, name))
			return value;
		at = json_after(skip_json(value), ',');
	}
	return NULL;
}
