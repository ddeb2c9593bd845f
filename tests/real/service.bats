#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# `podman system service`, started through the shim: its clients' containers are protected, too.

load common

runtime=/project/tests/racy-runtime

# Starts PODMAN as a service on $work/podman.sock.
start_service() {
	"$1" --runtime "$runtime" system service -t 0 "unix://$work/podman.sock" >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	race 0
}

none_serves() { ! pgrep -f "system service -t 0" >/dev/null; }

stop_service() {
	pkill -f "system service -t 0" || :
	until_true none_serves
}

client() { CONTAINER_HOST=unix://$work/podman.sock /usr/bin/podman-remote "$@"; }

@test "of many containers that clients create at once none fails, and natively most do" {
	run=(client run --network none -d localhost/bb busybox sleep 100)
	start_service native
	race 10
	[ "$(at_once "${run[@]}")" -ge $((many / 2)) ]
	stop_service
	native rm -aft 0
	rm -f podman.sock
	start_service podman
	[ "$(at_once "${run[@]}")" -eq 0 ]
	[ "$(native ps -q | wc -l)" -eq "$many" ]
	stop_service
}

@test "containers of clients are cleaned up, and see nothing of the shim's" {
	start_service podman
	run client run --rm localhost/bb sh -c 'busybox env; busybox ls /proc/self/fd; busybox cat /proc/sys/net/ipv4/ping_group_range'
	[ "$status" -eq 0 ]
	[[ $output != *CONTAINERS_* && $output != *SHIM* && $output == *$'0\t0'* ]]
	client run -d --rm --name x localhost/bb busybox sleep 100
	run tr '\0' '\n' <"/proc/$(native inspect -f '{{.State.ConmonPid}}' x)/environ"
	[[ $output != *CONTAINERS_CONF* && $output != *SHIM* ]]
	client kill x
	until_true no_containers
	printf '%s\n' 'FROM localhost/bb' 'RUN ["busybox", "true"]' >Containerfile
	client build -q .
	stop_service
	until_true no_remains
}

@test "a service that is started by its socket serves it" {
	cat >activate.pl <<-'END'
		use IO::Socket::UNIX;
		use POSIX ();
		my $socket = IO::Socket::UNIX->new(Local => "podman.sock", Listen => 5) or die;
		# a copy of it is not close-on-exec, a descriptor of its own number would be
		POSIX::dup2(fileno($socket), 20);
		POSIX::dup2(20, 3);
		$ENV{LISTEN_FDS} = 1;
		$ENV{LISTEN_PID} = $$;
		exec @ARGV;
	END
	perl activate.pl podman --runtime "$runtime" system service -t 0 >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	lose_all
	[ "$(client run --rm localhost/bb busybox echo hello)" = hello ]
	client run -d --name x localhost/bb busybox sleep 100
	[ "$(client exec x busybox echo again)" = again ]
	stop_service
}

# the runtime fails whatever sets the sysctl
lose_all() { echo 1000 >/tmp/racy-runtime/fail-next; }
