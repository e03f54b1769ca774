"""`intercom-bulk operations check`: what a run relies on, tried with somebody's own code against the built-in sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..api.effects import effect_of
from ..api.messages import Exchange, SentRequest
from ..errors import IntercomBulkError, SafetyStop, UpdaterFailed, UsageError, VerificationFailed
from ..operations.operation import Operation
from ..operations.registry import operation_class
from ..operations.resource import resources
from ..operations.spec import Kind, parameters_of
from ..parsing.dates import parse_instant
from ..parsing.finite import finite_json
from ..report.formatting import plural
from ..runs.options import Options
from ..service.consent import Consent
from ..service.library import runs
from ..service.run import BulkResult, carry_out
from ..service.selection import Selection
from ..service.verbs import Request, VerbRequest
from ..service.workspace import Workspace
from ..stop import Stop
from ..updaters.arguments import named
from ..updaters.calls import endpoint_of
from ..updaters.coercion import annotated
from ..updaters.function import updater_of
from ..updaters.loading import load_class, made
from ..updaters.request import UpdaterRequest
from ..updaters.updater import IntercomBulkUpdater
from .demo import environment
from .flags import Shown
from .show import out as show_out
from .show import out_data
from .updaters import params_of

if TYPE_CHECKING:
    from intercom_sandbox import Sandbox

_OUT = Shown()
_HOME = "INTERCOM_BULK_HOME"
_ITEMS = 24
_KILLED_AFTER = 4
"""Writes after which the process is killed."""
_TIMEOUT = 3.0
"""Seconds for a request of the run that is killed: so long its resume waits for what may still be on its way."""
_PASSES = ("updated_at", "statistics", "conversation_parts", "ticket_parts", "waiting_since", "applied_at", "applied_by", "read", "steps")
"""What no undo of anything brings back: traces of the writes themselves."""
_OF_NOTES = ("id", "url", "created_at")
"""What is of a note whenever it was written: by it no run equals another."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one promise holds; None where it does not apply."""

    check: str
    holds: bool | None
    said: str


def check(
    target: Annotated[str, Parameter(help="FILE.py:Class, FILE.py:function, module:Class, or the name of an operation: contacts.tag.")],
    *,
    param: Annotated[list[str] | None, Parameter(help="K=V, a parameter of it; may be given again.", negative="")] = None,
    where: Annotated[str | None, Parameter(help="Which items of the sandbox; by default its own search, or the first of the kind.")] = None,
    out: Shown = _OUT,
) -> int:
    """Try your own operation against the built-in sandbox: which promises of a run it keeps, and which not.

    Nothing is sent to Intercom, and no token is needed. Exit 3 where a promise is not kept.
    """
    from intercom_sandbox import running

    with (
        # The moment that its dates are counted from stays, also where an hour ends meanwhile.
        tempfile.TemporaryDirectory() as home, running(conversations=200, epoch=int(time.time())) as box,
        environment({**box.env(), _HOME: str(Path(home) / "first")}),
    ):  # fmt: skip
        found = list(_findings(Subject.of(target, params_of(param), where, box)))
    code = 3 if any(one.holds is False for one in found) else 0
    answer = {"schema": "check/1", "ok": not code, "exit": code, "operation": target, "checks": [asdict(one) for one in found]}
    if not out_data(out, lambda: answer):
        from ..terminal.table import Sheet

        marks = {True: "holds", False: "DOES NOT HOLD", None: "-"}
        show_out(Sheet(("check", "", "what was seen"), [(one.check, marks[one.holds], one.said) for one in found], flex="what was seen"))
    return code


