/*
 * What the shim tells of itself, where one of its own options is the first argument: what a report
 * of an error should contain. The plan it tells of is that of `podman run`.
 */
#include "shim.h"

#include "ask.h"
#include "directory.h"
#include "evidence.h"
#include "file.h"
#include "find.h"
#include "lock.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "settings.h"
#include "status.h"
#include "text.h"
#include "toml.h"
#include "version.h"

/* Exit statuses of --shim-status. */
enum { STATUS_PROTECTED = 0, STATUS_PARTLY = 3 };

#define CHECK_TIMEOUT 60000   /* ms, for a container that does nothing */
#define SERVICE_TIMEOUT 10000 /* ms, for a service that may be on another machine */

struct fact {
	const char *name, *value; /* NULL: there is none */
};

struct report {
	const struct plan *plan;
	int status;
	const char *protection, *reason; /* in words */
	const char *advice;              /* NULL: nothing needs to be done */
	struct fact facts[16];
	size_t count;
};

static void add_fact(struct report *report, const char *name, const char *value)
{
	if (report->count < LENGTH(report->facts))
		report->facts[report->count++] = (struct fact){ name, value };
}

/* Returns the process that holds the lock on the file of `status`, or 0: proc(5), /proc/locks. On
   some file systems, btrfs say, the device there is another than stat(2)'s, and nobody is found. */
static int lock_holder(const struct stat *status)
{
	unsigned long long inode;
	unsigned major_number, minor_number;
	char line[256];
	int pid, holder = 0;
	FILE *file = fopen("/proc/locks", "re");

	while (file && !holder && fgets(line, sizeof line, file))
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    inode == status->st_ino && major(status->st_dev) == major_number &&
		    minor(status->st_dev) == minor_number)
			holder = pid;
	if (file)
		fclose(file);
	return holder;
}

/* Returns in words whether the lock on the file `path` is held, which is not made for that. */
static const char *lock_state(const char *path)
{
	struct stat status;
	const char *state = "free", *why = NULL;
	int fd, holder;

	if (lstat(path, &status) < 0 && errno == ENOENT) {
		const char *directory = text("%.*s./", (int)(base_name(path) - path), path);

		return access(directory, W_OK | X_OK) == 0
			   ? state
			   : text("cannot be used: %s: %s", directory, strerror(errno));
	}
	fd = open_lock(path, 0, &why);
	if (fd == NO_LOCK)
		return text("cannot be used: %s", why);
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && fstat(fd, &status) == 0) {
		holder = lock_holder(&status);
		state = holder > 0 ? text("held by process %d", holder) : "held";
	}
	close(fd);
	return state;
}

/* Returns the last line of `output` that says something, or NULL. What a shim says of it, as how
   often it has tried, is not podman's. */
static const char *last_line(char *output)
{
	size_t length = strlen(output);
	char *line, *newline;

	for (;;) {
		while (length && isspace((unsigned char)output[length - 1]))
			output[--length] = 0;
		newline = strrchr(output, '\n');
		line = newline ? newline + 1 : output;
		if (!newline || !skip_prefix(line, MESSAGE_PREFIX))
			return nonempty(line);
		length = (size_t)(newline - output);
		output[length] = 0;
	}
}

/* Runs a container of `image`, in which this program says its version, by the program `podman`,
   with the uid mapping that always fails. Returns what came of it in words, and in `*works` whether
   the failure did not. */
static const char *try_container(const char *podman, const char *image, bool *works)
{
	const char *path = own_path(), *last;
	char output[1 << 14];
	int status;
	char *arguments[] = { text("%s", podman),
			      "run",
			      "--rm",
			      "--pull=never",
			      "--uidmap=999:0:1",
			      "--gidmap=999:0:1",
			      "--user=999:999",
			      "--security-opt=label=disable",
			      NULL,
			      "--entrypoint=/podman-shim",
			      text("%s", image),
			      "--shim-version",
			      NULL };
	const struct question question = { .arguments = arguments,
					   .stream = STDERR_FILENO,
					   .timeout = CHECK_TIMEOUT };

	*works = false;
	if (!path)
		return "the shim's own file has no path";
	arguments[8] = text("--volume=%s:/podman-shim:ro", path);
	status = ask(&question, output, sizeof output);
	*works = status == 0;
	if (*works)
		return "works";
	last = last_line(output);
	if (status < 0)
		return "has not ended in time";
	if (last && is_failure_line(last, strlen(last)))
		return "fails by ping_group_range";
	return text("fails otherwise (%d): %s", status, last ? last : "without a word");
}

/* Runs the container natively and through the shim, if there is an image for it, and adds to
   `report` what came of it. */
