#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Installing, upgrading and removing, in all the ways that people use.

load helpers

# make, in DIRECTORY.
make_in() { make -s -C "$@"; }

# The same where the tests are.
make_here() { make_in "$tests/.." "$@"; }

# Prints what is in DIRECTORY and no directory itself, each link with what it names.
files() {
	(cd "$1" && find . -type l -printf '%p -> %l\n' -o ! -type d -print) | sort
}

# What a test that fails has left running.
teardown() {
	: >"$world/stop"
	[ -z "${running:-}" ] || kill -KILL "$running" 2>/dev/null || :
}

# PATH of a user: DIRECTORYs, the real podman, the machine's programs.
path_of() {
	local IFS=:

	PATH="$*:$real:$programs"
	hash -r
}

# Succeeds if COMMAND, followed by `run image`, is the real podman, and prints nothing.
reaches_podman() {
	run_bounded "$@" run image
	printf '%s: status %s, stdout %s, stderr %s\n' "$*" "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(count runs)" -eq 1 ]
	[ "$(recorded argv | tail -n +2 | paste -sd ' ')" = 'run image' ]
	override=$(override_descriptor)
	rm -r "$record"
	mkdir "$record"
}

# Succeeds if it is so through the shim; and if it is so without.
works() {
	reaches_podman "$@"
	[ -n "$override" ]
}
is_native() {
	reaches_podman "$@"
	[ -z "$override" ]
}

@test "make install puts program, page and a directory for PATH in place, and make uninstall takes them away" {
	make_here install DESTDIR="$world/a root" PREFIX=/opt/it
	diff - <(files 'a root/opt/it') <<-'END'
		./bin/podman-shim
		./libexec/podman-shim/podman -> ../../bin/podman-shim
		./share/man/man1/podman-shim.1
		./share/man/man7/podman-shim.7
		./share/podman-shim/quadlet.conf
		./share/podman-shim/service.conf
	END
	cmp 'a root/opt/it/bin/podman-shim' "$binary"
	[ "$(stat -c %a 'a root/opt/it/bin/podman-shim')" = 755 ]
	[ "$(stat -c %a 'a root/opt/it/share/man/man1/podman-shim.1')" = 644 ]
	make_here uninstall DESTDIR="$world/a root" PREFIX=/opt/it
	[ -z "$(files 'a root')" ]
	[ ! -e 'a root/opt/it/libexec/podman-shim' ]
	[ ! -e 'a root/opt/it/share/podman-shim' ]
	make_here uninstall DESTDIR="$world/a root" PREFIX=/opt/it
}

