#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# The environment variables that users set.

load helpers

# Succeeds if VARIABLE=VALUE costs one line, which names both, and is then as DEFAULT.
warns_once() {
	for command in ps run; do
		run_bounded env "$1=$2" podman "$command" image
		printf '%s\n' "$stderr"
		one_line_and 0
		[[ $stderr == *"$1"* && $stderr == *"$3"* && $stderr == *"$2" ]]
		[ -z "$output" ]
	done
}

@test "PODMAN_SHIM_MODE=auto gives each Podman the override that can read one" {
	PODMAN_SHIM_MODE=auto expect override run image
	rm "$world"/runtime/*
	PODMAN_SHIM_MODE=auto STAND_IN_VERSION='podman version 2.2.1' expect fallback run image
}

@test "PODMAN_SHIM_MODE=override takes no lock for what stands in podman's place" {
	make_podman <<<':'
	PODMAN_SHIM_MODE=auto expect 'override and retries' run image
	make_script "$real/podman" <<<'echo podman version 5.4.2'
	PODMAN_SHIM_MODE=auto expect 'override, lock and retries' run image
	PODMAN_SHIM_MODE=override expect 'override and retries' run image
	PODMAN_SHIM_MODE=override expect 'retries' --remote run image
}

@test "PODMAN_SHIM_MODE=override does not give it where it does harm" {
	export PODMAN_SHIM_MODE=override
	expect plain ps
	expect 'fallback: podman is remote' --remote run image
	expect 'fallback: --env-host' run --env-host image
	expect 'fallback: --conmon' --conmon /x run image
	expect 'fallback: unknown option' run --no-such-option image
	CONTAINERS_CONF_OVERRIDE=/no/x expect 'fallback: /no/x: No such file' run image
}

@test "PODMAN_SHIM_MODE=off executes everything as it is" {
	export PODMAN_SHIM_MODE=off
	expect 'plain: PODMAN_SHIM_MODE=off' run image
	expect plain build .
	expect plain ps
	podman run image
	[ -z "$(override_descriptor)" ]
	[ "$(count probes)" -eq 0 ]
}

@test "PODMAN_SHIM_MODE=lock makes no override" {
	PODMAN_SHIM_MODE=lock podman run image
	[ "$(count runs)" -eq 1 ]
	[ -z "$(override_descriptor)" ]
}

@test "an empty setting is as none" {
	run_bounded env PODMAN_SHIM_MODE= PODMAN_SHIM_DEBUG= PODMAN_SHIM_REAL= podman run image
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ -n "$(override_descriptor)" ]
}

@test "a PODMAN_SHIM_MODE of no meaning costs one line and is as auto" {
	for value in no-mode OFF 'off ' 0 overrides; do
		warns_once PODMAN_SHIM_MODE "$value" auto
		[ -n "$(override_descriptor)" ]
		# even where the podman is too old for it
		PODMAN_SHIM_MODE=$value PODMAN_SHIM_REAL=$real/podman expect override run image
	done
	rm "$world"/runtime/*
	PODMAN_SHIM_MODE=no-mode STAND_IN_VERSION='podman version 2.2.1' expect fallback run image
}

@test "a PODMAN_SHIM_DEBUG of no meaning costs one line and is as 0" {
	for value in yes 2 -1 01; do
		warns_once PODMAN_SHIM_DEBUG "$value" 0
	done
}

@test "a setting with control characters in it costs one line all the same" {
	run_bounded env PODMAN_SHIM_MODE=$'a\nb\033[31m\rc' podman run image
	one_line_and 0
	[[ $stderr != *[$'\033\r']* ]]
}

@test "a setting of any length costs one line" {
	run_bounded env PODMAN_SHIM_MODE="$(printf '%0100000d' 0)" podman run image
	one_line_and 0
	[ "${#stderr}" -le 4096 ]
}

@test "several settings of no meaning cost one line each" {
	run_bounded env PODMAN_SHIM_MODE=x PODMAN_SHIM_DEBUG=x podman run image
	[ "$status" -eq 0 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "PODMAN_SHIM_DEBUG=1 says what is decided, and why, one line each" {
	run_bounded env PODMAN_SHIM_DEBUG=1 podman run image
	printf '%s\n' "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	for line in "${stderr_lines[@]}"; do
		[[ $line == "podman-shim: "*:* ]]
	done
	[[ $stderr == *"podman: $real/podman ("* ]]
	[[ $stderr == *"version: podman version 5.4.2 ($real/podman --version)"* ]]
	[[ $stderr == *"override: /dev/fd/"*default_sysctls* ]]
	[[ ${stderr_lines[-1]} == "podman-shim: plan: override: "?* ]]
	run_bounded env PODMAN_SHIM_DEBUG=1 podman run image
	[[ $stderr == *"version: podman version 5.4.2 (cache)"* ]]
}

@test "PODMAN_SHIM_DEBUG=1 says why a command is executed as it is" {
	run_bounded env PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_REAL="$real/podman" podman ps
	[[ $stderr == *"podman: $real/podman (PODMAN_SHIM_REAL)"* ]]
	[[ ${stderr_lines[-1]} == "podman-shim: plan: plain: "?* ]]
	[[ $stderr != *version:* ]]
}

@test "PODMAN_SHIM_DEBUG=0 says nothing" {
	for command in ps run; do
		run_bounded env PODMAN_SHIM_DEBUG=0 podman "$command" image
		[ "$status" -eq 0 ]
		[ -z "$output$stderr" ]
	done
}

@test "a closed standard error costs the trace and nothing else" {
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_MODE=no-mode podman run image 2>&-
	[ -n "$(override_descriptor)" ]
	lacks '^2 ' fds
}

@test "settings are podman's to see as well" {
	PODMAN_SHIM_MODE=auto PODMAN_SHIM_DEBUG=0 podman run image
	recorded environ | grep -x PODMAN_SHIM_MODE=auto
	recorded environ | grep -x PODMAN_SHIM_DEBUG=0
}

@test "a number of no meaning costs one line and is as the default" {
	for value in x -1 1x ' 1' 1.5 99999999999999999999 86401; do
		PODMAN_SHIM_MODE=lock warns_once PODMAN_SHIM_LOCK_WAIT "$value" 60 run
	done
	warns_once PODMAN_SHIM_LOCK_HOLD 3601 3
}

@test "a standard error that nobody reads any more costs the trace and nothing else" {
	for mode in auto lock; do
		PODMAN_SHIM_MODE=$mode PODMAN_SHIM_DEBUG=1 perl -e 'pipe(my $read, my $write); close $read;
			open(STDERR, ">&", $write); $SIG{PIPE} = "DEFAULT"; exec @ARGV' podman run image
	done
	[ "$(count runs)" -eq 2 ]
}
