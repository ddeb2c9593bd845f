#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# The override: what podman reads, from which descriptor, and what happens if that cannot be made.

load helpers

# Succeeds if `podman run` falls back to plain execution, with REASON and nothing left of the
# override, where COMMAND executes it. Nothing is said without the trace.
falls_back() {
	local reason=$1

	shift
	keep_record "before-$BATS_TEST_NUMBER-$RANDOM"
	run_bounded "$@" podman run image
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(count runs)" -eq 1 ]
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' environ
	lacks memfd fds
	PODMAN_SHIM_DEBUG=1 run_bounded "$@" podman run image
	printf '%s\n' "$stderr"
	[[ $stderr == *"podman-shim: plan: lock and retries: $reason"* ]]
}

# Prints the state that is for the conmon of COMMAND, with MORE.
state_of() {
	printf '%s' "_PODMAN_SHIM=1 conmon=$real/conmon${2-} variable=CONTAINERS_CONF_OVERRIDE${3-}" \
		" lock=$XDG_RUNTIME_DIR/podman-shim.lock.create command=$1 lock_wait=60 retries=3 backoff=500"
}

# Puts a copy of the shim, as podman, into directory NAME of the world, which becomes the first in
# PATH.
shim_in() {
	mkdir -p "$world/$1"
	copy_shim "$world/$1/podman"
	PATH=$world/$1:$PATH
}

@test "podman reads that no sysctl is set by default, and that the shim is its conmon" {
	need_no_configuration
	podman run image
	cat >wanted <<-END
		[containers]
		default_sysctls = []
		[engine]
		conmon_path = ["$alias"]
		conmon_env_vars = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "$(state_of run)"]
	END
	same wanted "$record/override"
}

@test "what the user's configuration has for conmon's environment stays, and ping_group_range is conmon's part's" {
	need_no_configuration
	mkdir -p home/.config/containers
	cat >home/.config/containers/containers.conf <<-'END'
		[containers]
		default_sysctls = ["a.b=1", "net.ipv4.ping_group_range=5 9"]
		[engine]
		conmon_env_vars = ["A=b \"c\"", "D=\\é"]
	END
	podman create image
	grep -Fx 'default_sysctls = ["a.b=1"]' "$record/override"
	grep -Fx "conmon_env_vars = [\"A=b \\\"c\\\"\", \"D=\\\\é\", \"$(state_of create ' ping=5%209')\"]" "$record/override"
	sed -i 's/\(conmon_env_vars.*\)]/\1, {append=true}]/' home/.config/containers/containers.conf
	podman create image
	grep -F 'conmon_env_vars = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=b' "$record/override"
	grep -F 'backoff=500", {append = false}]' "$record/override"
}

@test "where no conmon is found what stands in podman's place may find one, and what it starts knows of the shim" {
	need_own_conmon
	rm "$real/conmon"
	rm "$real/podman"
	make_script "$real/podman" <<-'END'
		#!/bin/bash
		[ "$1" != --version ] || { echo podman version 5.4.2; exit; }
		printf "%s\n" "$@" >>got
		cat "$CONTAINERS_CONF_OVERRIDE" >>got 2>/dev/null
		[ "$1" = ps ] || exec podman ps
	END
	podman create image
	cat >wanted <<-END
		create
		image
		[containers]
		default_sysctls = []
		[engine]
		conmon_path = ["$alias"]
		conmon_env_vars = ["PATH=$programs", "$(state_of create | sed 's/ conmon=[^ ]*//')"]
		ps
	END
	same wanted got
}

@test "a state that is too long is a reason against the override" {
	PODMAN_SHIM_LOG=/$(printf '%065500d' 0) expect 'lock and retries: a path or a variable is not UTF-8 or too long' run image
	PODMAN_SHIM_LOG=/$(printf '%064000d' 0) expect override run image
}

@test "a variable of the state's that podman's caller has does not reach podman" {
	_PODMAN_SHIM='1 conmon=/x' podman run image
	lacks '^_PODMAN_SHIM' environ
}

@test "the override is a file in memory on descriptor 100" {
	podman run image 100<&-
	recorded environ | grep -x 'CONTAINERS_CONF_OVERRIDE=/dev/fd/100'
	grep -q '^100 /memfd:' "$record/fds"
	[ "$(grep -c memfd "$record/fds")" -eq 1 ]
}

@test "nobody can change the override" {
	STAND_IN_TAMPER=1 podman run image
	[ -e "$record/tamper" ]
	same /dev/null "$record/tamper"
}

@test "the override is on the lowest free descriptor from 100 up" {
	echo content >file
	podman run image 100<file 101<file 103<file
	[ "$(override_descriptor)" = 102 ]
	for number in 100 101 103; do
		grep -qx "$number $world/file" "$record/fds"
	done
}

