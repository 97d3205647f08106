"""Every night: one instance, one run over everything, a word only about what changed, and bounded disk use."""
