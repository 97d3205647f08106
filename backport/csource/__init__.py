"""Looking at C source as text: tokens, functions, without a compiler."""
