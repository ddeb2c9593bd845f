#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Which file is executed as the real podman.

load helpers

# Makes directory NAME of the world with a podman, or PROGRAM, in it that prints NAME.
podman_named() {
	mkdir -p "$world/$1"
	make_script "$world/$1/${2:-podman}" <<-END
		#!/bin/sh
		echo "$1"
	END
}

# Succeeds if `podman ps`, with PATH, prints NAME.
reaches() {
	local name=$1

	shift
	run_bounded env "$@" "${called:-$shim/podman}" ps
	printf '%s: status %s, stdout %s, stderr %s\n' "$*" "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = "$name" ]
}

# Succeeds if `podman run` ends as it does where there is no podman.
finds_nothing() {
	run_bounded env "$@" "${called:-$shim/podman}" run image
	one_line_and 127
	[ -z "$output" ]
	[ "$(count runs)" -eq 0 ]
}

@test "the first podman in PATH behind the shim is executed" {
	podman_named first
	podman_named second
	reaches first PATH="$shim:$world/first:$world/second"
	reaches second PATH="$world/second:$shim:$world/first"
}

@test "a symbolic link to the shim is not taken for podman" {
	podman_named first
	mkdir links
	ln -s "$shim/podman" links/podman
	reaches first PATH="$world/links:$shim:$world/links:$world/first"
}

@test "a hard link to the shim is not taken for podman" {
	podman_named first
	mkdir one two
	copy_shim one/podman
	ln one/podman two/podman
	called=one/podman reaches first PATH="$world/one:$world/two:$world/first"
	called=two/podman reaches first PATH="$world/one:$world/two:$world/first"
}

# bats test_tags=linux
@test "a shim that may be executed but not read is not taken for podman" {
	local -a command=(one/podman)

	podman_named first
	mkdir one two
	copy_shim one/podman
	chmod 111 one/podman
	ln one/podman two/podman
	[ "$(id -u)" != 0 ] ||
		command=(setpriv "--bounding-set=-dac_override,-dac_read_search" one/podman)
	run_bounded env PATH="$world/one:$world/two:$world/first:$programs" "${command[@]}" ps
	[ "$status" -eq 0 ]
	[ "$output" = first ]
}

@test "the shim's directory may be in PATH twice" {
	podman_named first
	reaches first PATH="$shim:$shim:$shim/:$world/first:$shim"
}

@test "relative elements of PATH are searched" {
	podman_named first
	called=shim/podman reaches first PATH=shim:first
	called=shim/podman reaches first PATH=./shim/../shim:./first
}

@test "the shim's directory is skipped by any name, relative or through a link" {
	podman_named first
	ln -s shim here
	reaches first PATH="$shim:shim:./shim:here:$world/here:$world/first"
}

@test "an empty element of PATH is the current directory" {
	podman_named first
	podman_named second
	cd first
	reaches first PATH="$shim:"
	reaches first PATH="$shim::$world/second"
	reaches first PATH=":$shim:$world/second"
}

@test "a shim in the current directory is skipped for an empty element of PATH" {
	podman_named first
	cd "$shim"
	reaches first PATH=":$world/first"
	reaches first PATH="$shim::$world/first:"
}

@test "another copy of the shim in PATH is not taken for podman" {
	podman_named first
	mkdir one two
	copy_shim one/podman
	copy_shim two/podman
	reaches first PATH="$shim:$world/one:$world/two:$world/first"
	called=two/podman reaches first PATH="$world/two:$world/one:$world/first"
}

@test "a copy of another build of the shim in PATH is not taken for podman" {
	podman_named first
	mkdir one
	copy_shim one/podman
	printf 'and so on' >>one/podman
	reaches first PATH="$shim:$world/one:$world/first"
	called=one/podman reaches first PATH="$world/one:$shim:$world/first"
}

@test "files named podman that cannot be executed are skipped" {
	podman_named first
	mkdir -p not-executable directory/podman dangling fifo empty
	echo 'no program' >not-executable/podman
	ln -s nowhere dangling/podman
	mkfifo -m 777 fifo/podman
	for directory in not-executable directory dangling fifo empty none; do
		reaches first PATH="$shim:$world/$directory:$world/first"
	done
}

@test "a directory that may not be searched is skipped" {
	podman_named first
	mkdir -m 0 locked
	reaches first PATH="$shim:$world/locked:$world/first"
}

