"""Names to ids by the workspace's lists."""

from collections import Counter
from typing import Any

import pytest

from intercom_bulk_updater.errors import BadAnswer, ServerError, UsageError
from intercom_bulk_updater.operations.registry import operation_class
from intercom_bulk_updater.search.attributes import option_of
from intercom_bulk_updater.search.names import WorkspaceNames


def called(**names: str) -> list[dict[str, Any]]:
    return [{"id": identity.removeprefix("n"), "name": name} for identity, name in names.items()]


LISTS: dict[str, dict[str, Any]] = {
    "teams": {
        "teams": [
            *called(n5001="Support", n5002="Sales", n5004="Twins", n5005="twins", n5006="TWINS "),
            {"id": 5003, "name": "Tier 2"},
        ]
    },
    "admins": {
        "admins": [
            {"id": "7", "name": "Ann Lee", "email": "ann@example.com"},
            {"id": "8", "name": "Bob", "email": "bob@example.com"},
            {"id": "9", "name": "Bob", "email": "bob2@example.com"},
        ]
    },
    "tags": {"data": called(n86="incident", n99="2024", n2025="x", n3="2025")},
    "ticket_types": {
        "data": [
            {"id": "1", "name": "Bug", "archived": True, "ticket_type_attributes": {"data": []}},
            {"id": "2", "name": "Bug", "ticket_type_attributes": {"data": []}},
        ]
    },
    "ticket_states": {
        "data": [
            {
                "id": "4",
                "internal_label": "With Dev Team",
                "external_label": "In Progress",
                "category": "in_progress",
                "ticket_types": {"data": [{"id": "2"}]},
            }
        ]
    },
    "segments": {"segments": []},
    "me": {"type": "admin", "id": "7", "name": "Ann Lee"},
}


class Server:
    """Answers from LISTS and counts."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, path: str) -> dict[str, Any]:
        self.asked[path] += 1
        return LISTS[path]


@pytest.mark.parametrize(
    ("kind", "typed", "identity", "name"),
    [
        ("team", "Support", "5001", "Support"),
        ("team", " support ", "5001", "Support"),
        ("team", "tier  2", "5003", "Tier 2"),
        ("team", "5003", "5003", "Tier 2"),
        ("team", "Twins", "5004", "Twins"),
        ("admin", "ann lee", "7", "Ann Lee"),
        ("admin", "ANN@example.com", "7", "Ann Lee"),
        ("admin", "bob2@example.com", "9", "Bob"),
        ("admin", "8", "8", "Bob"),
        ("admin", "me", "7", "Ann Lee"),
        ("tag", "incident", "86", "incident"),
        ("tag", "2024", "99", "2024"),
        ("tag", "id:2025", "2025", "x"),
        ("ticket_type", "Bug", "2", "Bug"),
        ("ticket_type", "1", "1", "Bug"),
        ("ticket_state", "in progress", "4", "With Dev Team"),
    ],
)
def test_resolve(kind: str, typed: str, identity: str, name: str) -> None:
    """A name, in any capitals, or an id finds its item; an admin is found by e-mail too."""
    found = WorkspaceNames(Server()).resolve(kind, typed)
    assert (found.id, found.name) == (identity, name)


def test_lists_are_read_once_and_late() -> None:
    """Each list is read when first needed, and then kept."""
    server = Server()
    names = WorkspaceNames(server)
    assert not server.asked
    for _ in range(3):
        names.resolve("team", "Support")
        names.label("team", "5002")
        names.resolve("admin", "me")
    assert server.asked == {"teams": 1, "me": 1}


def test_unknown_name() -> None:
    """An unknown name is refused with the nearest ones and how many there are."""
    with pytest.raises(UsageError) as caught:
        WorkspaceNames(Server()).resolve("team", "Suport")
    assert "6 teams" in caught.value.message
    assert "Nearest: Support (5001)" in caught.value.message
    assert caught.value.message.count("(") == 3


def test_unknown_id() -> None:
    """Digits that are neither an id nor a name are refused with the nearest."""
    with pytest.raises(UsageError, match=r"Nearest: .*Support \(5001\)"):
        WorkspaceNames(Server()).resolve("team", "50011")


@pytest.mark.parametrize(
    ("kind", "typed", "ids"),
    [("admin", "Bob", "8 .*9"), ("team", "tWINS", "5004.*5005.*5006"), ("tag", "2025", "2025.*3")],
)
def test_ambiguous(kind: str, typed: str, ids: str) -> None:
    """A name that several carry, or that is the id of another, is refused with the ids."""
    with pytest.raises(UsageError, match=ids):
        WorkspaceNames(Server()).resolve(kind, typed)


def test_empty_list() -> None:
    """A workspace without any says so."""
    with pytest.raises(UsageError, match="no segments"):
        WorkspaceNames(Server()).resolve("segment", "vips")


def test_not_a_list() -> None:
    """An answer without the list is an error of the server, not an unknown name."""
    with pytest.raises(BadAnswer, match="/teams"):
        WorkspaceNames(lambda _path: {}).resolve("team", "Support")


def test_labels() -> None:
    """A label is the name with the id, and the id alone where the list does not help."""
    names = WorkspaceNames(Server())
    assert [names.label("team", "5003"), names.label("team", "1"), names.label("planet", "3")] == [
        "Tier 2 (5003)",
        "1",
        "3",
    ]

    def broken(_path: str) -> dict[str, Any]:
        raise ServerError(status=503)

    assert WorkspaceNames(broken).label("team", "5001") == "5001"


@pytest.mark.parametrize("name", ["x\n✓ Done: 5 of 5", "long" * 2500, "\x1b[31mred\u202e"])
@pytest.mark.parametrize("typed", ["y", "long" * 2500, "y\nz"])
def test_names_are_quoted_on_one_line_and_cut(name: str, typed: str) -> None:
    """A name of the server, or one that was typed, neither forges a line of the account nor fills the screen."""
    names = WorkspaceNames(lambda path: {"teams": [{"id": 1, "name": name}, {"id": 2, "name": name}]})
    attribute = {"name": name, "options": [{"label": name, "id": "o"}]}
    for fail in (lambda: names.resolve("team", typed if typed != name else "y"), lambda: names.resolve("team", name),
                 lambda: option_of(attribute, typed + "?"), lambda: operation_class(typed)):  # fmt: skip
        with pytest.raises(UsageError) as error:
            fail()
        assert "\n" not in error.value.message and "\x1b" not in error.value.message
        assert len(error.value.message) < 800
    assert "\n" not in names.label("team", "1") and len(names.label("team", "1")) < 70
