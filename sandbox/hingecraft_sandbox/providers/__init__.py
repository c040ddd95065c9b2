"""`hingecraft sandbox`: stateful stand-ins for Stripe and NOWPayments, with payment pages and switches for tests."""
