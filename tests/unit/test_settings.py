"""Settings: where values come from, and what is wrong with bad ones."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, fields
from pathlib import Path

import pytest

from intercom_bulk_updater.errors import ConfigurationError, MissingToken
from intercom_bulk_updater.settings import VARIABLES, Settings, load

TOKEN = "dG9rOjEyMzQ1Njc4"
REPO = Path(__file__).parents[2]


def dotenv(folder: Path, text: str) -> Path:
    (folder / ".env").write_text(text, encoding="utf-8")
    return folder


def test_defaults(tmp_path: Path) -> None:
    """Without anything set, the documented defaults hold, and say that they are defaults."""
    settings = load({}, tmp_path)
    assert (settings.region, settings.base_url, settings.api_version) == (
        "us",
        "https://api.intercom.io",
        "2.16",
    )
    assert settings.home.name == "intercom-bulk"
    assert settings.access_token is settings.admin_id is settings.inbox_id is None
    assert {settings.origin(name) for name in VARIABLES} == {"default"}


def test_precedence(tmp_path: Path) -> None:
    """An argument wins over the environment, that over .env, that over the default."""
    folder = dotenv(tmp_path, "INTERCOM_REGION=eu\nINTERCOM_ADMIN_ID=1\nINTERCOM_INBOX_ID='2'\n")
    settings = load({"INTERCOM_ADMIN_ID": "3", "INTERCOM_INBOX_ID": "4"}, folder, inbox_id=5, home=None)
    assert (settings.region, settings.admin_id, settings.inbox_id) == ("eu", "3", "5")
    origins = [settings.origin(name) for name in ("region", "admin_id", "inbox_id", "home")]
    assert origins == [".env", "environment", "argument", "default"]


def test_dotenv_of_this_folder_alone(tmp_path: Path) -> None:
    """A .env of a folder above is not read."""
    dotenv(tmp_path, "INTERCOM_REGION=eu\n")
    below = tmp_path / "below"
    below.mkdir()
    assert load({}, below).region == "us"


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("us", "https://api.intercom.io"),
        ("EU", "https://api.eu.intercom.io"),
        ("au", "https://api.au.intercom.io"),
    ],
)
def test_region_decides_the_url(tmp_path: Path, region: str, url: str) -> None:
    """The base URL follows the region, and one that is set wins over it."""
    assert load({"INTERCOM_REGION": region}, tmp_path).base_url == url
    own = {"INTERCOM_REGION": region, "INTERCOM_BASE_URL": "http://127.0.0.1:8080/"}
    assert load(own, tmp_path).base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("INTERCOM_REGION", "uk", "us, eu or au"),
        ("INTERCOM_REGION", "US-east", "us, eu or au"),
        ("INTERCOM_BASE_URL", "api.intercom.io", "scheme"),
        ("INTERCOM_BASE_URL", "ftp://api.intercom.io", "https://"),
        ("INTERCOM_BASE_URL", "http://api.intercom.io", "in clear"),
        ("INTERCOM_BASE_URL", "http://localhost.example.com", "in clear"),
        ("INTERCOM_BASE_URL", "https://", "scheme"),
        ("INTERCOM_BASE_URL", "https://x:99999", "URL"),
        ("INTERCOM_BASE_URL", "https://api..intercom.io", "no server can have"),
        ("INTERCOM_BASE_URL", "https://.intercom.io", "no server can have"),
        ("INTERCOM_BASE_URL", f"https://{'a' * 64}.io", "no server can have"),
        ("INTERCOM_BASE_URL", "https://a%20b.io", "no server can have"),
        ("INTERCOM_BASE_URL", "https://api.intercom.io/?a=b", "before any"),
        ("INTERCOM_API_VERSION", "banana", "2.16"),
        ("INTERCOM_API_VERSION", "1.4", "no search"),
        ("INTERCOM_API_VERSION", "2.016", "2.16"),
        ("INTERCOM_ADMIN_ID", "your_admin_id", "digits only"),
        ("INTERCOM_ADMIN_ID", "-5", "digits only"),
        ("INTERCOM_ADMIN_ID", "0", "digits only"),
        ("INTERCOM_INBOX_ID", "Support", "digits only"),
    ],
)
def test_malformed(tmp_path: Path, variable: str, value: str, says: str) -> None:
    """A malformed value is an error that names the variable, the value and the fix, from either source."""
    for env, text, where in (({variable: value}, "", ""), ({}, f"{variable}={value}", ".env")):
        dotenv(tmp_path, text)
        with pytest.raises(ConfigurationError, match=says) as caught:
            load(env, tmp_path)
        assert caught.value.exit_code == 10
        assert all(part in caught.value.message for part in (variable, repr(value), where))


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.8.8.8", "http://[::1]:80", "https://proxy.example.com/intercom", "https://ünïcode.example", "https://my_box.example."]
)
def test_urls_that_are_fine(tmp_path: Path, url: str) -> None:
    """Plain http is for this machine alone; https may go anywhere, under a path too."""
    assert load({"INTERCOM_BASE_URL": url}, tmp_path).base_url == url


@pytest.mark.parametrize("typed", [TOKEN, f" {TOKEN}\n", f"Bearer {TOKEN}", f"bearer  {TOKEN}\r\n"])
def test_token_is_cleaned(tmp_path: Path, typed: str) -> None:
    """White space around the token, and a `Bearer` before it, are left out."""
    assert load({"INTERCOM_ACCESS_TOKEN": typed}, tmp_path).require_token() == TOKEN


@pytest.mark.parametrize("inside", [" ", "\n", "\u2026", '"', "\x00"])
def test_bad_token(tmp_path: Path, inside: str) -> None:
    """A token that cannot be one is refused by its variable's name, and never shown."""
    typed = TOKEN + inside if inside == '"' else TOKEN[:5] + inside + TOKEN[5:]
    with pytest.raises(ConfigurationError) as caught:
        load({"INTERCOM_ACCESS_TOKEN": typed}, tmp_path)
    assert "INTERCOM_ACCESS_TOKEN" in caught.value.message
    assert TOKEN[5:] not in caught.value.message
    assert caught.value.__cause__ is None


