#!/usr/bin/env bats
# releases: trixie
# by hand: sid bookworm
# A container that the OCI runtime fails to create is created the next time, and nobody notices.

load common

commands=0

setup_file() {
	export PODMAN_SHIM_BACKOFF_MS=1 PODMAN_SHIM_LOG=$BATS_FILE_TMPDIR/log
}

runtime=/project/tests/racy-runtime

# As the real ones are named, which podman knows by these names, and as none that it knows.
runtimes=/tmp/racy-runtime/bin
make_runtimes() {
	mkdir -p "$runtimes"
	for name in crun runc unknown; do ln -sf /project/tests/racy-runtime "$runtimes/$name"; done
}

failures() { echo "$1" >/tmp/racy-runtime/fail-next; }
sysctl='--sysctl net.ipv4.ping_group_range="0 0"'

# All that is left: containers by name and state, pods, volumes, and what stays where the runtime and conmon leave files.
leftovers() {
	native ps -a --format '{{.Names}} {{.Status}} {{.PodName}}' | sed -E 's/(Exited|Up)( \([0-9]*\))?( (Less than a|[0-9]+) seconds?( ago)?)?/\1/' | sort
	find ~/.local/share/containers/storage/volumes -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
	find /tmp -maxdepth 1 ! -name 'bats*' ! -name 'tmp.*' | sort
	find /run/user/2000/crun /run/user/2000/runc -mindepth 1 -maxdepth 1 -regextype posix-extended \
		-regex '.*/[0-9a-f]{64}' 2>/dev/null | wc -l
}

# An id differs each time; a log of podman's own has the time, and a terminal the end of its input somewhere.
same_each_time() { sed -E 's/\b[0-9a-f]{64}\b/ID/g; s/\b[0-9a-f]{12}\b/ID/g; s/time="[^"]*"/TIME/g; s/\^@//'; }

# attempt PODMAN NAME FAILURES: what COMMAND, which names $podman, prints, ends with and leaves, as files NAME.*;
# $made is done before
attempt() {
	local -x podman=$1
	local status=0
	clear
	rm -rf cid in made
	[ -z "${made-}" ] || eval "$made" >/dev/null
	failures "$3"
	(eval "$command") >"$2.out" 2>"$2.err" || status=$?
	failures 0
	{
		echo "status $status"
		leftovers
	} >"$2.left"
	for file in "$2.out" "$2.err" "$2.left"; do
		same_each_time <"$file" >"$file.new"
		mv "$file.new" "$file"
	done
	# of several containers' errors no order is certain, and podman shows the last in another way
	sed -E 's/^(Error: )OCI runtime error: (.*)/\1\2: OCI runtime error/' "$2.err" | sort -o "$2.err"
}

same_as() {
	local file
	for file in out err left; do
		diff "$1.$file" "$2.$file" >difference && continue
		printf '%s after %s: %s\n' "$command" "$3" "$file"
		cat difference
		return 1
	done
}

# as_natively COMMAND: after 1 to 3 failures all is as after a native success, and after 4 as after a native failure; of
# one with a terminal conmon sometimes says nothing then, natively, too. By default each third command of a test is
# tried, with 3 failures, and each third of those with 4, too; by hand each is, with all.
as_natively() {
	local command=$1 failures
	commands=$((commands + 1))
	by_hand || ((commands % 3 == 1)) || return 0
	attempt native works 0
	grep -qx 'status 0' works.left || fail_with works
	for failures in $(! by_hand || echo 1 2) 3; do
		attempt podman shim "$failures"
		same_as works shim "$failures" || return
	done
	by_hand || ((commands % 9 == 1)) || return 0
	attempt native fails 1
	grep -q ping_group_range fails.err || grep -q '^status 12[56]' fails.left || fail_with fails
	attempt podman shim 4
	if [[ $command == *' run -t'* || $command == *' run -it'* ]]; then
		cp fails.out shim.out
		cp fails.err shim.err
	fi
	same_as fails shim 4 || return
	clear
}

fail_with() {
	cat "$1".*
	return 1
}

@test "containers of podman run, in every manner, are as natively after 1 to 3 failures, and after 4" {
	make_runtimes
	local run="\$podman --runtime $runtimes/crun run $sysctl"
	as_natively "$run --name x localhost/bb busybox echo hello"
	as_natively "$run --rm localhost/bb busybox sh -c 'echo out; echo err >&2; exit 0'"
	as_natively "$run -d --rm --name x localhost/bb busybox sleep 60"
	as_natively "$run -d --cidfile cid --network none -v /volume --name x localhost/bb busybox sleep 60 && test -s cid"
	as_natively "echo in | $run -i --rm localhost/bb busybox cat"
	as_natively "mkfifo in; (echo in >in &); $run -i --rm localhost/bb busybox cat <in"
	as_natively "head -c 100000000 /dev/zero | $run -i --rm --log-driver none localhost/bb busybox md5sum"
}

