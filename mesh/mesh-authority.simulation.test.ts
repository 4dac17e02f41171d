/** Clusters in which an authority names the nodes: who links, whose claims count, and for how long without an answer. */
import { describe, expect, it } from '@jest/globals';
import { parseCidr } from '../common/address/cidr.js';
import type { Cidr } from '../common/address/cidr.js';
import type { NodeId } from '../common/node-id.js';
import type { SimNetwork } from './testing/sim-network.js';
import { isFullMesh } from './testing/sim-node.js';
import type { SimNode, SimNodeOptions } from './testing/sim-node.js';
import { simulation } from './testing/simulation.js';

const MINUTE_MS = 60_000;
const CONVERGES_WITHIN_MS = 20_000;

/** What Kubernetes has: for each name a key and pod CIDRs. */
class Register {
  readonly #nodes = new Map<string, { readonly id: NodeId; readonly podCidrs: readonly Cidr[] }>();
  readonly #all: SimNode[] = [];
  #changes = 0;
  isAway = false;

  constructor(readonly network: SimNetwork) {}

  add(options: SimNodeOptions = {}): SimNode {
    const node = this.stranger(options);
    this.name(node);
    return node;
  }

  /** It has the cluster secret, or there is none. */
  stranger(options: SimNodeOptions = {}): SimNode {
    const authority = (id: NodeId, name: string) => this.#answer(id, name);
    const node = this.network.addNode({ needsAuthority: true, authority, ...options });
    this.#all.push(node);
    return node;
  }

  name(node: SimNode): void {
    this.#nodes.set(node.self.name, { id: node.id, podCidrs: [...node.podCidrs] });
  }

  delete(node: SimNode): void {
    this.#nodes.delete(node.self.name);
    this.tell(node);
  }

  /** What the watch of the watchers sees. */
  tell(node: SimNode): void {
    this.#changes++;
    const change = { name: node.self.name, change: this.#changes.toString(16).padStart(16, '0') };
    for (const watcher of this.watchers()) watcher.handle({ type: 'nodeChanged', change });
  }

  /** Nodes that were asked to watch. */
  watchers(): SimNode[] {
    return this.#all.filter(({ isWatching }) => isWatching);
  }

  /** As many nodes, all linked. */
  cluster(size: number): SimNode[] {
    const nodes = Array.from({ length: size }, () => this.add());
    for (const node of nodes) node.start([nodes[0]!]);
    expect(this.network.runUntil(() => isFullMesh(nodes), CONVERGES_WITHIN_MS)).toBeLessThan(CONVERGES_WITHIN_MS);
    return nodes;
  }

  #answer(id: NodeId, name: string): readonly Cidr[] | null | 'away' {
    if (this.isAway) return 'away';
    const node = this.#nodes.get(name);
    return node?.id === id ? node.podCidrs : null;
  }
}

const ownerAt = (node: SimNode, cidr: Cidr) => node.mesh!.routes().find((route) => route.cidr === cidr)?.owner;

/** Traffic with every peer for so long. */
function runUsed(network: SimNetwork, nodes: readonly SimNode[], forMs: number): void {
  for (let passedMs = 0; passedMs < forMs; passedMs += 1_000) {
    for (const { router } of nodes) if (router !== null) router.frames++;
    network.run(1_000);
  }
}

