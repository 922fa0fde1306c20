"""The warm engine is the plain engine without the wait: same bytes, same isolation, nothing shared."""

BODIES = (
    "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\n"
    "display(plt.gcf(), metadata={'image/png': {'alt': 'a line'}}); plt.close()",
    "import pandas as pd, numpy as np, sys, os\npd.DataFrame({'渠道': ['自然'], 'users': [1]})",
    "print(sys.argv[0], __name__, os.environ.get('MPLBACKEND'), os.getcwd() in sys.path)",
    "import warnings; warnings.warn('look')",
    "print(sorted({'b', 'a', 'c'}), {'b', 'a', 'c'}, hash('x'))",
    "import signal; print(signal.getsignal(signal.SIGTERM), os.environ['OMP_NUM_THREADS'])",
    "pd.options.display.max_rows = 3; np.seterr(all='raise'); print(open('data.txt').read())",
    "import duckdb, ibis\nprint(duckdb.sql('select sum(range) from range(5)').fetchall())\n"
    "print(ibis.memtable(pd.DataFrame({'n': [1, 2]})).n.sum().execute())",
    "pd.DataFrame({'n': [1]}).to_parquet('t.parquet'); print(pd.read_parquet('t.parquet').n.sum())",
    "import random; open(f'drawn-{period}', 'w').write(f'{random.random()} {np.random.random()}');",
    "open(f'loaded-{period}', 'w').write(str('opsbook.runs.preload' in sys.modules));",
)
COMPARED = ("report.html", "notebook.ipynb", "results.json")


def made(checkout, engine):
    """Bytes of what the engine makes of both runs, and what their notebooks wrote to other files."""
    code, out, err = checkout.command("run", "--force", "--engine", engine)
    assert (code, err) == (0, ""), out
    files = [path for path in (checkout.home / "outputs").rglob("*") if path.name in COMPARED]
    written = {path.name: path.read_text(encoding="utf-8") for path in checkout.home.glob("*-2026*")}
    return {str(path): path.read_bytes() for path in files}, written


def test_warm_and_plain_reports_are_equal_byte_for_byte_and_share_nothing(checkout):
    """Figures, tables, warnings, paths, hashes and signals look the same from inside; random numbers do not."""
    checkout.notebook(*BODIES)
    warm, written = made(checkout, "warm")
    assert written["loaded-2026-10"] == "True"
    assert len({*written["drawn-2026-10"].split(), *written["drawn-2026-W43"].split()}) == 4
    plain, written = made(checkout, "plain")
    assert written["loaded-2026-10"] == "False"
    assert warm == plain
    assert len(warm) == 6
    assert all(b"image/png" in content for name, content in warm.items() if name.endswith("notebook.ipynb"))
