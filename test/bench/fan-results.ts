/** Figures of a trial of `fan`. Pure. */
import { fanFigureName } from './bench-plan.js';
import type { FanSize, TestResult } from './bench-plan.js';
import { jainIndex, sharesPercent } from './fairness.js';
import type { ProcessorUse } from './processor-time.js';
import type { TcpTransfer } from './traffic-tests.js';

/** Measured on the same nodes: idle, one stream to one peer, and one stream to each peer at the same time. */
export interface FanMeasurements {
  readonly idle: ProcessorUse;
  readonly one: FanTransfer;
  readonly all: FanTransfer;
}

export interface FanTransfer extends TcpTransfer {
  /** Of the sending node's router, with its time in the kernel. */
  readonly senderCpuSeconds: number;
}

export function fanResults(peers: FanSize, { idle, one, all }: FanMeasurements): readonly TestResult[] {
  const shares = sharesPercent(all.gbpsEach);
  const ofIdle = { [fanFigureName(peers, 'IdleCores')]: idle.ownCpuSeconds / idle.seconds };
  const ofOne = {
    [fanFigureName(peers, 'OneGbps')]: one.gbps,
    [fanFigureName(peers, 'OneCpuSecondsPerGB')]: one.cpuSecondsPerGB,
    [fanFigureName(peers, 'OneSenderCpuSecondsPerGB')]: one.senderCpuSeconds / one.gigabytes,
  };
  const ofAll = {
    [fanFigureName(peers, 'Gbps')]: all.gbps,
    [fanFigureName(peers, 'CpuSecondsPerGB')]: all.cpuSecondsPerGB,
    [fanFigureName(peers, 'SenderCpuSecondsPerGB')]: all.senderCpuSeconds / all.gigabytes,
    [fanFigureName(peers, 'LeastSharePercent')]: shares.least,
    [fanFigureName(peers, 'MostSharePercent')]: shares.most,
    [fanFigureName(peers, 'JainIndex')]: jainIndex(all.gbpsEach),
  };
  return [
    { figures: ofIdle, use: idle },
    { figures: ofOne, use: one.use },
    { figures: ofAll, use: all.use },
  ];
}
