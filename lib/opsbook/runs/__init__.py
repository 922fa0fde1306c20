"""The runner: the only place that writes, and the only one that looks at a clock."""

from opsbook.runs import grammar_stub

grammar_stub.install()
