#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What happens when podman executes the shim as its conmon, and when anything that podman starts
# calls podman.

load helpers

# Executes a command with an environment of oddities, in an order of its own.
in_odd_environment() {
	env -i PATH="$PATH" STAND_IN="$record" Z=1 XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" A=2 \
		'with space=3' $'lines=4\n5' $'bytes=\377\200' EMPTY= "$@"
}

# Executes a command with the environment that the override's podman had.
in_podmans_environment() {
	mapfile -d '' variables <"$record/environ"
	env -i "${variables[@]}" "$@"
}

# The same, with what the override has for conmon.
in_conmons_environment() {
	in_podmans_environment "$(grep -o '_PODMAN_SHIM=[^"]*' "$record/override")" "$@"
}

# The same, as run_bounded.
run_in_conmons_environment() {
	mapfile -d '' variables <"$record/environ"
	run_bounded env -i "${variables[@]}" "$(grep -o '_PODMAN_SHIM=[^"]*' "$record/override")" "$@"
}

@test "conmon is executed by its own path, with podman's arguments" {
	need_own_conmon
	STAND_IN_CONMON='--api-version 1 -c ID -- --version' podman run image
	printf '%s\0' "$real/conmon" --api-version 1 -c ID -- --version | cmp - "$record/conmon.argv"
	[ "$(recorded conmon.comm)" = conmon ]
	[ "$(count conmon.runs)" -eq 1 ]
	[ "$(count runs)" -eq 1 ]
}

@test "podman is told its conmon's version by the conmon of its configuration" {
	need_own_conmon
	mkdir -p theirs home/.config/containers
	copy_stand_in theirs/conmon
	printf '%s\n' '[engine]' "conmon_path = [\"$world/theirs/conmon\"]" >home/.config/containers/containers.conf
	STAND_IN_CONMON=--version podman run image
	[ "$(recorded conmon.argv)" = "$world/theirs/conmon"$'\n--version' ]
	rm home/.config/containers/containers.conf
	STAND_IN_CONMON=--version podman run image
	printf '%s\0' "$real/conmon" --version | cmp - "$record/conmon.argv"
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' conmon.environ
	lacks memfd conmon.fds
	[ "$(count probes)" -eq 1 ]
}

@test "executed as conmon without a state, or with another version's, the shim is the usual conmon" {
	need_own_conmon
	podman run image
	for state in '' '_PODMAN_SHIM=2 conmon=/x' '_PODMAN_SHIM=1 conmon=/x unknown=1' '_PODMAN_SHIM=1 conmon=%2' \
		'_PODMAN_SHIM=1 conmon=%00' '_PODMAN_SHIM=1 conmon=/x=y' '_PODMAN_SHIM=1 retries=x' '_PODMAN_SHIM=1 conmon' '_PODMAN_SHIM='; do
		rm -f "$record"/conmon.*
		run_bounded env ${state:+"$state"} CONTAINERS_CONF_OVERRIDE="$record/override" "$alias" -c ID
		printf '%s: %s\n' "$state" "$stderr"
		printf '%s\0' "$real/conmon" -c ID | cmp - "$record/conmon.argv"
		lacks '^_PODMAN_SHIM' conmon.environ
	done
	rm "$real/conmon"
	run_bounded "$alias" -c ID
	one_line_and 125
	[[ $stderr == 'podman-shim: no conmon found' ]]
}

@test "conmon has podman's process number and exit status" {
	need_own_conmon
	STAND_IN_CONMON=-v PODMAN_SHIM_RETRIES=0 podman run image &
	wait "$!"
	[ "$(recorded conmon.pid)" = "$!" ]
	STAND_IN_CONMON=-v STAND_IN_STATUS=7 run_bounded podman run image
	[ "$status" -eq 7 ]
}

@test "conmon has the caller's environment, in order, and nothing of the shim's" {
	need_own_conmon
	in_odd_environment STAND_IN_CONMON='-c ID' "$real/podman" ps
	keep_record native
	in_odd_environment STAND_IN_CONMON='-c ID' "$shim/podman" run image
	[ -n "$(override_descriptor)" ]
	same native/environ "$record/conmon.environ"
}

