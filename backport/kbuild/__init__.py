"""Builds before and after a patch: configuration, baseline, objects, diagnostics, sandbox."""
