// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "netlink.h"
#include "vm.h"

#define BUFFER_SIZE	65536

static char buffer[BUFFER_SIZE] __attribute__((aligned(8)));

static void parse(const void *data, int len, struct nlattr **attrs)
{
	const char *at = data;

	memset(attrs, 0, NL_MAX_ATTRS * sizeof(*attrs));
	while (len >= (int)sizeof(struct nlattr)) {
		struct nlattr *attr = (struct nlattr *)at;
		int type = attr->nla_type & NLA_TYPE_MASK;
		int size = NLA_ALIGN(attr->nla_len);

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > len)
			die(__FILE__, __LINE__, "a broken attribute");
		if (type < NL_MAX_ATTRS)
			attrs[type] = attr;
		at += size;
		len -= size;
	}
}

void nl_nested(const struct nlattr *nest, struct nlattr **attrs)
{
	parse(nest + 1, nest->nla_len - sizeof(*nest), attrs);
}

u64 nl_get_u64(const struct nlattr *attr)
{
	u64 value = ~0ULL;

	if (attr)
		memcpy(&value, attr + 1, sizeof(value));
	return value;
}

u32 nl_get_u32(const struct nlattr *attr)
{
	u32 value = ~0U;

	if (attr)
		memcpy(&value, attr + 1, sizeof(value));
	return value;
}

const char *nl_get_string(const struct nlattr *attr)
{
	return attr ? (const char *)(attr + 1) : "";
}

void nl_begin(struct nl *nl, u8 cmd, u16 flags)
{
	struct genlmsghdr *genl;

	nl->msg->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	nl->msg->nlmsg_type = nl->family;
	nl->msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nl->msg->nlmsg_seq = ++nl->seq;
	nl->msg->nlmsg_pid = 0;
	genl = NLMSG_DATA(nl->msg);
	*genl = (struct genlmsghdr) { .cmd = cmd, .version = 1 };
}

void nl_attr(struct nl *nl, u16 type, const void *data, size_t len)
{
	struct nlattr *attr = (void *)((char *)nl->msg + nl->msg->nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = sizeof(*attr) + len;
	memset(attr + 1, 0, NLA_ALIGN(len));
	memcpy(attr + 1, data, len);
	nl->msg->nlmsg_len += sizeof(*attr) + NLA_ALIGN(len);
}

void nl_u64(struct nl *nl, u16 type, u64 value)
{
	nl_attr(nl, type, &value, sizeof(value));
}

void nl_u32(struct nl *nl, u16 type, u32 value)
{
	nl_attr(nl, type, &value, sizeof(value));
}

void nl_string(struct nl *nl, u16 type, const char *text)
{
	nl_attr(nl, type, text, strlen(text) + 1);
}

/* The type of the request's attribute at an offset */
static int type_at(const struct nl *nl, u32 offset)
{
	const struct nlattr *attr = (void *)((char *)nl->msg + offset);

	return offset < nl->msg->nlmsg_len ? attr->nla_type & NLA_TYPE_MASK : -1;
}

static int take_ack(struct nl *nl, struct nlmsghdr *h)
{
	struct nlmsgerr *err = NLMSG_DATA(h);
	struct nlattr *attrs[NL_MAX_ATTRS];
	int skip = NLMSG_HDRLEN + sizeof(*err);

	if (!(h->nlmsg_flags & NLM_F_CAPPED) && err->error)
		skip += err->msg.nlmsg_len - sizeof(err->msg);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return err->error;
	parse((char *)h + skip, h->nlmsg_len - skip, attrs);
	snprintf(nl->error, sizeof(nl->error), "%s",
		 nl_get_string(attrs[NLMSGERR_ATTR_MSG]));
	if (attrs[NLMSGERR_ATTR_OFFS])
		nl->bad_attr = type_at(nl, nl_get_u32(attrs[NLMSGERR_ATTR_OFFS]));
	if (attrs[NLMSGERR_ATTR_MISS_TYPE])
		nl->missing = nl_get_u32(attrs[NLMSGERR_ATTR_MISS_TYPE]);
	return err->error;
}

static void take_answer(struct nlmsghdr *h, nl_fn *fn, void *arg)
{
	struct nlattr *attrs[NL_MAX_ATTRS];
	int skip = NLMSG_HDRLEN + GENL_HDRLEN;

	parse((char *)h + skip, h->nlmsg_len - skip, attrs);
	if (fn)
		fn(attrs, arg);
}

int nl_call(struct nl *nl, nl_fn *fn, void *arg)
{
	bool dump = nl->msg->nlmsg_flags & NLM_F_DUMP;
	int count = 0;

	nl->error[0] = '\0';
	nl->bad_attr = -1;
	nl->missing = -1;
	nl->interrupted = false;
	CHECK(send(nl->fd, nl->msg, nl->msg->nlmsg_len, 0));
	for (;;) {
		int len = CHECK(recv(nl->fd, buffer, sizeof(buffer), 0));
		struct nlmsghdr *h = (void *)buffer;

		for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			int ret;

			if (h->nlmsg_seq != nl->seq)
				continue;
			if (h->nlmsg_flags & NLM_F_DUMP_INTR)
				nl->interrupted = true;
			switch (h->nlmsg_type) {
			case NLMSG_ERROR:
				ret = take_ack(nl, h);
				if (ret || !dump)
					return ret ?: count;
				break;
			case NLMSG_DONE:
				memcpy(&ret, NLMSG_DATA(h), sizeof(ret));
				return ret ?: count;
			default:
				count++;
				take_answer(h, fn, arg);
			}
		}
	}
}

