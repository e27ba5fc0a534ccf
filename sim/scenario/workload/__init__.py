"""The keys of workloads, and what they compile to."""
