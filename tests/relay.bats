#!/usr/bin/env bats
# bats file_tags=linux
# podman's stderr, and its stdout where that is the same file, on its way through the shim.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1
}

# each_way COMMAND: runs it with $podman natively and then through the shim, its output in the files
# native and shimmed, its status behind it; fails if they differ
each_way() {
	local podman
	for podman in "$real/podman" podman; do
		status=0
		(eval "$1") >"$world/way" 2>&1 || status=$?
		echo "status $status" >>"$world/way"
		[ "$podman" = podman ] || mv way native
	done
	mv way shimmed
	cmp native shimmed || {
		head -20 native shimmed
		return 1
	}
}

@test "10,000 lines of stdout and stderr in turn keep their order, wherever they go" {
	make_podman <<-'END'
		perl -e '$| = 1; for (1 .. 5000) { syswrite(STDOUT, "out $_\n"); syswrite(STDERR, "err $_\n") }'
	END
	each_way '$podman run image 2>&1 | cat'
	[ "$(grep -c . shimmed)" -eq 10001 ]
	each_way '$podman run image >file 2>&1; cat file; rm file'
	each_way '$podman run image >>file 2>>file; cat file; rm file'
	each_way 'script -qec "$podman run image" /dev/null'
	[ "$(grep -c . shimmed)" -eq 10001 ]
	each_way 'perl -e "use Socket; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0); if (!fork) { close B; open STDOUT, q(>&A); open STDERR, q(>&A); close A; exec @ARGV } close A; print while <B>" $podman run image'
	[ "$(grep -c . shimmed)" -eq 10001 ]
}

