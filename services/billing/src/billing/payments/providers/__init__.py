"""Payment providers: the implementations of `billing.payments.domain.provider.PaymentProvider`."""
