"""Secrets at rest."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings
from pydantic import SecretStr

from apps.core.crypto import KEY_FILE, SecretUnreadable, drop_old_keys, reseal, rotate_keys, seal, unseal
from tests.settings_override import env


@pytest.fixture(autouse=True)
def var(tmp_path: Path) -> Path:
    with override_settings(VAR_DIR=tmp_path):
        yield tmp_path


def test_it_gives_a_secret_back_and_stores_none_of_it(var: Path) -> None:
    sealed = seal("sk-CANARY 密钥", place="catalog.model:1")

    assert "CANARY" not in sealed
    assert unseal(sealed, place="catalog.model:1") == "sk-CANARY 密钥"
    assert seal("sk-CANARY 密钥", place="catalog.model:1") != sealed
    assert stat.S_IMODE((var / KEY_FILE).stat().st_mode) == 0o600


def test_it_refuses_a_ciphertext_that_was_moved_or_changed() -> None:
    sealed = seal("secret", place="team:1")

    for other in (sealed[:-4] + "AAA=", "", "x" * 100):
        with pytest.raises(SecretUnreadable):
            unseal(other, place="team:1")
    with pytest.raises(SecretUnreadable):
        unseal(sealed, place="team:2")
    with pytest.raises(ValueError, match="NUL"):
        seal("secret", place="team:1\x00x")


def test_it_rotates_keys_without_losing_secrets() -> None:
    old = seal("secret", place="a")

    assert rotate_keys() == 2
    assert unseal(old, place="a") == "secret"
    new = reseal(old)
    drop_old_keys()

    assert unseal(new, place="a") == "secret"
    with pytest.raises(SecretUnreadable):
        unseal(old, place="a")


def test_it_takes_the_operators_keys(var: Path) -> None:
    key = Fernet.generate_key().decode()

    with env(encryption_keys=SecretStr(key)):
        assert unseal(seal("secret", place="a"), place="a") == "secret"

    assert not (var / KEY_FILE).exists()