@test "a byte arrives while podman goes on, whether or not a line ends there" {
	make_podman <<-'END'
		for text in a 'line\n' 'Error: not this\n' 'E' 'x' 'Error: OCI ping_group_range\nmore' '\n' Error: s; do
			printf "$text" >&2
			read -r <&3
		done
	END
	mkfifo answers errors
	podman run image 2>errors 3<>answers &
	shim_pid=$!
	exec 5<errors
	for text in a line$'\n' 'Error: not this'$'\n' E x 'Error: OCI ping_group_range'$'\n'more $'\n' Error: s; do
		IFS= read -r -t 60 -N ${#text} -u 5 got
		printf '%q %q\n' "$got" "$text"
		[ "$got" = "$text" ]
		echo >answers
	done
	wait "$shim_pid"
}

# bats test_tags=static
@test "256 MiB through each stream is the same bytes, in memory that does not grow" {
	make_podman <<-'END'
		head -c $size /dev/zero >&$stream
		grep VmHWM /proc/$PPID/status >"$world/memory"
	END
	export stream size
	while read -r stream size to; do
		eval "podman run image $to" | cmp - <(head -c "$size" /dev/zero)
		[ "$(grep -o '[0-9]*' memory)" -lt 2048 ]
	done <<-'END'
		1 256M 2>&1
		2 256M 2>&1 >/dev/null
		1 64M 2>/dev/null
	END
}

@test "an error that is podman's last is held for three seconds at the most" {
	make_podman <<-'END'
		printf 'Error: OCI ping_group_range\n' >&2
		until [[ -e $world/stop ]]; do sleep 0.02; done
	END
	podman run image 2>errors &
	shim_pid=$!
	until_true grep -q ping_group_range errors
	: >stop
	wait "$shim_pid"
	[ "$(<errors)" = 'Error: OCI ping_group_range' ]
}

@test "an error that was held for too long, and shown, is still retried, if it is the last" {
	make_podman <<-'END'
		[[ $1 == run && ! -e $world/again ]] || exit 0
		: >"$world/again"
		printf 'Error: OCI ping_group_range\n' >&2
		until grep -q ping_group_range "$world/stderr"; do sleep 0.05; done
		exit 126
	END
	run_bounded podman run -d --rm image
	[ "$status" -eq 0 ]
	[ "$stderr" = 'Error: OCI ping_group_range' ]
	rm again
	sed -i 's/^exit 126/echo else >\&2; exit 126/' "$real/podman"
	run_bounded podman run -d --rm image
	[ "$status" -eq 126 ]
	[ "$stderr" = $'Error: OCI ping_group_range\nelse' ]
}

@test "lines that begin as an error, of any length and in any pieces, arrive" {
	make_podman <<-'END'
		perl -e '$| = 1; select STDERR; $| = 1; my $long = "Error: " . "ping_group_range OCI " x 20000;
			print "$long\n$long"; print "\nError:\nError\nErr\n\n"; print "Error: OCI ping_group_range\n" x 5000;
			print "Error: OCI ping_group_range " . "x" x $_ . "\n" for 4000 .. 4100;
			for (split //, "Error: OCI ping_group_range\nError: nothing\nError: x") { syswrite(STDERR, $_) }
			print "\0\xff\nError: \0 OCI ping_group_range\nend\n"'
	END
	each_way '$podman run image 2>&1 >/dev/null | cat'
	each_way '$podman run image 2>&1 | md5sum'
}

@test "a reader that goes away, or never was, is for podman what it is natively" {
	# natively, or once the shim has noticed: nobody reads stderr
	export unread='python3 -c "import select; p = select.poll(); p.register(2, 0); p.poll(60000)"'
	make_podman <<-'END'
		trap 'echo "PIPE" >>"$world/seen"' PIPE
		eval "$unread"
		echo something >&2 || echo "status $?" >>"$world/seen"
	END
	each_way 'rm -f seen; $podman run image 2>&1 >/dev/null | sleep 0.1; cat seen'
	grep PIPE shimmed
	each_way 'rm -f seen; $podman run image 2>&1 | :; cat seen'
	# what it had written before nobody read any more
	make_podman <<<'echo $$ >"$world/pid"; perl -e "syswrite(STDERR, q(x) x 1000) for 1 .. 100"'
	reaped() { [ -s pid ] && [ ! -e "/proc/$(<pid)" ]; } # what is left is the shim's to write
	[ "$(podman run image 2>&1 >/dev/null | { until_true reaped; sleep 0.2; }; echo "${PIPESTATUS[0]}")" = 141 ]
	each_way '$podman run image 2>&1 >/dev/null | :; echo ${PIPESTATUS[0]}'
	grep 141 shimmed
	# what was held meanwhile
	make_podman <<<'printf "Error: " >&2; touch "$world/held"; eval "$unread"; sleep 3.5; exit 7'
	each_way 'rm -f held; $podman run image 2>&1 >/dev/null | until_true test -e held; echo ${PIPESTATUS[0]}'
	make_podman <<<'kill -PIPE $$'
	each_way '$podman run image 2>/dev/full'
}

@test "a full disk loses what it would lose, and no more" {
	make_podman <<-'END'
		echo something >&2
		echo "$?" >"$world/result"
		exit 3
	END
	each_way '$podman run image 2>/dev/full; echo $?; cat result'
	each_way '(ulimit -f 0; trap "" XFSZ; exec $podman run image 2>file); echo $?'
}

@test "a pipe that does not wait gets all, however slowly it is read" {
	make_podman <<-'END'
		perl -e 'print STDERR "line $_\n" for 1 .. 100000'
	END
	perl -e 'pipe(R, W); if (!fork) { close R; open STDERR, ">&W"; use Fcntl; fcntl(STDERR, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV }
		close W; while (sysread(R, $b, 10000)) { print $b; select undef, undef, undef, 0.002 }' podman run image >got
	perl -e 'print "line $_\n" for 1 .. 100000' | cmp - got
}

@test "a signal reaches podman, and the lock is let go, while nobody reads what podman writes" {
	make_podman <<-'END'
		trap 'echo TERM >"$world/seen"; exit 5' TERM
		head -c 1000000 /dev/zero >&2 &
		echo ready >"$world/ready"
		wait
	END
	mkfifo errors
	PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK_HOLD=1 podman run image 2>errors &
	shim_pid=$!
	exec 5<errors
	until_true test -s ready
	until_true flock -n "$XDG_RUNTIME_DIR/podman-shim.lock" true
	kill "$shim_pid"
	until_true test -s seen
	# once podman has ended, what is still to be read is not waited for by a shim that is told to end
	until_true eval 'kill "$shim_pid" 2>/dev/null; gone "$shim_pid"'
	exec 5<&-
}

@test "a podman that is killed ends the shim, though nobody reads what it has written" {
	make_podman <<-'END'
		head -c 1000000 /dev/zero >&2 &
		echo $$ >"$world/pid"
		wait
	END
	mkfifo errors
	podman run image 2>errors &
	shim_pid=$!
	exec 5<errors
	until_true test -s pid
	kill -KILL "$(<pid)"
	until_true gone "$shim_pid"
	exec 5<&-
	status=0
	wait "$shim_pid" || status=$?
	[ "$status" -eq 137 ]
}

@test "nobody waits for what podman leaves behind" {
	make_podman <<-'END'
		echo early >&2
		sleep 60 >/dev/null &
		echo $! >"$world/left"
	END
	[ "$(timeout 10 podman run -d image 2>&1)" = early ]
	script -qec "timeout 10 podman run image" /dev/null | grep -q early
	kill "$(<left)"
}

@test "a shim that has nothing to do sleeps" {
	make_podman <<-'END'
		until [ -e "$world/stop" ]; do sleep 0.1; done
	END
	PODMAN_SHIM_MODE=lock PODMAN_SHIM_LOCK_HOLD=0 strace -o trace -e trace=poll,ppoll "$shim/podman" run image &
	until_true grep -qE 'poll\(.*, (NULL|-1), ' trace
	: >stop
	wait $!
	[ "$(wc -l <trace)" -lt 10 ]
}

@test "nothing is left, and nothing of the shim's is on stderr" {
	make_podman <<<'echo output; echo error >&2'
	run_bounded podman run -d image
	[ "$output" = output ]
	[ "$stderr" = error ]
	[ -z "$(ls runtime)" ]
}

@test "stderr that is a terminal is one for podman, of its size, and what is written there the same" {
	make_podman <<-'END'
		[[ -t 2 ]] && echo terminal >&2
		[[ -t 1 ]] && echo terminal
		stty size <&2
		printf 'a\nb\r\n\tc\033[1m\0\a\n' >&2
		printf 'a\nb\r\n\tc\n'
	END
	each_way 'script -qec "stty rows 33 cols 77; $podman run image" /dev/null'
	grep -a '33 77' shimmed
	[ "$(grep -ac terminal shimmed)" -eq 2 ]
	each_way 'script -qec "stty rows 33 cols 77; $podman run image 2>&1 | cat" /dev/null'
	each_way 'script -qec "stty rows 33 cols 77; $podman run image >/dev/null" /dev/null'
	each_way 'script -qec "stty rows 33 cols 77; $podman run -t image" /dev/null | sort'
}

@test "a terminal's new size is that of podman's stderr" {
	make_podman <<-'END'
		trap 'changed=yes' WINCH
		stty size <&2 >"$world/size"
		until [[ -e $world/stop ]]; do sleep 0.05; [[ -z ${changed-} ]] || stty size <&2 >"$world/size"; done
	END
	script -qec "stty rows 33 cols 77; tty >'$world/tty'; podman run image" /dev/null <&- 3>&- &
	until_true grep -qx '33 77' size
	stty rows 44 cols 88 <"$(cat ./tty)"
	until_true grep -qx '44 88' size
	: >stop
	wait $!
}

@test "-t leaves stdin and stdout to podman" {
	make_podman <<<'readlink /proc/$$/fd/{0,1} >"$world/streams"'
	for to in '>file' '>file 2>&1'; do
		eval "podman run -t image </dev/null $to"
		[ "$(<streams)" = "/dev/null"$'\n'"$world/file" ]
	done
	podman run image >file 2>&1
	[[ $(<streams) == *pipe:* ]]
}

@test "stderr that is a device, or cannot be written, is not relayed" {
	make_podman <<<'readlink /proc/self/fd/2 >"$world/stderr-is"'
	podman run image 2>/dev/zero
	[ "$(<stderr-is)" = /dev/zero ]
	podman run image 2>/dev/null
	[[ $(<stderr-is) == pipe:* ]]
	podman run image 2</dev/null
	[ "$(<stderr-is)" = /dev/null ]
}

@test "a process limit and a descriptor limit execute podman in the shim's place" {
	make_podman <<<'echo ran'
	podman run image # remembers the version
	PODMAN_SHIM_DEBUG=1 run_bounded "$refuse" fork podman run image
	[ "$output" = ran ]
	[[ $stderr == *"no supervision: no process"* ]]
	for count in {4..20}; do
		native=$(exec 2>/dev/null; ulimit -n "$count"; exec "$real/podman" run image) || :
		shimmed=$(exec 2>/dev/null; ulimit -n "$count"; exec podman run image) || :
		[ "$shimmed" = "$native" ]
	done
}
