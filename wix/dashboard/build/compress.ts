// Compressed once, as small as it gets: the backend only chooses.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const COMPRESSED = /\.(css|html|js)$/;

/** Writes a `.br` and a `.gz` beside each file that is text. */
export function compressed(folder: string): Plugin {
  return {
    name: 'compressed-files',
    async closeBundle() {
      const names = await readdir(folder, { recursive: true });
      for (const name of names.filter((each) => COMPRESSED.test(each))) {
        const file = join(folder, name);
        const body = await readFile(file);
        await writeFile(`${file}.gz`, gzipSync(body, { level: 9 }));
        await writeFile(`${file}.br`, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}
