// Payments by card and with coins, and how they stand. Each answers {success, data} or {success: false, error}.
// No key and no webhook of a provider is here.
import { Permissions, webMethod } from 'wix-web-module';
import { called } from 'backend/lib/functions';

export const getPublishableKey = webMethod(Permissions.Anyone, () => called('stripe_api', 'getPublishableKey', []));

// Of these two, either (amount, currency, options) or one object that has them all.
export const createCheckoutSession = webMethod(Permissions.Anyone, (/** @type {unknown[]} */ ...given) =>
  called('stripe_api', 'createCheckoutSession', given),
);
export const createNowPaymentsInvoice = webMethod(Permissions.Anyone, (/** @type {unknown[]} */ ...given) =>
  called('nowpayments_api', 'createNowPaymentsInvoice', given),
);

export const getPaymentStatus = webMethod(Permissions.Anyone, (/** @type {unknown[]} */ ...given) =>
  called('stripe_api', 'getPaymentStatus', given),
);
export const getInvoiceStatus = webMethod(Permissions.Anyone, (/** @type {unknown[]} */ ...given) =>
  called('nowpayments_api', 'getInvoiceStatus', given),
);
