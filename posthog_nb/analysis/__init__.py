"""PostHog's insights from a notebook: each writes HogQL, runs it, and gives a frame with its picture."""
