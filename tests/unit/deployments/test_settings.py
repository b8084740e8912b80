"""The environment: what it means, what it may not say, and what stays secret."""

import stat
import threading
from pathlib import Path

import pytest

from deployments.settings import PREFIX, PROJECT_ROOT, Settings, SettingsError, load_settings

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
COMPLETE = {
    "SWITCHBACK_PROFILE": "production",
    "SWITCHBACK_DATABASE_URL": "postgresql://user:hunter2@db/switchback",
    "SWITCHBACK_REDIS_URL": "redis://cache/0",
    "SWITCHBACK_APP_SECRET": "app-secret",
    "SWITCHBACK_VERIFY_TOKEN": "verify-token",
    "SWITCHBACK_ACCESS_TOKEN": "access-token",
    "SWITCHBACK_ENCRYPTION_KEYS": KEY,
    "SWITCHBACK_API_KEY": "api-key",
}


def load(tmp_path: Path, **variables: str) -> Settings:
    named = {PREFIX + name: value for name, value in variables.items()}
    return load_settings({"SWITCHBACK_DATA_DIR": str(tmp_path), **named})


def test_everything_is_optional_on_the_laptop(tmp_path: Path) -> None:
    """An empty environment gives a complete laptop."""
    settings = load(tmp_path)
    assert settings.profile == "laptop"
    assert settings.embedded
    assert settings.database_url is None
    assert settings.graph_base_url == "http://127.0.0.1:8080"
    assert settings.index_uri == str(tmp_path / "index")
    assert settings.business == PROJECT_ROOT / "corpus" / "business.yaml"
    assert settings.models == "real"


def test_the_test_profile_uses_stub_models_unless_told_otherwise(tmp_path: Path) -> None:
    """Tests must not need a language model; SWITCHBACK_MODELS still wins."""
    assert load(tmp_path, PROFILE="test").models == "stub"
    assert load(tmp_path, PROFILE="test", MODELS="real").models == "real"


def test_a_child_process_parses_the_same_settings(tmp_path: Path) -> None:
    """`to_env` carries every setting, secrets included."""
    settings = load(tmp_path, APP_SECRET="new,old", DATABASE_URL="postgresql://db/x")
    assert load_settings(settings.to_env()) == settings


def test_two_app_secrets_are_held_during_rotation(tmp_path: Path) -> None:
    """Commas separate, blanks around them do not count."""
    assert load(tmp_path, APP_SECRET="new, old").app_secrets == ("new", "old")


def test_secrets_never_show(tmp_path: Path) -> None:
    """Neither repr nor str of settings holds a secret or a password of a URL."""
    settings = load_settings(COMPLETE | {"SWITCHBACK_DATA_DIR": str(tmp_path)})
    shown = f"{settings!r} {settings}"
    for secret in ("app-secret", "verify-token", "access-token", KEY, "api-key", "hunter2"):
        assert secret not in shown


@pytest.mark.parametrize("variable", sorted(set(COMPLETE) - {"SWITCHBACK_PROFILE"}))
def test_production_names_what_is_missing(tmp_path: Path, variable: str) -> None:
    """Outside the laptop nothing is made up: the start stops with the variable's name."""
    incomplete = {name: value for name, value in COMPLETE.items() if name != variable}
    with pytest.raises(SettingsError, match=variable):
        load_settings(incomplete | {"SWITCHBACK_DATA_DIR": str(tmp_path)})
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROFILE", "desktop"),
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "eight thousand"),
        ("MODELS", "fake"),
        ("STUB_LLM_MS", "-1"),
        ("GRAPH_BASE_URL", "ftp://graph"),
        ("GRAPH_VERSION", "26"),
        ("APP_SECRET", " , "),
        ("ENCRYPTION_KEYS", "too-short-a-key"),
        ("ENCRYPTION_KEYS", f"{KEY},§§"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, variable: str, value: str) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError, match=PREFIX + variable):
        load(tmp_path, **{variable: value})


def test_a_wrong_secret_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    """An error message ends up in logs."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, ENCRYPTION_KEYS="my-password")
    assert "my-password" not in str(caught.value)


def test_generated_secrets_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    """They are made once, stay the same, and nobody else can read them."""
    first, second = load(tmp_path), load(tmp_path)
    assert first == second
    assert len({first.verify_token, first.access_token, first.api_key, *first.app_secrets}) == 4
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_given_secret_wins_over_a_generated_one(tmp_path: Path) -> None:
    """What the environment says is used, and does not change the file."""
    generated = load(tmp_path)
    assert load(tmp_path, VERIFY_TOKEN="given").verify_token == "given"
    assert load(tmp_path) == generated


def test_simultaneous_starts_agree_on_the_secrets(tmp_path: Path) -> None:
    """Sixteen starters of a fresh folder end with one set of secrets."""
    barrier = threading.Barrier(16)
    found: list[Settings] = []

    def start() -> None:
        barrier.wait()
        found.append(load(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(settings == found[0] for settings in found)


@pytest.mark.parametrize("content", ["{", "[]", '{"app_secret": 1}'])
def test_a_damaged_secrets_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    """New secrets would make what was encrypted unreadable, so a person has to decide."""
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(SettingsError, match=r"secrets\.json"):
        load(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == content


def test_dotenv_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.env` of the working folder counts, less than what is set."""
    (tmp_path / ".env").write_text("SWITCHBACK_HTTP_PORT=8101\nSWITCHBACK_SIMULATOR_PORT=8102\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWITCHBACK_DATA_DIR", "here")
    monkeypatch.setenv("SWITCHBACK_HTTP_PORT", "8201")
    settings = load_settings()
    assert (settings.http_port, settings.simulator_port) == (8201, 8102)
    assert settings.data_dir == tmp_path / "here"


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """A copied `.env.example` has many of them."""
    assert load(tmp_path, DATABASE_URL="", MODELS="").database_url is None


def test_the_example_lists_every_variable(tmp_path: Path) -> None:
    """`.env.example` and the settings name the same variables."""
    lines = (PROJECT_ROOT / ".env.example").read_text().splitlines()
    listed = {line.partition("=")[0] for line in lines if line.startswith(PREFIX)}
    full = load(tmp_path, DATABASE_URL="x", REDIS_URL="x", OPENROUTER_API_KEY="x")
    assert listed == set(full.to_env())
