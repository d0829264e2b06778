"""The runtime of services against a real one: the llama-server that xllamacpp embeds."""

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import settings

from apps.core import crypto
from apps.runtimes import openai_http
from apps.runtimes.contracts import RuntimeFailure, Sampling, Turn
from apps.runtimes.spec import RuntimeSpec
from kb_project.env import BASE_DIR
from tests import settings_override

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed"),
]
MODEL = Path("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf")
KEY = secrets.token_hex(8)
START_S = 120


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    path = settings.MODELS_DIR / MODEL
    if not path.exists():
        pytest.skip("the packaged model is not installed")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(BASE_DIR / "tests/runtimes/llama_server.py"), str(path), str(port), KEY],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        _wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:  # not there yet, or still loading (503)
            time.sleep(0.2)
    pytest.fail("the service did not start")


def chat(address: str, key: str = KEY) -> openai_http.HttpChat:
    url = f"http://{address}/v1"
    sealed = crypto.seal(key, place=url)
    return openai_http.load_chat(
        RuntimeSpec(
            "smol",
            "openai_http",
            Path(),
            base_url=url,
            remote_name="smol",
            credential=sealed,
            place=url,
            max_tokens=4096,
        )
    )


def test_it_streams_from_a_real_service_and_counts_as_it_does(address: str) -> None:
    with settings_override.env(model_hosts=address):
        model = chat(address)
        prompt = model.render([Turn("system", "Answer in one word."), Turn("user", "The capital of France?")])
        stream = model.stream(prompt, Sampling(max_tokens=16))
        pieces = list(stream)

    assert "Paris" in "".join(piece.text for piece in pieces)
    assert 0 < sum(piece.tokens for piece in pieces) <= 16
    assert stream.use.tokens > 10


def test_it_frees_a_real_service_by_closing(address: str) -> None:
    """With two slots, five broken-off answers would block a sixth if the service went on with them."""
    with settings_override.env(model_hosts=address):
        model = chat(address)
        for _ in range(5):
            stream = model.stream(model.render([Turn("user", "Count to a thousand.")]), Sampling(max_tokens=2_000))
            while not next(stream).text:
                pass
            stream.close()
        last = model.stream(model.render([Turn("user", "Say yes.")]), Sampling(max_tokens=3))
        assert "".join(piece.text for piece in last)


def test_it_names_a_wrong_key(address: str) -> None:
    with settings_override.env(model_hosts=address), pytest.raises(RuntimeFailure, match="refused the key"):
        list(chat(address, "wrong").stream("Hello", Sampling(max_tokens=3)))
