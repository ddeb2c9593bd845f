#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Whether a podman that has failed is executed again, by what it says, and what it answers.

load helpers

a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
b=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
failure='crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument: OCI runtime error'
events='events --stream=false --since=10m --filter=type=container --filter=event=create --filter=event=remove --filter=event=start --filter=event=restart --filter=event=restore --filter=event=died --format={{.Status}} {{.ID}} {{.ContainerExitCode}}'
created='ps --all --no-trunc --quiet --filter=status=created'
system='version --format={{.Client.OsArch}}'

# Puts a Podman into $real that fails as often as $world/fail says, with what is in $world/message, and answers with
# what $world/events, list, containers and so on, as shell scripts, print. In $world/calls is a line for each call.
answering_podman() {
	export world PODMAN_SHIM_BACKOFF_MS=1 PODMAN_SHIM_LOG=$world/log
	make_podman <<-'END'
		printf '%s\n' "$*" | sed 's/inspect --format=.* --/inspect FORMAT --/' >>"$world/calls"
		while [[ $1 == -* ]]; do
			[[ $1 != --connection ]] || shift
			shift
		done
		case "$1 $2" in
		run* | start* | restart* | 'pod start' | 'container run')
			left=$(<"$world/fail")
			((left <= 0)) || { echo $((left - 1)) >"$world/fail"; cat "$world/message" >&2; exit "${STATUS:-126}"; }
			echo worked
			;;
		events* | rm*) . "$world/$1" ;;
		ps*) . "$world/list" ;;
		'container '*) . "$world/$2" ;;
		esac
	END
	for request in events list inspect rm init stop; do : >"$request"; done
	echo 1 >fail
	echo "Error: $failure" >message
}

# What a container is told of as: id, started, whether it is on pasta, name, and the command line behind `podman`; it
# reads stdin if $reads_stdin is true.
told() {
	local id=$1 started=$2 pasta=$3 name=$4
	shift 4
	printf '%s %s 1 0 %s %s %s\x1f%s\x1fpodman' "$id" "$started" "$pasta" "${reads_stdin-false}" "$name" "$failure"
	[ $# -eq 0 ] || printf '\x1f%s' "$@"
	printf '\x1e\n'
}
never=-62135596800

# says ID: the failure of an attached run
says() { echo "Error: preparing container $1 for attach: $failure" >message; }

# answers REQUEST TEXT: with a line
answers() { printf '%s\n' "$2" >"$1.text"; echo 'cat "$world/'"$1"'.text"' >"$1"; }

calls_were() {
	cat calls log 2>/dev/null
	diff <(printf '%s\n' "$@") calls
}

# gives_up REASON COMMAND...: podman's error is the end
gives_up() {
	local reason=$1
	shift
	run_bounded podman "$@"
	cat calls log
	[ "$status" -eq "${STATUS:-126}" ]
	[ -z "$output" ]
	[ "$stderr" = "$(<message)" ]
	[[ $(tail -n 1 log) == *': gave up: '$reason ]]
	grep -c -e '^run' -e '^start' calls | grep -qx 1
}

@test "each branch of the evidence has its verdict" {
	run_bounded "$tests/build/evidence"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *' rows, 0 wrong' ]]
}

@test "what an attached run has left is removed, with its volumes and not by force, before it is repeated" {
	answering_podman
	says $a
	answers events "create $a 0"
	answers inspect "$(told $a $never false n run image x)"
	run_bounded podman run image x
	[ "$status" -eq 0 ]
	[ "$output$stderr" = worked ]
	calls_were 'run image x' "$events" "container inspect FORMAT -- $a" "rm --volumes --ignore -- $a" 'run image x'
}

@test "an attached run whose container podman has removed is repeated after one question" {
	answering_podman
	says $a
	answers events $'create '"$a"$' 0\nremove '"$a 0"
	run_bounded podman run --rm image
	[ "$output$stderr" = worked ]
	calls_were 'run --rm image' "$events" 'run --rm image'
}

@test "questions go where the command went" {
	answering_podman
	says $a
	answers events "create $a 0"
	answers inspect "$(told $a $never false n --url=x --connection y --log-level=info run image)"
	run_bounded podman --url=x --connection y --log-level=info run image
	[ "$output$stderr" = worked ]
	calls_were '--url=x --connection y --log-level=info run image' "--url=x --connection=y $events" \
		"--url=x --connection=y container inspect FORMAT -- $a" "--url=x --connection=y rm --volumes --ignore -- $a" \
		'--url=x --connection y --log-level=info run image'
}