@dataclass(frozen=True)
class Subject:
    """What is tried, with its parameters, and where."""

    target: str
    typed: Mapping[str, str]
    where: str | None
    box: Sandbox
    verb: type[IntercomBulkUpdater] | type[Operation]
    resource: str

    @classmethod
    def of(cls, target: str, typed: Mapping[str, str], where: str | None, box: Sandbox) -> Subject:
        """Load it. Raises UsageError for what is not there, and for code that may leave the sandbox."""
        if ":" not in target:
            verb = operation_class(target)
            if verb.keys:
                raise UsageError(f"{target} takes its items from a spreadsheet, which check does not make. Try it: intercom-bulk sandbox")
            return cls(target, dict(_given(verb, typed)), where, box, verb, target.partition(".")[0])
        updater = load_class(target, here=True)
        if updater.allowed_hosts:
            raise UsageError(f"{target} may send to {', '.join(updater.allowed_hosts)}: take allowed_hosts out for the check.")
        return cls(target, typed, where, box, updater, endpoint_of(made(updater, Workspace().settings)).strip("/").split("/")[0])

    @property
    def updater(self) -> type[IntercomBulkUpdater] | None:
        """The class, where it is not an operation of the catalogue."""
        return updater_of(self.verb)

    def request(self, **how: Any) -> Request:
        """A run of it, as the command would make it."""
        own = self.updater is not None and self.updater.get_search_query is not IntercomBulkUpdater.get_search_query
        ids = None if own or self.where is not None else self._first()
        options = Options(limit=_ITEMS, verify="none", **how)
        given: dict[str, Any] = {
            "selection": Selection(where=self.where, ids=ids, limit=_ITEMS), "options": options, "consent": Consent(True, True),
        }  # fmt: skip
        if self.updater is not None:
            return UpdaterRequest(verb=self.updater, parameters=self.typed, **given)
        return VerbRequest(verb=self.target, parameters=dict(self._of_verb()), **given)

    def run(self, **how: Any) -> BulkResult:
        """Do it, with these options. Raises what ends a run."""
        request = self.request(**how)
        checked, place = request.check(), Workspace()
        with place.session(request.options) as (session, names):
            return carry_out(checked.begin(session, names), place)

    def _first(self) -> list[str]:
        if self.resource not in resources():
            raise UsageError(f"The sandbox does not list {self.resource}: check knows {', '.join(resources())}.")
        return [str(row["id"]) for row in getattr(self.box, self.resource)()[:_ITEMS]]

    def _of_verb(self) -> Iterator[tuple[str, Any]]:
        assert issubclass(self.verb, Operation)  # noqa: S101
        kinds = _kinds(self.verb)
        values = [name for name, kind in kinds.items() if kind is Kind.VALUES]
        loose = [f"{name}={text}" for name, text in self.typed.items() if values and name not in kinds]
        for name, text in {**dict.fromkeys(values if loose else (), ""), **self.typed}.items():
            if name in kinds or not values:
                kind = kinds.get(name, Kind.TEXT)
                some = [*filter(None, text.split(",")), *(loose if kind is Kind.VALUES else ())]
                yield name, text.lower() == "true" if kind is Kind.FLAG else some if kind.many else text

    def begin_anew(self) -> None:
        """The sandbox as it was, and an empty state folder: what one trial has sent, or known, is nothing to the next."""
        self.box.reset()
        os.environ[_HOME] = tempfile.mkdtemp(dir=Path(os.environ[_HOME]).parent)

    # -- what the server knows ----------------------------------------------------------------------------------------

    def writes(self) -> list[SentRequest]:
        """The write requests since the last reset."""
        seen = [Exchange(one["method"], one["path"].partition("?")[0].strip("/"), one["body"]) for one in self.box.log(last=1000)]
        return [one.sent for one in seen if one.writes]

    def left_traces(self) -> str:
        """A request that went out twice and leaves a second trace: as far as Intercom's API is known, else as is declared."""
        sent = [(one.method, one.path, json.dumps(one.json)) for one in self.writes()]
        for key, one in zip(sent, self.writes(), strict=True):
            effect = effect_of(one)
            if sent.count(key) > 1 and not (self.verb.idempotent if effect is None else effect.repeatable):
                return f"{one.method} {one.path}"
        return ""

    def twice(self) -> int:
        """Items that were written to more than once in one way."""
        kinds: Mapping[str, Mapping[str, Any]] = self.box.audit()["kinds"]
        return sum(int(one["2+"]) for one in kinds.values())

    def state(self, result: BulkResult) -> dict[str, Any]:
        """The items of a run as the server has them, without what every write leaves behind."""
        known = resources().get(self.resource)
        read = getattr(self.box, known.singular, None) if known is not None else None
        return {} if read is None else {one.id: _still(_there(read, one.id)) for one in result.run.items()}


