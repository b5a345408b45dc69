// SPDX-License-Identifier: GPL-2.0-only
/* Users and groups by the container's own files. */
#include "container/process.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Return: a number, or -1: it is not one */
static long parse_id(const char *text)
{
	unsigned long id;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	id = strtoul(text, &end, 10);
	if (*end || errno || id >= UINT_MAX)
		return -1;
	return (long)id;
}

static void set_home(struct identity *identity, const char *home)
{
	snprintf(identity->home, sizeof(identity->home), "%s", home);
}

/* By name, or by number. Return: was it there? */
static bool find_user(const char *wanted, long id, struct identity *identity,
		      char *login, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;
	bool found = false;

	if (!file)
		return false;
	while (!found && (entry = fgetpwent(file)))
		if (id >= 0 ? entry->pw_uid == (uid_t)id :
			      !strcmp(entry->pw_name, wanted)) {
			identity->uid = entry->pw_uid;
			identity->gid = entry->pw_gid;
			set_home(identity, entry->pw_dir);
			snprintf(login, size, "%s", entry->pw_name);
			found = true;
		}
	fclose(file);
	return found;
}

/*
 * Finds the group @group (NULL: none), and those that have @user among their
 * members.  Return: was @group there?
 */
static bool find_groups(const char *group, const char *user,
			struct identity *identity)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *entry;
	bool found = false;
	char **member;

	if (!file)
		return false;
	while ((entry = fgetgrent(file))) {
		if (group && !strcmp(entry->gr_name, group)) {
			identity->gid = entry->gr_gid;
			found = true;
		}
		for (member = entry->gr_mem; user[0] && *member; member++)
			if (!strcmp(*member, user) &&
			    identity->nr_groups < PROCESS_GROUPS_MAX)
				identity->groups[identity->nr_groups++] = entry->gr_gid;
	}
	fclose(file);
	return found;
}

int process_identify(const char *user, struct identity *identity,
		     struct error *error)
{
	char name[256], login[256] = "";
	const char *group = strchr(user, ':');
	long id, gid = -1;

	memset(identity, 0, sizeof(*identity));
	set_home(identity, "/");
	snprintf(name, sizeof(name), "%.*s",
		 group ? (int)(group - user) : (int)strlen(user), user);
	if (group)
		group++;
	if (!name[0])
		snprintf(name, sizeof(name), "0");
	id = parse_id(name);
	if (!find_user(name, id, identity, login, sizeof(login))) {
		if (id < 0) {
			error_set(error, 0, "there is no user '%s' in the guest's /etc/passwd",
				  name);
			return error_advise(error, "give a number with -u");
		}
		identity->uid = (uid_t)id;
		if (!id)
			set_home(identity, "/root");
	}
	if (group)
		gid = parse_id(group);
	if (!find_groups(group && gid < 0 ? group : NULL, group ? "" : login,
			 identity) && group && gid < 0) {
		error_set(error, 0, "there is no group '%s' in the guest's /etc/group",
			  group);
		return error_advise(error, "give a number with -u");
	}
	if (gid >= 0)
		identity->gid = (gid_t)gid;
	return 0;
}
