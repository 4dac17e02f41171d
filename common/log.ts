/** Logger: JSON lines on standard output; the only importer of pino. Secrets are never passed to it. */
import { destination, pino } from 'pino';
import type { Logger } from 'pino';

import type { LogLevel } from './log-levels.js';

export type { Logger } from 'pino';

/** @param component field of every line: `agent`, `router`, `supervisor`, ... */
export function createLogger(component: string, level: LogLevel = 'info'): Logger {
  return pino(
    { level, base: { component, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 1, sync: true }),
  );
}

/** A logger that writes nothing, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
