// SPDX-License-Identifier: GPL-2.0-only
/* The folders of guests. */
#include "container/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/cgroup.h"
#include "fd.h"

#define STATE_FILE	"state.json"

int state_make_folder(const char *path, struct error *error)
{
	char part[PATH_MAX];
	const char *end = path;

	do {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		if (mkdir(part, 0755) && errno != EEXIST)
			return error_set(error, errno, "cannot make the folder %s", part);
	} while (*end);
	return 0;
}

uint64_t state_start_time(pid_t pid)
{
	char path[32], text[1024];
	unsigned long long started = 0;
	char *rest;
	ssize_t count;
	int fd, field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	count = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (count <= 0)
		return 0;
	text[count] = '\0';
	/* The name, which may have spaces, ends with the last parenthesis. */
	rest = strrchr(text, ')');
	for (field = 2; rest && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	if (rest)
		started = strtoull(rest + 1, NULL, 10);
	return started;
}

static int open_parent(void)
{
	return open(STATE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int state_open(const char *name)
{
	int parent = open_parent();
	int folder, errnum;

	if (parent < 0)
		return -1;
	folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	errnum = errno;
	close(parent);
	errno = errnum;
	return folder;
}

static int remove_at(int parent, const char *name)
{
	static const char *const files[] = {
		STATE_FILE, (STATE_FILE ".new"), "log", "log.old", STATE_CONTROL
	};
	int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t i;

	if (folder < 0)
		return errno == ENOENT ? 0 : -1;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(folder, files[i], 0);
	close(folder);
	return unlinkat(parent, name, AT_REMOVEDIR);
}

int state_wait_for_end(const char *name)
{
	int folder = state_open(name);
	int result;

	if (folder < 0)
		return errno == ENOENT ? 0 : -1;
	do
		result = flock(folder, LOCK_SH);
	while (result && errno == EINTR);
	close(folder);
	return result;
}

int state_remove(const char *name)
{
	int parent = open_parent();
	int result, errnum;

	if (parent < 0)
		return errno == ENOENT ? 0 : -1;
	result = remove_at(parent, name);
	errnum = errno;
	close(parent);
	errno = errnum;
	return result;
}

void state_end(int *folder, struct state *state, int status)
{
	struct error ignored;

	if (*folder < 0)
		return;
	state->status = status;
	if (state->keep)
		state_save(*folder, state, &ignored);
	else
		state_remove(state->name);
	close_fd(folder);
}

bool state_is_alive(int folder)
{
	if (!flock(folder, LOCK_SH | LOCK_NB)) {
		flock(folder, LOCK_UN);
		return false;
	}
	return true;
}

/* What a keeper left that was killed together with its janitor */
static void sweep_one(int parent, const char *name)
{
	struct state state;
	struct error error;
	bool alive;
	char cgroup[PATH_MAX];
	int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		return;
	alive = state_is_alive(folder);
	close(folder);
	if (alive)
		return;
	if (!cgroup_path(cgroup, name, &error) && !access(cgroup, F_OK))
		cgroup_destroy(cgroup);
	if (state_load(&state, name, NULL, &error)) {
		remove_at(parent, name);
		return;
	}
	if (!state.keep)
		remove_at(parent, name);
	state_free(&state);
}

static void sweep(int parent)
{
	int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!list) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(list)))
		if (entry->d_name[0] != '.')
			sweep_one(parent, entry->d_name);
	closedir(list);
}

static int reserve(int parent, const char *name, struct state *state,
		   struct error *error)
{
	unsigned int i;

	if (name) {
		snprintf(state->name, sizeof(state->name), "%s", name);
		if (!mkdirat(parent, name, 0700))
			return 0;
		if (errno != EEXIST)
			return error_set(error, errno, "cannot make " STATE_FOLDER "/%s",
					 name);
		error_set(error, 0, "a guest has the name '%s' already", name);
		return error_advise(error, "give another, or remove it with 'lodge rm %s'",
				    name);
	}
	for (i = 0; i < 1000; i++) {
		snprintf(state->name, sizeof(state->name), i ? "%s-%d-%u" : "%s-%d",
			 state->vm ? "vm" : "ct", (int)getpid(), i);
		if (!mkdirat(parent, state->name, 0700))
			return 0;
		if (errno != EEXIST)
			break;
	}
	return error_set(error, errno, "cannot make a folder in " STATE_FOLDER);
}

