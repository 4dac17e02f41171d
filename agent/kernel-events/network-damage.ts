/**
 * Damage to the pod network as the kernel reports it: lines of `ip -oneline monitor link address route rule all-nsid`. The last
 * line about an interface decides: while a pod is attached or detached its port is down or on no bridge for a moment, and
 * a deleted interface needs no repair. Names in lines of other namespaces are those of this one, and are not read.
 */
import { HOST_INTERFACE_PREFIX } from '../../cni/index.js';

/** Interfaces of this host and namespaces of pods, each. The periodic looks find further ones. */
const MAX_ENTRIES = 1024;
/** `[nsid current]3: hd12@if2: <BROADCAST,UP> mtu 1400 qdisc noqueue master heddle0 ...`, and without a colon for an address. */
const LINE = /^\[nsid (current|\d+)\](Deleted )?(?:(\d+): ([^\s@:]+)(?:@[^\s:]+)?(:)?|)/;

export interface DamageNames {
  readonly bridge: string;
  readonly tap: string;
}

export class NetworkDamage {
  /** `bridge`, `tap`, and `address` or `route` of theirs. */
  readonly #host = new Set<'bridge' | 'tap' | 'address' | 'route'>();
  /** Host interfaces of pods. Bounded by MAX_ENTRIES. */
  readonly #ports = new Set<string>();
  /** Identifiers of namespaces that lost an address, a route or a rule. Bounded by MAX_ENTRIES. */
  readonly #namespaces = new Set<number>();
  /** Whether an interface of a namespace that was up still is. Bounded by MAX_ENTRIES. */
  readonly #wasUp = new Map<string, boolean>();

  constructor(readonly names: DamageNames) {}

  get hostIsDamaged(): boolean {
    return this.#host.size > 0 || this.#ports.size > 0;
  }

  get podsAreDamaged(): boolean {
    return this.#namespaces.size > 0;
  }

  note(line: string): void {
    const [, namespace, deleted, index, name, colon] = LINE.exec(line) ?? [];
    if (namespace === undefined) return;
    const isDeleted = deleted !== undefined;
    if (namespace !== 'current') {
      const isInterface = colon !== undefined;
      if (isInterface) this.#noteInside(Number(namespace), `${namespace} ${index}`, isDeleted, line);
      else if (isDeleted && !isKernels(line)) note(this.#namespaces, Number(namespace), true);
    } else if (name === undefined) this.#noteRoute(isDeleted, line);
    else if (colon === undefined) {
      if (isDeleted && name === this.names.bridge) this.#host.add('address');
    } else this.#noteInterface(name, isDeleted, line);
  }

  /** Whether the line is about an interface, address or route that is not of the pod network. */
  concernsUnderlay(line: string): boolean {
    const [, namespace, , , interfaceName] = LINE.exec(line) ?? [];
    const name = interfaceName ?? / dev (\S+)/.exec(line)?.[1];
    if (namespace !== 'current' || name === undefined) return false;
    return name !== this.names.bridge && name !== this.names.tap && !name.startsWith(HOST_INTERFACE_PREFIX);
  }

  /** What was noted since the last call: whether bridge or TAP are concerned, and which ports of pods. */
  takeHost(): { readonly host: boolean; readonly ports: ReadonlySet<string> } {
    const taken = { host: this.#host.size > 0, ports: new Set(this.#ports) };
    this.#host.clear();
    this.#ports.clear();
    return taken;
  }

  /** Identifiers of the namespaces that lost something since the last call. */
  takeNamespaces(): ReadonlySet<number> {
    const taken = new Set(this.#namespaces);
    this.#namespaces.clear();
    return taken;
  }

  #noteInterface(name: string, isDeleted: boolean, line: string): void {
    const { bridge, tap } = this.names;
    const isRight = !isDeleted && isUp(line) && (name === bridge || line.includes(` master ${bridge} `));
    if (name === bridge) note(this.#host, 'bridge', !isRight);
    else if (name === tap) note(this.#host, 'tap', !isRight);
    else if (name.startsWith(HOST_INTERFACE_PREFIX)) note(this.#ports, name, !isRight && !isDeletion(isDeleted, line));
  }

  #noteRoute(isDeleted: boolean, line: string): void {
    const device = / dev (\S+)/.exec(line)?.[1] ?? '';
    if (!isDeleted || isKernels(line)) return;
    if (device.startsWith(HOST_INTERFACE_PREFIX)) note(this.#ports, device, true);
    else if (device === this.names.bridge || device === this.names.tap) this.#host.add('route');
  }

  /**
   * A pod whose interface is deleted is gone, and its routes with it. One that was set down has lost its routes, of IPv4 without a
   * report, and can have them again once it is up. A new interface is down at first.
   */
  #noteInside(id: number, key: string, isDeleted: boolean, line: string): void {
    const wasUp = this.#wasUp.get(key);
    if (isDeleted) {
      this.#namespaces.delete(id);
      this.#wasUp.delete(key);
    } else if (!isUp(line)) {
      if (wasUp !== undefined) this.#wasUp.set(key, false);
    } else {
      if (wasUp === false) note(this.#namespaces, id, true);
      if (wasUp !== undefined || this.#wasUp.size < MAX_ENTRIES) this.#wasUp.set(key, true);
    }
  }
}

function note<T>(entries: Set<T>, entry: T, isDamaged: boolean): void {
  if (!isDamaged) entries.delete(entry);
  else if (entries.size < MAX_ENTRIES) entries.add(entry);
}

/** A port that leaves its bridge is reported as deleted too, with the bridge. */
function isDeletion(isDeleted: boolean, line: string): boolean {
  return isDeleted && !line.includes(' master ');
}

function isUp(line: string): boolean {
  return /<(?:[^>]*,)?UP[,>]/.test(line);
}

/** Routes that follow interfaces and addresses, and link-local addresses. */
function isKernels(line: string): boolean {
  return / proto kernel| table local | inet6 fe80:/.test(line);
}
