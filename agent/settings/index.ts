/** Door of the settings for the command line: changes of this node's file of cluster secrets. */
export { addSecret, dropOldSecret, secretIdsIn } from './secret-rotation.js';
