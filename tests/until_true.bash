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

# gone PID: it has ended
gone() { ! kill -0 "$1" 2>/dev/null; }
