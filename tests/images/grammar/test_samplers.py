"""media.md 1a: the usual names are accepted, others refused, none replaced."""

import pytest

from apps.images.grammar.errors import PromptError, ScheduleMismatch, UnknownSampler, UnknownSchedule
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES, choose, resolve


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        pytest.param("Euler a", "", ("euler_a", "automatic"), id="1a-label"),
        pytest.param("euler A", "automatic", ("euler_a", "automatic"), id="1a-case"),
        pytest.param("dpmpp_2m", "karras", ("dpmpp_2m", "karras"), id="1a-keys"),
        pytest.param("DPM++ 2M Karras", "", ("dpmpp_2m", "karras"), id="1a-glued"),
        pytest.param("DPM++ 2M SDE Exponential", "Automatic", ("dpmpp_2m_sde", "exponential"), id="1a-glued-automatic"),
        pytest.param("DPM++ 2M Karras", "Karras", ("dpmpp_2m", "karras"), id="1a-glued-and-same"),
        pytest.param("dpmpp_2m_karras", "", ("dpmpp_2m", "karras"), id="1a-glued-keys"),
        pytest.param("DPM++ 3M SDE SGM Uniform", "", ("dpmpp_3m_sde", "sgm_uniform"), id="1a-glued-two-words"),
        pytest.param("k_euler_a", "normal", ("euler_a", "uniform"), id="1a-aliases"),
        pytest.param("k_dpmpp_2m_ka", "", ("dpmpp_2m", "karras"), id="1a-upstreams-api"),
        pytest.param("k_dpm_2_a_ka", "", ("dpm2_a", "karras"), id="1a-upstreams-api-ancestral"),
        pytest.param("k_dpmpp_2m_sde_exp", "", ("dpmpp_2m_sde", "exponential"), id="1a-upstreams-api-exponential"),
        pytest.param("dpmpp_3m_sde_gpu", "exponential", ("dpmpp_3m_sde", "exponential"), id="1a-comfyui"),
        pytest.param("uni_pc_bh2", "sgm_uniform", ("unipc", "sgm_uniform"), id="1a-comfyui-unipc"),
        pytest.param("  LMS   Karras ", "", ("lms", "karras"), id="1a-space"),
    ],
)
def test_it_knows_the_usual_names(sampler: str, schedule: str, expected: tuple[str, str]) -> None:
    found, chosen = choose(sampler, schedule)

    assert (found.key, chosen.key) == expected


@pytest.mark.parametrize(
    ("sampler", "schedule", "error"),
    [
        pytest.param("DPM fast", "", UnknownSampler, id="1a-dpm-fast"),
        pytest.param("DPM adaptive", "", UnknownSampler, id="1a-dpm-adaptive"),
        pytest.param("Restart", "", UnknownSampler, id="1a-restart"),
        pytest.param("HeunPP2", "", UnknownSampler, id="1a-heunpp2"),
        pytest.param("", "", UnknownSampler, id="1a-empty"),
        pytest.param("Karras", "", UnknownSampler, id="1a-schedule-alone"),
        pytest.param("Euler", "Polyexponential", UnknownSchedule, id="1a-unknown-schedule"),
        pytest.param("Euler a", "Karras", ScheduleMismatch, id="1a-cannot-follow"),
        pytest.param("DPM++ 2M Karras", "Exponential", ScheduleMismatch, id="1a-contradiction"),
    ],
)
def test_it_refuses_other_names(sampler: str, schedule: str, error: type[PromptError]) -> None:
    with pytest.raises(error) as caught:
        choose(sampler, schedule)

    assert "%" not in caught.value.sentence()


def test_it_says_what_there_is() -> None:
    with pytest.raises(UnknownSampler) as caught:
        choose("DPM fast")

    assert all(sampler.label in caught.value.sentence() for sampler in SAMPLERS.values())


def test_it_has_no_schedule_that_is_not_in_the_table() -> None:
    for sampler in SAMPLERS.values():
        assert set(sampler.schedules) <= set(SCHEDULES)
        assert sampler.automatic in sampler.schedules
        assert resolve(sampler, SCHEDULES["automatic"]).key != "automatic"


COMFYUI = {
    "euler": "euler",
    "euler_ancestral": "euler_a",
    "heun": "heun",
    "dpm_2": "dpm2",
    "dpm_2_ancestral": "dpm2_a",
    "lms": "lms",
    "dpmpp_sde": "dpmpp_sde",
    "dpmpp_sde_gpu": "dpmpp_sde",
    "dpmpp_2m": "dpmpp_2m",
    "dpmpp_2m_sde": "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
    "dpmpp_3m_sde": "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu": "dpmpp_3m_sde",
    "lcm": "lcm",
    "ipndm": "ipndm",
    "deis": "deis",
    "ddim": "ddim",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc",
}
ELSEWHERE = [
    "euler_cfg_pp", "euler_ancestral_cfg_pp", "heunpp2", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "ddpm",
    "dpmpp_2m_cfg_pp", "dpmpp_2m_sde_heun", "ipndm_v", "res_multistep", "gradient_estimation", "er_sde", "seeds_2",
    "pndm", "dpmpp_2s", "dpmpp_3m",  # InvokeAI; before ComfyUI, below AUTOMATIC1111
    "k_dpm_fast", "k_dpm_ad", "k_dpmpp_2s_a", "plms", "restart", "DPM++ 2S a Karras", "DDIM CFG++",
]  # fmt: skip


def test_it_knows_comfyuis_samplers() -> None:
    assert {name: choose(name)[0].key for name in COMFYUI} == COMFYUI


@pytest.mark.parametrize("name", ELSEWHERE)
def test_it_takes_no_other_sampler_for_one_that_is_not_here(name: str) -> None:
    with pytest.raises(UnknownSampler) as caught:
        choose(name)

    assert name in caught.value.sentence()


@pytest.mark.parametrize("name", ["simple", "ddim_uniform", "linear_quadratic", "kl_optimal", "Align Your Steps"])
def test_it_takes_no_other_schedule_for_one_that_is_not_here(name: str) -> None:
    with pytest.raises(UnknownSchedule):
        choose("dpmpp_2m", name)
