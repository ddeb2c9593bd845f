#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Which Podman it is: what `podman --version` says.

load helpers

# Succeeds if the plan for a podman that says that it is VERSION begins with PLAN.
expect_for() {
	rm -f "$world"/runtime/*
	STAND_IN_VERSION=$1 expect "$2" run image || fail "$1"
}

@test "Podman from 4.8 on gets the override" {
	for version in 4.8.0 4.8.0-rc1 4.9.3 4.10.0 5.0.0-dev 5.4.2 5.8.6 6.0.0-dev 10.0.0 4.8.0+ds1; do
		expect_for "podman version $version" override
		STAND_IN_VERSION="podman version $version" expect override system service
	done
}

@test "Podman from 3.0 on gets it in its own way, but not where it builds" {
	for version in 4.7.2 4.7.0-dev 4.3.1 4.0.0 3.0.1 3.9.9; do
		expect_for "podman version $version" override
		STAND_IN_VERSION="podman version $version" expect "plain: a build's helpers" build .
		STAND_IN_VERSION="podman version $version" expect "plain: a build's helpers" kube play --build file
		STAND_IN_VERSION="podman version $version" expect "plain: a build's helpers" system service
		STAND_IN_VERSION="podman version $version" expect override kube play file
	done
}

@test "an older Podman gets no override" {
	for version in 2.2.1 1.6.4 0.12.1; do
		expect_for "podman version $version" 'fallback: this Podman is too old'
	done
}

@test "a podman by another name is known by its version all the same" {
	expect_for 'podman-5 version 5.4.2' override
	expect_for '/opt/x/podman version 2.2.1' 'fallback: this Podman is too old'
}

@test "Docker in podman's place is executed as it is" {
	for mode in auto override; do
		PODMAN_SHIM_MODE=$mode expect_for 'Docker version 24.0.5, build ced0996' 'plain: this is Docker'
		PODMAN_SHIM_MODE=$mode expect_for 'Docker version 1.13.1' 'plain: this is Docker'
	done
	STAND_IN_VERSION='Docker version 24.0.5, build ced0996' podman run --rm image
	[ -z "$(override_descriptor)" ]
}

@test "a version that cannot be understood gets the override" {
	for version in '' podman 'podman version' 'podman version x' 'podman version 4' 'podman 4.3.1' \
		'podman version -4.3'; do
		expect_for "$version" override
	done
}

@test "a podman that fails to say its version gets the override" {
	for probe in fail silent garbage huge; do
		STAND_IN_PROBE=$probe asks 1
		# and is asked again
		STAND_IN_PROBE=$probe asks 1
	done
}

@test "a podman that does not say its version is waited for about five seconds" {
	local probe
	local -a children=()

	for probe in hang partial; do
		(
			mkdir "$record/$probe" "$world/runtime-$probe"
			chmod 700 "$world/runtime-$probe"
			export STAND_IN=$record/$probe STAND_IN_PROBE=$probe XDG_RUNTIME_DIR=$world/runtime-$probe
			SECONDS=0
			run_bounded podman run image
			printf 'status %s after %s s, stderr %s\n' "$status" "$SECONDS" "$stderr"
			[ "$status" -eq 0 ]
			[ "$SECONDS" -ge 4 ]
			[ "$SECONDS" -le 30 ]
			record=$STAND_IN
			[ -n "$(override_descriptor)" ]
			[ "$(count probes)" -eq 1 ]
			# nothing of it is left
			gone "$(sed 's/pid=\([0-9]*\) .*/\1/' "$record/probes")"
		) &
		children+=($!)
	done
	for probe in "${children[@]}"; do
		wait "$probe"
	done
}

@test "a podman that cannot be killed, as one that sudo has started, is not waited for" {
	STAND_IN_PROBE=hang run_bounded "$refuse" kill podman run image
	[ "$status" -eq 0 ]
	[ -n "$(override_descriptor)" ]
	# the kernel kills it when podman has ended
	until_true gone "$(sed 's/pid=\([0-9]*\) .*/\1/' "$record/probes")"
}

@test "a podman that goes on after it said its version is not waited for" {
	SECONDS=0
	STAND_IN_PROBE=linger asks 1
	[ "$SECONDS" -lt 4 ]
	gone "$(sed 's/pid=\([0-9]*\) .*/\1/' "$record/probes")"
}

@test "a process that a podman leaves behind as it says its version is ended" {
	local pid

	mkdir script
	make_script script/podman <<-END
		#!/bin/sh
		[ "\$*" = --version ] || exec "$real/podman" "\$@"
		sleep 1000 &
		echo \$! >"$world/pid"
		echo podman version 5.4.2
	END
	SECONDS=0
	PATH=$shim:$world/script:$PATH run_bounded podman run image
	[ "$status" -eq 0 ]
	[ "$SECONDS" -lt 4 ]
	pid=$(<pid)
	# killed, but another process may have to notice yet
	until_true gone "$pid"
}

@test "podman is asked for its version without input, error output or a terminal" {
	script -qec "podman run image" /dev/null </dev/null
	[ "$(count probes)" -eq 1 ]
	grep -q ' stdin=/dev/null .*stderr=/dev/null terminal=no$' "$record/probes"
	# as it would have had them
	[ "$(recorded terminal)" = yes ]
}

@test "the question for the version does not read the caller's input" {
	mkdir script
	make_script script/podman <<-END
		#!/bin/sh
		[ "\$*" != --version ] || echo podman version 5.4.2
		cat
	END
	PATH=$shim:$world/script:$PATH run_bounded podman run image < <(printf 'one\ntwo\n')
	[ "$output" = $'one\ntwo' ]
}

@test "a process limit that leaves no room for the question gets the override" {
	"$refuse" fork podman run image
	[ "$(count probes)" -eq 0 ]
	[ -n "$(override_descriptor)" ]
}

@test "commands that start no container do not ask for the version" {
	for command in ps 'pull image' 'exec a b' --version --help ''; do
		# shellcheck disable=SC2086 # words
		podman $command
	done
	PODMAN_SHIM_MODE=off podman run image
	[ "$(grep -c stderr=/dev/null "$record/probes")" -eq 0 ]
	# that of the user's, which the shim does not ask
	[ "$(count probes)" -eq 1 ]
	[ -z "$(ls -A "$world/runtime")" ]
}
