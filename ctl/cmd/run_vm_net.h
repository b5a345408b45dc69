/* SPDX-License-Identifier: GPL-2.0-only */
/* The network of `lodge run --vm`: its options, and the host's end of it. */
#ifndef RUN_VM_NET_H
#define RUN_VM_NET_H

#include <stdbool.h>

#include "net/net.h"
#include "vmm/vm.h"

/**
 * struct run_vm_net - a VM's network
 * @bridge: it has one (--net bridge)
 * @chosen: --net says so, or that it has none
 * @ports: what -p publishes
 * @nr_ports: how many
 * @net: its address, rules and ports
 * @guest: what it is to know
 * @vm: its interface
 */
struct run_vm_net {
	bool bridge;
	bool chosen;
	struct net_port ports[NET_PORTS_MAX];
	size_t nr_ports;
	struct net net;
	struct net_guest guest;
	struct vm_net vm;
};

/* --net and -p. Return: 0 or -1 */
int run_vm_net_choose(struct run_vm_net *net, const char *text, struct error *error);
int run_vm_net_publish(struct run_vm_net *net, const char *text, struct error *error);

/* After all options. Return: 0, or -1: they exclude each other */
int run_vm_net_check(struct run_vm_net *net, struct error *error);

/**
 * run_vm_net_open() - enter the network, if the VM is to have one
 * @net: after run_vm_net_check()
 * @config: of the VM; gets its interface
 * @error: filled on failure; then nothing is left behind
 *
 * Return: 0 or -1
 */
int run_vm_net_open(struct run_vm_net *net, struct vm_config *config,
		    struct error *error);
/* In the process of the VM itself, which needs its interface alone */
void run_vm_net_forget(struct run_vm_net *net);
/* When that process has ended */
void run_vm_net_close(struct run_vm_net *net);

#endif /* RUN_VM_NET_H */
