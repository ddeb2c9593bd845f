#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # bats and helpers.bash set them
# Which command lines make the configuration of a container.

load helpers

@test "commands that make a container's configuration get the override" {
	expect_each override <<-'END'
		build .
		builder build .
		buildx build .
		container clone a b
		container create image
		container init a
		container restart a
		container restore a
		container run image
		container runlabel run image
		container start a
		create image
		image build .
		init a
		kube play file
		play kube file
		pod clone a
		pod create
		pod restart a
		pod start a
		restart a
		run image
		start a
		system service
	END
}

@test "they do so without any operand" {
	expect_each override <<-'END'
		build
		container run
		kube play
		pod create
		run
		start
		system service
	END
}

@test "commands that start nothing are executed as they are" {
	expect_each plain <<-'END'

		ps
		pull image
		exec a run
		images
		stop a
		rm -f run
		logs run
		cp a:/run run
		generate kube a
		container
		container ls
		container exec a run
		container build
		container play
		container restores
		pod
		pod ps
		pod run image
		pod rm a
		kube
		kube down file
		kube generate a
		play
		play run
		image
		image ls
		image run
		buildx
		buildx version
		builder
		builder prune
		system
		system prune
		volume create run
		network create start
		secret create run file
		machine start
		machine init
		compose run
		RUN image
		runs image
		ru image
		'run ' image
		'' run image
		'container ' run image
		Container run image
	END
}

@test "a command of two words is not one argument" {
	expect_each plain <<-'END'
		'container run' image
		'kube play' file
		'pod create'
		pod\ start a
	END
}

@test "commands are no commands behind another" {
	expect_each plain <<-'END'
		ps run image
		exec run
		container ls run image
		container container run image
		container pod create
		network run image
	END
}

@test "help starts nothing" {
	expect_each plain <<-'END'
		help run
		run --help
		run --help=true image
		container run --help image
		run -it --help image
		create --help
		start --help a
		start -h a
		restart -h
		start a --help
		build --help
		kube play --help file
		pod create --help
		pod clone --help
		--help start a
		--help run image
		container --help run image
		--help=true build .
	END
	expect_each override <<-'END'
		run --help=false image
		run image --help
		run -- image --help
		create image sh --help
	END
}

@test "--version before a command takes it for its value, as podman reads it" {
	expect_each plain <<-'END'
		--version
		--version run image
		-v run image
		--log-level debug -v create image
	END
	expect_each 'fallback: --version' <<-'END'
		--version ps run image
		--version=true run image
	END
}

@test "an operand that is not the command ends no options before it" {
	expect_each 'fallback: --conmon' <<-'END'
		--log-level -d '' --conmon /x run image
		container --log-level -d '' --conmon /x run image
	END
	expect_each override <<-'END'
		--log-level -d '' start a
	END
}

@test "the value of a global option is not taken for the command" {
	export _CONTAINERS_ROOTLESS_UID=2000
	mkdir -p home/.config/containers/containers.conf.modules
	: >home/.config/containers/containers.conf.modules/ps
	expect_each override <<-'END'
		--log-level debug run image
		--log-level=debug run image
		--log-level ps run image
		--root ps run image
		--runroot /x --root /y run image
		--storage-opt ps --storage-opt exec run image
		--cgroup-manager ps run image
		--events-backend ps run image
		--module ps run image
		--config ps run image
		--identity ps run image
		--ssh ps run image
		--tls-ca ps --tls-cert ps --tls-key ps run image
		--out ps run image
		--namespace ps run image
		--imagestore ps run image
		--network-cmd-path ps run image
		--runtime ps --runtime-flag ps run image
		--log-level '' run image
		--log-level --root x run image
	END
	expect_each plain <<-'END'
		--log-level run ps
		--log-level=run ps
		--root run ps
		--runtime run ps image
		--storage-driver run ps
		--tmpdir run
		--volumepath run ps
		--module run ps
		--config build ps
		--out run ps
		--log-level --root run image
	END
}

@test "the value of a hidden global option is not taken for the command" {
	expect_each override <<-'END'
		--cpu-profile ps run image
		--memory-profile ps run image
		--default-mounts-file ps run image
		--max-workers 1 run image
		--network-backend ps run image
		--db-backend ps run image
		--registries-conf ps run image
		--cni-config-dir ps run image
		--pull-option ps run image
		--trace run image
		-D run image
		--debug run image
	END
	expect_each plain <<-'END'
		--cpu-profile run ps
		--max-workers run ps
		--trace ps run
		-D ps run
	END
}

