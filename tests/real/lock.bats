#!/usr/bin/env bats
# releases: bookworm
# by hand: trixie bullseye
# One start at a time, where the override cannot be used: older Podmans, and by choice.

load common

runtime=/project/tests/racy-runtime
lock=/run/user/2000/podman-shim.lock

# The runtime's own log: a create that sets the sysctl begins only after the last one's end.
overlaps() {
	awk '$4 == "yes" && $1 == "begin" { if (open) overlaps++; open++ }
		$4 == "yes" && $1 != "begin" { open-- }
		END { print overlaps + 0 }' /tmp/racy-runtime/creates
}

@test "many detached runs at once all work, and no two creates overlap" {
	export PODMAN_SHIM_MODE=lock
	patiently
	race 0
	[ "$(at_once podman --runtime "$runtime" run --network none -d localhost/bb busybox sleep 100)" -eq 0 ]
	[ "$(native ps -q | wc -l)" -eq "$many" ]
	[ "$(grep -c '^end.*yes' /tmp/racy-runtime/creates)" -eq "$many" ]
	[ "$(overlaps)" -eq 0 ]
}

@test "many attached runs at once all work, and natively most fail" {
	export PODMAN_SHIM_MODE=lock
	patiently
	race 10
	[ "$(at_once native --runtime "$runtime" run --network none --rm localhost/bb busybox echo hello)" -ge $((many / 2)) ]
	rm -f /tmp/racy-runtime/creates output
	race 0
	[ "$(at_once podman --runtime "$runtime" run --network none --rm localhost/bb busybox echo hello)" -eq 0 ]
	[ "$(grep -c '^hello$' output)" -eq "$many" ]
	[ "$(overlaps)" -eq 0 ]
}

@test "the lock is free as soon as an attached container runs" {
	export PODMAN_SHIM_MODE=lock
	podman run --rm --name x localhost/bb busybox sleep 60 &
	until_true is_running x
	until_true flock -n "$lock" true
	# long before its end
	is_running x
	[ "$(timeout 20 podman run --rm localhost/bb busybox echo second)" = second ]
	remove x
	wait $! || :
}

@test "podman, conmon and the container have no descriptor of the lock, nor the shim's signal pipe" {
	export PODMAN_SHIM_MODE=lock
	podman run --rm --name x localhost/bb busybox sleep 60 &
	shim=$!
	until_true is_running x
	for pid in $(pgrep -P "$shim") $(pgrep -x conmon) "$(native inspect -f '{{.State.Pid}}' x)"; do
		# as the user or as the root of the user's namespace, whoever may
		run bash -c "ls -l /proc/$pid/fd || podman unshare ls -l /proc/$pid/fd"
		[[ $output == *" -> "* ]]
		[[ $output != *podman-shim* ]]
	done
	remove x
	wait $! || :
}

@test "start of several, restart and pods work under the lock" {
	export PODMAN_SHIM_MODE=lock
	for name in a b c; do podman create --name $name localhost/bb busybox sleep 100; done
	[ "$(podman start a b c)" = $'a\nb\nc' ]
	podman restart -t 0 a >/dev/null
	is_running a
	[[ $(native --version) != *\ 3.* ]] || return 0 # its pods need an image from a registry
	podman run -d --pod new:group --name d localhost/bb busybox sleep 100
	podman pod stop -t 0 group
	podman pod start group
	is_running d
}

@test "what conmon and podman leave behind is nobody's child for long" {
	export PODMAN_SHIM_MODE=lock
	podman run -d --rm --name x localhost/bb busybox sleep 0.5
	until_true no_containers
	until_true no_remains
	podman run --rm localhost/bb busybox true
	until_true no_remains
	no_zombies() { ! pgrep -r Z; }
	until_true no_zombies
}

@test "exit status and output are podman's under the lock" {
	export PODMAN_SHIM_MODE=lock
	run podman run --rm localhost/bb sh -c 'echo out; exit 42'
	[ "$status" -eq 42 ]
	[ "$output" = out ]
	[ "$(echo in | podman run -i --rm localhost/bb busybox cat)" = in ]
}

@test "a run that pulls its image first holds others up no longer than the hold limit" {
	export PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK_HOLD=1 PODMAN_SHIM_LOCK_WAIT=60
	mkfifo archive
	PODMAN_SHIM_DEBUG=1 podman run --rm "oci-archive:$PWD/archive" true 2>trace 3>&- &
	until_true grep -q 'lock: .*: taken' trace
	# the archive never comes; the second does, if only after the second
	[ "$(timeout 20 podman run --rm localhost/bb busybox echo second)" = second ]
	kill $! || :
	wait $! || :
}

@test "a holder that is killed frees the lock, and podman goes with it" {
	export PODMAN_SHIM_MODE=lock
	mkfifo archive
	PODMAN_SHIM_DEBUG=1 podman run --rm "oci-archive:$PWD/archive" true 2>trace 3>&- &
	shim=$!
	until_true grep -q 'lock: .*: taken' trace
	its_podman() { podman=$(pgrep -P "$shim" -x podman); }
	until_true its_podman
	kill -KILL "$shim"
	until_true flock -n "$lock" true
	until_true gone "$podman"
}

@test "signals reach the container as they do natively, also those blocked where the shim began" {
	export PODMAN_SHIM_MODE=lock
	for program in /usr/bin/podman podman; do
		perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); exec @ARGV' \
			"$program" run --rm --name x -v "$work:/work" localhost/bb sh -c '
				trap "echo TERM >>/work/outcome; exit 3" TERM
				echo >/work/up
				for i in $(busybox seq 60); do busybox sleep 1; done' 3>&- &
		until_true [ -e up ]
		sleep 2 # until podman passes signals on
		kill -TERM $!
		status=0
		wait $! || status=$?
		until_true no_containers
		echo "$status" >>outcome
		rm -f up
		mv outcome "outcome-${program##*/}-${program%%/*}"
	done
	grep TERM outcome-podman-
	cmp outcome-podman- outcome-podman-podman
}
