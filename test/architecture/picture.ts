/** Prints the rooms of every top-level folder and the arrows between them: `npm run rooms`. */
import { describePicture, pictureOf } from './rooms.js';
import { productSources } from './source-tree.js';

const folders = [...new Set(productSources.map((file) => file.folder))].sort();
for (const folder of folders) process.stdout.write(`${describePicture(pictureOf(folder, productSources))}\n\n`);
