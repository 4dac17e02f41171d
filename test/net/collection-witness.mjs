/**
 * Tells of every garbage collection in a forwarding thread, whose event loop never runs: loaded in front of the router
 * (`--import`), it says on standard output what there was since the thread's last report, which is once a second.
 * One line of JSON: {"collections": [{"kind", "us"}, ...]}.
 */
import { writeSync } from 'node:fs';
import { GCProfiler } from 'node:v8';
import { isMainThread, parentPort } from 'node:worker_threads';

function watch() {
  let profiler = new GCProfiler();
  profiler.start();
  const post = parentPort.postMessage.bind(parentPort);
  parentPort.postMessage = (event) => {
    post(event);
    if (event.type !== 'report') return;
    const collections = profiler.stop().statistics.map(({ gcType, cost }) => ({ kind: gcType, us: Math.round(cost) }));
    profiler = new GCProfiler();
    profiler.start();
    writeSync(1, `${JSON.stringify({ collections })}\n`);
  };
}

if (!isMainThread) watch();
