"""The recipe table: what was begun, found again by what people type."""

from __future__ import annotations

import time

from sqlalchemy import Connection, RowMapping, insert, inspect, select, update

from intercom_bulk_updater.errors import NoSuchRun

from . import schema
from .database import Database
from .records import NewRecipe, RecipeRecord
from .runs import new_id
from .serialization import pack_json, unpack_or_empty

_recipe = schema.recipe


class Recipes:
    """Rows of the recipe table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, fields: NewRecipe) -> RecipeRecord:
        """A new row, with an id of its own."""
        now = time.time()
        texts = dict.fromkeys(("workspace", "base_url", "author", "timezone"), "")
        values = {**texts, **fields, "consent": pack_json(fields["consent"]), "created_at": now, "ending": ""}
        with self._database.transaction() as connection:
            while True:
                made = new_id("", fields["name"].replace(" ", "-"), now)
                if connection.scalar(select(_recipe.c.number).where(_recipe.c.id == made)) is None:
                    break
            connection.execute(insert(_recipe).values(id=made, **values))
            return _by_id(connection, made)

    def find(self, ref: str, base_url: str | None) -> RecipeRecord:
        """By exact id, `latest` (of those at `base_url`), or unique prefix."""
        ref, every = ref.strip(), self.newest()
        if ref == "latest" and every:
            here = [one for one in every if base_url is None or one.base_url in (base_url, "")]
            if here:
                return here[0]
            raise NoSuchRun(
                f"No recipe was begun at {base_url} yet. The newest of another is {every[0].id}, of workspace {every[0].workspace!r} at "
                f"{every[0].base_url}: give its id if that is what you mean."
            )
        found = [one for one in every if ref and one.id.startswith(ref.lower())]
        exact = [one for one in found if one.id == ref.lower()] or found
        if len(exact) == 1:
            return exact[0]
        if exact:
            raise NoSuchRun(f"{ref!r} is the beginning of several recipes: {', '.join(one.id for one in exact)}. Type more of it.")
        raise NoSuchRun(f"No recipe {ref!r} was begun.", hint="intercom-bulk recipes list shows all.")

    def newest(self) -> list[RecipeRecord]:
        """Newest first; what a journal lacks that an older program wrote, and that is only read, is left out."""
        with self._database.reading() as connection:
            found = inspect(connection)
            if not found.has_table(_recipe.name):
                return []
            columns = [_recipe.c[one["name"]] for one in found.get_columns(_recipe.name)]
            return [_record(row) for row in connection.execute(select(*columns).order_by(_recipe.c.number.desc())).mappings()]

    def end(self, recipe: str, ending: str) -> RecipeRecord:
        """Say that it is over."""
        with self._database.transaction() as connection:
            still = (_recipe.c.id == recipe) & _recipe.c.ended_at.is_(None)
            connection.execute(update(_recipe).where(still).values(ended_at=time.time(), ending=ending))
            return _by_id(connection, recipe)


def _by_id(connection: Connection, recipe: str) -> RecipeRecord:
    return _record(connection.execute(select(_recipe).where(_recipe.c.id == recipe)).mappings().one())


def _record(row: RowMapping) -> RecipeRecord:
    return RecipeRecord(**{**row, "consent": unpack_or_empty(row["consent"])})
