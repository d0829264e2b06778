"""From uploads to searchable documents in a whole installation: how fast, in how much memory, where the time goes."""

import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from apps.evaluation.bench.installation import Installation, installation
from apps.evaluation.scratch import file_name
from apps.evaluation.sets import Source, load
from apps.runtimes import registry

DOCUMENTS = 256
AT_ONCE = 4
SLOPE_DOCUMENTS = 300
SLOPE_EVERY = 10
LATENCY_FILES = 7
LATENCY_PAGES = 10
FOREVER_S = 1_800.0
SAMPLE_EVERY_S = 2.0


def upload_speed(data: Path | None = None) -> dict[str, Any]:
    """Return `upload_s`, from the first byte of the first file to the last document searchable, and the memory."""
    sources = _sources(data, DOCUMENTS)
    with installation() as product, _Memory(product) as memory:
        before, cpu_before = _ready_count(product), product.cpu_s()
        began = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda part: _upload_all(product, part), [sources[n::AT_ONCE] for n in range(AT_ONCE)]))
        taken_s = time.perf_counter() - began
        product.wait_until_settled(before + len(sources), FOREVER_S)
        total_s = time.perf_counter() - began
        after, cpu_after = product.memory_mib(), product.cpu_s()
        ((chunks, tokens),) = product.query("SELECT count(*), sum(tokens) FROM libraries_chunk")
    return {
        "upload_documents": len(sources),
        "upload_s": round(total_s, 1),
        "upload_accepted_s": round(taken_s, 1),
        "upload_chunks": chunks,
        "upload_cpu_s": {part: round(used - cpu_before.get(part, 0.0), 1) for part, used in sorted(cpu_after.items())},
        "upload_tokens": int(str(tokens)),
        "upload_pss_mib_peak": round(max([*memory.sums, sum(after.values())])),
        "upload_pss_mib_after": {part: round(mib) for part, mib in sorted(after.items())},
        "upload_data": data.name if data else "the product's own pages",
    }


