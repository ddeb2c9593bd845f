/*
 * Podman's options and commands, as data: which options take a value, what is noted of those that
 * decide something here, and which commands make or start containers.
 */
#include "shim.h"

#include "command.h"

#define AT(member) offsetof(struct command_line, member)

/* clang-format off */

/* The options before the command: cmd/podman/root.go, rootFlags, hidden ones too; but not --version,
   which cobra adds once there is no command, and until then takes for unknown. */
const struct options global_options = {
	.all_known = true,
	.rows = {
		{ .kind = VALUE, .names = "out" },
		{ .kind = FLAG, .names = "debug,D noout" },
		{ .kind = VALUE, .is_repeated = true,
		  .names = "config identity ssh tls-ca tls-cert tls-key" },
		{ .kind = TEXT, .is_repeated = true, .at = AT(connection),
		  .names = "connection,c context host,H url" },
		{ .kind = LIST, .is_repeated = true, .at = AT(modules), .names = "module" },
		{ .kind = BOOL, .is_repeated = true, .at = AT(remote), .names = "remote,r" },
	},
};

/* Those that podman also takes after the command: its PersistentFlags. */
const struct options persistent_options = {
	.rows = {
		{ .kind = VALUE,
		  .names =
			"cdi-spec-dir cpu-profile default-mounts-file hooks-dir log-level max-workers "
			"memory-profile pull-option registries-conf" },
		{ .kind = FLAG, .names = "syslog trace" },
		{ .kind = VALUE, .is_repeated = true,
		  .names =
			"cgroup-manager cni-config-dir db-backend events-backend imagestore "
			"namespace network-backend network-cmd-path network-config-dir root runroot "
			"runtime runtime-flag storage-driver storage-opt tmpdir volumepath" },
		{ .kind = FLAG, .is_repeated = true, .names = "transient-store" },
		{ .kind = TEXT, .at = AT(conmon), .names = "conmon" },
		{ .kind = BOOL, .at = AT(help), .names = "help" },
	},
};

/* No others may be between the two words of a command. */
const struct options group_options = { .all_known = true };

/* run and create: cmd/podman/common/create.go, containers/run.go, and the older names of
   cmd/podman/utils/alias.go. */
const struct options run_options = {
	.all_known = true,
	.operands_end = true,
	.rows = {
		{ .kind = VALUE,
		  .names =
			"add-host annotation arch attach,a authfile blkio-weight "
			"blkio-weight-device cap-add cap-drop cert-dir cgroup-conf cgroup-parent "
			"cgroupns cgroups chrootdirs conmon-pidfile cpu-period cpu-quota "
			"cpu-rt-period cpu-rt-runtime cpu-shares,c cpus cpuset-cpus cpuset-mems "
			"creds decryption-key detach-keys device device-cgroup-rule "
			"device-read-bps device-read-iops device-write-bps device-write-iops dns "
			"dns-opt dns-option dns-search entrypoint env-merge expose gidmap gpus "
			"group-add group-entry health-cmd health-interval health-log-destination "
			"health-max-log-count health-max-log-size health-on-failure "
			"health-retries health-start-period health-startup-cmd "
			"health-startup-interval health-startup-retries health-startup-success "
			"health-startup-timeout health-timeout healthcheck-command "
			"healthcheck-interval healthcheck-retries healthcheck-start-period "
			"healthcheck-timeout hostname,h hosts-file hostuser image-volume init-ctr "
			"init-path ip ip6 ipc kernel-memory label,l label-file log-opt mac-address "
			"memory,m memory-reservation memory-swap memory-swappiness mount net network "
			"network-alias oom-score-adj os override-arch override-os "
			"override-variant passwd-entry personality pid pidfile pids-limit "
			"platform pod pod-id-file publish,p pull rdt-class requires restart retry "
			"retry-delay sdnotify seccomp-policy secret security-opt shm-size "
			"shm-size-systemd signature-policy stop-signal stop-timeout storage-opt "
			"subgidname subuidname sysctl systemd timeout tmpfs tz uidmap ulimit "
			"umask unsetenv user,u userns uts variant volume,v volumes-from workdir,w" },
		{ .kind = FLAG,
		  .names =
			"disable-content-trust http-proxy init no-healthcheck "
			"no-hostname no-hosts oom-kill-disable passwd privileged publish-all,P "
			"quiet,q read-only read-only-tmpfs replace rootfs sig-proxy "
			"tls-verify unsetenv-all" },
		{ .kind = TEXT, .at = AT(cidfile), .names = "cidfile" },
		{ .kind = BOOL, .at = AT(detach), .names = "detach,d" },
		{ .kind = LIST, .at = AT(envs), .names = "env,e" },
		{ .kind = LIST, .at = AT(env_files), .names = "env-file" },
		{ .kind = BOOL, .at = AT(env_host), .names = "env-host" },
		{ .kind = BOOL, .at = AT(interactive), .names = "interactive,i" },
		{ .kind = TEXT, .at = AT(log_driver), .names = "log-driver" },
		{ .kind = TEXT, .at = AT(name), .names = "name" },
		{ .kind = DESCRIPTORS, .at = AT(highest_fd), .names = "preserve-fd preserve-fds" },
		{ .kind = BOOL, .at = AT(remove), .names = "rm rmi" },
		{ .kind = BOOL, .at = AT(tty), .names = "tty,t" },
	},
};

