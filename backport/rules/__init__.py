"""API drift as data: one YAML file per drift, loaded by backport.rules.load."""
