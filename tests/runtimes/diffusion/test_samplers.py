"""Every sampler that the product names is built and draws; any other name is refused, never replaced."""

import numpy as np
import pytest
import torch
from scipy import stats

from apps.images.grammar.samplers import AUTOMATIC, SAMPLERS
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion import samplers
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.diffusion.samplers import Sampling, build_scheduler
from tests.runtimes.diffusion.tiny import drawing, ignore

TRAINED = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PAIRS = [(sampler.key, schedule) for sampler in SAMPLERS.values() for schedule in sampler.schedules]


def test_it_knows_the_samplers_that_the_grammar_names_and_what_automatic_means() -> None:
    ours = {key: sampler.automatic for key, sampler in samplers._SAMPLERS.items()}

    assert ours == {key: sampler.automatic for key, sampler in SAMPLERS.items()}


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_it_draws_with_every_sampler_and_schedule(model: DiffusersModel, sampler: str, schedule: str) -> None:
    picture = model.draw(drawing(sampler=sampler, schedule=schedule, steps=4), ignore)

    assert picture.std() > 0
    assert np.array_equal(picture, model.draw(drawing(sampler=sampler, schedule=schedule, steps=4), ignore))


def test_it_builds_the_automatic_schedule_as_the_one_that_it_stands_for() -> None:
    for sampler in SAMPLERS.values():
        automatic = build_scheduler(TRAINED, Sampling(sampler.key, AUTOMATIC, 20, 1))
        named = build_scheduler(TRAINED, Sampling(sampler.key, sampler.automatic, 20, 1))

        assert type(automatic) is type(named)
        assert dict(automatic.config) == dict(named.config)


def test_it_forgets_the_schedule_that_the_model_was_saved_with() -> None:
    trained = TRAINED | {"use_karras_sigmas": True}

    assert not build_scheduler(trained, Sampling("euler", "uniform", 20, 1)).config.use_karras_sigmas


def test_it_places_times_by_the_beta_distribution() -> None:
    """The quantiles of the distribution, and its symmetry: as many steps in the first tenth as in the last."""
    scheduler = build_scheduler(TRAINED, Sampling("euler", "beta", 100, 1))
    scheduler.set_timesteps(100)
    times = scheduler.timesteps.numpy()

    assert times[0] == pytest.approx(999)
    assert times[50] == pytest.approx(999 / 2, rel=1e-3)
    assert times[25] == pytest.approx(999 * stats.beta.ppf(0.75, 0.6, 0.6), rel=1e-3)
    assert abs((times > 999 * 0.9).sum() - (times < 999 * 0.1).sum()) <= 1
    assert np.all(np.diff(scheduler.sigmas.numpy()) < 0)


@pytest.mark.parametrize("sampler", [key for key, schedule in PAIRS if schedule == "beta"])
def test_it_takes_many_steps_of_the_beta_distribution(sampler: str) -> None:
    scheduler = build_scheduler(TRAINED, Sampling(sampler, "beta", 150, 1))
    scheduler.set_timesteps(150)

    assert torch.isfinite(scheduler.sigmas).all()
    assert scheduler.sigmas[0] == pytest.approx(14.6, abs=0.1)


@pytest.mark.parametrize("name", ["dpm_fast", "dpm_adaptive", "restart", "heunpp2", "", "Euler"])
def test_it_refuses_a_sampler_that_it_has_not(model: DiffusersModel, name: str) -> None:
    with pytest.raises(RuntimeFailure, match="no sampler"):
        model.draw(drawing(sampler=name), ignore)


@pytest.mark.parametrize(("sampler", "schedule"), [("euler_a", "karras"), ("ddim", "karras"), ("ddim", "made up")])
def test_it_refuses_a_schedule_that_the_sampler_cannot_follow(
    model: DiffusersModel, sampler: str, schedule: str
) -> None:
    with pytest.raises(RuntimeFailure, match="cannot follow"):
        model.draw(drawing(sampler=sampler, schedule=schedule), ignore)


@pytest.mark.parametrize("sampler", ["lcm", "tcd"])
def test_it_takes_more_steps_than_a_distilled_model_was_made_for(model: DiffusersModel, sampler: str) -> None:
    assert model.draw(drawing(sampler=sampler, steps=60), ignore).std() > 0


def test_it_follows_a_straight_line_exactly_by_ipndm() -> None:
    """A denoiser that always expects the same picture has the same slope everywhere: one step is as good as many."""
    expected = torch.full((1, 4, 2, 2), 0.7)
    scheduler = build_scheduler(TRAINED | {"prediction_type": "sample"}, Sampling("ipndm", "uniform", 6, 1))
    scheduler.set_timesteps(6)
    sample = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(1)) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(sample, timestep)
        sample = scheduler.step(expected, timestep, sample, return_dict=False)[0]

    assert torch.allclose(sample, expected, atol=1e-4)