@test "so are those with a terminal" {
	make_runtimes
	for name in crun runc; do
		as_natively "script -qec '\$podman --runtime $runtimes/$name run -t --rm $sysctl localhost/bb sh -c \"busybox tty; busybox stty size; echo hello\"' /dev/null </dev/null"
	done
	as_natively "script -qec 'stty rows 11 cols 22; \$podman --runtime $runtimes/crun run -it --name x $sysctl localhost/bb busybox stty size' /dev/null </dev/null"
	as_natively "\$podman --runtime $runtimes/crun run -td --name x $sysctl localhost/bb busybox sleep 60"
}

@test "so are those that are started, restarted, of pods, of kube play and of other runtimes" {
	local racy="\$podman --runtime $runtimes/crun" made create

	make_runtimes
	create="native --runtime $runtimes/crun create --stop-timeout 0 --name"
	made="$create x localhost/bb busybox sleep 60" as_natively "$racy start x"
	made="$create x localhost/bb busybox echo hello" as_natively "$racy start -a x"
	made="$create a localhost/bb busybox sleep 60; $create b localhost/bb busybox sleep 60; $create c localhost/bb busybox sleep 60" \
		as_natively "$racy start a b c"
	made="$create x localhost/bb busybox sleep 60; native --runtime $runtimes/crun start x" as_natively "$racy restart x"
	cat >"$BATS_FILE_TMPDIR/pod.yaml" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata: {name: q}
		spec:
		  securityContext: {sysctls: [{name: net.ipv4.ping_group_range, value: "0 0"}]}
		  containers: [{name: c, image: localhost/bb, command: [busybox, sleep, "60"]}]
	END
	# 4.3 does not read a pod's sysctls: there is nothing left that could fail
	[[ $(native --version) == *' 4.3.'* ]] || made='' as_natively "$racy kube play --network none $BATS_FILE_TMPDIR/pod.yaml"
	made="native --runtime $runtimes/crun pod create --name p; $create x --pod p localhost/bb busybox sleep 60" as_natively "$racy pod start p"
	for name in unknown runc; do
		as_natively "\$podman --runtime $runtimes/$name run --rm $sysctl localhost/bb busybox echo hello"
	done
}

@test "so are those of an API client, and of a podman that writes its debug log" {
	make_runtimes
	podman --runtime "$runtimes/crun" system service -t 0 "unix://$work/podman.sock" >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	for command in "run --rm $sysctl" "run -d --name x $sysctl"; do
		failures 3
		eval "native --remote --url unix://$work/podman.sock $command localhost/bb busybox sleep 0.1"
		[ "$(</tmp/racy-runtime/fail-next)" -eq 0 ]
	done
	eval "native --remote --url unix://$work/podman.sock create --name y $sysctl localhost/bb busybox sleep 60"
	failures 3
	native --remote --url "unix://$work/podman.sock" start y
	is_running y
	kill %1
	failures 3
	[ "$(eval "podman --runtime $runtimes/crun --log-level=debug run --rm $sysctl localhost/bb busybox echo hello" 2>err)" = hello ]
	[ "$(</tmp/racy-runtime/fail-next)" -eq 0 ]
}

@test "with passthrough the container writes to the caller's own stderr, of which no line is lost" {
	make_runtimes
	mkfifo caller
	exec 9<>caller
	echo "others' line" >&9
	failures 2
	eval "podman --runtime $runtimes/crun run --rm --log-driver passthrough $sysctl localhost/bb sh -c 'echo hello >&2'" 2>&9
	dd if=caller bs=64k iflag=nonblock >got 2>/dev/null || :
	[ "$(head -n 1 got)" = "others' line" ]
	[ "$(grep -c ping_group_range got)" -eq 2 ]
	[ "$(tail -n 1 got)" = hello ]
}

@test "who waits for a container to be ready is told so once" {
	command -v python3 || skip 'no Python in this root'
	make_runtimes
	cat >listen.py <<-'END'
		import socket
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listener.bind("notify")
		listener.settimeout(30)
		open("listens", "w").close()
		while b"READY=1" not in (message := listener.recv(4096)):
		    pass
		print(message.decode().replace("MAINPID=", "PID="))
	END
	python3 listen.py >got 3>&- &
	until_true [ -e listens ]
	failures 3
	eval "NOTIFY_SOCKET=$PWD/notify podman --runtime $runtimes/crun run -d --sdnotify=conmon --name x $sysctl localhost/bb busybox sleep 60"
	wait $!
	grep -q READY=1 got
	is_running x
}

# Runs a container with a hook of each kind, and prints how often they have run.
count_hooks() {
	rm -f /tmp/racy-runtime/hooks
	failures "$3"
	eval "$1 --runtime $runtimes/$2 --hooks-dir $PWD/hooks run --rm $sysctl localhost/bb busybox true" >/dev/null 2>&1 && echo works || echo fails
	sort /tmp/racy-runtime/hooks 2>/dev/null | uniq -c
}

