#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# Programs that call podman, and the ways to call it that they have: each does through the shim what
# it does natively, though there every start of a container that sets the sysctl fails.

load common

runtime=/project/tests/racy-runtime

native() { /usr/bin/podman "$@"; }
natively() { PATH=${PATH#"$work/bin:"} "$@"; }

# From now on the runtime fails whatever sets the sysctl.
lose_all() {
	mkdir -p ~/.config/containers
	printf '%s\n' '[engine]' 'runtime = "racy"' '[engine.runtimes]' "racy = [\"$runtime\"]" \
		>~/.config/containers/containers.conf
	echo 1000 >/tmp/racy-runtime/fail-next
}

# Takes away what is there, while the runtime that it was made with is known, and then that.
start_over() {
	clear
	rm -rf ~/.config/containers
}

# outcome NAME COMMAND...: keeps COMMAND's exit status, stdout and stderr in NAME, ids and times apart
outcome() {
	local name=$1 status=0

	shift
	"$@" >"$name.out" 2>"$name.err" </dev/null || status=$?
	{
		echo "exit status $status"
		sed 's/^/stdout: /' "$name.out"
		sed 's/^/stderr: /' "$name.err"
	} | sed -E 's/\b[0-9a-f]{64}\b/LONG-ID/g; s/\b[0-9a-f]{12}\b/SHORT-ID/g
		s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g
		s/[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]+ [0-9:]{8} [A-Z]+ [0-9]{4}/TIME/g' >"$name"
}

# same_outcome COMMAND...: natively, and through the shim while natively all is lost
same_outcome() {
	start_over
	outcome natively natively "$@"
	start_over
	lose_all
	outcome shimmed "$@"
	start_over
	diff natively shimmed
	grep -qx 'exit status 0' shimmed || {
		cat shimmed
		return 1
	}
}

# fails_natively COMMAND...: so that it is known what the shim prevents
fails_natively() {
	lose_all
	outcome lost natively "$@"
	start_over
	cat lost
	grep -q ping_group_range lost
}

compose_file() {
	printf '%s\n' 'services:' '  web:' '    image: localhost/bb' \
		'    command: [busybox, sleep, "100"]' >compose.yaml
}

# compose_session COMMAND...: what people do with a compose file
compose_session() {
	"$@" up -d
	native ps -a --format '{{.Names}} {{.State}} {{.Command}}'
	echo said | "$@" exec -T web busybox cat
	"$@" exec -T web sh -c 'exit 6' || echo "exec: $?"
	"$@" run --rm -T web sh -c 'echo hello; exit 7' || echo "run: $?"
	"$@" down -t 0
	native ps -a --format '{{.Names}}'
	native network ls --format '{{.Name}}'
}

@test "podman-compose's services start, run, exec and go down" {
	compose_file
	same_outcome compose_session podman-compose -p project
	grep -qx 'stdout: project_web_1 running busybox sleep 100' shimmed
	grep -qx 'stdout: run: 7' shimmed
	fails_natively podman-compose -p project up -d
}

# with_service COMMAND...: with DOCKER_HOST leading to a service of podman's
with_service() {
	local status=0 service

	podman system service -t 0 "unix://$work/podman.sock" >service.log 2>&1 3>&- &
	service=$!
	until_true [ -S podman.sock ]
	DOCKER_HOST=unix://$work/podman.sock "$@" || status=$?
	kill "$service"
	wait "$service" || :
	rm -f podman.sock
	return "$status"
}

@test "docker-compose's services start, run, exec and go down, with a service of podman's" {
	compose_file
	same_outcome with_service compose_session docker-compose --ansi never -p project
	grep -qx 'stdout: project-web-1 running busybox sleep 100' shimmed
	grep -qx 'stdout: run: 7' shimmed
}

# 8 at once, each with an output and an exit status of its own
parallel_runs() {
	parallel --will-cite --jobs 8 --keep-order --joblog "$work/log" \
		podman run --rm --network none localhost/bb sh -c "'echo {} said; echo {} complained >&2; exit \$(({} % 3))'" \
		::: {1..8} 2>&1 | grep -v '^parallel: Warning: ' # of a slow machine
	echo "parallel: ${PIPESTATUS[0]}"
	sort -n log | cut -f1,7,8
}

@test "GNU parallel's 8 runs all have their own output and exit status" {
	same_outcome parallel_runs
	grep -qx 'stdout: 8 said' shimmed
	grep -qx 'stdout: parallel: 6' shimmed
	[ "$(grep -c said shimmed)" -eq 8 ]
}

@test "make -j8 gets all its tokens back, and a make below a rule gets the jobserver" {
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		all: 1 2 3 4 5 6 below
		1 2 3 4 5 6:
		> @podman run --rm --network none localhost/bb busybox echo rule $@
		below:
		> +@podman unshare $(MAKE) --no-print-directory left right
		# each waits for the other
		left:
		> @timeout 20 sh -c 'echo >fifo' && echo left
		right:
		> @timeout 20 sh -c 'read x <fifo' && echo right
		bad:
		> @podman run --rm --network none localhost/bb sh -c 'exit 3'
	END
	mkfifo fifo
	many() {
		make -j8 all | sort
		make -j8 bad || [ $? -eq 2 ]
	}
	same_outcome many
	[ "$(grep -c '^stdout: rule\|^stdout: left$\|^stdout: right$' shimmed)" -eq 8 ]
	if grep 'jobserver\|jobs' shimmed; then false; fi
}

@test "a make in a container gets the jobserver of the make outside, by its descriptors" {
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		fds = $(shell echo "$$MAKEFLAGS" | sed -n 's/.*--jobserver-auth=\([0-9]*,[0-9]*\).*/\1/p')
		all:
		> +@podman run --rm --preserve-fd $(fds) -e MAKEFLAGS -v /usr:/usr:ro -v /usr/lib:/lib:ro \
		>	-v /usr/lib64:/lib64:ro -v $(CURDIR)/inside:/inside -w /inside localhost/bb /usr/bin/make --no-print-directory
	END
	mkdir inside
	cat >inside/Makefile <<-'END'
		.RECIPEPREFIX = >
		all: left right
		> @echo both
		left:
		> @busybox timeout 20 sh -c 'echo >fifo'
		right:
		> @busybox timeout 20 sh -c 'read x <fifo'
	END
	mkfifo inside/fifo
	same_outcome make -j8 --jobserver-style=pipe
	[ "$(cat shimmed)" = $'exit status 0\nstdout: both' ]
}

@test "shells complete options, containers and images" {
	complete() {
		native create --name made localhost/bb busybox true >/dev/null
		podman __complete run --
		podman __complete run -d loc
		podman __complete start ''
		podman __complete pod ''
		podman __completeNoDesc container re
		for shell in bash zsh fish powershell; do podman completion $shell; done
	}
	same_outcome complete
	grep -q '^stdout: --rm\b' shimmed
	grep -q '^stdout: localhost/bb' shimmed
	grep -q '^stdout: made\b' shimmed
	grep -q '^stdout: # bash completion' shimmed
}

@test "generate systemd --new makes the same unit" {
	units() {
		podman create --name made --label a=b -p 18080:80 localhost/bb busybox sleep 100
		podman generate systemd --new --name made
		podman run -d --name runs localhost/bb busybox sleep 100
		podman generate systemd --new --files --name --restart-policy always runs
		cat container-runs.service
	}
	same_outcome units
	grep -q '^stdout: ExecStart=/usr/bin/podman run' shimmed
	[ "$(grep -c '^stdout: ExecStart=' shimmed)" -eq 2 ]
}

@test "kube play plays what kube generate has made, kube down takes it down" {
	said_hello() { [ "$(podman logs pod-c)" = hello ]; }
	play() {
		podman pod create --name pod
		podman create --pod pod --name c localhost/bb sh -c 'echo hello; trap exit TERM; busybox sleep 100 & wait'
		podman kube generate pod >pod.yaml
		native pod rm -f pod >/dev/null
		cat pod.yaml
		podman kube play pod.yaml
		until_true said_hello
		is_running pod-c
		podman kube down pod.yaml
		native ps -aq
		sed 's/busybox sleep 100 & wait/exit 3/; s/^spec:/&\n  restartPolicy: Never/' pod.yaml >ends.yaml
		# which may find a container gone that it looks at once more
		podman kube play --wait ends.yaml 2>play.err || return
		sed '/Checking whether service of container .* no such container/d' play.err >&2
	}
	same_outcome play
	fails_natively podman kube play pod.yaml
}

# listening COMMAND...: prints what COMMAND, in a systemd service's place, and its container tell
# NOTIFY_SOCKET, until READY=1, conmon's process number being CONMON; then COMMAND's exit status.
listening() {
	python3 - "$@" <<-'END'
		import os, socket, subprocess, sys

		listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listener.bind("notify")
		listener.settimeout(20)
		environ = dict(os.environ, NOTIFY_SOCKET=os.path.abspath("notify"))
		child = subprocess.Popen(
		    ["sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh", *sys.argv[1:]], env=environ)
		lines = []
		while "READY=1" not in lines:
		    lines += listener.recv(4096).decode().splitlines()
		status = child.wait()
		conmon = subprocess.check_output(
		    ["/usr/bin/podman", "inspect", "-f", "{{.State.ConmonPid}}", "x"], text=True).strip()
		for line in lines:
		    print("CONMON".join(line.rsplit(conmon, 1)))
		print(status)
	END
	rm notify
}

@test "a systemd service is told conmon's process number and that it is ready" {
	notify() { listening podman run -d --name x --sdnotify=conmon "$@" localhost/bb busybox sleep 100; }
	for options in '' '--rm --replace --cgroups=no-conmon'; do
		# shellcheck disable=SC2086 # words
		same_outcome notify $options
		grep -qx 'stdout: MAINPID=CONMON' shimmed
		grep -qx 'stdout: READY=1' shimmed
	done
}

@test "healthchecks see what is healthy and what is not, and a container is restarted for them" {
	state() { podman inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{.State.Status}}' x; }
	check() {
		podman healthcheck run x || echo "healthcheck: $?"
		state
	}
	health() {
		podman run -d --name x --stop-timeout 0 --health-cmd 'busybox test -e /ok' --health-interval disable \
			--health-retries 2 --health-on-failure restart localhost/bb busybox sleep 100
		check
		podman exec x busybox touch /ok
		check
		podman exec x busybox rm /ok
		check
	}
	started_at() { native inspect -f '{{.State.StartedAt}}' x; }
	started_again() { [ "$(started_at)" != "$started" ] && is_running x; }
	restarts() {
		health
		started=$(started_at)
		podman healthcheck run x || echo "healthcheck: $?"
		until_true started_again
	}
	same_outcome restarts
	grep -qx 'stdout: healthy 0 running' shimmed
	grep -qx 'stdout: healthcheck: 1' shimmed
}
