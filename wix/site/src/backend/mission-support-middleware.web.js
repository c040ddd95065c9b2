// What the mission-support buttons ask for. Each answers {success, data} or {success: false, error}.
import { Permissions, webMethod } from 'wix-web-module';
import { answering } from 'backend/lib/answers';
import { callerOf } from 'backend/lib/charter';
import * as donations from 'backend/lib/donations';

export const microPayment = webMethod(
  Permissions.Anyone,
  answering((amount, options) => donations.microPayment(callerOf(options), amount)),
);
export const otherAmount = webMethod(
  Permissions.Anyone,
  answering((amount, userInfo, options) => donations.otherAmount(callerOf(options), amount, userInfo)),
);
export const getPrefill = webMethod(
  Permissions.Anyone,
  answering((prefillId, options) => donations.getPrefill(callerOf(options), prefillId)),
);
