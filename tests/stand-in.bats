#!/usr/bin/env bats
# bats file_tags=linux
# shellcheck disable=SC2089,SC2090 # $ANSWER is a script
# What stands in podman's place: a script that only knows its version, or one that leads to a podman.

load helpers

setup() {
	make_world
	export world PODMAN_SHIM_BACKOFF_MS=1
}

# Puts a script into $real that knows its version and fails the first $FAILS calls of run and start;
# to all other words, which are noted as questions, it answers with $ANSWER.
make_three_liner() {
	rm "$real/podman"
	make_script "$real/podman" <<'END'
#!/bin/sh
if [ "$1" = --version ]; then echo version >>"$world/questions"; echo podman version 5.4.2; exit; fi
case $1 in run | start) ;; *) echo "$*" >>"$world/questions"; eval "$ANSWER"; exit ;; esac
echo "$*" >>"$world/calls"
cat "${CONTAINERS_CONF_OVERRIDE:-/dev/null}" >"$world/override"
[ "$(wc -l <"$world/calls")" -le "$FAILS" ] || exit 0
echo 'Error: OCI runtime error: crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument' >&2
exit 126
END
}

@test "a script that fails N times is called N + 1 times, whatever it answers" {
	make_three_liner
	export FAILS ANSWER
	# shellcheck disable=SC2016 # for the script
	for ANSWER in : 'exit 1' 'echo ok' 'echo Error: OCI ping_group_range >&2; exit 125' 'cat "$CONTAINERS_CONF_OVERRIDE"'; do
		# what it answers makes no difference but to the first question
		[ "$ANSWER" = : ] && counts='0 1 2 3 4' || counts='1 4'
		for command in 'run image' 'run --rm image' 'run --name x image' 'run -d image' 'start x' 'start -a x'; do
			for FAILS in $counts; do
				rm -f calls questions
				# shellcheck disable=SC2086 # words
				run_bounded podman $command
				printf '%s, %s failures, %s: status %s, stderr: %s\n' "$command" "$FAILS" "$ANSWER" "$status" "$stderr"
				[ "$status" -eq $((FAILS < 4 ? 0 : 126)) ]
				[ "${#stderr_lines[@]}" -eq $((FAILS < 4 ? 0 : 2)) ]
				[ "$(wc -l <calls)" -eq $((FAILS < 4 ? FAILS + 1 : 4)) ]
				[ "$(sort -u calls)" = "$command" ]
				[ "$(wc -l <questions)" -le 2 ]
				grep -q default_sysctls override
			done
		done
	done
}

@test "a script that leads to a podman, and fails when that is asked, is in doubt one whose container has run" {
	make_three_liner
	export FAILS=1 ANSWER
	for ANSWER in 'echo "sudo: a password is required" >&2; exit 1' 'echo "ssh: no route" >&2; exit 255' 'echo "Error: unable to connect to Podman socket" >&2; exit 125'; do
		rm -f calls
		run_bounded podman run --rm image
		printf '%s: status %s, stderr: %s\n' "$ANSWER" "$status" "$stderr"
		[ "$status" -eq 126 ]
		[ "$(wc -l <calls)" -eq 1 ]
	done
}

@test "with -i nothing is repeated that has read stdin, or may have, as a script may that leads elsewhere" {
	make_three_liner
	export FAILS=1 ANSWER=:
	echo words >file
	expect_with() {
		for command in 'run -i' 'run -it' 'start -ai'; do
			rm -f calls
			run_bounded bash -c "podman $command image $2"
			printf '%s %s: status %s\n' "$command" "$2" "$status"
			[ "$status" -eq "$1" ]
		done
	}
	expect_with 0 '<file'
	expect_with 0 '</dev/null'
	expect_with 0 '<&-'
	expect_with 126 '< <(sleep 0.1)'
	sed -i '$i read -r word' "$real/podman"
	expect_with 126 '<file'
	expect_with 0 '</dev/null'
	rm calls
	timeout 20 script -qec 'podman run -i image' /dev/null <<<x >/dev/null
}

@test "what gives its container no stdin is repeated, though others have read from it" {
	make_three_liner
	export FAILS=1 ANSWER=:
	echo words >file
	sed -i '$i read -r word' "$real/podman"
	for command in 'run -d' run start; do
		rm -f calls
		# shellcheck disable=SC2086 # words
		podman $command image <file
	done
}

