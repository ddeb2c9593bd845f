#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What the shim tells of itself: --shim-status, --shim-help, --shim-version.

load helpers

setup() {
	make_world
	mkdir -p "$HOME/.config/containers"
	configuration=$HOME/.config/containers/containers.conf
	export CONTAINERS_CONF=$configuration
	: >"$configuration"
}

# Prints the value of NAME in the status that was printed.
status_of() { sed -n "s/^$1: *//p" <<<"$output"; }

# The same of the status in JSON.
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$output"; }

@test "the status says that containers are protected, by what, and exits with 0" {
	printf '%s\n' '[containers]' \
		'default_sysctls = ["net.ipv4.ping_group_range=0 0", "net.ipv4.ip_unprivileged_port_start=80"]' \
		>"$configuration"
	run_bounded podman --shim-status
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ ${output%%$'\n'*} == 'protected: yes, because '* ]]
	[ "$(status_of podman)" = "$real/podman" ]
	[ "$(status_of version)" = 'podman version 5.4.2' ]
	[ "$(status_of plan)" = override ]
	[ "$(status_of conmon)" = "$(machine_conmon | grep . || echo "$real/conmon")" ]
	[ "$(status_of ping_group_range)" = '0 0' ]
	[ "$(status_of lock)" = "$XDG_RUNTIME_DIR/podman-shim.lock.create: free" ]
	[[ $output == *'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=80"]'* ]]
	[[ $output == *"conmon_path = [\"$alias\"]"* ]]
	[[ $output == *$'\nPODMAN_SHIM_MODE: auto\n'* ]]
	[ "$(grep -c '^PODMAN_SHIM_' <<<"$output")" -eq 6 ]
	[ "$(wc -l <<<"$output")" -le 32 ]
	[[ $output != *advice* ]]
	[ ! -e "$record/runs" ]
}

@test "the status says why containers are protected only partly, and what to do, and exits with 3" {
	PODMAN_SHIM_MODE=lock run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: partly, because PODMAN_SHIM_MODE=lock; '*$'\nadvice: unset PODMAN_SHIM_MODE\n'* ]]
	[[ $output == *$'\nPODMAN_SHIM_MODE: lock\n'* ]]
	[ -z "$(status_of override)" ]
	[ "$(status_of lock)" = "$XDG_RUNTIME_DIR/podman-shim.lock: free" ]
	rm "$XDG_RUNTIME_DIR/podman-shim.version"
	STAND_IN_VERSION='podman version 2.2.1' run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: partly, because this Podman is too old '* ]]
	rm "$XDG_RUNTIME_DIR/podman-shim.version"
	printf '%s\n' '[engine]' 'remote = true' >"$configuration"
	run_bounded podman --shim-status
	[[ $output == 'protected: partly, because podman is remote: '*': containers.conf says so; '* ]]
	echo 'not = = toml' >"$configuration"
	run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ ${output%%$'\n'*} == *"$configuration"*1* ]]
	[ "$(status_of advice)" = 'read what podman-shim(7) says of this reason' ]
}

@test "the status says whether the service behind the API socket is started through a shim" {
	run_bounded podman --shim-status
	[ "$status" -eq 0 ]
	[ "$(status_of service)" = 'none answers' ]
	export CONTAINER_HOST=unix:///x
	STAND_IN_SERVICE=$alias run_bounded podman --shim-status
	[ "$status" -eq 0 ]
	[[ $output == 'protected: yes, because the service '*' was started through podman-shim'$'\n'* ]]
	[ "$(status_of service)" = 'started through podman-shim' ]
	STAND_IN_SERVICE=/usr/bin/conmon run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: partly, because podman is remote'*$'\nadvice: start the service through podman-shim'* ]]
	[[ $(status_of service) == 'not started '* ]]
	STAND_IN_SERVICE=$alias PODMAN_SHIM_MODE=off run_bounded podman --shim-status
	[ "$(status_of service)" = 'not asked' ]
	[ ! -e "$record/runs" ]
	rm "$XDG_RUNTIME_DIR/podman-shim.version"
	STAND_IN_VERSION='podman version 4.3.1' STAND_IN_SERVICE=/usr/bin/conmon run_bounded podman --shim-status
	[ "$(status_of service)" = 'not protected: that needs Podman 4.8' ]
}

@test "the status says where containers are not protected at all" {
	PODMAN_SHIM_MODE=off run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: no, because PODMAN_SHIM_MODE=off'* ]]
	rm "$real/podman"
	make_script "$real/podman" <<<'echo Docker version 28.2.2, build 1'
	run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: no, because this is Docker'* ]]
	rm "$real/podman"
	run_bounded env PATH="$shim:$world" "$shim/podman" --shim-status
	one_line_and 127
	[[ $stderr == *'real podman not found'* ]]
}

