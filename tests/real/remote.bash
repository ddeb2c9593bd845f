# shellcheck shell=bash
# shellcheck disable=SC2154 # common.bash sets them
# A service of Podman's, whose OCI runtime fails as it is told, and its clients.

runtime=/project/tests/racy-runtime

# start_service [OPTION...]: one of the real podman's, at $url
start_service() {
	url=unix://$work/podman.sock
	rm -f podman.sock
	/usr/bin/podman --runtime "$runtime" "$@" system service -t 0 "$url" >service.log 2>&1 3>&- &
	until_true [ -S podman.sock ]
	ln -sf /project/podman-shim bin/podman-remote
	export PODMAN_SHIM_BACKOFF_MS=20 PODMAN_SHIM_LOG=$work/log
}

# podman in its user namespace is a process of its own
stop_service() { pkill -KILL -f "system service -t 0 $url" || :; }

failures() { echo "$1" >/tmp/racy-runtime/fail-next; }

# A client of the service's, as words.
client() {
	case $1 in
	remote) echo "podman-remote --url $url" ;;
	option) echo "podman --remote --url $url" ;;
	variable) echo "env CONTAINER_HOST=$url podman" ;;
	esac
}
bare() { client "$1" | sed -E 's,(podman(-remote)?)( --|$),/usr/bin/\1\3,'; }
remote() { podman-remote --url "$url" "$@"; }
