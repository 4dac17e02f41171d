/** Tests with traffic between the two ends of a case, measured by iperf3 and sockperf. A server runs as long as its test. */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchError } from '../../common/errors.js';
import { waitUntil } from '../../deploy/demo/async/wait-until.js';
import type { TestResult, TrafficTestName } from './bench-plan.js';
import type { Ends } from './cases/overlay.js';
import { parseTcpOutput, parseUdpOutput } from './iperf-output.js';
import type { Lab } from './lab.js';
import { withSlowLink } from './link-rate.js';
import type { NodePair } from './node-pair.js';
import { metered } from './processor-meter.js';
import type { Metered } from './processor-meter.js';
import type { ProcessorUse } from './processor-time.js';
import { isWaited } from './socket-table.js';
import { parseRoundTrips } from './sockperf-output.js';
import type { RoundTrips } from './sockperf-output.js';

const IPERF_PORT = 5201;
const SOCKPERF_PORT = 11111;
/** TCP's slow start and the warming up of compilers do not count as throughput. */
const WARM_UP_SECONDS = 2;
/** How long the bulk stream runs alone before round trips are measured. */
const LOAD_LEAD_SECONDS = 1;
/** Time that sockperf needs beyond the time it is given. */
const SOCKPERF_MARGIN_SECONDS = 4;
/** Beyond the length of a test. */
const TIMEOUT_MARGIN_MS = 20_000;
const SERVER_TIMEOUT_MS = 5000;
const SMALL_BYTES = 64;

/** A client and a server, and for how long to measure. */
export interface Traffic {
  readonly lab: Lab;
  readonly ends: Ends;
  readonly seconds: number;
}

export interface Bench extends Traffic {
  /** On which they are. */
  readonly pair: NodePair;
}

/** Of all streams together, but for the shares. */
export interface TcpTransfer {
  readonly gbps: number;
  /** From first to last, warm-up included. */
  readonly gigabytes: number;
  readonly cpuSecondsPerGB: number;
  readonly use: ProcessorUse;
  /** To each of the servers. */
  readonly gbpsEach: readonly number[];
}

/** Throws {@link BenchError} or CommandError when a test gives no figures. */
export const TESTS: Readonly<Record<TrafficTestName, (bench: Bench) => Promise<TestResult>>> = {
  tcp1: async (bench) => {
    const { gbps, cpuSecondsPerGB, use } = await tcp(bench, 1);
    return { figures: { tcp1Gbps: gbps, tcp1CpuSecondsPerGB: cpuSecondsPerGB }, use };
  },
  tcp4: async (bench) => {
    const { gbps, cpuSecondsPerGB, use } = await tcp(bench, 4);
    return { figures: { tcp4Gbps: gbps, tcp4CpuSecondsPerGB: cpuSecondsPerGB }, use };
  },
  tcp16: async (bench) => {
    const { gbps, cpuSecondsPerGB, use } = await tcp(bench, 16);
    return { figures: { tcp16Gbps: gbps, tcp16CpuSecondsPerGB: cpuSecondsPerGB }, use };
  },
  udp64: async (bench) => {
    const args = ['-t', `${bench.seconds}`, '-u', '-l', `${SMALL_BYTES}`, '-b', '0'];
    const { result, use } = await withIperfServer(bench, () => metered(() => iperf(bench, args, bench.seconds)));
    return { figures: { udp64Kpps: parseUdpOutput(result).receivedKpps }, use };
  },
  rtt: async (bench) => {
    const { result, use } = await metered(() => roundTrips(bench, 'udp'));
    return { figures: { rttAvgUs: result.averageUs, rttP50Us: result.p50Us, rttP99Us: result.p99Us }, use };
  },
  rttload: async (bench) => {
    const { result, use } = await roundTripsUnderLoad(bench);
    return { figures: { rttloadP50Us: result.p50Us, rttloadP99Us: result.p99Us }, use };
  },
  rttlink: async (bench) => {
    const { result, use } = await withSlowLink(bench.pair, () => roundTripsUnderLoad(bench, ['-C', 'cubic']));
    return { figures: { rttlinkP50Us: result.p50Us, rttlinkP99Us: result.p99Us }, use };
  },
  loss1: async (bench) => {
    const { hop } = bench.pair;
    if (hop === null) throw new BenchError('loss1 needs an underlay with a hop');
    await hop.startLosing();
    const { gbps, use } = await tcp(bench, 1);
    await hop.checkLoss();
    return { figures: { loss1Gbps: gbps }, use };
  },
};

