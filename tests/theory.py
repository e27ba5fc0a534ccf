"""Closed forms of queueing theory, and exact recursions on a sample path.

Time is counted in mean service times unless a docstring says otherwise: the service rate of a
server is 1 and the arrival rate of ``servers`` servers at load ``rho`` is ``servers * rho``.

Sources: Kleinrock, Queueing Systems I (1975) for M/M/c, M/G/1 and GI/M/1; Franx, A simple solution
for the M/D/c waiting time distribution, Oper. Res. Lett. 29 (2001); Eick, Massey, Whitt, Mt/G/inf
queues with sinusoidal arrival rates, Manag. Sci. 39 (1993); Inoue, Queueing analysis of GPU-based
inference servers with dynamic batching, Perform. Eval. 147 (2021); Mitzenmacher, The power of two
choices in randomized load balancing, IEEE TPDS 12 (2001); Cohen, Basic problems of telephone
traffic theory and the influence of repeated calls, Philips Telecomm. Rev. 18 (1957), for retries;
Sevcik, Mitrani, The distribution of queuing network states at input and output instants, JACM 28
(1981), for what an arrival sees in a closed network;
Palm, Research on telephone traffic carried by full availability groups, Tele 1 (1957), and Zeltyn,
Mandelbaum, Call centers with impatient customers: many-server asymptotics of the M/M/n+G queue,
Queueing Systems 51 (2005), for impatience.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import integrate, optimize, stats

FloatArray = npt.NDArray[np.float64]


# M/M/c


def erlang_b(servers: int, offered: float) -> float:
    """Probability that an arrival finds every server busy in M/G/c/c, by recursion."""
    blocking = 1.0
    for n in range(1, servers + 1):
        blocking = offered * blocking / (n + offered * blocking)
    return blocking


def erlang_c(servers: int, rho: float) -> float:
    """Probability that an arrival waits in M/M/c."""
    blocking = erlang_b(servers, servers * rho)
    return blocking / (1.0 - rho * (1.0 - blocking))


def mmc_mean_wait(servers: int, rho: float) -> float:
    return erlang_c(servers, rho) / (servers * (1.0 - rho))


def mmc_wait_quantile(servers: int, rho: float, q: float) -> float:
    """P(W > t) = C exp(-c (1 - rho) t), solved for t; zero where fewer than 1 - q wait."""
    waits = erlang_c(servers, rho)
    return max(0.0, math.log(waits / (1.0 - q)) / (servers * (1.0 - rho)))


# Machine repair: M/M/c//N, users who wait for their answers and then think


def machine_repair(servers: int, users: int, think: float) -> FloatArray:
    """Probabilities of 0 to N users at the servers, the others thinking for a mean time."""
    log_p = np.zeros(users + 1)
    for n in range(1, users + 1):  # p(n)·min(n, c) = p(n - 1)·(N - n + 1)/Z
        log_p[n] = log_p[n - 1] + math.log((users - n + 1) / think / min(n, servers))
    p = np.exp(log_p - log_p.max())
    return p / p.sum()


def machine_repair_throughput(servers: int, users: int, think: float) -> float:
    """Answers per mean service time."""
    p = machine_repair(servers, users, think)
    return float(np.minimum(np.arange(users + 1), servers) @ p)


def machine_repair_wait_cdf(servers: int, users: int, think: float, t: float) -> float:
    """P(W <= t): who comes sees the others as one user fewer would be (arrival theorem)."""
    if users == 1:
        return 1.0
    seen = machine_repair(servers, users - 1, think)
    stages = np.arange(users) - servers + 1  # departures to wait for
    gone = np.where(stages > 0, stats.gamma.cdf(t, np.maximum(stages, 1), scale=1 / servers), 1.0)
    return float(seen @ gone)


# Loss systems whose customers come back


def retried_load(servers: int, offered: float, again: Callable[[float], float]) -> float:
    """Offered load with the retries, where these come late enough to be Poisson themselves.

    ``again`` gives the attempts per customer for a share of blocked attempts B; the load is the
    root of a' = a · again(B(c, a')) (Cohen, 1957).
    """

    def excess(load: float) -> float:
        return load - offered * again(erlang_b(servers, load))

    most = offered + 1.0
    while excess(most) < 0.0:
        most *= 2.0
    return float(optimize.brentq(excess, offered, most, xtol=1e-13))


def persistent_attempts(blocked: float, persistence: float) -> float:
    """Attempts per customer where each that is blocked is followed by another with a probability.

    The sum of (persistence · B)^k over k = 0, 1, ...
    """
    return 1.0 / (1.0 - persistence * blocked)


def limited_attempts(blocked: float, retries: int) -> float:
    """Attempts per customer with at most so many retries: the sum of B^k, k = 0 ... retries."""
    return math.fsum(blocked**k for k in range(retries + 1))


# Queues whose customers leave: M/M/c+G


@dataclass(frozen=True)
class Impatience:
    """What customers of an M/M/c+G queue see (Zeltyn and Mandelbaum, 2005, section 3).

    Attributes
    ----------
    waits : float
        Probability of a wait.
    leaves : float
        Probability of leaving without service.
    mean_wait : float
        Mean wait of all, of those who leave too.
    """

    waits: float
    leaves: float
    mean_wait: float


def impatience(
    servers: int, rate: float, patience: Callable[[float], float], kinks: Sequence[float] = ()
) -> Impatience:
    """M/M/c+G from the integral of patience H(x), the mean of min(patience, x).

    With J = the integral of exp(rate·H(x) - c·x) over x >= 0, J_H that of H(x) times the same, and
    eps = the sum over j < c of the probabilities of j busy servers relative to c - 1:
    P(wait) = rate·J / (eps + rate·J), P(leave) = (1 + (rate - c)·J) / (eps + rate·J),
    E[wait] = rate·J_H / (eps + rate·J). ``kinks`` are where H is not smooth.
    """
    empty_places = 1.0 / erlang_b(servers - 1, rate)

    def weight(x: float) -> float:
        return math.exp(rate * patience(x) - servers * x)

    def integral(f: Callable[[float], float]) -> float:
        ends = [0.0, *kinks, math.inf]
        parts = [integrate.quad(f, a, b, epsabs=1e-13) for a, b in pairwise(ends)]
        return math.fsum(value for value, _ in parts)

    j, j_h = integral(weight), integral(lambda x: patience(x) * weight(x))
    total = empty_places + rate * j
    return Impatience(rate * j / total, (1.0 + (rate - servers) * j) / total, rate * j_h / total)


def exponential_patience(mean: float) -> Callable[[float], float]:
    """H(x) of Erlang A (Palm, 1957)."""
    return lambda x: -mean * math.expm1(-x / mean)


def constant_patience(limit: float) -> Callable[[float], float]:
    """H(x) of those who all wait as long."""
    return lambda x: min(x, limit)


def erlang_a(servers: int, rate: float, mean_patience: float) -> Impatience:
    """M/M/c+M from its birth-and-death chain: deaths at min(n, c) + (n - c)⁺/mean_patience."""
    count = servers + 2_000
    n = np.arange(1, count)
    deaths = np.minimum(n, servers) + np.maximum(n - servers, 0) / mean_patience
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate / deaths))])
    share = np.exp(logs - logs.max())
    share /= share.sum()
    queue = float(share @ np.maximum(np.arange(count) - servers, 0))
    return Impatience(float(share[servers:].sum()), queue / mean_patience / rate, queue / rate)


# M/G/1


def mg1_mean_wait(rho: float, cv: float) -> float:
    """Pollaczek and Khinchine: rho / (1 - rho) times the mean residual service."""
    return rho / (1.0 - rho) * (1.0 + cv * cv) / 2.0


def md1_numbers(rho: float, count: int) -> FloatArray:
    """Distribution of the number in an M/D/1 system, states 0 to ``count`` - 1.

    From the balance across the cut between n and n + 1 of the chain at departures, where all terms
    are positive and nothing cancels.
    """
    beyond = stats.poisson.sf(np.arange(count + 1), rho)  # P(A > k), A arrivals per service
    numbers = np.zeros(count)
    numbers[0] = 1.0 - rho
    for n in range(count - 1):
        up = numbers[0] * beyond[n] + numbers[1 : n + 1] @ beyond[n:0:-1]
        numbers[n + 1] = up / math.exp(-rho)
    return numbers


def md1_wait_quantile(rho: float, q: float) -> float:
    """Franx (2001) for one server, solved for the time."""
    count = 2 * math.ceil(mmc_wait_quantile(1, rho, q)) + 10  # a wait is shorter than in M/M/1
    cumulative = np.cumsum(md1_numbers(rho, count))

    def wait_cdf(t: float) -> float:
        k = math.floor(t) + 1
        j = np.arange(k)
        return float(stats.poisson.pmf(j, rho * (k - t)) @ cumulative[k - j])

    return float(optimize.brentq(lambda t: wait_cdf(t) - q, 0.0, count - 2.0, xtol=1e-9))


def mg1_wait_quantile(
    survival: Callable[[FloatArray], FloatArray], rho: float, q: float, longest: float
) -> float:
    """Quantile of the M/G/1 wait, for a service of mean 1 with P(S > x) = ``survival``.

    The wait is a geometric sum of residual services (Pollaczek and Khinchine), whose generating
    function is (1 - rho) / (1 - rho R(z)); R is discretised on a grid and the sum inverted by a
    fast Fourier transform over [0, ``longest``), damped so that what wraps around is below 1e-8.
    """
    cells = 1 << 18
    width = longest / cells
    grid = np.arange(cells) * width
    residual = survival(grid + width / 2.0) * width  # the residual's density is P(S > x) / E[S]
    damping = np.exp(-grid * (math.log(1e8) / longest))
    transform = np.fft.rfft(residual * damping)
    wait = np.fft.irfft((1.0 - rho) / (1.0 - rho * transform), cells) / damping
    # The residual of cell i lies in the middle of the cell: N residuals sum to i + N/2 cells, and
    # the mean number of them above a high quantile is the quantile over the mean residual.
    at = int(np.searchsorted(np.cumsum(wait), q))
    residuals = at * width / (residual @ grid)
    return float((at + residuals / 2.0) * width)


def lognormal_survival(cv: float) -> Callable[[FloatArray], FloatArray]:
    """P(S > x) of the lognormal with mean 1 and coefficient of variation ``cv``."""
    sigma = math.sqrt(math.log1p(cv * cv))
    scale = math.exp(-sigma * sigma / 2.0)
    return lambda x: np.asarray(stats.lognorm.sf(x, sigma, scale=scale))


def ps_mean_sojourn(rho: float) -> float:
    """M/G/1 with processor sharing, whatever the service distribution."""
    return 1.0 / (1.0 - rho)


# GI/M/1, and pools of single servers


def erlang_m1_mean_wait(stages: int, rho: float) -> float:
    """Wait of E_k/M/1: what each server sees when arrivals are dealt out to k of them in turn.

    sigma is the root in (0, 1) of sigma = A*(1 - sigma), A* the interarrival transform; the wait
    is sigma / (1 - sigma).
    """

    def excess(sigma: float) -> float:
        return (1.0 + (1.0 - sigma) / (stages * rho)) ** -stages - sigma

    sigma = float(optimize.brentq(excess, 0.0, 1.0 - (1.0 - rho) / 10.0, xtol=1e-14))
    return sigma / (1.0 - sigma)


def power_of_two_mean_sojourn(rho: float) -> float:
    """Many M/M/1 servers, each arrival to the shorter of two drawn: sum of rho^(2^i - 2)."""
    return math.fsum(rho ** (2.0**i - 2.0) for i in range(1, 40))


# Infinitely many servers, sinusoidal arrival rate


def exponential_echo(omega: float, mean: float) -> tuple[float, float]:
    """Relative amplitude and lag of the number in Mt/M/inf, under 1 + b sin(omega t)."""
    return 1.0 / math.hypot(1.0, omega * mean), math.atan(omega * mean) / omega


def constant_echo(omega: float, mean: float) -> tuple[float, float]:
    """The same of Mt/D/inf."""
    half = omega * mean / 2.0
    return math.sin(half) / half, mean / 2.0


# A server that takes all who wait as one batch


def batch_mean_sojourn(rho: float, per_request_s: float, per_batch_s: float) -> float:
    """Mean sojourn where a batch of b takes ``per_batch_s`` + ``per_request_s`` · b seconds.

    Inoue (2021): arrivals are Poisson at rho / per_request_s; at a batch's end all who came during
    it make the next one, or the next arrival alone if none did. Sizes form a Markov chain; of those
    who came during h seconds each has waited h/2 on average.
    """
    rate = rho / per_request_s
    mean_batch = rate * per_batch_s / (1.0 - rho) + 1.0
    # Sizes are near those of an autoregression: this is 15 of their standard deviations.
    count = int(mean_batch + 15.0 * math.sqrt(mean_batch / (1.0 - rho**2))) + 30
    size = np.arange(1, count + 1)
    batch_s = per_batch_s + per_request_s * size
    arrivals = stats.poisson.pmf(np.arange(count + 1), rate * batch_s[:, None])
    chain = arrivals[:, 1:].copy()
    chain[:, 0] += arrivals[:, 0]  # none came: the next batch is of one
    chain /= chain.sum(axis=1, keepdims=True)
    balance = np.vstack([(chain.T - np.eye(count))[1:], np.ones(count)])
    share = np.linalg.solve(balance, np.append(np.zeros(count - 1), 1.0))
    waited = share @ (rate * batch_s * batch_s / 2.0)
    served = share @ (size * batch_s)
    return float((waited + served) / (share @ size))


# Exact recursions on a sample path


def first_come_first_served_starts(
    arrival: Sequence[float], service: Sequence[float], servers: int
) -> FloatArray:
    """When each service starts: Kiefer and Wolfowitz (1955), Lindley (1952) for one server."""
    free = [-math.inf] * servers
    starts = np.empty(len(arrival))
    for n, (at, takes) in enumerate(zip(arrival, service, strict=True)):
        starts[n] = max(at, free[0])
        heapq.heapreplace(free, starts[n] + takes)
    return starts
