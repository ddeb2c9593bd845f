#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for other shells; helpers.bash sets them
# What users read says what the program does.

load helpers

# Prints the settings that --shim-help tells of, a line each: NAME: VALUES: MEANING
settings() { podman --shim-help | sed -n '/^  PODMAN_SHIM/{N; s/^  //; s/\n */: /; p;}'; }

@test "the README's table of settings is that of --shim-help" {
	[ "$(settings | wc -l)" -eq 9 ]
	sed -n 's/^| `\(PODMAN_SHIM_[A-Z_]*\)` | \(.*\) | \(.*\) |$/\1: \2: \3/p' "$tests/../README.md" |
		tr -d '`' | diff - <(settings)
}

@test "the manual page has an entry for each setting, and none for others" {
	sed -n 's/^\.It Ev \(PODMAN_SHIM_[A-Z_]*\)$/\1/p' "$tests/../man/podman-shim.1" | sort |
		diff - <(settings | sed 's/:.*//' | sort)
}

@test "each line that the README shows of the log is one that the shim writes" {
	mapfile -t lines < <(sed -nE 's/^    20[0-9T:-]*Z [0-9]+ podman [a-z]+: ([a-z ]+): .*/\1/p' "$tests/../README.md")
	[ "${lines[*]}" = 'retry rescue gave up wait fallback' ]
	[ "$(grep '^    20' "$tests/../README.md" | grep -c ': rescue: ')" -eq 1 ]
	for event in "${lines[@]}"; do
		grep -rq "record(.*\"$event\"" "$tests/../podman-shim.c" "$tests/../src"
	done
}

# Prints what README.md has in LANGUAGE, a NUL after each block.
blocks() {
	awk -v begin="\`\`\`$1" '$0 == begin { within = 1; next } /^```$/ { if (within) printf "%c", 0; within = 0 } within' \
		"$tests/../README.md"
}

# What README.md's commands find: the sources, a machine to install on, and a podman.
make_machine() {
	mkdir -p podman-shim machine "$HOME"
	cp -pr "$tests/../Makefile" "$tests/../man" "$tests/../systemd" "$tests/../podman-shim.c" "$tests/../src" "$binary" podman-shim
	export PREFIX=$world/machine
	PATH=$PREFIX/bin:$real:$programs
}

sudo() { "$@"; }

make() {
	case "$*" in
	try | check) grep -q "^step .* make $*\b" "$tests/../.ci/run" ;;
	*) command make -s "$@" ;;
	esac
}

# is_shim WORD PATH: WORD is executed from PATH, and is the shim
is_shim() {
	hash -r
	[ "$(type -P "$1")" = "$2" ]
	[ "$("$2" --shim-version)" = "$("$binary" --shim-version)" ]
}

