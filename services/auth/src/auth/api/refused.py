"""What the routes refuse, for the OpenAPI document; who raises it is elsewhere."""

from common.openapi.errors import ErrorDoc, error_docs

_TOO_MANY_ATTEMPTS = ErrorDoc(429, "too_many_attempts", "Too many attempts, try again later")
_WRONG_CODE = ErrorDoc(422, "code_invalid", "The code is wrong, used or too old; ask for another", "code")
_TOKEN = ErrorDoc(422, "token_invalid", "The grant or link was used or is too old; ask for another", "token")
_USERNAME_TAKEN = ErrorDoc(409, "username_taken", "This username is taken", "username")
_EMAIL_TAKEN = ErrorDoc(409, "email_taken", "An account with this e-mail address exists", "email")
_STEP_UP = ErrorDoc(
    403, "step_up_required", "Prove again who you are: give `password`, or POST /auth/step-up first", "password"
)
_NO_PASSKEY = ErrorDoc(404, "passkey_not_found", "There is no such passkey")
_BAD_PASSKEY = "The authenticator's answer is not accepted; ask for new options"
_TOO_MANY_PASSKEYS = ErrorDoc(409, "too_many_passkeys", "20 passkeys are registered, remove one first")
_TOO_MANY_CHALLENGES = ErrorDoc(429, "too_many_challenges", "Too many passkeys were asked for from here")
_UNKNOWN_KEY = ErrorDoc(404, "api_key_not_found", "There is no such API key")
_UNKNOWN_USER = ErrorDoc(404, "user_not_found", "There is no such user")
_LAST_ADMIN = ErrorDoc(409, "last_admin", "Somebody has to administer: this is the last active admin")
_UNKNOWN_ISSUER = ErrorDoc(404, "oidc_unknown_provider", "There is no such issuer")
_ISSUER_AWAY = ErrorDoc(503, "oidc_unavailable", "The issuer cannot be asked at this moment")
_SETTING_OUT = (
    _UNKNOWN_ISSUER,
    ErrorDoc(422, "oidc_redirect_not_allowed", "This address is not allowed", "redirect_uri"),
    ErrorDoc(429, "oidc_too_many", "Too many sign-ins were begun from here"),
    _ISSUER_AWAY,
)
_COMING_BACK = (
    ErrorDoc(401, "oidc_token_invalid", "The issuer's ID token is not accepted"),
    ErrorDoc(401, "oidc_userinfo_invalid", "The issuer speaks of two different people"),
    ErrorDoc(403, "oidc_denied", "You were not let in by the issuer", "error"),
    ErrorDoc(403, "oidc_refused", "The issuer refused the sign-in", "error"),
    ErrorDoc(403, "oidc_wrong_issuer", "The answer comes from another issuer", "iss"),
    _UNKNOWN_ISSUER,
    ErrorDoc(422, "oidc_state_invalid", "The state is wrong, used or too old; start again", "state"),
    ErrorDoc(422, "oidc_code_missing", "Give the code that the issuer sent", "code"),
    ErrorDoc(422, "oidc_code_invalid", "The code is wrong, used or too old; start again", "code"),
    _ISSUER_AWAY,
)

