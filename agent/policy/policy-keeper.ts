/**
 * Keeper of the policies' nft table: writes each change as one transaction, compares the table with the kernel every 30 s, and
 * repairs it. Until all objects of the cluster are known it adds to what is in force and takes nothing away. What it wrote stays in
 * force without the agent.
 */
import { every } from '../../common/clock.js';
import type { Clock } from '../../common/clock.js';
import { CoalescedTask } from '../../common/coalesced-task.js';
import { HeddleError, messageOf } from '../../common/errors.js';
import { runJson } from '../../common/host/command.js';
import type { CommandRunner } from '../../common/host/command.js';
import type { NoticeLog } from '../../common/notice-log.js';
import { asInstalled, hasPolicyTable, POLICY_TABLE, readInstalled, tableCommands } from '../../policy/index.js';
import type { InstalledTable, LocalPod, PolicyCompiler, PolicyTable } from '../../policy/index.js';
import type { Drops } from './drops/drops.js';

const COMPARE_EVERY_MS = 30_000;
const RETRY_MS = 2_000;
/** ADD waits so long for the API server to tell of the pod and its policies; it then starts denied. */
const KNOWN_WITHIN_MS = 2_000;

export interface PolicyKeeperDeps {
  readonly compiler: PolicyCompiler;
  readonly drops: Drops;
  readonly commands: CommandRunner;
  readonly localPods: () => readonly LocalPod[];
  /** Resolves when the policies for pods of the namespace are known as they are now, or cannot be had. */
  readonly refresh: (namespace: string) => Promise<void>;
  readonly clock: Clock;
  readonly notices: NoticeLog;
}

/** Work since the start of the agent. */
export interface PolicyWork {
  readonly updates: number;
  readonly compileMs: number;
  /** Of `nft`, which writes a change to the kernel. */
  readonly updateMs: number;
}

export class PolicyKeeper {
  readonly #applying = new CoalescedTask(() => this.#apply());
  /** Null: to be read from the kernel. */
  #installed: InstalledTable | 'absent' | 'damaged' | null = null;
  #allIsKnown = false;
  /** The table in force says what was known at the last change. */
  #isCurrent = false;
  /** A change of the table failed: something of others may be in its way. */
  #isInTheWay = false;
  #problem: string | null = null;
  #repairs = 0;
  #work: PolicyWork = { updates: 0, compileMs: 0, updateMs: 0 };
  #elements = 0;
  /** Pods that ADD has waited for, by their addresses. Bounded by the pods of this node. */
  #waitedFor: ReadonlySet<string> = new Set();
  /** Begin of the ADD of pods that have no interface yet. Bounded by the ADDs that run. */
  readonly #coming = new Map<LocalPod, number>();
  /** Pods whose policies are asked for. Bounded by the pods of this node. */
  readonly #held = new Set<string>();
  /** Pods that keep what is in force until all is known, likewise. */
  #ofBefore: ReadonlySet<string> = new Set();
  #waiting: (() => void)[] = [];
  #stopTimer: () => void = () => undefined;
  #cancelRetry: () => void = () => undefined;

  constructor(readonly deps: PolicyKeeperDeps) {}

  /** Why the table in the kernel is not the wanted one, or null. */
  get problem(): string | null {
    return this.#problem;
  }

  get allIsKnown(): boolean {
    return this.#allIsKnown;
  }

  get repairs(): number {
    return this.#repairs;
  }

  get work(): PolicyWork {
    return this.#work;
  }

  /** Addresses, ports and verdicts in the table that is in force. */
  get elements(): number {
    return this.#elements;
  }

  /** With the pods that are attached already. Resolves when the table of what is known is in force. */
  async start(ofBefore: 'asBefore' | 'denied'): Promise<void> {
    this.#waitedFor = new Set(this.deps.localPods().map(keyOf));
    if (ofBefore === 'asBefore') this.#ofBefore = this.#waitedFor;
    this.#stopTimer = every(this.deps.clock, COMPARE_EVERY_MS, () => void this.compare());
    await this.deps.drops.start();
    await this.#applying.run();
  }

