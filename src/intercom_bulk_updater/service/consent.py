"""The words more that some operations ask for: that customers see it, that nothing brings it back."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SafetyStop, UsageError
from ..model import Reversibility
from ..operations.operation import Operation
from ..parsing.plain_value import plain
from ..runs.options import Options


def needed(operation: Operation) -> list[str]:
    """Which words of Consent an operation asks for: `["customer_visible"]`."""
    asked = {"customer_visible": operation.customer_visible, "irreversible": operation.reversibility is Reversibility.IRREVERSIBLE}
    return [word for word, needs in asked.items() if needs]


@dataclass(frozen=True, slots=True)
class Consent:
    """What a caller has agreed to."""

    customer_visible: bool = False
    irreversible: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what is neither True nor False: `"no"` is no consent."""
        for word in ("customer_visible", "irreversible"):
            given = plain(getattr(self, word))
            if not isinstance(given, bool):
                raise UsageError(f"{word} must be True or False, and is {given!r}")

    def check(self, operation: Operation, options: Options) -> None:
        """Raises SafetyStop for an operation that goes further than was agreed to."""
        word = options.word
        lacking = [one for one in needed(operation) if not getattr(self, one)]
        if "customer_visible" in lacking:
            raise SafetyStop(
                f"Customers will see this ({operation.describe()}). Look first with {word('dry_run', True)}; then say "
                f"{word('customer_visible', True)}."
            )
        if "irreversible" in lacking:
            kept = "" if operation.backs_up else " and no backup, for nothing shows its items by themselves"
            raise SafetyStop(
                f"There is no way back from this ({operation.describe()}){kept}. Say {word('irreversible', True)} if you mean it."
            )
