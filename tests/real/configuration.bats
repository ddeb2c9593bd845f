#!/usr/bin/env bats
# releases: sid
# by hand: trixie
# What users have configured is in force through the shim as it is natively.

load common
bats_require_minimum_version 1.5.0

range=(busybox cat /proc/sys/net/ipv4/ping_group_range)
port=(busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start)

# Succeeds if COMMAND, natively and through the shim, exits with the same status, output and errors.
as_natively() {
	local native_status=0 status=0

	native "$@" >native.out 2>native.err || native_status=$?
	podman "$@" >shim.out 2>shim.err || status=$?
	[ "$status" -eq "$native_status" ]
	diff native.out shim.out
	diff <(untimed <native.err) <(untimed <shim.err)
}

# sees_80 COMMAND...: port 80 and ping_group_range are what the configuration says, natively and not
sees_80() {
	[ "$("$@" native run --rm --network none localhost/bb "${port[@]}")" = 80 ]
	[ "$("$@" podman run --rm --network none localhost/bb "${port[@]}")" = 80 ]
	[ "$("$@" podman run --rm localhost/bb "${range[@]}")" = $'0\t0' ]
	"$@" podman run --rm "${doomed[@]}" localhost/bb busybox id
}

@test "default sysctls of the user's own are in force, in whichever file they are" {
	printf '%s\n' '[containers]' \
		'default_sysctls = ["net.ipv4.ping_group_range=0 0", "net.ipv4.ip_unprivileged_port_start=80"]' >conf
	mkdir -p ~/.config/containers/containers.conf.d ~/.config/containers/containers.conf.modules config/containers
	cp conf ~/.config/containers/containers.conf
	sees_80 env
	mv ~/.config/containers/containers.conf ~/.config/containers/containers.conf.d/x.conf
	sees_80 env
	mv ~/.config/containers/containers.conf.d/x.conf ~/.config/containers/containers.conf.modules/x
	[ "$(podman --module x run --rm localhost/bb "${port[@]}")" = 80 ]
	[ "$(podman run --rm localhost/bb "${port[@]}")" = 1024 ]
	sees_80 env CONTAINERS_CONF="$work/conf"
	sees_80 env CONTAINERS_CONF_OVERRIDE=conf
	cp conf config/containers/containers.conf
	sees_80 env XDG_CONFIG_HOME="$work/config"
}

@test "a file that adds to earlier ones adds to them through the shim" {
	printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=80", {append=true}]' >conf
	export CONTAINERS_CONF_OVERRIDE=$work/conf
	for podman in native podman; do
		run $podman run --rm localhost/bb "${range[@]}"
		[ "$output" = $'0\t0' ]
		run $podman run --rm localhost/bb "${port[@]}"
		[ "$output" = 80 ]
	done
}

# pings PODMAN OPTION...: without being root, or having a capability, there
pings() { "$1" run --rm --user 1000:0 --cap-drop all -v /project/tests/build/ping:/ping:ro "${@:2}" localhost/bb /ping; }

@test "whoever can ping natively can ping through the shim" {
	native network create own
	for options in --rm --network=slirp4netns --network=own; do
		pings native $options || continue # not every release has slirp4netns
		pings podman $options
		[ "$(podman run --rm $options localhost/bb "${range[@]}")" = $'0\t0' ]
	done
	run podman run --rm --network host localhost/bb "${range[@]}"
	[ "$output" = "$(native run --rm --network host localhost/bb "${range[@]}")" ]
	podman pod create --name group
	pings podman --pod group
	podman run -d --name first localhost/bb busybox sleep 60
	pings podman --network container:first
	[ "$(podman exec first "${range[@]}")" = $'0\t0' ]
	podman restart -t 0 first
	[ "$(podman exec first "${range[@]}")" = $'0\t0' ]
	podman kill first
	podman start first
	[ "$(podman exec first "${range[@]}")" = $'0\t0' ]
	native network rm -f own
}

# ranges PODMAN OPTION...: the range in a container
ranges() { "$1" run --rm "${@:2}" localhost/bb "${range[@]}"; }

@test "a network namespace that a container joins keeps the range that it has" {
	local podman

	printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: played}' 'spec:' '  restartPolicy: Never' \
		'  securityContext:' '    sysctls: [{name: net.ipv4.ping_group_range, value: "0 77"}]' '  containers:' \
		'  - {name: c, image: localhost/bb, command: [busybox, cat, /proc/sys/net/ipv4/ping_group_range]}' >pod.yaml
	for podman in native podman; do
		"$podman" pod create --sysctl 'net.ipv4.ping_group_range=0 77' --name pod
		[ "$(ranges "$podman" --pod pod)" = $'0\t77' ]
		"$podman" run -d --name x --sysctl 'net.ipv4.ping_group_range=0 77' localhost/bb busybox sleep 60
		[ "$(ranges "$podman" --network container:x)" = $'0\t77' ]
		[ "$("$podman" exec x "${range[@]}")" = $'0\t77' ]
		"$podman" kube play pod.yaml
		played() { "$podman" logs played-c | grep -q .; }
		until_true played
		[ "$("$podman" logs played-c)" = $'0\t77' ]
		native pod rm -aft 0
		native rm -aft 0
	done
}

@test "a range is never written for another user namespace than the container's" {
	native pod create --userns=keep-id --name native
	podman pod create --userns=keep-id --name shim
	# documented: the kernel's own, and nothing wider
	native_range=$(ranges native --pod native)
	[ "$native_range" = $'0\t0' ]
	[ "$(ranges podman --pod shim)" = $'65534\t65534' ]
	run ! pings podman --pod shim --user 1000:1000
	podman run -d --name x --userns=keep-id localhost/bb busybox sleep 60
	before=$(podman exec x "${range[@]}")
	ranges podman --network container:x
	[ "$(podman exec x "${range[@]}")" = "$before" ]
}