  async stop(): Promise<void> {
    this.#stopTimer();
    this.#cancelRetry();
    await this.#applying.idle();
    await this.deps.drops.stop();
  }

  /** Resolves when a table of what is known now is in force, or could not be written. */
  applied(): Promise<void> {
    return this.#applying.run();
  }

  /** Resolves when all changes so far are in force, or the table could not be written. */
  settled(): Promise<void> {
    return this.#applying.idle();
  }

  /** All objects of the cluster are in the compiler; from now on it says everything. */
  clusterIsKnown(): void {
    this.#allIsKnown = true;
    this.clusterChanged();
  }

  clusterChanged(): void {
    this.#isCurrent = false;
    void this.#applying.run();
  }

  /**
   * Resolves when the verdict of a pod is in the kernel that has no interface yet; one that the API server has not told of is
   * denied, and so is one whose policies the API server has not answered within 2 s. It resolves to the function that takes the
   * pod away again. Rejects as {@link podsChanged}.
   */
  async admit(pod: LocalPod): Promise<() => void> {
    const startedMs = this.deps.clock.nowMs();
    await this.#policiesAreNew(pod);
    this.#coming.set(pod, startedMs);
    this.#isCurrent = false;
    await this.#applying.run();
    if (this.#problem === null) return () => void this.#coming.delete(pod);
    this.#coming.delete(pod);
    throw this.#refusal(this.#problem);
  }

  /** As new as the pod, or 2 s are over: then it is held until they are. A watch may tell of a policy later than of its pod. */
  async #policiesAreNew(local: LocalPod): Promise<void> {
    if (local.pod === null) return;
    const key = keyOf(local);
    this.#held.add(key);
    let isLate = false;
    const asked = this.deps.refresh(local.pod.namespace).then(() => {
      this.#held.delete(key);
      if (isLate) this.clusterChanged();
    });
    await new Promise<void>((resolve) => {
      const cancel = this.deps.clock.after(KNOWN_WITHIN_MS, () => {
        isLate = true;
        resolve();
      });
      void asked.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /**
   * Resolves when the verdicts of all attached pods are in the kernel. A pod that the API server has not told of within 2 s is
   * denied until it does. Rejects with HeddleError when the table cannot be written.
   */
  async podsChanged(): Promise<void> {
    const pods = this.deps.localPods();
    const added = pods.filter((pod) => !this.#waitedFor.has(keyOf(pod)));
    this.#waitedFor = new Set(pods.map(keyOf));
    this.#isCurrent = false;
    await this.#applying.run();
    let isOver = false;
    const cancel = this.deps.clock.after(KNOWN_WITHIN_MS - this.#waitedMs(added), () => {
      isOver = true;
      this.#wake();
    });
    while (!isOver && this.#problem === null && added.some((pod) => !this.#isKnown(pod))) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    cancel();
    if (this.#problem !== null) throw this.#refusal(this.#problem);
  }

  /** Resolves when the table in the kernel has been read, and mended where it was not the wanted one. */
  async compare(): Promise<void> {
    this.#installed = null;
    await this.#applying.run();
  }

  async #apply(): Promise<void> {
    const { notices } = this.deps;
    const wasCurrent = this.#isCurrent;
    this.#isCurrent = true;
    const wanted = this.#compile();
    try {
      this.#installed ??= await this.#read(wanted);
      if (this.#isInTheWay && this.#allIsKnown && typeof this.#installed !== 'string') this.#installed = 'damaged';
      const change = tableCommands({ wanted, installed: this.#installed, onlyAdd: !this.#allIsKnown });
      if (change !== null) {
        if (this.#installed === 'damaged') this.#checkReplaceable();
        this.#isInTheWay = true;
        await this.#write(change);
        this.#isInTheWay = false;
        if (wasCurrent) this.#mended();
      }
      // What else is in force while not all is known is read again.
      this.#installed = !this.#allIsKnown ? null : wanted.chains.size === 0 ? 'absent' : asInstalled(wanted);
      this.#elements = elementsOf(wanted);
      this.deps.drops.useCounters(wanted.counters);
      this.#problem = null;
      notices.clear('policies');
    } catch (thrown) {
      this.#failed(messageOf(thrown));
    }
    this.#wake();
  }

  /** Written anew while not all is known, a damaged table would open the pods of before the start. */
  #checkReplaceable(): void {
    if (this.#allIsKnown) return;
    const what = 'its table is damaged, and stays as it is until the API server has told of all policies';
    throw new HeddleError('HOST_REFUSED', what);
  }

  /** Of the 2 s, by admission. */
  #waitedMs(added: readonly LocalPod[]): number {
    const keys = new Set(added.map(keyOf));
    const started = [...this.#coming].flatMap(([pod, ms]) => (keys.has(keyOf(pod)) ? [ms] : []));
    const nowMs = this.deps.clock.nowMs();
    return Math.min(KNOWN_WITHIN_MS, nowMs - Math.min(nowMs, ...started));
  }

  #refusal(problem: string): HeddleError {
    return new HeddleError('HOST_REFUSED', `network policies: ${problem}`);
  }

  #isKnown(pod: LocalPod): boolean {
    return this.#allIsKnown && !this.#held.has(keyOf(pod)) && this.deps.compiler.knows(pod);
  }

  #compile(): PolicyTable {
    const { compiler, clock, drops } = this.deps;
    const startedMs = clock.nowMs();
    compiler.setLocalPods(this.#concerned());
    const wanted = compiler.compile(drops.isLogged, this.#allIsKnown);
    this.#work = { ...this.#work, compileMs: this.#work.compileMs + clock.nowMs() - startedMs };
    return wanted;
  }

  async #write(change: string): Promise<void> {
    const { commands, clock } = this.deps;
    const startedMs = clock.nowMs();
    await commands.run('nft', ['-j', '-f', '-'], change);
    const { updates, updateMs } = this.#work;
    this.#work = { ...this.#work, updates: updates + 1, updateMs: updateMs + clock.nowMs() - startedMs };
  }

  /** Until all is known, the pods of before the start are as the agent before left them. */
  #concerned(): readonly LocalPod[] {
    const attached = this.deps.localPods();
    const keys = new Set(attached.map(keyOf));
    const pods = [...attached, ...[...this.#coming.keys()].filter((pod) => !keys.has(keyOf(pod)))].map((pod) =>
      this.#held.has(keyOf(pod)) ? { ...pod, isHeld: true } : pod,
    );
    return this.#allIsKnown ? pods : pods.filter((pod) => !this.#ofBefore.has(keyOf(pod)));
  }

  async #read(wanted: PolicyTable): Promise<InstalledTable | 'absent' | 'damaged'> {
    const { commands, drops } = this.deps;
    try {
      const found = readInstalled(await runJson(commands, 'nft', ['-j', 'list', 'table', ...POLICY_TABLE]), wanted);
      drops.take(found.packets);
      return found.isWhole ? found : 'damaged';
    } catch (thrown) {
      if (hasPolicyTable(await runJson(commands, 'nft', ['-j', 'list', 'tables', POLICY_TABLE[0]]))) {
        // It may isolate pods of before the start, of which not all is known yet.
        if (!this.#allIsKnown) throw thrown;
        return 'damaged';
      }
      drops.take(new Map());
      return 'absent';
    }
  }

  #mended(): void {
    this.#repairs++;
    this.deps.notices.write('warn', 'the table of network policies was changed by others, and is mended', {}, 'mended');
  }

  #failed(problem: string): void {
    this.#isCurrent = false;
    this.#installed = null;
    this.#problem = problem;
    this.deps.notices.write('error', 'network policies are not in force as they should be', { problem }, 'policies');
    this.#cancelRetry();
    this.#cancelRetry = this.deps.clock.after(RETRY_MS, () => void this.#applying.run());
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function elementsOf({ sets, verdicts }: PolicyTable): number {
  const inSets = [...sets.values()].reduce((sum, { elements }) => sum + elements.size, 0);
  return Object.values(verdicts).reduce((sum, { size }) => sum + size, inSets);
}

function keyOf({ pod, ips }: LocalPod): string {
  return `${pod?.uid ?? ''} ${ips.join()}`;
}
