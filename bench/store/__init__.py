"""Benchmarks and long fault tests of core/store: run by hand, figures in docs/store.md."""
