"""WebAuthn (Level 3) as this installation uses it: the user is always verified, no maker of authenticators is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_client_data_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auth.domain.passkeys import CHALLENGE_LASTS

NAME = "Dukan"
VERIFIED = UserVerificationRequirement.REQUIRED
TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)
SHORTEST_RSA = 2048
PATIENCE = int(CHALLENGE_LASTS.total_seconds() * 1000)
"""Milliseconds for which a browser waits for the person."""


class PasskeyRefusedError(Exception):
    """The authenticator's answer is malformed, or proves nothing here."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What is public of a passkey."""

    id: bytes
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class Attested:
    """A passkey that an authenticator has just made. `is_synced`: its owner has it on several devices."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Asserted:
    """A passkey was used; what its authenticator counts now."""

    sign_count: int
    is_synced: bool


class Passkeys:
    """For the site named `rp_id`, used from pages or applications of these `origins`."""

    def __init__(self, rp_id: str, origins: Sequence[str]) -> None:
        self._rp_id = rp_id
        self._origins = list(origins)

    def creation_options(
        self, challenge: bytes, user: bytes, name: str, display_name: str, taken: Sequence[Credential]
    ) -> dict[str, Any]:
        """For `navigator.credentials.create`; authenticators with one of the `taken` make no other."""
        options = generate_registration_options(
            rp_id=self._rp_id,
            rp_name=NAME,
            user_id=user,
            user_name=name,
            user_display_name=display_name or name,
            challenge=challenge,
            timeout=PATIENCE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
            ),
            exclude_credentials=_descriptors(taken),
        )
        return options_to_json_dict(options)

    def request_options(self, challenge: bytes, allowed: Sequence[Credential] = ()) -> dict[str, Any]:
        """For `navigator.credentials.get`; without `allowed` the person picks the account, too."""
        options = generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=PATIENCE,
            allow_credentials=_descriptors(allowed),
            user_verification=VERIFIED,
        )
        return options_to_json_dict(options)

    def attested(self, credential: Mapping[str, Any], challenge: bytes) -> Attested:
        """Raises PasskeyRefusedError."""
        try:
            _refuse_framed(credential)
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
            _refuse_weak(made.credential_public_key)
        except Exception as error:
            # Whatever a hostile answer breaks in there, it is refused.
            raise PasskeyRefusedError(str(error)) from error
        return Attested(made.credential_id, made.credential_public_key, made.sign_count, made.credential_backed_up)

    def asserted(self, credential: Mapping[str, Any], challenge: bytes, public_key: bytes) -> Asserted:
        """Whether the counter went on is judged by who has the passkey locked. Raises PasskeyRefusedError."""
        try:
            _refuse_framed(credential)
            used = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception as error:
            raise PasskeyRefusedError(str(error)) from error
        return Asserted(used.new_sign_count, used.credential_backed_up)


def challenge_of(credential: Mapping[str, Any]) -> bytes:
    """The challenge that the authenticator says it answers, unverified. Raises PasskeyRefusedError."""
    try:
        return _said(credential).challenge
    except Exception as error:
        raise PasskeyRefusedError(str(error)) from error


def raw_id_of(credential: Mapping[str, Any]) -> bytes:
    """Raises PasskeyRefusedError."""
    return _decoded(credential["rawId"])


def user_of(credential: Mapping[str, Any]) -> bytes | None:
    """Whose passkey the authenticator says it is. Raises PasskeyRefusedError."""
    handle = credential["response"].get("userHandle")
    return _decoded(handle) if handle else None


def known_transports(names: Sequence[str]) -> list[str]:
    """Those that can be named to an authenticator again."""
    return sorted(TRANSPORTS.intersection(names))


def _said(credential: Mapping[str, Any]) -> CollectedClientData:
    return parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))


def _refuse_framed(credential: Mapping[str, Any]) -> None:
    if _said(credential).cross_origin:
        raise PasskeyRefusedError("The passkey was used inside a page of another site")


def _refuse_weak(public_key: bytes) -> None:
    """Nor is a key taken that nothing could ever be verified with."""
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, RSAPublicKey) and key.key_size < SHORTEST_RSA:
        raise PasskeyRefusedError(f"An RSA key has at least {SHORTEST_RSA} bits")


def _decoded(text: str) -> bytes:
    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise PasskeyRefusedError(str(error)) from error


def _descriptors(credentials: Sequence[Credential]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=one.id, transports=[AuthenticatorTransport(name) for name in one.transports])
        for one in credentials
    ]
