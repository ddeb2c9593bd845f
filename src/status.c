/*
 * What the shim tells of itself, where one of its own options is the first argument: what a report
 * of an error should contain. The plan it tells of is that of `podman run`.
 */
#include "shim.h"

#include "ask.h"
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

/* What the status says first. */
struct verdict {
	int status;
	const char *protection, *reason; /* in words */
	const char *advice;              /* NULL: nothing needs to be done */
};

/* Returns the path of the lock that `plan` is about, and in words whether it is free. */
static const char *lock_state(const struct plan *plan)
{
	const char *path = lock_path(), *why = NULL;
	int lock;

	if (!path)
		return "no directory of the user's own";
	if (plan->way == IN_PLACE)
		path = text("%s.create", path);
	lock = take_lock(path, 0, NULL, &why);
	if (lock == NO_LOCK)
		return why ? text("%s: cannot be used: %s", path, why) : text("%s: held", path);
	release_lock(&lock);
	return text("%s: free", path);
}

/* Returns in words how many retries there may be, and of what; or why there are none; or NULL. */
static const char *retries_in_words(const struct plan *plan)
{
	if (plan->way == IN_PLACE)
		return text("%d, of the step that fails", settings.retries);
	return plan->retries ? text("%d, of the command", plan->retries) : plan->no_retries;
}

/* Runs a container of `image`, in which this program says its version, by the program `podman`,
   with the uid mapping that always fails. Returns what came of it in words, and in `*works` whether
   the failure did not. */
static const char *try_container(const char *podman, const char *image, bool *works)
{
	char output[1 << 14];
	char *arguments[] = { text("%s", podman),
			      "run",
			      "--rm",
			      "--pull=never",
			      "--uidmap=999:0:1",
			      "--gidmap=999:0:1",
			      "--user=999:999",
			      "--security-opt=label=disable",
			      text("--volume=%s:/podman-shim:ro", own_path()),
			      "--entrypoint=/podman-shim",
			      text("%s", image),
			      "--shim-version",
			      NULL };
	const struct question question = { .arguments = arguments,
					   .stream = STDERR_FILENO,
					   .timeout = CHECK_TIMEOUT,
					   .acts = true };
	const int status = ask(&question, output, sizeof output);

	*works = status == 0;
	if (*works)
		return "works";
	if (status < 0)
		return "has not ended in time";
	if (strstr(output, "ping_group_range"))
		return "fails by ping_group_range";
	return text("fails otherwise (%d): %s", status, output);
}

/* Runs the container natively and through the shim, if there is an image for it. Returns what came
   of it in words, and in `*works` whether the shim does not fail. */
static const char *check(const char *podman, bool *works)
{
	char *list[] = { text("%s", podman), "images", "--quiet", "--filter=dangling=false", NULL };
	const struct question question = { .arguments = list,
					   .stream = STDOUT_FILENO,
					   .timeout = CHECK_TIMEOUT,
					   .one_line = true };
	const char *natively;
	char image[128];

	*works = true;
	if (!own_path())
		return "the shim's own file has no path";
	ask(&question, image, sizeof image);
	if (!image[0])
		return "no image at hand: podman pull one";
	natively = try_container(podman, image, works);
	setenv("PODMAN_SHIM_REAL", podman, 1); /* also where that is podman-remote */
	return text("natively %s; through podman-shim %s", natively,
		    try_container("/proc/self/exe", image, works));
}

/* Prints `value` so that no other line begins with any of it. */
static void print_text(const char *value)
{
	size_t shown;

	for (; *value; value += shown ? shown : 1) {
		shown = shown_length(value);
		if (shown)
			fwrite(value, 1, shown, stdout);
		else if (*value != '\n')
			putchar('?');
		else if (value[1])
			printf("\n    ");
	}
	putchar('\n');
}

/* Prints `name` and `value`: as a member of a JSON object that is not the first, where one that is
   not UTF-8 is null; or as a line, if there is a value. */
