/**
 * Dropping of privileges. The router parses packets from unknown senders, so once it has its descriptors it becomes another user
 * without groups and capabilities, and cannot regain them. In a user namespace with a single user it only gives up its
 * capabilities, in every thread.
 */
import { readFileSync } from 'node:fs';
import { SystemCallError } from '../../common/errors.js';
import { Arena } from './arena.js';
import { sysCapset, sysErrno, sysPrctl } from './ffi.js';
import { PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS } from './linux-abi.js';

const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** Whether `/proc/self/uid_map` and `gid_map` know this id. Lines are: inside, outside, count. */
export function isMapped(map: string, id: number): boolean {
  return map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside = 0, , count = 0]) => id >= inside && id < inside + count);
}

export function canBecome(user: number): boolean {
  return ['uid_map', 'gid_map'].every((name) => isMapped(readFileSync(`/proc/self/${name}`, 'utf8'), user));
}

/** Forbids that programs run by this thread, and by those it starts later, gain privileges. */
export function forbidNewPrivileges(): void {
  sysPrctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/** Empties this thread's bounding set: no program that it runs gains a capability. Without CAP_SETPCAP it stays as it is. */
export function dropBoundingSet(): void {
  for (let capability = 0; sysPrctl(PR_CAPBSET_DROP, capability, 0, 0, 0) === 0; capability++);
}

/** Gives up all capabilities of this thread and of those it starts later (capset(2)). Throws {@link SystemCallError}. */
export function dropCapabilities(): void {
  const arena = new Arena(4096);
  arena.u32[16] = LINUX_CAPABILITY_VERSION_3;
  if (sysCapset(arena.base + 64, arena.base + 128) !== 0) throw new SystemCallError('capset', sysErrno());
}

/** Becomes `user` in all threads; leaving user 0 takes all capabilities along (capabilities(7)). */
export function becomeUser(user: number): void {
  process.setgroups?.([user]);
  process.setgid?.(user);
  process.setuid?.(user);
}
