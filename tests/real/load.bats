#!/usr/bin/env bats
# by hand: trixie
# Many containers, more of them at a time than there are processors.

load common

# print_numbers PODMAN COUNT: a container prints each, 16 at a time, by a runtime that loses races
print_numbers() {
	seq "$2" | xargs -P 16 -I{} "$1" --runtime /project/tests/racy-runtime run --rm localhost/bb busybox echo {}
}

@test "of 200 containers, 16 at a time, none fails through the shim" {
	race 10
	run print_numbers native 16
	[ "$status" -eq 123 ]

	race 0
	run print_numbers podman 200
	[ "$status" -eq 0 ]
	sort -n <<<"$output" | diff - <(seq 200)
	no_containers
}
