/* SPDX-License-Identifier: GPL-2.0-only */
/* The network of a VM, from within. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

#include "error.h"

/*
 * Sets up lo, and eth0 with the address and the route in @strings (enum wire_setup), if
 * there are any.  Return: 0 or -1
 */
int network_up(char **strings, struct error *error);

#endif /* INIT_NETWORK_H */
