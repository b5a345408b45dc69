/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of nf_tables that belongs to a netlink socket and ends with it, made in
 * one transaction. Whatever there is no memory for on the way, nft_commit() tells.
 */
#ifndef NET_NFT_H
#define NET_NFT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct mnl_socket;
struct nft;

/* Begins the IPv4 table @name. Return: NULL without memory */
struct nft *nft_new(const char *name);
void nft_free(struct nft *nft);

/* A chain for address translation; @hook is of enum nf_inet_hooks. */
void nft_chain(struct nft *nft, const char *name, uint32_t hook, int32_t priority);

/* A rule of that chain, of conditions and a verdict up to the next rule or chain */
void nft_rule(struct nft *nft, const char *chain);

/* The packet's address is in the network @address/@prefix, or is not. */
void nft_source(struct nft *nft, struct in_addr address, unsigned int prefix);
void nft_destination(struct nft *nft, struct in_addr address, unsigned int prefix,
		     bool within);
/* Its destination is an address of this host's. */
void nft_destination_local(struct nft *nft);
/* @protocol is that of <netinet/in.h>. */
void nft_destination_port(struct nft *nft, uint8_t protocol, uint16_t port);
void nft_not_out_of(struct nft *nft, const char *interface);
/* Its connection was led elsewhere than it meant to go. */
void nft_destination_translated(struct nft *nft);

void nft_masquerade(struct nft *nft);
void nft_translate_destination(struct nft *nft, struct in_addr address, uint16_t port);

/**
 * nft_commit() - make the table
 * @nft: what it has
 * @error: filled on failure; then nothing was made
 *
 * Return: the socket that the table lives and dies with, or NULL
 */
struct mnl_socket *nft_commit(struct nft *nft, struct error *error);

#endif /* NET_NFT_H */
