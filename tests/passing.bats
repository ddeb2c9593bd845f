#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What podman gets of its caller, and the caller of podman.

load helpers

# Executes a command with an environment of oddities, in an order of its own.
in_odd_environment() {
	env -i PATH="$PATH" STAND_IN="$record" Z=1 XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" A=2 \
		'with space=3' $'lines=4\n5' $'bytes=\377\200' EMPTY= =nameless \
		LONG="$(printf '%060000d' 0)" ASAN_OPTIONS="${ASAN_OPTIONS-}" "$@"
}

# Executes a command with descriptors of oddities.
with_odd_descriptors() {
	"$@" <"$world/file" 2>>"$world/output" 5<"$world/file" 9>>"$world/output" 99<"$world/file" \
		100>>"$world/output" 101<"$world/file" 250<"$world/file" 1>&-
}

@test "arguments reach podman byte for byte" {
	local strange=$'\377\200 \n\t"\\$(id)*' long
	local -a arguments

	long=$(printf '%0100000d' 0)
	for command in ps run; do
		arguments=(podman "$command" '' "$strange" -- $'\n' --env="$strange" "$long" '' ' ' --version)
		"${arguments[@]}"
		printf '%s\0' "${arguments[@]}" | cmp - "$record/argv"
	done
}

@test "podman without arguments gets none" {
	podman
	printf 'podman\0' | cmp - "$record/argv"
}

@test "podman is called by the name that the shim was called by" {
	for name in docker /no/such/podman ./podman '' $'a\nb' podman-shims podman-shim.old podman-shim/x; do
		for command in ps run; do
			(exec -a "$name" "$shim/podman" "$command" image)
			printf '%s\0' "$name" "$command" image | cmp - "$record/argv"
		done
	done
}

@test "called podman-shim, the shim calls podman by its path, which an older one executes again" {
	ln -s podman "$shim/podman-shim"
	podman-shim ps
	printf '%s\0ps\0' "$real/podman" | cmp - "$record/argv"
	(exec -a /x/podman-shim "$shim/podman" run image)
	printf '%s\0run\0image\0' "$real/podman" | cmp - "$record/argv"
}

@test "a caller that gives not even a name gets podman" {
	run_bounded "$stand_in" exec0 "$shim/podman"
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
	[ "$(tr -cd '\0' <"$record/argv" | wc -c)" -eq 1 ]
}

@test "a command that starts no container has its caller's environment, in order" {
	in_odd_environment CONTAINERS_CONF_OVERRIDE=/their/own "$real/podman" ps
	keep_record native
	in_odd_environment CONTAINERS_CONF_OVERRIDE=/their/own "$shim/podman" ps
	same native/environ "$record/environ"
	[ "$(tr -cd '\0' <native/environ | wc -c)" -eq 13 ]
}

@test "a command that falls back to plain execution has its caller's environment, in order" {
	in_odd_environment CONTAINERS_CONF_OVERRIDE=/their/own "$real/podman" run image
	keep_record native
	in_odd_environment CONTAINERS_CONF_OVERRIDE=/their/own "$shim/podman" run image
	[ "$(count probes)" -eq 1 ]
	same native/environ "$record/environ"
}

# bats test_tags=linux
@test "a command with the override has its caller's environment, in order, and the shim's variables" {
	in_odd_environment "$real/podman" run image
	keep_record native
	in_odd_environment "$shim/podman" run image
	[ -n "$(override_descriptor)" ]
	grep -azv '^\(CONTAINERS_CONF_OVERRIDE\|_PODMAN_SHIM_[A-Z]*\)=' "$record/environ" >environ
	same native/environ environ
}

@test "a command that starts no container has its caller's descriptors and no other" {
	echo content >file
	with_odd_descriptors "$real/podman" ps
	keep_record native
	with_odd_descriptors "$shim/podman" ps
	same native/fds "$record/fds"
	grep -q '^250 ' native/fds
	lacks '^1 ' fds
}

@test "a command that falls back to plain execution has its caller's descriptors and no other" {
	echo content >file
	with_odd_descriptors "$real/podman" run --env-host image
	keep_record native
	with_odd_descriptors "$shim/podman" run --env-host image
	[ "$(count probes)" -eq 1 ]
	same_descriptors native/fds "$record/fds"
}

# bats test_tags=linux
@test "a command with the override has its caller's descriptors, and the override's" {
	echo content >file
	with_odd_descriptors "$real/podman" run image
	keep_record native
	with_odd_descriptors "$shim/podman" run image
	grep -v "^$(override_descriptor) " "$record/fds" >fds
	same_descriptors native/fds fds
	[ "$(wc -l <"$record/fds")" -eq $(($(wc -l <fds) + 1)) ]
}

