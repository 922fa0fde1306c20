"""Writing a company: the same bytes every time, whole or not at all, in bounded memory."""

import json
import tracemalloc
from pathlib import Path

import pytest

from opsbook.simulate import write_company


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_equal_arguments_give_equal_bytes(tmp_path):
    """Two companies of the same size and seed are the same files, byte for byte."""
    for name in ("one", "two"):
        write_company(tmp_path / name, users=600, seed=3, chunk_users=400)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_another_seed_gives_another_company(tmp_path):
    """The seed decides who signs up and what they do."""
    one, two = (write_company(tmp_path / str(seed), users=600, seed=seed) for seed in (1, 2))
    assert one["facts"] != two["facts"]


def test_survival_truth_belongs_to_the_world_not_to_the_sample(tmp_path):
    """Planted curves and hazard ratios are the same for every size and seed."""
    one, two = (write_company(tmp_path / str(users), users=users, seed=users) for users in (300, 600))
    assert one["survival"] == two["survival"]
    assert one["log_hazard_ratio"] == two["log_hazard_ratio"]


def test_an_interrupted_write_leaves_the_old_company_in_place(tmp_path):
    """The folder changes in one step at the end, so that nobody reads half a company."""
    write_company(tmp_path / "demo", users=300, seed=1)
    before = _bytes(tmp_path / "demo")

    def stop(done: int, users: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_company(tmp_path / "demo", users=300, seed=2, progress=stop)
    assert _bytes(tmp_path / "demo") == before


def test_a_company_replaces_the_one_before_it(tmp_path):
    """No file of the earlier company stays behind."""
    write_company(tmp_path / "demo", users=300, seed=1)
    (tmp_path / "demo" / "events" / "1999-01.parquet").write_bytes(b"old")
    truth = write_company(tmp_path / "demo", users=300, seed=2)
    assert not (tmp_path / "demo" / "events" / "1999-01.parquet").exists()
    assert json.loads((tmp_path / "demo" / "truth.json").read_text(encoding="utf-8")) == truth
    assert [folder.name for folder in tmp_path.iterdir()] == ["demo"]


def test_progress_ends_with_every_user(tmp_path):
    """Progress is told after each chunk and once more when all is written."""
    told = []
    write_company(tmp_path / "demo", users=1000, seed=1, chunk_users=400, progress=lambda *done: told.append(done))
    assert told == [(400, 1000), (800, 1000), (994, 1000), (1000, 1000)]


def test_chunks_do_not_change_who_signs_up_when(tmp_path):
    """The number of users per month is drawn once for the whole company, whatever the size of a chunk."""
    facts = [
        write_company(tmp_path / str(size), users=1000, seed=4, chunk_users=size)["facts"]["signups"]
        for size in (300, 1000)
    ]
    assert facts[0] == facts[1]


def test_memory_depends_on_the_chunk_not_on_the_company(tmp_path):
    """Four times the users in chunks of the same size need about the same memory."""
    write_company(tmp_path / "warm", users=100, seed=1)
    peaks = []
    for users in (1000, 4000):
        tracemalloc.start()
        write_company(tmp_path / "demo", users=users, seed=1, chunk_users=500)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
