/**
 * Child's end of the channel on which the supervisor asks every second whether the child still works: a socket pair, a byte
 * for a question and a byte for an answer. A child that gives no answer is killed (`supervisor/watchdog.ts`).
 */
import { url as inspectorUrl } from 'node:inspector';
import { Socket } from 'node:net';

/** Bytes of questions. A child answers any byte. `forward` makes the stand-by forward. */
export const QUESTION = { plain: 1, routerIsSilent: 2, forward: 3 } as const;
/**
 * Bytes of answers. With an inspector open, the child may stand at a breakpoint for any time. An agent is `starting` until it has
 * started completely, and `running` from then on; others give a `beat`.
 */
export const ANSWER = { beat: 1, inspected: 2, running: 3, starting: 4 } as const;

export interface BeatOptions {
  /** Value of `BEAT_FD_VARIABLE` (`common/launch-contract.ts`). Undefined, for a process without supervisor or with an older one: no channel. */
  readonly fd: string | undefined;
  /** Whether the parts of the process that the event loop does not show work. */
  readonly works: () => boolean;
  readonly onQuestion?: (question: number) => void;
  readonly isRunning?: () => boolean;
}

/** Answers from this thread's event loop. */
export function answerQuestions({ fd, works, onQuestion, isRunning }: BeatOptions): void {
  if (fd === undefined || !Number.isInteger(Number(fd))) return;
  const socket = new Socket({ fd: Number(fd), readable: true, writable: true });
  socket.unref();
  socket.on('error', () => socket.destroy());
  socket.on('data', (questions: Buffer) => {
    for (const question of questions) onQuestion?.(question);
    if (works()) socket.write(Uint8Array.of(inspectorUrl() === undefined ? beat(isRunning) : ANSWER.inspected));
  });
}

function beat(isRunning: BeatOptions['isRunning']): number {
  if (isRunning === undefined) return ANSWER.beat;
  return isRunning() ? ANSWER.running : ANSWER.starting;
}
