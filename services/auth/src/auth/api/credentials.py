"""What browsers make of an authenticator's answer: `PublicKeyCredential.toJSON()` of WebAuthn Level 3."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

KILO = 1024

CredentialId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=1400)]
"""Base64url without padding, of at most 1023 bytes."""
ClientData = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=8 * KILO)]
Binary = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=16 * KILO)]
UserHandle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=88)]
Transport = Annotated[str, StringConstraints(max_length=20)]


class _Credential(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)

    id: CredentialId
    raw_id: CredentialId = Field(alias="rawId")
    type: Literal["public-key"]

    def as_sent(self) -> dict[str, Any]:
        """Under the names that it came with."""
        return self.model_dump()


class AttestationResponse(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)

    client_data: ClientData = Field(alias="clientDataJSON")
    attestation: Binary = Field(alias="attestationObject")
    transports: list[Transport] = Field([], max_length=10)


class NewCredential(_Credential):
    """Of `navigator.credentials.create`."""

    response: AttestationResponse


class AssertionResponse(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)

    client_data: ClientData = Field(alias="clientDataJSON")
    authenticator_data: Binary = Field(alias="authenticatorData")
    signature: Binary
    user_handle: UserHandle | None = Field(None, alias="userHandle")


class UsedCredential(_Credential):
    """Of `navigator.credentials.get`."""

    response: AssertionResponse
