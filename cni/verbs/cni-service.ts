/**
 * CNI plugin as a service: takes a call as the relay sent it and gives the response that the executable prints. Runs one
 * call at a time per attachment. Not here: the socket (`agent/cni-server.ts`).
 */
import { attachPod } from './attach.js';
import { hostInterfaceOf } from '../attachment.js';
import type { EndpointRecord } from '../attachment.js';
import { KeyedQueue } from '../../common/keyed-queue.js';
import { checkPod } from './check.js';
import { messageOf } from '../../common/errors.js';
import { CniError, CNI_CODES, toCniError } from '../cni-error.js';
import { collectGarbage, isNewerThan, removeAttachment } from './detach.js';
import { EndpointReconciler } from './endpoint-reconciler.js';
import type { LiveAttachment, Station } from './endpoint-reconciler.js';
import { versionOfInput } from '../call/network-config.js';
import type { CniDeps, HostInterface } from '../deps.js';
import { decodeRelayRequest, encodeRelayResponse } from '../relay/relay-protocol.js';
import type { CniRequest, CniResponse } from '../relay/relay-protocol.js';
import { parseCniRequest } from '../call/request.js';
import type { AttachCall, CniCall, CollectCall, DetachCall } from '../call/request.js';
import { addResponse, emptyResponse, errorResponse, versionResponse } from '../call/result.js';

/** Calls that run or wait. A kubelet starts ten pods at a time; the bound stops a runaway caller. */
const MAX_CALLS = 1024;

export class CniService {
  readonly #deps: CniDeps;
  /** Keyed by host interface. */
  readonly #queue = new KeyedQueue('CNI calls', MAX_CALLS);
  readonly #reconciler: EndpointReconciler;

  constructor(deps: CniDeps) {
    this.#deps = deps;
    this.#reconciler = new EndpointReconciler(deps, this.#queue);
  }

  /**
   * Does not reject: every failure is a response with the spec's error object.
   * @param asOfMs wall-clock time of a deferred call: attachments made after it are not touched
   */
  async handle(request: CniRequest, asOfMs = Infinity): Promise<CniResponse> {
    try {
      return await this.#perform(parseCniRequest(request), asOfMs);
    } catch (thrown) {
      const error = toCniError(thrown);
      this.#deps.log.warn(
        {
          command: request.env.get('CNI_COMMAND'),
          containerId: request.env.get('CNI_CONTAINERID'),
          code: error.cniCode,
          details: error.details,
        },
        `CNI call failed: ${error.message}`,
      );
      return errorResponse(error, versionOfInput(request.stdin));
    }
  }

  /** {@link handle} on the relay's bytes. Rejects with DecodeError on bytes that are not a request. */
  async answer(request: Uint8Array): Promise<Uint8Array> {
    return encodeRelayResponse(await this.handle(decodeRelayRequest(request)));
  }

  /** The answer to a call that is not performed now. Throws DecodeError on bytes that are not a request. */
  refuse(request: Uint8Array, reason: string): Uint8Array {
    const error = new CniError(CNI_CODES.tryAgainLater, 'try again later', reason);
    return encodeRelayResponse(errorResponse(error, versionOfInput(decodeRelayRequest(request).stdin)));
  }

  /** The endpoint list. */
  endpoints(): readonly EndpointRecord[] {
    return this.#deps.endpoints.list();
  }

  /** See `endpoint-reconciler.ts`. To be run at start before any address is allocated, and every minute. */
  reconcile(): Promise<readonly LiveAttachment[]> {
    return this.#reconciler.reconcile();
  }

  /** An interface in another namespace changed, perhaps a pod's. Does not reject. */
  async stationChanged(station: Station): Promise<void> {
    try {
      await this.#reconciler.stationChanged(station);
    } catch (thrown) {
      this.#deps.log.warn({ ...station, reason: messageOf(thrown) }, 'change of an interface could not be followed');
    }
  }

  /** Whether a call is at work on this host interface. */
  isBusy(hostInterface: string): boolean {
    return this.#queue.isBusy(hostInterface);
  }

  /** Compares the pods that an event of the kernel concerns. Does not reject. */
  async compare(isConcerned: (hostInterface: HostInterface) => boolean): Promise<void> {
    try {
      await this.#reconciler.compare(isConcerned);
    } catch (thrown) {
      this.#deps.log.warn(
        { reason: messageOf(thrown) },
        'pods could not be compared after an event; retried within a minute',
      );
    }
  }

  async #perform(call: CniCall, asOfMs: number): Promise<CniResponse> {
    switch (call.verb) {
      case 'ADD':
        return this.#add(call);
      case 'CHECK':
        await this.#queue.run(hostInterfaceOf(call), () => checkPod(this.#deps, call));
        return emptyResponse();
      case 'DEL':
        return this.#del(call, asOfMs);
      case 'GC':
        return this.#gc(call, asOfMs);
      case 'STATUS':
        return this.#status();
      case 'VERSION':
        return versionResponse(call.cniVersion);
    }
  }

  async #add(call: AttachCall): Promise<CniResponse> {
    const plan = await this.#queue.run(hostInterfaceOf(call), () => attachPod(this.#deps, call));
    const ips = plan.addresses.map((address) => address.ip);
    this.#deps.log.info({ ...plan.owner, podNamespace: call.podNamespace, podName: call.podName, ips }, 'pod attached');
    return addResponse(plan, call.config);
  }

  async #del(call: DetachCall, asOfMs: number): Promise<CniResponse> {
    const owner = { containerId: call.containerId, ifname: call.ifname };
    const hostInterface = hostInterfaceOf(owner);
    await this.#queue.run(hostInterface, async () => {
      if (isNewerThan(this.#deps.endpoints.get(hostInterface), asOfMs)) return;
      await removeAttachment(this.#deps, owner);
      this.#deps.log.info(owner, 'pod detached');
    });
    return emptyResponse();
  }

  /** A null list comes from a runtime without pods, or from one that forgot them: only pods that are gone are removed. */
  async #gc({ config, validAttachments }: CollectCall, asOfMs: number): Promise<CniResponse> {
    if (validAttachments === null) {
      await this.#reconciler.reconcile();
      return emptyResponse();
    }
    const network = config.name;
    const removed = await collectGarbage(this.#deps, this.#queue, { network, validAttachments, asOfMs });
    if (removed.length > 0) this.#deps.log.info({ removed }, 'GC removed attachments that the runtime does not list');
    return emptyResponse();
  }

  #status(): CniResponse {
    const unready = this.#deps.readiness('STATUS');
    if (unready !== null) throw new CniError(unready.code, 'heddle is not ready', unready.message);
    return emptyResponse();
  }
}
