#!/usr/bin/env bats
# Installing and removing.

load helpers

@test "make install puts the program and its page in place, and make uninstall takes them away" {
	make -s -C "$tests/.." install DESTDIR="$world/root" PREFIX=/opt/it
	[ "$(cd root && find . -type f | sort)" = $'./opt/it/bin/podman-shim\n./opt/it/share/man/man1/podman-shim.1' ]
	cmp root/opt/it/bin/podman-shim "$binary"
	[ -x root/opt/it/bin/podman-shim ]
	make -s -C "$tests/.." uninstall DESTDIR="$world/root" PREFIX=/opt/it
	[ -z "$(find root -type f)" ]
}

@test "an installed shim works by its own name, as podman does" {
	make -s -C "$tests/.." install DESTDIR="$world/root" PREFIX=
	PATH=$world/root/bin:$real:$programs run_bounded podman-shim run image
	[ "$status" -eq 0 ]
	printf 'podman\0run\0image\0' | cmp - "$record/argv"
	[ -n "$(override_descriptor)" ]
}
