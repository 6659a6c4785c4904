"""Patches modules when they are imported, so that every importer of a name gets the patched one."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Patch = Callable[[ModuleType], None]


class Patching(MetaPathFinder):
    """A finder that delegates to the others and patches some modules."""

    def __init__(self, patches: Mapping[str, Patch]) -> None:
        self._patches = patches

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._patches:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((found for found in specs if found is not None), None)
        if spec is not None and spec.loader is not None:
            self._extend(spec, self._patches[fullname])
        return spec

    def _extend(self, spec: ModuleSpec, patch: Patch) -> None:
        loader = spec.loader
        assert loader is not None
        execute = loader.exec_module

        def execute_and_patch(module: ModuleType) -> None:
            execute(module)
            patch(module)

        # A loader belongs to one module.
        loader.exec_module = execute_and_patch  # type: ignore[method-assign]


def install(patches: Mapping[str, Patch]) -> None:
    """Call before any of the modules is imported."""
    late = [name for name in patches if name in sys.modules]
    if late:
        raise RuntimeError(f"imported too early to be patched: {late}")
    sys.meta_path.insert(0, Patching(patches))
