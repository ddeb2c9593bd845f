#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Whether a podman that has failed may be executed again, by what it says, and what it answers.

load helpers

@test "each branch of the evidence has its verdict" {
	run_bounded "$tests/build/evidence"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *' rows, 0 wrong' ]]
}
