#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # for other shells; helpers.bash sets them
# What users read says what the program does.

load helpers

readme=$tests/../README.md
manual=$tests/../man/podman-shim.1
design=$tests/../man/podman-shim.7
sources=("$tests/../podman-shim.c" "$tests/../src")

# Prints the settings that --shim-help tells of, a line each: NAME: VALUES: MEANING
settings() { podman --shim-help | sed -n '/^  PODMAN_SHIM/{N; s/^  //; s/\n */: /; p;}'; }

# section NAME FILE: prints that section of a manual page
section() { awk -v name=".Sh $1" '/^\.Sh / { within = $0 == name } within' "$2"; }

# items FILE: prints what its list items are about, a line each
items() { sed -n 's/^\.It \(Cm \)\{0,1\}//p' | tr -d '"'; }

@test "README.md is read in three minutes" {
	[ "$(wc -l <"$readme")" -le 150 ]
}

@test "the README's settings are those of --shim-help" {
	sed -n 's/^| `\(PODMAN_SHIM_[A-Z_]*\)` | \(.*\) | \(.*\) |$/\1: \2: \3/p' "$readme" >rows
	[ "$(wc -l <rows)" -eq 3 ]
	while IFS= read -r row; do settings | grep -qxF "$row"; done <rows
}

@test "the manual has an entry for each setting, with its values, and none for others" {
	local name values rest word

	sed -n 's/^\.It Ev \(PODMAN_SHIM_[A-Z_]*\)$/\1/p' "$manual" | diff - <(settings | sed 's/:.*//')
	while IFS=: read -r name values rest; do
		sed -n "/^\.It Ev $name$/,/^\.It Ev/p" "$manual" >entry
		while read -r word; do
			grep -qw -- "$word" entry || fail "$name: $word"
		done < <(grep -oE '[0-9]+|auto|override|lock|off' <<<"$values")
	done < <(settings)
}

@test "the manual tells of each event that the shim adds to its log, and of no other" {
	section LOG "$manual" | items | sort | diff - <(grep -rhoP 'record\("\K[^"]+' "${sources[@]}" | sort -u)
}

@test "the design page has each reason against the override, in the program's words and order" {
	section 'WHEN THE OVERRIDE IS NOT USED' "$design" | items |
		diff - <(sed -n '/} reasons\[\] = {$/,/^\t};$/s/^.*"\(.*\)" },$/\1/p' "$tests/../src/plan.c")
}

@test "the design page has each reason against a retry, in the program's words" {
	section 'WHAT IS NOT RETRIED' "$design" | items | sort | diff - <({
		sed -n '/^static const char \*why_no_retries/,/^}/p' "$tests/../src/plan.c" | grep -oP 'return (text\()?"\K.*?(?=(: %s)?")'
		grep -oP '(refuse\(|return |why_not = |: )"\K[a-z][^"]*' "$tests/../src/evidence.c"
		sed -n '/^static const char \*wait_for_retry/,/^}/p' "$tests/../src/supervise.c" | grep -oP 'return "\K[^"]*'
		sed -n '/^static const char \*make_room/,$p' "$tests/../src/runtime.c" |
			grep -oP '(return |why = |\[\] = )"\K[a-z][^"]*'
	} | sort -u)
}

@test "the README's ratios are those of the design page's table" {
	local table

	table=$(section MEASURED "$design" | grep -oE '[0-9]+\.[0-9]{3}$' | xargs printf '%.2f\n')
	sed -n '/^## What it costs/,/^## Settings/s/.*| \([0-9.]*\) |$/\1/p' "$readme" >ratios
	[ "$(wc -l <ratios)" -eq 5 ]
	while read -r ratio; do grep -qxF "$ratio" <<<"$table"; done <ratios
}

@test "each message that the README explains is one that the shim has" {
	sed -n '/^## If something/,/^## Read on/s/^| `\([^`]*\)` | .*/\1/p' "$readme" >messages
	grep -v 'unknown flag: --shim-status' messages | grep . >own # that one is podman's
	while read -r message; do
		grep -rqF "$message" "${sources[@]}" || [[ $message == ping ]]
	done <own
}

# Prints what README.md has in LANGUAGE, a NUL after each block.
blocks() {
	awk -v begin="\`\`\`$1" '$0 == begin { within = 1; next } /^```$/ { if (within) printf "%c", 0; within = 0 } within' \
		"$readme"
}

# Prints the commands of the manual's subsection NAME.
examples() {
	awk -v name=".Ss $1" '/^\.S[sh] / { within = $0 == name } within' "$manual" |
		sed -n '/^[$#] /{:more; /\\e$/{N; s/\\e\n//; b more;}; s/^. //p;}'
}

# What a user has: the sources, a machine to install on, and a podman.
make_machine() {
	mkdir -p sources machine "$HOME"
	cp -pr "$tests/../Makefile" "$tests/../man" "${sources[@]}" "$binary" sources
	export PREFIX=$world/machine
	mkdir -p "$PREFIX"
	PATH=$PREFIX/bin:$real:$programs
	cd sources || return
}

# The user's commands that are not run as they are.
sudo() { "$@"; }
dnf() { :; }
systemctl() { echo "$*" >>"$world/systemctl"; }
make() {
	case "$*" in
	try | check) grep -q "^step .* make $*\b" "$tests/../.ci/run" ;;
	*) command make -s "$@" ;;
	esac
}

