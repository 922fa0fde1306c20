"""A company whose true numbers we chose: raw tables with dirt, and `truth.json` with what an analysis should find."""

from opsbook.simulate.company import write_company

__all__ = ["write_company"]
