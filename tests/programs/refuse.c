/*
 * refuse - executes a program for which the kernel refuses something
 *
 *     refuse WHAT PROGRAM [ARGUMENT...]
 *
 * WHAT is a row of the table below. A seccomp filter does it, so it also holds for static
 * programs and for all that they start.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* linux/memfd.h, from 6.3 on */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const struct refusal {
	const char *name;
	unsigned call;  /* number of the system call */
	unsigned flags; /* refuse only if the second argument has these; 0: always */
	unsigned error;
} refusals[] = {
	{ "memfd_create", SYS_memfd_create, 0, EPERM },
	/* as kernels do that do not know it, before 6.3 */
	{ "memfd_create-noexec_seal", SYS_memfd_create, MFD_NOEXEC_SEAL, EINVAL },
	{ "fork", SYS_clone, 0, EAGAIN },
#ifdef SYS_fork /* of musl's fork(2) */
	{ "fork", SYS_fork, 0, EAGAIN },
#endif
	{ "flock", SYS_flock, 0, ENOLCK },
	{ "kill", SYS_kill, 0, EPERM },
};

static int refuse(const struct refusal *refusal)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal->call, 0, 4),
		/* the low half of the argument, on a little-endian machine */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refusal->flags),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal->flags, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal->error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof instructions / sizeof *instructions, instructions };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int main(int argc, char **argv)
{
	int filters = 0;

	for (size_t i = 0; argc > 2 && i < sizeof refusals / sizeof *refusals; i++)
		if (strcmp(argv[1], refusals[i].name) == 0)
			filters += refuse(&refusals[i]) == 0 ? 1 : 99;
	if (filters > 0 && filters < 99)
		execvp(argv[2], argv + 2);
	perror("refuse");
	return 99;
}
