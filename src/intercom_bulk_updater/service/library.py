"""The library: every verb of the command for Python, with the same words, the same options and the same account.

Nothing is printed and nothing asks. What is remarkable is logged (logger `intercom_bulk_updater`) and told to `on_event`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Unpack

from ..journal import Journal
from ..operations.each import Each
from ..parsing.plain_value import as_json
from ..runs.options import whole
from ..stop import Stop
from .consent import Consent
from .each import EachRequest, known_types
from .given import checked
from .library_selection import Ids, selection_of
from .options import RunOptions, options_of
from .plans import begin_apply, open_plan, refuse_other_file
from .preview import Preview, preview_of
from .run import OnEvent, Run, carry_out
from .run_log import log_note
from .verbs import Request, Verb, request_of
from .work import Work
from .workspace import Workspace, given_or_own


@checked
def preview(
    verb: Verb,
    where: str | None = None,
    *,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    expect: int | str | None = None,
    max: int | str | None = None,
    canary: int | str | None = None,
    max_failures: int | str | None = None,
    on_drift: str | None = None,
    customer_visible: bool = False,
    irreversible: bool = False,
    backup: str | Path | None = None,
    verify: str | None = None,
    workers: int | str | None = None,
    share: float | str | None = None,
    rate: str | None = None,
    batch: int | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    patience: float | str | None = None,
    deadline: float | str | None = None,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **parameters: Any,
) -> Preview:
    """What a verb would do: counts, changes, messages as they would be sent, cost. Reads, and never writes.

        preview = bulk.preview("conversations.tag", where="tag != vip", tag=["incident"], create_tag=True)
        print(preview.would_change, preview.groups)

    The parameters are those of `run`, so that the same ones do for both. It is a dry run, and stands among `runs()` as one; what
    is only for writing (`canary`, `backup`, consent ...) is checked and not needed.
    Returns a Preview. Raises what `run` does before the first write.
    """
    given = {
        "expect": expect, "max": max, "canary": canary, "max_failures": max_failures, "on_drift": on_drift, "backup": backup,
        "verify": verify, "workers": workers, "share": share, "rate": rate, "batch": batch, "timeout": timeout, "retries": retries,
        "patience": patience, "deadline": deadline, "dry_run": True, "limit": limit,
    }  # fmt: skip
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    request = request_of(verb, parameters, asked, options_of(given), Consent(customer_visible, irreversible), log_note(on_event))
    place = given_or_own(workspace)
    checked = request.check()
    with place.session(request.options, stop) as (session, names):
        work = checked.begin(session, names)
        done = carry_out(work, place, on_event)
        assert done.preview is not None  # noqa: S101 - a dry run looks
        return preview_of(done.preview, done.run)


@checked
def run(
    verb: Verb,
    where: str | None = None,
    *,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    expect: int | str | None = None,
    max: int | str | None = None,
    canary: int | str | None = None,
    max_failures: int | str | None = None,
    on_drift: str | None = None,
    customer_visible: bool = False,
    irreversible: bool = False,
    backup: str | Path | None = None,
    verify: str | None = None,
    workers: int | str | None = None,
    share: float | str | None = None,
    rate: str | None = None,
    batch: int | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    patience: float | str | None = None,
    deadline: float | str | None = None,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **parameters: Any,
) -> Run:
    """Do a verb to every item of a selection, and account for each.

        run = bulk.run("conversations.tag", where="tag != vip", tag=["incident"], expect=164)
        run.counts.done

        bulk.run("conversations.reply", ids=["215470000000024"], body="We are back.", customer_visible=True)

        rows = [{"id": "215470000000024", "team": "Billing"}, {"id": "215470000000025", "team": "Support"}]
        bulk.run("conversations.assign", csv=rows, to_team="{{team}}")

    Parameters
    ----------
    verb:
        `"conversations.close"`; `intercom-bulk operations list` has them all, with their parameters. Or code of your own: a
        function with `@operation`, or a subclass of IntercomBulkUpdater, whose own search finds its items where no selection is given.
    where:
        A filter in words: `"team = Support and state = open"`. Give exactly one of `where`, `query`, `ids`, `csv`, `from_run`.
        Beside `from_run` it narrows: the items of that run are read, and judged as they are now.
    query:
        A raw Intercom query (a dict), or the path of a JSON file with one.
    ids:
        Ids, or the path of a file with ids, inbox links, or anything that this tool has exported.
    csv:
        Rows as mappings of column to value, or the path of a CSV file or a workbook. The columns stand as `{{column}}` in parameters.
    id_column:
        With `csv`: the column that holds ids, inbox links, e-mail addresses or external ids. Default: `"id"`.
    from_run, outcome:
        The items of an earlier run (a Run or its id) with this outcome. Default: those that failed.
    exclude:
        Ids to leave out, or the path of a file with them.
    exclude_run:
        An earlier run (a Run or its id) whose items to leave out.
    limit:
        So many items at most; never exceeded.
    dry_run:
        Look, and change nothing; `preview` returns more of it.
    expect, max, canary, max_failures, on_drift, verify:
        Guards, with the values of the flags or numbers: `expect=164`, `max="10%"`, `canary=20`. See RunOptions.
    customer_visible:
        Must be True for what customers see.
    irreversible:
        Must be True for what nothing brings back.
    backup:
        For what nothing brings back: the file in which each item is kept whole before its write. Default: one in the state folder.
    workers, share, rate, batch, timeout, retries, patience, deadline:
        Speed and patience; `timeout` in seconds, `patience` and `deadline` in seconds or as `"10m"`. See RunOptions.
    on_event:
        A function that is called with each event, a dict as a line of `--jsonl` has it, in the thread that called. What it
        raises ends the run in order.
    stop:
        What another thread asks to end the run in order: `stop.ask(...)`.
    workspace:
        A Workspace; by default that of the environment.
    parameters:
        Those of the verb, with the names of its flags: `tag=["incident"]`, `to_team="Billing"`, `until="+3d"`, `values={...}`.

    Returns the Run; items that fail never end it. Raises UsageError for what cannot be read or is not a parameter, SafetyStop for a
    guard or a consent that is missing, VerificationFailed and SearchIncomplete for a run that ended otherwise than it should,
    RunStopped (ServiceUnavailable, DeadlineReached) for one that can be resumed, and KeyboardInterrupt after Ctrl-C, when what
    was in flight is done. The error has `run` and `result` where there is a run: `error.run.resume()`.
    """
    given = {
        "limit": limit, "dry_run": dry_run, "expect": expect, "max": max, "canary": canary, "max_failures": max_failures,
        "on_drift": on_drift, "verify": verify, "workers": workers, "share": share, "rate": rate, "batch": batch, "timeout": timeout,
        "retries": retries, "patience": patience, "deadline": deadline,
        "backup": backup,
    }  # fmt: skip
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    consent = Consent(customer_visible, irreversible)
    request = request_of(verb, parameters, asked, options_of(given), consent, log_note(on_event))
    return _run(request, workspace, on_event, stop)


@checked
def plan(
    verb: Verb,
    where: str | None = None,
    *,
    file: str | Path,
    query: str | Path | Mapping[str, Any] | None = None,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    expect: int | str | None = None,
    max: int | str | None = None,
    canary: int | str | None = None,
    max_failures: int | str | None = None,
    on_drift: str | None = None,
    customer_visible: bool = False,
    irreversible: bool = False,
    backup: str | Path | None = None,
    verify: str | None = None,
    workers: int | str | None = None,
    share: float | str | None = None,
    rate: str | None = None,
    batch: int | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    patience: float | str | None = None,
    deadline: float | str | None = None,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **parameters: Any,
) -> Run:
    """Freeze what a verb would do into a file, item by item, for `apply`; changes nothing.

        bulk.plan("conversations.close", where="team = Support", file="close.jsonl")
        bulk.apply("close.jsonl")

    `file` is written as a whole and for its owner alone; a plan that is there is replaced, any other file is refused. The other
    parameters are those of `run`; what is only for writing is given to `apply`. Returns the dry run behind the plan. Raises what
    `run` does before the first write.
    """
    path = Path(file)
    refuse_other_file(path, f"file={str(path)!r}")
    given = {
        "expect": expect, "max": max, "canary": canary, "max_failures": max_failures, "on_drift": on_drift, "backup": backup,
        "verify": verify, "workers": workers, "share": share, "rate": rate, "batch": batch, "timeout": timeout, "retries": retries,
        "patience": patience, "deadline": deadline, "dry_run": True, "limit": limit,
    }  # fmt: skip
    asked = selection_of(where, query, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit)
    consent = Consent(customer_visible, irreversible)
    request = request_of(verb, parameters, asked, options_of(given), consent, log_note(on_event), path)
    return _run(request, workspace, on_event, stop)


@checked
def each(
    endpoint: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | str | None = None,
    where: str | None = None,
    *,
    ids: Ids | None = None,
    csv: str | Path | Iterable[Mapping[str, Any]] | None = None,
    id_column: str | None = None,
    types: Mapping[str, str] | None = None,
    again: bool = False,
    from_run: str | Run | None = None,
    outcome: str = "failed",
    exclude: Ids | None = None,
    exclude_run: str | Run | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    plan: str | Path | None = None,
    customer_visible: bool = False,
    irreversible: bool = False,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Send one request for each item of whatever Intercom lists: the way to what no verb does.

        bulk.each("articles", "PUT", "articles/{{id}}", {"state": "draft"}, where="state = published", dry_run=True)

    Parameters
    ----------
    endpoint:
        What is listed: `"articles"`, `"news/news_items"`, `"data_attributes"` ...; all of it where no selection is given.
    method, path, body:
        The request. `{{field}}` in path and body is a field of the item as the list shows it, or a column of `csv`; a text of the
        body that is one such place and nothing else takes the field's value with its type.
    where:
        A filter that is judged here, by the fields of the list.
    types:
        What columns of `csv` are, where they are no text: `{"seats": "number"}`; `"boolean"`, `"json"`.
    again:
        Send a message although an earlier run sent the same text to the same item.
    ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit, dry_run, customer_visible, irreversible, on_event, stop, workspace:
        See `run`; `customer_visible` for what path and body show customers, such as a reply; `irreversible` for what nothing
        takes back, such as DELETE.
    plan:
        Write the plan to this file, and change nothing; `apply` does it.
    options:
        See RunOptions.

    Returns the Run. Raises what `run` does.
    """
    written = None if plan is None else Path(plan)
    if written is not None:
        refuse_other_file(written, f"plan={str(written)!r}")
    request = EachRequest(
        endpoint=endpoint, operation=Each(method, path, body or "" if isinstance(body, str | None) else as_json(body, "body"), again),
        selection=selection_of(where, None, ids, csv, id_column, from_run, outcome, exclude, exclude_run, limit),
        options=options_of({**options, "limit": limit, "dry_run": dry_run or written is not None}),
        consent=Consent(customer_visible, irreversible), types=known_types(types or {}), plan=written, note=log_note(on_event),
    )  # fmt: skip
    return _run(request, workspace, on_event, stop)


