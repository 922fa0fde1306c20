"""Every catalogue file in the package, whoever wrote it."""

import re
from importlib import resources

import pytest

from opsbook.inputs.stage_presets import PRESETS
from opsbook.page import words

FILES = sorted(file.name for file in (resources.files("opsbook.page") / "catalogue").iterdir())
AREAS = sorted({name.split(".")[0] for name in FILES if name.endswith(".yaml")})
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def entries(area: str, language: str) -> dict[str, words.Entry]:
    return {key: entry for key, entry in words.catalogue(language).items() if key.startswith(f"{area}.")}


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_have_the_same_keys(area):
    """A sentence that exists in one language exists in the other."""
    assert entries(area, "en").keys() == entries(area, "zh").keys()


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_use_the_same_fields(area):
    """A number that is told in one language is told in the other."""
    en, zh = entries(area, "en"), entries(area, "zh")
    different = {key: (set(en[key].fields), set(zh[key].fields)) for key in en if en[key].fields != zh[key].fields}
    assert not different


@pytest.mark.parametrize("area", AREAS)
def test_english_has_no_chinese_character(area):
    """The English catalogue is English."""
    found = {key for key, entry in entries(area, "en").items() for text in texts(entry) if CHINESE.search(text)}
    assert not found


@pytest.mark.parametrize("area", AREAS)
def test_no_text_holds_markup(area):
    """Texts are words: no HTML and no Markdown, since they are printed escaped."""
    found = {
        key
        for language in words.LANGUAGES
        for key, entry in entries(area, language).items()
        for text in texts(entry)
        if re.search(r"</?[a-z]+>|\*\*|&[a-z]+;", text)
    }
    assert not found


def texts(entry: words.Entry) -> list[str]:
    return [text for pieces in entry.forms.values() for text, _, _ in pieces]


DEVELOPER = re.compile(
    r"workbook\.yaml|\bexports\b|lifelines|k-means|\bhash|哈希|文件夹|目录（|\bfolder\b|opsbook |工作簿中"
)
APPENDIX = re.compile(r"\.(definition|passport|method|methods|workbook)\.|^runs\.|^common\.|^page\.")


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_readers_are_not_talked_to_like_developers(language):
    """Files, folders, packages and settings stand in the appendix and the passports, never in what a reader meets."""
    known = words.catalogue(language).items()
    found = {key for key, entry in known if not APPENDIX.search(key) and any(map(DEVELOPER.search, texts(entry)))}
    assert found == set()


def test_every_preset_of_stages_has_a_name():
    """Rules that come with the library are told by what kind of product they suit."""
    wanted = {f"lifecycle.preset.{name}" for name in PRESETS}
    assert wanted <= words.catalogue("en").keys() & words.catalogue("zh").keys()
