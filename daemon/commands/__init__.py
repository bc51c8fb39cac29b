"""The commands of `backline`, one noun a module; each imports what it needs when it runs."""
