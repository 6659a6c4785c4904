"""The errors of auth, one class per code."""

from common.errors import (
    Conflict,
    DukanError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Recorded,
    Unauthenticated,
    Unavailable,
)

# Shared by several features


class TooManyAttempts(Recorded, RateLimited):
    code = "too_many_attempts"
    message = "Too many attempts, try again later"


class InvalidCredentials(Recorded, Unauthenticated):
    code = "invalid_credentials"
    message = "E-mail, username or password is wrong"


class AccountDeactivated(Recorded, Forbidden):
    code = "account_deactivated"
    message = "This account has been deactivated"


class SignInBusy(Unavailable):
    code = "sign_in_busy"
    message = "Too many people are signing in right now"


class UserNotFound(NotFound):
    code = "user_not_found"
    message = "There is no such user"


# Second factor


class OtpRequired(Recorded, Unauthenticated):
    code = "otp_required"
    message = "Give the code that your authenticator app shows"


class OtpInvalid(Recorded, Unauthenticated):
    code = "otp_invalid"
    message = "The code is wrong or was used before"


class TotpCodeInvalid(Recorded, Invalid):
    code, field = "code_invalid", "code"
    message = "This is not the code that the app shows now"


class TotpAlreadyOn(Conflict):
    code = "totp_already_on"
    message = "An authenticator app is set up already: remove it first"


class TotpNotStarted(Conflict):
    code = "totp_not_started"
    message = "No authenticator app is waiting to be confirmed"


class TotpNotOn(Conflict):
    code = "totp_not_on"
    message = "No authenticator app is set up"


# Re-authentication and step-up


class StepUpRequired(Recorded, Forbidden):
    code, field = "step_up_required", "password"
    message = (
        "Authenticate again: give `password`, and `code` with a second factor; or POST /auth/step-up first; or sign in"
    )


class PasswordMissing(Invalid):
    code, field = "password_missing", "password"
    message = "Give your password"


class WrongPassword(Recorded, Invalid):
    code, field = "wrong_password", "password"
    message = "The password is wrong"


class ReauthCodeRequired(Recorded, Invalid):
    """The caller is signed in, and stays so: 422 instead of the 401 of OtpRequired."""

    code, field = "otp_required", "code"
    message = "Give the code that your authenticator app shows"


class ReauthCodeInvalid(Recorded, Invalid):
    """The caller is signed in, and stays so: 422 instead of the 401 of OtpInvalid."""

    code, field = "code_invalid", "code"
    message = "The code is wrong or was used before"


class StepUpCredentialMissing(Invalid):
    code, field = "proof_missing", "password"
    message = "Give the password, or a passkey"


class StepUpPasskeyInvalid(Recorded, Invalid):
    code, field = "passkey_invalid", "passkey"
    message = "The passkey is not accepted; ask for new options"


class NoPasskey(Conflict):
    code, field = "no_passkey", "passkey"
    message = "No passkey is registered: give the password"


STEP_UP: tuple[type[DukanError], ...] = (
    AccountDeactivated,
    ReauthCodeInvalid,
    ReauthCodeRequired,
    SignInBusy,
    StepUpRequired,
    TooManyAttempts,
    WrongPassword,
)
"""The errors of a route that requires a recent authentication."""

REAUTHENTICATION: tuple[type[DukanError], ...] = (*STEP_UP, PasswordMissing)
"""The errors of a route that requires the password in its own request."""


# Passkeys


class PasskeyNotAccepted(Recorded, Unauthenticated):
    code = "passkey_not_accepted"
    message = "The passkey is not accepted"


class PasskeyInvalid(Recorded, Invalid):
    code, field = "passkey_invalid", "credential"
    message = "The authenticator's response is not accepted; ask for new options"


class PasskeyKnown(Recorded, Conflict):
    code, field = "passkey_known", "credential"
    message = "This passkey is registered already"


class PasskeyNotFound(NotFound):
    code = "passkey_not_found"
    message = "There is no such passkey"


class TooManyPasskeys(Conflict):
    code = "too_many_passkeys"
    message = "20 passkeys are registered, remove one first"


class TooManyChallenges(RateLimited):
    code = "too_many_challenges"
    message = "Too many passkey challenges were requested from here"


