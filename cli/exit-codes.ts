/** What `meshctl` exits with. Stable: scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The agent answered with an error, or `status --check` found the node not ready. */
  failed: 1,
  /** The command line was wrong; nothing was asked. */
  usage: 2,
  /** No agent could be asked. */
  unreachable: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `
Exit codes:
  0  it worked
  1  the agent answered with an error, or "status --check" found the node not ready
  2  the command line is wrong
  3  no agent could be asked: none runs, permission denied, or no answer in time
`;
