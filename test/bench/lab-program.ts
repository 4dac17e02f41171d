/**
 * Frame of the programs that measure in a lab: arguments, a lab that is removed on every exit,
 * and exit codes: 0 all measured, 1 a figure is missing or a test failed, 2 usage, 130 interrupted.
 */
import { HeddleError, messageOf } from '../../common/errors.js';
import { Progress } from '../../deploy/demo/terminal/progress.js';
import { StopSignal } from '../../deploy/demo/terminal/stop-signal.js';
import { Lab } from './lab.js';

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What a command line asks for. */
export type Parsed<Options> =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string };

export interface LabProgram<Options, Outcome> {
  readonly usage: string;
  readonly parse: (args: readonly string[]) => Parsed<Options>;
  readonly measure: (lab: Lab, options: Options, progress: Progress) => Promise<Outcome>;
  /** For standard output. */
  readonly report: (options: Options, outcome: Outcome) => string;
  readonly isComplete: (options: Options, outcome: Outcome) => boolean;
}

/** Runs the program with this process's arguments, and ends the process. */
export async function runLabProgram<Options, Outcome>(program: LabProgram<Options, Outcome>): Promise<never> {
  process.exit(await answer(program, process.argv.slice(2)).catch(complainAndFail));
}

async function answer<Options, Outcome>(
  program: LabProgram<Options, Outcome>,
  args: readonly string[],
): Promise<number> {
  const parsed = program.parse(args);
  switch (parsed.kind) {
    case 'run':
      return run(program, parsed.options);
    case 'help':
      process.stdout.write(program.usage);
      return EXIT.ok;
    case 'mistake':
      process.stderr.write(`${parsed.message}\n\n${program.usage}`);
      return EXIT.usage;
  }
}

async function run<Options, Outcome>(program: LabProgram<Options, Outcome>, options: Options): Promise<number> {
  const progress = new Progress(process.stderr);
  const stop = new StopSignal();
  const lab = await Lab.open();
  let outcome: Outcome | null = null;
  try {
    outcome = await stop.race(program.measure(lab, options, progress));
  } catch (thrown) {
    if (!stop.isRaised) progress.line(`\n  ${messageOf(thrown)}`);
  }
  const leftovers = await lab.close();
  for (const leftover of leftovers) progress.line(`  still there: ${leftover}`);
  if (outcome === null) return stop.isRaised ? EXIT.interrupted : EXIT.failed;
  process.stdout.write(program.report(options, outcome));
  return leftovers.length === 0 && program.isComplete(options, outcome) ? EXIT.ok : EXIT.failed;
}

/** Known errors are printed without a stack trace. */
function complainAndFail(thrown: unknown): number {
  const text = thrown instanceof HeddleError || !(thrown instanceof Error) ? messageOf(thrown) : thrown.stack;
  process.stderr.write(`${text ?? messageOf(thrown)}\n`);
  return EXIT.failed;
}
