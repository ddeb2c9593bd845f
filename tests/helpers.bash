# helpers - the world of one test, in its own directory
#
#     $shim      a directory with the shim in it, as podman
#     $real      one with the stand-in in it, as podman, and as conmon unless the machine has one
#     $record    where the stand-in records: see stand-in.c
#     $alias     the path under which podman executes the shim as conmon
#
# PATH leads to $shim, $real and the machine's programs, in this order.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the tests use them, bats sets them

# Files run side by side, the tests of one file in turn: bats waits for the latter in steps of a
# second, which is many times what a test takes.
export BATS_NO_PARALLELIZE_WITHIN_FILE=true

tests=$BATS_TEST_DIRNAME
# shellcheck source=tests/until_true.bash
source "$tests/until_true.bash"
stand_in=$tests/build/stand-in
refuse=$tests/build/refuse
binary=$(cd "$tests/.." && pwd -P)/podman-shim
alias=${binary%/*}/././${binary##*/}
programs=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

setup() {
	make_world
}

# Makes in directory TEMPLATE what each test's world begins with.
make_template() {
	mkdir -p "$1/shim" "$1/real" "$1/record" "$1/home"
	mkdir -m 700 "$1/runtime"
	ln -s "$binary" "$1/shim/podman"
	ln -s "$stand_in" "$1/real/podman"
	ln -s "$stand_in" "$1/real/conmon"
}

make_world() {
	unset "${!PODMAN@}" "${!_PODMAN@}" "${!CONTAINER@}" "${!_CONTAINER@}" "${!BUILDAH@}" XDG_CONFIG_HOME \
		"${!STAND_IN@}" "${!LISTEN_@}" "${!MAKE@}" MFLAGS DESTDIR PREFIX BINDIR LIBEXECDIR DATADIR MANDIR
	world=$BATS_TEST_TMPDIR
	shim=$world/shim real=$world/real record=$world/record
	# a copy is one process instead of five, for each of hundreds of tests; those of a file run in turn
	[ -d "$BATS_FILE_TMPDIR/world" ] || make_template "$BATS_FILE_TMPDIR/world"
	cp -a "$BATS_FILE_TMPDIR/world/." "$world"
	export PATH=$shim:$real:$programs STAND_IN=$record
	export HOME=$world/home XDG_RUNTIME_DIR=$world/runtime
	cd "$world" || return
}

# Copies the shim, as an own file, to FILE.
copy_shim() {
	cp "$binary" "$1"
}

# copy_stand_in FILE [SIZE]: the same for the stand-in, which less than 4 MB of make something in podman's place.
copy_stand_in() {
	rm -f "$1"
	cp "$stand_in" "$1"
	[ -z "$2" ] || truncate -s "$2" "$1"
}

# Makes FILE an executable script of what is on standard input.
make_script() {
	cat >"$1"
	chmod +x "$1"
}

# Runs a command, for a minute at the most, and sets $status, $output and $stderr as bats' `run`
# does; $stderr_lines holds empty lines, too.
run_bounded() {
	status=0
	output=$(timeout -s KILL 60 "$@" 2>"$world/stderr") || status=$?
	stderr=$(<"$world/stderr")
	mapfile -t stderr_lines <"$world/stderr"
}

# Prints what the stand-in recorded as NAME, a line for each NUL.
recorded() {
	tr '\0' '\n' <"$record/$1"
}

# Succeeds if no line matches PATTERN of what the stand-in recorded as NAME.
lacks() {
	[ -e "$record/$2" ] || return
	if recorded "$2" | grep -a -- "$1"; then
		return 1
	fi
}

# Prints how many lines it recorded as NAME.
count() {
	local -a lines=()

	[ ! -e "$record/$1" ] || mapfile -t lines <"$record/$1"
	echo "${#lines[@]}"
}

# Puts the record aside, as directory NAME of the world, for a new one to begin.
keep_record() {
	mv "$record" "$world/$1"
	mkdir "$record"
}

# Prints what the shim decides for the arguments, and why: "PLAN: REASON".
plan_of() {
	local line

	while IFS= read -r line; do
		[[ $line != 'podman-shim: plan: '* ]] || printf '%s\n' "${line#podman-shim: plan: }"
	done < <(PODMAN_SHIM_DEBUG=1 podman "$@" 2>&1 >/dev/null)
}

