"""Boot the patched kernel and show what it does: kernel, initrd, machine, outcome."""
