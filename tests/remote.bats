#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# When podman is remote: then its service makes the containers, and nothing is to be done here.

load helpers

remote='fallback: podman is remote'

@test "options before the command make podman remote" {
	expect_each "$remote" <<-'END'
		--remote run image
		-r run image
		--remote=true run image
		--remote=1 run image
		-r=true run image
		--connection x run image
		--connection=x run image
		--connection= run image
		-c x run image
		-cx run image
		-c=x run image
		--url x run image
		--url=x run image
		--host x run image
		-H x run image
		-Hx run image
		--context x run image
		--context=x run image
		--log-level debug --remote run image
		--log-level=debug -r run image
		--root /x -c x run image
		--syslog --remote run image
		--remote --remote=false -c x run image
	END
}

@test "podman stays local without them" {
	expect_each override <<-'END'
		run image
		--remote=false run image
		--remote=0 run image
		-r=false run image
		--remote --remote=false run image
		--log-level debug run image
		--root=--remote run image
		--log-level=-r run image
	END
}

@test "options after the command do not make podman remote" {
	expect_each override <<-'END'
		run -c 5 image
		run image --remote
		run image -c x
		run --name -r image
		create -h --url image
		--log-level debug run -c 5 image
		build -c 5 .
	END
}

@test "CONTAINER_HOST makes podman remote, even an empty one" {
	CONTAINER_HOST=ssh://x expect "$remote" run image
	CONTAINER_HOST='' expect "$remote" run image
	CONTAINER_HOSTS=x expect override run image
}

@test "CONTAINER_CONNECTION makes podman remote, even an empty one" {
	CONTAINER_CONNECTION=x expect "$remote" run image
	CONTAINER_CONNECTION='' expect "$remote" run image
}

@test "--remote=false beats the environment" {
	export CONTAINER_HOST=ssh://x CONTAINER_CONNECTION=x
	expect override --remote=false run image
	expect override -r=false run image
	expect "$remote" --remote=false -c x run image
	expect "$remote" run --remote=false image
}

@test "podman-remote is remote by its name" {
	mv "$real/podman" "$real/podman-remote"
	ln -s podman "$shim/podman-remote"
	run_bounded env PODMAN_SHIM_DEBUG=1 podman-remote run image
	[ "$status" -eq 0 ]
	[[ $stderr == *"plan: lock and retries: ${remote#fallback: }"* ]]
	PODMAN_SHIM_REAL=$real/podman-remote expect "$remote" run image
	mv "$real/podman-remote" "$real/podman-remote-static-linux_amd64"
	PODMAN_SHIM_REAL=podman-remote-static-linux_amd64 expect "$remote" run image
}

@test "a podman that is built to be remote is remote, by whatever name" {
	copy_stand_in "$real/podman"
	printf /infra/runtime_tunnel.go >>"$real/podman"
	for from in "$real/podman --version" cache; do
		PODMAN_SHIM_DEBUG=1 run_bounded podman run image
		[[ $stderr == *"version: "*" ($from)"*"plan: lock and retries: ${remote#fallback: }"* ]]
	done
}

@test "a script that leads to podman-remote is remote" {
	rm "$real/podman"
	make_script "$real/podman" <<-END
		#!/bin/sh
		STAND_IN_VERSION='podman-remote version 5.4.2' exec "$stand_in" "\$@"
	END
	expect "$remote" run image
}

@test "a directory named podman-remote does not make podman remote" {
	mv "$real" "$world/podman-remote"
	PATH=$shim:$world/podman-remote:$programs expect override run image
}

@test "a remote podman is asked for its version once, as it may be Docker" {
	podman --remote run image
	podman --remote run image
	[ "$(count runs)" -eq 2 ]
	[ "$(count probes)" -eq 1 ]
}
