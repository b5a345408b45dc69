/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM's text screen on a terminal, or as text. */
#ifndef CMD_SCREEN_H
#define CMD_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "vmm/screen.h"

/**
 * struct view - what a terminal shows
 * @rows: how many it can show
 * @columns: likewise
 * @drawn: it shows @cells and @cursor
 * @cells: of the screen, as they were drawn
 * @cursor: the cell where it was drawn, or -1
 */
struct view {
	unsigned int rows;
	unsigned int columns;
	bool drawn;
	uint16_t cells[SCREEN_ROWS * SCREEN_COLUMNS];
	int cursor;
};

/* Draws what has changed since the last time. */
void screen_draw(const volatile struct screen *screen, struct view *view, FILE *out);
/* As lines, without colours and without the spaces at their ends */
void screen_print(const volatile struct screen *screen, FILE *out);

#endif /* CMD_SCREEN_H */
