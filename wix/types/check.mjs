// TypeScript's compiler over the JSDoc of the site; it knows no `.jsw`, so it is given these under another name.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const WIX = new URL('../', import.meta.url);
const BACKEND = new URL('site/src/backend/', WIX);
const COPIES = new URL('types/jsw/', WIX);

await mkdir(COPIES, { recursive: true });
for (const file of await readdir(BACKEND)) {
  if (file.endsWith('.jsw')) await copyFile(new URL(file, BACKEND), new URL(file.replace(/w$/, ''), COPIES));
}
// All of it, and what runs at Wix once more with no more of the language than Wix has.
for (const project of ['tsconfig.json', 'tsconfig.site.json']) {
  const compiler = ['node_modules/typescript/bin/tsc', '--project', project];
  const { status } = spawnSync(process.execPath, compiler, { cwd: fileURLToPath(WIX), stdio: 'inherit' });
  process.exitCode ||= status ?? 1;
}
