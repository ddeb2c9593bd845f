#!/usr/bin/env bats
# One start at a time, where podman is supervised.

load helpers

setup() {
	make_world
	export PODMAN_SHIM_MODE=lock
	lock=$XDG_RUNTIME_DIR/podman-shim.lock
	export world lock
}

# Puts a podman into $real that does what its environment says, in this order:
#     CREATE    a create of so many seconds; one that overlaps another leaves the file overlap
#     ATTACHED  a FIFO that it reads to its end
# Before that it adds its process number to the file begun, at its end to the file ended.
make_starter() {
	rm "$real/podman"
	make_script "$real/podman" <<'END'
#!/bin/bash
[[ $1 != --version ]] || { echo >>"$world/asked"; echo podman version 5.4.2; exit; }
echo $$ >>"$world/begun"
if [[ -n ${CREATE:-} ]]; then
	mkdir "$world/creating" 2>/dev/null || : >"$world/overlap"
	sleep "$CREATE"
	rmdir "$world/creating" 2>/dev/null
fi
# no child of its own, which would be left when it is killed
[[ -z ${ATTACHED:-} ]] || while read -r; do :; done <"$ATTACHED"
echo $$ >>"$world/ended"
END
}

lines() { [ "$(wc -l 2>/dev/null <"$1")" -ge "$2" ]; }
is_held() { ! flock -n "$lock" true; }

# Holds the lock until the test's end, or until $holder is killed.
hold_lock() {
	touch "$lock"
	flock -o "$lock" sleep 60 3>&- &
	holder=$!
	until_true is_held
}

@test "starts of many shims at once do not overlap, and all are run" {
	make_starter
	export PODMAN_SHIM_LOCK_HOLD=3600
	for _ in {1..20}; do CREATE=0.02 podman run image & pids+=($!); done
	wait "${pids[@]}"
	[ ! -e overlap ]
	lines ended 20
}

@test "without the shim the same starts overlap" {
	make_starter
	for _ in {1..20}; do CREATE=0.02 "$real/podman" run image & pids+=($!); done
	wait "${pids[@]}"
	[ -e overlap ]
}

# bats test_tags=linux
@test "the lock is held for three seconds at the most, and no longer than podman runs" {
	make_starter
	mkfifo attached
	export PODMAN_SHIM_DEBUG=1
	ATTACHED=$world/attached podman run image 2>trace &
	until_true lines begun 1
	is_held || grep -q 'let go: the time is over' trace
	until_true grep -q 'let go: the time is over' trace
	PODMAN_SHIM_LOCK_HOLD=60 podman run image 2>trace
	grep -q 'let go: podman has ended' trace
	lines ended 1 # the second, while the first waits
	: >attached
	wait $!
	ATTACHED=$world/attached PODMAN_SHIM_LOCK_HOLD=0 podman run image 2>trace &
	until_true grep -q 'let go: the time is over' trace
	: >attached
	wait $!
}

@test "a job that is stopped lets go of the lock" {
	make_starter
	mkfifo attached
	ATTACHED=$world/attached PODMAN_SHIM_LOCK_HOLD=3600 podman run image &
	until_true lines begun 1
	is_held
	kill -STOP "$(<begun)"
	until_true flock -n "$lock" true
	until_true state_is $! T
	kill -CONT $!
	: >attached
	wait $!
	lines ended 1
}

@test "a wedged holder stops nobody for longer than the wait limit, with one warning" {
	hold_lock
	PODMAN_SHIM_LOCK_WAIT=1 run_bounded podman run image
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
	[ "$stderr" = "podman-shim: lock: $lock: not free after 1 s, going on without it" ]
	PODMAN_SHIM_LOCK_WAIT=0 run_bounded podman run image
	[ "$(count runs)" -eq 2 ]
	kill "$holder"
}

@test "a waiter that is killed by SIGINT or SIGTERM dies of it, and starts nothing" {
	hold_lock
	for signal in INT TERM; do
		status=0
		# timeout, unlike a shell, leaves SIGINT as it should be in the background
		timeout -s "$signal" 0.5 podman run image || status=$?
		[ "$status" -eq 124 ]
		status=0
		timeout --preserve-status -s "$signal" 0.5 podman run image || status=$?
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
	done
	[ "$(count runs)" -eq 0 ]
	kill "$holder"
}

# bats test_tags=linux
@test "a caller's alarm clock goes off while the lock is waited for, and after" {
	hold_lock
	run_bounded perl -e '$SIG{ALRM} = "DEFAULT"; alarm 1; exec @ARGV' podman run image
	[ "$status" -eq 142 ]
	[ "$(count runs)" -eq 0 ]
	make_starter
	mkfifo attached
	ATTACHED=$world/attached PODMAN_SHIM_LOCK_WAIT=0 run_bounded perl -e '$SIG{ALRM} = "DEFAULT"; alarm 5; exec @ARGV' podman run image
	lines begun 1
	[ "$status" -eq 142 ]
	kill "$holder"
}

