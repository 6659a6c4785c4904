"""The import rules of a service find every import that breaks them, and no other."""

from typing import Any

import pytest
from grimp import ImportGraph

from tests.architecture.feature_contract import FeatureContract

MODULES = (
    "shop.app",
    "shop.settings",
    "shop.errors",
    "shop.slugs",
    "shop.dependencies",
    *(f"shop.carts.{file}" for file in ("api", "usecases", "store", "tables", "domain")),
    *(f"shop.prices.{file}" for file in ("subscribers", "usecases", "store", "domain")),
)


def problems(*imports: tuple[str, str], extra: str | None = None) -> list[str]:
    graph = ImportGraph()
    for module in {"shop", "shop.carts", "shop.prices", *MODULES, *([extra] if extra else [])}:
        graph.add_module(module)
    for importer, imported in imports:
        if imported not in graph.modules:
            graph.add_module(imported, is_squashed=True)
        graph.add_import(importer=importer, imported=imported)
    options: dict[str, Any] = {
        "service": "shop",
        "layers": ["app", "settings", "carts", "prices", "slugs", "errors"],
        "http_modules": ["dependencies"],
    }
    contract = FeatureContract("The features of shop", {"root_packages": ["shop"]}, options)
    broken: list[str] = contract.check(graph, verbose=False).metadata["broken"]
    return broken


def test_imports_that_go_down_are_allowed() -> None:
    assert (
        problems(
            ("shop.app", "shop.carts.api"),
            ("shop.carts.api", "shop.carts.usecases"),
            ("shop.carts.usecases", "shop.carts.store"),
            ("shop.carts.store", "shop.carts.tables"),
            ("shop.carts.usecases", "shop.prices.usecases"),
            ("shop.carts.domain", "shop.prices.domain"),
            ("shop.carts.domain", "shop.errors"),
            ("shop.carts.domain", "dataclasses"),
            ("shop.carts.domain", "common.money"),
            ("shop.carts.domain", "shop.slugs"),
            ("shop.carts.tables", "shop.carts.domain"),
            ("shop.prices.subscribers", "shop.carts.usecases"),
            ("shop.prices.usecases", "shop.carts.domain"),
            ("shop.carts.api", "shop.dependencies"),
            ("shop.dependencies", "shop.prices.usecases"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("importer", "imported", "problem"),
    [
        ("shop.carts.usecases", "shop.carts.api", "api is not below usecases"),
        ("shop.carts.domain", "shop.carts.store", "a domain is pure"),
        ("shop.carts.domain", "sqlalchemy", "a domain is pure"),
        ("shop.carts.domain", "common.persistence", "a domain is pure"),
        ("shop.carts.store", "shop.prices.store", "of another feature, only usecases, domain, errors are public"),
        ("shop.prices.usecases", "shop.carts.usecases", "carts is not below prices"),
        ("shop.carts.usecases", "shop.settings", "settings is not below carts"),
        ("shop.carts.store", "shop.app", "app is not below carts"),
        ("shop.carts.usecases", "shop.dependencies", "dependencies is for routes only"),
        ("shop.dependencies", "shop.prices.store", "of another feature, only usecases, domain, errors are public"),
    ],
)
def test_an_import_that_breaks_a_rule_is_named(importer: str, imported: str, problem: str) -> None:
    assert problems((importer, imported)) == [f"{importer} -> {imported}: {problem}"]


def test_a_service_level_module_with_io_is_not_for_a_domain() -> None:
    assert problems(("shop.slugs", "asyncpg"), ("shop.carts.domain", "shop.slugs")) == [
        "shop.carts.domain -> shop.slugs: a domain is pure"
    ]


def test_an_unlisted_module_and_an_unknown_file_are_named() -> None:
    assert problems(extra="shop.helpers") == ["shop.helpers is not listed"]
    assert problems(extra="shop.carts.utils") == ["shop.carts.utils: a feature has no such file"]
