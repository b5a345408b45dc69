// SPDX-License-Identifier: GPL-2.0-only
/* A VM enters the network before it is made, and leaves it after its end. */
#include "cmd/run_vm_net.h"

#include <string.h>
#include <unistd.h>

int run_vm_net_choose(struct run_vm_net *net, const char *text, struct error *error)
{
	net->chosen = true;
	net->bridge = !strcmp(text, "bridge");
	if (net->bridge || !strcmp(text, "none"))
		return 0;
	error_set(error, 0, "'%s' is not a network for a VM", text);
	return error_advise(error, "give --net bridge or --net none");
}

int run_vm_net_publish(struct run_vm_net *net, const char *text, struct error *error)
{
	if (net->nr_ports == NET_PORTS_MAX)
		return error_set(error, 0, "a VM can publish %d ports at the most",
				 NET_PORTS_MAX);
	return net_parse_port(text, &net->ports[net->nr_ports++], error);
}

int run_vm_net_check(struct run_vm_net *net, struct error *error)
{
	if (!net->nr_ports)
		return 0;
	if (!net->chosen)
		net->bridge = true;
	if (!net->bridge)
		return error_set(error, 0, "ports can be published with --net bridge only");
	return 0;
}

int run_vm_net_open(struct run_vm_net *net, struct vm_config *config,
		    struct error *error)
{
	if (!net->bridge)
		return 0;
	if (net_attach_vm(&net->net, net->ports, net->nr_ports, &net->vm.tap, error))
		return -1;
	net_describe(&net->net, &net->guest);
	memcpy(net->vm.mac, net->guest.mac, sizeof(net->vm.mac));
	net->vm.mtu = net->guest.mtu;
	config->net = &net->vm;
	return 0;
}

void run_vm_net_forget(struct run_vm_net *net)
{
	net_forget(&net->net);
}

void run_vm_net_close(struct run_vm_net *net)
{
	if (!net->net.private)
		return;
	close(net->vm.tap);
	net_detach(&net->net, 0);
}
