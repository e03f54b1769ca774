"""Operation: what is done to one item. It knows nothing of threads, searches, journals or runs.

The command pairs any operation with any selection; `IntercomBulkUpdater` (updater.py) binds both for Python users. One
engine runs them all, and everything a run can do (dry run, drift, canary, verify, undo, read-back after a lost answer) is
built on the few methods below. `Operation.perform` is step 7 of the life of an item (docs/explanation/life-of-an-item.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..api.client import Client
from ..api.messages import SentRequest
from ..model import Item, Reversibility
from .field_values import Label
from .spec import Kind, NoParameters, Resolver, message, parameters_of

Json = Mapping[str, Any]
Change = dict[str, tuple[Any, Any]]
"""Field → (before, after); the empty dict says that the item already is as wanted."""
SeenRequests = Mapping[str, Callable[[Json], bool]]
"""A request, as it ends behind the item's id ("POST reply") → whether customers see it, by its body."""


class Operation(ABC):
    """What is done to one item. Safe to share between threads: instances hold parameters, never the state of an item.

    Attributes
    ----------
    name, resource:
        The verb, as the command has it, and what it is done to: "conversations", "contacts", ...
    summary:
        What the verb does, in a sentence for its help; "" for an operation that no person names (an undo).
    past, unchanged, lead:
        What was done ("closed"), what an item is that needed nothing ("already closed"), and how a sentence begins that names
        its items ("Reply to"); the verb with a capital by default.
    examples, rank:
        Three ways to use it, as typed behind the verb; and its place in the help of its resource, where lower comes first.
    Parameters:
        What it takes (spec.py); `resolve` turns what was typed into the operation.
    reversibility, side_effects:
        What undo can take back, and what no undo takes back, in a sentence for people; "" for none.
    way_back:
        What undo does, where the reversibility does not say it: "archives what was created"; "" elsewhere.
    not_shown:
        What Intercom does not show of an item, in a sentence, so that a preview counts what may be as wanted already.
    moves_updated_at:
        Whether the change shows in the item's `updated_at`, so that an older one says that others had changed it before.
    customer_visible:
        Whether a customer sees something (asks for --customer-visible). None: not declared, by a person's updater.
    idempotent:
        Whether doing it twice ends in the same state. None: not declared; judged by the request that was sent.
    fields:
        The fields it touches; the before-image holds just these.
    requests_per_item:
        Write requests for one item, for estimates; for one batch, where `batch_size` is more than 1.
    batch_size:
        How many items `perform_batch` takes at most: where the API acts on several with one request.
    rows_add_up:
        Whether several rows of a spreadsheet for one item add up to one operation, that of `covering`.
    appends:
        Whether it adds something to the item (a message) instead of bringing fields to a state: then nothing is "already so".
    """

    name: ClassVar[str] = ""
    resource: ClassVar[str] = ""
    targets: ClassVar[Mapping[str, str]] = {}
    """Parameters that name another item, and what that is: {"into": "contacts"}."""
    summary: ClassVar[str] = ""
    past: ClassVar[str] = "done"
    unchanged: ClassVar[str] = "unchanged"
    lead: ClassVar[str] = ""
    examples: ClassVar[tuple[str, ...]] = ()
    rank: ClassVar[int] = 100
    seen_with: ClassVar[str] = ""
    """With which of its parameters customers see something of it, where they do not without: "--body"."""
    seen_requests: ClassVar[SeenRequests] = {}
    """Its requests of which customers may see something: {"POST reply": lambda body: body.get("message_type") != "note"}.
    One that a person writes by hand is judged by it, too."""
    final_requests: ClassVar[tuple[str, ...]] = ()
    """Its requests that no request takes back, beside each DELETE: ("POST contacts/*/block",). Asked as `seen_requests` are."""
    also_changes: ClassVar[tuple[str, ...]] = ()
    """What else people would call a field that it changes: merging a lead makes it a user, so "role"."""
    keys: ClassVar[tuple[str, ...]] = ()
    """What its items go by instead of Intercom's id: they are the rows of a spreadsheet, and its --id-column is one of these."""
    Parameters: ClassVar[type] = NoParameters
    rows_add_up: bool = False
    reversibility: Reversibility = Reversibility.IRREVERSIBLE
    side_effects: str = ""
    way_back: str = ""
    not_shown: str = ""
    moves_updated_at: bool = True
    customer_visible: bool | None = False
    idempotent: bool | None = None
    fields: tuple[str, ...] = ()
    requests_per_item: int = 1
    batch_size: int = 1

    @property
    def known_requests(self) -> int | None:
        """How many write requests an item takes, as far as is known; None when nothing tells yet."""
        return self.requests_per_item

    def requests_for(self, item: Item) -> int:
        """Write requests that this item takes, as far as it shows: for estimates."""
        return self.requests_per_item

    @property
    def whole_takes_more(self) -> bool:
        """Whether reading an item whole may take more requests than the one that reads it (the notes of a contact)."""
        return False

    @property
    def only_reads(self) -> bool:
        """Whether it leaves Intercom as it is, so that nobody has to be asked."""
        return self.reversibility is Reversibility.READS

    appends: bool = False
    own_change_only: bool = False
    """Whether an item that somebody else has already brought to the wanted state counts as drifted (undo), not as already so."""
    reads_back: bool = True
    """Whether `read` and `stands` can tell that it was done."""
    takes_effect_later: bool = False
    """Whether Intercom carries it out some time after it has accepted it: where a read-back does not tell, it looks again."""
    leaves_files: ClassVar[bool] = False
    """Whether what it leaves of an item is a file of its own: then a resume calls `drop_lost`."""
    sees_effect: bool = False
    """Whether `perform` itself sees that its writes took effect, also where an answer does not show it."""

    @property
    def backs_up(self) -> bool:
        """Whether each item is kept whole before its first write (`--backup`): where there is no way back."""
        return self.reversibility is Reversibility.IRREVERSIBLE

    @classmethod
    def resolve(cls, given: Mapping[str, Any], resolver: Resolver) -> Operation:
        """The operation of what was typed for `Parameters`, by the same names. Raises UsageError, naming what is wrong."""
        made: dict[str, Any] = {}
        for one in parameters_of(cls.Parameters):
            value = given[one.name]
            if value is not None and one.kind is Kind.MOMENT:
                value = resolver.moment(value)
            elif one.kind is Kind.MESSAGE and (value is not None or one.required):
                value = message(value, cls.name, cls.resource)
            elif one.kind is Kind.VALUES:
                value = resolver.values(cls.resource, value)
            if value is not None:
                made[one.name] = value
        return cls(**made)

    @classmethod
    def command_examples(cls) -> Iterator[str]:
        """The examples as whole commands."""
        return (f"intercom-bulk {cls.resource} {cls.name} {words}" for words in cls.examples)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the operation was given, JSON-able: enough to build it again (registry.py)."""
        return {}

    def describe(self) -> str:
        """What it does, in words, for people: "close", "assign to team Billing (5002)"."""
        return self.name

    @property
    def names(self) -> Mapping[str, str]:
        """What the ids in its changes are called, for people: {"7004": "incident (7004)"}."""
        return {}

    @classmethod
    def covering(cls, several: Sequence[Operation]) -> Operation:
        """One operation that stands for several of its kind, which differ in their parameters (a row of a sheet each)."""
        return several[0]

    # -- getting ready ----------------------------------------------------------------------------------------------

    @property
    def prepares(self) -> bool:
        """Whether something must be made before the first write, such as a tag."""
        return False

    def prepare(self, client: Client) -> None:  # noqa: B027 - most need nothing
        """Make it; `parameters` may be others afterwards.

        Called once there is an item to act on, the guards let the run through and the person said yes; never for a dry run or a plan.
        """

    @property
    def prepared(self) -> dict[str, Any]:
        """Parameters that `prepare` has found, for all operations that this one stands for."""
        return {}

    def late_writes(self, since: float) -> Mapping[str, str]:
        """What threads of this process sent since then (unix s) when no action had it in hand, in words, by each name in its path."""
        return {}

    def count_late(self, since: float) -> int:
        """How many those are."""
        return 0

    def may_send_late(self) -> bool:
        """Whether a thread of this process is at work that an action may have given something to send."""
        return False

    # -- looking ----------------------------------------------------------------------------------------------------

    def capture(self, payload: Json) -> dict[str, Any] | None:
        """The before-image: the touched fields of an item as a search or a GET gave it. None: not known to the operation."""
        return None

    def shown(self, payload: Json) -> dict[str, Any] | None:
        """The touched fields as a payload shows them; None where it shows none. A before-image may hold what is assumed, too."""
        return self.capture(payload)

    def assumes(self, item: Item) -> bool:
        """Whether a before-image holds what is only assumed, and so does not tell that the item was otherwise."""
        return bool(self.not_shown)

    @classmethod
    def not_known(cls, before: Json) -> tuple[str, ...]:
        """The fields of which its images, this before-image and what followed, hold only what is assumed: no account tells them."""
        return ()

    def change(self, item: Item) -> Change | None:
        """What acting would change; {} when the item already is as wanted, None when it cannot be told."""
        return None

    def impossible(self, item: Item) -> str:
        """Why it cannot be done to the item, told by its before-image, in words; "" where nothing speaks against it."""
        return ""

    def hides(self, payload: Json) -> str:
        """Why it cannot be done to an item that a GET shows so, as it lacks what tells what there is to do; "" where nothing is lacking."""
        return ""

    def read(self, client: Client, item_id: str) -> Json | None:
        """GET the item; None when the operation does not know how. Raises NotFound for one that is gone."""
        return None

    def reread(self, client: Client, item: Item) -> Json | None:
        """GET an item to compare it with its before-image."""
        return self.read(client, item.id)

    def whole(self, client: Client, item: Json) -> Json:
        """The item with all that belongs to it, for a backup or an export; `item` is what a GET gave."""
        return item

    def stands(self, payload: Json, item: Item, *, since: float, client: Client) -> bool | None:
        """Whether the effect is there. `since` is server time (unix s) before the first send. None: cannot be told."""
        return None

    def asks(self, item: Item) -> SentRequest | None:
        """The one request that an item takes, where it is known beforehand and a look is to go by it."""
        return None

    def not_written(self, payload: Json, item: Item) -> str:
        """What of an item does not stand, in words; "" where the fields that it shows say so."""
        return ""

    def drop_lost(self, item_id: str, after: Json) -> bool:
        """Whether the file of an item that is done is gone or cut, so that it has to be done again; a cut one is removed."""
        return False

    def is_doubted(self, payload: Json) -> bool:
        """Whether something speaks against an item, as it was read, of which nothing tells whether it stands: a search finds it still."""
        return False

    def why_unverifiable(self) -> str:
        """The reason, where `read` or `stands` tells nothing."""
        return f"{self.describe()}: nothing that Intercom answers tells whether it stands"

    def drift(self, payload: Json, item: Item) -> str:
        """Why the item is no longer as `item.before` says, in words; "" when it is."""
        return ""

    def left_to_do(self, payload: Json, item: Item) -> dict[str, Any] | None:
        """The before-image of an item of which others have done a part since; None where all of it is still to be done."""
        return None

    def touched(self, payload: Json, item: Item) -> str:
        """Who has been at the item since the plan was made (`data["as_of"]`, unix s), in words; "" for nobody, or not known."""
        return ""

    def others_first(self, payload: Json, since: float, client: Client) -> str:
        """Who had made the item so before our write (it left at `since`), as far as it tells; "" for nobody, or not known."""
        return ""

    def left(self, payload: Json, item: Item, *, since: float, client: Client) -> dict[str, Any] | None:
        """The after-image of an item whose answer was lost and whose effect was read back in `payload`."""
        return self.capture(payload)

    # -- the text that somebody reads ----------------------------------------------------------------------------------

    label: Label | None = None
    """What a team or an admin with an id is called, as far as the run has asked; it asks nothing itself."""
    earlier: Callable[[str], Iterable[tuple[str, Json]]] | None = None
    """The runs that did an item (by Intercom's id) before, newest first, each with what it left; as far as the journal goes back."""
    planned: float | None = None
    """When the plan was begun that it is looked at for (unix s, the server's clock); None where it is for none."""
    again: bool = False
    """Whether it may write what an earlier run has written to the same item."""

    @property
    def writes_text(self) -> bool:
        """Whether it writes a text."""
        return False

    @property
    def message_fields(self) -> Sequence[str]:
        """The fields that its message names: "contact.first_name". What they hold is known before the first write."""
        return ()

    def read_message_fields(self, client: Client, items: Sequence[Item]) -> list[Mapping[str, Any]]:
        """What these fields hold, for each of these items."""
        return [{} for _ in items]

    def message(self, item: Item) -> str:
        """The text as the item gets it; "" for none. Raises EmptyField for a place that nothing fills."""
        return ""

    def shows(self, item: Item) -> bool:
        """Whether customers see what it does to this item, of a verb that is `customer_visible`."""
        return True

    def text(self, item: Item) -> str:
        """The text that somebody reads, by which a repetition is known; `message` shows it."""
        return self.message(item)

    signs: bool = False
    """Whether it writes in the name of the run's teammate, who has to be there."""

    def remark(self, item: Item) -> str:
        """What there is to say of an item that is done, such as that it got no text; "" for nothing."""
        return ""

    @property
    def wanted_filters(self) -> Sequence[dict[str, Any]]:
        """What an item has that is as wanted, as filters of a search; () where no search tells."""
        return ()

    def look_at_many(self, client: Client, items: Sequence[Item]) -> Mapping[str, Json]:
        """Some of these items by their ids, as a search shows them; {} where there is none."""
        return {}

    @property
    def may_be_taken(self) -> bool:
        """Whether `taken` has anything to ask: it takes a request for 150 items."""
        return False

    def taken(self, client: Client, wanted: Sequence[tuple[Item, Change]], had: dict[Any, Any]) -> Mapping[int, str]:
        """For a dry run: why Intercom would refuse some of these changes, by `seq`, for what another item has already, or gets.

        `had`: what it keeps of the items before these; empty for the first.
        """
        return {}

    # -- acting -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def perform(self, client: Client, item: Item, now: Json | None = None) -> dict[str, Any] | None:
        """Send the write requests; returns the after-image (None: nothing to say). `now`: the item, if just read. Skip, StopRun steer."""

    def perform_batch(self, client: Client, items: Sequence[Item]) -> Sequence[dict[str, Any] | Exception | None]:
        """Do it to several items with one request; for operations whose `batch_size` is more than 1.

        Returns for each item, in their order, its after-image (None: nothing to say), or what `perform` would have raised for
        it: `NotFound` for an id that is named as missing, `OutcomeUnknown` for one that the answer leaves open. Raises where the
        request was refused (its items are then done one by one: a bad one fails alone) or its answer was lost (they are looked at).
        """
        raise NotImplementedError(f"{type(self).__name__} acts on one item at a time")

    # -- the way back -----------------------------------------------------------------------------------------------

    def undone_id(self, item_id: str, after: Json) -> str:
        """The id by which the way back knows an item that this has left as `after`."""
        return item_id

    def inverse(self) -> Operation | None:
        """The operation whose items are (before → what this one left): restores the touched fields. None: no way back."""
        return None

    def why_no_undo(self) -> str:
        """The reason, when `inverse` is None."""
        return f"{self.name!r} has no inverse"
