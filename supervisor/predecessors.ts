/**
 * Routers of an earlier supervisor, which forward until this one's has loaded: of one that was killed, found by its record of
 * children, or of one that hands over, known by its connection.
 */
import { connect } from 'node:net';
import { messageOf } from '../common/errors.js';
import type { Logger } from '../common/log.js';
import type { DescriptorKeeper } from './descriptors.js';
import type { Leftovers } from './leftovers.js';
import type { Predecessor } from './succession.js';
import type { FormerSupervisor } from './take-over.js';

/** A router whose supervisor was killed ends after 10 s. */
const LEFT_WAITS_MS = 5_000;
/** One whose supervisor lives forwards as long as it must. */
const HANDED_OVER_WAITS_MS = 30_000;

/** Whether a router listens at `path` for the one that asks it for its state; one of an older version does not. */
export function givesStateAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Ends what an earlier supervisor left but its router, which forwards until it is ended too. Null when there is none. */
export async function predecessorLeft(
  leftovers: Leftovers,
  descriptors: DescriptorKeeper,
  givesState: Predecessor['givesState'],
): Promise<Predecessor | null> {
  const { log } = leftovers.deps;
  const running = leftovers.running();
  const router = running.find(({ name }) => name === 'router');
  await leftovers.end(running.filter((child) => child !== router));
  if (router === undefined) return null;
  return {
    sharesDescriptors: isTaken(() => descriptors.takeFrom(router.pid), log),
    waitsMs: LEFT_WAITS_MS,
    forwards: () => leftovers.works(router),
    givesState,
    keepTap: () => keepTap(descriptors, log),
    end: () => leftovers.end([router]),
  };
}

/** @param fds those that the former supervisor has passed */
export function predecessorOf(
  former: FormerSupervisor,
  fds: readonly number[],
  descriptors: DescriptorKeeper,
  givesState: Predecessor['givesState'],
  log: Logger,
): Predecessor {
  return {
    sharesDescriptors: isTaken(() => descriptors.adopt(fds), log),
    waitsMs: HANDED_OVER_WAITS_MS,
    forwards: () => former.routerForwards,
    givesState,
    keepTap: () => keepTap(descriptors, log),
    end: () => former.endRouter(),
  };
}

/** False when the router cannot be asked, or was started with other options: its successor loads when it has ended. */
function isTaken(take: () => void, log: Logger): boolean {
  try {
    take();
    return true;
  } catch (thrown) {
    log.info({ error: messageOf(thrown) }, 'descriptors of the earlier router are not taken over');
    return false;
  }
}

function keepTap(descriptors: DescriptorKeeper, log: Logger): void {
  try {
    descriptors.ensureTap();
  } catch (thrown) {
    log.info({ error: messageOf(thrown) }, 'TAP is opened after the earlier router has ended');
  }
}
