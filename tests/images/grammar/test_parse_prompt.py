"""`manage.py parse_prompt`, as a shell sees it."""

import json
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from kb_project.env import BASE_DIR


def answer(*args: str) -> Any:
    out = StringIO()
    call_command("parse_prompt", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_it_prints_weights_and_stages() -> None:
    assert answer("a (cat:1.2) BREAK [b:c:0.5]", "--steps", "10") == {
        "attention": [["a ", 1.0], ["cat", 1.2], ["", 1.0], ["BREAK", -1], ["", 1.0], ["b:c:0.5", 0.9090909090909091]],
        "schedule": [[5, "a (cat:1.2) BREAK b"], [10, "a (cat:1.2) BREAK c"]],
    }


def test_it_takes_twenty_steps_and_shows_the_second_pass() -> None:
    assert answer("[b:0.5]")["schedule"] == [[10, ""], [20, "b"]]
    assert answer("[b:1.5]", "--steps", "10", "--hires-steps", "6")["schedule"] == [[3, ""], [6, "b"]]


def test_it_passes_chinese_through() -> None:
    assert answer("一个（美丽的）女孩 🐈")["attention"] == [["一个（美丽的）女孩 🐈", 1.0]]


def test_it_prints_a_table_for_people() -> None:
    out = StringIO()
    call_command("parse_prompt", "(a) BREAK b", "--steps", "4", stdout=out)

    assert out.getvalue().splitlines() == [
        "  weight  text",
        '     1.1  "a"',
        '       1  ""',
        '   BREAK  "BREAK"',
        '       1  "b"',
        "",
        "to step  text",
        '       4  "(a) BREAK b"',
    ]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["(a:1.2.3)"], "prompt-weight", id="32-trap"),
        pytest.param(["a", "--steps", "0"], "prompt-steps", id="steps"),
        pytest.param(["a" * 10_001], "prompt-too-long", id="length"),
    ],
)
def test_it_refuses_with_a_code(args: list[str], code: str) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("parse_prompt", *args, "--json", stdout=out)

    assert caught.value.code == 1
    assert json.loads(out.getvalue())["code"] == code


def test_it_refuses_in_one_sentence() -> None:
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("parse_prompt", "(a:1.2.3)", stderr=err)

    assert err.getvalue().strip() == ("refused (prompt-weight): “1.2.3” is not a weight. Write one like (word:1.2).")


def test_it_survives_bytes_that_are_no_text() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "parse_prompt", b"(a\xff:1.2)", "--json"],
        cwd=BASE_DIR,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["attention"] == [["a\ufffd", 1.2]]