def _run(request: Request, workspace: Workspace | None, on_event: OnEvent | None, stop: Stop | None) -> Run:
    place = given_or_own(workspace)
    checked = request.check()
    with place.session(request.options, stop) as (session, names):
        return carry_out(checked.begin(session, names), place, on_event).run


@checked
def apply(
    file: str | Path,
    *,
    dry_run: bool = False,
    customer_visible: bool = False,
    irreversible: bool = False,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    workspace: Workspace | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Do exactly what a plan says: each item is read again right before its write, and left alone if it moved.

        run = bulk.apply("close.jsonl", on_drift="stop")

    `file` is what `plan` wrote, or `--plan` of the command; `options` are RunOptions; the rest as in `run`. A plan that is half
    done is gone on with. Returns the Run. Raises SafetyStop for a plan that was altered or has expired, WrongWorkspace for one
    of another workspace, and what `run` does.
    """
    place, found = given_or_own(workspace), open_plan(file)
    chosen = options_of({**options, "dry_run": dry_run})
    with place.session(chosen, stop) as (session, _):
        work = begin_apply(session, found, chosen, Consent(customer_visible, irreversible), log_note(on_event))
        if isinstance(work, Work):
            return carry_out(work, place, on_event).run
    return Run(work, place).resume(on_event=on_event, stop=stop, **options)


@checked
def runs(limit: int | None = None, *, workspace: Workspace | None = None) -> Iterator[Run]:
    """The runs of the journal, the newest first; `limit` of them at most. Needs no token.

        for run in bulk.runs(limit=10):
            print(run)
    """
    place, most = given_or_own(workspace), whole("limit", limit, least=0)
    with Journal(place.journal, read_only=True) as journal:
        records = journal.runs(most)
    return iter([Run(record.id, place) for record in records])


@checked
def open_run(ref: str | Run = "latest", *, workspace: Workspace | None = None) -> Run:
    """A run by its id, a unique beginning of it, or `"latest"`. Needs no token.

        run = bulk.open_run("latest")

    Raises NoSuchRun, with the nearest ids.
    """
    place = given_or_own(workspace)
    with Journal(place.journal, read_only=True) as journal:
        return Run(journal.run(ref.id if isinstance(ref, Run) else ref, base_url=place.settings.base_url).id, place)
