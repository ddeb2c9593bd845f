#!/usr/bin/env bats
# bats file_tags=linux
# What the OCI runtime fails to create is asked for again, and nobody notices.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1
	ln -sf "$tests/failing-podman" "$real/podman"
}

failures() { echo "$1" >fail; }
# otherwise SCRIPT: from now on podman is failing-podman but for what sed's SCRIPT says
otherwise() {
	rm "$real/podman"
	sed "$1" "$tests/failing-podman" | make_script "$real/podman"
}
calls() { grep -cE "^(--[^ ]* )*$1" calls; }
containers() { find store -name '*.status' 2>/dev/null | wc -l; }

# works COMMAND...: it ends as one that has worked at once
works() {
	run_bounded "$@"
	printf 'status %s, output: %s, stderr: %s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "1, 2 and 3 failures go unnoticed" {
	for count in 1 2 3; do
		rm -rf calls store
		failures "$count"
		works podman run image
		[ "$output" = output ]
		[ "$(calls run)" -eq $((count + 1)) ]
		[ "$(containers)" -eq 1 ]
	done
}

@test "the 4th failure is podman's, and a line that counts them" {
	failures 4
	run_bounded podman run --name x image
	[ "$status" -eq 126 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == "Error: OCI runtime error: crun: write to "* ]]
	[[ ${stderr_lines[1]} == "podman-shim: "*" 4 attempts" ]]
	[ "$(calls run)" -eq 4 ]
	[ "$(containers)" -eq 1 ]
}

@test "PODMAN_SHIM_RETRIES counts the retries, and 0 leaves podman the shim's process number" {
	for retries in 0 1 2 5; do
		rm -rf calls store
		failures 9
		PODMAN_SHIM_RETRIES=$retries run_bounded podman run image
		[ "$status" -eq 126 ]
		[ "$(calls run)" -eq $((retries + 1)) ]
	done
	failures 0
	ln -sf "$stand_in" "$real/podman"
	PODMAN_SHIM_RETRIES=0 podman run image &
	wait $!
	[ "$(recorded pid)" = $! ]
	[ -n "$(override_descriptor)" ]
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
		rm -rf store
		failures 1
		WORDS=$words works podman run image
	done <<-'END'
		OCI runtime error: crun: write to `/proc/sys/net/ipv4/ping_group_range` (are all the IDs mapped in the user namespace?): Invalid argument
		OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument
		OCI runtime error: unable to start container "@": crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument
		preparing container @ for attach: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument: OCI runtime error
		crun: open `/proc/sys/net/ipv4/ping_group_range`: Permission denied: OCI permission denied
		crun: open `/proc/sys/net/ipv4/ping_group_range`: No such file or directory: OCI runtime attempted to invoke a command that was not found
		OCI runtime error: runc: runc create failed: unable to start container process: error during container init: open /proc/sys/net/ipv4/ping_group_range: invalid argument
	END
	for STATUS in 125 126 127; do
		rm -rf store
		failures 1
		export STATUS
		works podman run image
	done
}

# once COMMAND...: podman is asked only once, and its stderr and status are what they are natively
once() {
	rm -rf calls store pods native
	failures 1
	"$real/podman" "$@" >native-output 2>native || native_status=$?
	rm -rf calls store pods
	failures 1
	run_bounded podman "$@"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	cmp native stderr
	[ "$status" -eq "$native_status" ]
	[ "$(calls run)" -eq 1 ]
}

@test "what is not the failure is not retried" {
	for STATUS in 1 2 124 128 137; do
		export STATUS
		once run image
	done
	unset STATUS
	WORDS='OCI runtime error: crun: executable file not found' once run image
	WORDS='cannot write ping_group_range' once run image
	WORDS=$'OCI ping_group_range\n' once run image # and an empty line
	AFTER='no line' once run image
	AFTER=$'time=now level=warning\n' once run image
	AFTER=$'\n' once run image
}

