# shellcheck shell=bash
# What the real-Podman suites share. `podman` is the shim, `native` the real one; $work is the
# test's own directory.

# fact: on every Podman, group 0 is not mapped and crun cannot write the sysctl
# shellcheck disable=SC2034 # for the suites
doomed=(--uidmap 999:0:1 --gidmap 999:0:1 --user 999:999)

setup() {
	work=$(mktemp -d)
	mkdir "$work/bin"
	ln -s /project/podman-shim "$work/bin/podman"
	ln -s /usr/bin/podman "$work/bin/native"
	PATH=$work/bin:$PATH
	rm -rf /tmp/racy-runtime
	mkdir /tmp/racy-runtime
	cd "$work" || return
}

teardown() {
	# bats shows it where the test has failed
	[ ! -e "${PODMAN_SHIM_LOG:-}" ] || cat "$PODMAN_SHIM_LOG"
	rm -f "${PODMAN_SHIM_LOG:-}"
	unset CONTAINER_HOST CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE
	rm -rf ~/.config/containers
	clear
	# those of detached exec sessions wait for 5 minutes, for whoever asks how they have ended
	pkill -KILL -x conmon || :
	cd /
	# some of it may be a user's of the namespace
	rm -rf "$work" 2>/dev/null || /usr/bin/podman unshare rm -rf "$work"
}

# Removes all containers, pods, volumes and networks. Each command takes some tenths of a second, and often there are
# none; where there is a pod, so is its infra container.
clear() {
	local storage=~/.local/share/containers/storage
	local containers=("$storage"/*-containers/*containers.json)

	if grep -qs '"id"' "${containers[@]}"; then
		native kill -a >/dev/null 2>&1 || :
		if grep -qs -e '-infra"' "${containers[@]}"; then native pod rm -af >/dev/null 2>&1 || :; fi
		native rm -af >/dev/null 2>&1 || :
	fi
	[ -z "$(ls "$storage/volumes" 2>/dev/null)" ] || native volume prune -f >/dev/null 2>&1 || :
	[ -z "$(ls "$storage/networks"/*.json 2>/dev/null)" ] || native network prune -f >/dev/null 2>&1 || :
}

# race SECONDS: of creates that overlap the racy runtime lets one go on, which waits so long for a loser
race() { echo "$1" >/tmp/racy-runtime/overlap; }

many=${MANY:-8}

# Whether all is tried, as by hand, and not a sample.
by_hand() { ((many > 8)); }

# at_once COMMAND...: runs it $many times at once, with its output in ./output; prints how many have failed
at_once() {
	local i failures=0 pids=()
	for ((i = 0; i < many; i++)); do
		"$@" >>output 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || failures=$((failures + 1)); done
	echo "$failures"
}

# patiently: the lock is waited for, and held, however slow the machine
patiently() { export PODMAN_SHIM_LOCK_WAIT=900 PODMAN_SHIM_LOCK_HOLD=300; }

# remove NAME: at once, whether or not it runs
remove() {
	native kill "$1" >/dev/null 2>&1 || :
	native rm -f "$1" >/dev/null 2>&1 || : # --rm may have been faster
}

# shellcheck source=tests/until_true.bash
source "$BATS_TEST_DIRNAME/../until_true.bash"

# Processes and network namespaces that a container keeps while it lives, a line each.
remains() {
	pgrep -x 'conmon|pasta|pasta.avx2|slirp4netns|rootlessport' -a || :
	ls /run/user/2000/netns 2>/dev/null || :
}

# podman's own log has the time of day
untimed() { sed 's/^time="[^"]*"//'; }

# restarted COUNT: x has been restarted so often by its policy
restarted() { [ "$(native inspect -f '{{.RestartCount}}' x)" = "$1" ]; }

no_containers() { [ -z "$(native ps -aq)" ]; }
no_remains() { [ -z "$(remains)" ]; }
is_running() { [ "$(native inspect -f '{{.State.Status}}' "$1" 2>/dev/null)" = running ]; }
