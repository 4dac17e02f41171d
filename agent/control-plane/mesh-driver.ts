/**
 * Driver of the pure mesh core: feeds it events with the time, carries out its effects, and keeps one timer for the
 * core's next deadline. No decision is made here.
 */
import { messageOf } from '../../common/errors.js';
import type { RouterCommand } from '../../common/router-port.js';
import type { MeshEffect, MeshEvent } from '../../mesh/index.js';
import type { Clock } from '../../common/clock.js';
import type { NoticeLog } from '../../common/notice-log.js';

/** The core as the driver sees it. */
export interface MeshCore {
  handle(event: MeshEvent, nowMs: number): readonly MeshEffect[];
  /** When the core wants its next `tick`, or null for never. */
  pollAt(): number | null;
}

/**
 * Why an agent stops. `leave`: the node stops forwarding too; its peers get a goodbye and take their links down at once.
 * `pause`: another agent follows (an upgrade, a crash of the supervisor); no goodbye is sent, and the router forwards on.
 */
export type StopReason = 'leave' | 'pause';

/** A core that asks for the past must not spin the process. */
const MIN_TIMER_MS = 1;
/**
 * With many peers something is due every few milliseconds. What falls due within this time of a tick is done with the next one,
 * so that agent and router wake up for many probes at once. A deadline that comes alone is kept to the millisecond.
 */
const TICK_INTERVAL_MS = 250;

export type AuthorityQuestion = Extract<MeshEffect, { type: 'askAuthority' }>;

export interface MeshDriverOptions {
  readonly core: MeshCore;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly sendToRouter: (command: RouterCommand) => void;
  readonly onRoutesChanged: () => void;
  readonly onAdvertsChanged: () => void;
  /** The answer comes back as an event. */
  readonly askAuthority: (question: AuthorityQuestion) => void;
  /** The changes that a watch of the authority sees come back as events. */
  readonly watchNodes: (isWanted: boolean) => void;
  /** After every event that was handled. */
  readonly onHandled: () => void;
}

export class MeshDriver {
  #pollAtMs: number | null = null;
  #tickedMs = -Infinity;
  #cancelTimer: () => void = () => undefined;
  #stopped = false;
  #faults = 0;

  constructor(readonly options: MeshDriverOptions) {}

  /** How often the core threw: bugs of ours, survived. */
  get faults(): number {
    return this.#faults;
  }

  feed(event: MeshEvent): void {
    if (this.#stopped) return;
    for (const effect of this.#handle(event)) this.#carryOut(effect);
    this.#schedule();
    this.options.onHandled();
  }

  /** Says goodbye to the peers when this node leaves, and ends; later events are ignored. */
  stop(reason: StopReason): void {
    if (reason === 'leave') this.feed({ type: 'stop' });
    this.#stopped = true;
    this.#cancelTimer();
  }

  /** One bad event must not take the control plane of the node down: it is counted and the next one is handled. */
  #handle(event: MeshEvent): readonly MeshEffect[] {
    try {
      return this.options.core.handle(event, this.options.clock.nowMs());
    } catch (thrown) {
      this.#faults++;
      const fields = { event: event.type, error: messageOf(thrown) };
      this.options.notices.write('error', 'the mesh core failed on an event', fields, `mesh fault ${event.type}`);
      return [];
    }
  }

  #carryOut(effect: MeshEffect): void {
    switch (effect.type) {
      case 'routesChanged':
        return this.options.onRoutesChanged();
      case 'advertsChanged':
        return this.options.onAdvertsChanged();
      case 'notice':
        return this.options.notices.log[effect.level](effect.fields, effect.message);
      case 'askAuthority':
        return this.options.askAuthority(effect);
      case 'watchNodes':
        return this.options.watchNodes(effect.isWanted);
      case 'sendDatagram':
      case 'sendControl':
      case 'probe':
      case 'path':
      case 'installSession':
      case 'activateSession':
      case 'deactivateSession':
      case 'expectSession':
      case 'removeSession':
      case 'removePeer':
      case 'openChannel':
      case 'closeChannel':
      case 'openRelay':
      case 'closeRelay':
        return this.options.sendToRouter(effect);
    }
  }

  #schedule(): void {
    const pollAtMs = this.options.core.pollAt();
    if (pollAtMs === this.#pollAtMs) return;
    this.#cancelTimer();
    this.#pollAtMs = pollAtMs;
    if (pollAtMs === null || this.#stopped) return;
    const { clock } = this.options;
    const dueMs = Math.max(pollAtMs, this.#tickedMs + TICK_INTERVAL_MS);
    this.#cancelTimer = clock.after(Math.max(MIN_TIMER_MS, dueMs - clock.nowMs()), () => {
      this.#pollAtMs = null;
      this.#tickedMs = clock.nowMs();
      this.feed({ type: 'tick' });
    });
  }
}
