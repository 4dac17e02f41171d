import { describe, expect, it } from '@jest/globals';
import { ANSWER, QUESTION } from '../common/host/beat-channel.js';
import { silentLogger } from '../common/log.js';
import { settle, VirtualClock } from '../common/testing/virtual-clock.js';
import { DescriptorKeeper } from './descriptors.js';
import { Supervisor } from './supervisor.js';
import type { ChildProcess } from './supervised-child.js';
import type { Predecessor } from './succession.js';

function harness(predecessor: Predecessor | null = null) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const questions: [child: string, question: number][] = [];
  const host = { silent: [] as string[], tapIndex: 0, nextFd: 20, gaveUp: 0 };
  const ends = new Map<string, (code: number | null) => void>();
  const launch = (name: string): ChildProcess => {
    events.push(`start ${name}`);
    let answer: (byte: number) => void = () => undefined;
    let end: (code: number | null) => void = () => undefined;
    const ended = new Promise<number | null>((resolve) => (end = resolve));
    ends.set(name, end);
    return {
      pid: 1,
      ended,
      ask: (question) => {
        questions.push([name, question]);
        if (!host.silent.includes(name)) answer(name === 'agent' ? ANSWER.running : ANSWER.beat);
      },
      onAnswer: (listener) => (answer = listener),
      signal: (signal) => {
        events.push(`${signal} ${name}`);
        end(0);
      },
    };
  };
  const descriptors = new DescriptorKeeper({
    source: {
      openTap: ({ name }) => {
        host.tapIndex = host.nextFd;
        return { fds: [host.nextFd++], name, index: host.tapIndex };
      },
      openUnderlaySockets: () => ({ fds: [host.nextFd++] }),
      interfaceIndex: () => host.tapIndex,
      takeDescriptors: () => {
        host.tapIndex = 7;
        return { tap: { fds: [7], name: 'heddle-tap', index: 7 }, udpFds: [8] };
      },
      checkDescriptors: ([tapFd, ...udpFds]) => ({ tap: { fds: [tapFd!], name: 'heddle-tap', index: 7 }, udpFds }),
    },
    tap: { name: 'heddle-tap', queues: 1 },
    underlay: { address: '', port: 6785, count: 1 },
    close: () => undefined,
  });
  const supervisor = new Supervisor({
    descriptors,
    launchRouter: ({ tapFds }, kind) => launch(`${kind === 'stand-by' ? kind : 'router'} tap=${tapFds.join()}`),
    predecessor,
    launchAgent: () => launch('agent'),
    onStarted: () => undefined,
    clock,
    log: silentLogger(),
    onGiveUp: () => host.gaveUp++,
  });
  return { clock, events, questions, host, ends, supervisor, descriptors };
}

