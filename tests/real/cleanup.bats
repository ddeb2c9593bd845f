#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# What conmon does at a container's end, and what is left.

load common

@test "a detached --rm container is gone after its end" {
	podman run -d --rm --name x localhost/bb busybox sleep 0.3
	until_true no_containers
	until_true no_remains
}

@test "--restart=on-failure:2 restarts twice" {
	podman run -d --name x --restart=on-failure:2 localhost/bb busybox false
	has_given_up() { [ "$(native inspect -f '{{.RestartCount}} {{.State.Status}}' x)" = "2 exited" ]; }
	until_true has_given_up
	until_true no_remains
}

@test "nothing is left of attached, detached and port-publishing runs" {
	podman run --rm localhost/bb busybox true
	podman run localhost/bb busybox true
	podman run -d -p 18080:80 localhost/bb busybox sleep 0.3
	podman run --rm --network bridge localhost/bb busybox true || :
	until_true no_remains
	none_runs() { [ -z "$(native ps -q)" ]; }
	until_true none_runs
}

@test "the container of a client that was killed goes on, ends and is removed" {
	podman run --rm --name x localhost/bb busybox sh -c 'until test -e /stop; do busybox sleep 0.1; done' &
	until_true is_running x
	kill -KILL $!
	wait $! || :
	is_running x
	native exec x busybox touch /stop || : # its container may be gone before it is
	until_true no_containers
	until_true no_remains
}

@test "exec works, detached too, and nothing is left of it" {
	podman run -d --name x localhost/bb busybox sleep 60
	podman exec -d x busybox touch /made
	until_true podman exec x busybox test -e /made
	[ "$(podman exec x busybox echo hello)" = hello ]
	podman rm -f -t 0 x
	until_true no_remains
}

@test "stop, restart and start again work on one container" {
	podman run -d --name x localhost/bb busybox sleep 60
	podman restart -t 0 x
	is_running x
	podman stop -t 0 x
	podman start x
	is_running x
	podman container init x 2>/dev/null || :
	podman rm -f -t 0 x
	until_true no_remains
}
