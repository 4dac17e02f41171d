/** Poll policy of a thread, over its descriptors and its place in the kernel's scheduler. */
import { BusyPoll } from './busy-poll.js';
import type { ThreadScheduling } from './kernel/thread-scheduling.js';
import { PollPolicy } from './poll-policy.js';
import type { PollSet } from './poll-set.js';

export function threadPollPolicy(pollSet: PollSet, scheduling: ThreadScheduling, nowMs: () => number): PollPolicy {
  return new PollPolicy({
    pause: (us) => scheduling.pause(us),
    setPreempting: (mayPreempt) => scheduling.setPreempting(mayPreempt),
    busyPoll: new BusyPoll(
      () => pollSet.wait(0),
      nowMs,
      () => scheduling.waitedMs(),
    ),
  });
}
