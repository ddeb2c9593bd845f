#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# How podman's version is remembered.

load helpers

# Prints the file that the version is remembered in.
cache() {
	find "$world/runtime" -type f
}

@test "podman is asked for its version once" {
	asks 1
	asks 0
	podman create image
	podman build .
	asks 0
}

@test "what is said on stderr does not go to the cache where stderr is closed" {
	PODMAN_SHIM_DEBUG=1 podman run image 2>&-
	[ "$(wc -l <"$(cache)")" -eq 2 ]
	run grep podman-shim: "$(cache)"
	[ "$status" -eq 1 ]
}

@test "an old Podman and Docker are asked for their version once, too" {
	for version in 'podman version 2.2.1' 'Docker version 24.0.5, build ced0996'; do
		rm -f "$record/probes" "$world"/runtime/*
		export STAND_IN_VERSION=$version
		podman run image
		podman run image
		expect fallback run image
		[ "$(count probes)" -eq 1 ]
	done
}

@test "a podman that was replaced is asked again" {
	copy_stand_in "$real/podman"
	asks 1
	asks 0
	# another size, at the same time
	touch -r "$real/podman" time
	echo >>"$real/podman"
	touch -r time "$real/podman"
	asks 1
	asks 0
	# another time
	touch -d '2001-02-03 04:05:06.789' "$real/podman"
	asks 1
	touch -d '2001-02-03 04:05:06.790' "$real/podman"
	asks 1
	# another file, with the same size and time
	cp -p "$real/podman" "$real/new"
	mv "$real/new" "$real/podman"
	asks 1
	asks 0
}

@test "an upgrade to a Podman that knows the override takes effect at once" {
	copy_stand_in "$real/podman"
	STAND_IN_VERSION='podman version 2.2.1' expect fallback run image
	expect fallback run image
	touch -d '2001-02-03 04:05:06' "$real/podman"
	expect override run image
}

@test "a link to podman that leads elsewhere is another podman" {
	copy_stand_in one
	copy_stand_in two
	ln -sf "$world/one" "$real/podman"
	asks 1
	ln -sf "$world/two" "$real/podman"
	asks 1
}

@test "two podmans that are used in turn are asked once each" {
	mkdir one two
	copy_stand_in one/podman
	copy_stand_in two/podman
	for _ in 1 2 3; do
		PODMAN_SHIM_REAL=$world/one/podman STAND_IN_VERSION='podman version 2.2.1' expect fallback run image
		PODMAN_SHIM_REAL=$world/two/podman expect override run image
	done
	[ "$(count probes)" -eq 2 ]
}

@test "any number of podmans may be remembered, or forgotten" {
	local file

	# of which a few have room in the file
	for name in "$(printf '%0200d' 0)"-{1..16}; do
		ln -s "$stand_in" "$real/$name"
		PODMAN_SHIM_REAL=$real/$name asks 1
		PODMAN_SHIM_REAL=$real/$name asks 0
	done
	file=$(cache)
	[ "$(stat -c %s "$file")" -le 4096 ]
}

@test "what is remembered is one small file of the user's alone" {
	(umask 000 && podman run image)
	[ "$(cache | wc -l)" -eq 1 ]
	[ "$(stat -c %a "$(cache)")" = 600 ]
	[ "$(find "$world/runtime" "$world/home" -mindepth 1 | wc -l)" -eq 1 ]
}

@test "shims that start at once do not disturb each other" {
	local -a children=()

	for i in {1..20}; do
		STAND_IN=$world/record-$i
		mkdir "$STAND_IN"
		podman run image &
		children+=($!)
	done
	for child in "${children[@]}"; do
		wait "$child"
	done
	for i in {1..20}; do
		record=$world/record-$i
		[ "$(count runs)" -eq 1 ]
		[ "$(count probes)" -le 1 ]
		[ -n "$(override_descriptor)" ]
	done
}

# Remembers the version, and what was remembered in $remembered.
remember() {
	asks 1
	asks 0
	remembered=$(cache)
	cp "$remembered" remembered
}

@test "a remembered version that was cut off costs one question" {
	local size

	remember
	size=$(stat -c %s remembered)
	for length in 0 1 5 8 10 20 $((size / 2)) $((size - 1)); do
		head -c "$length" remembered >"$remembered"
		asks 1
		asks 0
	done
}

@test "a remembered version that was spoilt costs one question" {
	remember
	for edit in 's/podman/modnap/g' 's/ version//' 's/version [0-9]*/version x/' 's/ /\o0/g' \
		's/^/ x/' 's/\.4.*//'; do
		sed "$edit" remembered >"$remembered"
		asks 1
		asks 0
	done
	for length in 1 4095 4096 4097 100000; do
		head -c "$length" /dev/urandom >"$remembered"
		asks 1
		asks 0
		[ "$(stat -c %s "$remembered")" -le 4096 ]
		head -c "$length" /dev/zero | tr '\0' '\n' >"$remembered"
		asks 1
		asks 0
		head -c "$length" /dev/zero | tr '\0' 5 >"$remembered"
		asks 1
		asks 0
	done
}

