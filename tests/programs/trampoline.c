/* trampoline - the least that a program ahead of another can do: `trampoline`, called as anything,
   executes $TRAMPOLINE_TARGET with its own arguments. `make bench` measures the shim against it. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *target = getenv("TRAMPOLINE_TARGET");

	(void)argc;
	if (target)
		execv(target, argv);
	return 127;
}
