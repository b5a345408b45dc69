// SPDX-License-Identifier: GPL-2.0-only
/* register_syscore() takes a struct syscore whose callbacks get its data. */
/* exported: register_syscore unregister_syscore */
#include <linux/syscore_ops.h>

static int suspend(void *data)
{
	return data ? 0 : -1;
}

static const struct syscore_ops ops = { .suspend = suspend };
static struct syscore syscore = { .ops = &ops };

void probe(void)
{
	register_syscore(&syscore);
	unregister_syscore(&syscore);
}
