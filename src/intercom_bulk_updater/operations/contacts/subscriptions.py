"""subscribe, unsubscribe: what contacts are sent of a subscription type.

To an opt-in type a contact is subscribed by attaching it. To an opt-out type everybody is subscribed who is not attached:
attaching opts out. The verbs say what the contact gets; which request that takes follows from the type.
API: https://developers.intercom.com/docs/references/rest-api/api.intercom.io/subscription-types/attachsubscriptiontypetocontact
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..operation import Json, Operation
from ..spec import Kind, Resolver, parameter
from .attached import Attached
from .whole import whole_ids


class _Subscription(Attached):
    fields = ("subscriptions",)

    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        subscription: str = parameter(Kind.NAMED, "The subscription type, by name or id.")

    def __init__(self, ids: Sequence[str], labels: Sequence[str] | None = None, opt_out: Sequence[str] = ()) -> None:
        super().__init__(ids, labels)
        self.opt_out = sorted(opt_out)

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        found = resolver.named("subscription", given["subscription"])
        consent = str(resolver.entry("subscription", found.id).get("consent_type") or "opt_in")
        label = f"{found.name} ({found.id}, {consent.replace('_', '-')})"
        return cls([found.id], [label], [found.id] if consent == "opt_out" else [])

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        called = {one: label for operation in several for one, label in operation.names.items()}
        opt_out = {one for operation in several if isinstance(operation, _Subscription) for one in operation.opt_out}
        made = cls(list(called), list(called.values()), sorted(opt_out))
        made.requests_per_item = max(one.requests_per_item for one in several)
        return made

    @property
    def parameters(self) -> dict[str, Any]:
        return {**super().parameters, "opt_out": self.opt_out}

    def image(self, payload: Json) -> dict[str, Any]:
        """See FieldsOperation. A contact carries what it has opted in to and out of in two lists."""
        found = [whole_ids(payload.get(f"opted_{way}_subscription_types")) for way in ("in", "out")]
        if None not in found:
            return {"subscriptions": sorted(one for ids in found for one in ids or ())}
        return super().image(payload)

    def target(self, before: Json) -> dict[str, Any]:
        attached = {one for one in self.ids if self.attach is not (one in self.opt_out)}
        return {"subscriptions": sorted(set(before.get("subscriptions", ())) - set(self.ids) | attached)}

    def body(self, one: str) -> dict[str, Any]:
        return {"id": one, "consent_type": "opt_out" if one in self.opt_out else "opt_in"}


class Subscribe(_Subscription):
    """Have the contact sent a subscription: opted in to an opt-in type, no longer opted out of an opt-out type."""

    name: ClassVar[str] = "subscribe"
    summary = "Subscribe contacts to a subscription type."
    past, unchanged, rank = "subscribed", "already subscribed", 11
    examples = (
        "--where 'tag = vip' --subscription Newsletter --dry-run",
        "--ids ids.txt --subscription 37846",
        "--csv sheet.csv --subscription '{{list}}'",
    )


class Unsubscribe(_Subscription):
    """Have the contact not sent a subscription: no longer opted in to an opt-in type, opted out of an opt-out type."""

    name: ClassVar[str] = "unsubscribe"
    summary = "Unsubscribe contacts from a subscription type."
    past, unchanged, rank = "unsubscribed", "not subscribed", 12
    examples = (
        "--ids ids.txt --subscription Newsletter --dry-run",
        "--where 'tag = vip' --subscription 37847",
        "--csv sheet.csv --subscription '{{list}}'",
    )
    attach = False
