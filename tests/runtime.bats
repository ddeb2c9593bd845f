#!/usr/bin/env bats
# bats file_tags=linux
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What happens when conmon executes the shim as its OCI runtime.

load helpers

setup() {
	make_world
	executed=${binary%/*}/./././${binary##*/} # as conmon executes it
	log=$world/log lock=$world/lock events=$world/events
	mkdir bundle
	make_runtime </dev/null
	mkfifo pipe
	exec 8<>pipe
	export world
	state_with
}

# What the runtime complains of. Text, and as JSON.
# shellcheck disable=SC2016 # crun's words
complaint='write to `/proc/sys/net/ipv4/ping_group_range` (are all the IDs mapped in the user namespace?): Invalid argument'

# Makes $world/oci-runtime an OCI runtime that tells of each execution in ./calls, and fails to create as often as ./fail
# says, in the way that crun does: by `complain`, which the shell script on standard input may change.
make_runtime() {
	{
		cat <<-'END'
			#!/bin/bash
			cd "$world"
			printf '%s\n' "$*" >>calls
			for ((i = 1; i <= $#; i++)); do
				[ "${!i}" != --log ] || { j=$((i + 1)); log=${!j}; }
				[[ ${!i} != --log=* ]] || log=${!i#--log=}
				[ "${!i}" != --console-socket ] || { j=$((i + 1)); socket=${!j}; }
			done
			begin() { :; }
			undo() { :; }
			complain() {
				printf '{"msg":"%s","level":"error"}\n' "$1" >>"$log"
				printf '%s\n' "$1" >&2
			}
		END
		cat
		printf '%s\n' "complaint='$complaint'" 'case " $* " in'
		cat <<-'END'
			*' delete '*) undo; exit "$(cat delete-status 2>/dev/null || echo 0)" ;;
			*' create '*) begin "$@" ;;
			*) exit 7 ;;
			esac
			fail=$(cat fail 2>/dev/null || echo 0)
			((fail > 0)) || { [ -z "$log" ] || [ -e "$log" ] || : >>"$log"; exit "$(cat status 2>/dev/null || echo 0)"; }
			echo $((fail - 1)) >fail
			complain "$complaint"
			exit 1
		END
	} | make_script oci-runtime.new
	mv oci-runtime.new oci-runtime
}

# Sets $state to what conmon's part tells, with the WORDS.
state_with() { state="_PODMAN_SHIM=1 lock=$lock log=$events command=run lock_wait=60 retries=3 backoff=1 runtime=$world/oci-runtime${1:+ }$*"; }

# Executes the shim as conmon does, with WORDS behind the state, and sets $status, and $said to what is on stderr,
# conmon's pipe.
as_runtime() {
	status=0
	timeout -s KILL 60 "$executed" --systemd-cgroup "$state" "$@" 2>&8 || status=$?
	said=$(said)
}

said() { dd if=pipe bs=64k iflag=nonblock 2>/dev/null || :; }

options=(--log-format=json --log)
create() { as_runtime "${options[@]}" "$log" create --bundle "$world/bundle" --pid-file "$world/pid" "$@" ID; }

# Prints the commands that the runtime got.
commands() { sed 's/.*\(create\|delete --force\).* \([^ ]*\)$/\1 \2/' calls | tr '\n' ' '; }

# Prints the events without times and process numbers.
told() { [ ! -e "$events" ] || cut -d ' ' -f 3- "$events"; }

failures() { echo "$1" >"$world/fail"; }

# Empties all that attempts leave.
clean() { rm -rf calls events log fail status; }

