"""What happens at an instant: the loop, arrivals, segments of steps, verbs of the control plane."""