# Executes podman at path PODMAN with what callers pass by descriptors and by the environment.
with_passed_descriptors() {
	local podman=$1 command=$2

	LISTEN_FDS=2 LISTEN_PID=1 LISTEN_FDNAMES=a:b MAKEFLAGS=' -j2 --jobserver-auth=5,6' \
		CONTAINERS_CONF="$world/theirs" CONTAINERS_CONF_OVERRIDE=/dev/fd/9 \
		bash -c 'exec -a podman "$@"' _ "$podman" "$command" --preserve-fds=3 --preserve-fd=7,150 --unsetenv CONTAINERS_CONF -e CONTAINERS_CONF=x \
		--env-file /dev/fd/8 -v /dev/fd/7:/x image cat /dev/fd/150 3<file 4<file 5<file 6>>output 7<file 8<file \
		9<theirs 150<file
}

# bats test_tags=linux
@test "descriptors that are passed to podman are the caller's, and so are the words that name them" {
	echo A=B >file
	echo '[containers]' >theirs
	for command in create run; do
		with_passed_descriptors "$real/podman" "$command"
		keep_record "native-$command"
		with_passed_descriptors "$shim/podman" "$command"
		[ "$(override_descriptor)" -gt 150 ]
		same "native-$command/argv" "$record/argv"
		grep -azv '^\(CONTAINERS_CONF_OVERRIDE\|_PODMAN_SHIM_[A-Z]*\)=' "$record/environ" >environ
		grep -azv '^CONTAINERS_CONF_OVERRIDE=' "native-$command/environ" | cmp - environ
		grep -v "^$(override_descriptor) " "$record/fds" >fds
		same_descriptors "native-$command/fds" fds
	done
}

@test "closed standard descriptors stay closed" {
	for command in ps 'run image'; do
		# shellcheck disable=SC2086 # words
		{
			"$real/podman" $command <&- >&- 2>&-
			keep_record "native-${command% *}"
			"$shim/podman" $command <&- >&- 2>&-
		}
		grep -v "^$(override_descriptor) " "$record/fds" >fds
		same "native-${command% *}/fds" fds
		lacks '^[012] ' fds
	done
}

# bats test_tags=linux
@test "podman has the process number that its caller started" {
	for command in ps create build; do
		podman "$command" image &
		wait "$!"
		[ "$(recorded pid)" = "$!" ]
	done
	for command in run start; do
		PODMAN_SHIM_RETRIES=0 podman "$command" image &
		wait "$!"
		[ "$(recorded pid)" = "$!" ]
		[ -n "$(override_descriptor)" ]
	done
}

@test "podman is called podman in the process list" {
	for command in ps run; do
		(exec -a docker "$shim/podman" "$command" image)
		[ "$(recorded comm)" = podman ]
	done
}

@test "podman has its caller's signal masks" {
	for command in ps run; do
		env --block-signal=USR1 --ignore-signal=HUP --ignore-signal=CHLD "$real/podman" "$command" image
		keep_record "native-$command"
		env --block-signal=USR1 --ignore-signal=HUP --ignore-signal=CHLD "$shim/podman" "$command" image
		same "native-$command/signals" "$record/signals"
		lacks '^SigBlk:[[:space:]]*0*$' signals
	done
}

@test "podman has its caller's terminal" {
	for command in 'ps' 'run -it image'; do
		script -qec "podman $command" /dev/null </dev/null
		[ "$(recorded terminal)" = yes ]
		grep -q '^0 /dev/pts/' "$record/fds"
	done
}

@test "podman's exit status is the shim's" {
	for code in 0 1 2 124 125 126 127 255; do
		for command in ps run; do
			STAND_IN_STATUS=$code run_bounded podman "$command" image
			[ "$status" -eq "$code" ]
			[ -z "$output$stderr" ]
		done
	done
}

@test "podman's death by a signal is the shim's" {
	ulimit -c 0
	for number in 1 2 9 11 13 15; do
		for command in ps run; do
			status=0
			STAND_IN_SIGNAL=$number podman "$command" image || status=$?
			[ "$status" -eq $((128 + number)) ]
		done
	done
}

@test "nothing is written to either output" {
	for command in ps run 'run --env-host' 'run --no-such-option' build 'kube play' --help; do
		# shellcheck disable=SC2086 # words
		run_bounded podman $command image
		[ "$status" -eq 0 ]
		[ -z "$output$stderr" ]
	done
}

# Prints the system calls, by name, of a program up to its executing podman, as strace(1) wrote them into FILE.
calls() {
	sed -n '2,/^execve/s/^\([a-z0-9_]*\)(.*/\1/p' "$1" | sed 's/^\(newf\)\{0,1\}stat\(at\|x\|64\)\{0,1\}$/stat/'
}

# bats test_tags=linux,static
@test "a command that starts no container costs no more system calls than finding podman does" {
	copy_stand_in "$real/podman"
	truncate -s 8M "$real/podman" # as no shim is
	TRAMPOLINE_TARGET=$real/podman strace -o trampoline.strace "$tests/build/trampoline" ps
	strace -o shim.strace "$shim/podman" ps
	[ "$(count runs)" -eq 2 ]
	cat shim.strace
	calls trampoline.strace | grep -qx execve
	diff <(calls trampoline.strace) <(calls shim.strace) | sed -n 's/^[<>] //p' >added
	# which file is the shim's, which one the first in PATH, the second; and whether that may be executed
	printf '%s\n' stat stat stat access | diff - added
}
