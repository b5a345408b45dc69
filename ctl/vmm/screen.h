/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The text screen of a VM, as it is shared with who looks at it: a memory file of the
 * VMM's with this name.  Both sides distrust the other: the guest can write anything
 * there, and a watcher only reads.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdint.h>

#define SCREEN_NAME	"lodge-screen"

#define SCREEN_COLUMNS	80
#define SCREEN_ROWS	25
#define SCREEN_CELLS	16384

/* Registers of the CRT controller that are heeded (IBM VGA, 2-51) */
#define CRTC_CURSOR_START	0x0a
#define CRTC_CURSOR_OFF		0x20	/* a bit of that */
#define CRTC_START_HIGH		0x0c	/* first cell that is shown */
#define CRTC_START_LOW		0x0d
#define CRTC_CURSOR_HIGH	0x0e
#define CRTC_CURSOR_LOW		0x0f
#define CRTC_REGISTERS		32

/**
 * struct screen - the screen
 * @cells: at 0xb8000: a character each, and its attribute in the upper byte
 * @crtc: the controller's registers
 */
struct screen {
	uint16_t cells[SCREEN_CELLS];
	uint8_t crtc[CRTC_REGISTERS];
};

#endif /* SCREEN_H */