def test_token_is_never_shown(tmp_path: Path) -> None:
    """Neither repr nor str of the settings, nor of their values, shows the token."""
    settings = load({"INTERCOM_ACCESS_TOKEN": TOKEN}, tmp_path)
    for shown in (repr(settings), str(settings), str(asdict(settings)), f"{settings!r}"):
        assert TOKEN not in shown


def test_missing_token(tmp_path: Path) -> None:
    """Settings can be read without a token, and asking for it then exits with 4 and names the variable."""
    for env, says in (({}, "not set"), ({"INTERCOM_ACCESS_TOKEN": " "}, "empty")):
        with pytest.raises(MissingToken, match=f"INTERCOM_ACCESS_TOKEN is .*{says}") as caught:
            load(env, tmp_path).require_token()
        assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("INTERCOM_ACESS_TOKEN", "INTERCOM_ACCESS_TOKEN"),
        ("INTERCOM_TOKEN", "INTERCOM_ACCESS_TOKEN"),
        ("intercom_access_token", "INTERCOM_ACCESS_TOKEN"),
        ("INTERCOM_REGOIN", "INTERCOM_REGION"),
        ("INTERCOM_BASE_URI", "INTERCOM_BASE_URL"),
        ("INTERCOM_ADMINID", "INTERCOM_ADMIN_ID"),
    ],
)
def test_slips_of_the_pen(tmp_path: Path, typed: str, meant: str) -> None:
    """A name that is nearly right is an error with the right one, unless the right one is set too."""
    with pytest.raises(ConfigurationError, match=f"{typed} .*rename it to {meant}"):
        load({typed: "1"}, tmp_path)
    with pytest.raises(ConfigurationError, match=rf"{typed} is set in \.env"):
        load({}, dotenv(tmp_path, f"{typed}=1"))
    value = {"INTERCOM_REGION": "eu", "INTERCOM_BASE_URL": "https://x.example"}.get(meant, "1")
    load({typed: "1", meant: value}, tmp_path)


def test_names_of_others(tmp_path: Path) -> None:
    """Variables of other programs are let be."""
    load({"INTERCOM_APP_ID": "abc", "INTERCOM_OPENAPI": "x", "INTERCOM_SECRET": "s", "HOME": "/"}, tmp_path)


def test_token_as_argument(tmp_path: Path) -> None:
    """A token that is given as an argument needs no variable, so a strange one does not matter."""
    assert load({"INTERCOM_TOKEN": "x"}, tmp_path, access_token=TOKEN).require_token() == TOKEN