REGISTERING = error_docs(
    _EMAIL_TAKEN,
    _USERNAME_TAKEN,
    ErrorDoc(422, "passwords_differ", "The two passwords differ", "password_confirm"),
)
SIGNING_IN = error_docs(
    ErrorDoc(401, "invalid_credentials", "E-mail, username or password is wrong"),
    ErrorDoc(401, "otp_required", "Give the code that your authenticator app shows"),
    ErrorDoc(401, "otp_invalid", "The code is wrong, or was used before"),
    ErrorDoc(403, "account_deactivated", "This account has been deactivated"),
    ErrorDoc(422, "identifier_missing", "Give an e-mail address or a username", "email"),
    _TOO_MANY_ATTEMPTS,
    ErrorDoc(503, "sign_in_busy", "Too many people are signing in at this moment"),
)
REFRESHING = error_docs(
    ErrorDoc(401, "refresh_token_invalid", "The refresh token is not valid, sign in again"),
    ErrorDoc(403, "csrf", "Send the CSRF token in X-CSRF-Token"),
    ErrorDoc(422, "refresh_token_missing", "Give a refresh token", "refresh_token"),
)
ASKING = error_docs(_TOO_MANY_ATTEMPTS)
CONFIRMING = error_docs(_WRONG_CODE, _TOKEN, _TOO_MANY_ATTEMPTS)
ASKING_EMAIL_CHANGE = error_docs(
    _STEP_UP,
    ErrorDoc(422, "email_unchanged", "This is the account's address already", "email"),
    _TOO_MANY_ATTEMPTS,
)
CHANGING_EMAIL = error_docs(
    ErrorDoc(409, "email_taken", "This address cannot be the account's any more", "email"),
    _WRONG_CODE,
    _TOO_MANY_ATTEMPTS,
)
VERIFYING = error_docs(_WRONG_CODE, _TOO_MANY_ATTEMPTS)
RESETTING = error_docs(_TOKEN, ErrorDoc(422, "token_missing", "Give a grant or a token", "token"))
STARTING_TOTP = error_docs(
    ErrorDoc(409, "totp_already_on", "An authenticator app is on already: remove it first"), _TOO_MANY_ATTEMPTS
)
CONFIRMING_TOTP = error_docs(
    ErrorDoc(409, "totp_not_started", "No authenticator app is waiting to be confirmed"),
    ErrorDoc(422, "code_invalid", "This is not the code that the app shows now", "code"),
)
WITHOUT_TOTP = error_docs(ErrorDoc(409, "totp_not_on", "There is no authenticator app to remove"), _TOO_MANY_ATTEMPTS)
SIGNING_IN_BY_PASSKEY = error_docs(
    ErrorDoc(401, "passkey_not_accepted", "The passkey is not accepted"), _TOO_MANY_ATTEMPTS
)
ASKING_PASSKEY = error_docs(_TOO_MANY_CHALLENGES)
BEGINNING_PASSKEY = error_docs(_STEP_UP, _TOO_MANY_PASSKEYS, _TOO_MANY_CHALLENGES)
MAKING_PASSKEY = error_docs(
    ErrorDoc(409, "passkey_known", "This passkey is registered already", "credential"),
    _TOO_MANY_PASSKEYS,
    ErrorDoc(422, "passkey_invalid", _BAD_PASSKEY, "credential"),
)
PASSKEY = error_docs(_NO_PASSKEY)
REMOVING_PASSKEY = error_docs(_STEP_UP, _NO_PASSKEY)
BEGINNING_STEP_UP = error_docs(
    ErrorDoc(409, "no_passkey", "No passkey is registered: give the password", "passkey"), _TOO_MANY_CHALLENGES
)
STEPPING_UP = error_docs(
    ErrorDoc(422, "proof_missing", "Give the password, or a passkey", "password"),
    ErrorDoc(422, "wrong_password", "The password is wrong", "password"),
    ErrorDoc(422, "passkey_invalid", "The passkey is not accepted; ask for new options", "passkey"),
    _TOO_MANY_ATTEMPTS,
)
DEVICE = error_docs(ErrorDoc(404, "device_not_found", "There is no such device"))
SESSION = error_docs(ErrorDoc(404, "session_not_found", "There is no such session"))
API_KEY = error_docs(_UNKNOWN_KEY)
MAKING_API_KEY = error_docs(
    ErrorDoc(409, "too_many_api_keys", "50 keys are in use, revoke one first"), _UNKNOWN_USER, _STEP_UP
)
SHOWN_API_KEY = error_docs(ErrorDoc(401, "api_key_invalid", "The API key is not valid"), _TOO_MANY_ATTEMPTS)
ROTATING_API_KEY = error_docs(_UNKNOWN_KEY, ErrorDoc(409, "api_key_revoked", "The key has been revoked"), _STEP_UP)
USER = error_docs(_UNKNOWN_USER)
ADDING_USER = error_docs(_EMAIL_TAKEN, _USERNAME_TAKEN)
CHANGING_USER = error_docs(
    _UNKNOWN_USER, _LAST_ADMIN, ErrorDoc(409, "account_deleted", "The account has been deleted: restore it first")
)
DELETING_USER = error_docs(_UNKNOWN_USER, _LAST_ADMIN)
RESTORING_USER = error_docs(
    _UNKNOWN_USER, ErrorDoc(409, "account_erased", "The account has been erased: there is nothing left to restore")
)
STARTING_OIDC = error_docs(*_SETTING_OUT)
LINKING_OIDC = error_docs(_STEP_UP, *_SETTING_OUT)
SIGNING_IN_BY_OIDC = error_docs(
    *_COMING_BACK,
    ErrorDoc(401, "otp_required", "Give the code that your authenticator app shows"),
    ErrorDoc(401, "otp_invalid", "The code is wrong, or was used before"),
    ErrorDoc(403, "account_deactivated", "This account has been deactivated"),
    ErrorDoc(403, "oidc_no_email", "The issuer gave no e-mail address"),
    ErrorDoc(403, "oidc_email_unverified", "The issuer has not verified your e-mail address"),
    ErrorDoc(409, "oidc_account_unconfirmed", "An account with your e-mail address waits for its confirmation"),
    _TOO_MANY_ATTEMPTS,
    ErrorDoc(503, "oidc_no_answer", "The issuer cannot be asked for your e-mail address at this moment; start again"),
)
LINKING_IDENTITY = error_docs(
    *_COMING_BACK, ErrorDoc(409, "identity_taken", "This identity signs in to another account")
)
REMOVING_IDENTITY = error_docs(
    _STEP_UP,
    ErrorDoc(404, "identity_not_found", "There is no such identity"),
    ErrorDoc(409, "identity_needed", "Choose a password first: nothing else would sign you in"),
)
ROTATING_KEYS = error_docs(
    ErrorDoc(409, "rotated_just_now", "The next key was published a moment ago, try again in a minute")
)
