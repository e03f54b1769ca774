"""Whether a message of an action repeats an earlier one of it, whatever form it is given the second time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .effects import PARTS, effect_of, find_message, parts_of, same_text
from .messages import SentRequest, bare


def concern_same(one: SentRequest, other: SentRequest) -> bool:
    """Whether two requests are to the same item; of those that name none, whether their paths are the same."""
    return bare(one.path) == bare(other.path) or (_item(one) != "" and _item(one) == _item(other))


def _item(sent: SentRequest) -> str:
    effect = effect_of(sent)
    return effect.read if effect is not None else ""


def says_no_more(again: SentRequest, first: SentRequest) -> bool:
    """Whether all of a message was in an earlier one too: the same words, and no key that the earlier one had not."""
    new, old = again.json, first.json
    if (again.method, bare(again.path)) != (first.method, bare(first.path)) or new is None:
        return False
    if new == old or not (isinstance(new, dict) and isinstance(old, dict) and "body" in new):
        return bool(new == old)
    return same_text(old, new) and all(not value or str(value) == str(old.get(name)) for name, value in new.items() if name != "body")


def without(shown: Mapping[str, Any], messages: Iterable[SentRequest], since: float) -> Mapping[str, Any]:
    """An item as it would be shown without messages that are known to stand in it: what else its author has added is in question."""
    for one in messages:
        part = find_message(shown, one.json, since) if isinstance(one.json, dict) else None
        for name in PARTS if part is not None else ():
            held = shown.get(name)
            if isinstance(held, Mapping):
                rest, total = [other for other in parts_of(shown) or () if other is not part], held.get("total_count")
                shown = {**shown, name: {**held, name: rest, "total_count": total - 1 if isinstance(total, int) else total}}
    return shown