@test "the status says whether the lock is held" {
	exec 7>"$XDG_RUNTIME_DIR/podman-shim.lock.create"
	flock 7
	run_bounded podman --shim-status
	[ "$(status_of lock)" = "$XDG_RUNTIME_DIR/podman-shim.lock.create: held" ]
}

@test "the status says why the lock cannot be used" {
	touch "$XDG_RUNTIME_DIR/podman-shim.lock.create"
	chmod 666 "$XDG_RUNTIME_DIR/podman-shim.lock.create"
	run_bounded podman --shim-status
	[[ $(status_of lock) == *'.create: cannot be used: others may write it' ]]
	ln -sf /nonexistent "$XDG_RUNTIME_DIR/podman-shim.lock.create"
	run_bounded podman --shim-status
	[[ $(status_of lock) == *'.create: cannot be used: is a symbolic link' ]]
}

@test "the status says that the lock cannot be used where its file could not be made" {
	PODMAN_SHIM_LOCK=$world/nothing/lock run_bounded podman --shim-status
	[ "$(status_of lock)" = "$world/nothing/lock.create: cannot be used: No such file or directory" ]
	PODMAN_SHIM_LOCK=lock run_bounded podman --shim-status
	[ "$(status_of lock)" = 'lock.create: free' ]
}

@test "the status of an old Podman is not that it is protected, whatever is set" {
	STAND_IN_VERSION='podman version 2.2.1' PODMAN_SHIM_MODE=override run_bounded podman --shim-status
	[ "$status" -eq 3 ]
	[[ $output == 'protected: no, because this Podman is too old'* ]]
}

@test "a setting that cannot be used is not said to be in force" {
	PODMAN_SHIM_RETRIES=x run_bounded podman --shim-status
	[[ $output == *$'\nPODMAN_SHIM_RETRIES: 3\n'* ]]
	PODMAN_SHIM_RETRIES=0 run_bounded podman --shim-status
	[[ $output == *$'\nPODMAN_SHIM_RETRIES: 0\n'* ]]
	[[ $(status_of retries) == 0,* ]]
}

@test "no setting, and no reason, has a line of the status that looks as another" {
	PODMAN_SHIM_LOG=$'x\nprotected: no: \e[31m' run_bounded podman --shim-status
	[[ $output == *$'\nPODMAN_SHIM_LOG: x\n    protected: no: ?[31m\n'* ]]
	mkdir $'a\nb'
	echo 'not = = toml' >$'a\nb/c'
	CONTAINERS_CONF=$world/$'a\nb/c' run_bounded podman --shim-status
	[[ $output == 'protected: partly, because '*"$world/a"$'\n'"    b/c:1: "* ]]
}

@test "the status in JSON says the same, whatever is in the names" {
	mkdir "$world/"$'odd "\\ \001 n\xc3\xa4me'
	ln -s "$stand_in" "$world/"$'odd "\\ \001 n\xc3\xa4me/podman'
	export PODMAN_SHIM_REAL=$world/$'odd "\\ \001 n\xc3\xa4me/podman'
	run_bounded podman --shim-status
	[[ $(status_of podman) == *'/odd "\ ? näme/podman' ]]
	run_bounded podman --shim-status --json
	[ "$status" -eq 0 ]
	[ "$(member protected)" = yes ]
	[ "$(member podman)" = "$PODMAN_SHIM_REAL" ]
	[ "$(member plan)" = override ]
	[[ $(member override) == *conmon_path* ]]
	[ "$(member PODMAN_SHIM_MODE)" = auto ]
	[ "$(member PODMAN_SHIM_LOG)" = None ]
	[[ $(member reason) == 'podman reads '* ]]
	[ "$(member advice)" = None ]
	PODMAN_SHIM_MODE=off run_bounded podman --shim-status --json
	[ "$status" -eq 3 ]
	[ "$(member protected)" = no ]
	[ "$(member override)" = None ]
	PODMAN_SHIM_REAL=$world/$'\xff/podman'
	mkdir "$world/"$'\xff'
	ln -s "$stand_in" "$PODMAN_SHIM_REAL"
	run_bounded podman --shim-status --json
	[ "$(member podman)" = None ]
	[ "$(member protected)" = yes ]
}

