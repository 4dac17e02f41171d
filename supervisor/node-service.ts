/**
 * The node service in one process: lock, supervisor, and the handover to the `meshd` that follows (ADR 0030).
 *
 * ```
 *            start                 asked to hand over               the next one has ended
 *   lock ------------> serving ---------------------> waiting -----------------------------> lock
 *                        | stop: children end            | stop: nothing is touched
 *                        v                               v
 *                      ended                           ended
 * ```
 */
import { rmSync } from 'node:fs';
import type { Config } from '../common/config.js';
import { systemClock } from '../common/clock.js';
import {
  childrenFile,
  routerSocket,
  routerStateSocket,
  successionSocket,
  supervisorSocket,
} from '../common/host/run-files.js';
import type { Logger } from '../common/log.js';
import { DescriptorInbox, sendDescriptors } from '../router/index.js';
import type { DescriptorKeeper } from './descriptors.js';
import { Handover } from './handover.js';
import { takeInstanceLock } from './instance-lock.js';
import type { InstanceLock } from './instance-lock.js';
import { Leftovers } from './leftovers.js';
import { givesStateAt, predecessorLeft, predecessorOf } from './predecessors.js';
import type { Predecessor } from './succession.js';
import { Supervisor } from './supervisor.js';
import type { SupervisorOptions } from './supervisor.js';
import { takeOver, waitForLock } from './take-over.js';
import type { TakenOver } from './take-over.js';

export interface NodeServiceOptions extends Pick<SupervisorOptions, 'launchRouter' | 'launchAgent' | 'onGiveUp'> {
  readonly config: Config;
  /** None is open yet. */
  readonly descriptors: DescriptorKeeper;
  readonly log: Logger;
}

export class NodeService {
  #supervisor: Supervisor | null = null;
  #handover: Handover | null = null;
  #lock: InstanceLock | null = null;

  constructor(readonly options: NodeServiceOptions) {}

  /** Rejects with `ALREADY_RUNNING` when another `meshd` runs here, unless this one is to take over from it. */
  async start(): Promise<void> {
    const { config, log } = this.options;
    const path = supervisorSocket(config);
    if (!config.takeOver) return this.#serve({ lock: await this.#takeLock(), former: null }, []);
    rmSync(successionSocket(config), { force: true });
    const inbox = new DescriptorInbox(successionSocket(config));
    try {
      const taken = await takeOver({ path, log, takeLock: () => this.#takeLock() });
      await this.#serve(taken, inbox.receive());
    } finally {
      inbox.close();
      rmSync(successionSocket(config), { force: true });
    }
  }

  /** Resolves when the process may end. */
  async stop(): Promise<void> {
    if (this.#handover?.hasBegun === true) return this.#handover.stop();
    await this.#supervisor?.stop();
    this.#forget();
    this.#lock?.release();
  }

  reload(): void {
    this.#supervisor?.reload();
  }

  renewAgent(): void {
    this.#supervisor?.renewAgent();
  }

  #takeLock(): Promise<InstanceLock> {
    return takeInstanceLock(supervisorSocket(this.options.config), (socket) => {
      if (this.#handover === null) socket.destroy();
      else this.#handover.accept(socket);
    });
  }

  async #serve({ lock, former }: TakenOver, fds: readonly number[]): Promise<void> {
    const { config, descriptors, log, ...launches } = this.options;
    const leftovers = new Leftovers({ path: childrenFile(config), log });
    const givesState = () => givesStateAt(routerStateSocket(config));
    const predecessor: Predecessor | null =
      former === null
        ? await predecessorLeft(leftovers, descriptors, givesState)
        : predecessorOf(former, fds, descriptors, givesState, log);
    const supervisor = new Supervisor({
      ...{ ...launches, descriptors, predecessor, clock: systemClock, log },
      onStarted: (child, pid) => leftovers.record(child, pid),
    });
    this.#lock = lock;
    this.#supervisor = supervisor;
    this.#handover = this.#handoverOf(supervisor, lock);
    supervisor.start();
  }

  #handoverOf(supervisor: Supervisor, lock: InstanceLock): Handover {
    const { config, log } = this.options;
    return new Handover({
      yield: async () => {
        const { tapFds, udpFds } = await supervisor.yield();
        rmSync(childrenFile(config), { force: true });
        return [...tapFds, ...udpFds];
      },
      pass: (fds) => sendDescriptors(successionSocket(config), fds),
      releaseLock: () => lock.release(),
      routerEnded: () => supervisor.routerEnded(),
      killRouter: () => supervisor.killRouter(),
      onAbandoned: () => void this.#serveAgain(supervisor),
      log,
    });
  }

  async #serveAgain(supervisor: Supervisor): Promise<void> {
    this.options.log.warn('the next meshd has ended: this one serves the node again');
    this.#handover = null;
    await supervisor.stop();
    await this.#serve({ lock: await waitForLock(() => this.#takeLock()), former: null }, []);
  }

  /** The router may not remove its socket, since it changed to an unprivileged user. */
  #forget(): void {
    const { config } = this.options;
    rmSync(routerSocket(config), { force: true });
    rmSync(routerStateSocket(config), { force: true });
    rmSync(childrenFile(config), { force: true });
  }
}
