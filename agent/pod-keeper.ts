/**
 * Reconciler of pods: replays deferred deletes, compares endpoints and allocations with the network namespaces that
 * exist, frees what leaked, and keeps the CNI files in place once pods can be attached. Runs at start until it succeeds,
 * then every minute.
 */
import { messageOf } from '../common/errors.js';
import type { Clock } from '../common/clock.js';
import type { NoticeLog } from '../common/notice-log.js';

const INTERVAL_MS = 60_000;
const RETRY_MS = 2_000;

export interface PodKeeperOptions<Live> {
  readonly replayDeferredDeletes: () => Promise<unknown>;
  /** Compares the endpoints with the kernel, repairs, and gives every pod that lives. */
  readonly liveAttachments: () => Promise<readonly Live[]>;
  readonly reconcileAddresses: (live: readonly Live[]) => Promise<unknown>;
  /** Whether a pod could be attached now, apart from what this class does. */
  readonly canInstall: () => boolean;
  /** True when something was written. */
  readonly installCni: () => Promise<boolean>;
  readonly clock: Clock;
  readonly notices: NoticeLog;
  readonly onReconciled: () => void;
}

export class PodKeeper<Live> {
  #reconciled = false;
  #installed = false;
  #cancel: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(readonly options: PodKeeperOptions<Live>) {}

  /** Whether the record has been compared with the pods that live: no address is given out before. */
  get reconciled(): boolean {
    return this.#reconciled;
  }

  /** Resolves after the first run. */
  start(): Promise<void> {
    this.#running = this.#run();
    return this.#running;
  }

  /** Runs now instead of later, unless the CNI files are in place: what they waited for may have come. */
  nudge(): void {
    if (this.#stopped || this.#installed || !this.#reconciled) return;
    this.#running = this.#running.then(() => this.#install());
  }

  /** Compares at once: what the host's side of pods depends on has changed. */
  compare(): void {
    if (this.#stopped || !this.#reconciled) return;
    this.#running = this.#running.then(async () => void (await this.#reconcile()));
  }

  /** What the CNI files say may have changed: they are compared and written again. */
  reinstall(): void {
    this.#installed = false;
    this.nudge();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    const done = await this.#reconcile();
    await this.#install();
    if (this.#stopped) return;
    this.#cancel = this.options.clock.after(done && this.#installed ? INTERVAL_MS : RETRY_MS, () => {
      this.#running = this.#running.then(() => this.#run());
    });
  }

  async #reconcile(): Promise<boolean> {
    const { replayDeferredDeletes, liveAttachments, reconcileAddresses, notices, onReconciled } = this.options;
    try {
      await replayDeferredDeletes();
      await reconcileAddresses(await liveAttachments());
      notices.clear('pods');
      this.#reconciled = true;
      onReconciled();
      return true;
    } catch (thrown) {
      notices.write('error', 'pods could not be compared with the record', { error: messageOf(thrown) }, 'pods');
      return false;
    }
  }

  async #install(): Promise<void> {
    const { canInstall, installCni, notices } = this.options;
    if (this.#stopped || !this.#reconciled || !canInstall()) return;
    try {
      if (await installCni()) notices.log.info('CNI files installed');
      this.#installed = true;
      notices.clear('cni files');
    } catch (thrown) {
      this.#installed = false;
      notices.write('error', 'CNI files could not be installed', { error: messageOf(thrown) }, 'cni files');
    }
  }
}
