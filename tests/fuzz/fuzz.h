/*
 * fuzz.h - what the libFuzzer targets share
 *
 * A target defines try_input(), in which asserts say what must hold whatever the input. The shim
 * does not free what it needs once: that is done here, after each input; and an exit(3) of the
 * shim's, which is one line and a status, ends the input.
 */
#include "../../src/shim.h"

#include <assert.h>
#include <sanitizer/allocator_interface.h>
#include <setjmp.h>

static const volatile void *blocks[1 << 20];
static size_t block_count;
static _Thread_local bool tracking;
static jmp_buf at_exit;

static void keep(const volatile void *block, size_t size)
{
	(void)size;
	if (tracking && block_count < LENGTH(blocks))
		blocks[block_count++] = block;
}

static void forget(const volatile void *block)
{
	for (size_t i = block_count; tracking && i-- > 0;)
		if (blocks[i] == block) {
			blocks[i] = blocks[--block_count];
			break;
		}
}

/* `input` is of `size` bytes, and a zero byte. */
static void try_input(char *input, size_t size);

__attribute__((noreturn)) void __real_exit(int status);
__attribute__((noreturn)) void __wrap_exit(int status);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void __wrap_exit(int status)
{
	if (!tracking)
		__real_exit(status);
	longjmp(at_exit, 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	tzset(); /* whose memory is the C library's */
	return !__sanitizer_install_malloc_and_free_hooks(keep, forget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input = malloc(size + 1);

	memcpy(input, data, size);
	input[size] = 0;
	tracking = true;
	if (!setjmp(at_exit))
		try_input(input, size);
	tracking = false;
	while (block_count)
		free((void *)(uintptr_t)blocks[--block_count]);
	free(input);
	return 0;
}
