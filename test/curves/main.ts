/**
 * `npm run curves`: draws `docs/curves/*.svg` from the figures in `docs/curves/figures.json`, after it has taken the reports in
 * the files given into them. Exit codes: 0 drawn, 1 a file cannot be used, 2 usage.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError, messageOf } from '../../common/errors.js';
import { drawCurves } from './charts.js';
import { withReport } from './figures.js';
import type { Figures } from './figures.js';

const USAGE = `Usage: npm run curves -- [FILE...]

Draws docs/curves/*.svg from docs/curves/figures.json. Each FILE holds what one of these printed; it is taken into the figures
first, in the place of a row of the same size:

  npm run -s sim -- --nodes N --seed 1 --minutes M --json > FILE
  npm run -s bench:crowd -- --peers N --settled --json > FILE
`;

const DIR = join(process.cwd(), 'docs', 'curves');
const FIGURES = join(DIR, 'figures.json');

async function main(files: readonly string[]): Promise<number> {
  if (files.some((file) => file.startsWith('-'))) {
    const isQuestion = files.includes('--help') || files.includes('-h');
    (isQuestion ? process.stdout : process.stderr).write(USAGE);
    return isQuestion ? 0 : 2;
  }
  try {
    const figures = files.reduce((taken, file) => withReport(taken, read(file), file), read(FIGURES) as Figures);
    const drawn = await drawCurves(figures);
    if (files.length > 0) writeFileSync(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
    for (const [name, svg] of Object.entries(drawn)) writeFileSync(join(DIR, name), svg);
    process.stdout.write(`drew ${Object.keys(drawn).join(', ')} in docs/curves\n`);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof BenchError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return 1;
  }
}

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new BenchError(`${file}: ${messageOf(thrown)}`);
  }
}

process.exitCode = await main(process.argv.slice(2));
