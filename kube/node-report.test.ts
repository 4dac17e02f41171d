import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../common/log.js';
import { NoticeLog } from '../common/notice-log.js';
import { VirtualClock } from '../common/testing/virtual-clock.js';
import { NodeEvents } from './node-events.js';
import { parseNodeObject } from './node-object.js';
import { NodeReport } from './node-report.js';
import { FakeApiServer } from './testing/fake-api-server.js';
import { nodeObject } from './testing/node-objects.js';

const TAINT = 'heddle.io/not-ready';
const OTHER_TAINT = { key: 'team', value: 'a', effect: 'NoSchedule' };
const HOUR_MS = 3_600_000;

class World {
  readonly api = new FakeApiServer();
  readonly clock = new VirtualClock();
  readonly notices = new NoticeLog(silentLogger(), this.clock);
  readonly report = new NodeReport({ ...this, random: () => 0, startupTaint: TAINT });
  readonly events = new NodeEvents(this);

  setNode(node: unknown): void {
    this.api.setNodes([node]);
    this.report.nodeIs(parseNodeObject(node));
    this.events.nodeIs(parseNodeObject(node));
  }

  get calls(): string[] {
    return this.api.writes.map(({ call }) => call);
  }

  get node(): { spec: { taints?: unknown[] }; status: { conditions?: unknown[] } } {
    return (this.api.objects.get('/api/v1/nodes') as { items: [never] }).items[0];
  }

  /** Conditions as the agent reports them every two seconds. */
  async reportFor(ms: number, message: string): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 2_000) {
      this.events.conditionsAre([
        { name: 'pod-cidr', ok: true, message: '' },
        { name: 'host-network', ok: message === '', message },
      ]);
      await this.clock.advanceSettled(2_000);
    }
  }
}

describe('the report of readiness to the Node', () => {
  it('clears NetworkUnavailable and the start-up taint when the node is ready, not before, and once', async () => {
    const world = new World();
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'NetworkUnavailable', status: 'True' },
    ];
    const node = nodeObject('w1', { taints: [OTHER_TAINT, { key: TAINT, effect: 'NoSchedule' }] }, []);
    world.setNode({ ...node, status: { conditions } });
    await world.clock.advanceSettled(10_000, 1_000);
    expect(world.calls).toEqual([]);
    world.report.readinessIs(true);
    await world.clock.advanceSettled(10_000, 1_000);
    expect(world.calls).toEqual(['PATCH /api/v1/nodes/w1/status', 'PATCH /api/v1/nodes/w1']);
    expect(world.node.spec.taints).toEqual([OTHER_TAINT]);
    expect(world.node.status.conditions).toEqual([
      { type: 'Ready', status: 'True' },
      expect.objectContaining({ type: 'NetworkUnavailable', status: 'False', reason: 'HeddleIsUp' }),
    ]);
  });

  it('is made again for a Node that was made anew, and not taken back when the node turns unready', async () => {
    const world = new World();
    world.setNode(nodeObject('w1', {}, []));
    world.report.readinessIs(true);
    await world.clock.advanceSettled(1_000);
    world.report.readinessIs(false);
    world.report.readinessIs(true);
    await world.clock.advanceSettled(1_000);
    expect(world.calls).toHaveLength(1);
    world.report.nodeIs(null);
    world.setNode(nodeObject('w1', {}, [], { uid: 'another' }));
    await world.clock.advanceSettled(1_000);
    expect(world.calls).toHaveLength(2);
  });

  it('takes no taint away that changed its place meanwhile, and tries again with the Node as it is then', async () => {
    const world = new World();
    const taint = { key: TAINT, effect: 'NoSchedule' };
    world.setNode(nodeObject('w1', { taints: [taint] }, []));
    world.api.setNodes([nodeObject('w1', { taints: [OTHER_TAINT, taint] }, [])]);
    world.report.readinessIs(true);
    await world.clock.advanceSettled(5_000, 500);
    expect(world.node.spec.taints).toEqual([OTHER_TAINT]);
  });

  it('waits longer after each refusal', async () => {
    const world = new World();
    world.api.refuseWritesWith = 403;
    world.setNode(nodeObject('w1', {}, []));
    world.report.readinessIs(true);
    await world.clock.advanceSettled(10 * 60_000, 1_000);
    expect(world.calls.length).toBeGreaterThan(10);
    expect(world.calls.length).toBeLessThan(40);
    world.api.refuseWritesWith = null;
    await world.clock.advanceSettled(60_000, 1_000);
    expect(world.node.status.conditions).toHaveLength(1);
  });
});

describe('events on the Node', () => {
  it('name a condition that is unmet for a minute, once an hour while it lasts', async () => {
    const world = new World();
    world.setNode(nodeObject('w1', {}, []));
    await world.reportFor(58_000, 'forwarding: the chain FORWARD drops');
    await world.reportFor(60_000, '');
    expect(world.calls).toEqual([]);
    await world.reportFor(HOUR_MS, 'forwarding: the chain FORWARD drops');
    expect(world.calls).toEqual(['POST /api/v1/namespaces/default/events']);
    expect(world.api.writes[0]!.body).toMatchObject({
      involvedObject: { kind: 'Node', name: 'w1', uid: 'uid-w1' },
      type: 'Warning',
      reason: 'HeddleHostNetwork',
      message: 'forwarding: the chain FORWARD drops',
    });
    await world.reportFor(HOUR_MS, 'forwarding: the chain FORWARD drops');
    expect(world.calls).toHaveLength(2);
  });

  it('follow a message that changes all the time every ten minutes only, and are as short as the server asks', async () => {
    const world = new World();
    world.setNode(nodeObject('w1', {}, []));
    for (let i = 0; i < 300; i++) await world.reportFor(12_000, `${i} ${'x'.repeat(2_000)}`);
    expect(world.calls.length).toBeGreaterThanOrEqual(6);
    expect(world.calls.length).toBeLessThanOrEqual(7);
    const names = world.api.writes.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
    expect(new Set(names).size).toBe(names.length);
    expect((world.api.writes[0]!.body as { message: string }).message).toHaveLength(1024);
  });

  it('wait for the Node, and survive a refusal', async () => {
    const world = new World();
    await world.reportFor(120_000, 'no');
    expect(world.calls).toEqual([]);
    world.api.refuseWritesWith = 403;
    world.setNode(nodeObject('w1', {}, []));
    await world.reportFor(4_000, 'no');
    expect(world.calls).toHaveLength(1);
  });
});
