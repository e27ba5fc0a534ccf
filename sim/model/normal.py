"""The normal distribution function and its inverse, of few values without SciPy.

SciPy takes a quarter of a second to import, twice as long as a small world takes to simulate. Few
values are computed here, as the Cephes library does that SciPy has these functions from: the same
operations in the same order, to the same bits. Many are left to SciPy.

References
----------
Moshier (1989), Methods and Programs for Mathematical Functions; his Cephes library, ``ndtr.c`` and
``ndtri.c``.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FEW = 32  # a microsecond each; SciPy's import is 200,000 of them

_ROOT_HALF = 0.70710678118654752440
_ROOT_TWO_PI = 2.50662827463100050242
_LONGEST = 7.09782712893383996843e2  # exp of less is no number that has all its digits
_CENTRE = 0.13533528323661269189  # exp(-2): above it a value is not in the tail

# erf(x) = x T(x²) / U(x²) up to 1; erfc(x) = exp(-x²) P(x) / Q(x) up to 8, R(x) / S(x) beyond.
_T = (
    9.60497373987051638749e0,
    9.00260197203842689217e1,
    2.23200534594684319226e3,
    7.00332514112805075473e3,
    5.55923013010394962768e4,
)
_U = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
    2.26290000613890934246e4,
    4.92673942608635921086e4,
)
_P = (
    2.46196981473530512524e-10,
    5.64189564831068821977e-1,
    7.46321056442269912687e0,
    4.86371970985681366614e1,
    1.96520832956077098242e2,
    5.26445194995477358631e2,
    9.34528527171957607540e2,
    1.02755188689515710272e3,
    5.57535335369399327526e2,
)
_Q = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
    9.75708501743205489753e2,
    1.82390916687909736289e3,
    2.24633760818710981792e3,
    1.65666309194161350182e3,
    5.57535340817727675546e2,
)
_R = (
    5.64189583547755073984e-1,
    1.27536670759978104416e0,
    5.01905042251180477414e0,
    6.16021097993053585195e0,
    7.40974269950448939160e0,
    2.97886665372100240670e0,
)
_S = (
    1.0,
    2.26052863220117276590e0,
    9.39603524938001434673e0,
    1.20489539808096656605e1,
    1.70814450747565897222e1,
    9.60896809063285878198e0,
    3.36907645100081516050e0,
)
# The inverse: about the middle, in the tails, and far out in them.
_P0 = (
    -5.99633501014107895267e1,
    9.80010754185999661536e1,
    -5.66762857469070293439e1,
    1.39312609387279679503e1,
    -1.23916583867381258016e0,
)
_Q0 = (
    1.0,
    1.95448858338141759834e0,
    4.67627912898881538453e0,
    8.63602421390890590575e1,
    -2.25462687854119370527e2,
    2.00260212380060660359e2,
    -8.20372256168333339912e1,
    1.59056225126211695515e1,
    -1.18331621121330003142e0,
)
_P1 = (
    4.05544892305962419923e0,
    3.15251094599893866154e1,
    5.71628192246421288162e1,
    4.40805073893200834700e1,
    1.46849561928858024014e1,
    2.18663306850790267539e0,
    -1.40256079171354495875e-1,
    -3.50424626827848203418e-2,
    -8.57456785154685413611e-4,
)
_Q1 = (
    1.0,
    1.57799883256466749731e1,
    4.53907635128879210584e1,
    4.13172038254672030440e1,
    1.50425385692907503408e1,
    2.50464946208309415979e0,
    -1.42182922854787788574e-1,
    -3.80806407691578277194e-2,
    -9.33259480895457427372e-4,
)
_P2 = (
    3.23774891776946035970e0,
    6.91522889068984211695e0,
    3.93881025292474443415e0,
    1.33303460815807542389e0,
    2.01485389549179081538e-1,
    1.23716634817820021358e-2,
    3.01581553508235416007e-4,
    2.65806974686737550832e-6,
    6.23974539184983293730e-9,
)
_Q2 = (
    1.0,
    6.02427039364742014255e0,
    3.67983563856160859403e0,
    1.37702099489081330271e0,
    2.16236993594496635890e-1,
    1.34204006088543189037e-2,
    3.28014464682127739104e-4,
    2.89247864745380683936e-6,
    6.79019408009981274425e-9,
)


def ndtr(x: npt.ArrayLike) -> FloatArray:
    """P(Z <= x) of a standard normal Z, in the shape of x.

    >>> float(ndtr(0.0)), ndtr([-1.0, 1.0]).round(4).tolist()
    (0.5, [0.1587, 0.8413])
    """
    return _by_value(x, _ndtr, "ndtr")


def ndtri(p: npt.ArrayLike) -> FloatArray:
    """The x with P(Z <= x) = p, in the shape of p; infinite at 0 and 1, NaN beyond.

    >>> float(ndtri(0.5)), ndtri([0.05, 0.95]).round(4).tolist()
    (0.0, [-1.6449, 1.6449])
    """
    return _by_value(p, _ndtri, "ndtri")


def _by_value(x: npt.ArrayLike, one: Callable[[float], float], of_scipy: str) -> FloatArray:
    values = np.asarray(x, dtype=np.float64)
    if values.size > FEW:
        from scipy import special  # noqa: PLC0415 (a quarter of a second)

        return np.asarray(getattr(special, of_scipy)(values), dtype=np.float64)
    found = [one(value) for value in values.ravel().tolist()]
    return np.array(found, dtype=np.float64).reshape(values.shape)


def _ndtr(a: float) -> float:
    if math.isnan(a):
        return a
    x = a * _ROOT_HALF
    z = abs(x)
    if z < 1.0:
        return 0.5 + 0.5 * _erf(x)
    tail = 0.5 * _erfc(z)
    return 1.0 - tail if x > 0.0 else tail


def _erf(x: float) -> float:
    """Of x within [-1, 1]."""
    z = x * x
    return x * _polynomial(z, _T) / _polynomial(z, _U)


def _erfc(x: float) -> float:
    """Of x from 1 on."""
    square = x * x
    if square > _LONGEST:
        return 0.0
    above, below = (_P, _Q) if x < 8.0 else (_R, _S)
    return math.exp(-square) * _polynomial(x, above) / _polynomial(x, below)


def _ndtri(p: float) -> float:
    if not 0.0 < p < 1.0:
        return {0.0: -math.inf, 1.0: math.inf}.get(p, math.nan)
    upper = p > 1.0 - _CENTRE
    y = 1.0 - p if upper else p
    if y > _CENTRE:
        y -= 0.5
        square = y * y
        x = y + y * (square * _polynomial(square, _P0) / _polynomial(square, _Q0))
        return x * _ROOT_TWO_PI
    x = math.sqrt(-2.0 * math.log(y))
    z = 1.0 / x
    above, below = (_P1, _Q1) if x < 8.0 else (_P2, _Q2)
    x = x - math.log(x) / x - z * _polynomial(z, above) / _polynomial(z, below)
    return x if upper else -x


def _polynomial(x: float, coefficients: Sequence[float]) -> float:
    """By Horner's rule, the highest power first."""
    value = coefficients[0]
    for each in coefficients[1:]:
        value = value * x + each
    return value
