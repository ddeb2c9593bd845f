#!/usr/bin/env bats
# bats file_tags=linux
# What the OCI runtime of a service fails to create is asked for again, and nobody notices.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1 CONTAINER_HOST=unix:///service
	ln -sf "$tests/programs/failing-podman" "$real/podman"
}

failures() { echo "$1" >fail; }
afresh() { rm -rf calls ran store events cid; }
calls() { grep -cE "^(--[^ ]* )*$1" calls; }
containers() { find store -type f | wc -l; }
make_container() {
	"$real/podman" run -d --name "$1" image >/dev/null
	sed -i '1s/^exited/created/' "store/$(<ran)"
	rm -f calls ran events
}

# works COMMAND...: it ends as one that has worked at once
works() {
	run_bounded "$@"
	printf 'status %s, output: %s, stderr: %s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

# once COMMAND...: podman is asked only once, and its stderr and status are what they are natively
once() {
	local native_status=0
	afresh
	failures 1
	"$real/podman" "$@" >/dev/null 2>native || native_status=$?
	afresh
	failures 1
	run_bounded podman "$@"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	diff <(sed 's/[0-9a-f]\{64\}/ID/' native) <(sed 's/[0-9a-f]\{64\}/ID/' stderr)
	[ "$status" -eq "$native_status" ]
	[ "$(calls '(container )?run')" -eq 1 ]
}

@test "1, 2 and 3 failures go unnoticed, and leave what a success leaves" {
	for count in 1 2 3; do
		while read -r left command; do
			echo "$count: $command"
			afresh
			[[ $command != *start* ]] || make_container x
			failures "$count"
			# shellcheck disable=SC2086 # words
			works podman $command
			[ "$(calls "${command%% *}")" -eq $((count + 1)) ]
			[ "$(wc -l <ran)" -eq 1 ]
			[ "$(containers)" -eq "$left" ]
			[[ $command != *cidfile* || $(<cid) == "$(<ran)" ]]
		done <<-END
			1 run image
			1 run --name x image
			0 run --rm image
			0 run --rm --name x image
			1 run --cidfile cid image
			1 run --replace --name x image
			1 run -d image
			0 run -d --rm image
			1 run -d --name x image
			1 run -d --cidfile cid image
			1 start x
			1 start -a x
		END
	done
}

@test "the 4th failure is podman's, and a line that counts them" {
	failures 4
	run_bounded podman run --name x image
	[ "$status" -eq 126 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == "Error: preparing container "*ping_group_range* ]]
	[[ ${stderr_lines[1]} == "podman-shim: "*" 4 attempts" ]]
	[ "$(calls run)" -eq 4 ]
	[ "$(containers)" -eq 1 ]
}

@test "PODMAN_SHIM_RETRIES counts the retries" {
	for retries in 0 1 2 5; do
		afresh
		failures 9
		PODMAN_SHIM_RETRIES=$retries run_bounded podman run image
		[ "$status" -eq 126 ]
		[ "$(calls run)" -eq $((retries + 1)) ]
	done
}

@test "without the lock and retries podman has the shim's process number" {
	ln -sf "$stand_in" "$real/podman"
	PODMAN_SHIM_MODE=override PODMAN_SHIM_RETRIES=0 podman run image &
	wait $!
	[ "$(recorded pid)" = $! ]
	# so does a service's main process, by which systemd knows it
	NOTIFY_SOCKET=/run/notify podman run image &
	wait $!
	[ "$(recorded pid)" = $! ]
	NOTIFY_SOCKET=/run/notify SYSTEMD_EXEC_PID=1 podman run image & # which is another
	wait $!
	[ "$(recorded pid)" != $! ]
}

@test "the wait before a retry doubles" {
	failures 3
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_BACKOFF_MS=5 run_bounded podman run image
	[ "$status" -eq 0 ]
	[ "$(grep -o 'retry . in .* ms' <<<"$stderr" | paste -sd,)" = 'retry 1 in 5 ms,retry 2 in 10 ms,retry 3 in 20 ms' ]
	unset PODMAN_SHIM_BACKOFF_MS
	failures 1
	PODMAN_SHIM_DEBUG=1 run_bounded podman run image
	[[ $stderr == *"retry 1 in 500 ms"* ]]
}

@test "all wordings of the failure are known" {
	while read -r words; do
		afresh
		failures 1
		WORDS=$words works podman run -d image
	done <<-'END'
		OCI runtime error: crun: write to `/proc/sys/net/ipv4/ping_group_range` (are all the IDs mapped in the user namespace?): Invalid argument
		OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument
		OCI runtime error: unable to start container "@": crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument
		crun: open `/proc/sys/net/ipv4/ping_group_range`: Permission denied: OCI permission denied
		crun: open `/proc/sys/net/ipv4/ping_group_range`: No such file or directory: OCI runtime attempted to invoke a command that was not found
		OCI runtime error: runc: runc create failed: unable to start container process: error during container init: open /proc/sys/net/ipv4/ping_group_range: invalid argument
	END
	for STATUS in 125 126 127; do
		afresh
		failures 1
		export STATUS
		works podman run image
	done
}

