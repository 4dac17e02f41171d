/**
 * Supervisor of the router and the agent: restarts either when it ends, and holds the privileged descriptors open across
 * restarts. It does and imports as little as possible, since its failure ends the node service.
 */
import type { Logger } from '../common/log.js';
import { every } from '../common/clock.js';
import type { Clock } from '../common/clock.js';
import type { DescriptorKeeper, Descriptors } from './descriptors.js';
import { QUESTION } from '../common/host/beat-channel.js';
import { PAUSE_SIGNAL } from '../common/launch-contract.js';
import { SupervisedChild } from './supervised-child.js';
import type { ChildProcess } from './supervised-child.js';
import type { RouterKind } from './programs.js';
import { StandBy } from './stand-by.js';
import { succeed } from './succession.js';
import type { Predecessor } from './succession.js';

const TAP_CHECK_MS = 2_000;

export interface SupervisorOptions {
  readonly descriptors: DescriptorKeeper;
  readonly launchRouter: (descriptors: Descriptors, kind: RouterKind) => ChildProcess;
  /** Router of an earlier supervisor, which forwards still. */
  readonly predecessor: Predecessor | null;
  /** Null when only the router is supervised. */
  readonly launchAgent: (() => ChildProcess) | null;
  /** Called for every child that was started. */
  readonly onStarted: (child: string, pid: number) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after both children were stopped because the configuration of one is wrong. */
  readonly onGiveUp: () => void;
}

export class Supervisor {
  readonly #router: SupervisedChild;
  readonly #agent: SupervisedChild | null;
  readonly #standBy: StandBy;
  #cancelTapCheck: () => void = () => undefined;

  constructor(readonly options: SupervisorOptions) {
    const { clock, log, descriptors, launchRouter, launchAgent } = options;
    const onGiveUp = () => void this.stop().then(options.onGiveUp);
    this.#standBy = new StandBy({
      launch: () => launchRouter(descriptors.ensure(), 'stand-by'),
      ...{ clock, log, onStarted: (pid) => options.onStarted('stand-by', pid) },
    });
    let kind: RouterKind = options.predecessor !== null ? 'replacement' : 'first';
    const launch = () => {
      const child = this.#standBy.take() ?? launchRouter(descriptors.ensure(), kind);
      kind = 'replacement';
      this.#standBy.prepare();
      return child;
    };
    const question = () => (this.#router.isSilent ? QUESTION.routerIsSilent : QUESTION.plain);
    const supervise = (name: string, launchChild: () => ChildProcess) => {
      const onStarted = (pid: number) => options.onStarted(name, pid);
      return new SupervisedChild({ name, launch: launchChild, question, clock, log, onStarted, onGiveUp });
    };
    this.#router = supervise('router', launch);
    this.#agent = launchAgent && supervise('agent', launchAgent);
  }

  start(): void {
    const { predecessor, clock } = this.options;
    if (predecessor === null) this.#router.start();
    else void this.#succeed(predecessor);
    this.#agent?.start();
    this.#cancelTapCheck = every(clock, TAP_CHECK_MS, () => this.#checkTap());
  }

  /** Replaces the running agent by the agent program on disk. Forwarding and links continue. */
  renewAgent(): void {
    this.#agent?.restart(PAUSE_SIGNAL);
  }

  /** Makes the agent read its settings again. The router keeps its options. */
  reload(): void {
    this.#agent?.reload();
  }

  /** Stops the agent first, whose notice to the peers goes through the router. */
  async stop(): Promise<void> {
    this.#cancelTapCheck();
    this.#standBy.discard();
    await this.#agent?.stop();
    await this.#router.stop();
    this.options.descriptors.close();
  }

  /** Ends agent and stand-by, without notice to the peers; the router forwards on until {@link killRouter}, and is the last one. */
  async yield(): Promise<Descriptors> {
    this.#cancelTapCheck();
    this.#standBy.discard();
    this.#router.keep();
    await this.#agent?.stop(PAUSE_SIGNAL);
    return this.options.descriptors.ensure();
  }

  /** Resolves when it has ended, and the descriptors are closed. */
  async routerEnded(): Promise<void> {
    await this.#router.gone();
    this.options.descriptors.close();
  }

  killRouter(): void {
    void this.#router.stop('SIGKILL');
  }

  async #succeed(predecessor: Predecessor): Promise<void> {
    const loadsMeanwhile = predecessor.sharesDescriptors && predecessor.forwards();
    if (loadsMeanwhile) this.#standBy.prepare(0);
    await succeed({
      predecessor,
      clock: this.options.clock,
      agentRuns: () => this.#agent?.isRunning ?? true,
      hasLoaded: () => !loadsMeanwhile || this.#standBy.isReady,
      startNext: () => this.#router.start(),
    });
  }

  /** A router with descriptors of a deleted interface has to be replaced. */
  #checkTap(): void {
    if (!this.#router.running || !this.options.descriptors.tapIsGone()) return;
    this.options.log.warn('TAP interface was deleted; the router is restarted with a new one');
    this.#standBy.discard();
    this.#router.restart('SIGTERM');
  }
}
