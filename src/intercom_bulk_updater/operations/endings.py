"""How the action on an item can end but by coming through: exceptions, of which each says what is known of its requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..api.messages import SentRequest
from ..errors import Skip

Json = Mapping[str, Any]


class PartiallyApplied(Exception):
    """An action broke off after a request that stands and must not be sent again; `cause` is what broke it off."""

    def __init__(self, cause: Exception, words: str) -> None:
        self.cause = cause
        self.words = words
        super().__init__(words)


class CannotApply(Exception):
    """The verb cannot be done to this item, for a reason of the item's own: it fails, and nothing was sent."""

    cause = "not possible for this item"


class SeenOtherwise(Exception):
    """The item is not as its before-image says, and not by a write of ours: it is taken up again as `payload` shows it.

    So the way back knows what was there: of an item that others created meanwhile, its fields, and not that it was missing.
    `left`: as that of NothingChanged.
    """

    cause = "changed meanwhile"

    def __init__(self, payload: Json, left: Json | None = None) -> None:
        self.payload = payload
        self.left = None if left is None else dict(left)
        super().__init__("it has changed since it was looked at")


class NothingChanged(Skip):
    """An operation saw that its own requests changed nothing: the item was as wanted before them.

    `left`: its after-image for the case that an earlier request of ours, whose answer was no word on it, has changed it.
    """

    def __init__(self, reason: str, left: Json | None = None) -> None:
        super().__init__(reason)
        self.left = None if left is None else dict(left)


class OutcomeUnknown(Exception):
    """An action ended without proof after write requests had left: whether their effect stands is not known.

    Parameters
    ----------
    cause:
        What the action raised, or why its return value proves nothing.
    sent:
        The write requests that were seen leaving, oldest first. A look at their effects may still decide (`effect_of`);
        without one the item is in doubt, never failed.
    returned:
        The action came to its end, so that the effect of its last request is the effect of the whole. False: it raised on
        its way, and that request need not be all of it.
    unseen:
        Where none was seen leaving: why one may have left all the same, in words.
    """

    def __init__(self, cause: Exception, sent: Sequence[SentRequest], *, returned: bool = True, unseen: str = "") -> None:
        self.cause = cause
        self.sent = tuple(sent)
        self.returned = returned
        self.unseen = unseen
        super().__init__(str(cause))
