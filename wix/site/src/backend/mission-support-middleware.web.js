// What the mission-support buttons ask for.
import { Permissions, webMethod } from 'wix-web-module';
import { answering } from 'backend/lib/answers';
import { callerOf } from 'backend/lib/charter';
import * as donations from 'backend/lib/donations';

/** @param {(...args: any[]) => Promise<any>} work */
const anyone = (work) => webMethod(Permissions.Anyone, answering(work));

export const microPayment = anyone((amount, options) => donations.microPayment(callerOf(options), amount));
export const otherAmount = anyone((amount, userInfo, options) => donations.otherAmount(callerOf(options), amount, userInfo));
export const getPrefill = anyone((prefillId, options) => donations.getPrefill(callerOf(options), prefillId));
