/*
 * fuzz.h - what the libFuzzer targets share: the shim, all of whose memory is freed after each
 * input
 *
 * A target defines try_input(), in which asserts say what must hold whatever the input.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The shim does not free what it needs once: that is done here, after each input. */
static void *blocks[1 << 20];
static size_t block_count;

static void *keep(void *block)
{
	if (block_count == sizeof blocks / sizeof *blocks)
		abort();
	if (block)
		blocks[block_count++] = block;
	return block;
}

static void forget(void *block)
{
	for (size_t i = block_count; i-- > 0;)
		if (blocks[i] == block) {
			blocks[i] = blocks[--block_count];
			break;
		}
}

static void release(void *block)
{
	forget(block);
	free(block);
}

static void *grow(void *block, size_t size)
{
	forget(block);
	return keep(realloc(block, size));
}

static int print(char **result, const char *format, va_list arguments)
{
	const int length = vasprintf(result, format, arguments);

	if (length >= 0)
		keep(*result);
	return length;
}

/* Where the text of the one stream in memory that is open goes. */
static char **stream_text;

static FILE *open_stream(char **result, size_t *size)
{
	stream_text = result;
	return open_memstream(result, size);
}

static int close_stream(FILE *file)
{
	const int status = fclose(file);

	if (stream_text)
		keep(*stream_text);
	stream_text = NULL;
	return status;
}

/* The only clock that there is. */
static time_t seconds = 1;

static int tell_time(struct timespec *time)
{
	*time = (struct timespec){ .tv_sec = seconds };
	return 0;
}

#define malloc(size) keep((malloc)(size))
#define calloc(count, size) keep((calloc)(count, size))
#define realloc(block, size) grow(block, size)
#define free(block) release(block)
#define vasprintf(result, format, arguments) print(result, format, arguments)
#define open_memstream(result, size) open_stream(result, size)
#define fclose(file) close_stream(file)
#define clock_gettime(clock, time) tell_time(time)
#include "shim.h"

/* `input` is of `size` bytes, and a zero byte. */
static void try_input(char *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input = malloc(size + 1);

	memcpy(input, data, size);
	input[size] = 0;
	try_input(input, size);
	while (block_count)
		(free)(blocks[--block_count]);
	return 0;
}