const struct options start_options = {
	.all_known = true,
	.rows = {
		{ .kind = VALUE, .names = "detach-keys filter,f" },
		{ .kind = FLAG, .names = "all latest,l sig-proxy" },
		{ .kind = BOOL, .at = AT(help), .names = "h" },
		{ .kind = BOOL, .at = AT(attach), .names = "attach,a" },
		{ .kind = BOOL, .at = AT(interactive), .names = "interactive,i" },
	},
};

const struct options restart_options = {
	.all_known = true,
	.rows = {
		{ .kind = VALUE, .names = "filter,f time,t timeout" },
		{ .kind = FLAG, .names = "all,a latest,l running" },
		{ .kind = BOOL, .at = AT(help), .names = "h" },
		{ .kind = TEXT, .at = AT(cidfile), .names = "cidfile" },
	},
};

/* Of the commands from here on the tables have only the options that matter. */
const struct options build_options = {
	.rows = {
		{ .kind = LIST, .at = AT(envs), .names = "build-arg env" },
		{ .kind = TEXT, .at = AT(isolation), .names = "isolation" },
	},
};

static const struct options kube_options = {
	.rows = {
		{ .kind = BOOL, .at = AT(builds), .names = "build" },
	},
};

static const struct options pod_start_options = {
	.rows = {
		{ .kind = VALUE, .names = "pod-id-file" },
	},
};

static const struct options no_options = { .all_known = false };

const struct command command_table[] = {
	{ "build", STARTS_NONE, &build_options },
	{ "builder build", STARTS_NONE, &build_options },
	{ "buildx build", STARTS_NONE, &build_options },
	{ "container clone", STARTS, &no_options },
	{ "container create", STARTS_NONE, &run_options },
	{ "container init", STARTS_NONE, &no_options },
	{ "container restart", STARTS_AND_RETRIES, &restart_options },
	{ "container restore", STARTS, &no_options },
	{ "container run", STARTS_AND_RETRIES, &run_options },
	{ "container runlabel", STARTS_NONE, &no_options },
	{ "container start", STARTS_AND_RETRIES, &start_options },
	{ "create", STARTS_NONE, &run_options },
	{ "farm build", STARTS_NONE, &build_options },
	{ "image build", STARTS_NONE, &build_options },
	{ "init", STARTS_NONE, &no_options },
	{ "kube play", STARTS, &kube_options },
	{ "play kube", STARTS, &kube_options },
	{ "pod clone", STARTS_NONE, &no_options },
	{ "pod create", STARTS_NONE, &no_options },
	{ "pod restart", STARTS, &no_options },
	{ "pod start", STARTS_AND_RETRIES, &pod_start_options },
	{ "restart", STARTS_AND_RETRIES, &restart_options },
	{ "run", STARTS_AND_RETRIES, &run_options },
	{ "start", STARTS_AND_RETRIES, &start_options },
	{ "system service", SERVES, &no_options },
	{ NULL, STARTS_NONE, NULL },
};

/* clang-format on */
