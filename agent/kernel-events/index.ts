/** Door of `agent/kernel-events/`: changes of interfaces, routes and firewall that others made, noticed within a second. */
export { KernelEvents } from './kernel-events.js';
