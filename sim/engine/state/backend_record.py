"""The records of backends: pools of GPUs, managed ones, the ways to them, what they did."""

import numpy as np

# Scheduler of a pool.
CHUNKED, PREFILL_FIRST = 0, 1
SCHEDULERS = {"chunked": CHUNKED, "prefill_first": PREFILL_FIRST}

# What a pool asks of the KV cache before it admits a request.
PROMPT, WHOLE, ABOVE_WATERMARK = 0, 1, 2
ADMISSIONS = {"prompt": PROMPT, "whole": WHOLE, "watermark": ABOVE_WATERMARK}
WATERMARK = 0.01  # of the blocks, to stay free: vLLM 0.x, `watermark` of its BlockSpaceManager

# What has a link of its own, where prompts go from one pool to another.
PER_DESTINATION, PER_SOURCE, PER_POOL = 0, 1, 2
LINKS_PER = {"destination": PER_DESTINATION, "source": PER_SOURCE, "all": PER_POOL}

POOL = np.dtype(
    [
        ("max_num_seqs", "i8"),
        ("places", "i8"),  # in a batch: so many, or fewer where the gateway hands over fewer
        ("max_num_batched_tokens", "i8"),
        ("max_model_len", "i8"),
        ("kv_blocks", "i8"),
        # A decode step takes each sequence on by ``advance`` units, of which a token has 2 to the
        # power of ``unit_shift``: one of one, but for speculative decoding. KV blocks, the tokens
        # in the caches and step numbers are counted in units.
        ("unit_shift", "i8"),
        ("advance", "i8"),
        ("gain", "f8"),  # the same in tokens
        ("tokens_per_unit", "f8"),
        ("width", "i8"),  # tokens of the budget of a step that a decoding sequence takes
        ("block_mask", "i8"),  # units of a block minus one
        ("block_shift", "i8"),  # log2 of the units of a block
        ("scheduler", "i8"),
        ("steps_in_flight", "i8"),
        ("admission", "i8"),
        ("watermark_blocks", "i8"),
        ("router", "i8"),
        ("for_prefix", "f8"),  # weights of scorers
        ("for_queue", "f8"),
        ("for_kv_cache", "f8"),
        ("for_running", "f8"),
        ("for_adapter", "f8"),
        ("prefill_s_per_request", "f8"),
        ("prefill_s_per_token", "f8"),
        ("prefill_s_per_token_context", "f8"),
        ("overhead_s", "f8"),
        ("frontend_s_per_request", "f8"),
        ("frontend_s_per_prompt_token", "f8"),
        ("frontend_s_per_token", "f8"),
        ("frontend_s_per_token_from_rest", "f8"),
        ("frontend_s_per_prompt_token_out", "f8"),
        ("output_delay_s", "f8"),
        ("processes", "i8"),  # of the front end of a replica
        ("works_on_tokens", "i8"),  # whether tokens wait for the front end
        ("streams", "i8"),  # whether tokens are delivered later than their steps end
        ("max_queue", "f8"),
        ("retry_after_s", "f8"),
        ("replica_limit", "f8"),
        ("holds", "i8"),
        ("resends", "i8"),
        ("tracks_load", "i8"),  # whether the tree of loads is kept
        ("prefix_size", "i8"),  # KV blocks of a block of prompts; 0 for memory of their own
        ("prefix_blocks", "i8"),  # that a replica keeps of prompts, and their tokens
        ("prefix_block_tokens", "i8"),
        ("hands_to", "i8"),  # the pool that answers the prompts that it computes, NONE for itself
        ("link_per", "i8"),
        ("link_bytes_per_s", "f8"),
        ("link_latency_s", "f8"),
        ("kv_bytes_per_token", "f8"),
        ("local_below", "i8"),  # tokens: shorter prompts are computed where they are answered
        ("tiers", "i8"),  # under the cache of prompts
        ("tier_runs", "i8"),  # that one event may add there
        ("loads_always", "i8"),  # what lies there, also where it is computed sooner
        ("sees_tiers", "i8"),  # the router
        ("ranks", "i8"),  # of a replica, each of which has a row
        ("is_apart", "i8"),  # whether the segments of a replica are not its own: ranks, adapters
        ("members", "i8"),  # rows ever added
        ("routable", "i8"),  # rows that are routed to
        ("ready", "i8"),  # replicas
        ("serving", "i8"),  # ready or draining
        ("cursor", "i8"),  # of the round robin, into the ready list
        ("turns", "i8"),  # requests handed over, where loads are kept
        # Counts from the beginning, for the control plane.
        ("attempts", "i8"),
        ("rejected", "i8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("finished", "i8"),  # of which the tokens are
        ("answers", "i8"),  # complete ones that somebody waited for
        ("ttft_s", "f8"),  # their sums: to the first token, and from there to the last
        ("streamed_s", "f8"),
        ("looked_up", "i8"),  # tokens of prompts that were looked for where there are tiers ...
        ("found_above", "i8"),  # ... and found above them
        # Counts now, and moments of the bin under way.
        ("outstanding", "i8"),  # held, or on a replica
        ("held", "i8"),  # at the gateway, among the waiting
        ("busy", "i8"),
        ("waiting", "i8"),
        ("running", "i8"),
        ("busy_s", "f8"),
        ("waiting_s", "f8"),
        ("running_s", "f8"),
        ("blocks_s", "f8"),
        ("ready_s", "f8"),
        ("serving_s", "f8"),
        ("speed", "f8"),  # of the ready replicas together, in replicas that are not slow
        ("able_s", "f8"),  # the integral of it
        # Work of the bin under way, as in sim.engine.replica.work.
        ("decoded", "f8"),
        ("context", "f8"),
        ("prompts", "f8"),
        ("prefilled", "f8"),
        ("prefill_s", "f8"),
        ("frontend_s", "f8"),
        # Prompts that it computed for another pool and that came there in the bin under way.
        ("transfers", "i8"),
        ("moved_bytes", "f8"),
        ("handoff_s", "f8"),  # from the end of the prefill to the arrival, together
        ("kept_local", "i8"),  # attempts with shorter prompts, that went there at once
        # The order of the lines of its replicas, as in sim.model.scheduling.
        ("order", "i8"),
        ("ageing_s", "f8"),
        ("prediction_error", "f8"),
        ("takes_places", "i8"),
        ("takes_after_s", "f8"),
        ("shed_queue", "f8"),  # waiting for each replica, at which sheddable ones are turned away
    ],
    align=True,
)

# A backend in the order in which those of a workload are tried.
LEG = np.dtype(
    [
        ("backend", "i8"),
        ("next", "i8"),  # leg on which an attempt goes on, NONE for the last
        ("escalation", "i8"),  # leg on which an answer that is not good enough is made again
        ("escalation_share", "f8"),
        ("share", "f8"),
        ("least_prompt", "i8"),
        ("most_prompt", "i8"),
        ("trip_s", "f8"),  # round trip between the users of the workload and the backend
    ],
    align=True,
)

# What a backend is: a pool, a managed one, several pools behind one router, or one of these.
POOL_ALONE, MANAGED, VARIANTS, VARIANT = range(4)

# What there is of a managed backend besides its row among the pools; the first three of all, the
# next of pools that are variants, or of what joins them.
PROVIDER = np.dtype(
    [
        ("kind", "i8"),
        ("cooldown_s", "f8"),  # it is left out for, after an attempt that came to nothing
        ("out_until_s", "f8"),
        ("spent_until_s", "f8"),  # it is left out, as all of a budget is spent
        ("yearly_factor", "f8"),  # on prices
        ("clock_s", "f8"),  # from Monday, 0:00, to time 0
        ("variants", "i8"),  # the backend that a variant is one of
        ("first_variant", "i8"),
        ("next_variant", "i8"),  # NONE after the last
        ("weight", "f8"),  # of a replica, or of each rank, as a router takes it
        ("credit", "f8"),  # of the round robin
        ("error_share", "f8"),
        ("outage_share", "f8"),
        ("slowness", "f8"),
        ("capable_share", "f8"),
        ("ttft_s_per_prompt_token", "f8"),
        ("caches", "i8"),
        ("life_s", "f8"),
        ("least_tokens", "i8"),
        ("marked_tokens", "i8"),
        ("cached_is_free", "i8"),
        ("reserved", "f8"),
        ("quota_weight", "f8"),  # tokens of the quota that one of an answer takes
        ("most_at_once", "f8"),  # attempts
        ("refuses_large", "i8"),  # for good, what is larger than a bucket
        ("by_day", "i8"),  # whether there are limits by the day
        ("reset_s", "f8"),  # time of the day at which they begin anew
        ("day_ends_s", "f8"),
        ("by_week", "i8"),  # whether there are limits by the week
        ("week_reset_s", "f8"),  # a time at which they begin anew, from the start of the horizon
        ("week_ends_s", "f8"),
        ("output_weight", "f8"),  # of provisioned units
        ("long_above", "i8"),
        ("refilled_s", "f8"),
    ],
    align=True,
)

# What may be spent at one managed backend or at several.
BUDGET = np.dtype(
    [
        ("usd", "f8"),  # of a period, and what of it is spent in the one under way
        ("spent_usd", "f8"),
        ("period", "i8"),  # under way, into ``ends``
    ],
    align=True,
)

# Token buckets of a managed backend, and the entries of each. Those by the day and the week are
# full when it begins, and are not refilled in it.
BY_REQUEST, BY_INPUT, BY_OUTPUT, BY_TOKEN, BY_UNIT, DAILY_REQUESTS, DAILY_TOKENS = range(7)
WEEKLY_REQUESTS, WEEKLY_TOKENS = 7, 8
BUCKETS_OF_QUOTA = 9
RATE, CAPACITY, LEVEL = 0, 1, 2

# The price of a token: of a prompt, neither cached nor written; cached; written; of an answer.
PLAIN, CACHED, WRITTEN, GENERATED = range(4)

# What a managed backend keeps of a task: since when, and how many leading tokens.
SINCE, TOKENS = 0, 1

# How what a backend did for a workload is paid.
STANDARD, LONG, PROVISIONED = 0, 1, 2  # LONG: the prompt is above the price's step
BILLINGS = 3

# What a backend did for a workload in the bin under way, booked when an attempt ends there, for
# requests that arrived at time 0 or later.
USAGE = np.dtype(
    [
        ("attempts", "i8"),  # sent there, by the time of sending; STANDARD only
        ("handed_on", "i8"),  # of these, by a pool that had computed their prompts; STANDARD only
        ("errors", "i8"),  # attempts that failed there: an incident, a replica lost; STANDARD only
        ("rejections", "i8"),  # attempts that were turned away; STANDARD only
        ("over_budget", "i8"),  # of the rejections, those as the budget was spent; STANDARD only
        ("diverted", "i8"),  # attempts that went elsewhere for that reason; STANDARD only
        ("answers", "i8"),  # finished for somebody, those that were not good enough among them
        ("escalated", "i8"),  # of the answers, those that were not good enough
        ("degraded", "i8"),  # of the answers, those that were shortened
        ("prompt_tokens", "i8"),  # of the answers
        ("cached_tokens", "i8"),  # of these prompts
        ("found_later_tokens", "i8"),  # as in WORKLOAD
        ("written_tokens", "i8"),  # of these prompts, written into a provider's cache
        ("output_tokens", "i8"),
        ("wasted_tokens", "i8"),  # worked on for nobody, as in WORKLOAD
        ("redone_tokens", "i8"),  # of these, prefilled again after a preemption
        ("wasted_prompt_tokens", "i8"),  # a managed backend's bill for attempts that were left
        ("wasted_cached_tokens", "i8"),
        ("wasted_written_tokens", "i8"),
        ("wasted_output_tokens", "i8"),  # of a pool's wasted tokens, those made one by one
    ],
    align=True,
)
