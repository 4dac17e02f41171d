/**
 * `npm run bench:cni`: times of ADD and DEL beside those of the reference plugins. Removes everything it made when it exits,
 * also on errors. Exit codes: 0 measured, 1 failed, 2 usage, 130 interrupted.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mapBounded } from '../../../deploy/demo/async/map-bounded.js';
import { removeNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import type { NetworkNamespace } from '../../../deploy/demo/machine/network-namespace.js';
import type { Progress } from '../../../deploy/demo/terminal/progress.js';
import type { Lab } from '../lab.js';
import { runLabProgram } from '../lab-program.js';
import { callTable, percentile } from './call-times.js';
import type { CallTimes } from './call-times.js';
import { parseCniArguments, USAGE } from './cni-arguments.js';
import type { CniBenchOptions } from './cni-arguments.js';
import { bridgeSubject, heddleSubject } from './subjects.js';
import type { Subject, Verb } from './subjects.js';

const DIST_DIR = dirname(fileURLToPath(import.meta.url));
const VERBS: readonly Verb[] = ['ADD', 'DEL'];

async function measure(lab: Lab, options: CniBenchOptions, progress: Progress): Promise<readonly CallTimes[]> {
  const subjects = await progress.step('nodes', async () => [
    await bridgeSubject(lab),
    await heddleSubject(lab, DIST_DIR, 'ipv4'),
    await heddleSubject(lab, DIST_DIR, 'dual'),
  ]);
  const loads = [...new Set([1, options.pods])];
  const times = subjects.flatMap(({ name }) =>
    loads.flatMap((atOnce) => VERBS.map((verb) => ({ subject: name, atOnce, verb, ms: [] as number[] }))),
  );
  for (let round = 0; round <= options.rounds; round++) {
    await progress.step(round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`, async () => {
      for (const subject of subjects) {
        for (const atOnce of loads) {
          const measured = await measureCalls(lab, subject, options.pods, atOnce);
          if (round === 0) continue;
          const of = (verb: Verb) =>
            times.find((one) => one.subject === subject.name && one.atOnce === atOnce && one.verb === verb)!;
          for (const verb of VERBS) of(verb).ms.push(...measured[verb]);
        }
      }
    });
  }
  return times;
}

/** ADD of all pods, then DEL; each pod has a new namespace. */
async function measureCalls(lab: Lab, subject: Subject, pods: number, atOnce: number) {
  const names = Array.from({ length: pods }, (_, i) => `pod${i}`);
  const namespaces = await mapBounded(names, 4, (name) => lab.createNamespace(name));
  const timed = (verb: Verb) =>
    mapBounded(namespaces, atOnce, async (pod: NetworkNamespace) => {
      const startedMs = performance.now();
      await subject.call(verb, pod);
      return performance.now() - startedMs;
    });
  const measured = { ADD: await timed('ADD'), DEL: await timed('DEL') };
  await mapBounded(namespaces, 4, (pod) => removeNamespace(pod.name));
  return measured;
}

function reportJson(times: readonly CallTimes[]): string {
  const figures = times.map(({ ms, ...of }) => ({ ...of, p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99) }));
  return `${JSON.stringify({ figures })}\n`;
}

await runLabProgram({
  usage: USAGE,
  parse: parseCniArguments,
  measure,
  report: ({ json }, times) => (json ? reportJson(times) : `\n${callTable(times)}`),
  isComplete: () => true,
});
