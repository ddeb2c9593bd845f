#!/usr/bin/env bats
# bats file_tags=linux,memory
# What valgrind has to say of the shim's memory: nothing. Under valgrind the shim's own path cannot be known,
# and so there is no override: tests/builds has that, with the compilers' sanitizers.

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
	says 'version: podman 5.4 ('
	silent "$checked" run image
	says 'version: podman 5.4 (cache)'
	[ "$(count runs)" -eq 3 ]
}

@test "a start with the lock spoils no memory" {
	export STAND_IN_VERSION='podman version 4.3.1'
	silent "$checked" run image
	says 'plan: lock'
	[ "$(count runs)" -eq 1 ]
}

@test "retries spoil no memory" {
	ln -sf "$tests/failing-podman" "$real/podman"
	echo 2 >fail
	silent "$checked" run --name x image
	[ "$output" = output ]
	[ "$status" -eq 0 ]
	[ "$(grep -c ^run calls)" -eq 3 ]
}

@test "conmon's part spoils no memory" {
	need_own_conmon
	podman run image
	mapfile -d '' variables <"$record/environ"
	mkdir conmon
	cp "$checked" conmon/podman
	silent env -i "${variables[@]}" conmon/./podman -c ID
	[ "$(count conmon.runs)" -eq 1 ]
}

@test "the status and the help spoil no memory" {
	silent "$checked" --shim-status
	[[ $output == "protected: partly: "* ]]
	silent "$checked" --shim-status --json
	silent "$checked" --shim-help
	[[ $output == *PODMAN_SHIM_LOG* ]]
}