@test "everything but create is the real runtime's, as it came and with the same process number" {
	state="_PODMAN_SHIM=1 runtime=$real/podman"
	for words in '--root /x state ID' 'exec --pid-file p ID' '' --log create 'create ID' 'create --bundle' 'create --pid-file p --bundle b ID' \
		'create --bundle b --pid-file' 'created --bundle b ID' 'delete --force ID'; do
		# shellcheck disable=SC2086 # words
		"$executed" "$state" $words &
		wait "$!"
		# shellcheck disable=SC2086
		printf '%s\0' "$real/podman" $words | cmp - "$record/argv"
		[ "$(recorded pid)" = "$!" ]
		lacks '^_PODMAN_SHIM' environ
	done
}

@test "the runtime that creates has conmon's arguments, environment, descriptors, signals and directory" {
	local -a words=(--systemd-cgroup --log=x create --bundle "$world/bundle" --pid-file $'p\nq' --preserve-fds 2 ID) \
		natively=(env -i ASAN_OPTIONS="${ASAN_OPTIONS-}" STAND_IN="$record" A=b LISTEN_FDS=2 LISTEN_PID=1 env --block-signal=USR1
			--ignore-signal=HUP --ignore-signal=PIPE --ignore-signal=CHLD)

	echo content >file
	umask 027
	"${natively[@]}" "$real/podman" "${words[@]}" 3<file 4<file 7<file 8>&-
	keep_record native
	"${natively[@]}" "$executed" "_PODMAN_SHIM=1 lock=$lock retries=3 runtime=$real/podman" "${words[@]}" 3<file 4<file 7<file 8>&-
	for what in argv environ fds signals namespace; do same "native/$what" "$record/$what"; done
	[ -e "$lock" ]
	"${natively[@]}" "$real/podman" "${words[@]}" <&- >&- 2>&- 8>&-
	keep_record closed
	"${natively[@]}" "$executed" "_PODMAN_SHIM=1 lock=$lock retries=3 runtime=$real/podman" "${words[@]}" <&- >&- 2>&- 8>&-
	same closed/fds "$record/fds"
	lacks '^[012] ' fds
}

