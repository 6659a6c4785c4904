"""The import rules of a service, as a contract type of import-linter (`type = features` in `.importlinter`).

    app
    settings                      a service-level module sees the modules below it
    <features, from top to bottom; `a | b` are independent of each other>
    <service-level modules that features use>

- Inside a feature: `api | subscribers | jobs → usecases → store | providers → tables → domain`.
- Of another feature, only `usecases`, `domain` and `errors` are public. Use cases import those of features below, so
  that there is no circle; `api`, `subscribers` and `jobs`, which nothing imports, import those of any feature, and a
  domain, which imports no other file, may be imported by any feature.
- A `domain` imports the standard library, `common.{errors,money,contracts}`, and domains, errors and equally pure
  service-level modules of its service.
- `http_modules`, shared by routes, import what is public of every feature; only `api` files import them.
- `app` sees everything and is imported by nothing. Every module is listed, and a feature has only files named so.
"""

import sys
from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

FILE_LAYERS = ({"api", "subscribers", "jobs"}, {"usecases"}, {"store", "providers"}, {"tables"}, {"domain"})
TOP_FILES = ("api", "subscribers", "jobs")
PUBLIC_FILES = ("usecases", "domain", "errors")
PURE = ("common.errors", "common.money", "common.contracts")


class FeatureContract(Contract):
    type_name = "features"

    service = fields.StringField()
    layers = fields.ListField(subfield=fields.StringField())
    http_modules = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = [*self._unlisted(graph), *self._wrong_imports(graph)]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(line)

    @property
    def _name(self) -> str:
        return str(self.service)

    @property
    def _http(self) -> set[str]:
        return set(self.http_modules or ())  # type: ignore[arg-type]

    @property
    def _levels(self) -> dict[str, int]:
        """Top-level module of the service → its layer, counted from the top."""
        layers = [str(layer).split("|") for layer in self.layers]  # type: ignore[attr-defined]
        return {name.strip(): level for level, names in enumerate(layers) for name in names}

    def _unlisted(self, graph: ImportGraph) -> Iterator[str]:
        known = set().union(*FILE_LAYERS)
        for module in sorted(graph.find_children(self._name)):
            name = module.rpartition(".")[2]
            if name not in self._levels and name not in self._http:
                yield f"{module} is not listed"
            elif self._is_feature(graph, module):
                for file in sorted(graph.find_children(module)):
                    if file.rpartition(".")[2] not in known:
                        yield f"{file}: a feature has no such file"

    @staticmethod
    def _is_feature(graph: ImportGraph, module: str) -> bool:
        files = {child.rpartition(".")[2] for child in graph.find_children(module)}
        return bool(files & {"api", "usecases", "store", "subscribers", "domain"})

    def _wrong_imports(self, graph: ImportGraph) -> Iterator[str]:
        for importer in sorted(graph.find_descendants(self._name)):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if problem := self._problem(graph, importer, imported):
                    yield f"{importer} -> {imported}: {problem}"

    def _problem(self, graph: ImportGraph, importer: str, imported: str) -> str | None:
        source, target = importer.split("."), imported.split(".")
        is_feature = self._is_feature(graph, ".".join(source[:2]))
        if is_feature and _file(source) == "domain" and not self._is_pure(graph, source, target):
            return "a domain is pure"
        if target[0] != self._name or source[1:2] == ["app"]:
            return None
        if target[1] in self._http:
            return None if _file(source) == "api" or source[1] in self._http else f"{target[1]} is for routes only"
        if source[1] in self._http:
            return self._public_problem(graph, target)
        if source[1] == target[1]:
            return _file_problem(source, target) if is_feature else None
        if is_feature and (problem := self._public_problem(graph, target)):
            return problem
        is_unordered = is_feature and (_file(source) in TOP_FILES or _file(target) == "domain")
        if self._levels.get(source[1], 0) >= self._levels.get(target[1], 0) and not is_unordered:
            return f"{target[1]} is not below {source[1]}"
        return None

    def _public_problem(self, graph: ImportGraph, target: list[str]) -> str | None:
        if self._is_feature(graph, ".".join(target[:2])) and _file(target) not in PUBLIC_FILES:
            return f"of another feature, only {', '.join(PUBLIC_FILES)} are public"
        return None

    def _is_pure(self, graph: ImportGraph, source: list[str], target: list[str]) -> bool:
        """Whether a domain may import the target: no I/O, no framework, directly or through a module of the service."""
        if target[0] in sys.stdlib_module_names or any(".".join(target).startswith(name) for name in PURE):
            return True
        if target[0] != self._name:
            return False
        if _file(target) == "domain" or source[1:3] == target[1:3]:
            return True
        is_module_of_service = len(target) == 2 and not self._is_feature(graph, ".".join(target))
        imports = graph.find_modules_directly_imported_by(".".join(target))
        return is_module_of_service and all(self._is_pure(graph, target, name.split(".")) for name in imports)


def _file(module: list[str]) -> str:
    return module[2] if len(module) > 2 else ""


def _file_problem(source: list[str], target: list[str]) -> str | None:
    if not _file(source) or not _file(target) or _file(source) == _file(target):
        return None
    layers = {name: level for level, names in enumerate(FILE_LAYERS) for name in names}
    if layers.get(_file(source), 0) >= layers.get(_file(target), 0):
        return f"{_file(target)} is not below {_file(source)}"
    return None