@test "hooks run as often as natively" {
	local failures

	make_runtimes
	mkdir hooks
	printf '#!/bin/sh\necho "$1" >>/tmp/racy-runtime/hooks\n' >/tmp/racy-runtime/hook
	chmod +x /tmp/racy-runtime/hook
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		printf '{"version":"1.0.0","hook":{"path":"/tmp/racy-runtime/hook","args":["hook","%s"]},"when":{"always":true},"stages":["%s"]}\n' \
			"$kind" "$kind" >"hooks/$kind.json"
	done
	rm hooks/startContainer.json # in the container, where there is no such file
	count_hooks native crun 0 >wanted
	grep -q createRuntime wanted
	for failures in 0 1 3; do
		count_hooks podman crun "$failures" >got
		diff wanted got
	done
	for failures in 0 1; do
		count_hooks native runc "$failures" >wanted
		count_hooks podman runc "$failures" >got
		diff wanted got
	done
	grep -q fails got
}

@test "while a container runs, nothing of the shim's does" {
	for options in "" "$sysctl"; do
		eval "podman run --rm --name x $options localhost/bb busybox sleep 77 &"
		until_true is_running x
		[ "$(pgrep -P $$ -x podman)" = $! ]
		for pid in $(pgrep -u pod .); do
			[[ $(readlink "/proc/$pid/exe") != */podman-shim ]]
		done
		remove x
		wait $! || :
	done
}

# The runtime's own log: of creates that set the sysctl one begins only after another's end.
overlaps() {
	awk '$4 == "yes" && $1 == "begin" { if (open) overlaps++; open++ }
		$4 == "yes" && $1 != "begin" { open-- }
		END { print overlaps + 0 }' /tmp/racy-runtime/creates
}

@test "of many containers that set the sysctl and start at once none fails, nor do two creates overlap" {
	local i pids=()

	unset PODMAN_SHIM_BACKOFF_MS
	patiently
	by_hand || many=4 # a create waits for ten seconds at most
	for ((i = 0; i < many; i++)); do
		native --runtime "$runtime" create --name "c$i" --network none localhost/bb busybox sleep 60 >/dev/null
	done
	race 0
	for ((i = 0; i < many; i++)); do
		podman --runtime "$runtime" start "c$i" >>output 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || { cat output; return 1; }; done
	[ "$(eval "at_once podman --runtime $runtime run -d --network none $sysctl localhost/bb busybox sleep 60")" -eq 0 ]
	[ "$(native ps -q | wc -l)" -eq $((2 * many)) ]
	[ "$(overlaps)" -eq 0 ]
}

@test "others wait for a create, but not for what does not set the sysctl, a wait, or a holder that hangs" {
	local lock=/run/user/2000/podman-shim.lock.create

	make_runtimes
	failures 1
	eval "PODMAN_SHIM_BACKOFF_MS=60000 podman --runtime $runtimes/crun run -d --name x $sysctl localhost/bb busybox sleep 60 &"
	until_true grep -qx 0 /tmp/racy-runtime/fail-next
	until_true [ -e "$lock" ]
	eval "timeout 50 podman run --rm $sysctl localhost/bb busybox true"
	pkill -u pod -f '^/project/\./\./\./podman-shim'
	wait $! && false
	flock "$lock" sleep 60 3>&- &
	holder=$!
	until_true bash -c "! flock -n $lock true"
	timeout 50 podman run --rm localhost/bb busybox true
	eval "PODMAN_SHIM_LOCK_WAIT=1 timeout 50 podman run --rm $sysctl localhost/bb busybox true"
	pkill -P "$holder"
}

@test "whoever is killed while a create waits leaves what it leaves natively" {
	local part='^/project/\./\./\./podman-shim'

	make_runtimes
	export PODMAN_SHIM_BACKOFF_MS=60000
	waits() { ! pgrep -P "$(pgrep -u pod -f "$part")" >pids; }
	for victim in "-KILL -f $part" "-TERM -f $part" '-KILL -x conmon' '-KILL -x podman'; do
		clear
		failures 1
		eval "podman --runtime $runtimes/crun run -d --name x $sysctl localhost/bb busybox sleep 60 &"
		until_true grep -qx 0 /tmp/racy-runtime/fail-next
		until_true waits
		# shellcheck disable=SC2086 # words
		pkill -u pod $victim
		wait $! && false
		[[ $victim != *podman ]] || pkill -u pod -f "$part"
		until_true eval "! pgrep -u pod -f '$part' >pids"
		until_true eval "! pgrep -x conmon >pids"
		[ "$(native ps -a --format '{{.Names}} {{.Status}}')" = 'x Created' ]
		native rm -f x
		until_true no_remains
	done
}
