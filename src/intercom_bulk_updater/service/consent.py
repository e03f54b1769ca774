"""The words more that some operations ask for: that customers see it, that nothing brings it back."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SafetyStop
from ..model import Reversibility
from ..operations.operation import Operation
from ..runs.options import Options


@dataclass(frozen=True, slots=True)
class Consent:
    """What a caller has agreed to."""

    customer_visible: bool = False
    irreversible: bool = False

    def check(self, operation: Operation, options: Options) -> None:
        """Raises SafetyStop for an operation that goes further than was agreed to."""
        word = options.word
        if operation.customer_visible and not self.customer_visible:
            raise SafetyStop(
                f"Customers will see this ({operation.describe()}). Look first with {word('dry_run', True)}; then say "
                f"{word('customer_visible', True)}."
            )
        if operation.reversibility is Reversibility.IRREVERSIBLE and not self.irreversible:
            raise SafetyStop(
                f"There is no way back from this ({operation.describe()}). Say {word('irreversible', True)} if you mean it."
            )
