"""WebAuthn credentials as browsers serialise them (`PublicKeyCredential.toJSON()`, WebAuthn Level 3), and examples of
the options that browsers take."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

KIB = 1024

CredentialId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=1400),
    Field(description="base64url, at most 1023 bytes", examples=["AQIDBAUGBwgJCgsMDQ4PEA"]),
]
ClientData = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=8 * KIB),
    Field(examples=["eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"]),
]
Binary = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=16 * KIB),
    Field(examples=["o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg"]),
]
UserHandle = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=88),
    Field(examples=["AZweQhqAehGPBytsbV5PMA"]),
]
Transport = Annotated[str, StringConstraints(max_length=20), Field(examples=["internal"])]


class _FromBrowser(BaseModel):
    """Browsers send more than is read here, and later ones may send more than these; the rest is ignored."""

    model_config = ConfigDict(serialize_by_alias=True, json_schema_extra={"additionalProperties": True})

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        names = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: item for name, item in value.items() if name in names}


class _Credential(_FromBrowser):
    id: CredentialId
    raw_id: CredentialId = Field(alias="rawId")
    type: Literal["public-key"]

    def to_json(self) -> dict[str, Any]:
        """With the names of the WebAuthn standard."""
        return self.model_dump()


class AttestationResponse(_FromBrowser):
    client_data: ClientData = Field(alias="clientDataJSON")
    attestation: Binary = Field(alias="attestationObject")
    transports: list[Transport] = Field([], max_length=10)


class RegistrationCredential(_Credential):
    """The result of `navigator.credentials.create`."""

    response: AttestationResponse


class AssertionResponse(_FromBrowser):
    client_data: ClientData = Field(alias="clientDataJSON")
    authenticator_data: Binary = Field(alias="authenticatorData")
    signature: Binary
    user_handle: UserHandle | None = Field(None, alias="userHandle")


class AuthenticationCredential(_Credential):
    """The result of `navigator.credentials.get`."""

    response: AssertionResponse


def _example(data: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    example = {"status": "success", "message": "OK", "data": data, "errors": None}
    return {200: {"content": {"application/json": {"example": example}}}}


_CHALLENGE = "3q2-7wIFhA0xkYzPpV9mZr5uJtQn8sBvLdKcWgHeXyU"

REQUEST_OPTIONS = _example(
    {"challenge": _CHALLENGE, "timeout": 300_000, "rpId": "shop.example.com", "userVerification": "required"}
)
"""For a route's `responses`: options for `navigator.credentials.get`."""

CREATION_OPTIONS = _example(
    {
        "challenge": _CHALLENGE,
        "timeout": 300_000,
        "rp": {"id": "shop.example.com", "name": "Dukan"},
        "user": {"id": "AZweQhqAehGPBytsbV5PMA", "name": "neema@example.com", "displayName": "Neema Mushi"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}],
        "excludeCredentials": [],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
        "attestation": "none",
    }
)
"""For a route's `responses`: options for `navigator.credentials.create`."""