# Runs commands of a user on that machine.
use() {
	local commands=${1//\/usr\/local/$PREFIX}

	commands=${commands//\/etc\//$world/etc/}
	printf '%s\n' "$commands"
	hash -r
	eval "$commands"
	hash -r
}

# is_shim WORD PATH: WORD is executed from PATH, and is the shim
is_shim() {
	hash -r
	[ "$(type -P "$1")" = "$2" ]
	[ "$("$2" --shim-version)" = "$("$binary" --shim-version)" ]
}

# serves DIRECTORY: systemd finds there what starts the service through the shim
serves() {
	local command file=$1/podman.service.d/podman-shim.conf

	command=$(sed -n 's/^ExecStart=\([^ ]\{1,\}\) \$LOGGING system service$/\1/p' "$file")
	[ "$("$command" --shim-version)" = "$("$binary" --shim-version)" ]
	grep -q 'daemon-reload' "$world/systemctl"
	rm -r "$1/podman.service.d" "$world/systemctl"
}

# The same for Quadlet, for which Podman's pkg/systemd/quadlet/podmancmdline.go reads the variable.
names_shim() {
	local PODMAN

	eval "$(grep -v '^#' "$HOME/.config/environment.d/podman-shim.conf")"
	[ "$("$PODMAN" --shim-version)" = "$("$binary" --shim-version)" ]
	rm -r "$HOME/.config/environment.d"
}

@test "the README's commands work, in their order" {
	make_machine
	mapfile -d '' -t all < <(blocks sh)
	[ "${#all[@]}" -eq 6 ]
	use "${all[0]}"
	use "${all[1]}" >output
	grep -q '^protected: yes' output
	is_shim podman "$PREFIX/libexec/podman-shim/podman"
	PATH=$real:$programs
	use "${all[2]}" >output
	grep -q '^protected: yes' output
	is_shim podman "$HOME/.local/libexec/podman-shim/podman"
	PATH=$PREFIX/libexec/podman-shim:$PREFIX/bin:$real:$programs
	bash -O expand_aliases -c "${all[3]%%$'\n'*}"$'\npodman --shim-version' | grep -qx "$("$binary" --shim-version)"
	use "${all[3]#*$'\n'}"
	is_shim docker "$PREFIX/libexec/podman-shim/docker"
	use "${all[4]}"
	names_shim
	serves "$HOME/.config/systemd/user"
	use "${all[5]}" >output
	[ "$(grep -c '^protected: yes' output)" -eq 2 ]
	grep -q '^check: ' output
	use 'sudo make uninstall; make uninstall PREFIX="$HOME/.local"'
	[ "$(type -P podman)" = "$real/podman" ]
	[ -z "$(find "$PREFIX" "$HOME/.local" ! -type d)" ]
}

@test "the README's line for a Containerfile puts the shim ahead of podman" {
	local from to

	make_machine
	read -r _ from to < <(blocks Dockerfile | tr -d '\0')
	mkdir -p "$PREFIX/bin"
	cp "$from" "${to/#\/usr\/local/$PREFIX}"
	is_shim podman "$PREFIX/bin/podman"
}

@test "the README's snippets for CI put the shim ahead of podman" {
	make_machine
	cd ..
	mv sources podman-shim
	mapfile -d '' -t snippets < <(blocks yaml)
	[ "${#snippets[@]}" -eq 2 ]
	for snippet in "${snippets[@]}"; do
		rm -rf "$HOME/.local" "${record:?}"/*
		export GITHUB_PATH=$world/github-path
		: >"$GITHUB_PATH"
		# what the steps after it have in PATH
		sed -n 's/^- run: p/PATH=$(<"$GITHUB_PATH"):$PATH\np/p; s/^    \(- \)\{0,1\}//p' <<<"$snippet" >script
		[ "$(wc -l <script)" -ge 3 ]
		bash -eu script
		[ "$(count runs)" -eq 1 ]
		recorded argv | diff - <(printf '%s\n' podman run --rm docker.io/library/alpine true)
		[ -n "$(override_descriptor)" ]
	done
}

@test "the manual's examples work" {
	local each

	make_machine
	use 'make install'
	: >"$HOME/podman-shim.log"
	PATH=$PREFIX/libexec/podman-shim:$PREFIX/bin:$real:$programs
	while read -r each; do
		case $each in
		alias*) ;;
		grep*) [ "$(eval "$each")" -eq 0 ] ;;
		*) use "$each" >>output 2>&1 ;;
		esac
	done < <(examples '\&In a shell')
	grep -q '^protected: yes' output
	grep -q '^podman-shim: plan: ' output
	[ "$(count runs)" -eq 3 ]
	export XDG_RUNTIME_DIR=$world/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	use "$(examples 'The API socket' | sed '/etc/,$d')"
	serves "$HOME/.config/systemd/user"
	use "$(examples 'The API socket' | sed -n '/etc/,$p')"
	wait
	serves "$world/etc/systemd/system"
	recorded argv | diff - <(printf '%s\n' podman system service --time 0 "unix://$XDG_RUNTIME_DIR/podman.sock")
	use "$(examples 'Quadlet, and units that name /usr/bin/podman')"
	names_shim
	use "$(examples 'The name docker')"
	is_shim docker "$PREFIX/libexec/podman-shim/docker"
	unset PREFIX
	ln -s podman "$real/podman-remote"
	use "$(examples 'Toolbox and Silverblue')"
	is_shim podman-remote "$HOME/.local/libexec/podman-shim/podman-remote"
	recorded argv | head -n 2 | diff - <(printf '%s\n' podman-remote run)
	serves "$HOME/.config/systemd/user"
}
