// A page that the backend serves needs no site: the site's own functions run in it and call the backend.
import { called, isFunction } from 'backend/lib/functions';

/**
 * @param {string} module
 * @param {string} name
 * @param {any[]} args
 * @returns {Promise<import('./velo.js').Answer>}
 */
export async function callDirectly(module, name, args) {
  if (isFunction(module, name)) return called(module, name, args, { returnTo: 'embed' });
  return { success: false, code: 'unknown_function', error: `Unknown function: ${module}/${name}.` };
}
