"""Every public method is documented, where it is declared or in the class that it comes from: a help window shows the one or the other."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import intercom_bulk_updater
import intercom_sandbox


def undocumented(cls: type) -> list[str]:
    """The public methods and properties of a class of which nothing is said."""
    declared = [name for name, value in vars(cls).items() if inspect.isroutine(value) or isinstance(value, property)]
    return [name for name in declared if not name.startswith("_") and not inspect.getdoc(getattr(cls, name))]


def public_classes(package: object) -> Iterator[type]:
    """The public classes of all modules below a package."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            found = vars(importlib.import_module(module.name)).values()
            classes = (one for one in found if inspect.isclass(one) and one.__module__ == module.name)
            yield from (one for one in classes if not one.__name__.startswith("_"))


@pytest.mark.parametrize("package", [intercom_bulk_updater, intercom_sandbox])
def test_every_public_method_has_a_docstring_own_or_inherited(package: object) -> None:
    """Of each public class, every public method and property is documented, itself or where it is declared first."""
    classes = list(public_classes(package))
    assert len(classes) > 30
    assert {f"{one.__module__}.{one.__name__}": lacking for one in classes if (lacking := undocumented(one))} == {}


class Above:
    def said(self) -> None:
        """What it does."""


class Below(Above):
    def said(self) -> None:
        return None

    def unsaid(self) -> None:
        return None

    @property
    def untold(self) -> None:
        return None


def test_what_is_said_nowhere_is_found() -> None:
    """A method without a word is found; one whose words stand in the class above is not."""
    assert undocumented(Below) == ["unsaid", "untold"]
