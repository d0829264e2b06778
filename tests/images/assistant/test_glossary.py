"""The English of a theme's Chinese words, and what is made of it."""

import pytest

from apps.images.assistant.asking import prompt_of
from apps.images.assistant.craft import Draft, Meant, written
from apps.images.assistant.glossary import glossed, meaning, meant_by
from apps.runtimes.fake import FakeChat

DRAFT = {"material": ["fur"], "detail": ["snow"], "quality": ["sharp"], "style": ["photo"], "light": ["dusk"]}


@pytest.mark.parametrize(
    ("theme", "english"),
    [
        ("一只戴眼镜的猫头鹰", "owl, spectacles"),
        ("雪山下的湖", "lake, snow-capped mountain"),
        ("竹林裡的熊貓", "panda, bamboo forest"),
        ("骑马的宇航员", "astronaut, ride a horse"),
        ("秋天的长城", "the Great Wall, autumn"),
        ("一条龙在云中飞", "dragon, cloud, fly"),
    ],
)
def test_a_chinese_theme_comes_with_its_english(theme: str, english: str) -> None:
    assert glossed(theme) == f"{english} ({theme})"


@pytest.mark.parametrize("theme", ["an owl with glasses", "une forêt", "ふくろう", "", "𠀀𠀁", "！？"])
def test_other_themes_stay_as_they_are(theme: str) -> None:
    assert glossed(theme) == theme


def test_a_long_passage_gets_the_words_of_its_beginning_alone() -> None:
    english = glossed(
        "狐狸坐在灯塔门前，看着帆船。"
        + "猫、狗、牛、马、羊、鸡、鸭、鱼、猪、虎、龙、蛇、兔、象、熊、狼、鹰、鹅、虾、蟹、茶、米、桃、梨、松、竹。"
    ).partition(" (")[0]

    assert english.startswith("fox, sit")
    assert len(english.split(", ")) == 24


def test_a_word_means_what_it_does_today() -> None:
    assert meaning("云") == "cloud"  # once "to say"
    assert meaning("鸟") == "bird"  # and not what it stands for as a variant of another word
    assert meaning("猫头鹰") == "owl"
    assert meaning("没有这个词吧") == ""


def test_the_model_reads_the_english_beside_the_theme() -> None:
    prompt = prompt_of(FakeChat(), "竹林里的熊猫")

    assert "panda, bamboo forest (竹林里的熊猫)" in prompt
    assert "a castle in the mountains" in prompt


def test_what_a_theme_is_about_is_known_behind_de_alone() -> None:
    assert meant_by("一只戴眼镜的猫头鹰").subject == ("owl",)
    assert "sunset" in meant_by("海边的日落").subject
    assert meant_by("老人在公园下棋") == Meant()
    assert meant_by("红色的花。白色的船。") == Meant()


def test_a_subject_that_a_model_lost_comes_first_and_what_has_nothing_to_do_with_it_goes() -> None:
    meant = Meant(("owl",), ("owl", "wear", "spectacles"))
    lost = written(Draft(DRAFT | {"subject": ["(a cat with a hat:1.2)", "spectacles"]}), meant=meant)
    kept = written(Draft(DRAFT | {"subject": ["a white owl", "a cat"]}), meant=meant)

    assert lost is not None
    assert lost.prompt.startswith("(owl:1.2), spectacles, fur")
    assert "cat" not in lost.prompt
    assert kept is not None
    assert kept.prompt.startswith("a white owl, a cat, fur")
