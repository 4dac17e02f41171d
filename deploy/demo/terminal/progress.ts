/**
 * Progress display: on a terminal one line per step with a spinner that becomes a mark, otherwise one plain line at the end
 * of each step.
 */
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { messageOf } from '../../../common/errors.js';

export type ProgressStream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const CLEAR_LINE = '\r\u001b[2K';

export class Progress {
  readonly #live: boolean;
  readonly #colour: boolean;

  constructor(readonly stream: ProgressStream) {
    this.#live = stream.isTTY === true;
    this.#colour = this.#live && process.env['NO_COLOR'] === undefined;
  }

  /** Runs `work` under a label. `isGood` decides between check mark and cross for its result. */
  readonly step = async <T>(
    label: string,
    work: () => Promise<T>,
    isGood: (result: T) => boolean = () => true,
  ): Promise<T> => {
    const startedMs = performance.now();
    const spinner = this.#spin(label);
    try {
      const result = await work();
      this.#end(spinner, isGood(result), label, startedMs);
      return result;
    } catch (thrown) {
      this.#end(spinner, false, `${label}: ${messageOf(thrown)}`, startedMs);
      throw thrown;
    }
  };

  /** Writes a line. */
  line(text = ''): void {
    this.stream.write(`${text}\n`);
  }

  paint(style: Parameters<typeof styleText>[0], text: string): string {
    return this.#colour ? styleText(style, text) : text;
  }

  #spin(label: string): NodeJS.Timeout | null {
    if (!this.#live) return null;
    let frame = 0;
    const draw = (): void => {
      this.stream.write(`${CLEAR_LINE}  ${this.paint('cyan', FRAMES[frame++ % FRAMES.length]!)} ${label}`);
    };
    draw();
    return setInterval(draw, FRAME_MS);
  }

  #end(spinner: NodeJS.Timeout | null, good: boolean, label: string, startedMs: number): void {
    if (spinner !== null) clearInterval(spinner);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    const mark = good ? this.paint('green', '✓') : this.paint('red', '✗');
    this.line(`${this.#live ? CLEAR_LINE : ''}  ${mark} ${label} ${this.paint('dim', `(${seconds} s)`)}`);
  }
}
