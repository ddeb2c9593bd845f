/*
 * The terminal of a container. The OCI runtime connects to conmon's socket for it before it writes
 * the sysctls. conmon accepts one connection, and ends if no terminal comes by that: so a create
 * that may be repeated has a socket of the shim's.
 */
#include "shim.h"

#include <sys/un.h>

#include "console.h"
#include "file.h"
#include "text.h"

#ifdef __linux__

#define SUFFIX ".s"
enum { LONGEST_HANDING_ON = 5000 }; /* ms */

/* Fills `address` with `path`. Returns false if that is too long: unix(7). */
static bool set_path(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address->sun_path)
		return false;
	strcpy(address->sun_path, path);
	return true;
}

char *open_console(const char *path, int *fd)
{
	struct sockaddr_un address;
	char *own = text("%s" SUFFIX, path);

	if (!set_path(&address, own))
		return NULL;
	*fd = above_stdio(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	/* the mode that bind(2) gives the file: who may write it may send a terminal */
	if (*fd >= 0 && fchmod(*fd, S_IRWXU) == 0 &&
	    bind(*fd, (struct sockaddr *)&address, sizeof address) == 0) {
		if (listen(*fd, 1) == 0)
			return own;
		unlink(own);
	}
	close_fd(fd);
	return NULL;
}

void close_console(const char *own, int *fd)
{
	if (own)
		unlink(own);
	close_fd(fd);
}

/* A terminal's descriptor, and the bytes beside it: its name, or one that says nothing. */
struct terminal {
	char name[4096];
	struct iovec vector;
	struct msghdr message;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

/* Receives into `terminal` what has been sent to `listener`. Returns whether it is a terminal. */
static bool receive(int listener, struct terminal *terminal)
{
	int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	const struct cmsghdr *header;
	ssize_t length;

	terminal->vector = (struct iovec){ terminal->name, sizeof terminal->name };
	terminal->message = (struct msghdr){
		.msg_iov = &terminal->vector,
		.msg_iovlen = 1,
		.msg_control = terminal->control,
		.msg_controllen = sizeof terminal->control,
	};
	length = connection < 0 ? -1 : recvmsg(connection, &terminal->message, MSG_CMSG_CLOEXEC);
	close_fd(&connection);
	if (length <= 0)
		return false;
	terminal->vector.iov_len = (size_t)length;
	header = CMSG_FIRSTHDR(&terminal->message);
	return header && header->cmsg_len == CMSG_LEN(sizeof(int)); /* of nothing else: unix(7) */
}

void hand_on_console(int fd, const char *path)
{
	struct terminal terminal;
	struct sockaddr_un address;
	struct pollfd ended = { .events = POLLIN };

	if (!receive(fd, &terminal) || !set_path(&address, path))
		return;
	ended.fd = above_stdio(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	/* conmon, which may notice the runtime's end first, would not look for it then */
	if (ended.fd >= 0 && connect(ended.fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    sendmsg(ended.fd, &terminal.message, MSG_NOSIGNAL) > 0)
		poll(&ended, 1, LONGEST_HANDING_ON);
	close_fd(&ended.fd);
}

#endif
