/*
 * Podman's options and commands, as data: which options take a value, which decide something here,
 * and which commands make or start containers. A list has "name" or "name,letter" for each option.
 */
#include "shim.h"

#include "options.h"

/* clang-format off */

/* The options before the command: cmd/podman/root.go, rootFlags, hidden ones too; but not --version,
   which cobra adds once there is no command, and until then takes for unknown. */
const struct options global_options = {
	.values =
		"out",
	.flags =
		"debug,D noout",
	.repeated_values =
		"config connection,c context host,H identity module ssh tls-ca tls-cert "
		"tls-key url",
	.repeated_flags =
		"remote,r",
};

/* Those that podman also takes after the command: its PersistentFlags. */
const struct options persistent_options = {
	.values =
		"cdi-spec-dir cpu-profile default-mounts-file hooks-dir log-level max-workers "
		"memory-profile pull-option registries-conf",
	.flags =
		"syslog trace",
	.repeated_values =
		"cgroup-manager cni-config-dir db-backend events-backend imagestore namespace "
		"network-backend network-cmd-path network-config-dir root runroot runtime "
		"runtime-flag storage-driver storage-opt tmpdir volumepath",
	.repeated_flags =
		"transient-store",
	.decisive = {
		{ "conmon", 0, VALUE, CONMON },
		{ "help", 0, NOTHING, HELP },
	},
};

/* run and create: cmd/podman/common/create.go, containers/run.go, and the older names of
   cmd/podman/utils/alias.go. */
const struct options run_options = {
	.values =
		"add-host annotation arch authfile blkio-weight blkio-weight-device cap-add "
		"cap-drop cert-dir cgroup-conf cgroup-parent cgroupns cgroups chrootdirs "
		"conmon-pidfile cpu-period cpu-quota cpu-rt-period cpu-rt-runtime "
		"cpu-shares,c cpus cpuset-cpus cpuset-mems creds decryption-key detach-keys "
		"device device-cgroup-rule device-read-bps device-read-iops device-write-bps "
		"device-write-iops dns dns-opt dns-option dns-search entrypoint env-merge "
		"expose gidmap gpus group-add group-entry health-cmd health-interval "
		"health-log-destination health-max-log-count health-max-log-size "
		"health-on-failure health-retries health-start-period health-startup-cmd "
		"health-startup-interval health-startup-retries health-startup-success "
		"health-startup-timeout health-timeout healthcheck-command "
		"healthcheck-interval healthcheck-retries healthcheck-start-period "
		"healthcheck-timeout hostname,h hosts-file hostuser image-volume init-ctr "
		"init-path ip ip6 ipc kernel-memory label,l log-opt mac-address memory,m "
		"memory-reservation memory-swap memory-swappiness mount net network "
		"network-alias oom-score-adj os override-arch override-os override-variant "
		"passwd-entry personality pid pidfile pids-limit platform pod pod-id-file "
		"publish,p pull rdt-class requires restart retry retry-delay sdnotify "
		"seccomp-policy secret security-opt shm-size shm-size-systemd "
		"signature-policy stop-signal stop-timeout storage-opt subgidname subuidname "
		"sysctl systemd timeout tmpfs tz uidmap ulimit umask unsetenv user,u userns "
		"uts variant volume,v volumes-from workdir,w",
	.flags =
		"disable-content-trust http-proxy init interactive,i no-healthcheck "
		"no-hostname no-hosts oom-kill-disable passwd privileged publish-all,P "
		"quiet,q read-only read-only-tmpfs replace rmi rootfs sig-proxy tls-verify "
		"unsetenv-all",
	.decisive = {
		{ "attach", 'a', VALUE, ATTACH },
		{ "cidfile", 0, VALUE, CIDFILE },
		{ "detach", 'd', NOTHING, DETACH },
		{ "env", 'e', VALUE, ENV },
		{ "env-file", 0, VALUE, ENV_FILE },
		{ "env-host", 0, NOTHING, ENV_HOST },
		{ "help", 0, NOTHING, HELP },
		{ "label-file", 0, VALUE, LABEL_FILE },
		{ "log-driver", 0, VALUE, LOG_DRIVER },
		{ "name", 0, VALUE, NAME },
		{ "preserve-fd", 0, VALUE, PRESERVE_FD },
		{ "preserve-fds", 0, VALUE, PRESERVE_FDS },
		{ "rm", 0, NOTHING, REMOVE },
		{ "tty", 't', NOTHING, TTY },
	},
};