# is_planned WANTED PLAN COMMAND: succeeds if the plan of the command, "NAME: REASON", is as WANTED has it, "NAME: PART
# OF THE REASON" or either, else says what it is. The name "fallback" is what there is without the override: the
# lock and retries for what starts containers, else podman as it is.
is_planned() {
	local name=${1%%:*} reason=${1#*:}

	[[ $1 == *:* ]] || reason=
	[[ $name != fallback ]] || name='@(lock and retries|retries|plain)'
	# shellcheck disable=SC2053 # a pattern
	[[ ${2%%:*} == $name && ${2#*:} == *"${reason# }"* ]] && return
	printf '%s\n\tis %s\n\tnot %s\n' "$3" "$2" "$1"
	return 1
}

# expect WANTED ARGUMENT...: succeeds if the shim plans so.
expect() { is_planned "$1" "$(plan_of "${@:2}")" "podman ${*:2}"; }

# The same for each line of standard input, which is split into arguments as the shell does, all in one process.
expect_each() {
	local line failed=0
	local -a arguments lines plans

	mapfile -t lines
	mapfile -d '' -t plans < <(for line in "${lines[@]}"; do
		eval "arguments=(podman $line)"
		printf '%s\n' "${arguments[@]}"
		printf '\0'
	done | "$tests/build/command" plan 2>/dev/null)
	[ "${#plans[@]}" -eq "${#lines[@]}" ]
	for line in "${!lines[@]}"; do is_planned "$1" "${plans[line]}" "podman ${lines[line]}" || failed=1; done
	return "$failed"
}

# Succeeds if `podman run` works with the override, after PROBES questions for the version.
asks() {
	local -a probes runs # not count, which takes a process each, for tests that ask often

	: >"$record/probes"
	: >"$record/runs"
	run_bounded podman run image
	mapfile -t probes <"$record/probes"
	mapfile -t runs <"$record/runs"
	printf 'status %s, %s probes, stderr: %s\n' "$status" "${#probes[@]}" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "${#runs[@]}" -eq 1 ]
	grep -qz '^CONTAINERS_CONF_OVERRIDE=/dev/fd/[0-9]' "$record/environ"
	[ "${#probes[@]}" -eq "$1" ]
}

# Prints the number of the descriptor that podman got the override on.
override_descriptor() {
	recorded environ | sed -n 's,^CONTAINERS_CONF_OVERRIDE=/dev/fd/,,p'
}

# Succeeds if two files are the same byte for byte, else shows how they differ.
same() {
	cmp -s "$1" "$2" && return
	diff <(tr '\0' '\n' <"$1") <(tr '\0' '\n' <"$2") || true
	return 1
}

# The same for two records of descriptors, but for what a supervised podman's stdout and stderr lead to, and for
# the directory that is recorded into.
same_descriptors() {
	diff <(sed 's,^\([12]\) .*,\1,; s,/[^ ]*/,,' "$1") <(sed 's,^\([12]\) .*,\1,; s,/[^ ]*/,,' "$2")
}

# Fails the test with a message.
fail() {
	printf '%s\n' "$*"
	return 1
}

# Succeeds if the last run_bounded ended with STATUS and exactly one line of the shim's on stderr.
one_line_and() {
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[ "$status" -eq "$1" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == "podman-shim: "* ]]
}

# Prints the conmon that podman finds on this machine without PATH, if any.
machine_conmon() {
	local path

	for path in /usr/libexec/podman /usr/local/libexec/podman /usr/local/lib/podman /usr/bin \
		/usr/sbin /usr/local/bin /usr/local/sbin /run/current-system/sw/bin; do
		if [ -e "$path/conmon" ]; then
			echo "$path/conmon"
			return
		fi
	done
}

# For tests in which the stand-in is conmon.
need_own_conmon() {
	local path

	path=$(machine_conmon)
	[ -z "$path" ] || skip "this machine's own conmon comes first: $path"
}

# Skips the test where a containers.conf of this machine's own is read as well, as where Podman is installed.
need_no_configuration() {
	local file

	for file in {/usr/share,/etc}/containers/containers.conf{,.d/*.conf}; do
		[ ! -e "$file" ] || skip "this machine's own configuration is read, too: $file"
	done
}

# Takes root's right to pass over permissions from every `podman` from now on.
drop_privilege() {
	[ "$(id -u)" = 0 ] || return 0
	mkdir "$world/unprivileged"
	make_script "$world/unprivileged/podman" <<-END
		#!/bin/sh
		exec setpriv --bounding-set=-dac_override,-dac_read_search "$shim/podman" "\$@"
	END
	PATH=$world/unprivileged:$PATH
	export PODMAN_SHIM_REAL=$real/podman
}

# Puts a podman into $real that is the shell script on standard input.
make_podman() {
	rm "$real/podman"
	{
		printf '%s\n' '#!/bin/bash' '[[ $1 != --version ]] || { read -r <"$CONTAINERS_CONF_OVERRIDE"; echo podman version 5.4.2; exit; }'
		cat
	} >"$real/podman"
	chmod +x "$real/podman"
}

# Succeeds if process PID is in one of the STATES, letters of /proc/PID/status.
state_is() { [[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status") == [$2] ]]; }