@test "conmon has nothing of the shim's in its environment where podman is a script" {
	need_own_conmon
	mkdir script
	# the lock is held for one that answers by itself
	for line in '' '[ "$1" != --version ] || { echo podman version 5.4.2; exit; }'; do
		make_script script/podman <<-END
			#!/bin/sh
			$line
			exec "$real/podman" "\$@"
		END
		rm -f "$record"/*
		PATH=$shim:$world/script:$PATH STAND_IN_CONMON='-c ID' podman run image
		[ -n "$(override_descriptor)" ]
		lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' conmon.environ
		rm -rf "$world"/runtime/*
	done
}

@test "conmon has the caller's empty override in its place" {
	need_own_conmon
	in_odd_environment CONTAINERS_CONF_OVERRIDE= STAND_IN_CONMON='-c ID' "$real/podman" ps
	keep_record native
	in_odd_environment CONTAINERS_CONF_OVERRIDE= STAND_IN_CONMON='-c ID' "$shim/podman" run image
	[ -n "$(override_descriptor)" ]
	same native/environ "$record/conmon.environ"
	grep -zqx 'CONTAINERS_CONF_OVERRIDE=' "$record/conmon.environ"
}

@test "conmon has the caller's own override in its place" {
	need_own_conmon
	echo '[containers]' >theirs
	for name in theirs "$world/theirs" /dev/fd/7; do
		rm -rf native "${record:?}"/*
		in_odd_environment CONTAINERS_CONF_OVERRIDE="$name" STAND_IN_CONMON='-c ID' "$real/podman" ps 7<theirs
		keep_record native
		in_odd_environment CONTAINERS_CONF_OVERRIDE="$name" STAND_IN_CONMON='-c ID' "$shim/podman" run image 7<theirs
		[ -n "$(override_descriptor)" ]
		same native/environ "$record/conmon.environ"
		grep -zqx "CONTAINERS_CONF_OVERRIDE=$name" "$record/conmon.environ"
	done
}

@test "conmon has podman's descriptors but the override's" {
	need_own_conmon
	echo content >file
	STAND_IN_CONMON='-c ID' podman run image 3<file 4<file 100<file 102<file
	[ "$(override_descriptor)" = 101 ]
	grep -v '^101 ' "$record/fds" >fds
	same fds "$record/conmon.fds"
}

@test "conmon keeps what podman put on the override's number" {
	need_own_conmon
	echo content >file
	podman run image 100<&-
	in_conmons_environment "$alias" -c ID 100<file
	grep -qx "100 $world/file" "$record/conmon.fds"
	in_conmons_environment "$alias" -c ID 100< <(:)
	grep -q '^100 pipe:' "$record/conmon.fds"
	in_conmons_environment "$alias" -c ID 100<&-
	lacks '^100 ' conmon.fds
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' conmon.environ
}

@test "conmon has podman's signal masks" {
	need_own_conmon
	STAND_IN_CONMON='-c ID' env --block-signal=USR1 --ignore-signal=HUP podman run image
	same "$record/signals" "$record/conmon.signals"
	lacks '^SigBlk:[[:space:]]*0*$' conmon.signals
}

@test "the shim says nothing where conmon is expected" {
	need_own_conmon
	podman run image
	run_in_conmons_environment PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_MODE=no-mode \
		PODMAN_SHIM_REAL=/no/such "$alias" --version
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(count conmon.runs)" -eq 1 ]
}

@test "a conmon that is gone exits with 125 and one line that names it" {
	need_own_conmon
	podman run image
	rm "$real/conmon"
	run_in_conmons_environment "$alias" -c ID
	one_line_and 125
	[[ $stderr == *"$real/conmon: No such file or directory" ]]
}

@test "the first conmon in PATH that can be executed is taken" {
	local path

	need_own_conmon
	mkdir -p one two/conmon three
	touch one/conmon
	cp "$stand_in" three/conmon
	path=$shim:$world/one:$world/two:$world/three:$real:$programs
	PATH=$path STAND_IN_CONMON='-c ID' podman run image
	[ "$(recorded conmon.argv | head -n 1)" = "$world/three/conmon" ]
}

@test "without any conmon there is no override" {
	need_own_conmon
	rm "$real/conmon"
	expect 'fallback: no conmon' run image
	podman run image
	[ -z "$(override_descriptor)" ]
	[ ! -e "$record/override" ]
}

@test "a conmon in a relative element of PATH is none, as for podman" {
	need_own_conmon
	mkdir relative
	mv "$real/conmon" relative
	PATH=$shim:$real:relative:$programs expect 'fallback: no conmon' run image
	cd relative
	PATH=$shim:$real::$programs expect 'fallback: no conmon' run image
}

@test "this machine's conmon comes before that in PATH" {
	local -a own=(unshare --mount)

	need_own_conmon
	[ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
	"${own[@]}" mount -t tmpfs tmpfs /usr/local || skip "no mounts of one's own here"
	run_bounded "${own[@]}" bash -eux - <<-END
		mount -t tmpfs tmpfs /usr/local
		cd /usr/local
		mkdir -p bin lib/podman libexec/podman/conmon
		cp "$stand_in" bin/conmon
		STAND_IN_CONMON=-v podman run image
		[ "\$(tr '\\0' ' ' <"$record/conmon.argv")" = "/usr/local/bin/conmon -v " ]
		cp bin/conmon lib/podman
		STAND_IN_CONMON=-v podman run image
		[ "\$(tr '\\0' ' ' <"$record/conmon.argv")" = "/usr/local/lib/podman/conmon -v " ]
	END
	printf '%s\n' "$stderr"
	[ "$status" -eq 0 ]
}

@test "podman --version, called by what podman starts, is podman's" {
	podman run image # the version is known
	for called in podman "$shim/podman" "$binary" shim/podman ./shim/podman; do
		rm -f "$record/probes"
		STAND_IN_CALLS="$called --version" run_bounded podman run image
		printf '%s: %s\n' "$called" "$stderr"
		[ "$status" -eq 0 ]
		[ "$output" = 'podman version 5.4.2' ]
		[ "$(count probes)" -eq 1 ]
	done
	[ "$(count conmon.runs)" -eq 0 ]
}

@test "podman, called by what podman starts, has the first caller's environment and descriptors" {
	for theirs in '' /their/own; do
		in_odd_environment CONTAINERS_CONF_OVERRIDE=$theirs "$real/podman" ps
		keep_record "native-${#theirs}"
		in_odd_environment CONTAINERS_CONF_OVERRIDE=$theirs STAND_IN_CALLS="$shim/podman ps" "$shim/podman" create image
		[ "$(recorded argv | tail -n 1)" = ps ]
		same "native-${#theirs}/environ" "$record/environ"
		same "native-${#theirs}/fds" "$record/fds"
	done
}

@test "podman run, called by what podman starts, has an override of its own" {
	need_own_conmon
	STAND_IN_CALLS='podman run another' STAND_IN_CONMON='-c ID' podman run image
	[ "$(recorded argv)" = $'podman\nrun\nanother' ]
	grep -q '^default_sysctls = \[\]$' "$record/override"
	[ "$(grep -c memfd "$record/fds")" -eq 1 ]
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' conmon.environ
}

@test "an override that what podman starts has set for its own podman stays" {
	podman run image
	in_podmans_environment CONTAINERS_CONF_OVERRIDE=/their/own podman ps
	recorded environ | grep -x CONTAINERS_CONF_OVERRIDE=/their/own
	lacks '^_PODMAN_SHIM_' environ
}

@test "the shim called by a path with a dot in it is podman" {
	run_bounded "$shim/./podman" --version
	[ "$status" -eq 0 ]
	[ "$output" = 'podman version 5.4.2' ]
	(exec -a "$shim/./podman" "$shim/podman" run image)
	[ "$(count runs)" -eq 1 ]
	[ "$(count conmon.runs)" -eq 0 ]
}

@test "the shim called by such a path is podman also where Podman before 5.0 executes its own name again" {
	ln -s podman "$shim/podman-shim"
	exec 9<"$shim/podman"
	for path in "$shim/./podman" "$shim/./podman-shim" /dev/fd/9; do
		rm -f "$record"/*
		STAND_IN_VERSION='podman version 4.9.3' "$path" run image
		[ -n "$(override_descriptor)" ]
		in_podmans_environment _CONTAINERS_USERNS_CONFIGURED=init "$(recorded argv | head -n 1)" run image
		[ "$(count runs)" -eq 2 ]
		[ "$(count conmon.runs)" -eq 0 ]
	done
}

sets='{"linux":{"sysctl":{"a.b":"1","net.ipv4.ping_group_range":"0 0"}}}'

# Lets podman execute conmon with WORDS..., of which BUNDLE has the config.json CONFIG; prints conmon's arguments.
arguments_with() {
	local config=$1

	mkdir -p bundle
	printf %s "$config" >bundle/config.json
	rm -f "$record"/conmon.*
	STAND_IN_CONMON="${*:2}" podman run image
	recorded conmon.argv | tail -n +2 | tr '\n' ' '
}

# Succeeds if conmon with the same is to execute the runtime of WORDS itself.
is_left_alone() {
	local arguments

	arguments=$(arguments_with "$@")
	[ "$arguments" = "${*:2} " ] || fail "$*: $arguments"
}

@test "conmon is told to execute the shim as the OCI runtime of a container that sets ping_group_range" {
	local words='--api-version 1 -c ID -r /usr/bin/crun -b bundle --runtime-arg --log=x -l k8s-file:y --exit-command-arg -e'

	need_own_conmon
	mkdir "$world/a directory"
	arguments=$(PODMAN_SHIM_LOG=log PODMAN_SHIM_LOCK='a directory/lock' PODMAN_SHIM_RETRIES=7 PODMAN_SHIM_BACKOFF_MS=9 \
		PODMAN_SHIM_LOCK_WAIT=8 CONTAINERS_CONF_OVERRIDE=/dev/null arguments_with "$sets" "$words")
	printf '%s\n' "$arguments"
	state="_PODMAN_SHIM=1 lock=$world/a%20directory/lock.create log=$world/log command=run lock_wait=8 retries=7 backoff=9 runtime=/usr/bin/crun"
	[ "$arguments" = "--runtime-arg $state ${words/'/usr/bin/crun'/"${alias%/*}/./${alias##*/}"} " ]
	recorded conmon.argv | grep -qFx "$state"
	lacks '^_PODMAN_SHIM' conmon.environ
}

