// What Charter asks for. Each answers {success, data} or {success: false, error}.
import { Permissions, webMethod } from 'wix-web-module';
import { answering } from 'backend/lib/answers';
import * as charter from 'backend/lib/charter';
import * as news from 'backend/lib/news';

// Each export is a call of `webMethod` itself, as Wix writes it: whatever reads these files there finds what it looks for.
export const onReady = webMethod(
  Permissions.Anyone,
  answering((options) => charter.onReady(charter.callerOf(options), options)),
);
export const cryptoButtonClick = webMethod(
  Permissions.Anyone,
  answering((amount, coin, options) => charter.cryptoButtonClick(charter.callerOf(options), amount, coin, options)),
);
export const fiatButtonClick = webMethod(
  Permissions.Anyone,
  answering((amount, paymentMethod, options) =>
    charter.fiatButtonClick(charter.callerOf(options), amount, paymentMethod, options),
  ),
);
export const getCumulativeTotal = webMethod(
  Permissions.Anyone,
  answering((options) => charter.getCumulativeTotal(charter.callerOf(options))),
);
export const redirectBackToCharter = webMethod(
  Permissions.Anyone,
  answering((donationAmount, paymentMethod) => charter.redirectBackToCharter(null, donationAmount, paymentMethod)),
);
// Anybody can call it, so it believes nothing that the backend has not signed.
export const afterPaymentWebhook = webMethod(Permissions.Anyone, answering(news.afterPaymentWebhook));
