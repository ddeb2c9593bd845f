#!/usr/bin/env bats
# shellcheck disable=SC2154 # helpers.bash sets them
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
	for event in "${lines[@]}"; do
		grep -q "record(.*\"$event\"" "$tests/../podman-shim.c"
	done
}
