// What is remembered for a visitor: by the page around, which may, or by this one where the browser lets it.

/** @type {Record<string, 'localStorage' | 'sessionStorage'>} */
const PLACES = { visitor: 'localStorage', choice: 'sessionStorage' };

export class Memory {
  /** @param {import('./velo.js').Velo} velo */
  constructor(velo) {
    this.velo = velo;
    this.name = '';
  }

  /**
   * 22 letters that name this browser to the rate limits, and nobody to anybody.
   * @returns {string}
   */
  get visitor() {
    if (this.name) return this.name;
    const known = this.read('visitor');
    if (known && /^[\w-]{22}$/.test(known)) return (this.name = known);
    this.name = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(17))))
      .replace(/[+]/g, '-')
      .replace(/[/]/g, '_')
      .slice(0, 22);
    this.write('visitor', this.name);
    return this.name;
  }

  /**
   * The choices made in this tab, for donors who come back from a payment page.
   * @returns {{amount?: string, currency?: string}}
   */
  get choice() {
    try {
      return JSON.parse(this.read('choice') ?? '{}') ?? {};
    } catch {
      return {};
    }
  }

  /** @param {{amount: string, currency: string}} chosen */
  set choice(chosen) {
    this.write('choice', JSON.stringify(chosen));
  }

  /** @param {string} name */
  read(name) {
    if (this.velo.isBridged) return this.velo.hello.kept[name] ?? null;
    try {
      return window[PLACES[name]].getItem(`hingecraft-${name}`);
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  write(name, value) {
    if (this.velo.isBridged) return this.velo.post({ hingecraft: 'keep', name, value });
    try {
      window[PLACES[name]].setItem(`hingecraft-${name}`, value);
    } catch {
      // A frame of another host may keep nothing: then a reload forgets, and nothing else is lost.
    }
  }
}

/** What a call that nobody has answered may have done is unknown: it is repeated with the same key. */
export const UNKNOWN_OUTCOMES = ['unreachable', 'timed_out', 'backend_unreachable', 'idempotency_in_flight'];

/** One key for each thing that is asked for, kept while nobody knows whether it was done. */
export class Keys {
  constructor() {
    this.wanted = '';
    this.key = '';
  }

  /** @param {unknown[]} wanted */
  of(...wanted) {
    const described = JSON.stringify(wanted);
    if (described !== this.wanted || !this.key) Object.assign(this, { wanted: described, key: crypto.randomUUID() });
    return this.key;
  }

  /** It was done, or refused: the next click is another one. */
  forget() {
    this.key = '';
  }
}
