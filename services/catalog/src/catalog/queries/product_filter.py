"""Which products a list holds, and in which order, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Ordering = Literal["price", "-price", "title", "-title", "created_at", "-created_at"]

ORDERINGS: dict[Ordering, str] = {
    "price": "p.final_amount, p.id",
    "-price": "p.final_amount DESC, p.id DESC",
    "title": "p.title, p.id",
    "-title": "p.title DESC, p.id DESC",
    "created_at": "p.created_at, p.id",
    "-created_at": "p.created_at DESC, p.id DESC",
}
NEWEST = ORDERINGS["-created_at"]

RANKED = 1000
"""How many matches of a search are put into the order of their relevance, newest first: a word that half the shop
has in its names would else have half the shop ranked for each page. What comes after them comes by age."""

# Every word of the search must begin a word of the product. The text form of a tsquery quotes its words, so that
# marking each as a prefix cannot be fooled by what was typed.
TSQUERY = "(replace(nullif(plainto_tsquery('simple', {0})::text, ''), ''' & ''', ''':* & ''') || ':*')::tsquery"
IN_STOCK = "EXISTS (SELECT FROM stock s WHERE s.product_id = p.id AND s.available > 0)"


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """What to list; None does not ask. Prices are final prices in minor units, `category` an id or a slug."""

    category: UUID | str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    is_featured: bool | None = None
    search: str | None = None
    include_inactive: bool = False


@dataclass(slots=True)
class Selection:
    """Conditions on `product p` with their values for $1, $2, …, and an order. `rank` is how well a product matches."""

    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    order: str = NEWEST
    rank: str | None = None

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions)

    def place(self, value: object) -> str:
        """Adds a value; its `$n`."""
        self.values.append(value)
        return f"${len(self.values)}"

    def rows(self, limit: int, offset: int) -> tuple[str, str]:
        """The products of one page, and their order."""
        ranked = RANKED // limit * limit
        # Only constants of this module, $n and whole numbers are put in.
        if self.rank is None or offset >= ranked:
            found, order = f"product p WHERE {self.where}", self.order
        else:
            newest = f"SELECT p.* FROM product p WHERE {self.where} ORDER BY {NEWEST} LIMIT {ranked}"  # noqa: S608
            found, order = f"({newest}) p", f"{self.rank} DESC, {NEWEST}"
        return f"SELECT p.* FROM {found} ORDER BY {order} LIMIT {limit} OFFSET {offset}", order  # noqa: S608


def selection_of(wanted: ProductFilter, branch: Sequence[UUID] | None, ordering: Ordering | None) -> Selection:
    """`branch` are the ids of the wanted category and of those below it."""
    chosen = Selection(["p.deleted_at IS NULL"])
    if not wanted.include_inactive:
        chosen.conditions.append("p.is_active")
    if branch is not None:
        chosen.conditions.append(_one_of("p.category_id", branch, chosen))
    if wanted.min_price is not None:
        chosen.conditions.append(f"p.final_amount >= {chosen.place(wanted.min_price)}")
    if wanted.max_price is not None:
        chosen.conditions.append(f"p.final_amount <= {chosen.place(wanted.max_price)}")
    if wanted.in_stock is not None:
        chosen.conditions.append(IN_STOCK if wanted.in_stock else f"NOT {IN_STOCK}")
    if wanted.is_featured is not None:
        chosen.conditions.append("p.is_featured" if wanted.is_featured else "NOT p.is_featured")
    if wanted.search:
        query = TSQUERY.format(chosen.place(wanted.search))
        chosen.conditions.append(f"p.search @@ {query}")
        chosen.rank = None if ordering else f"ts_rank(p.search, {query})"
    if ordering:
        chosen.order = ORDERINGS[ordering]
    return chosen


def _one_of(column: str, values: Sequence[UUID], chosen: Selection) -> str:
    """One value is compared with `=`: an index then gives its rows in order."""
    if len(values) == 1:
        return f"{column} = {chosen.place(values[0])}"
    return f"{column} = ANY({chosen.place(list(values))})"
