# podman-shim: `make try` shows it on a real rootless Podman, `make check` tests it.

CC ?= cc
CFLAGS ?= -O2
WARNINGS = -Wall -Wextra -Wshadow -Wconversion
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man

# A static binary is executed in a quarter of the time, and runs in any image. -static where this
# compiler and C library can; they are asked once, and only if something is built. `make STATIC=`
# links dynamically.
STATIC = $(eval STATIC := $(shell printf 'int main(void) { return 0; }' | \
	$(CC) -x c - -static -o /dev/null 2>/dev/null && echo -static))$(STATIC)

BUILD = tests/build
HELPERS = $(patsubst %,$(BUILD)/%,command evidence merge ping refuse stand-in tiny trampoline)

all: podman-shim

SOURCES = podman-shim.c $(wildcard src/*.c)
HEADERS = $(wildcard src/*.h)

podman-shim: $(SOURCES) $(HEADERS)
	$(CC) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(STATIC) $(LDFLAGS) -o $@ $(SOURCES)

# The rooms without the front door, for test programs that call them.
ROOMS = $(patsubst src/%.c,$(BUILD)/rooms/%.o,$(wildcard src/*.c))
$(ROOMS): $(BUILD)/rooms/%.o: src/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/rooms.a: $(ROOMS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/command: tests/programs/reading.h $(BUILD)/rooms.a
$(BUILD)/merge: tests/programs/merge.h $(BUILD)/rooms.a
$(BUILD)/evidence: $(BUILD)/rooms.a

# A file as large as podman's: one under 4 MB in its place is none.
$(BUILD)/%: tests/programs/%.c
	@mkdir -p $(BUILD)
	$(CC) -D_GNU_SOURCE $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(STATIC) -o $@ $(filter %.c %.a,$^)
	$(if $(filter stand-in,$*),truncate -s 5M $@)

# Only by rename(2): podman-shim is there and whole at every moment, and one that runs keeps its file.
BIN = $(DESTDIR)$(BINDIR)
MAN = $(DESTDIR)$(MANDIR)
LINK = $(DESTDIR)$(LIBEXECDIR)/podman-shim
SHARE = $(DESTDIR)$(DATADIR)/podman-shim
INSTALLED = "$(BIN)/podman-shim" "$(LINK)/podman" "$(MAN)/man1/podman-shim.1" \
	"$(MAN)/man7/podman-shim.7" "$(SHARE)/service.conf" "$(SHARE)/quadlet.conf"
# A shell that a signal ends removes nothing, unless that makes it exit.
cleanly = trap 'rm -f "$$new"' EXIT && trap 'exit 1' HUP INT TERM
put = new="$(3).$$$$" && $(cleanly) && install -m $(1) $(2) "$$new" && mv -f "$$new" "$(3)"
# A text, with the paths of this installation in it.
put_text = new="$(2).$$$$" && $(cleanly) && \
	sed 's|/usr/local/libexec|$(LIBEXECDIR)|; s|/usr/local/share|$(DATADIR)|' $(1) >"$$new" && \
	chmod 644 "$$new" && mv -f "$$new" "$(2)"

# The directory to put ahead in PATH has a link that leads through no absolute path: DESTDIR may be
# moved. It is as the directories really are, since .. of a linked one is not where it seems to be.
install: podman-shim
	@for directory in "$(BIN)" "$(LINK)" "$(SHARE)" "$(MAN)/man1" "$(MAN)/man7"; do \
		test -d "$$directory" || install -d "$$directory" || exit; \
	done
	@for file in $(INSTALLED); do \
		test ! -d "$$file" || { echo "$$file: is a directory" >&2; exit 1; }; \
	done
	@$(call put,755,podman-shim,$(BIN)/podman-shim)
	@$(call put_text,man/podman-shim.1,$(MAN)/man1/podman-shim.1)
	@$(call put_text,man/podman-shim.7,$(MAN)/man7/podman-shim.7)
	@$(call put_text,src/systemd/service.conf,$(SHARE)/service.conf)
	@$(call put_text,src/systemd/quadlet.conf,$(SHARE)/quadlet.conf)
	@CDPATH= && to=$$(cd "$(BIN)" && pwd -P) && at=$$(cd "$(LINK)" && pwd -P) && up= && \
	while case "$${to%/}/" in "$$at"/*) false;; esac; do at=$${at%/*} up=../$$up; done && \
	to=$${to#"$$at"} && to=$${to#/} && new="$(LINK)/podman.$$$$" && $(cleanly) && \
	ln -s "$$up$${to:+$$to/}podman-shim" "$$new" && mv -f "$$new" "$(LINK)/podman"
	@echo 'podman-shim is installed; put $(LIBEXECDIR)/podman-shim ahead in PATH'

# And the links for other names that the manual has; what else is in its directories stays.
uninstall:
	@rm -f $(INSTALLED)
	@for name in docker podman-remote; do \
		test "$$(readlink "$(LINK)/$$name")" != podman || rm -f "$(LINK)/$$name"; \
	done
	@for directory in "$(LINK)" "$(SHARE)"; do \
		test ! -d "$$directory" || rmdir "$$directory" || :; \
	done

# podman-shim-VERSION.tar.gz in BUILD, of what is committed, and the same bytes each time.
dist:
	@mkdir -p $(BUILD)
	version=$$(git show HEAD:./src/shim.h | sed -n 's/^#define VERSION "\(.*\)"$$/\1/p') && \
	name=podman-shim-$${version:?} && new=$(BUILD)/$$name.tar && trap 'rm -f "$$new"' EXIT && \
	git -c tar.umask=0022 -c core.autocrlf=false -c core.eol=lf archive --format=tar --prefix="$$name/" -o "$$new" HEAD && \
	gzip -9 -n -f "$$new" && echo "$$new.gz"

# The stand-in suites: no Podman needed. One more at a time than there are cores: each waits some of the time.
check: all $(HELPERS)
	tests/tools/need bats parallel expect git procps python3 strace valgrind libc6-dbg
	bats $(BATS_FLAGS) --jobs "$$(($$(getconf _NPROCESSORS_ONLN) + 1))" tests/*.bats

# 500 shims at once, each with a podman that fails, dies, stops and writes, and sent signals.
load: all $(BUILD)/unruly
	tests/tools/need python3
	tests/tools/load

# The same with the shim as other compilers, C libraries, systems and sanitizers build it; BUILDS: only these.
check-builds: $(HELPERS)
	tests/tools/need bats parallel expect procps python3 strace gcc clang musl-tools libclang-rt-dev
	tests/tools/builds $(BUILDS)

# Which lines of the shim the stand-in suites do not reach.
coverage: $(HELPERS)
	tests/tools/need bats parallel expect git procps python3 strace clang llvm libclang-rt-dev valgrind libc6-dbg
	tests/tools/coverage

# Each system call of the shim's fails in turn, and podman is run all the same. FAULTS=all: really each.
check-faults: all $(HELPERS)
	tests/tools/need strace python3 perl
	tests/tools/faults

# What compilers and checkers say of the sources: nothing.
lint:
	tests/tools/need gcc libc6-dev clang clang-format clang-tidy cppcheck mandoc shellcheck
	tests/tools/lint $(WARNINGS)

# The real-Podman suites, in roots that tests/lab makes; as root.
check-real: all $(HELPERS)
	tests/tools/need mmdebstrap
	tests/tools/run-real

# The main job on a real rootless Podman: this machine's, or one in a root of its own.
try: all $(BUILD)/tiny
	tests/tools/try

# libFuzzer on what reads bytes of others', FUZZ_JOBS targets at once.
FUZZ_SECONDS ?= 600
FUZZ_JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
FUZZERS = $(patsubst tests/fuzz/%.c,fuzz-%,$(wildcard tests/fuzz/*.c))
fuzz:
	tests/tools/need clang libclang-rt-dev
	$(MAKE) -s -k -j $(FUZZ_JOBS) $(FUZZERS)

$(FUZZERS): fuzz-%: $(BUILD)/fuzz-%
	tests/tools/fuzz $* $(FUZZ_SECONDS)

FUZZ_CC = clang -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
$(BUILD)/fuzz-%: tests/fuzz/%.c tests/fuzz/fuzz.h tests/programs/merge.h tests/programs/reading.h $(BUILD)/fuzz-rooms/rooms.a
	$(FUZZ_CC) -fsanitize=fuzzer -Wl,--wrap=exit -o $@ $< $(filter %.a,$^)

$(BUILD)/fuzz-rooms/rooms.a: $(wildcard src/*)
	$(MAKE) -s BUILD=$(@D) CC='$(FUZZ_CC)' CFLAGS= $@

bench: all $(HELPERS) $(BUILD)/counted-shim
	tests/tools/need hyperfine valgrind
	tests/tools/bench

# How many instructions a plain command takes, and what for.
instructions: all $(HELPERS) $(BUILD)/counted-shim
	tests/tools/need valgrind
	tests/tools/instructions

# As podman-shim, but that each of its functions is one, to be counted.
$(BUILD)/counted-shim: $(SOURCES)
	@mkdir -p $(BUILD)
	$(CC) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -fno-inline $(STATIC) $(LDFLAGS) -o $@ $(SOURCES)

clean:
	rm -rf podman-shim $(BUILD)

.PHONY: all install uninstall dist lint check check-builds coverage check-faults check-real load try fuzz $(FUZZERS) bench instructions clean
