/** Command `meshctl preflight`: calls {@link Preflight}, prints its findings, and gives the exit code of the worst one. */
import type { Finding, Verdict } from '../../agent/preflight/index.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { formatDocument } from '../output/output.js';
import type { OutputFormat, View } from '../output/output.js';
import { createPaint } from '../output/paint.js';
import type { Tone } from '../output/paint.js';
import { formatTable, printable } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

/** Looks at this host and changes nothing. Throws a HeddleError when the configuration is not valid. */
export type Preflight = () => Promise<readonly Finding[]>;

const TONES: Readonly<Record<Verdict, Tone>> = { ok: 'good', warning: 'warning', failed: 'bad' };

/** A row per finding, then the lines to type, whole, so that they can be copied. */
const findingsView: View<readonly Finding[]> = {
  text(findings, { paint }) {
    const table = formatTable(
      findings,
      [
        { title: 'VERDICT', text: ({ verdict }) => verdict, tone: ({ verdict }) => TONES[verdict] },
        { title: 'CHECK', text: ({ check }) => check },
        { title: 'FOUND', text: ({ message }) => message },
      ],
      paint,
      null,
    );
    const lines = findings.filter(({ line }) => line !== null);
    return [table, ...lines.map(({ check, line }) => `${printable(check)}: ${printable(line ?? '')}\n`)].join('');
  },
};

export async function runPreflight(look: Preflight, format: OutputFormat, terminal: Terminal): Promise<ExitCode> {
  const findings = await look();
  terminal.out(formatDocument(findings, findingsView, format, terminal, createPaint(terminal)));
  const has = (wanted: Verdict) => findings.some(({ verdict }) => verdict === wanted);
  if (has('failed')) return EXIT.failed;
  return has('warning') ? EXIT.warning : EXIT.ok;
}