def test_own_prefix_is_strict(tmp_path: Path) -> None:
    """An unknown INTERCOM_BULK_* is always an error with the nearest name."""
    with pytest.raises(ConfigurationError, match="nearest is INTERCOM_BULK_HOME"):
        load({"INTERCOM_BULK_HOEM": "x", "INTERCOM_BULK_HOME": "y"}, tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [('A=1\nINTERCOM_ACCESS_TOKEN="dG9rOj', 2), ("\n\nINTERCOM_REGION", 3), ("INTERCOM_REGION: eu\n", 1)],
)
def test_malformed_dotenv(tmp_path: Path, text: str, line: int) -> None:
    """A line of .env that cannot be read is named by its number, and not shown."""
    with pytest.raises(ConfigurationError, match=f"line {line},") as caught:
        load({}, dotenv(tmp_path, text))
    assert "dG9rOj" not in caught.value.message


def test_a_token_in_the_wrong_variable_is_not_said_back(tmp_path: Path) -> None:
    """The error names the variable and what it must be, and not what it holds."""
    for variable in ("INTERCOM_REGION", "INTERCOM_BASE_URL", "INTERCOM_API_VERSION"):
        with pytest.raises(ConfigurationError, match=variable) as caught:
            load({variable: "dG9rOjEyMzQ1Njc4OTA="}, tmp_path)
        assert "dG9r" not in str(caught.value)


def test_dotenv_with_mark_and_of_other_encoding(tmp_path: Path) -> None:
    """A byte order mark does not hide the first name, UTF-16 is read, and an encoding that has to be guessed is an error."""
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfINTERCOM_REGION=eu\r\n# comment\r\nexport INTERCOM_INBOX_ID=5\r\n")
    settings = load({}, tmp_path)
    assert (settings.region, settings.inbox_id) == ("eu", "5")
    (tmp_path / ".env").write_bytes("INTERCOM_REGION=au\r\n".encode("utf-16"))
    assert load({}, tmp_path).region == "au"
    (tmp_path / ".env").write_bytes("INTERCOM_REGION=eu\n# für alle".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load({}, tmp_path)


def test_emptied_variable(tmp_path: Path) -> None:
    """An empty variable is as none, but is refused where it would hide a value of .env."""
    assert load({"INTERCOM_REGION": "", "INTERCOM_BASE_URL": " "}, tmp_path).region == "us"
    with pytest.raises(ConfigurationError, match="INTERCOM_REGION is empty"):
        load({"INTERCOM_REGION": ""}, dotenv(tmp_path, "INTERCOM_REGION=eu"))


def test_home(tmp_path: Path) -> None:
    """The state folder is taken from the working folder on, and is not a file."""
    assert load({"INTERCOM_BULK_HOME": "state"}, tmp_path).home == tmp_path / "state"
    assert load({"INTERCOM_BULK_HOME": "~/state"}, tmp_path).home == Path("~/state").expanduser()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"INTERCOM_BULK_HOME is .*folder"):
        load({"INTERCOM_BULK_HOME": "file"}, tmp_path)
    # No folder can ever be there: what would be read as one that is empty is refused.
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "round").symlink_to("round")
    for home, said in (
        ("file/below/deep", "a part of its path is a file"), ("nowhere", "a link to nothing"), ("round", "can be opened"),
        ("x" * 300, "too long"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match=rf"INTERCOM_BULK_HOME is .*{said}"):
            load({"INTERCOM_BULK_HOME": home}, tmp_path)


def test_bad_argument(tmp_path: Path) -> None:
    """A bad argument is refused by the setting's name."""
    with pytest.raises(ConfigurationError, match=r"^region \(given as an argument\)"):
        load({}, tmp_path, region="mars")


def test_unknown_argument(tmp_path: Path) -> None:
    """An argument that is no setting is a mistake in the program."""
    with pytest.raises(TypeError, match="wrokers"):
        load({}, tmp_path, wrokers=3)


def test_frozen(tmp_path: Path) -> None:
    """Settings do not change under way."""
    with pytest.raises(FrozenInstanceError):
        load({}, tmp_path).region = "eu"  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    """Every setting says what it is."""
    assert [one.name for one in fields(Settings) if one.name in VARIABLES and not one.metadata["is"]] == []
    assert {*VARIABLES} == {one.name for one in fields(Settings)} - {"origins"}


def test_import_is_light() -> None:
    """Reading settings does not import what only .env or the network needs."""
    unwanted = {"dotenv", "requests", "httpcore2", "sqlalchemy", "rich", "pydantic", "platformdirs"}
    code = f"import sys, intercom_bulk_updater.settings; print({unwanted} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