int state_create(const char *name, struct state *state, struct error *error)
{
	int parent, folder = -1;

	if (state_make_folder(STATE_FOLDER, error))
		return -1;
	parent = open_parent();
	if (parent < 0 || flock(parent, LOCK_EX)) {
		error_set(error, errno, "cannot lock " STATE_FOLDER);
		goto out;
	}
	/* Under the lock: a folder that is being made is not swept away. */
	sweep(parent);
	if (reserve(parent, name, state, error))
		goto out;
	folder = openat(parent, state->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0 && flock(folder, LOCK_EX)) {
		close(folder);
		folder = -1;
	}
	if (folder < 0) {
		error_set(error, errno, "cannot lock " STATE_FOLDER "/%s", state->name);
		unlinkat(parent, state->name, AT_REMOVEDIR);
	}
out:
	if (parent >= 0)
		close(parent);
	return folder;
}

static struct json_object *string_list(char **strings)
{
	struct json_object *list = json_object_new_array();

	for (; strings && *strings; strings++)
		json_object_array_add(list, json_object_new_string(*strings));
	return list;
}

/* NAME: [soft, hard]; -1 is unlimited */
static struct json_object *limits_to_json(const struct rlimits *limits)
{
	struct json_object *json = json_object_new_object(), *pair;
	unsigned int i;

	for (i = 0; rlimits_name(i); i++) {
		if (!(limits->given & 1U << i))
			continue;
		pair = json_object_new_array();
		json_object_array_add(pair, json_object_new_int64((int64_t)limits->limit[i].soft));
		json_object_array_add(pair, json_object_new_int64((int64_t)limits->limit[i].hard));
		json_object_object_add(json, rlimits_name(i), pair);
	}
	return json;
}

static struct json_object *to_json(const struct state *state)
{
	const struct process *process = &state->process;
	struct json_object *json = json_object_new_object();
	char caps[20];

	snprintf(caps, sizeof(caps), "%016" PRIx64, process->caps);
	json_object_object_add(json, "name", json_object_new_string(state->name));
	json_object_object_add(json, "kind",
			       json_object_new_string(state->vm ? "vm" : "container"));
	json_object_object_add(json, "image", json_object_new_string(state->image));
	json_object_object_add(json, "cgroup", json_object_new_string(state->cgroup));
	json_object_object_add(json, "init", json_object_new_int(state->init));
	json_object_object_add(json, "init_started",
			       json_object_new_int64((int64_t)state->init_started));
	json_object_object_add(json, "keeper", json_object_new_int(state->keeper));
	json_object_object_add(json, "keep", json_object_new_boolean(state->keep));
	json_object_object_add(json, "userns", json_object_new_boolean(state->userns));
	json_object_object_add(json, "status", json_object_new_int(state->status));
	json_object_object_add(json, "kernel", json_object_new_string(state->kernel));
	json_object_object_add(json, "processes",
			       json_object_new_int64((int64_t)state->processes));
	json_object_object_add(json, "memory_peak",
			       json_object_new_int64((int64_t)state->memory_peak));
	json_object_object_add(json, "memory_end",
			       json_object_new_int64((int64_t)state->memory_end));
	json_object_object_add(json, "command", string_list(process->argv));
	json_object_object_add(json, "env", string_list(process->env));
	json_object_object_add(json, "workdir",
			       json_object_new_string(process->workdir));
	json_object_object_add(json, "user", json_object_new_string(process->user));
	json_object_object_add(json, "caps", json_object_new_string(caps));
	json_object_object_add(json, "seccomp",
			       json_object_new_boolean(process->seccomp));
	json_object_object_add(json, "no_new_privs",
			       json_object_new_boolean(process->no_new_privs));
	json_object_object_add(json, "ulimits", limits_to_json(&process->limits));
	return json;
}

int state_save(int folder, const struct state *state, struct error *error)
{
	struct json_object *json = to_json(state);
	const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY);
	size_t length = strlen(text);
	int fd = openat(folder, STATE_FILE ".new",
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int result = 0;

	if (fd < 0 || write(fd, text, length) != (ssize_t)length ||
	    renameat(folder, STATE_FILE ".new", folder, STATE_FILE))
		result = error_set(error, errno, "cannot write " STATE_FOLDER "/%s/"
				   STATE_FILE, state->name);
	if (fd >= 0)
		close(fd);
	json_object_put(json);
	return result;
}

static const char *get_string(struct json_object *json, const char *name)
{
	struct json_object *value;
	const char *text = NULL;

	if (json_object_object_get_ex(json, name, &value))
		text = json_object_get_string(value);
	return text ? text : "";
}

static int64_t get_number(struct json_object *json, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(json, name, &value))
		return 0;
	return json_object_get_int64(value);
}

static bool get_bool(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(json, name, &value) &&
	       json_object_get_boolean(value);
}

