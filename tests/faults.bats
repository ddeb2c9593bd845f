#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What is missing, full or out of bounds where the shim is started. tests/tools/faults is about single system calls.

load helpers

# Settings that make the shim work in each of its ways.
modes=(PODMAN_SHIM_MODE=auto PODMAN_SHIM_MODE=lock PODMAN_SHIM_MODE=off PODMAN_SHIM_RETRIES=0)

# Runs `podman run image` with VARIABLEs, and succeeds if podman was run, once, and nothing was said.
runs_silently() {
	rm -f "$record/runs"
	run_bounded env "$@" podman run image
	printf '%s: status %s, runs %s, stderr: %s\n' "$*" "$status" "$(count runs)" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(count runs)" -eq 1 ]
}

# For tests that mount: as root of a user namespace if need be.
need_mounts() {
	unshare --map-root-user --mount mount -t tmpfs tmpfs /mnt 2>/dev/null || skip "no mounts of one's own here"
}

# Runs the script on standard input with mounts of its own.
with_mounts() {
	run_bounded unshare --map-root-user --mount bash -eu -c "$(cat)"
	printf 'status %s, stdout: %s, stderr: %s\n' "$status" "$output" "$stderr"
}

@test "without descriptors to be had podman is what it is natively, in each mode" {
	make_podman <<<'echo ran $#'
	for mode in "${modes[@]}"; do
		for count in {4..20}; do
			rm -rf "$world"/runtime/*
			native=$(exec 2>/dev/null; ulimit -n "$count"; exec "$real/podman" run image) || :
			shimmed=$(exec 2>/dev/null; export "${mode?}"; ulimit -n "$count"; exec podman run image) || :
			printf '%s, %s descriptors: %s\n' "$mode" "$count" "$shimmed"
			[ "$shimmed" = "$native" ]
		done
	done
}

@test "a limit of no bytes for files keeps no container from starting" {
	unset STAND_IN
	export STAND_IN_OUTPUT=1
	for mode in "${modes[@]}"; do
		for version in forgotten remembered; do
			# stdout and stderr are pipes: a file would take nothing
			output=$(ulimit -c 0; ulimit -f 0; exec env "$mode" podman run image 2>&1 | cat)
			printf '%s, version %s: %s\n' "$mode" "$version" "$output"
			[ "$output" = $'line 0 of stdout\nline 0 of stderr' ]
			rm -rf "$world"/runtime/*
			[ "$version" = remembered ] || podman create image
		done
	done
}

@test "without /proc containers start, if without the override" {
	need_mounts
	make_podman <<<'echo ran >>"$STAND_IN/ran"; exit 3'
	for mode in "${modes[@]}"; do
		rm -f "$record/ran"
		with_mounts <<<"mount -t tmpfs tmpfs /proc; export $mode; exec podman run image"
		[ "$status" -eq 3 ]
		[ -z "$output$stderr" ]
		[ "$(count ran)" -eq 1 ]
	done
	with_mounts <<<'mount -t tmpfs tmpfs /proc; PODMAN_SHIM_DEBUG=1 exec podman run image'
	[[ $stderr == *'plan: lock and retries: '* ]]
}

@test "without anything in /dev but null containers start, if without the override" {
	need_mounts
	for mode in "${modes[@]}"; do
		rm -f "$record/runs"
		with_mounts <<-END
			touch null
			mount --bind /dev/null null
			mount -t tmpfs tmpfs /dev
			touch /dev/null
			mount --bind null /dev/null
			export $mode PODMAN_SHIM_DEBUG=1
			exec podman run image
		END
		[ "$status" -eq 0 ]
		[ "$(count runs)" -eq 1 ]
		[ -z "$(override_descriptor)" ]
	done
	[[ $stderr == *'/dev/fd/100: No such file or directory'* ]]
}

@test "whatever HOME and XDG_RUNTIME_DIR are, podman is run" {
	local long

	printf -v long '%5000s' ''
	ln -s nowhere dangling
	mkdir closed
	: >file
	for value in '' relative "$world/file" "$world/dangling" "$world/closed" "/${long// /x}" "/${long// /x\/}" \
		/nonexistent /dev/null /proc $'/a\nb' $'/\377'; do
		chmod 000 closed
		runs_silently HOME="$value"
		runs_silently XDG_CONFIG_HOME="$value"
		runs_silently XDG_RUNTIME_DIR="$value"
		runs_silently XDG_RUNTIME_DIR="$value" PODMAN_SHIM_MODE=lock
		runs_silently HOME="$value" XDG_RUNTIME_DIR="$value" XDG_CONFIG_HOME="$value"
	done
	chmod 700 closed
	runs_silently -u HOME -u XDG_RUNTIME_DIR -u XDG_CONFIG_HOME
}

@test "files of the shim's from the past and the future are good" {
	asks 1
	for date in 1970-01-02 2105-01-01; do
		touch -d "$date" "$world"/runtime/*
		asks 0
		PODMAN_SHIM_MODE=lock podman run image
		touch -d "$date" "$world/runtime/podman-shim.lock"
	done
}

@test "standard streams that are closed are so for podman, each and in each mode" {
	export STAND_IN_FAILS=0
	for closed in '' '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		rm -rf native
		eval "'$real/podman' run --rm image $closed"
		keep_record native
		for fails in 0 1; do
			for mode in "${modes[@]}" PODMAN_SHIM_LOG="$world/log"; do
				# what is not retried is as it is without a failure
				[[ $fails = 0 || $mode != *=off && $mode != *=0 ]] || continue
				status=0
				eval "STAND_IN_FAILS=$fails PODMAN_SHIM_BACKOFF_MS=1 env '$mode' podman run --rm image $closed" || status=$?
				printf '%s %s, %s failures: status %s\n' "$mode" "$closed" "$fails" "$status"
				[ "$status" -eq 0 ] || [ "$fails" -eq 1 ]
				sed '/ .*memfd:podman-shim/d' "$record/fds" >fds
				same_descriptors native/fds fds
				rm -rf "${record:?}"/* "$world"/runtime/*
			done
		done
	done
}

@test "descriptors of a socket's service have their numbers in each mode" {
	for mode in "${modes[@]}"; do
		rm -rf native
		LISTEN_FDS=2 LISTEN_PID=1 "$real/podman" run --rm image 3</dev/null 4<"$binary"
		keep_record native
		env "$mode" LISTEN_FDS=2 LISTEN_PID=1 podman run --rm image 3</dev/null 4<"$binary"
		sed '/ .*memfd:podman-shim/d' "$record/fds" >fds
		same_descriptors native/fds fds
	done
}

@test "a terminal that is named as the lock, or the log, does not become the controlling one" {
	make_script on_terminal <<-'END'
		#!/usr/bin/env python3
		import os, subprocess, sys
		terminal = os.openpty()
				subprocess.run(sys.argv[2:], env={**os.environ, sys.argv[1]: os.ttyname(terminal[1])}, start_new_session=True, check=True)
	END
	for name in PODMAN_SHIM_LOCK PODMAN_SHIM_LOG CONTAINERS_CONF; do
		for retries in 0 3; do
			rm -f "$record/terminal"
			PODMAN_SHIM_MODE=lock PODMAN_SHIM_RETRIES=$retries run_bounded ./on_terminal "$name" podman run image
			printf '%s: status %s, stderr: %s\n' "$name" "$status" "$stderr"
			[ "$status" -eq 0 ]
			[ "$(recorded terminal)" = no ]
		done
	done
}

@test "where poll(2) fails for ever, the shim does not take all of a processor" {
	make_podman <<<'sleep 0.3; echo out; echo err >&2; exit 3'
	run_bounded strace -f -o trace -e trace=/poll,/nanosleep -e inject=poll,ppoll:error=ENOMEM podman run image
	printf 'status %s, stdout: %s, stderr: %s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 3 ]
	[ "$output" = out ]
	[ "$stderr" = err ]
	failures=$(grep -c 'poll(.*INJECTED' trace)
	naps=$(grep -c 'nanosleep(' trace)
	printf '%s failures, %s naps\n' "$failures" "$naps"
	# but for the few with which podman's version is not waited for
	[ "$failures" -gt 0 ]
	[ "$naps" -ge $((failures / 2)) ]
}
