"""The way to the server as the environment describes it: proxy and certificates, checked as settings are.

The variables are those that curl, requests and other tools read, so that what works for them works here
(docs/howto/network.md). Raises ConfigurationError, naming the variable and the fix, before anything is sent.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConfigurationError
from ..parsing.environment import is_host

_FORM = "write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT"
_PAGE = "See docs/howto/network.md."
_BUNDLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where the trusted certificates may be named: by the first two together, or else by the first of the others."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """A proxy, and the variable that names it ("the system's settings" where none does)."""

    url: str
    """Scheme, host and port."""
    auth: tuple[str, str] | None
    origin: str

    def __str__(self) -> str:
        return f"{self.url.partition('://')[2]} ({self.origin})"


def proxy_for(url: str) -> ProxySettings | None:
    """The proxy that the environment names for this address; None for this machine itself, and without one."""
    parts = urlsplit(url)
    if is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return None
    known = getproxies()
    for scheme in (parts.scheme, "all"):
        value = (known.get(scheme) or "").strip()
        if value:
            return _checked(value, _named(f"{scheme}_proxy"))
    return None


def _named(variable: str) -> str:
    return next((name for name in (variable, variable.upper()) if os.environ.get(name)), "the system's settings")


def _checked(value: str, origin: str) -> ProxySettings:
    shown = re.sub(r"^((?:[a-z0-9+.-]*:)?(?://)?)[^@]*@", r"\1***@", value, flags=re.IGNORECASE)
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{origin} is {shown!r}, and has a host or a port that cannot be: {_FORM}.") from None
    if not parts.scheme:
        raise ConfigurationError(f"{origin} is {shown!r}, which is not an address of a proxy: {_FORM}.")
    if parts.scheme.startswith("socks"):
        if importlib.util.find_spec("socksio") is None:
            raise ConfigurationError(
                f"{origin} is {shown!r}: a SOCKS proxy needs the package socksio (pip install socksio). Install it, or name an "
                f"HTTP proxy in HTTPS_PROXY ({_FORM})."
            )
    elif parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{origin} is {shown!r}, and {parts.scheme} is not a kind of proxy: {_FORM}.")
    if not host or re.search(r"\s", value) or port == 0 or parts.path not in ("", "/") or not is_host(host):
        raise ConfigurationError(f"{origin} is {shown!r}, which is not an address of a proxy: {_FORM}.")
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return ProxySettings(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", auth, origin)


def named_certificates() -> ssl.SSLContext | None:
    """Trust in the certificates that the environment names; None where it names none."""
    for variable in _BUNDLES:
        if _named_in(variable):
            _check_bundle(variable)  # also one that does not count: other libraries of the same process go by it
    chosen = [name for name in _BUNDLES[:2] if _named_in(name)] or [name for name in _BUNDLES[2:] if _named_in(name)][:1]
    if not chosen:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for variable in chosen:
        _load(context, variable)
    return context


def _named_in(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def trusted_by() -> str:
    """The variable that names the trusted certificates; "" for the system's."""
    return next((name for name in _BUNDLES if _named_in(name)), "")


def _paths(variable: str) -> tuple[list[Path], bool]:
    """The files or folders that a variable names, and whether they are to be files."""
    value = _named_in(variable)
    if variable == "SSL_CERT_DIR":
        return [Path(one) for one in value.split(os.pathsep)], False
    return [Path(value)], not Path(value).is_dir() or variable == "SSL_CERT_FILE"


def _check_bundle(variable: str) -> None:
    paths, files = _paths(variable)
    for path in paths:
        if not path.exists() or path.is_dir() == files:
            what = "does not exist" if not path.exists() else "is a folder" if files else "is a file"
            raise ConfigurationError(f"{variable} is {str(path)!r}, which {what}: name {_wanted(files)}, or unset {variable}. {_PAGE}")


def _wanted(files: bool) -> str:
    return "a file with certificates in PEM form" if files else "a folder of certificates, as c_rehash makes it"


def _load(context: ssl.SSLContext, variable: str) -> None:
    paths, files = _paths(variable)
    for path in paths:
        try:
            context.load_verify_locations(cafile=path if files else None, capath=None if files else path)
        except (OSError, ssl.SSLError) as exc:
            why = "it has no certificate" if isinstance(exc, ssl.SSLError) else exc.strerror or str(exc)
            raise ConfigurationError(
                f"{variable} is {str(path)!r}, which cannot be read ({why}): name {_wanted(files)}, or unset {variable}. {_PAGE}"
            ) from None


def one_name(netloc: str) -> str:
    """Host and port by one name for one server: this machine has several.

    >>> one_name("127.0.0.1:8080") == one_name("[::1]:8080") == one_name("LocalHost:8080")
    True
    """
    host, colon, port = netloc.lower().rpartition(":") if not netloc.endswith("]") else (netloc.lower(), "", "")
    host, port = (host, colon + port) if port.isdigit() else (netloc.lower(), "")
    return f"localhost{port}" if is_loopback(f"//{host}") else netloc.lower()


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def connection_problem(exc: BaseException, base: str, proxy: ProxySettings | None, *, by_proxy: bool) -> tuple[str, str, bool]:
    """Why there is no connection: in words, what to do about it, and whether that is a matter of settings, which no waiting mends.

    `by_proxy`: the proxy answered, and `exc` is what it said: a status and a few words.
    """
    said = str(exc) or type(exc).__name__
    cause = next((one for one in _causes(exc) if isinstance(one, ssl.SSLError)), None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        named = trusted_by()
        where = f"the certificates of {named}" if named else "the certificates of this system"
        fix = (
            f"If a proxy or a firewall opens the connections of your network, name its certificate in SSL_CERT_FILE. {_PAGE}"
            if not named else f"Add the certificate to the file that {named} names, or unset {named}. {_PAGE}"
        )  # fmt: skip
        if "expired" in cause.verify_message or "not yet valid" in cause.verify_message:
            fix = f"Check the clock of this machine. {fix}"
        return f"The certificate of {base} is not trusted by {where}: {cause.verify_message}.", fix, True
    if proxy is None:
        if cause is not None and "EOF" not in str(cause):
            return f"There is no TLS connection to {base}: {said}.", f"A proxy or a firewall may stand in between. {_PAGE}", False
        return f"There is no connection to {base}: {said}", "", False
    check = f"Check {proxy.origin}, or unset it. {_PAGE}"
    if by_proxy:
        refused = said[:3] if said[:3].isdigit() else ""
        if refused == "407":
            return f"The proxy {proxy} wants a user name and a password, or others (407).", f"In the variable {_FORM}. {_PAGE}", True
        if refused[:1] == "4":
            allow = f"Ask who runs it to allow the address. {_PAGE}"
            return f"The proxy {proxy} refuses to connect to {base} ({said.strip()}).", allow, True
        return f"The proxy {proxy} does not connect to {base}: {said.strip()}.", check, False
    return f"There is no connection by way of the proxy {proxy}: {said}.", check, False


def _causes(exc: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while exc is not None and len(found) < 8:
        found.append(exc)
        exc = exc.__cause__ or exc.__context__
    return found
