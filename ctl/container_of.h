/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CONTAINER_OF_H
#define CONTAINER_OF_H

#include <stddef.h>

/* The struct of @type whose @member @pointer points at */
#define container_of(pointer, type, member)				\
	((type *)((char *)(pointer) - offsetof(type, member)))

#endif /* CONTAINER_OF_H */