@test "options of conmon's without an argument, or with one of their own, hide none" {
	need_own_conmon
	for option in --api-version -s --stdin -i --leave-stdin-open -t --terminal --full-attach --log-rotate --sync --syslog --systemd-cgroup \
		--no-container-partial-message --no-new-keyring --no-pivot --no-sync-log --replace-listen-pid --log-tag=x; do
		[[ $(arguments_with "$sets" "$option -r crun $option -b bundle") == *" runtime=crun $option -r "* ]]
	done
}

@test "the OCI runtime's part is told of passthrough, and of hooks that a retry would repeat" {
	local config hook='[{"path":"/x"}]'

	need_own_conmon
	for words in '-l passthrough' '-l k8s-file:x -l passthrough'; do
		[[ $(arguments_with "$sets" "-r crun -b bundle $words") == *' passthrough=1 '* ]]
	done
	[[ $(arguments_with "$sets" '-r crun -b bundle -l k8s-file:/passthrough') != *passthrough=* ]]
	for name in prestart createRuntime createContainer poststop; do
		config="${sets%\}},\"hooks\":{\"other\":[],\"$name\":$hook}}"
		[[ $(arguments_with "$config" '-r /usr/bin/runc -b bundle') == *' hooks=1 '* ]]
		[[ $(arguments_with "$config" '-r /usr/bin/crun -b bundle') != *hooks=* ]]
		[[ $(arguments_with "$config" '-r /x/crun-like -b bundle') == *' hooks=1 '* ]]
		[[ $(arguments_with "${config/"$hook"/[ ]}" '-r runc -b bundle') != *hooks=* ]]
	done
	[[ $(arguments_with "${sets%\}},\"hooks\":{\"startContainer\":$hook}}" '-r runc -b bundle') != *hooks=* ]]
}

