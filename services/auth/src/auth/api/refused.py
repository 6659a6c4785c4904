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
_UNKNOWN_USER = ErrorDoc(404, "user_not_found", "There is no such user")
_LAST_ADMIN = ErrorDoc(409, "last_admin", "Somebody has to administer: this is the last active admin")

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
DEVICE = error_docs(ErrorDoc(404, "device_not_found", "There is no such device"))
SESSION = error_docs(ErrorDoc(404, "session_not_found", "There is no such session"))
USER = error_docs(_UNKNOWN_USER)
ADDING_USER = error_docs(_EMAIL_TAKEN, _USERNAME_TAKEN)
CHANGING_USER = error_docs(
    _UNKNOWN_USER, _LAST_ADMIN, ErrorDoc(409, "account_deleted", "The account has been deleted: restore it first")
)
DELETING_USER = error_docs(_UNKNOWN_USER, _LAST_ADMIN)
RESTORING_USER = error_docs(
    _UNKNOWN_USER, ErrorDoc(409, "account_erased", "The account has been erased: there is nothing left to restore")
)
