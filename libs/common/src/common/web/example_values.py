"""What the fields of our answers and questions look like: a shop in Mwanza, its customer Neema and what she ordered.

By field name, because a field's name means the same everywhere (CONTRIBUTING.md, Taste). Where one name stands for
several kinds of value there are several, and an example takes the first that the field's schema allows. A field that
means something else by its name says so with `examples` of its own, which come first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

ID = "019c1f0a-6b00-7c3e-9d52-4f1b8a7e2c10"
NEEMA = "019c1e42-1a80-7a11-8f07-2b9c6d5e4f30"
STAFF = "019c0a11-93c0-7d28-a6b4-1c8e7f6a5b90"
PRODUCT = "019c1b77-5d40-7e94-b1c3-8a6f2d4e7b50"
CATEGORY = "019c1b70-2c00-7f10-9e8d-6b5a4c3d2e10"
ORDER = "019c1f0c-8e20-7b45-8a1d-3f2e1d0c9b80"
PAYMENT = "019c1f0c-9f10-7c86-b2e4-5d6c7b8a9f00"
SESSION = "019c1e9d-4470-7a03-9c1b-7e8f9a0b1c20"
DEVICE = "019c1e9d-4400-7d57-8b2a-6d7e8f9a0b10"
EVENT = "019c1f0c-8e90-7f6b-a3d5-0b1c2d3e4f50"
REQUEST = "019c1f0c-8c00-7d19-b4e6-9a8b7c6d5e40"
MONDAY = "2026-02-02T08:30:00Z"
TUESDAY = "2026-02-03T09:15:00Z"
PICTURE = f"/api/v1/media/{ID}"
VARIANTS = {size: f"{PICTURE}/{size}" for size in ("thumb", "medium", "large")}

# Absent more often than not, so that an example shows the ordinary case; where null is not allowed the others serve.
NOTHING: Sequence[Any] = (None,)

VALUES: Mapping[str, Sequence[Any]] = {
    # people
    "email": ("neema@example.com",),
    "username": ("neema",),
    "first_name": ("Neema",),
    "last_name": ("Mushi",),
    "name": ("Baskets",),
    "phone": ("+255712345678",),
    "recipient": ("+255712345678",),
    "birth_date": ("1994-05-17",),
    "address": ("Uhuru Street 1",),
    "line1": ("Uhuru Street 1",),
    "line2": ("Second floor",),
    "city": ("Mwanza",),
    "region": ("Mwanza",),
    "postal_code": ("33101",),
    "pincode": ("33101",),
    "country": ("TZ",),
    "language": ("sw",),
    "time_zone": ("Africa/Dar_es_Salaam",),
    "role": ("customer",),
    "avatar_url": NOTHING,
    "max_messages_per_day": (100,),
    "is_active": (True,),
    "email_confirmed": (True,),
    "erased_at": NOTHING,
    "deleted_at": NOTHING,
    # signing in
    "password": ("karanga-na-asali-42",),
    "password_confirm": ("karanga-na-asali-42",),
    "current_password": ("karanga-na-asali-42",),
    "new_password": ("embe-mbili-kwa-jua-7",),
    "code": ("482913", "declined"),
    "otp": ("482913",),
    "token": ("tok_ok",),
    "access_token": ("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJuZWVtYSJ9.c2lnbmF0dXJl",),
    "refresh_token": ("pP3vK8sQm1xZ7tRb9wYc2uEa6iNd4oLf0hJg5kTq",),
    "csrf_token": NOTHING,
    "expires_in": (893,),
    "refresh_expires_in": (1209600,),
    "grant": ("h7Jd2kLm9QwXz4RtYb6NcVp1",),
    "secret": ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",),
    "uri": ("otpauth://totp/Dukan:neema%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Dukan",),
    "totp": (True,),
    "recovery_code": ("k7mq-2xwp-9rtd",),
    "recovery_codes_left": (9,),
    "device_name": ("Neema's phone",),
    "device_id": (DEVICE,),
    "session_id": (SESSION,),
    "user_agent": ("Mozilla/5.0 (Android 15; Mobile) Firefox/140.0",),
    "ip": ("203.0.113.7",),
    "is_current": (True,),
    "sessions": (1,),
    # keys
    "key": ("dk_7f3a9c2e_Jq5vT8xKm2RwZ4bN6cYp9LdF1hGs3uEa",),
    "prefix": ("dk_7f3a9c2e",),
    "scope": ("orders:read",),
    "ip_allow": (["198.51.100.0/24"],),
    "daily_limit": (10000,),
    "used_today": (42,),
    "old_secret_until": NOTHING,
    "revoked_at": NOTHING,
    "overlap_seconds": (86400,),
    "kid": ("2026-02-k1",),
    # ids
    "id": (ID, 4711),
    "user_id": (NEEMA,),
    "account_id": (NEEMA,),
    "customer_id": (NEEMA,),
    "product_id": (PRODUCT,),
    "category_id": (CATEGORY,),
    "parent_id": (CATEGORY,),
    "order_id": (ORDER,),
    "payment_id": (PAYMENT,),
    "event_id": (EVENT,),
    "request_id": (REQUEST,),
    "correlation_id": (REQUEST,),
    "causation_id": (EVENT,),
    "cause": (EVENT,),
    "actor_id": NOTHING,
    "actor": ("customer", STAFF),
    "decided_by": NOTHING,
    # things for sale
    "title": ("Woven basket",),
    "slug": ("woven-basket",),
    "sku": ("KIK-014",),
    "description": ("Woven from sisal in Ukerewe, 30 cm across.",),
    "brand": ("Ukerewe Weavers",),
    "attributes": ({"material": "sisal", "diameter_cm": 30},),
    "path": (["baskets"], "/orders"),
    "banner_url": ("https://cdn.example.com/baskets.webp",),
    "discount_percent": (10,),
    "in_stock": (True,),
    "is_featured": (False,),
    "available": (12, True),
    "reserved": (3, "reserved"),
    "delta": (10,),
    "kind": ("adjusted",),
    "external_key": ("basket-014",),
    "image": ("basket.webp",),
    "mapping": ({"title": "title", "price": "price", "sku": "sku"}, '{"title": "title"}'),
    "line": (1,),
    "errors": ([],),
    "created": (1,),
    "updated": (1,),
    "unchanged": (0,),
    "failed": (0,),
    "url": (f"{PICTURE}/large",),
    "variants": (VARIANTS,),
    "content_type": ("image/webp",),
    "width": (1200,),
    "height": (900,),
    # orders
    "number": ("D-100042",),
    "quantity": (2,),
    "item_count": (2,),
    "currency": ("TZS",),
    "amount": (250000,),
    "line_total": ({"amount": 500000, "currency": "TZS"},),
    "subtotal": ({"amount": 500000, "currency": "TZS"},),
    "total": ({"amount": 500000, "currency": "TZS"},),
    "final_price": ({"amount": 225000, "currency": "TZS"},),
    "discount": ({"amount": 0, "currency": "TZS"},),
    "refunded": ({"amount": 0, "currency": "TZS"},),
    "note": ("Please ring twice",),
    "carrier": ("Mwanza Express",),
    "tracking_number": ("MX-20260203-7",),
    "status_reason": NOTHING,
    "provider": ("sandbox",),
    "reference": ("sandbox-5f2c",),
    "action": NOTHING,
    "failure": NOTHING,
    "failure_code": NOTHING,
    "status": ("confirmed", "succeeded", "active", "delivered", 200),
    "state": ("ready", "active", "sent"),
    "outcome": ("succeeded", "used", "created"),
    "event": ("orders.order.confirmed.v1",),
    "detail": ({}, "payment succeeded"),
    "reason": ("Changed my mind", "received"),
    "approve": (True,),
    "is_default": (True,),
    # messages and notifications
    "text": ("Your order D-100042 is on its way.",),
    "channel": ("sms",),
    "type": ("text",),
    "media_url": NOTHING,
    "error": NOTHING,
    "client_ref": ("campaign-7-0042",),
    "topic": ("orders",),
    "body": ("Your order D-100042 is confirmed.",),
    "is_read": (False,),
    "count": (3,),
    "all": (True,),
    "template": ("order_confirmed",),
    "last_error": NOTHING,
    # behind the scenes
    "payload": ({"order_id": ORDER},),
    "source": ("orders",),
    "subject": (ORDER,),
    "sequence": (1,),
    "queue": ("notifications.orders",),
    "attempts": (1,),
    "deaths": (1,),
    "replayed": (1,),
    "service": ("orders",),
    "method": ("GET",),
    "duration_ms": (4.2,),
    "times": (1,),
    "message": ("Received",),
    "field": ("price",),
    # times
    "decided_at": NOTHING,
    "read_at": NOTHING,
    "retired_at": NOTHING,
    "used_at": (TUESDAY,),
    "updated_at": (TUESDAY,),
    "seen_at": (TUESDAY,),
    "last_used_at": (TUESDAY,),
    "last_died_at": (TUESDAY,),
    "expires_at": ("2026-12-31T00:00:00Z",),
}

BY_FORMAT: Mapping[str, Any] = {
    "uuid": ID,
    "date-time": MONDAY,
    "date": "2026-02-02",
    "uri": "https://example.com/",
    "email": "neema@example.com",
    "binary": "(the file)",
}
