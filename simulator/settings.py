"""Start-up settings of the simulator. Secrets come from the caller; nothing here reads files."""

from dataclasses import dataclass, field
from pathlib import Path

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept in memory; the oldest goes first."""

    messages: int = 50_000
    customers: int = 20_000
    deliveries: int = 2_000  # entries of the webhook log
    body_bytes: int = 65_536  # of each delivery kept for inspection
    media_bytes: int = 256 * 1024 * 1024
    queued_updates: int = 100_000


@dataclass(frozen=True, slots=True)
class Retry:
    """How failed webhook deliveries are repeated: at once, then with growing gaps."""

    base_s: float = 1.0
    max_gap_s: float = 3_600.0
    give_up_s: float = 7 * DAY_S
    timeout_s: float = 10.0  # no hard limit is published; ten seconds is what people report


@dataclass(frozen=True, slots=True)
class Settings:
    """One business number at one webhook."""

    app_secret: str
    verify_token: str
    access_token: str
    webhook_url: str | None = None
    phone_number_id: str = "106500000000002"
    display_phone_number: str = "15550100001"
    waba_id: str = "104200000000001"
    business_name: str = "Demo business"
    public_url: str = "http://127.0.0.1:8080"  # where media links point
    state_dir: Path | None = None
    customers_file: Path | None = None
    templates_file: Path | None = None
    faults_file: Path | None = None
    preset: str = "calm"
    seed: int | None = None  # of the fault dice; None: different every run
    throughput_mps: int = 80
    max_concurrent_posts: int = 16
    retry: Retry = field(default_factory=Retry)
    bounds: Bounds = field(default_factory=Bounds)
