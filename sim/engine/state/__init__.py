"""Records, statuses and structures of the kernel, and how it is compiled."""
