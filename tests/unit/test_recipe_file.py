"""A recipe is refused with its line, before anything of it is done; the schema for editors says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from intercom_bulk_updater.errors import UsageError
from intercom_bulk_updater.operations.conversations.history import is_silent
from intercom_bulk_updater.service import recipe_schema
from intercom_bulk_updater.service.recipe_file import Step, Wait, open_recipe, parse_recipe
from intercom_bulk_updater.service.recipes import check_offline

READY = sorted((Path(__file__).parents[2] / "docs" / "recipes").glob("*.yaml"))
GOOD = """\
recipe: Good
steps:
  - step: mark
    verb: conversations.tag
    where: state = open
    with:
      tag: [0123, 7003]
  - wait: 1d
  - step: close
    verb: conversations.close
    from: mark
"""


def read(text: str) -> Any:
    """The recipe of a text, checked as far as no workspace is needed."""
    recipe = parse_recipe(text, Path("/somewhere/recipe.yaml"))
    check_offline(recipe)
    return recipe


def test_a_recipe_is_read_as_it_stands() -> None:
    """Ids keep their zeros, waits have seconds, and the parameters those of the verb."""
    mark, wait, close = read(GOOD).entries
    assert isinstance(mark, Step) and mark.parameters == {"tag": ["0123", "7003"]} and mark.line == 3
    assert isinstance(wait, Wait) and wait.seconds == 86_400
    assert isinstance(close, Step) and close.given == {"from": "mark"} and close.resource == "conversations"


WRONG = [
    ("steps:", "stepz:", 2, "'stepz' is not a key of a recipe: did you mean steps"),
    ("recipe: Good", "recipe: [Good]", 1, "recipe is a text, not a list"),
    ("verb: conversations.tag", "verb: conversations.tga", 4, "Unknown operation 'conversations.tga'. Nearest: conversations.tag"),
    ("verb: conversations.tag", "verb: conversations.undo", 4, "not a verb that a step can have"),
    ("    verb: conversations.tag\n", "", 3, "a step with its verb"),
    ("where: state = open", "wher: state = open", 5, "'wher' is not a key of a step: did you mean where"),
    ("where: state = open", "limit: 0", 5, "limit is 1 or more"),
    ("where: state = open", "ids: []", 5, "ids is empty"),
    ("    where: state = open\n", "", 3, "one of where, query, ids, csv, from; none is given"),
    ("where: state = open", "where: state = open\n    ids: [1]", 3, "given are where and ids"),
    ("where: state = open", "where: state = open\n    max: 5x", 3, "mark: max: "),
    ("where: state = open", "where: state = open\n    verify: some", 6, "verify is one of none, sample, all"),
    ("where: state = open", "where: state = open\n    customer_visible: yes", 6, "customer_visible is true or false, not 'yes'"),
    ("where: state = open", "where: true", 5, "where is a text, not true. If a text is meant, put it in quotes."),
    ("where: state = open", "where: a\n    where: b", 6, "where stands here twice"),
    ("where: state = open", "where: &x a", 5, "Tags (!) and aliases"),
    ("where: state = open", "where: !!python/object:os.system a", 5, "Tags (!) and aliases"),
    ("where: state = open", "where: [a", 6, "This is not YAML"),
    ("tag: [0123, 7003]", "tag: incident", 7, "with.tag is a list, not 'incident'. Write [incident]."),
    ("tag: [0123, 7003]", "tga: [x]", 7, "'tga' is not a key of with: did you mean tag"),
    ("tag: [0123, 7003]", "create_tag: true", 6, "with needs tag"),
    ("    with:\n      tag: [0123, 7003]\n", "", 3, "a step needs with"),
    ("tag: [0123, 7003]", "tag: ['{{x}}']", 3, "mark: "),
    ("wait: 1d", "wait: 7", 8, "wait is a text, not 7"),
    ("wait: 1d", "wait: soon", 8, "wait: 'soon' is not a duration"),
    ("wait: 1d", "wait: 1d\n    then: x", 9, "'then' is not a key of a wait"),
    ("step: close", "step: mark", 9, "Two steps are called mark"),
    ("step: close", "step: Close it", 9, "small letters, digits and hyphens"),
    ("from: mark", "from: nobody", 9, "from: nobody is not an earlier step on conversations; there are: mark"),
    ("from: mark", "from: close", 9, "not an earlier step"),
    ("from: mark", "query: 7", 11, "query is keys with values, not 7"),
    ("from: mark", "query: {field: state, operator: '=', value: open}\n    ids: [1]", 9, "given are query and ids"),
    ("from: mark", "where: state = open\n    exclude: []", 12, "exclude is empty"),
    ("from: mark", "where: state = open\n    if_no_reply: true", 9, "if_no_reply stands beside from"),
    ("conversations.close", "contacts.archive", 9, "not an earlier step on contacts; there are: none"),
    ("    from: mark\n", "    from: mark\n  - wait: 2d\n", 12, "Nothing follows this wait"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), WRONG, ids=[f"{new.strip()[:30]}" or "left out" for _, new, _, _ in WRONG])
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, line: int, said: str) -> None:
    """recipe.yaml, line 12: ..."""
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read(GOOD.replace(old, new, 1))
    assert caught.value.message.startswith(f"recipe.yaml, line {line}: "), caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["", "- a", "just words", "{" * 1200, "\x00", "a: b\n---\nc: d"])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    """Nothing that a file may hold is more than a usage error."""
    with pytest.raises(UsageError, match=re.escape("recipe.yaml")):
        read(text)


@pytest.mark.parametrize("file", READY, ids=lambda file: file.stem)
def test_the_ready_recipes_fit_both_checks(file: Path) -> None:
    """What the docs give away is right for us and for an editor."""
    check_offline(open_recipe(str(file)))
    Draft202012Validator(recipe_schema.schema()).validate(yaml.safe_load(file.read_text()))


def test_the_schema_for_editors_is_one_and_refuses_what_we_refuse() -> None:
    """It is of the draft that it names, has a branch for each verb, and the same judgement where a schema can have one."""
    schema = recipe_schema.schema()
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    assert judge.is_valid(yaml.safe_load(GOOD))
    for old, new, _, said in WRONG:
        text = GOOD.replace(old, new, 1)
        if any(word in said for word in ("no key", "needs with", "needs tag", "one of none", "a list", "or more", "is empty", "Unknown")):
            assert not judge.is_valid(yaml.safe_load(text)), new


@pytest.mark.parametrize(
    ("payload", "silent"),
    [
        ({"statistics": {"last_contact_reply_at": 99}}, True),
        ({"statistics": {"last_contact_reply_at": None}}, True),
        ({"statistics": {"last_contact_reply_at": 100}}, False),
        ({"statistics": {}, "waiting_since": 101}, False),
        ({"statistics": {}, "conversation_parts": {"conversation_parts": [{"author": {"type": "user"}, "created_at": 100}]}}, False),
        ({"statistics": {}, "conversation_parts": {"conversation_parts": [{"author": {"type": "admin"}, "created_at": 100}]}}, True),
        ({"conversation_parts": {"conversation_parts": []}}, True),
        ({"statistics": None}, False),
        ({}, False),
    ],
)
def test_silence_is_what_the_conversation_shows(payload: dict[str, Any], silent: bool) -> None:
    """Any sign of a message counts; where nothing tells, nobody is taken for silent."""
    assert is_silent(payload, 100) is silent
