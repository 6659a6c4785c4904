"""A seal opens for its purpose only, and only unaltered."""

import pytest

from common.security.encryption import CannotUnsealError, Seal, SealedBox

CONTENT = {"code": "123456", "link": "https://shop.example/confirm?token=x"}


def test_a_seal_opens_with_the_same_secret_and_purpose() -> None:
    assert Seal("one secret").open(Seal("one secret").close(CONTENT, "reset/7"), "reset/7") == CONTENT


def test_a_seal_is_opaque_and_different_each_time() -> None:
    seal = Seal("one secret")
    first, second = seal.close(CONTENT, "reset/7"), seal.close(CONTENT, "reset/7")
    assert first != second
    assert "123456" not in first


@pytest.mark.parametrize(("secret", "purpose"), [("another secret", "reset/7"), ("one secret", "reset/8")])
def test_a_seal_does_not_open_with_another_secret_or_purpose(secret: str, purpose: str) -> None:
    sealed = Seal("one secret").close(CONTENT, "reset/7")
    with pytest.raises(CannotUnsealError):
        Seal(secret).open(sealed, purpose)


def test_an_altered_seal_does_not_open() -> None:
    seal = Seal("one secret")
    sealed = seal.close(CONTENT, "reset/7")
    flipped = ("A" if sealed[30] != "A" else "B").join((sealed[:30], sealed[31:]))
    for altered in (flipped, sealed[:10], "", "no base64!"):
        with pytest.raises(CannotUnsealError):
            seal.open(altered, "reset/7")


def test_a_sealed_box_opens_with_its_private_key_and_purpose_only() -> None:
    private, public = SealedBox.key_pair()
    sealed = SealedBox.close(public, b"Uhuru Street 1", "export/7/orders/0")
    assert SealedBox.open(private, sealed, "export/7/orders/0") == b"Uhuru Street 1"
    assert b"Uhuru" not in sealed
    for key, purpose in ((SealedBox.key_pair()[0], "export/7/orders/0"), (private, "export/7/orders/1")):
        with pytest.raises(CannotUnsealError):
            SealedBox.open(key, sealed, purpose)


def test_an_altered_sealed_box_does_not_open() -> None:
    private, public = SealedBox.key_pair()
    sealed = SealedBox.close(public, b"Uhuru Street 1", "export")
    altered = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for wrong in (*altered, sealed[:40], sealed[:10], b"", bytes(len(sealed))):
        with pytest.raises(CannotUnsealError):
            SealedBox.open(private, wrong, "export")


def test_a_sealed_box_is_different_each_time() -> None:
    _, public = SealedBox.key_pair()
    assert SealedBox.close(public, b"the same", "export") != SealedBox.close(public, b"the same", "export")