@test "what is not the failure is not retried" {
	for STATUS in 1 2 124 128 137; do
		export STATUS
		once run -d image
	done
	unset STATUS
	WORDS='OCI runtime error: crun: executable file not found' once run -d image
	WORDS='cannot write ping_group_range' once run -d image
	WORDS=$'OCI ping_group_range\n' once run -d image # and an empty line
	AFTER='no line' once run -d image
	AFTER=$'time=now level=warning\n' once run -d image
}

@test "a failure that comes in pieces, or without its newline, is known" {
	make_podman <<'END'
[ "$1" = run ] || exit 0
echo x >>"$world/calls"
[ "$(wc -l <"$world/calls")" -eq 1 ] || exit 0
for piece in Er ror ': OCI' ' /proc/sys/net/ipv4/ping_group_' "range$END"; do
	printf "$piece" >&2
	sleep 0.01
done
exit 125
END
	for END in '' '\n'; do
		export END
		rm -f calls
		works podman run -d --rm x
		[ "$(wc -l <calls)" -eq 2 ]
	done
}

@test "a container that has run does not run twice, whatever it prints" {
	"$real/podman" run -d --name other image >/dev/null
	for text in "$(<ran)" "@" none; do
		for options in '' --rm '--rm --name x' '--name y' '--cidfile cid'; do
			afresh
			# shellcheck disable=SC2086 # words
			OUTPUT="126 Error: preparing container $text for attach: crun: ping_group_range: OCI" run_bounded podman run $options image
			[ "$status" -eq 126 ]
			[[ $stderr == "Error: preparing container $text for attach: "* ]]
			[ "$(wc -l <ran)" -eq 1 ]
			[ "$(calls run)" -eq 1 ]
		done
	done
}

@test "a question that is not answered ends the retries, and says so" {
	for SILENT in events container; do
		export SILENT
		once run image
	done
	for SILENT in container rm; do
		once run -d --name x image
	done
	failures 1
	PODMAN_SHIM_DEBUG=1 run_bounded podman run -d --name y image
	[[ $stderr == *"no retry: the container that was left cannot be removed"* ]]
}

@test "a retry's terminal has the size that the caller's has by then" {
	make_podman <<-'END'
		[ "$1" = run ] || exit 0
		stty size <&2 >>"$world/sizes"
		[ -e "$world/failed" ] || { touch "$world/failed"; echo 'Error: OCI ping_group_range' >&2; exit 126; }
	END
	PODMAN_SHIM_BACKOFF_MS=2000 python3 -c '
import fcntl, os, pty, struct, sys, termios, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
resize = lambda rows: fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
while not os.path.exists("failed"):
    time.sleep(0.02)
time.sleep(0.1)
resize(50)
sys.exit(os.waitpid(pid, 0)[1])' podman run -d --rm image
	[ "$(wc -l <sizes)" -eq 2 ]
	[ "$(tail -n 1 sizes)" = '50 80' ]
}

@test "stdin that a failed attempt has not read is there for the next" {
	failures 3
	head -c 3000000 /dev/urandom | base64 -w 100 >input
	podman run -i image <input | head -n -1 | cmp - ./input
}

@test "the options that tell where containers are kept are repeated, and only those" {
	failures 1
	works podman --log-level debug -r --url unix:///s run -d --name z image
	[ "$(grep -c log-level calls)" -eq 2 ] # the runs
	grep -Fx -- '-r=true --url=unix:///s rm --volumes --ignore -- ID' calls
}

@test "of several containers none is started again" {
	make_container a
	failures 1
	PODMAN_SHIM_DEBUG=1 run_bounded podman start a b
	[ "$status" -eq 125 ]
	[ "$(calls start)" -eq 1 ]
	[[ $stderr == *"lock: "*" taken"*"lock: let go"* ]]
}

@test "what podman reads only once is not read again" {
	mkfifo pipe
	once run -d --env-file /dev/fd/9 image
	once run -d --env-file=pipe image
	once run -d --label-file pipe image
	once run -d --security-opt seccomp=/proc/self/fd/9 image
	once run --rm -- docker-archive:/dev/stdin
	REGISTRY_AUTH_FILE=pipe once run -d image
	: >file
	failures 1
	REGISTRY_AUTH_FILE="$world/file" works podman run -d --name x --env-file file --device /dev/zero --label-file /dev/null image /dev/stdin
}

