// Writes licenses.txt: the licence of each package of npm that a folder of built files holds code or fonts of.
// Called with the folder and, as JSON, the folders of the packages in the panel's script.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , folder, ofThePanel] = process.argv;
const HERE = fileURLToPath(new URL('..', import.meta.url));
// Vite's own list (build.license), of what is in the scripts.
const LISTED = join(folder, 'licenses.json');
const TEXTS = /^(licen[cs]e|copying|notice)/i;
const HEADING = `The dashboard of the Wix app and the panel of its widget hold code and fonts of these packages of npm.
NOTICE, beside the LICENSE of HingeCraft payments, says more about those that are UNLICENSED.
`;

const listed = JSON.parse(await readFile(LISTED, 'utf8'));
const { devDependencies } = JSON.parse(await readFile(join(HERE, 'package.json'), 'utf8'));
const fonts = Object.keys(devDependencies).filter((name) => name.startsWith('@fontsource'));
const folders = [...fonts.map((name) => join(HERE, 'node_modules', name)), ...JSON.parse(ofThePanel)];
const found = [...listed, ...(await Promise.all(folders.map(described)))];
const byName = new Map(found.map((each) => [`${each.name} ${each.version}`, each]));
const sorted = [...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
await writeFile(join(folder, 'licenses.txt'), [HEADING, ...sorted.map(written)].join(`\n${'-'.repeat(78)}\n`));
await rm(LISTED);

/** A package as Vite lists it. */
async function described(place) {
  const { name, version, license } = JSON.parse(await readFile(join(place, 'package.json'), 'utf8'));
  const files = (await readdir(place)).filter((file) => TEXTS.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(place, file), 'utf8')));
  return { name, version, identifier: license, text: texts.join('\n').trim() };
}

function written({ name, version, identifier = 'unknown', text }) {
  const without = `The package holds no text of its licence: see https://www.npmjs.com/package/${name}/v/${version}`;
  return `${name} ${version}\nLicence: ${identifier}\n\n${text || without}\n`;
}
