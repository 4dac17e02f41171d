/** Plain manifest for `kubectl apply`: all objects with the default values, and what has to be done before. */
import { formatYaml } from '../../common/codec/yaml.js';
import { GENERATED } from './chart.js';
import { objects } from './objects.js';
import { defaults } from './value-source.js';
import { DEFAULT_VALUES } from './values.js';

const BEFORE = `#
# Before: every node has imported the image ${DEFAULT_VALUES.image} (docs/install.md), and the controller manager gives
# each Node a pod CIDR (kubeadm init --pod-network-cidr).
`;

export function manifest(): string {
  return (
    GENERATED +
    BEFORE +
    objects(defaults)
      .map((object) => `---\n${formatYaml(object)}`)
      .join('')
  );
}
