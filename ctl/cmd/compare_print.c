// SPDX-License-Identifier: GPL-2.0-only
/* What `lodge compare` has found: as text, as JSON, as a picture. */
#include "cmd/compare.h"

#include <inttypes.h>

#include "json.h"

#define BAR_MAX		16
#define COLUMN		30
#define WALL_MAX	96

/**
 * struct row - a figure of both
 * @title: what it is
 * @unit: "s", "MiB"
 * @vm: of the VM
 * @container: of the container
 */
struct row {
	const char *title;
	const char *unit;
	double vm;
	double container;
};

#define NR_ROWS	4

static void fill_rows(struct row rows[NR_ROWS], const struct comparison *comparison)
{
	const struct measurement *vm = &comparison->vm;
	const struct measurement *container = &comparison->container;

	rows[0] = (struct row){ "time to the command", "s", (double)vm->to_command / 1e9,
				(double)container->to_command / 1e9 };
	rows[1] = (struct row){ "time in all", "s", (double)vm->total / 1e9,
				(double)container->total / 1e9 };
	rows[2] = (struct row){ "memory, the most", "MiB",
				(double)vm->memory_peak / 1048576,
				(double)container->memory_peak / 1048576 };
	rows[3] = (struct row){ "memory, at the end", "MiB",
				(double)vm->memory_end / 1048576,
				(double)container->memory_end / 1048576 };
}

/* How much of the longer bar of both it has, from 0 to 1 */
static double part_of(double value, const struct row *row)
{
	double most = row->vm > row->container ? row->vm : row->container;

	return most > 0 ? value / most : 0;
}

/* Its bar, where the longest has @most; what is there can be seen. */
static int bar_of(double value, const struct row *row, int most)
{
	int length = (int)(part_of(value, row) * most + 0.5);

	return value > 0 && !length ? 1 : length;
}

static void format_value(char text[24], double value, const char *unit)
{
	if (value > 0)
		snprintf(text, 24, "%.*f %s", value < 10 ? 2 : 1, value, unit);
	else
		snprintf(text, 24, "not known");
}

static void print_cell(double value, const struct row *row, bool last)
{
	int length = bar_of(value, row, BAR_MAX), i;
	char text[24], bar[BAR_MAX + 1];

	format_value(text, value, row->unit);
	for (i = 0; i < length; i++)
		bar[i] = '#';
	bar[length] = '\0';
	printf("%10s  %-*s", text, last ? 0 : COLUMN - 12, bar);
}

static void format_wall(char vm[WALL_MAX], char container[WALL_MAX],
			const struct comparison *comparison)
{
	snprintf(vm, WALL_MAX, "%s, nested paging", comparison->hardware);
	snprintf(container, WALL_MAX, "%u namespaces, %u hooks",
		 comparison->nr_namespaces, comparison->nr_hooks);
}

void compare_print(const struct comparison *comparison)
{
	char vm[WALL_MAX], container[WALL_MAX];
	struct row rows[NR_ROWS];
	int i;

	fill_rows(rows, comparison);
	printf("%-20s  %-*s%s\n", "", COLUMN, "VM", "container");
	for (i = 0; i < NR_ROWS; i++) {
		printf("%-20s  ", rows[i].title);
		print_cell(rows[i].vm, &rows[i], false);
		print_cell(rows[i].container, &rows[i], true);
		putchar('\n');
	}
	printf("%-20s  %-*s%s\n", "kernel", COLUMN, comparison->vm.kernel,
	       comparison->container.kernel);
	printf("%-20s  %-*u%u\n", "processes seen", COLUMN, comparison->vm.processes,
	       comparison->container.processes);
	format_wall(vm, container, comparison);
	printf("%-20s  %-*s%s\n", "wall", COLUMN, vm, container);
	printf("%-20s  %u hooks around its process\n", "", comparison->nr_hooks);
}

static void json_measurement(const char *name, const struct measurement *measurement)
{
	printf("  \"%s\": { \"time-to-command\": %" PRIu64 ", \"time\": %" PRIu64, name,
	       measurement->to_command, measurement->total);
	if (measurement->memory_peak)
		printf(", \"memory-peak\": %" PRIu64, measurement->memory_peak);
	if (measurement->memory_end)
		printf(", \"memory-end\": %" PRIu64, measurement->memory_end);
	printf(", ");
	json_string("kernel", measurement->kernel);
	printf(", \"processes\": %u, \"status\": %d, \"wall\": { ", measurement->processes,
	       measurement->status);
}

