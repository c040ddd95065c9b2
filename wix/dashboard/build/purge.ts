// The design system has one style sheet for all of its components, eight times what the dashboard uses.
import postcss, { type Rule } from 'postcss';
import type { Plugin } from 'vite';

// A class begins with the version and its component, in one of two ways: wds_1_2_3_CardHeader__title and
// wds_1_2_3-linear-progress-bar__bar, whose scripts have the name of the component by itself.
const MODULE = /\.(wds_[0-9]+_[0-9]+_[0-9]+_[A-Za-z0-9]+__)/g;
const BLOCK = /\.wds_[0-9]+_[0-9]+_[0-9]+-([a-z0-9]+(?:-[a-z0-9]+)*)/g;
const ELSEWHERE = 'parastorage.com';
const PICTURE = /\.(png|svg|gif)$/;

/** Drops the rules of components that the built scripts never name, and fonts that other servers have. */
export function purged(): Plugin {
  return {
    name: 'purged-design-system',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const code = Object.values(bundle).map((each) => (each.type === 'chunk' ? each.code : ''));
      const isUsed = usedIn(code.join('\n'));
      for (const file of Object.values(bundle)) {
        if (file.type === 'asset' && file.fileName.endsWith('.css')) file.source = purge(String(file.source), isUsed);
      }
      const text = Object.values(bundle).map((each) => (each.type === 'chunk' ? each.code : String(each.source)));
      for (const [name, file] of Object.entries(bundle)) {
        const own = name.split('/').at(-1) as string;
        if (file.type === 'asset' && PICTURE.test(name) && !text.some((each) => each.includes(own))) delete bundle[name];
      }
    },
  };
}

type IsUsed = (selector: string) => boolean;

function usedIn(code: string): IsUsed {
  const modules = new Set(code.match(/wds_[0-9]+_[0-9]+_[0-9]+_[A-Za-z0-9]+__/g) ?? []);
  const words = new Set([...code.matchAll(/[`'"]([a-z0-9]+(?:-[a-z0-9]+)*)[`'"]/g)].map(([, word]) => word as string));
  return (selector) =>
    [...selector.matchAll(MODULE)].every(([, name]) => modules.has(name as string)) &&
    [...selector.matchAll(BLOCK)].every(([, name]) => words.has(name as string));
}

function purge(css: string, isUsed: IsUsed): string {
  const sheet = postcss.parse(css);
  sheet.walkAtRules('font-face', (face) => {
    if (face.toString().includes(ELSEWHERE)) face.remove();
  });
  sheet.walkRules((rule: Rule) => {
    const kept = rule.selectors.filter(isUsed);
    if (kept.length === 0) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
  sheet.walkAtRules((rule) => {
    if (rule.nodes?.length === 0) rule.remove();
  });
  return sheet.toString();
}
