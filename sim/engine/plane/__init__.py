"""The data plane as Python sees it: set up, fed with requests, grown, and asked."""