@test "another podman's remembered version is not taken for this one's" {
	remember
	sed 's/5\.4/2.2/; s/podman: /podman-not: /' remembered >"$remembered"
	asks 1
	sed 's/5\.4/2.2/; s/^[0-9]/1&/' remembered >"$remembered"
	asks 1
	# but this one's is
	sed 's/5\.4/2.2/' remembered >"$remembered"
	expect 'fallback: this Podman is too old' run image
}

@test "a pipe in the remembered version's place costs one question each time" {
	remember
	rm "$remembered"
	mkfifo "$remembered"
	asks 1
	asks 1
	[ -p "$remembered" ]
}

@test "a directory in the remembered version's place costs one question each time" {
	remember
	rm "$remembered"
	mkdir "$remembered"
	asks 1
	asks 1
	[ -d "$remembered" ]
}

@test "a link in the remembered version's place is not followed" {
	remember
	mv "$remembered" elsewhere
	ln -s "$world/elsewhere" "$remembered"
	asks 1
	asks 1
	cmp elsewhere remembered
	ln -sf "$world/nowhere" "$remembered"
	asks 1
	[ ! -e nowhere ]
}

@test "a remembered version that may not be read or written costs one question each time" {
	remember
	drop_privilege
	echo x >"$remembered"
	chmod 000 "$remembered"
	asks 1
	asks 1
	chmod 400 "$remembered"
	asks 1
	asks 1
	[ "$(<"$remembered")" = x ]
	rm "$remembered"
	chmod 500 "$world/runtime"
	asks 1
	asks 1
	[ -z "$(cache)" ]
	chmod 700 "$world/runtime"
}

@test "a remembered version of somebody else's costs one question each time" {
	[ "$(id -u)" = 0 ] || skip "only root can give a file to somebody else"
	remember
	sed 's/5\.4/2.2/' remembered >"$remembered"
	chown 65534 "$remembered"
	cp "$remembered" theirs
	asks 1
	asks 1
	cmp theirs "$remembered"
}

