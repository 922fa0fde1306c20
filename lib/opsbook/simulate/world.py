"""Every number the simulated company was built from; what an analysis should recover stands here first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]
Rows = dict[str, npt.NDArray[Any]]
"""One table's rows as columns of equal length; codes are -1 where a text is missing."""

TREATMENT, CONTROL, NOT_ASSIGNED = 1, 0, -1
ARMS = ["control", "treatment"]
ZONE, ZONE_SECONDS = "Asia/Shanghai", 8 * 3600
PLATFORMS = ["ios", "android", "web"]
CITY_TIERS = ["tier_1", "tier_2", "tier_3", "tier_4"]
ENTRIES = ["direct", "push", "search", "social_ads", "short_video"]
SURFACES = ["push", "home_banner", "text_message"]
ACTIONS = [
    "open",
    "finish_guide",
    "check_in",
    "join_campaign",
    "search",
    "view_item",
    "add_to_cart",
    "read_content",
    "post",
    "share",
    "spend_points",
    "unsubscribe",
    "refund_and_close",
    "ban",
]


@dataclass(frozen=True)
class Channel:
    """One way users arrive, with what is different about its users."""

    key: str
    share: float
    hazard_ratio: float
    finish_guide_share: float
    order_ratio: float
    cost_per_signup_yuan: float
    unsubscribed_share: float = 0.20


@dataclass(frozen=True)
class Campaign:
    """One campaign with its true effect on the chance that a filled cart is paid (`order_lift` 0.4 = +40 %)."""

    key: str
    start: date
    end: date
    planned_control_share: float
    join_share: float
    reward: Literal["coupon", "check_in", "lottery"]
    reward_yuan: float
    media_yuan_per_user: float
    expected_verdict: str
    order_lift: float = 0.0
    after_lift: float = 0.0
    after_half_life_days: float = 7.0
    pulled_forward_share: float = 0.0
    control_share_if_recent: float | None = None
    control_share_if_silent: float | None = None
    after_days: int = 28

    @property
    def after_end(self) -> date:
        """Last day of the span after the campaign, inclusive."""
        return self.end + timedelta(days=self.after_days)


CHANNELS = (
    Channel("organic", 0.30, 1.00, 0.52, 1.10, 0.0),
    Channel("search", 0.18, 1.15, 0.48, 1.15, 14.0),
    Channel("social_ads", 0.18, 1.60, 0.40, 0.80, 22.0, 0.32),
    Channel("short_video", 0.16, 1.90, 0.34, 0.70, 17.0, 0.38),
    Channel("referral", 0.12, 0.75, 0.58, 1.20, 9.0),
    Channel("offline", 0.06, 1.30, 0.45, 1.00, 30.0),
)

