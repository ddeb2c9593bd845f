#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# podman-remote, and podman as a client, against a `podman system service`.

load common

runtime=/project/tests/racy-runtime

setup_service() {
	export CONTAINER_HOST=unix://$work/podman.sock
	env -u CONTAINER_HOST /usr/bin/podman --runtime "$runtime" system service -t 0 "$CONTAINER_HOST" >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	ln -s /project/podman-shim bin/podman-remote
	race 0
}

# podman in its user namespace is a process of its own
stop_service() {
	pkill -f "system service -t 0 $CONTAINER_HOST" || :
}

@test "many detached runs at once work through podman-remote" {
	setup_service
	patiently
	[ "$(at_once podman-remote run --network none -d localhost/bb busybox sleep 100)" -eq 0 ]
	[ "$(env -u CONTAINER_HOST native ps -q | wc -l)" -eq "$many" ]
	stop_service
}

@test "many attached runs at once work through podman-remote, and natively most fail" {
	setup_service
	patiently
	race 10
	[ "$(at_once /usr/bin/podman-remote run --network none --rm localhost/bb busybox echo hello)" -ge $((many / 2)) ]
	race 0
	rm output
	[ "$(at_once podman-remote run --network none --rm localhost/bb busybox echo hello)" -eq 0 ]
	[ "$(grep -c '^hello$' output)" -eq "$many" ]
	stop_service
}

@test "podman as a client of the service takes the lock, and no override" {
	setup_service
	PODMAN_SHIM_DEBUG=1 run podman run --rm localhost/bb busybox echo hello
	[ "$status" -eq 0 ]
	[[ $output == *"podman-shim: plan: lock: podman is remote"* ]]
	stop_service
}
