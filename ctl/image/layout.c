// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images from OCI layouts: index.json names manifests, a manifest names the
 * configuration and the layers, all by SHA-256 and size, which are checked before
 * anything is made of them. A layer's whiteouts hide what is in layers below it,
 * and nothing of its own: so they are looked for first, and then it is unpacked.
 */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/config.h"
#include "image/import.h"

#define DIGEST_PREFIX	"sha256:"
#define HEX_LENGTH	((size_t)2 * SHA256_DIGEST_SIZE)
#define INDEX_DEPTH	4

static json_object *get(json_object *object, const char *name)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, name, &value);
	return value;
}

static const char *get_text(json_object *object, const char *name)
{
	json_object *value = get(object, name);

	return json_object_is_type(value, json_type_string) ?
	       json_object_get_string(value) : "";
}

static int check_digest(int fd, const char *wanted, struct error *error)
{
	uint8_t buffer[65536], digest[SHA256_DIGEST_SIZE];
	char hex[HEX_LENGTH + 1];
	struct sha256_ctx context;
	ssize_t n;
	size_t i;

	sha256_init(&context);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		if (import_interrupted())
			return error_set(error, EINTR, "the import");
		sha256_update(&context, (size_t)n, buffer);
	}
	if (n < 0 || lseek(fd, 0, SEEK_SET))
		return error_set(error, errno, "cannot read the blob %.12s", wanted);
	sha256_digest(&context, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (!strcmp(hex, wanted))
		return 0;
	error_set(error, 0, "the blob %.12s is damaged: its SHA-256 is %.12s...", wanted, hex);
	return error_advise(error, "fetch the layout again");
}

/* Return: a descriptor of the blob that a descriptor (of the OCI kind) names, or -1 */
static int open_blob(int layout, json_object *descriptor, struct error *error)
{
	const char *digest = get_text(descriptor, "digest");
	char path[sizeof("blobs/sha256/") + HEX_LENGTH];
	const char *hex = digest + strlen(DIGEST_PREFIX);
	struct stat st;
	int fd;

	if (strncmp(digest, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) ||
	    strlen(hex) != HEX_LENGTH || strspn(hex, "0123456789abcdef") != HEX_LENGTH)
		return error_set(error, 0, "'%.80s' is no SHA-256 digest", digest);
	snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	fd = openat(layout, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		error_set(error, errno, "the blob %.12s", hex);
	} else if (!S_ISREG(st.st_mode) ||
		   st.st_size != json_object_get_int64(get(descriptor, "size"))) {
		error_set(error, 0, "the blob %.12s is not of the size that is said of it", hex);
		error_advise(error, "fetch the layout again");
	} else if (!check_digest(fd, hex, error)) {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static json_object *read_blob(int layout, json_object *descriptor, struct error *error)
{
	int fd = open_blob(layout, descriptor, error);
	json_object *object;

	if (fd < 0)
		return NULL;
	object = config_read(get_text(descriptor, "digest"), fd, error);
	close(fd);
	return object;
}

static bool is_wanted(json_object *descriptor, const char *ref)
{
	json_object *platform = get(descriptor, "platform");
	json_object *annotations = get(descriptor, "annotations");

	if (platform && (strcmp(get_text(platform, "os"), "linux") ||
			 strcmp(get_text(platform, "architecture"), "amd64")))
		return false;
	return !ref || !strcmp(get_text(annotations, "org.opencontainers.image.ref.name"), ref);
}

/* Return: the one that is wanted, which belongs to @index, or NULL */
static json_object *choose_manifest(json_object *index, const char *ref,
				    struct error *error)
{
	json_object *list = get(index, "manifests"), *found = NULL, *item;
	size_t i, count = 0;

	if (!json_object_is_type(list, json_type_array)) {
		error_set(error, 0, "the layout's index has no list of manifests");
		return NULL;
	}
	for (i = 0; i < json_object_array_length(list); i++) {
		item = json_object_array_get_idx(list, i);
		if (is_wanted(item, ref)) {
			found = item;
			count++;
		}
	}
	if (count == 1)
		return found;
	if (count > 1) {
		error_set(error, 0, "the layout has %zu images that could be meant", count);
		error_advise(error, "choose one by its name in index.json: --ref NAME");
	} else {
		error_set(error, 0, "the layout has no image %s%sfor linux/amd64",
			  ref ? ref : "", ref ? " " : "");
	}
	return NULL;
}

/* An index may name another one. Return: the manifest, or NULL */
static json_object *find_manifest(int layout, const char *ref, struct error *error)
{
	json_object *index = NULL, *item, *next;
	int depth, fd;

	fd = openat(layout, "index.json", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		error_set(error, errno, "the layout's index.json");
		return NULL;
	}
	index = config_read("index.json", fd, error);
	close(fd);
	for (depth = 0; index; depth++) {
		if (get(index, "layers"))
			return index;
		item = depth < INDEX_DEPTH ? choose_manifest(index, ref, error) : NULL;
		if (depth == INDEX_DEPTH)
			error_set(error, 0, "the layout's indexes never come to a manifest");
		next = item ? read_blob(layout, item, error) : NULL;
		json_object_put(index);
		index = next;
		ref = NULL;
	}
	return NULL;
}

static int read_image_config(struct import_job *job, int layout, json_object *manifest,
			     struct error *error)
{
	json_object *object = read_blob(layout, get(manifest, "config"), error);
	json_object *config = get(object, "config");
	const char *os = get_text(object, "os");
	const char *architecture = get_text(object, "architecture");
	int ret = -1;

	if (!object)
		return -1;
	if (strcmp(os, "linux") || strcmp(architecture, "amd64"))
		error_set(error, 0, "the image is for %.20s/%.20s, not for linux/amd64",
			  os, architecture);
	else if (config && !json_object_is_type(config, json_type_object))
		error_set(error, 0, "the image's config is no object");
	else
		ret = config_merge(job->config, config, error);
	json_object_put(object);
	return ret;
}

static int add_layer(struct import_job *job, int layout, json_object *descriptor,
		     struct error *error)
{
	char name[sizeof("layer ") + 12];
	int fd = open_blob(layout, descriptor, error);
	int ret;

	if (fd < 0)
		return -1;
	snprintf(name, sizeof(name), "layer %.12s",
		 get_text(descriptor, "digest") + strlen(DIGEST_PREFIX));
	ret = unpack_tar(job, fd, name, UNPACK_WHITEOUTS, error);
	if (!ret && lseek(fd, 0, SEEK_SET))
		ret = error_set(error, errno, "%s", name);
	if (!ret)
		ret = unpack_tar(job, fd, name, UNPACK_FILES, error);
	close(fd);
	return ret;
}

int import_layout(struct import_job *job, const char *path, const char *ref,
		  struct error *error)
{
	int layout = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	json_object *manifest, *layers;
	size_t i;
	int ret;

	if (layout < 0)
		return error_set(error, errno, "cannot open %s", path);
	manifest = find_manifest(layout, ref, error);
	layers = get(manifest, "layers");
	ret = manifest ? read_image_config(job, layout, manifest, error) : -1;
	if (!ret && !json_object_is_type(layers, json_type_array))
		ret = error_set(error, 0, "the layout's manifest has no list of layers");
	for (i = 0; !ret && i < json_object_array_length(layers); i++)
		ret = add_layer(job, layout, json_object_array_get_idx(layers, i), error);
	json_object_put(manifest);
	close(layout);
	return ret;
}