const struct options start_options = {
	.values =
		"detach-keys filter,f",
	.flags =
		"all interactive,i latest,l sig-proxy",
	.decisive = {
		{ "attach", 'a', NOTHING, ATTACH },
	},
};

const struct options restart_options = {
	.values =
		"filter,f time,t",
	.flags =
		"all,a latest,l running",
	.decisive = {
		{ "cidfile", 0, VALUE, CIDFILE },
	},
};

/* build has many more, none of which matters here. */
const struct options build_options = {
	.decisive = {
		{ "build-arg", 0, VALUE, ENV },
		{ "env", 0, VALUE, ENV },
		{ "isolation", 0, VALUE, ISOLATION },
	},
};

static const struct options clone_options = {
	.decisive = {
		{ "run", 0, NOTHING, RUN },
	},
};

static const struct options kube_options = {
	.decisive = {
		{ "build", 0, NOTHING, BUILD },
	},
};

/* What makes pods has run's --help, too, which is not podman's: DefineCreateFlags there. */
static const struct options pod_options = {
	.decisive = {
		{ "help", 0, NOTHING, HELP },
	},
};

/* For the commands of which no option of their own matters. */
static const struct options no_options = { .values = "" };

/* Those that alone decide whether podman is remote: cmd/podman/registry/remote.go, which reads
   the command line once more, for itself, and passes over all others. */
const struct options remote_options = {
	.decisive = {
		{ "connection", 'c', VALUE, CONNECTION },
		{ "context", 0, VALUE, CONNECTION },
		{ "host", 'H', VALUE, CONNECTION },
		{ "remote", 'r', NOTHING, REMOTE },
		{ "url", 0, VALUE, CONNECTION },
	},
};

/* The same for the modules of containers.conf: cmd/podman/registry/config.go. */
const struct options module_options = {
	.flags =
		"help,h",
	.decisive = {
		{ "module", 0, VALUE, MODULE },
	},
};

/* The commands that make the configuration of a container or of a build step, or start what has
   one. */
const struct command command_table[] = {
	{ "build", STARTS_NONE, &build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "builder build", STARTS_NONE, &build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "buildx build", STARTS_NONE, &build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container clone", STARTS_IF_RUN, &clone_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container create", STARTS_NONE, &run_options, ALL_KNOWN, OPERANDS_END },
	{ "container init", STARTS_NONE, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container restart", STARTS_AND_RETRIES, &restart_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "container restore", STARTS, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container run", STARTS_AND_RETRIES, &run_options, ALL_KNOWN, OPERANDS_END },
	{ "container runlabel", STARTS_NONE, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container start", STARTS_AND_RETRIES, &start_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "create", STARTS_NONE, &run_options, ALL_KNOWN, OPERANDS_END },
	{ "image build", STARTS_NONE, &build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "init", STARTS_NONE, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "kube play", STARTS, &kube_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "play kube", STARTS, &kube_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod clone", STARTS_NONE, &pod_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod create", STARTS_NONE, &pod_options, SOME_KNOWN, OPERANDS_END },
	{ "pod restart", STARTS, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod start", STARTS_AND_RETRIES, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "restart", STARTS_AND_RETRIES, &restart_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "run", STARTS_AND_RETRIES, &run_options, ALL_KNOWN, OPERANDS_END },
	{ "start", STARTS_AND_RETRIES, &start_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "system service", SERVES, &no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ NULL, STARTS_NONE, NULL, ALL_KNOWN, OPERANDS_END },
};

/* clang-format on */
