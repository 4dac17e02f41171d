/** Door of `agent/settings/`: the file of cluster secrets, which `meshctl rotate` changes. Not here: the settings in force. */
export { addSecret, dropOldSecret, secretIdsIn } from './secret-rotation.js';
