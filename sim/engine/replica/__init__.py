"""One replica: its batch, the leap over steps, who waits, and the prompts it remembers."""
