"""Which workspace Python acts on: `bulk.Workspace(token=..., admin_id=...)`, or whatever the environment says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Interrupted
from ..runs.options import Options
from ..runs.session import Session, open_session
from ..search.names import WorkspaceNames
from ..stop import Stop
from .signals import orderly_here

if TYPE_CHECKING:
    from ..settings import Settings


class Workspace:
    """A workspace and in whose name to act there; what is not given comes from the environment or `.env`.

        staging = bulk.Workspace(token=os.environ["STAGING_TOKEN"], home="state/staging")
        bulk.run("conversations.close", where="state = open", workspace=staging)

    Parameters
    ----------
    token:
        The access token; by default INTERCOM_ACCESS_TOKEN. It is needed by what asks Intercom, not by what reads the journal,
        and its text is in no representation of this object.
    admin_id:
        The teammate in whose name changes are made, digits only; by default INTERCOM_ADMIN_ID, else the token's own.
    base_url:
        Where Intercom answers: a sandbox, a proxy; by default the address of the region.
    region:
        `"us"`, `"eu"` or `"au"`; by default INTERCOM_REGION, else `"us"`.
    api_version:
        The version that is sent with each request; by default 2.16.
    home:
        The state folder with the journal; by default INTERCOM_BULK_HOME, else the platform's.

    Raises ConfigurationError for a malformed setting.
    """

    def __init__(
        self,
        token: str | None = None,
        admin_id: str | int | None = None,
        *,
        base_url: str | None = None,
        region: str | None = None,
        api_version: str | None = None,
        home: str | Path | None = None,
    ) -> None:
        # Here and not above: whoever imports the library has no use for the settings yet.
        from ..settings import load

        self._settings: Settings = load(
            access_token=token, admin_id=None if admin_id is None else str(admin_id), base_url=base_url, region=region,
            api_version=api_version, home=home,
        )  # fmt: skip

    @classmethod
    def of(cls, settings: Settings) -> Workspace:
        """The workspace of settings that were read already."""
        made = cls.__new__(cls)
        made._settings = settings
        return made

    @property
    def settings(self) -> Settings:
        """The settings, checked."""
        return self._settings

    @property
    def home(self) -> Path:
        """The state folder."""
        return self._settings.home

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self._settings.journal

    def __repr__(self) -> str:
        return f"Workspace(base_url={self._settings.base_url!r}, home={str(self.home)!r})"

    @contextmanager
    def session(self, options: Options, stop: Stop | None = None) -> Iterator[tuple[Session, WorkspaceNames]]:
        """A session with the first Ctrl-C heeded, in silence. Raises MissingToken."""
        stop = stop or Stop(options.deadline)
        with orderly_here(stop, silent=True) as heard, open_session(self._settings, options, stop) as session:
            try:
                yield session, WorkspaceNames(session.look, session.find_contacts)
            except Interrupted as exc:
                if not heard:
                    raise
                run = getattr(exc, "run_id", None)
                raise interrupted(exc, f"Interrupted; to go on: open_run({run!r}).resume()" if run else "Interrupted") from None


def interrupted(ended: BaseException, words: str) -> KeyboardInterrupt:
    """What Ctrl-C is to Python: `except Exception` around a series of runs must not go on with the next."""
    made = KeyboardInterrupt(words)
    for name in ("run_id", "run", "result"):
        setattr(made, name, getattr(ended, name, None))
    return made


def given_or_own(workspace: Workspace | None) -> Workspace:
    """The workspace that was given, or that of the environment."""
    return Workspace() if workspace is None else workspace
