#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# The user's containers.conf: what of it the override keeps, and what rules the override out.

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
	CONTAINERS_CONF_OVERRIDE=config/containers/containers.conf "$@"
	# that replaces all others
	mkdir -p home/.config/containers
	cp config/containers/containers.conf home/.config/containers/
	: >empty.conf
	CONTAINERS_CONF=$world/empty.conf expect override run image
	rm home/.config/containers/containers.conf config/containers/containers.conf
	expect override run image
}

# Succeeds if the override that podman gets sets the default sysctls to ARRAY.
sysctls_are() {
	rm -f "$record/override"
	podman run image
	cat "$record/override"
	[ "$(sed -n 's/^"\?default_sysctls"\? = //Ip' "$record/override")" = "$1" ]
}

# Succeeds if podman gets the override and executes the conmon at PATH.
conmon_is() {
	rm -f "$record"/conmon.*
	STAND_IN_CONMON=-v podman run image
	[ "$(recorded conmon.argv)" = "$1"$'\n-v' ]
}

# Makes a conmon that is the stand-in in directory NAME of the world.
make_conmon() {
	mkdir -p "$1"
	cp "$stand_in" "$1/conmon"
}

# Runs the shell script on standard input as one who may mount, with empty /etc/containers and
# /usr/share/containers.
with_own_system() {
	local -a own=(unshare --mount)

	[ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
	"${own[@]}" mount -t tmpfs tmpfs /usr/share 2>/dev/null || skip "no mounts of one's own here"
	{
		printf '%s\n' 'set -eu' 'mount -t tmpfs tmpfs /usr/share' 'mount -t tmpfs tmpfs /etc' \
			'mkdir -p /etc/containers /usr/share/containers' \
			'sysctls_are() { podman run image; sed -n "s/^default_sysctls = //p" "$STAND_IN/override"
			[ "$(sed -n "s/^default_sysctls = //p" "$STAND_IN/override")" = "$1" ]; }' \
			'to() { mkdir -p "${1%/*}"; printf "[containers]\ndefault_sysctls = %s\n" "$2" >"$1"; }'
		cat
	} >"$world/script"
	run_bounded env "$@" "${own[@]}" bash -x "$world/script"
	printf '%s\n' "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "a configuration that makes podman remote is heeded" {
	for_each_place $'[engine]\nremote = true' expect 'fallback: podman is remote' run image
	for_each_place $'[engine]\nremote = false\nremote_uri = "true"' expect override run image
	for_each_place $'[containers]\nremote = true' expect override run image
}

@test "an environment that is copied into every container shows nothing of the shim's" {
	for_each_place $'[containers]\nenv_host = true' expect fallback run image
	for_each_place $'[containers]\nenv_host = false' expect override run image
	for_each_place $'[containers]\nenv = ["A=B", "CONTAINERS_*"]' expect fallback run image
	for_each_place $'[containers]\nenv = ["CONTAINERS_CONF_OVERRIDE"]' expect fallback run image
	for_each_place $'[containers]\nenv = ["CONTAINERS_CONF_OVERRIDE=theirs", "A*"]' expect override run image
}

@test "default sysctls of the user's own stay, in whichever file they are" {
	for_each_place $'[containers]\ndefault_sysctls = ["net.ipv4.ip_unprivileged_port_start=80"]' \
		sysctls_are '["net.ipv4.ip_unprivileged_port_start=80"]'
	for_each_place $'[containers]\ndefault_sysctls = [ # all of them\n"net.ipv4.ping_group_range=0 0",\n\'a=b\',]' \
		sysctls_are '["a=b"]'
	for_each_place $'[containers]\ndefault_sysctls = []' sysctls_are '[]'
	for_each_place $'# [containers]\n# default_sysctls = ["a=b"]' sysctls_are '[]'
	mkdir -p home/.config/containers
	printf '%s\n' '[engine]' 'default_sysctls = ["a=b"]' >home/.config/containers/containers.conf
	sysctls_are '[]'
}

@test "keys are read in any case and form, as podman reads them" {
	for_each_place $'"Containers" = { Default_Sysctls = ["a=b"] }' sysctls_are '["a=b"]'
	for_each_place $'[containers]\n"default_sysctls" = [ \'a=b\', ]' sysctls_are '["a=b"]'
	mkdir -p home/.config/containers
	printf '[containers]\n default_\305\277ysctls = ["a=b"]\n' >home/.config/containers/containers.conf
	expect 'fallback: ' run image # such a letter needs quotation marks
	printf '[containers]\n "default_\305\277ysctls" = ["a=b"]\n' >home/.config/containers/containers.conf
	expect 'fallback: ' run image # to podman that is an s
	printf '[containers]\ndefault_sysctls = ["a=b"]\nDefault_sysctls = []\n' >home/.config/containers/containers.conf
	expect "fallback: $HOME/.config/containers/containers.conf:3: " run image
}

@test "what podman would reject among default sysctls, podman gets" {
	for_each_place $'[containers]\ndefault_sysctls = ["net.ipv4.ping_group_range=0 0 ", "net.ipv4.ping_group_range", "x"]' \
		sysctls_are '["net.ipv4.ping_group_range=0 0 ", "net.ipv4.ping_group_range", "x"]'
	for value in '' x '0 x' 0 '0 0 0' '0 0=1' '-1 0'; do
		for_each_place $'[containers]\n'"default_sysctls = [\"net.ipv4.ping_group_range=$value\"]" \
			sysctls_are "[\"net.ipv4.ping_group_range=$value\"]"
	done
	# the last one counts
	for_each_place $'[containers]\ndefault_sysctls = ["net.ipv4.ping_group_range=x", "net.ipv4.ping_group_range=0 9"]' \
		sysctls_are '[]'
}

@test "a directory that is a symbolic link is read by Podman from 5.7 on" {
	mkdir -p home/.config/containers directory
	ln -s "$world/directory" home/.config/containers/containers.conf.d
	printf '%s\n' '[containers]' 'default_sysctls = ["a=1"]' >directory/x.conf
	sysctls_are '[]'
	STAND_IN_VERSION='podman version 5.7.0' XDG_RUNTIME_DIR=/nowhere sysctls_are '["a=1"]'
}

@test "variables that podman gives itself by its configuration are heeded" {
	for name in BUILDAH_ISOLATION CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE CONTAINER_HOST CONTAINER_CONNECTION; do
		for_each_place $'[engine]\n'"env = [\"A=b\", \"$name=x\"]" \
			expect "fallback: containers.conf gives the engine a variable that decides: $name" run image
	done
	for_each_place $'[engine]\nenv = ["A=b", "CONTAINERS=c"]' expect override run image
}

@test "a file that does not tell its size is read" {
	[[ $(</proc/self/environ) ]] || skip 'no /proc'
	CONTAINERS_CONF_OVERRIDE=/proc/self/comm expect 'fallback: /proc/self/comm:1: ' run image
}

# bats test_tags=memory
@test "a file with ten thousand sysctls costs no more than memory for them" {
	{
		printf '%s\n' '[containers]' 'default_sysctls = ['
		seq -f '"net.ipv4.conf.x%.0f=1",' 9900
		echo ']'
	} >large
	(
		ulimit -v 60000
		CONTAINERS_CONF=$world/large podman run image
	)
	[ "$(grep -o 'net.ipv4.conf.x[0-9]*=1' "$record/override" | wc -l)" -gt 2000 ] # it records the beginning
}

@test "a file adds to earlier ones where it says so, and so do those after it" {
	mkdir -p home/.config/containers/containers.conf.d
	cd home/.config/containers
	printf '%s\n' '[containers]' 'default_sysctls = ["a=1", "net.ipv4.ping_group_range=0 7"]' >containers.conf
	sysctls_are '["a=1"]'
	printf '%s\n' '[containers]' 'default_sysctls = ["b=2", {append=true}]' >containers.conf.d/1.conf
	sysctls_are '["a=1", "b=2", {append = false}]'
	printf '%s\n' '[containers]' 'default_sysctls = ["c=3"]' >containers.conf.d/2.conf
	sysctls_are '["a=1", "b=2", "c=3", {append = false}]'
	printf '%s\n' '[containers]' 'default_sysctls = ["d=4", {append=false}]' >containers.conf.d/3.conf
	sysctls_are '["d=4", {append = false}]'
	printf '%s\n' '[containers]' 'default_sysctls = [{append=true}]' >callers
	# podman has not read that when it reads what the shim makes of it
	CONTAINERS_CONF_OVERRIDE=callers sysctls_are '["d=4", {append = false}]'
	printf '%s\n' '[containers]' 'default_sysctls = ["e=5", {append=false}]' >callers
	printf '%s\n' '[containers]' 'default_sysctls = ["d=4", {append=true}]' >containers.conf.d/3.conf
	CONTAINERS_CONF_OVERRIDE=callers sysctls_are '["e=5", {append = false}]'
	printf '[engine]\nconmon_path = ["%s", {append=%s}]\n' /x true >containers.conf.d/4.conf
	printf '[engine]\nconmon_path = ["%s", {append=%s}]\n' "$real/conmon" false >callers
	CONTAINERS_CONF_OVERRIDE=callers podman run image
	grep -Fx "conmon_path = [\"$alias\", {append = false}]" "$record/override"
	rm containers.conf.d/4.conf
	printf '%s\n' '[containers]' 'default_sysctls = [{append=true}]' >containers.conf.d/3.conf
	printf '%s\n' '[containers]' 'default_sysctls = []' >containers.conf
	rm containers.conf.d/[12].conf
	sysctls_are '[{append = false}]'
}

@test "of two files the later one counts, in the order of their names" {
	mkdir -p home/.config/containers/containers.conf.d/directory.conf
	cd home/.config/containers
	for name in b a Z .conf c; do
		printf '[containers]\ndefault_sysctls = ["%s=1"]\n' "$name" >"containers.conf.d/${name%.conf}.conf"
	done
	printf '[containers]\ndefault_sysctls = ["no=1"]\n' >containers.conf.d/d.conf~
	printf '[containers]\ndefault_sysctls = ["no=1"]\n' >containers.conf.d/econf
	printf '[containers]\ndefault_sysctls = ["no=1"]\n' >containers.conf
	sysctls_are '["c=1"]'
	rm containers.conf.d/c.conf
	sysctls_are '["b=1"]'
	rm containers.conf.d/b.conf containers.conf.d/a.conf
	sysctls_are '["Z=1"]'
}

@test "the system's files are read in podman's order" {
	with_own_system <<-'END'
		podman --version
		sysctls_are '[]'
		to /usr/share/containers/containers.conf '["usr=1"]'
		to /usr/share/containers/containers.conf.d/x.conf '["no=1"]'
		sysctls_are '["usr=1"]'
		to /etc/containers/containers.conf '["etc=1"]'
		sysctls_are '["etc=1"]'
		to /etc/containers/containers.conf.d/x.conf '["etc.d=1"]'
		sysctls_are '["etc.d=1"]'
		to "$HOME/.config/containers/containers.conf" '["home=1"]'
		sysctls_are '["home=1"]'
		to "$HOME/.config/containers/containers.conf.d/x.conf" '["home.d=1"]'
		sysctls_are '["home.d=1"]'
	END
}

@test "what the administrator has for rootless users is read by Podman from 5.7 on" {
	local user=_CONTAINERS_ROOTLESS_UID=2000

	STAND_IN_VERSION='podman version 5.6.9' with_own_system $user <<-'END'
		to /etc/containers/containers.rootless.conf '["no=1"]'
		sysctls_are '[]'
	END
	STAND_IN_VERSION='podman version 5.7.0' with_own_system XDG_RUNTIME_DIR=/nowhere $user <<-'END'
		to /etc/containers/containers.conf.d/x.conf '["etc=1"]'
		to /etc/containers/containers.rootless.conf '["rootless=1"]'
		sysctls_are '["rootless=1"]'
		to /etc/containers/containers.rootless.conf.d/x.conf '["rootless.d=1"]'
		sysctls_are '["rootless.d=1"]'
		to /etc/containers/containers.rootless.conf.d/2000/x.conf '["2000=1"]'
		to /etc/containers/containers.rootless.conf.d/2001/x.conf '["no=1"]'
		sysctls_are '["2000=1"]'
		unset _CONTAINERS_ROOTLESS_UID
		sysctls_are '["etc=1"]'
	END
}

@test "root's own file is read by Podman from 5.0 on" {
	STAND_IN_VERSION='podman version 4.9.3' with_own_system _CONTAINERS_ROOTLESS_UID=0 <<-'END'
		to "$HOME/.config/containers/containers.conf" '["home=1"]'
		sysctls_are '[]'
		export _CONTAINERS_ROOTLESS_UID=1
		sysctls_are '["home=1"]'
	END
	STAND_IN_VERSION='podman version 5.0.0' with_own_system XDG_RUNTIME_DIR=/nowhere _CONTAINERS_ROOTLESS_UID=0 <<-'END'
		to "$HOME/.config/containers/containers.conf" '["home=1"]'
		sysctls_are '["home=1"]'
	END
}

@test "Podman 6 reads the first of the main files, and then all others by their names" {
	STAND_IN_VERSION='podman version 6.0.0' with_own_system _CONTAINERS_ROOTLESS_UID=2000 <<-'END'
		to /usr/share/containers/containers.conf '["usr=1"]'
		sysctls_are '["usr=1"]'
		to /etc/containers/containers.conf '["etc=1"]'
		sysctls_are '["etc=1"]'
		mkdir -p "$HOME/.config/containers"
		: >"$HOME/.config/containers/containers.conf"
		sysctls_are '[]'
		to "$HOME/.config/containers/containers.conf.d/30.conf" '["home.d=1"]'
		to /etc/containers/containers.rootless.conf.d/40.conf '["rootless.d=1"]'
		to /etc/containers/containers.rootful.conf.d/90.conf '["no=1"]'
		sysctls_are '["rootless.d=1"]'
		to /usr/share/containers/containers.rootless.conf.d/2000/50.conf '["2000=1"]'
		sysctls_are '["2000=1"]'
		to /usr/share/containers/containers.conf.d/60.conf '["usr.d=1"]'
		sysctls_are '["usr.d=1"]'
		to "$HOME/.config/containers/containers.conf.d/60.conf" '["home.d/60=1"]'
		sysctls_are '["home.d/60=1"]'
		to /etc/containers/containers.conf.d/60.conf '["no=1", {append=true}]'
		sysctls_are '["home.d/60=1"]'
	END
}

@test "modules are read after all files, and before the caller's override" {
	mkdir -p home/.config/containers/containers.conf.modules/x
	cd home/.config/containers
	export _CONTAINERS_ROOTLESS_UID=2000 # root has no modules of its own
	printf '%s\n' '[containers]' 'default_sysctls = ["a=1", {append=true}]' >containers.conf
	printf '%s\n' '[containers]' 'default_sysctls = ["b=2"]' >containers.conf.modules/x/b
	printf '%s\n' '[containers]' 'default_sysctls = ["c=3"]' >c
	podman --module x/b --syslog "--module=$PWD/c" run image
	grep -Fx 'default_sysctls = ["a=1", "b=2", "c=3", {append = false}]' "$record/override"
	printf '%s\n' '[containers]' 'default_sysctls = ["d=4"]' >d
	CONTAINERS_CONF_OVERRIDE=d podman --module x/b run image
	grep -Fx 'default_sysctls = ["a=1", "b=2", "d=4", {append = false}]' "$record/override"
	expect 'fallback: module ../b not found' --module ../b run image
	CONTAINERS_CONF=/dev/null podman --module x/b run image
	grep -Fx 'default_sysctls = ["b=2"]' "$record/override"
	expect 'fallback: module no/such not found' --module no/such run image
	# an option that podman's own search for modules does not know takes what follows it
	sysctls_are '["a=1", {append = false}]'
	podman --syslog --root x --module x/b create image
	grep -Fx 'default_sysctls = ["a=1", "b=2", {append = false}]' "$record/override"
}

@test "a conmon of the user's own is the one that is executed" {
	make_conmon mine
	for_each_place $'[engine]\n  conmon_path = ["'"$world/mine/conmon"'"]' conmon_is "$world/mine/conmon"
	for_each_place $'[engine]\nconmon_path=["/no/such", "/", "'"$world/mine/conmon"'", "/x"]' \
		conmon_is "$world/mine/conmon"
	for_each_place $'[engine]\nconmon_path = ["mine/conmon"]' expect 'fallback: no conmon' run image
	need_own_conmon
	for_each_place $'[engine]\nconmon_path = ["/no/such"]' conmon_is "$real/conmon"
	for_each_place $'[engine]\nconmon_path = ["'"$world/mine/conmon"'", {append=true}]' \
		conmon_is "$world/mine/conmon"
}

@test "what podman gets as its conmon is the shim, and nothing that the user has added" {
	make_conmon mine
	mkdir -p home/.config/containers
	printf '[engine]\nconmon_path = ["%s", {append=true}]\n' "$world/mine/conmon" >home/.config/containers/containers.conf
	podman run image
	grep -Fx "conmon_path = [\"$alias\", {append = false}]" "$record/override"
	[ "$(grep -c "$world/mine/conmon\"" "$record/override")" -eq 0 ]
}

@test "what is not understood names its file and line, and podman is run without the override" {
	local file=home/.config/containers/containers.conf content

	mkdir -p home/.config/containers
	for content in '[containers' 'env = ' 'env = [' 'env = "' "env = '" 'env = """x' 'a b = 1' 'env == 1' '= 1' \
		'env = [1 2]' 'env = {a = 1,}' 'env = {a = 1' 'env = 1979-05-27' 'env = 01' 'env = 1__0' 'env = truth' \
		'env = "\x41"' 'env = "\u0041"' $'env = "\001"' $'# \r#' $'env = "\r"' 'x = 1 2' \
		'[a]b' '[[a]' '[]' '[a.]' '.a = 1' 'a. = 1' '"" = 1' "env = $(printf '%.s[' {1..40})" \
		$'[containers]\n[containers]' $'x.y = 1\n[x]' $'x = {}\nx.y = 1' $'x = []\n[[x]]' $'[x]\n[[x]]' $'[[x]]\n[x]' \
		$'[x]\ny.z = 1\n[x.y]' '"""x""" = 1' \
		'[containers] # '$'\n''env = 3' $'[containers]\nenv = [3]' $'[containers]\nenv = [{add=true}]' \
		$'[containers]\nenv = [{append=1}]' $'[containers]\nenv_host = "no"' 'containers = 3' '[[engine]]'; do
		printf '# a comment\n%s\n' "$content" >"$file"
		printf '%s\n' "$content"
		[[ $(plan_of run image) =~ "$HOME/.config/containers/containers.conf:"[2-4]": " ]]
		rm -f "$record/environ"
		podman run image
		lacks '^CONTAINERS_CONF_OVERRIDE=\|^_PODMAN_SHIM_' environ
	done
	printf 'a = 1\0\n' >"$file"
	expect "fallback: $HOME/.config/containers/containers.conf:1: " run image
	head -c 300000 /dev/zero | tr '\0' '#' >"$file"
	expect "fallback: $HOME/.config/containers/containers.conf: File too large" run image
	printf '# Stra\337e\nx = "\337"\n' >"$file" # whether that is text is for podman to say
	expect override run image
}

@test "files that cannot be read are podman's to complain of" {
	drop_privilege
	mkdir -p home/.config/containers/containers.conf.d
	: >home/.config/containers/containers.conf.d/x.conf
	chmod 0 home/.config/containers/containers.conf.d/x.conf
	expect "fallback: $HOME/.config/containers/containers.conf.d/x.conf: Permission denied" run image
	chmod 0 home/.config/containers/containers.conf.d
	expect "fallback: $HOME/.config/containers/containers.conf.d: Permission denied" run image
	chmod 700 home/.config/containers/containers.conf.d
	rm -rf home/.config/containers/containers.conf.d
	mkdir home/.config/containers/containers.conf
	expect "fallback: $HOME/.config/containers/containers.conf: Is a directory" run image
	CONTAINERS_CONF=$world/nothing expect "fallback: $world/nothing: No such file" run image
	CONTAINERS_CONF=/dev/null expect override run image
}

@test "a configuration that can be read only once is left to podman" {
	mkfifo pipe
	echo 'a = 1' >pipe &
	CONTAINERS_CONF=$world/pipe expect "fallback: $world/pipe: Illegal seek" run image
	timeout 10 cat pipe >got # its writer has met with nothing
	wait "$!"
	grep -x 'a = 1' got
	for path in "$world/pipe" pipe; do
		echo 'a = 1' >pipe &
		CONTAINERS_CONF_OVERRIDE=$path expect "fallback: $path: Illegal seek" run image
		wait "$!"
		grep -x 'a = 1' "$record/override"
	done
	CONTAINERS_CONF_OVERRIDE=/dev/fd/09 expect 'fallback: /dev/fd/09: No such file' run image 9< <(:)
	CONTAINERS_CONF_OVERRIDE=/dev/stdin expect "fallback: /dev/stdin: Illegal seek" run image < <(echo 'a = 1')
	grep -x 'a = 1' "$record/override"
}

@test "a pipe is not waited for if podman is too old to know of overrides" {
	rm "$real/podman"
	make_script "$real/podman" <<-'END'
		#!/bin/sh
		[ "$1" != --version ] || echo podman version 4.3.1
	END
	mkfifo endless
	exec 8<>endless
	CONTAINERS_CONF_OVERRIDE=/dev/fd/8 run_bounded podman run image
	exec 8>&-
	[ "$status" -eq 0 ]
}

@test "without HOME the user's file is in the directory that the system knows" {
	with_own_system _CONTAINERS_ROOTLESS_UID=2000 <<-'END'
		printf 'root:x:0:0::/root:/bin/sh\nu:x:2000:2000::%s/users:/bin/sh\n' "$PWD" >/etc/passwd
		to "$PWD/users/.config/containers/containers.conf" '["home=1"]'
		unset HOME
		sysctls_are '["home=1"]'
		export _CONTAINERS_ROOTLESS_UID=2001
		PODMAN_SHIM_DEBUG=1 podman run image 2>&1 | grep 'no home directory'
	END
}

@test "an environment file that names the shim's variables shows the container nothing of them" {
	printf '%s\n' A=b CONTAINERS_CONF_OVERRIDE >file
	expect fallback run --env-file file image
	printf '%s\n' A=b ' *' >file
	expect fallback run --env-file=file image
	printf '%s\n' A=b 'CONTAINERS_CONF_OVERRIDE=x' '# *' >file
	expect override run --env-file file image
	expect override run --env-file nothing image
	mkfifo pipe
	expect override run --env-file pipe image
}

# older VERSION ARGUMENT...: what a podman of that version gets to read, but for the keys that are the shim's
older() {
	rm -f "$record/configuration" "$world"/runtime/* # where the version is remembered
	STAND_IN_VERSION="podman version $1" podman "${@:2}"
	sed "/^default_sysctls = /d; /^conmon_path = /d; /^conmon_env_vars = /d" "$record/configuration"
}

@test "a Podman before 4.8 reads, merged, all that it would have read" {
	need_no_configuration
	mkdir -p home/.config/containers/containers.conf.d
	cd home/.config/containers
	export _CONTAINERS_ROOTLESS_UID=2000 # root has no file of its own there
	cat >containers.conf <<-'END'
		[containers]
		env = ["A=b"]
		Umask = '0027'
		default_sysctls = ["c.d=1", "net.ipv4.ping_group_range=5 9"]
		[engine]
		runtime = "mine"
		[engine.runtimes]
		mine = ["/mine"]
		Mine = ["/Mine"]
		[engine.service_destinations.there]
		uri = "ssh://there"
		identity = "id"
	END
	cat >containers.conf.d/2.conf <<-'END'
		[Containers]
		umask = "0002"
		[engine]
		service_destinations = { there = { uri = "ssh://elsewhere" } }
	END
	printf '%s\n' '[containers]' 'env = [', '"E=f" ]' '[engine.runtimes]' 'Mine = ["/other"]' |
		tr -d , >containers.conf.d/1.conf
	cat >wanted <<-'END'
		[containers]
		env = [
		"E=f" ]
		umask = "0002"
		[engine]
		runtime = "mine"
		[engine.runtimes]
		mine = ["/mine"]
		Mine = ["/other"]
		[engine.service_destinations]
		[engine.service_destinations.there]
		uri = "ssh://elsewhere"
	END
	diff wanted <(older 4.3.1 run image)
	grep -x 'default_sysctls = \["c.d=1"\]' "$record/configuration"
	grep '^conmon_env_vars = .*ping=5%209 variable=CONTAINERS_CONF ' "$record/configuration"
	# that replaces all others
	printf '%s\n' '[containers]' 'tz = "local"' >theirs
	diff - <(CONTAINERS_CONF=theirs older 4.3.1 run image) <<<$'[containers]\ntz = "local"\n[engine]'
	grep '^conmon_env_vars = .* callers=theirs' "$record/configuration"
	CONTAINERS_CONF='' older 4.3.1 run image | diff wanted -
}

@test "each older Podman reads what it knows of" {
	mkdir -p home/.config/containers/containers.conf.d
	cd home/.config/containers
	export _CONTAINERS_ROOTLESS_UID=2000 # root has no file of its own there
	printf '%s\n' '[containers]' 'tz = "file"' >containers.conf
	printf '%s\n' '[containers]' 'tz = "drop-in"' >containers.conf.d/x.conf
	printf '%s\n' '[containers]' 'tz = "override"' >theirs
	export CONTAINERS_CONF_OVERRIDE=$PWD/theirs
	for version in 3.0.1 3.2.3; do older "$version" run image | grep -x 'tz = "file"'; done
	for version in 3.3.0 3.4.4 4.4.4; do older "$version" run image | grep -x 'tz = "drop-in"'; done
	for version in 4.5.0 4.7.2; do older "$version" run image | grep -x 'tz = "override"'; done
	lacks '^CONTAINERS_CONF_OVERRIDE=' environ
	export STAND_IN_VERSION='podman version 4.7.2'
	expect 'fallback: Podman 4.7 reads a module' --module /x run image
	podman build .
	grep -x 'tz = "override"' "$record/override" # by itself
}

# bats test_tags=linux
@test "a configuration whose reading is interrupted is read on" {
	mkdir -p home/.config/containers
	file=$world/home/.config/containers/containers.conf
	printf '%s\n' '[containers]' 'default_sysctls = ["a=b"]' >"$file"
	strace -qq -o trace -P "$file" -e trace=read -e inject=read:error=EINTR:when=1..2 "$shim/podman" run image
	grep -c EINTR trace | grep -qx 2
	grep -x 'default_sysctls = \["a=b"\]' "$record/override"
}

@test "what an older Podman would read in a way of its own is left to it" {
	export STAND_IN_VERSION='podman version 4.3.1'
	mkdir -p home/.config/containers/containers.conf.d
	cd home/.config/containers
	export _CONTAINERS_ROOTLESS_UID=2000 # root has no file of its own there
	for content in $'[containers]\nenv = ["A=b", {append=true}]' $'[containers]\ntz = "a"\nTZ = "b"' \
		$'[network]\ndefault_subnet_pools = [{size = 24}]'; do
		printf '[network]\ndefault_subnet_pools = [{"base" = "10.0.0.0/8"}]\n' >containers.conf
		expect override run image
		printf '%s\n' "$content" >containers.conf.d/x.conf
		expect 'fallback: containers.conf.d/x.conf:' run image
		rm containers.conf.d/x.conf
	done
}

@test "what an older Podman reads is merged into what Python's tomllib reads of it" {
	run "$tests/tools/merge-check" 1000
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == '0 wrong' ]]
}
