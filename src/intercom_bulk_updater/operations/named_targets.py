"""What verbs that name other items have in common: what is merged into, what is linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .operation import Operation


class NamedTargets(Operation):
    """Knows what people call the items that it names: `called`, by their ids: {"6762f0d5": "Ann Berg (6762f0d5)"}."""

    called: dict[str, str]

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """See Operation. The names of all that the rows name."""
        called = {one: said for operation in several for one, said in operation.names.items()}
        return cls(**{**several[0].parameters, "called": called})

    @property
    def names(self) -> Mapping[str, str]:
        return self.called