describe('Supervisor', () => {
  it('starts both children and stops the agent before the router', async () => {
    const { events, supervisor } = harness();
    supervisor.start();
    await supervisor.stop();
    expect(events).toEqual(['start router tap=20', 'start agent', 'SIGTERM agent', 'SIGTERM router tap=20']);
  });

  it('gives a restarted router the same descriptors', async () => {
    const { clock, events, ends, supervisor } = harness();
    supervisor.start();
    ends.get('router tap=20')?.(null);
    await settle();
    clock.advance(0);
    expect(events.filter((event) => event.startsWith('start router'))).toEqual([
      'start router tap=20',
      'start router tap=20',
    ]);
  });

  it('restarts only the agent when the agent ends', async () => {
    const { clock, events, ends, supervisor } = harness();
    supervisor.start();
    ends.get('agent')?.(1);
    await settle();
    clock.advance(0);
    expect(events).toEqual(['start router tap=20', 'start agent', 'start agent']);
  });

  it('replaces only the agent, by the signal without notice to the peers', async () => {
    const { clock, events, supervisor } = harness();
    supervisor.start();
    supervisor.renewAgent();
    await settle();
    clock.advance(0);
    expect(events.slice(2)).toEqual(['SIGUSR2 agent', 'start agent']);
  });

  it('passes the reload signal to the agent only', () => {
    const { events, supervisor } = harness();
    supervisor.start();
    supervisor.reload();
    expect(events.slice(2)).toEqual(['SIGHUP agent']);
  });

  it('replaces the router when the TAP was deleted', async () => {
    const { clock, events, host, supervisor } = harness();
    supervisor.start();
    host.tapIndex = 0;
    await clock.advanceSettled(4_000, 1_000);
    expect(events.slice(2)).toEqual(['SIGTERM router tap=20', 'start router tap=22']);
  });

  it('lets the stand-by forward when the router ends, and prepares the next one', async () => {
    const { clock, events, questions, ends, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(7_000, 1_000);
    ends.get('router tap=20')?.(null);
    await settle();
    clock.advance(0);
    expect(events.slice(2)).toEqual(['start stand-by tap=20']);
    expect(questions).toContainEqual(['stand-by tap=20', QUESTION.forward]);
    await clock.advanceSettled(6_000, 1_000);
    expect(events.slice(3)).toEqual(['start stand-by tap=20']);
  });

  it('starts a router when the stand-by does not answer, and ends that', async () => {
    const { clock, events, host, ends, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(7_000, 1_000);
    host.silent.push('stand-by tap=20');
    await clock.advanceSettled(3_000, 1_000);
    ends.get('router tap=20')?.(null);
    await settle();
    clock.advance(0);
    expect(events.slice(3)).toEqual(['SIGKILL stand-by tap=20', 'start router tap=20']);
  });

  it('ends a stand-by with the descriptors of a deleted TAP', async () => {
    const { clock, events, host, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(6_000, 1_000);
    host.tapIndex = 0;
    await clock.advanceSettled(8_000, 1_000);
    expect(events.slice(3)).toEqual([
      'SIGKILL stand-by tap=20',
      'SIGTERM router tap=20',
      'start router tap=22',
      'start stand-by tap=22',
    ]);
  });

  it('starts another stand-by a minute after one that ended', async () => {
    const { clock, events, ends, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(6_000, 1_000);
    ends.get('stand-by tap=20')?.(1);
    await clock.advanceSettled(58_000, 1_000);
    expect(events.slice(3)).toEqual([]);
    await clock.advanceSettled(3_000, 1_000);
    expect(events.slice(3)).toEqual(['start stand-by tap=20']);
    await supervisor.stop();
    expect(events.slice(4)).toEqual(['SIGKILL stand-by tap=20', 'SIGTERM agent', 'SIGTERM router tap=20']);
  });

  it('tells the agent while the router gives no answer', async () => {
    const { clock, questions, host, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(2_000, 1_000);
    host.silent.push('router tap=20');
    await clock.advanceSettled(4_000, 1_000);
    const toAgent = questions.filter(([child]) => child === 'agent').map(([, question]) => question);
    const { plain, routerIsSilent } = QUESTION;
    expect(toAgent).toEqual([plain, plain, plain, routerIsSilent, routerIsSilent, routerIsSilent]);
  });

  describe('after a supervisor that was killed', () => {
    function succession({ sharesDescriptors = false, givesState = false } = {}) {
      const found = { forwards: true, ended: 0 };
      const predecessor = {
        waitsMs: 5_000,
        sharesDescriptors,
        forwards: () => found.forwards,
        givesState: () => Promise.resolve(givesState),
        keepTap: () => undefined,
        end: () => {
          found.ended++;
          return Promise.resolve();
        },
      };
      const made = harness(predecessor);
      if (sharesDescriptors) made.descriptors.takeFrom(9);
      return { found, ...made };
    }

    it('loads a stand-by with the descriptors of its router, and ends that one when it has loaded', async () => {
      const { clock, events, questions, found, host, supervisor } = succession({ sharesDescriptors: true });
      host.silent.push('stand-by tap=7');
      supervisor.start();
      await clock.advanceSettled(2_500, 500);
      expect([events, found.ended]).toEqual([['start agent', 'start stand-by tap=7'], 0]);
      host.silent.length = 0;
      await clock.advanceSettled(1_500, 100);
      expect([events.slice(2), found.ended]).toEqual([[], 1]);
      expect(questions).toContainEqual(['stand-by tap=7', QUESTION.forward]);
    });

    it('ends its router only after the next one has asked for its state, and has got it or not in two seconds', async () => {
      const { clock, events, questions, found, supervisor } = succession({ sharesDescriptors: true, givesState: true });
      supervisor.start();
      await clock.advanceSettled(1_500, 100);
      expect(questions).toContainEqual(['stand-by tap=7', QUESTION.forward]);
      expect([events, found.ended]).toEqual([['start agent', 'start stand-by tap=7'], 0]);
      await clock.advanceSettled(2_000, 100);
      expect(found.ended).toBe(1);
    });

    it('takes the state of its router over without an agent, when that has not started in five seconds', async () => {
      const { clock, found, host, questions, supervisor } = succession({ sharesDescriptors: true, givesState: true });
      host.silent.push('agent');
      supervisor.start();
      await clock.advanceSettled(5_100, 100);
      expect(questions).toContainEqual(['stand-by tap=7', QUESTION.forward]);
      expect(found.ended).toBe(0);
    });

    it('waits for the stand-by for five seconds only', async () => {
      const { clock, events, host, supervisor } = succession({ sharesDescriptors: true });
      host.silent.push('stand-by tap=7');
      supervisor.start();
      await clock.advanceSettled(5_100, 100);
      expect(events.slice(2)).toEqual(['SIGKILL stand-by tap=7', 'start router tap=7']);
    });

    it('lets its router forward until the agent runs, then starts another', async () => {
      const { clock, events, found, host, supervisor } = succession();
      host.silent.push('agent');
      supervisor.start();
      await clock.advanceSettled(2_500, 500);
      expect([events, found.ended]).toEqual([['start agent'], 0]);
      host.silent.length = 0;
      await clock.advanceSettled(2_000, 100);
      expect([events, found.ended]).toEqual([['start agent', 'start router tap=20'], 1]);
    });

    it('waits for the agent for five seconds only', async () => {
      const { clock, events, host, supervisor } = succession();
      host.silent.push('agent');
      supervisor.start();
      await clock.advanceSettled(5_100, 100);
      expect(events.slice(1)).toEqual(['start router tap=20']);
    });

    it('starts a router at once when that has ended, or is stopped', async () => {
      const { clock, events, found, supervisor } = succession();
      found.forwards = false;
      supervisor.start();
      await clock.advanceSettled(100, 50);
      expect(events).toEqual(['start agent', 'start router tap=20']);
    });
  });

  it('yields: ends agent and stand-by without notice to the peers, and keeps the router, which is not started again', async () => {
    const { clock, events, supervisor } = harness();
    supervisor.start();
    await clock.advanceSettled(5_000, 1_000);
    expect(await supervisor.yield()).toMatchObject({ tapFds: [20], udpFds: [21] });
    expect(events.slice(3)).toEqual(['SIGKILL stand-by tap=20', 'SIGUSR2 agent']);
    const ended = supervisor.routerEnded();
    supervisor.killRouter();
    await ended;
    await clock.advanceSettled(10_000, 1_000);
    expect(events.slice(5)).toEqual(['SIGKILL router tap=20']);
  });

  it('stops everything when a child exits with 78', async () => {
    const { events, host, ends, supervisor } = harness();
    supervisor.start();
    ends.get('agent')?.(78);
    await settle();
    expect(events).toContain('SIGTERM router tap=20');
    expect(host.gaveUp).toBe(1);
  });
});
