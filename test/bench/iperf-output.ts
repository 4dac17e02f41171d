/** Parser of `iperf3 -J` output of the sender, iperf 3.7 and newer. Pure. Throws {@link BenchError} with iperf's message. */
import { BenchError, messageOf } from '../../common/errors.js';

export interface TcpResult {
  /** Received, without the warm-up. */
  readonly gbps: number;
  /** Sent from first to last, warm-up included, in 10^9 bytes. */
  readonly gigabytes: number;
}

export interface UdpResult {
  readonly receivedKpps: number;
}

export function parseTcpOutput(text: string): TcpResult {
  const report = parseReport(text);
  const bytes = arrayAt(report, 'intervals').map((interval) => numberAt(interval, 'sum', 'bytes'));
  return {
    gbps: numberAt(report, 'end', 'sum_received', 'bits_per_second') / 1e9,
    gigabytes: bytes.reduce((sum, b) => sum + b, 0) / 1e9,
  };
}

export function parseUdpOutput(text: string): UdpResult {
  const report = parseReport(text);
  const sent = numberAt(report, 'end', 'sum', 'packets');
  const lost = numberAt(report, 'end', 'sum', 'lost_packets');
  return { receivedKpps: (sent - lost) / numberAt(report, 'end', 'sum', 'seconds') / 1000 };
}

function parseReport(text: string): unknown {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch (thrown) {
    throw new BenchError(`iperf3 did not print a report: ${messageOf(thrown)}`, { cause: thrown });
  }
  const error = valueAt(report, ['error']);
  if (typeof error === 'string') throw new BenchError(`iperf3: ${error}`);
  return report;
}

function numberAt(report: unknown, ...path: readonly string[]): number {
  const value = valueAt(report, path);
  if (typeof value === 'number') return value;
  throw new BenchError(`iperf3's report has no number ${path.join('.')}`);
}

function arrayAt(report: unknown, name: string): readonly unknown[] {
  const value = valueAt(report, [name]);
  if (Array.isArray(value)) return value;
  throw new BenchError(`iperf3's report has no list ${name}`);
}

function valueAt(report: unknown, path: readonly string[]): unknown {
  const step = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return path.reduce(step, report);
}
