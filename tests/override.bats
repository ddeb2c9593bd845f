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
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' environ
	lacks memfd fds
	PODMAN_SHIM_DEBUG=1 run_bounded "$@" podman run image
	printf '%s\n' "$stderr"
	[[ $stderr == *"podman-shim: plan: lock: $reason"* ]]
}

# Puts a copy of the shim, as podman, into directory NAME of the world, which becomes the first in
# PATH.
shim_in() {
	mkdir -p "$world/$1"
	copy_shim "$world/$1/podman"
	PATH=$world/$1:$PATH
}

@test "podman reads that no sysctl is set by default, and that the shim is its conmon" {
	podman run image
	cat >wanted <<-END
		[containers]
		default_sysctls = []
		[engine]
		conmon_path = ["$alias"]
	END
	same wanted "$record/override"
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
		grep -q '^default_sysctls = \[\]$' "$record/override"
	done
}

@test "an override of the caller's is left as it is" {
	echo theirs >theirs
	CONTAINERS_CONF_OVERRIDE=$world/theirs expect 'fallback: CONTAINERS_CONF_OVERRIDE' run image
	CONTAINERS_CONF_OVERRIDE=$world/theirs podman run image
	recorded environ | grep -x "CONTAINERS_CONF_OVERRIDE=$world/theirs"
	same theirs "$record/override"
	CONTAINERS_CONF_OVERRIDE=/no/such/file expect 'fallback: CONTAINERS_CONF_OVERRIDE' run image
}

@test "an empty override of the caller's is none" {
	CONTAINERS_CONF_OVERRIDE='' podman run image
	[ "$(recorded environ | grep -c '^CONTAINERS_CONF_OVERRIDE=')" -eq 1 ]
	[ -n "$(override_descriptor)" ]
}

@test "a configuration of the caller's that is no override stays in place" {
	CONTAINERS_CONF=/their/own expect override run image
	recorded environ | grep -x CONTAINERS_CONF=/their/own
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
	lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' environ
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
		[ "$(count conmon.argv)" -eq 0 ]
		[ "$(recorded conmon.argv)" = "$real/conmon"$'\n--version' ]
	done
}

@test "control characters in the shim's path are escaped as TOML has them" {
	shim_in $'line\nfeed\ttab\177delete\033escape'
	podman run image
	name='line\u000afeed\u0009tab\u007fdelete\u001bescape'
	grep -Fx "conmon_path = [\"$world/$name/./podman\"]" "$record/override"
	[ "$(wc -l <"$record/override")" -eq 4 ]
}

@test "a shim whose path is no text falls back to plain execution" {
	local name

	for name in $'\377' $'a\200b' $'overlong\300\257' $'overlong\340\200\257' \
		$'surrogate\355\240\200' $'beyond\364\220\200\200' $'cut\303' $'cut\360\235\204'; do
		(
			shim_in "$name"
			falls_back "the shim's own path is not UTF-8"
		)
	done
}

@test "the fallback to plain execution leaves the caller's empty override" {
	# shellcheck disable=SC2016
	CONTAINERS_CONF_OVERRIDE='' prlimit --nofile=64 podman run image
	recorded environ | grep -x 'CONTAINERS_CONF_OVERRIDE='
}
