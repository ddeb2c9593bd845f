#!/usr/bin/env bats
# releases: bookworm
# by hand: bullseye
# A Podman before 4.8, which reads no override: its containers start, and its whole configuration is in force.

load common

hello=(localhost/bb busybox echo hello)
config=~/.config/containers/containers.conf

# An image with a file in /data, which a new volume there is filled with.
build_data() {
	echo inside >inside
	printf '%s\n' 'FROM localhost/bb' 'COPY inside /data/inside' >Containerfile
	podman build -q -t localhost/data . >/dev/null
}

@test "run, create, start, exec and restart work where group 0 is not mapped" {
	run native run --rm "${doomed[@]}" "${hello[@]}"
	[ "$status" -eq 126 ]
	[[ $output == *OCI*ping_group_range* ]]
	[ "$(podman run --rm "${doomed[@]}" "${hello[@]}")" = hello ]
	podman create --name x "${doomed[@]}" localhost/bb busybox sleep 60
	podman start x
	[ "$(podman exec x busybox echo hello)" = hello ]
	podman restart -t 0 x
	is_running x
}

@test "a container is removed at its end, and restarted by its policy" {
	podman run -d --rm "${doomed[@]}" localhost/bb busybox true
	until_true no_containers
	# with a mapping 4.3.1 waits for itself at the first restart, natively too
	podman run -d --name x --restart on-failure:2 localhost/bb busybox false
	until_true restarted 2
	native rm -f x
	until_true no_remains
}

@test "files go into containers and out of them, and volumes are filled from the image" {
	build_data
	podman run -d --name x localhost/bb busybox sleep 60
	podman cp inside x:/copied
	podman cp x:/copied out
	diff inside out
	podman run --name y -v filled:/data localhost/data busybox cat /data/inside | grep -x inside
	podman run --rm -v filled:/elsewhere "${doomed[@]}" localhost/bb busybox cat /elsewhere/inside | grep -x inside
	podman commit -q y localhost/committed
	podman run --rm localhost/committed busybox cat /data/inside | grep -x inside
	native rmi -f localhost/committed
}

@test "an image can be a mount" {
	build_data
	podman run --rm --mount type=image,src=localhost/data,dst=/image localhost/bb busybox cat /image/data/inside |
		grep -x inside
}

@test "run unpacks an image that is not there yet" {
	build_data
	for transport in docker oci; do
		podman save -q --format "$transport-archive" -o "$transport.tar" localhost/data
	done
	native rmi -f localhost/data
	for transport in docker oci; do
		podman run --rm "$transport-archive:$work/$transport.tar" busybox cat /data/inside | grep -x inside
		native rmi -f localhost/data
		podman load -q -i "$transport.tar"
		native rmi -f localhost/data
	done
	tar c inside | podman import -q - localhost/imported
	native rmi localhost/imported
}

@test "a pod starts, and what is played" {
	# its infra image is not to be had without a network
	[[ $(native --version) != *' 3.0.'* ]] || skip
	podman pod create --name p --infra-image localhost/bb --infra-command 'busybox sleep 60'
	[ "$(podman run --rm --pod p "${hello[@]}")" = hello ]
	native pod kill p
	podman pod start p
	native pod kill p
	native pod rm -f p
	mkdir context
	printf '%s\n' 'FROM localhost/bb' 'LABEL played=yes' >context/Containerfile
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: played}' 'spec:' '  hostNetwork: true' '  restartPolicy: Never' \
		'  containers: [{name: c, image: context, command: [busybox, echo, played]}]' >pod.yaml
	podman play kube --build pod.yaml
	played() { native logs played-c | grep -qx played; }
	until_true played
	native pod kill played || :
	native pod rm -f played
	native rmi -f context
}

# seen COMMAND: how PODMAN, which is podman or native, runs containers
seen() {
	"$1" run --name seen localhost/bb busybox sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo $FROM;
		ulimit -n; cat /proc/sys/net/ipv4/ping_group_range; cat /etc/resolv.conf; umask'
	native inspect -f '{{.OCIRuntime}} {{.HostConfig.CgroupManager}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.PidsLimit}}
		{{.HostConfig.ShmSize}} {{.EffectiveCaps}} {{.Config.StopSignal}}' seen
	native rm -f seen >/dev/null
}

# Succeeds if a container is run the same natively and through the shim, and prints how.
same_as_natively() {
	seen native >natively
	seen podman | tee through
	diff natively through
}

