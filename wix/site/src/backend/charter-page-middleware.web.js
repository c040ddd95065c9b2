// What Charter asks for. Each answers {success, data} or {success: false, error}.
import { Permissions, webMethod } from 'wix-web-module';
import { answering } from 'backend/lib/answers';
import * as charter from 'backend/lib/charter';

/** @param {(...args: any[]) => Promise<any>} work */
const anyone = (work) => webMethod(Permissions.Anyone, answering(work));

export const onReady = anyone((options) => charter.onReady(charter.callerOf(options), options));
export const cryptoButtonClick = anyone((amount, coin, options) =>
  charter.cryptoButtonClick(charter.callerOf(options), amount, coin, options),
);
export const fiatButtonClick = anyone((amount, paymentMethod, options) =>
  charter.fiatButtonClick(charter.callerOf(options), amount, paymentMethod, options),
);
export const getCumulativeTotal = anyone((options) => charter.getCumulativeTotal(charter.callerOf(options)));
export const redirectBackToCharter = anyone((donationAmount, paymentMethod) =>
  charter.redirectBackToCharter(null, donationAmount, paymentMethod),
);
// Anybody can call it, so it believes nothing that the backend has not signed.
export const afterPaymentWebhook = anyone((body, headers) => charter.afterPaymentWebhook(null, body, headers));