# bats test_tags=linux
@test "a lock that cannot be asked for is not waited for" {
	hold_lock
	for seconds in 0 20; do
		PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_LOCK_WAIT=$seconds run_bounded "$refuse" flock podman run image
		[ "$status" -eq 0 ]
		[[ $stderr == *"lock: $lock: cannot be used: No locks available"* ]]
	done
	kill "$holder"
}

# bats test_tags=linux
@test "a holder that is killed frees the lock, and its podman dies with it" {
	make_starter
	mkfifo attached
	ATTACHED=$world/attached podman run image &
	until_true lines begun 1
	kill -KILL $!
	until_true flock -n "$lock" true
	until_true gone "$(<begun)"
	run_bounded podman run image
	[ "$status" -eq 0 ]
}

# bats test_tags=linux
@test "only commands that start containers take the lock" {
	for command in run 'container run' start 'container start' restart 'container restart' \
		'container restore' 'pod start' 'pod restart' 'kube play' 'play kube' 'container clone'; do
		# shellcheck disable=SC2086 # words
		expect 'lock*' $command x
	done
	for command in create 'container create' build 'image build' init 'pod create' 'system service' pull exec ps \
		'run --help'; do
		# shellcheck disable=SC2086 # words
		expect plain: $command x
	done
}

@test "PODMAN_SHIM_LOCK names the file" {
	PODMAN_SHIM_LOCK=$world/mine podman run image
	[ -f mine ]
	[ ! -e "$lock" ]
	[ "$(stat -c %a mine)" = 600 ]
}

# refused REASON: podman is run without the lock, which the trace gives the reason for
refused() {
	run_bounded env PODMAN_SHIM_DEBUG=1 podman run image
	[ "$status" -eq 0 ]
	[ "$(count runs)" -ge 1 ]
	[[ $stderr == *"podman-shim: lock: $PODMAN_SHIM_LOCK: cannot be used: $1"* ]]
}

@test "a lock that is a link, a FIFO, a directory or nowhere is not used, and podman is run" {
	export PODMAN_SHIM_LOCK=$world/place
	ln -s target place
	refused 'is a symbolic link'
	[ ! -e target ]
	rm place
	mkfifo place
	refused 'is not a file'
	rm place
	mkdir place
	refused 'Is a directory'
	rmdir place
	PODMAN_SHIM_LOCK=$world/nowhere/lock refused 'No such file or directory'
	PODMAN_SHIM_LOCK=/proc/podman-shim.lock refused 'No such file or directory'
}

@test "a lock that others may write to, or in a directory that may not be written to, is not used" {
	export PODMAN_SHIM_LOCK=$world/place
	touch place
	chmod 666 place
	refused 'others may write it'
	mkdir -m 500 closed
	# root without the right to pass over permissions, which others have not in the first place
	PODMAN_SHIM_LOCK=$world/closed/lock PODMAN_SHIM_DEBUG=1 \
		setpriv --bounding-set=-dac_override,-dac_read_search podman run image 2>trace ||
		PODMAN_SHIM_LOCK=$world/closed/lock PODMAN_SHIM_DEBUG=1 podman run image 2>trace
	grep -q 'cannot be used: Permission denied' trace
}

@test "another user's lock is not used" {
	export PODMAN_SHIM_LOCK=$world/place
	if [ "$(id -u)" = 0 ]; then
		touch place
		chown 1:1 place
		refused "is another user's"
	else
		PODMAN_SHIM_LOCK=/etc/passwd refused 'Permission denied'
	fi
}

@test "a full disk keeps no container from starting" {
	export PODMAN_SHIM_LOCK=$world/full/lock
	mkdir full
	# shellcheck disable=SC2016 # expanded there
	run_bounded unshare -rm sh -c 'mount -t tmpfs -o nr_inodes=1 tmpfs full && PODMAN_SHIM_DEBUG=1 podman run image'
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
	[[ $stderr == *"cannot be used: No space left on device"* ]]
}

@test "a lock that is removed or replaced while it is held keeps no waiter out for ever" {
	make_starter
	mkfifo attached
	ATTACHED=$world/attached PODMAN_SHIM_LOCK_HOLD=3600 podman run image &
	pids=($!)
	until_true lines begun 1
	PODMAN_SHIM_DEBUG=1 podman run image 2>trace &
	pids+=($!)
	# the waiter waits for the first file, and then takes the new one
	until_true lines asked 2
	rm "$lock"
	: >attached
	wait "${pids[@]}"
	lines ended 2
	grep -q "lock: $lock: taken" trace
	[ -e "$lock" ]
}

