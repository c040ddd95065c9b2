// The functions that a page may call, by module and name. The caller comes first, then what was sent.
import { answering } from 'backend/lib/answers';
import * as charter from 'backend/lib/charter';
import * as donations from 'backend/lib/donations';
import { optionsOf, positionsOf } from 'backend/lib/given';

/** @typedef {import('./backend.js').Caller} Caller */

/** @type {Record<string, Record<string, (caller: Caller, ...args: any[]) => Promise<any>>>} */
const FUNCTIONS = {
  charter_page_middleware: {
    onReady: charter.onReady,
    cryptoButtonClick: charter.cryptoButtonClick,
    fiatButtonClick: charter.fiatButtonClick,
    getCumulativeTotal: charter.getCumulativeTotal,
    redirectBackToCharter: charter.redirectBackToCharter,
  },
  mission_support_middleware: {
    microPayment: donations.microPayment,
    otherAmount: donations.otherAmount,
    getPrefill: donations.getPrefill,
  },
  stripe_api: {
    getPublishableKey: async (caller) => (await donations.config(caller)).stripePublishableKey,
    createCheckoutSession: async (caller, ...args) => {
      const [amount, currency, options] = positionsOf(args, 'amount', 'currency');
      return donations.pay(caller, amount, currency ?? 'USD', options);
    },
    getPaymentStatus: donations.paymentStatus,
  },
  nowpayments_api: {
    createNowPaymentsInvoice: async (caller, ...args) => {
      const [amount, coin, options] = positionsOf(args, 'amount', 'coin');
      return donations.pay(caller, amount, coin ?? optionsOf(options).currency, options);
    },
    getInvoiceStatus: donations.paymentStatus,
  },
};

/**
 * @param {string} module
 * @param {string} name
 */
export function isFunction(module, name) {
  return Object.keys(FUNCTIONS).includes(module) && Object.keys(FUNCTIONS[module]).includes(name);
}

/**
 * The caller, as the last of what was sent says it.
 * @param {unknown[]} args
 * @returns {Caller}
 */
export function callerIn(args) {
  const given = args.filter((each) => each !== null && each !== undefined);
  return charter.callerOf(given[given.length - 1]);
}

/**
 * What a function answers: `{success, data}` or `{success: false, error, code}`.
 * @param {string} module
 * @param {string} name
 * @param {unknown[]} args the last may be options that say who calls
 * @param {Partial<Caller>} [more] what is known of the caller besides
 */
export async function called(module, name, args, more = {}) {
  return answering(FUNCTIONS[module][name])({ ...callerIn(args), ...more }, ...args);
}
