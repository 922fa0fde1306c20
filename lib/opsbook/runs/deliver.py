"""Where messages go: addresses of services out of the environment, spoken to through Apprise, never shown in full.

Apprise is imported only here. It gets its addresses from us alone: its own configuration files belong to its own
command, it keeps nothing on disk, makes no keys, and names no picture on somebody else's server.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.runs.execution import ADDRESSES

VARIABLE = ADDRESSES
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][\w+.-]*://)|\s+")
_OWN_SERVERS = ("json", "jsons", "xml", "xmls", "form", "forms")  # their path may be the secret
_QUIET: Mapping[str, Any] = {
    "app_id": "Opsbook",
    "app_desc": "Opsbook",
    "app_url": "",
    "image_url_mask": "",
    "image_url_logo": "",
    "storage_mode": "memory",
    "pgp_autogen": False,
    "pem_autogen": False,
}


@dataclass(frozen=True)
class Target:
    """One address: how it is shown, what tells it from others, whether it takes Markdown and files."""

    shown: str
    key: str
    markdown: bool
    files: bool
    service: Any = field(repr=False, compare=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def variable(company: str, environment: Mapping[str, str]) -> str:
    """The variable that holds the company's addresses: its own where that is set, else the common one."""
    own = f"{VARIABLE}_{re.sub(r'[^A-Za-z0-9]', '_', company).upper()}"
    return own if environment.get(own, "").strip() else VARIABLE


def targets(company: str, environment: Mapping[str, str]) -> list[Target]:
    """The company's targets; raises ParameterError naming the variable when there is none or one cannot be read."""
    name = variable(company, environment)
    addresses = [part.strip(" ,") for part in _BETWEEN.split(environment.get(name, "")) if part.strip(" ,")]
    if not addresses:
        raise ParameterError(
            "Nobody is named to send messages to",
            found=f"{name} is not set",
            fix=f"set {VARIABLE} to addresses of Apprise, such as feishu://TOKEN or mailto://USER:PASSWORD@HOST",
        )
    return [_target(address, f"address {place} in {name}") for place, address in enumerate(addresses, 1)]


def deliver(target: Target, *, title: str, body: str, markdown: bool, files: Sequence[Path] = ()) -> str:
    """Send one message; "" when the service took it, else what Apprise says went wrong, without secrets."""
    import apprise

    sender = apprise.Apprise(asset=_asset())
    sender.add(target.service)
    told = apprise.NotifyFormat.MARKDOWN if markdown else apprise.NotifyFormat.TEXT
    with warnings.catch_warnings(), apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:
        warnings.simplefilter("ignore")
        try:
            taken = sender.notify(
                body=body, title=title, body_format=told, attach=[str(file) for file in files] or None
            )
        except Exception as broken:
            return _without(f"{type(broken).__name__}: {broken}", target.secrets)
        return "" if taken else _without(log.getvalue().strip() or "the service did not take it", target.secrets)


def _target(address: str, place: str) -> Target:
    import apprise

    with warnings.catch_warnings(), apprise.LogCapture(level=apprise.logging.ERROR):
        warnings.simplefilter("ignore")
        service = apprise.Apprise.instantiate(address, asset=_asset())
    if service is None:
        raise ParameterError(
            f"Apprise cannot read {place}",
            fix="see Apprise's list of services for how each address is written; the address is not shown on purpose",
        )
    shown = _masked(service)
    return Target(shown, _key(address), *_takes(service), service, _secrets(address, shown))


def _asset() -> Any:
    import apprise

    return apprise.AppriseAsset(**_QUIET)


def _takes(service: Any) -> tuple[bool, bool]:
    """Whether the service takes Markdown (or HTML, which Apprise makes of it), and files."""
    told = service.notify_format
    formats = {str(getattr(one, "value", one)) for one in (told if isinstance(told, tuple | list) else (told,))}
    return bool(formats & {"markdown", "html"}), bool(service.attachment_support)


def _masked(service: Any) -> str:
    """Apprise's own masked address without its options, and for a server of one's own without its path."""
    scheme, _, rest = str(service.url(privacy=True)).split("?")[0].partition("://")
    return f"{scheme}://{rest.split('/')[0]}/" if scheme in _OWN_SERVERS else f"{scheme}://{rest}"


def _key(address: str) -> str:
    """What tells targets apart in the record; slow to make, so that nobody can try out passwords on it."""
    return hashlib.scrypt(address.encode(), salt=b"opsbook", n=2**14, r=8, p=1, dklen=12).hex()


def _secrets(address: str, shown: str) -> tuple[str, ...]:
    """The pieces of the address that its masked form does not show."""
    return tuple(piece for piece in re.split(r"[^\w.-]+", address) if len(piece) > 3 and piece not in shown)


def _without(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "****")
    return text
