/* ping - one echo request to 127.0.0.1 by a datagram socket, as ping(8) makes one without
   privileges; exits with 0 once it is answered. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct icmphdr request = { .type = ICMP_ECHO }, reply = { .type = ICMP_ECHO };
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	alarm(10);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    send(fd, &request, sizeof request, 0) < 0 || recv(fd, &reply, sizeof reply, 0) < 0) {
		perror("ping");
		return 1;
	}
	return reply.type != ICMP_ECHOREPLY;
}
