"""What can be set on the local server; the defaults are the real server's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: str
    jwt_secret: str
    port: int
    host: str = "127.0.0.1"
    publication: str = "supabase_realtime"
    poll_interval: float = 0.1
    idle_multiplier: float = 5.0
    poll_max_changes: int = 100
    max_record_bytes: int = 1_048_576
    refusal_delay_scale: float = 1.0
    publication_refresh: float = 60.0
    max_events_per_second: float = 0.0
    idle_timeout: float = 60.0
    no_channel_timeout: float = 600.0
    max_frame_bytes: int = 5_000_000
    max_channels: int = 100
    faults: bool = False

    @property
    def http_refusal_delay(self) -> float:
        return 2.0 * self.refusal_delay_scale

    @property
    def join_refusal_delay(self) -> float:
        return 5.0 * self.refusal_delay_scale

    @property
    def resubscribe_delay(self) -> float:
        """After a token refresh the real server resubscribes within one to three seconds."""
        return 1.0 * self.refusal_delay_scale
