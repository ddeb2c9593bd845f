#!/usr/bin/env bats
# releases: sid
# by hand: trixie
# Random command lines, as the shim reads them and as podman does.

load common

@test "random command lines are read as podman reads them" {
	/project/tests/tools/command-check "$(by_hand && echo 300 || echo 50)"
}