@test "conmon is left alone where it creates no container, or one that does not set ping_group_range" {
	need_own_conmon
	for config in '{}' '[]' '{"linux":{}}' '{"linux":{"sysctl":{"net.ipv4.ping":"0 0"}}}' '{"linux":{"sysctl":["net.ipv4.ping_group_range"]}}' \
		'{"sysctl":{"net.ipv4.ping_group_range":"0 0"}}' '{"linux":"net.ipv4.ping_group_range"}' \
		'{"annotations":{"linux":"{\"sysctl\":{\"net.ipv4.ping_group_range\":1}}"}}' "x$sets" "\"$sets"; do
		is_left_alone "$config" -r crun -b bundle
	done
	for words in '-e -r crun -b bundle' '-r crun -b bundle --exec' '-r crun -b bundle --restore x' '-b bundle' '-r crun' \
		'-r crun -b none' '--name -r crun -b bundle' '-b bundle -r' '-r' '-b' '--version'; do
		is_left_alone "$sets" "$words"
	done
	mkfifo fifo
	ln -sf "$world/fifo" bundle/config.json
	STAND_IN_CONMON='-r crun -b bundle' run_bounded podman run image
	[ "$(recorded conmon.argv | tail -n +2 | tr '\n' ' ')" = '-r crun -b bundle ' ]
}