static void print_fact(bool json, const char *name, const char *value)
{
	const char *string = json && value ? toml_string(value) : NULL; /* which is JSON's, too */

	if (json) {
		printf(",\n  \"%s\": %s", name, string ? string : "null");
	} else if (value) {
		printf("%s: ", name);
		print_text(value);
	}
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
	       : is_before(&plan->version, 4, 8)
		   ? "not protected: that needs Podman 4.8"
		   : "not started through podman-shim; podman-shim(1) tells how";
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

/* Returns how far `plan` protects containers; `by_service`: whether the service does; `works`:
   whether a container that was tried has not failed. */
static struct verdict judge(const struct plan *plan, bool by_service, bool works)
{
	const bool is_podman = plan->version.product == PRODUCT_PODMAN;
	const bool reads_override = plan->way == IN_PLACE || plan->version.reads_override;
	struct verdict verdict = { STATUS_PROTECTED, "yes", NULL, NULL };

	if (plan->remote && by_service) {
		verdict.reason =
		    "the service that makes the containers was started through podman-shim";
	} else if (plan->override && is_podman && reads_override) {
		verdict.reason = "podman reads a containers.conf without the sysctl";
	} else {
		verdict.status = STATUS_PARTLY;
		verdict.protection = plan->way == AS_IT_IS ? "no" : "partly";
		verdict.reason =
		    text("%s%s%s", plan->reason, plan->lock ? "; containers start in turns" : "",
			 plan->retries ? "; failures are retried" : "");
		verdict.advice = advise(plan);
		return verdict;
	}
	if (!works) {
		verdict.status = STATUS_PARTLY;
		verdict.protection = "partly";
		verdict.reason = "a container with the mapping that fails natively has not started";
		verdict.advice = "look at what `check` says";
	}
	return verdict;
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
	const char *own = own_path(), *version = plan.version.answer, *override, *service, *checked;
	struct verdict verdict;
	bool by_service, works = true;

	if (!version) /* with PODMAN_SHIM_MODE=off it decides nothing */
		version = find_version(&plan.podman).answer;
	use_override(&plan); /* or why not */
	leave_override();
	override = plan.override ? override_text(&plan) : NULL;
	service = service_state(&plan, &by_service);
	checked = checks ? check(plan.podman.path, &works) : NULL;
	verdict = judge(&plan, by_service, works);
	if (json) {
		printf("{\n  \"protected\": \"%s\"", verdict.protection);
		print_fact(json, "reason", verdict.reason);
	} else {
		printf("protected: %s, because ", verdict.protection);
		print_text(verdict.reason);
	}
	print_fact(json, "advice", verdict.advice);
	print_fact(json, "shim", text("%s, version " VERSION, own ? own : "an unknown file"));
	print_fact(json, "podman", plan.podman.path);
	print_fact(json, "version", nonempty(version));
	print_fact(json, "service", service);
	print_fact(json, "plan", plan_name(&plan));
	print_fact(json, "retries", retries_in_words(&plan));
	print_fact(json, "conmon", plan.conmon);
	print_fact(json, "ping_group_range", plan.ping);
	print_fact(json, "lock", lock_state(&plan));
	print_fact(json, "override", override);
	if (checks)
		print_fact(json, "check", checked);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		print_fact(json, setting_table[i].name, setting_value(&setting_table[i]));
	if (json)
		printf("\n}\n");
	end_output(verdict.status);
}

static void print_help(void)
{
	printf(
	    "podman-shim " VERSION
	    ": podman whose rootless containers do not die of ping_group_range\n"
	    "\n"
	    "podman [ARGUMENT...]                          as podman, but for this failure\n"
	    "podman-shim --shim-status [--json] [--check]  whether containers are protected, and\n"
	    "                                              why; --check runs one, both ways\n"
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

	if (argc == 2 && strcmp(argv[1], "--shim-version") == 0) {
		printf("podman-shim " VERSION "\n");
		end_output(EXIT_SUCCESS);
	}
	if (argc == 2 && strcmp(argv[1], "--shim-help") == 0) {
		print_help();
		end_output(EXIT_SUCCESS);
	}
	if (argc < 2 || strcmp(argv[1], "--shim-status") != 0)
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
