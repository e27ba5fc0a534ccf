"""What is shown of each region among several."""

OF_REGIONS = (
    "requests",
    "ttft_p95_s",
    "served_away_share",
    "unanswered_share",
    "rejected",
    "timed_out",
    "failed",
    "gave_up",
    "cost_usd",
    "cost_usd_per_month",
    "gpu_hours",
    "answers",
    "energy_kwh",
    "co2e_kg",
    "co2e_kg_per_month",
)
ON_A_SCREEN = (
    "requests",
    "ttft_p95_s",
    "served_away_share",
    "cost_usd_per_month",
    "co2e_kg_per_month",
)