@test "podman, conmon and the OCI runtime are executed by each other as without a shim, and a failed create is made again" {
	need_own_conmon
	make_script conmon <<-'END'
		#!/bin/bash
		# as src/runtime_args.c of conmon
		while (($#)); do
			case $1 in
			-r) runtime=$2 ;;
			-b) bundle=$2 ;;
			-c) id=$2 ;;
			--runtime-arg) arguments+=("$2") ;;
			esac
			shift $(($# > 1 ? 2 : 1))
		done
		"$runtime" "${arguments[@]}" create --bundle "$bundle" --pid-file pid "$id"
	END
	mv conmon "$real/conmon"
	echo '{"linux":{"sysctl":{"net.ipv4.ping_group_range":"0 0"}}}' >bundle/config.json
	failures 3
	export PODMAN_SHIM_LOG=$events PODMAN_SHIM_LOCK=$lock PODMAN_SHIM_BACKOFF_MS=1
	export STAND_IN_CONMON="-c ID -r $world/oci-runtime -b $world/bundle --runtime-arg --log --runtime-arg $log"
	run_bounded podman start x 2>&8
	printf '%s\n' "$stderr"
	[ "$status" -eq 0 ]
	[ "$(commands)" = 'create ID delete --force ID create ID delete --force ID create ID delete --force ID create ID ' ]
	[ "$(told | tail -n 1)" = 'podman start: rescue: attempt 4 has not failed so' ]
	[ -e "$lock.create" ]
}

@test "a runtime that is told which process listens is told its own number" {
	LISTEN_FDS=1 bash -c 'LISTEN_PID=$$ exec "$@"' _ "$executed" "_PODMAN_SHIM=1 runtime=$real/podman" create --bundle b ID
	recorded environ | grep -x "LISTEN_PID=$(recorded pid)"
	LISTEN_FDS=1 LISTEN_PID=1 "$executed" "_PODMAN_SHIM=1 runtime=$real/podman" create --bundle b ID
	recorded environ | grep -x LISTEN_PID=1
}

@test "a create that fails 1 to 3 times is made again, and nobody notices" {
	: >empty
	for failures in 0 1 2 3; do
		clean
		failures "$failures"
		create --no-new-keyring
		printf 'status %s: %s\n' "$status" "$said"
		[ "$status" -eq 0 ]
		[ -z "$said" ]
		same empty log
		[ "$(commands)" = "$(for ((i = 0; i < failures; i++)); do printf 'create ID delete --force ID '; done)create ID " ]
		[ "$(sed -n 1p calls)" = "--systemd-cgroup --log-format=json --log $log create --bundle $world/bundle --pid-file $world/pid --no-new-keyring ID" ]
		((failures == 0)) || [ "$(sed -n 2p calls)" = '--systemd-cgroup --log-format=json delete --force ID' ]
		[ "$(told | grep -c ': retry: ')" -eq "$failures" ]
	done
	[ "$(told | tail -n 2)" = "podman run: retry: the OCI runtime could not write ping_group_range, attempt 3
podman run: rescue: attempt 4 has not failed so" ]
}

@test "a create that fails in every attempt ends as the last has ended, and is not undone" {
	failures 9
	create
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(wc -l <log)" -eq 1 ]
	[ "$(commands)" = 'create ID delete --force ID create ID delete --force ID create ID delete --force ID create ID ' ]
	[ "$(told | tail -n 1)" = 'podman run: gave up: it failed so in each of 4 attempts' ]
	clean
	failures 9
	state_with retries=0
	create
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(commands)" = 'create ID ' ]
	clean
	failures 9
	make_runtime <<<'complain() { printf "%s\n" "$1" >&2; }'
	create
	[ "$said" = "$complaint" ]
}

@test "the failure is found in the log alone, or on stderr alone, in whatever words" {
	for complain in 'echo "{\"msg\":\"open \`/proc/sys/net/ipv4/ping_group_range\`: Permission denied\"}" >>"$log"' \
		'echo "{\"msg\":\"write sysctl key net.ipv4.ping_group_range: open \\/proc\\/sys\\/net\\/ipv4\\/ping_group_range\"}" >>"$log"' \
		'echo "runc create failed: unable to start container process: error during container init: open /proc/sys/net/ipv4/ping_group_range: no such file or directory" >&2' \
		'printf "%040000d\n%s" 0 "$1" >&2' 'printf %s "$1" >&2'; do
		make_runtime <<<"complain() { $complain; }"
		clean
		failures 2
		create
		printf '%s: %s\n' "$complain" "$said"
		[ "$status" -eq 0 ]
		[ -z "$said" ]
		[ ! -s log ]
		[ "$(wc -l <calls)" -eq 5 ]
	done
	clean
	failures 1
	options=()
	as_runtime --log="$log" create --bundle b ID
	[ "$status" -eq 0 ]
	[ "$(sed -n 2p calls)" = '--systemd-cgroup delete --force ID' ]
	clean
	failures 1
	as_runtime create --bundle b ID
	[ "$status" -eq 0 ]
	[ -z "$said" ]
}

@test "what the log held before, and what a create that works has said, stays" {
	echo '{"msg":"earlier"}' >log
	cp log earlier
	failures 2
	make_runtime <<<'begin() { [ "$(cat fail)" != 0 ] || echo hello >&2; }'
	create
	[ "$status" -eq 0 ]
	[ "$said" = hello ]
	same earlier log
	clean
	printf '{"msg":"%s"}\n' "$complaint" >log
	make_runtime <<<'begin() { echo "{\"msg\":\"another\"}" >>"$log"; exit 5; }'
	create
	[ "$status" -eq 5 ]
	[ "$(wc -l <calls)" -eq 1 ]
}

@test "another failure, a hook's, a death by a signal, and success are final, whatever is said" {
	for words in "write to /proc/sys/net/ipv4/ip_forward: Permission denied" "error executing hook \`/x/ping_group_range\`" \
		"executable file \`cat /proc/sys/net/ipv4/ping_group_range\` not found" "mount \`/ping_group_range\` to \`x\`: No such file" \
		"exec: cat ping_group_range: no such file" "chdir to \`/ping_group_range\`: No such file"; do
		make_runtime <<<'begin() { complain "$(cat words)"; exit 9; }'
		clean
		printf %s "$words" >words
		create
		[ "$status" -eq 9 ]
		[ "$said" = "$words" ]
		[ "$(wc -l <log)" -eq 1 ]
		[ "$(commands)" = 'create ID ' ]
		[ -z "$(told)" ]
	done
	ulimit -Sc "$(ulimit -Hc)"
	for ending in 'kill -KILL $$' 'kill -SEGV $$' 'exit 0'; do
		make_runtime <<<"begin() { ulimit -c 0; complain \"\$complaint\"; $ending; }"
		clean
		create
		[[ $status == "$([[ $ending == *KILL* ]] && echo 137 || { [[ $ending == *SEGV* ]] && echo 139 || echo 0; })" ]]
		[ "$said" = "$complaint" ]
		[ "$(commands)" = 'create ID ' ]
	done
	[ -z "$(compgen -G 'core*')" ] # if the runtime wants none
	make_runtime <<<'begin() { [ "$(cat fail)" = 1 ] || { echo "no space left" >&2; exit 4; }; }'
	clean
	failures 1
	create
	[ "$status" -eq 4 ]
	[ "$said" = 'no space left' ]
	[ "$(told | tail -n 1)" = 'podman run: gave up: attempt 2 has failed for another reason' ]
}

@test "a create that a signal has ended ends the shim by it, also where that is held or the caller ignores it" {
	for signal in TERM HUP; do
		make_runtime <<<"begin() { exec env --default-signal=HUP bash -c 'kill -$signal \$\$'; }"
		env --ignore-signal=HUP python3 -c 'import subprocess, sys
sys.exit(-subprocess.call(sys.argv[1:]))' "$executed" "$state" create --bundle b ID 2>&8 || status=$?
		[ "$status" -eq "$(kill -l "$signal")" ]
	done
}

@test "hooks that would run again forbid it" {
	state_with hooks=1
	failures 1
	create
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(commands)" = 'create ID ' ]
	[ "$(told)" = 'podman run: gave up: hooks would run again' ]
	make_runtime_with_terminal
	failures 1
	create_with_console "$world/console" >got
	[ "$(<got)" = "name: $world/fail" ]
}

@test "with passthrough the log alone tells, and others' lines stay on stderr" {
	state_with passthrough=1
	printf 'others\n%s\n' "$complaint" >&8
	failures 2
	create
	[ "$status" -eq 0 ]
	[ "$said" = "others"$'\n'"$complaint"$'\n'"$complaint"$'\n'"$complaint" ]
	clean
	failures 1
	as_runtime create --bundle b ID
	[ "$status" -eq 1 ]
	[ "$(commands)" = 'create ID ' ]
}

@test "a stderr that is no pipe is not looked into" {
	make_runtime <<<'complain() { printf "%s\n" "$1" >&2; }'
	for target in file /dev/null '&-'; do
		clean
		rm -f file
		failures 1
		eval "run_bounded \"\$executed\" \"\$state\" create --bundle b ID 2>$target" || :
		[ "$(commands)" = 'create ID ' ]
	done
	failures 1
	python3 -c 'import os, socket, subprocess, sys
one, other = socket.socketpair()
sys.exit(subprocess.call(sys.argv[1:], stderr=one))' "$executed" "$state" create --bundle b ID || status=$?
	[ "$status" -eq 1 ]
}

@test "a log that is not what it should be is not touched" {
	make_runtime <<<'complain() { printf "%s\n" "$1" >&2; }'
	echo content >target
	for log in link fifo directory /dev/zero none/log ''; do
		clean
		rm -rf link fifo directory
		ln -s target link
		mkfifo fifo
		mkdir directory
		failures 1
		create
		[ "$status" -eq 0 ]
		[ "$(<target)" = content ]
		[ "$(commands)" = 'create ID delete --force ID create ID ' ]
	done
	log=$world/big
	truncate -s 8G big
	failures 1
	create
	[ "$status" -eq 0 ]
	[ "$(stat -c %s big)" -eq 8589934592 ]
	log=$world/link
	make_runtime </dev/null
	failures 1
	create
	[ "$status" -eq 0 ]
	[ "$(wc -l <target)" -eq 2 ]
}

@test "a log that cannot be cut ends it, with stderr as the runtime left it" {
	make_runtime <<<'complain() { rm -f "$log"; mkdir "$log"; : >"$log/file"; printf "%s\n" "$1" >&2; }'
	failures 1
	create
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(commands)" = 'create ID delete --force ID ' ]
	[ "$(told)" = 'podman run: gave up: the log cannot be cut' ]
}

@test "a log of the shim's own that cannot be written is not told of on the container's stderr" {
	events=$world/none/log
	state_with
	failures 1
	create
	[ "$status" -eq 0 ]
	[ -z "$said" ]
}

@test "what cannot be removed ends it, with the log and stderr as the runtime left them" {
	for status in 1 139; do
		clean
		echo "$status" >delete-status
		failures 2
		create
		[ "$status" -eq 1 ]
		[ "$said" = "$complaint" ]
		[ "$(wc -l <log)" -eq 1 ]
		[ "$(commands)" = 'create ID delete --force ID ' ]
		[ "$(told)" = 'podman run: gave up: the OCI runtime cannot remove what it has left' ]
	done
}

@test "what the runtime leaves running where it removes is not waited for, nor what it says there" {
	make_runtime <<<'undo() { echo removed; sleep 61.5 & echo $! >left; }'
	failures 1
	create
	[ "$status" -eq 0 ]
	[ -z "$said" ]
	kill "$(<left)"
	[ "$(commands)" = 'create ID delete --force ID create ID ' ]
}

# Starts the shim in the background, as $shim_pid.
start() {
	"$executed" "$state" "${options[@]}" "$log" create --bundle b ID 2>&8 &
	shim_pid=$!
}

# Ends it by SIGNAL, and sets $status.
end_by() {
	kill "-$1" "$shim_pid"
	status=0
	wait "$shim_pid" || status=$?
	said=$(said)
}

@test "a signal in the wait ends it as the runtime ended, with all as that left it" {
	for signal in TERM INT QUIT; do
		clean
		state_with backoff=60000
		failures 1
		set -m # as conmon does, without the signals ignored
		start
		set +m
		until_true grep -qx 0 fail
		until_true [ -s log ]
		childless() { ! pgrep -P "$shim_pid"; }
		until_true childless
		end_by "$signal"
		[ "$status" -eq 1 ]
		[ "$said" = "$complaint" ]
		[ "$(wc -l <log)" -eq 1 ]
		[ "$(commands)" = 'create ID ' ]
	done
}

@test "a signal is passed on to the runtime, and no attempt follows" {
	make_runtime <<-'END'
		begin() {
			trap 'complain "$complaint"; exit 3' TERM INT QUIT
			echo $$ >runtime-pid
			: >began
			while :; do read -rt 0.01 <> <(:) || :; done
		}
	END
	for signal in TERM INT QUIT; do
		clean
		rm -f began
		set -m
		start
		set +m
		until_true [ -e began ]
		end_by "$signal"
		[ "$status" -eq 3 ]
		[ "$said" = "$complaint" ]
		[ "$(commands)" = 'create ID ' ]
	done
	make_runtime <<<'begin() { : >began; exec sleep 60; }'
	rm began
	set -m
	start
	set +m
	until_true [ -e began ]
	end_by TERM
	[ "$status" -eq 143 ]
}

@test "a signal that the caller ignores or blocks changes nothing" {
	failures 1
	state_with backoff=300
	for how in --ignore-signal=TERM --block-signal=TERM; do
		clean
		failures 1
		env "$how" "$executed" "$state" "${options[@]}" "$log" create --bundle b ID 2>&8 &
		shim_pid=$!
		until_true [ -s log ]
		end_by TERM
		[ "$status" -eq 0 ]
		[ "$(commands)" = 'create ID delete --force ID create ID ' ]
	done
}

@test "a signal while the runtime removes what it has left ends it after that, with all as that left it" {
	mkfifo gate
	make_runtime <<<'undo() { : >removing; read -r <gate; : >removed; }'
	failures 1
	set -m
	start
	set +m
	until_true [ -e removing ]
	kill -TERM "$shim_pid"
	echo >gate
	status=0
	wait "$shim_pid" || status=$?
	[ "$status" -eq 1 ]
	[ -e removed ]
	[ "$(said)" = "$complaint" ]
	[ "$(wc -l <log)" -eq 1 ]
	[ "$(told)" = 'podman run: gave up: a signal has come' ]
}

@test "a runtime whose shim was killed before it could be told so does not begin" {
	# the child stops where it would be told
	strace -D -f -qq -o /dev/null -e trace=prctl -e inject=prctl:retval=0:signal=SIGSTOP \
		"$executed" "$state" create --bundle b ID 2>&8 &
	shim_pid=$!
	child() { child=$(pgrep -P "$shim_pid") && state_is "$child" Tt; }
	until_true child
	end_by KILL
	kill -CONT "$child"
	until_true gone "$child"
	[ ! -e calls ]
}

@test "the runtime ends with the shim, however that ends" {
	make_runtime <<<'begin() { echo $$ >runtime-pid; exec sleep 600; }'
	start
	until_true [ -s runtime-pid ]
	end_by KILL
	until_true gone "$(<runtime-pid)" || { kill "$(<runtime-pid)" && false; }
	[ "$status" -eq 137 ]
}

@test "while a create is made the lock is held, in the wait it is not" {
	make_runtime <<<'begin() { flock -n lock true && echo free || echo held; } >>creates'
	state_with backoff=60000
	failures 1
	start
	until_true [ -s log ]
	until_true flock -n lock true
	[ "$(<creates)" = held ]
	end_by TERM
	flock -n lock true
	[ "$(stat -c %a lock)" = 600 ]
	clean
	rm creates
	state_with backoff=1
	failures 1
	create
	[ "$(<creates)" = $'held\nheld' ]
}

@test "the wait before a retry is as long as is asked for, and doubles" {
	state_with backoff=300
	failures 3
	begun=${EPOCHREALTIME/./}
	create
	[ "$status" -eq 0 ]
	((${EPOCHREALTIME/./} - begun >= 2100000))
}

@test "who waits for the lock gets it, goes on without it after that, or ends by a signal" {
	: >lock
	chmod 600 lock
	exec 7<lock
	flock 7
	start 7<&-
	until_true state_is "$shim_pid" S
	sleep 0.2
	[ ! -e calls ]
	flock -u 7
	wait "$shim_pid"
	[ "$(commands)" = 'create ID ' ]
	flock 7
	clean
	state_with lock_wait=1
	create 7<&-
	[ "$status" -eq 0 ]
	[[ $(told) == "podman run: fallback: no lock: $lock: not free after "[1-9]???' ms' ]]
	clean
	state_with
	set -m
	start 7<&-
	set +m
	until_true state_is "$shim_pid" S
	end_by TERM
	[ "$status" -eq 143 ]
	[ ! -e calls ]
	start 7<&-
	waits() { [ "/proc/$shim_pid/exe" -ef "$binary" ] && state_is "$shim_pid" S; }
	until_true waits
	sleep 1.2
	flock -u 7
	wait "$shim_pid"
	[[ $(told) == 'podman run: wait: '[1-9]*" ms for the lock $lock" ]]
}

@test "a signal ends the wait for the lock before a retry, with all as the runtime left it" {
	state_with backoff=2000
	failures 1
	set -m
	start
	set +m
	until_true [ -s log ]
	exec 7<lock
	flock 7
	sleep 2.5
	end_by TERM
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(commands)" = 'create ID ' ]
	[ "$(told | tail -n 1)" = 'podman run: gave up: a signal has come' ]
	[[ $(told) != *'wait: 1'????' ms'* ]] # not the 10 seconds
}

@test "a lock that cannot be used is done without" {
	mkfifo fifo
	ln -s lock link
	: >others
	chmod 666 others
	for lock in none/lock fifo link bundle others /dev/null; do
		clean
		state_with
		create
		[ "$status" -eq 0 ]
		[[ $(told) == "podman run: fallback: no lock: $lock: "* ]]
	done
	clean
	state="_PODMAN_SHIM=1 log=$events runtime=$world/oci-runtime"
	create
	[ "$(told)" = "podman : fallback: no lock: podman-shim.lock: there is no directory of the user's own" ]
}

@test "no attempt begins half a minute after the first" {
	[ -n "${PATIENCE-}" ] || skip 'takes half a minute: PATIENCE=1'
	make_runtime <<<'begin() { sleep 30; }'
	failures 9
	create
	[ "$status" -eq 1 ]
	[ "$said" = "$complaint" ]
	[ "$(commands)" = 'create ID ' ]
	[ "$(told)" = 'podman run: gave up: no time is left' ]
}

@test "nobody waits for the lock for longer than 10 seconds, whatever is asked for" {
	[ -n "${PATIENCE-}" ] || skip 'takes 10 seconds: PATIENCE=1'
	: >lock
	chmod 600 lock
	exec 7<lock
	flock 7
	create 7<&-
	[ "$status" -eq 0 ]
	[[ $(told) == "podman run: fallback: no lock: $lock: not free after 10"???' ms' ]]
}

# Executes the shim with a console socket PATH of which a conmon takes one terminal, slowly. Sets $status, and prints
# what that conmon has got.
create_with_console() {
	cat >conmon.py <<-'END'
		import array, os, socket, subprocess, sys, threading, time
		path = sys.argv[1]
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(path)
		listener.listen(128)
		def take():
		    connection, _ = listener.accept()
		    os.unlink(path)
		    time.sleep(0.3)
		    name, fds, _, _ = socket.recv_fds(connection, 4095, 1)
		    got.append(f"{name.decode()}: {os.readlink(f'/proc/self/fd/{fds[0]}')}")
		    connection.close()
		got = []
		taker = threading.Thread(target=take, daemon=True)
		taker.start()
		status = subprocess.call(sys.argv[2:])
		if status or "DIRECTLY" in os.environ: # else the shim has waited for that
		    taker.join(5)
		print("\n".join(got))
		sys.exit(status)
	END
	status=0
	timeout -s KILL 60 python3 conmon.py "$1" "$executed" "$state" "${options[@]}" "$log" create --bundle b --console-socket "$1" ID \
		2>&8 || status=$?
	said=$(said)
}

# Makes the runtime one that sends FILE as the terminal.
make_runtime_with_terminal() {
	make_runtime <<-'END'
		begin() {
			printf '%s\n' "$socket" >>sockets
			stat -c %A "$socket" >>sockets
			python3 -c 'import os, socket, sys
		connection = socket.socket(socket.AF_UNIX)
		connection.connect(sys.argv[1])
		socket.send_fds(connection, [b"name"], [os.open("fail", os.O_RDONLY)])' "$socket"
		}
	END
}

@test "the terminal of the create that works is conmon's, once, also where earlier ones have sent theirs" {
	make_runtime_with_terminal
	for failures in 0 1 3; do
		clean
		rm -f sockets
		failures "$failures"
		((failures < 3)) || export DIRECTLY=1
		create_with_console "$world/console" >got
		[ "$status" -eq 0 ]
		[ "$(<got)" = "name: $world/fail" ]
		[ -z "$said" ]
		[ "$(commands | grep -o create | wc -l)" -eq $((failures + 1)) ]
		if ((failures < 3)); then
			[ "$(sort -u sockets)" = "$world/console.s"$'\nsrwx------' ]
		else # in the last attempt there is nothing that could be repeated
			[ "$(tail -n 2 sockets | head -n 1)" = "$world/console" ]
		fi
		[ ! -e console.s ]
		rm -f console
	done
}

@test "the terminal of a create that fails for good goes nowhere but in the last attempt" {
	make_runtime_with_terminal
	failures 9
	create_with_console "$world/console" >got
	[ "$status" -eq 1 ]
	[ "$(<got)" = "name: $world/fail" ]
	[ "$said" = "$complaint" ]
	[ ! -e console.s ]
}

@test "a console socket beside which there can be no other forbids a retry" {
	local path=$world/

	make_runtime_with_terminal
	path+=$(printf '%0*d' $((106 - ${#path})) 0)
	: >taken.s
	for path in "$path" "$world/taken"; do
		clean
		rm -f sockets
		failures 1
		create_with_console "$path" >got
		[ "$status" -eq 1 ]
		[ "$(head -n 1 sockets)" = "$path" ]
		[ "$(<got)" = "name: $world/fail" ]
		[ "$(told)" = 'podman run: gave up: there is no console socket for another attempt' ]
	done
	[ -e taken.s ]
}

@test "what comes to the console socket and is no terminal is not sent on" {
	for sends in 'pass' 'connection.send(b"x")' 'connection.close()' 'socket.send_fds(connection, [b"x"], [0, 1])' \
		'os.fork() or [time.sleep(0.05) for _ in iter(lambda: os.path.exists("ended"), True)]'; do
		clean
		make_runtime <<-END
			begin() {
				python3 -c 'import os, socket, sys, time
			connection = socket.socket(socket.AF_UNIX)
			connection.connect(sys.argv[1])
			$sends' "\$socket"
			}
		END
		create_with_console "$world/console" >got
		[ "$status" -eq 0 ]
		[ -z "$(<got)" ]
		[ ! -e console.s ]
		rm -f console
	done
	: >ended # for the last of these
	clean
	make_runtime <<<'begin() { rm "${socket%.s}"; }'
	create_with_console "$world/console" >got
	[ "$status" -eq 0 ]
}

@test "without its own word, a process, or the runtime, one line says so" {
	for words in '' '_PODMAN_SHIM=2 runtime=/x' '_PODMAN_SHIM=1' '_PODMAN_SHIM=1 lock=/x' '_PODMAN_SHIM=1 runtime=%' \
		'_PODMAN_SHIM=1.runtime=/x' '_PODMAN_SHIM=1 runtime=/x retries=x'; do
		run_bounded "$executed" ${words:+"$words"} create --bundle b ID
		one_line_and 125
	done
	for words in 'create --bundle b ID' state; do
		# shellcheck disable=SC2086 # words
		run_bounded "$executed" "_PODMAN_SHIM=1 runtime=/no/such" $words
		one_line_and 127
		[[ $stderr == *': /no/such: No such file or directory' ]]
	done
}

@test "where no process can be made the runtime creates in the shim's place" {
	failures 1
	run_bounded "$refuse" fork "$executed" "_PODMAN_SHIM=1 lock=$lock retries=3 runtime=$real/podman" --log x create --bundle b --console-socket c ID
	[ "$status" -eq 0 ]
	[ "$(recorded argv)" = "$real/podman"$'\n--log\nx\ncreate\n--bundle\nb\n--console-socket\nc\nID' ]
	[ ! -e c.s ]
	flock -n lock true
}
