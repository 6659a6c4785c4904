"""What the platform's own messages say."""


def order_confirmation(number: str, items: int) -> str:
    counted = "1 item" if items == 1 else f"{items} items"
    return f"Thank you! Your order {number} ({counted}) is confirmed. We tell you when it is on its way."
