"""The samplers and noise schedules by their usual names: data alone; `apps.runtimes` maps the keys to classes.

Labels and what "Automatic" means are AUTOMATIC1111 1.10's; which schedules a sampler can follow was read from the
signatures of diffusers 0.42.1 (media.md 1a). What diffusers has not (DPM fast, DPM adaptive, Restart, HeunPP2) is
refused by name like any unknown one.
"""

from dataclasses import dataclass

from apps.images.grammar.errors import PromptError, ScheduleMismatch, UnknownSampler, UnknownSchedule

AUTOMATIC = "automatic"
UNIFORM = "uniform"
_PLAIN = (AUTOMATIC, UNIFORM)
_TRAILING = (*_PLAIN, "sgm_uniform")
_SIGMAS = (*_PLAIN, "karras", "exponential", "beta", "sgm_uniform")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A noise schedule; `aliases` are names that other programs write."""

    key: str
    label: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampler.

    `schedules` are the keys it can follow; `automatic` is the one that "Automatic" stands for; `needs` names the
    package without which it cannot run ("" for none); `aliases` are names that other programs write.
    """

    key: str
    label: str
    schedules: tuple[str, ...] = _SIGMAS
    automatic: str = UNIFORM
    needs: str = ""
    aliases: tuple[str, ...] = ()


SCHEDULES: dict[str, Schedule] = {
    schedule.key: schedule
    for schedule in (
        Schedule(AUTOMATIC, "Automatic"),
        Schedule(UNIFORM, "Uniform", ("normal",)),  # the scheduler without any flag; ComfyUI calls it "normal"
        Schedule("karras", "Karras", ("ka",)),  # as upstream's API shortens it: k_dpmpp_2m_ka
        Schedule("exponential", "Exponential", ("exp",)),
        Schedule("beta", "Beta"),
        Schedule("sgm_uniform", "SGM Uniform", ("SGMUniform", "trailing")),
    )
}

SAMPLERS: dict[str, Sampler] = {
    sampler.key: sampler
    for sampler in (
        Sampler("euler", "Euler", aliases=("k_euler",)),
        Sampler("euler_a", "Euler a", _TRAILING, aliases=("k_euler_a", "k_euler_ancestral", "euler_ancestral")),
        Sampler("heun", "Heun", aliases=("k_heun",)),
        Sampler("lms", "LMS", aliases=("k_lms",)),
        Sampler("dpm2", "DPM2", automatic="karras", aliases=("k_dpm_2", "dpm_2", "kdpm_2")),
        Sampler(
            "dpm2_a",
            "DPM2 a",
            automatic="karras",
            aliases=("k_dpm_2_a", "k_dpm_2_ancestral", "dpm_2_ancestral", "kdpm_2_a"),
        ),
        Sampler("dpmpp_2m", "DPM++ 2M", automatic="karras", aliases=("k_dpmpp_2m",)),
        Sampler(
            "dpmpp_2m_sde", "DPM++ 2M SDE", automatic="exponential", aliases=("k_dpmpp_2m_sde", "dpmpp_2m_sde_gpu")
        ),
        Sampler(
            "dpmpp_3m_sde", "DPM++ 3M SDE", automatic="exponential", aliases=("k_dpmpp_3m_sde", "dpmpp_3m_sde_gpu")
        ),
        Sampler(
            "dpmpp_sde",
            "DPM++ SDE",
            automatic="karras",
            needs="torchsde",
            aliases=("k_dpmpp_sde", "dpmpp_sde_gpu"),
        ),
        Sampler("deis", "DEIS"),
        Sampler("unipc", "UniPC", aliases=("uni_pc", "uni_pc_bh2")),
        Sampler("ddim", "DDIM", _TRAILING),
        Sampler("lcm", "LCM", _TRAILING),
        Sampler("tcd", "TCD", _TRAILING),
        Sampler("ipndm", "IPNDM", _PLAIN),
    )
}


def choose(sampler: str, schedule: str = "") -> tuple[Sampler, Schedule]:
    """Return the sampler and the schedule of these names: keys, labels, aliases, or old labels that glue both.

    "DPM++ 2M Karras" is ("DPM++ 2M", "Karras"); no schedule named is Automatic. Raises `UnknownSampler`,
    `UnknownSchedule`, or `ScheduleMismatch` where the sampler cannot follow the schedule or a glued label and
    `schedule` contradict each other.
    """
    named = find_schedule(schedule) if schedule.strip() else SCHEDULES[AUTOMATIC]
    found, glued = split_label(sampler)
    if glued is not None and named.key not in {AUTOMATIC, glued.key}:
        raise ScheduleMismatch(sampler=sampler.strip(), schedule=named.label, known=glued.label)
    chosen = glued or named
    if chosen.key not in found.schedules:
        known = ", ".join(SCHEDULES[key].label for key in found.schedules)
        raise ScheduleMismatch(sampler=found.label, schedule=chosen.label, known=known)
    return found, chosen


def resolve(sampler: Sampler, schedule: Schedule) -> Schedule:
    """Return the schedule itself; for Automatic the one that it stands for with this sampler."""
    return SCHEDULES[sampler.automatic] if schedule.key == AUTOMATIC else schedule


def find_schedule(name: str) -> Schedule:
    """Return the schedule of this key, label or alias, in any case of letters."""
    found = _SCHEDULES_BY_NAME.get(_fold(name))
    if found is None:
        known = ", ".join(schedule.label for schedule in SCHEDULES.values())
        raise UnknownSchedule(name=_shown(name), known=known)
    return found


def split_label(name: str) -> tuple[Sampler, Schedule | None]:
    """Return the sampler of this name and the schedule that is glued to it, if any."""
    folded = _fold(name)
    found = _SAMPLERS_BY_NAME.get(folded)
    if found is not None:
        return found, None
    for ending, schedule in _SCHEDULES_BY_NAME.items():
        for glue in (" ", "_"):
            head = folded.removesuffix(glue + ending)
            if head != folded and head in _SAMPLERS_BY_NAME:
                return _SAMPLERS_BY_NAME[head], schedule
    known = ", ".join(sampler.label for sampler in SAMPLERS.values())
    raise UnknownSampler(name=_shown(name), known=known)


def labels_of(sampler: str, schedule: str) -> tuple[str, str]:
    """Return our labels of names that another program wrote; those not known here stay, to be refused by name."""
    try:
        found, glued = split_label(sampler)
        named = find_schedule(schedule) if schedule else glued
    except PromptError:
        return sampler, schedule
    return found.label, named.label if named else ""


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()


def _shown(name: str) -> str:
    """Return as much of a stranger's name as a sentence can hold."""
    return name.strip()[:60]


_SCHEDULES_BY_NAME = {
    _fold(name): schedule
    for schedule in SCHEDULES.values()
    for name in (schedule.key, schedule.label, *schedule.aliases)
}
_SAMPLERS_BY_NAME = {
    _fold(name): sampler for sampler in SAMPLERS.values() for name in (sampler.key, sampler.label, *sampler.aliases)
}