# leads_to_podman: a script on standard input in podman's place starts what is in $world/inner, once, with success
leads_to_podman() {
	mkdir -p inner
	[ -e inner/podman ] || mv "$real/podman" inner/podman
	rm -f "$real/podman" "$record"/*
	make_script "$real/podman"
	PODMAN_SHIM_DEBUG=1 run_bounded podman run --rm image
	printf 'status %s, output: %s, stderr: %s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 1 ]
	run_bounded podman run --rm image
	[ -z "$output$stderr" ]
}

@test "a script that executes podman gives it the override" {
	leads_to_podman <<<"#!/bin/sh
		exec $world/inner/podman \"\$@\""
	grep -q default_sysctls "$record/override"
	leads_to_podman <<<"#!/bin/sh
		$world/inner/podman \"\$@\""
	grep -q default_sysctls "$record/override"
}

@test "a launcher in C gives podman the override" {
	make -s -C "$tests/.." tests/build/trampoline
	leads_to_podman <<<"#!/bin/sh
		TRAMPOLINE_TARGET=$world/inner/podman exec $tests/build/trampoline \"\$@\""
	cp "$tests/build/trampoline" "$real/podman"
	TRAMPOLINE_TARGET=$world/inner/podman podman run image
	[ "$(count runs)" -eq 3 ]
	grep -q default_sysctls "$record/override"
}

@test "a script by which no descriptor, or no variable, reaches podman works as without the shim" {
	leads_to_podman <<<"#!/usr/bin/python3
import subprocess, sys
sys.exit(subprocess.call(['$world/inner/podman', *sys.argv[1:]]))"
	lacks CONTAINERS_CONF_OVERRIDE environ
	leads_to_podman <<<"#!/bin/sh
		exec env -i STAND_IN=$record $world/inner/podman \"\$@\""
	lacks CONTAINERS_CONF_OVERRIDE environ
}

@test "conmon is found where only a script's podman finds it" {
	need_own_conmon
	mkdir -p inner/libexec
	mv "$real/conmon" inner/libexec/conmon
	export STAND_IN_CONMON='-c ID'
	leads_to_podman <<<"#!/bin/sh
		PATH=$world/inner/libexec:\$PATH exec $world/inner/podman \"\$@\""
	printf '%s\0' "$world/inner/libexec/conmon" -c ID | cmp - "$record/conmon.argv"
	lacks '^CONTAINERS_CONF\|^_PODMAN_SHIM' conmon.environ

	leads_to_podman <<<"#!/bin/sh
		[ \"\$1\" != --version ] || { echo podman version 5.4.2; exit; }
		PATH=$world/inner/libexec:\$PATH exec $world/inner/podman \"\$@\""
	printf '%s\0' "$world/inner/libexec/conmon" -c ID | cmp - "$record/conmon.argv"
	lacks '^CONTAINERS_CONF\|^_PODMAN_SHIM' conmon.environ

	printf '[engine]\nconmon_path = ["%s"]\n' "$world/inner/libexec/conmon" >inner/containers.conf
	leads_to_podman <<<"#!/bin/sh
		CONTAINERS_CONF=$world/inner/containers.conf exec $world/inner/podman \"\$@\""
	printf '%s\0' "$world/inner/libexec/conmon" -c ID | cmp - "$record/conmon.argv"
	lacks '^CONTAINERS_CONF_OVERRIDE\|^_PODMAN_SHIM' conmon.environ
}

@test "the lock is for what was not seen to give a podman the override" {
	make_podman <<<'echo run >>"$world/runs"'
	export PODMAN_SHIM_DEBUG=1
	run_bounded podman run image
	[[ $stderr != *"lock: "*"taken"* ]]
	make_three_liner
	FAILS=0 run_bounded podman run image
	[[ $stderr == *"lock: "*"taken"* ]]
}

@test "a shim to which a script leads back does not wait for the lock that is held for the script" {
	mkdir inner
	mv "$real/podman" inner/podman
	make_script "$real/podman" <<-END
		#!/bin/sh
		[ "\$1" != --version ] || { echo podman version 5.4.2; exit; }
		echo "\$_PODMAN_SHIM_LOCKED" >"$world/locked"
		exec env CONTAINER_HOST=unix:///service PODMAN_SHIM_REAL=$world/inner/podman "$shim/podman" "\$@"
	END
	PODMAN_SHIM_LOCK_HOLD=60 run_bounded podman run image
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(<locked)" = 1 ]
	[ "$(count runs)" -eq 1 ]
}

@test "the question for the version opens no window that asks for a password" {
	export world
	rm "$real/podman"
	make_script "$real/podman" <<-'END'
		#!/bin/sh
		echo "$1 ${SSH_ASKPASS_REQUIRE-}" >>"$world/asked"
		echo podman version 5.4.2
	END
	podman run image
	[ "$(<asked)" = $'--version never\nrun ' ]
	rm asked
	SSH_ASKPASS_REQUIRE=force podman run image
	[ "$(<asked)" = $'--version force\nrun force' ]
}