def _kinds(verb: type[Operation]) -> dict[str, Kind]:
    return {one.name: one.kind for one in parameters_of(verb.Parameters)}


def _given(verb: type[Operation], typed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What was typed, with a moment that moves with the clock (+3d) as it is now: the runs that are compared must mean the same one."""
    kinds, now = _kinds(verb), time.time()
    for name, text in typed.items():
        at, later = (_moment(text, when) for when in (now, now + 1)) if kinds.get(name) is Kind.MOMENT else (0, 0)
        yield name, text if at == later else str(at)


def _moment(text: str, now: float) -> int:
    try:
        return parse_instant(text, now).at
    except UsageError:  # a weekday, or what the run refuses by itself
        return 0


def _there(read: Callable[[str], Any], item: str) -> Any:
    try:
        return read(item)
    except KeyError:
        return None


def _still(value: Any, passes: tuple[str, ...] = _PASSES) -> Any:
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if name not in passes}
        return {name: _still(one, (*passes, *_OF_NOTES) if name == "notes" else passes) for name, one in kept.items()}
    if isinstance(value, list):
        return sorted((_still(one, passes) for one in value), key=json.dumps)
    return None if value == "" else value  # the contract has no null for a title, so that its undo sends an empty text


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run left that nothing disturbed: the state of its items, and those that fail by themselves (a merge into itself)."""

    state: Mapping[str, Any]
    failed: frozenset[str]


# -- the promises -------------------------------------------------------------------------------------------------------


def _findings(subject: Subject) -> Iterator[Finding]:
    yield _parameters(subject)
    looked = subject.run(dry_run=True)  # what is wrong with the call itself is said as the command says it
    wrote = len(subject.writes())
    if not looked.selected:
        raise UsageError(f"{subject.target} finds nothing in the sandbox: say which items by --where, or give other parameters.")
    yield Finding("a dry run writes nothing", not wrote, f"{wrote} write requests, {looked.selected} items looked at")
    before = subject.state(looked)
    reads = bool(looked.report["run"]["selection"].get("reads"))
    if reads:
        yield _tried("it only reads", lambda: _reads(subject))
        return
    done: list[BulkResult] = []
    yield _tried("the run does what the dry run said", lambda: _as_said(subject, looked, done))
    if not done:
        return
    undisturbed = Undisturbed(subject.state(done[0]), frozenset(one.id for one in done[0].run.items("failed")))
    yield _tried("undo restores what was", lambda: _undone(subject, done[0], before))
    yield _tried("a lost answer: nothing is written twice", lambda: _lost(subject, undisturbed))
    yield _tried("killed and resumed: every item once", lambda: _killed(subject, undisturbed))


def _tried(name: str, attempt: Callable[[], tuple[bool | None, str]]) -> Finding:
    try:
        return Finding(name, *attempt())
    except (SafetyStop, UpdaterFailed, VerificationFailed) as exc:
        return Finding(name, False, str(exc))
    except IntercomBulkError as exc:  # it tells nothing of the promise
        return Finding(name, None, f"not made: {exc}")


def _parameters(subject: Subject) -> Finding:
    name = "parameters are read by their annotations"
    if subject.updater is None:
        assert issubclass(subject.verb, Operation)  # noqa: S101
        declared = ", ".join(f"{one.name}: {one.kind}" for one in parameters_of(subject.verb.Parameters))
        return Finding(name, True if declared else None, declared or "it takes none")
    known = annotated(subject.updater)  # type: ignore[arg-type]
    plain = sorted(named(subject.updater) - known.keys())
    if plain:
        return Finding(name, False, f"{', '.join(plain)}: no annotation, so what is typed arrives as text")
    said = ", ".join(f"{one}: {getattr(kind, '__name__', kind)}" for one, kind in sorted(known.items()))
    return Finding(name, True if said else None, said or "it takes none")


def _as_said(subject: Subject, looked: BulkResult, done: list[BulkResult]) -> tuple[bool | None, str]:
    subject.begin_anew()
    result = subject.run()
    if not result.success and not result.failed:
        return None, f"not made: nothing was to change: {_counts(result)}; try it with other items or parameters"
    done.append(result)
    same = (looked.pending, looked.skipped) == (result.success, result.skipped)
    said = f"it said {looked.pending} would change and {looked.skipped} stay; {_counts(result)}"
    try:
        result.run.verify()
    except VerificationFailed as exc:
        return False, f"{said}; {exc.message}"
    return same, said


def _reads(subject: Subject) -> tuple[bool, str]:
    subject.begin_anew()
    result, wrote = subject.run(), len(subject.writes())
    return not (wrote or result.failed), f"{wrote} write requests; {_counts(result)}"


def _undone(subject: Subject, result: BulkResult, before: Mapping[str, Any]) -> tuple[bool | None, str]:
    if not any(" undo " in one for one in result.report["next"]):
        return None, "there is no way back, and runs say so"
    result.run.undo()
    now = subject.state(result)
    differ = sorted({name for key, was in before.items() for name in _differing(was, now.get(key))})
    return not differ, f"after it these are otherwise: {', '.join(differ)}" if differ else f"{len(before)} items are as they were"


def _differing(was: Any, now: Any) -> list[str]:
    if not (isinstance(was, Mapping) and isinstance(now, Mapping)):
        return [] if was == now else ["the item itself"]
    return [name for name in {**was, **now} if was.get(name) != now.get(name)]


def _lost(subject: Subject, after: Undisturbed) -> tuple[bool | None, str]:
    subject.begin_anew()
    subject.box.fault("drop_after", on="write", count=1)  # the first: what acts on many at once may write but once
    subject.box.fault("drop_after", on="write", every=3)
    result = subject.run()
    if not any(one["fired"] for one in subject.box.faults()):
        return None, f"not made: nothing was written; {_counts(result)}"
    return _once(subject, result, after)


def _killed(subject: Subject, after: Undisturbed) -> tuple[bool | None, str]:
    subject.begin_anew()
    clock = Stop(60)
    subject.box.control(latency=0.05)
    command = [sys.executable, "-c", f"from {__name__} import child; child()", subject.target, json.dumps(dict(subject.typed))]
    with subprocess.Popen([*command, *([subject.where] if subject.where else [])], stdout=subprocess.DEVNULL) as process:  # noqa: S603
        while process.poll() is None and len(subject.writes()) < _KILLED_AFTER and not clock.wait(0.02):
            pass
        process.kill()
    subject.box.control(latency=0.0)
    run = next(runs(limit=1), None)
    if run is None or run.status == "finished":
        return None, "not made: it was over before it could be killed"
    counts = run.resume().counts
    result = BulkResult(run, counts, [], run.report())
    holds, said = _once(subject, result, after)
    return holds, f"killed after {_KILLED_AFTER} writes or more; {said}"


def _once(subject: Subject, result: BulkResult, after: Undisturbed) -> tuple[bool, str]:
    """Whether a run that was disturbed left what the undisturbed one did, and wrote nothing twice but what may be."""
    twice, doubt = subject.twice(), {one.id for one in result.run.items("in_doubt")}
    differ = sum(was != after.state.get(key) for key, was in subject.state(result).items() if key not in doubt)
    traces = subject.left_traces() if twice else ""
    said = [_counts(result)]
    if twice:
        said.append(f"{plural(twice, 'item')} written to twice{f', as by {traces}' if traces else ', which leaves no second trace'}")
    if differ:
        said.append(f"{plural(differ, 'item')} not as the undisturbed run left {'it' if differ == 1 else 'them'}")
    if doubt:
        said.append("is_done would tell what became of those in doubt")
    failed = {one.id for one in result.run.items("failed")} - after.failed
    return not (failed or differ or traces), "; ".join(said)


def _counts(result: BulkResult) -> str:
    counts = {"done": result.success, "unchanged": result.unchanged, "failed": result.failed, "in doubt": result.in_doubt}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no items"
    why = f" ({result.failures[0].example.message or result.failures[0].cause})" if result.failures else ""
    return said + why


def child() -> None:
    """The run that is killed, in a process of its own."""
    from intercom_sandbox import Sandbox

    target, typed, *where = sys.argv[1:]
    box = Sandbox(os.environ["INTERCOM_BASE_URL"])
    Subject.of(target, finite_json(typed), where[0] if where else None, box).run(workers=2, batch=2, timeout=_TIMEOUT)