@test "without podman in PATH the exit status is 127, with one line" {
	mkdir empty
	finds_nothing PATH="$shim"
	finds_nothing PATH="$shim:$world/empty:$world/none"
	[[ $stderr == *podman* ]]
}

@test "an empty PATH is the current directory" {
	podman_named first
	finds_nothing PATH=
	cd first
	reaches first PATH=
}

@test "without PATH, podman is searched where execvp(3) searches" {
	run_bounded env -u PATH PODMAN_SHIM_REAL=true PODMAN_SHIM_DEBUG=1 "$shim/podman" ps
	[ "$status" -eq 0 ]
	[[ $stderr == *"podman: /bin/true "* || $stderr == *"podman: /usr/bin/true "* ]]
	[ ! -e /bin/podman ] || skip "this machine has a podman there"
	cd "$real"
	finds_nothing -u PATH
}

@test "called podman-remote, the shim executes podman-remote" {
	podman_named first
	podman_named second podman-remote
	ln -s podman "$shim/podman-remote"
	called=$shim/podman-remote reaches second PATH="$shim:$world/first:$world/second"
	reaches first PATH="$shim:$world/first:$world/second"
}

@test "called podman-remote, the shim does not make do with podman" {
	ln -s podman "$shim/podman-remote"
	called=$shim/podman-remote finds_nothing PATH="$shim:$real"
	[[ $stderr == *podman-remote* ]]
}

@test "called by any other name, the shim executes podman" {
	podman_named first
	podman_named second docker
	ln -s podman "$shim/podman-shim"
	called=$shim/podman-shim reaches first PATH="$shim:$world/second:$world/first"
}

# bats test_tags=linux
@test "executed by the name docker, the shim executes docker" {
	podman_named first
	podman_named second docker
	ln -s podman "$shim/docker"
	called=$shim/docker reaches second PATH="$shim:$world/first:$world/second"
	called=docker reaches second PATH="$shim:$world/first:$world/second"
	# but a podman that is only called so prints its name as it is told to
	run_bounded env PATH="$shim:$world/second:$world/first:$programs" bash -c 'exec -a docker podman ps'
	[ "$output" = first ]
	called=$shim/docker finds_nothing PATH="$shim:$world/first"
	[[ $stderr == *"docker: none in PATH"* ]]
}

# bats test_tags=linux
@test "a docker that is a script for podman has what protects podman, and Docker has nothing" {
	ln -s podman "$shim/docker"
	make_script "$real/docker" <<-END
		#!/bin/sh
		exec $real/podman "\$@"
	END
	run_bounded docker run image
	[ "$status" -eq 0 ]
	[ -n "$(override_descriptor)" ]
	rm "$real/docker"
	cp "$real/podman" "$real/docker"
	STAND_IN_VERSION='Docker version 24.0.5, build ced0996' run_bounded docker run image
	[ "$status" -eq 0 ]
	[ -z "$(override_descriptor)" ]
}

@test "PODMAN_SHIM_REAL names the real podman by its path" {
	podman_named first
	podman_named second
	reaches second PODMAN_SHIM_REAL="$world/second/podman" PATH="$shim:$world/first"
	reaches second PODMAN_SHIM_REAL="$world/second/podman" PATH="$shim"
}

@test "PODMAN_SHIM_REAL may be relative to the current directory" {
	podman_named first
	podman_named second any-name
	reaches second PODMAN_SHIM_REAL=second/any-name PATH="$shim:$world/first"
	cd second
	reaches second PODMAN_SHIM_REAL=./any-name PATH="$shim:$world/first"
}

@test "a PODMAN_SHIM_REAL without a slash is searched in PATH" {
	podman_named first
	podman_named second any-name
	reaches second PODMAN_SHIM_REAL=any-name PATH="$shim:$world/first:$world/second"
	reaches first PODMAN_SHIM_REAL=podman PATH="$shim:$world/first:$world/second"
	cd second
	finds_nothing PODMAN_SHIM_REAL=any-name PATH="$shim:$world/first"
}

@test "an empty PODMAN_SHIM_REAL is as none" {
	podman_named first
	reaches first PODMAN_SHIM_REAL= PATH="$shim:$world/first"
}

@test "a PODMAN_SHIM_REAL that is not there exits with 127 and one line that names it" {
	finds_nothing PODMAN_SHIM_REAL="$world/none/podman"
	[[ $stderr == *"$world/none/podman: No such file or directory" ]]
	finds_nothing PODMAN_SHIM_REAL=no-such-podman
	[[ $stderr == *no-such-podman* ]]
}

