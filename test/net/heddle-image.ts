/** Archive of Heddle's own image, built as `npm run image` builds it: with the packages of Debian and of npm. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../../common/errors.js';

const BUILD = 'deploy/image/image.mjs';
/** Takes 20 s. */
const BUILD_WITHIN_MS = 120_000;

/** Resolves also when there is no archive afterwards, with the reason on standard error: packages could not be downloaded. */
export async function buildImage(output: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [BUILD, '--fast', '--output', output], { timeout: BUILD_WITHIN_MS });
  } catch (thrown) {
    process.stderr.write(`the image cannot be built: ${messageOf(thrown)}\n`);
  }
}
