// SPDX-License-Identifier: GPL-2.0-only
/* Draws a text screen: characters of code page 437, attributes of VGA. */
#include "cmd/screen.h"

#define BRIGHT	0x08
#define BLINKS	0x80

/* What the first 32 and the last 129 are in Unicode; the others are ASCII. */
static const uint16_t low[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022,
	0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
	0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static const uint16_t high[129] = {
	0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5,
	0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4,
	0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb,
	0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7,
	0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
	0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab,
	0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
	0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b,
	0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e,
	0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c,
	0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553,
	0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590,
	0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5,
	0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5,
	0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7,
	0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0,
	0x0020,
};

/* VGA counts blue, green, red from the lowest bit on, terminals red, green, blue. */
static const uint8_t colours[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };

/* In UTF-8; none of them needs more than three bytes. */
static void put_character(uint8_t character, FILE *out)
{
	unsigned int code = character;

	if (character < 32)
		code = low[character];
	else if (character >= 127)
		code = high[character - 127];
	if (code < 0x80) {
		fputc((int)code, out);
		return;
	}
	if (code < 0x800) {
		fputc((int)(0xc0 | code >> 6), out);
	} else {
		fputc((int)(0xe0 | code >> 12), out);
		fputc((int)(0x80 | (code >> 6 & 0x3f)), out);
	}
	fputc((int)(0x80 | (code & 0x3f)), out);
}

static void put_attribute(uint8_t attribute, FILE *out)
{
	fprintf(out, "\033[0;%s%u;%um", attribute & BLINKS ? "5;" : "",
		(attribute & BRIGHT ? 90U : 30U) + colours[attribute & 7],
		40U + colours[attribute >> 4 & 7]);
}

static unsigned int word(const volatile struct screen *screen, unsigned int high_register)
{
	return (unsigned int)screen->crtc[high_register] << 8 |
	       screen->crtc[high_register + 1];
}

static uint16_t cell(const volatile struct screen *screen, unsigned int index)
{
	return screen->cells[(word(screen, CRTC_START_HIGH) + index) % SCREEN_CELLS];
}

static int cursor(const volatile struct screen *screen)
{
	unsigned int at = word(screen, CRTC_CURSOR_HIGH) - word(screen, CRTC_START_HIGH);

	if ((screen->crtc[CRTC_CURSOR_START] & CRTC_CURSOR_OFF) ||
	    at >= SCREEN_ROWS * SCREEN_COLUMNS)
		return -1;
	return (int)at;
}

static void draw_row(struct view *view, unsigned int row, FILE *out)
{
	const uint16_t *cells = &view->cells[(size_t)row * SCREEN_COLUMNS];
	unsigned int columns = view->columns < SCREEN_COLUMNS ? view->columns :
								SCREEN_COLUMNS;
	unsigned int i;

	fprintf(out, "\033[%u;1H", row + 1);
	for (i = 0; i < columns; i++) {
		if (!i || cells[i] >> 8 != cells[i - 1] >> 8)
			put_attribute((uint8_t)(cells[i] >> 8), out);
		put_character((uint8_t)cells[i], out);
	}
	fputs("\033[0m", out);
}

/* Return: did the guest change it since? */
static bool take_row(const volatile struct screen *screen, struct view *view,
		     unsigned int row)
{
	bool changed = !view->drawn;
	unsigned int i;

	for (i = row * SCREEN_COLUMNS; i < (row + 1) * SCREEN_COLUMNS; i++) {
		uint16_t now = cell(screen, i);

		changed = changed || now != view->cells[i];
		view->cells[i] = now;
	}
	return changed;
}

void screen_draw(const volatile struct screen *screen, struct view *view, FILE *out)
{
	int at = cursor(screen);
	bool moved = !view->drawn || at != view->cursor;
	unsigned int row;

	for (row = 0; row < SCREEN_ROWS && row < view->rows; row++) {
		if (!take_row(screen, view, row))
			continue;
		draw_row(view, row, out);
		moved = true;
	}
	view->drawn = true;
	view->cursor = at;
	if (!moved)
		return;
	if (at < 0)
		fputs("\033[?25l", out);
	else
		fprintf(out, "\033[?25h\033[%d;%dH", at / SCREEN_COLUMNS + 1,
			at % SCREEN_COLUMNS + 1);
}

void screen_print(const volatile struct screen *screen, FILE *out)
{
	uint8_t line[SCREEN_COLUMNS];
	unsigned int row, i, used;

	for (row = 0; row < SCREEN_ROWS; row++) {
		used = 0;
		for (i = 0; i < SCREEN_COLUMNS; i++) {
			line[i] = (uint8_t)cell(screen, row * SCREEN_COLUMNS + i);
			if (line[i] && line[i] != ' ' && line[i] != 0xff)
				used = i + 1;
		}
		for (i = 0; i < used; i++)
			put_character(line[i], out);
		fputc('\n', out);
	}
}
