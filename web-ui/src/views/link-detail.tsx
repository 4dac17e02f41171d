/** Details of one link between any two nodes. */
import type { TopologyLink, TopologyNode } from '../../../common/api.js';
import { formatBitRate } from '../format.js';
import { ratesSeenBy } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import { selectNode } from '../state/store.js';
import { commandsFor } from '../state/terminal-command.js';
import { Command } from '../ui/copy-button.js';
import { Fact, Facts, Section } from '../ui/facts.js';
import { StateIcon } from '../ui/icons.js';
import { StatePill } from '../ui/state-pill.js';
import { LinkCharts } from './link-charts.js';
import { LinkFacts } from './link-facts.js';

export function LinkDetail({ mesh, link }: { mesh: Mesh; link: TopologyLink }) {
  const ends = [mesh.nodeById.get(link.a), mesh.nodeById.get(link.b)].filter((node) => node !== undefined);
  // This node first, so that "out" is what it sends.
  const [from, to] = ends.sort((a, b) => Number(b.self) - Number(a.self));
  if (from === undefined || to === undefined) return null;
  const rates = ratesSeenBy(link, from.id);
  return (
    <>
      <div class="drawer-head">
        <h2>
          {from.name} <span class="quiet">↔</span> {to.name}
        </h2>
        <StatePill state={link.state} />
      </div>
      <Section title="Link">
        <LinkFacts link={link} endpoint={to.endpoint} />
        <Facts>
          <Fact name={`To ${to.name}`}>{formatBitRate(rates.outBitsPerSecond)}</Fact>
          <Fact name={`To ${from.name}`}>{formatBitRate(rates.inBitsPerSecond)}</Fact>
        </Facts>
        {from.self ? null : (
          <p class="quiet">
            Between two other nodes: as last reported by {from.name} or {to.name}.
          </p>
        )}
      </Section>
      <LinkCharts link={link} from={from} />
      <Section title="Ends">
        <EndButton node={from} />
        <EndButton node={to} />
      </Section>
      <Section title="In a terminal">
        {commandsFor(to).map((text) => (
          <Command key={text} text={text} />
        ))}
      </Section>
    </>
  );
}

function EndButton({ node }: { node: TopologyNode }) {
  return (
    <button type="button" class="end-button" onClick={() => selectNode(node.id)}>
      <StateIcon state={node.state} />
      <span>{node.name}</span>
      <span class="mono quiet">{node.podCidrs.join(', ')}</span>
    </button>
  );
}
