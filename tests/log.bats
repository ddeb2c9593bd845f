#!/usr/bin/env bats
# bats file_tags=linux
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# PODMAN_SHIM_LOG: what the shim has saved, and what it could not.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1 PODMAN_SHIM_LOG=$world/log
}

use_failing_podman() { ln -sf "$tests/programs/failing-podman" "$real/podman"; }
failures() { echo "$1" >fail; }

# Prints the log without times and process numbers; fails if a line is not what a line has to be.
events() {
	! grep -vE '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z [0-9]+ podman [a-z ]+: [a-z ]+: .' "$world/log" || return
	cut -d' ' -f3- "$world/log"
}

@test "where all is well there is no log" {
	for command in run ps build create; do podman "$command" image; done
	PODMAN_SHIM_MODE=lock podman run image
	PODMAN_SHIM_MODE=off podman run image
	rm "$XDG_RUNTIME_DIR/podman-shim.version"
	STAND_IN_VERSION='Docker version 24.0.5, build ced0996' podman run image
	[ ! -e log ]
}

@test "a rescue is a line for each retry and one for the rescue" {
	use_failing_podman
	failures 2
	podman run -d image
	[ "$(events)" = "podman run: retry: the OCI runtime could not write ping_group_range, attempt 1
podman run: retry: the OCI runtime could not write ping_group_range, attempt 2
podman run: rescue: attempt 3 has not failed so" ]
	[ "$(cut -d' ' -f2 log | sort -u | wc -l)" -eq 1 ]
	[ "$(grep -c ': rescue: ' log)" -eq 1 ]
}

@test "the time is that of Greenwich, and the file as readable as others" {
	local before

	umask 022
	before=$(date -u +%FT%TZ)
	TZ=Asia/Kathmandu podman --conmon /x run image
	[[ ! $before > $(cut -d' ' -f1 log) && ! $(cut -d' ' -f1 log) > $(date -u +%FT%TZ) ]]
	[ "$(stat -c %a log)" = 644 ]
}

@test "giving up is a line with the reason" {
	use_failing_podman
	failures 9
	PODMAN_SHIM_RETRIES=1 run_bounded podman container run -d image
	[ "$status" -eq 126 ]
	[ "$(events | tail -n 1)" = 'podman container run: gave up: it failed so in each of 2 attempts' ]
}

@test "a retry that fails otherwise, or is ended, is no rescue" {
	# shellcheck disable=SC2016 # for that script
	make_podman <<-'END'
		[[ $1 == run ]] || exit 1
		if [[ ! -e $world/tried ]]; then
			: >"$world/tried"
			echo 'Error: OCI runtime error: crun: write to ping_group_range: Invalid argument' >&2
			exit 126
		fi
		[[ ! -e $world/kill ]] || kill -TERM $$
		echo 'Error: no space left on device' >&2
		exit 125
	END
	run_bounded podman run -d --rm image
	[ "$status" -eq 125 ]
	[ "$(events | tail -n 1)" = 'podman run: gave up: attempt 2 has failed for another reason' ]
	rm tried log
	: >./kill
	run_bounded podman run -d --rm image
	[ "$(events | tail -n 1)" = 'podman run: gave up: attempt 2 has failed for another reason' ]
}

@test "that a failure is not retried is a line with the reason" {
	use_failing_podman
	OUTPUT='126 Error: OCI runtime error: crun: write to ping_group_range: Invalid argument' run_bounded podman run image
	[ "$status" -eq 126 ]
	[ "$(events)" = 'podman run: gave up: the message names no container' ]
}

@test "a fallback is a line also where the version is unknown" {
	STAND_IN_PROBE=fail podman --conmon /x run image
	[ "$(events)" = "podman run: fallback: lock and retries: --conmon beats the override's conmon_path: /x" ]
}

@test "a line that has not all arrived costs one line on stderr" {
	head -c 1000 /dev/zero | tr '\0' x >log
	# the podman of the tests cannot write either
	(ulimit -f 1 && podman --conmon /x run image) 2>&1 | cat >stderr || :
	[[ $(<stderr) == *"podman-shim: PODMAN_SHIM_LOG: $world/log: No space left"* ]]
}

@test "what is no file gets nothing, also where stderr is closed" {
	mkfifo fifo
	exec 7<>fifo
	PODMAN_SHIM_LOG=$world/fifo podman --conmon /x run image 2>&-
	[ "$(count runs)" -eq 1 ]
	! read -r -t 0.2 -u 7 || false
}

@test "a fallback is a line with the reason, but not where the settings want it so" {
	CONTAINER_HOST=unix:///x podman start x
	podman --conmon /x run image
	podman run --no-such-option image
	PODMAN_SHIM_MODE=lock podman run image
	[ "$(events)" = "podman start: fallback: lock and retries: podman is remote: its service makes the containers: CONTAINER_HOST is set
podman run: fallback: lock and retries: --conmon beats the override's conmon_path: /x
podman run: fallback: lock and retries: what follows an unknown option cannot be read: --no-such-option" ]
}

@test "a wait of over a second for the lock is a line, and so is that it was in vain" {
	touch lock
	flock -o lock sh -c 'until [ -e go ]; do sleep 0.02; done' 3>&- &
	until_true sh -c '! flock -n lock true'
	export PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK=$world/lock
	PODMAN_SHIM_LOCK_WAIT=0 run_bounded podman run image
	one_line_and 0
	[[ $(events) == "podman run: fallback: no lock: $world/lock: not free after "*' ms' ]]
	rm log
	PODMAN_SHIM_DEBUG=1 podman run image 2>trace &
	until_true grep -q 'plan: ' trace # what follows is the wait
	sleep 2.5
	: >go
	wait $!
	[[ $(events) == "podman run: wait: "*" ms for the lock $world/lock" ]]
	rm log
	mkdir directory
	PODMAN_SHIM_LOCK=$world/directory podman run image
	[[ $(events) == "podman run: fallback: no lock: $world/directory: "* ]]
}

@test "what is in names is one line of the log" {
	PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK=$world/$'no\nthing/\x01' podman run image
	[ "$(events)" = "podman run: fallback: no lock: $world/no thing/?: No such file or directory" ]
}

@test "many shims share one log, and each line is whole" {
	export PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK=$world/nothing/here
	for _ in {1..100}; do podman run image & pids+=($!); done
	wait "${pids[@]}"
	[ "$(events | sort | uniq -c | sed 's/^ *//')" = "100 podman run: fallback: no lock: $world/nothing/here: No such file or directory" ]
	[ "$(cut -d' ' -f2 log | sort -u | wc -l)" -eq 100 ]
}

@test "a log that cannot be written costs one line, and the command is run" {
	mkfifo fifo
	for PODMAN_SHIM_LOG in "$world/nothing/here" "$world" "$world/fifo" /dev/null; do
		rm -f "$record/runs"
		run_bounded podman --conmon /x run image
		one_line_and 0
		[[ $stderr == *"PODMAN_SHIM_LOG: $PODMAN_SHIM_LOG: "* ]]
		[ "$(count runs)" -eq 1 ]
	done
	PODMAN_SHIM_LOG=$world/full
	# the podman of the tests cannot write either
	(ulimit -f 0 && podman --conmon /x run image) 2>&1 | cat >stderr || :
	[[ $(<stderr) == *"podman-shim: PODMAN_SHIM_LOG: $world/full: File too large"* ]]
}