@test "what a file adds to, an override that does not add takes the place of" {
	mkdir -p ~/.config/containers
	printf '%s\n' '[engine]' 'conmon_path = ["/usr/bin/conmon", {append=true}]' '[containers]' \
		'default_sysctls = [{append=true}, "net.ipv4.ip_unprivileged_port_start=99"]' >~/.config/containers/containers.conf
	printf '%s\n' '[engine]' 'conmon_path = ["/usr/bin/conmon", {append=false}]' '[containers]' \
		'default_sysctls = ["net.ipv4.tcp_keepalive_time=77", {append=false}]' >conf
	export CONTAINERS_CONF_OVERRIDE=$work/conf
	for podman in native podman; do
		[ "$("$podman" run --rm localhost/bb "${port[@]}")" = 1024 ]
		[ "$("$podman" run --rm localhost/bb busybox cat /proc/sys/net/ipv4/tcp_keepalive_time)" = 77 ]
		"$podman" run -d --rm localhost/bb busybox true
		until_true no_containers
	done
	[ "$(ranges podman)" = "$(ranges native)" ]
	podman run -d --name x --restart on-failure:2 localhost/bb busybox false
	until_true restarted 2
}

@test "a build by chroot that the configuration asks for shows no more than natively" {
	mkdir -p ~/.config/containers
	printf '%s\n' '[engine]' 'env = ["BUILDAH_ISOLATION=chroot"]' >~/.config/containers/containers.conf
	printf '%s\n' 'FROM localhost/bb' 'RUN ["busybox", "ls", "-l", "/proc/self/fd"]' >Containerfile
	podman build --no-cache . >shim.out 2>&1
	run ! grep memfd shim.out
}

@test "a range of the user's own is the container's" {
	printf '%s\n' '[containers]' 'default_sysctls = ["net.ipv4.ping_group_range=5 1000"]' >conf
	export CONTAINERS_CONF_OVERRIDE=conf
	[ "$(podman run --rm localhost/bb "${range[@]}")" = $'5\t1000' ]
	run ! pings podman
	: >conf
	printf '%s\n' '[containers]' 'default_sysctls = []' >conf
	[ "$(podman run --rm localhost/bb "${range[@]}")" = "$(native run --rm localhost/bb "${range[@]}")" ]
	[ "$(podman run --rm --sysctl net.ipv4.ping_group_range='7 8' localhost/bb "${range[@]}")" = $'7\t8' ]
}

@test "the caller's override is in force, and conmon's environment shows it unchanged" {
	printf '%s\n' '[containers]' 'env = ["MINE=yes"]' 'annotations = ["a.b=c"]' 'log_driver = "none"' \
		'[engine]' 'num_locks = 2048' >conf
	for path in conf ./conf "$work/conf"; do
		export CONTAINERS_CONF_OVERRIDE=$path
		podman run -d --name x "${doomed[@]}" localhost/bb busybox sleep 60
		podman inspect x >inspected
		grep '"MINE=yes"' inspected
		grep '"a.b": "c"' inspected
		[ "$(podman inspect -f '{{.HostConfig.LogConfig.Type}}' x)" = none ]
		tr '\0' '\n' <"/proc/$(podman inspect -f '{{.State.ConmonPid}}' x)/environ" >environ
		grep -x "CONTAINERS_CONF_OVERRIDE=$path" environ
		run ! grep _PODMAN_SHIM environ
		podman rm -ft 0 x
	done
	# a pipe is podman's to read: once, where it is called podman and its namespace is there
	CONTAINERS_CONF_OVERRIDE=<(cat conf) podman run --rm localhost/bb busybox env | grep MINE=yes
}

@test "an override of the caller's that is missing or malformed ends as natively" {
	echo '[containers' >./cut
	printf '%s\n' '[containers]' 'env = 3' >kind
	mkdir directory
	for path in cut kind directory /no/such/file; do
		export CONTAINERS_CONF_OVERRIDE=$path
		as_natively create --name x --replace localhost/nothing true
		as_natively run --rm localhost/bb busybox echo hello
	done
}

@test "nothing of the shim's gets into a container by its environment" {
	podman run --rm -e 'CONTAINERS_*' -e '_PODMAN*' --unsetenv PATH localhost/bb /bin/busybox env >shim.out
	run ! grep 'CONTAINERS_\|_PODMAN' shim.out
	run ! grep PATH= shim.out
	CONTAINERS_CONF_OVERRIDE=/dev/null podman run --rm -e 'CONTAINERS_*' localhost/bb busybox env >shim.out
	grep -x CONTAINERS_CONF_OVERRIDE=/dev/null shim.out
}

@test "descriptors that are preserved arrive, also where the override is one of them" {
	printf '%s\n' '[containers]' 'env = ["MINE=yes"]' >conf
	CONTAINERS_CONF_OVERRIDE=/dev/fd/3 run podman run --rm --preserve-fds=2 localhost/bb \
		sh -c 'busybox cat /proc/self/fd/4; busybox env' 3<conf 4<<<four
	[ "$status" -eq 0 ]
	[[ $output == four* && $output == *MINE=yes* ]]
	run podman run --rm --preserve-fds=130 localhost/bb sh -c 'busybox cat <&132' 132<<<last \
		3<&0 100</dev/null 131</dev/null
	native_output=$(bash -c 'for fd in {3..132}; do eval "exec $fd<<<\"number $fd\""; done
		exec podman run --rm --preserve-fds=130 localhost/bb busybox cat /proc/self/fd/{100,110,132}')
	[ "$native_output" = $'number 100\nnumber 110\nnumber 132' ]
}
