#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# What has run behind a remote podman is not run again, whatever it says. Here containers say, in
# podman's words, that they or others could not be created.

load common
load remote

# By default each test has containers that go, or such that stay; by hand both.
kinds=(--rm --name=n)
by_hand || kinds=("${kinds[BATS_TEST_NUMBER % 2]}")

# says ID: what the container will say, in its file shared/words; @ is its own id
says() {
	mkdir -p shared
	rm -f shared/*
	# shellcheck disable=SC2016 # podman's words
	printf 'Error: preparing container %s for attach: crun: write to `/proc/sys/net/ipv4/ping_group_range`: Invalid argument: OCI runtime error\n' "$1" >shared/words
}

# shellcheck disable=SC2016 # the container expands them
liar=(--network none -v ./shared:/shared --cidfile shared/id localhost/bb sh -c
	'echo ran >>/shared/ran; busybox sed "s/@/$(busybox cat /shared/id)/" /shared/words >&2; . /shared/then; exit ${1-126}' liar)

# lies OPTION... -- [STATUS]: runs it once
lies() {
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	: >>shared/then
	status=0
	remote run "${options[@]}" "${liar[@]}" "${@:2}" 2>stderr || status=$?
	printf '%s: status %s, stderr:\n' "${options[*]}" "$status"
	cat stderr
	tail -n 1 log
	[ "$(wc -l <shared/ran)" -eq 1 ]
	! grep -q 'retry:\|rescue:' log
}

# and it was asked what has happened
is_taken_for_podman() { grep -q '^Error:.*ping_group_range.*OCI' stderr && grep -q 'gave up: ' log; }

is_created() { [ "$(native inspect -f '{{.State.Status}}' "$1")" = created ]; }
remove_all() { native rm -aft 0 -v >/dev/null; }

@test "a container that tells of itself, or of none, runs once" {
	start_service
	for options in "${kinds[@]}"; do
		for id in @ 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ''; do
			says "$id"
			lies "$options" --
			is_taken_for_podman
			remove_all
		done
	done
	stop_service
}

@test "a container that tells of one that never started runs once, and that one stays" {
	start_service
	for options in "${kinds[@]}"; do
		for its in '' --rm; do
			# shellcheck disable=SC2086
			other=$(native create --network none --name other $its localhost/bb busybox true)
			says "$other"
			lies "$options" --
			is_taken_for_podman
			is_created other
			remove_all
		done
	done
	stop_service
}

@test "a container that tells of one that podman has removed, as it failed, runs once" {
	start_service
	for options in "${kinds[@]}"; do
		failures 1
		says "$(/usr/bin/podman-remote --url "$url" run --network none --rm localhost/bb busybox true 2>&1 | grep -o '[0-9a-f]\{64\}')"
		lies "$options" --
		is_taken_for_podman
		remove_all
	done
	stop_service
}

@test "a container that tells of one that the same command line has created, and that failed, runs once" {
	start_service
	for options in --rm=false --rm; do
		for number in 126 125 127; do
			says ''
			failures 1
			output=$(native --remote --url "$url" run "$options" "${liar[@]}" "$number" 2>&1) || :
			says "$(grep -o '[0-9a-f]\{64\}' <<<"$output" | head -n 1)"
			lies "$options" -- "$number"
			[ "$status" -eq "$number" ]
			is_taken_for_podman
			remove_all
		done
	done
	stop_service
}

@test "what has been killed runs once" {
	start_service
	for options in "${kinds[@]}"; do
		says @
		echo 'busybox sleep 60' >shared/then
		(until_true [ -s shared/ran ] && sleep 0.5 && until_true native kill "$(<shared/id)") >/dev/null 2>&1 3>&- &
		lies "$options" --
		[ "$status" -eq 137 ]
		remove_all
	done
	stop_service
}

@test "what was running when the service died runs once, though another serves at once" {
	start_service
	for options in "${kinds[@]}"; do
		other=$(native create --network none --name other localhost/bb busybox true)
		says "$other"
		echo 'busybox sleep 60' >shared/then
		(
			until_true [ -s shared/ran ]
			stop_service
			start_service
		) 3>&- &
		lies "$options" --
		wait $!
		[ "$status" -ne 0 ]
		is_created other
		remove_all
	done
	stop_service
}

@test "without events nothing attached is repeated, and all else is" {
	start_service --events-backend none
	failures 1
	run remote run --network none --rm localhost/bb busybox echo hello
	[ "$status" -eq 126 ]
	[[ $output == Error:*ping_group_range* ]]
	grep -q 'gave up: ' log
	failures 1
	remote run -d --network none --name n localhost/bb busybox sleep 60
	stop_service
}

@test "a container that runs already is not started again by what it says" {
	start_service
	says @
	echo 'until [ -e /shared/go ]; do echo runs; busybox usleep 100000; done' >shared/before
	# shellcheck disable=SC2016 # the container expands it
	native run -d --name n --network none -v ./shared:/shared --cidfile shared/id localhost/bb sh -c \
		'. /shared/before; echo ran >>/shared/ran; busybox sed "s/@/$(busybox cat /shared/id)/" /shared/words >&2; exit 125'
	remote start -a n >attached 2>stderr &
	until_true grep -q runs attached
	touch shared/go
	wait $! && false
	is_taken_for_podman
	[ "$(wc -l <shared/ran)" -eq 1 ]
	stop_service
}

@test "what a container needs runs once, though the container itself was not created" {
	start_service
	says @
	native --runtime "$runtime" create --name job --network host -v ./shared:/shared localhost/bb sh -c 'echo ran >>/shared/ran'
	native --runtime "$runtime" create --name n --requires job --network none localhost/bb busybox true
	failures 1
	run remote start n
	[ "$status" -eq 125 ]
	timeout 60 native wait job
	failures 1
	run remote run -d --network none --requires job localhost/bb busybox true
	[ "$status" -eq 126 ]
	# each of these two has run it
	ran_twice() { [ "$(wc -l <shared/ran)" -eq 2 ]; }
	until_true ran_twice
	[ "$(grep -c 'gave up: what the container needs would be started again' log)" -eq 2 ]
	stop_service
}