@test "global options without a value take none" {
	expect_each override <<-'END'
		--syslog run image
		--noout run image
		--transient-store run image
		--syslog=true run image
		--transient-store=false run image
	END
	expect_each plain <<-'END'
		--syslog ps run
		--noout ps run
		--transient-store ps run image
		--transient-store false run image
	END
}

@test "global options are read in every place that podman takes them" {
	expect_each override <<-'END'
		container --log-level ps run image
		--syslog container --syslog run --syslog image
		pod --root=/x create
		kube --log-level debug play file
		container run --log-level debug image
		run --log-level debug --root /x image
		run --log-level=debug image
		start --log-level debug a
		start a --log-level debug
	END
	expect_each plain <<-'END'
		container --log-level run ps
		container --log-level run
		pod --root create ps
	END
}

@test "-- before the command takes the next word, as podman reads it" {
	expect_each plain <<-'END'
		--
		-- run image
		-- ps
		-- run
		container -- run image
	END
	expect_each override <<-'END'
		-- x run image
	END
}

@test "an unknown option before the command makes the rest unreadable" {
	expect_each 'fallback: --no-such-option' <<-'END'
		--no-such-option ps run image
		--no-such-option=1 run image
		container --no-such-option ps run image
	END
	expect_each 'fallback: -z' <<-'END'
		-z ps run image
	END
	expect_each plain <<-'END'
		--no-such-option run ps
		-z run ps
	END
}

@test "an unknown option of run makes the rest unreadable" {
	for command in run create 'container run' 'container create' start; do
		expect_each 'fallback: --no-such-option' <<-END
			$command --no-such-option image
			$command -i --no-such-option --env-host image
		END
		expect_each 'fallback: --no-such-option=1' <<-END
			$command --no-such-option=1 image
		END
		expect_each 'fallback: -Z' <<-END
			$command -Z image
		END
		expect_each 'fallback: -iZ' <<-END
			$command -iZ image
		END
	done
}

@test "abbreviated options are unknown, as they are to podman" {
	expect_each 'fallback: an unknown option' <<-'END'
		run --env-hos image
		run --det image
		--log-leve debug run image
	END
}

@test "the options of commands that have no table of theirs are passed over" {
	expect_each override <<-'END'
		build -t image .
		build --tag image --no-cache -f file .
		build --tag=image .
		build . -t image
		image build -qt image .
		buildx build --load -t image .
		kube play --replace file
		kube play --network=host file --start=false
		play kube -q file
		pod create --name a --share net
		pod create -h name
		pod create -p 80:80 --infra=false a
		pod start -a
		pod restart -l
		restart --time 5 a
		restart -t 5 a
		restart --timeout 5 a
		container clone --name b a
		container restore --import file
		container init -l
		system service --time=0 unix:///x
		system service -t 0
	END
}

@test "run's options end at the image's name" {
	expect_each override <<-'END'
		run image --env-host
		run image --no-such-option
		run image sh -c 'podman run --env-host x'
		run image --conmon /x
		run --rm -it image --env-host
		run --name a --entrypoint b image --env-host
		create image --env-host
		container run image --env-host
		container create image --env-host
		run '' --env-host
		run - --env-host
	END
}

@test "run's options end at --" {
	expect_each override <<-'END'
		run -- image --env-host
		run -- --env-host
		run --rm -- image --no-such-option
		create -- --env-host
	END
	expect_each 'fallback: --env-host' <<-'END'
		run -e -- --env-host image
		run --name -- --env-host image
	END
}

@test "start's options may follow its operands" {
	expect_each override <<-'END'
		start a -ai
		start --attach --interactive a
		start --filter x=y a --sig-proxy=false
		start a -- --no-such-option
		container start -l
	END
	expect_each 'fallback: --no-such-option' <<-'END'
		start a --no-such-option
		container start a b --no-such-option
	END
}

@test "--env-host would show the container the shim's variables" {
	expect_each 'fallback: --env-host' <<-'END'
		run --env-host image
		run --env-host=true image
		run --env-host=1 image
		run --env-host=false --env-host image
		create --env-host image
		container run -it --env-host image
		container create --rm --env-host image
		run --log-level debug --env-host image
		run -it --name a -v /x:/x --env-host image
	END
	expect_each override <<-'END'
		run --env-host=false image
		run --env-host=0 image
		run --env-host=F image
		run --env-host --env-host=false image
	END
}

