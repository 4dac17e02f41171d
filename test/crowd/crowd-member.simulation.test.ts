import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from '../../common/testing/virtual-clock.js';
import { NoticeLog } from '../../common/notice-log.js';
import { silentLogger } from '../../common/log.js';
import type { SocketAddress } from '../../common/address/socket-address.js';
import { SeededRandom } from '../../mesh/testing/seeded-random.js';
import { CrowdMember } from './crowd-member.js';
import { planCrowd } from './crowd-plan.js';

const PORT = 6785;
const DELAY_MS = 1;
const PATH_MTU_BYTES = 1400;
const OVERHEAD_BYTES = 28;

/** Members over a network in memory that carries datagrams up to {@link PATH_MTU_BYTES}; all dial the first. */
function startMembers(count: number, linkAmong: boolean) {
  const clock = new VirtualClock();
  const random = new SeededRandom(count);
  const notices = new NoticeLog(silentLogger(), clock);
  const plans = planCrowd(count);
  const addressOf = (i: number): SocketAddress => ({ ip: plans[i]!.address, port: PORT });
  const settings = { clusterSecret: random.bytes(32), port: PORT, mtuBytes: 1500, linkAmong };
  const sent = plans.map(() => 0);
  const members: CrowdMember[] = plans.map((plan, i) => {
    const send = (to: SocketAddress, datagram: Uint8Array): void => {
      sent[i]!++;
      const target = members.find((member) => member.plan.address === to.ip);
      if (datagram.length + OVERHEAD_BYTES > PATH_MTU_BYTES) return;
      clock.after(DELAY_MS, () => target?.receive(addressOf(i), datagram));
    };
    const seeds = i === 0 ? [] : [addressOf(0)];
    return new CrowdMember(plan, { ...settings, seeds }, { clock, random, notices, send });
  });
  for (const member of members) member.start();
  return { clock, members, sent };
}

describe('members of a crowd', () => {
  it('link with the node they dial and with no other', () => {
    const { clock, members } = startMembers(4, false);
    clock.advance(3000);
    expect(members.map(({ linksUp }) => linksUp)).toEqual([3, 1, 1, 1]);
    clock.advance(30_000);
    expect(members.map(({ linksUp }) => linksUp)).toEqual([3, 1, 1, 1]);
  });

  it('link with each other when linkAmong is set', () => {
    const { clock, members } = startMembers(4, true);
    clock.advance(10_000);
    expect(members.map(({ linksUp }) => linksUp)).toEqual([3, 3, 3, 3]);
  });

  it('send nothing to the node they dialled once they have found their neighbours', () => {
    const seconds = 10;
    const { clock, members, sent } = startMembers(30, true);
    clock.advance(25_000);
    expect(members[0]!.linksUp).toBe(29);
    const before = sent[0]!;
    clock.advance(seconds * 1000);
    // A probe and an answer a second with each of the 16 neighbours, and a digest now and then.
    expect((sent[0]! - before) / seconds).toBeLessThan(40);
  });

  it('say goodbye when they stop', () => {
    const { clock, members } = startMembers(2, false);
    clock.advance(3000);
    members[1]!.stop();
    clock.advance(10);
    expect(members[0]!.linksUp).toBe(0);
  });
});
