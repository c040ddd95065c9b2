"""`hingecraft sandbox`: Stripe and NOWPayments to play with, stateful, with pages to pay on and switches for tests."""
