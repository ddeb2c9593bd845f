#!/usr/bin/env bats
# The user's containers.conf, as far as the override would be in its way.

load helpers

# for_each_place CONTENT COMMAND...: with CONTENT in each file that podman reads
for_each_place() {
	local content=$1 file
	shift
	for file in home/.config/containers/containers.conf home/.config/containers/containers.conf.d/x.conf; do
		mkdir -p "$(dirname "$file")"
		printf '%s\n' "$content" >"$file"
		"$@"
		rm "$file"
	done
	mkdir -p config/containers
	printf '%s\n' "$content" >config/containers/containers.conf
	XDG_CONFIG_HOME=$world/config "$@"
	CONTAINERS_CONF=$world/config/containers/containers.conf "$@"
	# that replaces all others
	mkdir -p home/.config/containers
	cp config/containers/containers.conf home/.config/containers/
	: >empty.conf
	CONTAINERS_CONF=$world/empty.conf expect override run image
	rm home/.config/containers/containers.conf config/containers/containers.conf
	expect override run image
}

@test "a configuration that makes podman remote is heeded" {
	for_each_place $'[engine]\nremote = true' expect 'lock: podman is remote' run image
	for_each_place $'[engine]\nremote = false\nremote_uri = "true"' expect override run image
}

@test "a conmon of the user's own is not passed over" {
	for_each_place $'[engine]\n  conmon_path = ["/my/conmon"]' expect lock: run image
	for_each_place 'engine.conmon_path=["/my/conmon"]' expect lock: run image
	for_each_place $'[engine]\n# conmon_path = ["/my/conmon"]' expect override run image
}

@test "an environment that is copied into every container shows nothing of the shim's" {
	for_each_place $'[containers]\nenv_host = true' expect lock: run image
	for_each_place $'[containers]\nenv_host = false' expect override run image
}

@test "default sysctls of the user's own are not taken away" {
	for_each_place 'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=80"]' expect lock: run image
	for_each_place 'default_sysctls = ["net.ipv4.ping_group_range=0 0", "a=b"]' expect lock: run image
	for_each_place $'default_sysctls = [\n"a=b"\n]' expect lock: run image
	for_each_place $'default_sysctls = [\n  "net.ipv4.ping_group_range=0 0",\n  "a=b",\n]' expect lock: run image
	for_each_place $'default_sysctls = [\n  "net.ipv4.ping_group_range=0 0",\n]\n' expect override run image
	for_each_place "default_sysctls = [$(printf '\n"%s"' {1..2000})" expect lock: run image
	for_each_place 'default_sysctls = [' expect lock: run image
	for_each_place 'default_sysctls = []' expect override run image
	for_each_place "default_sysctls = [ 'net.ipv4.ping_group_range=0 0', ]" expect override run image
	for_each_place '#default_sysctls = ["a=b"]' expect override run image
}

@test "the reason names the file, and only files named .conf are read in directories" {
	mkdir -p home/.config/containers/containers.conf.d
	echo 'conmon_path = []' >home/.config/containers/containers.conf.d/a.conf
	expect "lock: $HOME/.config/containers/containers.conf.d/a.conf sets conmon_path" run image
	mv home/.config/containers/containers.conf.d/a.conf home/.config/containers/containers.conf.d/a.conf~
	expect override run image
}

@test "a configuration that can be read only once is left to podman" {
	mkfifo pipe
	CONTAINERS_CONF=$world/pipe expect "lock: $world/pipe cannot be read" run image
	CONTAINERS_CONF=$world/nothing expect override run image
	CONTAINERS_CONF=/dev/null expect override run image
}

@test "an environment file that names the shim's variables shows the container nothing of them" {
	printf '%s\n' A=b CONTAINERS_CONF_OVERRIDE >file
	expect 'lock: --env' run --env-file file image
	printf '%s\n' A=b ' *' >file
	expect 'lock: --env' run --env-file=file image
	printf '%s\n' A=b 'CONTAINERS_CONF_OVERRIDE=x' '# *' >file
	expect override run --env-file file image
	expect override run --env-file nothing image
	mkfifo pipe
	expect 'lock: --env' run --env-file pipe image
}
