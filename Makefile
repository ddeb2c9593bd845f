# podman-shim: `make try` shows it on a real rootless Podman, `make check` tests it.

CC ?= cc
CFLAGS ?= -O2
WARNINGS = -Wall -Wextra -Wshadow -Wconversion
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man

# A static binary is executed in a quarter of the time, and runs in any image. -static where this
# compiler and C library can.
STATIC := $(shell printf 'int main(void) { return 0; }' | \
	$(CC) -x c - -static -o /dev/null 2>/dev/null && echo -static)

BUILD = tests/build
HELPERS = $(BUILD)/merge $(BUILD)/ping $(BUILD)/refuse $(BUILD)/stand-in $(BUILD)/tiny $(BUILD)/trampoline

all: podman-shim

podman-shim: podman-shim.c
	$(CC) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(STATIC) $(LDFLAGS) -o $@ podman-shim.c

$(BUILD)/merge: podman-shim.c tests/merge.h

$(BUILD)/%: tests/%.c
	@mkdir -p $(BUILD)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) $(STATIC) -o $@ $<

install: podman-shim
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1"
	install -m 755 podman-shim "$(DESTDIR)$(BINDIR)/podman-shim"
	install -m 644 man/podman-shim.1 "$(DESTDIR)$(MANDIR)/man1/podman-shim.1"

uninstall:
	rm -f "$(DESTDIR)$(BINDIR)/podman-shim" "$(DESTDIR)$(MANDIR)/man1/podman-shim.1"

# The stand-in suites: no Podman needed, a minute at most.
check: all $(HELPERS)
	tests/need bats parallel expect procps python3
	bats $(BATS_FLAGS) --jobs "$$(getconf _NPROCESSORS_ONLN)" tests/*.bats

# The same as on a system that is not Linux, so that others are known to be plausible.
check-portable: $(HELPERS)
	tests/need bats parallel expect procps gcc clang
	tests/portable

# The real-Podman suites, in roots that tests/lab makes; as root.
check-real: all $(HELPERS)
	tests/need debootstrap
	tests/run-real

# The main job on a real rootless Podman: this machine's, or one in a root of its own.
try: all $(BUILD)/tiny
	tests/try

# libFuzzer on the reader and merger of containers.conf; what it finds interesting is kept in BUILD.
FUZZ_SECONDS ?= 600
fuzz:
	tests/need clang libclang-rt-dev
	@mkdir -p $(BUILD)/corpus
	clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o $(BUILD)/fuzz-merge tests/fuzz-merge.c
	$(BUILD)/fuzz-merge -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
		$(BUILD)/corpus tests/corpus

bench: all $(HELPERS)
	tests/need hyperfine
	tests/bench

clean:
	rm -rf podman-shim $(BUILD)

.PHONY: all install uninstall check check-portable check-real try fuzz bench clean