@test "a PODMAN_SHIM_REAL that is a directory exits with 127 and one line that names it" {
	finds_nothing PODMAN_SHIM_REAL="$real"
	[[ $stderr == *"$real: Is a directory" ]]
}

@test "a PODMAN_SHIM_REAL that is not executable exits with 127 and one line that names it" {
	echo 'no program' >not-executable
	finds_nothing PODMAN_SHIM_REAL="$world/not-executable"
	[[ $stderr == *"$world/not-executable: Permission denied" ]]
}

@test "a PODMAN_SHIM_REAL that is the shim itself exits with 127 and one line that names it" {
	finds_nothing PODMAN_SHIM_REAL="$shim/podman"
	[[ $stderr == *"$shim/podman"* ]]
}

@test "a PODMAN_SHIM_REAL that is a copy of the shim exits with 127 and one line that names it" {
	copy_shim copy
	printf 'and so on' >>copy
	finds_nothing PODMAN_SHIM_REAL="$world/copy"
	[[ $stderr == *"$world/copy"* ]]
}

@test "a PODMAN_SHIM_REAL in PATH that is the shim itself exits with 127 and one line" {
	finds_nothing PODMAN_SHIM_REAL=podman PATH="$shim"
}

@test "a podman that cannot be executed after all exits with one line that names it" {
	mkdir broken
	make_script broken/podman <<<'#!/no/such/interpreter'
	run_bounded env PATH="$shim:$world/broken" "$shim/podman" ps
	one_line_and 127
	[[ $stderr == *"$world/broken/podman: No such file or directory" ]]
	make_script broken/podman <<<"#!$world"
	run_bounded env PATH="$shim:$world/broken" "$shim/podman" ps
	one_line_and 125
	[[ $stderr == *"$world/broken/podman: Permission denied" ]]
}

@test "a podman that is a script is executed" {
	podman_named first
	reaches first PATH="$shim:$world/first"
}

@test "a script in podman's place may execute the real podman by its path" {
	mkdir script
	make_script script/podman <<-END
		#!/bin/sh
		exec "$real/podman" "\$@"
	END
	PATH=$shim:$world/script:$PATH run_bounded podman run --name a image
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(recorded argv | tail -n +2 | paste -sd ' ')" = "run --name a image" ]
}

@test "a script in podman's place may do so time and again" {
	mkdir script
	make_script script/podman <<-END
		#!/bin/sh
		exec "$real/podman" "\$@"
	END
	PATH=$shim:$world/script:$PATH
	for _ in {1..20}; do
		podman ps
	done
	[ "$(count runs)" -eq 20 ]
}

# Makes a podman of the lines on standard input that call podman, which gives up by itself after
# too many executions.
looping_podman() {
	mkdir loop
	{
		cat <<-END
			echo "\$\$" >>"$world/calls"
			[ "\$(wc -l <"$world/calls")" -lt 100 ] || exit 1
		END
		cat
	} >body
}

# Succeeds if the podman made of `body`, with FIRST-LINE, ends in an error of the shim's.
ends_in_error() {
	{
		[ -z "$1" ] || printf '%s\n' "$1"
		cat body
	} | make_script loop/podman
	: >calls
	run_bounded env PATH="$shim:$world/loop:$programs" podman run image
	printf 'status %s, %s calls, stderr: %s\n' "$status" "$(wc -l <calls)" "$stderr"
	[ "$status" -eq 125 ]
	[[ $stderr == *"podman-shim: $world/"*"/podman: "* ]]
	[ "$(wc -l <calls)" -lt 50 ]
}

@test "a script in podman's place that executes podman again ends in an error" {
	looping_podman <<<'exec podman "$@"'
	ends_in_error '#!/bin/sh'
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a script in podman's place that calls podman as a child ends in an error" {
	looping_podman <<-'END'
		podman "$@"
		status=$?
		exit $status
	END
	ends_in_error '#!/bin/sh'
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a script without an interpreter line that executes podman again ends in an error" {
	looping_podman <<<'exec podman "$@"'
	ends_in_error ''
}

@test "two scripts in podman's place that execute each other through the shim end in an error" {
	# shellcheck disable=SC2016 # for that script
	looping_podman <<<'exec env PATH="$OTHER" OTHER="$PATH" podman "$@"'
	mkdir other
	export OTHER="$shim:$world/other:$programs"
	{
		echo '#!/bin/sh'
		cat body
	} | make_script other/podman
	ends_in_error '#!/bin/sh'
}
