"""Benchmarks: the mart and every analysis beside plain pandas doing the same work in the same run."""
