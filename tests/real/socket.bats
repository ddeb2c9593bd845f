#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# shellcheck disable=SC2154 # common.bash sets them
# What systemd starts: the API service, which the drop-in of `make install` starts through the shim, with
# an OCI runtime that fails creates that overlap; and Quadlet's units.

load common

# what tests/tools/run-real has installed
installed=/project/tests/build/root

# Waits for clients on $work/podman.sock, as podman.socket does, and executes `podman system service` as
# podman.service does: natively, or by the drop-in.
activate() {
	local command=/usr/bin/podman

	mkdir -p ~/.config/containers
	printf '%s\n' '[engine]' 'runtime = "racy"' '[engine.runtimes]' \
		'racy = ["/project/tests/racy-runtime"]' >~/.config/containers/containers.conf
	[ "$1" = natively ] || command=$installed$(sed -n 's/^ExecStart=\([^ ]\{1,\}\) .*/\1/p' \
		"$installed/usr/local/share/podman-shim/service.conf")
	systemd-socket-activate -l "$work/podman.sock" -E XDG_RUNTIME_DIR \
		"$command" --log-level=warn system service -t 60 >service.log 2>&1 3>&- &
	service=$!
	until_true [ -S podman.sock ]
	race 10
	export CONTAINER_HOST=unix://$work/podman.sock DOCKER_HOST=unix://$work/podman.sock
}

# Stops the service, and removes what its clients have made.
deactivate() {
	kill "$service" || :
	wait "$service" || :
	rm podman.sock
	env -u CONTAINER_HOST /usr/bin/podman rm -aft 0 >rm.log 2>&1
}

teardown() {
	[ ! -e service.log ] || cat service.log
	[ -z "${service:-}" ] || kill "$service" 2>/dev/null || :
}

running() { env -u CONTAINER_HOST /usr/bin/podman ps -q | wc -l; }

run_remotely() { podman-remote run --network none -d "$@" localhost/bb busybox sleep 100; }

@test "of podman-remote's containers none is lost, and natively most are" {
	activate natively
	[ "$(at_once run_remotely)" -ge $((many / 2)) ]
	deactivate
	activate protected
	[ "$(at_once run_remotely)" -eq 0 ]
	[ "$(running)" -eq "$many" ]
	deactivate
}

@test "of podman-remote's containers that set the sysctl themselves none is lost" {
	activate protected
	race 0 # one create that overlaps no other waits for nothing
	[ "$(at_once run_remotely --sysctl 'net.ipv4.ping_group_range=0 0')" -eq 0 ]
	[ "$(running)" -eq "$many" ]
	deactivate
}

@test "of docker-compose's services none is lost, and natively most are" {
	printf 'services:\n' >compose.yaml
	for ((i = 0; i < many; i++)); do
		printf '  a%d: {image: localhost/bb, network_mode: none, command: [busybox, sleep, "100"]}\n' "$i"
	done >>compose.yaml
	activate natively
	run docker-compose -p many up -d
	[ "$status" -ne 0 ]
	deactivate
	activate protected
	docker-compose -p many up -d
	[ "$(running)" -eq "$many" ]
	deactivate
}

@test "the units that Quadlet makes execute the shim" {
	mkdir -p ~/.config/containers/systemd
	printf '%s\n' '[Container]' 'Image=localhost/bb' >~/.config/containers/systemd/a.container
	run env "$(grep ^PODMAN= "$installed/usr/local/share/podman-shim/quadlet.conf")" \
		/usr/lib/systemd/user-generators/podman-user-generator -dryrun
	[[ $output == *$'\nExecStart=/usr/local/libexec/podman-shim/podman run '* ]]
}

@test "of testcontainers' containers none is lost, and natively most are" {
	local modules=/project/tests/build/npm/node_modules

	[ -d $modules/testcontainers ] || skip 'npm install --prefix tests/build/npm testcontainers@10 node@22'
	cat >many.js <<-END
		const { GenericContainer } = require('$modules/testcontainers')
		const one = () => new GenericContainer('localhost/bb').withNetworkMode('none')
			.withCommand(['busybox', 'sleep', '100']).start()
		Promise.allSettled(Array.from({ length: $many }, one)).then(all => {
			const lost = all.filter(each => each.status === 'rejected')
			lost.forEach(each => console.log(each.reason))
			process.exit(lost.length)
		})
	END
	export TESTCONTAINERS_RYUK_DISABLED=true
	activate natively
	race 1 # it starts some of them in turn
	run $modules/.bin/node many.js
	[ "$status" -ge 1 ]
	deactivate
	activate protected
	$modules/.bin/node many.js
	[ "$(running)" -eq "$many" ]
	deactivate
}
