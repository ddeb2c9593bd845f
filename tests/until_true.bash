# shellcheck shell=bash
# until_true COMMAND...: waits for a minute at the most
until_true() {
	local tries

	for ((tries = 0; tries < 1200; tries++)); do
		"$@" && return
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

# gone PID: it has ended, though perhaps nobody has asked for its status
gone() {
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ $stat == *') Z '* ]]
}
