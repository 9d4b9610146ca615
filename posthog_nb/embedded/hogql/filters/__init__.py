"""Property filters, and what is made of them: the ``{filters}`` of a query, actions, cohorts, as HogQL conditions."""
