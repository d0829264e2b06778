"""What a hub says of a model, and its files piece by piece: the public interface that Hugging Face's mirrors share."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from apps.catalog.errors import HoldsCode, HubUnknown, HubUnreachable, HubUnset, NotAModel
from apps.core.errors import AppError
from apps.core.netfetch import MIB, FetchRefused, Opened, Policy, fetch, listed_hosts, opened

FILE_MAX = 200 * 1024 * MIB
ABOUT_S = 30.0
WAIT_S = 60.0
OK, PARTIAL = 200, 206
MISSING = (401, 403, 404)
_KEPT = re.compile(r"(.+\.(safetensors|json|txt|model|gguf)|README\.md|LICENSE(\.(md|txt))?)")
_LEFT_OUT = re.compile(r"(^|/)(onnx|openvino|\.git|runs|coreml|tflite)/|\.index\.json\.tmp$")
_SAFE = re.compile(r"[A-Za-z0-9][\w.-]{0,180}(/[\w.-]{1,180}){0,4}")
_MIDDLE = ("q4_k_m", "q4_k_s", "q4_0", "q5_k_m", "q8_0", "f16")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a model; `sha256` is empty where the hub knows none (small files of text)."""

    name: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class HubModel:
    """What is to be fetched: the revision is a commit, so that a pause changes nothing."""

    hub_id: str
    revision: str
    licence: str = ""
    files: Sequence[HubFile] = field(default_factory=tuple)

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(each.size for each in self.files)


def policy(total_s: float = ABOUT_S) -> Policy:
    """Return what may be asked: the hub of KB_HUB_URL and the hosts of KB_HUB_HOSTS. Raises HubUnset."""
    own = urlsplit(settings.ENV.hub_url)
    if not own.hostname:
        raise HubUnset
    hosts = listed_hosts(settings.ENV.hub_hosts) | {own.netloc.lower()}
    internal = frozenset(host for host in hosts if ":" in host)
    return Policy(max_bytes=FILE_MAX, max_redirects=5, total_s=total_s, hosts=hosts, internal=internal)


def about(hub_id: str, file: str = "") -> HubModel:
    """Return what a hub has under an id, "owner/name" or "owner/name@revision". Raises HubUnreachable, HubUnknown."""
    name, _, revision = hub_id.partition("@")
    address = f"/api/models/{quote(name)}/revision/{quote(revision or 'main')}?blobs=true"
    try:
        answer = fetch(_url(address), policy=policy())
    except AppError as error:
        raise unreachable(error) from error
    if answer.status in MISSING:
        raise HubUnknown(hub_id=hub_id[:200])
    if answer.status != OK:
        raise HubUnreachable(reason=str(answer.status))
    try:
        found: Any = json.loads(answer.body)
        files = [_file(each) for each in found["siblings"]]
        commit = re.sub(r"[^\w.-]", "", str(found["sha"]))[:80]
    except (ValueError, TypeError, KeyError):
        raise HubUnreachable(reason="form") from None
    card = found.get("cardData")
    licence = str(card.get("license", ""))[:80] if isinstance(card, dict) else ""
    return HubModel(name, commit, licence, _chosen(files, file, hub_id))


def _file(row: dict[str, Any]) -> HubFile:
    large = row.get("lfs") or {}
    return HubFile(
        str(row["rfilename"]), int(large.get("size") or row.get("size") or 0), str(large.get("sha256") or "")
    )


def _chosen(files: Sequence[HubFile], file: str, hub_id: str) -> tuple[HubFile, ...]:
    """Return the files that make the model; code and pickles stay where they are. Raises NotAModel."""
    kept = [each for each in files if _SAFE.fullmatch(each.name) and ".." not in each.name.split("/")]
    kept = [each for each in kept if _KEPT.fullmatch(each.name) and not _LEFT_OUT.search(each.name)]
    weights = [each for each in kept if each.name.endswith(".gguf")]
    if weights:
        return tuple(_of_gguf(weights, file, hub_id) + [each for each in kept if each.name == "README.md"])
    tensors = [each for each in kept if each.name.endswith(".safetensors")]
    if not tensors:
        if any(each.name.endswith((".bin", ".pt", ".ckpt")) for each in files):
            raise HoldsCode(file=hub_id[:120])
        raise NotAModel(file=hub_id[:120])
    return tuple(kept)


def _of_gguf(weights: list[HubFile], file: str, hub_id: str) -> list[HubFile]:
    """Return the asked file, or the one of middle size; all of its parts where it is split."""
    named = [each for each in weights if each.name.rpartition("/")[2] == file] if file else []
    if file and not named:
        raise NotAModel(file=f"{hub_id}: {file}"[:120])
    if not named:
        plain = [each for each in weights if "mmproj" not in each.name.lower()]
        order = [each for wanted in _MIDDLE for each in plain if wanted in each.name.lower()]
        named = (order or plain or weights)[:1]
    stem = re.sub(r"-\d{5}-of-(\d{5})\.gguf$", "", named[0].name)
    if stem == named[0].name:
        return named
    return [each for each in weights if each.name.startswith(f"{stem}-")]


def open_file(model: HubModel, file: HubFile, start: int) -> AbstractContextManager[Opened]:
    """Open a file from a byte on; the caller looks at the status. Raises what netfetch raises."""
    path = f"/{quote(model.hub_id)}/resolve/{quote(model.revision)}/{quote(file.name)}"
    headers = {"Range": f"bytes={start}-"} if start else {}
    return opened(_url(path), headers=headers, policy=policy(), wait_s=WAIT_S)


def pieces(answer: Opened, start: int, file: HubFile) -> tuple[int, Iterator[bytes]]:
    """Return from which byte on an answer goes, and its pieces. Raises HubUnreachable for no good answer."""
    if answer.status == PARTIAL and answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
        return start, answer.pieces()
    if answer.status == OK:
        return 0, answer.pieces()
    if answer.status in MISSING:
        raise HubUnknown(hub_id=file.name[:200])
    raise HubUnreachable(reason=str(answer.status))


def _url(path: str) -> str:
    return str(settings.ENV.hub_url).rstrip("/") + path


def unreachable(error: AppError) -> AppError:
    """Return what an administrator can do something with."""
    if isinstance(error, HubUnset):
        return error
    reason = str(error.params.get("reason", error.code))
    if isinstance(error, FetchRefused) and reason == "host not allowed":
        reason = "KB_HUB_HOSTS"
    return HubUnreachable(reason=reason)
