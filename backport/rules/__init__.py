"""API drifts as data: one file a drift, with its origin, probe, rewrite, note and worked examples."""