@test "conmon is left alone where config.json is too large, binary, or cut short" {
	need_own_conmon
	is_left_alone "${sets%\}}$(printf '%017000000d' 0 | tr 0 ' ')}" -r crun -b bundle
	for length in 1 9 20 30 50; do
		is_left_alone "${sets:0:length}" -r crun -b bundle
	done
	head -c 100000 /dev/urandom >bundle/config.json
	STAND_IN_CONMON='-r crun -b bundle' run_bounded podman run image
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(recorded conmon.argv | tail -n +2 | tr '\n' ' ')" = '-r crun -b bundle ' ]
}

@test "conmon is left alone by a shim whose path conmon could not read in every locale, or that has gone" {
	need_own_conmon
	mkdir grüße
	copy_shim grüße/podman
	PATH=$world/grüße:$PATH is_left_alone "$sets" -r crun -b bundle
	mkdir own
	copy_shim own/podman
	podman run image # its override
	state=$(grep -o '_PODMAN_SHIM=[^"]*' "$record/override")
	exec 9<own/podman
	rm own/podman
	rm -f "$record"/conmon.*
	env "$state" bash -c 'exec -a "$@"' _ "$alias" /dev/fd/9 -r crun -b bundle
	[ "$(recorded conmon.argv | tail -n +2 | tr '\n' ' ')" = '-r crun -b bundle ' ]
}

# The following are run by with_namespaces: $path is a network namespace, other than the process's own.

# Runs the shell script on standard input as one who may enter and change network namespaces.
with_namespaces() {
	need_own_conmon
	unshare --map-root-user --net --mount true 2>/dev/null || skip 'no namespaces for users here'
	mkdir -p home/.config/containers bundle
	printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ping_group_range=0 0"]' \
		>home/.config/containers/containers.conf
	{
		cat <<-'END'
			set -eu
			unshare --net sleep 60 &
			trap 'kill %1' EXIT
			process=/proc/$!/ns/net
			until [ "$(readlink "$process")" != "$(readlink /proc/self/ns/net)" ] &&
				[ "$(cat "/proc/$!/comm")" = sleep ]; do sleep 0.01; done
			path=$PWD/made
			: >"$path"
			mount --bind "$process" "$path"
			range() { nsenter --net="${1:-$path}" cat /proc/sys/net/ipv4/ping_group_range | tr '\t' ' '; }
			config() { printf %s "$1" >bundle/config.json; }
			start() { STAND_IN_CONMON="-c ID -b $PWD/bundle -p pidfile" podman run image; }
			initial=$(range)
			[ "$initial" != '0 0' ]
		END
		cat
	} >script
	run_bounded unshare --map-root-user --net --mount bash -x script
	printf '%s\n' "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "the user's ping_group_range is written into the network namespace that the bundle names" {
	with_namespaces <<-'END'
		config '{"number":1,"ociVersion":"1.0","process":{"env":["linux={\"namespaces\":[]}","a]}"]},
			"linux" : { "resources":{"x":[1,-2.5e3,true,null,{}]}, "namespaces": [ {"type":"pid"},
			{"path" : "'"$path"'", "type":"network"} ], "seccomp":{}}}'
		start
		[ "$(range)" = '0 0' ]
		[ "$(range /proc/self/ns/net)" = "$initial" ]
		[ "$(tr '\0' ' ' <record/conmon.argv | cut -d ' ' -f 2-)" = "-c ID -b $PWD/bundle -p pidfile " ]
	END
}