/** Seconds that the tests of one case take together, about. */
export function expectedSeconds(tests: readonly TrafficTestName[], seconds: number): number {
  const roundTrip = roundTripSeconds(seconds) + SOCKPERF_MARGIN_SECONDS;
  const bulk = bulkSeconds(seconds);
  const streams = { tcp1: bulk, tcp4: bulk, tcp16: bulk, loss1: bulk };
  const underLoad = roundTrip + LOAD_LEAD_SECONDS;
  const each = { ...streams, udp64: seconds, rtt: roundTrip, rttload: underLoad, rttlink: underLoad };
  return tests.reduce((sum, test) => sum + each[test], 0);
}

/** Of one transfer. */
export function bulkSeconds(seconds: number): number {
  return seconds + WARM_UP_SECONDS;
}

function tcp(traffic: Traffic, streams: number): Promise<TcpTransfer> {
  return tcpToEach([traffic], streams);
}

/** From one client to several servers, at the same time, as many streams to each. */
export async function tcpToEach(traffics: readonly Traffic[], streams = 1): Promise<TcpTransfer> {
  const { result, use } = await withIperfServers(traffics, () =>
    metered(() => Promise.all(traffics.map((traffic) => bulk(traffic, streams)))),
  );
  const transfers = result.map(parseTcpOutput);
  const gigabytes = sum(transfers.map((transfer) => transfer.gigabytes));
  const gbpsEach = transfers.map(({ gbps }) => gbps);
  return { gbps: sum(gbpsEach), gigabytes, cpuSecondsPerGB: use.ownCpuSeconds / gigabytes, use, gbpsEach };
}

function bulk(traffic: Traffic, streams: number): Promise<string> {
  const args = ['-t', `${traffic.seconds}`, '-O', `${WARM_UP_SECONDS}`, '-P', `${streams}`];
  return iperf(traffic, args, bulkSeconds(traffic.seconds));
}

/**
 * Over TCP, because sockperf waits for ever for a lost answer, and answers can be lost under load; a retransmission is
 * part of the round trip then.
 */
async function roundTripsUnderLoad(
  traffic: Traffic,
  iperfOptions: readonly string[] = [],
): Promise<Metered<RoundTrips>> {
  const loadSeconds = LOAD_LEAD_SECONDS + roundTripSeconds(traffic.seconds) + SOCKPERF_MARGIN_SECONDS;
  return withIperfServer(traffic, async () => {
    const load = iperf(traffic, ['-t', `${loadSeconds}`, ...iperfOptions], loadSeconds);
    const underLoad = delay(LOAD_LEAD_SECONDS * 1000).then(() => metered(() => roundTrips(traffic, 'tcp')));
    const [loadOutput, measured] = await Promise.all([load, underLoad]);
    // Throws when there was no load.
    parseTcpOutput(loadOutput);
    return measured;
  });
}

async function roundTrips(traffic: Traffic, protocol: 'tcp' | 'udp'): Promise<RoundTrips> {
  const { lab, ends, seconds } = traffic;
  const transport = protocol === 'tcp' ? ['--tcp'] : [];
  const target = ['-i', ends.serverAddress, '-p', `${SOCKPERF_PORT}`, ...transport];
  return withServer(traffic, protocol, SOCKPERF_PORT, 'sockperf', ['server', ...target], async () => {
    const length = roundTripSeconds(seconds);
    const args = ['ping-pong', ...target, '-t', `${length}`, '-m', `${SMALL_BYTES}`, '--full-rtt'];
    return parseRoundTrips(await lab.capture(ends.client, 'sockperf', args, length * 1000 + TIMEOUT_MARGIN_MS));
  });
}

function roundTripSeconds(seconds: number): number {
  return Math.max(2, Math.round(seconds * 0.6));
}

function iperf({ lab, ends }: Traffic, args: readonly string[], seconds: number): Promise<string> {
  const target = ['-J', '-c', ends.serverAddress, '-p', `${IPERF_PORT}`];
  return lab.capture(ends.client, 'iperf3', [...target, ...args], seconds * 1000 + TIMEOUT_MARGIN_MS);
}

function withIperfServers<T>([first, ...others]: readonly Traffic[], work: () => Promise<T>): Promise<T> {
  return first === undefined ? work() : withIperfServer(first, () => withIperfServers(others, work));
}

function withIperfServer<T>(traffic: Traffic, work: () => Promise<T>): Promise<T> {
  const args = ['-s', '-1', '-B', traffic.ends.serverAddress, '-p', `${IPERF_PORT}`];
  return withServer(traffic, 'tcp', IPERF_PORT, 'iperf3', args, work);
}

async function withServer<T>(
  { lab, ends }: Traffic,
  protocol: 'tcp' | 'udp',
  port: number,
  program: string,
  args: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const service = lab.start(ends.server, program, program, args);
  try {
    await waitUntil(`${program} listening on port ${port}`, SERVER_TIMEOUT_MS, async () =>
      isWaited(await ends.server.run('cat', [`/proc/net/${protocol}`]), port),
    );
    return await work();
  } finally {
    await service.stop();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
