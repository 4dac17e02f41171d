/** Program behind `npm run manifests`: writes the plain manifest, the Jobs and the chart beside their sources. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartFiles, GENERATED } from './chart.js';
import { manifest } from './manifest.js';
import { DASHBOARD_FILE, monitoringManifest } from './monitoring.js';
import { fileName, jobFile, nodeJobs } from './node-jobs.js';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../deploy/kubernetes');

rmSync(join(FOLDER, 'chart'), { recursive: true, force: true });
writeFileSync(join(FOLDER, 'heddle.yaml'), manifest());
writeFileSync(join(FOLDER, 'monitoring.yaml'), GENERATED + monitoringManifest());
writeFileSync(join(FOLDER, 'dashboard.json'), DASHBOARD_FILE);
for (const job of nodeJobs()) writeFileSync(join(FOLDER, fileName(job)), jobFile(job));
for (const [path, text] of chartFiles()) {
  const file = join(FOLDER, 'chart', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
