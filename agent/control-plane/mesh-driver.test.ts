import { describe, expect, it } from '@jest/globals';
import { HeddleError } from '../../common/errors.js';
import { silentLogger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import type { RouterCommand } from '../../common/router-port.js';
import type { MeshEffect, MeshEvent } from '../../mesh/index.js';
import { MeshDriver } from './mesh-driver.js';
import { NoticeLog } from '../../common/notice-log.js';
import { VirtualClock } from '../../common/testing/virtual-clock.js';

const peer = 'ab'.repeat(16) as NodeId;

function harness(respond: (event: MeshEvent) => MeshEffect[] = () => []) {
  const clock = new VirtualClock();
  const handled: { type: string; atMs: number }[] = [];
  const commands: RouterCommand[] = [];
  const signals: string[] = [];
  const core = {
    wakeAtMs: null as number | null,
    handle(event: MeshEvent, nowMs: number): MeshEffect[] {
      handled.push({ type: event.type, atMs: nowMs });
      return respond(event);
    },
    pollAt(): number | null {
      return this.wakeAtMs;
    },
  };
  const driver = new MeshDriver({
    core,
    clock,
    notices: new NoticeLog(silentLogger(), clock),
    sendToRouter: (command) => commands.push(command),
    onRoutesChanged: () => signals.push('routes'),
    onAdvertsChanged: () => signals.push('adverts'),
    askAuthority: () => undefined,
    watchNodes: (isWanted) => signals.push(`watch ${isWanted}`),
    onHandled: () => signals.push('handled'),
  });
  return { clock, handled, commands, signals, core, driver };
}

describe('MeshDriver', () => {
  it('hands router effects to the router and the others to their owners, in order', () => {
    const effects: MeshEffect[] = [
      { type: 'removePeer', peer },
      { type: 'routesChanged' },
      { type: 'activateSession', localIndex: 7 },
      { type: 'advertsChanged' },
      { type: 'watchNodes', isWanted: true },
      { type: 'notice', level: 'info', message: 'link is up', fields: { peer } },
    ];
    const { commands, signals, driver } = harness(() => effects);
    driver.feed({ type: 'routerDisconnected' });
    expect(commands).toEqual([effects[0], effects[2]]);
    expect(signals).toEqual(['routes', 'adverts', 'watch true', 'handled']);
  });

  it('ticks the core when it asked to be called, with one timer', () => {
    const { clock, handled, core, driver } = harness();
    core.wakeAtMs = 500;
    driver.feed({ type: 'routerDisconnected' });
    driver.feed({ type: 'routerDisconnected' });
    expect(clock.pending).toBe(1);
    core.wakeAtMs = null;
    clock.advance(1_000);
    expect(handled.at(-1)).toEqual({ type: 'tick', atMs: 500 });
    expect(clock.pending).toBe(0);
  });

  it('moves the timer when the core changes its mind', () => {
    const { clock, handled, core, driver } = harness();
    core.wakeAtMs = 500;
    driver.feed({ type: 'routerDisconnected' });
    core.wakeAtMs = 200;
    driver.feed({ type: 'routerDisconnected' });
    core.wakeAtMs = null;
    clock.advance(1_000);
    expect(handled.filter(({ type }) => type === 'tick')).toEqual([{ type: 'tick', atMs: 200 }]);
  });

  it('ticks a core with much to do four times a second', () => {
    const { clock, handled, core, driver } = harness(() => {
      core.wakeAtMs = clock.nowMs() + 7;
      return [];
    });
    driver.feed({ type: 'routerDisconnected' });
    clock.advance(1_000);
    const ticks = handled.filter(({ type }) => type === 'tick').map(({ atMs }) => atMs);
    expect(ticks).toEqual([7, 257, 507, 757]);
  });

  it('does not spin when the core keeps asking for the past', () => {
    const { clock, handled, core, driver } = harness();
    core.wakeAtMs = -5;
    driver.feed({ type: 'routerDisconnected' });
    clock.advance(10);
    expect(handled.filter(({ type }) => type === 'tick').length).toBeLessThanOrEqual(10);
  });

  it('survives an event on which the core fails, and counts it', () => {
    const { signals, driver } = harness((event) => {
      if (event.type === 'control') throw new HeddleError('ASSERTION', 'a bug');
      return [{ type: 'routesChanged' }];
    });
    driver.feed({ type: 'control', peer, bytes: new Uint8Array() });
    driver.feed({ type: 'routerDisconnected' });
    expect(driver.faults).toBe(1);
    expect(signals).toEqual(['handled', 'routes', 'handled']);
  });

  it('says goodbye when the node leaves and is silent afterwards', () => {
    const { clock, handled, core, driver } = harness();
    core.wakeAtMs = 100;
    driver.feed({ type: 'routerDisconnected' });
    driver.stop('leave');
    driver.feed({ type: 'routerDisconnected' });
    clock.advance(1_000);
    expect(handled.map(({ type }) => type)).toEqual(['routerDisconnected', 'stop']);
  });

  it('sends no goodbye when another agent follows', () => {
    const { clock, handled, commands, core, driver } = harness();
    core.wakeAtMs = 100;
    driver.feed({ type: 'routerDisconnected' });
    driver.stop('pause');
    clock.advance(1_000);
    expect(handled.map(({ type }) => type)).toEqual(['routerDisconnected']);
    expect(commands).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
