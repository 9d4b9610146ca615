"""PostHog in IPython and Jupyter: the only room that knows either."""