@test "make install names its own podman in what systemd is to execute for the API service" {
	make_here install DESTDIR="$world/root" PREFIX=/opt/it
	[ "$(stat -c %a root/opt/it/share/podman-shim/service.conf)" = 644 ]
	grep -qx 'ExecStart=/opt/it/libexec/podman-shim/podman $LOGGING system service' \
		root/opt/it/share/podman-shim/service.conf
	grep -qx 'PODMAN=/opt/it/libexec/podman-shim/podman' root/opt/it/share/podman-shim/quadlet.conf
	# beside podman's own units, which it alone changes
	command -v systemd-analyze >/dev/null || skip 'no systemd here'
	mkdir -p units/podman.service.d
	make_here install PREFIX="$world/it"
	printf '%s\n' '[Socket]' 'ListenStream=%t/podman/podman.sock' >units/podman.socket
	printf '%s\n' '[Unit]' 'Requires=podman.socket' '[Service]' 'Type=exec' 'Environment=LOGGING=--log-level=info' \
		'ExecStart=/nonexistent/podman $LOGGING system service' >units/podman.service
	run env SYSTEMD_UNIT_PATH="$world/units:" systemd-analyze --user --man=no verify units/podman.service
	[[ $output == *'/nonexistent/podman is not executable'* ]]
	ln -s "$world/it/share/podman-shim/service.conf" units/podman.service.d/
	run env SYSTEMD_UNIT_PATH="$world/units:" systemd-analyze --user --man=no verify units/podman.service
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "make uninstall removes the links for other names, and leaves what others have put beside them" {
	make_here install DESTDIR="$world/root" PREFIX=/usr
	ln -s podman root/usr/libexec/podman-shim/docker
	ln -s podman root/usr/libexec/podman-shim/podman-remote
	ln -s podman root/usr/libexec/podman-shim/podman-mine
	make_here uninstall DESTDIR="$world/root" PREFIX=/usr 2>/dev/null
	[ "$(files root)" = './usr/libexec/podman-shim/podman-mine -> podman' ]
}

@test "wherever the directories are, the link leads to the program, also once they are moved" {
	local names

	for names in 'PREFIX=' 'PREFIX=/usr LIBEXECDIR=/usr/lib' 'BINDIR=/bin LIBEXECDIR=/opt/a/b/c' \
		'BINDIR=/opt/a/b/c LIBEXECDIR=/opt/a/d' 'BINDIR=/opt/a LIBEXECDIR=/opt/ab' \
		'BINDIR=/opt/it LIBEXECDIR=/opt/it/libexec' 'BINDIR=/opt/podman-shim LIBEXECDIR=/opt' \
		'BINDIR=/ LIBEXECDIR=/libexec'; do
		rm -rf root moved
		# shellcheck disable=SC2086 # words
		make_here install DESTDIR="$world/root" $names
		mv root moved
		[ "$(find moved -type f -name 'podman-shim*' ! -name '*.[17]' | wc -l)" -eq 1 ]
		[ "$(find moved -type l)" -ef "$(find moved -type f -name podman-shim)" ]
	done
}

@test "the link leads to the program where libexec is itself a link" {
	mkdir -p far/away/libexec prefix
	ln -s ../far/away/libexec prefix/libexec
	make_here install PREFIX="$world/prefix"
	path_of "$world/prefix/libexec/podman-shim"
	works podman
}

@test "make install that a signal ends leaves nothing half done" {
	mkdir fake
	make_script fake/mv <<-'END'
		#!/bin/sh
		kill -TERM $PPID
		sleep 1
	END
	PATH=$world/fake:$PATH run make_here install DESTDIR="$world/root"
	[ "$status" -ne 0 ]
	[ -z "$(files root)" ]
}

@test "make install leaves directories that are there as they are" {
	mkdir -p home/.local/bin
	chmod 2750 home/.local/bin
	make_here install PREFIX="$world/home/.local"
	[ "$(stat -c %a home/.local/bin)" = 2750 ]
}

@test "make install tells of a directory in the program's place, and puts nothing into it" {
	run make_here install DESTDIR="$world/root" BINDIR=/opt LIBEXECDIR=/opt
	[ "$status" -ne 0 ]
	[[ $output == *"/root/opt/podman-shim: is a directory"* ]]
	[ -z "$(files root)" ]
}

@test "installed, and with its directory ahead in PATH, podman is the shim" {
	make_here install PREFIX="$world/usr"
	path_of "$world/usr/libexec/podman-shim" "$world/usr/bin"
	works podman
	works sh -c 'podman "$@"' sh
	works env podman
}

@test "installed, without its directory in PATH, podman is what it was and podman-shim is the shim" {
	make_here install PREFIX="$world/usr"
	path_of "$world/usr/bin"
	is_native podman
	works podman-shim
}

@test "the program alone, copied to a directory ahead in PATH as podman, is the shim" {
	mkdir -p usr/local/bin
	copy_shim usr/local/bin/podman
	path_of "$world/usr/local/bin"
	works podman
	works usr/local/bin/podman
}

@test "a symbolic link podman to podman-shim in one directory of PATH is the shim" {
	make_here install PREFIX="$world/usr"
	ln -s podman-shim usr/bin/podman
	path_of "$world/usr/bin"
	works podman
	works podman-shim
	# with both ways at once, too
	path_of "$world/usr/libexec/podman-shim" "$world/usr/bin"
	works podman
}

@test "the alias podman is the shim for who types it, and not in scripts" {
	make_here install PREFIX="$world/usr"
	echo 'alias podman=podman-shim' >home/.bashrc
	path_of "$world/usr/bin"
	# its stderr apart, since bash complains that there is no terminal
	make_script interactive <<-'END'
		#!/bin/sh
		exec setsid -w bash -ic 'podman "$@" 2>&3' bash "$@" 3>&2 2>/dev/null
	END
	works ./interactive
	# shellcheck disable=SC2016 # for that bash
	is_native bash -c 'podman "$@"' bash
}

@test "once the shim is removed podman is the real one again, whichever way it came" {
	make_here install PREFIX="$world/usr"
	copy_shim usr/bin/podman
	path_of "$world/usr/libexec/podman-shim" "$world/usr/bin"
	works podman
	make_here uninstall PREFIX="$world/usr"
	works podman
	rm usr/bin/podman
	is_native podman
}

@test "a shell that has run podman before finds the other one after hash -r" {
	mkdir -p usr/local/bin
	path_of "$world/usr/local/bin"
	export binary
	# shellcheck disable=SC2016 # for that bash
	run_bounded bash -c 'podman ps; cp "$binary" usr/local/bin/podman
		hash -r; podman run image; rm usr/local/bin/podman
		hash -r; podman ps'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(count runs)" -eq 3 ]
}

@test "an upgrade leaves a shim that runs alone, and it ends as podman does" {
	make_here install PREFIX="$world/usr"
	path_of "$world/usr/libexec/podman-shim"
	mkfifo end
	export world PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK_HOLD=3600
	# shellcheck disable=SC2016 # for that script
	make_podman <<-'END'
		trap 'echo signalled >&2' USR1
		echo runs >&2
		until read -r status <"$world/end"; do :; done
		exit "$status"
	END
	podman run image 2>errors 3>&- &
	running=$!
	until_true grep -q runs errors
	before=$(stat -c %i usr/bin/podman-shim)
	make_here install PREFIX="$world/usr"
	[ "$(stat -c %i usr/bin/podman-shim)" != "$before" ]
	[ "$(readlink "/proc/$running/exe")" = "$world/usr/bin/podman-shim (deleted)" ]
	kill -USR1 "$running"
	until_true grep -q signalled errors
	# and its lock is held
	run flock -n runtime/podman-shim.lock true
	[ "$status" -ne 0 ]
	echo 42 >end
	status=0
	wait "$running" || status=$?
	[ "$status" -eq 42 ]
	[ "$(<errors)" = $'runs\nsignalled' ]
	echo 7 >end 3>&- &
	run_bounded podman run image
	[ "$status" -eq 7 ]
}

@test "at every moment of an upgrade podman is there" {
	# a large one, so that a moment without it would be a long one
	mkdir new
	cp -pr "$tests/../Makefile" "$tests/../man" "$tests/../podman-shim.c" "$tests/../src" new
	{
		cat "$binary"
		head -c 16M /dev/zero
	} >new/podman-shim
	chmod +x new/podman-shim
	make_in new install PREFIX="$world/usr"
	path_of "$world/usr/libexec/podman-shim"
	until [ -e stop ]; do
		podman ps || echo "status $?"
		echo >>executions
	done >failures 2>&1 3>&- &
	for _ in {1..10}; do make_in new install PREFIX="$world/usr"; done
	: >stop
	wait
	cat failures
	[ ! -s failures ]
	[ "$(wc -l <executions)" -ge 10 ]
	[ "$(files usr | wc -l)" -eq 6 ]
}

# Makes a checkout of what is here, in directory source of the world.
make_checkout() {
	unset "${!GIT_@}"
	mkdir source
	tar -C "$tests/.." --exclude=./.git --exclude=./tests/build --exclude=./podman-shim -cf - . |
		tar -C source -xf -
	git -C source init -q
	git -C source add .
	git -C source -c user.name=somebody -c user.email=somebody@localhost commit -qm 'A release'
	version=$(sed -n 's/^#define VERSION "\(.*\)"$/\1/p' source/src/shim.h)
	[ -n "$version" ]
	release=podman-shim-$version
}

@test "make dist makes the same tarball each time, of what is committed, and nothing else" {
	make_checkout
	[ "$(make_in source dist)" = "tests/build/$release.tar.gz" ]
	mv "source/tests/build/$release.tar.gz" first
	# no name and no time of its own: RFC 1952
	[ "$(od -An -tx1 -j3 -N5 first)" = ' 00 00 00 00 00' ]
	find source -name .git -prune -o -exec touch -d 2001-02-03 {} +
	echo 'not committed' >>source/README.md
	(umask 077 && TZ=Asia/Kathmandu GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.autocrlf GIT_CONFIG_VALUE_0=true \
		make_in source dist)
	cmp first "source/tests/build/$release.tar.gz"
	[ "$(git -C source status --porcelain)" = ' M README.md' ]
	[ "$(ls source/tests/build)" = "$release.tar.gz" ]
	diff <(git -C source ls-files | sed "s,^,$release/," | sort) <(tar -tzf first | grep -v '/$' | sort)
}

@test "from the tarball the program is built, packaged and run" {
	make_checkout
	make_in source dist
	tar -xzf "source/tests/build/$release.tar.gz"
	make_in "$release" CFLAGS=-O0
	make_in "$release" install DESTDIR="$world/package" PREFIX=/usr
	diff - <(files package) <<-'END'
		./usr/bin/podman-shim
		./usr/libexec/podman-shim/podman -> ../../bin/podman-shim
		./usr/share/man/man1/podman-shim.1
		./usr/share/man/man7/podman-shim.7
		./usr/share/podman-shim/quadlet.conf
		./usr/share/podman-shim/service.conf
	END
	path_of "$world/package/usr/libexec/podman-shim"
	works podman
	path_of "$world/package/usr/bin"
	works podman-shim
}
