/** Details of one node: identity, the link to it, addresses and pods. */
import type { Status, TopologyNode } from '../../../common/api.js';
import { formatCount, formatDuration } from '../format.js';
import { linkKey, oldPodsSince, selfOf } from '../state/mesh.js';
import type { Mesh } from '../state/mesh.js';
import { nowMs, status } from '../state/store.js';
import { commandsFor } from '../state/terminal-command.js';
import { Command, CopyButton } from '../ui/copy-button.js';
import { Fact, Facts, Section } from '../ui/facts.js';
import { StatePill } from '../ui/state-pill.js';
import { Conditions } from './conditions.js';
import { LinkCharts } from './link-charts.js';
import { LinkFacts } from './link-facts.js';
import { PodList } from './pod-list.js';

export function NodeDetail({ mesh, node }: { mesh: Mesh; node: TopologyNode }) {
  const self = selfOf(mesh);
  const link = self === undefined ? undefined : mesh.linkByKey.get(linkKey(self.id, node.id));
  return (
    <>
      <div class="drawer-head">
        <h2>{node.name}</h2>
        <StatePill state={node.state} />
      </div>
      <p class="node-id mono">
        {node.id}
        <CopyButton text={node.id} label="Copy the node id" />
      </p>
      {node.self && status.value !== null ? <SelfSections self={status.value} /> : null}
      {self === undefined || link === undefined || node.self ? null : (
        <>
          <Section title={`Link from ${self.name}`}>
            <LinkFacts link={link} endpoint={node.endpoint} />
          </Section>
          <LinkCharts link={link} from={self} />
        </>
      )}
      <Section title="Pod CIDRs" note={node.podCidrs.length > 1 ? String(node.podCidrs.length) : ''}>
        {node.podCidrs.length === 0 ? (
          <p class="quiet">None: pods of this node have no addresses.</p>
        ) : (
          <ul class="plain mono">
            {node.podCidrs.map((cidr) => (
              <li key={cidr}>{cidr}</li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Pods" note={formatCount(node.podCount)}>
        <PodList node={node} oldSince={oldPodsSince(mesh, node)} />
      </Section>
      <Section title="In a terminal">
        {commandsFor(node).map((text) => (
          <Command key={text} text={text} />
        ))}
      </Section>
    </>
  );
}

function SelfSections({ self }: { self: Status }) {
  const drops = Object.entries(self.drops).filter(([, count]) => count > 0);
  return (
    <>
      <Section title="This node">
        <Facts>
          <Fact name="Running for">{formatDuration(nowMs.value - Date.parse(self.startedAt))}</Fact>
          <Fact name="Version">{self.version}</Fact>
          <Fact name="Listens on" mono>
            {self.listen}
          </Fact>
          <Fact name="Cipher" mono>
            {self.cipher}
          </Fact>
          <Fact name="Pod MTU">{formatCount(self.podMtuBytes)} bytes</Fact>
          <Fact name="Router">
            {self.router.connected ? `connected, ${self.router.tap ?? 'no TAP'}` : 'not connected'}
          </Fact>
        </Facts>
      </Section>
      <Section title="Readiness">
        <Conditions conditions={self.conditions} />
      </Section>
      <Section title="Addresses">
        {self.addresses.map((pool) => (
          <AddressBar key={pool.cidr} pool={pool} />
        ))}
        {self.addresses.length === 0 ? <p class="quiet">No address pool.</p> : null}
      </Section>
      <Section title="Drops">
        {drops.length === 0 ? <p class="quiet">No packet was dropped.</p> : <DropList drops={drops} />}
      </Section>
    </>
  );
}

function AddressBar({ pool }: { pool: Status['addresses'][number] }) {
  const share = (count: number): string => `${Math.min(100, (100 * count) / Math.max(1, pool.total)).toFixed(2)}%`;
  return (
    <div class="address-bar">
      <div>
        <span class="mono">{pool.cidr}</span>
        <span class="quiet">
          {formatCount(pool.used)} used{pool.quarantined > 0 ? `, ${formatCount(pool.quarantined)} in quarantine` : ''}
          {pool.total <= 65_536 ? ` of ${formatCount(pool.total)}` : ''}
        </span>
      </div>
      <div class="bar" role="img" aria-label={`${formatCount(pool.used)} addresses used`}>
        <span class="bar-used" style={{ width: share(pool.used) }} />
        <span class="bar-quarantined" style={{ width: share(pool.quarantined) }} />
      </div>
    </div>
  );
}

function DropList({ drops }: { drops: readonly (readonly [string, number])[] }) {
  return (
    <Facts>
      {drops.map(([reason, count]) => (
        <Fact key={reason} name={reason}>
          {formatCount(count)}
        </Fact>
      ))}
    </Facts>
  );
}
