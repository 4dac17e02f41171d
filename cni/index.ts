/**
 * Door of `cni/`, the CNI plugin (spec 0.3.0 to 1.1.0): verbs, pod interfaces, endpoint list, the relay and its protocol,
 * the installed files. Not here: the agent's socket, the bridge and masquerading (`agent/`), addresses (`ipam/`), forwarding
 * (`router/`). `relay/` holds the executables that run on the host; no file imports those.
 */
export type { AttachmentOwner, AttachmentPlan, EndpointRecord, PodAddress } from './attachment.js';
export { CNI_BIN_FILES, CNI_CONF_FILES, ConfInstaller } from './installed-files/conf-installer.js';
export { CNI_EXECUTABLE_NAME } from './installed-files/conf-list.js';
export { LEFT_CONF_NAME, LEFT_PLUGIN, leftConfList, namespacesOfLeftConf } from './installed-files/left-plugin.js';
export type { CniInstallation } from './installed-files/conf-installer.js';
export { CniService } from './verbs/cni-service.js';
export type { LiveAttachment, Station } from './verbs/endpoint-reconciler.js';
export { EndpointStore } from './endpoint-store.js';
export type { HostInterface, PodInterface, PodRouteFound } from './deps.js';
export { addElementLines, guardElements, SOURCE_GUARD } from './pod-network/source-guard.js';
export type { GuardedPod } from './pod-network/source-guard.js';
export { VethPodNetwork } from './pod-network/pod-network.js';
export { podNamespaceOf } from './pod-network/interface-alias.js';
export { isHostInterface } from './pod-network/host-interface.js';
export type {
  AddressPool,
  Announce,
  CniDeps,
  EndpointList,
  NamespaceFiles,
  NetworkSettings,
  PodNetwork,
  Unreadiness,
} from './deps.js';
export { MAX_REQUEST_BYTES } from './relay/relay-protocol.js';
export type { CniRequest, CniResponse } from './relay/relay-protocol.js';
export { replayDeferredDeletes, sweepDeferredDeletes } from './relay/deferred-deletes.js';
export type { ReplayReport } from './relay/deferred-deletes.js';
export { HOST_INTERFACE_PREFIX } from './attachment.js';
export { POD_GSO_MAX_BYTES } from './pod-network/attachment-requests.js';