struct family {
	u16 id;
	u32 group;
};

static void take_family(struct nlattr **attrs, void *arg)
{
	struct family *family = arg;
	struct nlattr *groups[NL_MAX_ATTRS], *group[NL_MAX_ATTRS];

	family->id = *(u16 *)(attrs[CTRL_ATTR_FAMILY_ID] + 1);
	if (!attrs[CTRL_ATTR_MCAST_GROUPS])
		return;
	nl_nested(attrs[CTRL_ATTR_MCAST_GROUPS], groups);
	nl_nested(groups[1], group);
	family->group = nl_get_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
}

void nl_open(struct nl *nl)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct family family = { 0 };
	int one = 1;

	memset(nl, 0, sizeof(*nl));
	nl->msg = calloc(1, BUFFER_SIZE);
	if (!nl->msg)
		die(__FILE__, __LINE__, "calloc");
	nl->fd = CHECK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
	CHECK(bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK(setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)));

	nl->family = GENL_ID_CTRL;
	nl_begin(nl, CTRL_CMD_GETFAMILY, 0);
	nl_string(nl, CTRL_ATTR_FAMILY_NAME, LODGE_FAMILY_NAME);
	nl_call(nl, take_family, &family);
	nl->family = family.id;
	nl->group = family.group;
}

void nl_close(struct nl *nl)
{
	close(nl->fd);
	free(nl->msg);
}

int nl_join(struct nl *nl)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->group,
			  sizeof(nl->group)) ? -errno : 0;
}

int nl_event(struct nl *nl, unsigned int ms, struct nlattr **attrs)
{
	static char event[8192] __attribute__((aligned(8)));
	struct pollfd pfd = { .fd = nl->fd, .events = POLLIN };
	struct nlmsghdr *h = (void *)event;
	struct genlmsghdr *genl = NLMSG_DATA(h);
	int skip = NLMSG_HDRLEN + GENL_HDRLEN;

	if (poll(&pfd, 1, ms * patience()) <= 0)
		return 0;
	if (recv(nl->fd, event, sizeof(event), 0) < 0)
		return -errno;
	parse((char *)h + skip, h->nlmsg_len - skip, attrs);
	return genl->cmd;
}

long nl_drops(const struct nl *nl)
{
	FILE *file = fopen("/proc/net/netlink", "r");
	unsigned long inode, found;
	char line[256];
	long drops, ret = -1;
	struct stat st;

	if (!file)
		return -1;
	CHECK(fstat(nl->fd, &st));
	inode = st.st_ino;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %ld %lu",
			   &drops, &found) == 2 && found == inode)
			ret = drops;
	fclose(file);
	return ret;
}
