#!/usr/bin/env bats
# podman under the shim's supervision: nobody may notice.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_MODE=lock
}

# Puts a podman into $real that writes to the file got each signal that it catches, a line each,
# begins with the line "ready", and ends with status 7 when the file stop appears.
make_catcher() {
	rm "$real/podman"
	make_script "$real/podman" <<'END'
#!/usr/bin/perl
use POSIX ();
if ($ARGV[0] eq "--version") { print "podman version 4.3.1\n"; exit }
open(my $got, ">>", "$ENV{world}/got"); $got->autoflush(1);
for my $name (qw(HUP INT QUIT USR1 USR2 TERM WINCH ALRM CONT RTMIN)) {
	$SIG{$name} = sub { syswrite($got, "$name\n") } unless ($SIG{$name} // "") eq "IGNORE";
}
open(my $pid, ">", "$ENV{world}/pid"); print $pid $$; close $pid;
syswrite($got, "ready\n");
until (-e "$ENV{world}/stop") { select(undef, undef, undef, 0.02) }
exit 7;
END
}

got() { grep -qx "$1" got 2>/dev/null; }

@test "each signal that is sent to the shim reaches podman, once" {
	make_catcher
	podman run image &
	shim=$!
	until_true got ready
	for signal in HUP USR1 USR2 TERM WINCH CONT RTMIN; do
		kill -s "$signal" "$shim"
		until_true got "$signal"
	done
	: >stop
	status=0
	wait "$shim" || status=$?
	[ "$status" -eq 7 ]
	[ "$(sort got | uniq -d)" = "" ]
}

@test "a signal that is ignored stays so in podman, and one that is blocked stays that" {
	for program in "$real/podman" podman; do
		perl -e 'use POSIX; $SIG{HUP} = $SIG{CHLD} = $SIG{PIPE} = "IGNORE";
			sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1, SIGCHLD, SIGTERM)); exec @ARGV' \
			"$program" run image
		keep_record "signals-${program##*/}-${program%%/*}"
	done
	cmp "$world/signals-podman-/signals" "$world/signals-podman-podman/signals"
}

@test "podman dies of a signal, and so does the shim, without a core" {
	ulimit -c unlimited
	for signal in 1 2 9 11 13 15; do
		status=0
		(exec env STAND_IN_SIGNAL=$signal "$real/podman" run image) || status=$?
		[ "$status" -eq $((128 + signal)) ]
		status=0
		(exec env STAND_IN_SIGNAL=$signal podman run image) || status=$?
		[ "$status" -eq $((128 + signal)) ]
	done
	# the stand-in's own may be there, where the kernel writes them into the directory
	for core in core*; do
		[ ! -e "$core" ] || [[ $(tr '\0' '\n' <"$core" | grep -c podman-shim.lock) -eq 0 ]]
	done
}

@test "podman that is stopped stops the shim, and goes on with it" {
	make_catcher
	podman run image &
	shim=$!
	until_true got ready
	kill -STOP "$(<pid)"
	until_true state_is "$shim" T
	kill -CONT "$shim"
	until_true state_is "$shim" SR
	until_true state_is "$(<pid)" SR
	: >stop
	status=0
	wait "$shim" || status=$?
	[ "$status" -eq 7 ]
}

# bats test_tags=linux
@test "podman is killed with the shim" {
	make_catcher
	podman run image &
	shim=$!
	until_true got ready
	kill -KILL "$shim"
	until_true gone "$(<pid)"
}

# on_terminal SCENARIO: natively and through the shim, what terminal.exp does
on_terminal() {
	local program
	mkdir -p got-real got-shim
	for program in "$real/podman" "$shim/podman"; do
		rm -f got stop
		timeout 60 expect "$tests/programs/terminal.exp" "$1" "$program" >terminal 3>&- || {
			cat terminal
			return 1
		}
		sort got >"got-${program#"$world/"}" 2>/dev/null || :
	done
}

@test "Ctrl-C and Ctrl-\\ on a terminal reach podman once" {
	make_catcher
	on_terminal keys
	[ "$(<got-shim/podman)" = $'INT\nQUIT\nready' ]
	cmp got-real/podman got-shim/podman
}