@test "the value of an option of run is not taken for an option" {
	expect_each override <<-'END'
		run -e --env-host image
		run --env --env-host image
		run --name --env-host image
		run -v --env-host image
		run -itv --env-host image
		run --entrypoint --env-host image
		run --label --env-host image
		run -w --env-host image
		run -l --env-host -p --env-host -u --env-host -m --env-host -h --env-host image
		run --cidfile --conmon image
	END
}

@test "the value of an option of run is not taken for the image's name" {
	expect_each 'fallback: --env-host' <<-'END'
		run -e a --env-host image
		run --env a --env-host image
		run --network a --env-host image
		run -itv /x:/x --env-host image
		run -dp 80 --env-host image
		run -c 5 -a stdin -h a --env-host image
		run --pull always --env-host image
		run --restart no --tz local --env-host image
	END
	expect_each override <<-'END'
		run --rm true --env-host image
		run -d a --env-host image
		run --tty false --env-host
		run --privileged a --env-host
		run --init a --env-host
		run -q a --env-host
		run -P a --env-host
	END
}

@test "every option of run takes a value, or none, as podman has it" {
	local option
	local -a options

	for option in add-host annotation arch attach authfile blkio-weight blkio-weight-device cap-add \
		cap-drop cgroup-conf cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile \
		cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems \
		creds decryption-key detach-keys device device-cgroup-rule device-read-bps \
		device-read-iops device-write-bps device-write-iops dns dns-option dns-search entrypoint \
		env env-file env-merge expose gidmap gpus group-add group-entry health-cmd \
		health-interval health-log-destination health-max-log-count health-max-log-size \
		health-on-failure health-retries health-start-period health-startup-cmd \
		health-startup-interval health-startup-retries health-startup-success \
		health-startup-timeout health-timeout hostname hosts-file hostuser image-volume init-ctr \
		init-path ip ip6 ipc label label-file log-driver log-opt mac-address memory \
		memory-reservation memory-swap memory-swappiness mount name network network-alias \
		oom-score-adj os passwd-entry personality pid pidfile pids-limit platform pod \
		pod-id-file preserve-fd preserve-fds publish pull rdt-class requires restart retry \
		retry-delay sdnotify seccomp-policy secret security-opt shm-size shm-size-systemd \
		stop-signal stop-timeout subgidname subuidname sysctl systemd timeout tmpfs tz uidmap \
		ulimit umask unsetenv user userns uts variant volume volumes-from workdir; do
		echo "$option"
	# many at once, one of which without a value would leave its own as the image
	done | xargs -n 10 | while read -ra options; do
		echo "run$(printf ' --%s 1' "${options[@]}") --env-host image"
		echo "create$(printf ' --%s=1' "${options[@]}") --env-host image"
	done | expect_each 'fallback: --env-host'
	for option in detach disable-content-trust http-proxy init interactive no-healthcheck \
		no-hostname no-hosts oom-kill-disable passwd privileged publish-all quiet read-only \
		read-only-tmpfs replace rm rmi rootfs sig-proxy tls-verify tty unsetenv-all; do
		echo "run --$option image --env-host"
		echo "create --$option=false image --env-host"
	done | expect_each override
}

@test "older names of run's options are known" {
	expect_each 'fallback: --env-host' <<-'END'
		run --net host --env-host image
		run --dns-opt x --env-host image
		run --healthcheck-command x --env-host image
		run --healthcheck-interval 1 --healthcheck-retries 1 --env-host image
		run --healthcheck-start-period 1 --healthcheck-timeout 1 --env-host image
		run --override-arch x --override-os x --override-variant x --env-host image
		run --kernel-memory 1 --env-host image
	END
}

@test "one-letter options may be bundled" {
	expect_each override <<-'END'
		run -itd image
		run -dit image --env-host
		run -ti --rm image
		run -ite A=B image
		run -itd=false image
		run -i=false image
		start -ai a
	END
	expect_each 'fallback: --env-host' <<-'END'
		run -itd --env-host image
		run -ite A=B --env-host image
		run -iteA=B --env-host image
		run -ite=A=B --env-host image
		run -eX=Y --env-host image
		run -e=X=Y --env-host image
	END
}

