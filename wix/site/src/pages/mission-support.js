// The page that holds the HTML component mission-support.html, whose id is `hingecraft`.
import { microPayment, otherAmount } from 'backend/mission-support-middleware.web';
import { getPaymentStatus } from 'backend/payments.web';
import { connect } from 'public/hingecraft-bridge';

$w.onReady(() => {
  connect($w('#hingecraft'), {
    mission_support_middleware: { microPayment, otherAmount },
    stripe_api: { getPaymentStatus },
  });
});
