"""A signed URL is valid for one variant of one image until its expiry."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from common import clock
from common.clock import FixedClock
from common.errors import Forbidden
from common.ids import new_id
from common.security.media_urls import MediaUrls

URLS = MediaUrls("a secret of auth and catalog alone")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def parameters(url: str) -> tuple[str, str]:
    query = parse_qs(urlsplit(url).query)
    return query["expires"][0], query["signature"][0]


def test_a_url_is_the_same_for_an_hour_and_valid_for_one_more() -> None:
    media_id = new_id()
    with clock.use(FixedClock(NOON)) as time:
        url = URLS.signed(media_id, "thumb")
        given = parameters(url)
        assert url.startswith(f"/api/v1/media/{media_id}/thumb?")
        assert URLS.seconds_left(media_id, "thumb", *given) == 7200
        time.advance(timedelta(minutes=59, seconds=59))
        assert URLS.signed(media_id, "thumb") == url
        assert URLS.seconds_left(media_id, "thumb", *given) == 3601
        time.advance(timedelta(seconds=1))
        assert URLS.signed(media_id, "thumb") != url
        time.advance(timedelta(hours=1))
        with pytest.raises(Forbidden, match="expired"):
            URLS.seconds_left(media_id, "thumb", *given)


def test_a_signature_is_valid_for_its_image_variant_expiry_and_secret_only() -> None:
    media_id = new_id()
    expires, signature = parameters(URLS.signed(media_id, "thumb"))
    other = MediaUrls("a secret of another installation entirely")
    for urls, which, variant, until, shown in (
        (URLS, new_id(), "thumb", expires, signature),
        (URLS, media_id, "large", expires, signature),
        (URLS, media_id, "thumb", str(int(expires) + 3600), signature),
        (URLS, media_id, "thumb", f"0{expires}", signature),
        (URLS, media_id, "thumb", f"{expires}.0", signature),
        (URLS, media_id, "thumb", f"-{expires}", signature),
        (URLS, media_id, "thumb", expires, signature.lower()),
        (URLS, media_id, "thumb", expires, f"{signature}="),
        (URLS, media_id, "thumb", expires, signature[:-1]),
        (URLS, media_id, "thumb", expires, ""),
        (URLS, media_id, "thumb", expires, "é" * 43),
        (other, media_id, "thumb", expires, signature),
    ):
        with pytest.raises(Forbidden) as refused:
            urls.seconds_left(which, variant, until, shown)
        assert refused.value.code == "invalid_signature"