@test "a failure that comes in pieces, or without its newline, is known" {
	make_podman <<'END'
[ "$1" = start ] || exit 0
echo x >>"$world/started"
[ "$(wc -l <"$world/started")" -eq 1 ] || exit 0
for piece in Er ror ': OCI' ' /proc/sys/net/ipv4/ping_group_' "range$END"; do
	printf "$piece" >&2
	sleep 0.03
done
exit 125
END
	for END in '' '\n'; do
		export END
		rm -f started
		works podman start x
		[ "$(wc -l <started)" -eq 2 ]
	done
}

@test "a container that has run does not run twice, whatever it prints" {
	text='Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument'
	for options in '' --rm '--rm --name x' '--name y' '--cidfile cid'; do
		for result in 125 126 127; do
			rm -rf ran store cid
			# shellcheck disable=SC2086 # words
			OUTPUT="$result $text" run_bounded podman run $options image
			[ "$status" -eq "$result" ]
			[ "$stderr" = "$text" ]
			[ "$(wc -l <ran)" -eq 1 ]
		done
	done
}

@test "the container that is left is removed, by its id, and no other" {
	# of another shim, at the same time: its conmon is not this one's
	"$real/podman" run image >/dev/null
	failures 1
	"$real/podman" run --name other image 2>/dev/null || :
	for options in '' '--name x' '--cidfile cid'; do
		rm -f calls
		failures 2
		# shellcheck disable=SC2086 # words
		works podman run $options image
		[ "$(calls 'rm --volumes ID')" -eq 2 ]
		[ "$(calls rm)" -eq 2 ]
	done
	[ "$(containers)" -eq 5 ]
	"$real/podman" container inspect --format '{{.State.Status}}' other | grep -x created
}

