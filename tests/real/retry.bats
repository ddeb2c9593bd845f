#!/usr/bin/env bats
# releases: trixie
# by hand: sid bookworm
# A container that the OCI runtime fails to create is created the next time, and nobody notices.

load common

runtime=/project/tests/racy-runtime

setup_file() {
	# without the override, which would leave the runtime nothing to fail at
	export PODMAN_SHIM_MODE=lock PODMAN_SHIM_BACKOFF_MS=20 PODMAN_SHIM_LOG=$BATS_FILE_TMPDIR/log
}

failures() { echo "$1" >/tmp/racy-runtime/fail-next; }
racy() { podman --runtime "$runtime" "$@"; }
version() { native --version | sed 's/.* //; s/\..*//'; }

# All that is left: containers by name and state, pods, volumes.
leftovers() {
	native ps -a --format '{{.Names}} {{.Status}}' | sed -E 's/(Exited|Up).*/\1/' | sort
	native pod ps --format '{{.Name}}' 2>/dev/null
	native volume ls -q | wc -l
}

# attempt PODMAN COUNT COMMAND: COMMAND, which names $podman, works after so many failures; keeps what it
# prints and leaves in the files PODMAN.out, PODMAN.err and PODMAN.left
attempt() {
	# shellcheck disable=SC2034 # COMMAND names it
	local podman=$1
	clear
	rm -f cid
	failures "$2"
	status=0
	(eval "$3") >"$1.out" 2>"$1.err" || status=$?
	printf '%s: %s failures, status %s\n' "$1" "$2" "$status"
	cat "$1.err"
	[ "$status" -eq 0 ]
	leftovers >"$1.left"
}

# as_natively COUNT COMMAND: after so many failures its stdout, stderr, exit status and leftovers are those
# of a native success
as_natively() {
	attempt native 0 "$2"
	attempt podman "$1" "$2"
	diff <(ids <native.out) <(ids <podman.out)
	diff native.err podman.err
	diff native.left podman.left
	[ "$(</tmp/racy-runtime/fail-next)" -eq 0 ]
}

# An id differs each time.
ids() { sed -E 's/\b[0-9a-f]{64}\b/ID/'; }

@test "attached, detached, named, --rm and --cidfile runs work after 1 to 3 failures" {
	as_natively 3 '$podman --runtime "$runtime" run --name x localhost/bb busybox echo hello'
	as_natively 1 '$podman --runtime "$runtime" run --network none -d --name x localhost/bb busybox sleep 60'
	as_natively 1 '$podman --runtime "$runtime" run --network none --cidfile cid --name x localhost/bb busybox echo hello && test -s cid'
	as_natively 1 '$podman --runtime "$runtime" run --network none -d --rm --name x localhost/bb busybox sleep 60'
}

@test "after 4 failures the error is podman's, and a line counts them" {
	for options in '' '-d --rm'; do
		clear
		failures 4
		status=0
		# shellcheck disable=SC2086 # words
		racy run --network none $options --name x localhost/bb busybox echo hello >out 2>err || status=$?
		[ "$status" -ge 125 ]
		[ ! -s out ]
		tail -n 2 err | head -n 1 | grep -q '^Error:.*ping_group_range'
		tail -n 1 err | grep -q '^podman-shim: .* 4 attempts$'
		failures 0
	done
}

@test "a run without a name leaves one container, and no other volume" {
	for options in '' -d '-v /volume' '--cidfile cid'; do
		clear
		failures 1
		# shellcheck disable=SC2086 # words
		run racy run --network none $options localhost/bb busybox true
		[ "$status" -eq 0 ]
		[ "$(native ps -aq | wc -l)" -eq 1 ]
		[ "$(native volume ls -q | wc -l)" -le 1 ]
	done
}

@test "--replace takes the place of what was there, once" {
	native run -d --stop-timeout 0 --name x localhost/bb busybox sleep 60
	failures 2
	racy run -d --replace --name x localhost/bb busybox sleep 50
	[ "$(native inspect -f '{{.Config.Cmd}}' x)" = '[busybox sleep 50]' ]
	[ "$(native ps -aq | wc -l)" -eq 1 ]
}

@test "100 MB of stdin arrive, whole, after 3 failures" {
	head -c 100000000 /dev/urandom >input
	failures 3
	[ "$(racy run --rm -i localhost/bb busybox md5sum <input)" = "$(md5sum <input)" ]
}

make_abc() {
	clear
	for name in a b c; do
		native --runtime "$runtime" create --network none --name "$name" localhost/bb busybox sleep 60 >/dev/null
	done
}

@test "start a b c works after 1 to 3 failures, and names them in order" {
	make_abc
	failures 3
	racy start a b c >out 2>err
	[ "$(<out)" = $'a\nb\nc' ]
	[ ! -s err ]
	[ "$(native ps -q | wc -l)" -eq 3 ]
	make_abc
	failures 1
	[ "$(racy start a b c 2>&1)" = $'a\nb\nc' ]
	make_abc
	failures 2
	racy start a
	is_running a
	failures 2
	[ "$(racy restart -t 0 b)" = "$(native restart -t 0 b)" ]
	is_running b
}