CAMPAIGNS = (
    Campaign(
        "spring_coupons", date(2026, 3, 9), date(2026, 3, 22), 0.20, 0.55, "coupon", 5.0, 0.6, "keep",
        order_lift=0.70, after_lift=0.08,
    ),
    Campaign(
        "mid_year_618", date(2026, 6, 5), date(2026, 6, 18), 0.20, 0.60, "coupon", 12.0, 1.5, "no_effect",
        pulled_forward_share=0.30,
    ),
    Campaign("checkin_challenge", date(2026, 7, 27), date(2026, 8, 9), 0.20, 0.40, "check_in", 2.0, 0.4, "no_effect"),
    Campaign(
        "autumn_lottery", date(2026, 9, 14), date(2026, 9, 27), 0.20, 0.50, "lottery", 6.0, 0.8, "undecidable",
        order_lift=0.10, control_share_if_recent=0.07, control_share_if_silent=0.30,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """One A/B test with two equal arms, open from start to end."""

    key: str
    start: date
    end: date


@dataclass(frozen=True)
class DirtShares:
    """Chance per true row that a dirty row is added (late: that the row is filed a month later)."""

    duplicate: float = 0.002
    missing_user: float = 0.0005
    clock_1970: float = 0.0003
    clock_future: float = 0.0002
    late: float = 0.001
    negative_amount: float = 0.002
    missing_source: float = 0.002
    other_zone: float = 0.3
    orphan_users_per_user: float = 0.0005


@dataclass(frozen=True)
class World:
    """All parameters; times in days of Asia/Shanghai, money in yuan, shares between 0 and 1."""

    first_signup: date = date(2025, 3, 1)
    data_start: date = date(2025, 9, 1)
    as_of: date = date(2026, 10, 31)
    channels: tuple[Channel, ...] = CHANNELS
    platform_shares: tuple[float, ...] = (0.36, 0.50, 0.14)
    platform_hazard_ratios: tuple[float, ...] = (1.0, 1.1, 1.5)
    city_tier_shares: tuple[float, ...] = (0.24, 0.30, 0.28, 0.18)
    hazard_scale: float = 0.25
    hazard_shift_days: float = 3.0
    hazard_floor_per_day: float = 0.0005
    early_days: int = 7
    early_reads: int = 3
    early_reads_hazard_ratio: float = 0.65
    active_share_low: float = 0.20
    active_share_width: float = 0.60
    active_share_beta: tuple[float, float] = (2.0, 3.0)
    active_share_cap: float = 0.97
    break_hazard_per_day: float = 0.003
    mean_break_days: float = 35.0
    incident: date = date(2026, 5, 12)
    incident_factor: float = 0.35
    order_rate_shape: float = 2.0
    orders_per_alive_day: float = 0.034
    cart_per_view: float = 0.40
    order_per_cart: float = 0.50
    view_share_cap: float = 0.95
    amount_median_yuan: float = 58.0
    amount_sigma: float = 0.75
    spend_sigma: float = 0.30
    refund_share: float = 0.02
    coupon_use_share: float = 0.8
    reads_per_active_day: float = 0.8
    search_per_active_day: float = 0.25
    check_in_beta: tuple[float, float] = (1.0, 4.0)
    challenge_check_in_share: float = 0.8
    post_per_active_day: float = 0.04
    share_per_active_day: float = 0.05
    spend_points_per_active_day: float = 0.01
    contents_per_day: int = 3
    read_lag_contents: float = 12.0
    eligible_days: int = 28
    recent_days: int = 7
    campaigns: tuple[Campaign, ...] = CAMPAIGNS
    onboarding: Experiment = Experiment("ab_onboarding", date(2025, 11, 1), date(2026, 1, 31))
    onboarding_points: float = 0.09
    button: Experiment = Experiment("ab_button", date(2026, 4, 20), date(2026, 5, 10))
    hunters_per_user: float = 0.0012
    refunded_share: float = 0.05
    banned_hunters_share: float = 0.60
    ban_within_days: int = 10
    dirt: DirtShares = field(default_factory=DirtShares)

    @property
    def days(self) -> int:
        """Number of simulated days, first sign-up to as_of."""
        return self.index(self.as_of) + 1

    @property
    def observed_from(self) -> int:
        """Index of the first day of data."""
        return self.index(self.data_start)

    @property
    def calendar(self) -> npt.NDArray[np.datetime64]:
        """One date per simulated day."""
        return np.datetime64(self.first_signup, "D") + np.arange(self.days)

    @property
    def report_ends(self) -> tuple[int, int]:
        """Index of the last day of data, and of the last Sunday: where the last month and the last whole week end."""
        return self.days - 1, self.days - 1 - (self.as_of.weekday() + 1) % 7

    def index(self, day: date) -> int:
        """Days since the first sign-up."""
        return (day - self.first_signup).days

    def cumulative_hazard(self, ages: Floats | Integers) -> Floats:
        """Of leaving, for organic users on iOS who never read early; age in days, falling hazard with a floor."""
        return self.hazard_scale * np.log1p(ages / self.hazard_shift_days) + self.hazard_floor_per_day * ages

    def mean_amount_yuan(self, spend: Floats) -> Floats:
        """Expected net amount of one order of users with this personal spend factor."""
        return spend * self.amount_median_yuan * math.exp(self.amount_sigma**2 / 2) * (1 - self.refund_share)
