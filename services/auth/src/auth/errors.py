"""Every error that auth answers with on purpose, one class each, by feature.

A `Recorded` error commits what its transaction has written: counted failures, spent codes, ended sessions, the audit.
"""

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

# Several features


class AccountGone(Unauthenticated):
    code, message = "account_gone", "The account no longer exists"


class PhoneTaken(Conflict):
    code, field = "phone_taken", "phone"
    message = "Another account has this phone number"


class TooManyAttempts(Recorded, RateLimited):
    code, message = "too_many_attempts", "Too many attempts, try again later"


class UserNotFound(NotFound):
    code = "user_not_found"


# api_keys


class ApiKeyAddressForbidden(Recorded, Forbidden):
    code = "api_key_address"
    message = "The API key may not be used from this address"


class ApiKeyAlreadyRevoked(Conflict):
    """A revoked key was to be rotated."""

    code = "api_key_revoked"
    message = "The key has been revoked"


class ApiKeyInvalid(Recorded, Unauthenticated):
    code = "api_key_invalid"
    message = "The API key is not valid"


class ApiKeyNotFound(NotFound):
    code = "api_key_not_found"


class ApiKeysOfOthersForbidden(Forbidden):
    field = "user_id"
    message = "Only staff and administrators manage the keys of others"


class DailyLimitReached(RateLimited):
    code = "daily_limit_reached"
    message = "The key has used its requests of today"


class ExpiredApiKey(Recorded, Unauthenticated):
    code = "api_key_expired"
    message = "The API key has expired"


class RevokedApiKey(Recorded, Unauthenticated):
    """A revoked key was presented."""

    code = "api_key_revoked"
    message = "The API key has been revoked"


class TooManyApiKeys(Conflict):
    code = "too_many_api_keys"
    message = "50 keys are in use, revoke one first"


# data_export


class ExportIncomplete(Unavailable):
    code, message = "export_incomplete", "Some services have not answered; POST starts a new export"


class NeedsSignIn(Forbidden):
    code, message = "needs_sign_in", "Only a signed-in user may do this, not an API key"


class TooManyExports(RateLimited):
    code, message = "too_many_exports", "Too many exports in one day"


# email_confirmation


class CodeInvalid(Recorded, Invalid):
    """A code from an e-mail."""

    code, field = "code_invalid", "code"
    message = "The code is wrong, used or expired; request another"


class CodeMissing(Invalid):
    code, field = "code_missing", "code"
    message = "Give the code that was sent to this address"


class EmailMissing(Invalid):
    code, field = "email_missing", "email"
    message = "Give a token, or an e-mail address and a code"


class EmailUnchanged(Recorded, Invalid):
    code, field = "email_unchanged", "email"
    message = "The account already has this address"


class FormIncomplete(Invalid):
    code, field = "form_incomplete", "token"
    message = "The form is incomplete; open the link in the e-mail again"


class NewEmailTaken(Recorded, Conflict):
    """The address was free when the change was requested."""

    code, field = "email_taken", "email"
    message = "The account can no longer have this address"


class TokenInvalid(Recorded, Invalid):
    """The token of a link, or a grant."""

    code, field = "token_invalid", "token"
    message = "The link or grant was used or has expired; request another"


# oidc


class IdTokenInvalid(Unauthenticated):
    code = "oidc_token_invalid"
    message = "The issuer's ID token is not accepted"


class IdentityNeeded(Conflict):
    code = "identity_needed"
    message = "Choose a password first: the account would have no other way to sign in"


class IdentityNotFound(NotFound):
    code = "identity_not_found"


class IdentityTaken(Conflict):
    code = "identity_taken"
    message = "This identity signs in to another account"


class IssuerDeniedAccess(Forbidden):
    code, field = "oidc_denied", "error"
    message = "The issuer did not let you in"


class IssuerRejectedLogin(Forbidden):
    code, field = "oidc_refused", "error"
    message = "The issuer rejected the sign-in"


class IssuerUnavailable(Unavailable):
    code = "oidc_unavailable"
    message = "The issuer cannot be reached at this moment"


class OidcAccountUnconfirmed(Recorded, Conflict):
    code = "oidc_account_unconfirmed"
    message = "The account with your e-mail address is not confirmed; confirm it first"


class OidcCallbackInvalid(Invalid):
    message = "This is not a response of an issuer; start again"


class OidcCodeInvalid(Invalid):
    code, field = "oidc_code_invalid", "code"
    message = "The code is wrong, used or too old; start again"


class OidcCodeMissing(Invalid):
    code, field = "oidc_code_missing", "code"
    message = "Give the code that the issuer sent"


class OidcEmailMissing(Recorded, Forbidden):
    code = "oidc_no_email"
    message = "The issuer gave no e-mail address"


class OidcEmailUnavailable(Recorded, Unavailable):
    code = "oidc_no_answer"
    message = "The issuer cannot be asked for your e-mail address at this moment; start again"


class OidcEmailUnverified(Recorded, Forbidden):
    code = "oidc_email_unverified"
    message = "The issuer has not verified your e-mail address"


class OidcStateInvalid(Invalid):
    code, field = "oidc_state_invalid", "state"
    message = "The state is wrong, used or too old; start again"


class RedirectUriNotAllowed(Invalid):
    code, field = "oidc_redirect_not_allowed", "redirect_uri"
    message = "This address is not allowed"


class TooManyPendingLogins(RateLimited):
    code = "oidc_too_many"
    message = "Too many sign-ins were started from here"


class UnknownProvider(NotFound):
    code = "oidc_unknown_provider"


class UserinfoInvalid(Unauthenticated):
    code = "oidc_userinfo_invalid"
    message = "The issuer's userinfo is about another person than its ID token"


