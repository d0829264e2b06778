"""Every setting that an operator may make, typed, with its range and its reason.

`docs/operations.md` is checked against this class, so a setting without a description fails a test.
"""

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(BaseSettings):
    """The environment variables `KB_*`; an unknown or malformed one stops the start."""

    model_config = SettingsConfigDict(env_prefix="KB_", env_file=".env", extra="ignore")

    var_dir: Path = Field(BASE_DIR / "var", description="Everything that is written: database, files, models, logs.")
    port: int = Field(8000, ge=1, le=65535, description="Port of the web process.")
    bind: str = Field("127.0.0.1", description="Address the web process listens on.")
    public_url: str = Field(
        "", description="Address people use, for links in invitations; empty: http://127.0.0.1:PORT."
    )
    allowed_hosts: str = Field("localhost,127.0.0.1,[::1]", description="Host names served, separated by commas.")
    behind_tls: bool = Field(False, description="A TLS proxy stands in front: secure cookies, HSTS, https redirects.")
    debug: bool = Field(False, description="Django's debug pages; never on a reachable machine.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signing key of at least 50 characters; empty: made once under KB_VAR_DIR."
    )
    database_url: str = Field("", description="PostgreSQL with pgvector; empty: the embedded server.")
    database_role: str = Field(
        "",
        pattern="^[a-z_][a-z0-9_]*$|^$",
        description="Role taken on behind KB_DATABASE_URL, for an account that is a superuser; empty: the account.",
    )
    redis_url: str = Field("", description="Redis or Valkey; empty: the embedded server.")
    language: str = Field("en", pattern="^(en|zh-hans)$", description="Language for people who did not choose one.")
    time_zone: str = Field("UTC", description="Time zone of pages and logs.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Lowest level that is logged.")
    log_json: bool = Field(False, description="Logs as JSON lines instead of text.")

    signup_open: bool = Field(False, description="Whether strangers may create an account by themselves.")
    password_min_length: int = Field(10, ge=8, le=128, description="Fewest characters of a password.")
    lockout_failures: int = Field(
        8, ge=1, le=1_000, description="Wrong passwords for one account from one address before it must wait."
    )
    lockout_minutes: int = Field(15, ge=1, le=10_080, description="Minutes it must then wait, unless an admin unlocks.")
    staff_mfa: str = Field(
        "required",
        pattern="^(required|offered)$",
        description="Whether administrators must have a second factor: required, offered.",
    )
    staff_mfa_grace_h: int = Field(
        72, ge=0, le=720, description="Hours a new administrator's account works before the second factor is required."
    )
    oidc_issuer: str = Field("", description="Address of the OpenID Connect provider; empty: no single sign-on.")
    oidc_name: str = Field("Single sign-on", description="Name of the provider on the sign-in page.")
    oidc_client_id: str = Field("", description="This installation's id at the provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="This installation's secret at the provider.")
    oidc_hosts: str = Field(
        "",
        description="More host:port of the provider's services, separated by commas; private ones must be named here.",
    )
    oidc_groups_claim: str = Field("groups", description="Claim that lists a person's groups at the provider.")
    oidc_scopes: str = Field("openid profile email", description="What is asked of the provider, separated by spaces.")
    oidc_signup: bool = Field(
        True, description="Whether people that the provider knows get an account at their first sign-in."
    )
    invitation_days: int = Field(7, ge=1, le=90, description="Days an invitation link is valid.")
    invitation_mails_per_day: int = Field(
        200, ge=0, le=100_000, description="Invitations one team may send by mail in 24 hours."
    )
    team_undo_days: int = Field(
        7, ge=0, le=365, description="Days for which the deletion of a team can be undone; nobody gets in meanwhile."
    )
    encryption_keys: SecretStr = Field(
        SecretStr(""),
        description="Fernet keys for stored secrets, newest first, separated by commas; empty: made under KB_VAR_DIR.",
    )
    internal_hosts: str = Field(
        "",
        description="host:port of internal services that may be asked over HTTP, separated by commas.",
    )
    teams_by_members: bool = Field(True, description="Whether everybody may create a team; else administrators only.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies in front whose X-Forwarded-For is believed, for rate limits.",
    )

    smtp_host: str = Field("", description="Mail server for reminders; empty: no mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_user: str = Field("", description="Name for the mail server; empty: none is asked for.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password for the mail server.")
    smtp_security: str = Field(
        "starttls",
        pattern="^(starttls|tls|none)$",
        description="How mail is protected on its way: starttls, tls, none.",
    )
    mail_from: str = Field("zhiku@localhost", description="Sender of mail.")
    remind_days: int = Field(
        14, ge=1, le=365, description="Days before a document expires at which its owner is reminded."
    )

    questions_per_day: int = Field(1_000, ge=0, description="Questions one person may ask per day; 0: no limit.")
    output_tokens_per_day: int = Field(0, ge=0, description="Generated tokens per person and day; 0: no limit.")
    pages_per_day: int = Field(0, ge=0, description="Pages one team may have read per day; 0: no limit.")
    team_storage_mib: int = Field(0, ge=0, description="Stored files of one team; 0: no limit.")
    pictures_per_day: int = Field(500, ge=0, description="Pictures one person may draw per day; 0: no limit.")
    pixel_steps_per_day: int = Field(
        0, ge=0, description="Pixels times steps one person may draw per day, in thousands; 0: no limit."
    )
    currency: str = Field(
        "EUR", pattern="^[A-Z]{3}$", description="Currency of the price table and of budgets of money (ISO 4217)."
    )
    reservation_s: int = Field(
        3_600,
        ge=60,
        description="Seconds after which an unsettled reservation of quota is given back.",
    )

    upload_max_mib: int = Field(200, ge=1, le=10_240, description="Largest file that is accepted.")
    upload_max_files: int = Field(500, ge=1, le=100_000, description="Most files in one drop.")
    document_max_pages: int = Field(10_000, ge=1, description="Most pages of one document.")
    document_max_chars: int = Field(20_000_000, ge=1_000, description="Most characters of text of one document.")
    parse_wall_s: int = Field(300, ge=5, description="Wall-clock seconds one parse may take.")
    parse_cpu_s: int = Field(240, ge=5, description="CPU seconds one parse may take.")
    clamd: str = Field(
        "",
        pattern=r"^(unix:/.+|[^\s/]+:\d{1,5})?$",
        description="ClamAV daemon that looks at each file before it is read: unix:/path or host:port; empty: none.",
    )
    parse_memory_mib: int = Field(1_400, ge=256, description="Memory one parse may use.")
    read_slots: int = Field(
        2,
        ge=1,
        le=256,
        description="Documents read at the same time by all io workers together; long ones leave one slot free.",
    )
    ocr: bool = Field(
        True, description="Whether pages without a usable text layer, and pictures, are recognised (OCR)."
    )
    ocr_threads: int = Field(
        0, ge=0, le=64, description="CPU threads that recognise one page; 0: half of the cores of the machine."
    )
    ocr_shift_s: int = Field(
        60, ge=1, le=3_600, description="Seconds of recognising after which a long scan lets other jobs go first."
    )
    lease_s: int = Field(60, ge=5, description="Seconds after which the job of a silent worker is taken over.")
    answer_lease_s: int = Field(
        30,
        ge=2,
        le=600,
        description="Seconds after which the answer of a silent worker counts as interrupted.",
    )
    ingest_attempts: int = Field(3, ge=1, le=20, description="Times a job is tried before it counts as failed.")
    undo_days: int = Field(30, ge=1, description="Days a deleted document or conversation can be restored.")
    opening_hours: int = Field(
        24,
        ge=1,
        le=168,
        description="Hours an administrator may read a conversation that a second one opened.",
    )
    question_days: int = Field(
        180,
        ge=1,
        le=3_650,
        description="Days for which the log of questions is kept: what was asked, by whom, how well supported.",
    )

    night_hour: int = Field(
        3, ge=0, le=23, description="Hour, in KB_TIME_ZONE, from which question sets run by themselves each night."
    )
    web_max_pages: int = Field(500, ge=1, le=100_000, description="Most pages of one web source.")
    web_delay_s: float = Field(
        1.0, ge=0, le=60, description="Seconds between two requests to one site; longer if it asks."
    )
    web_page_max_mib: int = Field(50, ge=1, le=1_024, description="Largest file that is fetched from the web.")

    chunk_tokens: int = Field(
        320, ge=32, le=2_000, description="Target size of a chunk in the embedding model's tokens."
    )
    chunk_overlap_tokens: int = Field(
        48, ge=0, le=500, description="Tokens that neighbouring chunks share inside one section."
    )

    answer_max_tokens: int = Field(400, ge=16, le=32_768, description="Longest generated answer, in tokens.")
    answer_slots: int = Field(4, ge=1, le=64, description="Answers generated at the same time by one models worker.")
    answer_passages: int = Field(6, ge=1, le=50, description="Most passages given to the chat model.")
    rerank_ms: int = Field(
        1_500,
        ge=50,
        le=60_000,
        description="Longest time a rerank model reads for one search, in milliseconds.",
    )
    image_max_side: int = Field(1_024, ge=64, le=8_192, description="Longest side of a drawn picture, in pixels.")
    image_max_kilopixels: int = Field(
        1_100,
        ge=64,
        le=70_000,
        description="Most pixels of a drawn picture, in thousands; enlargements may have 16 times.",
    )
    image_max_steps: int = Field(150, ge=1, le=1_000, description="Most steps of one picture.")
    image_max_count: int = Field(16, ge=1, le=200, description="Most pictures with the same settings in one order.")
    image_max_pictures: int = Field(64, ge=1, le=1_000, description="Most pictures of one order, grids included.")
    image_queue_person: int = Field(25, ge=1, le=10_000, description="Picture jobs of one person that may wait.")
    image_queue_team: int = Field(200, ge=1, le=100_000, description="Picture jobs of one team that may wait.")
    image_job_days: int = Field(
        90, ge=1, description="Days that orders of the studio are listed after they ended; their pictures stay."
    )
    image_source_mib: int = Field(20, ge=1, le=1_024, description="Largest picture that may be uploaded to the studio.")
    image_checker: str = Field(
        "",
        pattern="^(|stable-diffusion|fake)$",
        description="What checks pictures before they are kept: `stable-diffusion` (a folder `safety-checker` in "
        "var/models with config.json, model.safetensors and preprocessor_config.json); empty: nothing.",
    )
    image_api_wait_s: int = Field(
        120, ge=1, le=3_600, description="Longest time that /v1/images waits for pictures, in seconds."
    )
    image_training_steps: int = Field(5_000, ge=10, le=100_000, description="Most steps of one training of an adapter.")
    image_training_pictures: int = Field(40, ge=1, le=500, description="Most pictures that one training learns from.")
    image_training_slice_s: int = Field(
        10, ge=1, le=600, description="Seconds that a training goes on before others' pictures have a turn."
    )
    index_memory_mb: int = Field(
        2_048,
        ge=64,
        le=65_536,
        description="Most memory of PostgreSQL for building a vector index, in MiB; 1,500 for a million vectors.",
    )
    embed_batch: int = Field(32, ge=1, le=512, description="Passages embedded per batch.")
    embed_engine: str = Field(
        "auto",
        pattern="^(auto|openvino|torch)$",
        description="What runs embedding models; auto: what was measured to be fastest on this CPU.",
    )
    old_vectors_days: int = Field(
        7, ge=0, le=365, description="Days the former embedding model's vectors are kept after a change of the model."
    )
    model_keep_alive_s: int = Field(
        900,
        ge=30,
        le=604_800,
        description="Seconds after its last use at which a model that is no default leaves the memory.",
    )
    model_hosts: str = Field(
        "",
        description="Hosts of OpenAI-compatible services that administrators may add as models: name, *.name or "
        "host:port, separated by commas; those named with a port may be internal. Empty: none.",
    )
    hub_url: str = Field("", description="Address of the hub that models are fetched from; empty: none.")
    hub_hosts: str = Field(
        "",
        description="Hosts that the hub may send files from, as in KB_MODEL_HOSTS; its own is always allowed.",
    )
    model_threads: int = Field(0, ge=0, le=512, description="CPU threads of each model; 0: the cores of the machine.")

    process: str = Field("", description="Which process this is (web, io, models, beat); the supervisor sets it.")
    database_pool: int = Field(10, ge=1, le=500, description="Most database connections of the web process.")
    testing: bool = Field(False, description="A test runs this process; never set it for people.")
    crash_at: str = Field("", description="Tests of crashes alone: points at which a process may kill itself.")
    chat_runtime: str = Field("", description="Dotted path of another chat runtime factory; tests set the fake.")
    embed_runtime: str = Field("", description="Dotted path of another embedding runtime factory; tests set the fake.")

    @model_validator(mode="after")
    def _named_hosts_alone(self) -> Self:
        if "*" in self.allowed_hosts.replace(" ", "").split(","):
            raise ValueError("KB_ALLOWED_HOSTS must name hosts; * would let any Host header in")
        return self

    @model_validator(mode="after")
    def _crash_in_tests_alone(self) -> Self:
        if self.crash_at and not self.testing:
            raise ValueError("KB_CRASH_AT is for tests and needs KB_TESTING=1")
        return self


@cache
def env() -> Env:
    """Return the settings, read once per process; a wrong value ends it with one sentence."""
    try:
        return Env()
    except ValidationError as error:
        wrong = error.errors()[0]
        if not wrong["loc"]:  # two settings do not go together
            raise SystemExit(f"zhiku: {wrong['msg']}.") from None
        name = f"KB_{wrong['loc'][0]}".upper()
        raise SystemExit(f"zhiku: {name} cannot be {wrong['input']!r}: {wrong['msg']}.") from None


def settings_table() -> str:
    """Return the table of docs/operations.md: name, default, meaning."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, info in Env.model_fields.items():
        default = info.default
        shown = "" if isinstance(default, SecretStr) else str(default)
        if isinstance(default, Path):
            shown = str(default.relative_to(BASE_DIR))
        rows.append(f"| `KB_{name.upper()}` | {f'`{shown}`' if shown else 'empty'} | {info.description} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(settings_table())  # noqa: T201
