"""The rules of `common.people` as annotations of request fields. A broken rule is an error with the rule's code:

email: Annotated[fields.EmailAddress, EMAIL]
"""

from collections.abc import Callable

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from common.people.emails import normalised_email
from common.people.errors import RuleError
from common.people.names import check_name
from common.people.phones import normalised_phone
from common.people.usernames import check_own_username, check_username


def _rule(check: Callable[[str], str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            return check(text)
        except RuleError as error:
            # A template of its own: the message may quote braces that the client wrote.
            raise PydanticCustomError(error.code, "{text}", {"text": str(error)}) from error

    return checked


EMAIL = AfterValidator(_rule(normalised_email))
PHONE = AfterValidator(_rule(normalised_phone))
PHONE_OR_EMPTY = AfterValidator(_rule(lambda text: normalised_phone(text) if text else ""))
NAME = AfterValidator(_rule(check_name))
USERNAME = AfterValidator(_rule(check_username))
OWN_USERNAME = AfterValidator(_rule(check_own_username))