# Executes a script, which is on standard input, where /run and /tmp are empty, and what is in the
# world is in the current directory, /run/world. Root keeps its rights there; others look like root.
in_own_filesystem() {
	local -a own=(unshare --mount)

	[ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
	"${own[@]}" mount -t tmpfs tmpfs /run || skip "no mounts of one's own here"
	{
		cat <<-END
			set -eu
			mount -t tmpfs tmpfs /run
			mkdir /run/world /run/bin
			mount --bind "$world" /run/world
			cp "$binary" "$stand_in" /run/bin
			mount -t tmpfs -o mode=1777 tmpfs /tmp
			cd /run/world
			ln -sf /run/bin/podman-shim shim/podman
			ln -sf /run/bin/stand-in real/podman
			ln -sf /run/bin/stand-in real/conmon
			export PATH=/run/world/shim:/run/world/real:$programs STAND_IN=/run/world/record
			unset XDG_RUNTIME_DIR
		END
		declare -f asks_in_own_filesystem remembered_in
		cat
	} >script
	run_bounded "${own[@]}" bash -x script
	printf '%s\n' "$stderr"
	[ "$status" -ne 42 ] || skip "only root can give a file to somebody else"
	[ "$status" -eq 0 ]
}

# There: succeeds if `podman run` works after PROBES questions.
asks_in_own_filesystem() {
	rm -f record/*
	touch record/probes
	podman run image
	[ "$(wc -l <record/runs)" -eq 1 ]
	[ "$(wc -l <record/probes)" -eq "$1" ]
}

# There: succeeds if the version is remembered in DIRECTORY and nowhere else, or nowhere without.
remembered_in() {
	local found

	found=$(find -L /run /tmp -name 'podman-shim.version*' -not -path '/run/world/theirs/*')
	[ "$found" = "${1:+$1/podman-shim.version}" ]
}

@test "the version is remembered in XDG_RUNTIME_DIR" {
	in_own_filesystem <<-'END'
		mkdir -m 700 -p /run/user/0
		export XDG_RUNTIME_DIR=/run/world/runtime
		asks_in_own_filesystem 1
		asks_in_own_filesystem 0
		remembered_in /run/world/runtime
	END
}

@test "without XDG_RUNTIME_DIR the version is remembered in the user's directory in /run/user" {
	in_own_filesystem <<-'END'
		mkdir -m 700 -p /run/user/0
		asks_in_own_filesystem 1
		asks_in_own_filesystem 0
		remembered_in /run/user/0
	END
}

@test "without either the version is remembered in a directory in /tmp of the user's alone" {
	in_own_filesystem <<-'END'
		umask 000
		asks_in_own_filesystem 1
		asks_in_own_filesystem 0
		remembered_in /tmp/podman-shim-0
		[ "$(stat -c %a /tmp/podman-shim-0)" = 700 ]
	END
}

@test "an XDG_RUNTIME_DIR that others can change, or that is none, is not used" {
	in_own_filesystem <<-'END'
		mkdir -m 700 -p /run/user/0
		mkdir -m 777 writable sticky
		mkdir -m 770 group
		chmod 1777 sticky
		ln -s runtime link
		touch file
		for directory in "" runtime ./runtime /run/world/writable /run/world/sticky /run/world/group \
			/run/world/link /run/world/file /run/world/none; do
			rm -f /run/user/0/*
			export XDG_RUNTIME_DIR=$directory
			asks_in_own_filesystem 1
			asks_in_own_filesystem 0
			remembered_in /run/user/0
		done
	END
}

@test "somebody else's XDG_RUNTIME_DIR is not used" {
	in_own_filesystem <<-'END'
		mkdir -m 700 -p /run/user/0 theirs
		chown 65534 theirs || exit 42
		export XDG_RUNTIME_DIR=/run/world/theirs
		asks_in_own_filesystem 1
		asks_in_own_filesystem 0
		remembered_in /run/user/0
		[ -z "$(ls theirs)" ]
	END
}

@test "a directory in /tmp that somebody made before, for all to change, is not used" {
	in_own_filesystem <<-'END'
		mkdir -m 777 /tmp/podman-shim-0
		asks_in_own_filesystem 1
		asks_in_own_filesystem 1
		remembered_in
	END
}

@test "a directory in /tmp that is somebody else's is not used" {
	in_own_filesystem <<-'END'
		mkdir -m 755 /tmp/podman-shim-0
		chown 65534 /tmp/podman-shim-0 || exit 42
		asks_in_own_filesystem 1
		asks_in_own_filesystem 1
		remembered_in
	END
}

@test "a link in /tmp that somebody made before is not followed" {
	in_own_filesystem <<-'END'
		ln -s /run/world/runtime /tmp/podman-shim-0
		asks_in_own_filesystem 1
		asks_in_own_filesystem 1
		remembered_in
		ln -sfn /run/world/none /tmp/podman-shim-0
		asks_in_own_filesystem 1
		[ ! -e none ]
	END
}

@test "a full disk costs one question each time" {
	in_own_filesystem <<-'END'
		mkdir -m 700 -p /run/user/0
		mount -t tmpfs -o mode=700,size=16k tmpfs /run/user/0
		cat /dev/zero >/run/user/0/rest || [ "$(df --output=avail /run/user/0 | tail -n 1)" -eq 0 ]
		asks_in_own_filesystem 1
		asks_in_own_filesystem 1
	END
}