@test "the README's commands work in their order, and those that remove it leave podman as it was" {
	local block removal inode

	make_machine
	cd podman-shim
	mapfile -d '' -t all < <(blocks sh)
	[ "${#all[@]}" -eq 10 ]
	for block in "${all[@]}"; do
		block=${block//\/usr\/local/$PREFIX}
		printf '%s\n' "$block"
		case $block in
		*'make try'*) eval "$block" ;;
		*'make install PREFIX="$HOME/.local"'*)
			PATH=$real:$programs
			eval "$block"
			is_shim podman "$HOME/.local/libexec/podman-shim/podman"
			[ -x "$HOME/.local/bin/podman-shim" ]
			;;
		*'export PATH='*)
			PATH=$PREFIX/bin:$real:$programs
			eval "$block" | tee status
			grep -q '^protected: yes' status
			eval "${block%%$'\n'*}"
			is_shim podman "$PREFIX/libexec/podman-shim/podman"
			;;
		*podman.new*)
			inode=$(stat -c %i "$PREFIX/bin/podman")
			eval "$block"
			[ "$(stat -c %i "$PREFIX/bin/podman")" != "$inode" ]
			is_shim podman "$PREFIX/bin/podman"
			;;
		*alias*)
			bash -O expand_aliases -c "$block"$'\npodman --shim-version' | grep -qx "$("$binary" --shim-version)"
			;;
		*uninstall*) removal=$block ;;
		*--shim-status*)
			PATH=$PREFIX/bin:$real:$programs
			eval "$block" >status
			[ "$(grep -c '^protected: yes' status)" -eq 2 ]
			grep -q '^check: ' status
			eval "$(tail -n 1 <<<"${block%$'\n'}")" | python3 -c 'import json, sys; json.load(sys.stdin)'
			lacks --shim argv
			;;
		*bin/podman$'\n')
			rm -f "$PREFIX/bin/podman"
			PATH=$PREFIX/bin:$real:$programs
			eval "$block"
			is_shim podman "$PREFIX/bin/podman"
			;;
		*)
			PATH=$PREFIX/bin:$real:$programs
			eval "$block"
			is_shim podman-shim "$PREFIX/bin/podman-shim"
			;;
		esac
	done
	eval "$removal"
	make uninstall PREFIX="$HOME/.local"
	hash -r
	[ "$(type -P podman)" = "$real/podman" ]
	[ -z "$(find "$PREFIX" "$HOME/.local" ! -type d)" ]
}

@test "the README's line for a Containerfile puts the shim ahead of podman" {
	local from to

	make_machine
	mapfile -d '' -t all < <(blocks Dockerfile)
	[ "${#all[@]}" -eq 1 ]
	read -r instruction from to <<<"${all[0]}"
	[ "$instruction" = COPY ]
	mkdir -p "$PREFIX/bin"
	cp "podman-shim/$from" "${to/#\/usr\/local/$PREFIX}"
	is_shim podman "$PREFIX/bin/podman"
}

@test "the README's snippets for CI put the shim ahead of podman" {
	make_machine
	mapfile -d '' -t snippets < <(blocks yaml)
	[ "${#snippets[@]}" -eq 2 ]
	for snippet in "${snippets[@]}"; do
		rm -rf "$HOME/.local" "${record:?}"/*
		export GITHUB_PATH=$world/github-path
		: >"$GITHUB_PATH"
		# what the steps after it have in PATH
		sed -n 's/^- run: /PATH=$(<"$GITHUB_PATH"):$PATH\n/p; s/^    \(- \)\{0,1\}//p' <<<"$snippet" >script
		[ "$(wc -l <script)" -ge 3 ]
		cat script
		bash -eu script
		[ "$(count runs)" -eq 1 ]
		[ "$(override_descriptor)" = 100 ]
		recorded argv | diff - <(printf '%s\n' podman run --rm docker.io/library/alpine true)
	done
}

@test "the manual page's examples work" {
	ln -s "$binary" "$shim/podman-shim"
	sed -n 's/^\$ //p' "$tests/../man/podman-shim.1" >examples
	[ "$(wc -l <examples)" -eq 3 ]
	PATH=$shim:$real:$programs run_bounded bash -eu -O expand_aliases examples
	[ "$status" -eq 0 ]
	[ "$(count runs)" -eq 2 ]
	[[ $stderr == *'podman-shim: plan: override'* ]]
}

@test "each message that the README explains is one that the shim has" {
	sed -n '/^## Troubleshooting/,/^## License/s/^| `\([^`]*\)`.*/\1/p' "$tests/../README.md" >messages
	[ "$(wc -l <messages)" -ge 4 ]
	while read -r message; do
		case $message in
		'podman: unknown flag: --shim-status') ;; # podman's own
		*…*) grep -q 'warn("lock: %s: not free after %d s' "$tests"/../src/*.c ;;
		*) grep -qF "$message" "$tests"/../podman-shim.c "$tests"/../src/*.c ;;
		esac
	done <messages
}
