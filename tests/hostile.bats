#!/usr/bin/env bats
# bats file_tags=linux
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# What somebody else, or nonsense, may put in the shim's way: a command is run as podman would run it,
# or refused, and nobody gets to do what they could not do before.

load helpers

# Succeeds if `podman run`, with what is set by ARGUMENTs of env(1), works at once as it does without.
is_run() {
	rm -f "$record/runs"
	run_bounded env "$@" podman run image
	printf 'status %s, stderr: %.200s\n' "$status" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(count runs)" -eq 1 ]
}

# Executes a command as another user.
another=(setpriv --reuid=12345 --regid=12345 --clear-groups)

need_root() { [ "$(id -u)" = 0 ] || skip "only root can give a file to somebody else"; }

# refuses COMMAND...: it does nothing but to say so
refuses() {
	run_bounded "$@"
	one_line_and 125
	[[ $stderr == *"refusing to run with a set-user-ID or set-group-ID bit, or with capabilities" ]]
	[ -z "$output" ]
	[ "$(count runs)" -eq 0 ]
}

@test "a shim with a set-user-ID or set-group-ID bit refuses to run" {
	need_root
	chmod 755 "$world" "$(dirname "$world")"
	copy_shim set-id
	for mode in 4755 2755 6755; do
		chown 54321:54321 set-id
		chmod "$mode" set-id
		for arguments in 'run image' ps --shim-version; do
			# shellcheck disable=SC2086 # words
			refuses "${another[@]}" ./set-id $arguments
			# and so where it would give up root's rights
			# shellcheck disable=SC2086 # words
			refuses ./set-id $arguments
		done
		_PODMAN_SHIM_CONMON=/bin/true refuses "${another[@]}" ./set-id --version
		_CONTAINERS_USERNS_CONFIGURED=init refuses "${another[@]}" ./set-id ps
	done
	# what another program's bits have done is no reason
	cp "$(command -v env)" another
	chown 54321:54321 another
	chmod 6755 another
	chmod 755 set-id
	run_bounded "${another[@]}" ./another -u STAND_IN PODMAN_SHIM_REAL=/bin/true ./set-id ps
	printf "status %s, stderr: %s\n" "$status" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	chmod 6755 set-id
	# for whoever has that user and group, it is a program as any other
	run_bounded setpriv --reuid=54321 --regid=54321 --clear-groups ./set-id --shim-version
	[ "$status" -eq 0 ]
}

@test "a shim whose file has capabilities refuses to run" {
	need_root
	copy_shim capable
	chmod 755 capable
	# VFS_CAP_REVISION_2, effective: CAP_SETUID, of capability.h
	python3 -c 'import os, struct
os.setxattr("capable", "security.capability", struct.pack("<5I", 0x02000001, 1 << 7, 0, 0, 0))'
	refuses "${another[@]}" ./capable run image
	# root has them all
	run_bounded ./capable run image
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
}

# As root of a namespace with an empty /tmp and /run, where the directory theirs is /mnt/theirs:
# executes SCRIPT, and then podman, with and without the lock. Prints the files in /tmp after that.
in_their_tmp() {
	rm -rf mounted
	mkdir -p mounted/bin mounted/real mounted/record mounted/theirs theirs
	copy_shim mounted/bin/podman
	copy_stand_in mounted/real/podman
	copy_stand_in mounted/real/conmon
	# shellcheck disable=SC2016 # expanded there
	STAND_IN=/mnt/record PATH=/mnt/bin:/mnt/real:$programs run_bounded \
		env -u XDG_RUNTIME_DIR unshare -rm bash -euc '
		mount --bind theirs mounted/theirs
		mount --rbind mounted /mnt
		cd /
		mount -t tmpfs -o mode=1777 tmpfs /tmp
		mount -t tmpfs tmpfs /run
		eval "$1"
		for mode in auto lock; do PODMAN_SHIM_MODE=$mode podman run image; done
		find /tmp -mindepth 1 -type f 2>/dev/null || :' _ "$1"
	printf 'status %s, output: %s, stderr: %s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(wc -l <mounted/record/runs)" -eq 2 ]
}