@test "a container whose id begins with the name, or that has got it meanwhile, stays" {
	failures 1
	"$real/podman" run --name other image 2>/dev/null || :
	other=$(basename store/*.status .status)
	for name in "${other:0:6}" "${other:0:12}"; do
		failures 2
		works podman run --rm --name "$name" image
		failures 2
		works podman run --name "$name" image
	done
	[ "$("$real/podman" container inspect --format '{{.State.Status}}' other)" = created ]
	# what has the name is not what podman has made, which is gone
	otherwise 's,forget($id) if $option{rm};,put("$store/$id.conmon"\, "1");,'
	once run --rm --name x image
	[ "$(calls rm)" -eq 0 ]
	rm -rf store calls
	# unless podman is remote, or has ended long ago
	failures 1
	works podman --remote run -d --name x image
	failures 1
	CONMON=none once run --name y image
	otherwise 's,forget($id) if $option{rm};,put("$store/$id.conmon"\, "99999999");,'
	failures 1
	CONMON=none works podman run --name z image
	# the same for a pod
	otherwise '/eq "pod inspect"/a unlink "$world/pods/$words[-1]"; print "1 other\n"; exit;'
	failures 1
	works podman run --name v --pod new:r image
	[ "$(calls 'pod rm')" -eq 0 ]
}

@test "a conmon that ends later than podman is waited for" {
	failures 2
	LATE=0.3 works podman run image
	[ "$(calls run)" -eq 3 ]
	[ "$(calls 'rm --volumes ID')" -eq 2 ]
	[ "$(containers)" -eq 1 ]
}

@test "what --rm, --cidfile, --replace and --pod new: leave is what a first success leaves" {
	failures 1
	works podman run --rm image
	[ "$(containers)" -eq 0 ]
	failures 1
	works podman run -d --rm --cidfile cid image
	[ "$output" = "$(<cid)" ]
	rm -rf store cid
	failures 2
	works podman run -d --cidfile cid image
	[ "$output" = "$(<cid)" ]
	[ -e "store/$output.status" ]
	rm -rf store cid
	failures 2
	VERSION='podman version 3.0.1' works podman run -d --cidfile cid image
	[ "$output" = "$(<cid)" ]
	failures 2
	works podman run -d --replace --name x image
	failures 2
	works podman run -d --replace --name x image
	[ "$(containers)" -eq 2 ]
	failures 2
	works podman run -d --pod new:p image
	[ -e pods/p ]
}

@test "what podman writes ids into, and is not its own file, stays" {
	ln -s /dev/null null
	failures 1
	works podman run --name x --cidfile null image
	[ -L null ]
}

@test "stdin that a failed attempt has not read is there for the next" {
	failures 3
	head -c 3000000 /dev/urandom | base64 -w 100 >input
	podman run -i image <input | head -n -1 | cmp - ./input
}

@test "what cannot be told from what was there, or not removed, ends the retries" {
	CONMON=none once run image
	CONMON=none failures 1
	rm -rf calls store
	CONMON=none works podman run --name x image
	STUBBORN=1 once run --name y image
	once run --pod new: image
	# a container of that name that has been started, and one of which nothing can be known
	LOCKED=1 once run --name z image
	# somebody's container is in the pod meanwhile
	mkdir -p pods
	otherwise 's/put("$world\/pods\/$1", "1")/put("$world\/pods\/$1", "3")/'
	once run --name w --pod new:q image
	otherwise 's/print "$line\\n"/print "$id\\n"/'
	once run --name u image
	# which containers there are cannot be known
	otherwise '/eq "ps"/a exit 125;'
	once run image
	# a pod that has gone meanwhile, or no container at all, is not in the way
	otherwise '/eq "pod inspect"/a unlink "$world/pods/$words[-1]"; exit 125;'
	failures 1
	works podman run --name v --pod new:r image
	otherwise '/eq "ps"/a exit;'
	failures 1
	works podman run image
}

@test "the options that tell where containers are kept are repeated, and only those" {
	failures 1
	works podman --log-level debug --root=/x --storage-opt a=b run --runroot=/y --name x image
	[ "$(grep -c log-level calls)" -eq 2 ] # the runs
	grep -Fx -- '--root=/x --storage-opt=a=b --runroot=/y rm --volumes ID' calls
	failures 1
	VERSION='podman version 4.3.1' works podman -r --url unix:///s run -d --name z image
	grep -Fx -- '--remote=true --url=unix:///s rm --volumes ID' calls
}

make_containers() {
	rm -rf store calls ran
	for name in "$@"; do
		"$real/podman" run -d --name "$name" image >/dev/null
		sed -i "s/.*/created/" "store/$(grep -lx "$name" store/*.name | sed 's,.*/\(.*\)\.name,\1,').status"
	done
	rm -f calls ran
}

@test "start names its containers as if all had started at once" {
	for again in '' 1; do
		for count in 1 3; do
			make_containers a b c
			failures "$count"
			AGAIN=$again works podman start a b c
			[ "$output" = $'a\nb\nc' ]
			[ "$(wc -l <ran)" -eq 3 ]
			make_containers a b c
			failures "$count"
			AGAIN=$again podman start a b c >both 2>&1
			[ "$(<both)" = $'a\nb\nc' ]
			[ "$(wc -l <ran)" -eq 3 ]
		done
	done
	make_containers a b c
	failures 3
	works podman start --all
	[ "$(sort <<<"$output")" = "$(find store -name '*.status' | sed 's,.*/,,; s,\..*,,' | sort)" ]
	[ "$(wc -l <ran)" -eq 3 ]
}

@test "what start says at last, where it fails for good, is behind the names of all that have started" {
	make_containers a b
	otherwise 's/return if $left <= 0;/return if name_of($id) ne "a";/'
	podman start a b >both 2>&1 || status=$?
	cat both
	[ "$status" -eq 125 ]
	[ "$(head -n 1 both)" = b ]
	[[ $(sed -n 2p both) == "Error: "*ping_group_range* ]]
	[[ $(sed -n 3p both) == "podman-shim: "* ]]
	[ "$(wc -l <both)" -eq 3 ]
}

@test "start that goes on failing names what has started, before podman's errors" {
	make_containers a b c
	failures 6 # a, b, c; then again: no more than c and b are left
	PODMAN_SHIM_RETRIES=1 run_bounded podman start a b c
	[ "$status" -eq 125 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 4 ]
	[ "$(calls start)" -eq 2 ]
	make_containers a b c
	failures 3 # a, b, c; and then works
	PODMAN_SHIM_RETRIES=1 works podman start a b c
	[ "$output" = $'a\nb\nc' ]
	# errors that would be told twice
	make_containers a broken
	failures 1
	podman start broken a >both 2>&1 || status=$?
	[ "$status" -eq 125 ]
	[ "$(grep -c broken both)" -eq 1 ]
	[ "$(calls start)" -eq 1 ]
	make_containers a b
	failures 1
	podman start nothing a b >both 2>&1 || status=$?
	[ "$status" -eq 125 ]
	[ "$(grep -c ^Error both)" -eq 2 ]
	[ "$(calls start)" -eq 1 ]
}

@test "a container that start has started, and that has ended, does not run again" {
	otherwise 's/return if $left <= 0;/return if $left <= 0 || name_of($id) ne "b";/; s/"running")/"exited")/'
	for again in '' 1; do
		make_containers a b c
		failures 2
		AGAIN=$again works podman start a b -- c
		[ "$output" = $'a\nb\nc' ]
		[ "$(wc -l <ran)" -eq 3 ]
		[ "$(calls start)" -eq 3 ]
	done
	# whatever is not named cannot be left out
	make_containers a b
	failures 1
	run_bounded podman start --all
	[ "$status" -eq 125 ]
	[ "$(wc -l <ran)" -eq 1 ]
	[ "$(calls start)" -eq 1 ]
	[[ $output == [0-9a-f]* && $stderr == *ping_group_range* ]]
	otherwise 's/print map { "$_\\n" } @names;/print map { "$_\\n" } "c", @names;/; s/return if $left <= 0;/return if $left <= 0 || name_of($id) ne "b";/'
	make_containers a b
	failures 1
	run_bounded podman start a b
	[ "$status" -eq 125 ]
	[ "$output" = $'c\na' ]
	# each time one more
	otherwise 's/return if $left <= 0;/return if $left <= 0 || name_of($id) eq "a";/; s/"running")/"exited")/'
	make_containers a b c
	failures 3
	works podman start a b c
	[ "$(grep ^start calls)" = $'start a b c\nstart b c\nstart b' ]
	[ "$(wc -l <ran)" -eq 3 ]
}

@test "restart is retried where nothing was restarted, and only there" {
	make_containers a b
	failures 1
	works podman restart a
	[ "$(wc -l <ran)" -eq 1 ]
	make_containers a b
	failures 1
	run_bounded podman restart a b
	[ "$status" -eq 125 ]
	[ "$(wc -l <ran)" -eq 1 ]
}

@test "pod start is retried in whichever order podman tells of its containers" {
	make_podman <<'END'
[[ $1 == pod ]] || exit 0 # there are no other containers
echo x >>"$world/calls"
(($(wc -l <"$world/calls") < 3)) || { echo p; exit; }
failed='Error: starting container X: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument: OCI runtime error'
dependent='Error: starting container Y: a dependency of container Y failed to start: container state improper'
if (($(wc -l <"$world/calls") == 1)); then
	printf '%s\n' "$failed" "$dependent" "$dependent" >&2
else
	printf '%s\n' "$dependent" "$failed" >&2
fi
exit 125
END
	works podman pod start p
	[ "$output" = p ]
	[ "$(wc -l <calls)" -eq 3 ]
}

@test "pod start is not retried where a container of the pod has started" {
	make_podman <<'END'
refused=REFUSED_$1
case "$*" in
'pod start'*)
	echo x >>"$world/calls"
	(($(wc -l <"$world/calls") > 1)) || { printf "${FIRST:-}"; echo 'Error: crun: ping_group_range: OCI' >&2; exit 125; }
	printf "${SECOND:-}" ;;
'ps --all --no-trunc --quiet'*) printf '%s\n' "${IDS-1}" ;;
'container inspect '*) printf '%b\n' "${STARTED//NOW/$EPOCHSECONDS}" ;;
esac
exit "${!refused:-0}"
END
	export STARTED
	for STARTED in "NOW false" "NOW true\nNOW false"; do
		rm -f calls
		run_bounded podman pod start p
		[ "$status" -eq 125 ]
		[ "$(wc -l <calls)" -eq 1 ]
	done
	for refusal in REFUSED_ps=1 REFUSED_container=1; do
		rm -f calls
		run_bounded env STARTED='-62135596800 false' "$refusal" podman pod start p
		[ "$status" -eq 125 ]
	done
	for STARTED in '-62135596800 false' "1700000000 false" "NOW true"; do
		rm -f calls
		works podman pod start p
	done
	rm -f calls
	IDS='' works podman pod start q p
	rm -f calls
	# what has started, and has no container but the infra container's, is named once
	FIRST='q\n' SECOND='q\np\n' works podman pod start --all
	[ "$output" = $'q\np' ]
}