# bats test_tags=linux
@test "Ctrl-Z stops the job, and fg continues it" {
	make_catcher
	on_terminal stop
	# the shell continues the job, and the shim podman: that may be told twice
	cmp <(uniq got-real/podman) <(uniq got-shim/podman)
}

# bats test_tags=linux
@test "Ctrl-Z, bg, fg and Ctrl-Z again do what they do natively" {
	make_catcher
	on_terminal again
	cmp <(uniq got-real/podman) <(uniq got-shim/podman)
}

@test "a background job that writes to the terminal stops where the terminal wants that" {
	rm "$real/podman"
	make_script "$real/podman" <<'END'
#!/bin/bash
[ "$1" != --version ] || { echo podman version 4.3.1; exit; }
echo ready >"$world/got"
[ ! -e "$world/ignore" ] || trap '' TTOU
echo written >&2
until [ ! -e "$world/ignore" ] || [ -e "$world/stop" ]; do sleep 0.05; done
END
	on_terminal writes
	: >ignore
	on_terminal writes-unstopped
}

@test "a background job that reads the terminal stops" {
	rm "$real/podman"
	make_script "$real/podman" <<'END'
#!/bin/sh
[ "$1" != --version ] || { echo podman version 4.3.1; exit; }
echo ready >"$world/got"
read -r line
echo "read:$line"
END
	on_terminal background
}

@test "the window's new size is told to podman once" {
	make_catcher
	on_terminal resize
	[ "$(<got-shim/podman)" = $'WINCH\nready' ]
	cmp got-real/podman got-shim/podman
}

@test "a signal that is blocked or ignored where the shim begins reaches podman, to do with as it likes" {
	make_catcher
	sed -i 's/ unless .*IGNORE";/;/' "$real/podman" # podman, a Go program, listens all the same
	sed -i '3i POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), POSIX::SigSet->new(POSIX::SIGTERM())) if $ARGV[0] eq "run";' "$real/podman"
	perl -e 'use POSIX; $SIG{HUP} = "IGNORE"; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM));
		exec @ARGV' podman run image &
	until_true got ready
	kill -HUP $!
	until_true got HUP
	kill -TERM $!
	until_true got TERM
	: >stop
	wait $! || [ $? -eq 7 ]
}

@test "an alarm clock that the caller has set goes off in podman" {
	make_catcher
	perl -e '$SIG{ALRM} = "DEFAULT"; alarm 6; exec @ARGV' podman run image &
	until_true got ALRM
	: >stop
	wait $! || [ $? -eq 7 ]
}

@test "a terminal that hangs up tells podman, where that was to lead the session" {
	make_catcher
	for program in "$real/podman" podman; do
		rm -f got
		# the terminal goes with script(1), whose child leads the session
		timeout -s KILL 20 script -qec "exec $program run image" /dev/null >/dev/null 2>&1 <&- &
		until_true got ready
		pkill -KILL -P $! -x script || kill -KILL "$(pgrep -f "^script -qec exec $program run image")"
		until_true got HUP
	done
	: >stop
}

@test "LISTEN_PID names podman" {
	# shellcheck disable=SC2016 # expanded there
	bash -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec podman run image' 3</dev/null
	recorded environ | grep -x "LISTEN_PID=$(recorded pid)"
	LISTEN_FDS=1 LISTEN_PID=1 podman run image
	recorded environ | grep -x LISTEN_PID=1
}

@test "descriptors are as the caller has them, also those that are closed" {
	for closed in '5</dev/null 9>/dev/null 200<&0' '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-'; do
		eval "'$real/podman' run image $closed"
		keep_record native
		eval "podman run image $closed"
		same_descriptors native/fds "$record/fds"
		rm -rf native
	done
}

@test "each exit status is podman's" {
	for wanted in 0 1 2 124 125 126 127 128 143 255; do
		STAND_IN_STATUS=$wanted run_bounded podman run image
		[ "$status" -eq "$wanted" ]
	done
}

@test "timeout ends a supervised podman as it does natively" {
	make_catcher
	for program in "$real/podman" podman; do
		rm -f got
		timeout -k 60 60 "$program" run image &
		until_true got ready
		kill -ALRM $! # its own: the time is over
		until_true got TERM
		kill -ALRM $!
		status=0
		wait $! || status=$?
		[ "$status" -eq 137 ] || [ "$status" -eq 124 ]
	done
	until_true gone "$(<pid)"
}
