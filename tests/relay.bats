#!/usr/bin/env bats
# bats file_tags=linux
# podman's stderr, and its stdout where that is the same file, on its way through the shim.

load helpers

setup() {
	make_world
	export world
}

# The processes of this test that are the shim.
shims() {
	local pid
	for pid in $(pgrep -f 'podman (run|start)'); do
		if [ "/proc/$pid/exe" -ef "$binary" ] && grep -qzx "world=$world" "/proc/$pid/environ"; then
			echo "$pid"
		fi
	done 2>/dev/null
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

@test "two files stay two, with a position each" {
	make_podman <<-'END'
		echo output
		echo longer error >&2
	END
	each_way '$podman run image >file 2>file; cat file; rm file'
	each_way '$podman run image >file 2>other; cat file other; rm file other'
	each_way '$podman run image >file 2>>file; cat file; rm file'
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
		IFS= read -r -t 10 -N ${#text} -u 5 got
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
		2 64M 2>&1
	END
}

# The script of a podman that leaves a conmon behind whose container runs.
start_container='(exec -a conmon bash -c "echo \$\$ >\$6; sleep 60; :" conmon -b bundle -n name -p "$world/pidfile" >&- 2>&- 3>&- &)
	until [[ -s $world/pidfile ]]; do sleep 0.01; done'

teardown() {
	pkill -f "$world/pidfile" || :
}

@test "what comes after the container runs is passed on unread, to whatever stderr is" {
	make_podman <<-END
		$start_container
		echo begin >&2
		sleep 0.1
		head -c 20000000 /dev/urandom | tee "\$world/sent" >&2
		printf 'Error: OCI ping_group_range\n' | tee -a "\$world/sent" >&2
		rm "\$world/pidfile"
		exit 126
	END
	for to in '2>&1 >/dev/null | cat >got' '>/dev/null 2>got' '>/dev/null 2>>got'; do
		rm -f got
		eval "podman run image $to" || [ $? -eq 126 ]
		cmp <(tail -c +7 got) sent >&2
		pkill -f "$world/pidfile" || :
	done
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

@test "an error that was held for too long, and shown, is still retried" {
	make_podman <<-'END'
		[[ ! -e $world/again ]] || exit 0
		: >"$world/again"
		printf 'Error: OCI ping_group_range\n' >&2
		sleep 3.5
		exit 126
	END
	PODMAN_SHIM_BACKOFF_MS=1 run_bounded podman run --rm image
	[ "$status" -eq 0 ]
	[ "$stderr" = 'Error: OCI ping_group_range' ]
	# but not if it was not the last line after all
	rm again
	sed -i 's/^exit 126/echo else >\&2; exit 126/' "$real/podman"
	PODMAN_SHIM_BACKOFF_MS=1 run_bounded podman run --rm image
	[ "$status" -eq 126 ]
	[ "$stderr" = $'Error: OCI ping_group_range\nelse' ]
}

@test "an error whose cause was held for too long, and shown, is still retried" {
	make_podman <<-'END'
		[[ ! -e $world/again ]] || exit 0
		: >"$world/again"
		printf '%s\n' 'Starting some container dependencies' 'crun: ping_group_range: OCI runtime error' >&2
		sleep 3.5
		echo 'Error: starting some containers: internal libpod error' >&2
		exit 126
	END
	PODMAN_SHIM_BACKOFF_MS=1 run_bounded podman run --rm image
	[ "$status" -eq 0 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "lines that begin as an error, of any length and in any pieces, arrive" {
	make_podman <<-'END'
		perl -e '$| = 1; select STDERR; $| = 1; my $long = "Error: " . "ping_group_range OCI " x 20000;
			print "$long\n$long"; print "\nError:\nError\nErr\n\n"; print "Error: OCI ping_group_range\n" x 5000;
			for (split //, "Error: OCI ping_group_range\nError: nothing\nError: x") { syswrite(STDERR, $_) }
			print "\0\xff\nError: \0 OCI ping_group_range\nend\n"'
	END
	each_way '$podman run image 2>&1 >/dev/null | cat'
	each_way '$podman run image 2>&1 | md5sum'
	each_way '$podman start a b 2>&1 | cat'
}

@test "a reader that goes away, or never was, is for podman what it is natively" {
	make_podman <<-'END'
		trap 'echo "PIPE" >>"$world/seen"' PIPE
		sleep 0.5
		echo something >&2 || echo "status $?" >>"$world/seen"
	END
	each_way 'rm -f seen; $podman run image 2>&1 >/dev/null | sleep 0.1; cat seen'
	grep PIPE shimmed
	each_way 'rm -f seen; $podman run image 2>&1 | :; cat seen'
	# what it had written before nobody read any more
	make_podman <<<'perl -e "syswrite(STDERR, q(x) x 1000) for 1 .. 100"'
	each_way '$podman run image 2>&1 >/dev/null | sleep 0.3; echo ${PIPESTATUS[0]}'
	# readers of a FIFO may take turns
	make_podman <<<'for i in 1 2 3; do until [[ -e $world/reader.$i ]]; do sleep 0.02; done; echo line $i >&2; done'
	each_way 'rm -f fifo reader.*; mkfifo fifo; timeout 20 bash -c "for i in 1 2 3; do (: >reader.\$i; head -n 1) <fifo; done" & $podman run image 2>fifo; result=$?; wait; echo $result'
	[ "$(grep -c line shimmed)" -eq 3 ]
	make_podman <<-'END'
		kill -PIPE $$
	END
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

@test "a reader that waits for the end of podman first gets what fits into the pipe" {
	for writes in '80 x 810' '8 x 8192' '300 x 210' '4096 x 16'; do
		export size=${writes% x *} count=${writes#* x }
		make_podman <<<'exec perl -e "syswrite(STDERR, q(x) x (\$ENV{size} - 1) . qq(\n)) for 1 .. \$ENV{count}"'
		for _ in 1 2 3; do
			echo "$writes"
			[ "$(timeout 20 perl -e 'pipe(R, W); if (!($pid = fork)) { close R; open STDERR, ">&W"; exec @ARGV }
				close W; waitpid($pid, 0); print length(join("", <R>))' podman run -d image)" -eq $((size * count)) ]
		done
	done
}

@test "lines of several commands on one pipe, of any size, stay whole" {
	make_podman <<<'exec perl -e "syswrite(STDERR, q(x) x 79 . qq(\n)) for 1 .. 1000"'
	for size in 4096 65536; do
		[ "$(size=$size timeout 60 perl -e 'pipe(R, W); fcntl(W, 1031, $ENV{size}); for (1 .. 4) { if (!fork) { close R; open STDERR, ">&W"; exec @ARGV } }
			close W; while (<R>) { select undef, undef, undef, 0.001 unless $. % 40; $torn++ if length != 80; } print "$. ", $torn + 0' podman run -d image)" = "4000 0" ]
	done
}

@test "what podman leaves behind outlives a Ctrl-C that podman did not see" {
	make_podman <<-'END'
		setsid bash -c 'trap "" INT; : >"$world/away"; sleep 0.6; echo late >&2' >/dev/null &
		until [[ -e $world/away ]]; do sleep 0.02; done
		echo early >&2
	END
	set -m
	podman run -d image 2>errors &
	shim_pid=$!
	set +m
	wait "$shim_pid"
	kill -INT -- "-$shim_pid" 2>/dev/null || :
	until_true grep -q late errors
}

@test "a signal reaches podman while nobody reads what it writes" {
	make_podman <<-'END'
		trap 'echo TERM >"$world/seen"; exit 5' TERM
		head -c 1000000 /dev/zero >&2 &
		echo ready >"$world/ready"
		wait
	END
	mkfifo errors
	podman run image 2>errors &
	shim_pid=$!
	exec 5<errors
	until_true test -s ready
	sleep 0.3
	kill "$shim_pid"
	until_true test -s seen
	exec 5<&-
	wait "$shim_pid" || :
}

@test "what podman leaves behind may write as long as it likes, and nobody waits for it" {
	make_podman <<-'END'
		(until [[ -e $world/stop ]]; do sleep 0.02; done; echo late >&2; echo later >&2) >/dev/null &
		echo early >&2
	END
	for podman in "$real/podman" podman; do
		rm -f stop
		# stdout is closed at podman's end
		[ -z "$(timeout 10 "$podman" run -d image 2>errors)" ]
		[ "$(<errors)" = early ]
		: >stop
		until_true grep -q later errors
		[ "$(<errors)" = $'early\nlate\nlater' ]
		rm stop
		(sleep 0.5; : >stop) &
		[ "$(timeout 10 "$podman" run -d image 2>&1)" = $'early\nlate\nlater' ]
		wait $!
	done
	no_shims() { [ -z "$(shims)" ]; }
	until_true no_shims
}

@test "nothing is left, and nothing of the shim's is on stderr" {
	make_podman <<<'echo output; echo error >&2'
	run_bounded podman run -d image
	[ "$output" = output ]
	[ "$stderr" = error ]
	[ -z "$(shims)" ]
	[ -z "$(ls -A runtime)" ]
}

@test "kill -KILL of the shim ends podman, and every pipe closes" {
	make_podman <<-'END'
		echo $$ >"$world/pid"
		exec sleep 60
	END
	mkfifo out errors
	podman run image >out 2>errors &
	shim_pid=$!
	exec 5<out 6<errors
	until_true test -s pid
	kill -KILL "$shim_pid"
	timeout 10 cat <&5
	timeout 10 cat <&6
	until_true gone "$(<pid)"
}

@test "podman that is stopped, and continued, on its own does not leave the shim behind" {
	make_podman <<-'END'
		echo $$ >"$world/pid"
		until [[ -e $world/stop ]]; do sleep 0.02; done
		exit 4
	END
	podman run image &
	shim_pid=$!
	until_true test -s pid
	kill -STOP "$(<pid)"
	until_true state_is "$shim_pid" T
	kill -CONT "$(<pid)"
	until_true state_is "$shim_pid" SR
	# the other way about
	kill -STOP "$shim_pid"
	until_true state_is "$shim_pid" T
	kill -CONT "$shim_pid"
	until_true state_is "$shim_pid" SR
	: >stop
	status=0
	wait "$shim_pid" || status=$?
	[ "$status" -eq 4 ]
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
	each_way 'script -qec "stty rows 33 cols 77; $podman run image 2>/dev/tty" /dev/null'
}

@test "a terminal's new size is that of podman's stderr" {
	make_podman <<-'END'
		trap 'sleep 0.2; stty size <&2 >"$world/size"' WINCH
		stty size <&2 >"$world/size"
		until [[ -e $world/stop ]]; do sleep 0.05; done
	END
	script -qec "stty rows 33 cols 77; tty >'$world/tty'; podman run image" /dev/null <&- 3>&- &
	until_true grep -qx '33 77' size
	stty rows 44 cols 88 <"$(cat ./tty)"
	until_true grep -qx '44 88' size
	: >stop
	wait $!
}

@test "-t leaves stdout to podman" {
	make_podman <<<'readlink /proc/$$/fd/1 >"$world/stdout"'
	podman run -t image >file
	[ "$(<stdout)" = "$world/file" ]
	podman run -t image >file 2>&1
	[ "$(<stdout)" = "$world/file" ]
	podman run image >file 2>&1
	[[ $(<stdout) == pipe:* ]]
}

@test "what is no pipe, file, terminal or stream is not relayed" {
	make_podman <<<'readlink /proc/self/fd/2 >"$world/stderr-is"'
	podman run image 2>/dev/zero
	[ "$(<stderr-is)" = /dev/zero ]
	podman run image 2>/dev/null
	[[ $(<stderr-is) == pipe:* ]]
	podman run image 2</dev/null
	[ "$(<stderr-is)" = /dev/null ]
}

@test "a process limit, a descriptor limit and no terminal to be had execute podman without a relay" {
	make_podman <<<'echo ran'
	podman run image # remembers the version
	[ "$("$refuse" fork podman run image 2>errors)" = ran ]
	[ ! -s errors ]
	for count in {4..20}; do
		native=$(exec 2>/dev/null; ulimit -n "$count"; exec "$real/podman" run image) || :
		shimmed=$(exec 2>/dev/null; ulimit -n "$count"; exec podman run image) || :
		[ "$shimmed" = "$native" ]
	done
}

@test "podman whose container is not seen to start is looked at ever more seldom" {
	make_podman <<-'END'
		until [ -e "$world/stop" ]; do sleep 0.1; done
	END
	strace -o trace -e trace=poll,ppoll "$shim/podman" run image &
	# milliseconds or, of ppoll(2), nanoseconds
	until_true grep -qE '(, |tv_nsec=)[2-9][0-9]{2}([0-9]{6})?[)}]' trace
	: >stop
	wait $!
}
