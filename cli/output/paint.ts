/** Colours by meaning, on terminals only; the only importer of picocolors. */
import picocolors from 'picocolors';
import type { Terminal } from './terminal.js';

export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'faint';
export type Paint = (tone: Tone, text: string) => string;

/** Paints on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb. */
export function createPaint(terminal: Terminal): Paint {
  const enabled = terminal.columns !== null && !terminal.env['NO_COLOR'] && terminal.env['TERM'] !== 'dumb';
  const colors = picocolors.createColors(enabled);
  const painters: Readonly<Record<Tone, (text: string) => string>> = {
    plain: (text) => text,
    good: colors.green,
    warning: colors.yellow,
    bad: colors.red,
    faint: colors.dim,
  };
  return (tone, text) => painters[tone](text);
}
