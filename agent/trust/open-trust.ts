/** Choice of the source of trust that the settings ask for. */
import { assert } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { NodeId } from '../../common/node-id.js';
import type { NodeSettings } from '../settings/node-settings.js';
import { kubernetesTrust } from './kubernetes-trust.js';
import { ListedKeys } from './listed-keys.js';
import { secretTrust } from './secret-trust.js';
import type { NodeAuthority, TrustSource } from './trust-source.js';

export interface TrustDeps {
  readonly self: NodeId;
  /** Null where there is no Kubernetes. */
  readonly kubernetes: NodeAuthority | null;
  readonly log: Logger;
}

export function openTrust(settings: NodeSettings, { self, kubernetes, log }: TrustDeps): TrustSource {
  switch (settings.config.trust) {
    case 'secret':
      return secretTrust(kubernetes);
    case 'keys':
      return new ListedKeys({ self, kubernetes, log }, settings);
    case 'kubernetes':
      assert(kubernetes !== null, 'trust in Kubernetes is configured with Kubernetes');
      return kubernetesTrust(kubernetes);
  }
}
