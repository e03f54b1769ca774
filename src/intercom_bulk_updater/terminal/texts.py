"""What a run would do, what it did, what went wrong: the texts around the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.text import Text

from intercom_bulk_updater.model import Reversibility, RunKind
from intercom_bulk_updater.report.headline import NOT_SO, UNKNOWN, judgement_of, label, outcomes, undone_by, why_words
from intercom_bulk_updater.report.next_commands import label_of
from intercom_bulk_updater.report.texts import left_out_words, message_words
from intercom_bulk_updater.runs.judgement import Level, Verdict, Verified
from intercom_bulk_updater.runs.verification_words import describe_verification

from ..report.formatting import clean, number, pace, plural, seconds, shorten
from .labelled_text import Page
from .phrases import Title, already, past, resource
from .screen_rows import finished

if TYPE_CHECKING:
    from intercom_bulk_updater.runs.preview import Preview

_GROUPS = 8
_MESSAGES, _MESSAGE = 3, 300
_STYLES = {
    Level.GOOD: ("✓ ", "bold green"),
    Level.QUIET: ("✓ ", "bold cyan"),
    Level.ATTENTION: ("! ", "bold yellow"),
    Level.BAD: ("✗ ", "bold red"),
}
_LAST = ("resume", "undo")
"""What stands last, the first of these above all: to go on where it stopped, to undo what is finished."""


def review_text(review: Preview, title: Title | None = None) -> Page:
    """What a run would do, before it does it; the text of every question and dry run."""
    title = title or Title(words=review.operation)
    page = Page()
    place = f" in {title.workspace}" if title.workspace else ""
    page.line(Text(clean(title.headline() + place), "bold"))
    if title.selection:
        page.fact("selection", clean(title.selection))
    total = review.search.get("total", 0)
    of = f" of {number(total)} that match" if total > review.selected else ""
    page.fact("selected", plural(review.selected, title.noun) + of)
    for said in left_out_words(review.search):
        page.fact("", Text(said, "bold yellow"))
    reads = review.reversibility == Reversibility.READS
    page.fact("would read" if reads else "would change", Text(number(review.would_change), "bold"), _unknown(review, title))
    if review.without_text:
        page.fact("of them", f"{number(review.without_text)} without the text: an earlier run sent it (--again sends it once more)")
    if review.unchanged > review.sent_before:
        page.fact("stay as is", f"{number(review.unchanged - review.sent_before)} {already(title.operation, title.again)}")
    if review.sent_before:
        page.fact("have it", f"{number(review.sent_before)} got the same text from an earlier run (--again sends it once more)")
    if review.drifted:
        page.fact("moved since", f"{number(review.drifted)} changed by others, left alone")
    if review.failed:
        page.fact("cannot", f"{number(review.failed)} cannot be done")
    if not reads:
        _changes(page, review, title)
    _people(page, review)
    _messages(page, review)
    page.fact("way back", *_way_back(review))
    if review.side_effects:
        page.fact("no undo of", clean(review.side_effects))
    _backup(page, review)
    if review.would_change:
        page.fact("takes", _cost(review))
    return page


def _unknown(review: Preview, title: Title) -> str:
    if review.not_shown and review.would_change:
        return f"  (some may be {already(title.operation, title.again)}: {clean(review.not_shown)})"
    if not review.unknown:
        return ""
    if review.unknown == review.would_change:
        return "  (what becomes of each is known only when it is done)"
    return f"  (of {number(review.unknown)} the change is known only when it is done)"


def _changes(page: Page, review: Preview, title: Title) -> None:
    groups = review.groups.most_common(_GROUPS)
    for place, (said, count) in enumerate(groups):
        page.fact("changes" if not place else "", f"{number(count):>7}  ", shorten(said, 120))
    more = len(review.groups) - len(groups)
    if more > 0:
        rest = review.would_change - sum(count for _, count in groups)
        page.fact("", f"{number(rest):>7}  in {plural(more, 'other way')}")
    # Where there are several ways, they are the examples: on a small screen the question is to stand below all this.
    for place, (item, said) in enumerate(review.sample[: 2 if len(groups) > 1 else None]):
        name = f"{shorten(review.called[item], 32)}  " if item in review.called else ""
        page.fact("for example" if not place else "", f"{clean(item)}  ", name, Text(shorten(said, 100), "dim"))


def _people(page: Page, review: Preview) -> None:
    if review.customer_visible is None:
        why = "whether they see such a request, nothing tells" if review.messages else (
            "nothing says so (an updater does with customer_visible = True or False)"
        )
        page.fact("customers", f"not known: {why}")
        return
    if not review.customer_visible:
        page.fact("customers", "see nothing of it")
        return
    who = "customers" if review.customers is None else plural(review.customers, "customer")
    page.fact("customers", Text(f"{who} would be written to, or see it", "bold yellow"))
    if review.two_messages:
        more = review.two_messages - len(review.twice)
        named = [f"{shorten(who, 60)} gets {number(count)}" for who, count in review.twice]
        page.fact("", Text(f"{number(review.two_messages)} of them more than once", "bold yellow"))
        for place, said in enumerate(named):
            page.fact("", said, f" (and {number(more)} more)" if more and place == len(named) - 1 else "")


def _messages(page: Page, review: Preview) -> None:
    """In whose name it is written, and what some of them get, word for word."""
    if review.sender:
        page.fact("from", clean(review.sender))
    for place, (item, text) in enumerate(review.messages[:_MESSAGES]):
        label = "message" if review.sender else "request"
        name = f"{shorten(review.called[item], 32)}  " if item in review.called else ""
        page.fact("" if place else label, f"{clean(item)}  ", name, shorten(" / ".join(text.split("\n")), _MESSAGE))


def _way_back(review: Preview) -> tuple[str | Text, ...]:
    if review.way_back:
        return (f"undo {review.way_back}",)
    words = {
        "reversible": "undo restores everything that this touches",
        "restores fields, not side effects": "undo restores the fields",
    }
    if review.reversibility in words:
        return (words[review.reversibility],)
    return (Text(f"none: {review.reversibility or 'irreversible'}", "bold red"),)


def _backup(page: Page, review: Preview) -> None:
    if review.backup:
        page.fact("backup", f"each item whole, as read before its write, in {clean(review.backup)}")
    elif review.reversibility == Reversibility.IRREVERSIBLE:
        page.fact("backup", Text("none: nothing shows these items by themselves", "bold yellow"))


def _cost(review: Preview) -> str:
    share = review.quota_share
    whole = "all of the rate limit" if share >= 0.995 else f"{max(1, round(share * 100))} % of the rate limit"
    about = "at least" if review.at_least else "about"
    requests = f"{about} {plural(review.requests, 'request')}, {seconds(max(1.0, review.seconds))}"
    return f"{requests}, besides search and read-back; {whole} while it lasts"


def summary_text(report: Mapping[str, Any], title: Title | None = None) -> Page:
    """The end of a run for people, from the object of --json.

    Its last line is the command that continues a stopped run or undoes a finished one.
    """
    run = report.get("run") or {}
    title = title or Title(again=str((run.get("selection") or {}).get("again") or ""))
    title = replace(title, operation=title.operation or str(run.get("operation") or ""))
    page = Page()
    _head(page, report, run, title)
    message = (report.get("error") or {}).get("message") or run.get("message")
    # Ctrl-C and TERM have been said by the head.
    if message and report.get("exit") not in (0, 130, 143):
        page.line(f"  {clean(message)}")
        hint = (report.get("error") or {}).get("hint")
        if hint and run.get("status") != "cancelled":
            page.line(f"  {clean(hint)}")
    if run:
        _facts(page, report, run, title)
        _failures(page, report.get("failures") or ())
        _left_alone(page, report)
    _commands(page, report.get("next") or (), finished=run.get("status") == "finished")
    return page


def _head(page: Page, report: Mapping[str, Any], run: Mapping[str, Any], title: Title) -> None:
    judgement = judgement_of(report)
    dry = run.get("kind") == RunKind.DRY_RUN
    said = label(judgement, str(run.get("status") or ""), dry=dry, kind=str(run.get("kind") or ""))
    if judgement.verdict is Verdict.ALL_DRIFTED:
        said = f"Nothing {past(title.operation, title.again)}: all {number(judgement.counts.selected)} changed since"
    mark, style = _STYLES[judgement.level]
    # A dry run that was interrupted has not looked at all of them: it cannot say what would change.
    counted = outcomes(
        judgement, past(title.operation, title.again), already(title.operation, title.again), dry=dry and judgement.exit_code in (0, 3, 6)
    )
    page.line(Text(mark + said, style), Text(f": {counted}" if counted else "", "bold"))


def _facts(page: Page, report: Mapping[str, Any], run: Mapping[str, Any], title: Title) -> None:
    counts, took = report.get("counts") or {}, float(report.get("seconds") or 0)
    chosen = run.get("selection")
    told = chosen.get("resource") if isinstance(chosen, Mapping) else ""
    noun = title.resource or str(told or resource(title.operation))
    selected, over = int(counts.get("selected") or 0), finished(counts)
    dry = run.get("kind") == RunKind.DRY_RUN
    of = "" if over == selected or dry else f"{number(over)} of "
    parts = [f"{of}{plural(selected, noun)} in {seconds(took)}"]
    if report.get("rate"):
        parts.append(f"{pace(float(report['rate']))} a second")
    if over or dry or not selected:
        page.fact("speed", " · ".join(parts))
    requests = report.get("requests") or {}
    if requests.get("total"):
        sent = [plural(int(requests["total"]), "request"), refused_words(int(requests.get("throttled") or 0))]
        if requests.get("retried"):
            sent.append(f"{number(requests['retried'])} tried again")
        page.fact("requests", " · ".join(sent))
    for said in message_words(report):
        page.fact("message", clean(said))
    _search(page, report.get("search") or {}, report.get("counts") or {})
    if run.get("kind") != RunKind.DRY_RUN and not (run.get("selection") or {}).get("reads"):
        _verified(page, report, run.get("status") != "finished")
    if report.get("backup"):
        page.fact("backup", f"each item as it was: {clean(report['backup']['file'])}")
    if by := undone_by(report):
        page.fact("undone by", clean(by))
    plan = report.get("plan") or {}
    if plan.get("file"):
        page.fact("plan", f"written to {clean(plan['file'])}; it can be applied for a day")
    place = clean(title.workspace or run.get("workspace") or "")
    page.fact("run", clean(run.get("id") or ""), f" in {place}" if place else "")


def refused_words(throttled: int) -> str:
    """How many requests the rate limit refused."""
    return f"{number(throttled) if throttled else 'none'} refused by the rate limit (429)"


def _search(page: Page, search: Mapping[str, Any], counts: Mapping[str, int]) -> None:
    total, seen = search.get("total"), int(counts.get("selected") or 0)
    parts = []
    if total is None and not seen and search.get("passes") == 0:
        parts.append(f"no page of it was read, so {UNKNOWN}")
    elif isinstance(total, int) and total > seen and not search.get("complete") and not search.get("missing"):
        parts.append(f"{number(seen)} of {plural(total, 'match')} were read before it stopped")
    elif isinstance(total, int) and total > seen and not search.get("missing"):
        parts.append(f"{number(seen)} of {plural(total, 'match')} selected")
    elif isinstance(total, int) and total < seen:
        parts.append(f"Intercom counted {plural(total, 'match')}, {number(seen)} were selected")
    if search.get("new_since"):
        parts.append(f"{number(search['new_since'])} new since it began, left alone")
    for said in [*([" · ".join(parts)] if parts else []), *left_out_words(search)]:
        page.fact("search", said)


def verified_words(verified: Mapping[str, Any], done: int, run: str = "") -> str:
    """`50 of 4,281 read back, all in the requested state · 2 passes of the search`; "" when nobody has asked Intercom.

    `done`: how many items the run changed; `run`: its id, for the command that reads every item.
    """
    return clean(" · ".join(describe_verification(Verified.of(verified), done, run)))


def _verified(page: Page, report: Mapping[str, Any], run_stopped: bool) -> None:
    verified = report.get("verified") or {}
    found = Verified.of(verified)
    said = verified_words(verified, int((report.get("counts") or {}).get("done") or 0), str((report.get("run") or {}).get("id") or ""))
    if not said:
        asked = verified.get("level", "none") != "none" or run_stopped
        page.fact("verified", "not yet" if asked else "not asked for (--verify none)")
        return
    sure = found.remaining == 0 and found.read
    page.fact("verified", Text(said, "bold red" if found.remaining else "green" if sure else "yellow" if found.could_not else ""))
    for why, count in (verified.get("explained") or {}).items():
        page.fact("", f"{number(int(count))} still found: {clean(why_words(why))}")
    for wrong in list(verified.get("wrong") or ())[:5]:
        page.fact("", f"{clean(wrong.get('id'))} is {NOT_SO}: {clean(wrong.get('is'))}")


def _left_alone(page: Page, report: Mapping[str, Any]) -> None:
    """What somebody else had changed, by id: the first ten, and how to see the others."""
    listed = report.get("left_alone") or ()
    for place, item in enumerate(listed):
        page.fact("left alone" if not place else "", f"{clean(item.get('id'))}  ", shorten(item.get("why") or "changed since", 160))
    more = int((report.get("counts") or {}).get("drifted") or 0) - len(listed)
    if listed and more > 0:
        page.fact("", f"and {number(more)} more: the export below lists them all")


def _failures(page: Page, failures: Sequence[Mapping[str, Any]]) -> None:
    for group in failures:
        example = group.get("example") or {}
        doubt = group.get("outcome") == "in_doubt"
        count = f"{number(int(group.get('count') or 0))} {'in doubt' if doubt else 'failed'}"
        page.fact(count, Text(clean(group.get("cause") or "unknown"), "bold red"))
        name = shorten(example.get("name") or "", 40)
        told = [f"item {clean(example.get('id') or '?')}{f'  {name}' if name else ''}"]
        if example.get("message"):
            told.append(f"“{shorten(example['message'], 160)}”")
        if example.get("request_id"):
            told.append(f"request id {clean(example['request_id'])}")
        page.fact("", f"for example {' · '.join(told)}")
        if group.get("advice"):
            page.fact("", clean(group["advice"]))


def _commands(page: Page, commands: Sequence[str], *, finished: bool = False) -> None:
    def rank(command: str) -> int:
        words = command.split()
        return next((len(_LAST) - i for i, verb in enumerate(_LAST) if verb in words), 0)

    for command in sorted(commands, key=rank):
        page.line("")
        page.line(f"{label_of(command, finished=finished)}:")
        page.line(Text(f"  {clean(command)}", "bold"), wrap=False)
