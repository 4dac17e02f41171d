/** Command `meshctl policy test`: whether network policies allow traffic between two ends, and which rule or policy decides. */
import type { PolicyDecision, PolicySideDecision } from '../../common/api.js';
import { ApiAnswerError } from '../../common/errors.js';
import { readPolicyDecision } from '../api-answers.js';
import type { ApiClient } from '../api-client.js';
import { EXIT } from '../exit-codes.js';
import type { ExitCode } from '../exit-codes.js';
import { formatDocument } from '../output/output.js';
import type { OutputFormat, View } from '../output/output.js';
import { createPaint } from '../output/paint.js';
import type { Paint } from '../output/paint.js';
import { printable, printableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';
import type { PolicyTarget } from './policy-target.js';

export interface PolicyTestOptions {
  /** A name of a pod, namespace/name, or an address. */
  readonly from: string;
  readonly to: PolicyTarget;
  readonly format: OutputFormat;
}

/** A question that the agent refuses has an exit code of its own: a script must not take an unknown pod for a denied one. */
export async function runPolicyTest(
  client: ApiClient,
  { from, to, format }: PolicyTestOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const parts = [from, to.end, to.protocol, String(to.port ?? 'any')].map(encodeURIComponent);
  const path = `/v1/policy-decisions/${parts.join('/')}`;
  try {
    const decision = readPolicyDecision(await client.get(path), path);
    terminal.out(formatDocument(decision, decisionView, format, terminal, createPaint(terminal)));
    return decision.allowed ? EXIT.ok : EXIT.failed;
  } catch (thrown) {
    if (!(thrown instanceof ApiAnswerError)) throw thrown;
    terminal.err(`meshctl: ${printableLines(thrown.message)}\n`);
    return EXIT.undecided;
  }
}

type Flow = PolicyDecision['flows'][number];

const decisionView: View<PolicyDecision> = {
  text: ({ flows, protocol, port }, { paint }) =>
    flows.map((flow) => flowText(flow, `${protocol} ${port ?? 'without a port'}`, paint)).join(''),
};

function flowText({ source, destination, allowed, egress, ingress }: Flow, traffic: string, paint: Paint): string {
  const verdict = allowed ? paint('good', 'ALLOWED') : paint('bad', 'DENIED');
  const lines = [
    `${verdict}: ${printable(`${endText(source)} to ${endText(destination)}, ${traffic}`)}`,
    sideText('egress', source, egress, paint),
    sideText('ingress', destination, ingress, paint),
  ];
  return `${lines.join('\n')}\n`;
}

/** `namespace/name (address)`. */
export function endText({ pod, ip }: Flow['source']): string {
  return pod === null ? ip : `${pod} (${ip})`;
}

function sideText(
  direction: 'ingress' | 'egress',
  end: Flow['source'],
  side: PolicySideDecision,
  paint: Paint,
): string {
  const verdict = side.allowed ? paint('good', 'allowed') : paint('bad', 'denied ');
  return `  ${direction.padEnd('ingress'.length)}  ${verdict}  ${printable(reasonOf(direction, end, side))}`;
}

function reasonOf(direction: string, { pod, ip }: Flow['source'], side: PolicySideDecision): string {
  const { rule, policies } = side;
  if (rule !== null) {
    const tier = rule.tier === undefined ? '' : ` (${rule.tier} tier)`;
    return `by ${rule.policy}${tier}, spec.${direction}[${rule.index}]: ${rule.ports} ${direction === 'ingress' ? 'from' : 'to'} ${rule.peers}`;
  }
  if (!side.allowed) return `default deny: isolated by ${policies.join(', ')}, and no rule allows this`;
  return side.verdict === 'itself'
    ? 'a pod reaches itself'
    : `not isolated: no policy selects ${pod ?? ip} for ${direction}`;
}