@test "the range is written before conmon begins" {
	with_namespaces <<-'END'
		config '{"linux":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}'
		STAND_IN_CONMON="-b $PWD/bundle" strace -f -qq -o trace -e trace=setns,execve -e inject=setns:delay_enter=1000000 podman run image
		[ "$(range)" = '0 0' ]
		sed -n '/setns.*= 0/,$p' trace | grep -q '/conmon", \["'
	END
}

@test "a bundle that names no network namespace, or none that can be entered, changes nothing" {
	with_namespaces <<-'END'
		mkfifo fifo
		for config in '' '{' '[]' '{}' '{"a' '{"a\' '{"a" 1}' '{"a":1' '{"a":[1}' '{"linux":null}' '{"linux":{"namespaces":[]}}' '{"linux":{"namespaces":{}}}' \
			'{"linux":{"namespaces":[{"type":"network"}]}}' '{"linux":{"namespaces":[{"type":"network","path":""}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"/no/such"}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"'"$PWD"'/fifo"}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"/proc/self/ns/pid"}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"'"$process"'"}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"'"$path"'"},{"type":"user"}]}}' \
			'{"linux":{"namespaces":[{"type":"pid","path":"'"$path"'"}]}}' \
			'{"linux":{"namespaces":[{"type":"network","path":"'"$path"'\\u0000"}]}}' \
			'{"other":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}' \
			'{"linux":{"other":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}}' \
			'{"a":"\"linux\":{","linux":{"namespaces":[{"type":"network","path":"'"$path"; do
			config "$config"
			rm -f record/conmon.runs
			start
			[ "$(wc -l <record/conmon.runs)" = 1 ]
			[ "$(range)" = "$initial" ]
		done
		rm bundle/config.json
		start
		STAND_IN_CONMON='-b' podman run image
		[ "$(range)" = "$initial" ]
		[ "$(range /proc/self/ns/net)" = "$initial" ]
	END
}

@test "a range is written only where the user's configuration has one" {
	with_namespaces <<-'END'
		config '{"linux":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}'
		echo '[containers]' >home/.config/containers/containers.conf
		start
		[ "$(range)" = "$initial" ]
		printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ping_group_range=x"]' \
			>home/.config/containers/containers.conf
		start
		[ "$(range)" = "$initial" ]
		printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ping_group_range=x", "net.ipv4.ping_group_range=0 0"]' \
			>home/.config/containers/containers.conf
		start
		[ "$(range)" = '0 0' ]
	END
}

@test "nothing of the writing is left for conmon: namespace, descriptors, directory, signals" {
	with_namespaces <<-'END'
		export PODMAN_SHIM_RETRIES=0 STAND_IN_CONMON="-c ID -b $PWD/bundle -p pidfile"
		start() { env --block-signal=CHLD --block-signal=ALRM --ignore-signal=USR1 podman run image 5</dev/null; }
		config '{}'
		start
		mv record natively
		mkdir record
		config '{"linux":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}'
		start
		[ "$(range)" = '0 0' ]
		for what in environ fds signals namespace; do
			cmp natively/conmon.$what record/conmon.$what
		done
		grep '^SigBlk:.*[1-9a-f]' record/conmon.signals
	END
}

@test "a network namespace of another user namespace is left alone" {
	with_namespaces <<-'END'
		unshare --map-root-user --net sleep 60 &
		trap 'kill %1 %2' EXIT
		until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ] &&
			[ "$(cat "/proc/$!/comm")" = sleep ]; do sleep 0.01; done
		other=/proc/$!/ns/net
		: >inner
		mount --bind "$other" inner
		config '{"linux":{"namespaces":[{"type":"network","path":"'"$PWD"'/inner"}]}}'
		start
		[ "$(range inner)" = "$initial" ]
		config '{"linux":{"namespaces":[{"type":"network","path":"'"$path"'"}]}}'
		start
		[ "$(range)" = '0 0' ]
	END
}