@test "start -a of a container works after 3 failures" {
	native --runtime "$runtime" create --name x localhost/bb busybox echo hello
	failures 3
	[ "$(racy start -a x 2>&1)" = hello ]
}

@test "a container that was created with --rm has gone with its failure: podman's own error is shown" {
	native --runtime "$runtime" create --rm --name x localhost/bb busybox echo hello
	failures 1
	run racy start x
	[ "$status" -eq 125 ]
	[[ $output == *ping_group_range* ]]
}

@test "a container that prints the failure and exits with 126 runs once" {
	mkdir keep
	text='Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument'
	for mode in auto lock; do
		for options in '' --rm '--name x' '--init --rm'; do
			for code in 125 126 127; do
				[ "$mode$options" = auto ] || [ "$code" = 126 ] || continue
				clear
				: >keep/runs
				status=0
				# shellcheck disable=SC2086 # words
				PODMAN_SHIM_MODE=$mode podman run --network none $options -v "$PWD/keep:/keep" localhost/bb \
					sh -c "echo x >>/keep/runs; echo '$text' >&2; exit $code" 2>err || status=$?
				[ "$status" -eq "$code" ]
				grep -Fx "$text" err
				[ "$(wc -l <keep/runs)" -eq 1 ]
			done
		done
	done
	clear
	: >keep/runs
	native create --name x -v "$PWD/keep:/keep" localhost/bb sh -c "echo x >>/keep/runs; echo '$text' >&2; exit 126"
	run podman start -a x
	[ "$(wc -l <keep/runs)" -eq 1 ]
}

@test "identical commands that fail side by side each remove their own container" {
	failures 6
	for _ in 1 2 3 4 5 6; do
		PODMAN_SHIM_RETRIES=6 racy run --network none -d localhost/bb busybox sleep 60 >>ids 2>>errors &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
	cat errors
	[ ! -v bad ]
	[ ! -s errors ]
	[ "$(native ps -aq | wc -l)" -eq 6 ]
	[ "$(native ps -q | wc -l)" -eq 6 ]
}

@test "a signal before a retry leaves nothing behind" {
	failures 1
	PODMAN_SHIM_BACKOFF_MS=60000 racy run --name x -v /volume localhost/bb busybox true &
	failed() { grep -qx 0 /tmp/racy-runtime/fail-next; }
	until_true failed
	until_true no_containers
	kill $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
	no_containers
	[ -z "$(native volume ls -q)" ]
}

@test "a pod's infra container that fails is started the next time" {
	(($(version) > 3)) || skip "no pods in this root: their image is not there"
	clear
	native --runtime "$runtime" pod create --name p >/dev/null
	native create --pod p --name x localhost/bb busybox sleep 60 >/dev/null
	failures 3
	racy pod start p
	is_running x
	clear
	native --runtime "$runtime" pod create --name p >/dev/null
	native create --pod p --name x localhost/bb busybox sleep 60 >/dev/null
	failures 3
	[ "$(racy start x 2>&1)" = x ]
	is_running x
	clear
	native --runtime "$runtime" pod create --name p >/dev/null
	failures 3
	racy run -d --pod p --name y localhost/bb busybox sleep 60
	is_running y
	[ "$(native ps -aq | wc -l)" -eq 2 ]
	clear
	failures 3
	racy run -d --pod new:q localhost/bb busybox sleep 60
	[ "$(native ps -q | wc -l)" -eq 2 ]
	[ "$(native pod ps -q | wc -l)" -eq 1 ]
}

@test "a container whose id begins with the name stays, and one that has ended is not started again" {
	clear
	native create --name other localhost/bb busybox true
	other=$(native inspect -f '{{.Id}}' other)
	failures 2
	[ "$(racy run --rm --network none --name "${other:0:3}" localhost/bb busybox echo hello)" = hello ]
	[ "$(native ps -aq --no-trunc)" = "$other" ]
	native create --network none -v "$work:/work" --name ends localhost/bb busybox sh -c 'echo ran >>/work/ran'
	native --runtime "$runtime" create --network none --name stays localhost/bb busybox sleep 60
	failures 2
	[ "$(PODMAN_SHIM_BACKOFF_MS=1000 racy start ends stays)" = $'ends\nstays' ]
	is_running stays
	[ "$(cat ran)" = ran ]
}

@test "with the override, a container made elsewhere and an explicit --sysctl are retried" {
	(($(version) > 4)) || skip "no override"
	export PODMAN_SHIM_MODE=auto
	native --runtime "$runtime" create --name x localhost/bb busybox sleep 60
	failures 3
	racy start x
	is_running x
	failures 3
	[ "$(racy run --rm --sysctl net.ipv4.ping_group_range='0 0' localhost/bb busybox echo hello)" = hello ]
}
