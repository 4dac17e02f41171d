/**
 * Runs the router and the agent and starts either again when it ends. Holds the descriptors that need privileges, so
 * that neither child's end closes them. It does nothing else and imports almost nothing: it must be the process that
 * never fails and costs the least.
 */
import type { Logger } from '../common/log.js';
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import type { DescriptorKeeper, Descriptors } from './descriptors.js';
import { PAUSE_SIGNAL } from '../common/launch-contract.js';
import { SupervisedChild } from './supervised-child.js';
import type { ChildProcess } from './supervised-child.js';

const TAP_CHECK_MS = 2_000;

export interface SupervisorOptions {
  readonly descriptors: DescriptorKeeper;
  readonly launchRouter: (descriptors: Descriptors) => ChildProcess;
  /** null when only the router is supervised. */
  readonly launchAgent: (() => ChildProcess) | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** A child's configuration is wrong: everything has been stopped. */
  readonly onGiveUp: () => void;
}

export class Supervisor {
  readonly #router: SupervisedChild;
  readonly #agent: SupervisedChild | null;
  #cancelTapCheck: () => void = () => undefined;

  constructor(readonly options: SupervisorOptions) {
    const { clock, log, descriptors, launchRouter, launchAgent } = options;
    const onGiveUp = () => void this.stop().then(options.onGiveUp);
    const launch = () => launchRouter(descriptors.ensure());
    this.#router = new SupervisedChild({ name: 'router', launch, clock, log, onGiveUp });
    this.#agent = launchAgent && new SupervisedChild({ name: 'agent', launch: launchAgent, clock, log, onGiveUp });
  }

  start(): void {
    this.#router.start();
    this.#agent?.start();
    this.#cancelTapCheck = every(this.options.clock, TAP_CHECK_MS, () => this.#checkTap());
  }

  /** Puts the agent program that is on disk now in the place of the one that runs. Forwarding and links go on. */
  renewAgent(): void {
    this.#agent?.restart(PAUSE_SIGNAL);
  }

  /** The agent reads its settings again; what the router was started with stays. */
  reload(): void {
    this.#agent?.reload();
  }

  /** Stops the agent first, so that its goodbye still goes out through the router. */
  async stop(): Promise<void> {
    this.#cancelTapCheck();
    await this.#agent?.stop();
    await this.#router.stop();
    this.options.descriptors.close();
  }

  /** A router that holds the descriptors of a deleted interface can only be replaced. */
  #checkTap(): void {
    if (!this.#router.running || !this.options.descriptors.tapIsGone()) return;
    this.options.log.warn('the TAP interface was deleted; the router is restarted with a new one');
    this.#router.restart('SIGTERM');
  }
}
