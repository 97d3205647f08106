"""kbuild driver: configuration, baseline, objects, diagnostics, sandbox."""
