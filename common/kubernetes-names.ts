/** Names of Heddle in objects of Kubernetes. */

/** Annotation of a Node in which the node publishes its Ed25519 key. */
export const NODE_KEY_ANNOTATION = 'heddle.io/node-key';
