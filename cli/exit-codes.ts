/** Exit codes of `meshctl`. Stable, since scripts rely on them. */
export const EXIT = {
  ok: 0,
  /**
   * The agent answered with an error, `status --check` found the node not ready, `who` nothing, `policy test` traffic denied,
   * `preflight` something without which a node does not work.
   */
  failed: 1,
  /** The command line is wrong; no request was made. */
  usage: 2,
  /** The agent cannot be asked. */
  unreachable: 3,
  /** `status --check` found the node ready, with a warning; `preflight` only warnings. */
  warning: 4,
  /** `policy test` has no decision: a pod is not known, or the node keeps no policies. */
  undecided: 5,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `
Exit codes:
  0  success
  1  the agent answered with an error, or "status --check" found the node not ready, or "who" nothing,
     or "policy test" found the traffic denied, or "preflight" something that a node cannot do without
  2  the command line is wrong
  3  the agent cannot be asked: it does not run, permission is denied, or it does not answer in time
  4  "status --check" found the node ready, with a warning, or "preflight" only warnings
  5  "policy test" has no decision: a pod is not known, or the node keeps no policies
`;