# with_empty_tmp SCRIPT: runs it, as root of a namespace, where /tmp and /run are empty
with_empty_tmp() {
	mkdir -p mounted/bin
	copy_shim mounted/bin/podman
	mkdir mounted/real
	copy_stand_in mounted/real/podman
	mkdir mounted/record
	# shellcheck disable=SC2016 # expanded there
	STAND_IN=/mnt/record PATH=/mnt/bin:/mnt/real:$programs PODMAN_SHIM_DEBUG=1 run_bounded \
		env -u XDG_RUNTIME_DIR unshare -rm bash -euc 'mount --bind mounted /mnt
		cd /
		mount -t tmpfs tmpfs /tmp
		mount -t tmpfs tmpfs /run
		eval "$1"' _ "$1"
	echo "$stderr"
	[ "$status" -eq 0 ]
}

@test "without a runtime directory the lock is in a directory of the user's own in /tmp" {
	with_empty_tmp 'podman run image; stat -c "%a %F" /tmp/podman-shim-0 /tmp/podman-shim-0/podman-shim.lock'
	[ "$output" = $'700 directory\n600 regular empty file' ]
}

@test "a directory in /tmp that others may write, that is a link or a mount, or that cannot be made is not used" {
	with_empty_tmp 'mkdir -m 777 /tmp/podman-shim-0; podman run image; ls -A /tmp/podman-shim-0'
	[ -z "$output" ]
	[[ $stderr == *"/tmp/podman-shim-0: others may write it"* ]]
	rm -r mounted
	with_empty_tmp 'mkdir -m 755 /tmp/podman-shim-0; podman run image; ls -A /tmp/podman-shim-0'
	[ -z "$output" ]
	[[ $stderr == *"/tmp/podman-shim-0: others may enter it"* ]]
	rm -r mounted
	with_empty_tmp 'mkdir -m 700 /tmp/mine; ln -s mine /tmp/podman-shim-0; podman run image; ls -A /tmp/mine'
	[ -z "$output" ]
	[[ $stderr == *"/tmp/podman-shim-0: is a symbolic link"* ]]
	[ "$(wc -l <mounted/record/runs)" -eq 1 ]
	rm -r mounted
	with_empty_tmp 'mkdir -m 700 /tmp/podman-shim-0; mount -t tmpfs -o mode=700 tmpfs /tmp/podman-shim-0; podman run image; ls -A /tmp/podman-shim-0'
	[ -z "$output" ]
	[[ $stderr == *"/tmp/podman-shim-0: it is a mount"* ]]
	rm -r mounted
	with_empty_tmp 'mount -o remount,bind,ro /tmp; podman run image'
	[[ $stderr == *"/tmp/podman-shim-0: Read-only file system"* ]]
	[ "$(wc -l <mounted/record/runs)" -eq 1 ]
}

@test "Podman before 5.0, which executes its own name again, is executed at once the second time" {
	hold_lock
	for PODMAN_SHIM_REAL in '' "$real/podman"; do
		export PODMAN_SHIM_REAL
		rm -f "$record/runs"
		_CONTAINERS_USERNS_CONFIGURED=init podman run image &
		wait $!
		[ "$(recorded pid)" = $! ]
		[ "$(count runs)" -eq 1 ]
		lacks '^CONTAINERS_CONF_OVERRIDE=' environ
	done
	# and what it executes later is any podman
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_LOCK_WAIT=0 _CONTAINERS_USERNS_CONFIGURED='done' run_bounded podman run image
	[[ $stderr == *"plan: lock and retries: "* ]]
}

@test "podman has the descriptors that it has natively, and no more" {
	STAND_IN=$world "$real/podman" run image 7</dev/null
	podman run image 7</dev/null
	same_descriptors "$world/fds" "$record/fds"
}

# bats test_tags=static
@test "100 waiting shims all run, each in a quarter of a mebibyte of its own" {
	make_starter
	hold_lock
	export PODMAN_SHIM_LOCK_WAIT=300
	for _ in {1..100}; do CREATE=0.001 podman run image & pids+=($!); done
	until_true lines asked 100
	for pid in "${pids[@]}"; do
		[[ $(<"/proc/$pid/status") =~ RssAnon:[[:space:]]*([0-9]+)' kB' ]]
		[ "${BASH_REMATCH[1]}" -lt 256 ]
	done
	kill "$holder"
	wait "${pids[@]}"
	lines ended 100
	[ ! -e overlap ]
}