@test "what podman reads only once is not read again" {
	mkfifo pipe
	once run --env-file /dev/fd/9 image
	once run --env-file=pipe image
	once run --label-file pipe image
	once run --security-opt seccomp=/proc/self/fd/9 image
	once run -v a:b docker-archive:/dev/stdin
	once run --rm -- docker-archive:/dev/stdin
	CONTAINERS_CONF=$world/pipe once run image
	REGISTRY_AUTH_FILE=pipe once run image
	: >file
	failures 1
	REGISTRY_AUTH_FILE="$world/file" works podman run --name x -e log=/dev/fd/1 --env-file file --label-file /dev/null image /dev/stdin
}

@test "Docker, a remote attached run, passthrough and PODMAN_SHIM_MODE=off are not retried" {
	VERSION='Docker version 27.1.1, build 1' once run image
	rm -f runtime/*
	once --remote run image
	once run --log-driver passthrough image
	once run --log-driver=passthrough-tty image
	PODMAN_SHIM_MODE=off once run image
	mkdir -p home/.config/containers
	printf '[containers]\nlog_driver = "passthrough"\n' >home/.config/containers/containers.conf
	once run image
}

@test "a remote detached run is retried, once what it left is known" {
	failures 1
	works podman --remote run -d --name x image
	failures 1
	works podman --remote run -d --rm image
	once --remote run -d image
}

@test "a retry holds the lock, in every mode" {
	lock=$XDG_RUNTIME_DIR/podman-shim.lock
	for mode in auto override lock; do
		rm -rf store
		failures 1
		PODMAN_SHIM_MODE=$mode PODMAN_SHIM_DEBUG=1 run_bounded podman run image
		[ "$status" -eq 0 ]
		wanted=1
		[ "$mode" != lock ] || wanted=2
		[ "$(grep -c "lock: $lock: taken" <<<"$stderr")" -eq "$wanted" ]
		[ "$(grep -c 'lock: let go' <<<"$stderr")" -eq "$wanted" ]
		flock -n "$lock" true
	done
}

@test "the main process of a service is podman itself: systemd knows it by its number" {
	ln -sf "$stand_in" "$real/podman"
	for version in 'podman version 5.4.2' 'podman version 4.3.1'; do
		export STAND_IN_VERSION=$version
		rm -f runtime/*
		NOTIFY_SOCKET=/run/notify podman run image &
		wait $!
		[ "$(recorded pid)" = $! ]
		# shellcheck disable=SC2016 # expanded there
		bash -c 'NOTIFY_SOCKET=/run/notify SYSTEMD_EXEC_PID=$$ exec podman run image' &
		wait $!
		[ "$(recorded pid)" = $! ]
		# not the one that systemd has started
		NOTIFY_SOCKET=/run/notify SYSTEMD_EXEC_PID=1 podman run image &
		wait $!
		[ "$(recorded pid)" != $! ]
		recorded environ | grep -x NOTIFY_SOCKET=/run/notify
	done
}

@test "a container that ran under a name, and whose conmon nobody saw, does not run twice" {
	text='Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument'
	for CONMON in none 0 125 127 1; do
		export CONMON
		for options in '--name x' '--cidfile cid'; do
			rm -rf ran store cid
			# shellcheck disable=SC2086 # words
			OUTPUT="126 $text" run_bounded podman run $options image
			[ "$status" -eq 126 ]
			[ "$(wc -l <ran)" -eq 1 ]
		done
	done
	# nor does one that it needs
	CONMON=0 once run -d --name y image
	make_containers a
	failures 1
	CONMON=0 run_bounded podman start a
	[ "$status" -eq 125 ]
	[ "$(calls start)" -eq 1 ]
}

@test "a conmon of Podman 3 that could not create its container may end with 0" {
	export CONMON=0
	failures 1
	VERSION='podman version 3.0.1' works podman run --rm image
	VERSION='podman version 5.4.2' once run --rm image
}

@test "the tale of a pod whose infra container failed is known, and no other" {
	make_podman <<'END'
[[ $1 == run ]] || exit 1
echo x >>"$world/calls"
(($(wc -l <"$world/calls") == 1)) || exit 0
printf '%s\n' 'time="now" level=error msg="Starting some container dependencies"' >&2
[[ -n $NO_CAUSE ]] || printf '%s\n' 'time="now" level=error msg="\"crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument: OCI runtime error\""' >&2
[[ -z $BETWEEN ]] || echo "$BETWEEN" >&2
printf '%s\n' 'Error: starting some containers: internal libpod error' >&2
exit 126
END
	works podman run --rm --pod p image
	rm calls
	NO_CAUSE=1 run_bounded podman run --rm --pod p image
	[ "$status" -eq 126 ]
	[ "$(wc -l <calls)" -eq 1 ]
	rm calls
	BETWEEN=else run_bounded podman run --rm --pod p image
	[ "$status" -eq 126 ]
	[ "${#stderr_lines[@]}" -eq 4 ]
}

@test "a retry in a script that a shim holds the lock for does not wait for that lock" {
	failures 1
	_PODMAN_SHIM_LOCKED=1 PODMAN_SHIM_DEBUG=1 run_bounded podman run --rm image
	[ "$status" -eq 0 ]
	[[ $stderr != *"lock: "*taken* ]]
}

@test "SIGCHLD that is ignored does not hide how conmon ended" {
	text='Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument'
	OUTPUT="126 $text" run_bounded env --ignore-signal=CHLD podman run --rm image
	[ "$status" -eq 126 ]
	[ "$(wc -l <ran)" -eq 1 ]
	failures 2
	works env --ignore-signal=CHLD podman run image
}

@test "signals while the container is removed wait until it is" {
	for signal in TERM INT USR1; do
		rm -rf store calls
		failures 1
		SLOW=0.5 env --default-signal=INT podman run --name x image 2>stderr &
		inspected() { grep -q '^container inspect' calls; }
		until_true inspected
		kill -s "$signal" $!
		wait $! || [ $? -gt 128 ]
		[ "$(containers)" -eq 0 ]
	done
}

@test "a signal ends a shim that waits for a slow reader of what is not retried" {
	# fills the pipe but for a few bytes
	make_podman <<'END'
[[ $1 == run ]] || { echo asked >>"$world/asked"; exit; }
head -c "$((16 * $(getconf PAGESIZE) - 6))" /dev/zero >&2
echo >&2
echo "Error: OCI ping_group_range" >&2
exit 126
END
	mkfifo pipe
	exec 8<>pipe # read by nobody
	podman run --name x image 2>pipe &
	until_true test -s asked
	kill $!
	until_true gone $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
	exec 8<&-
}

@test "a signal that asks for the end is not answered with a retry" {
	make_podman <<'END'
trap 'echo "Error: OCI ping_group_range" >&2; exit 126' TERM HUP INT QUIT
echo x >>"$world/begun"
for ((i = 0; i < 500; i++)); do sleep 0.02; done
END
	for signal in TERM HUP INT QUIT; do
		rm -f begun
		env --default-signal=INT,QUIT podman run --rm image 2>stderr &
		until_true test -s begun
		kill -s "$signal" $!
		status=0
		wait $! || status=$?
		[ "$status" -eq 126 ]
		[ "$(<stderr)" = "Error: OCI ping_group_range" ]
		[ "$(wc -l <begun)" -eq 1 ]
	done
}

@test "a signal while the shim waits to retry ends it, with nothing left" {
	failures 1
	PODMAN_SHIM_BACKOFF_MS=60000 podman run --name x image 2>stderr &
	removed() { grep -q '^rm' calls && [ "$(containers)" -eq 0 ]; }
	until_true removed
	kill $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 143 ]
	[ "$(calls run)" -eq 1 ]
}
