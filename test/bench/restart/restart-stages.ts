/** Stages of a restart by the lines of a node's log: when each was reached after the traffic stopped. Pure. */

export interface LogLine {
  /** Wall-clock time in milliseconds. */
  readonly atMs: number;
  readonly message: string;
  readonly child?: string;
}

/** Restart of one kind. */
export interface RestartTimes {
  /** Nothing: another `meshd` took over. */
  readonly killed: 'router' | 'supervisor' | 'nothing';
  readonly lostMs: number;
  /** Milliseconds from the last reply until each stage, null when the log does not say it. */
  readonly stages: Readonly<Record<StageName, number | null>>;
}

const STAGES = {
  started: ({ message, child }: LogLine) => message === 'child started' && child === 'router',
  forwarding: ({ message }: LogLine) => message === 'router is forwarding',
  connected: ({ message }: LogLine) => message === 'connected to the router',
  linked: ({ message }: LogLine) => message === 'link is up',
} as const;

export type StageName = keyof typeof STAGES;
export const STAGE_NAMES = Object.keys(STAGES) as readonly StageName[];

/** @param log one JSON object a line; other lines are left out */
export function parseLog(log: string): LogLine[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const { time, msg, child } = JSON.parse(line) as { time: string; msg: string; child?: string };
    return [{ atMs: Date.parse(time), message: msg, ...(child === undefined ? {} : { child }) }];
  });
}

/** @param fromMs wall-clock time of the last reply */
export function stagesAfter(lines: readonly LogLine[], fromMs: number): RestartTimes['stages'] {
  const after = lines.filter(({ atMs }) => atMs >= fromMs - 1);
  const at = (name: StageName): number | null => {
    const found = after.find((line) => STAGES[name](line));
    return found === undefined ? null : found.atMs - fromMs;
  };
  return Object.fromEntries(STAGE_NAMES.map((name) => [name, at(name)])) as RestartTimes['stages'];
}
