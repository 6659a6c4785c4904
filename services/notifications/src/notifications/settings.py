"""What notifications reads from its environment, beside the settings of every service."""

from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from common.security.encryption import LOCAL_SECRET, MIN_SECRET_LENGTH
from common.settings import ServiceSettings


class Settings(ServiceSettings):
    required_in_production: ClassVar[tuple[str, ...]] = (
        *ServiceSettings.required_in_production,
        "mail_backend",
        "mail_from",
        "mail_secret",
    )

    mail_backend: Literal["mailbox", "smtp"] = Field(
        "mailbox", description="mailbox writes .mbox files into DUKAN_DATA_DIR/mail, smtp sends"
    )
    mail_from: str = Field("Dukan <shop@dukan.local>", description="sender, with or without a display name")
    mail_secret: SecretStr = Field(
        SecretStr(LOCAL_SECRET), description="decrypts what auth sealed; at least 32 characters in production"
    )
    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls: required after connecting; tls: from the first byte; none: plain text"
    )
    smtp_timeout: float = Field(20.0, gt=0, le=120, description="seconds one e-mail may take, connection included")

    @model_validator(mode="after")
    def _secret_is_long_enough(self) -> Self:
        if self.is_production and len(self.mail_secret.get_secret_value()) < MIN_SECRET_LENGTH:
            raise ValueError(f"DUKAN_MAIL_SECRET needs at least {MIN_SECRET_LENGTH} characters")
        return self

    @model_validator(mode="after")
    def _smtp_has_a_host(self) -> Self:
        if self.mail_backend == "smtp" and not self.smtp_host:
            raise ValueError("DUKAN_MAIL_BACKEND=smtp needs DUKAN_SMTP_HOST")
        return self
