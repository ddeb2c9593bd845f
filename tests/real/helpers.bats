#!/usr/bin/env bats
# releases: trixie
# by hand: sid
# The commands for which podman executes itself as a helper with descriptors of its own: none of
# them may take the override for its own pipe, or the other way round.

load common

# soon COMMAND...: a hang is a failure
soon() { timeout 60 "$@"; }

@test "cp copies both ways" {
	podman run -d --name x localhost/bb busybox sleep 60
	echo there >file
	soon podman cp file x:/file
	soon podman cp x:/file back
	[ "$(cat back)" = there ]
}

@test "build copies and runs" {
	echo content >file
	printf '%s\n' 'FROM localhost/bb' 'COPY file /file' 'RUN ["busybox", "cat", "/file"]' >Containerfile
	run soon podman build --no-cache -t localhost/built .
	[ "$status" -eq 0 ]
	[[ $output == *content* ]]
	[ "$(soon podman run --rm localhost/built busybox cat /file)" = content ]
	native rmi localhost/built
}

@test "build by chroot shows a RUN step no more than natively" {
	printf '%s\n' 'FROM localhost/bb' 'RUN ["busybox", "sh", "-c", "busybox ls /proc/self/fd; busybox env"]' >Containerfile
	changing='^-->\|^[0-9a-f]\{64\}$\|^HOSTNAME='
	run soon native build --isolation chroot --no-cache .
	[ "$status" -eq 0 ]
	natively=$(grep -v "$changing" <<<"$output")
	run soon podman build --isolation chroot --no-cache .
	[ "$status" -eq 0 ]
	[ "$(grep -v "$changing" <<<"$output")" = "$natively" ]
}

@test "a new volume is filled from the image" {
	run soon podman run --rm -v filled:/bin localhost/bb busybox ls /bin
	[ "$status" -eq 0 ]
	[ "$output" = $'busybox\nsh' ]
}

@test "import, save, load and commit work" {
	tar -cf layer.tar -C /bin busybox
	soon podman import layer.tar localhost/imported
	soon podman save -o image.tar localhost/imported
	native rmi localhost/imported
	soon podman load -i image.tar
	podman run --name x localhost/bb busybox touch /made
	soon podman commit x localhost/committed
	[ "$(soon podman run --rm localhost/committed busybox ls /made)" = /made ]
	native rmi localhost/imported localhost/committed
}

@test "an image that is loaded from an archive by run itself works" {
	native save --format oci-archive -o bb.tar localhost/bb
	run soon podman run --rm "oci-archive:$PWD/bb.tar" busybox echo hello
	[ "$status" -eq 0 ]
	[[ $output == *hello ]]
}