@test "a detached run is repeated once what it has left is removed, whatever names it" {
	answering_podman
	answers inspect "$(told $a $never false n run -d --name n image)"
	run_bounded podman run -d --name n image
	[ "$output$stderr" = worked ]
	calls_were 'run -d --name n image' 'container inspect FORMAT -- n' "rm --volumes --ignore -- $a" 'run -d --name n image'
	rm calls
	echo 1 >fail
	printf %s $a >file
	answers list $a
	answers inspect "$(told $a $never false n run -d --cidfile file image)"
	run_bounded podman run -d --cidfile file image
	[ "$output$stderr" = worked ]
	calls_were 'run -d --cidfile file image' "$created" "container inspect FORMAT -- $a" "rm --volumes --ignore -- $a" 'run -d --cidfile file image'
	[ ! -e file ]
	rm calls
	echo 1 >fail
	answers list $a$'\n'$b
	answers inspect "$(told $b 17 false other run -d image; told $a $never false n run -d image)"
	echo 'exit 125' >>inspect # another, of the list, has gone meanwhile
	run_bounded podman run -d image
	[ "$output$stderr" = worked ]
	calls_were 'run -d image' "$created" "container inspect FORMAT -- $a $b" "rm --volumes --ignore -- $a" 'run -d image'
	rm calls
	echo 1 >fail
	run_bounded podman run -d --rm image
	[ "$output$stderr" = worked ]
	calls_were 'run -d --rm image' 'run -d --rm image'
}

@test "a file of --cidfile is removed if it holds an id and nothing else, whatever else is left" {
	answering_podman
	export PODMAN_SHIM_RETRIES=1
	for content in 'not an id' "$a and more" "$a"; do
		printf %s "$content" >file
		echo 1 >fail
		run_bounded podman run -d --rm --cidfile file image
		[ "$output$stderr" = worked ]
		[ "$content" != "$a" ] || [ ! -e file ]
		[ "$content" = "$a" ] || [ "$(<file)" = "$content" ]
	done
}

@test "start is repeated if there is something to start" {
	answering_podman
	answers inspect "$(told $a 17 false n run image)"
	STATUS=125 run_bounded podman start n
	[ "$output$stderr" = worked ]
	calls_were 'start n' 'container inspect FORMAT -- n' 'start n'
	rm calls
	echo 1 >fail
	echo 'exit 125' >inspect
	STATUS=125 gives_up 'podman does not tell of the container in the form asked for' start n
}

@test "a container that pasta was for is created and taken down before it is started again" {
	answering_podman
	says $a
	answers inspect "$(told $a $never true n create image)"
	# the first creation fails as well
	echo '[ -e again ] || { touch again; cat "$world/message" >&2; exit 125; }; echo Error: nil pointer >&2; exit 125' >init
	STATUS=125 run_bounded podman start --attach n
	[ "$output$stderr" = worked ]
	calls_were 'start --attach n' 'container inspect FORMAT -- n' "container init -- $a" "container init -- $a" \
		"container stop --time=0 --filter=status=initialized --filter id=$a" 'start --attach n'
}

@test "a container that cannot be removed is the end" {
	answering_podman
	says $a
	answers events "create $a 0"
	answers inspect "$(told $a $never false n run image)"
	echo 'exit 2' >./rm
	gives_up 'the container that was left cannot be removed' run image
}

@test "events that fail, or are none, binary or endless, are no evidence" {
	answering_podman
	says $a
	right="echo create $a 0; echo remove $a 0"
	for script in "$right; exit 1" "$right; kill -KILL \$\$" ':' 'exit 125' 'echo ok' 'cat "$world/message"' 'head -c 100000 /dev/urandom' \
		"$right; printf '\\0'; echo start $a 0" "$right; printf x" "$right; exec yes 'create $b 0'" 'exec cat /dev/zero'; do
		echo "$script"
		rm -f calls
		echo 1 >fail
		echo "$script" >events
		gives_up "podman's events *" run --rm image
	done
}

@test "events that are late are no evidence, and nobody waits for them for ever" {
	answering_podman
	says $a
	# it has ended itself, and what it has started may write more
	echo "echo create $a 0; echo remove $a 0; sleep 600 & echo \$! >'$world/left'; exit 0" >events
	SECONDS=0
	gives_up "podman's events do not tell of the container" run --rm image
	((SECONDS >= 9 && SECONDS < 30))
	until_true gone "$(<left)"
}