@test "what somebody has put where a directory of the user's own in /tmp would be is not used" {
	in_their_tmp :
	[ "$output" = $'/tmp/podman-shim-0/podman-shim.version\n/tmp/podman-shim-0/podman-shim.lock' ] ||
		[ "$output" = $'/tmp/podman-shim-0/podman-shim.lock\n/tmp/podman-shim-0/podman-shim.version' ]
	in_their_tmp 'mkfifo /tmp/podman-shim-0'
	[ -z "$output" ]
	in_their_tmp 'touch /tmp/podman-shim-0; chmod 600 /tmp/podman-shim-0'
	[ "$output" = /tmp/podman-shim-0 ]
	in_their_tmp 'ln -s /tmp/podman-shim-0 /tmp/podman-shim-0'
	[ -z "$output" ]
	for mode in 770 701 710 1777 2770; do
		in_their_tmp "mkdir -m $mode /tmp/podman-shim-0"
		[ -z "$output" ]
	done
}

@test "a directory in /tmp that another user has made before is not used, nor a lock held there" {
	need_root
	mkdir -m 700 theirs
	: >theirs/podman-shim.lock
	printf 'podman 4 3 x\n' >theirs/podman-shim.version
	chown -R 65534 theirs
	flock -o theirs/podman-shim.lock sleep 60 3>&- &
	holder=$!
	cp -rp theirs before
	in_their_tmp 'mkdir /tmp/podman-shim-0; mount --bind /mnt/theirs /tmp/podman-shim-0'
	kill "$holder"
	diff -r theirs before
	[ "$(ls theirs)" = $'podman-shim.lock\npodman-shim.version' ]
}

@test "a device in the place of the lock, of the remembered version or of the log is not used" {
	local -a places=(/dev/null /dev/zero /dev/full /dev/tty)

	for place in "${places[@]}"; do
		PODMAN_SHIM_MODE=lock is_run PODMAN_SHIM_LOCK="$place"
		[ -z "$stderr" ]
		PODMAN_SHIM_MODE=lock is_run PODMAN_SHIM_LOCK=/nothing/here PODMAN_SHIM_LOG="$place"
		[[ $stderr == "podman-shim: PODMAN_SHIM_LOG: $place: "* ]]
	done
}

@test "a remembered version that others may write is not believed" {
	asks 1
	asks 0
	cache=$XDG_RUNTIME_DIR/podman-shim.version
	sed -i 's/version 5.4.2/version 2.2.1/' "$cache"
	expect 'fallback: this Podman is too old' run image
	for mode in 620 602 666; do
		chmod "$mode" "$cache"
		asks 1
		asks 1
		grep -q 'version 2.2.1' "$cache"
	done
}

@test "a remembered version of a terabyte, or of numbers that are none, costs one question" {
	asks 1
	cache=$XDG_RUNTIME_DIR/podman-shim.version
	identity=$(sed -n 's/: podman version .*//p' "$cache")
	[ -n "$identity" ]
	for numbers in '99999999999999999999.x' '-' '5' '5 .' $'\xff.4'; do
		printf '\n%s: podman version %s\n' "$identity" "$numbers" >"$cache"
		asks 1
		asks 0
	done
	truncate -s 1T "$cache"
	asks 0 # the line is still the first
	: >"$cache"
	truncate -s 1T "$cache"
	asks 1
	[ "$(stat -c %s "$cache")" -le 4096 ]
}

# Makes two copies of the shim, one/podman and two/podman, that may be executed and not read.
unreadable_shims() {
	mkdir one two
	copy_shim one/podman
	copy_shim two/podman
	chmod 111 one/podman two/podman
}

@test "two shims that may not be read do not execute each other for ever" {
	local -a unprivileged=()

	unreadable_shims
	[ "$(id -u)" != 0 ] || unprivileged=(setpriv "--bounding-set=-dac_override,-dac_read_search")
	PATH=$world/one:$world/two:$PATH run_bounded "${unprivileged[@]}" one/podman run image
	one_line_and 125
	[[ $stderr == *"/podman: that calls podman again"* ]]
	# but podman that may not be read is podman
	copy_stand_in "$real/podman"
	chmod 111 "$real/podman"
	run_bounded "${unprivileged[@]}" podman run image
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
}