static void add_check(struct report *report)
{
	const char *podman = report->plan->podman.path;
	char *list[] = { text("%s", podman), "images", "--quiet", "--filter=dangling=false", NULL };
	const struct question question = { .arguments = list,
					   .stream = STDOUT_FILENO,
					   .timeout = CHECK_TIMEOUT,
					   .one_line = true };
	char image[128];
	bool works;

	ask(&question, image, sizeof image);
	if (!image[0]) {
		add_fact(report, "check", "no image at hand: podman pull one");
		return;
	}
	add_fact(report, "check natively", try_container(podman, image, &works));
	add_fact(report, "check shim", try_container("/proc/self/exe", image, &works));
	if (!works && report->status == STATUS_PROTECTED) {
		report->status = STATUS_PARTLY;
		report->protection = "partly";
		report->reason = "a container with the mapping that fails natively has not started";
		report->advice = "look at what `check shim` says";
	}
}

/* Returns the value of `setting`, and in `*from` where that is from. */
static const char *setting_value(const struct setting *setting, const char **from)
{
	const char *value = nonempty(getenv(setting->name));

	*from = "environment";
	if (value && (setting->text || setting_number(setting, value) >= 0))
		return value;
	*from = "default";
	return setting->by_default;
}

/* Returns `value` as one line. */
static const char *one_line(const char *value)
{
	char *line = text("%s", value);

	make_printable(line, strlen(line));
	return line;
}

static void print_text(const struct report *report)
{
	const char *from, *value;
	size_t shown;

	printf("protected: %s, because %s\n", report->protection, one_line(report->reason));
	if (report->advice)
		printf("what to do: %s\n", report->advice);
	for (size_t i = 0; i < report->count; i++) {
		const struct fact *fact = &report->facts[i];

		printf("%s:%*s", fact->name, (int)(18 - strlen(fact->name)), "");
		for (value = fact->value ? fact->value : "none"; *value;
		     value += shown ? shown : 1) {
			shown = shown_length(value);
			if (shown)
				fwrite(value, 1, shown, stdout);
			else if (*value != '\n')
				putchar('?');
			else if (value[1])
				printf("\n%*s", 19, "");
		}
		putchar('\n');
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		value = setting_value(&setting_table[i], &from);
		printf("%s=%s (%s)\n", setting_table[i].name, one_line(value), from);
	}
}

/* Prints `name` and `value` as a member of a JSON object; a value that is not UTF-8 is null. */
static void print_member(const char *comma, const char *name, const char *value)
{
	const char *string = value ? toml_string(value) : NULL; /* which is JSON's, too */

	printf("%s\n  \"%s\": %s", comma, name, string ? string : "null");
}

/* Prints the object `name` of all settings: their values, or where those are from. */
static void print_settings(const char *name, bool origins)
{
	const char *from, *value;

	printf(",\n  \"%s\": {", name);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		value = setting_value(&setting_table[i], &from);
		print_member(i ? "," : "", setting_table[i].name, origins ? from : value);
	}
	printf("\n  }");
}

static void print_json(const struct report *report)
{
	putchar('{');
	print_member("", "protected", report->protection);
	print_member(",", "reason", report->reason);
	print_member(",", "what_to_do", report->advice);
	for (size_t i = 0; i < report->count; i++) {
		char *name = text("%s", report->facts[i].name);

		for (char *space = name; (space = strchr(space, ' '));)
			*space = '_';
		print_member(",", name, report->facts[i].value);
	}
	print_settings("settings", false);
	print_settings("from", true);
	printf("\n}\n");
}

/* Returns in words whether the service behind the API socket protects its clients' containers, and
   in `*protects`, too: one that was started through a shim names that as its conmon. */
static const char *service_state(const struct plan *plan, bool *protects)
{
	char *arguments[] = { text("%s", plan->podman.path), "--remote", "info",
			      "--format={{.Host.Conmon.Path}}", NULL };
	const struct question question = { .arguments = arguments,
					   .stream = STDOUT_FILENO,
					   .timeout = SERVICE_TIMEOUT,
					   .one_line = true };
	char conmon[PATH_MAX];

	*protects = false;
	if (plan->version.product != PRODUCT_PODMAN || plan->podman.stands_in)
		return "not asked";
	ask(&question, conmon, sizeof conmon);
	if (conmon[0] != '/')
		return "none answers";
	*protects = is_conmon_alias(conmon);
	return *protects ? "started through podman-shim"
			 : "not started through podman-shim, which podman-shim(1) tells how to do";
}

