import js from '@eslint/js';
import globals from 'globals';

const picked = (from, ...names) => Object.fromEntries(names.map((name) => [name, from[name]]));
// What Wix has where code runs at its servers, and where page code runs; no more than we use.
const AT_WIX = picked(globals.nodeBuiltin, 'Buffer', 'console', 'setTimeout', 'clearTimeout', 'URL');
const IN_PAGES = { ...picked(globals.browser, 'URL', 'console', 'setTimeout', 'setInterval', 'clearInterval'), $w: 'readonly' };
const NO_MARKUP = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map((property) => ({
  property,
  message: 'Texts are set as texts: nothing from outside becomes markup.',
}));

export default [
  { ignores: ['html/*.html', 'html/*.js', '**/node_modules', 'types/jsw', 'dashboard/built', 'native/dist'] },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,jsw}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-restricted-properties': ['error', ...NO_MARKUP.map((rule) => ({ ...rule, object: 'document' }))],
      'no-restricted-syntax': [
        'error',
        ...NO_MARKUP.map(({ property, message }) => ({
          selector: `AssignmentExpression > MemberExpression.left[property.name='${property}']`,
          message,
        })),
      ],
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'max-lines-per-function': ['error', 45],
      complexity: ['error', 12],
    },
  },
  // Wix promises ES2020 and no more; tsconfig.site.json says the same of its library.
  { files: ['site/src/**'], languageOptions: { ecmaVersion: 2020 } },
  { files: ['site/src/backend/**'], languageOptions: { globals: AT_WIX } },
  { files: ['site/src/pages/**', 'site/src/public/**'], languageOptions: { globals: IN_PAGES } },
  {
    files: ['html/source/**', 'test/site/browser/**', 'dashboard/test/parent.js', 'dashboard/public/**'],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ['*.mjs', 'html/build.mjs', 'types/*.mjs', 'test/**', 'dashboard/build/*.mjs', 'dashboard/test/*.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.nodeBuiltin } },
  },
  // What a test evaluates runs in the page; a table of states is one long statement.
  {
    files: ['test/**', 'dashboard/test/**'],
    languageOptions: { globals: globals.browser },
    rules: { 'max-lines-per-function': 'off' },
  },
];
