/** Charts of a link's round-trip time and throughput over the last five minutes. */
import type { TopologyLink, TopologyNode } from '../../../common/api.js';
import { formatBitRate, formatMs } from '../format.js';
import { HISTORY_MS } from '../state/history.js';
import type { Sample } from '../state/history.js';
import { linkKey } from '../state/mesh.js';
import { history, nowMs } from '../state/store.js';
import { Section } from '../ui/facts.js';
import { Sparkline } from '../ui/sparkline.js';

export interface LinkChartsProps {
  readonly link: TopologyLink;
  /** The end that "out" and "in" refer to. */
  readonly from: TopologyNode;
}

export function LinkCharts({ link, from }: LinkChartsProps) {
  const toMs = nowMs.value;
  const samples = history.of(linkKey(link.a, link.b), toMs);
  const points = (value: (sample: Sample) => number) =>
    samples.map((sample) => ({ atMs: sample.atMs, value: value(sample) }));
  const fromA = from.id === link.a;
  const span = { fromMs: toMs - HISTORY_MS, toMs };
  const out = points((sample) => (fromA ? sample.abBitsPerSecond : sample.baBitsPerSecond));
  const back = points((sample) => (fromA ? sample.baBitsPerSecond : sample.abBitsPerSecond));
  return (
    <Section title="Last 5 minutes">
      <Sparkline
        title="Throughput"
        series={[
          { name: 'out', tone: 'a', points: out },
          { name: 'in', tone: 'b', points: back },
        ]}
        format={formatBitRate}
        {...span}
      />
      <Sparkline
        title="Round trip"
        series={[{ name: '', tone: 'a', points: points((sample) => sample.rttMs) }]}
        format={formatMs}
        {...span}
      />
    </Section>
  );
}
