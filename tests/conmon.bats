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

# The same, as run_bounded.
run_in_podmans_environment() {
	mapfile -d '' variables <"$record/environ"
	run_bounded env -i "${variables[@]}" "$@"
}

@test "conmon is executed by its own path, with podman's arguments" {
	need_own_conmon
	STAND_IN_CONMON='--api-version 1 -c ID -- --version' podman run image
	printf '%s\0' "$real/conmon" --api-version 1 -c ID -- --version | cmp - "$record/conmon.argv"
	[ "$(recorded conmon.comm)" = conmon ]
	[ "$(count conmon.runs)" -eq 1 ]
	[ "$(count runs)" -eq 1 ]
}

@test "a service finds its conmon also where the shim has been removed since" {
	need_own_conmon
	mkdir own behind
	copy_shim own/podman
	mv "$real/podman" behind/podman
	make_script "$real/podman" <<-END
		#!/bin/sh
		[ "\$1" = --version ] || rm -f '$world/own/podman'
		exec '$world/behind/podman' "\$@"
	END
	PATH=$world/own:$PATH
	STAND_IN_CONMON='-c ID' podman system service -t 0 100<&- 101<&-
	[ ! -e own/podman ]
	grep -Fx 'conmon_path = ["/dev/fd/101"]' "$record/override"
	printf '%s\0' "$real/conmon" -c ID | cmp - "$record/conmon.argv"
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' conmon.environ
}

@test "podman is told its conmon's version by conmon" {
	need_own_conmon
	STAND_IN_CONMON=--version podman run image
	printf '%s\0' "$real/conmon" --version | cmp - "$record/conmon.argv"
	[ "$(count probes)" -eq 1 ]
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
	make_script script/podman <<-END
		#!/bin/sh
		exec "$real/podman" "\$@"
	END
	PATH=$shim:$world/script:$PATH STAND_IN_CONMON='-c ID' podman run image
	[ -n "$(override_descriptor)" ]
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' conmon.environ
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
	in_podmans_environment "$alias" -c ID 100<file
	grep -qx "100 $world/file" "$record/conmon.fds"
	in_podmans_environment "$alias" -c ID 100< <(:)
	grep -q '^100 pipe:' "$record/conmon.fds"
	in_podmans_environment "$alias" -c ID 100<&-
	lacks '^100 ' conmon.fds
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' conmon.environ
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
	run_in_podmans_environment PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_MODE=no-mode \
		PODMAN_SHIM_REAL=/no/such "$alias" --version
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(count conmon.runs)" -eq 1 ]
}

@test "a conmon that is gone exits with 125 and one line that names it" {
	need_own_conmon
	podman run image
	rm "$real/conmon"
	run_in_podmans_environment "$alias" -c ID
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
	podman run image
	for called in podman "$shim/podman" "$binary" shim/podman ./shim/podman; do
		rm "$record/probes"
		run_in_podmans_environment "$called" --version
		printf '%s: %s\n' "$called" "$stderr"
		[ "$status" -eq 0 ]
		[ "$output" = 'podman version 5.4.2' ]
		[ "$(count probes)" -eq 1 ]
	done
	[ "$(count conmon.runs)" -eq 0 ]
}

@test "podman, called by what podman starts, has the first caller's environment" {
	in_odd_environment "$real/podman" ps
	keep_record native
	in_odd_environment "$shim/podman" run image
	in_podmans_environment "$shim/podman" ps
	same native/environ "$record/environ"
}

@test "podman run, called by what podman starts, has an override of its own" {
	need_own_conmon
	podman run image
	in_podmans_environment STAND_IN_CONMON='-c ID' podman run another 100</dev/null
	[ "$(override_descriptor)" = 101 ]
	[ "$(recorded argv)" = $'podman\nrun\nanother' ]
	grep -q '^default_sysctls = \[\]$' "$record/override"
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' conmon.environ
}

@test "an override that what podman starts has set for its own podman stays" {
	podman run image
	in_podmans_environment CONTAINERS_CONF_OVERRIDE=/their/own podman ps
	recorded environ | grep -x CONTAINERS_CONF_OVERRIDE=/their/own
	lacks '^_PODMAN_SHIM_' environ
}

@test "the shim called by a path with a dot in it is podman" {
	run_bounded "$alias" --version
	[ "$status" -eq 0 ]
	[ "$output" = 'podman version 5.4.2' ]
	(exec -a "$alias" "$shim/podman" run image)
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