@test "--env of a name of the override's variables would show it to the container" {
	expect_each 'fallback: the container would see' <<-'END'
		run -e CONTAINERS_CONF_OVERRIDE image
		run -eCONTAINERS_CONF_OVERRIDE image
		run -e=CONTAINERS_CONF_OVERRIDE image
		run -ite CONTAINERS_CONF_OVERRIDE image
		run --env CONTAINERS_CONF_OVERRIDE image
		run --env=CONTAINERS_CONF_OVERRIDE image
		run -e CONTAINERS_CONF_OVERRIDE -e A image
		run -e '*' image
		run '-e*' image
		run '-e=*' image
		run --env='*' image
		run --env='C*' image
		run -e 'CONTAINERS_CONF_OVERRIDE*' image
	END
	expect_each override <<-'END'
		run -e A image
		run -e A=CONTAINERS_CONF_OVERRIDE image
		run -e CONTAINERS_CONF_OVERRIDE=x image
		run -e CONTAINERS_CONF_OVERRIDE= image
		run -e 'CONTAINERS_CONF_OVERRIDES' image
		run -e 'CONTAINERS_CONF_OVERRIDES*' image
		run -e 'LC_*' image
		run -e '*A' image
		run -e '' image
		run image -e '*'
		run -l '*' image
	END
}

@test "--env and --build-arg of a build, too, would show them" {
	expect_each 'fallback: the container would see' <<-'END'
		build --env CONTAINERS_CONF_OVERRIDE .
		build --build-arg CONTAINERS_CONF_OVERRIDE .
		image build . --build-arg=CONTAINERS_CONF_OVERRIDE
	END
	expect_each override <<-'END'
		build --env A=B --build-arg C=D .
		build --env A --build-arg C .
		build --build-arg CONTAINERS_CONF_OVERRIDE=x .
		build -- --build-arg CONTAINERS_CONF_OVERRIDE
		kube play --env CONTAINERS_CONF_OVERRIDE file
	END
}

@test "a build by chroot would show its steps the override" {
	expect_each 'fallback: chroot isolation' <<-'END'
		build --isolation chroot .
		build --isolation=CHROOT .
		build -t image --isolation chroot .
		build . --isolation chroot
		build --isolation oci --isolation chroot .
		image build --isolation chroot .
		buildx build --isolation chroot .
		builder build --isolation chroot .
	END
	expect_each override <<-'END'
		build --isolation oci .
		build --isolation=rootless .
		build --isolation chroot --isolation oci .
		build -- --isolation chroot
		run --name chroot image --isolation chroot
	END
	export BUILDAH_ISOLATION=chroot
	expect 'fallback: chroot isolation' build .
	expect 'fallback: chroot isolation' build --isolation= .
	expect 'fallback: chroot isolation' system service
	expect override build --isolation oci .
	expect override run image
	BUILDAH_ISOLATION=oci expect override build .
	BUILDAH_ISOLATION='' expect override build .
}

@test "--conmon beats the override, before and after the command" {
	expect_each 'fallback: --conmon' <<-'END'
		--conmon /x run image
		--conmon=/x run image
		--log-level debug --conmon /x container run image
		container --conmon /x run image
		run --conmon /x image
		run --rm --conmon=/x -it image
		create --conmon /x image
		start a --conmon /x
		build --conmon /x .
		kube play file --conmon=/x
		pod create --conmon /x
	END
	expect_each override <<-'END'
		run image --conmon /x
		run --name --conmon image
		--log-level --conmon x run image
		run --conmon-pidfile /x image
		kube play -- file --conmon=/x
	END
}

@test "the override is above every descriptor that --preserve-fds hands to the container" {
	local arguments

	while read -r arguments; do
		# shellcheck disable=SC2086 # words
		podman run $arguments image
		[ "$(override_descriptor)" -gt 122 ] || fail "$arguments: $(override_descriptor)"
	done <<-'END'
		--preserve-fds=120
		--preserve-fds 120
		-it --preserve-fds 120 --rm
		--preserve-fd=122
		--preserve-fd 3,122,4
		--preserve-fd 5 --preserve-fd 122 --preserve-fd 7
		--preserve-fds=1 --preserve-fd 122
		--preserve-fd 122,x
	END
}

@test "the override is on descriptor 100 where the container is given few" {
	local arguments

	while read -r arguments; do
		# shellcheck disable=SC2086 # words
		podman run $arguments image 100<&-
		[ "$(override_descriptor)" = 100 ] || fail "$arguments: $(override_descriptor)"
	done <<-'END'

		--preserve-fds=2
		--preserve-fds=x
		--preserve-fds=-1
		--preserve-fd=3,4
		--name --preserve-fds=120
	END
}

@test "a --preserve-fds that leaves no number for the override falls back to plain execution" {
	expect 'fallback: no descriptor' run --preserve-fds=1048576000 image
	expect 'fallback: no descriptor' run --preserve-fd=2147483647 image
}
