#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# The failure itself: natively there, gone through the shim.

load common

@test "run fails natively where group 0 is not mapped, and works through the shim" {
	run native run --rm "${doomed[@]}" localhost/bb busybox id
	[ "$status" -eq 126 ]
	[[ $output == *OCI*ping_group_range* ]]

	run podman run --rm "${doomed[@]}" localhost/bb busybox id
	[ "$status" -eq 0 ]
	[ "$output" = "uid=999(999) gid=999(999) groups=999(999)" ] || [ "$output" = "uid=999 gid=999 groups=999" ]
}

@test "create and then start work through the shim" {
	native create --name natively "${doomed[@]}" localhost/bb busybox id
	run native start -a natively
	[ "$status" -eq 125 ]

	podman create --name shimmed "${doomed[@]}" localhost/bb busybox id
	run podman start -a shimmed
	[ "$status" -eq 0 ]
	[[ $output == *uid=999* ]]
	# the decision is the container's: whoever starts it
	run native start -a shimmed
	[ "$status" -eq 0 ]
}

@test "a pod's infra container starts through the shim" {
	native --runtime "$runtime" pod create --name natively
	lose_all
	run native pod start natively
	[ "$status" -ne 0 ]

	podman --runtime "$runtime" pod create --name shimmed
	podman pod start shimmed
	run podman --runtime "$runtime" run --rm --pod shimmed localhost/bb busybox echo hello
	[ "$status" -eq 0 ]
	[ "$output" = hello ]
	podman --runtime "$runtime" run --rm --pod new:another localhost/bb busybox true
}

@test "kube play and container clone work through the shim" {
	lose_all
	podman --runtime "$runtime" create --name original localhost/bb busybox echo cloned
	podman --runtime "$runtime" container clone original copy
	[ "$(podman start -a copy)" = cloned ]
	podman --runtime "$runtime" pod create --name group
	podman --runtime "$runtime" pod clone --start group group2
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: played}' 'spec:' \
		'  restartPolicy: Never' '  containers:' \
		'  - {name: c, image: localhost/bb, command: [busybox, cat, /proc/sys/net/ipv4/ping_group_range]}' \
		>pod.yaml
	podman --runtime "$runtime" kube play pod.yaml
	played() { podman logs played-c | grep -q .; }
	until_true played
	[ "$(podman logs played-c)" = $'0\t0' ]
	run native --runtime "$runtime" kube play --replace pod.yaml
	[ "$status" -ne 0 ]
}

runtime=/project/tests/racy-runtime
# the runtime fails whatever sets the sysctl
lose_all() { echo 1000 >/tmp/racy-runtime/fail-next; }

@test "of many runs at once most lose a race natively, and none does through the shim" {
	run=(--runtime "$runtime" run --network none --rm localhost/bb busybox true)
	race 10
	[ "$(at_once native "${run[@]}")" -ge $((many / 2)) ]
	race 0
	[ "$(at_once podman "${run[@]}")" -eq 0 ]
}

@test "a RUN step of a build does not write the sysctl" {
	printf '%s\n' 'FROM localhost/bb' 'RUN ["busybox", "cat", "/proc/sys/net/ipv4/ping_group_range"]' >Containerfile
	run native build --no-cache .
	[[ $output == *$'\n0\t0'* ]]
	run podman build --no-cache .
	[ "$status" -eq 0 ]
	[[ $output == *$'\n65534\t65534'* ]]
}

@test "--shim-status --check shows the failure natively, and that it is gone through the shim" {
	run podman --shim-status --check
	[ "$status" -eq 0 ]
	[[ $output == *'check: natively fails by ping_group_range; through podman-shim works'* ]]
	no_containers
}

@test "behind a script there is the override if it passes that on, and podman in any case" {
	printf '#!/bin/bash\nexec /usr/bin/podman "$@"\n' >passes
	printf '#!/bin/bash\nfor fd in /proc/self/fd/1??; do [ ! -e "$fd" ] || eval "exec ${fd##*/}<&-"; done\nexec /usr/bin/podman "$@"\n' >closes
	chmod +x passes closes
	PODMAN_SHIM_RETRIES=0 PODMAN_SHIM_REAL=$work/passes podman run --rm "${doomed[@]}" localhost/bb busybox id
	[ "$(PODMAN_SHIM_REAL=$work/closes podman run --rm localhost/bb busybox echo hello)" = hello ]
	[[ $(PODMAN_SHIM_REAL=$work/closes podman --shim-status) == *'does not work with an override'* ]]
}
