/**
 * Check: a capture of the underlay, taken while pods ping each other and move megabytes, shows nothing but our UDP port
 * and nothing readable. The same search on a pod's own interface must find the plain text, or it would prove nothing.
 */
import { CommandError, messageOf } from '../../../common/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import { UNDERLAY_PORT } from '../cluster/plan.js';
import { UNDERLAY_BRIDGE } from '../cluster/underlay.js';
import { Capture } from './capture.js';
import type { CaptureFindings } from './capture.js';
import { report } from './check-report.js';
import type { CheckReport } from './check-report.js';
import { UnderlayAudit } from './underlay-audit.js';

export interface EncryptionReport extends CheckReport {
  readonly captured: CaptureFindings | null;
  /** How often the same search saw plain text inside a pod. */
  readonly plaintextSeenInsidePod: number;
}

const POD_INTERFACE = 'eth0';
/** What `tcpdump`, or `nsenter` in its place, complains of, and what helps. */
const HINTS = [
  { complaint: /failed to execute|No such file/, hint: 'install it: sudo apt-get install tcpdump' },
  {
    complaint: /Couldn't change to/,
    hint: 'in a user namespace it needs subordinate user ids: sudo apt-get install uidmap, and a line in /etc/subuid and /etc/subgid',
  },
] as const;

export class EncryptionCheck {
  #underlay: Capture | null = null;
  #insidePod: Capture | null = null;
  #plaintextSeenInsidePod = 0;
  readonly #problems: string[] = [];

  constructor(readonly cluster: Cluster) {}

  /** Never throws: a capture that cannot start is a failed check. */
  async start(): Promise<void> {
    try {
      const pod = this.cluster.pods[0]!;
      this.#underlay = await Capture.start(this.cluster.underlay.namespace, UNDERLAY_BRIDGE, this.#audit());
      this.#insidePod = await Capture.start(pod.namespace, POD_INTERFACE, this.#audit());
    } catch (thrown) {
      this.#problems.push(`the capture does not start: ${messageOf(thrown)}${hintFor(thrown)}`);
    }
  }

  /** Ends the counter-check; the pings are enough for it. */
  async stopInsidePod(): Promise<void> {
    if (this.#insidePod === null) return;
    this.#plaintextSeenInsidePod = (await this.#insidePod.stop()).leaks;
    this.#insidePod = null;
  }

  /** @param expectedBytes that pods moved between nodes meanwhile: the capture must have seen at least as many */
  async finish(expectedBytes: number): Promise<EncryptionReport> {
    await this.stopInsidePod();
    const captured = (await this.#underlay?.stop()) ?? null;
    if (captured !== null) this.#judge(captured, expectedBytes);
    return report(this.#problems, { captured, plaintextSeenInsidePod: this.#plaintextSeenInsidePod });
  }

  #judge(captured: CaptureFindings, expectedBytes: number): void {
    this.#problems.push(...captured.examples);
    if (this.#plaintextSeenInsidePod === 0) this.#problems.push('the search finds no plain text inside a pod either');
    if (captured.missed === 0 && captured.meshBytes < expectedBytes) {
      this.#problems.push(`only ${captured.meshBytes} bytes seen between nodes while pods moved ${expectedBytes}`);
    }
  }

  #audit(): UnderlayAudit {
    const { nodes, pods } = this.cluster;
    return new UnderlayAudit({
      nodeAddresses: nodes.flatMap((node) => [node.plan.underlayV4, node.plan.underlayV6]),
      podAddresses: pods.flatMap((pod) => pod.ips),
      port: UNDERLAY_PORT,
    });
  }
}

function hintFor(thrown: unknown): string {
  if (!(thrown instanceof CommandError)) return '';
  const known = HINTS.find(({ complaint }) => complaint.test(thrown.stderr));
  return known === undefined ? '' : ` (${known.hint})`;
}
