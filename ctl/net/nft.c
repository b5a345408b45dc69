// SPDX-License-Identifier: GPL-2.0-only
/* Tables of nf_tables: libnftnl's objects become messages of one batch. */
#include "net/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PAGE		4096
#define MESSAGE_MAX	4096	/* a rule has less than 1 KiB */

/**
 * struct nft - a batch in the making
 * @batch: its messages so far
 * @seq: the number of the last
 * @rule: the rule that is being made, or NULL
 * @table: the table's name
 * @no_memory: something is missing
 */
struct nft {
	struct nftnl_batch *batch;
	uint32_t seq;
	struct nftnl_rule *rule;
	char table[32];
	bool no_memory;
};

static struct nlmsghdr *message(struct nft *nft, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(nftnl_batch_buffer(nft->batch), type, NFPROTO_IPV4,
				     flags, ++nft->seq);
}

static void next_message(struct nft *nft)
{
	if (nftnl_batch_update(nft->batch) < 0)
		nft->no_memory = true;
}

static void end_rule(struct nft *nft, uint16_t flags)
{
	struct nlmsghdr *header;

	if (!nft->rule)
		return;
	header = message(nft, NFT_MSG_NEWRULE, NLM_F_APPEND | NLM_F_CREATE | flags);
	nftnl_rule_nlmsg_build_payload(header, nft->rule);
	next_message(nft);
	nftnl_rule_free(nft->rule);
	nft->rule = NULL;
}

struct nft *nft_new(const char *name)
{
	struct nft *nft = calloc(1, sizeof(*nft));
	struct nftnl_table *table = nftnl_table_alloc();

	if (nft)
		nft->batch = nftnl_batch_alloc(PAGE, MESSAGE_MAX);
	if (!nft || !nft->batch || !table ||
	    nftnl_table_set_str(table, NFTNL_TABLE_NAME, name)) {
		if (table)
			nftnl_table_free(table);
		nft_free(nft);
		return NULL;
	}
	strncpy(nft->table, name, sizeof(nft->table) - 1);
	nftnl_batch_begin(nftnl_batch_buffer(nft->batch), ++nft->seq);
	next_message(nft);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(message(nft, NFT_MSG_NEWTABLE,
						NLM_F_CREATE | NLM_F_EXCL), table);
	next_message(nft);
	nftnl_table_free(table);
	return nft;
}

void nft_free(struct nft *nft)
{
	if (!nft)
		return;
	if (nft->rule)
		nftnl_rule_free(nft->rule);
	if (nft->batch)
		nftnl_batch_free(nft->batch);
	free(nft);
}

void nft_chain(struct nft *nft, const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	end_rule(nft, 0);
	if (chain && !nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, nft->table) &&
	    !nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name) &&
	    !nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat")) {
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
		nftnl_chain_nlmsg_build_payload(message(nft, NFT_MSG_NEWCHAIN,
							NLM_F_CREATE), chain);
		next_message(nft);
	} else {
		nft->no_memory = true;
	}
	if (chain)
		nftnl_chain_free(chain);
}

void nft_rule(struct nft *nft, const char *chain)
{
	end_rule(nft, 0);
	nft->rule = nftnl_rule_alloc();
	if (!nft->rule || nftnl_rule_set_str(nft->rule, NFTNL_RULE_TABLE, nft->table) ||
	    nftnl_rule_set_str(nft->rule, NFTNL_RULE_CHAIN, chain))
		nft->no_memory = true;
}

/* Return: a new expression of the rule, or NULL */
static struct nftnl_expr *add(struct nft *nft, const char *name)
{
	struct nftnl_expr *expr = nft->rule ? nftnl_expr_alloc(name) : NULL;

	if (expr)
		nftnl_rule_add_expr(nft->rule, expr);
	else
		nft->no_memory = true;
	return expr;
}

static void set_data(struct nft *nft, struct nftnl_expr *expr, uint16_t type,
		     const void *data, uint32_t size)
{
	if (nftnl_expr_set(expr, type, data, size))
		nft->no_memory = true;
}

