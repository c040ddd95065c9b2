"""Events from providers: each is stored once, as it was received, and processed until it is done."""
