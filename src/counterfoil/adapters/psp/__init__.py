"""Payment providers: Stripe with its SDK, and a fake that passes the same tests."""
