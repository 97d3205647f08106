"""The reader of C: tokens, the grammar, functions, #if, what a line declares, calls and uses. No compiler is run."""
