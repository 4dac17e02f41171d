/** Processor time that a simulated node spends, by kind of work, in microseconds of a whole core. */
import type { MeshEffect, MeshEvent } from '../mesh-io.js';

export interface NodeCosts {
  /** Of the agent: to handle an event, with its effects. @param learned adverts that were new to the core */
  event(event: MeshEvent, effects: readonly MeshEffect[], learned: number): number;
  /** Of the agent: to compute the forwarding tables and to send them. */
  sendTables(routes: number): number;
  /** Of the router: to take them over. */
  takeTables(routes: number): number;
  /** Of the router: to carry out a command of the agent. */
  command(effect: MeshEffect): number;
  /** Of the router: to receive a packet, or a frame of a pod. */
  packet(): number;
}

/** For tests of what is done, and not of how long it takes. */
export const FREE: NodeCosts = {
  event: () => 0,
  sendTables: () => 0,
  takeTables: () => 0,
  command: () => 0,
  packet: () => 0,
};