void compare_print_json(const struct comparison *comparison)
{
	char **word;

	printf("{ ");
	json_string("image", comparison->image);
	printf(", \"command\": [");
	for (word = comparison->command; *word; word++) {
		fputs(word == comparison->command ? "" : ", ", stdout);
		json_text(*word);
	}
	printf("],\n");
	json_measurement("vm", &comparison->vm);
	json_string("hardware", comparison->hardware);
	printf(", \"nested-paging\": true, \"hooks\": %u } },\n", comparison->nr_hooks);
	json_measurement("container", &comparison->container);
	printf("\"namespaces\": %u, \"hooks\": %u } } }\n", comparison->nr_namespaces,
	       comparison->nr_hooks);
}

static void print_xml(FILE *file, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		default:
			/* Not everything can be in XML at all. */
			fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
		}
}

#define LEFT		180
#define BAR_WIDTH	420
#define BAR_HEIGHT	16
#define ROW_HEIGHT	52
#define TOP		64

static void draw_bar(FILE *file, int y, const char *color, double value,
		     const struct row *row)
{
	int width = bar_of(value, row, BAR_WIDTH);
	char text[24];

	format_value(text, value, row->unit);
	fprintf(file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n"
		"<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT, y, width, BAR_HEIGHT, color,
		LEFT + width + 8, y + BAR_HEIGHT - 3, text);
}

static void draw_texts(FILE *file, int y, const char *title, const char *vm,
		       const char *container)
{
	fprintf(file, "<text x=\"12\" y=\"%d\">%s</text>\n<text x=\"%d\" y=\"%d\">", y, title,
		LEFT, y);
	print_xml(file, vm);
	fprintf(file, "</text>\n<text x=\"%d\" y=\"%d\">", LEFT + BAR_WIDTH / 2 + 40, y);
	print_xml(file, container);
	fputs("</text>\n", file);
}

int compare_print_svg(const struct comparison *comparison, FILE *file)
{
	static const char vm_color[] = "#3465a4", container_color[] = "#f57900";
	int i, y, height = TOP + NR_ROWS * ROW_HEIGHT + 4 * 24 + 16;
	char vm[WALL_MAX], container[WALL_MAX];
	struct row rows[NR_ROWS];
	char **word;

	fill_rows(rows, comparison);
	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"%d\"\n"
		"font-family=\"sans-serif\" font-size=\"13\">\n"
		"<rect width=\"720\" height=\"%d\" fill=\"white\"/>\n"
		"<text x=\"12\" y=\"24\" font-size=\"16\" font-weight=\"bold\">", height, height);
	print_xml(file, comparison->image);
	for (word = comparison->command; *word; word++) {
		fputc(' ', file);
		print_xml(file, *word);
	}
	fprintf(file, "</text>\n<rect x=\"%d\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/>\n"
		"<text x=\"%d\" y=\"45\">VM</text>\n"
		"<rect x=\"%d\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/>\n"
		"<text x=\"%d\" y=\"45\">container</text>\n", LEFT, vm_color, LEFT + 18,
		LEFT + 60, container_color, LEFT + 78);
	for (i = 0, y = TOP; i < NR_ROWS; i++, y += ROW_HEIGHT) {
		fprintf(file, "<text x=\"12\" y=\"%d\">%s</text>\n", y + BAR_HEIGHT + 4,
			rows[i].title);
		draw_bar(file, y, vm_color, rows[i].vm, &rows[i]);
		draw_bar(file, y + BAR_HEIGHT + 2, container_color, rows[i].container,
			 &rows[i]);
	}
	draw_texts(file, y + 12, "", "VM", "container");
	draw_texts(file, y + 36, "kernel", comparison->vm.kernel, comparison->container.kernel);
	snprintf(vm, sizeof(vm), "%u", comparison->vm.processes);
	snprintf(container, sizeof(container), "%u", comparison->container.processes);
	draw_texts(file, y + 60, "processes seen", vm, container);
	format_wall(vm, container, comparison);
	draw_texts(file, y + 84, "wall", vm, container);
	fputs("</svg>\n", file);
	return fflush(file) || ferror(file) ? -1 : 0;
}
