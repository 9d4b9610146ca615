"""From a capture request to stored events, persons, groups and definitions, as PostHog does it."""