class WrongIssuer(Forbidden):
    code, field = "oidc_wrong_issuer", "iss"
    message = "The response comes from another issuer"


# passkeys


class NoPasskey(Conflict):
    code, field = "no_passkey", "passkey"
    message = "No passkey is registered: give the password"


class PasskeyInvalid(Recorded, Invalid):
    code, field = "passkey_invalid", "credential"
    message = "The authenticator's response is not accepted; ask for new options"


class PasskeyKnown(Recorded, Conflict):
    code, field = "passkey_known", "credential"
    message = "This passkey is registered already"


class PasskeyNotAccepted(Recorded, Unauthenticated):
    code = "passkey_not_accepted"
    message = "The passkey is not accepted"


class PasskeyNotFound(NotFound):
    code = "passkey_not_found"


class TooManyChallenges(RateLimited):
    code = "too_many_challenges"
    message = "Too many passkey challenges were requested from here"


class TooManyPasskeys(Conflict):
    code = "too_many_passkeys"
    message = "20 passkeys are registered, remove one first"


# passwords


class PasswordsDiffer(Invalid):
    code, field = "passwords_differ", "password_confirm"
    message = "The two passwords differ"


class PasswordTooCommon(Invalid):
    code, field = "password_too_common", "password"
    message = "This password is one of the first that an attacker would try"


class PasswordTooLong(Invalid):
    code, field = "password_too_long", "password"
    message = "A password has at most 128 characters"


class PasswordTooShort(Invalid):
    code, field = "password_too_short", "password"
    message = "A password has at least 8 characters"


class PasswordTooSimilar(Invalid):
    code, field = "password_too_similar", "password"
    message = "The password resembles your name or e-mail address"


class SignInBusy(Unavailable):
    code, message = "sign_in_busy", "Too many people are signing in right now"


class TokenMissing(Invalid):
    code, field = "token_missing", "token"
    message = "Give a grant or a token"


WEAK_PASSWORD: tuple[type[DukanError], ...] = (
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    PasswordTooSimilar,
)

# registration


class AdminEmailTaken(Conflict):
    code = "admin_email_taken"
    message = "A customer has the address in DUKAN_ADMIN_EMAIL, choose another"


class EmailTaken(Conflict):
    code, field = "email_taken", "email"
    message = "An account with this e-mail address exists"


class UsernameTaken(Conflict):
    code, field = "username_taken", "username"
    message = "This username is taken"


# sessions


class AccountDeactivated(Recorded, Forbidden):
    code, message = "account_deactivated", "This account has been deactivated"


class DeviceNotFound(NotFound):
    code = "device_not_found"


class IdentifierMissing(Invalid):
    code, field = "identifier_missing", "email"
    message = "Give an e-mail address or a username"


class InvalidCredentials(Recorded, Unauthenticated):
    code, message = "invalid_credentials", "E-mail, username or password is wrong"


class OtpInvalid(Recorded, Unauthenticated):
    code, message = "otp_invalid", "The code is wrong or was used before"


class OtpRequired(Recorded, Unauthenticated):
    code, message = "otp_required", "Give the code that your authenticator app shows"


class RefreshTokenInvalid(Recorded, Unauthenticated):
    code, message = "refresh_token_invalid", "The refresh token is not valid, sign in again"


class RefreshTokenMissing(Invalid):
    code, field = "refresh_token_missing", "refresh_token"
    message = "Give a refresh token"


class SessionNotFound(NotFound):
    code = "session_not_found"


# signing_keys


class NoSigningKey(Unavailable):
    code = "no_signing_key"
    message = "There is no signing key"


class RotatedJustNow(Conflict):
    code = "rotated_just_now"
    message = "The next key was published a moment ago, try again in a minute"


# totp


class TotpAlreadyOn(Conflict):
    code = "totp_already_on"
    message = "An authenticator app is set up already: remove it first"


class TotpCodeInvalid(Recorded, Invalid):
    code, field = "code_invalid", "code"
    message = "This is not the code that the app shows now"


class TotpNotOn(Conflict):
    code = "totp_not_on"
    message = "No authenticator app is set up"


class TotpNotStarted(Conflict):
    code = "totp_not_started"
    message = "No authenticator app is waiting to be confirmed"


# users


class AccountDeleted(Conflict):
    code, message = "account_deleted", "The account has been deleted: restore it first"


class AccountErased(Conflict):
    code, message = "account_erased", "The account has been erased and cannot be restored"


class RoleAboveOwn(Forbidden):
    """Staff manage the accounts and keys of customers and staff."""

    code = "role_above_own"
    message = "Only administrators manage administrators"


class LastAdmin(Conflict):
    code, message = "last_admin", "This is the last active administrator"


# step_up


class PasswordMissing(Invalid):
    code, field = "password_missing", "password"
    message = "Give your password"


class ReauthCodeInvalid(Recorded, Invalid):
    code, field = "code_invalid", "code"
    message = "The code is wrong or was used before"


class ReauthCodeRequired(Recorded, Invalid):
    code, field = "otp_required", "code"
    message = "Give the code that your authenticator app shows"


class StepUpRequired(Recorded, Forbidden):
    code, field = "step_up_required", "password"
    message = "Re-authenticate: give `password`, and `code` with a second factor; POST /auth/step-up; or sign in"


class WrongPassword(Recorded, Invalid):
    code, field = "wrong_password", "password"
    message = "The password is wrong"


class StepUpCredentialMissing(Invalid):
    code, field = "proof_missing", "password"
    message = "Give the password, or a passkey"


class StepUpPasskeyInvalid(Recorded, Invalid):
    code, field = "passkey_invalid", "passkey"
    message = "The passkey is not accepted; ask for new options"


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