static void load(struct nft *nft, uint32_t base, size_t offset, uint32_t size)
{
	struct nftnl_expr *expr = add(nft, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, size);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void load_meta(struct nft *nft, uint32_t key)
{
	struct nftnl_expr *expr = add(nft, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static void mask(struct nft *nft, uint32_t bits)
{
	static const uint32_t none;
	struct nftnl_expr *expr = add(nft, "bitwise");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, sizeof(bits));
	set_data(nft, expr, NFTNL_EXPR_BITWISE_MASK, &bits, sizeof(bits));
	set_data(nft, expr, NFTNL_EXPR_BITWISE_XOR, &none, sizeof(none));
}

static void compare(struct nft *nft, bool equal, const void *data, uint32_t size)
{
	struct nftnl_expr *expr = add(nft, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
	set_data(nft, expr, NFTNL_EXPR_CMP_DATA, data, size);
}

static void immediate(struct nft *nft, uint32_t reg, const void *data, uint32_t size)
{
	struct nftnl_expr *expr = add(nft, "immediate");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, reg);
	set_data(nft, expr, NFTNL_EXPR_IMM_DATA, data, size);
}

static void match_address(struct nft *nft, size_t offset, struct in_addr address,
			  unsigned int prefix, bool within)
{
	uint32_t bits = htonl(prefix ? ~0U << (32 - prefix) : 0);

	load(nft, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(address));
	if (prefix < 32)
		mask(nft, bits);
	address.s_addr &= bits;
	compare(nft, within, &address, sizeof(address));
}

void nft_source(struct nft *nft, struct in_addr address, unsigned int prefix)
{
	match_address(nft, offsetof(struct iphdr, saddr), address, prefix, true);
}

void nft_destination(struct nft *nft, struct in_addr address, unsigned int prefix,
		     bool within)
{
	match_address(nft, offsetof(struct iphdr, daddr), address, prefix, within);
}

void nft_destination_local(struct nft *nft)
{
	static const uint32_t local = RTN_LOCAL;
	struct nftnl_expr *expr = add(nft, "fib");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	compare(nft, true, &local, sizeof(local));
}

void nft_destination_port(struct nft *nft, uint8_t protocol, uint16_t port)
{
	uint16_t network_order = htons(port);

	load_meta(nft, NFT_META_L4PROTO);
	compare(nft, true, &protocol, sizeof(protocol));
	/* TCP has it at the same place. */
	load(nft, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct udphdr, dest),
	     sizeof(network_order));
	compare(nft, true, &network_order, sizeof(network_order));
}

void nft_not_out_of(struct nft *nft, const char *interface)
{
	char name[IFNAMSIZ] = "";

	strncpy(name, interface, sizeof(name) - 1);
	load_meta(nft, NFT_META_OIFNAME);
	compare(nft, false, name, sizeof(name));
}

void nft_destination_translated(struct nft *nft)
{
	static const uint32_t none;
	struct nftnl_expr *expr = add(nft, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_STATUS);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	mask(nft, IPS_DST_NAT);
	compare(nft, false, &none, sizeof(none));
}

void nft_masquerade(struct nft *nft)
{
	add(nft, "masq");
}

void nft_translate_destination(struct nft *nft, struct in_addr address, uint16_t port)
{
	uint16_t network_order = htons(port);
	struct nftnl_expr *expr;

	immediate(nft, NFT_REG_1, &address, sizeof(address));
	immediate(nft, NFT_REG_2, &network_order, sizeof(network_order));
	expr = add(nft, "nat");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS |
			   NF_NAT_RANGE_PROTO_SPECIFIED);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFT_REG_2);
}

/* Return: 0 or -1, errno */
static int send_batch(const struct nft *nft, const struct mnl_socket *socket)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int count = nftnl_batch_iovec_len(nft->batch);
	struct iovec *parts = calloc((size_t)count, sizeof(*parts));
	struct msghdr message = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = parts,
		.msg_iovlen = (size_t)count,
	};
	ssize_t sent;

	if (!parts)
		return -1;
	nftnl_batch_iovec(nft->batch, parts, (uint32_t)count);
	sent = sendmsg(mnl_socket_get_fd(socket), &message, 0);
	free(parts);
	return sent < 0 ? -1 : 0;
}

/*
 * The kernel has done all of it by now. What it refuses comes before it acknowledges
 * the last rule, if it does.
 * Return: 0 or -1, errno
 */
static int receive_result(const struct mnl_socket *socket, uint32_t last)
{
	char buffer[2 * MESSAGE_MAX];
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	const struct nlmsgerr *result;
	ssize_t size;

	do {
		size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (size < 0)
			return -1;
		if (!mnl_nlmsg_ok(header, (int)size) || header->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(header) < sizeof(*result)) {
			errno = EPROTO;
			return -1;
		}
		result = mnl_nlmsg_get_payload(header);
		if (result->error) {
			errno = -result->error;
			return -1;
		}
	} while (header->nlmsg_seq != last);
	return 0;
}

static int refused(struct error *error)
{
	int errnum = errno;

	error_set(error, errnum, "cannot make the rules for address translation");
	if (errnum == EPERM)
		return error_advise(error, "run lodge as root");
	return error_advise(error, "run 'modprobe -a nf_tables nft_chain_nat nft_masq nft_nat nft_fib_ipv4' (Linux 5.12 or later)");
}

struct mnl_socket *nft_commit(struct nft *nft, struct error *error)
{
	struct mnl_socket *socket;
	uint32_t last;

	end_rule(nft, NLM_F_ACK);
	last = nft->seq;
	nftnl_batch_end(nftnl_batch_buffer(nft->batch), ++nft->seq);
	next_message(nft);
	if (nft->no_memory) {
		error_set(error, ENOMEM, "no rules for address translation");
		return NULL;
	}
	socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!socket) {
		error_set(error, errno, "this kernel has no netfilter");
		error_advise(error, "run 'modprobe nf_tables', or use --net none or --net host");
		return NULL;
	}
	if (!mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) &&
	    !send_batch(nft, socket) && !receive_result(socket, last))
		return socket;
	refused(error);
	mnl_socket_close(socket);
	return NULL;
}