@test "two shims do not execute each other for ever where no descriptor is left" {
	unreadable_shims
	chmod 755 one/podman two/podman
	PATH=$world/one:$world/two:$PATH run_bounded bash -c 'ulimit -n 20
		for ((fd = 3; fd < 20; fd++)); do eval "exec $fd</dev/null"; done
		exec one/podman ps'
	one_line_and 125
	[[ $stderr == *"/podman: that calls podman again"* ]]
}

@test "links in PATH that lead to themselves, or to the shim, are passed over" {
	mkdir loop one two
	ln -s podman loop/podman
	ln -s ../two/podman one/podman
	ln -s ../one/podman two/podman
	ln -s "$shim" three
	ln -s three four
	PATH=$shim:loop:one:two:three:four:./four/../four::.:$world/loop:$PATH is_run _=
	PATH=$shim:$(printf "$shim/./:%.0s" {1..2000})$PATH is_run _=
}

@test "a directory of PATH to which all may write is searched, as podman's caller has it" {
	mkdir -m 777 theirs
	copy_stand_in theirs/podman
	PATH=$shim:theirs:$PATH PODMAN_SHIM_DEBUG=1 run_bounded podman ps
	[ "$status" -eq 0 ]
	[[ $stderr == *"podman-shim: podman: theirs/podman ("* ]]
	[ "$(recorded argv | head -n 1)" = podman ]
	# of conmon podman takes none by a path that is relative, and neither does the shim
	[ -n "$(machine_conmon)" ] || {
		copy_stand_in theirs/conmon
		PATH=$shim:theirs:$real:$programs expect 'fallback: no conmon' run image
	}
}

