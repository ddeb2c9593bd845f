#!/usr/bin/env bats
# releases: sid
# by hand: trixie
# Nothing of the shim's is to be seen where it does not belong.

load common

descriptors_and_environment='busybox ls /proc/self/fd; busybox env | busybox grep -v HOSTNAME'

@test "a container has the descriptors and the environment that it has natively" {
	run native run --rm localhost/bb sh -c "$descriptors_and_environment"
	natively=$output
	run podman run --rm localhost/bb sh -c "$descriptors_and_environment"
	[ "$output" = "$natively" ]
	run podman run --rm -t localhost/bb sh -c "$descriptors_and_environment"
	[[ $output != *CONTAINERS_CONF* && $output != *SHIM* ]]
}

@test "exec shows the environment that it shows natively" {
	podman run -d --name x localhost/bb busybox sleep 60
	[ "$(podman exec x busybox env)" = "$(native exec x busybox env)" ]
}

conmon_pid() { native inspect -f '{{.State.ConmonPid}}' "$1"; }

@test "conmon has the environment that it has natively, and no descriptor of the shim's" {
	native run -d --name natively localhost/bb busybox sleep 60
	podman run -d --name shimmed localhost/bb busybox sleep 60
	# all but what the shell itself tells the command of its path; podman's own order varies
	natively=$(tr '\0' '\n' <"/proc/$(conmon_pid natively)/environ" | grep -v ^_= | sort)
	shimmed=$(tr '\0' '\n' <"/proc/$(conmon_pid shimmed)/environ" | grep -v ^_= | sort)
	[ "$shimmed" = "$natively" ]
	run ls -l "/proc/$(conmon_pid shimmed)/fd"
	[[ $output != *memfd* ]]
	[ "$(cat "/proc/$(conmon_pid shimmed)/comm")" = conmon ]
	[ "$(tr '\0' ' ' <"/proc/$(conmon_pid shimmed)/cmdline" | cut -d' ' -f1)" = \
		"$(tr '\0' ' ' <"/proc/$(conmon_pid natively)/cmdline" | cut -d' ' -f1)" ]
}

@test "CreateCommand is what it is natively, whatever podman is called" {
	native create --name natively --label a=b localhost/bb busybox true
	podman create --name shimmed --label a=b localhost/bb busybox true
	[ "$(native inspect -f '{{.Config.CreateCommand}}' shimmed)" = "[podman create --name shimmed --label a=b localhost/bb busybox true]" ]
	(exec -a docker podman create --name called localhost/bb busybox true)
	[ "$(native inspect -f '{{.Config.CreateCommand}}' called)" = "[docker create --name called localhost/bb busybox true]" ]
}

@test "descriptors that the caller preserves arrive, the 98th too" {
	run podman run --rm --preserve-fds=1 localhost/bb busybox cat /proc/self/fd/3 3<<<three
	[ "$status" -eq 0 ]
	[ "$output" = three ]
	run bash -c 'for fd in {3..100}; do eval "exec $fd<<<\"number $fd\""; done
		exec podman run --rm --preserve-fds=98 localhost/bb busybox cat /proc/self/fd/{3,99,100}'
	[ "$status" -eq 0 ]
	[ "$output" = $'number 3\nnumber 99\nnumber 100' ]
}

@test "--env-host copies the environment and nothing of the shim's" {
	MARK=here run podman run --rm --env-host localhost/bb busybox env
	[ "$status" -eq 0 ]
	[[ $output == *MARK=here* ]]
	[[ $output != *CONTAINERS_CONF* && $output != *SHIM* ]]
}

@test "exit status, output and errors are podman's" {
	run podman run --rm localhost/bb sh -c 'echo out; echo err >&2; exit 42'
	[ "$status" -eq 42 ]
	run podman run --rm localhost/nothing-of-that-name true
	natively_status=$(native run --rm localhost/nothing-of-that-name true >native.out 2>&1; echo $?)
	[ "$status" -eq "$natively_status" ]
	diff <(untimed <native.out) <(untimed <<<"$output")
	status=0
	podman run --rm localhost/bb nonesuch || status=$?
	[ "$status" -eq 127 ]
}

@test "environment files and configurations that copy the environment show nothing of the shim's" {
	printf '%s\n' '*' >file
	MARK=here run podman run --rm --env-file file localhost/bb busybox env
	[ "$status" -eq 0 ]
	[[ $output == *MARK=here* ]]
	[[ $output != *CONTAINERS_CONF* && $output != *_PODMAN_SHIM* ]]
	printf '%s\n' '[containers]' 'env_host = true' >conf
	CONTAINERS_CONF=$work/conf MARK=here run podman run --rm localhost/bb busybox env
	[[ $output == *MARK=here* ]]
	[[ $output != *CONTAINERS_CONF_OVERRIDE* && $output != *_PODMAN_SHIM* ]]
}

@test "a conmon that the user has configured is the one that is executed" {
	printf '%s\n' '#!/bin/sh' "echo used >>$work/used" 'exec /usr/bin/conmon "$@"' >conmon
	chmod +x conmon
	printf '%s\n' '[engine]' "conmon_path = [\"$work/conmon\"]" >conf
	CONTAINERS_CONF=$work/conf podman run --rm localhost/bb busybox true
	[ -s used ]
}
