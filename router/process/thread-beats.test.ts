import { describe, expect, it } from '@jest/globals';
import { ThreadBeats } from './thread-beats.js';

class FakeThread {
  beats = 0;
  hangs = false;
  askForBeat(): void {
    if (!this.hangs) this.beats++;
  }
}

describe('ThreadBeats', () => {
  it('are missing at the first call, which asks for them, and there at the next', () => {
    const beats = new ThreadBeats([new FakeThread(), new FakeThread()]);
    expect([beats.take(), beats.take(), beats.take()]).toEqual([false, true, true]);
  });

  it('are missing while one thread hangs', () => {
    const [first, second] = [new FakeThread(), new FakeThread()];
    const beats = new ThreadBeats([first, second]);
    beats.take();
    second.hangs = true;
    expect([beats.take(), beats.take(), beats.take()]).toEqual([true, false, false]);
    second.hangs = false;
    expect([beats.take(), beats.take()]).toEqual([false, true]);
  });

  it('are missing before there is a thread', () => {
    const beats = new ThreadBeats([]);
    expect([beats.take(), beats.take()]).toEqual([false, false]);
  });
});