describe('a cluster whose nodes an authority names', () => {
  it(
    'links, and asks once about each peer while links are not used',
    simulation(1, (network) => {
      const nodes = new Register(network).cluster(4);
      for (const node of nodes) expect(node.usableRoutes()).toHaveLength(8);
      network.run(30 * MINUTE_MS);
      for (const { asked, self } of nodes) {
        expect([...asked].sort()).toEqual(nodes.map((node) => node.self.name).filter((name) => name !== self.name));
      }
    }),
  );

  it(
    'loses a node at once that the authority of each takes back, and links with it when it is named again',
    simulation(9, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(4);
      const [gone, ...others] = nodes as [SimNode, ...SimNode[]];
      const answer = (podCidrs: readonly Cidr[] | null) => {
        const { id, self } = gone;
        for (const other of others) {
          other.handle({ type: 'authorityAnswered', node: id, name: self.name, podCidrs, isFresh: true });
        }
      };
      register.delete(gone);
      answer(null);
      for (const other of others) {
        expect(other.stateOf(gone)).toBe('unknown');
        expect([...other.router!.active.keys()]).not.toContain(gone.id);
      }
      network.run(MINUTE_MS);
      expect(isFullMesh(others)).toBe(true);
      for (const other of others) expect(other.stateOf(gone)).toBe('unknown');
      register.name(gone);
      answer(gone.podCidrs);
      expect(network.runUntil(() => isFullMesh(nodes), 2 * MINUTE_MS)).toBeLessThan(2 * MINUTE_MS);
    }),
  );

  it(
    'asks again every 10 to 15 minutes about peers whose links are used',
    simulation(2, (network) => {
      const nodes = new Register(network).cluster(3);
      runUsed(network, nodes, 60 * MINUTE_MS);
      for (const { asked } of nodes) {
        expect(asked.length).toBeGreaterThanOrEqual(2 * 4);
        expect(asked.length).toBeLessThanOrEqual(2 * 7);
      }
    }),
  );

  it(
    'refuses a node that has the secret and is not named, says so, and links when it is named',
    simulation(3, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(3);
      const stranger = register.stranger();
      stranger.start([nodes[0]!]);
      expect(network.runWhile(() => nodes.every((node) => !node.reaches(stranger)), MINUTE_MS)).toBe(MINUTE_MS);
      expect(nodes[0]!.mesh!.refusedSources(network.nowMs)).toMatchObject([
        { cause: expect.stringContaining(stranger.self.name) as unknown },
      ]);
      expect(ownerAt(nodes[1]!, stranger.podCidrs[0]!)).toBeUndefined();
      register.name(stranger);
      expect(network.runUntil(() => isFullMesh([...nodes, stranger]), 2 * MINUTE_MS)).toBeLessThan(2 * MINUTE_MS);
    }),
  );

  it(
    'tells no other node of a stranger, and keeps no place for it',
    simulation(11, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(3);
      const stranger = register.stranger();
      stranger.start([nodes[0]!]);
      network.run(MINUTE_MS);
      expect(nodes[0]!.asked).toContain(stranger.self.name);
      for (const node of nodes.slice(1)) expect(node.asked).not.toContain(stranger.self.name);
      for (const node of nodes) expect(node.stateOf(stranger)).toBe('unknown');
    }),
  );

  it(
    'gives no node the pod CIDR of another, whatever it claims',
    simulation(4, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(3);
      const thief = register.add();
      const [stolen] = nodes[1]!.podCidrs;
      thief.podCidrs.push(stolen!);
      thief.start([nodes[0]!]);
      network.runUntil(() => isFullMesh([...nodes, thief]), CONVERGES_WITHIN_MS);
      nodes[1]!.kill();
      network.run(MINUTE_MS);
      expect([undefined, nodes[1]!.id]).toContain(ownerAt(nodes[0]!, stolen!));
      expect(ownerAt(nodes[0]!, thief.podCidrs[0]!)).toBe(thief.id);
      expect(nodes[0]!.notices.map(({ message }) => message).join()).toContain(
        'claims pod addresses that the authority',
      );
    }),
  );

  it(
    'cuts off a node whose name is deleted within 15 s, also one without traffic, since three nodes watch',
    simulation(8, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(5);
      network.run(MINUTE_MS);
      const lowest = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, 3);
      expect(new Set(register.watchers())).toEqual(new Set(lowest));
      const gone = nodes.find((node) => !lowest.includes(node))!;
      const rest = nodes.filter((node) => node !== gone);
      for (const { asked } of nodes) asked.length = 0;
      register.delete(gone);
      expect(network.runUntil(() => rest.every((node) => !node.reaches(gone)), 15_000)).toBeLessThan(15_000);
      expect(rest.map((node) => ownerAt(node, gone.podCidrs[0]!))).toEqual(rest.map(() => undefined));
      network.run(MINUTE_MS);
      // It runs on and dials: it is asked about again, every 10 s at first and every 5 min in the end.
      const askedAboutIt = () => rest.map(({ asked }) => asked.filter((name) => name === gone.self.name).length);
      for (const times of askedAboutIt()) expect(times).toBeLessThan(8);
      expect(isFullMesh(rest)).toBe(true);
      network.run(10 * MINUTE_MS);
      for (const times of askedAboutIt()) expect(times).toBeLessThan(13);
      register.name(gone);
      register.tell(gone);
      expect(network.runUntil(() => isFullMesh(nodes), MINUTE_MS)).toBeLessThan(MINUTE_MS);
    }),
  );

  it(
    'has other nodes watch a minute after those that did are gone, and ends what is too much',
    simulation(9, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(5);
      network.run(MINUTE_MS);
      const [first, second, third] = register.watchers() as [SimNode, SimNode, SimNode];
      first.kill();
      second.kill();
      network.run(MINUTE_MS);
      const living = nodes.filter((node) => node !== first && node !== second);
      const lowest = living.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, 3);
      expect(new Set(register.watchers())).toEqual(new Set(lowest));
      expect(lowest).toContain(third);
      first.start([third]);
      second.start([third]);
      network.run(2 * MINUTE_MS);
      expect(new Set(register.watchers())).toEqual(new Set([first, second, third]));
    }),
  );

  it(
    'asks 8 times at once and once every 2 s, whatever changes a member of ill will invents',
    simulation(10, (network) => {
      const nodes = new Register(network).cluster(4);
      const [liar, ...rest] = nodes as [SimNode, ...SimNode[]];
      for (const { asked } of nodes) asked.length = 0;
      for (let i = 0; i < 300; i++) {
        const { name } = nodes[i % 4]!.self;
        liar.handle({ type: 'nodeChanged', change: { name, change: i.toString(16).padStart(16, '0') } });
        network.run(100);
      }
      for (const { asked } of rest) {
        expect(asked.length).toBeGreaterThan(8);
        expect(asked.length).toBeLessThanOrEqual(8 + 15 + 1);
      }
      expect(isFullMesh(nodes)).toBe(true);
    }),
  );

  it(
    'cuts off a node whose name was deleted while nobody watched, when it is asked about again',
    simulation(5, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(4);
      const [gone, ...rest] = nodes as [SimNode, ...SimNode[]];
      register.delete(gone);
      runUsed(network, nodes, 16 * MINUTE_MS);
      for (const node of rest) {
        expect([node.stateOf(gone), node.reaches(gone), ownerAt(node, gone.podCidrs[0]!)]).toEqual([
          ...['unknown', false, undefined],
        ]);
      }
      expect(isFullMesh(rest)).toBe(true);
    }),
  );

  it(
    'replaces a node that was installed anew under its name at once, although the old key claims the same CIDR',
    simulation(6, (network) => {
      const register = new Register(network);
      const [first, lost, third] = register.cluster(3) as [SimNode, SimNode, SimNode];
      lost.kill();
      const fresh = register.stranger();
      fresh.podCidrs.splice(0, 2, ...lost.podCidrs);
      const { address } = lost;
      lost.moveTo(99);
      fresh.moveTo(Number(address.ip.split('.')[3]));
      register.name(fresh);
      fresh.start([first]);
      const rest = [first, fresh, third];
      expect(network.runUntil(() => isFullMesh(rest), MINUTE_MS)).toBeLessThan(MINUTE_MS);
      network.run(10_000);
      for (const node of [first, third]) expect(ownerAt(node, fresh.podCidrs[0]!)).toBe(fresh.id);
    }),
  );

  it(
    'follows a node that is registered again with another pod CIDR, whose former one another node has now',
    simulation(12, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(4);
      const [first, moved] = nodes as [SimNode, SimNode, ...SimNode[]];
      network.run(MINUTE_MS);
      const [former] = moved.podCidrs.splice(0, 1, parseCidr('10.32.77.0/24'));
      register.delete(moved);
      network.run(15_000);
      const heir = register.stranger();
      heir.podCidrs[0] = former!;
      register.name(heir);
      heir.start([first]);
      register.name(moved);
      register.tell(moved);
      moved.handle({ type: 'self', self: moved.self });
      const all = [...nodes, heir];
      expect(network.runUntil(() => isFullMesh(all), MINUTE_MS)).toBeLessThan(MINUTE_MS);
      network.run(10_000);
      for (const node of nodes) expect(ownerAt(node, former!)).toBe(heir.id);
      for (const node of all) expect(ownerAt(node, moved.podCidrs[0]!)).toBe(moved.id);
    }),
  );

  it(
    'cuts off a machine whose name another one has now with another key, although it runs on',
    simulation(13, (network) => {
      const register = new Register(network);
      const replaced = register.add({ name: 'worker' });
      const others = [register.add(), register.add(), register.add()];
      for (const node of [replaced, ...others]) node.start([others[0]!]);
      network.runUntil(() => isFullMesh([replaced, ...others]), CONVERGES_WITHIN_MS);
      network.run(MINUTE_MS);
      const fresh = register.stranger({ name: 'worker' });
      fresh.podCidrs.splice(0, 2, ...replaced.podCidrs);
      register.name(fresh);
      register.tell(fresh);
      fresh.start([others[0]!]);
      expect(network.runUntil(() => isFullMesh([fresh, ...others]), 15_000)).toBeLessThan(15_000);
      expect(network.runUntil(() => others.every((node) => !node.reaches(replaced)), 15_000)).toBeLessThan(15_000);
      network.run(MINUTE_MS);
      for (const node of others) expect(ownerAt(node, fresh.podCidrs[0]!)).toBe(fresh.id);
    }),
  );

  it(
    'links with a node at once that has another address after a restart',
    simulation(14, (network) => {
      const register = new Register(network);
      const moved = register.add({ name: 'worker' });
      const others = [register.add(), register.add()];
      for (const node of [moved, ...others]) node.start([others[0]!]);
      network.runUntil(() => isFullMesh([moved, ...others]), CONVERGES_WITHIN_MS);
      moved.kill();
      network.run(10_000);
      moved.moveTo(99);
      moved.start();
      expect(network.runUntil(() => isFullMesh([moved, ...others]), 10_000)).toBeLessThan(10_000);
      for (const { asked } of others) expect(asked.filter((name) => name === 'worker')).toHaveLength(1);
    }),
  );

  it(
    'complains of a copied disk, and keeps the links of the other nodes and their claims',
    simulation(15, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(4);
      const [first, original] = nodes as [SimNode, SimNode, ...SimNode[]];
      const copy = register.add({ identity: original.identity, name: 'copy' });
      copy.start([first]);
      network.run(2 * MINUTE_MS);
      const complains = (node: SimNode) => node.notices.some(({ message }) => message.includes('cloned identity'));
      expect(complains(original) || complains(copy)).toBe(true);
      const rest = nodes.filter((node) => node !== original);
      expect(isFullMesh(rest)).toBe(true);
      for (const { id, podCidrs } of rest) {
        for (const node of rest) expect(ownerAt(node, podCidrs[0]!)).toBe(id);
      }
    }),
  );

  it(
    'keeps its links while the authority is away, and lets no new node in',
    simulation(7, (network) => {
      const register = new Register(network);
      const nodes = register.cluster(3);
      register.isAway = true;
      const late = register.add();
      late.start([nodes[0]!]);
      runUsed(network, nodes, 30 * MINUTE_MS);
      expect(isFullMesh(nodes)).toBe(true);
      expect(nodes.some((node) => node.reaches(late))).toBe(false);
      register.isAway = false;
      expect(network.runUntil(() => isFullMesh([...nodes, late]), 2 * MINUTE_MS)).toBeLessThan(2 * MINUTE_MS);
    }),
  );
});
