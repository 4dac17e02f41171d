/**
 * Check of the encryption: a capture of the underlay, taken while pods ping each other and move megabytes, shows only our
 * UDP port and no plain text. The same search on a pod's own interface must find plain text; otherwise it proves nothing.
 */
import { CommandError, messageOf } from '../../../common/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import { UNDERLAY_PORT } from '../cluster/plan.js';
import { UNDERLAY_BRIDGE } from '../cluster/underlay.js';
import type { NetworkNamespace } from '../machine/network-namespace.js';
import { PacketCapture } from '../machine/packet-capture.js';
import type { CapturedPacket } from '../machine/pcap-reader.js';
import { report } from './check-report.js';
import type { CheckReport } from './check-report.js';
import { UnderlayAudit } from './underlay-audit.js';
import type { AuditFindings } from './underlay-audit.js';

export interface CaptureFindings extends AuditFindings {
  /** Packets that the kernel dropped before `tcpdump` read them. */
  readonly missed: number;
}

export interface EncryptionReport extends CheckReport {
  readonly captured: CaptureFindings | null;
  /** Packets with plain text that the same search found inside a pod. */
  readonly plaintextSeenInsidePod: number;
}

const POD_INTERFACE = 'eth0';
/** Enough for all headers and several markers of a packet; super-frames would be 64 KiB. */
const CAPTURE_OPTIONS = { snapBytes: 320, bufferKibibytes: 16_384 };
/** Error texts of `tcpdump`, or of `nsenter` in its place, and their remedies. */
const HINTS = [
  { complaint: /failed to execute|No such file/, hint: 'install it: sudo apt-get install tcpdump' },
  {
    complaint: /Couldn't change to/,
    hint:
      'in a user namespace it needs subordinate user ids: sudo apt-get install uidmap, ' +
      'and a line in /etc/subuid and /etc/subgid',
  },
] as const;

export class EncryptionCheck {
  #underlay: AuditedCapture | null = null;
  #insidePod: AuditedCapture | null = null;
  #plaintextSeenInsidePod = 0;
  readonly #problems: string[] = [];

  constructor(readonly cluster: Cluster) {}

  /** Does not throw: a capture that cannot start is a problem of the report. */
  async start(): Promise<void> {
    try {
      const pod = this.cluster.pods[0]!;
      this.#underlay = await this.#capture(this.cluster.underlay.namespace, UNDERLAY_BRIDGE);
      this.#insidePod = await this.#capture(pod.namespace, POD_INTERFACE);
    } catch (thrown) {
      this.#problems.push(`the capture did not start: ${messageOf(thrown)}${hintFor(thrown)}`);
    }
  }

  /** Ends the capture inside the pod, for which the pings are enough. */
  async stopInsidePod(): Promise<void> {
    if (this.#insidePod === null) return;
    this.#plaintextSeenInsidePod = (await findingsOf(this.#insidePod)).leaks;
    this.#insidePod = null;
  }

  /** @param expectedBytes moved between nodes by pods meanwhile: the capture must have seen at least as many */
  async finish(expectedBytes: number): Promise<EncryptionReport> {
    await this.stopInsidePod();
    const captured = this.#underlay === null ? null : await findingsOf(this.#underlay);
    if (captured !== null) this.#evaluate(captured, expectedBytes);
    return report(this.#problems, { captured, plaintextSeenInsidePod: this.#plaintextSeenInsidePod });
  }

  #evaluate(captured: CaptureFindings, expectedBytes: number): void {
    this.#problems.push(...captured.examples);
    if (this.#plaintextSeenInsidePod === 0) this.#problems.push('the search found no plain text inside a pod either');
    if (captured.missed === 0 && captured.meshBytes < expectedBytes) {
      this.#problems.push(`captured ${captured.meshBytes} bytes between nodes, expected at least ${expectedBytes}`);
    }
  }

  async #capture(namespace: NetworkNamespace, device: string): Promise<AuditedCapture> {
    const audit = this.#audit();
    const onPacket = (packet: CapturedPacket): void => audit.record(packet);
    return { audit, capture: await PacketCapture.start(namespace, device, onPacket, CAPTURE_OPTIONS) };
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

interface AuditedCapture {
  readonly capture: PacketCapture;
  readonly audit: UnderlayAudit;
}

async function findingsOf({ capture, audit }: AuditedCapture): Promise<CaptureFindings> {
  const missed = await capture.stop();
  return { ...audit.findings(), missed };
}

function hintFor(thrown: unknown): string {
  if (!(thrown instanceof CommandError)) return '';
  const known = HINTS.find(({ complaint }) => complaint.test(thrown.stderr));
  return known === undefined ? '' : ` (${known.hint})`;
}