def memory_slope(data: Path | None = None) -> dict[str, Any]:
    """Return how much each part's own memory grew per document while documents came one after another."""
    sources = _sources(data, SLOPE_DOCUMENTS)
    seen: list[dict[str, float]] = []
    with installation() as product, closing(HTTPConnection("127.0.0.1", product.port, timeout=60)) as http:
        before = _ready_count(product)
        for number, (name, body) in enumerate(sources, start=1):
            http.close()  # the server ends a connection that rests; the next request opens one
            product.upload(http, name, body)
            product.wait_until_settled(before + number, FOREVER_S)
            if number % SLOPE_EVERY == 0:
                seen.append(product.memory_mib("uss"))
    second_half = seen[len(seen) // 2 :]
    return {
        "slope_documents": len(sources),
        "slope_kib_per_document": {
            part: round(_slope([one.get(part, 0.0) for one in second_half]) * 1024 / SLOPE_EVERY, 1)
            for part in sorted(seen[-1])
        },
        "slope_uss_mib": {
            part: [round(one.get(part, 0.0)) for one in (seen[0], seen[len(seen) // 2], seen[-1])]
            for part in sorted(seen[-1])
        },
    }


def upload_latency() -> dict[str, Any]:
    """Return the time of a ten-page text PDF from upload to searchable, by stage, and the embedding model's share."""
    rows: list[dict[str, float]] = []
    texts: list[str] = []
    with installation() as product, closing(HTTPConnection("127.0.0.1", product.port, timeout=60)) as http:
        for number in range(LATENCY_FILES):
            row, texts = _time_one(product, http, number)
            rows.append(row)
    return _split(rows[1:], texts)


def _time_one(product: Installation, http: HTTPConnection, number: int) -> tuple[dict[str, float], list[str]]:
    """Upload one PDF and wait; return its times and its chunks' texts."""
    from apps.evaluation.bench.parse import book  # noqa: PLC0415 -- PDFium is not needed elsewhere

    body = book(LATENCY_PAGES) + f"\n% {number}".encode()
    before = _ready_count(product)
    http.close()  # the server ends a connection that rests; the next request opens one
    began = time.perf_counter()
    document = product.upload(http, f"ten pages {number}.pdf", body)
    answered = time.perf_counter()
    product.wait_until_settled(before + 1, FOREVER_S)
    total = time.perf_counter() - began
    ((seconds,),) = product.query("SELECT seconds FROM ingestion_ingestionjob WHERE document_id = %s", document)
    texts = [
        str(text) for (text,) in product.query("SELECT text FROM libraries_chunk WHERE document_id = %s", document)
    ]
    return {"total": total, "upload": answered - began, **_numbers(seconds)}, texts


def _split(rows: Sequence[dict[str, float]], texts: Sequence[str]) -> dict[str, Any]:
    medians = {name: statistics.median(row.get(name, 0.0) for row in rows) for name in rows[-1]}
    model_s = _model_seconds(texts)
    stages = sum(value for name, value in medians.items() if name != "total")
    return {
        "latency_s": round(medians["total"], 3),
        "latency_stages_s": {name: round(value, 3) for name, value in medians.items() if name != "total"}
        | {"between stages": round(medians["total"] - stages, 3)},
        "latency_chunks": len(texts),
        "latency_embed_stage_share": round(medians.get("embed", 0.0) / medians["total"], 3),
        "latency_model_alone_s": round(model_s, 3),
        "latency_model_share": round(model_s / medians["total"], 3),
    }


def _model_seconds(texts: Sequence[str]) -> float:
    """Return what the embedding model alone takes for these texts, in this process: the median of five."""
    from apps.catalog.models import AIModel  # noqa: PLC0415 -- with its model, as above
    from apps.catalog.services import default_model, spec_of  # noqa: PLC0415

    embedder = registry.embedder(spec_of(default_model(AIModel.Kind.EMBEDDING)))
    times = []
    for _ in range(6):
        began = time.perf_counter()
        embedder.embed_passages(list(texts))
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _numbers(seconds: object) -> dict[str, float]:
    return {str(name): float(value) for name, value in dict(seconds).items()}  # type: ignore[call-overload]  # JSON


def _ready_count(product: Installation) -> int:
    ((count,),) = product.query("SELECT count(*) FROM libraries_document WHERE library_id = %s", product.library)
    return int(str(count))


def _upload_all(product: Installation, files: Sequence[tuple[str, bytes]]) -> None:
    with closing(HTTPConnection("127.0.0.1", product.port, timeout=120)) as http:
        for name, body in files:
            product.upload(http, name, body)


def _slope(values: Sequence[float]) -> float:
    return float(np.polyfit(range(len(values)), values, 1)[0])


def _sources(data: Path | None, count: int) -> list[tuple[str, bytes]]:
    """Return `count` files: the entries of a set, drawn again with a number where it has fewer."""
    entries = load(data).sources if data else _own_pages()
    files = []
    for number in range(count):
        entry, again = entries[number % len(entries)], number // len(entries)
        text = entry.text + (f"\n\n{again}." if again else "")
        title = f"{number} {entry.title}".replace('"', "")
        files.append((file_name(title).encode("ascii", "ignore").decode() or "file.txt", text.encode()))
    return files


def _own_pages() -> tuple[Source, ...]:
    pages = [path.read_text() for path in sorted(settings.BASE_DIR.glob("docs/**/*.md"))]
    parts = [part for page in pages for part in page.split("\n## ") if len(part) > 200]  # noqa: PLR2004
    return tuple(Source(str(number), part.split("\n")[0][:60], part) for number, part in enumerate(parts))


class _Memory:
    """Sums the memory of all processes now and then while the block runs."""

    def __init__(self, product: Installation) -> None:
        self._product = product
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.sums: list[float] = [0.0]

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            self.sums.append(sum(self._product.memory_mib().values()))
