#!/usr/bin/env bats
# releases: sid bookworm
# by hand: trixie bullseye
# The tables of src/options.c against what podman says of itself.

load common

# rows TABLE...: the rows of the shim's tables, a line each: "name letter TAKES"
rows() {
	local table
	for table; do /project/tests/build/command tables | sed -n "s/^$table //p"; done
}

# options COMMAND...: the options in its --help, in the same form. A type behind the name is a
# value; [=type] is one that never stands apart.
options() {
	native "$@" --help |
		sed -nE 's/^ +((-([a-zA-Z]), )|)--([a-z0-9-]+)( ([^ ]+))?( .*)?$/\4 \3 \6/p' |
		while read -r name rest; do
			letter=- takes=NOTHING
			[[ ! $rest =~ ^[a-zA-Z]( |$) || $rest =~ ^[a-zA-Z]{2} ]] || {
				letter=${rest:0:1}
				rest=${rest:2}
			}
			[[ -z $rest ]] || takes=VALUE
			echo "$name $letter $takes"
		done
}

# known COMMAND -- TABLE...: each option of COMMAND stands in the tables, as podman says it is;
# an older one may lack the letter
known() {
	local command=()
	while [[ $1 != -- ]]; do
		command+=("$1")
		shift
	done
	shift
	rows "$@" | sed 'p; s/ [^ ]* / - /' | sort -u >known
	# cobra's own, which is none where a command follows
	options "${command[@]}" | grep -v '^version v' | sort >podmans
	# a help page that was not understood would prove nothing
	[ "$(wc -l <podmans)" -ge "$minimum" ]
	run comm -13 known podmans
	echo "not in the tables, or otherwise there: $output"
	[ -z "$output" ]
}

@test "the options of podman itself are known" {
	minimum=20
	known -- global persistent
}

@test "the options of run are known" {
	minimum=100
	known run -- run persistent
}

@test "the options of create are known" {
	minimum=100
	known create -- run persistent
}

@test "the options of start are known" {
	minimum=4
	known start -- start persistent
}

# What starts nothing, by group. A command that is neither here nor in command_table is new.
others() {
	case $1 in
	"") echo artifact attach auto-update commit compose container cp diff events exec export farm \
		generate healthcheck help history image images import info inspect kill kube load login \
		logout logs machine manifest mount network pause play pod port ps pull push quadlet rename \
		rm rmi save search secret stats stop system tag top unmount unpause unshare untag update \
		version volume wait ;;
	container) echo attach checkpoint cleanup commit cp diff exec exists export inspect kill list \
		logs mount pause port prune ps rename rm stats stop top unmount unpause update wait ;;
	pod) echo exists inspect kill logs pause prune ps rm stats stop top unpause ;;
	kube) echo apply down generate ;;
	image) echo diff exists history import inspect list load mount prune pull push rm save scp \
		search sign tag tree trust unmount untag ;;
	buildx) echo inspect prune version ;;
	farm) echo create list remove update ;;
	system) echo check connection df dial-stdio events info migrate prune renumber reset ;;
	esac
}

# commands GROUP: what its --help lists; nothing where this podman has no such group
commands() {
	local help
	help=$(native ${1:+"$1"} --help)
	[[ -z $1 || $help == *"podman $1 "* || $help == *"native $1 "* ]] || return 0
	sed -n '/^Available Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' <<<"$help"
}

@test "every command is known to start containers, or to start nothing" {
	local group name count=0
	for group in "" container pod kube play image buildx farm system; do
		for name in $(commands "$group"); do
			count=$((count + 1))
			/project/tests/build/command tables | grep -qx "command ${group:+$group }$name" ||
				[[ " $(others "$group") " == *" $name "* ]] || {
				echo "unknown command: $group $name"
				return 1
			}
		done
	done
	[ "$count" -ge 90 ]
}
