"""What each sandbox token leads to, from the order's request to the books of the provider."""

from services.billing.tests.shop import Shop

from common.contracts.billing import PaymentFailed, PaymentSucceeded


async def test_a_payment_without_a_token_is_captured(shop: Shop) -> None:
    order = await shop.request()
    await shop.work()
    payment = await shop.payment(order)
    assert (payment["status"], payment["captured"], payment["next_attempt_at"]) == ("succeeded", 250_000, None)
    assert (await shop.charge(order))["captured"] == 250_000
    [succeeded] = await shop.told(PaymentSucceeded, order)
    assert (succeeded.amount, succeeded.payment_id) == (order.amount, payment["id"])


async def test_a_declined_payment_fails_with_a_code(shop: Shop) -> None:
    order = await shop.request("tok_decline")
    await shop.work()
    assert (await shop.payment(order))["status"] == "failed"
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "card_declined"
