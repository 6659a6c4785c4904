"""WebAuthn (Level 3): the user is always verified, and any make of authenticator is accepted (no attestation)."""

from collections.abc import Mapping, Sequence
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

from auth.passkeys.domain import CHALLENGE_LIFETIME, Assertion, CredentialDescriptor, RegisteredCredential

RP_NAME = "Dukan"
VERIFIED = UserVerificationRequirement.REQUIRED
TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)
MIN_RSA_BITS = 2048
TIMEOUT_MS = int(CHALLENGE_LIFETIME.total_seconds() * 1000)
"""How long a browser waits for the person."""


class InvalidCredentialError(Exception):
    """The credential is malformed, or its signature is not valid here."""


class RelyingParty:
    """The site `rp_id`, used from pages or applications of these `origins`."""

    def __init__(self, rp_id: str, origins: Sequence[str]) -> None:
        self._rp_id = rp_id
        self._origins = list(origins)

    def creation_options(
        self, challenge: bytes, user_id: bytes, name: str, display_name: str, exclude: Sequence[CredentialDescriptor]
    ) -> dict[str, Any]:
        """For `navigator.credentials.create`; an authenticator that has one of `exclude` creates no other."""
        options = generate_registration_options(
            rp_id=self._rp_id,
            rp_name=RP_NAME,
            user_id=user_id,
            user_name=name,
            user_display_name=display_name or name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
            ),
            exclude_credentials=_descriptors(exclude),
        )
        return options_to_json_dict(options)

    def request_options(self, challenge: bytes, allow: Sequence[CredentialDescriptor] = ()) -> dict[str, Any]:
        """For `navigator.credentials.get`; without `allow` the person also chooses the account."""
        options = generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=_descriptors(allow),
            user_verification=VERIFIED,
        )
        return options_to_json_dict(options)

    def verify_registration(self, credential: Mapping[str, Any], challenge: bytes) -> RegisteredCredential:
        """Raises InvalidCredentialError."""
        try:
            _check_same_origin(credential)
            verified = verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                require_user_verification=True,
            )
            _check_key(verified.credential_public_key)
        except Exception as error:
            # A hostile credential may break the library in any way.
            raise InvalidCredentialError(str(error)) from error
        return RegisteredCredential(
            verified.credential_id, verified.credential_public_key, verified.sign_count, verified.credential_backed_up
        )

    def verify_assertion(self, credential: Mapping[str, Any], challenge: bytes, public_key: bytes) -> Assertion:
        """The caller checks the signature counter, with the passkey locked. Raises InvalidCredentialError."""
        try:
            _check_same_origin(credential)
            verified = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception as error:
            raise InvalidCredentialError(str(error)) from error
        return Assertion(verified.new_sign_count, verified.credential_backed_up)


def challenge_of(credential: Mapping[str, Any]) -> bytes:
    """The challenge that the credential claims to answer, unverified. Raises InvalidCredentialError."""
    try:
        return _client_data(credential).challenge
    except Exception as error:
        raise InvalidCredentialError(str(error)) from error


def raw_id_of(credential: Mapping[str, Any]) -> bytes:
    """The id of the credential, unverified. Raises InvalidCredentialError."""
    return _decode(credential["rawId"])


def user_handle_of(credential: Mapping[str, Any]) -> bytes | None:
    """The account that the authenticator names, if it names one. Raises InvalidCredentialError."""
    handle = credential["response"].get("userHandle")
    return _decode(handle) if handle else None


def known_transports(names: Sequence[str]) -> list[str]:
    """Those that the standard defines; options may name no others."""
    return sorted(TRANSPORTS.intersection(names))


def _client_data(credential: Mapping[str, Any]) -> CollectedClientData:
    return parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))


def _check_same_origin(credential: Mapping[str, Any]) -> None:
    if _client_data(credential).cross_origin:
        raise InvalidCredentialError("The passkey was used inside a page of another site")


def _check_key(public_key: bytes) -> None:
    """Rejects weak keys, and keys that no signature could ever be verified with."""
    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise InvalidCredentialError(f"An RSA key has at least {MIN_RSA_BITS} bits")


def _decode(text: str) -> bytes:
    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise InvalidCredentialError(str(error)) from error


def _descriptors(credentials: Sequence[CredentialDescriptor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=each.id, transports=[AuthenticatorTransport(name) for name in each.transports])
        for each in credentials
    ]