/* Returns what to do where `plan` does not protect containers for sure. */
static const char *advise(const struct plan *plan)
{
	if (settings.mode == MODE_OFF || settings.mode == MODE_LOCK)
		return "unset PODMAN_SHIM_MODE";
	if (plan->remote)
		return "start the service through podman-shim: podman-shim(1), The API socket";
	if (plan->podman.stands_in || plan->version.product != PRODUCT_PODMAN)
		return "name a Podman by PODMAN_SHIM_REAL";
	return "read what podman-shim(7) says of this reason";
}

/* Notes in `report` how far its plan protects containers; `by_service`: whether the service does.
 */
static void judge(struct report *report, bool by_service)
{
	const struct plan *plan = report->plan;
	const bool is_podman = plan->version.product == PRODUCT_PODMAN;

	report->status = STATUS_PROTECTED;
	report->protection = "yes";
	if (plan->remote && by_service) {
		report->reason =
		    "the service that makes the containers was started through podman-shim";
	} else if (plan->override && is_podman &&
		   (plan->way == IN_PLACE || plan->version.reads_override)) {
		report->reason = "podman reads a containers.conf without the sysctl";
	} else {
		report->status = STATUS_PARTLY;
		report->protection = plan->way == AS_IT_IS ? "no" : "partly";
		report->reason =
		    text("%s%s%s", plan->reason, plan->lock ? "; containers start in turns" : "",
			 plan->retries ? "; failures are retried" : "");
		report->advice = advise(plan);
	}
}

/* Exits with `status`, if what was printed has arrived. */
__attribute__((noreturn)) static void end_output(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) /* or one before */
		die(STATUS_FAILED, "stdout does not take what is printed");
	exit(status);
}

/* Prints the status; exits with it. */
__attribute__((noreturn)) static void print_status(char *argv0, bool json, bool checks)
{
	char *run[] = { argv0, "run", "image", NULL };
	struct plan plan = decide(run, 3);
	struct report report = { .plan = &plan };
	const char *own = own_path(), *lock = lock_path(), *override, *service, *retries;
	bool by_service;

	override = plan.override ? override_text(&plan, plan.alias) : NULL;
	use_override(&plan); /* or why not */
	leave_override();
	service = service_state(&plan, &by_service);
	judge(&report, by_service);
	if (plan.way == IN_PLACE) {
		lock = lock ? text("%s.create", lock) : NULL;
		retries = text("%d, of the step that fails", settings.retries);
	} else {
		retries = plan.retries ? text("%d, of the command", plan.retries) : plan.no_retries;
	}
	add_fact(&report, "shim", text("%s, version " VERSION, own ? own : "a file unknown"));
	add_fact(&report, "podman", plan.podman.path);
	add_fact(&report, "version", nonempty(find_version(&plan.podman).answer));
	add_fact(&report, "remote", plan.remote ? text("yes: %s", plan.remote) : "no");
	add_fact(&report, "service", service);
	add_fact(&report, "plan", plan_name(&plan));
	add_fact(&report, "retries", retries);
	add_fact(&report, "conmon", plan.conmon);
	add_fact(&report, "ping_group_range", plan.ping);
	add_fact(&report, "lock", lock);
	add_fact(&report, "lock state", lock ? lock_state(lock) : NULL);
	add_fact(&report, "override", plan.override ? override : NULL);
	if (checks)
		add_check(&report);
	(json ? print_json : print_text)(&report);
	end_output(report.status);
}

static void print_help(void)
{
	printf(
	    "podman-shim " VERSION
	    ": podman whose rootless containers do not die of ping_group_range\n"
	    "\n"
	    "podman [ARGUMENT...]                          as podman, but for this failure\n"
	    "podman-shim --shim-status [--json] [--check]  whether containers are protected, and\n"
	    "                                              why; --check runs one that always "
	    "fails\n"
	    "podman-shim --shim-help                       this text\n"
	    "podman-shim --shim-version                    the version of podman-shim\n"
	    "\n"
	    "Settings are variables of the environment:\n");
	for (size_t i = 0; i < SETTING_COUNT; i++)
		printf("  %s: %s\n      %s\n", setting_table[i].name, setting_table[i].values,
		       setting_table[i].meaning);
}

void answer_own_option(char **argv, int argc)
{
	bool json = false, checks = false;

	if (argc < 2)
		return;
	if (argc == 2 && strcmp(argv[1], "--shim-version") == 0) {
		printf("podman-shim " VERSION "\n");
		end_output(EXIT_SUCCESS);
	}
	if (argc == 2 && strcmp(argv[1], "--shim-help") == 0) {
		print_help();
		end_output(EXIT_SUCCESS);
	}
	if (strcmp(argv[1], "--shim-status") != 0)
		return;
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--check") == 0)
			checks = true;
		else
			return;
	print_status(argv[0], json, checks);
}