@test "the user's configuration is in force, with what its drop-ins change of it" {
	mkdir -p "$config.d"
	printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=80"]' 'env = ["FROM=file"]' \
		'shm_size = "1m"' 'default_capabilities = [' '  "CHOWN", # and no other' '  "KILL",' ']' '[engine]' \
		"runtime = 'mine'" 'cgroup_manager = "cgroupfs"' '[engine.runtimes]' 'mine = ["/usr/bin/crun"]' \
		'other = ["/usr/bin/runc"]' >"$config"
	same_as_natively
	[ "$(head -n 2 through)" = $'80\nfile' ]
	grep '^mine cgroupfs' through
	printf '%s\n' '[Containers]' 'env = ["FROM=drop-in"]' 'Umask = "0027"' '[engine.runtimes]' 'mine = ["/usr/bin/runc"]' \
		>"$config.d/1.conf"
	printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=81", "net.ipv4.ping_group_range=5 9"]' \
		'[engine]' 'runtime = "other"' '[network]' 'dns_servers = ["192.0.2.1"]' >"$config.d/2.conf"
	same_as_natively
	# what is in no drop-in natively, before 3.3, is in none through the shim
	[[ $(native --version) == *' 3.0.'* ]] || grep -x 81 through
	printf '%s\n' '[containers]' 'env = ["FROM=CONTAINERS_CONF"]' >conf
	CONTAINERS_CONF=conf same_as_natively
	grep -x 'CONTAINERS_CONF' through
	CONTAINERS_CONF=$work/conf same_as_natively
	CONTAINERS_CONF=/dev/null same_as_natively
}

@test "a configuration that is missing or malformed ends as natively" {
	echo '[containers' >./cut
	for path in cut "$work/cut" "$work" /no/such/file; do
		CONTAINERS_CONF=$path run native run --rm "${hello[@]}"
		[ "$status" -ne 0 ]
		native_output=$(untimed <<<"$output")
		CONTAINERS_CONF=$path run podman run --rm "${hello[@]}"
		[ "$(untimed <<<"$output")" = "$native_output" ]
	done
}

# conmon_environment PODMAN: that of a container which PODMAN has started
conmon_environment() {
	# podman joins its namespace another way where its name is not podman
	"$1" run -d --name x localhost/bb busybox sleep 60 >/dev/null
	tr '\0' '\n' <"/proc/$(native inspect -f '{{.State.ConmonPid}}' x)/environ" | sort
	native kill x >/dev/null
	native rm -f x >/dev/null
}

@test "conmon's environment, and so that of what it cleans up by, is as natively" {
	printf '%s\n' '[engine]' 'conmon_env_vars = ["A=b", "PATH=/usr/bin"]' >conf
	: >empty
	for set in '' CONTAINERS_CONF=conf "CONTAINERS_CONF=$work/empty" CONTAINERS_CONF= CONTAINERS_CONF_OVERRIDE=/no/such; do
		export LC_ALL=C ${set:+"$set"}
		conmon_environment /usr/bin/podman >natively
		conmon_environment podman >through
		diff natively through
		unset CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE
	done
}

@test "clients of a service build more than once" {
	podman system service -t 0 "unix://$work/podman.sock" >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	printf '%s\n' 'FROM localhost/bb' 'RUN ["/bin/busybox", "true"]' 'RUN ["/bin/busybox", "true"]' >Containerfile
	for tag in one two; do
		native --remote --url "unix://$work/podman.sock" build -q --no-cache -t "$tag" .
	done
	native image exists two
	native rmi -f one two
	pkill -f 'system service -t 0'
}

# elapsed COMMAND...: how long $many of it take at once, in ms
elapsed() {
	local begin=${EPOCHREALTIME//[!0-9]/}

	[ "$(at_once "$@")" -eq 0 ]
	echo $(((${EPOCHREALTIME//[!0-9]/} - begin) / 1000))
}

# The best of five: a machine that does something else makes it take longer, and nothing shorter.
as_fast_as_natively() {
	local natively through run=(run --rm localhost/bb busybox sleep 2)

	for _ in 1 2 3 4 5; do
		natively=$(elapsed native "${run[@]}")
		through=$(elapsed podman "${run[@]}")
		echo "natively $natively ms, through the shim $through ms"
		((through * 10 > natively * 13)) || return 0 # one after the other would be twice and more
	done
	return 1
}

@test "attached runs at once take no longer than natively" {
	as_fast_as_natively
}

@test "of many runs at once most lose a race natively, and none does through the shim" {
	run=(--runtime /project/tests/racy-runtime run --rm localhost/bb busybox true)
	race 10
	[ "$(at_once native "${run[@]}")" -ge $((many / 2)) ]
	race 0
	[ "$(at_once podman "${run[@]}")" -eq 0 ]
	# and with the sysctl, by the lock and by what is repeated of the runtime's create
	patiently
	[ "$(at_once podman "${run[@]:0:3}" --sysctl net.ipv4.ping_group_range='0 0' "${run[@]:3}")" -eq 0 ]
}