@test "the override is above the descriptors of a service that is started by its socket" {
	LISTEN_FDS=120 podman run image
	[ "$(override_descriptor)" -gt 122 ]
	LISTEN_FDS=120 podman run --preserve-fds=200 image
	[ "$(override_descriptor)" -gt 202 ]
	for number in 0 1 '' x -1 4294967296; do
		LISTEN_FDS=$number podman run image 100<&-
		[ "$(override_descriptor)" = 100 ]
	done
}

@test "every command that gets the override gets it so" {
	for command in create build 'kube play' 'pod create' start 'system service'; do
		keep_record "before ${command// /-}"
		# shellcheck disable=SC2086 # words
		podman $command x 100<&-
		[ "$(override_descriptor)" = 100 ]
		grep -qFx "conmon_path = [\"$alias\"]" "$record/override"
		grep -q '^default_sysctls = \[\]$' "$record/override"
	done
}

# Prints the override that the stand-in recorded without the keys that are the shim's.
without_own_keys() {
	sed '/^default_sysctls = /d; /^conmon_path = /d; /^conmon_env_vars = /d' "$record/override"
}

@test "an override of the caller's is merged: all but three of its keys are as they were" {
	need_no_configuration
	cat >theirs <<-'END'
		top = 'level' # for all
		[containers]
		label = [ # one a line
		  "a=b",
		  "c=d", ]
		default_sysctls = ["e.f=1"]
		log_driver = 'k8s-file'
		[engine.runtimes]
		mine = ["/x"]
		[network]
		default_subnet_pools = [ {"base" = "10.89.0.0/16", size = 24}, ]
		[engine]
		num_locks = 2048
	END
	CONTAINERS_CONF_OVERRIDE=theirs podman run image
	cat >wanted <<-END
		top = 'level'
		[containers]
		label = [ # one a line
		  "a=b",
		  "c=d", ]
		log_driver = 'k8s-file'
		default_sysctls = ["e.f=1"]
		[engine]
		num_locks = 2048
		conmon_path = ["$alias"]
		conmon_env_vars = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "$(state_of run '' ' callers=theirs')"]
		[engine.runtimes]
		mine = ["/x"]
		[network]
		default_subnet_pools = [ {"base" = "10.89.0.0/16", size = 24}, ]
	END
	diff <(grep -v default_sysctls wanted) <(grep -v default_sysctls "$record/override")
	grep -qFx 'default_sysctls = ["e.f=1"]' "$record/override"
}

@test "a caller's override is found as podman finds it" {
	mkdir directory
	printf '%s\n' '[containers]' 'tz = "local"' >directory/theirs
	for name in "$world/directory/theirs" directory/theirs ./directory/../directory/theirs; do
		keep_record "before-${name//\//-}"
		CONTAINERS_CONF_OVERRIDE=$name podman run image
		without_own_keys | grep -qx 'tz = "local"'
	done
	for name in /dev/fd/7 /proc/self/fd/7; do
		keep_record "before-${name//\//-}"
		CONTAINERS_CONF_OVERRIDE=$name podman run image 7<directory/theirs
		without_own_keys | grep -qx 'tz = "local"'
		grep -qx "7 $world/directory/theirs" "$record/fds"
	done
}

@test "behind a script with which an override does not work there is none, and behind others the lock as need be" {
	local closed='for fd in /proc/self/fd/1??; do [ ! -e "$fd" ] || eval "exec ${fd##*/}<&-"; done'

	mv "$real/podman" .
	script() { printf '#!/bin/bash\n%s\nexec "%s" "$@"\n' "$1" "$world/podman" | make_script "$real/podman"; }
	for lost in "$closed" "[[ \$1 == --version ]] && $closed"; do
		script "$lost"
		expect "lock and retries: what stands in podman's place does not work with an override" run image
		lacks '^CONTAINERS_CONF_OVERRIDE=' environ
		[[ $(PODMAN_SHIM_DEBUG=1 podman run image 2>&1) == *'version: podman version 5.4.2 '* ]]
	done
	script 'unset CONTAINERS_CONF_OVERRIDE'
	expect 'override, lock and retries' run image
	script ''
	expect 'override and retries' run image
	(
		ulimit -n 64
		expect 'lock and retries: no descriptor from 100 up' run image
	)
}

@test "an override of the caller's that is a pipe is left to podman" {
	local pipe

	for pipe in /dev/fd/9 /proc/self/fd/9; do
		keep_record "before-${pipe//\//-}"
		CONTAINERS_CONF_OVERRIDE=$pipe STAND_IN_FAILS=1 run_bounded podman run -d image 9< <(printf '[containers\n \n')
		[ "$status" -eq 126 ]
		[ "$(count runs)" -eq 1 ] # it would be empty the second time
		[ "$(recorded environ | grep ^CONTAINERS_CONF_OVERRIDE=)" = "CONTAINERS_CONF_OVERRIDE=$pipe" ]
		printf '[containers\n \n' | cmp - "$record/override"
	done
}