# Other issuers (OpenID Connect)


class UnknownProvider(NotFound):
    code = "oidc_unknown_provider"
    message = "There is no such issuer"


class RedirectUriNotAllowed(Invalid):
    code, field = "oidc_redirect_not_allowed", "redirect_uri"
    message = "This address is not allowed"


class TooManyPendingLogins(RateLimited):
    code = "oidc_too_many"
    message = "Too many sign-ins were started from here"


class IssuerUnavailable(Unavailable):
    code = "oidc_unavailable"
    message = "The issuer cannot be reached at this moment"


class IdTokenInvalid(Unauthenticated):
    code = "oidc_token_invalid"
    message = "The issuer's ID token is not accepted"


class UserinfoInvalid(Unauthenticated):
    code = "oidc_userinfo_invalid"
    message = "The issuer's userinfo is about another person than its ID token"


class IssuerDeniedAccess(Forbidden):
    code, field = "oidc_denied", "error"
    message = "The issuer did not let you in"


class IssuerRejectedLogin(Forbidden):
    code, field = "oidc_refused", "error"
    message = "The issuer rejected the sign-in"


class WrongIssuer(Forbidden):
    code, field = "oidc_wrong_issuer", "iss"
    message = "The response comes from another issuer"


class OidcStateInvalid(Invalid):
    code, field = "oidc_state_invalid", "state"
    message = "The state is wrong, used or too old; start again"


class OidcCodeMissing(Invalid):
    code, field = "oidc_code_missing", "code"
    message = "Give the code that the issuer sent"


class OidcCodeInvalid(Invalid):
    code, field = "oidc_code_invalid", "code"
    message = "The code is wrong, used or too old; start again"


class OidcCallbackInvalid(Invalid):
    message = "This is not a response of an issuer; start again"


class OidcEmailMissing(Recorded, Forbidden):
    code = "oidc_no_email"
    message = "The issuer gave no e-mail address"


class OidcEmailUnverified(Recorded, Forbidden):
    code = "oidc_email_unverified"
    message = "The issuer has not verified your e-mail address"


class OidcEmailUnavailable(Recorded, Unavailable):
    code = "oidc_no_answer"
    message = "The issuer cannot be asked for your e-mail address at this moment; start again"


class OidcAccountUnconfirmed(Recorded, Conflict):
    code = "oidc_account_unconfirmed"
    message = "The account with your e-mail address is not confirmed; confirm it first"


class IdentityTaken(Conflict):
    code = "identity_taken"
    message = "This identity signs in to another account"


class IdentityNotFound(NotFound):
    code = "identity_not_found"
    message = "There is no such identity"


class IdentityNeeded(Conflict):
    code = "identity_needed"
    message = "Choose a password first: the account would have no other way to sign in"


# API keys


class ApiKeyNotFound(NotFound):
    code = "api_key_not_found"
    message = "There is no such API key"


class ApiKeyInvalid(Recorded, Unauthenticated):
    code = "api_key_invalid"
    message = "The API key is not valid"


class RevokedApiKey(Recorded, Unauthenticated):
    """A revoked key was presented."""

    code = "api_key_revoked"
    message = "The API key has been revoked"


class ExpiredApiKey(Recorded, Unauthenticated):
    code = "api_key_expired"
    message = "The API key has expired"


class ApiKeyAddressForbidden(Recorded, Forbidden):
    code = "api_key_address"
    message = "The API key may not be used from this address"


class ApiKeyAlreadyRevoked(Conflict):
    """A revoked key was to be rotated."""

    code = "api_key_revoked"
    message = "The key has been revoked"


class DailyLimitReached(RateLimited):
    code = "daily_limit_reached"
    message = "The key has used its requests of today"


class TooManyApiKeys(Conflict):
    code = "too_many_api_keys"
    message = "50 keys are in use, revoke one first"


class ApiKeysOfOthersForbidden(Forbidden):
    field = "user_id"
    message = "Only administrators manage the keys of others"


# Signing keys


class RotatedJustNow(Conflict):
    code = "rotated_just_now"
    message = "The next key was published a moment ago, try again in a minute"


class NoSigningKey(Unavailable):
    code = "no_signing_key"
    message = "There is no signing key"
