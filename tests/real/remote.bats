#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# podman-remote, and podman as a client, against a `podman system service` whose OCI runtime fails.
# By hand each command is tried with each client and each number of failures; by default each third command is, with
# one client and one number.

load common
load remote

# Removes all containers and their volumes.
wipe() {
	! grep -qs '"id"' ~/.local/share/containers/storage/*-containers/*containers.json || native rm -aft 0 -v >/dev/null
}

is_cleaned_up() { ! native ps -a --format '{{.State}}' | grep -q -e stopp -e remov; }

# All that is left, but names made at random, and how long the file of --cidfile is.
leftovers() {
	until_true is_cleaned_up
	native ps -a --format '{{.Names}} {{.State}} {{len .Mounts}}' | sed -E 's/^[a-z]+_[a-z]+[0-9]? /random /' | sort
	find ~/.local/share/containers/storage/volumes -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
	[ ! -e cid ] || wc -c <cid
}

# attempt FILE PODMAN COUNT COMMAND: what COMMAND, which names $podman, does after so many failures, in FILE. Where
# it has a comment, that is of what a container n is created with before.
attempt() {
	# shellcheck disable=SC2034 # COMMAND names it
	local podman=$2 status=0
	wipe
	rm -f cid
	# shellcheck disable=SC2086 # words
	[[ $4 != *'#'* ]] || native --runtime "$runtime" create --name n ${4##*#} >/dev/null
	failures "$3"
	(eval "$4") >"$1.out" 2>"$1.err" </dev/null || status=$?
	{
		echo "status $status"
		sed -E 's/\b[0-9a-f]{64}\b/ID/' "$1.out" "$1.err"
		leftovers
	} >"$1"
}

# as_natively CLIENT COUNT COMMAND: after so many failures all is as after a success without the shim
as_natively() {
	local wanted
	wanted=$1.$(cksum <<<"$3" | cut -d' ' -f1)
	[ -e "$wanted" ] || attempt "$wanted" "$(bare "$1")" 0 "$3"
	attempt shim "$(client "$1")" "$2" "$3"
	diff "$wanted" shim && [ "$(</tmp/racy-runtime/fail-next)" -eq 0 ] && return
	printf '%s after %s failures: %s\n' "$1" "$2" "$3"
	return 1
}

# shellcheck disable=SC2016 # attempt expands them
commands=(
	'$podman run localhost/bb busybox echo hello'
	'$podman run --rm localhost/bb busybox echo hello'
	'$podman run --network none --name n localhost/bb busybox echo hello'
	'$podman run --network none --cidfile cid localhost/bb busybox echo hello'
	'$podman run --network none --rm --cidfile cid -v /volume localhost/bb busybox echo hello'
	'$podman run --network none -v /volume localhost/bb busybox echo hello'
	'$podman run --network none -i --rm localhost/bb busybox md5sum <input'
	'$podman run --network none -d localhost/bb busybox sleep 60'
	'$podman run --network none -d -v /volume --name n localhost/bb busybox sleep 60'
	'$podman run --network none -d --rm --name n localhost/bb busybox sleep 60'
	'$podman run --network none -d --cidfile cid localhost/bb busybox sleep 60'
	'$podman start n && $podman wait n # localhost/bb busybox echo hello'
	'$podman start -a n # localhost/bb busybox echo hello'
	'$podman start -a n # --network none localhost/bb busybox echo hello'
	'$podman start -a -i n <input # -i --network none localhost/bb busybox md5sum'
)

@test "each command works after 1 to 3 failures as it does after none" {
	local i=0 command client count
	start_service
	seq 100000 >input
	for command in "${commands[@]}"; do
		if by_hand; then
			for client in remote option variable; do
				for count in 1 2 3; do as_natively "$client" "$count" "$command"; done
			done
		elif ((i % 3 == 0)); then
			clients=(remote option variable)
			as_natively "${clients[i / 3 % 3]}" $((i / 3 % 3 + 1)) "$command"
		fi
		i=$((i + 1))
	done
	stop_service
}

@test "after 4 failures the error is podman's, and a line counts them" {
	local options
	start_service
	for options in --rm '-d --name n'; do
		failures 4
		# shellcheck disable=SC2086 # words
		run remote run --network none $options localhost/bb busybox echo hello
		printf '%s: %s: %s\n' "$options" "$status" "$output"
		[ "$status" -eq 126 ]
		[ "${#lines[@]}" -eq 2 ]
		[[ ${lines[0]} == 'Error:'*ping_group_range* && ${lines[1]} == 'podman-shim: '*' 4 attempts' ]]
		wipe
	done
	native --runtime "$runtime" create --name n localhost/bb busybox echo hello
	failures 4
	run remote start n
	[ "$status" -eq 125 ]
	[[ ${lines[0]} == 'Error:'*ping_group_range* && ${lines[1]} == 'podman-shim: '*' 4 attempts' ]]
	stop_service
}

@test "pod start works after a failure, unless a container of the pod has run" {
	start_service
	native --runtime "$runtime" pod create --name p
	native --runtime "$runtime" create --pod p -v "$work:/work" localhost/bb sh -c 'echo ran >>/work/ran' >/dev/null
	failures 1
	remote pod start p
	until_true [ -s ran ]
	native pod stop -t 0 p
	failures 1
	run remote pod start p
	[ "$status" -ne 0 ]
	[ "$(<ran)" = ran ]
	stop_service
}

@test "many attached runs at once work through podman-remote, and natively most fail" {
	start_service
	patiently
	race 10
	[ "$(at_once /usr/bin/podman-remote --url "$url" run --network none --rm localhost/bb busybox echo hello)" -ge $((many / 2)) ]
	race 0
	rm output
	[ "$(at_once remote run --network none --rm localhost/bb busybox echo hello)" -eq 0 ]
	[ "$(grep -c '^hello$' output)" -eq "$many" ]
	rm output
	[ "$(at_once remote run --network none -d localhost/bb busybox sleep 100)" -eq 0 ]
	[ "$(native ps -q | wc -l)" -eq "$many" ]
	stop_service
}

@test "many attached runs at once work beside two clients that wait for nobody" {
	local bare=()
	by_hand || skip 'by hand: half a minute'
	start_service
	patiently
	race 1
	export PODMAN_SHIM_RETRIES=10
	for _ in 1 2; do
		while [ ! -e end ]; do
			/usr/bin/podman-remote --url "$url" run --network none --rm localhost/bb busybox true >>bare 2>&1 || :
			sleep 0.2
		done 3>&- &
		bare+=($!)
	done
	failed=$(at_once remote run --network none --rm localhost/bb busybox echo hello)
	: >end
	wait "${bare[@]}"
	grep -c ping_group_range bare
	grep -c ' retry: ' log
	[ "$failed" -eq 0 ]
	[ "$(grep -c '^hello$' output)" -eq "$many" ]
	stop_service
}

@test "podman as a client of the service takes the lock, and no override" {
	start_service
	export PODMAN_SHIM_DEBUG=1
	CONTAINER_HOST=$url run podman run --rm localhost/bb busybox echo hello
	[ "$status" -eq 0 ]
	[[ $output == *"podman-shim: plan: lock and retries: podman is remote"* ]]
	stop_service
	# by another name, with nothing that tells
	cp /usr/bin/podman-remote another
	PODMAN_SHIM_REAL=$work/another run podman run --rm localhost/bb busybox echo hello
	[[ $output == *"podman-shim: plan: lock and retries: podman is remote"*podman-remote* ]]
}