# A podman with one image, and containers of it that work, or fail as $world/native and
# $world/shimmed say: a file that is there holds what is written to stderr.
make_checked() {
	make_podman <<-'END'
		echo "$CONTAINERS_CONF_OVERRIDE $*" >>"$world/asked"
		[[ $1 != images ]] || { [[ -e $world/no-image ]] || printf '%s\n' 0123456789ab 456; exit; }
		file=$world/native
		[[ ! $CONTAINERS_CONF_OVERRIDE ]] || file=$world/shimmed
		[[ ! -e $file ]] || { cat "$file" >&2; exit 126; }
	END
	export world
	echo 'Error: OCI runtime error: crun: write to `/proc/sys/net/ipv4/ping_group_range`: Invalid argument' >native
}

@test "--check tries a container natively and through the shim" {
	make_checked
	run_bounded podman --shim-status --check
	[ "$status" -eq 0 ]
	[ "$(status_of check)" = 'natively fails by ping_group_range; through podman-shim works' ]
	grep -q "^/dev/fd/[0-9]* run --rm .*--volume=$binary:/podman-shim:ro .*0123456789ab --shim-version" asked
	# where the caller ignores its children's ends, too
	run_bounded perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' podman --shim-status --check
	[ "$(status_of check)" = 'natively fails by ping_group_range; through podman-shim works' ]
	run_bounded podman --shim-status --check --json
	[ "$(member check)" = 'natively fails by ping_group_range; through podman-shim works' ]
	mv "$real/podman" "$real/podman-remote"
	ln -s podman "$shim/podman-remote"
	rm asked
	run_bounded podman-remote --shim-status --check
	[[ $(status_of check) == *'; through podman-shim fails by ping_group_range' ]]
	[ "$(grep -c ' run --rm ' asked)" -ge 2 ]
	mv "$real/podman-remote" "$real/podman"
	rm native
	run_bounded podman --shim-status --json --check
	[ "$status" -eq 0 ]
	[ "$(member check)" = 'natively works; through podman-shim works' ]
}

@test "--check tells the failure from another" {
	make_checked
	echo 'Error: no space left on device' >native
	cp native shimmed
	run_bounded podman --shim-status --check
	[ "$status" -eq 3 ]
	[[ $output == 'protected: partly, because a container '* ]]
	[ "$(grep -c 'fails otherwise (126): Error: no space left on device' <<<"$output")" -eq 2 ]
}

@test "--check says where there is no image for it" {
	make_checked
	: >no-image
	run_bounded podman --shim-status --check
	[ "$status" -eq 0 ]
	[[ $(status_of check) == 'no image at hand'* ]]
	[ "$(wc -l <asked)" -eq 1 ]
}

@test "--check tells the failure through the shim, however often it has tried, and leaves what was worse" {
	make_checked
	cp native shimmed
	export PODMAN_SHIM_BACKOFF_MS=1
	PODMAN_SHIM_MODE=lock run_bounded podman --shim-status --check
	[ "$status" -eq 3 ]
	[[ $output == 'protected: partly, because '*'PODMAN_SHIM_MODE=lock'* ]]
	[[ $(status_of check) == *'through podman-shim fails by ping_group_range' ]]
	PODMAN_SHIM_MODE=off run_bounded podman --shim-status --check
	[ "$status" -eq 3 ]
	[[ $output == 'protected: no, because PODMAN_SHIM_MODE=off'* ]]
}

@test "--shim-help prints the settings, and --shim-version the version" {
	run_bounded podman --shim-help
	[ "$status" -eq 0 ]
	[ "$(grep -c '^  PODMAN_SHIM_' <<<"$output")" -eq 9 ]
	[[ $output == *--shim-status* ]]
	run_bounded podman --shim-version
	[ "$status" -eq 0 ]
	[ "$output" = "podman-shim $(sed -n 's/^#define VERSION "\(.*\)"/\1/p' "$tests/../src/shim.h")" ]
	run_bounded env PATH=/nonexistent "$shim/podman" --shim-version
	[ "$status" -eq 0 ]
	[ ! -e "$record/runs" ]
	for option in --shim-help --shim-version --shim-status; do
		[ ! -e /dev/full ] || {
			run_bounded sh -c 'exec podman "$1" >/dev/full' sh "$option"
			one_line_and 125
		}
	done
}

@test "the shim's options are podman's where they are not the first, or not alone" {
	for arguments in 'run --shim-help' '--shim-help run' '--shim-version --json' '--shim-status x' \
		'--log-level=debug --shim-status' '--shim-status --json --no' '--shim-helpless' '--shim'; do
		rm -f "$record/argv"
		# shellcheck disable=SC2086 # words
		run_bounded podman $arguments
		[ "$(recorded argv | tail -n +2 | paste -sd ' ')" = "$arguments" ]
	done
}
