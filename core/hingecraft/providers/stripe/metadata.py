"""The names in our metadata of Stripe's objects."""

# A standing link's own name; Stripe copies it to each payer's session and intent.
MARK = "hingecraft_link"
INSTALLATION = "installation"
PAYMENT = "payment_id"
USER = "userId"