@test "a question that is not answered yet ends with the shim" {
	answering_podman
	says $a
	echo 'echo $$ >"$world/asked"; exec sleep 200' >events
	podman run --rm image 2>/dev/null &
	until_true test -s asked
	kill $!
	until_true gone "$(<asked)" || { kill "$(<asked)"; false; }
}

@test "a container that podman tells of otherwise than asked is no evidence" {
	answering_podman
	says $a
	answers events "create $a 0"
	right=$(told $a $never false n run image)
	for script in ':' 'echo ok' "echo '$right'; echo '$right'" "printf %s '$right'" 'head -c 100000 /dev/urandom' 'exec cat /dev/zero' \
		"printf '%s\\0\\n' '$right'" "kill -KILL \$\$"; do
		echo "$script"
		rm -f calls
		echo 1 >fail
		echo "$script" >inspect
		gives_up 'podman does not tell of the container in the form asked for' run image
	done
}

@test "what is created and never started may be many, or told of wrongly: a detached run is repeated" {
	answering_podman
	for script in 'exit 125' 'for i in $(seq 300); do printf "%064x\n" $i; done' 'exec cat /dev/zero' 'head -c 10000 /dev/urandom' 'echo --all'; do
		echo "$script"
		rm -f calls
		echo 1 >fail
		echo "$script" >list
		run_bounded podman run -d image
		cat calls
		[ "$output$stderr" = worked ]
		! grep -q '^rm' calls
		[[ $script != for* ]] || ! grep -q '^container inspect' calls
	done
}

# A stand-in as of people's tests: it prints its version, fails as often as $world/fail says, and else does $1.
silent_stand_in() {
	export world PODMAN_SHIM_BACKOFF_MS=1
	rm -f "$real/podman"
	make_script "$real/podman" <<-END
		#!/bin/bash
		[[ \$1 != --version ]] || { echo podman version 5.4.2; exit; }
		printf '%s\n' "\$*" >>"$world/calls"
		case \$1 in
		run | start)
			grep -q default_sysctls "\$CONTAINERS_CONF_OVERRIDE" || exit 99
			left=\$(<"$world/fail")
			((left > 0)) || exit 0
			echo \$((left - 1)) >"$world/fail"
			echo 'Error: OCI runtime error: $failure' >&2
			exit 126
			;;
		esac
		$1
	END
}

@test "a script that needs a terminal to reach podman shows nothing" {
	silent_stand_in 'exit 1'
	export PODMAN_SHIM_LOG=$world/log
	sed -i 's/{ echo podman version 5.4.2; exit; }/exit 1/' "$real/podman"
	echo 1 >fail
	sed -i 's/ || exit 99//' "$real/podman"
	run_bounded podman run image
	[ "$status" -eq 126 ]
	calls_were 'run image' "$system"
}

@test "a Podman behind a script that passes no override on is asked, and has the last word" {
	silent_stand_in '[[ $1 != version ]] || echo linux/amd64; [[ $1 != events ]] || exit 125'
	export PODMAN_SHIM_LOG=$world/log
	echo 1 >fail
	run_bounded podman run image
	[ "$status" -eq 126 ]
	[[ $(tail -n 1 log) == *': gave up: the message names no container' ]]
	sed -i 's/Error: OCI runtime error:/Error: preparing container '$a' for attach:/' "$real/podman"
	rm calls
	echo 1 >fail
	run_bounded podman run image
	[ "$status" -eq 126 ]
	[[ $(tail -n 1 log) == *": gave up: podman's events do not tell of the container" ]]
	calls_were 'run image' "$system" "$events"
}

@test "start -a behind a script is repeated, but not if that may have read the container's stdin from a pipe" {
	silent_stand_in '[[ $1 != version ]] || echo linux/amd64; [[ $1 != container ]] || cat '"$world"'/container'
	export PODMAN_SHIM_LOG=$world/log
	sed -i 's/Error: OCI runtime error:/Error: preparing container '$a' for attach:/' "$real/podman"
	told $a $never false n >container
	echo 1 >fail
	run_bounded podman start -a n < <(sleep 0.1)
	[ "$status" -eq 0 ]
	reads_stdin=true told $a $never false n >container
	echo 1 >fail
	run_bounded podman start -a n </dev/null
	[ "$status" -eq 0 ]
	echo 1 >fail
	run_bounded podman start -a n < <(sleep 0.1)
	[ "$status" -eq 126 ]
	[[ $(tail -n 1 log) == *': gave up: stdin may have been read' ]]
}
