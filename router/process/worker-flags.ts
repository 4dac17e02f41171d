/** Words of memory that the main thread and a forwarding thread share. */

/** 1 while commands wait that the thread has not looked for yet. */
export const FLAG_COMMANDS = 0;
/** How many events the main thread has taken, so that the forwarding thread can bound those that wait. */
export const FLAG_EVENTS_TAKEN = 1;
/** How many `beat` commands the thread has executed. */
export const FLAG_BEATS = 2;
export const FLAG_COUNT = 3;
