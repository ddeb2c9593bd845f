#!/usr/bin/env bats
# by hand: trixie bookworm
# Many containers, more of them at a time than there are processors, and for a long time.

load common

# print_numbers COUNT AT_ONCE COMMAND...: a container prints each number
print_numbers() { seq "$1" | xargs -P "$2" -I{} "${@:3}" run --rm localhost/bb busybox echo {}; }

# Files and processes that may have been left, and the descriptors of process $1.
what_is_there() {
	find /tmp /run /dev/shm ~/.cache -xdev | grep -vc '/storage/'
	ps -e --no-headers | wc -l
	find "/proc/$1/fd" | wc -l
}

@test "of 200 containers, 16 at a time, none fails through the shim" {
	race 10
	run print_numbers 16 16 native --runtime /project/tests/racy-runtime
	[ "$status" -eq 123 ]

	race 0
	run print_numbers 200 16 podman --runtime /project/tests/racy-runtime
	[ "$status" -eq 0 ]
	sort -n <<<"$output" | diff - <(seq 200)
	no_containers
}

@test "of 200 containers of 50 clients of the API none fails" {
	race 0
	podman --runtime /project/tests/racy-runtime system service -t 0 "unix://$work/podman.sock" 3>&- &
	service=$!
	until_true [ -S podman.sock ]
	run print_numbers 200 50 native --url "unix://$work/podman.sock"
	kill "$service"
	[ "$status" -eq 0 ]
	sort -n <<<"$output" | diff - <(seq 200)
	no_containers
}

@test "after ten minutes of containers nothing is left" {
	native system service -t 0 "unix://$work/podman.sock" 3>&- &
	service=$!
	until_true [ -S podman.sock ]
	for ((round = 0, end = SECONDS + 600; SECONDS < end; round++)); do
		podman run --rm localhost/bb busybox true
		podman run --rm --sysctl net.ipv4.ping_group_range='0 0' localhost/bb busybox true
		podman --url "unix://$work/podman.sock" run --rm localhost/bb busybox true
		# what is there once belongs to those that are kept
		((round != 1)) || before=$(what_is_there "$service")
	done
	until_true no_remains
	after=$(what_is_there "$service")
	kill "$service"
	echo "$round rounds: ${before//$'\n'/ }, ${after//$'\n'/ }"
	[ "$round" -gt 10 ]
	diff - <(echo "$before") <<<"$after"
	no_containers
}
