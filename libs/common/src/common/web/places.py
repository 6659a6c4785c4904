"""Countries (ISO 3166-1 alpha-2) and languages (BCP 47 over ISO 639) as annotations of request fields.

    country: Annotated[fields.CountryCode, COUNTRY]

The lists are those of pycountry, which follows the standards; they are read on first use (0.1 s for the languages).
"""

import re
from functools import cache

import pycountry
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[0-9][a-z0-9]{3}|[a-z0-9]{5,8}))*(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*)",
    re.IGNORECASE | re.ASCII,
)
FORMER_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi"}
"""Withdrawn codes that old Android and Java still send."""
_AREAS = (1, 2, 3, 5, 9, 11, 13, 14, 15, 17, 18, 19, 21, 29, 30, 34, 35, 39, 53, 54, 57, 61, 142, 143, 145, 150, 151)
AREAS = frozenset(f"{area:03}" for area in (*_AREAS, 154, 155, 202, 419))
"""UN M.49 codes of areas larger than a country: `es-419` is the Spanish of Latin America."""


def country_code(text: str) -> str:
    """The code in capitals. Raises ValueError, which names the code of a country that is given by its name."""
    code = text.strip().upper()
    if code in _countries():
        return code
    try:
        meant = pycountry.countries.lookup(text.strip()).alpha_2
    except LookupError:
        raise ValueError("This is not an ISO 3166-1 alpha-2 code of a country, such as TZ") from None
    raise ValueError(f"The ISO 3166-1 alpha-2 code of this country is {meant}")


def language_tag(text: str) -> str:
    """The tag in the usual case (`sw`, `zh-Hant-TW`), a language with two letters by those. Raises ValueError."""
    found = TAG.fullmatch(text.strip())
    language = _languages().get(found["language"].lower()) if found else None
    if found is None or language is None:
        raise ValueError("This is not a BCP 47 language tag, such as sw or pt-BR")
    script, region = found["script"], found["region"]
    if script and script.title() not in _scripts():
        raise ValueError(f"{script} is not an ISO 15924 script")
    if region and region.upper() not in _countries() | AREAS:
        raise ValueError(f"{region} is not an ISO 3166-1 country or UN M.49 area")
    parts = [language, script and script.title(), region and region.upper()]
    return "-".join(part for part in parts if part) + found["rest"].lower()


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def _scripts() -> frozenset[str]:
    return frozenset(script.alpha_4 for script in pycountry.scripts)


@cache
def _languages() -> dict[str, str]:
    """Codes of ISO 639 with two and three letters → the shortest code of the language."""
    known = {language.alpha_3: getattr(language, "alpha_2", language.alpha_3) for language in pycountry.languages}
    return known | {code: code for code in known.values()} | FORMER_LANGUAGES


def _country(text: str) -> str:
    try:
        return country_code(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_country", "{text}", {"text": str(error)}) from error


def _language(text: str) -> str:
    try:
        return language_tag(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_language", "{text}", {"text": str(error)}) from error


COUNTRY = AfterValidator(_country)
LANGUAGE = AfterValidator(_language)
