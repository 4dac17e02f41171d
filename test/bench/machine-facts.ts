/** Facts of the machine that a reader needs to judge the figures. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';

export interface MachineFacts {
  readonly cores: number;
  readonly processor: string;
  readonly kernel: string;
  readonly node: string;
  /** TCP congestion control, which decides the cost of a lost packet. */
  readonly congestionControl: string;
  /** Null when Heddle was not measured. */
  readonly aeadEngine: string | null;
  /** Version; null when it is not installed or was left out. */
  readonly wireguardGo: string | null;
}

export function machineFacts(measured: Pick<MachineFacts, 'aeadEngine' | 'wireguardGo'>): MachineFacts {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release(),
    node: process.version,
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    ...measured,
  };
}

export function describeMachine(facts: MachineFacts): string {
  const wireguard = facts.wireguardGo === null ? [] : [`wireguard-go ${facts.wireguardGo}`];
  const engine = facts.aeadEngine === null ? [] : [`AEAD engine ${facts.aeadEngine}`];
  return [
    `${facts.cores} cores (${facts.processor}), shared by both nodes and both pods`,
    [`Linux ${facts.kernel}`, `Node ${facts.node}`, ...engine, `TCP ${facts.congestionControl}`, ...wireguard].join(
      ', ',
    ),
  ].join('\n');
}
