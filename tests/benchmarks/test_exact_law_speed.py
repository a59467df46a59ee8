"""What the exact law costs: a draw at n = 10⁶, its growth with n, and the direct solve beside it.

Times are those of the processor, of one core, so that other work on the machine does not count.
Run with ``pytest tests/benchmarks/test_exact_law_speed.py --benchmark-only``.
"""

import time
import tracemalloc

import numpy as np
import pytest

import asymptotics as asy
from asymptotics.simulation.exact_law import ExactLaw

MIX = asy.SpikedMixture(signal=1.5)
PROJECTOR = asy.Expansion(3.0)
CLASSIFIERS = {"ridge": asy.Ridge(0.1), "min-norm": asy.MinNorm(), "centroid": asy.Centroid()}
# Promises, on one core.
SECONDS_AT_A_MILLION = 0.5
BYTES_AT_A_MILLION = 1e9
GAIN_AT_2000 = 80.0


def seconds(task, repeats):
    """The fastest of some runs, after one to warm up."""
    task()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("aspect_ratio", [0.5, 2.0])
@pytest.mark.parametrize("n", [10**3, 10**4, 10**5, 10**6])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_draw(benchmark, name, n, aspect_ratio):
    law = ExactLaw.of(MIX, PROJECTOR, n, int(aspect_ratio * n))
    rng = np.random.default_rng(0)
    benchmark.pedantic(law.draw, (CLASSIFIERS[name], rng), rounds=5, warmup_rounds=1)
    if n == 10**6 and aspect_ratio == 0.5:
        assert benchmark.stats.stats.min <= SECONDS_AT_A_MILLION


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_memory_of_a_million(benchmark, name):
    law = ExactLaw.of(MIX, PROJECTOR, 10**6, 5 * 10**5)

    def peak():
        tracemalloc.start()
        law.draw(CLASSIFIERS[name], np.random.default_rng(0))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    size = benchmark.pedantic(peak, rounds=1)
    benchmark.extra_info["peak_bytes"] = size
    assert size <= BYTES_AT_A_MILLION


@pytest.mark.parametrize("aspect_ratio", [0.5, 2.0])
def test_against_the_direct_solve(benchmark, aspect_ratio):
    """Whole simulations of n = 2000, on the same machine in the same run."""

    def simulate(method, trials):
        asy.simulate(
            MIX,
            asy.Ridge(0.1),
            aspect_ratio,
            n=2000,
            trials=trials,
            projector=PROJECTOR,
            rng=0,
            method=method,
        )

    direct = seconds(lambda: simulate("direct", 3), 2) / 3
    exact = benchmark.pedantic(lambda: seconds(lambda: simulate("exact-law", 100), 2), rounds=1)
    benchmark.extra_info["gain"] = gain = 100 * direct / exact
    assert gain >= GAIN_AT_2000


def test_cost_is_linear(benchmark):
    """The slope of log time against log n, from 10⁴ on, where the overhead of Python is past."""
    sizes = np.array([10**4, 10**5, 10**6])

    def slope():
        times = []
        for n in sizes:
            law = ExactLaw.of(MIX, PROJECTOR, int(n), int(n) // 2)
            rng = np.random.default_rng(0)
            times.append(seconds(lambda law=law, rng=rng: law.draw(asy.Ridge(0.1), rng), 5))
        return np.polyfit(np.log(sizes), np.log(times), 1)[0]

    found = benchmark.pedantic(slope, rounds=1)
    benchmark.extra_info["slope"] = found
    assert found < 1.15
