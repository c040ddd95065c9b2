// The page that holds the HTML component charter-page-wix-ready.html, whose id is `hingecraft`.
import {
  cryptoButtonClick,
  fiatButtonClick,
  getCumulativeTotal,
  onReady,
  redirectBackToCharter,
} from 'backend/charter-page-middleware.web';
import { getInvoiceStatus, getPaymentStatus } from 'backend/payments.web';
import { connect } from 'public/hingecraft-bridge';

$w.onReady(() => {
  connect($w('#hingecraft'), {
    charter_page_middleware: { cryptoButtonClick, fiatButtonClick, getCumulativeTotal, onReady, redirectBackToCharter },
    nowpayments_api: { getInvoiceStatus },
    stripe_api: { getPaymentStatus },
  });
});
