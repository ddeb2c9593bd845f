#!/usr/bin/env bats
# bats file_tags=linux,memory
# What valgrind has to say of the shim's memory: nothing. Under valgrind the shim's own path cannot be known,
# and so there is no override: tests/tools/builds has that, with the compilers' sanitizers.

load helpers

setup_file() {
	# not static, so that valgrind has malloc(3) for its own
	cc -g -O0 -o "$BATS_FILE_TMPDIR/podman" "$BATS_TEST_DIRNAME"/../podman-shim.c "$BATS_TEST_DIRNAME"/../src/*.c
}

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1 PODMAN_SHIM_DEBUG=1
	checked=$BATS_FILE_TMPDIR/podman
}

# silent COMMAND ARGUMENT...: runs the shim, or a copy of it at the path COMMAND, under valgrind, which finds nothing
silent() {
	run_bounded valgrind -q --leak-check=no --log-file="$world/memory.%p" "$@"
	printf 'status %s\n%s\n' "$status" "$stderr"
	cat "$world"/memory.*
	[ -z "$(cat "$world"/memory.*)" ]
}

# says WORDS: the last command's trace has them
says() { grep -qF "podman-shim: $1" "$world/stderr"; }

@test "reading the command line, and asking podman for its version, spoils no memory" {
	silent "$checked" ps
	says 'plan: plain'
	silent "$checked" --log-level=debug run -itd --name=x -v /a:/b --sysctl net.ipv4.ping_group_range='0 0' image ps
	says 'version: podman version 5.4.2 ('
	silent "$checked" run image
	says 'version: podman version 5.4.2 (cache)'
	[ "$(count runs)" -eq 3 ]
}

@test "a start with the lock, and retries, spoil no memory" {
	copy_stand_in "$real/podman" 3M
	PODMAN_SHIM_MODE=lock STAND_IN_FAILS=2 silent "$checked" run -d --rm image
	says 'plan: lock and retries'
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 3 ]
}

@test "conmon's part spoils no memory" {
	mkdir bundle
	for config in '{"linux": {"sysctl": {"net.ipv4.ping_group_range": "0 0"}}}' \
		'{"linux": {"namespaces": [{"type": "network", "path": "/nothing"}]}}'; do
		echo "$config" >bundle/config.json
		_PODMAN_SHIM="1 conmon=$real/conmon ping=0%200 retries=3" silent "$BATS_FILE_TMPDIR/././podman" -b bundle -r crun
	done
	[ "$(count conmon.runs)" -eq 2 ]
}

@test "the OCI runtime's part spoils no memory" {
	make_script crun <<-'END'
		#!/bin/sh
		echo "$*" >>calls
		case $* in *create*) echo ping_group_range >>"${1#--log=}" && exit 1 ;; esac
	END
	silent "$BATS_FILE_TMPDIR/./././podman" "_PODMAN_SHIM=1 runtime=$world/crun retries=1 backoff=1 lock=$world/lock log=$world/events" \
		--log="$world/log" create --bundle "$world" --console-socket "$world/console" ID
	[ "$status" -eq 1 ]
	[ "$(grep -c create calls)" -eq 2 ]
	grep -q 'gave up' events
}

@test "the status and the help spoil no memory" {
	silent "$checked" --shim-status
	[[ $output == "protected: "* ]]
	silent "$checked" --shim-status --json
	silent "$checked" --shim-help
	[[ $output == *PODMAN_SHIM_LOG* ]]
}
