"""What people read: the table on the terminal, the progress bar."""