static char **get_list(struct json_object *json, const char *name)
{
	struct json_object *list = NULL, *value;
	size_t count, i;
	char **strings;

	if (!json_object_object_get_ex(json, name, &list) ||
	    !json_object_is_type(list, json_type_array))
		list = NULL;
	count = list ? json_object_array_length(list) : 0;
	strings = calloc(count + 1, sizeof(*strings));
	if (!strings)
		return NULL;
	for (i = 0; i < count; i++) {
		value = json_object_array_get_idx(list, i);
		strings[i] = (char *)json_object_get_string(value);
	}
	return strings;
}

static void limits_from_json(struct json_object *json, struct rlimits *limits)
{
	struct json_object *all, *pair;
	unsigned int i;

	if (!json_object_object_get_ex(json, "ulimits", &all))
		return;
	for (i = 0; rlimits_name(i); i++) {
		if (!json_object_object_get_ex(all, rlimits_name(i), &pair) ||
		    !json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2)
			continue;
		limits->given |= 1U << i;
		limits->limit[i].soft = (uint64_t)
			json_object_get_int64(json_object_array_get_idx(pair, 0));
		limits->limit[i].hard = (uint64_t)
			json_object_get_int64(json_object_array_get_idx(pair, 1));
	}
}

static int from_json(struct state *state, struct json_object *json)
{
	state->json = json;
	state->vm = !strcmp(get_string(json, "kind"), "vm");
	state->image = get_string(json, "image");
	snprintf(state->cgroup, sizeof(state->cgroup), "%s",
		 get_string(json, "cgroup"));
	state->init = (pid_t)get_number(json, "init");
	state->init_started = (uint64_t)get_number(json, "init_started");
	state->keeper = (pid_t)get_number(json, "keeper");
	state->keep = get_bool(json, "keep");
	state->userns = get_bool(json, "userns");
	state->status = (int)get_number(json, "status");
	snprintf(state->kernel, sizeof(state->kernel), "%s", get_string(json, "kernel"));
	state->processes = (uint32_t)get_number(json, "processes");
	state->memory_peak = (uint64_t)get_number(json, "memory_peak");
	state->memory_end = (uint64_t)get_number(json, "memory_end");
	state->process.argv = get_list(json, "command");
	state->process.env = get_list(json, "env");
	state->process.workdir = get_string(json, "workdir");
	state->process.user = get_string(json, "user");
	state->process.caps = strtoull(get_string(json, "caps"), NULL, 16);
	state->process.seccomp = get_bool(json, "seccomp");
	state->process.no_new_privs = get_bool(json, "no_new_privs");
	limits_from_json(json, &state->process.limits);
	return state->process.argv && state->process.env ? 0 : -1;
}

int state_load(struct state *state, const char *name, bool *alive,
	       struct error *error)
{
	int folder = -1, file = -1;
	struct json_object *json;

	memset(state, 0, sizeof(*state));
	if (!name[0] || name[0] == '.' || strchr(name, '/') ||
	    strlen(name) >= sizeof(state->name)) {
		errno = ENOENT;
	} else {
		folder = state_open(name);
		if (folder >= 0)
			file = openat(folder, STATE_FILE, O_RDONLY | O_CLOEXEC);
	}
	if (file < 0) {
		if (errno == ENOENT) {
			error_set(error, 0, "there is no guest '%s'", name);
			error_advise(error, "'lodge ps' lists them");
		} else {
			error_set(error, errno, "cannot look at the guest '%s'", name);
		}
		if (folder >= 0)
			close(folder);
		return -1;
	}
	if (alive)
		*alive = state_is_alive(folder);
	close(folder);
	json = json_object_from_fd(file);
	close(file);
	snprintf(state->name, sizeof(state->name), "%s", name);
	if (json && !from_json(state, json))
		return 0;
	state_free(state);
	return error_set(error, 0, "the state of the guest '%s' is broken", name);
}

void state_free(struct state *state)
{
	free(state->process.argv);
	free(state->process.env);
	json_object_put(state->json);
	memset(state, 0, sizeof(*state));
}

int state_open_init(const struct state *state, struct error *error)
{
	int pidfd = (int)syscall(SYS_pidfd_open, state->init, 0);

	/* Another process may have the number by now. */
	if (pidfd >= 0 && state_start_time(state->init) == state->init_started)
		return pidfd;
	if (pidfd >= 0)
		close(pidfd);
	return error_set(error, 0, "the guest '%s' is not running", state->name);
}

int state_check_running(const struct state *state, struct error *error)
{
	char path[PATH_MAX + 16];
	bool paused;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", state->cgroup);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	paused = fd >= 0 && cgroup_is_frozen(fd);
	if (fd >= 0)
		close(fd);
	if (!paused)
		return 0;
	error_set(error, 0, "the guest '%s' is paused", state->name);
	return error_advise(error, "'lodge resume %s' lets it go on", state->name);
}