@test "an override of the caller's that is missing or malformed is podman's to complain of" {
	echo '[containers' >theirs
	for name in theirs "$world/theirs" /no/such/file /dev/fd/77; do
		keep_record "before-${name//\//-}"
		CONTAINERS_CONF_OVERRIDE=$name expect "fallback: $name" run image
		CONTAINERS_CONF_OVERRIDE=$name run_bounded podman run image
		[ -z "$stderr" ]
		[ "$(recorded environ | grep ^CONTAINERS_CONF_OVERRIDE=)" = "CONTAINERS_CONF_OVERRIDE=$name" ]
		lacks '^_PODMAN_SHIM_' environ
	done
	CONTAINERS_CONF_OVERRIDE=theirs expect "fallback: theirs:1: a header without its end" run image
}

@test "an empty override of the caller's is none" {
	CONTAINERS_CONF_OVERRIDE='' podman run image
	[ "$(recorded environ | grep -c '^CONTAINERS_CONF_OVERRIDE=')" -eq 1 ]
	[ -n "$(override_descriptor)" ]
}

@test "a configuration of the caller's that is no override stays in place" {
	: >theirs
	CONTAINERS_CONF=$world/theirs expect override run image
	recorded environ | grep -x "CONTAINERS_CONF=$world/theirs"
}

@test "a descriptor limit of 64 falls back to plain execution" {
	falls_back 'no descriptor' prlimit --nofile=64
}

@test "a descriptor limit that leaves no number above the caller's falls back to plain execution" {
	exec 100</dev/null 101</dev/null
	falls_back 'no descriptor' prlimit --nofile=102
	exec 101<&-
	prlimit --nofile=102 podman run image
	[ "$(override_descriptor)" = 101 ]
}

@test "a kernel that makes no file in memory falls back to plain execution" {
	falls_back 'no file in memory' "$refuse" memfd_create
}

@test "a kernel that does not know of files that are no programs makes one all the same" {
	"$refuse" memfd_create-noexec_seal podman run image
	[ -n "$(override_descriptor)" ]
	grep -q '^default_sysctls = \[\]$' "$record/override"
}

@test "variables that leave no room for the override's fall back to plain execution" {
	local low=0 high=131000 size

	ulimit -s 512
	# shellcheck disable=SC2016 # for that shell
	padded() {
		env PAD="$(printf '%0*d' "$1" 0)" MORE="$(printf '%060000d' 0)" "${@:2}" 2>&1
	}
	# `podman top` has as many letters as `podman run`
	while [ $((high - low)) -gt 1 ]; do
		size=$(((low + high) / 2))
		if padded "$size" podman top image >/dev/null; then low=$size; else high=$size; fi
	done
	[ "$low" -gt 0 ]
	[ "$high" -lt 131000 ]
	keep_record before
	low=$((low - 40))
	padded "$low" podman run image
	[ "$(count runs)" -eq 1 ]
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM' environ
	lacks memfd fds
	PODMAN_SHIM_DEBUG=1 padded "$low" podman run image | tail -n 1 |
		grep '^podman-shim: without the override: .*Argument list too long$'
}

@test "a shim in a directory of any name is podman's conmon" {
	local name

	need_own_conmon
	# shellcheck disable=SC1003,SC2016 # odd on purpose
	for name in 'with space' "quote'quote" 'double"quote' 'back\slash' '\' '"' \
		'grüße 日本 𝄞' '$(id) `id` #;'; do
		keep_record "before-$RANDOM$RANDOM"
		(
			shim_in "$name"
			STAND_IN_CONMON=--version podman run image
		)
		[ "$(recorded conmon.argv)" = "$real/conmon"$'\n--version' ]
	done
}

@test "control characters in the shim's path are escaped as TOML has them" {
	shim_in $'line\nfeed\ttab\177delete\033escape'
	podman run image
	name='line\nfeed\ttab\u007fdelete\u001bescape'
	grep -Fx "conmon_path = [\"$world/$name/././podman\"]" "$record/override"
	[ "$(wc -l <"$record/override")" -eq 5 ]
}

@test "a shim whose path is no text falls back to plain execution" {
	local name

	for name in $'\377' $'a\200b' $'overlong\300\257' $'overlong\340\200\257' \
		$'surrogate\355\240\200' $'beyond\364\220\200\200' $'cut\303' $'cut\360\235\204'; do
		(
			shim_in "$name"
			falls_back 'a path or a variable is not UTF-8'
		)
	done
}

@test "a shim that has no path any more falls back to plain execution" {
	copy_shim deleted
	exec 9<deleted
	rm deleted
	mkdir link
	ln -s /dev/fd/9 link/podman
	PATH=$world/link:$PATH falls_back "no conmon, or no path of the shim's own"
	/dev/fd/9 --shim-status | grep -q "no path of the shim's own"
}

@test "the fallback to plain execution leaves the caller's empty override" {
	# shellcheck disable=SC2016
	CONTAINERS_CONF_OVERRIDE='' prlimit --nofile=64 podman run image
	recorded environ | grep -x 'CONTAINERS_CONF_OVERRIDE='
}
