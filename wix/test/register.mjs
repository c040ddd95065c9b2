// Lets Node load the site's files as they are: `wix-*` are stubs that behave as Wix does, `backend/*` is the source tree.
import { register } from 'node:module';

register('./loader.mjs', import.meta.url);
