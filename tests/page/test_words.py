import pickle
from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.errors import OperatorError
from opsbook.page import words
from opsbook.page.words import Sentence


def test_a_sentence_fills_its_catalogue_text():
    """The text of the key with its fields formatted by their specs."""
    assert str(Sentence("demo.actives.up", n=12345)) == "Actives rose to 12,345."


def test_a_sentence_speaks_the_current_language():
    """After `use`, str() is in that language; `text` can always be asked for another."""
    said = Sentence("common.not_enough", n=7)
    words.use("zh")
    assert str(said) == "样本太少，无法判断（n = 7）。"
    assert said.text("en") == "Too few data to tell (n = 7)."


def test_an_unknown_key_names_the_nearest():
    """A misspelt key is refused at once with a suggestion."""
    with pytest.raises(OperatorError, match=r"demo\.actives\.upp[\s\S]*did you mean demo\.actives\.up"):
        Sentence("demo.actives.upp", n=1)


def test_a_missing_field_is_named():
    """A sentence without a value for one of its fields is refused at once."""
    with pytest.raises(OperatorError, match=r"demo\.actives\.up` needs n"):
        Sentence("demo.actives.up", m=1)


def test_sentences_with_equal_keys_and_values_are_equal():
    """Equality and hash go by key and raw values, numpy or not."""
    one, other = Sentence("demo.actives.up", n=np.int64(5)), Sentence("demo.actives.up", n=5)
    assert one == other
    assert len({one, other}) == 1
    assert one != Sentence("demo.actives.down", n=5)


def test_a_sentence_does_not_change():
    """Neither its key nor its values can be set."""
    said = Sentence("demo.actives.up", n=5)
    with pytest.raises(AttributeError):
        said.key = "demo.actives.down"
    with pytest.raises(TypeError):
        said.values["n"] = 6


def test_values_are_plain_python():
    """Timestamps become dates, missing values None, lists tuples; nan equals nan."""
    said = Sentence("demo.text", text="", day=pd.Timestamp("2026-10-01"), gap=float("nan"), names=["a", "b"])
    assert dict(said.values) == {"text": "", "day": date(2026, 10, 1), "gap": None, "names": ("a", "b")}


def test_a_sentence_may_hold_sentences():
    """A field that is a sentence is told in the language of the whole."""
    said = Sentence("demo.text", text=Sentence("common.state.new"))
    assert (said.text("en"), said.text("zh")) == ("new", "新增")


def test_a_sentence_survives_a_worker_process():
    """Pickling keeps key and values."""
    said = Sentence("demo.actives.up", n=5)
    assert pickle.loads(pickle.dumps(said)) == said


def test_a_plural_entry_chooses_by_its_number():
    """`one` for one, `other` else; Chinese has no plural."""
    entry = words._entry("demo.p", {"one": "{n:count} user", "other": "{n:count} users", "by": "n"}, "demo")
    assert [entry.fill({"n": n}, "en") for n in (0, 1, 2)] == ["0 users", "1 user", "2 users"]
    assert entry.fields == {"n"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{n:cuont}", "unknown spec"), ("{n", "unbalanced"), ({"one": "x", "by": "n"}, "needs `other`")],
)
def test_a_broken_entry_is_refused_with_its_file(content, problem):
    """A translator's slip is an error that names key and file."""
    with pytest.raises(OperatorError, match=rf"{problem}[\s\S]*demo\.en\.yaml"):
        words._entry("demo.p", content, "demo.en.yaml")


def test_a_key_belongs_to_its_area():
    """A key of another area, or a second one of the same name, is refused."""
    with pytest.raises(OperatorError, match="does not start with `demo"):
        words._add({}, [("other.key", "x")], "demo.en.yaml")
    with pytest.raises(OperatorError, match="stands twice"):
        words._add({}, [("demo.key", "x"), ("demo.key", "y")], "demo.en.yaml")


def test_words_that_yaml_reads_as_truth_stay_words():
    """`no` and `on` as keys or texts are text."""
    assert words._lines("demo.no: no\ndemo.on: on", "demo.en.yaml") == [("demo.no", "no"), ("demo.on", "on")]


def test_an_unknown_language_is_refused():
    """Only en and zh exist."""
    with pytest.raises(OperatorError, match="use en or zh"):
        words.use("fr")


LABELS = {"ads": {"en": "paid ads", "zh": "广告投放"}, "city_tier": {"zh": "城市等级"}}


def test_the_company_labels_its_names():
    """A channel inside a sentence or a list reads as the workbook labels it, per language; others stay as they are."""
    words.use("zh", labels=LABELS)
    said = Sentence("demo.text", text="ads")
    assert said.text() == "广告投放"
    assert said.text("en") == "paid ads"
    assert Sentence("demo.text", text=["ads", "seo"]).text() == "广告投放和 seo"
    assert said.values["text"] == "ads"
    assert words.named("seo") == "seo"


def test_a_column_without_a_label_has_blanks():
    """Names of columns are readable with or without a label."""
    words.use("en", labels=LABELS)
    assert words.readable("city_tier") == "city_tier".replace("_", " ")
    assert words.readable("ads") == "paid ads"
    words.use("zh", labels=LABELS)
    assert words.readable("city_tier") == "城市等级"
