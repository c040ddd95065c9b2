// The backend's words, as the owner reads them.
import type { Payment } from '../data/payments';

export const STATUSES: Readonly<Record<Payment['status'], string>> = {
  creating: 'Being created',
  pending: 'Open',
  awaiting_confirmation: 'To be confirmed',
  completed: 'Paid',
  failed: 'Failed',
  expired: 'Expired',
  unknown: 'Unknown',
  error: 'To look at',
  partially_refunded: 'Partly refunded',
  refunded: 'Refunded',
  disputed: 'Disputed',
};

export const SKINS = {
  creating: 'neutralLight',
  pending: 'neutralStandard',
  awaiting_confirmation: 'warningLight',
  completed: 'neutralSuccess',
  failed: 'neutralDanger',
  expired: 'neutralLight',
  unknown: 'warningLight',
  error: 'neutralDanger',
  partially_refunded: 'warningLight',
  refunded: 'neutralLight',
  disputed: 'neutralDanger',
} as const satisfies Record<Payment['status'], string>;

export const PROVIDERS: Readonly<Record<string, string>> = {
  stripe: 'Card (Stripe)',
  nowpayments: 'Coins (NOWPayments)',
  wallet: 'Coins to a wallet',
};

export const PURPOSES: Readonly<Record<string, string>> = {
  donation: 'Donation',
  credits: 'Credits',
  purchase: 'Purchase',
};