@test "passthrough and PODMAN_SHIM_MODE=off are not retried" {
	once run -d --log-driver passthrough image
	PODMAN_SHIM_MODE=off once run -d image
}

@test "a retry holds the lock, in every mode" {
	lock=$XDG_RUNTIME_DIR/podman-shim.lock
	for mode in auto override lock; do
		afresh
		failures 1
		PODMAN_SHIM_MODE=$mode PODMAN_SHIM_DEBUG=1 run_bounded podman run image
		[ "$status" -eq 0 ]
		wanted=2
		[ "$mode" != override ] || wanted=1
		[ "$(grep -c "lock: $lock: taken" <<<"$stderr")" -eq "$wanted" ]
		[ "$(grep -c 'lock: let go' <<<"$stderr")" -eq "$wanted" ]
		flock -n "$lock" true
	done
}

@test "a retry below a shim that holds the lock does not wait for it" {
	failures 1
	_PODMAN_SHIM_LOCKED=1 PODMAN_SHIM_DEBUG=1 run_bounded podman run --rm image
	[ "$status" -eq 0 ]
	[[ $stderr != *"lock: "*taken* ]]
}

@test "SIGCHLD that is ignored does not hide how podman ended" {
	failures 2
	works env --ignore-signal=CHLD podman run image
	OUTPUT=7 run_bounded env --ignore-signal=CHLD podman run image
	[ "$status" -eq 7 ]
}

nothing_left() { [ "$(containers)" -eq 0 ]; }

# make_stubborn: a podman that fails, but only when a signal asks it to end
make_stubborn() {
	make_podman <<'END'
trap 'echo "Error: OCI ping_group_range" >&2; exit 126' TERM HUP INT QUIT
echo x >>"$world/begun"
for ((i = 0; i < 500; i++)); do sleep 0.02; done
END
}

@test "a signal that asks for the end is not answered with a retry" {
	make_stubborn
	for signal in TERM HUP INT QUIT; do
		rm -f begun
		env --default-signal=INT,QUIT podman run -d --rm image 2>stderr &
		until_true test -s begun
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		[ "$status" -eq 126 ]
		[ "$(<stderr)" = "Error: OCI ping_group_range" ]
		[ "$(wc -l <begun)" -eq 1 ]
	done
}

@test "a signal while the shim waits ends it, and leaves what podman has left" {
	export PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_BACKOFF_MS=60000
	for signal in TERM INT HUP; do
		afresh
		rm -f stderr
		failures 1
		env --default-signal=INT podman run --name x image 2>stderr &
		until_true grep -q 'retry 1 in' stderr
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		[ "$(kill -l "$status")" = "$signal" ]
		[ "$(calls run)" -eq 1 ]
		[ "$(containers)" -eq 1 ]
	done
}

@test "a signal while what podman has left is removed ends the shim, and it is removed all the same" {
	for signal in TERM INT HUP; do
		afresh
		rm -f slow go
		failures 1
		SLOW="rm" env --default-signal=INT podman run --name x image 2>stderr &
		until_true test -e slow
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		: >go
		[ "$(kill -l "$status")" = "$signal" ]
		[ "$(calls run)" -eq 1 ]
		until_true nothing_left
	done
}

@test "a signal that the caller ignores ends no wait" {
	failures 1
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_BACKOFF_MS=300 env --ignore-signal=HUP podman run image 2>stderr &
	until_true grep -q 'retry 1 in' stderr
	kill -HUP $!
	wait $!
	[ "$(calls run)" -eq 2 ]
}

@test "a signal that the caller ignores while podman runs keeps nothing from being repeated" {
	make_podman <<-'END'
		[ "$1" = run ] || exit 0
		echo x >>"$world/calls"
		[ "$(wc -l <"$world/calls")" -eq 1 ] || exit 0
		kill -HUP $PPID
		sleep 0.2
		echo 'Error: OCI ping_group_range' >&2
		exit 125
	END
	works env --ignore-signal=HUP "$shim/podman" run -d --rm image
	[ "$(wc -l <calls)" -eq 2 ]
}

@test "a stop while the shim waits stops it" {
	failures 1
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_BACKOFF_MS=2000 podman run image 2>stderr &
	until_true grep -q 'retry 1 in' stderr
	kill -TSTP $!
	until_true state_is $! T
	kill -CONT $!
	wait $!
	[ "$(calls run)" -eq 2 ]
}

@test "a signal ends a shim that waits for a slow reader of what is not retried" {
	failures 1
	mkfifo pipe
	exec 8<>pipe # read by nobody
	head -c "$((16 * $(getconf PAGESIZE)))" /dev/zero >&8
	SILENT=events PODMAN_SHIM_LOG=$world/log podman run image 2>pipe &
	until_true grep -q 'gave up' log
	kill $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
	exec 8<&-
}
