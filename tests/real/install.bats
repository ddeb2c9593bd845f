#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # for other shells; bats and common.bash set them
# Each way of installing on a real Podman; upgrading and removing while containers run.

bats_require_minimum_version 1.5.0
load common

# what tests/tools/run-real has installed
installed=/project/tests/build/root/usr/local

# Makes the one shim in PATH a file of its own, in directory own.
copy_shim() {
	rm "$work/bin/podman"
	mkdir own
	cp /project/podman-shim own/podman
	PATH=$work/own:$PATH
	hash -r
}

# Another build in its place, by rename as `make install` does it.
upgrade() {
	{
		cat own/podman
		echo another build
	} >own/new
	chmod +x own/new
	mv own/new own/podman
}

remove_shim() {
	rm -r own
	hash -r
	[ "$(command -v podman)" = /usr/bin/podman ]
}

# until_told PODMAN ARGUMENT...: a container that ends with status 3 when `tell` is called for it.
until_told() {
	mkfifo -m 666 "$work/$2"
	"$1" run --name "$2" -v "$work/$2:/told" "${@:3}" localhost/bb busybox sh -c 'read -r _ </told; exit 3'
}

tell() { timeout 20 bash -c 'echo >"$1"' _ "$work/$1"; }

has_ended() { [ "$(native inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1")" = "exited 3" ]; }

# Containers that start through the shim, end after COMMAND, and are cleaned up as they ought to be.
outlive() {
	local status=0 attached supervised

	copy_shim
	until_told podman detached -d --rm "${doomed[@]}"
	until_told podman kept -d -p 18081:80
	until_told podman attached --rm "${doomed[@]}" 3>&- &
	attached=$!
	PODMAN_SHIM_MODE=lock until_told podman supervised --rm 3>&- &
	supervised=$!
	until_true is_running attached
	until_true is_running supervised
	"$1"
	for name in detached kept attached supervised; do tell "$name"; done
	wait "$attached" || status=$?
	[ "$status" -eq 3 ]
	status=0
	wait "$supervised" || status=$?
	[ "$status" -eq 3 ]
	until_true has_ended kept
	only_kept() { [ "$(native ps -aq | wc -l)" -eq 1 ]; }
	until_true only_kept
	until_true no_remains
	native rm kept
}

@test "containers that run while the shim is upgraded end and are cleaned up" {
	outlive upgrade
	# and the new one does what the old one did
	podman run --rm "${doomed[@]}" localhost/bb busybox true
}

@test "containers that run while the shim is removed end and are cleaned up" {
	outlive remove_shim
	run podman run --rm "${doomed[@]}" localhost/bb busybox true
	[ "$status" -eq 126 ]
}

@test "a container with --restart=on-failure:2 is restarted twice after the shim is removed" {
	copy_shim
	until_told podman x -d --restart=on-failure:2 "${doomed[@]}"
	remove_shim
	tell x
	until_true restarted 1
	tell x
	until_true restarted 2
	tell x
	until_true has_ended x
	[ "$(native inspect -f '{{.RestartCount}}' x)" = 2 ]
	until_true no_remains
}

@test "an exec session, a health check and a pod go on after the shim is removed, with the native podman" {
	local session status=0

	copy_shim
	podman run -d --name x --health-cmd 'busybox test -e /healthy' --health-retries 1 \
		-v "$work:/work" localhost/bb busybox sleep 100
	mkfifo -m 666 session
	podman exec x busybox sh -c 'echo begun; read -r _ </work/session; busybox touch /healthy; exit 4' >session-output 3>&- &
	session=$!
	podman run -d --pod new:group --name member localhost/bb busybox sleep 100
	until_true grep -q begun session-output
	remove_shim

	run podman healthcheck run x
	[ "$status" -eq 1 ]
	status=0
	tell session
	wait "$session" || status=$?
	[ "$status" -eq 4 ]
	podman healthcheck run x
	[ "$(podman inspect -f '{{.State.Health.Status}}' x)" = healthy ]

	podman stop -t 0 x
	podman start x
	[ "$(podman exec x busybox echo hello)" = hello ]
	podman restart -t 0 x
	is_running x
	podman pod stop -t 0 group
	podman pod start group
	is_running member
	podman pod rm -f -t 0 group
	podman rm -f -t 0 x
	until_true no_remains
}

@test "a service that was started through the shim serves on after an upgrade" {
	local service

	client() { CONTAINER_HOST=unix://$work/podman.sock /usr/bin/podman-remote "$@"; }
	copy_shim
	podman system service -t 0 "unix://$work/podman.sock" 3>&- &
	service=$!
	until_true [ -S podman.sock ]
	client run -d --name x "${doomed[@]}" localhost/bb busybox sleep 100
	upgrade
	client restart -t 0 x
	client run --rm "${doomed[@]}" localhost/bb busybox true
	client rm -f -t 0 x
	until_true no_remains
	kill "$service"
	wait "$service" || :
}

# Succeeds if COMMAND, in podman's place, runs what no podman can run by itself.
works() {
	run "$@" run --rm "${doomed[@]}" localhost/bb busybox echo works
	printf '%s: status %s, %s\n' "$*" "$status" "$output"
	[ "$status" -eq 0 ]
	[ "$output" = works ]
}

# Succeeds if it fails as podman does.
fails() {
	run "$@" run --rm "${doomed[@]}" localhost/bb busybox echo works
	printf '%s: status %s, %s\n' "$*" "$status" "$output"
	[ "$status" -eq 126 ]
	[[ $output == *OCI*ping_group_range* ]]
}

@test "in each way of installing it, podman is the shim" {
	local path=/usr/local/bin:/usr/bin:/bin

	fails env PATH="$path" podman
	works env PATH="$installed/libexec/podman-shim:$path" podman
	works env PATH="$installed/bin:$path" podman-shim
	fails env PATH="$installed/bin:$path" podman
	mkdir file link
	cp /project/podman-shim file/podman
	works env PATH="$work/file:$path" podman
	cp /project/podman-shim link/podman-shim
	ln -s podman-shim link/podman
	works env PATH="$work/link:$path" podman
	echo 'alias podman=podman-shim' >bashrc
	# its stderr apart, since it has no terminal
	works bash -c 'PATH=$1 exec setsid -w bash --rcfile bashrc -ic "podman \"\$@\" 2>&3" "$@" 3>&2 2>/dev/null' \
		bash "$installed/bin:$path"
}

@test "in an image the program runs, and says that there is no podman" {
	cp /project/podman-shim .
	{
		echo 'FROM localhost/bb'
		sed -n '/^```Dockerfile$/,/^```$/{/^```/!p}' /project/README.md
	} >Containerfile
	podman build -q -t localhost/image .
	run -127 podman run --rm localhost/image /usr/local/bin/podman --version
	podman rmi localhost/image
	[ "$output" = "podman-shim: real podman not found: podman: none in PATH that is not podman-shim" ]
}
