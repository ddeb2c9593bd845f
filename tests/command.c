/*
 * command - the shim's reader of command lines, by itself
 *
 * Reads command lines from standard input, a newline after each argument and a zero byte after each
 * line. Prints how the shim reads each: how many arguments there are up to the image, what
 * reading() says, and a zero byte.
 */
#include "reading.h"

int main(void)
{
	char *content = NULL;
	size_t size = 0;

	while (getdelim(&content, &size, 0, stdin) > 0) {
		char **argv = NULL, *rest = content, *argument;
		int argc = 0;

		while ((argument = strsep(&rest, "\n")) && rest) {
			add_word(&argv, argument);
			argc++;
		}
		printf("image_at=%d\n%s%c", first_operand(argv, argc), reading(argv, argc), 0);
	}
	return 0;
}