@test "every variable that the shim reads may hold 128 KiB of nonsense" {
	long=$(head -c 130000 /dev/zero | tr '\0' x)
	mapfile -t variables < <(sed -n 's/^.*getenv("\([A-Z_]*\)").*/\1/p
		s/^#define [A-Z]*_VARIABLE "\([A-Z_]*\)".*/\1/p; s/^\t{ "\(PODMAN_SHIM_[A-Z_]*\)".*/\1/p' "$tests"/../podman-shim.c "$tests"/../src/*.[ch] | sort -u)
	[ "${#variables[@]}" -ge 26 ]
	for variable in "${variables[@]}"; do
		[[ $variable != PODMAN_SHIM_REAL ]] || continue
		for value in "/$long" $'\e]0;x\a\x9b\xc2\x9b31m\n'"$long" 99999999999999999999; do
			[[ $variable != PATH ]] || value=$value:$PATH
			rm -f "$record/runs"
			run_bounded env "$variable=$value" "$shim/podman" run image
			printf '%s=%.20q...: status %s, stderr: %.200q\n' "$variable" "$value" "$status" "$stderr"
			[ "$status" -eq 0 ]
			[ "$(count runs)" -eq 1 ]
			[ "${#stderr_lines[@]}" -le 1 ]
			[ "${#stderr}" -lt 4096 ]
			[[ $stderr != *[$'\e\a\x9b']* ]]
		done
	done
	run_bounded env PODMAN_SHIM_REAL="$long" "$shim/podman" run image
	one_line_and 127
	[ "${#stderr}" -lt 4096 ]
}

@test "an environment as large as any can be, and arguments, reach podman as they do natively" {
	run_bounded python3 - "$real/podman" "$shim/podman" <<-'END'
		import os, subprocess, sys

		native, shim = sys.argv[1:]
		record = os.environ["STAND_IN"]

		def run(program, size, kind):
		    words = ["x" * 131000] * (size // 131000) + ["y" * (size % 131000)]
		    environment = dict(os.environ)
		    arguments = ["podman", "run", "image"]
		    if kind == "environment":
		        environment.update((f"LARGE_{number:02}", word) for number, word in enumerate(words))
		    else:
		        arguments += words
		    try:
		        status = subprocess.run(arguments, executable=program, env=environment).returncode
		    except OSError:
		        return None
		    with open(f"{record}/argv", "rb") as file:
		        return status, file.read() == b"".join(os.fsencode(word) + b"\0" for word in arguments)

		for kind in "environment", "arguments":
		    low, high = 0, 1 << 23
		    while high - low > 1:
		        middle = (low + high) // 2
		        if run(native, middle, kind):
		            low = middle
		        else:
		            high = middle
		    print(kind, low, high, file=sys.stderr)
		    for less in 0, 1, 50, 100, 200, 400, 10000:
		        for extra in {}, {"PODMAN_SHIM_MODE": "lock"}, {"PODMAN_SHIM_RETRIES": "0"}:
		            room = sum(len(name) + len(value) + 10 for name, value in extra.items())
		            os.environ.update(extra)
		            result = run(shim, low - less - room, kind)
		            for name in extra:
		                del os.environ[name]
		            assert result == (0, True), (kind, less, extra, result)
	END
	printf '%s\n' "$stderr"
	[ "$status" -eq 0 ]
}

@test "arguments of control characters, and of no characters, reach podman, and no terminal" {
	nonsense=$'--\e]0;x\a\r\n\x9b31m\xc2\x9b\xff\xfe\xc3'
	PODMAN_SHIM_DEBUG=1 PODMAN_SHIM_LOG=$world/log run_bounded podman run "$nonsense" "$nonsense"
	[ "$status" -eq 0 ]
	printf '%s\0' podman run "$nonsense" "$nonsense" | cmp - "$record/argv"
	printf '%q\n' "$stderr" "$(<log)"
	shown='--?]0;x?? ?31m?????'
	[[ $stderr == *"unknown option cannot be read: $shown"* ]]
	[[ $(<log) == *"unknown option cannot be read: $shown"* ]]
	# but letters of any language show
	PODMAN_SHIM_DEBUG=1 run_bounded podman run --größe=日本 image
	[[ $stderr == *"unknown option cannot be read: --größe=日本"* ]]
	PODMAN_SHIM_LOCK=$world/$'\x9b\xc2\x9bä' run_bounded podman --shim-status
	[[ $output == *"lock: $world/???ä"* ]]
	[[ $output == *"PODMAN_SHIM_LOCK: $world/???ä"* ]]
}

@test "thousands of descriptors that are open are podman's, and none is the shim's" {
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4000 ] || skip "no more than $(ulimit -Hn) here"
	for mode in auto lock; do
		rm -f "$record/runs"
		PODMAN_SHIM_MODE=$mode run_bounded python3 -c 'import os, resource
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (4000, most))
for number in range(3, 3500):
    os.dup2(0, number)
os.execvp("podman", ["podman", "run", "image"])' </dev/null
		[ "$status" -eq 0 ]
		[ "$(count runs)" -eq 1 ]
		{
			seq 0 3499
			override_descriptor
		} | diff - <(cut -d' ' -f1 "$record/fds")
	done
}

@test "a containers.conf of many megabytes, without end, or nested without end, is left to podman" {
	export CONTAINERS_CONF=$world/conf
	plain='\[containers]\ndefault_sysctls = []\n'
	{
		printf '%b' "$plain"
		head -c 50000000 /dev/zero | tr '\0' '#'
	} >conf
	expect "fallback: $world/conf: File too large" run image
	rm conf
	truncate -s 1T conf
	expect "fallback: $world/conf: File too large" run image
	for nest in '[' '{a=' '[[' '{"a"=['; do
		printf 'x = ' >conf
		printf "$nest%.0s" {1..30000} >>conf
		expect "fallback: $world/conf:1: " run image
	done
	printf "a.%.0s" {1..100000} >conf
	expect "fallback: $world/conf:1: " run image
	printf "[a%.0s" {1..60000} >conf
	expect "fallback: $world/conf:1: " run image
	head -c 200000 /dev/urandom >conf
	expect "fallback: $world/conf:" run image
	rm conf
	mkfifo conf
	expect "fallback: $world/conf: Illegal seek" run image
	CONTAINERS_CONF=/dev/zero expect 'fallback: /dev/zero: Illegal seek' run image
	rm conf
	ln -s conf conf
	expect "fallback: $world/conf: Too many levels of symbolic links" run image
}
