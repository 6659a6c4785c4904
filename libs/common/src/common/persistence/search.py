"""Search without case and accents: the SQL function `search_text`, which `schema.create_text_functions` creates.

It does what the extension `unaccent` does for the scripts with letters and accents, and runs where no extension can be
installed. `Kahawa É`, `KAHAWA é` and `kahawa e` have the same search text; Arabic and Hebrew lose their vowel signs.
The marks of Indian scripts are vowels that words differ by: they stay.
"""

from collections.abc import Sequence


def contains(columns: Sequence[str], value: str) -> str:
    """The SQL condition that one of the columns contains the text of the parameter `value` (`$4`, `:search`).

    No LIKE: there is nothing to escape.
    """
    text = columns[0] if len(columns) == 1 else f"concat_ws(' ', {', '.join(columns)})"
    return f"strpos(search_text({text}), search_text({value})) > 0"
